"""Measures what must hold of the agent and prints tables: `python tests/bench/hold.py levels|prediction|laws|speed`.

Every figure in the README comes from here. `--help` after a command shows what can be varied.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from worldwright.agent.agent import Agent
from worldwright.experiments.config import RunConfig, with_settings
from worldwright.experiments.evaluating import Evaluation, play_frozen
from worldwright.experiments.terminal import by_id, console, failures, results_table, say
from worldwright.world_model.model_file import load_model, save_model, show_model

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help=__doc__)

TRAINING = ("MiniGrid-DoorKey-6x6-v0", "MiniGrid-Unlock-v0", "MiniGrid-MultiRoom-N2-S4-v0", "BabyAI-PickupLoc-v0")
BUDGET = 2000
LEVELS = (
    "MiniGrid-DoorKey-8x8-v0",
    "MiniGrid-DoorKey-16x16-v0",
    "MiniGrid-Unlock-v0",
    "MiniGrid-KeyCorridorS3R1-v0",
    "MiniGrid-KeyCorridorS3R3-v0",
    "MiniGrid-MultiRoom-N6-v0",
    "BabyAI-GoToLocal-v0",
    "BabyAI-Pickup-v0",
    "BabyAI-UnlockLocal-v0",
    "BabyAI-PutNextLocal-v0",
)
UNSEEN = 1_000_000  # the first seed of what is played: training seeds stay far below

Train = Annotated[list[str], typer.Option(help="an id to learn from; repeat for several")]
Steps = Annotated[int, typer.Option(help="environment steps of learning, shared")]
Seed = Annotated[int, typer.Option(help="of learning")]
Jobs = Annotated[int, typer.Option(help="processes")]
ModelFile = Annotated[Path | None, typer.Option(help="act by this model instead of learning one")]
Set = Annotated[list[str], typer.Option("--set", metavar="A.B=VALUE", help="a setting, as on the command line")]
Out = Annotated[Path | None, typer.Option(help="keep the learned model in this file")]


def learned(config: RunConfig, keywords: dict[str, Any] | None = None) -> Agent:
    """An agent that learned from nothing within the budget."""
    agent = Agent(config=config.agent, seed=config.seed)
    started, cpu = time.monotonic(), time.process_time()
    with contextlib.redirect_stdout(sys.stderr):
        results = agent.learn(config.env_ids, config.steps, config.seed, keywords)
    say(
        console(),
        f"learned {len(agent.model.rules)} rules in {sum(r.steps for r in results)} steps of {len(results)} episodes,"
        f" {time.monotonic() - started:.0f} s ({time.process_time() - cpu:.0f} s of CPU)",
    )
    return agent


def model_text(config: RunConfig, model: Path | None, out: Path | None) -> str:
    """The text of the given model, or of one that is learned now."""
    if model is not None:
        return show_model(load_model(model))
    agent = learned(config)
    if out is not None:
        save_model(agent.model, out)
    return show_model(agent.model)


def settings(train: list[str], steps: int, seed: int, words: list[str]) -> RunConfig:
    """The configuration of learning."""
    return with_settings(RunConfig(env_ids=tuple(train), seed=seed, steps=steps), words)


@app.callback()
def main() -> None:
    """Measure what must hold of the agent."""


@app.command()
def levels(
    train: Train = list(TRAINING),  # noqa: B006
    level: Annotated[list[str], typer.Option(help="an id to play; repeat for several")] = list(LEVELS),  # noqa: B006
    steps: Steps = BUDGET,
    seed: Seed = 0,
    episodes: Annotated[int, typer.Option(help="of each level")] = 100,
    jobs: Jobs = 2,
    model: ModelFile = None,
    out: Out = None,
    set_: Set = [],  # noqa: B006
) -> None:
    """Learn one model, freeze it, and play unseen seeds of the ten levels."""
    screen = console()
    config = settings(train, steps, seed, set_)
    text = model_text(config, model, out)
    results = list(play_frozen(Evaluation(text, level, episodes, UNSEEN, config.agent), jobs))
    screen.print(results_table(by_id(results)))
    for line in failures(results):
        say(screen, line)


if __name__ == "__main__":
    app()
