"""Measures every MiniGrid and BabyAI level beside the hand-written bot: `python -m tests.bench.standard levels`.

`scaling` and `plans` measure what single plans cost, `bound` how few steps are possible. `--help` after a command shows
what can be varied.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from tests.bench.hold import UNSEEN, Jobs, ModelFile, Out, Seed, Set, Steps, Train, model_text, settings
from tests.bench.standard_planning import TARGETS, Cost, curves, fewest_steps, planned_in_play, planned_in_view
from tests.bench.standard_play import BOT, Player, Results, Task, play, play_all, tasks_of, usable_ids
from tests.bench.standard_table import TITLES, Row, left_out, middle, report, rows_of, verdicts
from worldwright.experiments.terminal import console, errors_in_one_line, say, warn
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.files import require_writable, write_whole
from worldwright.world_model.model_file import parse_model

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help=__doc__)

TRAINING = (
    "MiniGrid-DoorKey-6x6-v0",
    "MiniGrid-KeyCorridorS3R1-v0",
    "MiniGrid-MultiRoom-N2-S4-v0",
    "BabyAI-PickupLoc-v0",
    "MiniGrid-LavaGapS5-v0",
    "MiniGrid-GoToObject-6x6-N2-v0",
)
BUDGET = 3000

Kept = Annotated[Path | None, typer.Option(help="keep each episode in this file, and play none that it has again")]

Plans = Annotated[int, typer.Option("--episodes", min=1, help="seeds of each kind of level")]


@app.callback()
def main() -> None:
    """Measure the standard: every level, beside the hand-written bot."""


@app.command()
def levels(
    train: Train = list(TRAINING),  # noqa: B006
    level: Annotated[list[str], typer.Option(help="an id to play; repeat for several; all unless given")] = [],  # noqa: B006
    only: Annotated[str, typer.Option(help="of all levels `babyai` or `core` alone")] = "",
    steps: Steps = BUDGET,
    seed: Seed = 0,
    episodes: Annotated[int, typer.Option(min=1, help="of each level")] = 30,
    jobs: Jobs = 2,
    cpu: Annotated[float, typer.Option(min=0.1, help="CPU seconds of an episode, for either player")] = 60.0,
    model: ModelFile = None,
    out: Out = None,
    results: Kept = None,
    report_: Annotated[Path | None, typer.Option("--report", help="write the table to this file, as Markdown")] = None,
    set_: Set = [],  # noqa: B006
) -> None:
    """Learn one model, freeze it, and play unseen seeds of every level; on BabyAI's the bot plays the same."""
    with errors_in_one_line():
        screen = console()
        if report_ is not None:
            require_writable(report_)
        chosen = _chosen(level, only)
        config = settings(train, steps, seed, set_)
        player = Player(model_text(config, model, out), config.agent, cpu)
        tasks = tasks_of(chosen, range(UNSEEN, UNSEEN + episodes), player)
        with Results(results) as kept:
            _play_missing(kept, tasks, player, jobs)
            rows = rows_of(chosen, kept.of(tasks))
        screen.print(_table(rows))
        for line in _summary(rows):
            say(screen, line)
        if report_ is not None:
            write_whole(report_, report("Every MiniGrid and BabyAI level", _command(), rows))


def _chosen(level: Sequence[str], only: str) -> list[str]:
    """The levels to play; raises `WorldwrightError` if there is no such."""
    if only not in ("", "babyai", "core"):
        raise WorldwrightError(f"--only is babyai or core, not {only!r}")
    usable = usable_ids(only)
    unknown = [env_id for env_id in level if env_id not in usable]
    if unknown:
        raise WorldwrightError(f"not a level that can be played here: {', '.join(unknown)}")
    return list(level) or usable


def _play_missing(kept: Results, tasks: Sequence[Task], player: Player, jobs: int) -> None:
    missing = kept.missing(tasks)
    for number, record in enumerate(play_all(missing, player, jobs), start=1):
        kept.add(record)
        if number % 50 == 0:
            warn(f"played {number} of {len(missing)} episodes")


def _table(rows: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    longest = max((len(row.env_id) for row in rows), default=0)
    for title in TITLES:
        is_text = title in ("level", "failures")
        width = longest if title == "level" else None
        table.add_column(title, justify="left" if is_text else "right", no_wrap=title != "failures", min_width=width)
    for row in rows:
        table.add_row(*row.cells())
    return table


def _summary(rows: Sequence[Row]) -> list[str]:
    return [*map(str, verdicts(rows)), *(f"left out: {line}" for line in left_out(rows))]


def _command() -> str:
    """The command that is running, as it is typed."""
    return shlex.join(["python", "-m", "tests.bench.standard", *sys.argv[1:]])


# -- plans -------------------------------------------------------------------------------------------------------------


@app.command()
def scaling(
    train: Train = list(TRAINING),  # noqa: B006
    steps: Steps = BUDGET,
    seed: Seed = 0,
    episodes: Plans = 5,
    model: ModelFile = None,
    out: Out = None,
    set_: Set = [],  # noqa: B006
) -> None:
    """How the CPU time of a plan grows with the map and with the number of things, all of it in view."""
    with errors_in_one_line():
        screen = console()
        config = settings(train, steps, seed, set_)
        laws = parse_model(model_text(config, model, out))
        for curve in curves(laws, config.agent, range(UNSEEN, UNSEEN + episodes)):
            table = _costs_table(curve.name)
            for size, cost in zip(curve.sizes, curve.costs, strict=True):
                table.add_row(str(size), *_cost_cells(cost))
            screen.print(table)
            say(screen, f"\n{curve.plot()}\n")


@app.command()
def plans(
    train: Train = list(TRAINING),  # noqa: B006
    steps: Steps = BUDGET,
    seed: Seed = 0,
    episodes: Plans = 20,
    model: ModelFile = None,
    out: Out = None,
    set_: Set = [],  # noqa: B006
) -> None:
    """The CPU time of a plan, all included, on two levels: with all in view, and of each plan while acting."""
    with errors_in_one_line():
        screen = console()
        config = settings(train, steps, seed, set_)
        laws = parse_model(model_text(config, model, out))
        table = _costs_table("level", "target")
        seeds = range(UNSEEN, UNSEEN + episodes)
        for level in TARGETS:
            for how, measure in (("all in view", planned_in_view), ("while acting", planned_in_play)):
                cost = measure(laws, config.agent, level, seeds)
                table.add_row(f"{level.name}, {how}", *_cost_cells(cost), f"{level.target_ms:.0f}")
        screen.print(table)


@app.command()
def bound(
    train: Train = list(TRAINING),  # noqa: B006
    level: Annotated[list[str], typer.Option(help="a BabyAI id; repeat for several")] = [],  # noqa: B006
    steps: Steps = BUDGET,
    seed: Seed = 0,
    episodes: Plans = 30,
    model: ModelFile = None,
    out: Out = None,
    set_: Set = [],  # noqa: B006
) -> None:
    """How few steps are possible for who sees the whole level, beside the bot's; where one thing is asked for."""
    with errors_in_one_line():
        screen = console()
        config = settings(train, steps, seed, set_)
        player = Player(model_text(config, model, out), config.agent, 60)
        laws = parse_model(player.model)
        table = Table("level", box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for title in ("seeds", "fewest steps", "bot", "ratio"):
            table.add_column(title, justify="right", no_wrap=True)
        for env_id in level or usable_ids("babyai"):
            fewest = fewest_steps(laws, env_id, range(UNSEEN, UNSEEN + episodes))
            bot = {each: play(Task(env_id, each, BOT, ""), player) for each in fewest}
            both = [each for each in fewest if bot[each].success]
            ours, bots = middle(fewest[each] for each in both), middle(bot[each].steps for each in both)
            if ours and bots:
                table.add_row(env_id, str(len(both)), f"{ours:.1f}", f"{bots:.1f}", f"{ours / bots:.2f}")
        screen.print(table)


def _costs_table(first: str, *more: str) -> Table:
    table = Table(first, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("plans", "no way yet", "median ms", "most ms", *more):
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _cost_cells(cost: Cost) -> list[str]:
    return [str(len(cost.seconds)), str(cost.failed), f"{cost.middle_ms:.1f}", f"{cost.most_ms:.1f}"]


if __name__ == "__main__":
    app()
