"""The commands, on a real level."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.experiments.command import ROOM, world, worldwright
from tests.experiments.conftest import LEVEL
from worldwright.agent.events import Unread
from worldwright.experiments.cli import app
from worldwright.experiments.event_log import read_events
from worldwright.experiments.folder import RunFolder
from worldwright.world_model.experience import ExperienceBuffer
from worldwright.world_model.model_file import load_model

KEYS = ["id", "seed", "success", "steps", "return", "cpu_s", "plans", "surprises", "failure"]


def invoke(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def episodes_of(file: Path) -> list[dict[str, object]]:
    episodes: list[dict[str, object]] = json.loads(file.read_text())["episodes"]
    for episode in episodes:
        assert list(episode) == KEYS
        del episode["cpu_s"]
    return episodes


def test_a_run_learns_and_then_solves(finished: Path) -> None:
    result = json.loads((finished / "result.json").read_text())
    acting = [episode for episode in result["episodes"] if episode["phase"] == "acting"]
    assert [episode["seed"] for episode in acting] == [0, 1]
    assert all(episode["success"] for episode in acting)
    assert sum(e["steps"] for e in result["episodes"] if e["phase"] == "learning") == 250


def test_a_run_folder_is_whole(finished: Path) -> None:
    folder = RunFolder(finished)
    assert folder.finished
    assert folder.manifest.config.env_ids == (LEVEL,)
    assert folder.manifest.packages["gymnasium"]
    records = folder.episodes()
    model = load_model(folder.model)
    buffer = ExperienceBuffer.load(folder.experience, model.vocabulary)
    events = list(read_events(folder.events))
    assert len(buffer) == sum(record.steps for record in records) == model.steps
    assert sum(event.event.kind == "rewarded" for event in events) == len(buffer)
    assert [e.episode for e in events if e.event.kind == "episode-ended"] == [r.number for r in records]


def test_a_finished_run_prints_its_result_again(finished: Path) -> None:
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    again = invoke("run", LEVEL, "--steps", 250, "--episodes", 2, "--out", finished)
    assert again.exit_code == 0, again.stderr
    assert "finished before" in again.stdout
    assert "(:rule " in again.stdout and "100%" in again.stdout and str(finished) in again.stdout
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before


def test_another_run_does_not_go_into_its_folder(finished: Path) -> None:
    done = invoke("run", LEVEL, "--steps", 250, "--episodes", 2, "--seed", 5, "--out", finished)
    assert done.exit_code == 1
    assert "seed 0, not 5" in done.stderr and "--out" in done.stderr


def test_nor_into_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    done = invoke("run", ROOM, "--steps", 5, "--episodes", 1, "--out", tmp_path)
    assert done.exit_code == 1 and "no run folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_the_same_command_finds_its_folder_again(tmp_path: Path) -> None:
    words = ("run", ROOM, "--steps", 15, "--episodes", 1)
    first = worldwright(*words, cwd=tmp_path)
    second = worldwright(*words, cwd=tmp_path)
    assert first.returncode == second.returncode == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("Room-v0-")
    assert "finished before" in second.stdout
    assert first.stdout.splitlines()[-1] == second.stdout.splitlines()[-1]


def test_several_ids_share_one_model(tmp_path: Path) -> None:
    out = tmp_path / "model.ww"
    done = invoke("learn", ROOM, LEVEL, "--steps", 60, "--out", out, "--folder", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert load_model(out).steps == 60
    assert {record.id for record in RunFolder(tmp_path / "run").episodes()} == {ROOM, LEVEL}


def test_frozen_episodes_are_the_same_alone_and_in_parallel(finished: Path, tmp_path: Path) -> None:
    words = [
        "eval",
        LEVEL,
        ROOM,
        "--model",
        finished / "model.ww",
        "--episodes",
        3,
        "--freeze",
        "--env",
        "max_steps=30",
    ]
    one = worldwright(*words, "--json", tmp_path / "1.json", cwd=tmp_path)
    two = worldwright(*words, "--jobs", 2, "--json", tmp_path / "2.json", cwd=tmp_path)
    assert one.returncode == two.returncode == 0, one.stderr + two.stderr
    episodes = episodes_of(tmp_path / "1.json")
    assert episodes == episodes_of(tmp_path / "2.json")
    assert [(e["id"], e["seed"]) for e in episodes] == [(i, s) for i in (LEVEL, ROOM) for s in (0, 1, 2)]
    assert all(e["success"] == (e["failure"] == "") for e in episodes)
    (last,) = (e for e in episodes if (e["id"], e["seed"]) == (ROOM, 2))
    alone = invoke("eval", ROOM, *words[3:5], *words[7:], "--episodes", 1, "--seed", 2, "--json", tmp_path / "3.json")
    assert alone.exit_code == 0 and episodes_of(tmp_path / "3.json") == [last]


def test_an_evaluation_that_may_learns(finished: Path, tmp_path: Path) -> None:
    words = ("eval", LEVEL, "--model", finished / "model.ww", "--episodes", 2, "--json", tmp_path / "r.json")
    before = (finished / "model.ww").read_bytes()
    assert invoke(*words).exit_code == 0
    assert len(episodes_of(tmp_path / "r.json")) == 2
    assert (finished / "model.ww").read_bytes() == before


def test_a_run_begins_with_a_given_model(finished: Path, tmp_path: Path) -> None:
    done = invoke("run", LEVEL, "--model", finished / "model.ww", "--episodes", 1, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert [record.phase for record in RunFolder(tmp_path / "run").episodes()] == ["acting"]
    assert RunFolder(tmp_path / "run").given() == load_model(finished / "model.ww")


def test_settings_and_keywords_are_used(tmp_path: Path) -> None:
    done = invoke(
        *("run", LEVEL, "--steps", 12, "--episodes", 0, "--out", tmp_path / "run"),
        *("--env", "max_steps=5", "--set", "agent.engine=search", "--set", "agent.tries=1"),
    )
    assert done.exit_code == 0, done.stderr
    folder = RunFolder(tmp_path / "run")
    assert [record.steps for record in folder.episodes()] == [5, 5, 2]
    assert folder.manifest.config.env == {"max_steps": 5}
    assert (folder.manifest.config.agent.engine, folder.manifest.config.agent.tries) == ("search", 1)


def test_rules_prints_what_a_model_file_says(finished: Path) -> None:
    model = load_model(finished / "model.ww")
    shown = invoke("rules", finished / "model.ww").stdout
    assert shown.count("(:rule ") == len(model.rules) > 0
    assert invoke("rules", finished / "model.ww", "--hypotheses").stdout.count("(:rule ") == len(
        (*model.rules, *model.hypotheses)
    )
    graph = invoke("rules", finished / "model.ww", "--graph").stdout
    assert all(f"rule {rule.name}\n" in graph for rule in model.rules)


def test_export_writes_a_domain(finished: Path, tmp_path: Path) -> None:
    shown = invoke("export", finished / "model.ww", "--pddl")
    assert "(define (domain " in shown.stdout
    assert invoke("export", finished / "model.ww", "--pddl", "--out", tmp_path / "d.pddl").exit_code == 0
    assert (tmp_path / "d.pddl").read_text().strip() == shown.stdout.strip()
    assert invoke("export", finished / "model.ww").exit_code == 1


def test_what_an_environment_prints_is_no_result(tmp_path: Path) -> None:
    done = worldwright("run", world("Prints"), "--steps", 10, "--episodes", 1, cwd=tmp_path)
    assert done.returncode == 0
    assert "Sampling rejected" not in done.stdout and "Sampling rejected" in done.stderr


def test_the_log_tells_what_could_not_be_read(tmp_path: Path) -> None:
    done = invoke("run", world("Babbles"), "--steps", 0, "--episodes", 1, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    events = [logged.event for logged in read_events(tmp_path / "run" / "events.jsonl")]
    assert [(event.step, event.sentences) for event in events if isinstance(event, Unread)] == [
        (0, ("Steam \\ud800 rises.",)),
        (2, ("A clock ticks.", "A cat purrs.")),
    ]


@pytest.mark.parametrize("command", ["run", "learn", "eval", "rules", "predict", "export"])
def test_every_command_has_help(command: str) -> None:
    shown = invoke(command, "--help")
    assert shown.exit_code == 0 and "Usage: " in shown.stdout
