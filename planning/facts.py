"""What a problem's state says, predicate by predicate, and which of it the rules can change."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from worldwright.planning.joins import Names
from worldwright.planning.problem import PlanningProblem, PlanningStopped, PlanStatus
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import Fluent, State, Value
from worldwright.world_model.vocabulary import ROOT_TYPE, Predicate


class Facts:
    """The state of a problem as tables of atoms, each (predicate, *arguments).

    Raises:
        PlanningStopped: UNSUPPORTED if rules change a predicate of which the universe has unchanging facts.
    """

    def __init__(self, state: State, model: WorldModel) -> None:
        self.state = state
        self.vocabulary = state.universe.vocabulary
        self.predicates: Mapping[str, Predicate] = self.vocabulary.by_name
        self.counters = self.vocabulary.counters_by_name
        self.changing = model.changing
        self.candidates: dict[tuple[Hashable, str], list[str]] = {}  # what variables of goals may stand for
        self._atoms: dict[str, list[Names]] = {}
        self._members: dict[str, frozenset[str]] = {}
        self._fanouts: dict[tuple[str, tuple[tuple[int, str | None], ...]], float] = {}
        for name in sorted(self.changing):
            if state.universe.fluents(name):
                raise PlanningStopped(PlanStatus.UNSUPPORTED, f"{name!r} changes, but the universe has facts of it")

    def value(self, fluent: Fluent) -> Value | None:
        """The fluent's value in the state; a counter without one is at 0."""
        found = self.state.value(fluent)
        return 0 if found is None and fluent[0] in self.counters else found

    def atoms(self, name: str) -> list[Names]:
        """The true atoms of a predicate, in a fixed order."""
        found = self._atoms.get(name)
        if found is None:
            functional = self.predicates[name].functional
            fluents = dict.fromkeys([*self.state.universe.fluents(name), *self.state.fluents(name)])
            if functional:
                found = [(*fluent, str(self.state.value(fluent))) for fluent in fluents]
            else:
                found = list(fluents)
            self._atoms[name] = found
        return found

    def members(self, type_: str) -> frozenset[str] | None:
        """The objects of a type; None if it is the root type, to which any name belongs."""
        if type_ == ROOT_TYPE:
            return None
        found = self._members.get(type_)
        if found is None:
            found = self._members[type_] = frozenset(self.state.universe.objects(type_))
        return found

    def fanout(self, name: str, known: Sequence[tuple[int, str | None]]) -> float:
        """About how many atoms of a predicate agree with what is known of them.

        `known` holds places (1 is the first argument), each with the constant that stands there or None for an
        unknown one of the right kind. For a predicate that changes it is a guess: a fluent without arguments
        (where the agent is) may take any value of its type, others stay about as they are in the state.
        """
        key = (name, tuple(known))
        if key not in self._fanouts:
            self._fanouts[key] = self._estimate(name, key[1])
        return self._fanouts[key]

    def _estimate(self, name: str, known: tuple[tuple[int, str | None], ...]) -> float:
        predicate = self.predicates[name]
        changing = name in self.changing
        if changing and len(predicate.types) == 1 and predicate.functional:
            return max(1, len(self.state.universe.objects(predicate.types[0])))
        constants = [(place, constant) for place, constant in known if constant is not None]
        fitting = [atom for atom in self.atoms(name) if all(atom[place] == constant for place, constant in constants)]
        variables = [place for place, constant in known if constant is None]
        groups = len({tuple(atom[place] for place in variables) for atom in fitting})
        return len(fitting) / max(1, groups) + (1.5 if changing else 0.0)


def facts_of(problem: PlanningProblem) -> Facts:
    """The tables of a problem's state; raises as `Facts` does."""
    return problem.facts or Facts(problem.state, problem.model)
