"""Features: the literals that tell the contexts of an action apart, over a set of references.

A feature is true, false or unknown in a transition's before-state; only what is known true counts as true.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import combinations

from worldwright.world_model.induction.references import Frame, Readable, Ref, References


class Form(IntEnum):
    """The forms of features; the order is that of preference among equals."""

    IS = 0  # the reference picks out this constant
    SOME = 1  # it picks out something else than this constant
    SAME = 2  # two references pick out the same value
    DIFFERENT = 3  # two references pick out different values
    TRUE = 4  # the atom of a relation holds
    FALSE = 5
    AT_LEAST = 6  # the counter is at least so high
    NOT = 7  # it does not pick out this constant, but another one, or none as what it speaks of has no such attribute


_Answers = dict[str | bool | None, int]  # what a reference may pick out, or whether something holds, to its bits


@dataclass(frozen=True, order=True)
class Feature:
    """One literal over references."""

    form: Form
    ref: Ref
    value: str = ""
    other: Ref | None = None
    number: int = 0

    def refs(self) -> tuple[Ref, ...]:
        """The references it mentions."""
        return (self.ref,) if self.other is None else (self.ref, self.other)

    def sort_key(self) -> tuple[str, ...]:
        """A total order that does not depend on hashes."""
        return (str(int(self.form)), str(self.ref), self.value, str(self.other), str(self.number))


class FeatureSpace:
    """All features over some references, as bits of a number that grows as constants are met.

    Args:
        references: the references that the vocabulary allows.
        refs: those to speak of.
        around: those of them that only lie around; of these, and of arguments, is also said what they are not.
        related: those of them of which it is said what relations hold of them; None: all.
    """

    def __init__(
        self,
        references: References,
        refs: Sequence[Ref],
        around: Collection[Ref] = (),
        related: Collection[Ref] | None = None,
    ) -> None:
        self._references = references
        vocabulary = references.vocabulary
        self.refs = list(refs)
        self.features: list[Feature] = []
        self._index: dict[Feature, int] = {}
        # What is asked of every state, each with the bits of the answers met so far.
        values = [ref for ref in refs if references.is_value(ref)]
        objects = [ref for ref in refs if not references.is_value(ref)]
        unit = {c.type: c.name for c in vocabulary.constants if not references.is_value_type(c.type)}
        self._values: list[tuple[Ref, _Answers]] = [(ref, {}) for ref in values]
        self._denied: list[tuple[Ref, list[str], _Answers]] = [
            (ref, self._kinds(ref), {})
            for ref in values
            if ref.keys and (ref in around or any(key.is_argument for key in ref.keys))
        ]
        self._objects: list[tuple[Ref, str, _Answers]] = [
            (ref, unit[references.type_of(ref)], {}) for ref in objects if references.type_of(ref) in unit
        ]
        self._pairs: list[tuple[Ref, Ref, _Answers]] = [
            (left, right, {})
            for left, right in combinations(values, 2)
            if references.type_of(left) == references.type_of(right) and left.head == right.head
        ]
        self._pairs += [
            (left, right, {})
            for left, right in combinations(objects, 2)
            if (left.is_argument or _is_own_beside_argument(left, right)) and references.comparable(left, right)
        ]
        told = objects if related is None else [ref for ref in objects if ref in related]
        self._relations: list[tuple[str, Ref | None, _Answers]] = [
            (predicate.name, ref, {})
            for predicate in vocabulary.predicates
            if not predicate.functional and not predicate.static and len(predicate.types) <= 1
            for ref in (
                [ref for ref in told if references.fits(ref, predicate.types[0])] if predicate.types else [None]
            )
        ]
        self._counters = [c for c in vocabulary.counters if not c.types]

    def _kinds(self, ref: Ref) -> list[str]:
        """The constants that a reference may pick out, unless they are mere names."""
        vocabulary = self._references.vocabulary
        if self._references.type_of(ref) in vocabulary.nominal:
            return []
        return [c.name for c in vocabulary.constants if vocabulary.is_a(c.type, self._references.type_of(ref))]

    def bit(self, feature: Feature) -> int:
        """The bit that stands for a feature."""
        index = self._index.get(feature)
        if index is None:
            index = self._index[feature] = len(self.features)
            self.features.append(feature)
        return 1 << index

    def unpack(self, bits: int) -> list[Feature]:
        """The features whose bits are set, in the order in which they were first met."""
        return [feature for index, feature in enumerate(self.features) if bits >> index & 1]

    def bits(self, frame: Frame, state: Readable) -> int:
        """The features that are known to be true."""
        found = 0
        for ref, answers in self._values:
            value = frame.resolve(ref)
            if value is not None:
                found |= answers.get(value) or self._new(answers, value, Feature(Form.IS, ref, value))
        found |= self._not(frame)
        for ref, unit, answers in self._objects:
            name = frame.resolve(ref)
            if name is not None:
                is_unit = name == unit
                form = Form.IS if is_unit else Form.SOME
                found |= answers.get(is_unit) or self._new(answers, is_unit, Feature(form, ref, unit))
        for left, right, answers in self._pairs:
            one, two = frame.resolve(left), frame.resolve(right)
            if one is not None and two is not None:
                same = one == two
                form = Form.SAME if same else Form.DIFFERENT
                found |= answers.get(same) or self._new(answers, same, Feature(form, left, other=right))
        return found | self._relational(frame, state) | self._counted(state)

    def _new(self, answers: _Answers, answer: str | bool | None, *features: Feature) -> int:
        """The bits of an answer that is met for the first time."""
        answers[answer] = bits = sum(self.bit(feature) for feature in features)
        return bits

    def _not(self, frame: Frame) -> int:
        found = 0
        for ref, kinds, answers in self._denied:
            if frame.resolve(ref.keys[-1]) is not None:
                value = frame.resolve(ref)
                known = answers.get(value)
                if known is None:
                    known = self._new(
                        answers, value, *(Feature(Form.NOT, ref, kind) for kind in kinds if kind != value)
                    )
                found |= known
        return found

    def _relational(self, frame: Frame, state: Readable) -> int:
        found = 0
        for predicate, ref, answers in self._relations:
            name = None if ref is None else frame.resolve(ref)
            if ref is None or name is not None:
                holds = state.value((predicate,) if name is None else (predicate, name)) is not None
                form = Form.TRUE if holds else Form.FALSE
                found |= answers.get(holds) or self._new(answers, holds, Feature(form, _atom(predicate, ref)))
        return found

    def _counted(self, state: Readable) -> int:
        found = 0
        for counter in self._counters:
            for number in range(counter.low + 1, int(state.value((counter.name,)) or 0) + 1):
                found |= self.bit(Feature(Form.AT_LEAST, Ref(counter.name), number=number))
        return found


def _is_own_beside_argument(left: Ref, right: Ref) -> bool:
    """Whether one is the agent's own and the other is said of an argument: the place where an item is."""
    return not left.keys and any(key.is_argument for key in right.keys)


def _atom(predicate: str, ref: Ref | None) -> Ref:
    return Ref(predicate) if ref is None else Ref(predicate, (ref,))
