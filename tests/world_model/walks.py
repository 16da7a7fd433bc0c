"""Random walks in MiniGrid as transitions, and MiniGrid's true laws."""

from __future__ import annotations

import random
from collections.abc import Sequence

import gymnasium as gym

from worldwright.agent.memory import Habits, Memory
from worldwright.envs.minigrid.perceiver import MiniGridPerceiver
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.language import ActionRule
from worldwright.world_model.model import WorldModel
from worldwright.world_model.syntax import parse_rule
from worldwright.world_model.transition import Transition

LEVELS = ("BabyAI-UnlockPickup-v0", "MiniGrid-KeyCorridorS3R3-v0", "MiniGrid-DoorKey-6x6-v0", "BabyAI-GoToObjMaze-v0")
OFTEN = ("left", "right", "forward", "forward", "forward", "pickup", "drop", "toggle", "toggle")

_AHEAD = "?a - cell ?d - direction ?f - cell"
_IN_FRONT = "(agent-at ?a) (facing ?d) (next ?d ?a ?f)"
_MOVE = "((1 (and (not (agent-at ?a)) (agent-at ?f))))"


def law(name: str, parameters: str, precondition: str, outcomes: str) -> ActionRule:
    """A rule of MiniGrid whose action is the first word of its name."""
    return parse_rule(
        VOCABULARY,
        f"(:rule {name} :action {name.split('-')[0]} :parameters ({parameters})"
        f" :precondition (and {precondition}) :outcomes {outcomes})",
    )


def laws() -> tuple[ActionRule, ...]:
    """What turning, walking, lifting, dropping and opening do."""
    thing = f"{_AHEAD} ?x - thing"
    found = [
        law(
            f"{action}-turns",
            "?d - direction ?n - direction",
            f"(facing ?d) ({way} ?d ?n)",
            "((1 (and (not (facing ?d)) (facing ?n))))",
        )
        for action, way in (("left", "counterclockwise"), ("right", "clockwise"))
    ]
    found += [
        law("forward-free", _AHEAD, f"{_IN_FRONT} (on ?f nothing)", _MOVE),
        law("forward-goal", thing, f"{_IN_FRONT} (on ?f ?x) (kind ?x goal)", _MOVE),
        law("forward-door", thing, f"{_IN_FRONT} (on ?f ?x) (kind ?x door) (state ?x open)", _MOVE),
        law(
            "drop-held",
            thing,
            f"{_IN_FRONT} (on ?f nothing) (holding ?x) (not (= ?x nothing))",
            "((1 (and (not (holding ?x)) (holding nothing) (not (on ?f nothing)) (on ?f ?x))))",
        ),
        law(
            "toggle-unlocks",
            f"{thing} ?k - thing ?c - color",
            f"{_IN_FRONT} (on ?f ?x) (kind ?x door) (state ?x locked) (holding ?k) (kind ?k key) (color ?k ?c)"
            " (color ?x ?c)",
            "((1 (and (not (state ?x locked)) (state ?x open))))",
        ),
    ]
    for kind in ("key", "ball", "box"):
        found.append(
            law(
                f"pickup-{kind}",
                thing,
                f"{_IN_FRONT} (on ?f ?x) (kind ?x {kind}) (holding nothing)",
                "((1 (and (not (on ?f ?x)) (on ?f nothing) (not (holding nothing)) (holding ?x))))",
            )
        )
    for old, new in (("closed", "open"), ("open", "closed")):
        found.append(
            law(
                f"toggle-{old}",
                thing,
                f"{_IN_FRONT} (on ?f ?x) (kind ?x door) (state ?x {old})",
                f"((1 (and (not (state ?x {old})) (state ?x {new}))))",
            )
        )
    return tuple(found)


def walk(level: str, seed: int, steps: int, episode: int = 0) -> list[Transition]:
    """One episode of random actions, seen by an agent that knows the laws and so mostly where it stands."""
    perceiver = MiniGridPerceiver()
    model = WorldModel(VOCABULARY, laws())
    env = gym.make(level)
    observation, _ = env.reset(seed=seed)
    memory = Memory(perceiver.vocabulary, perceiver.landmarks)
    seen = memory.update(perceiver.perceive(observation))
    chance = random.Random(seed)
    actions = {action.name: action for action in perceiver.actions()}
    found: list[Transition] = []
    for step in range(steps):
        action = actions[chance.choice(OFTEN)]
        foreseen = model.possibilities(seen.state, action)
        observation, _, ended, cut, _ = env.step(perceiver.to_env(action))
        last, seen = seen, memory.update(perceiver.perceive(observation), foreseen, lambda: Habits(1000))
        found.append(Transition(last.state, action, seen.state, seen.observed, seen.certain, episode, step, "walk"))
        if ended or cut:
            break
    env.close()
    return found


def walks(levels: Sequence[str] = LEVELS, seeds: int = 2, steps: int = 200) -> list[Transition]:
    """Several episodes, one for each level and seed."""
    cases = [(level, seed) for level in levels for seed in range(seeds)]
    return [t for episode, (level, seed) in enumerate(cases) for t in walk(level, seed, steps, episode)]
