"""Replays plans in the world model itself: no engine is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from worldwright.planning.lookahead import Ahead
from worldwright.planning.problem import Plan, PlanningProblem, PlanResult, PlanStatus, PlanStep, Statistics
from worldwright.world_model.goal import Wanted
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Readable, State
from worldwright.world_model.vocabulary import ENDED


def validate(problem: PlanningProblem, plan: Plan) -> str | None:
    """None if the plan leads to a goal in the model, or why it does not."""
    checked = replay(problem, plan.actions)
    return checked if isinstance(checked, str) else None


def replay(problem: PlanningProblem, actions: Sequence[Action]) -> Plan | str:
    """The plan of these actions with the rules that fire, or why they do not lead to a goal."""
    model, state = problem.model, problem.state
    steps = []
    for number, action in enumerate(actions, 1):
        if _ended(state):
            return f"step {number}, {action}: all is over before it"
        prediction = model.predict(state, action)
        if not prediction.change:
            return f"step {number}, {action}: changes nothing in the model"
        steps.append(PlanStep(action, tuple(dict.fromkeys(firing.rule.name for firing in prediction.firings))))
        state = prediction.state
    if problem.wanted.met(state) is None:
        return "no goal holds in the model after the last step"
    return Plan(tuple(steps))


def checked(problem: PlanningProblem, actions: Sequence[Action], statistics: Statistics) -> PlanResult:
    """The result for a plan that an engine returned: SOLVED only if it works in the model."""
    with statistics.stage("validate"):
        plan = replay(problem, actions)
    if isinstance(plan, str):
        return PlanResult(PlanStatus.FAILED, reason=f"the plan does not work: {plan}", statistics=statistics)
    return PlanResult(PlanStatus.SOLVED, plan, statistics=statistics)


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
    ahead = Ahead(state, {})
    for step in plan_rest.steps[:-1] if trial else plan_rest.steps:
        if not trial and worth(ahead):
            return True
        if ahead.value((ENDED,)) is not None:
            return False
        change = model.foretold(ahead, step.action)
        if not change:
            return False
        ahead = ahead.after(change, step)
    return worth(ahead)


def reaches(wanted: Wanted) -> Worth:
    """Whether a state is one of those wanted."""
    return lambda state: wanted.met(state) is not None


def _ended(state: State) -> bool:
    return state.value((ENDED,)) is not None
