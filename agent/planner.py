"""Plans for purposes, and remembers what was in vain, what was too hard and what failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from worldwright.agent.events import Listener, Planned
from worldwright.agent.failures import Failures
from worldwright.agent.intention import Intention
from worldwright.agent.memory import Memory
from worldwright.agent.mind import Mind
from worldwright.planning.engines import engine_named
from worldwright.planning.facts import Facts
from worldwright.planning.problem import Limits, Plan, PlanningProblem, PlanResult, PlanStatus, Statistics
from worldwright.planning.relevance import goal_things
from worldwright.planning.validation import checked, reaches
from worldwright.world_model.goal import GoalTracker, Reach, all_reaches, in_turn
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import State

_REST = 8  # steps for which planning for a purpose is let be after it took too long, or as long again each time
_LONG_REST = 50  # and for one of many situations
_BRIEF = 25_000  # states looked at for a plan that serves to explore: a second or two
_GLANCE = 10_000  # and for one to one of many situations: where there is a way, it is mostly found in a tenth of that


class Planner:
    """What a decider plans with.

    Args:
        mind: what the agent knows beyond this episode.
        memory: of the episode.
        tracker: of its goal.
    """

    def __init__(self, mind: Mind, memory: Memory, tracker: GoalTracker) -> None:
        self._mind = mind
        self._memory = memory
        self._tracker = tracker
        self._engine = engine_named(mind.config.engine)
        self._limits = Limits(mind.config.plan_cpu_seconds, mind.config.plan_memory_mb)
        self._brief, self._glance = (replace(self._limits, states=states) for states in (_BRIEF, _GLANCE))
        self._failures = Failures()
        self._not_before: dict[tuple[object, ...], int] = {}
        self._too_hard: Counter[tuple[object, ...]] = Counter()
        self._hopeless: dict[tuple[tuple[Reach, ...], int], tuple[object, ...]] = {}  # what was known when in vain
        self._onward: tuple[Plan, ...] = ()  # from the end of the last plan on
        self._no_plan = False  # whether the goal was out of reach when last planned for
        self._tell: Listener
        self._step = 0

    def _plan(
        self, purpose: str, model: WorldModel, state: State, goals: tuple[Reach, ...], *about: object
    ) -> Intention | None:
        if not self._is_due(purpose, *about) or self._is_hopeless(model, state, goals):
            return None
        problem = PlanningProblem(model, state, goals)
        result = self._gone_on(problem) if purpose == "goal" else None
        if result is None:
            limits = self._limits if purpose == "goal" else self._glance if about else self._brief
            problem = self._equipped(problem, onward=purpose == "goal")
            result = self._solved(problem, limits)
        if purpose == "goal":
            self._no_plan = result.status is PlanStatus.UNSOLVABLE
        if result.status is PlanStatus.UNSOLVABLE:
            self._hopeless[goals, len(model.rules)] = (model.rules, self._known(state))
        if result.status is PlanStatus.TIMEOUT:  # what was too hard just now is so in the next steps too
            self._too_hard[purpose, *about] += 1
            rest = _LONG_REST if about else _REST * self._too_hard[purpose,]
            self._let_be(purpose, *about, steps=rest)
        self._onward = result.onward
        plan = result.plan or Plan()
        self._report(purpose, result.status, result.reason, plan, result.statistics.cpu_total, self._mind.config.engine)
        if not result.solved or not plan.steps:
            return None
        return Intention(
            purpose, plan, model, reaches(problem.wanted), goal=result.goal, hoped=state, onward=result.onward
        )

    def _equipped(self, problem: PlanningProblem, onward: bool) -> PlanningProblem:
        """A problem with what failed before and what will be needed.

        Args:
            onward: whether what is to be reached after the goals counts, too.
        """
        remaining = self._tracker.remaining
        facts = Facts(problem.state, problem.model) if remaining is not None else None
        return replace(
            problem,
            barred=self._failures.barred(),
            lookahead=self._mind.lookaheads.of(problem.model),
            facts=facts,
            spared=frozenset(goal_things(all_reaches(remaining), facts)) if remaining and facts else frozenset(),
            onward=tuple(in_turn(remaining)[1:]) if remaining and onward else (),
        )

    def _solved(self, problem: PlanningProblem, limits: Limits) -> PlanResult:
        """What the engine finds for a problem."""
        result = self._engine.solve(problem, limits)
        if problem.bars.withheld and result.status is PlanStatus.UNSOLVABLE:  # bad luck, or no other way
            result = self._engine.solve(replace(problem, barred=frozenset(), spared=frozenset(), onward=()), limits)
        return result

    def _gone_on(self, problem: PlanningProblem) -> PlanResult | None:
        """What was planned for now together with the plan before, if it leads to a goal."""
        if not self._onward:
            return None
        now, *later = self._onward
        result = checked(problem, now.actions, Statistics())
        return replace(result, onward=tuple(later)) if result.solved else None

    def _is_hopeless(self, model: WorldModel, state: State, goals: tuple[Reach, ...]) -> bool:
        """Whether there was no plan before, and since then the agent only did what the laws foretold to itself.

        Where it is now could be reached from where it was: had there been a way from here, there was one from there.
        """
        known = self._hopeless.get((goals, len(model.rules)))
        return known is not None and known == (model.rules, self._known(state))

    def _known(self, state: State) -> tuple[int, ...]:
        """What changes with all that is known but of the agent itself."""
        memory, universe = self._memory, state.universe
        stood = len(memory.visited) if memory.containment is not None else 0  # what is hoped for depends on it
        return memory.belief.turns, stood, len(universe.types), len(universe.facts)

    def _is_due(self, *what: object) -> bool:
        """Whether something was not looked for in vain a moment ago."""
        return self._step >= self._not_before.get(what, 0)

    def _let_be(self, *what: object, steps: int = _REST) -> None:
        """Not to look for something in the next steps."""
        self._not_before[what] = self._step + steps

    def _report(self, purpose: str, status: str, reason: str, plan: Plan, seconds: float, engine: str) -> None:
        actions = tuple(str(action) for action in plan.actions)
        self._tell(
            Planned(
                step=self._step,
                purpose=purpose,
                engine=engine,
                status=status,
                reason=reason,
                plan=actions,
                cpu_s=round(seconds, 4),
            )
        )
