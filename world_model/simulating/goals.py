"""How far goals have come, for many states at once: `GoalTracker` over arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from worldwright.world_model.goal import Goal, Reach, check_goal, rest_of
from worldwright.world_model.matching import Query
from worldwright.world_model.simulating.joins import Join, compiled
from worldwright.world_model.simulating.layout import Batch, Ints, Layout
from worldwright.world_model.simulating.rows import Rows

DONE = 0  # the stage at which nothing remains


class GoalFollower:
    """Knows the stages of some goals: what may remain of each.

    Args:
        layout: of the states.
        goals: what may be asked for; `stages[i]` is the first stage of `goals[i]`.

    Raises:
        VocabularyProblem, SyntaxProblem: a goal that says what the vocabulary cannot.
    """

    def __init__(self, layout: Layout, goals: Sequence[Goal]) -> None:
        self._layout = layout
        self._remaining: list[Goal | None] = [None]
        self._next: dict[tuple[int, bytes], int] = {}
        self._joins: dict[Reach, Join] = {}
        for goal in goals:
            check_goal(layout.vocabulary, goal)
        self.stages: Ints = np.array([self._stage(goal) for goal in goals], np.intp)

    def remaining(self, stage: int) -> Goal | None:
        """What remains at a stage; None if nothing does."""
        return self._remaining[stage]

    def update(self, stages: Ints, batch: Batch) -> Ints:
        """The stages after these states were reached, (states,)."""
        after = stages.copy()
        for stage in np.unique(stages[stages != DONE]).tolist():
            where = (stages == stage).nonzero()[0]
            after[where] = self._advanced(stage, where, batch)
        return after

    def _advanced(self, stage: int, where: Ints, batch: Batch) -> Ints:
        """The stages after one, in the states numbered `where`."""
        goal = self._remaining[stage]
        assert goal is not None
        formulas = list(dict.fromkeys(_formulas(goal)))
        truths = np.stack([self._holds(formula, where, batch) for formula in formulas], axis=1)
        after = np.full(len(where), self._after(stage, goal, formulas, np.zeros(len(formulas), np.bool_)))
        for row in np.flatnonzero(truths.any(axis=1)).tolist():  # few
            after[row] = self._after(stage, goal, formulas, truths[row])
        return after

    def _after(self, stage: int, goal: Goal, formulas: Sequence[Reach], truths: NDArray[np.bool_]) -> int:
        key = (stage, truths.tobytes())
        if key not in self._next:
            true = dict(zip(formulas, truths.tolist(), strict=True))
            self._next[key] = self._stage(rest_of(goal, true.__getitem__))
        return self._next[key]

    def _stage(self, goal: Goal | None) -> int:
        if goal not in self._remaining:
            self._remaining.append(goal)
        return self._remaining.index(goal)

    def _holds(self, formula: Reach, where: Ints, batch: Batch) -> NDArray[np.bool_]:
        """In which of the states numbered `where`, ascending, the formula is true."""
        if formula not in self._joins:
            query = Query(self._layout.vocabulary, formula.parameters, formula.conditions)
            self._joins[formula] = compiled(self._layout, query, formula.parameters, {})
        found = self._joins[formula].run(Rows(where, {}), batch).state
        return np.isin(where, found)


def _formulas(goal: Goal) -> Iterator[Reach]:
    if isinstance(goal, Reach):
        yield goal
        return
    for part in goal.parts:
        yield from _formulas(part)
