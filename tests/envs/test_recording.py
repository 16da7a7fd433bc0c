"""A recording says what happened, survives a crash, and changes nothing."""

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from worldwright.envs import recording
from worldwright.envs.household.env import HOUSEHOLD_ID
from worldwright.envs.minigrid.laws import ALTERED_ID
from worldwright.envs.recording import EVENTS, PART, RecordEpisodes, Recording, RecordingProblem, read_recording
from worldwright.envs.registry import UnknownWorld, make_env, perceiver_for
from worldwright.envs.wrappers import SceneGraphObservation
from worldwright.world_model.state import parse_atom

DOOR_KEY = "MiniGrid-DoorKey-6x6-v0"
IDS = (DOOR_KEY, "MiniGrid-Dynamic-Obstacles-6x6-v0", "BabyAI-BossLevel-v0", HOUSEHOLD_ID)


def play(env: gym.Env[Any, Any], seed: int = 0, most: int = 40) -> list[Any]:
    """All that one episode of random actions returns."""
    env.action_space.seed(seed)
    seen: list[Any] = [env.reset(seed=seed)]
    for _ in range(most):
        action = env.action_space.sample()
        seen.append((action, *env.step(action)))
        if seen[-1][3] or seen[-1][4]:
            break
    return seen


def as_text(seen: list[Any]) -> str:
    """What was seen, comparable."""
    return json.dumps(seen, default=lambda part: part.tolist())


def only_recording(folder: Path) -> Recording:
    """The recording in a folder that holds one."""
    (episode,) = folder.iterdir()
    return read_recording(episode)


def recorded(folder: Path, env_id: str = DOOR_KEY, **keywords: Any) -> list[Any]:
    """Record one episode and return what it returned."""
    env = RecordEpisodes(make_env(env_id, **keywords), folder)
    seen = play(env)
    env.close()
    return seen


# ---------------------------------------------------------------------- what is written


@pytest.mark.parametrize("env_id", IDS)
def test_the_recording_says_what_happened(env_id: str, tmp_path: Path) -> None:
    env = RecordEpisodes(make_env(env_id, max_episode_steps=30), tmp_path)
    seen = play(env)
    env.close()
    found = only_recording(tmp_path)
    assert found.start.env == env_id and found.start.seed == 0
    assert found.start.vocabulary == perceiver_for(env).vocabulary.name
    observations = [part[0 if i == 0 else 1] for i, part in enumerate(seen)]
    graphs = [perceiver_for(env).perceive(observation) for observation in observations]
    atoms = [tuple(sorted(map(str, graph.state.atoms()))) for graph in graphs]
    assert list(found.facts()) == atoms
    assert list(found.places()) == [dict(sorted(graph.positions.items())) for graph in graphs]
    assert list(found.missions()) == [observation["mission"] for observation in observations]
    outcomes = [(step.action, step.reward, step.terminated, step.truncated) for step in found.steps]
    assert outcomes == [(None, 0.0, False, False), *((a, r, end, cut) for a, _, r, end, cut, _ in seen[1:])]
    assert [step.step for step in found.steps] == list(range(len(seen)))
    assert found.end is not None and found.end.steps == len(seen) - 1
    assert found.end.reward == sum(step.reward for step in found.steps)
    assert found.end.reason == ("terminated" if seen[-1][3] else "truncated")
    assert all(str(parse_atom(fact)) == fact for facts in found.facts() for fact in facts)


def test_what_is_denied_and_what_cannot_be_read_is_recorded(tmp_path: Path) -> None:
    def say(text: str) -> Any:
        return lambda observation: {**observation, "text": text}

    env = make_env(HOUSEHOLD_ID)
    said = "This desklamp 1 is off. You heat the mug 2 using the microwave 1. A cat\ud800 purrs."
    env = RecordEpisodes(gym.wrappers.TransformObservation(env, say(said), env.observation_space), tmp_path)
    env.reset(seed=0)
    env.step("look")
    env.close()
    first, second = only_recording(tmp_path).steps
    assert first.denied == second.denied == ("(is-cool mug-2)", "(is-lit desklamp-1)")
    assert first.unread == second.unread == ("A cat\\ud800 purrs.",)
    assert "(is-hot mug-2)" in first.true and second.true == ()


def test_the_start_says_how_the_environment_was_made(tmp_path: Path) -> None:
    env = make_env(ALTERED_ID, law=["push", "slippery"], env_id=DOOR_KEY, p=0.25, max_episode_steps=9)
    env = RecordEpisodes(env, tmp_path / "deep" / "er")
    env.reset(seed=7, options={"level": np.int64(3), "odd": {1, 2}})
    env.close()
    start = only_recording(tmp_path / "deep" / "er").start
    assert start.env == ALTERED_ID and start.seed == 7 and start.version == 1
    assert start.keywords == {"law": ["push", "slippery"], "env_id": DOOR_KEY, "p": 0.25}
    assert start.wrappers[0] == "TimeLimit" and "Slippery" in start.wrappers
    assert start.options == {"level": 3, "odd": "<set>"}


def test_each_episode_has_a_folder_and_none_is_written_over(tmp_path: Path) -> None:
    env = RecordEpisodes(make_env(DOOR_KEY), tmp_path)
    env.reset(seed=0)
    env.step(2)
    env.reset()
    other = RecordEpisodes(make_env(DOOR_KEY), tmp_path)  # beside it, as in a vector environment
    other.reset(seed=1)
    env.reset(seed=2)
    env.close()
    other.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"episode-00000{number}" for number in range(4)]
    found = [read_recording(path) for path in sorted(tmp_path.iterdir())]
    assert [(one.start.seed, one.end.reason) for one in found if one.end] == [
        (0, "reset"),
        (None, "reset"),
        (1, "closed"),
        (2, "closed"),
    ]


def test_an_episode_ends_once(tmp_path: Path) -> None:
    env = RecordEpisodes(make_env(DOOR_KEY, max_episode_steps=2), tmp_path)
    env.reset(seed=0)
    for _ in range(4):  # two steps too many, which the environment allows
        env.step(0)
    env.close()
    env.close()
    found = only_recording(tmp_path)
    assert found.end is not None and (found.end.steps, found.end.reason) == (2, "truncated")


def test_names_of_files_come_from_nothing_else(tmp_path: Path) -> None:
    env = make_env(DOOR_KEY)
    assert env.unwrapped.spec is not None
    env.unwrapped.spec.id = "../../up/Away-v0"
    env = RecordEpisodes(env, tmp_path / "here")
    env.reset(seed=0)
    env.close()
    written = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert written == [f"here/episode-000000/{EVENTS}"]
    assert only_recording(tmp_path / "here").start.env == "../../up/Away-v0"


def test_rewards_and_keywords_that_json_has_not(tmp_path: Path) -> None:
    rewards = [float("inf"), float("-inf"), float("nan"), np.float32(0.5), True]

    class Odd(gym.Wrapper[Any, Any, Any, Any]):
        def step(self, action: Any) -> Any:
            observation, _, *rest = self.env.step(action)
            observation["mission"] = "lone \ud800 \x00 \u2028 é"
            return (observation, rewards.pop(0), *rest)

    inner = make_env(DOOR_KEY)
    assert inner.unwrapped.spec is not None
    inner.unwrapped.spec.kwargs.update(thing=object, far={"a": [[[[[[[[[[1]]]]]]]]]]}, nan=float("nan"))
    env = RecordEpisodes(Odd(inner), tmp_path)
    env.reset(seed=0)
    for _ in range(5):
        env.step(np.int64(0))
    env.close()
    found = only_recording(tmp_path)
    assert [str(step.reward) for step in found.steps] == ["0.0", "inf", "-inf", "nan", "0.5", "1.0"]
    assert found.steps[1].action == 0 and [*found.missions()][-1] == "lone \\ud800 \x00 \u2028 é"
    assert found.start.keywords["thing"] == "<type>" and found.start.keywords["nan"] == "nan"
    for line in (tmp_path / "episode-000000" / EVENTS).read_text(encoding="utf-8").split("\n")[:-1]:
        json.loads(line, parse_constant=pytest.fail)


# ---------------------------------------------------------------------- it changes nothing


@pytest.mark.parametrize("env_id", IDS)
def test_recording_changes_nothing(env_id: str, tmp_path: Path) -> None:
    mode = "ansi" if env_id == HOUSEHOLD_ID else "rgb_array"
    bare = play(make_env(env_id, render_mode=mode))
    env = RecordEpisodes(make_env(env_id, render_mode=mode), tmp_path, frames=mode == "rgb_array")
    assert as_text(play(env)) == as_text(bare)
    env.close()


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version.*")
def test_conforms_to_the_api(tmp_path: Path) -> None:
    check_env(RecordEpisodes(make_env(DOOR_KEY), tmp_path), skip_render_check=True)
    assert all(read_recording(path) for path in tmp_path.iterdir())


def test_graphs_are_recorded_as_they_were_given(tmp_path: Path) -> None:
    wrapped = RecordEpisodes(SceneGraphObservation(make_env(DOOR_KEY)), tmp_path / "graphs")
    play(wrapped)
    wrapped.close()
    recorded(tmp_path / "plain")
    graphs, plain = only_recording(tmp_path / "graphs"), only_recording(tmp_path / "plain")
    assert graphs.start.wrappers[0] == "SceneGraphObservation"
    assert (graphs.steps, graphs.end) == (plain.steps, plain.end)


def test_every_process_writes_the_same_bytes(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.envs.test_recording import recorded\n"
        "recorded(Path(sys.argv[1]), 'BabyAI-BossLevel-v0')"
    )
    recorded(tmp_path / "here", "BabyAI-BossLevel-v0")
    for hash_seed in ("0", "1"):
        subprocess.run(
            [sys.executable, "-c", script, tmp_path / hash_seed],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            check=True,
        )
    assert len({path.read_bytes() for path in tmp_path.glob(f"*/*/{EVENTS}")}) == 1
    assert len([*tmp_path.glob(f"*/*/{EVENTS}")]) == 3


# ---------------------------------------------------------------------- frames


def pixels_of(path: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The image in a PNG of the simplest form; every chunk's sum is checked."""
    data, at, chunks = path.read_bytes(), 8, {}
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + body),)
        chunks[kind] = body
        at += 12 + length
    width, height, *form = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert form == [8, 2, 0, 0, 0]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 3)


def test_there_is_a_frame_of_each_step(tmp_path: Path) -> None:
    env = RecordEpisodes(make_env(DOOR_KEY, render_mode="rgb_array"), tmp_path, frames=True)
    env.reset(seed=0)
    rendered: list[Any] = [env.render()]
    for action in (0, 2, 2):
        env.step(action)
        rendered.append(env.render())
    env.close()
    found = only_recording(tmp_path)
    frames = [found.frame(step.step) for step in found.steps]
    assert len([*(tmp_path / "episode-000000" / "frames").iterdir()]) == len(frames) == 4
    for frame, image in zip(frames, rendered, strict=True):
        assert frame is not None and np.array_equal(pixels_of(frame), image)
    pygame = pytest.importorskip("pygame")  # a reader of somebody else's
    surface = pygame.image.load(str(frames[0]))
    assert np.array_equal(pygame.surfarray.array3d(surface).transpose(1, 0, 2), rendered[0])


def test_frames_need_an_environment_that_renders(tmp_path: Path) -> None:
    with pytest.raises(RecordingProblem, match="render_mode='rgb_array'"):
        RecordEpisodes(make_env(DOOR_KEY), tmp_path, frames=True)
    recorded(tmp_path)
    assert only_recording(tmp_path).frame(0) is None


@pytest.mark.parametrize("frame", [None, np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), "no image", []])
def test_a_frame_that_is_no_image_is_refused(frame: Any, tmp_path: Path) -> None:
    env = make_env(DOOR_KEY, render_mode="rgb_array")
    env.render = lambda: frame  # type: ignore[method-assign]
    with pytest.raises(RecordingProblem, match="a frame is uint8 of shape"):
        RecordEpisodes(env, tmp_path, frames=True).reset(seed=0)


def test_a_world_that_nothing_perceives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownWorld):
        RecordEpisodes(make_env("CartPole-v1"), tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingProblem, match=r"cannot record to .*file"):
        RecordEpisodes(make_env(DOOR_KEY), tmp_path / "file").reset(seed=0)


# ---------------------------------------------------------------------- a crash


def test_what_a_killed_program_recorded_can_be_read(tmp_path: Path) -> None:
    script = (
        "import os, sys; from worldwright.envs.recording import *; from worldwright.envs.registry import *\n"
        f"env = RecordEpisodes(make_env({DOOR_KEY!r}), sys.argv[1]); env.reset(seed=0)\n"
        "for action in (0, 1, 2): env.step(action)\n"
        "os._exit(9)"
    )
    run = subprocess.run([sys.executable, "-c", script, tmp_path])
    assert run.returncode == 9 and (tmp_path / "episode-000000" / PART).exists()
    found = only_recording(tmp_path)
    assert found.end is None and [step.action for step in found.steps] == [None, 0, 1, 2]


def test_a_recording_cut_anywhere_is_read_up_to_there(tmp_path: Path) -> None:
    recorded(tmp_path / "whole")
    data = (tmp_path / "whole" / "episode-000000" / EVENTS).read_bytes()
    whole, first = only_recording(tmp_path / "whole"), data.index(b"\n") + 1
    for cut in range(first, len(data), 997):
        (tmp_path / PART).write_bytes(data[:cut])
        found = read_recording(tmp_path / PART)
        assert found.end is None and found.steps == whole.steps[: len(found.steps)]
        assert len(found.steps) == data[:cut].count(b"\n") - 1


def test_a_failing_environment_leaves_its_steps(tmp_path: Path) -> None:
    env = RecordEpisodes(make_env(DOOR_KEY), tmp_path)
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(ValueError, match="nknown action"):
        env.step(99)
    assert len(only_recording(tmp_path).steps) == 2
    env.close()
    found = only_recording(tmp_path)
    assert found.end is not None and found.end.reason == "closed"


# ---------------------------------------------------------------------- files that are none


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of a good recording."""
    folder = tmp_path_factory.mktemp("good")
    recorded(folder)
    return (folder / "episode-000000" / EVENTS).read_text(encoding="utf-8").splitlines(keepends=True)


def edited(line: str, **changes: Any) -> str:
    """A line with other values; None takes a key out."""
    event = {**json.loads(line), **changes}
    return json.dumps({key: value for key, value in event.items() if value is not None}) + "\n"


SPOILT: dict[str, Any] = {
    "empty": lambda lines: [],
    "no start": lambda lines: lines[1:],
    "half a start": lambda lines: [lines[0][:30]],
    "two starts": lambda lines: [lines[0], *lines],
    "no JSON": lambda lines: [*lines[:2], "{not json}\n", *lines[3:]],
    "a list": lambda lines: [*lines[:2], "[]\n", *lines[3:]],
    "blank line": lambda lines: [*lines[:2], "\n", *lines[2:]],
    "deep": lambda lines: [lines[0], edited(lines[1])[:-2] + ', "action": ' + "[" * 5_000 + "]" * 5_000 + "}\n"],
    "long number": lambda lines: [lines[0], edited(lines[1])[:-2] + ', "action": ' + "9" * 5_000 + "}\n"],
    "another format": lambda lines: [edited(lines[0], format="diary"), *lines[1:]],
    "another version": lambda lines: [edited(lines[0], version=2), *lines[1:]],
    "unknown key": lambda lines: [edited(lines[0], extra=1), *lines[1:]],
    "unknown event": lambda lines: [*lines[:2], edited(lines[2], event="jump"), *lines[3:]],
    "a step left out": lambda lines: lines[:2] + lines[3:],
    "a step twice": lambda lines: lines[:3] + lines[2:],
    "negative step": lambda lines: [lines[0], edited(lines[1], step=-1)],
    "words for a reward": lambda lines: [*lines[:2], edited(lines[2], reward="much"), *lines[3:]],
    "facts that are none": lambda lines: [*lines[:2], edited(lines[2], true=[1]), *lines[3:]],
    "a fact too long": lambda lines: [*lines[:2], edited(lines[2], true=["x" * 2_000]), *lines[3:]],
    "a fact that held": lambda lines: [*lines[:2], edited(lines[2], true=["(agent-at here)"]), *lines[3:]],
    "a fact that did not hold": lambda lines: [*lines[:2], edited(lines[2], false=["(won)"]), *lines[3:]],
    "a place with one number": lambda lines: [*lines[:2], edited(lines[2], places={"here": [1]}), *lines[3:]],
    "wrong end": lambda lines: [*lines[:-1], edited(lines[-1], steps=1)],
    "no reason": lambda lines: [*lines[:-1], edited(lines[-1], reason="boredom")],
    "more after the end": lambda lines: [*lines, lines[-1]],
    "bytes after the end": lambda lines: [*lines, "x"],
    "an end without steps": lambda lines: [lines[0], edited(lines[-1], steps=0)],
    "a line too long": lambda lines: [lines[0], " " * recording.MAX_LINE + "\n"],
    "binary": lambda lines: ["\x00\x01\x02\n"],
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_no_recording_is_refused_in_one_line(name: str, lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / EVENTS
    path.write_text("".join(SPOILT[name](list(lines))), encoding="utf-8")
    with pytest.raises(RecordingProblem) as problem:
        read_recording(path)
    assert str(problem.value).isprintable()


def test_the_good_lines_are_good(lines: list[str], tmp_path: Path) -> None:
    (tmp_path / EVENTS).write_text("".join(lines), encoding="utf-8")
    assert read_recording(tmp_path).end is not None


def test_bytes_that_are_no_text_are_refused(lines: list[str], tmp_path: Path) -> None:
    (tmp_path / EVENTS).write_bytes(lines[0].encode() + b'{"event":"step","step":0,"mission":"\xff"}\n')
    with pytest.raises(RecordingProblem, match="line 2"):
        read_recording(tmp_path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "none", Path(os.devnull)):
        with pytest.raises(RecordingProblem):
            read_recording(path)


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / EVENTS).open("wb") as file:
        file.truncate(recording.MAX_BYTES + 1)
    with pytest.raises(RecordingProblem, match="at most"):
        read_recording(tmp_path)


def test_too_many_steps_are_not_read(lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_STEPS", 10)
    (tmp_path / EVENTS).write_text("".join(lines), encoding="utf-8")
    with pytest.raises(RecordingProblem, match="line 13"):
        read_recording(tmp_path)
