"""How many steps it takes at least to come near what a goal speaks of: the estimate that guides a lookahead.

Who reaches a goal that speaks of a thing comes near the thing, or has carried it off. The estimate counts the places
between, as if nothing were in the way but what no law moves, opens or enters (A*: Hart, Nilsson & Raphael 1968); one
step more where the agent, who only moves and acts ahead, faces elsewhere than to a thing that it has to be beside of;
and one for what is then done to the thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from worldwright.planning.facts import Facts
from worldwright.planning.relevance import candidates, lone_conditions
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import EQUALS, ActionRule, Condition, Effect, LiftedAtom, Literal, is_variable
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
                if there is None or there in found:
                    continue
                if self._gives_way(known.get((self._content, str(there)))):
                    found[there] = self._far
                    edge.append(there)
                else:
                    found[there] = _FAR  # nobody comes from there
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
class _Near:
    """How near one comes to what a goal seeks.

    Attributes:
        sought: what it seeks.
        places: how near one comes, in places.
        faced: within how many places one need not face what is sought.
        acts: how many steps are still to be taken there.
    """

    sought: Sequence[_Sought]
    places: int
    faced: int
    acts: int


@dataclass(frozen=True)
class Nearness:
    """Says for the states of one search at least how many steps a plan takes from there.

    Attributes:
        known: the values in the first state.
        here: the fluent that says where the agent is.
        facing: the one that tells the way that alone leads on from there, if there is one, and
        beside: the predicate that tells where that leads.
        goals: how near one comes to what each goal seeks.
        stride: how far a step leads.
        binding: whether the goals hold nowhere but so near to what they seek, if that is where it was.
    """

    known: Known
    here: Fluent
    facing: Fluent | None
    beside: str
    goals: Sequence[_Near]
    stride: int
    binding: bool

    def steps(self, changed: Change) -> int:
        """At least so many, for a state by what is otherwise there than in the first one."""
        here, facing = self.here, self.facing
        place = changed[here] if here in changed else self.known.get(here)
        ahead = None
        if facing is not None:
            way = changed[facing] if facing in changed else self.known.get(facing)
            ahead = self.known.get((self.beside, str(way), str(place)))
        least = _FAR
        for goal in self.goals:
            most = 0
            for sought in goal.sought:
                if sought.at.isdisjoint(changed):
                    far = sought.distance(place)
                    left = -((goal.places - far) // self.stride) if far > goal.places else 0
                    turns = far > goal.faced and sought.distance(ahead) >= far
                    most = max(most, left + turns + goal.acts)
            least = min(least, most)
        return least


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
        acts = {rule.action for rule in moving}
        self._moved = {name for rule in model.rules if rule.action in acts for name in _changed(rule)}
        self._stride = max([1, *(self._across(rule.parameters) for rule in moving)])
        self._reach = max([1, *(self._across(rule.parameters) for rule in model.rules)])
        self._facing = self._told_by(model.rules) if self._stride == 1 else None

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
            found.append(self._near(goal, sought))
        here, facing = (self._here.name,), (self._facing,) if self._facing is not None else None
        binding = all(self._is_tied(goal) for goal in goals)
        return Nearness(known, here, facing, self._beside.name, found, self._stride, binding)

    def _near(self, goal: Reach, sought: Sequence[_Sought]) -> _Near:
        """How near the agent comes to what a goal seeks: as near as the goal says, or as what acts on another thing."""
        across = max(0, self._across(goal.parameters))
        if self._is_tied(goal):
            places, acts = max(across, self._reach), 0
            faced = 0 if self._ways(_told(goal.conditions)) == {self._facing} else places
        else:
            places, acts, faced = across + self._reach, int(self._moved.isdisjoint(goal.predicates)), 0
        if self._facing is None or places > 1:  # to count turns to what is near in a wider sense leads searches astray
            faced = _FAR
        return _Near(sought, places, faced, acts)

    def _told_by(self, rules: Iterable[ActionRule]) -> str | None:
        """What tells the way in which alone the agent moves and acts on what is beside it; None: nothing does."""
        found: set[str | None] = set()
        for rule in rules:
            told = _told(rule.preconditions)
            found |= self._ways(told)
            ends = {end for _, _, end in self._links(told)}
            if any(place not in ends for place in self._heres(_told(rule.likeliest().effects))):
                return None
        return found.pop() if len(found) == 1 else None

    def _ways(self, told: Sequence[LiftedAtom]) -> set[str | None]:
        """What of the agent tells the ways to what lies beside it, in a formula; None stands for other ways."""
        here = self._heres(told)
        own = {a.args[0]: a.predicate for a in told if len(a.args) == 1 and self._functional[a.predicate]}
        return {own.get(way) if start in here else None for way, start, _ in self._links(told)}

    def _heres(self, told: Iterable[LiftedAtom]) -> list[str]:
        """Where a formula says that the agent is."""
        return [atom.args[0] for atom in told if self._here and atom.predicate == self._here.name]

    def _links(self, told: Iterable[LiftedAtom]) -> list[tuple[str, ...]]:
        """What a formula says that lies beside what: way, place and place."""
        return [atom.args for atom in told if self._beside and atom.predicate == self._beside.name]

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
        told = _told(goal.conditions)
        links = [set(atom.args) for atom in told if atom.predicate in (self._content, self._beside.name)]
        tied = set(self._heres(told))
        if not tied:
            return False
        for _ in links:
            tied.update(*(link for link in links if not tied.isdisjoint(link)))
        return tied.issuperset(self._named(goal)) and all(name in tied for name, tests in goal.lone.items() if tests)

    def _named(self, goal: Reach) -> list[str]:
        """The things and places that a goal names."""
        names = (name for atom in _told(goal.conditions) for name in atom.args)
        return [name for name in names if not is_variable(name) and name not in self._constants]


def _told(conditions: Iterable[Condition | Effect]) -> list[LiftedAtom]:
    """What a formula asks to be so, or effects make so."""
    return [each.atom for each in conditions if isinstance(each, Literal) and each.positive]


def _only(predicates: Sequence[Predicate]) -> Predicate | None:
    return predicates[0] if len(predicates) == 1 else None


def _changed(rule: ActionRule) -> set[str]:
    """The predicates of which a rule changes something."""
    return {effect.atom.predicate for effect in rule.likeliest().effects if isinstance(effect, Literal)}
