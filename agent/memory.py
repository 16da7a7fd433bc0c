"""From scene graphs to a belief: the same thing gets the same name at every step of an episode.

Worlds with a lattice show things under names of the moment and from where the agent stands; there the view is laid
over the map (`mapping`) and what disappeared is matched with what appeared. Worlds without one name things for good.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from worldwright.agent.belief import Belief
from worldwright.agent.cells import Cells
from worldwright.agent.mapping import Fix, GridMap, laid
from worldwright.envs.perceiver import Sight
from worldwright.world_model.model import Prediction
from worldwright.world_model.scene_graph import Appearance, Containment, Lattice, Look, Position, SceneGraph, View
from worldwright.world_model.state import Change, Fluent, State, Value, Valued, join_atom, own_fluents
from worldwright.world_model.vocabulary import Vocabulary

Landmarks = Callable[[Mapping[str, Position], Position, Look], Iterable[tuple[str, ...]]]

_NOWHERE: Position = (1, 0)  # ahead, where the agent faces nowhere

Pose = tuple[Position, Position]  # where the agent stands, and the step ahead

_STILL_UNKNOWN = 0.9  # the share of places that are to be seen, below which something was seen of them
_HAND = "hand"  # the slot of a thing that no cell holds but a fluent without arguments does


@dataclass(frozen=True)
class Sighting:
    """What one observation added to the belief.

    Attributes:
        state: what is known now.
        observed: the objects all of whose facts were in view.
        certain: whether the view alone settles where the agent stands.
        discovered: the number of cells or objects first seen now.
    """

    state: State
    observed: frozenset[str]
    certain: bool
    discovered: int


@dataclass(frozen=True)
class Habits:
    """What an action did before, beside what the rules say of it.

    Attributes:
        experience: the number of sure transitions that what is expected of it was learned from.
        ways: how far it led before, (ahead, to the right).
        walks: whether it is known to move the agent and never to change a thing.
    """

    experience: int = 0
    ways: Collection[Position] = ()
    walks: bool = False


@dataclass
class _Seen:
    """One thing or empty place in view: where, and how it looks (None: nothing is there)."""

    slot: str
    appearance: Appearance | None


@dataclass
class Memory:
    """Keeps the belief of one episode.

    Args:
        vocabulary: the world's.
        landmarks: static facts about things, from where they were first seen (see `Perceiver.landmarks`).
        quick: whether what was learned is trusted (see `GridMap.locate`).
        asked: the predicates that anybody asks for: landmarks are noted for their sake; None: all.
        sight: how the agent sees, if it has eyes on a lattice; known from the first observation on.
    """

    vocabulary: Vocabulary
    landmarks: Landmarks
    quick: bool = False
    asked: Collection[str] | None = None
    sight: Sight | None = None
    belief: Belief = field(init=False)
    position: Position = (0, 0)
    step: int = -1

    def __post_init__(self) -> None:
        self.belief = Belief(self.vocabulary, traced=self.quick)
        self.map = GridMap()
        self._heading: Position | None = None
        self._counts: dict[str, int] = {}
        self.cells = Cells(self.belief.universe)
        self._where: dict[str, str] = {}  # thing -> the slot it was last seen in
        self._fresh: dict[str, str] = {}  # slot -> the thing that was named by the last view
        self._own = own_fluents(self.vocabulary)
        told = {fact[0] for fact in self.vocabulary.facts}
        static = [p.name for p in self.vocabulary.predicates if p.static and p.name not in told]
        self._noted = [name for name in static if self.asked is None or name in self.asked]
        self._surely = True
        self._lattice: Lattice | None = None
        self.containment: Containment | None = None
        self.visited: set[str] = set()  # places where the agent stood
        self.poses: set[Pose] = set()  # and how, in worlds with a lattice
        self.looked: dict[str, tuple[Appearance, int]] = {}  # thing -> how it looked last, and its code
        self._palette: Sequence[Appearance] = ()
        self._palette_codes: dict[int, int] = {}  # number in the last view's palette -> code in the map

    def update(
        self,
        graph: SceneGraph,
        predictions: Sequence[Prediction] = (),
        habits: Callable[[], Habits] = Habits,
    ) -> Sighting:
        """Take in an observation.

        Args:
            graph: what was seen.
            predictions: what the learned rules hold possible after the last action, with probabilities.
            habits: gives what that action did before, if it is asked for.
        """
        self.step += 1
        self._stood, self._faced = self.position, self._ahead()
        if graph.lattice is None:
            return self._take_names(graph)
        return self._take_view(graph, graph.lattice, predictions, habits)

    # -- worlds whose names last --------------------------------------------------------------------------------------

    def _take_names(self, graph: SceneGraph) -> Sighting:
        """Believe what is said and denied."""
        self.containment = graph.containment or self.containment
        universe = self.belief.universe
        new = [name for name in graph.state.universe.types if name not in universe.types]
        for name in new:
            universe.add_object(name, graph.state.universe.types[name])
        for fluent, value in graph.state.universe.facts.items():
            if fluent not in universe.facts:
                universe.add_fact((fluent[0], *join_atom(fluent, value).args))
        self.belief.update({**dict.fromkeys(graph.denied), **graph.state.values})
        own = (str(value) for fluent, value in graph.state.values.items() if len(fluent) == 1)
        hiding = universe.objects(self.containment.place) if self.containment else ()
        self.visited |= {name for name in own if name in hiding}
        seen = frozenset(name for fluent in graph.state.values for name in fluent[1:])
        observed = frozenset(universe.types) if graph.tells_all else seen
        self.belief.see(seen, self.step)
        return Sighting(self.belief.state(), observed, certain=True, discovered=len(new))

    def unseen_places(self) -> list[str]:
        """The places that hide things and were not looked into yet, in the order in which they became known."""
        if self.containment is None:
            return []
        places = self.belief.universe.objects(self.containment.place)
        return [place for place in places if (self.containment.known, place) not in self.belief.values]

    @property
    def here_predicate(self) -> str | None:
        """The predicate that says where the agent is, in worlds with a lattice."""
        return self._lattice.here if self._lattice else None

    def unseen_near(self, place: str, radius: int = 3) -> int:
        """How many cells within `radius` of a cell are not known."""
        if place not in self.cells.places:
            return 0
        x0, y0 = self.cells.places[place]
        span = range(-radius, radius + 1)
        return self._count_unknown((x0 + dx, y0 + dy) for dx in span for dy in span)

    def pose(self, state: Valued) -> Pose | None:
        """Where the agent stands and how it faces in a state of a world with a lattice; None if it is nowhere."""
        assert self._lattice is not None
        place = self.cells.places.get(str(state.value((self._lattice.here,))))
        return None if place is None else (place, self._ahead(state))

    @property
    def headings(self) -> Sequence[Position]:
        """The steps ahead that there are."""
        assert self._lattice is not None
        return [*self._lattice.directions.values(), _NOWHERE]

    def standing(self, state: Valued) -> list[tuple[str, Value]]:
        """What says so: the predicates that tell the pose, with their values."""
        assert self._lattice is not None
        places, directions = self.cells.places, self._lattice.directions
        values = [(fluent[0], value) for fluent in self._own if (value := state.value(fluent)) is not None]
        return [(name, value) for name, value in values if value in places or value in directions]

    def trodden(self) -> State:
        """What is known, and that where the agent stood before it can stand again."""
        assert self._lattice is not None
        stood: dict[Fluent, Value] = {
            (self._lattice.content, cell): self._lattice.nothing for cell in sorted(self.visited)
        }
        return State({**stood, **self.belief.values}, self.belief.universe)

    def shown(self, thing: str, state: Valued | Prediction) -> tuple[Position | None, Appearance]:
        """Where a thing was seen last, and how it looks in a state."""
        look = tuple(
            (predicate, state.value((predicate, thing)) or value) for predicate, value in self._looks(thing) or ()
        )
        return self.cells.places.get(self._where.get(thing, "")), look

    def is_unseen(self, place: str) -> bool:
        """Whether it is not known what is in a place, and the agent never stood there."""
        return place not in self.visited and self.belief.is_unknown(place)

    def are_unknown(self, places: Collection[Position]) -> bool:
        """Whether next to nothing is known of some places yet."""
        return self._count_unknown(places) > _STILL_UNKNOWN * len(places)

    def _count_unknown(self, places: Iterable[Position]) -> int:
        contents, values = self.cells.contents, self.belief.values
        return sum(contents.get(place, ()) not in values for place in places)

    def border(self) -> list[str]:
        """The unknown cells next to known ones, in the order in which they became known as places."""
        if self._lattice is None:
            return []
        known = {place for place, fluent in self.cells.contents.items() if fluent in self.belief.values}
        steps = list(self._lattice.directions.values())
        return [
            cell
            for (x, y), cell in self.cells.names.items()
            if (x, y) not in known and cell not in self.visited and any((x + dx, y + dy) in known for dx, dy in steps)
        ]

    def _ahead(self, state: Valued | None = None) -> Position:
        """The step that leads ahead, now or in a state; to the right in worlds where the agent faces nowhere."""
        value = state.value if state is not None else self.belief.values.get
        directions = self._lattice.directions if self._lattice else {}
        for fluent in self._own:
            step = directions.get(str(value(fluent)))
            if step is not None:
                return step
        return _NOWHERE

    def _usual(self, ways: Collection[Position]) -> list[Position]:
        """Where ways, (ahead, to the right), lead from here."""
        (x, y), (dx, dy) = self._stood, self._faced
        return [(x + ahead * dx - right * dy, y + ahead * dy + right * dx) for ahead, right in ways]

    @property
    def moved(self) -> Position:
        """How far the agent moved last, (ahead, to the right)."""
        (x, y), (dx, dy) = self._stood, self._faced
        way_x, way_y = self.position[0] - x, self.position[1] - y
        return way_x * dx + way_y * dy, way_y * dx - way_x * dy

    # -- worlds on a lattice ------------------------------------------------------------------------------------------

    def _take_view(
        self,
        graph: SceneGraph,
        lattice: Lattice,
        predictions: Sequence[Prediction],
        habits: Callable[[], Habits],
    ) -> Sighting:
        self._lattice = lattice
        view = graph.view
        codes = self._codes(view)
        fix, spots = self._locate(lattice, view, codes, predictions, habits)
        self.position = fix.position
        if not fix.trusted:
            return self._take_pose(view, lattice)
        news = self.map.write(spots, codes)
        if news or self.position not in self.cells.names:
            self.cells.know(lattice, [*spots, self.position])
        contents = list(map(self.cells.contents.__getitem__, spots))
        before = list(map(self.belief.values.get, contents))
        seen = []  # what is as it was needs no second look
        if news or None in before:
            each = zip(contents, view.looks, news or [False] * len(spots), before, strict=True)
            seen = [_Seen(f[1], view.palette[look] or None) for f, look, new, was in each if new or was is None]
        held = self._take_facts(view, lattice, seen)
        after = map(self.belief.values.__getitem__, contents) if seen else before
        observed = frozenset([*map(self.cells.names.__getitem__, spots), *map(str, after), *held])
        certain = fix.certain and self._surely
        self._surely = fix.certain
        self.belief.see(observed, self.step)
        return Sighting(self.belief.state(), observed, certain, discovered=before.count(None))

    def _codes(self, view: View) -> list[int]:
        """The map's codes for what is seen."""
        if view.palette is not self._palette:
            self._palette, self._palette_codes = view.palette, {}
        known = self._palette_codes
        for number in set(view.looks).difference(known):
            known[number] = self.map.code(view.palette[number])
        return [known[number] for number in view.looks]

    def _take_pose(self, view: View, lattice: Lattice) -> Sighting:
        """Where the view does not say where the agent is, nothing seen is entered in the map: it would be misplaced."""
        self.cells.know(lattice, [self.position])
        change: Change = {f: v for f, v in view.own.items() if v in lattice.directions}
        self.belief.update({**change, (lattice.here,): self.cells.names[self.position]})
        self._surely = False
        return Sighting(self.belief.state(), frozenset(), certain=False, discovered=0)

    def _locate(
        self,
        lattice: Lattice,
        view: View,
        codes: list[int],
        predictions: Sequence[Prediction],
        habits: Callable[[], Habits],
    ) -> tuple[Fix, list[Position]]:
        """Where the agent is, and where what it sees then lies."""
        if self.step == 0:
            return Fix((0, 0), certain=True, trusted=True), laid(view.offsets, (0, 0))
        foreseen: dict[Position, float] = {}
        for prediction in predictions:
            place = self.cells.places.get(str(prediction.value((lattice.here,))))
            if place is not None:
                foreseen[place] = foreseen.get(place, 0.0) + prediction.probability
        if self.quick and foreseen:
            place = max(sorted(foreseen), key=lambda place: foreseen[place])
            spots = laid(view.offsets, place)
            if self.map.confirms(spots, codes, partial(self._foretold, lattice, predictions)):
                return Fix(place, certain=False, trusted=True), spots
        usual = habits()
        turned = any(self.belief.values.get(f, v) != v for f, v in view.own.items() if v in lattice.directions)
        fix = self.map.locate(
            view.offsets,
            codes,
            self.position,
            foreseen,
            usual.experience,
            turned,
            self.quick,
            self._usual(usual.ways),
            usual.walks,
        )
        return fix, laid(view.offsets, fix.position)

    def _foretold(self, lattice: Lattice, predictions: Sequence[Prediction]) -> dict[Position, int]:
        """The codes of the cells that are to look otherwise than before."""
        found: dict[Position, int] = {}
        for prediction in reversed(predictions):  # the likeliest is the first
            for fluent, value in prediction.change.items():
                if len(fluent) != 2:
                    continue
                if fluent[0] == lattice.content:
                    place, look = self.cells.places.get(fluent[1]), self._looks(str(value)) or ()
                else:
                    place, look = self.shown(fluent[1], prediction)
                if place is not None:
                    found[place] = self.map.code(look)
        return found

    def _take_facts(self, view: View, lattice: Lattice, seen: list[_Seen]) -> list[str]:
        """Believe what is seen anew, and what the agent itself is like; returned is what it has in its hands."""
        heading = (value for value in view.own.values() if value in lattice.directions)
        self._heading = self._heading or next((lattice.directions[str(value)] for value in heading), None)
        self.visited.add(self.cells.names[self.position])
        change: Change = {(lattice.here,): self.cells.names[self.position], **view.own}
        self._fresh = {}
        if seen or not all(self._holds(fluent, view.palette[look], lattice) for fluent, look in view.held.items()):
            slots = {_HAND + fluent[0]: fluent for fluent in view.held}
            in_hands = [_Seen(_HAND + fluent[0], view.palette[look] or None) for fluent, look in view.held.items()]
            contents = self._identify(lattice, [*seen, *in_hands], slots)
            for slot, thing in contents.items():
                change[slots.get(slot, (lattice.content, slot))] = thing
        self.belief.update(change)
        self.poses.add((self.position, self._ahead()))
        if self._fresh and any(name != lattice.neighbour for name in self._noted):
            self._note_landmarks()
        return [str(self.belief.values[fluent]) for fluent in view.held]

    def _holds(self, fluent: Fluent, appearance: Appearance, lattice: Lattice) -> bool:
        """Whether what was believed to be in a hand looks so."""
        thing = self.belief.values.get(fluent)
        return thing == lattice.nothing if not appearance else self._looks(str(thing)) == appearance

    def _identify(self, lattice: Lattice, seen: list[_Seen], slots: Mapping[str, Fluent]) -> dict[str, str]:
        """Which lasting thing is in each slot in view; looks that changed are updated, new things are named."""
        before = {s.slot: self.belief.values.get(slots.get(s.slot, (lattice.content, s.slot))) for s in seen}
        contents: dict[str, str] = {}
        open_slots: list[_Seen] = []
        missing: list[str] = []
        for item in seen:
            old = before[item.slot]
            if item.appearance is None:
                contents[item.slot] = lattice.nothing
            elif isinstance(old, str) and self._looks(old) == item.appearance:
                contents[item.slot] = old
                continue
            else:
                open_slots.append(item)
            if isinstance(old, str) and old != lattice.nothing:
                missing.append(old)
        if open_slots:
            contents |= self._match(lattice, open_slots, missing, before, slots)
        return contents

    def _match(
        self,
        lattice: Lattice,
        open_slots: list[_Seen],
        missing: list[str],
        before: Mapping[str, Value | None],
        slots: Mapping[str, Fluent],
    ) -> dict[str, str]:
        known = [item for item in open_slots if before[item.slot] is not None]
        contents = self._moved(known, missing)
        for item in open_slots:  # what stands where something else vanished is that thing, changed
            old = before[item.slot]
            if item.slot not in contents and isinstance(old, str) and old in missing:
                contents[item.slot] = old
                missing.remove(old)
                self._set_looks(old, item.appearance or ())
        fresh = [item for item in open_slots if item.slot not in contents]
        contents |= self._moved(fresh, missing)
        self._fresh = self._new_things([item for item in open_slots if item.slot not in contents], lattice)
        contents |= self._fresh
        for item in open_slots:
            thing = contents[item.slot]
            left = self._where.get(thing)  # a thing that moved is no longer where it was believed
            if left is not None and left not in before:
                self.belief.update({slots.get(left, (lattice.content, left)): None})
            self._where[thing] = item.slot
        return contents

    def _moved(self, slots: list[_Seen], missing: list[str]) -> dict[str, str]:
        """A thing that vanished in one slot and appeared in another, looking the same, moved."""
        contents: dict[str, str] = {}
        for item in slots:
            same = next((thing for thing in missing if self._looks(thing) == item.appearance), None)
            if same is not None:
                contents[item.slot] = same
                missing.remove(same)
        return contents

    def _looks(self, thing: str) -> Appearance | None:
        known = self.looked.get(thing)
        return known[0] if known else None

    def _set_looks(self, thing: str, appearance: Appearance) -> None:
        change: Change = {(predicate, thing): None for predicate, _ in self._looks(thing) or ()}
        change.update({(predicate, thing): value for predicate, value in appearance})
        self.belief.update(change)
        self.looked[thing] = (appearance, self.map.code(appearance))

    def _new_things(self, items: Sequence[_Seen], lattice: Lattice) -> dict[str, str]:
        """Name what is in some slots and was not seen before."""
        contents: dict[str, str] = {}
        change: Change = {}
        for item in items:
            appearance = item.appearance or ()
            label = str(appearance[0][1]) if appearance else "thing"
            number = self._counts[label] = self._counts.get(label, 0) + 1
            name = contents[item.slot] = f"{label}{number}"
            change.update({(predicate, name): value for predicate, value in appearance})
            self.looked[name] = (appearance, self.map.code(appearance))
        self.belief.universe.add_objects(list(contents.values()), self.vocabulary.constant_types[lattice.nothing])
        self.belief.update(change)
        return contents

    def _note_landmarks(self) -> None:
        """Learn what is said of things that are seen in some places for the first time."""
        places = self.cells.places
        new = {thing: places[slot] for slot, thing in self._fresh.items() if slot in places}
        if new and self._heading is not None:
            for fact in self.landmarks(new, self._heading, self._look_at):
                self.belief.universe.add_fact(fact)

    def _look_at(self, place: Position) -> Appearance | None:
        """How a place looks, as far as that was seen."""
        thing = self.belief.values.get(self.cells.contents.get(place, ()))
        return None if thing is None else self._looks(str(thing)) or ()
