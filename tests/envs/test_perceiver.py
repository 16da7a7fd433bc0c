"""The MiniGrid perceiver against the world itself: every visible cell, for many levels, seeds and steps."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from minigrid.core.constants import COLOR_NAMES, OBJECT_TO_IDX
from minigrid.core.world_object import Ball, Box, Door, Floor, Goal, Key, Lava, Wall, WorldObj

from worldwright.envs.minigrid.perceiver import MiniGridPerceiver
from worldwright.envs.minigrid.vocabulary import DIRECTIONS, LATTICE, NOTHING, VOCABULARY
from worldwright.envs.perceiver import UnreadableMission, UnreadableObservation
from worldwright.envs.registry import make_env
from worldwright.world_model.scene_graph import SceneGraph, View
from worldwright.world_model.state import join_atom

EMPTY = "MiniGrid-Empty-16x16-v0"
IDS = sorted(
    name
    for name, spec in gym.registry.items()
    if str(spec.entry_point).startswith("minigrid.") and "-WFC-" not in name  # minigrid's wheel lacks their patterns
)
PERCEIVER = MiniGridPerceiver()
# Their `reset` gives the thing to the agent after it has made the observation, which still shows it on the floor.
STALE_AT_FIRST = [name for name in IDS if name.startswith("BabyAI-PutNext") and "Carrying" in name]
Look = tuple[str, str, str | None]  # kind, colour, state


def look_of(thing: WorldObj | None) -> Look | None:
    """How a thing of the world itself looks."""
    if thing is None:
        return None
    state = None
    if isinstance(thing, Door):
        state = "open" if thing.is_open else "locked" if thing.is_locked else "closed"
    return thing.type, thing.color, state


def truth(env: gym.Env[Any, Any], size: int) -> dict[tuple[int, int], Look | None]:
    """What lies in each visible cell, by its place relative to the agent; beyond the edge there are walls."""
    world: Any = env.unwrapped
    _, visible = world.gen_obs_grid(size)
    (x, y), (ahead_x, ahead_y), (right_x, right_y) = world.agent_pos, world.dir_vec, world.right_vec
    found: dict[tuple[int, int], Look | None] = {}
    for ahead in range(size):
        for right in range(-(size // 2), size // 2 + 1):
            if not visible[size // 2 + right, size - 1 - ahead] or (ahead, right) == (0, 0):
                continue
            step = (int(ahead * ahead_x + right * right_x), int(ahead * ahead_y + right * right_y))
            column, row = int(x + step[0]), int(y + step[1])
            inside = 0 <= column < world.width and 0 <= row < world.height
            found[step] = look_of(world.grid.get(column, row) if inside else Wall())
    return found


def look_in(graph: SceneGraph, thing: Any) -> Look | None:
    """How a thing looks in the graph."""
    if thing == NOTHING:
        return None
    kind, color, state = (graph.state.value((word, thing)) for word in ("kind", "color", "state"))
    assert isinstance(kind, str) and isinstance(color, str) and not isinstance(state, int)
    return kind, color, state


def check(env: gym.Env[Any, Any], observation: Any, size: int = 7) -> SceneGraph:
    """Hold the perceived graph against the world."""
    graph = PERCEIVER.perceive(observation)
    state, world = graph.state, env.unwrapped
    here = state.value((LATTICE.here,))
    assert isinstance(here, str) and graph.positions[here] == (0, 0)
    cells = {place: cell for cell, place in graph.positions.items() if cell != here}
    assert len(cells) == len(graph.positions) - 1  # no two cells lie in one place
    assert {place: look_in(graph, state.value(("on", cell))) for place, cell in cells.items()} == truth(env, size)
    assert state.value(("on", here)) is None  # the view does not show what the agent stands on
    assert state.value(("facing",)) == DIRECTIONS[world.agent_dir]  # type: ignore[attr-defined]
    assert look_in(graph, state.value(("holding",))) == look_of(world.carrying)  # type: ignore[attr-defined]
    check_is_well_formed(graph)
    check_arrays(graph)
    return graph


def check_arrays(graph: SceneGraph) -> None:
    """The arrays that come with a graph say what its facts say."""
    given, made = graph.view, SceneGraph(graph.state, graph.positions, graph.lattice).view
    assert graph.arrays is given and made is not given
    for one, other in zip(seen_in(given), seen_in(made), strict=True):
        assert one == other


def seen_in(view: View) -> tuple[object, ...]:
    """What a view shows, whatever the numbers in its palette."""
    cells = {tuple(place): view.palette[look] for place, look in zip(view.offsets, view.looks, strict=True)}
    return cells, dict(view.own), {fluent: view.palette[look] for fluent, look in view.held.items()}


def check_is_well_formed(graph: SceneGraph) -> None:
    """Every fact is one that the vocabulary allows, and no thing is in two places."""
    types = graph.state.universe.types
    held = []
    for fluent, value in graph.state.values.items():
        atom = join_atom(fluent, value)
        wanted = VOCABULARY.predicate(atom.predicate).types
        assert len(wanted) == len(atom.args)
        assert all(VOCABULARY.is_a(types[arg], type_) for arg, type_ in zip(atom.args, wanted, strict=True))
        if fluent[0] in ("on", "holding") and value != NOTHING:
            held.append(value)
    assert len(held) == len(set(held))


def walk(env: gym.Env[Any, Any], seed: int, steps: int) -> Iterator[Any]:
    """The observations of random actions, one episode after the other."""
    env.action_space.seed(seed)
    yield env.reset(seed=seed)[0]
    for _ in range(steps):
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        yield observation
        if terminated or truncated:
            yield env.reset()[0]


# ---------------------------------------------------------------------- against the world


@pytest.mark.parametrize("env_id", IDS)
def test_every_visible_cell_is_as_it_is(env_id: str) -> None:
    env = make_env(env_id)
    directions = set()
    for seed in range(2):
        for observation in walk(env, seed, 40):
            if env_id in STALE_AT_FIRST and env.unwrapped.step_count == 0:  # type: ignore[attr-defined]
                observation = env.unwrapped.gen_obs()  # type: ignore[attr-defined]
            directions.add(check(env, observation).state.value(("facing",)))
    assert directions == set(DIRECTIONS)


@pytest.mark.parametrize("size", [3, 5, 9, 15])
@pytest.mark.parametrize("env_id", ["MiniGrid-ObstructedMaze-Full-v1", "MiniGrid-Empty-8x8-v0"])
def test_a_view_of_another_size_is_read(env_id: str, size: int) -> None:
    env = make_env(env_id, agent_view_size=size)
    for observation in walk(env, 3, 40):
        check(env, observation, size)


def doors(color: str) -> list[WorldObj]:
    """A door in each of its states."""
    return [Door(color), Door(color, is_open=True), Door(color, is_locked=True)]


def things(color: str) -> list[WorldObj]:
    """Everything that can lie in a cell, in a colour where it has one."""
    return [*doors(color), Key(color), Ball(color), Box(color), Floor(color), Wall(color), Goal(), Lava()]


@pytest.mark.parametrize("color", COLOR_NAMES)
@pytest.mark.parametrize("direction", range(4))
def test_everything_is_seen_everywhere(direction: int, color: str) -> None:
    """Things that no walk may meet, such as a locked door, in all places and from all sides."""
    env = make_env(EMPTY)
    env.reset(seed=0)
    world: Any = env.unwrapped
    world.agent_pos, world.agent_dir = (8, 8), direction
    for number in range(12):
        spread = things(color)
        for x in range(1, 15):
            for y in range(1, 15):
                thing = spread[(x + 5 * y + number) % len(spread)] if (x + y + number) % 3 else None
                world.grid.set(x, y, thing if (x, y) != (8, 8) else None)
        check(env, world.gen_obs())


@pytest.mark.parametrize("color", COLOR_NAMES)
@pytest.mark.parametrize("direction", range(4))
def test_what_is_carried_is_seen(direction: int, color: str) -> None:
    env = make_env(EMPTY)
    env.reset(seed=0)
    world: Any = env.unwrapped
    world.agent_dir = direction
    for carried in (None, Key(color), Ball(color), Box(color)):
        world.carrying = carried
        check(env, world.gen_obs())


def test_nothing_outside_the_view_is_known() -> None:
    """What lies behind a wall or behind the agent is no part of the graph."""
    env = make_env("MiniGrid-DoorKey-16x16-v0")
    observation, _ = env.reset(seed=0)
    world: Any = env.unwrapped
    before = PERCEIVER.perceive(observation)
    (x, y), visible = world.agent_pos, set(before.positions.values())
    for column in range(world.width):
        for row in range(world.height):
            if (column - x, row - y) not in visible:
                world.grid.set(column, row, Wall("red"))
    assert PERCEIVER.perceive(world.gen_obs()) == before


# ---------------------------------------------------------------------- the observation, and nothing else


class Watched(Mapping[str, Any]):
    """An observation that notes which of its parts are read."""

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self.parts, self.read = parts, set[str]()

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return self.parts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)


def test_only_the_observation_is_read_and_nothing_is_changed() -> None:
    env = make_env("MiniGrid-DoorKey-8x8-v0")
    observation, _ = env.reset(seed=0)
    observation["image"].setflags(write=False)
    watched, kept = Watched(observation), copy.deepcopy(observation)
    graph = PERCEIVER.perceive(watched)
    assert watched.read == {"image", "direction"}
    PERCEIVER.goal(watched)
    assert watched.read == {"image", "direction", "mission"}
    assert np.array_equal(kept["image"], observation["image"]) and kept["mission"] == observation["mission"]
    del env
    assert PERCEIVER.perceive(kept) == MiniGridPerceiver().perceive(kept) == graph


def test_a_graph_outlives_the_next_observation() -> None:
    env = make_env("MiniGrid-DoorKey-8x8-v0")
    first, _ = env.reset(seed=0)
    graph = PERCEIVER.perceive(first)
    facts, positions = str(graph.state), dict(graph.positions)
    for observation in walk(env, 1, 20):
        PERCEIVER.perceive(observation)
    first["image"][:] = 0
    assert (str(graph.state), graph.positions) == (facts, positions)


def test_actions_are_minigrid_s_own() -> None:
    names = [action.name for action in PERCEIVER.actions()]
    world: Any = make_env(EMPTY).unwrapped
    assert names == [action.name for action in world.actions]
    assert [PERCEIVER.to_env(action) for action in PERCEIVER.actions()] == [int(action) for action in world.actions]


# ---------------------------------------------------------------------- observations that are none


def observation_with(**parts: Any) -> dict[str, Any]:
    """A good observation with some parts exchanged."""
    observation, _ = make_env("MiniGrid-DoorKey-8x8-v0").reset(seed=0)
    return {**observation, **parts}


def image_with(*values: Any, dtype: Any = np.uint8) -> dict[str, Any]:
    """A good observation with the code of one cell exchanged."""
    observation = observation_with()
    image = observation["image"].astype(dtype)
    image[3, 5] = values
    return {**observation, "image": image}


HOSTILE: dict[str, Any] = {
    "nothing": None,
    "a number": 7,
    "text": "image",
    "a list": ["image", "direction"],
    "an image alone": np.zeros((7, 7, 3), np.uint8),
    "no parts": {},
    "no direction": {"image": np.zeros((7, 7, 3), np.uint8)},
    "even size": observation_with(image=np.zeros((8, 8, 3), np.uint8)),
    "not square": observation_with(image=np.zeros((7, 5, 3), np.uint8)),
    "no cells": observation_with(image=np.zeros((0, 0, 3), np.uint8)),
    "four channels": observation_with(image=np.zeros((7, 7, 4), np.uint8)),
    "flat": observation_with(image=np.zeros(147, np.uint8)),
    "ragged": observation_with(image=[[1, 2], [3]]),
    "no image": observation_with(image=None),
    "words for an image": observation_with(image="image"),
    "objects": observation_with(image=np.full((7, 7, 3), object(), object)),
    "unhashable": observation_with(image=np.full((7, 7, 3), None, object)),
    "unknown kind": image_with(11, 0, 0),
    "highest kind": image_with(255, 0, 0),
    "the agent itself, as the full grid shows it": image_with(OBJECT_TO_IDX["agent"], 0, 0),
    "unknown colour": image_with(OBJECT_TO_IDX["ball"], 6, 0),
    "unknown state": image_with(OBJECT_TO_IDX["door"], 0, 3),
    "negative": image_with(-1, 0, 0, dtype=np.int64),
    "a fraction": image_with(5.5, 0, 0, dtype=np.float64),
    "no number": image_with(np.nan, 0, 0, dtype=np.float64),
    "direction too high": observation_with(direction=4),
    "direction negative": observation_with(direction=-1),
    "direction a word": observation_with(direction="east"),
    "direction a list": observation_with(direction=[0, 1]),
    "no such direction": observation_with(direction=None),
    "direction no number": observation_with(direction=float("nan")),
    "direction endless": observation_with(direction=float("inf")),
    "direction between two": observation_with(direction=1.5),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_observation_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(UnreadableObservation) as problem:
        PERCEIVER.perceive(HOSTILE[name])
    assert str(problem.value).isprintable()


@pytest.mark.parametrize(
    "observation",
    [
        None,
        {},
        observation_with(mission=None),
        observation_with(mission=[1]),
    ],
)
def test_an_instruction_that_is_missing_is_refused(observation: Any) -> None:
    with pytest.raises((UnreadableMission, UnreadableObservation)):
        PERCEIVER.goal(observation)


def test_codes_as_other_numbers_are_read() -> None:
    """Learners turn images into other types; whole numbers stay what they are."""
    observation = observation_with()
    graph = PERCEIVER.perceive(observation)
    for dtype in (np.int64, np.float32):
        assert PERCEIVER.perceive({**observation, "image": observation["image"].astype(dtype)}) == graph
    assert PERCEIVER.perceive({**observation, "image": observation["image"].tolist()}) == graph
    assert PERCEIVER.perceive({**observation, "direction": np.int64(observation["direction"])}) == graph


def test_what_was_seen_stays_so_when_an_environment_uses_its_array_again() -> None:
    observation = observation_with()
    graph, same = (PERCEIVER.perceive(observation) for _ in range(2))
    before = same.state.values, same.positions, seen_in(same.view)
    assert len(before[0]) and len(before[1])
    observation["image"][...] = 1
    assert (graph.state.values, graph.positions, seen_in(graph.view)) == before
