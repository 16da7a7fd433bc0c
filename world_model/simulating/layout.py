"""Where each fluent of a fixed set of objects stands in arrays, so that many states are a few arrays.

Objects are numbered type by type, subtypes inside their parents, so that the objects of any type are a range and an
index into a table is a sum. A functional predicate is a table of values by its other arguments, a relation one of
truths, a counter one of numbers; a batch of states has a row of each.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.state import Fluent, State, Universe, Value
from worldwright.world_model.vocabulary import ROOT_TYPE, Counter, Predicate, Vocabulary

Ints = NDArray[np.intp]
Range = tuple[int, int]  # of objects' numbers: the first, and the one after the last

MAX_CELLS = 4_000_000  # of a table, for one state: 16 MB


class Unsimulatable(WorldwrightError):
    """A state, a world or a law that arrays cannot hold."""


class Kind(Enum):
    """What the numbers of a table stand for."""

    VALUE = auto()  # objects, counted from the first of the value's type; -1: none
    TRUTH = auto()  # 1: true
    COUNT = auto()  # themselves; one below the least: none


@dataclass(frozen=True)
class Table:
    """How the fluents of one predicate or counter are laid out.

    Attributes:
        keys: the range of objects that each argument of a fluent may be.
        values: the range of objects that its value may be, or the least and the greatest number.
        empty: what stands for no value.
    """

    name: str
    kind: Kind
    keys: tuple[Range, ...]
    values: Range
    empty: int
    static: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """How many objects each argument may be."""
        return tuple(high - low for low, high in self.keys)

    @cached_property
    def size(self) -> int:
        """How many fluents there are."""
        return math.prod(self.shape)

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """By how much each argument's number counts in the flat index."""
        return tuple(math.prod(self.shape[i + 1 :]) for i in range(len(self.keys)))

    @property
    def dtype(self) -> type[np.signedinteger[Any]]:
        """The type of its numbers."""
        return np.int8 if self.kind is Kind.TRUTH else np.int32


@dataclass(frozen=True)
class Batch:
    """Some states: for each table that may change an array (states, fluents). Not to be changed in place."""

    tables: Mapping[str, NDArray[Any]]
    size: int

    def take(self, which: NDArray[Any]) -> Batch:
        """The states of these numbers, or where a mask is true."""
        index = np.flatnonzero(which) if which.dtype == np.bool_ else which
        return Batch({name: table[index] for name, table in self.tables.items()}, len(index))

    def replaced(self, where: Ints, others: Batch) -> Batch:
        """The same with others in the places of the states numbered `where`."""
        if not len(where):
            return self
        tables = {name: table.copy() for name, table in self.tables.items()}
        for name, table in tables.items():
            table[where] = others.tables[name]
        return Batch(tables, self.size)


class Layout:
    """The tables for a universe's objects.

    Args:
        universe: what is known; copied, for it may grow.

    Attributes:
        names: the objects in the order of their numbers.
        tables: by predicate or counter.

    Raises:
        Unsimulatable: a table would be too large, or a fact that may change is stated as one that does not.
    """

    def __init__(self, universe: Universe) -> None:
        self.universe = universe.copy()
        self.vocabulary = universe.vocabulary
        self._ranges: dict[str, Range] = {}
        self.names: tuple[str, ...] = tuple(self._numbered())
        self.numbers: dict[str, int] = {name: number for number, name in enumerate(self.names)}
        words: list[Predicate | Counter] = [*self.vocabulary.predicates, *self.vocabulary.counters]
        self.tables: dict[str, Table] = {word.name: self._table(word) for word in words}
        self.changing: tuple[Table, ...] = tuple(table for table in self.tables.values() if not table.static)
        self.static: dict[str, NDArray[Any]] = self._static()

    def _numbered(self) -> Iterator[str]:
        """The objects type by type; notes the range of each type."""
        children: dict[str, list[str]] = {}
        for type_ in self.vocabulary.types:
            children.setdefault(type_.parent, []).append(type_.name)
        own: dict[str, list[str]] = {}
        for name, object_type in self.universe.types.items():
            own.setdefault(object_type, []).append(name)
        found: list[str] = []

        def visit(type_: str) -> None:
            start = len(found)
            found.extend(own.get(type_, ()))
            for child in children.get(type_, ()):
                visit(child)
            self._ranges[type_] = (start, len(found))

        visit(ROOT_TYPE)
        return iter(found)

    def range_of(self, type_: str) -> Range:
        """The numbers of a type's objects."""
        self.vocabulary.supertypes(type_)
        return self._ranges[type_]

    def objects(self, type_: str) -> list[int]:
        """The numbers of a type's objects, in the order in which the objects became known."""
        return [self.numbers[name] for name in self.universe.objects(type_)]

    def _table(self, word: Predicate | Counter) -> Table:
        ranges = [self.range_of(type_) for type_ in word.types]
        if isinstance(word, Counter):
            table = Table(word.name, Kind.COUNT, tuple(ranges), (word.low, word.high), word.low - 1, False)
        elif word.functional:
            table = Table(word.name, Kind.VALUE, tuple(ranges[:-1]), ranges[-1], -1, word.static)
        else:
            table = Table(word.name, Kind.TRUTH, tuple(ranges), (0, 1), 0, word.static)
        if table.size > MAX_CELLS:
            raise Unsimulatable(f"{word.name!r} has {table.size} fluents in this world, over the limit of {MAX_CELLS}")
        return table

    def _static(self) -> dict[str, NDArray[Any]]:
        arrays = {
            table.name: np.full(table.size, table.empty, table.dtype) for table in self.tables.values() if table.static
        }
        for fluent, value in self.universe.facts.items():
            if fluent[0] not in arrays:
                raise Unsimulatable(f"({' '.join(fluent)}) may change and is stated as a fact that does not")
            at, number = self._entry(fluent, value)
            arrays[fluent[0]][at] = number
        return arrays

    # -- states as arrays and back ------------------------------------------------------------------------------------

    def encode(self, states: Sequence[State]) -> Batch:
        """The states as arrays.

        Raises:
            Unsimulatable: a state that knows more objects or other facts than this universe, or gives a fluent a value
                that the vocabulary does not allow.
        """
        arrays = {t.name: np.full((len(states), t.size), t.empty, t.dtype) for t in self.changing}
        checked: set[int] = set()
        for row, state in enumerate(states):
            if id(state.universe) not in checked:
                self._require_known(state.universe)
                checked.add(id(state.universe))
            for fluent, value in state.values.items():
                if fluent[0] not in arrays:
                    raise Unsimulatable(f"({' '.join(fluent)}) is no fluent that may change")
                at, number = self._entry(fluent, value)
                arrays[fluent[0]][row, at] = number
        return Batch(arrays, len(states))

    def _require_known(self, universe: Universe) -> None:
        if universe.vocabulary != self.vocabulary:
            raise Unsimulatable(f"a state of {universe.vocabulary.name!r}, not of this {self.vocabulary.name!r}")
        if universe.types != self.universe.types or universe.facts != self.universe.facts:
            raise Unsimulatable("a state of another universe: its objects or unchanging facts are others")

    def _entry(self, fluent: Fluent, value: Value) -> tuple[int, int]:
        """The flat index of a fluent and the number for its value."""
        table = self.tables.get(fluent[0])
        fits = table is not None and len(fluent) == len(table.keys) + 1
        if table is not None and fits:
            numbers = [self.numbers.get(name, -1) for name in fluent[1:]]
            if all(low <= number < high for number, (low, high) in zip(numbers, table.keys, strict=True)):
                offsets = (number - low for number, (low, _) in zip(numbers, table.keys, strict=True))
                at = sum(map(math.prod, zip(offsets, table.strides, strict=True)))
                number = self._number(table, value)
                if number is not None:
                    return at, number
        raise Unsimulatable(f"({' '.join(fluent)}) = {value} does not fit the vocabulary and the objects known")

    def _number(self, table: Table, value: Value) -> int | None:
        low, high = table.values
        if table.kind is Kind.TRUTH:
            return 1 if value is True else None
        if table.kind is Kind.COUNT:
            return value if isinstance(value, int) and value is not True and low <= value <= high else None
        number = self.numbers.get(str(value), -1)
        return number - low if low <= number < high else None

    def decode(self, batch: Batch, row: int) -> State:
        """One state of a batch."""
        values: dict[Fluent, Value] = {}
        for table in self.changing:
            numbers = batch.tables[table.name][row]
            for at in np.flatnonzero(numbers != table.empty).tolist():
                values[self.fluent(table, at)] = self._value(table, int(numbers[at]))
        return State(values, self.universe)

    def fluent(self, table: Table, at: int) -> Fluent:
        """The fluent at a flat index of a table."""
        places = np.unravel_index(at, table.shape) if table.keys else ()
        names = (self.names[low + int(place)] for (low, _), place in zip(table.keys, places, strict=True))
        return (table.name, *names)

    def _value(self, table: Table, number: int) -> Value:
        if table.kind is Kind.VALUE:
            return self.names[table.values[0] + number]
        return True if table.kind is Kind.TRUTH else number

    # -- candidates of a join -----------------------------------------------------------------------------------------

    def facts(self, table: Table) -> Ints:
        """The atoms of a static predicate as objects' numbers, in the order in which they became known."""
        functional = table.kind is Kind.VALUE
        rows = [
            [*fluent[1:], *([str(self.universe.facts[fluent])] if functional else [])]
            for fluent in self.universe.fluents(table.name)
        ]
        arity = len(table.keys) + functional
        numbers = [[self.numbers[name] for name in row] for row in rows]
        return np.array(numbers, np.intp).reshape(len(rows), arity)

    def tuples(self, ranges: Sequence[Range]) -> Ints:
        """All tuples of objects from these ranges, in the order of their names, (tuples, ranges).

        Raises:
            Unsimulatable: there are too many.
        """
        number = math.prod(high - low for low, high in ranges)
        if number > MAX_CELLS:
            raise Unsimulatable(
                f"{number} candidate bindings are over the limit of {MAX_CELLS}: bind variables tighter"
            )
        by_name = [sorted(range(low, high), key=self.names.__getitem__) for low, high in ranges]
        return np.array([*itertools.product(*by_name)], np.intp).reshape(number, len(ranges))


def same_vocabulary(layout: Layout, vocabulary: Vocabulary) -> None:
    """Raise `Unsimulatable` unless the layout is of that vocabulary."""
    if layout.vocabulary != vocabulary:
        raise Unsimulatable(f"a model of {vocabulary.name!r} over a universe of {layout.vocabulary.name!r}")
