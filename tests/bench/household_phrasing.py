"""Grades how people's own phrasings of household missions are read.

    python -m tests.bench.household_phrasing --train TRAIN.jsonl.xz --games OTHERS.jsonl.xz

Learned from the phrasings of the one file, graded on those of the other: a goal is right if it is the very goal that
the game's own sentence asks for. The perceiver reads the phrasing and the first observation, so that it knows what
receptacles the room has; `without the room` is the sentence alone.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from worldwright.envs.household.env import HouseholdEnv
from worldwright.envs.household.game import Game
from worldwright.envs.household.games import Games, find_games
from worldwright.envs.household.missions import Task, read_task
from worldwright.envs.household.perceiver import HouseholdPerceiver
from worldwright.envs.household.phrasing import PhrasingReader
from worldwright.envs.perceiver import UnreadableMission
from worldwright.world_model.goal import Goal

COLUMNS = ("exact", "without the room", "manner", "item", "place")
Score = Counter[str]  # how many phrasings were read rightly, by what; `all` is how many there are


def in_order(games: Games) -> list[Game]:
    """All games of a source."""
    return [games[number] for number in range(len(games))]


def parts(task: Task) -> dict[str, object]:
    """What there is to be read in a phrasing."""
    manner = (task.traits, task.number, task.lamp is not None)
    return {"manner": manner, "item": task.item, "place": task.target or task.lamp}


def perceived(perceiver: HouseholdPerceiver, observation: dict[str, str]) -> Goal | None:
    """The goal as the perceiver reads it; None if it does not."""
    try:
        return perceiver.goal(observation)
    except UnreadableMission:
        return None


def alone(reader: PhrasingReader, sentence: str) -> Task | None:
    """The task as the sentence alone tells it."""
    try:
        return reader.read_task(sentence)
    except UnreadableMission:
        return None


def graded(reader: PhrasingReader, game: Game) -> Score:
    """How the phrasings of one game are read."""
    score: Score = Counter()
    task = read_task(game.mission)
    perceiver = HouseholdPerceiver(phrasings=reader)
    observation, _ = HouseholdEnv(Games([game.id], lambda _: game)).reset(seed=0)
    for text in game.annotations:
        found = alone(reader, text)
        score["all"] += 1
        score["exact"] += perceived(perceiver, {**observation, "mission": text}) == task.goal
        score["without the room"] += found == task
        if found is not None:
            score.update({part: int(value == parts(task)[part]) for part, value in parts(found).items()})
    return score


def table_of(scores: dict[str, Score]) -> Table:
    """A row for each task type, and one for all."""
    table = Table("task type", "phrasings", *COLUMNS)
    for name, score in [*sorted(scores.items()), ("all", sum(scores.values(), Counter()))]:
        table.add_row(name, str(score["all"]), *(f"{100 * score[column] / score['all']:.1f}%" for column in COLUMNS))
    return table


def main(
    train: Annotated[Path, typer.Option(help="games whose phrasings are learned")],
    games: Annotated[Path, typer.Option(help="games whose phrasings are graded")],
    save: Annotated[Path | None, typer.Option(help="where to keep what was learned")] = None,
    show: Annotated[int, typer.Option(help="how many misread phrasings to list")] = 0,
) -> None:
    """Grade and print a table."""
    reader = PhrasingReader.learn(in_order(find_games(train)))
    if save is not None:
        reader.save(save)
    console = Console()
    scores: dict[str, Score] = {}
    for game in in_order(find_games(games)):
        scores.setdefault(game.task_type, Counter()).update(graded(reader, game))
        for text in game.annotations:
            found = alone(reader, text)
            if show > 0 and found != read_task(game.mission):
                show -= 1
                console.print(f"{text.strip()!r} is {game.mission!r}, read as {found}", highlight=False)
    console.print(table_of(scores))


if __name__ == "__main__":
    typer.run(main)
