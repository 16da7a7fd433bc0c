"""What others make of household games: `python tests/bench/household_baselines.py --games PATH --number N --jobs 2`.

The expert is ALFWorld's own hand-coded one, which reads the household's facts. It learns nothing. It comes with
`pip install --no-deps alfworld==0.4.2` (with its dependencies it would compile a planner of its own, which cannot share
an environment with ours). The all-seeing planner is Fast Downward on the whole problem, every step at cost 1.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
import types
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import gymnasium as gym
import typer
from rich.console import Console
from rich.table import Table

from worldwright.envs.household.env import HOUSEHOLD_ID
from worldwright.envs.household.game import Game
from worldwright.envs.household.games import Games, find_games
from worldwright.envs.household.laws import law_texts
from worldwright.world_model.errors import WorldwrightError

SEARCHES = ("astar(ff(),max_time=20)", "lazy_wastar([ff()],preferred=[ff()],w=3,max_time=60)")
RACKS = ("MicrowaveType", "FridgeType", "SinkBasinType")  # kinds that the domain names without declaring them
KNIVES = ("KnifeType", "ButterKnifeType")


@dataclass(frozen=True)
class Score:
    """What became of one game: steps if it was won, else None; the expert's is None too if there is no expert."""

    task_type: str
    expert: int | None
    planner: int | None


# ---------------------------------------------------------------------- the hand-coded expert


def expert_class() -> Any:
    """ALFWorld's expert; None if alfworld is not installed."""
    if find_spec("alfworld") is None:
        return None
    if "textworld" not in sys.modules:  # of which the expert needs but the name of a base class
        stand_in: Any = types.ModuleType("textworld")
        stand_in.Agent = object
        sys.modules["textworld"] = stand_in
    from alfworld.agents.expert import handcoded_expert_tw
    from alfworld.gen import constants

    return handcoded_expert_tw.HandCodedTWAgent, constants.OBJECTS


def expert_steps(game: Game, limit: int, law: str = "") -> int | None:
    """How many steps the expert takes to win a game; None if it does not within the limit."""
    agent_class, kinds = expert_class()
    env = gym.make(
        HOUSEHOLD_ID,
        games=Games([game.id], lambda _: game),
        law=law,
        admissible=True,
        facts=True,
        max_episode_steps=limit,
    )
    params = {key: str(value).lower() if value in kinds else value for key, value in game.pddl_params.items()}
    params["task_type"] = game.task_type
    agent = agent_class(max_steps=4 * limit)
    agent.policy = agent.get_task_policy(params)(params, max_steps=4 * limit)
    random.seed(game.id)  # the expert draws from the common numbers
    observation, info = env.reset(seed=0)
    agent.observe(observation["text"])
    command = "look"
    for step in range(1, limit + 1):
        observation, _, won, cut, info = env.step(command)
        if won or cut:
            return step if won else None
        command = expert_command(agent, observation["text"], info, command)
    return None


def expert_command(agent: Any, text: str, info: dict[str, Any], last: str) -> str:
    """What the expert does next; it looks about where it proposes what cannot be done, as in ALFWorld."""
    facts = [types.SimpleNamespace(name=word, names=names) for word, *names in info["facts"]]
    state = {"feedback": text, "facts": facts, "admissible_commands": info["admissible_commands"]}
    # ALFWorld 0.4 renamed `put` to `move`, but its expert still waits for `put` to know that its hand is empty.
    last = re.sub(r"^move\b", "put", last)
    try:
        command = str(agent.act(state, 0, info["won"], last))
    except Exception:  # it fails in many ways: an empty list to choose from, its own errors
        return "look"
    return command if command in info["admissible_commands"] else "look"


# ---------------------------------------------------------------------- the planner that sees all


def planner_steps(game: Game, law: str = "") -> int | None:
    """The length of Fast Downward's plan for the whole problem; None if it found none."""
    spec = find_spec("up_fast_downward")
    assert spec is not None and spec.origin is not None
    driver = Path(spec.origin).parent / "downward" / "fast-downward.py"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "domain.pddl").write_text(strict_domain(law_texts(law)[0]))
        (place / "problem.pddl").write_text(strict_problem(game.problem))
        for search in SEARCHES:
            command = [sys.executable, str(driver), "domain.pddl", "problem.pddl", "--search", search]
            subprocess.run(command, cwd=place, capture_output=True, check=False)
            if (place / "sas_plan").exists():
                lines = (place / "sas_plan").read_text().splitlines()
                return sum(not line.startswith(";") for line in lines)
    return None


def strict_domain(text: str) -> str:
    """ALFWorld's domain as Fast Downward takes it today, at cost 1 a step, without what only looks about."""
    text = re.sub(r";[^\n]*|\(increase[^()]*\([^()]*\)[^()]*\)", "", text)
    head, *actions = re.split(r"(?=\(:action)", text.rstrip().removesuffix(")"))
    useful = [part for part in actions if not re.match(r"\(:action (look|inventory|examine\w+|help)\b", part)]
    constants = f"(:constants {' '.join(RACKS)} - rtype {' '.join(KNIVES)} - otype)"
    return "".join([head.replace("(:predicates", f"{constants}\n(:predicates", 1), *useful, ")"])


def strict_problem(text: str) -> str:
    """The problem without the objects that are constants of the domain now."""
    return re.sub(rf"(?m)^\s*({'|'.join((*RACKS, *KNIVES))}) - \w+$", "", text)


# ---------------------------------------------------------------------- the table


known_games = cache(find_games)


def scored(number: int, source: str, limit: int, law: str) -> Score | None:
    """Both baselines on one game; None if it cannot be played."""
    try:
        game = known_games(source)[number]
        has_expert = expert_class() is not None
        expert = expert_steps(game, limit, law) if has_expert else None
        return Score(game.task_type, expert, planner_steps(game, law))
    except WorldwrightError as problem:
        print(problem, file=sys.stderr)
        return None


def rows(scores: list[Score]) -> Iterator[list[str]]:
    """One row for each task type and one for all."""
    kinds = sorted({score.task_type for score in scores})
    for kind in [*kinds, "all"]:
        chosen = [score for score in scores if kind in {score.task_type, "all"}]
        won = [score.expert for score in chosen if score.expert is not None]
        plans = [score.planner for score in chosen if score.planner is not None]
        shown = [f"{mean(steps):.1f}" if steps else "-" for steps in (won, plans)]
        yield [kind, str(len(chosen)), f"{100 * len(won) / len(chosen):.1f}%", *shown, str(len(plans))]


def main(
    games: Annotated[str, typer.Option(help="Where games come from, as for the environment.")] = "generated",
    number: Annotated[int, typer.Option(help="How many games, from the first.")] = 60,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 1,
    limit: Annotated[int, typer.Option(help="Steps that the expert has.")] = 50,
    law: Annotated[str, typer.Option(help="Other laws of the household.")] = "",
) -> None:
    """Print, for each task type, how the expert and the all-seeing planner do."""
    number = min(number, len(known_games(games)))
    score = partial(scored, source=games, limit=limit, law=law)
    with ProcessPoolExecutor(jobs) as pool:
        scores = [found for found in pool.map(score, range(number)) if found is not None]
    table = Table("task type", "games", "expert won", "expert steps", "planner steps", "plans found")
    for row in rows(scores):
        table.add_row(*row)
    Console(width=120).print(table)
    if expert_class() is None:
        print("the expert did not play: pip install --no-deps alfworld==0.4.2")


if __name__ == "__main__":
    typer.run(main)
