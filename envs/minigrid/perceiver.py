"""MiniGrid's standard partial observation as a scene graph.

Read are the egocentric image, the direction and the mission, and nothing else of the environment. The image shows in
the agent's own cell what the agent carries, never what it stands on.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache, partial
from itertools import compress
from typing import Any, TypeVar

import numpy as np
from minigrid.core.constants import IDX_TO_COLOR, OBJECT_TO_IDX, STATE_TO_IDX
from numpy.typing import NDArray

from worldwright.envs.minigrid.missions import read_mission
from worldwright.envs.minigrid.sight import LARGEST, SquareSight
from worldwright.envs.minigrid.vocabulary import (
    ACTIONS,
    ALL_ACTIONS,
    DIRECTIONS,
    DOOR,
    KINDS,
    LATTICE,
    NOTHING,
    STEPS,
    VOCABULARY,
    WALL,
)
from worldwright.envs.perceiver import Sight, UnreadableMission, UnreadableObservation
from worldwright.world_model.goal import Goal
from worldwright.world_model.model import Action
from worldwright.world_model.scene_graph import Appearance, Look, Position, SceneGraph, View
from worldwright.world_model.state import Fluent, State, Universe, Value
from worldwright.world_model.vocabulary import Vocabulary

_UNSEEN = OBJECT_TO_IDX["unseen"]
_EMPTY = OBJECT_TO_IDX["empty"]
_WITH_STATE = frozenset({OBJECT_TO_IDX["door"]})  # for all others the third channel carries nothing
_KIND_NAMES = {OBJECT_TO_IDX[name]: name for name in KINDS}  # not the agent, which only the full grid shows
_STATE_NAMES = {index: name for name, index in STATE_TO_IDX.items()}
_HAND = "hand-thing"
_HERE = "here"

_NOT_SEEN = -1
_MOST_CODES = 10_000  # that are remembered: strangers' images may have any number in what is not seen

K = TypeVar("K")
V = TypeVar("V")
_Image = NDArray[np.uint8]  # columns of cells of kind, color and state
_Code = tuple[int, int, int]  # of a cell: these three
_Cell = tuple[str, str, int, int]  # the cell's name, its thing's name, the step (x, y) from the agent to it


@lru_cache(maxsize=32)
def _layout(size: int, direction: int) -> tuple[tuple[_Cell, ...], ...]:
    """For each column and row of the image what it shows of the world, turned as the world is."""
    ahead_x, ahead_y = STEPS[DIRECTIONS[direction]]
    right_x, right_y = -ahead_y, ahead_x
    return tuple(
        tuple(
            (
                f"view{column}_{row}",
                f"thing{column}_{row}",
                ahead_x * (size - 1 - row) + right_x * (column - size // 2),
                ahead_y * (size - 1 - row) + right_y * (column - size // 2),
            )
            for row in range(size)
        )
        for column in range(size)
    )


@lru_cache(maxsize=8)
def _universe(size: int) -> Universe:
    universe = Universe(VOCABULARY)
    universe.add_object(_HERE, "cell")
    universe.add_object(_HAND, "thing")
    for column in _layout(size, 0):
        for cell, thing, _, _ in column:
            universe.add_object(cell, "cell")
            universe.add_object(thing, "thing")
    return universe


@lru_cache(maxsize=32)
def _offsets(size: int, direction: int) -> list[Position]:
    """The steps from the agent to the cells of the image, column by column."""
    return [(x, y) for column in _layout(size, direction) for _, _, x, y in column]


class _Palette(dict[_Code, int]):
    """The codes of a cell, each with the number of the look that it stands for; `_NOT_SEEN` where nothing is seen.

    A code that MiniGrid does not have raises `UnreadableObservation`.

    Attributes:
        looks: those that were seen, at the places of their numbers. That of an empty cell is the first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[Appearance] = [()]

    def __missing__(self, code: _Code) -> int:
        number = self._number(*code)
        if len(self) < _MOST_CODES:
            self[code] = number
        return number

    def _number(self, kind: int, color: int, state: int) -> int:
        if kind in (_UNSEEN, _EMPTY):
            return _NOT_SEEN if kind == _UNSEEN else 0
        look = _look(kind, color, state)
        if look not in self.looks:
            self.looks.append(look)
        return self.looks.index(look)


def _look(kind: int, color: int, state: int) -> Appearance:
    try:
        look = (("kind", _KIND_NAMES[kind]), ("color", IDX_TO_COLOR[color]))
        return (*look, ("state", _STATE_NAMES[state])) if kind in _WITH_STATE else look
    except KeyError as error:
        raise UnreadableObservation(f"the image has a code that MiniGrid does not: {error.args[0]}") from None


class _Later(Mapping[K, V]):
    """A dictionary that is made when something is first looked up in it."""

    def __init__(self, make: Callable[[], dict[K, V]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> dict[K, V]:
        return self._make()

    def __getitem__(self, key: K) -> V:
        return self._made[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


EXAMPLE_MISSIONS = (
    "go to the red ball",
    "pick up a key",
    "put the green box next to a ball",
    "open the door, then pick up a blue ball",
)


class MiniGridPerceiver:
    """Reads the observations of every MiniGrid and BabyAI level with the standard partial view."""

    def __init__(self) -> None:
        self._palette = _Palette()

    @property
    def vocabulary(self) -> Vocabulary:
        """What can be said of a MiniGrid world."""
        return VOCABULARY

    def perceive(self, observation: Any) -> SceneGraph:
        """The cells in view with what is in them, the direction and the thing in the hand.

        Args:
            observation: `{"image": uint8 array (n, n, 3), "direction": 0..3, ...}`, n odd.

        Raises:
            UnreadableObservation: another form, or codes that MiniGrid does not have.
        """
        image, direction = _checked(observation)
        size = len(image)
        codes = iter(image.tobytes())
        numbers = list(map(self._palette.__getitem__, zip(codes, codes, codes, strict=True)))
        own = size // 2 * size + size - 1  # the agent's cell shows what it carries
        held, numbers[own] = max(numbers[own], 0), _NOT_SEEN
        seen = [number != _NOT_SEEN for number in numbers]
        view = View(
            list(compress(_offsets(size, direction), seen)),
            list(compress(numbers, seen)),
            self._palette.looks,
            {("facing",): DIRECTIONS[direction]},
            {("holding",): held},
        )
        facts, positions = _Later(partial(_facts, image, direction)), _Later(partial(_positions, image, direction))
        return SceneGraph(State(facts, _universe(size)), positions, LATTICE, arrays=view)

    def goal(self, observation: Any) -> Goal:
        """What the mission asks for; raises `UnreadableMission`."""
        mission = observation.get("mission") if isinstance(observation, Mapping) else None
        if mission is None:
            raise UnreadableMission("the observation has no 'mission'")
        return read_mission(mission)

    def examples(self) -> tuple[tuple[str, Goal], ...]:
        """Missions in BabyAI's words, and what they ask for."""
        return tuple((mission, read_mission(mission)) for mission in EXAMPLE_MISSIONS)

    def sight(self, observation: Any) -> Sight | None:
        """The agent's eyes, if they see no farther than can be worked out; raises `UnreadableObservation`."""
        size = len(_checked(observation)[0])
        return SquareSight(size) if size <= LARGEST else None

    def actions(self) -> tuple[Action, ...]:
        """MiniGrid's seven actions."""
        return ALL_ACTIONS

    def to_env(self, action: Action) -> int:
        """The index of an action in MiniGrid's action space."""
        return ACTIONS.index(action.name)

    def landmarks(self, new: Mapping[str, Position], heading: Position, look: Look) -> Iterator[tuple[str, ...]]:
        """On which sides of the starting agent things lie; in line with it is on neither side.

        As in BabyAI that is only said of what is in the room where it started, the doors in its walls included.
        """
        things = {thing: place for thing, place in new.items() if _kind(look(place)) != WALL}
        room = _starting_room(look) if things else ()
        for thing, (x, y) in things.items():
            ahead = x * heading[0] + y * heading[1]
            right = -x * heading[1] + y * heading[0]
            sides = (
                ("at-front", ahead > 0),
                ("at-back", ahead < 0),
                ("at-right", right > 0),
                ("at-left", right < 0),
            )
            yield from (("side", thing, side) for side, true in sides if true and (x, y) in room)


def _starting_room(look: Look) -> set[Position]:
    """What is known of the room where the agent started, (0, 0): all round it up to walls and doors, and these."""
    room, inside = {(0, 0)}, [(0, 0)]
    for x, y in inside:
        for dx, dy in _AROUND:
            place = (x + dx, y + dy)
            if place not in room:
                room.add(place)
                looks = look(place)
                if looks is not None and _kind(looks) not in (WALL, DOOR):
                    inside.append(place)
    return room


_AROUND = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]


def _kind(looks: Appearance | None) -> Value | None:
    for predicate, value in looks or ():
        if predicate == "kind":
            return value
    return None


def _facts(image: _Image, direction: int) -> dict[Fluent, Value]:
    """What an image says, as facts."""
    values: dict[Fluent, Value] = {
        (LATTICE.here,): _HERE,
        ("facing",): DIRECTIONS[direction],
        ("holding",): NOTHING,
    }
    for (kind, color, state), (cell, thing, x, y) in _shown(image, direction):
        at_agent = x == 0 and y == 0
        content = NOTHING if kind == _EMPTY else _HAND if at_agent else thing
        if kind != _EMPTY:
            values.update({(predicate, content): value for predicate, value in _look(kind, color, state)})
        values[("holding",) if at_agent else (LATTICE.content, cell)] = content
    return values


def _positions(image: _Image, direction: int) -> dict[str, Position]:
    """Where the cells of an image lie."""
    cells = {cell: (x, y) for _, (cell, _, x, y) in _shown(image, direction)}
    return {_HERE: (0, 0), **{cell: place for cell, place in cells.items() if place != (0, 0)}}


def _shown(image: _Image, direction: int) -> Iterator[tuple[list[int], _Cell]]:
    """The cells of an image that are seen: codes, and which cell it is."""
    for column, cells in zip(image.tolist(), _layout(len(image), direction), strict=True):
        yield from ((codes, cell) for codes, cell in zip(column, cells, strict=True) if codes[0] != _UNSEEN)


def _checked(observation: Any) -> tuple[_Image, int]:
    if not isinstance(observation, Mapping) or not {"image", "direction"} <= observation.keys():
        raise UnreadableObservation("the observation has no 'image' and 'direction': not MiniGrid's standard view")
    try:
        image = np.array(observation["image"])  # a copy: environments may use an array again
        direction = operator.index(observation["direction"])
    except (TypeError, ValueError) as error:
        raise UnreadableObservation(f"the image or the direction has no numbers: {error}") from None
    if image.ndim != 3 or image.shape[2] != 3 or image.shape[0] != image.shape[1] or not image.shape[0] % 2:
        raise UnreadableObservation(f"an image of shape {image.shape} is not MiniGrid's egocentric (n, n, 3), n odd")
    if not 0 <= direction < len(DIRECTIONS):
        raise UnreadableObservation(f"direction {direction} is not one of 0 to 3")
    if image.dtype != np.uint8:
        image = _as_bytes(image)
    return image, direction


def _as_bytes(image: NDArray[Any]) -> _Image:
    try:
        with np.errstate(invalid="ignore"):  # what is no number is seen to differ
            codes = image.astype(np.uint8)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnreadableObservation(f"the image has no numbers: {error}") from None
    if not (codes == image).all():
        raise UnreadableObservation("the image has a code that MiniGrid does not: they go from 0 to 255")
    return codes
