"""The estimate that guides a lookahead: it never says more steps than there are, and it knows of walls."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.agent.laws import gathering, sideways, two_step
from tests.planning.grid_worlds import MODEL, goal, holding, next_to, state_of
from worldwright.planning.engines import engine_named
from worldwright.planning.facts import Facts
from worldwright.planning.lookahead import Lookahead
from worldwright.planning.nearness import Nearness, Terrain
from worldwright.planning.problem import Limits, PlanningProblem
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import LiftedAtom, Literal
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import State

FACING_THE_BALL = goal(
    "(some (?a ?f - cell ?d - direction ?x - thing) "
    "(and (agent-at ?a) (facing ?d) (next ?d ?a ?f) (on ?f ?x) (kind ?x ball) (color ?x red)))"
)
ON_THE_GOAL = goal("(some (?a - cell ?x - thing) (and (agent-at ?a) (on ?a ?x) (kind ?x goal)))")
DOOR_OPEN = goal("(some (?x - thing) (and (kind ?x door) (color ?x red) (state ?x open)))")
PUT_DOWN_BESIDE = goal(
    "(some (?a ?f ?g - cell ?d ?e - direction ?x ?y - thing) "
    "(and (holding nothing) (agent-at ?a) (facing ?d) (next ?d ?a ?f) (on ?f ?x) (kind ?x ball) (color ?x red)"
    " (next ?e ?f ?g) (on ?g ?y) (kind ?y box) (color ?y green)))"
)
NAMED_DOOR = Reach((), (Literal(LiftedAtom("state", ("t0_0", "open"))),))
GOALS = (
    FACING_THE_BALL,
    PUT_DOWN_BESIDE,
    ON_THE_GOAL,
    DOOR_OPEN,
    holding("key", "yellow"),
    next_to("ball", "red", "box", "green"),
)


def nearness(state: State, goals: tuple[Reach, ...], model: WorldModel = MODEL) -> Nearness | None:
    known = {**state.universe.facts, **state.values}
    return Terrain(model).nearness(goals, state, Facts(state, model), known)


@st.composite
def drawings(draw: st.DrawFn) -> str:
    """Small maps with the agent, walls, doors and things."""
    side = draw(st.integers(3, 5))
    rng = random.Random(draw(st.integers(0, 10_000)))
    marks = ["@", *rng.choices("....#Gbxkd", k=side * side - 1)]
    rng.shuffle(marks)
    return "\n".join("".join(marks[row * side : (row + 1) * side]) for row in range(side))


@given(drawings(), st.sampled_from(GOALS), st.sampled_from([MODEL, two_step(), sideways(), gathering()]))
@settings(max_examples=300, deadline=None)
def test_there_are_at_least_so_many_steps_from_each_state_of_a_shortest_plan(
    drawing: str, wanted: Reach, model: WorldModel
) -> None:
    state = state_of(drawing)
    result = engine_named("fast-downward-optimal").solve(PlanningProblem(model, state, (wanted,)), Limits(20))
    assume(result.solved and result.plan is not None and result.plan.steps)
    assert result.plan is not None
    near, here = nearness(state, (wanted,), model), state
    assume(near is not None)
    assert near is not None
    for done, action in enumerate(result.plan.actions):
        assert near.steps(state.difference(here)) <= len(result.plan) - done
        here = model.predict(here, action).state
    assert near.steps(state.difference(here)) == 0 or not near.binding


@pytest.mark.parametrize(
    ("drawing", "steps"),
    [
        ("@....b", 4),
        ("@.#..b ......", 6),  # round the wall
        ("@.k..b", 4),  # a key can be taken out of the way
        ("@.d..b", 4),
        ("@.#..b ..#...", 1 << 10),  # no way at all
        ("@bb..b", 0),
    ],
)
def test_what_gives_way_is_no_wall(drawing: str, steps: int) -> None:
    near = nearness(state_of(drawing), (FACING_THE_BALL,))
    assert near is not None
    assert min(near.steps({}), 1 << 10) == steps


def test_the_nearest_of_several_goals_counts() -> None:
    near = nearness(state_of("k..@.....b"), (FACING_THE_BALL, holding("key", "yellow")))
    assert near is not None
    assert near.steps({}) == 4  # two places on, after a turn at least, and to take it up


def test_a_thing_may_be_named() -> None:
    near = nearness(state_of("E.k..@"), (NAMED_DOOR,))
    assert near is not None
    assert near.steps({}) == 6
    assert not near.binding


@pytest.mark.parametrize(
    ("drawing", "goals", "steps"),
    [
        ("@b....", (FACING_THE_BALL,), 0),
        ("b@....", (FACING_THE_BALL,), 1),  # it is beside the agent, who faces elsewhere
        ("b.@...", (FACING_THE_BALL,), 2),
        ("@d....", (DOOR_OPEN,), 1),  # it is to be opened
        ("d@....", (DOOR_OPEN,), 2),
        ("G@....", (ON_THE_GOAL,), 0),  # one place off is as near as is counted where one need not face it
        ("G.@...", (ON_THE_GOAL,), 2),
    ],
)
def test_who_faces_elsewhere_has_to_turn_first(drawing: str, goals: tuple[Reach, ...], steps: int) -> None:
    near = nearness(state_of(drawing), goals)
    assert near is not None
    assert near.steps({}) == steps


@pytest.mark.parametrize(
    ("model", "steps"),
    [
        (MODEL, 2),
        (sideways(), 0),  # what moves the agent to the side opens doors there
    ],
)
def test_who_acts_to_the_side_too_need_not_turn(model: WorldModel, steps: int) -> None:
    near = nearness(state_of("@\nd"), (DOOR_OPEN,), model)
    assert near is not None
    assert near.steps({}) == steps


def test_what_a_step_does_to_a_thing_is_no_further_step() -> None:
    near = nearness(state_of("@k"), (holding("key", "yellow"),), gathering())
    assert near is not None
    assert near.steps({}) == 0


def test_a_goal_is_not_bound_to_a_thing_of_which_it_does_not_say_where_it_is() -> None:
    far_from_it = (*NAMED_DOOR.conditions, Literal(LiftedAtom("agent-at", ("c5_0",))))
    near = nearness(state_of("E.k@.."), (Reach((), far_from_it),))
    assert near is not None
    assert not near.binding


def test_what_was_carried_off_is_not_far() -> None:
    near = nearness(state_of("@....b"), (FACING_THE_BALL,))
    assert near is not None
    assert near.steps({("on", "c5_0"): "nothing"}) == 0


@pytest.mark.parametrize("wanted", [goal("(some () (and (won)))"), goal("(some (?x - thing) (and (holding ?x)))")])
def test_goals_that_seek_nothing_in_particular_give_nothing_to_go_by(wanted: Reach) -> None:
    assert nearness(state_of("@....b"), (wanted,)) is None
    assert nearness(state_of("@....b"), (FACING_THE_BALL, wanted)) is None


@given(drawings(), st.sampled_from([FACING_THE_BALL, ON_THE_GOAL, DOOR_OPEN]))
@settings(max_examples=150, deadline=None)
def test_where_nothing_is_in_the_way_but_doors_plans_are_as_short_as_there_are(drawing: str, wanted: Reach) -> None:
    things = "kxb" if wanted != FACING_THE_BALL else "kx"
    state = state_of("".join("." if mark in things else mark for mark in drawing))
    problem = PlanningProblem(MODEL, state, (wanted,), lookahead=Lookahead(MODEL))
    best = engine_named("fast-downward-optimal").solve(problem, Limits(20))
    found = engine_named("fast-downward").solve(problem, Limits(20))
    assert found.solved == best.solved
    assert len(found.plan or ()) == len(best.plan or ())
