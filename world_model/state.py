"""States: what holds at one moment, as an immutable assignment of values to fluents.

A fluent is a tuple: a predicate or counter with its arguments, without the value where the predicate is
functional. `("color", "ball1")` has the value `"red"`, `("burning", "lamp1")` has `True`, `("count", "wood")`
has `3`. A state is therefore a set of ground atoms and bounded counters, and a multi-valued assignment as in
SAS+, at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, Protocol

from worldwright.world_model.errors import SyntaxProblem, VocabularyProblem
from worldwright.world_model.sexpr import SExpr, parse_one
from worldwright.world_model.vocabulary import Vocabulary

Fluent = tuple[str, ...]
Value = str | int  # True for an atom of a relation, a name for a functional one, a number for a counter
Assignment = Mapping[Fluent, Value]
Change = dict[Fluent, Value | None]  # None: the fluent has no value any more


class GroundAtom(NamedTuple):
    """A predicate applied to objects. `str()` is PDDL and `parse_atom` reads it back."""

    predicate: str
    args: tuple[str, ...]

    def __str__(self) -> str:
        return f"({' '.join((self.predicate, *self.args))})"


def parse_atom(text: str) -> GroundAtom:
    """The atom that `text` shows, for example `(on c0_0 ball1)`; raises `SyntaxProblem`."""
    return atom_of(parse_one(text))


def atom_of(expression: SExpr) -> GroundAtom:
    """The ground atom that an expression is; raises `SyntaxProblem`."""
    if isinstance(expression, str) or not expression or not all(isinstance(part, str) for part in expression):
        raise SyntaxProblem(f"{expression!r} is not an atom")
    names = [str(part) for part in expression]
    return GroundAtom(names[0], tuple(names[1:]))


class Universe:
    """The objects that are known so far and the facts about them that never change. It only grows.

    One universe is shared by all states of an episode: a state names what changes, its universe the rest.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.types: dict[str, str] = {}
        self.facts: dict[Fluent, Value] = {}
        self._of_type: dict[str, list[str]] = {}
        self._by_predicate: dict[str, list[Fluent]] = {}
        self._by_term: dict[str, tuple[dict[tuple[int, str], list[Fluent]], int]] = {}  # and how many are in it
        for type_, constants in groupby(vocabulary.constant_types.items(), itemgetter(1)):
            self.add_objects([name for name, _ in constants], type_)
        for fact in vocabulary.facts:
            self.add_fact(fact)

    def add_object(self, name: str, type_: str) -> None:
        """Make `name` known; raises `VocabularyProblem` if it already has another type."""
        known = self.types.get(name)
        if known is None:
            self.add_objects([name], type_)
        elif known != type_:
            raise VocabularyProblem(f"{name!r} is a {known}, not a {type_}")

    def add_objects(self, names: Sequence[str], type_: str) -> None:
        """Make names known that are not known yet, all of one type."""
        self.types.update(dict.fromkeys(names, type_))
        for ancestor in self.vocabulary.supertypes(type_):
            self._of_type.setdefault(ancestor, []).extend(names)

    def add_values(self, predicate: str, values: Assignment) -> None:
        """Add static facts of a predicate, as fluents with values."""
        known = self.facts.keys()
        new = values if known.isdisjoint(values) else [fluent for fluent in values if fluent not in known]
        self._by_predicate.setdefault(predicate, []).extend(new)
        self.facts.update(values)

    def add_fact(self, atom: tuple[str, ...]) -> None:
        """Add a static atom, (predicate, *arguments)."""
        self.add_value(*split_atom(self.vocabulary, GroundAtom(atom[0], atom[1:])))

    def add_value(self, fluent: Fluent, value: Value) -> None:
        """Add the static fact that a fluent has a value."""
        if fluent not in self.facts:
            self._by_predicate.setdefault(fluent[0], []).append(fluent)
        self.facts[fluent] = value

    def copy(self) -> Universe:
        """Another universe with the same objects and facts, to add to."""
        other = Universe(self.vocabulary)
        for name, type_ in self.types.items():
            other.add_object(name, type_)
        for fluent, value in self.facts.items():
            other.add_value(fluent, value)
        return other

    def objects(self, type_: str) -> list[str]:
        """The objects of the type or below it, in the order in which they became known."""
        return self._of_type.get(type_, [])

    def fluents(self, predicate: str) -> list[Fluent]:
        """The static fluents of a predicate, in the order in which they became known."""
        return self._by_predicate.get(predicate, [])

    def fluents_with(self, predicate: str, terms: Iterable[tuple[int, str]]) -> list[Fluent]:
        """The static fluents that have one of these arguments, (position, name): the one that fewest have."""
        index = self._index(predicate)
        some = [index.get((position, term), []) for position, term in terms]
        return min(some, key=len) if some else self.fluents(predicate)

    def _index(self, predicate: str) -> dict[tuple[int, str], list[Fluent]]:
        """The static fluents of a predicate by (position, argument), brought up to date: many are never asked for."""
        index, known = self._by_term.setdefault(predicate, ({}, 0))
        fluents = self.fluents(predicate)
        for fluent in fluents[known:]:
            for key in enumerate(fluent[1:]):
                index.setdefault(key, []).append(fluent)
        self._by_term[predicate] = index, len(fluents)
        return index


def split_atom(vocabulary: Vocabulary, atom: GroundAtom) -> tuple[Fluent, Value]:
    """The fluent that an atom is about and the value that it gives it."""
    if vocabulary.is_functional(atom.predicate):
        return (atom.predicate, *atom.args[:-1]), atom.args[-1]
    return (atom.predicate, *atom.args), True


def own_fluents(vocabulary: Vocabulary) -> list[Fluent]:
    """The fluents that are about no object: what the agent itself is like, and how the episode goes."""
    functional = [(each.name,) for each in vocabulary.predicates if len(each.types) == each.functional]
    return [*functional, *((each.name,) for each in vocabulary.counters if not each.types)]


def join_atom(fluent: Fluent, value: Value) -> GroundAtom:
    """The atom that says `fluent` has `value`; the inverse of `split_atom` (counters are no atoms)."""
    return GroundAtom(fluent[0], fluent[1:] if value is True else (*fluent[1:], str(value)))


class Valued(Protocol):
    """What can be asked for single values as a `State` can."""

    @property
    def universe(self) -> Universe:
        """The objects there are and what never changes of them."""

    def value(self, fluent: Fluent) -> Value | None:
        """The value of a fluent, static or not; None if it has none."""


class Readable(Valued, Protocol):
    """What can be asked as a `State` can."""

    def fluents(self, predicate: str) -> Iterable[Fluent]:
        """The fluents of a predicate or counter that have a value."""

    def owner(self, predicate: str, value: str) -> Fluent | None:
        """The fluent of an injective predicate that has the value, if one has."""


class Trace(NamedTuple):
    """Where a state comes from: what stands for the source, its number there, and the fluents that may be otherwise
    than in the one before."""

    source: object
    number: int
    touched: tuple[Fluent, ...]


@dataclass(frozen=True, eq=False)
class State:
    """What holds at one moment. A fluent without a value is false (its atoms are), whatever the reason.

    `values` must not be changed after it was handed over.
    """

    values: Assignment
    universe: Universe
    trace: Trace | None = field(default=None, repr=False)

    def value(self, fluent: Fluent) -> Value | None:
        """The value of a fluent, static or not; None if it has none."""
        found = self.values.get(fluent)
        return self.universe.facts.get(fluent) if found is None else found

    def holds(self, atom: GroundAtom) -> bool:
        """Whether the atom is true."""
        fluent, value = split_atom(self.universe.vocabulary, atom)
        return self.value(fluent) == value

    def with_change(self, change: Mapping[Fluent, Value | None]) -> State:
        """The state after some fluents took new values (None: lost theirs)."""
        values = dict(self.values)
        for fluent, value in change.items():
            if value is None:
                values.pop(fluent, None)
            else:
                values[fluent] = value
        return State(values, self.universe)

    def difference(self, other: State) -> Change:
        """The change that makes `other` of this state."""
        before, after = self.values, other.values
        get = before.get
        touched = other.touched(self)
        if touched is not None:
            return {f: value for f in touched if (value := after.get(f)) != get(f)}
        change: Change = {fluent: value for fluent, value in after.items() if get(fluent) != value}
        if len(before) + sum(fluent not in before for fluent in change) > len(after):
            change.update({fluent: None for fluent in before if fluent not in after})
        return change

    def touched(self, before: State) -> tuple[Fluent, ...] | None:
        """The fluents that may be otherwise than in a state before this one; None if that is not known."""
        if self.trace is None or before.trace is None or self.trace.source is not before.trace.source:
            return None
        steps = self.trace.number - before.trace.number
        return () if not steps else self.trace.touched if steps == 1 else None

    @cached_property
    def _by_predicate(self) -> dict[str, list[Fluent]]:
        table: dict[str, list[Fluent]] = {}
        for fluent in self.values:
            table.setdefault(fluent[0], []).append(fluent)
        return table

    @cached_property
    def _in_order(self) -> dict[str, list[Fluent]]:
        return {}

    @cached_property
    def _owners(self) -> dict[tuple[str, Value], Fluent]:
        found: dict[tuple[str, Value], Fluent] = {}
        for fluent, value in self.values.items():
            key = (fluent[0], value)
            other = found.get(key)
            if other is None or fluent > other:
                found[key] = fluent
        return found

    def fluents(self, predicate: str) -> Iterable[Fluent]:
        """The fluents of a predicate or counter that have a value, sorted (static ones as found)."""
        if predicate not in self._in_order:
            self._in_order[predicate] = sorted(self._by_predicate.get(predicate, ()))
        return self._in_order[predicate] or self.universe.fluents(predicate)

    def owner(self, predicate: str, value: str) -> Fluent | None:
        """The fluent of an injective predicate that has the value, if one has."""
        return self._owners.get((predicate, value))

    def atoms(self) -> Iterator[GroundAtom]:
        """The true atoms that may change, sorted; counters are left out."""
        counters = {counter.name for counter in self.universe.vocabulary.counters}
        for fluent in sorted(self.values):
            if fluent[0] not in counters:
                yield join_atom(fluent, self.values[fluent])

    def counts(self) -> Iterator[tuple[Fluent, int]]:
        """The counters and their numbers, sorted."""
        for counter in self.universe.vocabulary.counters:
            for fluent in sorted(self._by_predicate.get(counter.name, ())):
                yield fluent, int(self.values[fluent])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self.values == other.values

    def __hash__(self) -> int:
        return hash(frozenset(self.values.items()))

    def __str__(self) -> str:
        counts = [f"(= ({' '.join(fluent)}) {number})" for fluent, number in self.counts()]
        return " ".join([str(atom) for atom in self.atoms()] + counts)
