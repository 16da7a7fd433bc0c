"""What could ever come about under the laws if one could be everywhere at once.

Often a goal is out of reach for want of a thing: the key is not found yet. To find that out by looking at all states
within reach costs much. Here places are left aside, and so is what stops being so (the delete relaxation: Bonet &
Geffner 2001): what remains speaks of a few things, and is worked out at once. What is out of reach so is out of reach.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

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
        self._with: dict[tuple[str, int, str], list[_Names]] = {}  # by predicate, place of an argument, and argument
        self.news: set[str] = set()  # the predicates of which there is anything new

    def add(self, predicate: str, names: _Names) -> None:
        """Take one in, if it is new."""
        known = self._all.setdefault(predicate, {})
        if names in known:
            return
        known[names] = None
        self.news.add(predicate)
        for at, name in enumerate(names):
            self._with.setdefault((predicate, at, name), []).append(names)

    def like(self, atom: LiftedAtom, binding: Binding) -> Collection[_Names]:
        """Those that share one of an atom's arguments with it, the fewest such; they change as others are added."""
        predicate = atom.predicate
        bound = ((at, binding.get(term, term)) for at, term in enumerate(atom.args))
        alike = [self._with.get((predicate, at, name), ()) for at, name in bound if not is_variable(name)]
        return min(alike, key=len) if alike else self._all.get(predicate, {})


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
        self._constants = frozenset(vocabulary.constant_types)
        self._kept = {p.name: p.functional for p in vocabulary.predicates if vocabulary.places.isdisjoint(p.types)}
        laws = [_Law(self._atoms(rule.preconditions), self._atoms(rule.likeliest().effects)) for rule in model.rules]
        self._laws = [law for law in laws if law.effects]

    def _atoms(self, literals: Sequence[Condition] | Sequence[Effect]) -> list[LiftedAtom]:
        """What is asked or brought about in so many words, and of no place."""
        plain = (each for each in literals if isinstance(each, Literal) and each.positive)
        return [each.atom for each in plain if each.atom.predicate != EQUALS and each.atom.predicate in self._kept]

    def may_reach(self, state: State, goals: Sequence[Reach]) -> bool:
        """Whether one of the goals might hold at some time from a state on; False is certain."""
        return next(self._reachable(state, goals), None) is not None

    def all_reachable(self, state: State, goals: Sequence[Reach]) -> list[Reach]:
        """Those of the goals that might hold at some time from a state on."""
        found = set(self._reachable(state, goals)) if goals else set()
        return [goal for number, goal in enumerate(goals) if number in found]

    def _reachable(self, state: State, goals: Sequence[Reach]) -> Iterator[int]:
        """The numbers of such goals, those that take fewer steps first."""
        wanted = {number: self._atoms(goal.conditions) for number, goal in enumerate(goals)}
        atoms, budget = self._known(state, list(wanted.values())), [_MOST]
        due = self._laws
        while wanted and budget[0] > 0:
            fits = [number for number, goal in wanted.items() if _fits(goal, atoms, budget)]
            yield from fits
            for number in fits:
                del wanted[number]
            if not due:
                break
            atoms.news.clear()
            for law in due:
                _bring_about(law, atoms, budget)
            due = [law for law in self._laws if any(each.predicate in atoms.news for each in law.conditions)]
        if budget[0] <= 0:
            yield from wanted

    def _known(self, state: State, goals: Sequence[Sequence[LiftedAtom]]) -> _Atoms:
        """What is so, of those things of which the same is said only for the first: what comes to one, comes to all.

        A goal that names a thing speaks of that one.
        """
        atoms, about = _Atoms(), dict[str, list[tuple[str, _Names]]]()
        constants, named = self._constants, {name for goal in goals for atom in goal for name in atom.args}
        for predicate, names in self._said(state):
            thing, others = names[:1], names[1:]
            if thing and constants.isdisjoint(thing) and named.isdisjoint(thing) and constants.issuperset(others):
                about.setdefault(thing[0], []).append((predicate, others))
            else:
                named.update(names)
                atoms.add(predicate, names)
        alike: dict[frozenset[tuple[str, _Names]], str] = {}
        for name, said in about.items():
            first = alike.setdefault(frozenset(said), name)
            if first == name or name in named:
                for predicate, others in said:
                    atoms.add(predicate, (name, *others))
        return atoms

    def _said(self, state: State) -> Iterator[tuple[str, _Names]]:
        """Each fact that is kept, as the predicate and its arguments."""
        facts, kept = state.universe.facts, self._kept
        static = ((fluent, facts[fluent]) for name in kept for fluent in state.universe.fluents(name))
        for fluent, value in chain(static, state.values.items()):
            functional = kept.get(fluent[0])
            if functional is not None:
                yield fluent[0], (*fluent[1:], str(value)) if functional else fluent[1:]


def _bring_about(law: _Law, atoms: _Atoms, budget: list[int]) -> None:
    """Add what a law brings about wherever it applies."""
    used = {term for effect in law.effects for term in effect.args}
    for binding in list(_joined(law.conditions, atoms, {}, budget, used)):
        for effect in law.effects:
            names = tuple(binding.get(term, term) for term in effect.args)
            if any(map(is_variable, names)):
                budget[0] = 0  # it may be anything
            else:
                atoms.add(effect.predicate, names)


def _fits(conditions: Sequence[LiftedAtom], atoms: _Atoms, budget: list[int]) -> bool:
    return next(_joined(conditions, atoms, {}, budget, frozenset()), None) is not None


def _joined(
    conditions: Sequence[LiftedAtom], atoms: _Atoms, binding: Binding, budget: list[int], used: Collection[str]
) -> Iterator[Binding]:
    """The ways to fit conditions to atoms, as far as they differ in terms that are used elsewhere."""
    if not conditions:
        yield binding
        return
    first, alike = min(((each, atoms.like(each, binding)) for each in conditions), key=lambda pair: len(pair[1]))
    others = [each for each in conditions if each is not first]
    free = [term for term in first.args if _is_free(term, binding)]
    one_is_enough = not any(term in used or any(term in other.args for other in others) for term in free)
    for names in alike:
        budget[0] -= 1
        if budget[0] <= 0:
            return
        extended = _unified(first.args, names, binding)
        if extended is not None:
            yield from _joined(others, atoms, extended, budget, used)
            if one_is_enough:
                return


def _is_free(term: str, binding: Binding) -> bool:
    return is_variable(term) and term not in binding


def _unified(terms: _Names, names: _Names, binding: Binding) -> Binding | None:
    extended = dict(binding)
    for term, name in zip(terms, names, strict=True):
        if (extended.setdefault(term, name) if is_variable(term) else term) != name:
            return None
    return extended
