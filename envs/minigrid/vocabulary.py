"""What can be said of a MiniGrid world: the types, colours and states that its observations distinguish.

Nothing here says what any of them does.
"""

from __future__ import annotations

from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX, STATE_TO_IDX

from worldwright.world_model.model import Action
from worldwright.world_model.scene_graph import Lattice
from worldwright.world_model.vocabulary import (
    ENDED,
    GOAL_HOLDS,
    WON,
    ActionSignature,
    Object,
    Predicate,
    Type,
    Vocabulary,
)

NOTHING = "nothing"
WALL, DOOR = "wall", "door"
OPEN = "open"
DIRECTIONS = ("east", "south", "west", "north")  # in the order of MiniGrid's `direction`
STEPS = {"east": (1, 0), "south": (0, 1), "west": (-1, 0), "north": (0, -1)}
ACTIONS = ("left", "right", "forward", "pickup", "drop", "toggle", "done")  # in the order of MiniGrid's action space
SIDES = ("at-left", "at-right", "at-front", "at-back")
KINDS = tuple(kind for kind in OBJECT_TO_IDX if kind not in ("unseen", "empty", "agent"))
COLORS = tuple(COLOR_TO_IDX)
STATES = tuple(STATE_TO_IDX)

LATTICE = Lattice("cell", "agent-at", "on", NOTHING, "next", STEPS)

VOCABULARY = Vocabulary(
    name="minigrid",
    types=(
        Type("cell"),
        Type("thing"),
        Type("direction", nominal=True),
        Type("color", nominal=True),
        Type("kind"),
        Type("status"),
        Type("side"),
    ),
    constants=(
        Object(NOTHING, "thing"),
        *(Object(name, "direction") for name in DIRECTIONS),
        *(Object(name, "color") for name in COLORS),
        *(Object(name, "kind") for name in KINDS),
        *(Object(name, "status") for name in STATES),
        *(Object(name, "side") for name in SIDES),
    ),
    predicates=(
        Predicate("agent-at", ("cell",), functional=True),
        Predicate("facing", ("direction",), functional=True),
        Predicate("holding", ("thing",), functional=True, injective=True),
        Predicate("on", ("cell", "thing"), functional=True, injective=True, default=NOTHING),
        Predicate("kind", ("thing", "kind"), functional=True),
        Predicate("color", ("thing", "color"), functional=True),
        Predicate("state", ("thing", "status"), functional=True),
        Predicate("next", ("direction", "cell", "cell"), functional=True, static=True),
        Predicate("clockwise", ("direction", "direction"), functional=True, static=True),
        Predicate("opposite", ("direction", "direction"), functional=True, static=True),
        Predicate("counterclockwise", ("direction", "direction"), functional=True, static=True),
        Predicate("side", ("thing", "side"), static=True),
        Predicate(GOAL_HOLDS, ()),
        Predicate(WON, ()),
        Predicate(ENDED, ()),
    ),
    actions=tuple(ActionSignature(name) for name in ACTIONS),
    facts=tuple(
        (word, DIRECTIONS[i], DIRECTIONS[(i + turn) % 4])
        for word, turn in (("clockwise", 1), ("opposite", 2), ("counterclockwise", 3))
        for i in range(4)
    ),
)

ALL_ACTIONS = tuple(Action(name) for name in ACTIONS)
