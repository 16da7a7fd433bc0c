"""Replays plans in the world model itself: no engine is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from worldwright.planning.ahead import Ahead
from worldwright.planning.problem import Plan, PlanningProblem, PlanResult, PlanStatus, PlanStep, Statistics
from worldwright.world_model.goal import Reach, Wanted
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Readable, State
from worldwright.world_model.vocabulary import ENDED


def validate(problem: PlanningProblem, plan: Plan) -> str | None:
    """None if the plan leads to a goal in the model, or why it does not."""
    checked = replay(problem, plan.actions)
    return checked if isinstance(checked, str) else None


def replay(problem: PlanningProblem, actions: Sequence[Action]) -> Plan | str:
    """The plan of these actions with the rules that fire, or why they do not lead to a goal."""
    found = _followed(problem, actions)
    return found if isinstance(found, str) else found[0]


def _followed(problem: PlanningProblem, actions: Sequence[Action]) -> tuple[Plan, Reach] | str:
    """The same, and the goal that they lead to."""
    model, ahead = problem.model, Ahead(problem.state, {})
    steps = []
    for number, action in enumerate(actions, 1):
        if ahead.value((ENDED,)) is not None:
            return f"step {number}, {action}: all is over before it"
        change, firings = model.told(ahead, action)
        if not change:
            return f"step {number}, {action}: changes nothing in the model"
        steps.append(PlanStep(action, tuple(dict.fromkeys(firing.rule.name for firing in firings))))
        ahead = ahead.after(change, steps[-1])
    goal = problem.wanted.met(ahead)
    return "no goal holds in the model after the last step" if goal is None else (Plan(tuple(steps)), goal)


def checked(problem: PlanningProblem, actions: Sequence[Action], statistics: Statistics) -> PlanResult:
    """The result for a plan that an engine returned: SOLVED only if it works in the model."""
    with statistics.stage("validate"):
        found = _followed(problem, actions)
    if isinstance(found, str):
        return PlanResult(PlanStatus.FAILED, reason=f"the plan does not work: {found}", statistics=statistics)
    plan, goal = found
    return PlanResult(PlanStatus.SOLVED, plan, statistics=statistics, goal=goal)


Worth = Callable[[Readable], bool]


def still_leads(model: WorldModel, state: State, plan_rest: Plan, worth: Worth, trial: bool = False) -> bool:
    """Whether the rest of a plan leads in the model from `state` to one that is worth it; it may get there early.

    Args:
        model: the laws.
        state: where it starts.
        plan_rest: the steps not yet done; each but a trial must change something.
        worth: whether a state is what the plan was made for.
        trial: whether the last step is done to see what happens: the state before it is what counts then.
    """
    way = [Ahead(state, {})]
    steps = plan_rest.steps[:-1] if trial else plan_rest.steps
    for step in steps:
        change = {} if way[-1].value((ENDED,)) is not None else model.foretold(way[-1], step.action)
        if not change:
            break
        way.append(way[-1].after(change, step))
    if len(way) > len(steps) and worth(way[-1]):  # as it mostly is: to ask may cost more than to go there
        return True
    return not trial and any(worth(ahead) for ahead in way[: len(steps)])


def reaches(wanted: Wanted) -> Worth:
    """Whether a state is one of those wanted."""
    return lambda state: wanted.met(state) is not None
