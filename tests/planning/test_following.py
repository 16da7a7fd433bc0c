"""Plans are replayed, watched and reused; states are looked through."""

from __future__ import annotations

import pytest

from tests.planning.grid_worlds import MODEL, WIN, door_key, nine_rooms, state_of
from worldwright.planning.engines import engine_named
from worldwright.planning.grounding import ground
from worldwright.planning.monitor import Monitor, Verdict
from worldwright.planning.problem import Deadline, Limits, Plan, PlanningProblem, PlanStep
from worldwright.planning.search import breadth_first, reach
from worldwright.planning.validation import reaches, still_leads, validate
from worldwright.world_model.model import Action, Prediction
from worldwright.world_model.state import State

LIMITS = Limits(cpu_seconds=60)
CORRIDOR = PlanningProblem(MODEL, state_of("###### #@..G# ######"), (WIN,))
WON = reaches(CORRIDOR.wanted)
STRAIGHT = Plan((PlanStep(Action("forward"), ("enters-free",)),) * 2 + (PlanStep(Action("forward"), ("enters-goal",)),))


def plan_of(*actions: str) -> Plan:
    return Plan(tuple(PlanStep(Action(action)) for action in actions))


def predict(state: State, action: str) -> Prediction:
    return MODEL.predict(state, Action(action))


def test_a_plan_that_works_is_valid() -> None:
    assert validate(CORRIDOR, STRAIGHT) is None
    assert engine_named("fast-downward").solve(CORRIDOR, LIMITS).plan == STRAIGHT


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (plan_of("forward", "forward"), "no goal holds"),
        (plan_of("toggle", "forward", "forward", "forward"), "step 1, (toggle): changes nothing"),
        (plan_of("forward", "forward", "forward", "left"), "step 4, (left): all is over"),
    ],
)
def test_a_plan_that_does_not_work_is_told_why(plan: Plan, reason: str) -> None:
    found = validate(CORRIDOR, plan)
    assert found is not None
    assert reason in found


def test_a_plan_still_leads_as_long_as_nothing_comes_between() -> None:
    state = predict(CORRIDOR.state, "forward").state
    assert still_leads(MODEL, state, STRAIGHT.rest(), WON)
    assert not still_leads(MODEL, predict(state, "left").state, STRAIGHT.rest(), WON)
    assert not still_leads(MODEL, state, STRAIGHT.rest(2), WON)
    blocked = state.with_change({("on", "c3_1"): "wall"})
    assert not still_leads(MODEL, blocked, STRAIGHT.rest(), WON)


def test_a_plan_that_arrives_early_leads() -> None:
    state = predict(predict(predict(CORRIDOR.state, "forward").state, "forward").state, "forward").state
    assert still_leads(MODEL, state, Plan(), WON)
    assert still_leads(MODEL, state, STRAIGHT, WON)


def test_the_monitor_goes_on_replans_or_learns() -> None:
    monitor, state = Monitor(), predict(CORRIDOR.state, "forward").state
    turned = predict(state, "left").state
    assert monitor.decide(False, MODEL, state, STRAIGHT.rest(), WON) is Verdict.GO_ON
    assert monitor.decide(False, MODEL, turned, STRAIGHT.rest(), WON) is Verdict.REPLAN
    assert monitor.decide(True, MODEL, state, STRAIGHT.rest(), WON) is Verdict.LEARN


def test_states_are_reached_nearest_first_and_read_like_states() -> None:
    task = ground(PlanningProblem(MODEL, CORRIDOR.state, ()), Deadline(LIMITS))
    found = list(reach(task, limit=1000))
    assert [each.cost for each in found] == sorted(each.cost for each in found)
    assert len({each.packed for each in found}) == len(found) == 3 * 4 + 1  # nothing is done on the goal square
    for each in found:
        state = each.state()
        assert task.encode(state) == each.values
        assert all(each.value(fluent) == state.value(fluent) for fluent in (*state.values, ("won",)))
        replayed = CORRIDOR.state
        for operator in each.path():
            replayed = MODEL.predict(replayed, operator.action).state
        assert replayed == state
        assert len(each.path()) == each.cost


def test_the_nearest_state_that_is_accepted_is_found_within_the_limit_by_the_allowed_operators() -> None:
    task = ground(PlanningProblem(MODEL, CORRIDOR.state, ()), Deadline(LIMITS))
    there = breadth_first(task, lambda reached: reached.value(("agent-at",)) == "c3_1", limit=1000)
    assert there is not None
    assert [operator.action.name for operator in there.path()] == ["forward", "forward"]
    assert breadth_first(task, lambda reached: reached.value(("agent-at",)) == "c3_1", limit=3) is None
    still = breadth_first(
        task,
        lambda reached: reached.value(("agent-at",)) == "c3_1",
        limit=1000,
        allow=lambda operator: operator.action.name != "forward",
    )
    assert still is None


def test_looking_around_keeps_the_nearest_things_movable() -> None:
    task = ground(PlanningProblem(MODEL, nine_rooms().state, ()), Deadline(LIMITS))
    assert len(task.left_out) == 15
    assert any(operator.action.name == "drop" for operator in task.operators)
    assert len(ground(PlanningProblem(MODEL, door_key(8).state, ()), Deadline(LIMITS)).left_out) == 0


def test_the_same_problem_gives_the_same_task_and_plan() -> None:
    problem = nine_rooms(seed=3)
    assert ground(problem, Deadline(LIMITS)) == ground(problem, Deadline(LIMITS))
    first, second = (engine_named("fast-downward").solve(problem, LIMITS).plan for _ in range(2))
    assert first == second
