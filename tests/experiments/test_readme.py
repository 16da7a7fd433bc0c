"""The README's commands and code do what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.experiments.command import COMMAND, ROOT, environment
from tests.experiments.telling import knows_the_laws
from worldwright.experiments.folder import RunFolder
from worldwright.world_model.chat.scripted_server import ScriptedServer

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
BLOCKS = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", ""))
LINES = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line.startswith("worldwright ")]
PYTHON = [text for kind, text in BLOCKS if kind == "python"]
SETUP = next(line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if "-m venv" in line)


URL = "http://127.0.0.1:8080/v1"  # where the README has a language model


def play(line: str, folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    words = [*COMMAND, *line.replace(URL, url).split()[1:]]
    return subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


def shortened(text: str) -> str:
    """The same with as little to do as possible."""
    text = re.sub(r"(--steps |steps=)\d+", r"\g<1>30", text)
    text = re.sub(r"--episodes \d+", "--episodes 1", text)
    text = re.sub(r"episodes=\d+", "episodes=1, max_steps=10", text)
    if text.startswith(("worldwright run", "worldwright eval")):
        text += " --env max_steps=20" + ("" if "--episodes" in text else " --steps 30 --episodes 1")
    return text


def test_the_readme_has_commands_and_code() -> None:
    commands = {line.split()[1] for line in LINES}
    assert commands == {"run", "learn", "eval", "rules", "predict", "explain", "export"}
    assert any("Agent" in text and len(text.strip().splitlines()) < 10 for text in PYTHON)


def test_every_command_of_the_readme_works_with_a_small_budget(tmp_path: Path) -> None:
    play_all([shortened(line) for line in LINES], tmp_path)


def play_all(lines: list[str], folder: Path) -> None:
    """Each command, with a server that knows the laws for the language model."""
    with ScriptedServer(knows_the_laws) as server:
        for line in lines:
            done = play(line, folder, server.url)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            assert "no language model is asked any more" not in done.stdout, f"{line}\n{done.stdout}"
    assert server.received
    assert (folder / "again.ww").read_bytes() == (folder / "told.ww").read_bytes()


@pytest.mark.parametrize("text", PYTHON)
def test_the_code_of_the_readme_works_with_a_small_budget(text: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", shortened(text)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_commands_of_the_readme_work_as_they_stand(tmp_path: Path) -> None:
    play_all(LINES, tmp_path)


@pytest.mark.slow
def test_a_fresh_machine_learns_and_solves_with_one_command(tmp_path: Path) -> None:
    checkout = tmp_path / "worldwright"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in tracked.splitlines():
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, checkout / name)
    done = subprocess.run(SETUP, shell=True, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "(:rule " in done.stdout
    (folder,) = (checkout / "runs").iterdir()
    acting = [episode for episode in RunFolder(folder).episodes() if episode.phase == "acting"]
    assert len(acting) == 10 and all(episode.success for episode in acting)
