"""Bindings of a rule's variables as columns: one row for each binding in each state, and what is asked of them.

Rows stay in the order in which `Query.bindings` yields them, state by state, so that where rules disagree the same
one wins.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worldwright.world_model.language import is_variable
from worldwright.world_model.simulating.layout import Batch, Ints, Kind, Layout, Range, Table

Mask = NDArray[np.bool_] | np.bool_ | bool
Scope = Mapping[str, Range]  # variable -> the objects that it may be bound to


@dataclass(frozen=True)
class Rows:
    """Bindings, each in a state.

    Attributes:
        state: (rows,) the numbers of the states, ascending.
        columns: variable -> (rows,) the numbers of the objects bound.
    """

    state: Ints
    columns: Mapping[str, Ints]

    def __len__(self) -> int:
        return len(self.state)

    def keep(self, mask: Mask, live: Collection[str]) -> Rows:
        """The rows where the mask holds, with the columns that are still needed."""
        if not isinstance(mask, np.ndarray):
            return self if mask else self.at(np.zeros(0, np.intp), live)
        chosen = mask.nonzero()[0]
        return self if len(chosen) == len(self) else self.at(chosen, live)

    def at(self, chosen: Ints, live: Collection[str]) -> Rows:
        """These rows, with the columns that are needed."""
        columns = self.columns
        return Rows(self.state[chosen], {name: columns[name][chosen] for name in columns if name in live})

    def spread(self, table: Ints, names: Sequence[str]) -> Rows:
        """Each row with each of the tuples (tuples, names)."""
        times = len(table)
        columns = {name: np.repeat(column, times) for name, column in self.columns.items()}
        columns |= {name: np.tile(table[:, i], len(self)) for i, name in enumerate(names)}
        return Rows(np.repeat(self.state, times), columns)

    def with_column(self, name: str, column: Ints) -> Rows:
        """The same with one more column."""
        return Rows(self.state, {**self.columns, name: column})


@dataclass(frozen=True)
class Term:
    """A variable's column, or an object."""

    name: str
    number: int = -1

    def of(self, rows: Rows) -> Ints | int:
        """The objects' numbers."""
        return self.number if self.number >= 0 else rows.columns[self.name]

    @property
    def needs(self) -> frozenset[str]:
        """The columns that it reads."""
        return frozenset() if self.number >= 0 else frozenset({self.name})


def term_of(layout: Layout, word: str) -> Term:
    """A rule's term."""
    return Term(word) if is_variable(word) else Term(word, layout.numbers[word])


@dataclass(frozen=True)
class Address:
    """Where in a table the fluent of some terms stands.

    Attributes:
        base: the part of the flat index that the constants make; negative if one of them is of the wrong type.
        parts: the variables, with how much each counts.
        checks: those that may be bound to what the predicate does not speak of, with what it speaks of.
    """

    base: int
    parts: tuple[tuple[str, int], ...]
    checks: tuple[tuple[str, Range], ...]

    @staticmethod
    def of(table: Table, terms: Sequence[Term], scope: Scope) -> Address:
        """The address of a table's fluents; `scope` says what the variables may be."""
        base, parts, checks = 0, list[tuple[str, int]](), list[tuple[str, Range]]()
        for term, (low, high), stride in zip(terms, table.keys, table.strides, strict=True):
            base -= low * stride
            if term.number >= 0:
                if not low <= term.number < high:
                    return Address(-1, (), ())
                base += term.number * stride
            else:
                parts.append((term.name, stride))
                first, end = scope[term.name]
                if first < low or end > high:
                    checks.append((term.name, (low, high)))
        # Without variables the base is the whole index, and not negative; with some it may be either.
        return Address(base, tuple(parts), tuple(checks))

    @property
    def needs(self) -> frozenset[str]:
        """The columns that it reads."""
        return frozenset(name for name, _ in self.parts)

    def flat(self, rows: Rows) -> tuple[Ints | int, NDArray[np.bool_] | bool]:
        """The flat index in each row, and where there is any such fluent (elsewhere the index is 0)."""
        if not self.parts:
            return max(self.base, 0), self.base >= 0
        flat: Any = self.base
        for name, stride in self.parts:
            flat = flat + (rows.columns[name] if stride == 1 else rows.columns[name] * stride)
        if not self.checks:
            return flat, True
        fits = np.ones(len(rows), np.bool_)
        for name, (low, high) in self.checks:
            fits &= (rows.columns[name] >= low) & (rows.columns[name] < high)
        return np.where(fits, flat, 0), fits


@dataclass(frozen=True)
class Lookup:
    """The number that a table has for a fluent."""

    table: Table
    address: Address
    static: NDArray[Any] | None

    @staticmethod
    def of(layout: Layout, name: str, words: Sequence[str], scope: Scope) -> Lookup:
        """The look-up of a predicate's or counter's fluent with these arguments (without the value)."""
        return Lookup.at(layout, layout.tables[name], [term_of(layout, word) for word in words], scope)

    @staticmethod
    def at(layout: Layout, table: Table, terms: Sequence[Term], scope: Scope) -> Lookup:
        """The look-up of a table's fluent with these terms."""
        return Lookup(table, Address.of(table, terms, scope), layout.static.get(table.name))

    @property
    def needs(self) -> frozenset[str]:
        """The columns that it reads."""
        return self.address.needs

    def read(self, rows: Rows, batch: Batch) -> Any:
        """The numbers, one for each row or one for all; the table's `empty` where there is no such fluent."""
        flat, fits = self.address.flat(rows)
        if fits is False or not self.table.size:
            return self.table.empty
        if self.static is not None:
            found = self.static[flat]
        else:
            cells = rows.state if self.table.size == 1 else rows.state * self.table.size + flat
            found = batch.tables[self.table.name].reshape(-1).take(cells)
        return found if fits is True else np.where(fits, found, self.table.empty)

    def counts(self, rows: Rows, batch: Batch) -> Any:
        """The numbers of a counter, 0 where it has none."""
        found = self.read(rows, batch)
        return np.where(found == self.table.empty, 0, found)

    def equals(self, term: Term, rows: Rows, batch: Batch) -> Mask:
        """Where the fluent has the value that the term names."""
        assert self.table.kind is Kind.VALUE
        found, low = self.read(rows, batch), self.table.values[0]
        wanted = term.of(rows) - low
        same: Mask = found == wanted
        if isinstance(wanted, int):
            return same if wanted >= 0 else False
        there: Mask = same & (found >= 0)
        return there
