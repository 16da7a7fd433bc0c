"""Small scenes of MiniGrid, played by hand and remembered."""

from __future__ import annotations

from typing import Any

from minigrid.core.grid import Grid
from minigrid.core.mission import MissionSpace
from minigrid.core.world_object import WorldObj
from minigrid.minigrid_env import MiniGridEnv

from tests.agent.laws import usual
from worldwright.agent.cells import cell_name
from worldwright.agent.memory import Habits, Memory, Sighting
from worldwright.envs.minigrid.perceiver import MiniGridPerceiver
from worldwright.envs.minigrid.vocabulary import ACTIONS, VOCABULARY
from worldwright.world_model.model import Action
from worldwright.world_model.state import State


class Stage(MiniGridEnv):
    """A room with things in chosen places, all in view."""

    def __init__(self, things: dict[tuple[int, int], WorldObj], **keywords: Any) -> None:
        self._things = things
        super().__init__(
            mission_space=MissionSpace(lambda: "go to the green goal square"),
            grid_size=9,
            max_steps=500,
            see_through_walls=True,
            **keywords,
        )

    def _gen_grid(self, width: int, height: int) -> None:
        self.grid = Grid(width, height)
        self.grid.wall_rect(0, 0, width, height)
        for place, thing in self._things.items():
            self.put_obj(thing, *place)
        self.agent_pos, self.agent_dir = (1, 4), 0
        self.mission = "go to the green goal square"


class Play:
    """Plays actions on a stage, and remembers."""

    def __init__(self, things: dict[tuple[int, int], WorldObj]) -> None:
        self.env = Stage(things)
        self._perceiver = MiniGridPerceiver()
        self._model = usual()
        self.memory = Memory(VOCABULARY, self._perceiver.landmarks)
        observation, _ = self.env.reset(seed=0)
        self.sighting: Sighting = self.memory.update(self._perceiver.perceive(observation))

    def do(self, *names: str) -> Play:
        for name in names:
            foreseen = self._model.possibilities(self.sighting.state, Action(name))
            observation = self.env.step(ACTIONS.index(name))[0]
            self.sighting = self.memory.update(self._perceiver.perceive(observation), foreseen, lambda: Habits(1000))
        return self

    def at(self, x: int, y: int) -> str:
        """What is believed to be in a cell of the grid."""
        return str(self.sighting.state.value(("on", cell_name((x - 1, y - 4)))))

    @property
    def hand(self) -> str:
        return str(self.sighting.state.value(("holding",)))

    @property
    def state(self) -> State:
        """What is known."""
        return self.sighting.state
