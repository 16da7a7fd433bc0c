"""What tests of households share: games, their true facts, and how a game is won by who knows everything."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from worldwright.envs.household.env import HouseholdEnv
from worldwright.envs.household.games import Games, find_games
from worldwright.envs.household.missions import Task
from worldwright.envs.household.vocabulary import HAND, NOTHING, ROOM
from worldwright.world_model.scene_graph import SceneGraph
from worldwright.world_model.state import Fluent, State, Universe, Value

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "alfworld"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real games are not beside the repository")
TRAITS = {
    "ishot": "is-hot",
    "iscool": "is-cool",
    "isclean": "is-clean",
    "issliced": "is-sliced",
    "istoggled": "is-lit",
}
APPLIANCES = {"is-hot": ("heat", "microwave"), "is-cool": ("cool", "fridge"), "is-clean": ("clean", "sinkbasin")}
Facts = list[tuple[str, ...]]


@cache
def real_games(name: str) -> Games:
    """The real games of a set, such as `train`."""
    return find_games(REAL / f"{name}.jsonl.xz")


def playing(games: str | Games, **keywords: Any) -> HouseholdEnv:
    """An environment that tells all."""
    return HouseholdEnv(games, facts=True, admissible=True, **keywords)


def object_name(said: str) -> str:
    """`apple 1` as the perceiver names it."""
    return "-".join(said.split())


class Truth:
    """What holds in a household, in the perceiver's words.

    In a third of the real games something is in two places at once, a safe and the dresser below it, say. One room has
    a bathtubbasin that ALFWorld takes for a sinkbasin, which no sentence says: sorts go by names.
    """

    def __init__(self, facts: Facts) -> None:
        by_predicate: dict[str, Facts] = {}
        for fact in facts:
            by_predicate.setdefault(fact[0], []).append(fact)
        self._facts = by_predicate
        self.values: dict[Fluent, Value] = {("holding",): NOTHING}
        self.places: dict[str, set[str]] = {}
        for _, _, thing in self.of("holds"):
            self.values["holding",] = object_name(thing)
            self.places[object_name(thing)] = {HAND}
        for _, thing, place in self.of("inreceptacle"):
            self.places.setdefault(object_name(thing), set()).add(object_name(place))
        for _, thing, kind in self.of("objecttype"):
            self.values["kind", object_name(thing)] = kind.strip().removesuffix("type")
        for _, place, _ in self.of("receptacletype"):
            self.values["sort", object_name(place)] = place.split()[0]
        opened = {place for _, place in self.of("opened")}
        for _, place in self.of("openable"):
            self.values["door", object_name(place)] = "open" if place in opened else "closed"
        for predicate, word in TRAITS.items():
            self.values.update({(word, object_name(thing)): True for _, thing in self.of(predicate)})

    def of(self, predicate: str) -> Facts:
        """The facts of a predicate."""
        return self._facts.get(predicate, [])

    def here(self) -> set[str]:
        """The receptacles where the agent is; the room if there are none."""
        places = {place for _, _, place in self.of("atlocation")}
        return {object_name(name) for _, name, place in self.of("receptacleatlocation") if place in places} or {ROOM}

    def contents(self, place: str) -> set[str]:
        """What is in a receptacle."""
        return {thing for thing, places in self.places.items() if place in places}

    def agrees(self, state: State) -> bool:
        """Whether all that a state says is so, and all that is in a known receptacle is said to be somewhere."""
        for (word, *args), value in state.values.items():
            if word == "at":
                is_so = value in self.here()
            elif word == "in":
                is_so = value in self.places[args[0]]
            elif word == "is-known":
                is_so = all(("in", thing) in state.values for thing in self.contents(args[0]))
            else:
                is_so = self.values.get((word, *args)) == value
            if not is_so:
                return False
        return True


class Notes:
    """What was perceived so far: the later replaces the earlier."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self.values: dict[Fluent, Value] = {}

    def add(self, graph: SceneGraph) -> State:
        """What is known after an observation."""
        for name, type_ in graph.state.universe.types.items():
            self._universe.add_object(name, type_)
        for fluent in graph.denied:
            self.values.pop(fluent, None)
        self.values.update(graph.state.values)
        return State(dict(self.values), self._universe)


def commands(task: Task, facts: Facts) -> Iterator[str]:
    """How to do a task, knowing all; what cannot be opened is tried in vain."""
    where = {thing: place for predicate, thing, place in (fact for fact in facts if len(fact) == 3)
             if predicate == "inreceptacle"}  # fmt: skip
    places = [fact[1] for fact in facts if fact[0] == "receptacletype"]
    target = next((place for place in sorted(places) if place.split()[0] == task.target), "")
    things = [thing for thing in sorted(where) if thing.split()[0] == task.item and where[thing] != target]
    already = [thing for thing in where if thing.split()[0] == task.item and where[thing] == target]
    if task.traits and not things:
        things = already
    needed = task.number - (0 if task.traits or task.lamp else len(already))
    for thing in things[:needed] if not task.lamp else [*already, *things][:1]:
        yield from (f"go to {where[thing]}", f"open {where[thing]}", f"take {thing} from {where[thing]}")
        for trait in task.traits:
            verb, kind = APPLIANCES[trait]
            tool = next(place for place in sorted(places) if place.split()[0] == kind)
            yield from (f"go to {tool}", f"{verb} {thing} with {tool}")
        if task.lamp:
            lamp = next(lamp for lamp in sorted(where) if lamp.split()[0] == task.lamp)
            yield from (f"go to {where[lamp]}", f"use {lamp}")
        else:
            yield from (f"go to {target}", f"open {target}", f"move {thing} to {target}")
