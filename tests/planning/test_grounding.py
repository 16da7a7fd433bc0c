"""The ground task means what the world model says."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.planning.small_worlds import ACTIONS, ITEMS, VOCABULARY, is_injective, problems
from worldwright.planning.grounding import ground
from worldwright.planning.problem import Deadline, Limits, PlanningProblem
from worldwright.planning.task import GroundTask
from worldwright.world_model.matching import Query
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Fluent, State, Universe, Value
from worldwright.world_model.syntax import parse_rule
from worldwright.world_model.vocabulary import ENDED

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def plain(state: State) -> dict[Fluent, Value]:
    """What a state says; a counter at 0 says no more than none."""
    return {fluent: value for fluent, value in state.values.items() if value != 0 or value is False}


def check_state(problem: PlanningProblem, task: GroundTask, values: tuple[int, ...], action: Action) -> tuple[int, ...]:
    """The successor, after the task and the model were seen to agree about it."""
    state = task.decode(values)
    prediction = problem.model.predict(state, action)
    applicable = [operator for operator in task.operators if operator.action == action and operator.applies(values)]
    if state.value((ENDED,)) is not None and any(fluent[0] == ENDED for fluent in task.fluents):
        assert applicable == []
        return values
    after = {operator.after(values) for operator in applicable}
    if not applicable:
        assert plain(prediction.state) == plain(state)
        return values
    assert len(after) == 1
    (found,) = after
    assert plain(task.decode(found)) == plain(prediction.state)
    assert task.encode(prediction.state) == found
    for operator in applicable:  # a parameter that only says what is replaced need not be bound
        firings = [firing for firing in prediction.firings if firing.rule.name == operator.rule.name]
        assert any(operator.binding.items() <= dict(firing.binding).items() for firing in firings)
    return found


@settings(max_examples=400, deadline=None, suppress_health_check=QUIET)
@given(problem=problems(), walk=st.randoms(use_true_random=False))
def test_operators_do_what_the_model_predicts(problem: PlanningProblem, walk: random.Random) -> None:
    task = ground(problem, Deadline(Limits()), complete=True)
    wanted = [Query(problem.model.vocabulary, goal.parameters, goal.conditions) for goal in problem.goals]
    values = task.initial
    assert task.decode(values) == problem.state
    for _ in range(12):
        state = task.decode(values)
        if not is_injective(state):
            return
        assert task.is_goal(values) == any(query.holds(state) for query in wanted)
        followers = [check_state(problem, task, values, action) for action in ACTIONS]
        values = walk.choice(followers)


def test_a_parameter_that_only_says_what_is_replaced_multiplies_no_operators() -> None:
    free = (
        "(:rule swap :action touch :parameters (?new - item ?old - item) :precondition (and (hand ?old))"
        " :outcomes ((1 (and (not (hand ?old)) (hand ?new))))"
        " :evidence (support 1 contradicted 0 author human learned-at 0))"
    )
    needed = free.replace("(hand ?old))", "(hand ?old) (seen ?old))", 1)
    numbers = []
    for text in (free, needed):
        universe = Universe(VOCABULARY)
        for item in ("i1", "i2"):
            universe.add_object(item, "item")
        state = State({("hand",): "none"} | {("seen", item): True for item in ITEMS}, universe)
        problem = PlanningProblem(WorldModel(VOCABULARY, (parse_rule(VOCABULARY, text),)), state, ())
        numbers.append(len(ground(problem, Deadline(Limits()), complete=True).operators))
    assert numbers[0] == len(ITEMS)
    assert numbers[1] > numbers[0]
