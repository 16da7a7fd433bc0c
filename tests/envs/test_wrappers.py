"""The scene graph as an observation: a proper space, nothing lost, the same in each process."""

import hashlib
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces import GraphInstance
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.world_model.strategies import states, vocabularies
from worldwright.envs.household.env import HOUSEHOLD_ID
from worldwright.envs.minigrid.laws import ALTERED_ID
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.envs.perceiver import UnreadableObservation
from worldwright.envs.registry import UnknownWorld, make_env
from worldwright.envs.wrappers import SceneGraphEncoding, SceneGraphObservation
from worldwright.world_model.scene_graph import SceneGraph

DOOR_KEY = "MiniGrid-DoorKey-8x8-v0"
IDS = (
    DOOR_KEY,
    "MiniGrid-Dynamic-Obstacles-6x6-v0",
    "MiniGrid-LavaCrossingS9N2-v0",
    "MiniGrid-ObstructedMaze-Full-v1",
    "BabyAI-BossLevel-v0",
    "BabyAI-PutNextS5N2Carrying-v0",
)
MAKERS: dict[str, dict[str, Any]] = {
    **{env_id: {"env_id": env_id} for env_id in IDS},
    "altered": {"env_id": ALTERED_ID, "keywords": {"law": "slippery", "env_id": DOOR_KEY}},
    "household": {"env_id": HOUSEHOLD_ID, "keywords": {"games": "generated:3"}},
    "small view": {"env_id": DOOR_KEY, "keywords": {"agent_view_size": 3}},
}
every_world = pytest.mark.parametrize("name", MAKERS)


def graph_env(name: str = DOOR_KEY) -> SceneGraphObservation:
    """One of the environments above, wrapped."""
    making = MAKERS[name]
    return SceneGraphObservation(make_env(making["env_id"], **making.get("keywords", {})))


def says_the_same(graph: SceneGraph, other: SceneGraph) -> bool:
    """Whether two graphs say the same facts of the same objects in the same places."""
    state, universe = graph.state, graph.state.universe
    fluents = [*state.values, *universe.facts]
    mentioned = {arg for fluent in fluents for arg in fluent[1:]} | graph.positions.keys()
    return (
        state == other.state
        and universe.facts == other.state.universe.facts
        and graph.positions == other.positions
        and all(universe.types[name] == other.state.universe.types[name] for name in mentioned)
    )


@every_world
@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version.*")
def test_conforms_to_the_api(name: str) -> None:
    check_env(graph_env(name), skip_render_check=True)


@every_world
def test_nothing_is_lost_along_an_episode(name: str) -> None:
    env, bare = graph_env(name), make_env(MAKERS[name]["env_id"], **MAKERS[name].get("keywords", {}))
    env.action_space.seed(0)
    observation, info = env.reset(seed=5)
    plain, plain_info = bare.reset(seed=5)
    for _ in range(60):
        assert observation in env.observation_space
        graph = info.pop("scene_graph")
        assert graph == env.perceiver.perceive(plain) and info == plain_info
        assert says_the_same(env.decode(observation), graph)
        assert observation["mission"] == plain["mission"]
        action = env.action_space.sample()
        observation, *outcome, info = env.step(action)
        plain, *plain_outcome, plain_info = bare.step(action)
        assert outcome == plain_outcome
        if outcome[1] or outcome[2]:
            break


def test_a_household_s_sentences_survive() -> None:
    """Random text, as drawn above, is hardly ever a command that does something."""
    env = SceneGraphObservation(make_env(HOUSEHOLD_ID, games="generated:3", admissible=True))
    for game in range(6):
        observation, info = env.reset(seed=game)
        rng = np.random.default_rng(game)
        for _ in range(30):
            assert observation in env.observation_space
            assert says_the_same(env.decode(observation), info["scene_graph"])
            observation, *_, info = env.step(str(rng.choice(info["admissible_commands"])))


def test_the_form_is_the_documented_one() -> None:
    env = graph_env()
    observation, info = env.reset(seed=0)
    encoding, graph = env.encoding, observation["graph"]
    assert encoding.columns[:7] == ("type", "constant", "fact", "number", "placed", "x", "y")
    assert encoding.columns[7:] == ("facing", "holding", "on", "kind", "color", "state", "goal-holds", "won", "ended")
    assert encoding.labels[: len(VOCABULARY.predicates)] == tuple(word.name for word in VOCABULARY.predicates)
    assert graph.nodes.dtype == np.int32 and graph.edge_links.dtype == np.int64

    def number(node: int, column: str) -> int:
        return int(graph.nodes[node, encoding.columns.index(column)])

    def value(node: int, column: str) -> Any:
        return encoding.features[column][number(node, column) - 1]

    assert number(0, "type") == 0 and value(0, "holding") == "nothing"
    scene: SceneGraph = info["scene_graph"]
    assert value(0, "facing") == scene.state.value(("facing",))
    for node, name in enumerate(observation["names"], start=1):
        assert encoding.types[number(node, "type") - 2] == scene.state.universe.types[name]
        if name in scene.positions:
            assert (number(node, "x"), number(node, "y")) == scene.positions[name] and number(node, "placed")
        else:
            assert value(node, "kind") == scene.state.value(("kind", name))
    on = encoding.labels.index("on")
    for (start, end), label in zip(graph.edge_links, graph.edges, strict=True):
        if label == on:
            cell, thing = observation["names"][start - 1], observation["names"][end - 1]
            assert scene.state.value(("on", cell)) == thing


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_graph_of_any_vocabulary_survives(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    state = data.draw(states(vocabulary))
    objects = [*state.universe.types]
    place = st.tuples(st.integers(-99, 99), st.integers(-99, 99))
    positions = data.draw(st.dictionaries(st.sampled_from(objects), place, max_size=3)) if objects else {}
    graph, encoding = SceneGraph(state, positions), SceneGraphEncoding(vocabulary)
    observation: Any = encoding.encode(graph)
    assert observation in encoding.space()
    assert says_the_same(graph, encoding.decode(observation))
    nodes, edges, links = observation["graph"]  # the order of the edges says nothing
    turned = GraphInstance(nodes, edges[::-1], links[::-1])
    assert says_the_same(graph, encoding.decode({**observation, "graph": turned}))


def test_the_original_is_not_the_observation_s_memory() -> None:
    """An observation that a learner changes or keeps changes nothing else."""
    env = graph_env()
    first, _ = env.reset(seed=0)
    kept = first["graph"].nodes.copy()
    first["graph"].nodes[:] = 0
    again, _ = env.reset(seed=0)
    assert np.array_equal(again["graph"].nodes, kept)


def test_graphs_can_be_vectorised() -> None:
    worlds = gym.vector.SyncVectorEnv([graph_env for _ in range(3)])
    observation, info = worlds.reset(seed=0)
    encoding = graph_env().encoding
    for _ in range(5):
        assert observation in worlds.observation_space
        for graph, names, scene in zip(observation["graph"], observation["names"], info["scene_graph"], strict=True):
            assert says_the_same(encoding.decode({"graph": graph, "names": names}), scene)
        observation, *_, info = worlds.step(worlds.action_space.sample())
    worlds.close()


def test_the_wrapper_can_be_rebuilt_from_its_spec() -> None:
    env = graph_env()
    assert env.spec is not None
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert isinstance(again, SceneGraphObservation) and again.observation_space == env.observation_space


def test_a_world_that_nothing_perceives_is_refused() -> None:
    with pytest.raises(UnknownWorld):
        SceneGraphObservation(make_env("CartPole-v1"))


# ---------------------------------------------------------------------- observations that are none


def spoilt(part: str) -> list[dict[str, Any]]:
    """Observations that are wrong in one way."""
    env = graph_env()
    observation, _ = env.reset(seed=0)
    graph, names = observation["graph"], observation["names"]
    nodes, edges, links = graph
    no_names: list[Any] = [names[:-1], names * 2, ("here",) * len(names), [[]]]
    no_nodes: list[Any] = [nodes[:, :-1], nodes[:3], nodes[0], None, "nodes"]

    def with_nodes(row: int, column: str, number: int) -> dict[str, Any]:
        changed = nodes.copy()
        changed[row, env.encoding.columns.index(column)] = number
        return {"graph": GraphInstance(changed, edges, links), "names": names}

    return {
        "form": [{}, {"graph": graph}, {"graph": None, "names": names}, {"graph": graph, "names": None}],
        "types": [with_nodes(1, "type", number) for number in (0, 1, 99, -1)],
        "features": [with_nodes(0, "facing", number) for number in (99, -1)] + [with_nodes(3, "color", 7)],
        "names": [{"graph": graph, "names": wrong} for wrong in no_names],
        "edges": [
            {"graph": GraphInstance(nodes, np.full_like(edges, wrong), links), "names": names} for wrong in (-1, 7, 99)
        ],
        "links": [
            {"graph": GraphInstance(nodes, edges, wrong), "names": names}
            for wrong in (np.full_like(links, -1), np.full_like(links, 999), np.zeros_like(links), links[:-1], None)
        ],
        "nodes": [{"graph": GraphInstance(wrong, edges, links), "names": names} for wrong in no_nodes],
    }[part]


@pytest.mark.parametrize("part", ["form", "types", "features", "names", "edges", "links", "nodes"])
def test_what_is_no_graph_is_refused(part: str) -> None:
    for observation in spoilt(part):
        with pytest.raises(UnreadableObservation):
            SceneGraphEncoding(VOCABULARY).decode(observation)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_random_member_of_the_space_is_decoded_or_refused(seed: int) -> None:
    encoding = SceneGraphEncoding(VOCABULARY)
    space = encoding.space()
    space.seed(seed)
    try:
        graph = encoding.decode(space.sample())
    except UnreadableObservation:
        return
    assert says_the_same(encoding.decode(encoding.encode(graph)), graph)


# ---------------------------------------------------------------------- determinism


def digest() -> str:
    """What two episodes look like as numbers."""
    seen = hashlib.sha256()
    for name in (DOOR_KEY, "BabyAI-BossLevel-v0"):
        env = graph_env(name)
        env.action_space.seed(1)
        observation, _ = env.reset(seed=1)
        for _ in range(30):
            for part in observation["graph"]:
                seen.update(part.tobytes())
            seen.update(repr((observation["names"], observation["mission"])).encode())
            observation, *_ = env.step(env.action_space.sample())
    return seen.hexdigest()


def test_every_process_gives_the_same_numbers() -> None:
    script = f"import tests.envs.test_wrappers as t; print(t.{digest.__name__}())"
    found = {digest()}
    for hash_seed in ("0", "1"):
        run = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(run.stdout.split()[-1])
    assert len(found) == 1


def test_rendering_changes_nothing() -> None:
    runs = []
    for render in (False, True):
        env = SceneGraphObservation(make_env(DOOR_KEY, render_mode="rgb_array"))
        env.action_space.seed(2)
        env.reset(seed=2)
        nodes = []
        for _ in range(20):
            nodes.append(env.step(env.action_space.sample())[0]["graph"].nodes.tolist())
            if render:
                env.render()
        runs.append(nodes)
    assert runs[0] == runs[1]


def test_wrapping_gives_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = graph_env()
        env.reset(seed=0)
        env.step(0)


def test_a_foreign_text_space_is_kept() -> None:
    inner = make_env(DOOR_KEY)
    assert isinstance(inner.observation_space, spaces.Dict)
    own = spaces.Text(200, charset="abcdefghijklmnopqrstuvwxyzé ")
    parts = {**inner.observation_space.spaces, "mission": own}
    env = SceneGraphObservation(gym.wrappers.TransformObservation(inner, dict, spaces.Dict(parts)))
    assert isinstance(env.observation_space, spaces.Dict) and env.observation_space["mission"] is own
