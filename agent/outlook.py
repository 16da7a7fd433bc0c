"""Where to look from, on a map: what would come into view from a pose is worked out before the agent goes there.

An unknown cell may hide anything and is taken to hide nothing behind it, but walls are taken to go on in line. The
pose is the one of most unknown cells in view for the steps it takes, as in next-best-view planning (Connolly 1985).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, takewhile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worldwright.agent.memory import Memory, Pose
from worldwright.envs.perceiver import Sight
from worldwright.planning.ahead import Ahead
from worldwright.planning.problem import PlanStep
from worldwright.world_model.scene_graph import Position
from worldwright.world_model.state import Fluent, State
from worldwright.world_model.vocabulary import ENDED

_ONWARD = 3  # steps that a look costs beside those to get there: one goes on from where one looked
_RESERVE = 1_000  # and for each change to things of the kind that the goal speaks of: it may be wrong to make it
_IN_LINE = 4  # cells by which what blocks the view is taken to go on
_FADING = 0.8  # how much less a cell is worth than one nearer to where the agent can go
_FARTHEST = 5  # cells from there up to which it is worth anything
_WALL = 0.1  # what a cell is worth that is taken for more wall: it may be a door
_CHUNK = 24  # poses that are looked at together
_FIRST = 10  # and those that are looked at first, which are often enough
_MOST = 16  # what is seen from a pose is hardly ever worth more

_WORTH = np.array([_WALL, *(_FADING**distance for distance in range(_FARTHEST))])  # of cells, by layer

_Bools = NDArray[np.bool_]
_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


class Lookout(NamedTuple):
    """Where to look from.

    Attributes:
        price: the steps that it costs for each cell's worth of what is seen.
        way: the state in which the agent looks.
        steps: that lead there; of ways equally short, the one on which most comes into view is taken.
        places: the unknown cells that it sees.
    """

    price: float
    way: Ahead
    steps: tuple[PlanStep, ...]
    places: frozenset[Position]


@dataclass
class Outlook:
    """Finds where to look from.

    Args:
        memory: of an episode in a world on a lattice whose agent has eyes.
    """

    memory: Memory

    @property
    def sight(self) -> Sight:
        """How the agent sees."""
        assert self.memory.sight is not None
        return self.memory.sight

    def best(self, ways: Iterator[Ahead], asked: Collection[str]) -> Lookout | None:
        """The best of the states that the agent can bring about.

        Args:
            ways: the states, nearest first.
            asked: the predicates that the goal speaks of: things are changed in these only where all else is seen.
        """
        window = _Window(self)
        least, best = math.inf, None
        gains: dict[Ahead, float] = {}
        near = takewhile(lambda way: (way.cost + _ONWARD) / _MOST <= least, ways)
        while chunk := list(islice(near, _CHUNK if gains else _FIRST)):
            looks = [
                _Look(way, pose, _touched(way))
                for way in chunk
                if way.cost and way.value((ENDED,)) is None and (pose := self.memory.pose(way)) is not None
            ]
            if not looks:
                continue
            views = window.views(looks)
            for number, ((way, _, touched), gain) in enumerate(zip(looks, views.gains, strict=True)):
                gains[way] = gain
                if gain <= 0:
                    continue
                wrong = sum(fluent[0] in asked for fluent in touched)
                price = (way.cost + _ONWARD + _RESERVE * wrong) / gain
                if price < least:
                    least, best = price, (way, views, number)
        if best is None:
            return None
        way, views, number = best
        return Lookout(least, way, way.path(gains), window.places(views, number))

    def price(self, state: State, end: State, steps: int) -> float:
        """What a look costs that is had at the end of a plan from a state, as in `Lookout`."""
        way = Ahead(state, {f: value for f, value in end.values.items() if state.values.get(f) != value})
        pose = self.memory.pose(way)
        gain = _Window(self).views([_Look(way, pose, _touched(way))]).gains[0] if pose is not None else 0.0
        return (steps + _ONWARD) / gain if gain > 0 else math.inf

    def is_clear(self, codes: NDArray[np.int32]) -> _Bools:
        """Whether light passes what has these codes; what is unknown lets it through."""
        clear = [not self.sight.blocks(look) for look in self.memory.map.looks]
        found: _Bools = np.array([*clear, True])[codes]  # -1, unknown, is the last
        return found


class _Look(NamedTuple):
    """A state in which the agent looks, how it stands there, and what of things is otherwise than now."""

    way: Ahead
    pose: Pose
    touched: Sequence[Fluent]


def _touched(way: Ahead) -> list[Fluent]:
    return [fluent for fluent in way.changed if len(fluent) > 1]


class _Views(NamedTuple):
    """What is seen from k poses.

    Attributes:
        gains: what each is worth, (k,).
        cells: those that can be in view, as places in the flat window, (k, m).
        seen: whether they are, (k, m).
    """

    gains: list[float]
    cells: NDArray[np.int64]
    seen: _Bools


class _Window:
    """The part of the map that can be in view, as arrays: first index x, second y.

    What is only asked of all cells at once is kept as a board: a number with a bit for each cell, row by row. Shifted,
    it shows what lies beside them. No bits come to the rows before or after: what is shifted is far from the edge.
    """

    def __init__(self, outlook: Outlook) -> None:
        self._outlook, self._memory = outlook, outlook.memory
        margin, self._own = _margin(outlook.sight), _own(outlook.sight)
        left, top, right, bottom = self._memory.cells.bounds
        self._origin = left - margin, top - margin
        self._shape = right - left + 1 + 2 * margin, bottom - top + 1 + 2 * margin
        self._size = self._shape[0] * self._shape[1]
        codes = self._memory.map.part(self._origin, self._shape)
        self._transparent = outlook.is_clear(codes).ravel()
        blocked, self._unknown = _board(~self._transparent), _board(codes == -1)
        self._open = ~(blocked | self._unknown) & ((1 << self._size) - 1)
        for place in {place for place, _ in self._memory.poses}:
            self._open |= 1 << self._at(place)
        self._lines = self._go_on(blocked)
        self._transparent[_cells([self._lines], self._size)[0]] = False
        self._worth = self._weigh()
        self._offsets = _offsets(outlook.sight, tuple(self._memory.headings), self._shape[1])

    def _at(self, place: Position) -> int:
        """The number of a cell, in the flat window."""
        return (place[0] - self._origin[0]) * self._shape[1] + place[1] - self._origin[1]

    def _go_on(self, blocked: int) -> int:
        """The unknown cells in which what blocks the view goes on, where two such cells in line lead to them."""
        down, may, found = self._shape[1], self._unknown & ~self._open, 0
        for _ in range(_IN_LINE):
            new = (blocked << down) & (blocked << 2 * down) | (blocked >> down) & (blocked >> 2 * down)
            new |= (blocked << 1) & (blocked << 2) | (blocked >> 1) & (blocked >> 2)
            new &= may
            if not new:
                break
            blocked |= new
            found |= new
        return found

    def _beside(self, cells: int) -> int:
        """All that is beside some cells, and these."""
        return cells | cells << self._shape[1] | cells >> self._shape[1] | cells << 1 | cells >> 1

    def _weigh(self) -> _Floats:
        """What it is worth to see each cell, flat: the more, the surer the agent could go there."""
        reached, wanted = self._open, self._unknown & ~self._lines
        layers = [self._beside(reached) & self._lines & ~self._open]
        for _ in range(_FARTHEST):
            new = self._beside(reached) & wanted & ~reached
            if not new:
                break
            layers.append(new)
            reached |= new
        worth: _Floats = _WORTH[: len(layers)] @ _cells(layers, self._size)
        return worth

    def views(self, looks: Sequence[_Look]) -> _Views:
        """What is seen in such looks."""
        own = np.array([self._at(place) for _, (place, _), _ in looks], np.int64)
        cells = own[:, None] + np.array([self._offsets[heading] for _, (_, heading), _ in looks])
        clear = self._transparent[cells]
        clear[:, self._own] = True
        self._change(looks, cells, clear)
        seen = self._outlook.sight.seen(clear)
        gains = (self._worth[cells] * seen).sum(axis=1)
        for number, (_, pose, touched) in enumerate(looks):
            if not touched and pose in self._memory.poses:
                gains[number] = 0.0
        return _Views(gains.tolist(), cells, seen)

    def _change(self, looks: Sequence[_Look], cells: NDArray[np.int64], clear: _Bools) -> None:
        """Let light through where something is opened on the way, and what is behind that count."""
        news = False
        for number, (way, _, touched) in enumerate(looks):
            for thing in dict.fromkeys(fluent[1] for fluent in touched if len(fluent) == 2) if touched else ():
                place, look = self._memory.shown(thing, way)
                if place is not None:
                    at = self._at(place)
                    passes = not self._outlook.sight.blocks(look)
                    clear[number, cells[number] == at] = passes
                    news |= passes and not self._open >> at & 1
                    self._open |= passes << at
        if news:
            self._worth = self._weigh()

    def places(self, views: _Views, number: int) -> frozenset[Position]:
        """The cells worth seeing that are seen from one of the poses."""
        shown = views.cells[number][views.seen[number]]
        inside = [divmod(int(cell), self._shape[1]) for cell in shown if self._worth[cell] > 0]
        return frozenset((x + self._origin[0], y + self._origin[1]) for x, y in inside)


@lru_cache(maxsize=64)
def _offsets(sight: Sight, headings: tuple[Position, ...], stride: int) -> dict[Position, _Ints]:
    """How far from the agent's the cells lie that can be in view, by heading, in a flat window with rows so long."""
    ahead, aside = sight.cells[:, 0].astype(np.int64), sight.cells[:, 1].astype(np.int64)
    return {(x, y): (ahead * x - aside * y) * stride + ahead * y + aside * x for x, y in headings}


@lru_cache(maxsize=16)
def _margin(sight: Sight) -> int:
    """How far around what is known a window goes, for all that can be in view or is worth anything to be in it."""
    return max(_FARTHEST, int(np.abs(sight.cells).max())) + 1


@lru_cache(maxsize=16)
def _own(sight: Sight) -> int:
    """Which of the cells that can be in view is the agent's."""
    return int(np.flatnonzero((sight.cells == 0).all(axis=1))[0])


def _board(cells: _Bools) -> int:
    """Cells as the bits of a number."""
    return int.from_bytes(np.packbits(cells, bitorder="little").tobytes(), "little")


def _cells(boards: Sequence[int], size: int) -> _Bools:
    """The cells that boards are of, (k, size)."""
    width = (size + 7) // 8
    octets = np.frombuffer(b"".join(board.to_bytes(width, "little") for board in boards), np.uint8)
    bits = np.unpackbits(octets.reshape(-1, width), axis=1, count=size, bitorder="little")
    return bits.view(np.bool_)
