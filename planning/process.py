"""Runs a search program so that it can neither outlive its caller nor exceed its limits."""

from __future__ import annotations

import contextlib
import math
import os
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
            _limited(command, limits),
            cwd=folder,
            stdin=given,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(limits.cpu_seconds * _WALL_FACTOR + _SPARE_SECONDS)
            killed = False
        except subprocess.TimeoutExpired:
            killed = True
        finally:
            _kill_group(process)
    with printed.open("rb") as file:
        text = file.read(MAX_OUTPUT).decode("utf-8", "replace")
    return Finished(process.returncode, text, killed)


def _limited(command: Sequence[str], limits: Limits) -> list[str]:
    """The command under its limits, which a shell sets: code of ours between fork and exec is unsafe with threads."""
    if not os.access(command[0], os.X_OK):
        raise FileNotFoundError(f"{command[0]} is no program")
    seconds = math.ceil(limits.cpu_seconds + 0.5)  # the kernel counts whole ones; at the soft limit it asks to end
    cpu = f"ulimit -S -t {seconds}; ulimit -H -t {seconds + 1}"
    script = f'ulimit -c 0; ulimit -v {limits.memory_mb * 1024}; {cpu}; exec "$@"'
    return ["/bin/sh", "-c", script, "sh", *command]


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
