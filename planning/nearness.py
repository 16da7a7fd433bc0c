"""How many steps it takes at least to come near what a goal speaks of: the estimate that guides a lookahead.

Who reaches a goal that speaks of a thing comes near the thing, or has carried it off. The estimate counts the places
between, as if nothing were in the way but what no law moves, opens or enters (A*: Hart, Nilsson & Raphael 1968).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from worldwright.planning.facts import Facts
from worldwright.planning.relevance import candidates, lone_conditions
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import EQUALS, ActionRule, LiftedAtom, Literal, is_variable
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import Change, Fluent, State, Value
from worldwright.world_model.vocabulary import Predicate, Variable

_MOST_GOALS = 4  # goals, and
_MOST_THINGS = 40  # things that may serve one of them, with which an estimate is worth its trouble
_FAR = 1 << 20  # steps to where no way leads

Known = Mapping[Fluent, Value | None]
_Asked = tuple[str, tuple[str, ...], Value]  # of a thing: a predicate, its further arguments, and its value


class Distances:
    """From some places to others, worked out as far as they are asked for.

    Args:
        sources: at distance 0.
        beside: the fluents, but for the place, that say what lies beside a place.
        content: the predicate that says what is in a place.
        known: the values of fluents.
        gives_way: whether what is in a place may sometime let the agent in.
    """

    def __init__(
        self,
        sources: Iterable[str],
        beside: Sequence[Fluent],
        content: str,
        known: Known,
        gives_way: Callable[[Value | None], bool],
    ) -> None:
        self._found: dict[Value | None, int] = dict.fromkeys(sources, 0)
        self._edge: list[Value | None] = list(self._found)
        self._far = 0
        self._beside, self._content = beside, content
        self._known, self._gives_way = known, gives_way

    def __call__(self, place: Value | None) -> int:
        """How far a place is."""
        while place not in self._found and self._edge:
            self._go_on()
        return self._found.get(place, _FAR)

    def _go_on(self) -> None:
        found, known = self._found, self._known
        edge: list[Value | None] = []
        self._far += 1
        for here in self._edge:
            for word, way in self._beside:
                there = known.get((word, way, str(here)))
                if there is not None and there not in found:
                    found[there] = self._far
                    if self._gives_way(known.get((self._content, str(there)))):
                        edge.append(there)
        self._edge = edge


@dataclass(frozen=True)
class _Sought:
    """Things of which one is needed, each in its place.

    Attributes:
        at: the fluents that say where they are.
        distance: from the nearest of them.
    """

    at: frozenset[Fluent]
    distance: Distances


@dataclass(frozen=True)
class Nearness:
    """Says for the states of one search at least how many steps a plan takes from there.

    Attributes:
        here: the fluent that says where the agent is.
        start: where it is in the first state.
        goals: what each goal seeks.
        near: how near one comes, in places.
        stride: how far a step leads.
        binding: whether the goals hold nowhere but so near to what they seek, if that is where it was.
    """

    here: Fluent
    start: Value | None
    goals: Sequence[Sequence[_Sought]]
    near: int
    stride: int
    binding: bool

    def steps(self, changed: Change) -> int:
        """At least so many, for a state by what is otherwise there than in the first one."""
        place = changed.get(self.here, self.start)
        least = _FAR
        for goal in self.goals:
            most = 0
            for sought in goal:
                if sought.at.isdisjoint(changed):
                    most = max(most, sought.distance(place))
            least = min(least, most)
        return max(0, -(-(least - self.near) // self.stride))


class Terrain:
    """What the laws say of the ways between places.

    Args:
        model: the laws.
    """

    def __init__(self, model: WorldModel) -> None:
        vocabulary = model.vocabulary
        content = _only([p for p in vocabulary.predicates if p.name in vocabulary.placing and len(p.types) == 2])
        self._content = content.name if content is not None else ""
        self._places, self._constants = vocabulary.places, vocabulary.constant_types
        self._functional = {p.name: p.functional for p in vocabulary.predicates}
        functional = [p for p in vocabulary.predicates if p.functional and p.types[-1] in self._places]
        self._here = _only([p for p in functional if len(p.types) == 1])
        self._beside = _only([p for p in functional if p.static and len(p.types) == 3 and p.types[1] in self._places])
        self._giving = {way for rule in model.rules for way in self._giving_way(rule, model.changing)}
        moving = [rule for rule in model.rules if self._here and self._here.name in _changed(rule)]
        self._stride = max([1, *(self._across(rule.parameters) for rule in moving)])
        self._reach = max([1, *(self._across(rule.parameters) for rule in model.rules)])

    def _across(self, variables: Iterable[Variable]) -> int:
        """How far apart the places that variables stand for can be, if each lies beside another."""
        return sum(variable.type in self._places for variable in variables) - 1

    def _giving_way(self, rule: ActionRule, changing: frozenset[str]) -> Iterator[frozenset[_Asked]]:
        """What must be so for good of a thing for a rule to change it, to take it away or to enter its place."""
        effects = [effect.atom for effect in rule.likeliest().effects if isinstance(effect, Literal)]
        touched = {name for atom in effects for name in atom.args}
        told = [each.atom for each in rule.preconditions if isinstance(each, Literal) and each.positive]
        for content in told:
            if content.predicate != self._content or touched.isdisjoint(content.args):
                continue
            thing = content.args[-1]
            if is_variable(thing):
                own = [atom for atom in told if atom.args[:1] == (thing,) and atom.predicate != EQUALS]
                lone = [atom for atom in own if not any(map(is_variable, atom.args[1:]))]
                yield frozenset(self._asked(atom) for atom in lone if atom.predicate not in changing)

    def _asked(self, atom: LiftedAtom) -> _Asked:
        """What an atom asks to be so of its first argument."""
        functional = self._functional[atom.predicate]
        others = atom.args[1:-1] if functional else atom.args[1:]
        return atom.predicate, others, atom.args[-1] if functional else True

    def nearness(self, goals: Sequence[Reach], state: State, facts: Facts, known: Known) -> Nearness | None:
        """The estimate for a search; None if there is nothing to go by.

        Args:
            goals: of which any one will do.
            state: the first state.
            facts: what it says.
            known: its values, those of its universe included.
        """
        if self._here is None or self._beside is None or len(goals) > _MOST_GOALS:
            return None
        found = []
        for goal in goals:
            sought = list(self._sought(goal, state, facts, known))
            if not sought:
                return None
            found.append(sought)
        here = (self._here.name,)
        near = max(self._nearness_to(goal) for goal in goals)
        binding = all(self._is_tied(goal) for goal in goals)
        return Nearness(here, known.get(here), found, near, self._stride, binding)

    def _nearness_to(self, goal: Reach) -> int:
        """How near the agent comes to what a goal seeks: as near as the goal says, or as what acts on another thing."""
        across = max(0, self._across(goal.parameters))
        return max(across, self._reach) if self._is_tied(goal) else across + self._reach

    def _sought(self, goal: Reach, state: State, facts: Facts, known: Known) -> Iterator[_Sought]:
        """What a goal names, and for each variable what alone fits it, if it is known where all of that is."""
        named = [[name] for name in self._named(goal)]
        bound = [variable for variable in goal.parameters if lone_conditions(goal, variable.name, facts)]
        for things in chain(named, (candidates(goal, variable, facts) for variable in bound)):
            at = [state.owner(self._content, thing) for thing in things[: _MOST_THINGS + 1]]
            where = frozenset(fluent for fluent in at if fluent is not None and len(fluent) == 2)
            if 0 < len(where) == len(things) <= _MOST_THINGS:
                yield _Sought(where, self._distances((fluent[1] for fluent in sorted(where)), state, known))

    def _distances(self, sources: Iterable[str], state: State, known: Known) -> Distances:
        assert self._beside is not None
        gives: dict[Value | None, bool] = dict.fromkeys([None, *self._constants], True)

        def gives_way(thing: Value | None) -> bool:
            if thing not in gives:
                gives[thing] = self._gives_way(str(thing), known)
            return gives[thing]

        beside = [(self._beside.name, way) for way in state.universe.objects(self._beside.types[0])]
        return Distances(sources, beside, self._content, known, gives_way)

    def _gives_way(self, thing: str, known: Known) -> bool:
        """Whether a place may be entered sometime, for all that is known of what is in it."""
        for way in self._giving:
            for predicate, others, value in way:
                if known.get((predicate, thing, *others)) != value:
                    break
            else:
                return True
        return False

    def _is_tied(self, goal: Reach) -> bool:
        """Whether a goal says of all that it seeks where it is to the agent, place by place."""
        assert self._here is not None and self._beside is not None
        told = _told(goal)
        links = [set(atom.args) for atom in told if atom.predicate in (self._content, self._beside.name)]
        tied = {name for atom in told if atom.predicate == self._here.name for name in atom.args}
        if not tied:
            return False
        for _ in links:
            tied.update(*(link for link in links if not tied.isdisjoint(link)))
        return tied.issuperset(self._named(goal)) and all(name in tied for name, tests in goal.lone.items() if tests)

    def _named(self, goal: Reach) -> list[str]:
        """The things and places that a goal names."""
        names = (name for atom in _told(goal) for name in atom.args)
        return [name for name in names if not is_variable(name) and name not in self._constants]


def _told(goal: Reach) -> list[LiftedAtom]:
    """What a goal asks to be so."""
    return [each.atom for each in goal.conditions if isinstance(each, Literal) and each.positive]


def _only(predicates: Sequence[Predicate]) -> Predicate | None:
    return predicates[0] if len(predicates) == 1 else None


def _changed(rule: ActionRule) -> set[str]:
    """The predicates of which a rule changes something."""
    return {effect.atom.predicate for effect in rule.likeliest().effects if isinstance(effect, Literal)}
