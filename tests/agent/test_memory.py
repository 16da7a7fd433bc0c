"""What the agent remembers of a world, held against the world itself."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from minigrid.core.world_object import Ball, Box, Key, Wall, WorldObj

from tests.agent.laws import sliding, slippery, two_step, usual
from tests.agent.stage import Play
from tests.agent.walking import MOVING, Moment, Truth, believed_look, look, walk
from worldwright.agent.cells import cell_name
from worldwright.agent.memory import Habits, Memory
from worldwright.envs.minigrid.perceiver import MiniGridPerceiver
from worldwright.envs.minigrid.vocabulary import ACTIONS, NOTHING, VOCABULARY
from worldwright.envs.registry import make_env
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.scene_graph import SceneGraph
from worldwright.world_model.state import State, Universe

LEVELS = (
    "BabyAI-BossLevel-v0",
    "BabyAI-GoToLocal-v0",
    "BabyAI-KeyInBox-v0",
    "BabyAI-PutNextLocal-v0",
    "BabyAI-UnlockLocal-v0",
    "MiniGrid-BlockedUnlockPickup-v0",
    "MiniGrid-DoorKey-16x16-v0",
    "MiniGrid-DoorKey-6x6-v0",
    "MiniGrid-Empty-16x16-v0",
    "MiniGrid-Fetch-8x8-N3-v0",
    "MiniGrid-FourRooms-v0",
    "MiniGrid-GoToDoor-8x8-v0",
    "MiniGrid-KeyCorridorS3R3-v0",
    "MiniGrid-LavaCrossingS9N2-v0",
    "MiniGrid-LockedRoom-v0",
    "MiniGrid-MemoryS11-v0",
    "MiniGrid-MultiRoom-N6-v0",
    "MiniGrid-ObstructedMaze-2Dlhb-v0",
    "MiniGrid-PutNear-8x8-N3-v0",
    "MiniGrid-RedBlueDoors-8x8-v0",
)
SMALL = ("BabyAI-GoToLocal-v0", "MiniGrid-DoorKey-6x6-v0", "MiniGrid-KeyCorridorS3R3-v0", "MiniGrid-MultiRoom-N6-v0")


def check(moment: Moment, thorough: bool = True) -> None:
    """The agent knows where it is, what it holds, and how everything looked when it last saw it."""
    where = (moment.memory.step, str(moment.action))
    assert moment.memory.position == moment.truth.position, where
    held = moment.truth.world.carrying
    believed = str(moment.sighting.state.value(("holding",)))
    assert believed_look(moment.sighting.state, believed) == look(held), where
    if thorough:
        assert moment.mistakes() == {}, where


# -- walks with the right laws ---------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("quick", [False, True], ids=["learning", "frozen"])
def test_who_knows_the_laws_is_never_lost_and_remembers_all_it_saw(level: str, quick: bool) -> None:
    for number, moment in enumerate(walk(level, seed=7, steps=150, model=usual(), quick=quick)):
        check(moment, thorough=number % 5 == 0)
        assert quick or moment.sighting.certain


@pytest.mark.parametrize("level", SMALL)
@pytest.mark.parametrize("quick", [False, True], ids=["learning", "frozen"])
@pytest.mark.parametrize(
    ("law", "laws"),
    [("two-step", two_step), ("sliding", sliding), ("slippery", slippery)],
    ids=["two-step", "sliding", "slippery"],
)
def test_other_ways_of_walking_do_not_break_the_map(
    level: str, quick: bool, law: str, laws: Callable[[], WorldModel]
) -> None:
    # Of a slide whose end is out of sight the rules say nothing, so that nothing rests on experience there.
    unforeseen = 0 if law == "sliding" else 1000
    for number, moment in enumerate(walk(level, 3, 150, laws(), quick=quick, law=law, unforeseen=unforeseen)):
        check(moment, thorough=number % 5 == 0)


@pytest.mark.parametrize("law", ["closing-doors", "swap-pickup", "ball-to-key", "key-consumed"])
def test_things_may_change_in_ways_that_the_laws_do_not_foretell(law: str) -> None:
    for level in ("BabyAI-BossLevel-v0", "MiniGrid-KeyCorridorS3R3-v0"):
        for moment in walk(level, 5, 150, usual(), law=law):
            check(moment)


def test_a_world_wider_than_the_map_at_first_is_remembered_whole() -> None:
    env = make_env("MiniGrid-Empty-8x8-v0", size=100, max_steps=10_000)
    perceiver, model = MiniGridPerceiver(), usual()
    observation, _ = env.reset(seed=0)
    memory = Memory(VOCABULARY, perceiver.landmarks)
    truth = Truth(env.unwrapped, (1, 1))  # type: ignore[arg-type]
    sighting = memory.update(perceiver.perceive(observation))
    truth.look_around()
    for name in ("right", *["forward"] * 97, "left", *["forward"] * 50):
        foreseen = model.possibilities(sighting.state, Action(name))
        observation = env.step(ACTIONS.index(name))[0]
        sighting = memory.update(perceiver.perceive(observation), foreseen, lambda: Habits(1000))
        truth.look_around()
        assert memory.position == truth.position
    assert memory.position == (50, 97)
    believed = {place for place in truth.seen if ("on", cell_name(place)) in sighting.state.values}
    assert believed == set(truth.seen)


# -- walks without any law -------------------------------------------------------------------------------


def test_who_knows_no_law_is_seldom_sure_of_a_way_that_it_did_not_go() -> None:
    """Measured with three seeds: of 5,855 ways 83% are sure, and of these 4 are wrong."""
    tally: Counter[str] = Counter()
    for level in LEVELS:
        for moment in walk(level, seed=11, steps=100):
            if moment.action is not None:
                tally["steps"] += 1
                tally["sure"] += moment.sighting.certain
                tally["wrong"] += moment.sighting.certain and moment.came != moment.guessed
    assert tally["wrong"] <= 0.005 * tally["sure"]
    assert tally["sure"] >= 0.75 * tally["steps"]


def test_where_all_looks_the_same_nothing_is_sure_and_a_law_decides() -> None:
    """Far from what could tell one place from another, a step cannot be told from standing still."""
    for model, sure in ((None, False), (usual(), True)):
        env = make_env("MiniGrid-Empty-8x8-v0", size=40, agent_start_pos=(20, 20), max_steps=1000)
        perceiver = MiniGridPerceiver()
        observation, _ = env.reset(seed=0)
        memory = Memory(VOCABULARY, perceiver.landmarks)
        sighting = memory.update(perceiver.perceive(observation))
        for _ in range(4):
            foreseen = model.possibilities(sighting.state, Action("forward")) if model else []
            observation = env.step(ACTIONS.index("forward"))[0]
            known = partial(Habits, 1000 if model else 0)
            sighting = memory.update(perceiver.perceive(observation), foreseen, known)
            assert sighting.certain is sure
        assert memory.position == ((4, 0) if model else (0, 0))


# -- things and their names ------------------------------------------------------------------------------


def test_a_thing_keeps_its_name_when_it_is_carried_and_put_down() -> None:
    play = Play({(2, 4): Key("red"), (5, 5): Ball("red")})
    key, ball = play.at(2, 4), play.at(5, 5)
    assert key != ball
    play.do("pickup")
    assert (play.hand, play.at(2, 4)) == (key, NOTHING)
    play.do("forward", "left", "forward", "right")
    assert (play.hand, play.at(5, 5)) == (key, ball)
    play.do("drop")
    assert (play.hand, play.at(3, 3)) == (NOTHING, key)


def test_things_that_look_the_same_are_told_apart_by_where_they_are() -> None:
    play = Play({(2, 4): Key("red"), (2, 5): Key("red"), (3, 4): Key("red")})
    near, right, far = play.at(2, 4), play.at(2, 5), play.at(3, 4)
    assert len({near, right, far}) == 3
    play.do("pickup")
    assert (play.hand, play.at(2, 5), play.at(3, 4)) == (near, right, far)
    play.do("left", "drop", "right")  # put down at (1, 3), beside the agent
    assert (play.hand, play.at(1, 3), play.at(3, 4)) == (NOTHING, near, far)
    play.do("forward", "pickup", "left", "drop")
    assert (play.at(2, 3), play.at(1, 3), play.at(2, 5)) == (far, near, right)


def test_a_thing_put_down_out_of_place_and_seen_again_later_is_the_same() -> None:
    play = Play({(2, 4): Box("blue", Ball("green")), (4, 4): Key("grey")})
    box, key = play.at(2, 4), play.at(4, 4)
    play.do("pickup", "right", "right", "left", "left", "drop", "left", "left", "right", "right")
    assert (play.at(2, 4), play.at(4, 4), play.hand) == (box, key, NOTHING)


def test_what_a_thing_turns_into_is_that_thing_changed() -> None:
    play = Play({(2, 4): Box("blue", Ball("green"))})
    box = play.at(2, 4)
    play.do("toggle")
    assert play.at(2, 4) == box
    assert believed_look(play.sighting.state, box) == ("ball", "green")


def test_a_thing_that_is_gone_is_nowhere() -> None:
    play = Play({(2, 4): Box("blue")})
    play.do("toggle")
    assert (play.at(2, 4), play.hand) == (NOTHING, NOTHING)


@pytest.mark.parametrize("level", ["BabyAI-BossLevel-v0", "BabyAI-PutNextLocal-v0", "MiniGrid-KeyCorridorS3R3-v0"])
def test_one_thing_has_one_name_through_a_whole_walk(level: str) -> None:
    names: dict[int, str] = {}  # the world's own thing -> its believed name
    alive: list[WorldObj] = []  # so that no two have the same id
    for moment in walk(level, seed=2, steps=250, model=usual()):
        if moment.action is None:
            names.clear()
        state = moment.sighting.state
        seen = {place: thing for place, thing in moment.truth.visible().items() if thing is not None}
        pairs = [(thing, str(state.value(("on", cell_name(place))))) for place, thing in seen.items()]
        if moment.truth.world.carrying is not None:
            pairs.append((moment.truth.world.carrying, str(state.value(("holding",)))))
        for thing, name in pairs:
            if not isinstance(thing, Wall):
                alive.append(thing)
                assert names.setdefault(id(thing), name) == name
        assert len({name for _, name in pairs}) == len(pairs)


# -- known, unknown, and when seen -----------------------------------------------------------------------


def test_unknown_is_not_false() -> None:
    moments = walk("MiniGrid-MultiRoom-N6-v0", seed=1, steps=120, model=usual())
    for moment in moments:
        belief, seen = moment.memory.belief, {cell_name(place) for place in moment.truth.seen}
        known = {fluent[1] for fluent in belief.values if fluent[0] == "on"}
        unknown = {fluent[1] for fluent in belief.unknown()}
        assert known == seen
        assert unknown == set(belief.universe.objects("cell")) - seen
        hoped = belief.optimistic()
        assert all(hoped.value(("on", cell)) == NOTHING for cell in unknown)
        assert all(moment.sighting.state.value(("on", cell)) is None for cell in unknown)


def test_what_was_seen_is_dated() -> None:
    dates: dict[str, int] = {}
    for moment in walk("MiniGrid-FourRooms-v0", seed=5, steps=80, model=usual(), actions=MOVING):
        in_view = {cell_name(place) for place in moment.truth.visible()}
        dates |= dict.fromkeys(in_view, moment.memory.step)
        believed = {name: date for name, date in moment.memory.belief.last_seen.items() if name in dates}
        assert believed == dates
        assert in_view <= moment.sighting.observed


def test_an_observation_says_how_much_it_discovered() -> None:
    known: set[tuple[int, int]] = set()
    for moment in walk("BabyAI-GoToLocal-v0", seed=6, steps=60, model=usual(), actions=MOVING):
        assert moment.sighting.discovered == len(moment.truth.seen.keys() - known)
        known = set(moment.truth.seen)


def test_border_and_visited_places_follow_the_walk() -> None:
    stood: set[str] = set()
    for moment in walk("MiniGrid-MultiRoom-N6-v0", seed=8, steps=100, model=usual()):
        memory, seen = moment.memory, moment.truth.seen
        stood.add(cell_name(moment.truth.position))
        assert memory.visited == stood
        around = {(x + dx, y + dy) for x, y in seen for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))}
        assert set(memory.border()) == {cell_name(place) for place in around - set(seen)} - stood


def test_a_state_handed_out_does_not_change_afterwards() -> None:
    states = [(moment.sighting.state, str(moment.sighting.state)) for moment in walk(SMALL[1], 1, 30, usual())]
    assert all(str(state) == said for state, said in states)
    assert any(one[0] != other[0] for one, other in pairwise(states))


@pytest.mark.parametrize("level", ["BabyAI-GoToLocal-v0", "BabyAI-GoToOpen-v0"])
def test_where_things_of_the_first_room_lie_is_said_from_where_the_agent_started(level: str) -> None:
    elsewhere = 0
    for moment in walk(level, seed=9, steps=60, model=usual(), actions=MOVING):
        truth = moment.truth
        if moment.memory.step == 0:
            level_itself: Any = truth.world
            heading, room = level_itself.dir_vec, level_itself.room_from_pos(*truth.start)
        for place, thing in truth.things.items():
            name = str(moment.sighting.state.value(("on", cell_name(place))))
            ahead = place[0] * heading[0] + place[1] * heading[1]
            right = -place[0] * heading[1] + place[1] * heading[0]
            facts = moment.memory.belief.universe.facts
            sides = {side for side in ("at-front", "at-back", "at-right", "at-left") if ("side", name, side) in facts}
            wanted = {"at-front": ahead > 0, "at-back": ahead < 0, "at-right": right > 0, "at-left": right < 0}
            here = room.pos_inside(place[0] + truth.start[0], place[1] + truth.start[1])
            if thing.type != "wall":
                elsewhere += not here
                assert sides == {side for side, true in wanted.items() if true and here}, thing
    assert (elsewhere > 0) == (level == "BabyAI-GoToOpen-v0")


@pytest.mark.parametrize(
    ("asked", "noted"), [(None, True), ({"kind", "side"}, True), ({"kind", "next", "clockwise"}, False), (set(), False)]
)
def test_where_things_lie_from_the_start_is_noted_for_who_asks(asked: set[str] | None, noted: bool) -> None:
    perceiver = MiniGridPerceiver()
    memory = Memory(VOCABULARY, perceiver.landmarks, asked=asked)
    with contextlib.closing(make_env("BabyAI-GoToLocal-v0")) as env:
        memory.update(perceiver.perceive(env.reset(seed=9)[0]))
    assert bool(memory.belief.universe.fluents("side")) == noted


# -- worlds without a lattice ----------------------------------------------------------------------------


def named(*facts: tuple[str, str, str]) -> SceneGraph:
    """What is seen in a world whose names last."""
    universe = Universe(VOCABULARY)
    for _, thing, _ in facts:
        universe.add_object(thing, "thing")
    return SceneGraph(State({(word, thing): value for word, thing, value in facts}, universe))


def test_names_that_last_are_kept_and_facts_out_of_sight_too() -> None:
    memory = Memory(VOCABULARY, lambda *_: ())
    first = memory.update(named(("color", "cup", "red"), ("color", "jug", "blue")))
    second = memory.update(named(("color", "jug", "green")))
    assert (first.discovered, second.discovered) == (2, 0)
    assert (first.certain, second.certain) == (True, True)
    assert second.state.value(("color", "cup")) == "red"
    assert second.state.value(("color", "jug")) == "green"
    assert second.observed == {"jug"}
    assert memory.belief.last_seen == {"cup": 0, "jug": 1}
