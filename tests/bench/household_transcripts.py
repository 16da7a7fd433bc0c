"""Plays household games in textworld itself, and writes down what it says, for our own households to be held to.

    python household_transcripts.py GAMES.jsonl TRANSCRIPTS.jsonl.xz --steps 30

It needs an environment of its own with `pip install alfworld==0.4.2` (which compiles for some minutes and cannot share
an environment with the planner's `fast-downward.translate`); it imports nothing of ours.
"""

import argparse
import json
import lzma
import random
import re
import time
from importlib import resources
from pathlib import Path
from typing import Any

import textworld
from alfworld.agents.environment.alfred_tw_env import AlfredDemangler
from textworld.envs import PddlEnv

WEIGHTS = {"go": 4, "take": 4, "open": 3, "heat": 6, "cool": 6, "clean": 4, "use": 3, "slice": 9, "help": 0.1}
TELLING = re.compile("go to (microwave|fridge|sinkbasin|countertop)|take (apple|potato|tomato|egg|bread|mug|.*knife)")
NONSENSE = ["dance", "take apple 1 from moon 1", "go to fridge", "look ", "Look", "open  door 1", "close drawer 1", ""]


def opened(game: dict[str, Any]) -> Any:
    """The game in textworld, loaded."""
    data = resources.files("alfworld") / "data"
    grammar = (data / "alfred.twl2").read_text().replace("Your task is to: UNKNOWN GOAL.", game["goal"])
    env = AlfredDemangler(env=PddlEnv(textworld.EnvInfos(admissible_commands=True)))
    domain = (data / "alfred.pddl").read_text()
    env.load({"pddl_domain": domain, "grammar": grammar, "pddl_problem": game["pddl_problem"]})
    return env


def chosen(rng: random.Random, admissible: list[str]) -> str:
    """A command: seldom nonsense, else of a kind drawn first, so that going about does not drown the rest."""
    if rng.random() < 0.07:
        return rng.choice(NONSENSE)
    kinds: dict[str, list[str]] = {}
    for command in admissible:
        kinds.setdefault(command.split()[0], []).append(command)
    heads = sorted(kinds)
    ways = kinds[rng.choices(heads, [WEIGHTS.get(head, 1) for head in heads])[0]]
    telling = [way for way in ways if TELLING.match(way)]
    return rng.choice(telling if telling and rng.random() < 0.5 else ways)


def transcript(game: dict[str, Any], steps: int, rng: random.Random) -> list[dict[str, Any]]:
    """What was commanded, what was answered, whether the game is won, and what can be commanded next."""
    env = opened(game)
    state = env.reset()
    found = [_record("", state)]
    for _ in range(steps):
        command = chosen(rng, state["admissible_commands"])
        state, _, done = env.step(command)
        found.append(_record(command, state))
        if done:
            break
    return found


def _record(command: str, state: Any) -> dict[str, Any]:
    admissible = state["admissible_commands"]
    return {"command": command, "text": state.feedback, "won": bool(state["won"]), "admissible": admissible}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("games", type=Path)
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("--steps", type=int, default=30)
    options = parser.parse_args()
    opener = lzma.open if options.games.suffix == ".xz" else open
    with opener(options.games, "rt") as source, lzma.open(options.transcripts, "wt", preset=9) as file:
        for number, line in enumerate(source):
            game = json.loads(line)
            start = time.perf_counter()
            steps = transcript(game, options.steps, random.Random(number))
            file.write(json.dumps({"game": game, "steps": steps}) + "\n")
            print(f"{game['id']}: {len(steps) - 1} steps, {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
