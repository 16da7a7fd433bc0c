"""A finished run, made once for all tests that only look at one."""

from pathlib import Path

import pytest

from tests.experiments.command import worldwright

LEVEL = "MiniGrid-DoorKey-5x5-v0"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    done = worldwright("run", LEVEL, "--steps", 250, "--episodes", 2, "--out", folder, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    return folder
