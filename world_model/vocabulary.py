"""The typed first-order vocabulary of a world: what can be said of it, in PDDL's words."""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from worldwright.world_model.errors import VocabularyProblem

ROOT_TYPE = "object"

# Facts without arguments that every world's vocabulary declares and the agent itself sees to: the end of an episode,
# its end in success, and that what was asked for is the case.
ENDED = "ended"
WON = "won"
GOAL_HOLDS = "goal-holds"

MAX_NAMES = 10_000  # of each kind of thing a vocabulary declares
MAX_ARITY = 8
MAX_TYPE_DEPTH = 32
MAX_COUNT = 1_000_000
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
RESERVED = frozenset({"and", "or", "not", "exists", "forall", "when", "increase", "decrease", "assign", "object"})


def is_name(text: str) -> bool:
    """Whether `text` has the letters, digits and length of a name."""
    return _NAME.fullmatch(text) is not None


def check_name(name: str) -> str:
    """`name` itself, if it can stand in a rule and in PDDL; raises `VocabularyProblem` otherwise."""
    if not is_name(name) or name in RESERVED:
        raise VocabularyProblem(f"{name[:40]!r} is not a name: use a-z, 0-9, '_', '-', first a letter, at most 64")
    return name


@dataclass(frozen=True, order=True)
class Type:
    """A type of objects. Values of a `nominal` type (colours, directions) are rarely singled out by laws."""

    name: str
    parent: str = ROOT_TYPE
    nominal: bool = False


@dataclass(frozen=True, order=True)
class Object:
    """A named thing of a type; as part of a vocabulary, a constant that every state knows."""

    name: str
    type: str


@dataclass(frozen=True, order=True)
class Variable:
    """A typed parameter; its name begins with '?'."""

    name: str
    type: str = ROOT_TYPE


@dataclass(frozen=True, order=True)
class Predicate:
    """A relation between objects of the given types.

    A `functional` predicate has for each tuple of its other arguments at most one last argument (a thing has
    one colour): a multi-valued variable in the sense of SAS+ (Bäckström & Nebel 1995). If it is `injective`
    too, no two share an object as value (two cells never hold the same thing), constants apart. `default` is
    the value an unknown one is optimistically taken to have while planning. `static` ones never change.
    """

    name: str
    types: tuple[str, ...]
    functional: bool = False
    injective: bool = False
    static: bool = False
    default: str | None = None


@dataclass(frozen=True, order=True)
class Counter:
    """A bounded whole number for each tuple of objects of the given types; changes saturate at the bounds."""

    name: str
    types: tuple[str, ...] = ()
    low: int = 0
    high: int = 9


@dataclass(frozen=True, order=True)
class ActionSignature:
    """An action of the environment and the types of its arguments (often none)."""

    name: str
    types: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """Everything that states, rules and goals of one kind of world may mention.

    `facts` are static atoms between constants, each (predicate, *arguments).

    Raises:
        VocabularyProblem: a name that is not one, is given twice, or is not declared.
    """

    name: str
    types: tuple[Type, ...]
    predicates: tuple[Predicate, ...]
    actions: tuple[ActionSignature, ...]
    constants: tuple[Object, ...] = ()
    counters: tuple[Counter, ...] = ()
    facts: tuple[tuple[str, ...], ...] = ()
    _parents: dict[str, str] = field(init=False, repr=False, compare=False, default_factory=dict)
    _ancestors: dict[str, tuple[str, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name)
        self._parents.update({type_.name: type_.parent for type_ in self.types})
        for group in _groups(self):
            if len(group) > MAX_NAMES:
                raise VocabularyProblem(f"{len(group)} names of one kind are over the limit of {MAX_NAMES}")
            twice = [name for name, times in Tally(map(check_name, group)).items() if times > 1]
            if twice:
                raise VocabularyProblem(f"declared twice: {_list(twice)}")
        self._check_types()
        for predicate in self.predicates:
            self._check_predicate(predicate)
        for counter in self.counters:
            if not -MAX_COUNT <= counter.low <= counter.high <= MAX_COUNT:
                raise VocabularyProblem(f"counter {counter.name!r}: no range from {counter.low} to {counter.high}")
        for fact in self.facts:
            self._check_fact(fact)

    def _check_types(self) -> None:
        for type_ in self.types:
            self.supertypes(type_.name)
        users: list[Predicate | Counter | ActionSignature] = [*self.predicates, *self.counters, *self.actions]
        for user in users:
            if len(user.types) > MAX_ARITY:
                raise VocabularyProblem(f"{user.name!r} has more than {MAX_ARITY} arguments")
            for name in user.types:
                self.supertypes(name)
        for constant in self.constants:
            self.supertypes(constant.type)

    def _check_predicate(self, predicate: Predicate) -> None:
        name, default = predicate.name, predicate.default
        if predicate.functional and not predicate.types:
            raise VocabularyProblem(f"functional predicate {name!r} needs an argument for its value")
        if not predicate.functional and (predicate.injective or default is not None):
            raise VocabularyProblem(f"predicate {name!r} must be functional to be injective or have a default")
        if default is not None and not self._is_constant(default, predicate.types[-1]):
            raise VocabularyProblem(f"default {default!r} of {name!r} is no constant of type {predicate.types[-1]!r}")

    def _is_constant(self, name: str, type_: str) -> bool:
        return name in self.constant_types and self.is_a(self.constant_types[name], type_)

    def _check_fact(self, fact: tuple[str, ...]) -> None:
        predicate = self.predicate(fact[0])
        if not predicate.static or len(fact) != len(predicate.types) + 1:
            raise VocabularyProblem(f"fact {' '.join(fact)!r} does not fit a static predicate")
        for name, type_ in zip(fact[1:], predicate.types, strict=True):
            if not self._is_constant(name, type_):
                raise VocabularyProblem(f"fact {' '.join(fact)!r}: {name!r} is no constant of type {type_!r}")

    @cached_property
    def constant_types(self) -> dict[str, str]:
        """The type of each constant by its name."""
        return {constant.name: constant.type for constant in self.constants}

    @cached_property
    def nominal(self) -> frozenset[str]:
        """The names of the nominal types."""
        return frozenset(type_.name for type_ in self.types if type_.nominal)

    @cached_property
    def placing(self) -> frozenset[str]:
        """The predicates that say where things are: those with a default for the unknown."""
        return frozenset(predicate.name for predicate in self.predicates if predicate.default is not None)

    @cached_property
    def places(self) -> frozenset[str]:
        """The types of what things are in, by such a predicate: cells, say, but no hands."""
        holders = {p.types[0] for p in self.predicates if p.name in self.placing and len(p.types) > 1}
        return frozenset(each.name for each in self.types if any(self.is_a(each.name, holder) for holder in holders))

    @cached_property
    def by_name(self) -> dict[str, Predicate]:
        """The predicates by their names."""
        return {predicate.name: predicate for predicate in self.predicates}

    @cached_property
    def counters_by_name(self) -> dict[str, Counter]:
        """The counters by their names."""
        return {counter.name: counter for counter in self.counters}

    @cached_property
    def _actions(self) -> dict[str, ActionSignature]:
        return {action.name: action for action in self.actions}

    def predicate(self, name: str) -> Predicate:
        """The predicate of that name, or `VocabularyProblem`."""
        return _look_up(self.by_name, name, "predicate")

    def counter(self, name: str) -> Counter:
        """The counter of that name, or `VocabularyProblem`."""
        return _look_up(self.counters_by_name, name, "counter")

    def action(self, name: str) -> ActionSignature:
        """The action of that name, or `VocabularyProblem`."""
        return _look_up(self._actions, name, "action")

    def is_functional(self, name: str) -> bool:
        """Whether `name` is a predicate with one value for each of its other arguments."""
        found = self.by_name.get(name)
        return found is not None and found.functional

    def supertypes(self, name: str) -> tuple[str, ...]:
        """`name`, its parent, ... up to the root type; raises `VocabularyProblem` if unknown or circular."""
        known = self._ancestors.get(name)
        if known is None:
            chain = [name]
            while chain[-1] != ROOT_TYPE:
                parent = self._parents.get(chain[-1])
                if parent is None:
                    raise VocabularyProblem(f"unknown type {name!r}")
                if parent in chain or len(chain) > MAX_TYPE_DEPTH:
                    raise VocabularyProblem(f"type {name!r} is circular, or over {MAX_TYPE_DEPTH} types deep")
                chain.append(parent)
            known = self._ancestors[name] = tuple(chain)
        return known

    def is_a(self, name: str, ancestor: str) -> bool:
        """Whether type `name` is `ancestor` or lies below it."""
        return ancestor in self.supertypes(name)


T = TypeVar("T")


def _groups(vocabulary: Vocabulary) -> list[list[str]]:
    """The names of each kind of thing declared; within a kind, no two may be the same."""
    return [
        [type_.name for type_ in vocabulary.types],
        [predicate.name for predicate in vocabulary.predicates] + [counter.name for counter in vocabulary.counters],
        [action.name for action in vocabulary.actions],
        [constant.name for constant in vocabulary.constants],
    ]


def _look_up(table: dict[str, T], name: str, what: str) -> T:
    try:
        return table[name]
    except KeyError:
        raise VocabularyProblem(f"unknown {what} {name!r}; known: {_list(table)}") from None


def _list(names: Iterable[str], most: int = 12) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:most]) + (", ..." if len(ordered) > most else "")
