"""The commands that measure the agent work; what they find is not judged here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.experiments.command import ROOT

SMALL = ("--train", "MiniGrid-DoorKey-5x5-v0", "--steps", "40")
LEVEL = ("--level", "MiniGrid-Unlock-v0")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("levels", *LEVEL, "--episodes", "2"),
        ("prediction", *LEVEL, "--transitions", "40"),
        ("laws", *LEVEL, "--law", "slippery", "--episodes", "2"),
        ("speed", "--episodes", "1"),
    ],
)
def test_a_measurement_prints_its_table(words: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tests" / "bench" / "hold.py"), *words, *SMALL]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "MiniGrid-" in done.stdout or "random walk" in done.stdout
