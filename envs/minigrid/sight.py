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
        rows = clear.reshape(-1, size, size) @ bits
        lit = np.zeros_like(rows)
        lit[:, 0] = 1 << (size // 2)
        for ahead in range(size):
            lit[:, ahead] = _spread(lit[:, ahead], rows[:, ahead], size)
            if ahead + 1 < size:
                through = lit[:, ahead] & rows[:, ahead]
                lit[:, ahead + 1] = (through | through << 1 | through >> 1) & ((1 << size) - 1)
        seen: _Bools = (lit[:, :, None] & bits) != 0
        return seen.reshape(clear.shape)


def _spread(lit: _Ints, clear: _Ints, size: int) -> _Ints:
    """The cells of rows, as bits, that light reaches along the row."""
    if size <= _TABULATED:
        found: _Ints = _table(size)[lit, clear]
        return found
    return _spread_along(lit, clear, size)


def _spread_along(lit: _Ints, clear: _Ints, size: int) -> _Ints:
    for _ in range(size - 1):
        through = lit & clear
        lit = (lit | through << 1 | through >> 1) & ((1 << size) - 1)
    return lit


@lru_cache(maxsize=4)
def _table(size: int) -> _Ints:
    lit, clear = np.indices((1 << size, 1 << size), np.int64)
    return _spread_along(lit, clear, size)
