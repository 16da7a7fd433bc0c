"""Measures what must hold of the agent in households: `python -m tests.bench.household_hold games|curve|laws|pddl`.

The agent learns from a few games, about as many of each task type, is frozen, and plays others. `--help` after a
command shows what can be varied; `--train generated` and `--games generated:1` need no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.bench.household_baselines import Score, expert_class, known_games, rows, scored
from tests.bench.household_pddl import TRUTHS, compare, comparison_table, differences, reread
from tests.bench.household_pddl import __doc__ as how_compared
from tests.bench.household_play import (
    HELD_OUT_SEED,
    Foretold,
    Learned,
    Lessons,
    Played,
    curve_of,
    curve_table,
    games_table,
    given_or_learned,
    held_out,
    learn,
    mean_steps,
    play_all,
    round_robin,
    success,
    task_types,
    to_play,
)
from worldwright.envs.household.env import MAX_STEPS
from worldwright.envs.household.laws import lawful
from worldwright.envs.household.vocabulary import VOCABULARY
from worldwright.experiments.terminal import console, errors_in_one_line, hush_warnings, say
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.files import require_writable
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import save_model
from worldwright.world_model.syntax import show_rule

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help=__doc__)

TRAIN = "../shared/data/alfworld/train.jsonl.xz"
TEST = "../shared/data/alfworld/valid_seen.jsonl.xz"
LEARN_GAMES, STEPS = 10, 300
AFTER = (1, 2, 3, 5, 10)  # games, after which the curve is measured
LAWS = ("swapped-heat", "open-appliances", "clean-first", "empty-hand-lamps")

Train = Annotated[str, typer.Option(help="where the games to learn from come from: a file, a folder, `generated`")]
LearnGames = Annotated[int, typer.Option(min=1, help="how many games to learn from")]
Steps = Annotated[int, typer.Option(min=1, help="environment steps in each game of learning")]
Seed = Annotated[int, typer.Option(help="of the agent, and of which games it learns from")]
Law = Annotated[str, typer.Option(help="other laws of the household, to learn and to act under")]
ModelFile = Annotated[Path | None, typer.Option(help="act by this model instead of learning one")]
Out = Annotated[Path | None, typer.Option(help="keep the learned model in this file")]
Jobs = Annotated[int, typer.Option(min=1, help="processes")]
Source = Annotated[str, typer.Option("--games", help="where the games to play come from")]


def lessons(train: str, games: int, steps: int, seed: int, law: str = "", without: Sequence[int] = ()) -> Lessons:
    """What to learn from, without the games that are kept for something else; raises `WorldwrightError`."""
    lawful(law)
    chosen = round_robin(task_types(train), games, seed, without)
    if not chosen:
        raise WorldwrightError("there is no game to learn from: raise --learn-games, or give another --train")
    return Lessons(train, tuple(chosen), steps, seed, law)


def model_or_lessons(screen: Console, plan: Lessons, model: Path | None, out: Path | None) -> Learned:
    """The given model, or one learned now, and a line about it."""
    if out is not None:
        require_writable(out)
    learned = given_or_learned(plan, model, out)
    say(screen, str(learned))
    return learned


def say_what_went_wrong(screen: Console, source: str, played: Sequence[Played]) -> None:
    """A line for each game that was not won, could not be played, or was refused by its source."""
    for refused in known_games(source).refused:
        say(screen, f"left out: {refused.reason}")
    for game in played:
        if game.result is None or not game.result.success:
            say(screen, game.line())


@app.callback()
def main() -> None:
    """Measure what must hold of the agent in households."""
    hush_warnings()  # of games that are left out: they are listed


@app.command()
def games(
    train: Train = TRAIN,
    learn_games: LearnGames = LEARN_GAMES,
    steps: Steps = STEPS,
    seed: Seed = 0,
    law: Law = "",
    source: Source = TEST,
    number: Annotated[int | None, typer.Option(min=1, help="of games to play, evenly spread; all unless given")] = None,
    baselines: Annotated[bool, typer.Option("--baselines", help="and how the expert and a planner do")] = False,
    rules: Annotated[bool, typer.Option("--rules", help="print the rules")] = False,
    model: ModelFile = None,
    out: Out = None,
    jobs: Jobs = 2,
) -> None:
    """Learn from a few games, freeze the model, and play others."""
    with errors_in_one_line():
        screen = console()
        lawful(law)
        numbers = to_play(source, number)  # read before the processes begin, which then share them
        plan = Lessons(train, (), steps) if model is not None else lessons(train, learn_games, steps, seed, law)
        learned = model_or_lessons(screen, plan, model, out)
        if rules:
            for rule in learned.model.rules:
                say(screen, show_rule(rule))
        with ProcessPoolExecutor(jobs) as pool:
            played = play_all(pool, numbers, learned.text, source, law)
            if baselines:
                could = [game.number for game in played if game.result is not None]
                scores = list(pool.map(partial(scored, source=source, limit=MAX_STEPS, law=law), could))
                screen.print(games_table(played, *baseline_cells([found for found in scores if found is not None])))
            else:
                screen.print(games_table(played))
        if baselines and expert_class() is None:
            say(screen, "the expert did not play: pip install --no-deps alfworld==0.4.2")
        say_what_went_wrong(screen, source, played)


def baseline_cells(scores: list[Score]) -> tuple[dict[str, list[str]], list[str]]:
    """How the expert and the planner do, for each task type and for all, and the titles of that."""
    titles = ["expert", "expert steps", "planner steps"]
    has_expert = expert_class() is not None
    cells = {
        kind: [won if has_expert else "-", expert, planner]
        for kind, _, won, expert, planner, _ in (rows(scores) if scores else ())
    }
    return cells, titles


@app.command()
def curve(
    train: Train = TRAIN,
    learn_games: LearnGames = LEARN_GAMES,
    steps: Steps = STEPS,
    seed: Annotated[int, typer.Option(help="of the first shuffle; the others follow")] = 0,
    law: Law = "",
    shuffles: Annotated[int, typer.Option(min=1, help="how often to learn, each time from other games")] = 10,
    source: Source = TEST,
    number: Annotated[int, typer.Option(min=1, help="of games to play, evenly spread")] = 28,
    held_games: Annotated[int, typer.Option(min=1, help="games of --train whose transitions are to be foretold")] = 4,
    held_steps: Annotated[int, typer.Option(min=1, help="in each of them")] = 60,
    jobs: Jobs = 2,
) -> None:
    """How the agent gets better from game to game, and how much that depends on the games."""
    with errors_in_one_line():
        screen = console()
        kept = lessons(train, held_games, held_steps, HELD_OUT_SEED, law)
        tests = (source, to_play(source, number))
        heard = held_out(kept)  # before the processes begin, which then have it already
        count = Foretold.of(heard, WorldModel(VOCABULARY))
        say(
            screen,
            f"{count.transitions} held-out transitions of {len(kept.games)} games, in {count.eventful} of which"
            f" something happened (an agent that expects nothing ever foretells {count.share:.1%} exactly);"
            f" {len(tests[1])} games to play",
        )
        plans = [lessons(train, learn_games, steps, seed + k, law, kept.games) for k in range(shuffles)]
        after = {games for games in AFTER if games < learn_games} | {learn_games}
        with ProcessPoolExecutor(jobs) as pool:
            curves = list(pool.map(partial(curve_of, after=after, tests=tests, held=kept), plans))
        screen.print(curve_table(curves))


@app.command()
def laws(
    train: Train = TRAIN,
    learn_games: LearnGames = LEARN_GAMES,
    steps: Steps = STEPS,
    seed: Seed = 0,
    law: Annotated[list[str], typer.Option(help="a law; repeat for several")] = list(LAWS),  # noqa: B006
    source: Source = TEST,
    number: Annotated[int, typer.Option(min=1, help="of games to play under each, evenly spread")] = 42,
    contrast: Annotated[
        bool, typer.Option("--contrast", help="also play under each law with what was learned without it")
    ] = False,
    model: Annotated[Path | None, typer.Option(help="learned without the laws, for --contrast")] = None,
    out: Annotated[Path | None, typer.Option(help="keep the learned models in this folder")] = None,
    jobs: Jobs = 2,
) -> None:
    """Learn each law from nothing, freeze the model, and play other games under that law."""
    with errors_in_one_line():
        screen = console()
        for name in law:
            if out is not None:
                require_writable(out / f"{name}.ww")
            lawful(name)  # or it says at once that there is no such law
        numbers = to_play(source, number)
        plan = lessons(train, learn_games, steps, seed)
        plans = [replace(plan, law=name) for name in law]
        usual = given_or_learned(plan, model, None) if contrast and model is not None else None
        with ProcessPoolExecutor(jobs) as pool:
            learned = list(pool.map(learn, [*plans, plan] if contrast and usual is None else plans))
            usual = learned.pop() if len(learned) > len(plans) else usual
            table = laws_table(contrast)
            failed: list[str] = []
            for name, known in zip(law, learned, strict=True):
                if out is not None:
                    save_model(known.model, out / f"{name}.ww")
                played = play_all(pool, numbers, known.text, source, name)
                others = play_all(pool, numbers, usual.text, source, name) if usual is not None else []
                table.add_row(*law_cells(name, known, played, others))
                failed += [f"{name}: {game.line()}" for game in played if not (game.result and game.result.success)]
        screen.print(table)
        for line in [*(f"left out: {refused.reason}" for refused in known_games(source).refused), *failed]:
            say(screen, line)


def laws_table(contrast: bool) -> Table:
    """The table without its rows."""
    table = Table("law", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    more = ["success without learning it", "its steps"] if contrast else []
    for title in ("steps learned", "rules", "games", "success", "steps", *more):
        table.add_column(title, justify="right")
    return table


def law_cells(name: str, learned: Learned, played: Sequence[Played], others: Sequence[Played]) -> list[str]:
    """The row of a law: what was learned, how it does, and how what was learned without the law does."""
    could = [game for game in played if game.result is not None]
    cells = [name, str(learned.steps), str(len(learned.model.rules)), str(len(could))]
    for group in (played, others):
        if group:
            cells += [f"{success(group):.1%}", f"{mean_steps(group):.1f}"]
    return cells


@app.command()
def pddl(
    train: Train = TRAIN,
    learn_games: LearnGames = LEARN_GAMES,
    steps: Steps = STEPS,
    seed: Seed = 0,
    model: ModelFile = None,
    out: Out = None,
) -> None:
    """Compare the learned rules with ALFWorld's true domain, and let unified-planning read their export."""
    with errors_in_one_line():
        screen = console()
        plan = Lessons(train, (), steps) if model is not None else lessons(train, learn_games, steps, seed)
        known = model_or_lessons(screen, plan, model, out).model
        compared = compare(known)
        screen.print(comparison_table(compared))
        for line in differences(compared):
            say(screen, line)
        others = [rule.action for rule in known.rules if rule.action not in TRUTHS]
        if others:
            say(screen, f"not compared: {len(others)} rules of {', '.join(sorted(set(others)))}, which only look")
        say(screen, f"\n{how_compared}")
        idle = [rule.name for rule in known.rules if not rule.likeliest().effects]
        if idle:
            say(screen, f"not exported, since most probably nothing comes of them: {', '.join(idle)}")
        try:
            say(screen, f"unified-planning reads the export: {reread(known)} actions")
        except Exception as problem:  # unified-planning raises whatever comes
            raise WorldwrightError(f"unified-planning does not read the export: {problem}") from problem


if __name__ == "__main__":
    app()
