"""What reaches the terminal: plain text without a stranger's escapes, tables, and errors in one line."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worldwright.agent.loop import EpisodeResult
from worldwright.world_model.errors import LeftOut, WorldwrightError

INTERRUPTED = 130
_WIDTH = 120  # of tables where the output is no terminal

# Strings (OSC, DCS and their like) up to their end or, unended, to the line's; then CSI and two-byte sequences.
_STRINGS = r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
_ESCAPES = re.compile(_STRINGS + r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*.?")


def clean(text: str) -> str:
    """A text of others without terminal escapes and control characters, on one line."""
    stripped = _ESCAPES.sub("", text)
    return "".join(char if char.isprintable() else " " for char in stripped)


def console() -> Console:
    """Where results go: the standard output as it is now, whoever may redirect it later."""
    width = None if sys.stdout.isatty() else _WIDTH
    return Console(file=sys.stdout, markup=False, highlight=False, emoji=False, width=width)


def say(out: Console, text: str, style: str | None = None) -> None:
    """Print lines as they are: never cut or wrapped where the output is no terminal."""
    out.print(Text(text, style=style or ""), soft_wrap=True)


def warn(text: str) -> None:
    """Print a line on the standard error."""
    print(f"worldwright: {clean(text)}", file=sys.stderr, flush=True)


def hush_warnings() -> None:
    """Let what strangers' code warns of (in colour, some of it) not reach the terminal, unless Python was told to."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


@contextmanager
def left_out_last() -> Iterator[None]:
    """List what was left out of the input after all else, each once, however often it is met with."""
    found: dict[str, None] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("always", LeftOut)
        show = warnings.showwarning

        def keep(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, LeftOut):
                found[str(message)] = None
            else:
                show(message, category, filename, lineno, file, line)

        warnings.showwarning = keep
        try:
            yield
        finally:
            for text in found:
                warn(text)


@contextmanager
def interruption(advice: str = "") -> Iterator[None]:
    """End the command with one line on the standard error that says what to do, where the user ends it."""
    try:
        yield
    except KeyboardInterrupt:
        warn(f"interrupted{'; ' if advice else ''}{advice}")
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """End the command with one line on the standard error where the input, the disk or the user ended it."""
    try:
        with left_out_last(), interruption():
            yield
    except WorldwrightError as error:
        warn(str(error))
        raise typer.Exit(1) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        warn(f"{name}{error.strerror or error}")
        raise typer.Exit(1) from None
    except MemoryError:
        warn("out of memory: fewer --jobs or a lower agent.search_states need less")
        raise typer.Exit(1) from None


def results_table(groups: Iterable[tuple[str, list[EpisodeResult]]]) -> Table:
    """A row for each named group of episodes: how many succeeded, and means over all of them."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", overflow="fold", min_width=24)
    for title in ("episodes", "success", "steps", "return", "plans", "surprises", "CPU s"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, results in groups:
        if results:
            table.add_row(clean(name), str(len(results)), *_means(results))
    return table


def _means(results: list[EpisodeResult]) -> list[str]:
    def mean(values: Iterable[float]) -> float:
        return sum(values) / len(results)

    return [
        f"{mean(r.success for r in results):.0%}",
        f"{mean(r.steps for r in results):.1f}",
        f"{mean(r.total_reward for r in results):.2f}",
        f"{mean(r.plans for r in results):.1f}",
        f"{mean(r.surprises for r in results):.1f}",
        f"{mean(r.cpu_s for r in results):.2f}",
    ]


def failures(results: Iterable[EpisodeResult]) -> Iterator[str]:
    """A line for each episode that failed."""
    for result in results:
        if not result.success:
            yield clean(f"{result.id} seed {result.seed}: {result.failure}")


def by_id(results: Iterable[EpisodeResult]) -> list[tuple[str, list[EpisodeResult]]]:
    """The results grouped by id, in the order of first appearance."""
    groups: dict[str, list[EpisodeResult]] = {}
    for result in results:
        groups.setdefault(result.id, []).append(result)
    return list(groups.items())
