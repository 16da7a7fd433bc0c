"""Runs a search program so that it can neither outlive its caller nor exceed its limits."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from worldwright.planning.problem import Limits

_SPARE_SECONDS = 5.0  # wall-clock time beyond the CPU time before the program is killed
_WALL_FACTOR = 4.0  # a busy machine may give it a quarter of a core
MAX_OUTPUT = 4_000_000  # bytes kept of what it prints


@dataclass(frozen=True)
class Finished:
    """How a program ended: its exit code (negative: the signal), what it printed, and whether it had to be killed."""

    code: int
    output: str
    killed: bool


def run(command: Sequence[str], folder: Path, limits: Limits, stdin: Path | None = None) -> Finished:
    """Run a program in `folder`, in a session of its own, under limits of CPU time and memory.

    Whatever happens here, a keyboard interrupt included, the whole process group is gone afterwards.

    Raises:
        OSError: it cannot be started.
    """
    printed = folder / "printed.txt"
    with contextlib.ExitStack() as stack:
        given: IO[bytes] | int = stack.enter_context(stdin.open("rb")) if stdin else subprocess.DEVNULL
        output = stack.enter_context(printed.open("wb"))
        process = subprocess.Popen(
            command, cwd=folder, stdin=given, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _limit(process.pid, limits)
            process.wait(limits.cpu_seconds * _WALL_FACTOR + _SPARE_SECONDS)
            killed = False
        except subprocess.TimeoutExpired:
            killed = True
        finally:
            _kill_group(process)
    with printed.open("rb") as file:
        text = file.read(MAX_OUTPUT).decode("utf-8", "replace")
    return Finished(process.returncode, text, killed)


def _limit(pid: int, limits: Limits) -> None:
    """Set the limits from outside: no code of ours runs between fork and exec, where threads make it unsafe."""
    seconds = max(1, round(limits.cpu_seconds + 0.5))
    size = limits.memory_mb * 2**20
    with contextlib.suppress(ProcessLookupError, AttributeError):  # it has ended already; not on Linux
        resource.prlimit(pid, resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.prlimit(pid, resource.RLIMIT_AS, (size, size))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
