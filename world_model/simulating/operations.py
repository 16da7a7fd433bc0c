"""What a join is made of: questions asked of rows, and steps that keep rows or bind more variables in them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from worldwright.world_model.language import Relation
from worldwright.world_model.simulating.layout import Batch, Ints, Range
from worldwright.world_model.simulating.rows import Lookup, Mask, Rows, Term

MAX_ROWS = 2_000_000  # of one step, after which the states are taken a part at a time
ROW, KEY = "#row", "#key"  # columns that number rows; no variables' names


class Operation(Protocol):
    """One step over columns."""

    @property
    def needs(self) -> frozenset[str]:
        """The columns that it reads."""

    def run(self, rows: Rows, batch: Batch, live: Collection[str]) -> Rows:
        """The rows after it, with at least the columns in `live`."""


class Question(Protocol):
    """What may hold of a row."""

    @property
    def needs(self) -> frozenset[str]:
        """The columns that it reads."""

    def mask(self, rows: Rows, batch: Batch) -> Mask:
        """Where it holds, (rows,) or one answer for all."""


# -- questions --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Same:
    """Two terms are one object, or are not."""

    left: Term
    right: Term
    positive: bool = True

    @property
    def needs(self) -> frozenset[str]:
        return self.left.needs | self.right.needs

    def mask(self, rows: Rows, batch: Batch) -> Mask:
        same: Mask = self.left.of(rows) == self.right.of(rows)
        return same if self.positive else np.logical_not(same)


@dataclass(frozen=True)
class Within:
    """A term is one of a range of objects."""

    term: Term
    range: Range

    @property
    def needs(self) -> frozenset[str]:
        return self.term.needs

    def mask(self, rows: Rows, batch: Batch) -> Mask:
        numbers = np.asarray(self.term.of(rows))
        within: Mask = (numbers >= self.range[0]) & (numbers < self.range[1])
        return within


@dataclass(frozen=True)
class HasValue:
    """A functional fluent has a value, or has not."""

    lookup: Lookup
    value: Term
    positive: bool = True

    @property
    def needs(self) -> frozenset[str]:
        return self.lookup.needs | self.value.needs

    def mask(self, rows: Rows, batch: Batch) -> Mask:
        same = self.lookup.equals(self.value, rows, batch)
        return same if self.positive else np.logical_not(same)


@dataclass(frozen=True)
class Holds:
    """An atom of a relation is true, or is not."""

    lookup: Lookup
    positive: bool = True

    @property
    def needs(self) -> frozenset[str]:
        return self.lookup.needs

    def mask(self, rows: Rows, batch: Batch) -> Mask:
        true: Mask = self.lookup.read(rows, batch) == int(self.positive)
        return true


@dataclass(frozen=True)
class Counts:
    """A counter compares so with a number."""

    lookup: Lookup
    relation: Relation
    number: int

    @property
    def needs(self) -> frozenset[str]:
        return self.lookup.needs

    def mask(self, rows: Rows, batch: Batch) -> Mask:
        counts = self.lookup.counts(rows, batch)
        answer: Mask
        if self.relation is Relation.AT_LEAST:
            answer = counts >= self.number
        else:
            answer = counts <= self.number if self.relation is Relation.AT_MOST else counts == self.number
        return answer


# -- operations -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Test:
    """Keeps the rows of which something holds."""

    question: Question

    @property
    def needs(self) -> frozenset[str]:
        return self.question.needs

    def run(self, rows: Rows, batch: Batch, live: Collection[str]) -> Rows:
        return rows.keep(self.question.mask(rows, batch), live)


@dataclass(frozen=True)
class Follow:
    """Binds a variable to the value of a functional fluent; keeps the rows that have one."""

    lookup: Lookup
    variable: str

    @property
    def needs(self) -> frozenset[str]:
        return self.lookup.needs

    def run(self, rows: Rows, batch: Batch, live: Collection[str]) -> Rows:
        found = self.lookup.read(rows, batch)
        if not isinstance(found, np.ndarray):
            found = np.full(len(rows), found)
        values = found.astype(np.intp) + self.lookup.table.values[0]
        return rows.with_column(self.variable, values).keep(found >= 0, live)


@dataclass(frozen=True, eq=False)
class Spread:
    """Goes through all of some tuples of objects, in their order."""

    tuples: Ints
    variables: tuple[str, ...]
    needs: frozenset[str] = frozenset()

    def run(self, rows: Rows, batch: Batch, live: Collection[str]) -> Rows:
        if len(rows) * len(self.tuples) > MAX_ROWS:
            raise TooManyRows(len(self.tuples))
        return rows.spread(self.tuples, self.variables)


@dataclass(frozen=True)
class Number:
    """Numbers the rows, so that those that come of the same one can be told."""

    needs: frozenset[str] = frozenset()

    def run(self, rows: Rows, batch: Batch, live: Collection[str]) -> Rows:
        return rows.with_column(KEY, np.arange(len(rows)))


@dataclass(frozen=True, eq=False)
class LastOwner:
    """Of the owners of a value keeps the last, as `State.owner` does; constants may have many."""

    value: Term
    constant: NDArray[np.bool_]

    @property
    def needs(self) -> frozenset[str]:
        return self.value.needs | {KEY}

    def run(self, rows: Rows, batch: Batch, live: Collection[str]) -> Rows:
        came_of = rows.columns[KEY]
        last = np.append(came_of[1:] != came_of[:-1], True)[: len(rows)]
        return rows.keep(last | self.constant[self.value.of(rows)], live)


@dataclass(frozen=True)
class Bind:
    """Names a column after a variable."""

    variable: str
    column: str

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({self.column})

    def run(self, rows: Rows, batch: Batch, live: Collection[str]) -> Rows:
        return rows.with_column(self.variable, rows.columns[self.column])


class TooManyRows(Exception):
    """A step would make more rows than are held at once."""
