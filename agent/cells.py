"""The cells of a lattice as objects: all that were seen, those between them, and those just around them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from worldwright.world_model.scene_graph import Lattice, Position
from worldwright.world_model.state import Fluent, Universe, Value

_MOST_KEPT = 1 << 14  # cells that are remembered from episode to episode

_Bounds = tuple[int, int, int, int]  # the least and the largest x and y: left, top, right, bottom
_Link = tuple[Position, Fluent, str]  # the cell at its other end, and the fluent and value that say so


@lru_cache(maxsize=_MOST_KEPT)
def cell_name(position: Position) -> str:
    """The lasting name of a cell, for example `c3_n2` for (3, -2)."""
    return "c" + "_".join(f"n{-part}" if part < 0 else str(part) for part in position)


class _Growth(NamedTuple):
    """What becomes known as a rectangle of cells grows: positions, with as many names and fluents, and static facts."""

    fresh: Sequence[Position]
    names: Sequence[str]
    contents: Sequence[Fluent]
    beside: dict[Fluent, Value]


class _Links(dict[Position, tuple[Sequence[_Link], Sequence[_Link]]]):
    """The links from a cell to those beside it, and from those to it; they are worked out when asked for first."""

    def __init__(self, neighbour: str, directions: Sequence[tuple[str, Position]]) -> None:
        super().__init__()
        self._neighbour, self._directions = neighbour, directions

    def __missing__(self, place: Position) -> tuple[Sequence[_Link], Sequence[_Link]]:
        (x, y), name = place, cell_name(place)
        there = [(direction, (x + dx, y + dy)) for direction, (dx, dy) in self._directions]
        back = [(direction, (x - dx, y - dy)) for direction, (dx, dy) in self._directions]
        found = (
            [(end, (self._neighbour, direction, name), cell_name(end)) for direction, end in there],
            [(start, (self._neighbour, direction, cell_name(start)), name) for direction, start in back],
        )
        if len(self) < _MOST_KEPT:
            self[place] = found
        return found


_links = lru_cache(maxsize=4)(_Links)


@lru_cache(maxsize=2048)
def _grown(
    content: str, neighbour: str, directions: tuple[tuple[str, Position], ...], old: _Bounds, new: _Bounds
) -> _Growth:
    """How a rectangle grows; rooms are alike, and so is that from episode to episode."""
    left, top, right, bottom = new
    kept = range(old[0], old[2] + 1)
    down = range(top, bottom + 1)
    new_down = [y for y in down if not old[1] <= y <= old[3]]
    fresh = [(x, y) for x in range(left, right + 1) for y in (new_down if x in kept else down)]
    far = max((abs(part) for _, way in directions for part in way), default=0)
    links = _links(neighbour, directions)
    beside: dict[Fluent, Value] = {}
    for place in fresh:
        out, back = links[place]
        beside.update([(fluent, name) for (x, y), fluent, name in out if left <= x <= right and top <= y <= bottom])
        if kept and old[0] - far <= place[0] <= old[2] + far and old[1] - far <= place[1] <= old[3] + far:
            beside.update([(fluent, name) for (x, y), fluent, name in back if x in kept and old[1] <= y <= old[3]])
    names = [cell_name(place) for place in fresh]
    return _Growth(fresh, names, [(content, name) for name in names], beside)


class Cells:
    """The cells known as objects; they fill a rectangle, which only grows.

    Args:
        universe: where they are entered, with what lies beside them.

    Attributes:
        names: of the cell at each position.
        places: the position of each cell.
        contents: the fluent that says what is in the cell at each position.
        bounds: the least and the largest x and y that there are: left, top, right, bottom.
    """

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self.names: dict[Position, str] = {}
        self.places: dict[str, Position] = {}
        self.contents: dict[Position, Fluent] = {}
        self.bounds: _Bounds = (0, 0, -1, -1)

    def know(self, lattice: Lattice, spots: Sequence[Position]) -> None:
        """Make known what is seen, given as at least one position, all between it and what was, and all around."""
        xs, ys = zip(*spots, strict=True)
        left, top, right, bottom = self.bounds
        bounds = min(left, min(xs) - 1), min(top, min(ys) - 1), max(right, max(xs) + 1), max(bottom, max(ys) + 1)
        if bounds == self.bounds:
            return
        directions = tuple(lattice.directions.items())
        growth = _grown(lattice.content, lattice.neighbour, directions, self.bounds, bounds)
        self.bounds = bounds
        self.names.update(zip(growth.fresh, growth.names, strict=True))
        self.places.update(zip(growth.names, growth.fresh, strict=True))
        self.contents.update(zip(growth.fresh, growth.contents, strict=True))
        self._universe.add_objects(growth.names, lattice.cell)
        self._universe.add_values(lattice.neighbour, growth.beside)
