"""Measures how fast the learned world is: `python -m tests.bench.simulating [--model MODEL.ww]`.

MiniGrid itself steps one level on one core, with its observations. Beside it stand the model's single-step prediction,
the batched simulator by itself, and `worldwright/Learned-v0` with goals, rewards, episodes and observations. All do
random actions from the same first scenes; after an episode the next begins, whose cost is counted. Times are of CPU.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import gymnasium
import numpy as np
import typer
from rich.table import Table

from tests.bench.hold import BUDGET, TRAINING, learned
from worldwright.envs.learned import LEARNED_ID
from worldwright.envs.learned.worlds import LearnedWorlds
from worldwright.envs.registry import make_env
from worldwright.experiments.config import RunConfig
from worldwright.experiments.terminal import console
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import load_model
from worldwright.world_model.simulating import Streams

SCENES = 16
EPISODE = 200  # steps, then the next one begins
ROUNDS = 5

Stepper = Iterator[None]  # each next makes one step, of all copies


def minigrid(level: str) -> Stepper:
    """The level itself."""
    env = make_env(level, disable_env_checker=True)
    chance = np.random.default_rng(0)
    for episode in itertools.count():
        env.reset(seed=episode % SCENES)
        for action in chance.integers(7, size=EPISODE).tolist():
            _, _, terminated, truncated, _ = env.step(action)
            yield
            if terminated or truncated:
                break


def predicting(model: WorldModel, level: str) -> Stepper:
    """The model's prediction for one state after another."""
    worlds = LearnedWorlds(1, model, level, SCENES)
    chance, actions = np.random.default_rng(0), worlds.simulator.actions
    for scene in itertools.cycle(worlds.scenes):
        state = scene.state
        for number in chance.integers(len(actions), size=EPISODE).tolist():
            state = model.predict(state, actions[number]).state
            yield


def simulating(model: WorldModel, level: str, batch: int) -> Stepper:
    """The batched simulator alone."""
    worlds = LearnedWorlds(batch, model, level, SCENES)
    simulator, streams, chance = worlds.simulator, Streams(range(batch)), np.random.default_rng(0)
    firsts = simulator.layout.encode([worlds.scenes[i % SCENES].state for i in range(batch)])
    while True:
        states = firsts
        for actions in chance.integers(len(simulator.actions), size=(EPISODE, batch)):
            states = simulator.sample(states, actions, streams)
            yield


def playing(model: WorldModel, level: str, batch: int) -> Stepper:
    """The vectorised environment."""
    envs: Any = gymnasium.make_vec(
        LEARNED_ID, num_envs=batch, model=model, start=level, scenes=SCENES, max_episode_steps=EPISODE
    )
    chance = np.random.default_rng(0)
    envs.reset(seed=0)
    while True:
        for actions in chance.integers(envs.single_action_space.n, size=(EPISODE, batch)):
            envs.step(actions)
            yield


def rates(steppers: dict[tuple[str, int], Stepper], seconds: float) -> dict[tuple[str, int], float]:
    """Steps a second of CPU of each, the median of rounds in which they take turns."""
    found: dict[tuple[str, int], list[float]] = {key: [] for key in steppers}
    for stepper in steppers.values():
        next(stepper)
    for _ in range(ROUNDS):
        for (name, batch), stepper in steppers.items():
            begun, steps = time.process_time(), 0
            while (spent := time.process_time() - begun) < seconds / ROUNDS:
                next(stepper)
                steps += batch
            found[name, batch].append(steps / spent)
    return {key: median(each) for key, each in found.items()}


def disagreements(model: WorldModel, level: str, steps: int) -> tuple[int, int]:
    """Of the states of random walks: how many there were, and in how many a batch and the single step disagree."""
    batch = 32
    worlds = LearnedWorlds(batch, model, level, SCENES)
    simulator, chance = worlds.simulator, np.random.default_rng(1)
    states = [worlds.scenes[i % SCENES].state for i in range(batch)]
    now = simulator.layout.encode(states)
    wrong = 0
    for _ in range(steps):
        actions = chance.integers(len(simulator.actions), size=batch)
        now = simulator.predict(now, actions)
        pairs = zip(states, actions.tolist(), strict=True)
        states = [model.predict(state, simulator.actions[number]).state for state, number in pairs]
        wrong += sum(simulator.layout.decode(now, row) != state for row, state in enumerate(states))
    return steps * batch, wrong


def main(
    model: Annotated[Path | None, typer.Option(help="measure this model instead of learning one")] = None,
    level: Annotated[str, typer.Option(help="a MiniGrid id")] = "MiniGrid-DoorKey-8x8-v0",
    seconds: Annotated[float, typer.Option(help="of CPU, for each figure")] = 10.0,
) -> None:
    """Print steps a second, as often as MiniGrid's own."""
    laws = load_model(model) if model is not None else learned(RunConfig(env_ids=TRAINING, steps=BUDGET)).model
    many: dict[str, Callable[[WorldModel, str, int], Stepper]] = {
        "batched simulator": simulating,
        LEARNED_ID: playing,
    }
    steppers = {("MiniGrid itself", 1): minigrid(level), ("single-step prediction", 1): predicting(laws, level)}
    steppers |= {(name, batch): make(laws, level, batch) for name, make in many.items() for batch in (1, 32, 1024)}
    found = rates(steppers, seconds)
    table = Table("by", "batch", "steps/s", "x MiniGrid")
    for (name, batch), rate in found.items():
        table.add_row(name, str(batch), f"{rate:,.0f}", f"{rate / found['MiniGrid itself', 1]:.1f}")
    screen = console()
    screen.print(table)
    states, wrong = disagreements(laws, level, steps=400)
    screen.print(f"{level}: {wrong} of {states} states of random walks foretold otherwise than by the single step")


if __name__ == "__main__":
    typer.run(main)
