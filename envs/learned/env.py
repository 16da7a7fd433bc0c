"""A learned world as a gymnasium environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from worldwright.envs.learned.worlds import LearnedWorlds, Observation
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import State


class LearnedEnv(gymnasium.Env[Observation, np.int64]):
    """`worldwright/Learned-v0`: what a learned model says would happen.

    Observation Space: `Dict(facts, goal)`, see `LearnedWorlds.observation_space`; all that is known is shown.

    Action Space: `Discrete`, the actions of the model's vocabulary in its order, each with every tuple of arguments of
    its types; those of a world whose actions have no arguments are numbered as in that world.

    Rewards: 1 when the goal is reached or the model says that it is won, else 0.

    Starting State: one of the first scenes, drawn by the seed.

    Episode End: the goal is reached, or the model says that it is won or ended; truncated by `max_episode_steps`.

    Args:
        model: a `.ww` file, or a model.
        start: where the first scenes come from: an environment's id, or a file of experience.
        scenes: how many first scenes there are, at the most.
        scene_seed: the seed of the first of them, if they come from an environment.
        whole: begin with all of a level, where it can be shown; if not, with what its first observation shows.
        goal: what is asked for instead of the mission, as text: `"(some (?x - thing) (and (holding ?x)))"`.
        start_keywords: for `gymnasium.make` of the start.
        likeliest: the likeliest outcome of each law happens; otherwise one is drawn.
        render_mode: None or "ansi".

    Raises:
        WorldwrightError: no model, no start, or what cannot be simulated; the message is one line.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 - as gymnasium declares it

    def __init__(
        self,
        model: WorldModel | str | Path,
        start: str | Path,
        scenes: int = 1,
        scene_seed: int = 0,
        whole: bool = True,
        goal: str | None = None,
        start_keywords: dict[str, Any] | None = None,
        likeliest: bool = False,
        render_mode: str | None = None,
    ) -> None:
        self.worlds = LearnedWorlds(1, model, start, scenes, scene_seed, whole, goal, start_keywords, likeliest)
        self.observation_space = self.worlds.observation_space()
        self.action_space = self.worlds.action_space()
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, Any]:
        """Begin an episode; `info` has the mission in words."""
        super().reset(seed=seed)
        self.worlds.begin(np.zeros(1, np.intp), [self.np_random])
        return self._observation(), {"mission": self.worlds.mission(0)}

    def step(self, action: np.int64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do an action.

        Raises:
            ValueError: no such action.
        """
        if not self.action_space.contains(action):
            raise ValueError(f"{action!r} is no action: there are {len(self.worlds.simulator.actions)}")
        won, ended = self.worlds.step(np.array([action]))
        return self._observation(), float(won[0]), bool(ended[0]), False, {}

    def _observation(self) -> Observation:
        whole = self.worlds.observation()
        return {
            "facts": {name: np.asarray(table[0]) for name, table in whole["facts"].items()},
            "goal": whole["goal"][0],
        }

    @property
    def state(self) -> State:
        """All that is known now, as facts."""
        return self.worlds.state(0)

    def render(self) -> str | None:
        """The mission and the facts, one a line, if the render mode is "ansi"."""
        return self.worlds.shown(0) if self.render_mode == "ansi" else None
