"""Where does the agent stand now? Its own motion is not observed: the new view is laid over the remembered map.

The place of the view is the one of highest posterior (Bayes): how well the view agrees with the map there, times how
probable the learned rules make that motion. Cells that the map does not know yet cost a little, cells that disagree
cost much, and a place that several motions explain equally well is reported as ambiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from worldwright.world_model.scene_graph import Appearance, Position

_UNKNOWN = -1
_COST_LIKELY = 0.1  # nats, of a new cell that is like a known one beside it, as most are
_COST_NEW = 0.5  # of one with no known cell beside it
_COST_UNLIKELY = 1.2  # of one unlike all known ones beside it
_COST_DIFFERENT = 6.0
_COST_DISTANCE = 0.6  # per cell, weak: unlearned motions are more often short
_COST_EFFECT = 2.0  # of one such cell where the agent did not move: its action changed that cell
_COST_SECOND = 3.0  # of moving beside another effect
_COST_UNFORESEEN = 9.0  # at the most; for rules of little experience less
_COST_UNUSUAL = 3.0  # of a way that the action never led before
_FEW = 3  # cells by which a view may differ from the map where it was foreseen and still agree with it
_CHANGING = 0.4  # the share of cells that may change at once where other things move by themselves
_RESTLESS = 2  # cells that change at once where the agent does not move, from which on things move by themselves
_SEEN_AGAIN = 0.5  # of the cells known from where the agent is expected, to be known from where it is not
_MARGIN = 3.0  # nats between the best and the next place below which the place is ambiguous
_MARGIN_MAP = 0.9  # and below which nothing is entered in the map
_STEPS = ((1, 0), (-1, 0), (0, 1), (0, -1))
_NEAR = 3  # cells that one action may move the agent in any direction
_REACH = 9  # and straight on

_Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Fix:
    """A place found for the agent.

    `certain`: the view alone settles it, so it is evidence. `trusted`: that, or the view agrees with what the rules
    foresaw, so it may extend the map.
    """

    position: Position
    certain: bool
    trusted: bool


def laid(offsets: Sequence[Position], position: Position) -> list[Position]:
    """Seen cells, given relative to the agent, from where it started, if it is in that position now."""
    x, y = position
    return [(dx + x, dy + y) for dx, dy in offsets]


class GridMap:
    """The appearance of every cell seen so far, as small integers in a growing array."""

    def __init__(self) -> None:
        self._codes: dict[Appearance, int] = {}
        self._known: dict[Position, int] = {}  # the same as the array, to look single places up
        self._restless = False  # whether things move by themselves
        self._size = 64
        self._grid: _Ints = np.full((self._size, self._size), _UNKNOWN, np.int32)

    @property
    def looks(self) -> Sequence[Appearance]:
        """The appearances met so far, each at the place of its number."""
        return list(self._codes)

    def part(self, corner: Position, shape: tuple[int, int]) -> _Ints:
        """A rectangle of the map from a corner on, -1 where nothing is known; not to be written to."""
        self._make_room(max(max(-part, part + size) for part, size in zip(corner, shape, strict=True)))
        x, y = (part + self._size // 2 for part in corner)
        return self._grid[x : x + shape[0], y : y + shape[1]]

    def code(self, appearance: Appearance) -> int:
        """The number that stands for an appearance."""
        return self._codes.setdefault(appearance, len(self._codes))

    def write(self, places: Sequence[Position], codes: Sequence[int]) -> list[bool]:
        """Remember codes at as many places, from the origin. Returned is where they are news; nothing if nowhere."""
        known = [self._known.get(place) for place in places]
        if known == codes:
            return []
        news = [code != before for code, before in zip(codes, known, strict=True)]
        xs, ys = zip(*places, strict=True)
        self._make_room(max(max(xs), -min(xs), max(ys), -min(ys)))
        self._known.update(zip(places, codes, strict=True))
        middle = self._size // 2
        for (x, y), code in compress(zip(places, codes, strict=True), news):
            self._grid[x + middle, y + middle] = code
        return news

    def _make_room(self, farthest: int) -> None:
        while farthest + _REACH >= self._size // 2 - 1:
            self._grid = np.pad(self._grid, self._size // 2, constant_values=_UNKNOWN)
            self._size *= 2

    def _lay(self, offsets: _Ints, codes: _Ints, centres: _Ints) -> tuple[NDArray[np.float64], _Ints, _Ints]:
        """For each centre (k, 2) what the new cells of a view from it cost in nats, and how many cells are known there
        and how many of these differ; (k,) each."""
        self._make_room(int(np.abs(centres).max(initial=0)) + int(np.abs(offsets).max(initial=0)))
        at = centres[:, None, :] + offsets[None, :, :] + self._size // 2
        remembered = self._grid[at[..., 0], at[..., 1]]
        new = remembered == _UNKNOWN
        beside = np.stack([self._grid[at[..., 0] + dx, at[..., 1] + dy] for dx, dy in _STEPS])
        alike = (beside == codes).any(axis=0)
        bare = (beside == _UNKNOWN).all(axis=0)
        costs = np.where(alike, _COST_LIKELY, np.where(bare, _COST_NEW, _COST_UNLIKELY))
        different = (~new & (remembered != codes)).sum(axis=1).astype(np.int32)
        return (costs * new).sum(axis=1), (~new).sum(axis=1).astype(np.int32), different

    def confirms(
        self, places: Sequence[Position], codes: Sequence[int], foretold: Callable[[], Mapping[Position, int]]
    ) -> bool:
        """Whether nothing that is seen in some places differs from the map but by what was foretold.

        Args:
            places: as they lie if the agent is where it was foreseen.
            codes: how each looks.
            foretold: how places were to look otherwise than they did, by place.
        """
        known = [self._known.get(place) for place in places]
        if known == codes:
            return True
        odd = [(at, new) for at, new, old in zip(places, codes, known, strict=True) if old != new and old is not None]
        foreseen = foretold() if odd else {}
        return all(foreseen.get(place) == code for place, code in odd)

    def locate(
        self,
        offsets: Sequence[Position],
        codes: Sequence[int],
        last: Position,
        foreseen: Mapping[Position, float],
        experience: int = 0,
        turned: bool = False,
        quick: bool = False,
        usual: Collection[Position] = (),
        walks: bool = False,
    ) -> Fix:
        """Where a view lies.

        Args:
            offsets: the seen cells relative to the agent.
            codes: their appearance.
            last: where the agent stood before.
            foreseen: probability of each place by the learned rules.
            experience: the number of sure transitions of this action that the rules were learned from.
            turned: whether the view is known to have turned: one effect of an action makes another less likely.
            usual: the places where the action would lead if it moved the agent as it did before; empty if that is
                not known.
            walks: whether the action is known to move the agent and never to change a thing.
            quick: trust what was learned (see `confirms`): take a place that was not expected only if as much of the
                map is seen again there, and not for that alone: one room may be like another.
        """
        centres = _window(last, foreseen)
        cells = np.array(offsets, np.int32).reshape(-1, 2)
        new_costs, known, different = self._lay(cells, np.array(codes, np.int32), centres)
        expected = np.array([(x, y) in {last, *usual, *foreseen} for x, y in centres.tolist()])
        steps = np.abs(centres - np.array(last, np.int32)).sum(axis=1)
        changed_here = (steps == 0) & (different > 0) & (not walks)
        changing = _COST_DIFFERENT * different - (_COST_DIFFERENT - _COST_EFFECT) * changed_here
        moving = _COST_DISTANCE * steps + _COST_SECOND * turned * (steps > 0)
        surprise = min(_COST_UNFORESEEN, 2 * float(np.log1p(experience)))
        total = changing + moving + np.array([_prior_cost((x, y), foreseen, surprise) for x, y in centres.tolist()])
        total += _COST_UNUSUAL * (~expected & bool(usual))
        stays = set(foreseen) == {last}
        total += _cost_elsewhere(total, expected, known, different, self._restless) if quick else new_costs
        best = int(np.argmin(total))
        self._restless |= bool(stays and steps[best] == 0 and different[best] >= _RESTLESS)
        margin = float(np.delete(total, best).min(initial=np.inf) - total[best])
        known_way = np.array([(x, y) in usual for x, y in centres.tolist()])
        outdone = bool(different[best]) and bool((known_way & (different == 0)).any())  # by a way that fits as it is
        certain = margin >= _MARGIN and not outdone
        place = (int(centres[best, 0]), int(centres[best, 1]))
        agrees = int(different[best]) <= max(_FEW, _CHANGING * known[best] * quick)
        return Fix(place, certain, certain or (agrees and (place in foreseen or margin >= _MARGIN_MAP)))


def _cost_elsewhere(
    total: NDArray[np.float64], expected: NDArray[np.bool_], known: _Ints, different: _Ints, restless: bool
) -> NDArray[np.float64]:
    """What it costs beside all else to be elsewhere than expected: everything, unless enough of the map is seen again.

    That is as much as from where the agent is expected; or, if the view hardly fits there, some of it. If the view fits
    there as well as it can while things move by themselves (`restless`), the agent is there: one part of an empty room
    is like another.
    """
    at = int(np.argmin(np.where(expected, total, np.inf)))
    fits = bool(different[at] <= max(_FEW, _CHANGING * known[at]))
    enough = known[expected].max() * (1.0 if fits else _SEEN_AGAIN)
    return np.where(expected | ((known >= enough) & (not (fits and restless))), 0.0, np.inf)


def _window(last: Position, foreseen: Mapping[Position, float]) -> _Ints:
    """The places to consider, nearest first: of equals the first is taken."""
    near = range(-_NEAR, _NEAR + 1)
    moves = [(x, y) for x in near for y in near]
    moves += [(dx * far, dy * far) for far in range(_NEAR + 1, _REACH + 1) for dx, dy in _STEPS]
    moves.sort(key=lambda move: abs(move[0]) + abs(move[1]))
    places = dict.fromkeys((last[0] + x, last[1] + y) for x, y in moves)
    return np.array([*places, *(place for place in sorted(foreseen) if place not in places)], np.int32)


def _prior_cost(place: Position, foreseen: Mapping[Position, float], surprise: float) -> float:
    probability = foreseen.get(place, 0.0)
    return min(surprise, -float(np.log(probability))) if probability > 0 else surprise
