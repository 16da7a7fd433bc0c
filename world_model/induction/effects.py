"""Effects in references: which transitions show the same effect, whatever the objects are called.

A transition's change is split into parts that share no object (what happens to the door from what happens to the
agent), and each part is written as assignments to references. Of several ways to write a value (the colour red, or
the colour of the thing held) the one is chosen that explains most transitions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from worldwright.world_model.induction.references import Frame, Ref, References
from worldwright.world_model.state import Change, Fluent, Value
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import Vocabulary

_MAX_WAYS = 12
_MAX_PARTS = 8

Term = Ref | str  # a reference or a constant


@dataclass(frozen=True)
class Assignment:
    """The fluent `head(keys)` takes the value `new`; `old` is the constant that it must have had, if that matters.

    `new` is None where an atom of a relation becomes false, or the fluent loses its value.
    """

    head: str
    keys: tuple[Ref, ...]
    old: str | None
    new: Term | None

    @property
    def target(self) -> Ref:
        """The fluent as a reference."""
        return Ref(self.head, self.keys)

    def sort_key(self) -> tuple[str, ...]:
        """A total order that does not depend on hashes."""
        return (self.head, *map(str, self.keys), str(self.old), str(self.new))


EffectPattern = tuple[Assignment, ...]


def refs_of(pattern: EffectPattern) -> list[Ref]:
    """Every reference that the pattern mentions, parts first."""
    found: dict[Ref, None] = {}
    for assignment in pattern:
        terms = [*assignment.keys, *([assignment.new] if isinstance(assignment.new, Ref) else [])]
        for term in terms:
            found.update(dict.fromkeys(term.parts()))
    return list(found)


def split(change: Change, transition: Transition) -> list[Change]:
    """The parts of a change that share no object (constants apart)."""
    constants = transition.before.universe.vocabulary.constant_types
    groups: list[tuple[set[str], Change]] = []
    for fluent, value in sorted(change.items(), key=lambda item: item[0]):
        mentioned = {*fluent[1:], str(value), str(transition.before.value(fluent))}
        objects = {name for name in mentioned if name in transition.before.universe.types and name not in constants}
        touching = [group for group in groups if group[0] & objects]
        merged: Change = {fluent: value}
        for group in touching:
            objects |= group[0]
            merged = {**group[1], **merged}
            groups.remove(group)
        groups.append((objects, merged))
    return [part for _, part in groups[:_MAX_PARTS]]


class EffectReader:
    """Writes the changes of one action's transitions as effect patterns."""

    def __init__(self, vocabulary: Vocabulary, references: References) -> None:
        self._vocabulary = vocabulary
        self._references = references

    def ways(self, transition: Transition, frame: Frame) -> list[list[EffectPattern]]:
        """For each part of the transition's change all ways to write it; none for a part that cannot be written."""
        change = transition.change()
        if not change:
            return []
        names = self._references.names(frame)
        return [self._part_ways(part, transition, names) for part in split(change, transition)]

    def _part_ways(self, part: Change, transition: Transition, names: dict[str, Ref]) -> list[EffectPattern]:
        choices = [self._assignments(fluent, value, transition, names) for fluent, value in part.items()]
        ways = []
        for combination in product(*choices):
            ways.append(tuple(sorted(combination, key=Assignment.sort_key)))
            if len(ways) == _MAX_WAYS:
                break
        return ways

    def _assignments(
        self, fluent: Fluent, value: Value | None, transition: Transition, names: dict[str, Ref]
    ) -> list[Assignment]:
        keys = [names.get(name) for name in fluent[1:]]
        found = tuple(key for key in keys if key is not None)
        if len(found) < len(keys) or (isinstance(value, int) and value is not True):
            return []
        if not self._vocabulary.is_functional(fluent[0]):
            return [Assignment(fluent[0], found, None, "true" if value is True else None)]
        predicate = self._vocabulary.predicate(fluent[0])
        old = self._old(str(transition.before.value(fluent)), predicate.types[-1])
        if value is None:
            return [Assignment(fluent[0], found, old, None)]
        target = Ref(fluent[0], found)
        return [Assignment(fluent[0], found, old, term) for term in self._terms(str(value), target, names)]

    def _old(self, value: str, type_: str) -> str | None:
        constant = value in self._vocabulary.constant_types
        return value if constant and type_ not in self._vocabulary.nominal else None

    def _terms(self, value: str, target: Ref, names: dict[str, Ref]) -> list[Term]:
        """Names of a value: of an object its reference, of a constant itself and the references that pick it out."""
        type_ = self._vocabulary.constant_types.get(value)
        ref = names.get(value)
        refs: list[Term] = [ref] if ref is not None and ref != target else []
        if type_ is None:
            return refs
        return [*refs, value] if type_ in self._vocabulary.nominal else [value, *refs]


Parts = list[list[EffectPattern]]  # of a transition's change, each with the ways to write it


def completed(ways: Sequence[Parts], entries: Sequence[tuple[Transition, Frame]]) -> list[Parts]:
    """The ways to write changes, with those that say besides what was so already.

    What is heated is not cool any more, even if it never was: a pattern that says so may stand for one that does not,
    if it can wherever that one is seen.
    """
    known = {pattern: frozenset(pattern) for parts in ways for options in parts for pattern in options}
    fuller = {less: [more for more, all_ in known.items() if own < all_] for less, own in known.items()}
    for parts, entry in zip(ways, entries, strict=True):
        for pattern in (pattern for options in parts for pattern in options if fuller[pattern]):
            fuller[pattern] = [
                more
                for more in fuller[pattern]
                if all(_was_so(assignment, *entry) for assignment in known[more] - known[pattern])
            ]
    return [
        [[*options, *dict.fromkeys(more for less in options for more in fuller[less])] for options in parts]
        for parts in ways
    ]


def _was_so(assignment: Assignment, transition: Transition, frame: Frame) -> bool:
    """Whether a relation had the value that is assigned, for certain, all along."""
    if isinstance(assignment.new, Ref) or assignment.new not in (None, "true") or assignment.old is not None:
        return False
    names = [frame.resolve(key) for key in assignment.keys]
    if None in names:
        return False
    fluent = (assignment.head, *map(str, names))
    value = True if assignment.new else None
    same = transition.before.value(fluent) is value and transition.after.value(fluent) is value
    return same and transition.is_observed(fluent)


def choose_ways(ways: Sequence[list[list[EffectPattern]]]) -> list[list[EffectPattern]]:
    """For each transition one pattern per part, such that few patterns explain many transitions (greedy cover)."""
    chosen: list[list[EffectPattern]] = [[] for _ in ways]
    waiting = [(index, options) for index, parts in enumerate(ways) for options in parts if options]
    while waiting:
        counts = Counter(option for _, options in waiting for option in options)
        best = max(counts, key=lambda option: (counts[option], -_rank(option, waiting)))
        for index, options in waiting:
            if best in options:
                chosen[index].append(best)
        waiting = [(index, options) for index, options in waiting if best not in options]
    return chosen


def _rank(option: EffectPattern, waiting: Sequence[tuple[int, list[EffectPattern]]]) -> int:
    """How far down its lists an option stands: ways are listed best first."""
    return sum(options.index(option) for _, options in waiting if option in options)
