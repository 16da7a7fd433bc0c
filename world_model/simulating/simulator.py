"""Many states, an action for each, and the states that follow: `WorldModel.predict` and `sample` over arrays."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worldwright.world_model.errors import VocabularyProblem
from worldwright.world_model.language import ActionRule, CounterChange, CounterOp, Effect, Literal
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.simulating.chance import Streams
from worldwright.world_model.simulating.joins import Join, compiled
from worldwright.world_model.simulating.layout import (
    Batch,
    Ints,
    Kind,
    Layout,
    Table,
    Unsimulatable,
    same_vocabulary,
)
from worldwright.world_model.simulating.rows import Lookup, Rows, Term, term_of
from worldwright.world_model.state import Universe
from worldwright.world_model.syntax import check_rule

MAX_ACTIONS = 1_000_000

Chooser = Callable[["Law", Rows], Ints]  # which outcome each row of a rule has


@dataclass(frozen=True)
class Write:
    """What an effect makes of a fluent.

    Attributes:
        outcome: the number of the outcome that it belongs to.
        value: the new value; for a deletion of a functional atom, the value that is deleted if it is there.
    """

    lookup: Lookup
    outcome: int
    removes: bool
    value: Term | None = None
    change: CounterChange | None = None

    @property
    def table(self) -> Table:
        """Where it writes."""
        return self.lookup.table

    @property
    def needs(self) -> frozenset[str]:
        """The columns that it reads."""
        return self.lookup.needs | (self.value.needs if self.value is not None else frozenset())

    def cells(self, rows: Rows, batch: Batch) -> tuple[Ints, NDArray[np.bool_] | np.bool_ | bool]:
        """Which cell of the table, flat over all states, each row writes to, and whether it does."""
        flat, fits = self.lookup.address.flat(rows)
        writes: NDArray[np.bool_] | np.bool_ | bool = fits
        if self.removes and self.value is not None:
            writes = fits & self.lookup.equals(self.value, rows, batch)
        return rows.state * self.table.size + flat, writes

    def numbers(self, rows: Rows, batch: Batch) -> Any:
        """What is written, for each row or for all."""
        if self.removes:
            return self.table.empty
        if self.change is not None:
            return self._counted(self.change, rows, batch)
        return 1 if self.value is None else self.value.of(rows) - self.table.values[0]

    def _counted(self, change: CounterChange, rows: Rows, batch: Batch) -> Any:
        if change.op is CounterOp.ASSIGN:
            after: Any = change.number
        else:
            sign = 1 if change.op is CounterOp.INCREASE else -1
            after = self.lookup.counts(rows, batch).astype(np.int64) + sign * change.number
        return np.clip(after, *self.table.values)


@dataclass(frozen=True, eq=False)
class Law:
    """A rule, compiled: where it applies and what it writes."""

    rule: ActionRule
    arguments: tuple[str, ...]
    join: Join
    removals: tuple[Write, ...]
    additions: tuple[tuple[Write, ...], ...]  # those of one table together
    likeliest: int
    upto: NDArray[np.float64]  # the outcomes' probabilities, summed

    @staticmethod
    def of(layout: Layout, model: WorldModel, rule: ActionRule) -> Law:
        """Compile a rule."""
        arity = len(model.vocabulary.action(rule.action).types)
        given = {variable.name: layout.range_of(variable.type) for variable in rule.parameters[:arity]}
        join = compiled(layout, model.query(rule), rule.parameters, given)
        writes = [
            _write(layout, effect, number, join.scope)
            for number, outcome in enumerate(rule.outcomes)
            for effect in outcome.effects
        ]
        wanted = frozenset[str]().union(*(write.needs for write in writes))
        tables = dict.fromkeys(write.table.name for write in writes if not write.removes)
        return Law(
            rule,
            tuple(given),
            replace(join, wanted=wanted),
            tuple(write for write in writes if write.removes),
            tuple(tuple(w for w in writes if w.table.name == name and not w.removes) for name in tables),
            rule.outcomes.index(rule.likeliest()),
            np.array([*itertools.accumulate(outcome.probability for outcome in rule.outcomes)]),
        )


def _write(layout: Layout, effect: Effect, outcome: int, scope: Any) -> Write:
    if isinstance(effect, CounterChange):
        lookup = Lookup.of(layout, effect.counter.predicate, effect.counter.args, scope)
        return Write(lookup, outcome, removes=False, change=effect)
    assert isinstance(effect, Literal)
    words = effect.atom.args
    if layout.tables[effect.atom.predicate].kind is Kind.TRUTH:
        return Write(Lookup.of(layout, effect.atom.predicate, words, scope), outcome, not effect.positive)
    lookup = Lookup.of(layout, effect.atom.predicate, words[:-1], scope)
    return Write(lookup, outcome, not effect.positive, value=term_of(layout, words[-1]))


class Simulator:
    """Predicts for many states at once what `WorldModel.predict` predicts for each.

    Args:
        model: its rules are laws; its hypotheses are left out.
        universe: the objects and unchanging facts of all states.

    Attributes:
        layout: how states are laid out in arrays; `encode` and `decode` are there.
        actions: every action with every tuple of arguments of its types; a step names them by their place here.

    Raises:
        Unsimulatable: too many fluents or actions.
        VocabularyProblem, SyntaxProblem: a rule that is not well-formed.
    """

    def __init__(self, model: WorldModel, universe: Universe) -> None:
        self.model = model
        self.layout = Layout(universe)
        same_vocabulary(self.layout, model.vocabulary)
        for rule in model.rules:
            check_rule(model.vocabulary, rule)
        self.actions: tuple[Action, ...] = tuple(_ground_actions(self.layout))
        self._numbers = {action: number for number, action in enumerate(self.actions)}
        names = [signature.name for signature in model.vocabulary.actions]
        self._names = np.array([names.index(action.name) for action in self.actions], np.intp)
        self._arguments = _arguments(self.layout, self.actions)
        self._laws = [[Law.of(self.layout, model, rule) for rule in model.rules_for(name)] for name in names]

    def number(self, action: Action) -> int:
        """The place of an action in `actions`; raises `VocabularyProblem` if it is none of them."""
        try:
            return self._numbers[action]
        except KeyError:
            raise VocabularyProblem(f"{action} is no action with objects of this world") from None

    def predict(self, batch: Batch, actions: NDArray[np.integer[Any]]) -> Batch:
        """The likeliest next states.

        Args:
            batch: the states.
            actions: (states,) the place of each one's action in `actions`.

        Raises:
            MatchLimit: a rule has too many candidate bindings in a state.
        """
        return self._after(batch, actions, lambda law, rows: np.full(len(rows), law.likeliest))

    def sample(self, batch: Batch, actions: NDArray[np.integer[Any]], streams: Streams) -> Batch:
        """One next state for each, drawn by the outcomes' probabilities.

        Args:
            batch, actions: as for `predict`.
            streams: the chance of each state; advanced by a number for each time that a rule of several outcomes
                applies.
        """

        def choose(law: Law, rows: Rows) -> Ints:
            if len(law.upto) == 1:
                return np.zeros(len(rows), np.intp)
            drawn = streams.draw(rows.state) * law.upto[-1]
            chosen: Ints = np.minimum(np.searchsorted(law.upto, drawn, side="right"), len(law.upto) - 1)
            return chosen

        return self._after(batch, actions, choose)

    def _after(self, batch: Batch, actions: NDArray[np.integer[Any]], choose: Chooser) -> Batch:
        if actions.shape != (batch.size,):
            raise ValueError(f"actions of shape {actions.shape} for {batch.size} states")
        firings = [(law, rows, choose(law, rows)) for law, rows in self._firings(batch, actions)]
        written = _Written(batch)
        for law, rows, chosen in firings:
            for write in law.removals:
                written.put([write], rows, chosen)
        # Where rules give a fluent different values the first one wins: it is written last.
        for law, rows, chosen in reversed(firings):
            for writes in law.additions:
                written.put(writes, rows, chosen)
        return written.batch()

    def _firings(self, batch: Batch, actions: NDArray[np.integer[Any]]) -> Iterator[tuple[Law, Rows]]:
        """The rules that apply anywhere, in the model's order for each action, with their bindings."""
        names = self._names[actions]
        for number, laws in enumerate(self._laws):
            states = (names == number).nonzero()[0]
            if not len(states):
                continue
            for law in laws:
                arguments = self._arguments[actions[states]]
                columns = {name: arguments[:, i] for i, name in enumerate(law.arguments)}
                rows = law.join.run(Rows(states, columns), batch)
                if len(rows):
                    yield law, rows


class _Written:
    """The tables of a batch, each copied when it is first written to; all is read from the batch as it was."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._tables: dict[str, NDArray[Any]] = {}

    def put(self, writes: Sequence[Write], rows: Rows, chosen: Ints) -> None:
        """Make the effects, all in one table, of the outcomes chosen.

        The first row is written last, for it wins; of the effects in a row the last one wins (`effects_of`).
        """
        shape = (len(rows), len(writes))
        cells, numbers, valid = np.empty(shape, np.intp), np.empty(shape, np.int32), np.empty(shape, np.bool_)
        for i, write in enumerate(writes):
            cells[:, i], fits = write.cells(rows, self._batch)
            numbers[:, i] = write.numbers(rows, self._batch)
            valid[:, i] = fits & (chosen == write.outcome)
        valid = valid[::-1]
        self._flat(writes[0].table)[cells[::-1][valid]] = numbers[::-1][valid]

    def _flat(self, table: Table) -> NDArray[Any]:
        if table.name not in self._tables:
            self._tables[table.name] = self._batch.tables[table.name].copy()
        return self._tables[table.name].reshape(-1)

    def batch(self) -> Batch:
        """The states as written."""
        return Batch({**self._batch.tables, **self._tables}, self._batch.size)


def _ground_actions(layout: Layout) -> Iterator[Action]:
    number = 0
    for signature in layout.vocabulary.actions:
        objects = [layout.universe.objects(type_) for type_ in signature.types]
        for args in itertools.product(*objects):
            number += 1
            if number > MAX_ACTIONS:
                raise Unsimulatable(f"over {MAX_ACTIONS} actions with their arguments")
            yield Action(signature.name, args)


def _arguments(layout: Layout, actions: Sequence[Action]) -> Ints:
    """The numbers of the actions' arguments, (actions, most arguments)."""
    most = max((len(action.args) for action in actions), default=0)
    table = np.zeros((len(actions), most), np.intp)
    for row, action in enumerate(actions):
        for column, name in enumerate(action.args):
            table[row, column] = layout.numbers[name]
    return table
