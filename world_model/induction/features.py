"""Features: the literals that tell the contexts of an action apart, over a set of references.

A feature is true, false or unknown in a transition's before-state; only what is known true counts as true.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
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
        around: those of them that only lie around: of these is also said what they are not.
    """

    def __init__(self, references: References, refs: Sequence[Ref], around: Collection[Ref] = ()) -> None:
        self._references = references
        vocabulary = references.vocabulary
        self.refs = list(refs)
        self.features: list[Feature] = []
        self._index: dict[Feature, int] = {}
        self._values = [ref for ref in refs if references.is_value(ref)]
        self._objects = [ref for ref in refs if not references.is_value(ref)]
        self._denied = [(ref, self._kinds(ref)) for ref in self._values if ref in around and ref.keys]
        self._pairs = [
            (left, right)
            for left, right in combinations(self._values, 2)
            if references.type_of(left) == references.type_of(right) and left.head == right.head
        ]
        self._same = [
            (left, right)
            for left, right in combinations(self._objects, 2)
            if left.is_argument and references.comparable(left, right)
        ]
        self._relations = [p for p in vocabulary.predicates if not p.functional and not p.static and len(p.types) <= 1]
        self._counters = [c for c in vocabulary.counters if not c.types]
        self._unit = {c.type: c.name for c in vocabulary.constants if not references.is_value_type(c.type)}

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
        for feature in self._true(frame, state):
            found |= self.bit(feature)
        return found

    def _true(self, frame: Frame, state: Readable) -> Iterator[Feature]:
        for ref in self._values:
            value = frame.resolve(ref)
            if value is not None:
                yield Feature(Form.IS, ref, value)
        for ref, kinds in self._denied:
            if frame.resolve(ref.keys[-1]) is not None:
                value = frame.resolve(ref)
                yield from (Feature(Form.NOT, ref, kind) for kind in kinds if kind != value)
        for ref in self._objects:
            yield from self._about_object(ref, frame)
        for left, right in (*self._pairs, *self._same):
            one, two = frame.resolve(left), frame.resolve(right)
            if one is not None and two is not None:
                yield Feature(Form.SAME if one == two else Form.DIFFERENT, left, other=right)
        yield from self._relational(frame, state)
        for counter in self._counters:
            for number in range(counter.low + 1, int(state.value((counter.name,)) or 0) + 1):
                yield Feature(Form.AT_LEAST, Ref(counter.name), number=number)

    def _about_object(self, ref: Ref, frame: Frame) -> Iterator[Feature]:
        unit = self._unit.get(self._references.type_of(ref))
        name = frame.resolve(ref)
        if unit is not None and name is not None:
            yield Feature(Form.IS if name == unit else Form.SOME, ref, unit)

    def _relational(self, frame: Frame, state: Readable) -> Iterator[Feature]:
        for predicate in self._relations:
            if not predicate.types:
                holds = state.value((predicate.name,)) is not None
                yield Feature(Form.TRUE if holds else Form.FALSE, Ref(predicate.name))
                continue
            for ref in self._objects:
                name = frame.resolve(ref)
                if name is not None and self._references.fits(ref, predicate.types[0]):
                    holds = state.value((predicate.name, name)) is not None
                    yield Feature(Form.TRUE if holds else Form.FALSE, Ref(predicate.name, (ref,)))
