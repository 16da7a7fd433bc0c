"""Walks in MiniGrid with what the agent remembers of them, beside what is true."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from minigrid.core.world_object import Wall, WorldObj
from minigrid.minigrid_env import MiniGridEnv

from worldwright.agent.cells import cell_name
from worldwright.agent.memory import Habits, Memory, Sighting
from worldwright.envs.minigrid.laws import ALTERED_ID
from worldwright.envs.minigrid.perceiver import MiniGridPerceiver
from worldwright.envs.minigrid.vocabulary import ACTIONS, LATTICE, NOTHING, STATES
from worldwright.envs.registry import make_env
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import State

Position = tuple[int, int]
Look = tuple[str, ...]  # kind, colour and, of a door, state; nothing: empty

BUSY = ("left", "right", "forward", "forward", "forward", "pickup", "drop", "toggle", "toggle")
MOVING = ("left", "right", "forward", "forward")


def look(thing: WorldObj | None) -> Look:
    """How a thing of the environment looks."""
    if thing is None:
        return ()
    code = thing.encode()
    return (thing.type, thing.color, *([STATES[code[2]]] if thing.type == "door" else []))


def believed_look(state: State, thing: str) -> Look:
    """How a thing is believed to look."""
    if thing == NOTHING:
        return ()
    values = (state.value((word, thing)) for word in ("kind", "color", "state"))
    return tuple(str(value) for value in values if value is not None)


@dataclass
class Truth:
    """What an agent with perfect odometry would know: its place, and how each cell looked when it was last seen."""

    world: MiniGridEnv
    start: Position = (0, 0)
    seen: dict[Position, Look] = field(default_factory=dict)
    things: dict[Position, WorldObj] = field(default_factory=dict)

    @property
    def position(self) -> Position:
        x, y = self.world.agent_pos
        return int(x) - self.start[0], int(y) - self.start[1]

    def visible(self) -> dict[Position, WorldObj | None]:
        """The cells in view, the agent's own apart, with what is in them; beyond the grid lies wall."""
        _, mask = self.world.gen_obs_grid()
        inside = {(x, y) for x in range(self.world.width) for y in range(self.world.height)}
        (x0, y0), size = self.world.agent_pos, len(mask)
        found: dict[Position, WorldObj | None] = {}
        for x in range(x0 - size, x0 + size + 1):
            for y in range(y0 - size, y0 + size + 1):
                place = self.world.relative_coords(x, y)
                if place is not None and mask[place] and (x, y) != (x0, y0):
                    thing = self.world.grid.get(x, y) if (x, y) in inside else Wall()
                    found[(int(x - self.start[0]), int(y - self.start[1]))] = thing
        return found

    def look_around(self) -> None:
        """Note what is in view."""
        for place, thing in self.visible().items():
            self.seen[place] = look(thing)
            self.things.pop(place, None)
            if thing is not None:
                self.things[place] = thing


@dataclass
class Moment:
    """One step of a walk: what was known before, what was done, what is known now, and what is true."""

    before: State
    action: Action | None
    sighting: Sighting
    memory: Memory
    truth: Truth
    came: Position  # the true way of this step
    guessed: Position  # the believed one

    def mistakes(self) -> dict[str, tuple[Look | None, Look | None]]:
        """The cells that were seen and are believed to look otherwise than they did, or were not and are known."""
        state = self.sighting.state
        known = {cell: str(state.values[cell]) for cell in state.values if cell[0] == LATTICE.content}
        believed = {cell[1]: believed_look(state, thing) for cell, thing in known.items()}
        true = {cell_name(place): seen for place, seen in self.truth.seen.items()}
        return {
            cell: (believed.get(cell), true.get(cell))
            for cell in sorted({*believed, *true})
            if believed.get(cell) != true.get(cell)
        }


def walk(
    level: str,
    seed: int,
    steps: int,
    model: WorldModel | None = None,
    *,
    actions: Sequence[str] = BUSY,
    quick: bool = False,
    experience: int = 1000,
    unforeseen: int = 1000,
    law: str = "",
) -> Iterator[Moment]:
    """A random walk; the environment begins anew where an episode ends, and so does the memory.

    Args:
        experience: how many transitions the rules rest on; `unforeseen`, that nothing happens where none applies.
    """
    env = make_env(ALTERED_ID, law=law, env_id=level) if law else make_env(level)
    try:
        chance = random.Random(seed)
        while steps > 0:
            for moment in _episode(env, chance, seed, model, actions, quick, experience, unforeseen):
                yield moment
                steps -= 1
                if steps <= 0:
                    return
            seed += 1000
    finally:
        env.close()


def _episode(
    env: Any,
    chance: random.Random,
    seed: int,
    model: WorldModel | None,
    actions: Sequence[str],
    quick: bool,
    experience: int,
    unforeseen: int,
) -> Iterator[Moment]:
    perceiver = MiniGridPerceiver()
    observation, _ = env.reset(seed=seed)
    memory = Memory(perceiver.vocabulary, perceiver.landmarks, quick=quick)
    world = env.unwrapped
    truth = Truth(world, (int(world.agent_pos[0]), int(world.agent_pos[1])))
    sighting = memory.update(perceiver.perceive(observation))
    truth.look_around()
    yield Moment(sighting.state, None, sighting, memory, truth, (0, 0), (0, 0))
    ended = cut = False
    while not (ended or cut):
        action = Action(chance.choice(list(actions)))
        before, stood, thought = sighting.state, truth.position, memory.position
        foreseen = [] if model is None else model.possibilities(before, action)
        observation, _, ended, cut, _ = env.step(ACTIONS.index(action.name))
        known = experience if any(prediction.firings for prediction in foreseen) else unforeseen
        sighting = memory.update(perceiver.perceive(observation), foreseen, partial(Habits, known))
        truth.look_around()
        yield Moment(
            before, action, sighting, memory, truth, _way(stood, truth.position), _way(thought, memory.position)
        )


def _way(start: Position, end: Position) -> Position:
    return end[0] - start[0], end[1] - start[1]
