"""What a planner is asked and what it answers. An answer is never a bare None: it has a status and a reason."""

from __future__ import annotations

import gc
import math
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from worldwright.planning.bars import Barred, Bars
from worldwright.world_model.goal import Goal, Reach, Wanted
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import State

if TYPE_CHECKING:
    from worldwright.planning.facts import Facts
    from worldwright.planning.lookahead import Lookahead


_MUCH = 50_000  # objects, of which most are gone before anybody looks


@dataclass(frozen=True)
class PlanningProblem:
    """Reach any one of the goals from the state, by the model's rules.

    Planning takes each rule's likeliest outcome for certain, and `state` for complete: what is unknown has been
    filled in by the caller.

    Attributes:
        barred: what is not to be done where, whatever the rules say: an action's name and facts, in which `?0`, `?1`
            stand for its arguments.
        spared: things that are not to vanish. Engines of unified-planning heed neither this nor what is barred.
        lookahead: what was worked out of the model's laws already, if that is kept.
        facts: the state's tables, if they are at hand (see `facts_of`).
        onward: what remains to be reached after one of the goals, what remains once what is next of that is reached,
            and so on: of plans about as short that is best which ends best for it. Only a lookahead heeds it.
    """

    model: WorldModel
    state: State
    goals: tuple[Reach, ...]
    barred: Barred = frozenset()
    spared: frozenset[str] = frozenset()
    lookahead: Lookahead | None = field(default=None, compare=False)
    facts: Facts | None = field(default=None, compare=False)
    onward: tuple[Goal, ...] = ()

    @cached_property
    def wanted(self) -> Wanted:
        """The goals, ready to be asked of states."""
        return Wanted(self.model.vocabulary, self.goals)

    @cached_property
    def bars(self) -> Bars:
        """What is not to be done, ready to be asked."""
        return Bars(self.model.vocabulary, self.barred, self.spared)


@dataclass(frozen=True)
class Limits:
    """What planning may cost.

    Attributes:
        cpu_seconds: of this process and its children together.
        memory_mb: of a child, in MB.
        states: how much may be looked at within this process, counted in states looked ahead to; whoever does other
            work counts it as the states that take as long. None: as much as there is time for. Unlike seconds it is
            the same on every machine, so that an episode with such a limit can be played again.
    """

    cpu_seconds: float = 10.0
    memory_mb: int = 2048
    states: int | None = None


class PlanStatus(StrEnum):
    """How planning ended."""

    SOLVED = "solved"
    UNSOLVABLE = "unsolvable"  # no plan exists in the model
    TIMEOUT = "timeout"  # the CPU time, or the memory, ran out
    UNSUPPORTED = "unsupported"  # the engine cannot express the problem; it was not run
    FAILED = "failed"  # the engine broke, or its plan does not work


@dataclass(frozen=True)
class PlanStep:
    """An action and the names of the rules that are expected to fire."""

    action: Action
    rules: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.action} by {', '.join(self.rules) or 'no rule'}"


@dataclass(frozen=True)
class Plan:
    """Steps that lead from the problem's state to a goal; none if the goal holds already."""

    steps: tuple[PlanStep, ...] = ()

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions alone."""
        return tuple(step.action for step in self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def rest(self, done: int = 1) -> Plan:
        """What remains after `done` steps."""
        return Plan(self.steps[done:])


@dataclass
class Statistics:
    """What planning cost.

    Attributes:
        cpu: CPU seconds by stage (ground, write, search, validate), children's included.
        variables: number of multi-valued variables.
        operators: number of ground operators.
        expanded: number of states expanded.
        left_out: objects that were taken for irrelevant.
    """

    cpu: dict[str, float] = field(default_factory=dict)
    variables: int = 0
    operators: int = 0
    expanded: int = 0
    left_out: int = 0

    @property
    def cpu_total(self) -> float:
        """CPU seconds of all stages."""
        return sum(self.cpu.values())

    @contextmanager
    def stage(self, name: str, cpu: Callable[[], float] = time.process_time) -> Iterator[None]:
        """Add the CPU seconds spent inside to stage `name`; `cpu` counts them, those of this process alone if not said.

        To ask for those of children too takes as long again.
        """
        start = cpu()
        try:
            yield
        finally:
            self.cpu[name] = self.cpu.get(name, 0.0) + cpu() - start


@dataclass(frozen=True)
class PlanResult:
    """How planning ended, with the plan if it was solved and the reason, one line, if it was not.

    `goal` is the one that the plan leads to, if it has any steps. `onward` are plans that lead on from its end to what
    is to be reached after it, one after the other, as far as they were found; they are not validated.
    """

    status: PlanStatus
    plan: Plan | None = None
    reason: str = ""
    statistics: Statistics = field(default_factory=Statistics)
    goal: Reach | None = None
    onward: tuple[Plan, ...] = ()

    @property
    def solved(self) -> bool:
        """Whether there is a plan."""
        return self.status is PlanStatus.SOLVED


class PlanningStopped(Exception):
    """Raised inside this package to end planning early; engines turn it into a `PlanResult`."""

    def __init__(self, status: PlanStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Deadline:
    """Limits of CPU seconds and of states for all the work on a plan, looked at now and then in hot loops."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._states: float = math.inf if limits.states is None else limits.states
        self._end = time.process_time() + limits.cpu_seconds
        self._children: float | None = None  # what those had used that ended before, once that was looked up
        self._soonest = time.monotonic() + limits.cpu_seconds  # a thread's CPU time never outruns the clock on the wall

    def left(self) -> Limits:
        """What is left for a child, its time never below zero."""
        return Limits(self._seconds(), self._limits.memory_mb)

    def _seconds(self) -> float:
        children = _children_seconds()
        if self._children is None:  # none was started for this work yet: whoever starts one asks what is left for it
            self._children = children
        return max(0.0, self._end - time.process_time() - (children - self._children))

    def check(self, states: float) -> None:
        """Count the work of looking at so many states; raise `PlanningStopped` (TIMEOUT) when that or time is up."""
        self._states -= states
        if self._states < 0:
            raise PlanningStopped(PlanStatus.TIMEOUT, "looked at as much as it may")
        now = time.monotonic()
        if now < self._soonest:
            return
        left = self._seconds()
        if not left:
            raise PlanningStopped(PlanStatus.TIMEOUT, "out of CPU time")
        self._soonest = now + left


def cpu_seconds() -> float:
    """CPU seconds used so far by this process and by its children that have ended."""
    return time.process_time() + _children_seconds()


def _children_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep the cyclic garbage collector from walking over the many tuples that planning makes, in vain.

    It takes up to a third of the time otherwise.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Let the cyclic garbage collector look through what is new only once that is very much.

    Who thinks in every step makes enough tuples to call it in each, in vain.
    """
    before = gc.get_threshold()
    gc.set_threshold(max(_MUCH, before[0]) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Clock:
    """CPU seconds that this process spends inside a with block."""

    seconds = 0.0

    def __enter__(self) -> Clock:
        self._start = time.process_time()
        return self

    def __exit__(self, *exception: object) -> None:
        self.seconds = time.process_time() - self._start
