"""What the agent holds true of the world, when each object was last seen, and what it does not know.

A fluent without a value is *unknown* here, not false. `state()` is what is known, `optimistic()` what is hoped.
"""

from __future__ import annotations

from collections.abc import Mapping

from worldwright.world_model.state import Fluent, State, Trace, Universe, Value
from worldwright.world_model.vocabulary import Vocabulary


class Belief:
    """Known values of fluents over the objects discovered in one episode.

    Args:
        vocabulary: the world's.
        universe: the objects known so far; none unless given.
        traced: whether its states know how they differ from the last one; the order of what differs is then that in
            which it came to be known.

    Attributes:
        turns: how often something else came to be known of the world, the agent's own state apart.
    """

    def __init__(self, vocabulary: Vocabulary, universe: Universe | None = None, traced: bool = False) -> None:
        self.vocabulary = vocabulary
        self.universe = universe if universe is not None else Universe(vocabulary)
        self.values: dict[Fluent, Value] = {}
        self._sights: list[tuple[int, frozenset[str]]] = []
        self.turns = 0
        self._source = object() if traced else None
        self._state: State | None = None  # as long as it is up to date
        self._touched: dict[Fluent, None] = {}  # since the state before
        self._number = 0  # of the last state
        self._defaults = {p.name: p for p in vocabulary.predicates if p.default is not None and len(p.types) == 2}
        self._hoped: dict[Fluent, Value] = {}  # what is unknown, with what is hoped; brought up to date when asked for
        self._listed = dict.fromkeys(self._defaults, 0)  # how many objects were looked at for that

    def see(self, names: frozenset[str], step: int) -> None:
        """Note that objects were in view at a step."""
        self._sights.append((step, names))

    @property
    def last_seen(self) -> dict[str, int]:
        """The step at which each object was last in view; worked out when asked for, as it seldom is."""
        return {name: step for step, names in self._sights for name in names}

    @staticmethod
    def of(state: State) -> Belief:
        """The belief that knows what a state says."""
        belief = Belief(state.universe.vocabulary, state.universe)
        belief.update(state.values)
        return belief

    def state(self) -> State:
        """What is known, as a state of its own (later updates do not change it)."""
        if self._state is None:
            self._number += 1
            trace = Trace(self._source, self._number, tuple(self._touched)) if self._source else None
            self._state = State(dict(self.values), self.universe, trace)
            self._touched = {}
        return self._state

    def unknown(self) -> list[Fluent]:
        """Fluents that have a value in the world but none here, of the predicates for which a default is hoped."""
        return list(self._hope())

    def _hope(self) -> dict[Fluent, Value]:
        """What is unknown, with the default that is hoped; only what became known since the last time is looked at."""
        for name, predicate in self._defaults.items():
            objects = self.universe.objects(predicate.types[0])
            for fluent in [(name, each) for each in objects[self._listed[name] :]]:
                if fluent not in self.values:
                    self._hoped[fluent] = str(predicate.default)
            self._listed[name] = len(objects)
        return self._hoped

    def is_unknown(self, name: str) -> bool:
        """Whether something that is hoped for has no value for an object."""
        return any((predicate, name) not in self.values for predicate in self._defaults)

    def optimistic(self) -> State:
        """What is known, with the vocabulary's default for what is not: unknown cells are free."""
        return State({**self.values, **self._hope()}, self.universe)

    def update(self, change: Mapping[Fluent, Value | None]) -> None:
        """Take over new values; None makes a fluent unknown."""
        values = self.values
        for fluent, value in change.items():
            if values.get(fluent) == value:
                continue
            self._state = None
            self._touched[fluent] = None
            self.turns += len(fluent) > 1
            if value is not None:
                values[fluent] = value
                self._hoped.pop(fluent, None)
            elif values.pop(fluent, None) is not None and fluent[0] in self._defaults:
                self._hoped[fluent] = str(self._defaults[fluent[0]].default)

    def forget_all_but(self, names: frozenset[str]) -> None:
        """Make unknown what is about other objects than these."""
        constants = self.vocabulary.constant_types
        self.values = {
            fluent: value
            for fluent, value in self.values.items()
            if all(name in names or name in constants for name in fluent[1:])
        }
        self.turns += 1
        self._state = None
        self._number += 1  # what is touched does not tell the difference to the state before
        self._hoped.clear()
        self._listed = dict.fromkeys(self._defaults, 0)
