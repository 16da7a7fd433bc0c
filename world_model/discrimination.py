"""Discrimination trees: which rules apply in a state, asking the same of it but once.

The rules of a world ask much the same: where am I, what is in front, what kind is it. Matched one after the other they
ask it again and again. A tree asks each question once, for all rules together (as the Rete network shares tests; Forgy,
Artificial Intelligence 19, 1982). It is grown while it is walked: a node is a question, and for each answer that came
there is a child with the rules that are then left.

Only rules that follow references fit in (`Query.follows`): what they ask for has one answer at the most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, Generic, TypeVar

from worldwright.world_model.language import EQUALS, ActionRule, Condition, LiftedAtom, Literal, is_variable
from worldwright.world_model.matching import Query
from worldwright.world_model.state import Fluent, Readable, Value
from worldwright.world_model.vocabulary import ROOT_TYPE, Variable, Vocabulary

Places = Mapping[str, int]  # in which slot the value of a variable is
Slots = list[Any]  # names: those that were followed so far, and the constants that rules speak of
ValueOf = Callable[[Fluent], Value | None]
Answer = Value | bool | None
Ask = Callable[[Readable, ValueOf, Slots], Answer]
Key = tuple[object, ...]
T = TypeVar("T")

_YES: frozenset[Answer] = frozenset((True,))


@dataclass(frozen=True)
class Match:
    """A rule that applies; its parameters are in slots."""

    rule: ActionRule
    places: Places


@dataclass(frozen=True)
class _Question:
    """What a rule asks next, and the answers with which it is not refuted: one of `wanted`, or any other."""

    key: Key  # the same for questions that have the same answer
    ask: Ask
    wanted: frozenset[Answer]
    but: bool = False

    def suits(self, answer: Answer) -> bool:
        """Whether the rule may still apply after the answer."""
        return (answer in self.wanted) != self.but


@dataclass(frozen=True)
class _Candidate:
    """A rule that may apply, and the questions whose answers it still waits for."""

    match: Match
    questions: tuple[_Question, ...]


@dataclass
class _Node(Generic[T]):
    """A question with a child for each answer that came, or a leaf (`ask` is None) with what was made of the rules."""

    ask: Ask | None
    known: Mapping[Key, Answer] = field(default_factory=dict)
    left: Sequence[_Candidate] = ()
    children: dict[Answer, _Node[T]] = field(default_factory=dict)
    leaf: T | None = None


class Slotting:
    """Gives every name and every value that is followed a slot of its own, the same for all rules of a tree.

    Attributes:
        given: the number of arguments that the rules' actions take; theirs are the first slots.
        blank: the slots before anything was asked.
    """

    def __init__(self, vocabulary: Vocabulary, given: int = 0) -> None:
        self.vocabulary = vocabulary
        self.given = given
        self.blank: Slots = [None] * given
        self._constants: dict[Value, int] = {}
        self._followed: dict[Key, int] = {}
        self._asked: dict[Key, set[Value]] = {}

    def constant(self, value: Value) -> int:
        """The slot of a name, or another value, that stays."""
        if value not in self._constants:
            self._constants[value] = len(self.blank)
            self.blank.append(value)
        return self._constants[value]

    def followed(self, key: Key) -> int:
        """The slot of what a question finds."""
        if key not in self._followed:
            self._followed[key] = len(self.blank)
            self.blank.append(None)
        return self._followed[key]

    def asked(self, key: Key) -> set[Value]:
        """The values that a fluent is compared with, in any rule."""
        return self._asked.setdefault(key, set())

    def term(self, term: str, places: Places) -> int:
        """The slot of a variable or a constant."""
        return places[term] if is_variable(term) else self.constant(term)

    def fluent(self, atom: LiftedAtom, places: Places, functional: bool) -> tuple[int, ...]:
        """The slots of the fluent that an atom is about."""
        terms = atom.args[:-1] if functional else atom.args
        return (self.constant(atom.predicate), *(self.term(term, places) for term in terms))


def picker(slots: tuple[int, ...]) -> Callable[[Slots], Fluent]:
    """What takes a fluent out of its slots."""
    if len(slots) > 1:
        return itemgetter(*slots)
    (slot,) = slots
    return lambda names: (names[slot],)


class Tree(Generic[T]):
    """Sorts states by the rules that apply in them.

    Args:
        slotting: where names are kept; the first slots are those of the action's arguments.
        rules: with their compiled preconditions, of each of which `follows` must hold.
        finish: what to make of the rules that apply together, in the order given; asked once for each leaf.
    """

    def __init__(
        self,
        slotting: Slotting,
        rules: Sequence[tuple[ActionRule, Query]],
        finish: Callable[[Sequence[Match]], T],
    ) -> None:
        self._slotting = slotting
        self._finish = finish
        candidates = [_candidate(slotting, *ruled) for ruled in rules]
        self._root: _Node[T] = self._node({}, candidates)

    def find(self, state: Readable, given: Sequence[str] = (), value: ValueOf | None = None) -> tuple[T, Slots]:
        """What was made of the rules that apply in a state, and the names that their parameters stand for.

        `value` is the state's, if its values can be looked up faster than by asking it.
        """
        slots = self._slotting.blank[:]
        if given:
            slots[: len(given)] = given
        if value is None:
            value = state.value
        node = self._root
        while (ask := node.ask) is not None:
            answer = ask(state, value, slots)
            child = node.children.get(answer)
            if child is None:
                child = node.children[answer] = self._grown(node, answer)
                slots += self._slotting.blank[len(slots) :]  # a new leaf may speak of names that no rule asked for
            node = child
        assert node.leaf is not None
        return node.leaf, slots

    def _grown(self, node: _Node[T], answer: Answer) -> _Node[T]:
        return self._node({**node.known, _first(node.left).key: answer}, node.left)

    def _node(self, known: Mapping[Key, Answer], candidates: Sequence[_Candidate]) -> _Node[T]:
        left = [further for each in candidates if (further := _further(each, known)) is not None]
        if any(each.questions for each in left):
            return _Node(_first(left).ask, known, left)
        return _Node(None, leaf=self._finish([each.match for each in left]))


def _first(left: Sequence[_Candidate]) -> _Question:
    return next(each.questions[0] for each in left if each.questions)


def _further(candidate: _Candidate, known: Mapping[Key, Answer]) -> _Candidate | None:
    """The candidate without the questions that are answered; None if an answer refutes it."""
    for number, question in enumerate(candidate.questions):
        if question.key not in known:
            return replace(candidate, questions=candidate.questions[number:])
        if not question.suits(known[question.key]):
            return None
    return replace(candidate, questions=())


# -- what rules ask ----------------------------------------------------------------------------------------------------


def _candidate(slotting: Slotting, rule: ActionRule, query: Query) -> _Candidate:
    places = {variable.name: at for at, variable in enumerate(rule.parameters[: slotting.given])}
    questions = []
    for condition, bound in query.opening():
        if bound is not None:
            assert isinstance(condition, Literal)
            questions.append(_follow(slotting, condition.atom, bound, places))
        elif isinstance(condition, Literal):
            questions.append(_test(slotting, condition, places))
        else:
            questions.append(_whole(query, condition, dict(places)))
    return _Candidate(Match(rule, places), tuple(questions))


def _follow(slotting: Slotting, atom: LiftedAtom, bound: Variable, places: dict[str, int]) -> _Question:
    """Whether there is a value of the right type. It is kept."""
    slots = slotting.fluent(atom, places, functional=True)
    key = ("follow", slots, bound.type)
    into = places[bound.name] = slotting.followed(key)
    fluent, vocabulary = picker(slots), slotting.vocabulary
    accepted = {each.name for each in vocabulary.types if vocabulary.is_a(each.name, bound.type)}

    def ask_any(state: Readable, value: ValueOf, slots: Slots) -> Answer:
        found = slots[into] = value(fluent(slots))
        return found is not None

    def ask(state: Readable, value: ValueOf, slots: Slots) -> Answer:
        found = slots[into] = value(fluent(slots))
        return found is not None and state.universe.types.get(str(found)) in accepted

    any_type = bound.type == ROOT_TYPE or vocabulary.is_a(vocabulary.predicate(atom.predicate).types[-1], bound.type)
    return _Question(key, ask_any if any_type else ask, _YES)


def _test(slotting: Slotting, literal: Literal, places: Places) -> _Question:
    """What the value is, or whether it is another's, or whether there is one."""
    atom, but = literal.atom, not literal.positive
    if atom.predicate == EQUALS:
        left, right = (slotting.term(term, places) for term in atom.args)
        return _Question(("equal", left, right), lambda state, value, slots: slots[left] == slots[right], _YES, but)
    functional = slotting.vocabulary.is_functional(atom.predicate)
    at = slotting.fluent(atom, places, functional)
    fluent = picker(at)
    if not functional:
        return _Question(("holds", at), lambda state, value, slots: value(fluent(slots)) is not None, _YES, but)
    last = atom.args[-1]
    if is_variable(last):
        other = places[last]
        ask: Ask = lambda state, value, slots: value(fluent(slots)) == slots[other]  # noqa: E731
        return _Question(("same", at, other), ask, _YES, but)
    asked = slotting.asked(("value", at))
    asked.add(last)

    def which(state: Readable, value: ValueOf, slots: Slots) -> Answer:
        found = value(fluent(slots))
        return found if found in asked else None

    return _Question(("value", at), which, frozenset((last,)), but)


def _whole(query: Query, condition: Condition, places: Places) -> _Question:
    """Whether a condition holds that is more than a literal."""

    def ask(state: Readable, value: ValueOf, slots: Slots) -> Answer:
        return query.test(condition, state, {name: slots[at] for name, at in places.items()})

    return _Question(("whole", condition, tuple(places.items())), ask, _YES)
