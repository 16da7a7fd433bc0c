"""What MiniGrid's agent sees from where it stands: how its eyes work, not how its world does.

Before it lies a square with itself in the middle of the nearest row. Light spreads row by row: along a row through all
that lets it through, and from there to the three cells ahead (`Grid.process_vis` of minigrid 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from worldwright.envs.minigrid.vocabulary import DOOR, OPEN, WALL
from worldwright.world_model.scene_graph import Appearance

LARGEST = 61  # cells in a row that fit in a number

_Ints = NDArray[np.int64]
_Bools = NDArray[np.bool_]
_TABULATED = 9  # cells in a row up to which what light reaches in it is looked up


@dataclass(frozen=True)
class SquareSight:
    """Eyes that see `size` cells ahead, their own row included, and half of that to either side."""

    size: int

    @cached_property
    def cells(self) -> NDArray[np.int32]:
        """The cells that can be in view, (size ** 2, 2): steps ahead and to the right, row by row."""
        half = self.size // 2
        return np.array([(ahead, right - half) for ahead in range(self.size) for right in range(self.size)], np.int32)

    def blocks(self, look: Appearance) -> bool:
        """Whether what looks so hides what is behind it: a wall, or a door that is not open."""
        facts = dict(look)
        return facts.get("kind") == WALL or (facts.get("kind") == DOOR and facts.get("state") != OPEN)

    def seen(self, clear: _Bools) -> _Bools:
        """What is in view: for each pose (k, size ** 2), given which cells let light through."""
        size = self.size
        bits = np.int64(1) << np.arange(size, dtype=np.int64)
        rows = (clear.reshape(-1, size, size) @ bits).T
        lit = np.empty_like(rows)
        light = np.full_like(rows[0], 1 << (size // 2))
        for ahead, row in enumerate(rows):
            lit[ahead], light = _lit(light, row, size)
        seen: _Bools = (lit.T[:, :, None] & bits) != 0
        return seen.reshape(clear.shape)


def _lit(light: _Ints, clear: _Ints, size: int) -> tuple[_Ints, _Ints]:
    """The cells of rows that light reaches, as bits, and those of the rows ahead, given where it comes in."""
    if size > _TABULATED:
        return _spread(light, clear, size)
    along, onward = _table(size)
    at = light << size | clear
    return along.take(at), onward.take(at)


def _spread(light: _Ints, clear: _Ints, size: int) -> tuple[_Ints, _Ints]:
    """The same, worked out."""
    every = (1 << size) - 1
    for _ in range(size - 1):
        through = light & clear
        light = (light | through << 1 | through >> 1) & every
    through = light & clear
    return light, (through | through << 1 | through >> 1) & every


@lru_cache(maxsize=4)
def _table(size: int) -> tuple[_Ints, _Ints]:
    """What `_spread` finds, at the place `light << size | clear`."""
    light, clear = np.indices((1 << size, 1 << size), np.int64)
    along, onward = _spread(light, clear, size)
    return along.ravel(), onward.ravel()
