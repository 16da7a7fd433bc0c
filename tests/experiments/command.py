"""The command `worldwright` as a user starts it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOM = "tests.experiments.worlds:Room-v0"
COMMAND = [sys.executable, "-c", "from worldwright.experiments.cli import main; main()"]


def world(name: str) -> str:
    """The id of an environment in `tests/experiments/worlds.py`."""
    return f"tests.experiments.worlds:{name}-v0"


def environment() -> dict[str, str]:
    """The environment variables of a process that finds these worlds."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def worldwright(
    *words: object, cwd: Path, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=before,
        timeout=300,
    )


def complaint(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The one line on the standard error with which the command failed."""
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("worldwright: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]
