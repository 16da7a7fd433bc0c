"""A plan is made for what is to be reached after it, too."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.planning.grid_worlds import MODEL, goal, holding, next_to, rule, state_of
from worldwright.envs.minigrid.vocabulary import NOTHING, VOCABULARY
from worldwright.planning.engines import engine_named
from worldwright.planning.lookahead import Lookahead
from worldwright.planning.problem import Limits, PlanningProblem, PlanResult
from worldwright.world_model.goal import Reach
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import State
from worldwright.world_model.syntax import parse_rule

LIMITS = Limits(cpu_seconds=60)
HOLD_BALL, HOLD_KEY = holding("ball", "red"), holding("key", "yellow")
TURNS = (HOLD_BALL, next_to("ball", "red", "box", "green"), HOLD_KEY, next_to("key", "yellow", "box", "purple"))
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


def solved(state: State, *turns: Reach, model: WorldModel = MODEL, spared: frozenset[str] = frozenset()) -> PlanResult:
    onward = tuple((each,) for each in turns[1:])
    problem = PlanningProblem(model, state, turns[:1], spared=spared, lookahead=Lookahead(model), onward=onward)
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
        assert not alone.onward
        assert alone.plan is not None
        assert first.plan is not None
        assert 0 <= len(first.plan) - len(alone.plan) <= 1


def test_what_is_not_known_yet_is_not_planned_for() -> None:
    result = solved(room(0), *TURNS[:2], holding("key", "blue"), TURNS[3])
    assert result.plan is not None
    assert len(result.onward) == 1


def test_what_cannot_be_reached_after_it_leaves_the_plan_as_it_is() -> None:
    """The key is walled in: to look for a way to it comes to nothing."""
    state = state_of("######### #@.b#k#.# ####.#### #...x...# #########")
    alone, first = solved(state, HOLD_BALL), solved(state, HOLD_BALL, HOLD_KEY)
    assert first.plan == alone.plan
    assert first.plan is not None
    assert not first.onward


def test_what_holds_by_then_takes_no_plan() -> None:
    assert solved(room(0), HOLD_BALL, goal(str(HOLD_BALL)), TURNS[1]).onward == solved(room(0), *TURNS[:2]).onward


@pytest.mark.parametrize("needed", [True, False])
def test_a_thing_is_spared_only_as_long_as_it_is_spoken_of(needed: bool) -> None:
    """The box bars the only way to the key; it may be opened, and is gone then, once it has served."""
    model = replace(MODEL, rules=(*MODEL.rules, VANISHES))
    state = state_of("######### ##@.x..k# ##.###### ##b###### #########")
    next_turn = next_to("ball", "red", "box", "green") if needed else HOLD_KEY
    result = solved(state, HOLD_BALL, next_turn, HOLD_KEY, model=model, spared=frozenset({"t4_1"}))
    toggles = [[action.name == "toggle" for action in plan.actions] for plan in result.onward]
    assert result.onward
    assert not any(result.plan and action.name == "toggle" for action in (result.plan.actions if result.plan else ()))
    assert any(toggles[0]) != needed
