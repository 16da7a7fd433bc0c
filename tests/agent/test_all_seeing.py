"""Levels that cannot be solved under an altered law are told from those that can."""

from __future__ import annotations

import pytest

from tests.agent.laws import two_step
from tests.bench.all_seeing import has_solution
from worldwright.envs.minigrid.laws import ALTERED_ID

ROOMS = "MiniGrid-MultiRoom-N6-v0"


@pytest.mark.parametrize(("seed", "solvable"), [(1_000_000, False), (1_000_001, True)])
def test_a_door_that_strides_of_two_never_meet_makes_a_level_hopeless(seed: int, solvable: bool) -> None:
    assert has_solution(two_step(), ALTERED_ID, seed, law="two-step", env_id=ROOMS) == solvable
