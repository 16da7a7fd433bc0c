"""Many copies of a learned world as one vectorised gymnasium environment, on the batched simulator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from worldwright.envs.learned.env import LearnedEnv
from worldwright.envs.learned.worlds import LearnedWorlds, Observation
from worldwright.world_model.model import WorldModel
from worldwright.world_model.simulating.layout import Ints

Bools = NDArray[np.bool_]


class LearnedVectorEnv(VectorEnv[Observation, NDArray[np.int64], NDArray[Any]]):
    """`gymnasium.make_vec("worldwright/Learned-v0", num_envs=...)`: what as many `LearnedEnv` would do, at once.

    Copy i, reset with seed s, does what a `LearnedEnv` does that is reset with seed s + i.

    Args:
        num_envs: how many copies.
        model, start, scenes, scene_seed, whole, goal, start_keywords, likeliest, render_mode: as of `LearnedEnv`.
        max_episode_steps: after so many an episode is truncated.
        autoreset_mode: gymnasium's; `reset(options={"reset_mask": mask})` resets some copies in any of them.

    Raises:
        WorldwrightError: as `LearnedEnv`.
    """

    def __init__(
        self,
        num_envs: int,
        model: WorldModel | str | Path,
        start: str | Path,
        scenes: int = 1,
        scene_seed: int = 0,
        whole: bool = True,
        goal: str | None = None,
        start_keywords: dict[str, Any] | None = None,
        likeliest: bool = False,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        self.worlds = LearnedWorlds(num_envs, model, start, scenes, scene_seed, whole, goal, start_keywords, likeliest)
        self.num_envs = num_envs
        self.single_observation_space = self.worlds.observation_space()
        self.single_action_space = self.worlds.action_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.render_mode = render_mode
        self.metadata = {**LearnedEnv.metadata, "autoreset_mode": AutoresetMode(autoreset_mode)}
        self._most = np.inf if max_episode_steps is None else max_episode_steps
        self._elapsed = np.zeros(num_envs, np.int64)
        self._over = np.zeros(num_envs, np.bool_)
        self._chances = [seeding.np_random()[0] for _ in range(num_envs)]

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin episodes in all copies, or in those of `options["reset_mask"]`; `info` has their missions.

        Args:
            seed: of the first copy, the others have the next ones; or one for each.

        Raises:
            ValueError: a seed for each of another number of copies, or a mask of another shape.
        """
        mask = np.asarray((options or {}).get("reset_mask", np.ones(self.num_envs, np.bool_)))
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise ValueError(f"reset_mask must be {self.num_envs} booleans, at least one of them true")
        if seed is None or isinstance(seed, int):
            seeds: Sequence[int | None] = [None if seed is None else seed + i for i in range(self.num_envs)]
        else:
            seeds = seed
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds for {self.num_envs} environments")
        which = mask.nonzero()[0]
        for i in which.tolist():
            if seeds[i] is not None:
                self._chances[i] = seeding.np_random(seeds[i])[0]
        info = self._begin(which)
        return self.worlds.observation(), info

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Observation, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Do an action in each copy; copies whose episode is over begin another as the autoreset mode says.

        Raises:
            ValueError: not as many actions as copies, one that is none, or a copy that had to be reset before.
        """
        actions = np.asarray(actions)
        if not self.action_space.contains(actions):
            raise ValueError(f"actions must be {self.num_envs} numbers below {len(self.worlds.simulator.actions)}")
        mode = self.metadata["autoreset_mode"]
        if mode is AutoresetMode.DISABLED and self._over.any():
            raise ValueError("an episode is over: reset it with options={'reset_mask': mask}")
        won, ended = self.worlds.step(actions)
        self._elapsed += 1
        info: dict[str, Any] = {}
        if mode is AutoresetMode.NEXT_STEP and self._over.any():
            resting = self._over.copy()
            info = self._begin(resting.nonzero()[0])
            won, ended = won & ~resting, ended & ~resting
        truncated = self._elapsed >= self._most
        self._over = ended | truncated
        if mode is AutoresetMode.SAME_STEP and self._over.any():
            over = self._over.copy()
            info = self._final(over) | self._begin(over.nonzero()[0])
        return self.worlds.observation(), won.astype(np.float64), ended, truncated, info

    def _begin(self, which: Ints) -> dict[str, Any]:
        """Begin episodes in some copies; what there is to tell of them."""
        self.worlds.begin(which, [self._chances[i] for i in which.tolist()])
        self._elapsed[which] = 0
        self._over[which] = False
        missions, told = np.full(self.num_envs, None, object), np.zeros(self.num_envs, np.bool_)
        missions[which], told[which] = [self.worlds.mission(i) for i in which.tolist()], True
        return {"mission": missions, "_mission": told}

    def _final(self, over: Bools) -> dict[str, Any]:
        """The last observations of the copies whose episodes are over."""
        whole = self.worlds.observation()
        observations = np.full(self.num_envs, None, object)
        for i in over.nonzero()[0].tolist():
            facts = {name: np.asarray(table[i]) for name, table in whole["facts"].items()}
            observations[i] = {"facts": facts, "goal": whole["goal"][i]}
        return {"final_obs": observations, "_final_obs": over, "final_info": {}, "_final_info": over}

    def render(self) -> tuple[str, ...] | None:
        """The mission and the facts of each copy, if the render mode is "ansi"."""
        return tuple(map(self.worlds.shown, range(self.num_envs))) if self.render_mode == "ansi" else None
