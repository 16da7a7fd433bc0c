"""Environments that misbehave, made by `tests.experiments.worlds:NAME-v0`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium import spaces
from minigrid.core.grid import Grid
from minigrid.core.mission import MissionSpace
from minigrid.core.world_object import Ball, Goal
from minigrid.envs.doorkey import DoorKeyEnv
from minigrid.minigrid_env import MiniGridEnv

HOSTILE = "sing\x1b[31m a\x1b]0;pwned\x07 song\u202e"


class Room(MiniGridEnv):
    """A room of 5 x 5 with a goal in the corner."""

    words = "get to the green goal square"

    def __init__(self, **keywords: Any) -> None:
        space = MissionSpace(mission_func=lambda: self.words)
        given = {"grid_size": 5, "max_steps": 40, "see_through_walls": True, **keywords}
        super().__init__(mission_space=space, **given)

    def _gen_grid(self, width: int, height: int) -> None:
        self.grid = Grid(width, height)
        self.grid.wall_rect(0, 0, width, height)
        self.put_obj(Goal(), width - 2, height - 2)
        self.agent_pos, self.agent_dir = (1, 1), 0
        self.mission = self.words


class BreaksInStep(Room):
    """Raises in the sixth step of every episode but the first."""

    episodes = 0

    def reset(self, **keywords: Any) -> Any:
        self.episodes += 1
        return super().reset(**keywords)

    def step(self, action: Any) -> Any:
        if self.step_count == 5 and self.episodes > 1:
            raise RuntimeError("the floor\ngave way")
        return super().step(action)


class BreaksInReset(Room):
    """Raises whenever it is reset."""

    def reset(self, **keywords: Any) -> Any:
        raise OSError("no world today")


class Waits(DoorKeyEnv):
    """Takes no step after the hundredth while there is a file `wait` in the current folder, for a minute at most."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(size=5, **keywords)

    def step(self, action: Any) -> Any:
        patience = time.monotonic() + 60
        while self.step_count >= 100 and Path("wait").exists() and time.monotonic() < patience:
            time.sleep(0.01)
        return super().step(action)


class Sings(Room):
    """Asks for what no grammar covers, in the terminal's own language."""

    words = HOSTILE


class Prints(Room):
    """Prints to the standard output."""

    def reset(self, **keywords: Any) -> Any:
        print("Sampling rejected")
        return super().reset(**keywords)


class Hopeless(Room):
    """Asks for a thing that is not there."""

    words = "pick up the red ball"

    def _gen_grid(self, width: int, height: int) -> None:
        super()._gen_grid(width, height)
        self.grid.set(width - 2, height - 2, None)
        self.put_obj(Ball("blue"), 2, 2)


class Babbles(gymnasium.Env[Any, str]):
    """A household that says what no grammar covers: at first, and after the second command."""

    def __init__(self) -> None:
        self.observation_space = spaces.Dict(text=spaces.Text(200), mission=spaces.Text(200))
        self.action_space = spaces.Text(200)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self._say("You are in the middle of a room. Steam \ud800 rises."), {}

    def step(self, action: str) -> Any:
        self.steps += 1
        said = "A clock ticks. You are not carrying anything. A cat purrs." if self.steps == 2 else "Nothing happens."
        return self._say(said), 0.0, False, self.steps == 4, {}

    def _say(self, text: str) -> dict[str, str]:
        return {"text": text, "mission": "put a mug in desk"}


for _world in (Room, BreaksInStep, BreaksInReset, Waits, Sings, Prints, Hopeless, Babbles):
    if f"{_world.__name__}-v0" not in gymnasium.registry:
        gymnasium.register(f"{_world.__name__}-v0", entry_point=f"{__name__}:{_world.__name__}")
