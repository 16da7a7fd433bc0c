"""What could ever come about under the laws if one could be everywhere at once.

Often a goal is out of reach for want of a thing: the key is not found yet. To find that out by looking at all states
within reach costs much. Here places are left aside, and so is what stops being so (the delete relaxation: Bonet &
Geffner 2001): what remains speaks of a few things, and is worked out at once. What is out of reach so is out of reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from worldwright.world_model.goal import Reach
from worldwright.world_model.language import EQUALS, Condition, Effect, LiftedAtom, Literal, is_variable
from worldwright.world_model.matching import Binding
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import State

_MOST = 50_000  # attempts to fit an atom, after which anything is taken to be possible

_Names = tuple[str, ...]


class _Atoms:
    """What may be so: arguments by predicate, in the order in which they were found."""

    def __init__(self) -> None:
        self._all: dict[str, dict[_Names, None]] = {}
        self._first: dict[tuple[str, str], list[_Names]] = {}  # by predicate and first argument

    def add(self, predicate: str, names: _Names) -> bool:
        """Whether it is new."""
        known = self._all.setdefault(predicate, {})
        if names in known:
            return False
        known[names] = None
        if names:
            self._first.setdefault((predicate, names[0]), []).append(names)
        return True

    def like(self, atom: LiftedAtom, binding: Binding) -> list[_Names]:
        """Those that an atom may fit."""
        first = binding.get(atom.args[0], atom.args[0]) if atom.args else "?"
        if is_variable(first):
            return list(self._all.get(atom.predicate, ()))
        return list(self._first.get((atom.predicate, first), ()))


@dataclass(frozen=True)
class _Law:
    conditions: Sequence[LiftedAtom]
    effects: Sequence[LiftedAtom]


class Prospects:
    """Says whether a goal might be reached.

    Args:
        model: the laws; of each rule the likeliest outcome counts.
    """

    def __init__(self, model: WorldModel) -> None:
        vocabulary = model.vocabulary
        places = {p.types[0] for p in vocabulary.predicates if p.default is not None and len(p.types) > 1}
        is_place = {each.name: any(vocabulary.is_a(each.name, place) for place in places) for each in vocabulary.types}
        self._kept = {p.name: p.functional for p in vocabulary.predicates if not any(map(is_place.get, p.types))}
        laws = [_Law(self._atoms(rule.preconditions), self._atoms(rule.likeliest().effects)) for rule in model.rules]
        self._laws = [law for law in laws if law.effects]

    def _atoms(self, literals: Sequence[Condition] | Sequence[Effect]) -> list[LiftedAtom]:
        """What is asked or brought about in so many words, and of no place."""
        plain = (each for each in literals if isinstance(each, Literal) and each.positive)
        return [each.atom for each in plain if each.atom.predicate != EQUALS and each.atom.predicate in self._kept]

    def may_reach(self, state: State, goals: Sequence[Reach]) -> bool:
        """Whether one of the goals might hold at some time from a state on; False is certain."""
        atoms, budget = self._known(state), [_MOST]
        wanted = [self._atoms(goal.conditions) for goal in goals]
        news = True
        while news and budget[0] > 0:
            if any(_fits(goal, atoms, budget) for goal in wanted):
                return True
            news = sum(_brought_about(law, atoms, budget) for law in self._laws) > 0
        return budget[0] <= 0

    def _known(self, state: State) -> _Atoms:
        atoms = _Atoms()
        for name, functional in self._kept.items():
            for fluent in (*state.universe.fluents(name), *state.fluents(name)):
                atoms.add(name, (*fluent[1:], str(state.value(fluent))) if functional else fluent[1:])
        return atoms


def _brought_about(law: _Law, atoms: _Atoms, budget: list[int]) -> bool:
    """Add what a law brings about wherever it applies; returned is whether there is anything new."""
    news = False
    for binding in list(_joined(law.conditions, atoms, {}, budget)):
        for effect in law.effects:
            names = tuple(binding.get(term, term) for term in effect.args)
            if any(map(is_variable, names)):
                budget[0] = 0  # it may be anything
            else:
                news |= atoms.add(effect.predicate, names)
    return news


def _fits(conditions: Sequence[LiftedAtom], atoms: _Atoms, budget: list[int]) -> bool:
    return next(_joined(conditions, atoms, {}, budget), None) is not None


def _joined(conditions: Sequence[LiftedAtom], atoms: _Atoms, binding: Binding, budget: list[int]) -> Iterator[Binding]:
    """The ways to fit conditions to atoms."""
    if not conditions:
        yield binding
        return
    at = next((at for at, each in enumerate(conditions) if each.args and not _is_free(each.args[0], binding)), 0)
    first, others = conditions[at], [*conditions[:at], *conditions[at + 1 :]]
    for names in atoms.like(first, binding):
        budget[0] -= 1
        if budget[0] <= 0:
            return
        extended = _unified(first.args, names, binding)
        if extended is not None:
            yield from _joined(others, atoms, extended, budget)


def _is_free(term: str, binding: Binding) -> bool:
    return is_variable(term) and term not in binding


def _unified(terms: _Names, names: _Names, binding: Binding) -> Binding | None:
    extended = dict(binding)
    for term, name in zip(terms, names, strict=True):
        if (extended.setdefault(term, name) if is_variable(term) else term) != name:
            return None
    return extended
