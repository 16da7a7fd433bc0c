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
        return _blocks(look)

    def seen(self, clear: _Bools) -> _Bools:
        """What is in view: for each pose (k, size ** 2), given which cells let light through."""
        size = self.size
        bits = np.int64(1) << np.arange(size, dtype=np.int64)
        rows = clear.reshape(-1, size, size) @ bits
        lit = _looked_up(rows, size) if size <= _TABULATED else _worked_out(rows, size)
        seen: _Bools = (lit[:, :, None] & bits) != 0
        return seen.reshape(clear.shape)


@lru_cache(maxsize=256)
def _blocks(look: Appearance) -> bool:
    facts = dict(look)
    return facts.get("kind") == WALL or (facts.get("kind") == DOOR and facts.get("state") != OPEN)


def _looked_up(rows: _Ints, size: int) -> _Ints:
    """The cells that light reaches, (k, size) rows as bits like those that let it through; for few poses."""
    along, onward = _table(size)
    lit = []
    for view in rows.tolist():
        light = 1 << (size // 2)
        for clear in view:
            at = light << size | clear
            lit.append(along[at])
            light = onward[at]
    return np.array(lit, np.int64).reshape(rows.shape)


def _worked_out(rows: _Ints, size: int) -> _Ints:
    """The same, for wide rows."""
    lit = np.empty_like(rows)
    light = np.full_like(rows[:, 0], 1 << (size // 2))
    for ahead in range(size):
        lit[:, ahead], light = _spread(light, rows[:, ahead], size)
    return lit


def _spread(light: _Ints, clear: _Ints, size: int) -> tuple[_Ints, _Ints]:
    """The cells of rows that light reaches, as bits, and those of the rows ahead, given where it comes in."""
    every = (1 << size) - 1
    for _ in range(size - 1):
        through = light & clear
        light = (light | through << 1 | through >> 1) & every
    through = light & clear
    return light, (through | through << 1 | through >> 1) & every


@lru_cache(maxsize=4)
def _table(size: int) -> tuple[list[int], list[int]]:
    """What `_spread` finds, at the place `light << size | clear`."""
    light, clear = np.indices((1 << size, 1 << size), np.int64)
    along, onward = _spread(light, clear, size)
    return along.ravel().tolist(), onward.ravel().tolist()
