"""What the agent's eyes are said to show is what the levels show."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from minigrid.wrappers import ViewSizeWrapper

from worldwright.envs.minigrid.perceiver import MiniGridPerceiver
from worldwright.envs.minigrid.sight import SquareSight
from worldwright.envs.perceiver import UnreadableObservation
from worldwright.envs.registry import make_env

LEVELS = ("BabyAI-BossLevel-v0", "MiniGrid-LavaCrossingS9N3-v0", "MiniGrid-ObstructedMaze-Full-v1")


def _before(world: Any, size: int, sight: SquareSight) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Whether each cell before the agent lets light through, and whether it is shown."""
    left, top, _, _ = world.get_view_exts(size)
    grid = world.grid.slice(left, top, size, size)
    for _ in range(world.agent_dir + 1):
        grid = grid.rotate_left()
    _, shown = world.gen_obs_grid(size)
    there = [(int(right) + size // 2, size - 1 - int(ahead)) for ahead, right in sight.cells]
    things = [grid.get(*place) for place in there]
    clear = np.array([[thing is None or thing.see_behind() for thing in things]])
    return clear, np.array([shown[place] for place in there])


@pytest.mark.parametrize("size", [3, 7, 11])
@pytest.mark.parametrize("level", LEVELS)
def test_what_comes_into_view_is_foretold(level: str, size: int) -> None:
    env: gymnasium.Env[Any, Any] = ViewSizeWrapper(make_env(level), agent_view_size=size)
    rng = np.random.default_rng(size)
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        sight = MiniGridPerceiver().sight(observation)
        assert isinstance(sight, SquareSight) and sight.size == size
        for _ in range(30):
            clear, shown = _before(env.unwrapped, size, sight)
            assert sight.seen(clear)[0].tolist() == shown.tolist()
            env.step(int(rng.choice([0, 1, 2, 2, 5])))


def test_poses_are_looked_at_together_as_alone() -> None:
    sight = SquareSight(5)
    clear = np.random.default_rng(0).random((40, 25)) < 0.7
    alone = [sight.seen(each[None])[0].tolist() for each in clear]
    assert sight.seen(clear).tolist() == alone


@pytest.mark.parametrize(
    ("look", "blocks"),
    [
        ((("kind", "wall"), ("color", "grey")), True),
        ((("kind", "door"), ("color", "red"), ("state", "closed")), True),
        ((("kind", "door"), ("color", "red"), ("state", "locked")), True),
        ((("kind", "door"), ("color", "red"), ("state", "open")), False),
        ((("kind", "ball"), ("color", "red")), False),
        ((), False),
    ],
)
def test_walls_and_shut_doors_hide_what_is_behind(look: Any, blocks: bool) -> None:
    assert SquareSight(7).blocks(look) is blocks


def test_eyes_are_told_by_an_image_alone() -> None:
    with pytest.raises(UnreadableObservation):
        MiniGridPerceiver().sight({"mission": "look"})
