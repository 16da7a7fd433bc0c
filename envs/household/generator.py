"""New households of all six kinds of task: rooms furnished by chance, as real ones are, each sure to be solvable.

What stands in which room, what lies where and what can be done with it is data (`data/rooms.json`, counted in games of
ALFWorld's training set). The same seed and number give the same household everywhere.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from worldwright.envs.household.engine import Household, alfworld_text
from worldwright.envs.household.game import Game, sentence
from worldwright.envs.household.pddl import Problem

TRIES: Final = 1_000
CLUTTER: Final = 0.6  # the share of a real room's things that a generated one has
SHARED_PLACE: Final = 0.15  # how often a receptacle is reached from where the one before it is
COLD: Final = 0.1  # how often what lies in a fridge is cold from the start

ROOMS: Final[dict[str, tuple[str, ...]]] = {
    "pick_and_place_simple": ("kitchen", "living room", "bathroom", "bedroom"),
    "look_at_obj_in_light": ("bedroom", "living room"),
    "pick_clean_then_place_in_recep": ("kitchen", "bathroom"),
    "pick_heat_then_place_in_recep": ("kitchen",),
    "pick_cool_then_place_in_recep": ("kitchen",),
    "pick_two_obj_and_place": ("kitchen", "living room", "bathroom", "bedroom"),
}
TASK_TYPES: Final = tuple(ROOMS)
TEMPLATES: Final[dict[str, tuple[str, ...]]] = {  # ALFWorld's own ways to put a task
    "pick_and_place_simple": ("put a {obj} in {recep}", "put some {obj} on {recep}"),
    "look_at_obj_in_light": ("look at {obj} under the {recep}", "examine the {obj} with the {recep}"),
    "pick_clean_then_place_in_recep": ("put a clean {obj} in {recep}", "clean some {obj} and put it in {recep}"),
    "pick_heat_then_place_in_recep": ("put a hot {obj} in {recep}", "heat some {obj} and put it in {recep}"),
    "pick_cool_then_place_in_recep": ("put a cool {obj} in {recep}", "cool some {obj} and put it in {recep}"),
    "pick_two_obj_and_place": ("put two {obj} in {recep}", "find two {obj} and put them in {recep}"),
}

_TRAITS: Final = {  # of the object that the task is about: what it takes, what is to be made true, and where
    "pick_clean_then_place_in_recep": ("cleanable", "isClean", "SinkBasin"),
    "pick_heat_then_place_in_recep": ("heatable", "isHot", "Microwave"),
    "pick_cool_then_place_in_recep": ("coolable", "isCool", "Fridge"),
}
_LAMP: Final = "DeskLamp"
_LAMP_PLACES: Final = {"Desk": 14, "SideTable": 19, "Dresser": 9, "CoffeeTable": 1, "Shelf": 1}


@cache
def _tables() -> Any:
    return json.loads(alfworld_text("rooms.json"))


@dataclass
class _Room:
    """A room as it is being furnished; ids are unique in it."""

    rng: random.Random
    kind: str
    receptacles: dict[str, str] = field(default_factory=dict)  # id -> kind
    locations: dict[str, str] = field(default_factory=dict)  # receptacle -> location
    objects: dict[str, str] = field(default_factory=dict)  # id -> kind
    places: dict[str, str] = field(default_factory=dict)  # object -> receptacle

    def new_id(self, kind: str) -> str:
        """An id such as ALFWorld's: a kind and a place in the room."""
        base = kind.removesuffix("Basin")
        while True:
            where = "_bar_".join(self._coordinate() for _ in range(3))
            name = f"{base}_bar_{where}" + (f"_bar_{kind}" if kind != base else "")
            if name not in self.receptacles and name not in self.objects:
                return name

    def _coordinate(self) -> str:
        number = self.rng.randrange(-300, 300)
        return f"_{'minus' if number < 0 else 'plus'}_{abs(number) // 100:02}_dot_{abs(number) % 100:02}"

    def add_receptacle(self, kind: str) -> None:
        before = list(self.locations.values())
        name = self.new_id(kind)
        self.receptacles[name] = kind
        shares = before and self.rng.random() < SHARED_PLACE
        self.locations[name] = (
            before[-1] if shares else f"loc_bar_{len(set(before))}_bar_{self.rng.randrange(4)}_bar_60"
        )

    def add_object(self, kind: str, weights: Mapping[str, float]) -> None:
        """Put a new object somewhere it may lie; if it may lie nowhere here, leave it out."""
        spots = [name for name, rack in self.receptacles.items() if rack in weights]
        if spots:
            share = [weights[self.receptacles[spot]] / self._number(self.receptacles[spot]) for spot in spots]
            name = self.new_id(kind)
            self.objects[name] = kind
            self.places[name] = self.rng.choices(spots, share)[0]

    def _number(self, kind: str) -> int:
        return sum(other == kind for other in self.receptacles.values())


@dataclass(frozen=True)
class _Task:
    """What is to be done in a room."""

    type: str
    object: str
    receptacle: str  # or the lamp

    @property
    def params(self) -> dict[str, str | bool]:
        is_lamp = self.type == "look_at_obj_in_light"
        return {
            "mrecep_target": "",
            "object_sliced": False,
            "object_target": self.object,
            "parent_target": "" if is_lamp else self.receptacle,
            "toggle_target": self.receptacle if is_lamp else "",
        }


def generate(seed: int, number: int, task_type: str | None = None) -> Game:
    """The household of this seed and number; the task types take turns unless one is given.

    Raises:
        ValueError: no such task type.
    """
    task_type = task_type or TASK_TYPES[number % len(TASK_TYPES)]
    if task_type not in ROOMS:
        raise ValueError(f"unknown task type {task_type!r}; known: {', '.join(TASK_TYPES)}")
    rng = random.Random(f"household {seed} {number} {task_type}")
    for _ in range(TRIES):
        room = _furnish(rng, rng.choice(ROOMS[task_type]), task_type)
        task = _choose(room, task_type)
        if task is not None:
            game = _written(room, task, f"generated_{seed}_{number}")
            household = Household(Problem.read(game.problem), game.goal)
            if not household.is_won and household.can_be_won():
                return game
    raise AssertionError(f"no household of type {task_type} in {TRIES} tries")  # the tables make it all but impossible


def _furnish(rng: random.Random, kind: str, task_type: str) -> _Room:
    room = _Room(rng, kind)
    table = _tables()["rooms"][kind]
    for receptacle, (share, least, most) in table["receptacles"].items():
        if rng.random() < share:
            for _ in range(rng.randint(least, most)):
                room.add_receptacle(receptacle)
    for thing, (share, most, places) in table["objects"].items():
        if thing != _LAMP and rng.random() < share * CLUTTER:
            for _ in range(rng.randint(1, most)):
                room.add_object(thing, places)
    if task_type == "look_at_obj_in_light":
        room.add_object(_LAMP, _LAMP_PLACES)
    return room


def _choose(room: _Room, task_type: str) -> _Task | None:
    """A task that this room allows and that is not yet done, if there is one."""
    tables = _tables()
    able = set(tables["traits"][_TRAITS[task_type][0] if task_type in _TRAITS else "pickupable"])
    needed = 2 if task_type == "pick_two_obj_and_place" else 1
    kinds = sorted(set(room.objects.values()) & able)
    kinds = [kind for kind in kinds if sum(other == kind for other in room.objects.values()) >= needed]
    if task_type == "look_at_obj_in_light":
        lit = _LAMP in room.objects.values()
        return _Task(task_type, room.rng.choice(kinds), _LAMP) if kinds and lit else None
    racks = sorted(set(room.receptacles.values()))
    pairs = [(kind, rack) for kind in kinds for rack in racks if kind in tables["holds"].get(rack, ())]
    if task_type in _TRAITS:  # as in ALFWorld, it goes elsewhere in the end
        pairs = [(kind, rack) for kind, rack in pairs if rack != _TRAITS[task_type][2]]
    else:  # nothing is done to the object but that it is moved
        pairs = [(kind, rack) for kind, rack in pairs if not _lies_in(room, kind, rack)]
    return _Task(task_type, *room.rng.choice(pairs)) if pairs else None


def _lies_in(room: _Room, kind: str, rack: str) -> bool:
    return any(room.receptacles[place] == rack for name, place in room.places.items() if room.objects[name] == kind)


# ---------------------------------------------------------------------- writing


def _written(room: _Room, task: _Task, name: str) -> Game:
    rooms = sorted(_tables()["rooms"])
    folder = f"{task.type}-{task.object}-None-{task.receptacle}-{rooms.index(room.kind)}"
    goal = sentence(
        room.rng.choice(TEMPLATES[task.type]).format(obj=task.object.lower(), recep=task.receptacle.lower())
    )
    lines = [f"(define (problem {name})", "(:domain alfred)", "(:objects", *_objects(room), ")"]
    lines += ["(:init", *_init(room), ")", f"(:goal {_goal(task)})", ")"]
    return Game(
        id=f"{folder}/{name}",
        task_type=task.type,
        goal=goal,
        pddl_params=task.params,
        pddl_problem="\n".join(lines) + "\n",
    )


def _objects(room: _Room) -> Iterator[str]:
    yield "agent1 - agent"
    # The domain names some kinds whether or not the room has them.
    yield from (f"{kind}Type - otype" for kind in sorted({*room.objects.values(), "Knife", "ButterKnife"}))
    racks = {*room.receptacles.values(), "Microwave", "Fridge", "SinkBasin"}
    yield from (f"{kind}Type - rtype" for kind in sorted(racks))
    yield from (f"{name} - object" for name in room.objects)
    yield from (f"{name} - receptacle" for name in room.receptacles)
    yield from (f"{place} - location" for place in sorted(set(room.locations.values())))
    yield "loc_bar_middle - location"


def _init(room: _Room) -> Iterator[str]:
    tables = _tables()
    yield "(atLocation agent1 loc_bar_middle)"
    for name, kind in room.receptacles.items():
        yield f"(receptacleType {name} {kind}Type)"
        yield f"(receptacleAtLocation {name} {room.locations[name]})"
        if room.rng.random() < tables["openable"].get(kind, 0):
            yield f"(openable {name})"
    for rack in sorted(set(room.receptacles.values())):
        for kind in sorted(set(room.objects.values()) & set(tables["holds"].get(rack, ()))):
            yield f"(canContain {rack}Type {kind}Type)"
    for name, kind in room.objects.items():
        yield f"(objectType {name} {kind}Type)"
        yield f"(inReceptacle {name} {room.places[name]})"
        yield f"(objectAtLocation {name} {room.locations[room.places[name]]})"
        yield from (f"({trait} {name})" for trait, kinds in tables["traits"].items() if kind in kinds)
        if room.receptacles[room.places[name]] == "Fridge" and kind in tables["traits"]["coolable"]:
            yield from (["(isCool " + name + ")"] if room.rng.random() < COLD else [])


def _goal(task: _Task) -> str:
    """The goal as ALFWorld writes it."""
    if task.type == "look_at_obj_in_light":
        return (
            "(and (exists (?ot - object ?r - receptacle ?a - agent ?l - location)"
            f" (and (objectType ?ot {task.receptacle}Type) (toggleable ?ot) (isToggled ?ot)"
            " (receptacleAtLocation ?r ?l) (atLocation ?a ?l) (inReceptacle ?ot ?r)))"
            f" (exists (?o - object ?a - agent) (and (objectType ?o {task.object}Type) (holds ?a ?o))))"
        )
    if task.type == "pick_two_obj_and_place":
        return (
            "(and (exists (?r - receptacle) (exists (?o1 - object)"
            f" (and (objectType ?o1 {task.object}Type) (receptacleType ?r {task.receptacle}Type) (inReceptacle ?o1 ?r)"
            f" (exists (?o2 - object) (and (not (= ?o1 ?o2)) (objectType ?o2 {task.object}Type)"
            f" (receptacleType ?r {task.receptacle}Type) (inReceptacle ?o2 ?r)))))))"
        )
    able, made = (f"({word} ?o) " for word in _TRAITS[task.type][:2]) if task.type in _TRAITS else ("", "")
    return (
        f"(and (exists (?r - receptacle) (exists (?o - object) (and {able}(objectType ?o {task.object}Type)"
        f" (receptacleType ?r {task.receptacle}Type) {made}(inReceptacle ?o ?r)))))"
    )
