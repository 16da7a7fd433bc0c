"""Goals: formulas to be made true, some in an order. Text form: S-expressions in PDDL's words.

(some (?x - thing) (and (kind ?x ball) (holding ?x)))   reach a state in which such a thing exists
(any G1 G2)    reach one
(all G1 G2)    reach each, in any order
(then G1 G2)   reach them in order
(upon G1 G2)   reach the second directly from where the first is true: what is carried is put somewhere
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from worldwright.world_model.errors import SyntaxProblem
from worldwright.world_model.language import EQUALS, Condition, Literal, heads, is_variable, show_all, show_parameters
from worldwright.world_model.matching import Query
from worldwright.world_model.sexpr import SExpr, parse_one
from worldwright.world_model.state import Fluent, GroundAtom, Readable, State, Value, split_atom
from worldwright.world_model.syntax import (
    check_conditions,
    check_parameters,
    condition_of,
    conjuncts,
    parameters_of,
)
from worldwright.world_model.vocabulary import Variable, Vocabulary

MAX_PARTS = 32


@dataclass(frozen=True)
class Reach:
    """Make a conjunction true for some objects."""

    parameters: tuple[Variable, ...]
    conditions: tuple[Condition, ...]

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Reach], tuple[object, ...]]:
        return Reach, (self.parameters, self.conditions)  # what is kept of it holds in this process alone

    @cached_property
    def _hash(self) -> int:
        return hash((self.parameters, self.conditions))

    @cached_property
    def predicates(self) -> frozenset[str]:
        """The predicates and counters that it speaks of, those inside an `exists` too."""
        return frozenset(name for condition in self.conditions for name in heads(condition))

    @cached_property
    def lone(self) -> dict[str, list[Literal]]:
        """For each parameter the literals that speak of it and of constants alone."""
        found: dict[str, list[Literal]] = {variable.name: [] for variable in self.parameters}
        for part in self.conditions:
            names = set(filter(is_variable, part.atom.args)) if isinstance(part, Literal) else set()
            if len(names) == 1 and isinstance(part, Literal):
                found.setdefault(names.pop(), []).append(part)
        return found

    def query(self, vocabulary: Vocabulary) -> Query:
        """The formula, ready to be asked of states."""
        kept: tuple[Vocabulary, Query] | None = self.__dict__.get("_query")
        if kept is None or kept[0] is not vocabulary:
            kept = self.__dict__["_query"] = vocabulary, Query(vocabulary, self.parameters, self.conditions)
        return kept[1]

    def __str__(self) -> str:
        return f"(some ({show_parameters(self.parameters)}) {show_all(self.conditions)})"


@dataclass(frozen=True)
class AnyOf:
    """Reach one of the parts."""

    parts: tuple[Goal, ...]

    def __str__(self) -> str:
        return f"(any {' '.join(map(str, self.parts))})"


@dataclass(frozen=True)
class AllOf:
    """Reach every part at some time, in any order."""

    parts: tuple[Goal, ...]

    def __str__(self) -> str:
        return f"(all {' '.join(map(str, self.parts))})"


@dataclass(frozen=True)
class Then:
    """Reach the parts one after the other."""

    parts: tuple[Goal, ...]

    def __str__(self) -> str:
        return f"(then {' '.join(map(str, self.parts))})"


@dataclass(frozen=True)
class Upon:
    """Reach the second part in the step after a state in which the first is true, the whole of it at once.

    Attributes:
        parts: the two.
        begun: whether the first is true now; it lapses.
    """

    parts: tuple[Goal, Goal]
    begun: bool = False

    def __str__(self) -> str:
        return f"(upon {' '.join(map(str, self.parts))}{f' {_BEGUN}' * self.begun})"


Goal = Reach | AnyOf | AllOf | Then | Upon

_COMPOUND: dict[str, type[AnyOf] | type[AllOf] | type[Then]] = {"any": AnyOf, "all": AllOf, "then": Then}
_BEGUN = "begun"


def parse_goal(vocabulary: Vocabulary, text: str) -> Goal:
    """The goal that a text shows; raises `SyntaxProblem` or `VocabularyProblem`."""
    goal = goal_of(parse_one(text))
    check_goal(vocabulary, goal)
    return goal


def goal_of(expression: SExpr) -> Goal:
    """The goal that an expression is, not yet checked against a vocabulary."""
    if isinstance(expression, str) or len(expression) < 2 or not isinstance(expression[0], str):
        raise SyntaxProblem("expected (some ...), (any ...), (all ...), (then ...) or (upon ...)")
    head = expression[0]
    if head == "some" and len(expression) == 3:
        conditions = tuple(condition_of(part) for part in conjuncts(expression[2]))
        return Reach(parameters_of(expression[1]), conditions)
    if head in _COMPOUND and len(expression) <= MAX_PARTS:
        return _COMPOUND[head](tuple(goal_of(part) for part in expression[1:]))
    if head == "upon" and expression[3:] in ([], [_BEGUN]) and len(expression) > 2:
        return Upon((goal_of(expression[1]), goal_of(expression[2])), begun=len(expression) > 3)
    raise SyntaxProblem(f"({head} ...) is no goal")


def check_goal(vocabulary: Vocabulary, goal: Goal) -> None:
    """Raise `VocabularyProblem` or `SyntaxProblem` if the goal says what the vocabulary cannot."""
    if isinstance(goal, Reach):
        check_conditions(vocabulary, goal.conditions, check_parameters(vocabulary, goal.parameters))
    else:
        for part in goal.parts:
            check_goal(vocabulary, part)


def next_reaches(goal: Goal) -> list[Reach]:
    """The formulas of which reaching any one is progress."""
    if isinstance(goal, Reach):
        return [goal]
    parts = goal.parts[:1] if isinstance(goal, Then) else goal.parts
    if isinstance(goal, Upon):
        parts = goal.parts[1:] if goal.begun else goal.parts[:1]
    return [reach for part in parts for reach in next_reaches(part)]


def constants_of(goal: Goal) -> frozenset[str]:
    """The names that a goal speaks of, variables apart."""
    if not isinstance(goal, Reach):
        return frozenset[str]().union(*(constants_of(part) for part in goal.parts))
    atoms = [condition.atom for condition in goal.conditions if isinstance(condition, Literal)]
    return frozenset(term for atom in atoms for term in atom.args if not is_variable(term))


def predicates_of(goal: Goal) -> frozenset[str]:
    """The predicates that a goal speaks of, those inside an `exists` apart."""
    conditions = (condition for reach in all_reaches(goal) for condition in reach.conditions)
    return frozenset(condition.atom.predicate for condition in conditions if isinstance(condition, Literal))


def last_reaches(goal: Goal) -> list[Reach]:
    """The formulas with one of which the goal is completed."""
    if isinstance(goal, Reach):
        return [goal]
    parts = goal.parts[-1:] if isinstance(goal, Then | Upon) else goal.parts
    return [reach for part in parts for reach in last_reaches(part)]


def last_parts(goal: Goal) -> list[Reach | Upon]:
    """The parts with one of which the goal is completed, those that are reached upon something else as a whole."""
    if isinstance(goal, Reach | Upon):
        return [goal]
    parts = goal.parts[-1:] if isinstance(goal, Then) else goal.parts
    return [last for part in parts for last in last_parts(part)]


def later_reaches(goal: Goal) -> list[Reach]:
    """The formulas whose turn comes only after others."""
    if isinstance(goal, Reach):
        return []
    in_order = isinstance(goal, Then) or (isinstance(goal, Upon) and not goal.begun)
    parts = goal.parts[1:] if in_order else ()
    found = [reach for part in parts for reach in all_reaches(part)]
    return found + [reach for part in goal.parts[: len(goal.parts) - len(parts)] for reach in later_reaches(part)]


def all_reaches(goal: Goal) -> list[Reach]:
    """The formulas that a goal is made of."""
    return [goal] if isinstance(goal, Reach) else [reach for part in goal.parts for reach in all_reaches(part)]


def rest_of(goal: Goal, holds: Callable[[Reach], bool]) -> Goal | None:
    """What remains of a goal after a state of which `holds` tells the formulas that are true; None if nothing does."""
    if isinstance(goal, Reach):
        return None if holds(goal) else goal
    if isinstance(goal, Then):
        parts: list[Goal | None] = list(goal.parts)
        while parts and parts[0] is not None:  # one state may complete several parts in turn
            parts[0] = rest_of(parts[0], holds)
            if parts[0] is None:
                del parts[0]
            else:
                break
        return _compound(Then, parts)
    if isinstance(goal, Upon):
        before, after = (rest_of(part, holds) for part in goal.parts)
        return None if goal.begun and after is None else Upon(goal.parts, begun=before is None)
    rests = [rest_of(part, holds) for part in goal.parts]
    if isinstance(goal, AnyOf):
        return None if None in rests else AnyOf(tuple(rest for rest in rests if rest is not None))
    return _compound(AllOf, rests)


def in_turn(goal: Goal) -> list[Goal]:
    """The goal, what remains of it once what is next is reached, and so on, as long as it is certain what that is."""
    turns: list[Goal] = []
    left: Goal | None = goal
    while left is not None and left not in turns:
        turns.append(left)
        reaches = next_reaches(left)
        left = rest_of(left, set(reaches).__contains__) if len(reaches) == 1 else None
    return turns


class Wanted:
    """Formulas of which any one will do, ready to be asked of states. Many that only name a place are asked at once.

    Attributes:
        places: those that ask no more than that a fluent has a value: by fluent and value.
        others: the others, compiled.
    """

    def __init__(self, vocabulary: Vocabulary, reaches: Iterable[Reach]) -> None:
        self.places: dict[Fluent, dict[Value, Reach]] = {}
        self.others: list[tuple[Reach, Query]] = []
        for reach in reaches:
            place = _place(vocabulary, reach)
            if place is not None:
                self.places.setdefault(place[0], {}).setdefault(place[1], reach)
            else:
                self.others.append((reach, reach.query(vocabulary)))

    def met(self, state: Readable) -> Reach | None:
        """A formula that holds in a state, if one does."""
        for fluent, wanted in self.places.items():
            value = state.value(fluent)
            if value is not None and value in wanted:
                return wanted[value]
        return next((reach for reach, query in self.others if query.holds(state)), None)


def _place(vocabulary: Vocabulary, reach: Reach) -> tuple[Fluent, Value] | None:
    """The fluent and the value that it is to have, if a formula asks for no more."""
    literal = reach.conditions[0] if len(reach.conditions) == 1 and not reach.parameters else None
    if not isinstance(literal, Literal) or not literal.positive or literal.atom.predicate == EQUALS:
        return None
    return split_atom(vocabulary, GroundAtom(literal.atom.predicate, literal.atom.args))


class GoalTracker:
    """Follows how far a goal has come over the states of an episode.

    Attributes:
        goal: the whole goal.
        remaining: what remains to be reached; None: nothing.
        found: the formulas that were true already when their turn came, and were not made true since.
    """

    def __init__(self, vocabulary: Vocabulary, goal: Goal) -> None:
        self._vocabulary = vocabulary
        self.goal = goal
        self.remaining: Goal | None = goal
        self.found: list[Reach] = []
        self._known: dict[Reach, bool] = {}  # whether a formula held in the last state
        self._last: tuple[State, tuple[int, int]] | None = None  # that one, and how many facts and objects there were
        self._settled = False  # whether the last state changed nothing of what remains
        self._turn: set[Reach] = set()  # those whose turn came
        self._lost: set[Reach] = set()  # those found that are true no more

    def update(self, state: State) -> Goal | None:
        """What remains to be reached after `state` was; None if nothing does."""
        if not self._forget(state) and self._settled:
            return self.remaining
        self._follow(state)
        before = self.remaining
        if before is not None:
            self.remaining = rest_of(before, lambda reach: self._holds(reach, state))
            if self.remaining != before or not self._turn:
                self._take_turns(before, state)
        self._settled = self.remaining == before
        return self.remaining

    def _take_turns(self, before: Goal, state: State) -> None:
        """Note what was found true before its turn, and whose turn it is now that not all remains that did before."""
        left = all_reaches(self.remaining) if self.remaining is not None else []
        early = [reach for reach in all_reaches(before) if reach not in left and reach not in self._turn]
        self.found += [each for each in dict.fromkeys(early) if self._holds(each, state)]
        self._turn.update(next_reaches(self.remaining) if self.remaining is not None else ())

    def _forget(self, state: State) -> bool:
        """Forget of which formulas the last state says nothing any more; whether there are any."""
        known = len(state.universe.facts), len(state.universe.types)
        touched = state.touched(self._last[0]) if self._last is not None and self._last[1] == known else None
        self._last = state, known
        if touched is None:
            self._known.clear()
            return True
        names = {fluent[0] for fluent in touched}
        lost = [reach for reach in self._known if not names.isdisjoint(reach.predicates)]
        for reach in lost:
            del self._known[reach]
        return bool(lost)

    def _holds(self, reach: Reach, state: State) -> bool:
        if reach not in self._known:
            self._known[reach] = self.query(reach).holds(state)
        return self._known[reach]

    def _follow(self, state: State) -> None:
        """Whether what was found true is made true anew."""
        for reach in tuple(self.found):
            if not self._holds(reach, state):
                self._lost.add(reach)
            elif reach in self._lost:
                self._lost.remove(reach)
                self.found.remove(reach)

    def query(self, reach: Reach) -> Query:
        """The compiled formula."""
        return reach.query(self._vocabulary)


def _compound(make: type[AllOf] | type[Then], parts: list[Goal | None]) -> Goal | None:
    left = tuple(part for part in parts if part is not None)
    return None if not left else left[0] if len(left) == 1 else make(left)
