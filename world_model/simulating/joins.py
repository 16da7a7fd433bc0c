"""A query compiled to steps over columns: the same join, in the same order, for many states at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from worldwright.world_model.errors import MatchLimit
from worldwright.world_model.language import EQUALS, Comparison, Condition, Exists, Literal, is_variable
from worldwright.world_model.matching import MAX_TRIES, Query, Step, StepKind
from worldwright.world_model.simulating.layout import Batch, Kind, Layout, Range
from worldwright.world_model.simulating.operations import (
    ROW,
    Bind,
    Counts,
    Follow,
    HasValue,
    Holds,
    LastOwner,
    Number,
    Operation,
    Question,
    Same,
    Spread,
    Test,
    TooManyRows,
    Within,
)
from worldwright.world_model.simulating.rows import Lookup, Mask, Rows, Term, term_of
from worldwright.world_model.vocabulary import Variable


@dataclass(frozen=True)
class Join:
    """All operations of a query.

    Attributes:
        wanted: the columns that are read of its result.
        scope: what each variable is bound to in it.
    """

    operations: tuple[Operation, ...]
    wanted: frozenset[str]
    scope: Mapping[str, Range] = field(compare=False)

    @cached_property
    def _live(self) -> list[frozenset[str]]:
        """The columns needed after each operation."""
        live, needed = list[frozenset[str]](), self.wanted
        for operation in reversed(self.operations):
            live.append(needed)
            needed |= operation.needs
        return live[::-1]

    @property
    def needs(self) -> frozenset[str]:
        """The columns that any operation or the result needs."""
        return self.wanted.union(*(operation.needs for operation in self.operations))

    def run(self, rows: Rows, batch: Batch) -> Rows:
        """The bindings that extend those of `rows`.

        Raises:
            MatchLimit: one state alone has too many candidates.
        """
        try:
            return self._run(rows, batch)
        except TooManyRows as error:
            half = len(rows) // 2
            if half == 0:
                raise MatchLimit(f"a condition of over {MAX_TRIES} candidate bindings: bind its variables") from error
        first, second = (
            self.run(rows.at(part, rows.columns), batch) for part in np.split(np.arange(len(rows)), [half])
        )
        columns = {name: np.concatenate([first.columns[name], second.columns[name]]) for name in self.wanted}
        return Rows(np.concatenate([first.state, second.state]), columns)

    def _run(self, rows: Rows, batch: Batch) -> Rows:
        for operation, live in zip(self.operations, self._live, strict=True):
            if not len(rows):
                nothing = np.zeros(0, np.intp)
                return Rows(nothing, dict.fromkeys(self.wanted, nothing))
            rows = operation.run(rows, batch, live)
        return rows


@dataclass(frozen=True)
class Found:
    """Some objects make the inner conditions true, or none do."""

    join: Join
    positive: bool

    @property
    def needs(self) -> frozenset[str]:
        return self.join.needs - {ROW}

    def mask(self, rows: Rows, batch: Batch) -> Mask:
        inner = self.join.run(rows.with_column(ROW, np.arange(len(rows))), batch)
        found = np.zeros(len(rows), np.bool_)
        found[inner.columns[ROW]] = True
        return found if self.positive else ~found


def compiled(
    layout: Layout,
    query: Query,
    parameters: Sequence[Variable],
    given: Mapping[str, Range],
    wanted: Collection[str] = (),
) -> Join:
    """A query as a join over columns.

    Args:
        parameters: those of the query.
        given: the parameters that come bound, with what to.
        wanted: the columns that are read of its result.
    """
    compiler = _Compiler(layout, query, parameters, given)
    return Join(tuple(compiler.operations()), frozenset(wanted), compiler.scope)


class _Compiler:
    def __init__(
        self, layout: Layout, query: Query, parameters: Sequence[Variable], given: Mapping[str, Range]
    ) -> None:
        self._layout = layout
        self._query = query
        self._types = {variable.name: layout.range_of(variable.type) for variable in parameters}
        self._parameters = tuple(parameters)
        self.scope: dict[str, Range] = dict(given)

    def operations(self) -> Iterator[Operation]:
        for step in self._query.steps:
            yield from self._step(step)

    def _step(self, step: Step) -> Iterator[Operation]:
        if step.variable is not None:
            yield self._objects(step.variable)
        elif step.kind is StepKind.TEST:
            assert step.condition is not None
            yield Test(self._question(step.condition))
        else:
            assert isinstance(step.condition, Literal)
            if step.kind is StepKind.FOLLOW:
                *words, value = step.condition.atom.args
                yield from self._follow(self._lookup(step.condition.atom.predicate, words), value)
            elif self._layout.tables[step.condition.atom.predicate].static:
                yield from self._facts(step.condition)
            elif step.kind is StepKind.INVERSE:
                yield from self._owners(step.condition)
            else:
                yield from self._scan(step.condition)

    def _lookup(self, name: str, words: Sequence[str]) -> Lookup:
        return Lookup.of(self._layout, name, words, self.scope)

    # -- what is known ------------------------------------------------------------------------------------------------

    def _question(self, condition: Condition) -> Question:
        if isinstance(condition, Exists):
            return self._found(condition)
        if isinstance(condition, Comparison):
            lookup = self._lookup(condition.counter.predicate, condition.counter.args)
            return Counts(lookup, condition.relation, condition.number)
        predicate, words = condition.atom.predicate, condition.atom.args
        if predicate == EQUALS:
            left, right = (term_of(self._layout, word) for word in words)
            return Same(left, right, condition.positive)
        if self._layout.tables[predicate].kind is Kind.VALUE:
            lookup = self._lookup(predicate, words[:-1])
            return HasValue(lookup, term_of(self._layout, words[-1]), condition.positive)
        return Holds(self._lookup(predicate, words), condition.positive)

    def _found(self, condition: Exists) -> Found:
        inner = self._query.inside(condition)
        join = compiled(self._layout, inner, (*self._parameters, *condition.parameters), self.scope, {ROW})
        return Found(join, condition.positive)

    # -- what is bound ------------------------------------------------------------------------------------------------

    def _narrowed(self, variable: str, known: Range) -> Iterator[Operation]:
        """Notes what a variable is bound to, and keeps those of its own type."""
        low, high = self._types[variable]
        if known[0] < low or known[1] > high:
            yield Test(Within(Term(variable), (low, high)))
        self.scope[variable] = (max(known[0], low), max(min(known[1], high), max(known[0], low)))

    def _follow(self, lookup: Lookup, variable: str) -> Iterator[Operation]:
        yield Follow(lookup, variable)
        yield from self._narrowed(variable, lookup.table.values)

    def _objects(self, variable: Variable) -> Operation:
        self.scope[variable.name] = self._types[variable.name]
        objects = self._layout.objects(variable.type)
        return Spread(np.array(objects, np.intp).reshape(-1, 1), (variable.name,))

    def _scan(self, condition: Literal) -> Iterator[Operation]:
        """Goes through the fluents of a predicate by their names; bound arguments are not gone through."""
        table = self._layout.tables[condition.atom.predicate]
        words = condition.atom.args
        keys = words[: len(table.keys)]
        free: dict[str, Range] = {}
        for word, known in zip(keys, table.keys, strict=True):
            if is_variable(word) and word not in self.scope:
                low, high = free.get(word, self._types[word])
                free[word] = (max(low, known[0]), max(min(high, known[1]), max(low, known[0])))
        yield Spread(self._layout.tuples(list(free.values())), tuple(free))
        self.scope |= free
        lookup = self._lookup(table.name, keys)
        if table.kind is Kind.TRUTH:
            yield Test(Holds(lookup))
        elif is_variable(words[-1]) and words[-1] not in self.scope:
            yield from self._follow(lookup, words[-1])
        else:
            yield Test(HasValue(lookup, term_of(self._layout, words[-1])))

    def _owners(self, condition: Literal) -> Iterator[Operation]:
        """Goes through the fluents that have a known value."""
        table = self._layout.tables[condition.atom.predicate]
        *keys, word = condition.atom.args
        value = term_of(self._layout, word)
        columns = tuple(f"#{i}" for i in range(len(keys)))
        scope = {**self.scope, **dict(zip(columns, table.keys, strict=True))}
        address = [Term(column) for column in columns]
        yield Number()
        yield Spread(self._layout.tuples(table.keys), columns)
        yield Test(HasValue(Lookup.at(self._layout, table, address, scope), value))
        yield LastOwner(value, self._constant())
        yield from self._unified(keys, columns, table.keys)

    def _constant(self) -> NDArray[np.bool_]:
        constants = self._layout.vocabulary.constant_types
        return np.array([name in constants for name in self._layout.names], np.bool_)

    def _facts(self, condition: Literal) -> Iterator[Operation]:
        """Goes through the facts of a static predicate."""
        table = self._layout.tables[condition.atom.predicate]
        words = condition.atom.args
        columns = tuple(f"#{i}" for i in range(len(words)))
        facts = self._layout.facts(table)
        for i, word in enumerate(words):
            if not is_variable(word):
                facts = facts[facts[:, i] == self._layout.numbers[word]]
        yield Spread(facts, columns)
        ranges = (*table.keys, table.values) if table.kind is Kind.VALUE else table.keys
        yield from self._unified(words, columns, ranges)

    def _unified(self, words: Sequence[str], columns: Sequence[str], ranges: Sequence[Range]) -> Iterator[Operation]:
        """Keeps the tuples that fit the terms, and binds the new variables to them."""
        for word, column, known in zip(words, columns, ranges, strict=True):
            if is_variable(word) and word not in self.scope:
                yield Bind(word, column)
                yield from self._narrowed(word, known)
            else:
                yield Test(Same(term_of(self._layout, word), Term(column)))
