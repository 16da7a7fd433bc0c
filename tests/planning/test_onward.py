"""A plan is made for what is to be reached after it, too."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.planning.grid_worlds import MODEL, goal, holding, next_to, rule, state_of
from worldwright.envs.minigrid.vocabulary import NOTHING, VOCABULARY
from worldwright.planning.engines import engine_named
from worldwright.planning.lookahead import Lookahead
from worldwright.planning.problem import Limits, PlanningProblem, PlanResult, PlanStatus
from worldwright.world_model.goal import AnyOf, Goal, Reach, Then, in_turn, next_reaches
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import State
from worldwright.world_model.syntax import parse_rule

LIMITS = Limits(cpu_seconds=60)
HOLD_BALL, HOLD_KEY = holding("ball", "red"), holding("key", "yellow")
TURNS = (HOLD_BALL, next_to("ball", "red", "box", "green"), HOLD_KEY, next_to("key", "yellow", "box", "purple"))
WALLED_IN = "######### #@.b#k#.# ####.#### #...x...# #########"  # the key is
VANISHES = parse_rule(
    VOCABULARY,
    rule(
        "opens-box",
        "toggle",
        "?a - cell ?d - direction ?f - cell ?t - thing",
        "(agent-at ?a) (facing ?d) (next ?d ?a ?f) (on ?f ?t) (kind ?t box)",
        f"(not (on ?f ?t)) (on ?f {NOTHING})",
    ),
)


def room(seed: int) -> State:
    """Two rooms with a gap between them, and four things in them that do not touch."""
    rng = random.Random(seed)
    grid = [list(row) for row in ("###########", *["#....#....#"] * 5, "###########")]
    grid[rng.randint(1, 5)][5] = "."
    free = [(x, y) for x in range(1, 10) for y in range(1, 6) if x not in (4, 5, 6)]
    while True:
        places = rng.sample(free, 5)
        if all(abs(x - u) + abs(y - v) > 1 for x, y in places for u, v in places if (x, y) != (u, v)):
            break
    for mark, (x, y) in zip("@bxkX", places, strict=True):
        grid[y][x] = mark
    return state_of("\n".join(map("".join, grid)))


def solved(state: State, *turns: Goal, model: WorldModel = MODEL, spared: frozenset[str] = frozenset()) -> PlanResult:
    now, *onward = in_turn(Then(turns))
    lookahead = Lookahead(model)
    problem = PlanningProblem(
        model, state, tuple(next_reaches(now)), spared=spared, lookahead=lookahead, onward=tuple(onward)
    )
    return engine_named("fast-downward").solve(problem, LIMITS)


def turn_by_turn(state: State) -> int:
    """How many steps it takes to plan for each turn once it has come."""
    steps = 0
    for each in TURNS:
        plan = solved(state, each).plan
        assert plan is not None
        steps += len(plan)
        for action in plan.actions:
            state = MODEL.predict(state, action).state
    return steps


def test_plans_follow_one_another_and_together_take_no_longer_than_those_made_in_turn() -> None:
    saved = []
    for seed in range(25):
        state = start = room(seed)
        result = solved(start, *TURNS)
        assert result.plan is not None
        assert result.goal == HOLD_BALL
        plans = (result.plan, *result.onward)
        assert len(plans) == len(TURNS)
        for plan, turn in zip(plans, TURNS, strict=True):
            for action in plan.actions:
                state = MODEL.predict(state, action).state
            assert turn.query(VOCABULARY).holds(state)
        saved.append(turn_by_turn(start) - sum(map(len, plans)))
    assert min(saved) >= 0
    assert sum(saved) > 10


def test_without_what_comes_after_the_plan_is_a_shortest_one() -> None:
    for seed in range(25):
        alone, first = (solved(room(seed), *turns) for turns in (TURNS[:1], TURNS))
        shortest = engine_named("fast-downward-optimal").solve(PlanningProblem(MODEL, room(seed), TURNS[:1]), LIMITS)
        assert not alone.onward
        assert alone.plan is not None
        assert first.plan is not None
        assert shortest.plan is not None
        assert len(alone.plan) == len(shortest.plan)
        assert 0 <= len(first.plan) - len(alone.plan) <= 1


def test_what_is_not_known_yet_is_not_planned_for() -> None:
    result = solved(room(0), *TURNS[:2], holding("key", "blue"), TURNS[3])
    assert result.plan is not None
    assert len(result.onward) == 1


@pytest.mark.parametrize("turns", [(HOLD_KEY, HOLD_BALL), (HOLD_KEY,)])
def test_what_is_out_of_reach_has_no_plan_whatever_comes_after(turns: tuple[Reach, ...]) -> None:
    result = solved(state_of(WALLED_IN), *turns)
    assert result.status is PlanStatus.UNSOLVABLE
    assert not result.onward


def test_what_comes_after_something_out_of_reach_is_not_planned_for() -> None:
    result = solved(state_of(WALLED_IN), HOLD_BALL, HOLD_KEY, TURNS[1])
    assert result.solved
    assert not result.onward


def test_what_cannot_be_reached_after_it_leaves_the_plan_as_it_is() -> None:
    """To look for a way to the key comes to nothing."""
    state = state_of(WALLED_IN)
    alone, first = solved(state, HOLD_BALL), solved(state, HOLD_BALL, HOLD_KEY)
    assert first.plan == alone.plan
    assert first.plan is not None
    assert not first.onward


def test_what_holds_by_then_takes_no_plan() -> None:
    by_then = goal("(some (?x - thing) (and (holding ?x) (kind ?x ball)))")
    assert solved(room(0), HOLD_BALL, by_then, TURNS[1]).onward == solved(room(0), *TURNS[:2]).onward


NEXT_TO_BOX = next_to("ball", "red", "box", "green")


@pytest.mark.parametrize(
    ("turns", "needed"),
    [
        ((HOLD_KEY,), False),
        ((NEXT_TO_BOX, HOLD_KEY), True),
        ((HOLD_KEY, AnyOf((HOLD_BALL, HOLD_KEY)), NEXT_TO_BOX), True),
    ],
)
def test_a_thing_is_spared_only_as_long_as_it_is_spoken_of(turns: tuple[Goal, ...], needed: bool) -> None:
    """The box bars the only way to the key; it may be opened, and is gone then, once it has served."""
    model = replace(MODEL, rules=(*MODEL.rules, VANISHES))
    state = state_of("######### ##@.x..k# ##.###### ##b###### #########")
    result = solved(state, HOLD_BALL, *turns, model=model, spared=frozenset({"t4_1"}))
    assert result.plan is not None
    assert not any(action.name == "toggle" for action in result.plan.actions)
    assert result.onward or needed
    assert any(action.name == "toggle" for plan in result.onward[:1] for action in plan.actions) != needed
