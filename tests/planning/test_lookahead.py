"""Looking ahead step by step finds what the model itself says, however much was remembered of other states."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from tests.planning.grid_worlds import MODEL, RULES, WIN, door_key, holding, next_to, state_of
from worldwright.envs.household.vocabulary import VOCABULARY as HOUSEHOLD
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.planning.ahead import Ahead
from worldwright.planning.aims import MOST
from worldwright.planning.engines import engine_named
from worldwright.planning.lookahead import Lookahead, Lookaheads, follows
from worldwright.planning.problem import Deadline, Limits, PlanningProblem, PlanningStopped, PlanStatus, PlanStep
from worldwright.planning.validation import replay
from worldwright.world_model.goal import Reach
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Fluent, State, Value
from worldwright.world_model.syntax import parse_rule

LIMITS = Limits(cpu_seconds=60)
MANY = 100_000
ACTIONS = [Action(signature.name) for signature in VOCABULARY.actions]
ROOMS = """
#########
#@..d...#
#.k.#.b.#
#...#...#
#########
"""
OPEN = frozenset({("state", "t4_1")})


def by_the_model(state: State, limit: int) -> Mapping[State, int]:
    """The states that the model leads to, with how many steps it takes."""
    found = {state: 0}
    queue = deque([state])
    while queue and len(found) < limit:
        here = queue.popleft()
        if here.value(("ended",)):
            continue
        for action in ACTIONS:
            after = MODEL.predict(here, action).state
            if after not in found:
                found[after] = found[here] + 1
                queue.append(after)
    return found


def by_looking(lookahead: Lookahead, state: State, limit: int = MANY) -> dict[State, int]:
    return {state.with_change(ahead.changed): ahead.cost for ahead in lookahead.reach(state, limit)}


def passing(state: State, steps: Sequence[PlanStep]) -> list[State]:
    """The states that steps lead through, the first among them."""
    passed = [state]
    for step in steps:
        passed.append(MODEL.predict(passed[-1], step.action).state)
    return passed


def walk(state: State, steps: int, seed: int) -> list[State]:
    """States on a random way."""
    rng = random.Random(seed)
    states = [state]
    for _ in range(steps):
        states.append(MODEL.predict(states[-1], rng.choice(ACTIONS)).state)
    return states


def planned(
    lookahead: Lookahead, state: State, *goals: Reach, shortest: bool = True, limit: int = MANY, cpu: float = 60
) -> tuple[PlanStep, ...] | None:
    problem = PlanningProblem(MODEL, state, goals)
    plans = lookahead.plan(problem, Deadline(Limits(cpu)), shortest, limit)
    return None if plans is None else plans[0].steps if plans else ()


def test_what_is_reached_is_what_the_model_leads_to_in_as_many_steps() -> None:
    state = state_of("####### #@.d.G# #k..L.# #######")
    everything = by_the_model(state, MANY)
    assert len(everything) > 300
    assert by_looking(Lookahead(MODEL), state) == everything


@pytest.mark.parametrize("seed", range(5))
def test_what_was_remembered_of_other_states_says_nothing_wrong(seed: int) -> None:
    lookahead = Lookahead(MODEL)
    for state in walk(state_of(ROOMS), 40, seed)[::8]:
        nearest = by_looking(lookahead, state, 60)
        assert nearest == by_looking(Lookahead(MODEL), state, 60)
        near = by_the_model(state, 200)
        assert all(near[there] == cost for there, cost in nearest.items() if cost <= 2)


def test_what_becomes_known_of_the_map_counts() -> None:
    """A cell that is discovered beside one where a step was worked out opens the way."""
    state = state_of("#### #@.# ####")
    lookahead = Lookahead(MODEL)
    assert len(list(lookahead.reach(state, MANY))) == 8
    universe = state.universe
    universe.add_object("c2_0x", "cell")
    universe.add_fact(("next", "north", "c2_0x", "c2_0x"))
    larger = state.with_change({("on", "c3_1"): "nothing"})
    assert by_looking(lookahead, larger) == by_the_model(larger, MANY)
    assert len(by_looking(lookahead, larger)) == 12


@pytest.mark.parametrize("shortest", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_plans_are_as_short_as_optimal_ones(seed: int, shortest: bool) -> None:
    """Going nowhere twice is no detour where there is one door and what is needed is what the goal speaks of."""
    problem = door_key(5 + seed % 3, seed)
    steps = planned(Lookahead(MODEL), problem.state, *problem.goals, shortest=shortest)
    assert steps is not None
    best = engine_named("search").solve(problem, LIMITS)
    assert best.plan is not None and len(steps) == len(best.plan)
    assert not isinstance(replay(problem, [step.action for step in steps]), str)


@pytest.mark.parametrize("goal", [next_to("key", "yellow", "ball", "red"), next_to("ball", "red", "key", "yellow")])
def test_what_is_to_be_put_somewhere_is_carried_there(goal: Reach) -> None:
    state = state_of(ROOMS)
    problem = PlanningProblem(MODEL, state, (goal,))
    steps = planned(Lookahead(MODEL), state, goal, shortest=False)
    best = engine_named("fast-downward-optimal").solve(problem, LIMITS)
    assert steps is not None and best.plan is not None
    assert not isinstance(replay(problem, [step.action for step in steps]), str)
    assert len(best.plan) <= len(steps) <= 1.5 * len(best.plan)


def test_only_the_engine_for_shortest_plans_goes_nowhere_twice() -> None:
    """A ball that is not asked for is in the way: to take it is the last resort, and not the shortest plan."""
    state = state_of("####### #@b..k# #.###.# #.....# #######")
    problem = PlanningProblem(MODEL, state, (holding("key", "yellow"),), lookahead=Lookahead(MODEL))
    around = engine_named("fast-downward").solve(problem, LIMITS)
    best = engine_named("fast-downward-optimal").solve(problem, LIMITS)
    assert around.plan is not None and best.plan is not None
    assert Action("drop") not in around.plan.actions
    assert len(best.plan) <= len(around.plan)


@pytest.mark.parametrize("seed", range(6))
def test_an_engine_solves_the_same_with_and_without(seed: int) -> None:
    problem = door_key(6, seed)
    asked = [problem, *(replace(problem, goals=(goal,)) for goal in (holding("key", "yellow"), holding("box", "red")))]
    for each in asked:
        plain = engine_named("fast-downward").solve(each, LIMITS)
        looked = engine_named("fast-downward").solve(replace(each, lookahead=Lookahead(MODEL)), LIMITS)
        assert looked.status is plain.status
        if plain.plan is not None and looked.plan is not None:
            assert len(looked.plan) <= len(plain.plan)


def test_that_all_in_reach_was_looked_at_in_vain_is_a_proof() -> None:
    state = state_of("##### #@.D# #..#G #####")
    with pytest.raises(PlanningStopped) as stopped:
        planned(Lookahead(MODEL), state, WIN, shortest=False)
    assert stopped.value.status is PlanStatus.UNSOLVABLE
    assert planned(Lookahead(MODEL), state, WIN, limit=3) is None
    with pytest.raises(PlanningStopped) as stopped:
        planned(Lookahead(MODEL), state, WIN, cpu=0)
    assert stopped.value.status is PlanStatus.TIMEOUT


def test_goals_that_too_many_things_may_meet_are_left_to_planners() -> None:
    row = "#" + "k" * (MOST + 1) + "@.#"
    state = state_of(" ".join(["#" * len(row), row, "#" * len(row)]))
    assert planned(Lookahead(MODEL), state, next_to("key", "yellow", "key", "yellow")) is None


def test_going_directly_comes_nowhere_twice_and_everywhere_where_one_can_go() -> None:
    state = state_of(ROOMS)
    walks = Lookaheads().of(MODEL, leaving=True)
    assert walks is not None
    found = list(walks.reach(state, MANY, directly=True))
    stood = [(ahead.value(("agent-at",)), ahead.value(("facing",))) for ahead in found]
    standing = {(str(cell), str(way)) for cell, way in stood}
    every = {(str(s.value(("agent-at",))), str(s.value(("facing",)))) for s in by_looking(walks, state)}
    assert standing == every and ("c6_1", "east") in standing
    opened = sum(bool(ahead.changed.keys() & OPEN) and ahead.value(("agent-at",)) == "c3_1" for ahead in found)
    assert opened == 1, "the door is opened in front of it, and then only walked through"
    assert not any(ahead.value(("holding",)) != "nothing" for ahead in found)


@pytest.mark.parametrize("seed", range(4))
def test_of_ways_equally_short_the_one_of_most_worth_is_gone(seed: int) -> None:
    state, rng = state_of(ROOMS), random.Random(seed)
    walks = Lookaheads().of(MODEL, leaving=True)
    assert walks is not None
    found = list(walks.reach(state, MANY, directly=True))
    worth = {ahead: rng.choice((0.0, 0.1, 1.0)) for ahead in found}
    passed = {state.with_change(ahead.changed): each for ahead, each in worth.items()}
    other, better = 0, 0
    for ahead in found:
        steps = ahead.path(worth)
        assert len(steps) == ahead.cost
        *between, end = passing(state, steps)
        assert end == state.with_change(ahead.changed)
        *usual, _ = passing(state, ahead.path())
        gained = sum(passed[each] for each in between) - sum(passed[each] for each in usual)
        assert gained > -1e-6
        other, better = other + (steps != ahead.path()), better + (gained > 0.05)
    assert other and better


@pytest.mark.parametrize(("more", "side"), [({}, "right"), ({("won",): True}, "left")])
def test_a_way_on_which_something_else_comes_about_leads_elsewhere(more: Mapping[Fluent, Value], side: str) -> None:
    left, right = (PlanStep(Action(name)) for name in ("left", "right"))
    first = Ahead(state_of(ROOMS), {})
    north, south = first.after({("facing",): "north"}, left), first.after({("facing",): "south", **more}, right)
    about = north.after({("facing",): "west"}, left)
    about.also_after(south, {("facing",): "west"}, right)
    assert [step.action.name for step in about.path({south: 1.0})] == [side, side]


def test_who_takes_arguments_or_searches_is_not_followed() -> None:
    searching = parse_rule(
        VOCABULARY,
        "(:rule left-any :action left :parameters (?x - thing) :precondition (and (kind ?x key))"
        " :outcomes ((1 (and (won)))))",
    )
    assert follows(MODEL)
    assert not follows(WorldModel(VOCABULARY, (*RULES, searching)))
    assert not follows(WorldModel(HOUSEHOLD))
    assert Lookaheads().of(WorldModel(HOUSEHOLD)) is None


def test_each_set_of_laws_is_looked_ahead_with_on_its_own() -> None:
    lookaheads = Lookaheads()
    fewer = WorldModel(VOCABULARY, tuple(rule for rule in RULES if rule.action != "pickup"))
    first = lookaheads.of(MODEL)
    assert lookaheads.of(replace(MODEL, steps=7)) is first
    assert first is not None and lookaheads.of(fewer) is not first
    state = state_of("##### #@k.# #####")
    assert planned(first, state, holding("key", "yellow")) is not None
    other = lookaheads.of(fewer)
    assert other is not None
    with pytest.raises(PlanningStopped):
        planned(other, state, holding("key", "yellow"))


def test_what_nothing_known_is_like_is_given_up_before_anything_is_grounded() -> None:
    problem = PlanningProblem(MODEL, state_of(ROOMS), (holding("box", "green"),))
    result = engine_named("fast-downward").solve(problem, LIMITS)
    assert result.status is PlanStatus.UNSOLVABLE and "ground" not in result.statistics.cpu
    found = engine_named("fast-downward").solve(replace(problem, goals=(holding("ball", "red"),)), LIMITS)
    assert found.status is PlanStatus.SOLVED


@pytest.mark.parametrize(
    ("drawing", "takes"),
    [
        ("###### #@b.G# #....# ######", False),
        (f"{'#' * 26} #@b.G{'.' * 20}# #.{'#' * 22}.# #{'.' * 24}# {'#' * 26}", True),
    ],
)
def test_a_thing_in_the_way_is_gone_round_unless_that_is_long(drawing: str, takes: bool) -> None:
    steps = planned(Lookahead(MODEL), state_of(drawing), WIN, shortest=False)
    assert steps is not None
    assert any(step.action.name == "pickup" for step in steps) is takes
