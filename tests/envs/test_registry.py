"""Every environment is made by its id or refused in one line, and perceived or refused, never misread."""

import copy
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from minigrid import wrappers

from worldwright.envs.household.env import HOUSEHOLD_ID
from worldwright.envs.household.games import write_games
from worldwright.envs.household.generator import generate
from worldwright.envs.household.missions import read_mission
from worldwright.envs.household.perceiver import HouseholdPerceiver
from worldwright.envs.minigrid.laws import ALTERED_ID, LAWS
from worldwright.envs.minigrid.perceiver import MiniGridPerceiver
from worldwright.envs.registry import WORLDS, UnknownWorld, UnusableEnvironment, layers, make_env, perceiver_for
from worldwright.world_model.errors import MAX_MESSAGE, WorldwrightError
from worldwright.world_model.goal import Reach
from worldwright.world_model.scene_graph import SceneGraph

IDS = sorted(
    name
    for name, spec in gym.registry.items()
    if str(spec.entry_point).startswith("minigrid.") and "-WFC-" not in name  # minigrid's wheel lacks their patterns
)
VIEW = "MiniGrid-LavaGapS7-v0"  # its grid is as large as its view


def message_of(problem: pytest.ExceptionInfo[WorldwrightError]) -> str:
    """The message, if it is one short line."""
    message = str(problem.value)
    assert message.isprintable() and len(message) <= MAX_MESSAGE
    return message


class Foreign(gym.Env[Any, Any]):
    """An environment of somebody else's, with the observations given."""

    def __init__(self, **parts: spaces.Space[Any]) -> None:
        standard = {
            "image": spaces.Box(0, 255, (5, 5, 3), np.uint8),
            "direction": spaces.Discrete(4),
            "mission": spaces.Text(80),
        }
        self.observation_space = spaces.Dict(standard | parts)
        self.action_space = spaces.Discrete(7)


# ---------------------------------------------------------------------- making


@pytest.mark.parametrize("env_id", IDS)
def test_every_minigrid_id_is_made_quietly_and_perceived(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = make_env(env_id)
    assert env.spec is not None and env.spec.id == env_id
    observation, _ = env.reset(seed=0)
    assert isinstance(perceiver_for(env).perceive(observation), SceneGraph)


@pytest.mark.parametrize("law", LAWS)
def test_altered_worlds_are_made_and_perceived(law: str) -> None:
    env = make_env(ALTERED_ID, law=law, env_id="MiniGrid-DoorKey-6x6-v0")
    observation, _ = env.reset(seed=0)
    assert perceiver_for(env).perceive(observation).positions


def test_keywords_reach_the_environment() -> None:
    env = make_env("MiniGrid-Empty-8x8-v0", size=9, max_episode_steps=3, render_mode="rgb_array")
    assert getattr(env.unwrapped, "width", None) == 9
    assert env.render_mode == "rgb_array" and env.spec is not None and env.spec.max_episode_steps == 3


def test_the_module_of_an_id_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_worlds.py").write_text(
        "import gymnasium\n"
        "from minigrid.envs import EmptyEnv\n"
        "gymnasium.register('TheirWorld-v0', entry_point=EmptyEnv)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert isinstance(perceiver_for(make_env("their_worlds:TheirWorld-v0")), MiniGridPerceiver)
        with pytest.raises(UnusableEnvironment, match="did you mean TheirWorld-v0"):
            make_env("their_worlds:TheirWrld-v0")
    finally:
        gym.registry.pop("TheirWorld-v0", None)


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_module_at_all", "no_such_module_at_all"),
        ("1 +", "SyntaxError"),
        ("raise RuntimeError('not today')", "RuntimeError: not today"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise RuntimeError('two\\nlines' + 'x' * 10_000)", r"two\\nlines"),
    ],
)
def test_a_module_that_fails_is_named_with_the_cause(
    source: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_worlds.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken_worlds", raising=False)
    with pytest.raises(UnusableEnvironment, match=cause) as problem:
        make_env("broken_worlds:Any-v0")
    assert "broken_worlds:Any-v0" in message_of(problem)


@pytest.mark.parametrize(
    ("env_id", "hint"),
    [
        ("MiniGrid-DorKey-8x8-v0", "did you mean MiniGrid-DoorKey-8x8-v0"),
        ("minigrid-doorkey-8x8-v0", "did you mean MiniGrid-DoorKey-8x8-v0"),
        ("MiniGrid-DoorKey-8x8-v3", "did you mean MiniGrid-DoorKey-8x8-v0"),
        ("worldwright/altered-v0", f"did you mean {ALTERED_ID}"),
        ("babyai-goto-v0", "did you mean BabyAI-GoTo-v0"),
        ("Nothing/Of-the-kind-v0", "is the package that registers it installed?"),
    ],
)
def test_an_unknown_id_is_answered_with_its_neighbours(env_id: str, hint: str) -> None:
    with pytest.raises(UnusableEnvironment) as problem:
        make_env(env_id)
    assert repr(env_id) in message_of(problem) and hint in message_of(problem)


@pytest.mark.parametrize("env_id", ["", " ", ":", "a:b:c", ":MiniGrid-Empty-8x8-v0", "no_such:X-v0", "x" * 9_999, "\n"])
def test_no_id_at_all_is_refused_in_one_line(env_id: str) -> None:
    with pytest.raises(UnusableEnvironment) as problem:
        make_env(env_id)
    message_of(problem)


@pytest.mark.parametrize(
    ("env_id", "keywords", "cause"),
    [
        ("MiniGrid-Empty-8x8-v0", {"sise": 8}, "unexpected keyword argument 'sise'"),
        ("MiniGrid-Empty-8x8-v0", {"size": 1}, "AssertionError: assert width >= 3"),
        ("MiniGrid-Empty-8x8-v0", {"size": "many"}, "TypeError"),
        ("MiniGrid-Empty-8x8-v0", {"id": "CartPole-v1"}, "multiple values"),
        (ALTERED_ID, {}, "law"),
        (ALTERED_ID, {"law": "gravity", "env_id": "MiniGrid-Empty-8x8-v0"}, "unknown law 'gravity'"),
        (ALTERED_ID, {"law": "push", "env_id": "MiniGrid-Emty-8x8-v0"}, "MiniGrid-Emty"),
        (ALTERED_ID, {"law": "push", "env_id": "CartPole-v1"}, "laws need a MiniGrid environment"),
    ],
)
def test_a_construction_that_fails_says_why(env_id: str, keywords: dict[str, Any], cause: str) -> None:
    with pytest.raises(UnusableEnvironment) as problem:
        make_env(env_id, **keywords)
    assert cause in message_of(problem) and env_id in message_of(problem)


def test_the_choice_of_another_version_is_not_silent() -> None:
    with pytest.warns(UserWarning, match="latest versioned environment"):
        make_env("MiniGrid-Empty-8x8")


# ---------------------------------------------------------------------- recognising


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_knows_itself(name: str) -> None:
    world = WORLDS[name]
    assert world.name == name and world.form.isprintable()
    assert not world.recognises(gym.make("CartPole-v1"))


@pytest.mark.parametrize("size", [3, 5, 7, 9, 15])
def test_a_view_of_any_size_is_recognised(size: int) -> None:
    for env in (
        make_env(VIEW, agent_view_size=size),
        wrappers.ViewSizeWrapper(make_env(VIEW), size),
        wrappers.ViewSizeWrapper(wrappers.FullyObsWrapper(make_env(VIEW)), size),  # it looks anew
        gym.wrappers.TimeLimit(wrappers.ViewSizeWrapper(make_env(VIEW), size), 10),
    ):
        observation, _ = env.reset(seed=0)
        assert len(observation["image"]) == size
        assert perceiver_for(env).perceive(observation).positions


@pytest.mark.parametrize(
    "wrapped",
    [
        wrappers.FullyObsWrapper,
        wrappers.RGBImgObsWrapper,
        wrappers.RGBImgPartialObsWrapper,
        lambda env: wrappers.RGBImgPartialObsWrapper(env, tile_size=1),
        wrappers.OneHotPartialObsWrapper,
        wrappers.SymbolicObsWrapper,
        wrappers.ImgObsWrapper,
        wrappers.FlatObsWrapper,
        wrappers.DictObservationSpaceWrapper,
        lambda env: wrappers.FullyObsWrapper(wrappers.ViewSizeWrapper(env, 7)),
        lambda env: gym.wrappers.TimeLimit(wrappers.FullyObsWrapper(env), 10),
        lambda env: gym.wrappers.TransformObservation(env, copy.copy, copy.deepcopy(env.observation_space)),
    ],
)
def test_another_form_of_observation_is_refused_and_named(wrapped: Any) -> None:
    env = wrapped(make_env(VIEW))
    source = next(layer for layer in layers(env) if not isinstance(layer, gym.wrappers.TimeLimit))
    with pytest.raises(UnknownWorld) as problem:
        perceiver_for(env)
    assert type(source).__name__ in message_of(problem)
    assert "supported: minigrid" in message_of(problem)


def test_the_full_grid_can_have_the_space_of_a_view() -> None:
    """What the rule in `MiniGrid.recognises` is for."""
    env = make_env(VIEW)
    assert wrappers.FullyObsWrapper(env).observation_space == env.observation_space


def test_a_wrapper_that_leaves_the_image_alone_hides_nothing() -> None:
    env = make_env(VIEW)
    parts = {**env.observation_space.spaces, "mission": spaces.Text(200)}  # type: ignore[attr-defined]
    for wrapped in (
        gym.wrappers.TransformObservation(env, copy.copy, spaces.Dict(parts)),
        wrappers.DirectionObsWrapper(env),
        gym.wrappers.RecordEpisodeStatistics(env),
    ):
        assert isinstance(perceiver_for(wrapped), MiniGridPerceiver)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"extra": spaces.Discrete(2)},
        {"image": spaces.Box(0, 255, (3, 3, 3), np.uint8)},
    ],
)
def test_a_foreign_environment_with_such_observations_is_recognised(parts: dict[str, spaces.Space[Any]]) -> None:
    assert isinstance(perceiver_for(Foreign(**parts)), MiniGridPerceiver)


@pytest.mark.parametrize(
    "parts",
    [
        {"image": spaces.Box(0, 255, (4, 4, 3), np.uint8)},
        {"image": spaces.Box(0, 255, (5, 7, 3), np.uint8)},
        {"image": spaces.Box(0, 255, (1, 1, 3), np.uint8)},
        {"image": spaces.Box(0, 255, (5, 5, 4), np.uint8)},
        {"image": spaces.Box(0, 255, (5, 5), np.uint8)},
        {"image": spaces.Box(0, 1, (5, 5, 3), np.float32)},
        {"image": spaces.Discrete(4)},
        {"direction": spaces.Discrete(5)},
        {"direction": spaces.Discrete(4, start=1)},
        {"direction": spaces.Box(0, 3, (), np.uint8)},
        {"mission": spaces.MultiDiscrete([5, 5])},
        {"mission": spaces.Dict(text=spaces.Text(9))},
    ],
)
def test_a_foreign_environment_with_other_observations_is_refused(parts: dict[str, spaces.Space[Any]]) -> None:
    with pytest.raises(UnknownWorld, match="observations of Foreign, Dict"):
        perceiver_for(Foreign(**parts))


def test_a_household_is_recognised_through_wrappers() -> None:
    env = make_env(HOUSEHOLD_ID, games="generated:1")
    for wrapped in (env, gym.wrappers.TimeLimit(env, 5), gym.wrappers.RecordEpisodeStatistics(env)):
        perceiver = perceiver_for(wrapped)
        observation, _ = wrapped.reset(seed=0)
        assert isinstance(perceiver, HouseholdPerceiver) and perceiver.perceive(observation).unread == ()
        assert isinstance(perceiver.goal(observation), Reach)


def test_a_household_brings_its_reader_of_peoples_words_along(tmp_path: Path) -> None:
    """It is made with the environment, once, from games or from the file of one made before."""
    game = generate(0, 0)
    said = f"Carry it: {game.mission}"
    write_games([game.model_copy(update={"annotations": (said,)})], tmp_path / "games.jsonl")
    for source in ("games.jsonl", "reader.json"):
        env = make_env(HOUSEHOLD_ID, games=tmp_path / "games.jsonl", phrasing=0, phrasings=tmp_path / source)
        observation, _ = env.reset(seed=0)
        perceiver, reader = perceiver_for(env), env.unwrapped.phrasings  # type: ignore[attr-defined]
        assert observation["mission"] == said and perceiver.goal(observation) == read_mission(game.mission)
        assert perceiver_for(gym.wrappers.TimeLimit(env, 5)).goal(observation) == read_mission(game.mission)
        assert env.unwrapped.phrasings is reader  # type: ignore[attr-defined]
        reader.save(tmp_path / "reader.json")
    with pytest.raises(UnusableEnvironment, match=r"no phrasings .*alfworld-download"):
        make_env(HOUSEHOLD_ID, phrasings="generated:0:3")


@pytest.mark.parametrize(
    "parts",
    [
        {"image": spaces.Box(0, 255, (64, 64, 3), np.uint8)},
        {"text": spaces.Discrete(3)},
        {"mission": spaces.Discrete(3)},
    ],
)
def test_text_beside_a_picture_or_numbers_for_text_is_no_household(parts: dict[str, spaces.Space[Any]]) -> None:
    env = Foreign()
    told: dict[str, spaces.Space[Any]] = {"text": spaces.Text(99), "mission": spaces.Text(99)}
    env.observation_space = spaces.Dict(told)
    assert isinstance(perceiver_for(env), HouseholdPerceiver)
    env.observation_space = spaces.Dict(told | parts)
    with pytest.raises(UnknownWorld, match="household"):
        perceiver_for(env)


def test_an_environment_that_shows_more_than_its_view_is_refused() -> None:
    env = Foreign()
    env.agent_view_size = 7  # type: ignore[attr-defined]
    with pytest.raises(UnknownWorld):
        perceiver_for(env)


def test_a_refusal_is_the_same_in_each_process() -> None:
    """MiniGrid's mission space shows itself with an address in memory; the message does not."""
    script = (
        "from minigrid.wrappers import FullyObsWrapper; from worldwright.envs.registry import *\n"
        f"try: perceiver_for(FullyObsWrapper(make_env({VIEW!r})))\n"
        "except UnknownWorld as problem: print(problem)"
    )
    runs = [subprocess.run([sys.executable, "-c", script], capture_output=True, check=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout and b"FullyObsWrapper" in runs[0].stdout and b"0x" not in runs[0].stdout
