"""What bad input, a full disk and an impatient user get: one line that says what to do, and logs that can be read."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from tests.experiments.command import COMMAND, ROOM, complaint, environment, world, worldwright
from tests.experiments.conftest import LEVEL
from worldwright.experiments.event_log import read_events
from worldwright.experiments.folder import EpisodeRecord, RunFolder
from worldwright.world_model.experience import ExperienceBuffer
from worldwright.world_model.model_file import load_model

SHORT = ("--steps", 20, "--episodes", 2, "--out", "run")


def records(folder: Path) -> list[EpisodeRecord]:
    """The finished episodes of a run whose logs can be read."""
    run = RunFolder(folder)
    assert list(read_events(run.events)) is not None
    return run.episodes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "MiniGrid-DoorKye-6x6-v0"], "did you mean MiniGrid-DoorKey-6x6-v0"),
        (["run", "../../etc/passwd"], "cannot make ../../etc/passwd"),
        (["run", "CartPole-v1"], "no perceiver reads the observations"),
        (["run", ROOM, "--model", "nowhere.ww"], "nowhere.ww: no such file"),
        (["eval", ROOM, "--model", "broken.ww"], "broken.ww: "),
        (["eval", ROOM, "--model", "."], "not a regular file"),
        (["eval", ROOM, "--model", "other.ww"], "worldwright learn"),
        (["run", ROOM, "--model", "other.ww"], "worldwright learn"),
        (["eval", ROOM, "--model", "other.ww", "--jobs", "2"], "--freeze"),
        (["rules", "/dev/zero"], "not a regular file"),
        (["run", ROOM, "--set", "agent.engin=search"], "agent.engine"),
        (["run", ROOM, "--set", "agent=3"], "agent.engine"),
        (["run", ROOM, "--set", "format=3"], "agent.engine"),
        (["run", ROOM, "--set", "agent.tries=none"], "agent.tries"),
        (["run", ROOM, "--set", "agent.engine=warp"], "known: fast-downward"),
        (["run", ROOM, "--set", "agent.plan_cpu_seconds=NaN"], "agent.plan_cpu_seconds"),
        (["run", ROOM, "--env", "size"], "key=value"),
        (["run", ROOM, "--env", "no_such_keyword=1"], "no_such_keyword"),
        (["learn", ROOM, "--steps", "5", "--out", "."], "is a folder"),
        (["learn", ROOM, "--steps", "5", "--out", "/proc/model.ww"], "/proc/model.ww"),
    ],
)
def test_bad_input_is_refused_in_one_line(words: list[str], said: str, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.ww").write_text("(:world-model 1 :steps")
    text = (finished / "model.ww").read_text()
    (tmp_path / "other.ww").write_text(text.replace("(:vocabulary minigrid", "(:vocabulary kitchen"))
    line = complaint(worldwright(*words, cwd=tmp_path))
    assert said in line
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())


def test_an_unreadable_mission_is_shown_without_its_escapes(tmp_path: Path) -> None:
    done = worldwright("run", world("Sings"), *SHORT, cwd=tmp_path)
    assert "sing" in complaint(done)
    for escape in ("\x1b", "\x07", "\u202e"):
        assert escape not in done.stdout + done.stderr
    assert {record.steps for record in records(tmp_path / "run")} == {0}


def test_an_environment_that_breaks_fails_its_episode_and_no_other(tmp_path: Path) -> None:
    done = worldwright("run", world("BreaksInStep"), *SHORT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second, third = records(tmp_path / "run")
    assert "environment" not in first.failure + second.failure
    assert third.steps == 5 and third.failure == "environment: RuntimeError: the floor\\ngave way"
    run = RunFolder(tmp_path / "run")
    buffer = ExperienceBuffer.load(run.experience, load_model(run.model).vocabulary)
    assert [t.step for t in buffer if t.episode == third.number] == [0, 1, 2, 3, 4]


def test_an_environment_that_cannot_be_reset_is_an_error(finished: Path, tmp_path: Path) -> None:
    assert "no world today" in complaint(worldwright("run", world("BreaksInReset"), *SHORT, cwd=tmp_path))
    assert {record.failure for record in records(tmp_path / "run")} == {"environment: OSError: no world today"}
    frozen = ("eval", world("BreaksInReset"), "--model", finished / "model.ww", "--freeze", "--jobs", 2)
    done = worldwright(*frozen, "--episodes", 2, "--json", "r.json", cwd=tmp_path)
    assert "no world today" in complaint(done)
    assert (tmp_path / "r.json").read_text().count("no world today") == 2


def test_a_goal_that_cannot_be_reached_is_a_recorded_failure(finished: Path, tmp_path: Path) -> None:
    words = ("eval", world("Hopeless"), "--model", finished / "model.ww", "--freeze", "--episodes", 1)
    done = worldwright(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "seed 0: " in done.stdout and "0%" in done.stdout


def test_a_planner_without_time_is_a_recorded_failure(finished: Path, tmp_path: Path) -> None:
    words = ("eval", LEVEL, "--model", finished / "model.ww", "--freeze", "--episodes", 1, "--json", "r.json")
    done = worldwright(*words, "--set", "agent.plan_cpu_seconds=0.000001", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "r.json").read_text())["episodes"][0]
    assert not record["success"]
    assert record["failure"].startswith("out of time: ") and "out of CPU time" in record["failure"]


def limit_files() -> None:
    """Let no file grow beyond 40 kB, as if the disk were full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


def test_a_full_disk_ends_the_run_and_leaves_what_was_written(tmp_path: Path) -> None:
    words = ("run", LEVEL, "--steps", 100, "--episodes", 1, "--out", "run")
    line = complaint(worldwright(*words, cwd=tmp_path, before=limit_files))
    assert "jsonl: File too large" in line
    run = RunFolder(tmp_path / "run")
    known = list(read_events(run.events))
    vocabulary = load_model(_model_of(tmp_path)).vocabulary
    buffer = ExperienceBuffer.load(run.experience, vocabulary)
    assert not buffer.warning
    steps = sum(logged.event.kind == "rewarded" for logged in known)
    assert len(buffer) > 10 and steps - len(buffer) in (0, 1)
    assert not run.finished
    again = worldwright(*words, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    kept = ExperienceBuffer.load(run.experience, vocabulary)
    assert [(t.step, t.action) for t in kept][: len(buffer)] == [(t.step, t.action) for t in buffer]


def _model_of(folder: Path) -> Path:
    """The file of a model that was learned for a step."""
    words = ("learn", LEVEL, "--steps", 1, "--out", "small.ww", "--folder", "small")
    assert worldwright(*words, cwd=folder).returncode == 0
    return folder / "small.ww"


@pytest.mark.parametrize("place", ["/dev/full"])
def test_a_result_that_cannot_be_written_is_an_error(place: str, finished: Path, tmp_path: Path) -> None:
    words = ("eval", LEVEL, "--model", finished / "model.ww", "--freeze", "--episodes", 1, "--json", place)
    assert "No space left on device" in complaint(worldwright(*words, cwd=tmp_path))
    export = ("export", finished / "model.ww", "--pddl", "--out", place)
    assert "No space left on device" in complaint(worldwright(*export, cwd=tmp_path))
    assert Path(place).is_char_device()


def heed_interrupts() -> None:
    """As in a terminal: what a shell starts in the background ignores interrupts, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_run_says_so_and_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    words = ["run", world("Waits"), "--steps", "250", "--episodes", "2", "--out"]
    (tmp_path / "wait").touch()
    process = subprocess.Popen(
        [*COMMAND, *words, "run"],
        cwd=tmp_path,
        env=environment(),
        preexec_fn=heed_interrupts,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    for line in process.stdout:
        if "(100 of 250)" in line:
            process.send_signal(signal.SIGINT)
            break
    process.stdout.read()
    error = process.stderr.read()
    assert process.wait(timeout=60) == 130
    assert error.count("\n") == 1 and "interrupted" in error and "run" in error
    run = RunFolder(tmp_path / "run")
    assert not run.finished and len(list(read_events(run.events))) > 200
    (tmp_path / "wait").unlink()
    for folder in ("run", "whole"):
        done = worldwright(*words, folder, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    whole = RunFolder(tmp_path / "whole")
    unnumbered = {"number": 0, "cpu_s": 0.0, "wall_s": 0.0}
    assert [r.model_copy(update=unnumbered) for r in run.episodes()] == [
        r.model_copy(update=unnumbered) for r in whole.episodes()
    ]
    assert run.model.read_bytes() == whole.model.read_bytes()


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    words = [*COMMAND, "run", LEVEL, "--steps", "2000", "--episodes", "0", "--out", "run"]
    process = subprocess.Popen(words, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        assert "in use by another run" in complaint(worldwright(*words[3:], cwd=tmp_path))
    finally:
        process.kill()
        process.communicate()
