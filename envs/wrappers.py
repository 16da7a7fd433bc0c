"""The scene graph as an observation for any project: numbers for a network, and the readable graph beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.spaces import GraphInstance
from gymnasium.utils import RecordConstructorArgs

from worldwright.envs.perceiver import UnreadableObservation
from worldwright.envs.registry import perceiver_for
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.scene_graph import Position, SceneGraph
from worldwright.world_model.state import Fluent, GroundAtom, State, Universe, Value, join_atom, split_atom
from worldwright.world_model.vocabulary import MAX_ARITY, MAX_COUNT, ROOT_TYPE, Predicate, Vocabulary

MAX_NAME = 80
MAX_MISSION = 4_000
TEXT = "".join(map(chr, range(32, 127)))  # what names and missions are written with

COLUMNS = ("type", "constant", "fact", "number", "placed", "x", "y")  # then one for each feature
_TYPE, _CONSTANT, _FACT, _NUMBER, _PLACED, _X, _Y = range(len(COLUMNS))
_WORLD_NODE, _FACT_NODE, _FIRST_TYPE = 0, 1, 2


class SceneGraphEncoding:
    """How a scene graph over a vocabulary is written as numbers, and read back.

    Attributes:
        types: a node's `type` is 0 for the world, 1 for a fact, 2 + i for an object of `types[i]`.
        constants: a node's `constant` is 1 + i if it is `constants[i]`.
        features: the values of each feature, in the order of the columns; 1 + i stands for the i-th value, 0 for none.
        labels: what the number of an edge stands for.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.types: tuple[str, ...] = (ROOT_TYPE, *(type_.name for type_ in vocabulary.types))
        self.constants: tuple[str, ...] = tuple(constant.name for constant in vocabulary.constants)
        self.features: dict[str, Sequence[Value]] = dict(_features(vocabulary))
        predicates = [predicate.name for predicate in vocabulary.predicates]
        self._facts = (*predicates, *(counter.name for counter in vocabulary.counters))
        self.labels: tuple[str, ...] = (*predicates, *(f"argument-{i}" for i in range(MAX_ARITY)))
        self._predicates = {predicate.name: predicate for predicate in vocabulary.predicates}
        self._type_codes = {name: _FIRST_TYPE + i for i, name in enumerate(self.types)}
        self._constant_codes = {name: 1 + i for i, name in enumerate(self.constants)}
        self._fact_codes = {name: 1 + i for i, name in enumerate(self._facts)}
        self._label_codes = {name: i for i, name in enumerate(self.labels)}
        self._columns = {name: len(COLUMNS) + i for i, name in enumerate(self.features)}

    @property
    def columns(self) -> tuple[str, ...]:
        """What each number of a node stands for."""
        return (*COLUMNS, *self.features)

    def space(self) -> spaces.Dict:
        """The space of what `encode` returns."""
        most = [_FIRST_TYPE + len(self.types) - 1, len(self.constants), len(self._facts), MAX_COUNT, 1]
        high = np.array([*most, MAX_COUNT, MAX_COUNT, *map(len, self.features.values())], np.int32)
        low = np.zeros_like(high)
        low[[_NUMBER, _X, _Y]] = -MAX_COUNT
        node = spaces.Box(low, high, dtype=np.int32)
        name = spaces.Text(MAX_NAME, charset=TEXT)
        return spaces.Dict(graph=spaces.Graph(node, spaces.Discrete(len(self.labels))), names=spaces.Sequence(name))

    # -- writing

    def encode(self, graph: SceneGraph) -> dict[str, Any]:
        """The graph as numbers; objects of which nothing is said are left out."""
        facts = sorted(stated_facts(graph).items())
        names = self._names(graph, facts)
        index = {name: 1 + i for i, name in enumerate(names)}
        nodes = [[_WORLD_NODE] + [0] * (len(self.columns) - 1)]
        nodes += [self._object_row(name, graph) for name in names]
        edges: list[tuple[int, int, int]] = []
        for (word, *args), value in facts:
            if self._is_feature(word, value):
                nodes[index[args[0]] if args else 0][self._columns[word]] = 1 + self.features[word].index(value)
            elif self._is_edge(word):
                *start, end = args if value is True else (*args, str(value))
                edges.append((self._label_codes[word], index[start[0]] if start else 0, index[end]))
            else:
                edges += self._fact_edges(word, args, value, index, len(nodes))
                nodes.append(self._fact_row(word, value))
        table = np.array(edges, np.int64).reshape(-1, 3)
        instance = GraphInstance(np.array(nodes, np.int32), table[:, 0].copy(), table[:, 1:].copy())
        return {"graph": instance, "names": tuple(names)}

    def _is_feature(self, word: str, value: Value) -> bool:
        return value in self.features.get(word, ())

    def _is_edge(self, word: str) -> bool:
        predicate = self._predicates.get(word)
        return predicate is not None and (len(predicate.types) == 2 or _is_named_object(predicate))

    def _names(self, graph: SceneGraph, facts: list[tuple[Fluent, Value]]) -> list[str]:
        """The objects that the facts and positions mention, in the order in which they became known."""
        mentioned = set(graph.positions)
        for (word, *args), value in facts:
            mentioned.update(args)
            if isinstance(value, str) and not self._is_feature(word, value):
                mentioned.add(value)
        return [name for name in graph.state.universe.types if name in mentioned]

    def _object_row(self, name: str, graph: SceneGraph) -> list[int]:
        row = [0] * len(self.columns)
        row[_TYPE] = self._type_codes[graph.state.universe.types[name]]
        row[_CONSTANT] = self._constant_codes.get(name, 0)
        if name in graph.positions:
            row[_PLACED] = 1
            row[_X], row[_Y] = graph.positions[name]
        return row

    def _fact_row(self, word: str, value: Value) -> list[int]:
        row = [0] * len(self.columns)
        row[_TYPE], row[_FACT] = _FACT_NODE, self._fact_codes[word]
        row[_NUMBER] = 0 if isinstance(value, str) else int(value)
        return row

    def _fact_edges(
        self, word: str, args: list[str], value: Value, index: Mapping[str, int], fact: int
    ) -> Iterator[tuple[int, int, int]]:
        whole = [*args, value] if isinstance(value, str) else args
        for i, name in enumerate(whole):
            yield self._label_codes[f"argument-{i}"], fact, index[name]

    # -- reading

    def decode(self, observation: Mapping[str, Any]) -> SceneGraph:
        """The scene graph of which `encode` made the observation, but for what is no fact: its lattice, what it denies
        and what in it could not be read.

        Raises:
            UnreadableObservation: the numbers are no graph of this vocabulary.
        """
        try:
            graph, names = observation["graph"], observation["names"]
            return self._decode(np.asarray(graph.nodes).tolist(), _edge_list(graph), [*names])
        except (WorldwrightError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise UnreadableObservation(f"no scene graph of {self.vocabulary.name!r}: {error}") from error

    def _decode(self, nodes: list[list[int]], edges: list[tuple[int, int, int]], names: list[str]) -> SceneGraph:
        if not len(set(names)) == len(names) < len(nodes):
            raise ValueError(f"{len(names)} names do not fit {len(nodes)} nodes")
        universe = Universe(self.vocabulary)
        subjects: list[tuple[str, ...]] = [(), *((name,) for name in names)]
        positions: dict[str, Position] = {}
        values: dict[Fluent, Value] = {}
        for name, row in zip(names, nodes[1:], strict=False):
            universe.add_object(name, self.types[_natural(row[_TYPE] - _FIRST_TYPE)])
            if row[_PLACED]:
                positions[name] = (row[_X], row[_Y])
        for subject, row in zip(subjects, nodes, strict=False):
            for (word, domain), code in zip(self.features.items(), row[len(COLUMNS) :], strict=True):
                if code:
                    values[(word, *subject)] = domain[_natural(code - 1)]
        arguments: dict[int, list[tuple[int, str]]] = {i: [] for i in range(len(subjects), len(nodes))}
        for label, start, end in edges:
            if start in arguments:
                arguments[start].append((label, names[_natural(end - 1)]))
            else:
                args = (*subjects[_natural(start)], names[_natural(end - 1)])
                self._add(values, self.labels[_natural(label)], args)
        for node, labelled in arguments.items():
            args = tuple(name for _, name in sorted(labelled))
            self._add(values, self._facts[_natural(nodes[node][_FACT] - 1)], args, nodes[node][_NUMBER])
        return SceneGraph(_state(values, universe), positions)

    def _add(self, values: dict[Fluent, Value], word: str, args: tuple[str, ...], number: int = 0) -> None:
        is_predicate = word in self._predicates
        declared = self.vocabulary.predicate(word) if is_predicate else self.vocabulary.counter(word)
        if len(args) != len(declared.types):
            raise ValueError(f"{word!r} has {len(declared.types)} arguments, not {len(args)}")
        fluent, value = split_atom(self.vocabulary, GroundAtom(word, args))
        values[fluent] = value if is_predicate else number


class SceneGraphObservation(gymnasium.ObservationWrapper[dict[str, Any], Any, Any], RecordConstructorArgs):
    """Gives the scene graph in place of the environment's own observation.

    ## Observation Space

    A `Dict` of

    - `graph`: a `Graph`. Node 0 is the world, or the agent; one node for each object of which something is said, in
      the order of `names`, follows; last come facts of three and more arguments, each a node with an edge
      `argument-i` to its i-th argument. A node is a row of int32, one for each of `encoding.columns`: `type`,
      `constant`, `fact` (which predicate or counter) and `number` of a fact, `placed` and `x`, `y` (relative to
      the agent, turned as the world is), then one for each feature: a predicate of one object, a predicate that
      gives an object a constant (`color`), a counter. 0 always means "none". An edge is the index of its label in
      `encoding.labels`: the predicate that holds between its two nodes, or between the world and its one argument.
    - `names`: the objects' names. They last in worlds without a lattice; elsewhere they mean nothing beyond the step.
    - `mission`: the environment's own instruction, if it has one.

    All orders are those of the vocabulary's declarations. `decode` shows that nothing is lost.

    ## Info

    `info["scene_graph"]` is the `SceneGraph` itself, readable and with `to_networkx`.

    ## Vectorisation

    The graphs of a vector environment are a tuple, since they differ in size; `AsyncVectorEnv` needs
    `shared_memory=False`.

    ## Arguments

    - `env`: an environment of a kind in `WORLDS`, with its own observations.

    Raises:
        UnknownWorld: no perceiver reads the environment's observations.

    Example:
        >>> from worldwright.envs.registry import make_env
        >>> env = SceneGraphObservation(make_env("MiniGrid-Empty-5x5-v0"))
        >>> observation, info = env.reset(seed=0)
        >>> observation["graph"].nodes.shape[1] == len(env.encoding.columns)
        True
        >>> env.decode(observation).state == info["scene_graph"].state
        True
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gymnasium.ObservationWrapper.__init__(self, env)
        self.perceiver = perceiver_for(env)
        self.encoding = SceneGraphEncoding(self.perceiver.vocabulary)
        parts = dict(self.encoding.space().spaces)
        own = env.observation_space.spaces if isinstance(env.observation_space, spaces.Dict) else {}
        self._has_mission = "mission" in own
        if self._has_mission:  # MiniGrid's own space of missions is known to few other programs
            text = spaces.Text(MAX_MISSION, min_length=0, charset=TEXT)
            parts["mission"] = own["mission"] if isinstance(own["mission"], spaces.Text) else text
        self.observation_space = spaces.Dict(parts)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        graph = self.perceiver.perceive(observation)
        return self._encode(graph, observation), {**info, "scene_graph": graph}

    def step(self, action: Any) -> tuple[dict[str, Any], Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        graph = self.perceiver.perceive(observation)
        encoded = self._encode(graph, observation)
        return encoded, reward, terminated, truncated, {**info, "scene_graph": graph}

    def observation(self, observation: Any) -> dict[str, Any]:
        """The environment's observation as a graph; raises `UnreadableObservation`."""
        return self._encode(self.perceiver.perceive(observation), observation)

    def decode(self, observation: Mapping[str, Any]) -> SceneGraph:
        """The facts and positions that an observation of this wrapper says; raises `UnreadableObservation`."""
        return self.encoding.decode(observation)

    def _encode(self, graph: SceneGraph, observation: Any) -> dict[str, Any]:
        encoded = self.encoding.encode(graph)
        if self._has_mission:
            encoded["mission"] = str(observation["mission"])
        return encoded


def _features(vocabulary: Vocabulary) -> Iterator[tuple[str, Sequence[Value]]]:
    """What can be a number of a node: the facts about one object, or none, whose values are known beforehand.

    Predicates of which the vocabulary itself states facts (what is clockwise of east) relate constants: no graph says
    them anew.
    """
    stated = {fact[0] for fact in vocabulary.facts}
    for predicate in vocabulary.predicates:
        if predicate.name in stated:
            continue
        if not predicate.functional and len(predicate.types) <= 1:
            yield predicate.name, (True,)
        elif predicate.functional and len(predicate.types) <= 2:
            of_type = [
                constant.name
                for constant in vocabulary.constants
                if vocabulary.is_a(constant.type, predicate.types[-1])
            ]
            if of_type:
                yield predicate.name, tuple(of_type)
    for counter in vocabulary.counters:
        if len(counter.types) <= 1:
            yield counter.name, range(counter.low, counter.high + 1)


def _is_named_object(predicate: Predicate) -> bool:
    """Whether the predicate names one object, as in (holding key1): an edge from the world to it."""
    return predicate.functional and len(predicate.types) == 1


def stated_facts(graph: SceneGraph) -> dict[Fluent, Value]:
    """What a graph says: its state, and what its universe says beyond the vocabulary."""
    universe = graph.state.universe
    given = {split_atom(universe.vocabulary, GroundAtom(fact[0], fact[1:]))[0] for fact in universe.vocabulary.facts}
    own = {fluent: value for fluent, value in universe.facts.items() if fluent not in given}
    return {**own, **graph.state.values}


def _state(values: dict[Fluent, Value], universe: Universe) -> State:
    """The state of these values; those that never change go to the universe."""
    vocabulary = universe.vocabulary
    static = {predicate.name for predicate in vocabulary.predicates if predicate.static}
    for fluent, value in values.items():
        if fluent[0] in static:
            atom = join_atom(fluent, value)
            universe.add_fact((atom.predicate, *atom.args))
    return State({fluent: value for fluent, value in values.items() if fluent[0] not in static}, universe)


def _edge_list(graph: GraphInstance) -> list[tuple[int, int, int]]:
    labels, links = np.asarray(graph.edges).tolist(), np.asarray(graph.edge_links).tolist()
    return [(label, start, end) for label, (start, end) in zip(labels, links, strict=True)]


def _natural(number: int) -> int:
    """An index as it is; a negative one, which Python would take from the end, raises `IndexError`."""
    if number < 0:
        raise IndexError(f"{number} stands for nothing")
    return number
