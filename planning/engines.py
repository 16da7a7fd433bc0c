"""Planners by name. Each answers with a `PlanResult`, and each plan is replayed before it is believed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from worldwright.planning import sas
from worldwright.planning.grounding import ground
from worldwright.planning.problem import (
    Deadline,
    Limits,
    Plan,
    PlanningProblem,
    PlanningStopped,
    PlanResult,
    PlanStatus,
    Statistics,
    cpu_seconds,
    without_collector,
)
from worldwright.planning.relevance import conceivable
from worldwright.planning.search import a_star
from worldwright.planning.task import GroundTask
from worldwright.planning.up_bridge import UnifiedPlanning
from worldwright.planning.validation import checked
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.model import Action

SMALL = 1_000  # operators up to which shorter plans are as cheap as others


class UnknownEngine(WorldwrightError):
    """A name that is no planning engine; the message lists those that are."""


class Engine(Protocol):
    """A planner."""

    def solve(self, problem: PlanningProblem, limits: Limits) -> PlanResult:
        """Plan within limits; never raises for what is wrong with the problem or the planner."""


class GroundSearch(Protocol):
    """Finds a path in a ground task."""

    def __call__(self, task: GroundTask, deadline: Deadline, statistics: Statistics) -> list[int]:
        """The numbers of the operators on a path to a goal; raises `PlanningStopped` if there is none."""


@dataclass(frozen=True)
class GroundingEngine:
    """Grounds a problem by our own grounder and has the ground task searched.

    What seems irrelevant is left out first; if no plan is found, everything is put back in. Before that a problem that
    comes with a lookahead is looked through by it.

    Attributes:
        search: finds a path in the ground task.
        shortest: whether only shortest plans will do.
    """

    search: GroundSearch
    shortest: bool = False

    def solve(self, problem: PlanningProblem, limits: Limits) -> PlanResult:
        """Plan within limits."""
        with without_collector():
            return self._solve(problem, limits)

    def _solve(self, problem: PlanningProblem, limits: Limits) -> PlanResult:
        statistics = Statistics()
        deadline = Deadline(limits)
        try:
            near = self._near(problem, deadline, statistics)
            if near == ():
                return PlanResult(PlanStatus.SOLVED, Plan(), statistics=statistics)
            if near is not None:
                found = checked(problem, near[0].actions, statistics)
                return replace(found, onward=near[1:]) if found.solved else found
            try:
                actions = self._attempt(problem, deadline, statistics, complete=False)
            except _Incomplete:
                actions = self._attempt(problem, deadline, statistics, complete=True)
            return checked(problem, actions, statistics)
        except PlanningStopped as stopped:
            return PlanResult(stopped.status, reason=stopped.reason, statistics=statistics)
        except WorldwrightError as error:  # a rule or goal that cannot be matched within bounds
            return PlanResult(PlanStatus.UNSUPPORTED, reason=str(error), statistics=statistics)

    def _near(self, problem: PlanningProblem, deadline: Deadline, statistics: Statistics) -> tuple[Plan, ...] | None:
        """A short plan, if it is found near by, none if a goal holds; raises `PlanningStopped` if there is none.

        Those that lead on from it follow.
        """
        with statistics.stage("look"):
            if not conceivable(problem):
                raise PlanningStopped(PlanStatus.UNSOLVABLE, "nothing known is as a goal asks, and no law makes it so")
            lookahead = problem.lookahead
            found = lookahead.plan(problem, deadline, self.shortest) if lookahead is not None else None
            return () if found is None and problem.wanted.met(problem.state) is not None else found

    def _attempt(
        self, problem: PlanningProblem, deadline: Deadline, statistics: Statistics, complete: bool
    ) -> list[Action]:
        with statistics.stage("ground"):
            task = ground(problem, deadline, complete)
        statistics.variables, statistics.operators = len(task.fluents), len(task.operators)
        statistics.left_out = len(task.left_out)
        try:
            if not task.goals:
                raise PlanningStopped(PlanStatus.UNSOLVABLE, "no goal is reachable even if nothing is ever undone")
            return [task.operators[number].action for number in self.search(task, deadline, statistics)]
        except PlanningStopped as stopped:
            if stopped.status is PlanStatus.UNSOLVABLE and task.left_out:
                raise _Incomplete from None
            raise


class _Incomplete(Exception):
    """There is no plan without what was left out."""


@dataclass(frozen=True)
class FastDownward:
    """Fast Downward's search component on the ground task.

    Attributes:
        strategies: search strategies to try in turn until one finds a plan or proves that there is none; all but the
            last may use up half of the time that is left. None: one for short plans, shorter ones if the task is
            small, and for the second half of the time a greedy one.
        binary: the search component; None: the one that is installed.
    """

    strategies: tuple[str, ...] | None = None
    binary: Path | None = None

    def __call__(self, task: GroundTask, deadline: Deadline, statistics: Statistics) -> list[int]:
        """The operators of a plan; raises `PlanningStopped` if there is none."""
        with statistics.stage("write"):
            text = sas.write(task, deadline)
        small = len(task.operators) <= SMALL
        strategies = self.strategies or (sas.SHORT if small else sas.NEAR_OPTIMAL, sas.GREEDY)
        for number, strategy in enumerate(strategies, 1):
            left = deadline.left()
            share = left if number == len(strategies) else replace(left, cpu_seconds=left.cpu_seconds / 2)
            try:
                with statistics.stage("search", cpu_seconds):
                    return self._search(task, text, strategy, share, statistics)
            except PlanningStopped as stopped:
                if stopped.status is not PlanStatus.TIMEOUT or number == len(strategies):
                    raise
        raise PlanningStopped(PlanStatus.FAILED, "Fast Downward was given no search strategy")

    def _search(self, task: GroundTask, text: str, strategy: str, limits: Limits, statistics: Statistics) -> list[int]:
        numbers, expanded = sas.search(text, strategy, limits, self.binary)
        statistics.expanded += expanded
        if any(not 0 <= number < len(task.operators) for number in numbers):
            raise PlanningStopped(PlanStatus.FAILED, "Fast Downward's plan names an operator that does not exist")
        return numbers


def _searched_here(task: GroundTask, deadline: Deadline, statistics: Statistics) -> list[int]:
    with statistics.stage("search"):
        return a_star(task, deadline, statistics)


ENGINES: dict[str, Engine] = {
    "fast-downward": GroundingEngine(FastDownward()),
    "fast-downward-optimal": GroundingEngine(FastDownward((sas.OPTIMAL,)), shortest=True),
    "search": GroundingEngine(_searched_here),
    "up:fast-downward": UnifiedPlanning("fast-downward"),
}
_ANY_UP = "up:"


def engine_named(name: str) -> Engine:
    """The engine of that name; `up:NAME` is the planner NAME of unified-planning.

    Raises:
        UnknownEngine: there is no such engine; the message names those that there are.
    """
    if name in ENGINES:
        return ENGINES[name]
    known = set(ENGINES)
    if name.startswith(_ANY_UP):
        from worldwright.planning.up_worker import oneshot_engines  # takes a second: only when asked for

        known |= {f"{_ANY_UP}{planner}" for planner in oneshot_engines()}
        if name in known:
            return UnifiedPlanning(name.removeprefix(_ANY_UP))
    raise UnknownEngine(f"unknown planning engine {name!r}; known: {', '.join(sorted(known))}")
