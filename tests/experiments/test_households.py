"""Households from the command line: bad games, batches with bad games in them, and missions in people's own words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.experiments.command import complaint, worldwright
from worldwright.agent.events import EpisodeStarted
from worldwright.envs.household.env import HOUSEHOLD_ID
from worldwright.envs.household.game import Game
from worldwright.envs.household.games import write_games
from worldwright.envs.household.generator import generate
from worldwright.envs.household.missions import read_mission
from worldwright.envs.household.vocabulary import VOCABULARY
from worldwright.experiments.cli import app
from worldwright.experiments.event_log import read_events
from worldwright.experiments.folder import RunFolder
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import save_model

GOOD, OTHER = generate(0, 0), generate(0, 5)
BROKEN = GOOD.model_copy(update={"id": "broken", "pddl_problem": "(define (problem"})
STUCK = GOOD.problem.replace("(pickupable", "(unpickupable")
HOPELESS = GOOD.model_copy(update={"id": "hopeless", "pddl_problem": STUCK})
FOREIGN = GOOD.model_copy(update={"id": "foreign", "goal": "Your task is to: dance a jig."})
SHORT = ("--env", "max_episode_steps=3")
HOW = "games=generated"


def lines(*games: Game) -> str:
    """A file of games."""
    return "".join(f"{game.line()}\n" for game in games)


def folder(place: Path, **parts: object) -> Path:
    """A folder as ALFWorld's own, with a game in it."""
    data = {"solvable": True, "grammar": f'"{GOOD.goal}"', "pddl_problem": GOOD.problem, **parts}
    trial = place / "pick_and_place_simple-Mug-None-Desk-308" / f"trial_{len(list(place.rglob('game.tw-pddl')))}"
    trial.mkdir(parents=True)
    (trial / "game.tw-pddl").write_text(json.dumps(data))
    return place


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "No such file"),
    "no folder of games": (lambda path: path.mkdir(), "there are none"),
    "no game": (lambda path: path.write_text("[1]\n"), "is not a household game"),
    "cut off": (lambda path: path.write_text(GOOD.line()[:300]), "Invalid JSON"),
    "broken PDDL": (lambda path: path.write_text(lines(BROKEN)), "cannot be read"),
    "unsolvable": (lambda path: path.write_text(lines(HOPELESS)), "cannot be won"),
    "an old file": (lambda path: folder(path, solvable=None), "never checked"),
    "marked unsolvable": (lambda path: folder(path, solvable=False), "marked as not solvable"),
    "a folder with broken PDDL": (lambda path: folder(path, pddl_problem="(define"), "cannot be read"),
    "an unreadable goal": (lambda path: path.write_text(lines(FOREIGN)), "dance a jig"),
}


def invoke(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The file of a model that knows nothing."""
    save_model(WorldModel(VOCABULARY), tmp_path / "model.ww")
    return tmp_path / "model.ww"


@pytest.mark.parametrize("command", ["run", "learn", "eval"])
@pytest.mark.parametrize("kind", BAD)
def test_bad_games_are_refused_in_one_line(kind: str, command: str, model: Path, tmp_path: Path) -> None:
    make, said = BAD[kind]
    make(tmp_path / "games.jsonl")
    more = {
        "run": ("--episodes", 2, "--out", tmp_path / "run"),
        "learn": ("--steps", 5, "--out", tmp_path / "new.ww", "--folder", tmp_path / "run"),
        "eval": ("--episodes", 2, "--freeze", "--model", model),
    }
    done = invoke(command, HOUSEHOLD_ID, "--env", f"games={tmp_path / 'games.jsonl'}", *more[command])
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("worldwright: ")]
    assert said in line and "Traceback" not in done.stderr
    assert HOW in line or "phrasings=GAMES" in line


@pytest.mark.parametrize(
    ("keyword", "said"),
    [
        ("games=5", HOW),
        ("games=", HOW),
        ("games=[1]", HOW),
        ("games=generated:x", "generated:SEED"),
        ("law=[3]", "swapped-heat"),
        ("phrasing=first", "not the number"),
        ("phrasings=generated:0:9", "alfworld-download"),
        ("phrasings=nowhere.jsonl", HOW),
        ("phrasings=nowhere.json", "cannot read"),
    ],
)
def test_bad_keywords_are_refused_in_one_line(keyword: str, said: str) -> None:
    done = invoke("run", HOUSEHOLD_ID, "--env", keyword)
    (line,) = done.stderr.splitlines()
    assert done.exit_code == 1 and said in line


def test_a_process_of_its_own_says_it_in_one_line_too(tmp_path: Path) -> None:
    assert HOW in complaint(worldwright("run", HOUSEHOLD_ID, "--env", "games=nowhere", cwd=tmp_path))


def test_an_unknown_verb_is_answered_with_those_there_are(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert invoke("run", HOUSEHOLD_ID, "--steps", 2, "--episodes", 0, "--out", out).exit_code == 0
    done = invoke("predict", model, out, "--action", "dance")
    assert done.exit_code == 1 and "unknown action 'dance'; known: clean, close, cool" in done.stderr


# ---------------------------------------------------------------------- batches


def test_a_batch_goes_on_past_bad_games_and_lists_them(tmp_path: Path) -> None:
    (tmp_path / "games.jsonl").write_text("{\n" + lines(FOREIGN, GOOD, BROKEN, HOPELESS, OTHER))
    words = ("run", HOUSEHOLD_ID, "--steps", 6, "--episodes", 3, "--out", tmp_path / "run", *SHORT)
    done = invoke(*words, "--env", f"games={tmp_path / 'games.jsonl'}")
    assert done.exit_code == 0, done.stderr
    played = RunFolder(tmp_path / "run").episodes()
    assert [record.steps for record in played if record.phase == "acting"] == [0, 3, 3]
    assert sum(record.steps for record in played if record.phase == "learning") == 6
    assert f"not played: {HOUSEHOLD_ID} seed 0: cannot read the mission 'dance a jig'" in done.stdout
    listed = [line for line in done.stderr.splitlines() if "left out: " in line]
    assert [next(word for word in ("line 1 ", "broken", "hopeless") if word in line) for line in listed] == [
        "line 1 ",
        "broken",
        "hopeless",
    ]
    assert len(done.stderr.splitlines()) == 3


@pytest.mark.parametrize("jobs", [1, 2])
def test_so_does_an_evaluation_in_any_number_of_processes(jobs: int, model: Path, tmp_path: Path) -> None:
    games = folder(folder(folder(tmp_path / "games", pddl_problem="(define"), solvable=False))
    words = ("eval", HOUSEHOLD_ID, "--model", model, "--freeze", "--episodes", 2, "--jobs", jobs, *SHORT)
    done = worldwright(*words, "--env", f"games={games}", "--json", "r.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = json.loads((tmp_path / "r.json").read_text())["episodes"]
    assert "trial_0 cannot be read" in first["failure"] and second["steps"] == 3
    assert "trial_0 cannot be read" in done.stdout
    assert done.stderr.count("left out: ") == 1 and "trial_1 is marked as not solvable" in done.stderr


# ---------------------------------------------------------------------- people's own words


def test_missions_in_peoples_words_are_read_as_other_games_teach(model: Path, tmp_path: Path) -> None:
    lessons = []
    for game in (generate(0, number) for number in (0, 6, 12)):  # all of them to put something somewhere
        _, _, thing, _, place = game.mission.split()
        said = (f"Move the {thing} to the {place}.", f"Bring a {thing} to the {place}", f"Set {thing} on {place}")
        lessons.append(game.model_copy(update={"annotations": said}))
    _, _, thing, _, place = GOOD.mission.split()
    write_games(lessons, tmp_path / "lessons.jsonl")
    write_games([GOOD.model_copy(update={"annotations": (f"Leave a {thing} to that {place}",)})], tmp_path / "g.jsonl")
    words = ["run", HOUSEHOLD_ID, "--steps", 0, "--episodes", 1, *SHORT]
    words += ["--env", f"games={tmp_path / 'g.jsonl'}", "--env", "phrasing=0"]
    alone = invoke(*words, "--out", tmp_path / "alone")
    assert alone.exit_code == 1 and "cannot read the mission 'Leave a" in alone.stderr
    done = invoke(*words, "--out", tmp_path / "taught", "--env", f"phrasings={tmp_path / 'lessons.jsonl'}")
    assert done.exit_code == 0, done.stderr
    events = [logged.event for logged in read_events(tmp_path / "taught" / "events.jsonl")]
    (begun,) = [event for event in events if isinstance(event, EpisodeStarted)]
    assert begun.mission == f"Leave a {thing} to that {place}"
    assert begun.goal == str(read_mission(GOOD.mission))
