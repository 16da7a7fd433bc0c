"""The scene graph: what one observation says, as typed nodes with attributes and labelled edges.

It is the same set of facts as a `State`, and goes to `networkx` and back without loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import networkx as nx

from worldwright.world_model.state import Fluent, State, Universe, Value, join_atom
from worldwright.world_model.vocabulary import Vocabulary

Position = tuple[int, int]
Appearance = tuple[tuple[str, Value], ...]  # what is said of a thing: a predicate and its value
Look = Callable[[Position], Appearance | None]  # how a place looks; nothing if it is empty, None if it is not known


@dataclass(frozen=True)
class Lattice:
    """Which words of a vocabulary speak of a square lattice of cells.

    Attributes:
        cell: the type of a cell.
        here: functional predicate whose value is the agent's cell.
        content: functional predicate from a cell to the thing in it.
        nothing: the constant that fills an empty cell.
        neighbour: static functional predicate (direction, cell) -> cell.
        directions: each direction's step, x to the right and y downwards.
    """

    cell: str
    here: str
    content: str
    nothing: str
    neighbour: str
    directions: Mapping[str, Position]


@dataclass(frozen=True)
class Containment:
    """Which words of a vocabulary speak of places that hide what is in them until somebody looks.

    Attributes:
        place: the type of such places.
        inside: functional predicate from an item to the place it is in.
        known: relation: what is in the place has been seen.
        kind: functional predicate from an item to what it is.
        sort: the same of a place.
    """

    place: str
    inside: str
    known: str
    kind: str
    sort: str


@dataclass(frozen=True)
class View:
    """What is seen of a lattice, as arrays: the same as the facts say, ready to be laid over a map.

    Attributes:
        offsets: where the n seen cells lie, relative to the agent but turned as the world is.
        looks: how what is in each of them looks, by number in the palette.
        palette: appearances; that of an empty cell is `()`. It may be shared by many views, and grow.
        own: what is said of the agent itself but for its place; held: the same where it names a thing, or nothing,
            with the number of how that looks.
    """

    offsets: Sequence[Position]
    looks: Sequence[int]
    palette: Sequence[Appearance]
    own: Mapping[Fluent, Value]
    held: Mapping[Fluent, int]


@dataclass(frozen=True)
class SceneGraph:
    """What is seen at one moment, under names that mean nothing beyond it.

    Attributes:
        state: the facts.
        positions: where seen cells lie, relative to the agent but turned as the world is; empty for worlds
            without a lattice, whose names are taken as lasting ones.
        lattice: the words that speak of the lattice, if there is one.
        containment: the words that speak of places that hide things, if there are such.
        denied: facts that are said not to hold, as fluents.
        tells_all: whether what is neither stated nor denied is as it was, in view or not.
        unread: what was said and could not be read.
        arrays: the view of the lattice, if whoever perceives has it at hand (see `view`).
    """

    state: State
    positions: Mapping[str, Position] = field(default_factory=dict)
    lattice: Lattice | None = None
    denied: frozenset[Fluent] = frozenset()
    unread: tuple[str, ...] = ()
    containment: Containment | None = None
    tells_all: bool = False
    arrays: View | None = field(default=None, compare=False, repr=False)

    @cached_property
    def view(self) -> View:
        """What is seen of the lattice, of which there must be one."""
        return self.arrays or _view(self, self.lattice)

    def to_networkx(self) -> nx.MultiDiGraph:
        """A graph with a node for each object, an attribute for each unary fact, an edge for each binary one.

        Facts of no or of three and more arguments are kept in `graph.graph["facts"]`, those that never change
        in `graph.graph["static"]`.
        """
        universe = self.state.universe
        static = [(fluent[0], *join_atom(fluent, value).args) for fluent, value in universe.facts.items()]
        graph = nx.MultiDiGraph(facts=[], static=static, vocabulary=universe.vocabulary, lattice=self.lattice)
        graph.graph |= {"denied": self.denied, "unread": self.unread, "containment": self.containment}
        graph.graph["tells_all"] = self.tells_all
        constants = universe.vocabulary.constant_types
        for name, type_ in universe.types.items():  # in the order in which they became known
            graph.add_node(name, type=type_, constant=name in constants)
        for fluent, value in sorted(self.state.values.items()):
            _add_fact(graph, fluent, value)
        for cell, position in self.positions.items():
            graph.nodes[cell]["position"] = position
        return graph

    @staticmethod
    def from_networkx(graph: nx.MultiDiGraph) -> SceneGraph:
        """The scene graph of which `to_networkx` made `graph`."""
        vocabulary: Vocabulary = graph.graph["vocabulary"]
        universe = Universe(vocabulary)
        for atom in graph.graph["static"]:
            universe.add_fact(atom)
        values: dict[Fluent, Value] = dict(graph.graph["facts"])
        positions: dict[str, Position] = {}
        for name, data in graph.nodes(data=True):
            universe.add_object(name, data["type"])
            values.update({(key, name): value for key, value in data.get("facts", {}).items()})
            if "position" in data:
                positions[name] = data["position"]
        for source, target, data in graph.edges(data=True):
            values[(data["predicate"], source) if data["functional"] else (data["predicate"], source, target)] = (
                target if data["functional"] else True
            )
        words = {word: graph.graph[word] for word in ("lattice", "denied", "unread", "containment", "tells_all")}
        return SceneGraph(State(values, universe), positions, **words)


def _view(graph: SceneGraph, lattice: Lattice | None) -> View:
    assert lattice is not None
    values, vocabulary = graph.state.values, graph.state.universe.vocabulary
    order = {predicate.name: rank for rank, predicate in enumerate(vocabulary.predicates)}
    facts: dict[str, list[tuple[str, Value]]] = {}
    for fluent, value in values.items():
        if len(fluent) == 2 and fluent[0] != lattice.content:
            facts.setdefault(fluent[1], []).append((fluent[0], value))
    looks = {thing: tuple(sorted(said, key=lambda fact: order[fact[0]])) for thing, said in facts.items()}
    palette: dict[Appearance, int] = {(): 0}
    numbers = {thing: palette.setdefault(look, len(palette)) for thing, look in looks.items()}
    cells = [cell for cell in graph.positions if (lattice.content, cell) in values]
    offsets = [graph.positions[cell] for cell in cells]
    own = {f: value for f, value in values.items() if len(f) == 1 and f[0] != lattice.here}
    held: dict[Fluent, int] = {
        f: numbers.get(str(value), 0) for f, value in own.items() if value in looks or value == lattice.nothing
    }
    content = [numbers.get(str(values[lattice.content, cell]), 0) for cell in cells]
    return View(offsets, content, list(palette), {f: v for f, v in own.items() if f not in held}, held)


def _add_fact(graph: nx.MultiDiGraph, fluent: Fluent, value: Value) -> None:
    predicate, *args = fluent
    names_object = isinstance(value, str) and not graph.nodes[value]["constant"]
    if len(args) == 1 and not names_object:
        graph.nodes[args[0]].setdefault("facts", {})[predicate] = value
    elif len(args) == 1:
        graph.add_edge(args[0], value, predicate=predicate, functional=True)
    elif len(args) == 2 and value is True:
        graph.add_edge(*args, predicate=predicate, functional=False)
    else:
        graph.graph["facts"].append((fluent, value))
