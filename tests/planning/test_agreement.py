"""Independent ways to plan agree: our grounder and searches, Fast Downward, and unified-planning's own reading."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from unified_planning import environment as up_environment
from unified_planning.engines import UPSequentialSimulator
from unified_planning.environment import Environment

from tests.planning.grid_worlds import MODEL, WIN, door_key, state_of
from tests.planning.small_worlds import is_injective, problems
from worldwright.planning import sas
from worldwright.planning.engines import FastDownward, GroundingEngine, engine_named
from worldwright.planning.grounding import ground
from worldwright.planning.problem import Deadline, Limits, PlanningProblem, PlanStatus
from worldwright.planning.search import breadth_first
from worldwright.planning.up_bridge import pddl
from worldwright.planning.up_worker import quietened, read_problem, solve
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.pddl_names import names_of
from worldwright.world_model.state import GroundAtom, State

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
LIMITS = Limits(cpu_seconds=60)
OPTIMAL = GroundingEngine(FastDownward((sas.OPTIMAL,)))


def fresh_environment() -> Environment:
    """A new global environment: unified-planning keeps what every problem before said, and mixes its own in."""
    up_environment.GLOBAL_ENVIRONMENT = quietened(Environment())
    return up_environment.GLOBAL_ENVIRONMENT


def stays_injective(problem: PlanningProblem) -> bool:
    """Whether no state that is reachable breaks what the vocabulary promises."""
    task = ground(problem, Deadline(LIMITS), complete=True)
    return breadth_first(task, lambda reached: not is_injective(reached.state()), limit=300) is None


@settings(max_examples=100, deadline=None, suppress_health_check=QUIET)
@given(problem=problems())
def test_our_searches_and_fast_downward_find_plans_of_the_same_length(problem: PlanningProblem) -> None:
    assume(stays_injective(problem))
    ours, theirs = engine_named("search").solve(problem, LIMITS), OPTIMAL.solve(problem, LIMITS)
    assert ours.status in (PlanStatus.SOLVED, PlanStatus.UNSOLVABLE), ours.reason
    assert ours.status is theirs.status, theirs.reason
    task = ground(problem, Deadline(LIMITS), complete=True)
    nearest = breadth_first(task, lambda reached: task.is_goal(reached.values), limit=100_000)
    assert (nearest is None) == (ours.plan is None)
    if nearest is not None and ours.plan is not None and theirs.plan is not None:
        assert nearest.cost == len(ours.plan) == len(theirs.plan) == len(nearest.path())


@pytest.mark.parametrize("seed", range(6))
def test_searches_agree_on_door_key(seed: int) -> None:
    problem = door_key(8, seed)
    lengths = {
        len(result.plan or ())
        for result in (OPTIMAL.solve(problem, LIMITS), engine_named("search").solve(problem, LIMITS))
    }
    assert len(lengths) == 1
    assert lengths != {0}


@settings(max_examples=25, deadline=None, suppress_health_check=QUIET)
@given(problem=problems(simple=True))
def test_unified_planning_finds_plans_of_the_same_length(problem: PlanningProblem) -> None:
    assume(stays_injective(problem))
    result = OPTIMAL.solve(problem, LIMITS)
    assume(result.plan is None or len(result.plan) > 0)
    try:
        domain, task = pddl(problem)
    except WorldwrightError:
        assume(False)
    fresh_environment()
    answer = solve("fast-downward-opt", 60, domain, task)
    if answer["status"] == PlanStatus.SOLVED:
        assert result.plan is not None
        assert len(answer["steps"]) == len(result.plan)
    else:
        # It also says `unsolvable` without claiming a proof, and refuses a few forms of rules.
        assert answer["status"] in (PlanStatus.UNSOLVABLE, PlanStatus.FAILED, PlanStatus.UNSUPPORTED), answer
        if answer["status"] == PlanStatus.UNSOLVABLE:
            assert result.status is PlanStatus.UNSOLVABLE


def up_values(problem: PlanningProblem, simulated: object, read: object, state: State) -> None:
    """Assert that unified-planning's state says what ours does, atom by atom."""
    names = names_of(problem.model, problem.state)
    own = {pddl_name: name for table in (names.predicates, names.objects) for name, pddl_name in table.items()}
    for fluent in read.initial_values:  # type: ignore[attr-defined]
        words = [own[fluent.fluent().name], *(own[str(arg)] for arg in fluent.args)]
        said = simulated.get_value(fluent).bool_constant_value()  # type: ignore[attr-defined]
        assert said == state.holds(GroundAtom(words[0], tuple(words[1:])))


@settings(max_examples=20, deadline=None, suppress_health_check=QUIET)
@given(problem=problems(simple=True), walk=st.randoms(use_true_random=False))
def test_operators_do_what_unified_plannings_simulator_does(problem: PlanningProblem, walk: random.Random) -> None:
    assume(stays_injective(problem))
    try:
        domain, task_text = pddl(problem)
    except WorldwrightError:
        assume(False)
    read = read_problem(domain, task_text, fresh_environment())
    follow(problem, read, walk, steps=4)


def test_a_plan_does_the_same_in_unified_plannings_simulator() -> None:
    problem = PlanningProblem(MODEL, state_of("####### #.k#..# #@.D.G# #######"), (WIN,))
    read = read_problem(*pddl(problem), fresh_environment())
    result = engine_named("fast-downward").solve(problem, LIMITS)
    assert result.plan is not None
    simulator = UPSequentialSimulator(read, error_on_failed_checks=False)
    names = names_of(problem.model, problem.state)
    simulated, state = simulator.get_initial_state(), problem.state
    for step in result.plan.steps:
        prediction = problem.model.predict(state, step.action)
        (firing,) = prediction.firings
        pddl_action = read.action(names.rules[problem.model.rules.index(firing.rule)])
        objects = [read.object(names.objects[firing.binding[p.name]]) for p in firing.rule.parameters]
        simulated = simulator.apply(simulated, pddl_action, objects)
        state = prediction.state
        up_values(problem, simulated, read, state)
    assert simulator.is_goal(simulated)


def follow(problem: PlanningProblem, read: object, walk: random.Random, steps: int) -> None:
    """Walk along operators, with the simulator beside."""
    task = ground(problem, Deadline(LIMITS), complete=True)
    simulator = UPSequentialSimulator(read, error_on_failed_checks=False)
    names = names_of(problem.model, problem.state)
    simulated, values = simulator.get_initial_state(), task.initial
    for _ in range(steps):
        operators = [operator for operator in task.operators if operator.applies(values)]
        if not operators:
            return
        operator = walk.choice(operators)
        ways = [
            (action, objects)
            for action, objects in simulator.get_applicable_actions(simulated)
            if names.action_of(action.name, [str(each) for each in objects]) == operator.action
        ]
        assert ways
        values = operator.after(values)
        for way in ways[:2]:
            up_values(problem, simulator.apply(simulated, *way), read, task.decode(values))
        simulated = simulator.apply(simulated, *ways[0])
