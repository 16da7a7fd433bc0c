"""The PDDL of households: reads ALFWorld's domain and its problems, and says what holds and what an action does.

It covers what that domain uses: types without a hierarchy, `and`, `or`, `not`, `exists`, `=`, conditional effects,
action costs (read over). Texts may come from strangers: they are parsed, never run, and bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from worldwright.world_model.errors import WorldwrightError

MAX_CHARACTERS: Final = 2_000_000
MAX_DEPTH: Final = 60
MAX_OBJECTS: Final = 2_000
MAX_WORK: Final = 2_000_000  # facts looked at for one question; the largest real games need a twentieth of it

Tree = str | list["Tree"]
Fact = tuple[str, ...]  # a predicate and the objects it is said of
Binding = dict[str, str]

_TOKEN: Final = re.compile(r"[()]|[^\s()]+")


class BadPddl(WorldwrightError):
    """A PDDL text that cannot be read, or says what this reader does not know; the message shows where."""


# ---------------------------------------------------------------------- reading


def read_tree(text: str) -> Tree:
    """The nested lists of one parenthesised expression, in lower case, comments left out.

    Raises:
        BadPddl: the parentheses do not match, or the text is too long or too deep.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadPddl(f"the PDDL is longer than {MAX_CHARACTERS:,} characters")
    top: list[Tree] = []
    open_lists = [top]
    for token in _TOKEN.findall(re.sub(r";[^\n]*", "", text).lower()):
        if token == "(":
            inner: list[Tree] = []
            open_lists[-1].append(inner)
            open_lists.append(inner)
            if len(open_lists) > MAX_DEPTH:
                raise BadPddl(f"the PDDL is nested deeper than {MAX_DEPTH} parentheses")
        elif token != ")":
            open_lists[-1].append(token)
        elif len(open_lists) == 1:
            raise BadPddl("the PDDL closes a parenthesis that it never opened")
        else:
            open_lists.pop()
    if len(open_lists) > 1 or len(top) != 1:
        raise BadPddl("the PDDL is not one whole parenthesised expression")
    return top[0]


def _list(tree: Tree) -> list[Tree]:
    if isinstance(tree, str):
        raise BadPddl(f"the PDDL has {tree!r} where a parenthesis is needed")
    return tree


def _words(trees: Iterable[Tree]) -> list[str]:
    words = []
    for tree in trees:
        if not isinstance(tree, str):
            raise BadPddl("the PDDL has a parenthesis where a word is needed")
        words.append(tree)
    return words


def _typed(trees: Iterable[Tree]) -> list[tuple[str, str]]:
    """`a b - t c` as pairs of name and type.

    A comma belongs to the type, as for Fast Downward: ALFWorld's domain has a `location,`, of which there is nothing,
    and so an object can be examined only in the hand.
    """
    pairs: list[tuple[str, str]] = []
    waiting: list[str] = []
    words = iter(_words(trees))
    for word in words:
        if word == "-":
            kind = next(words, "")
            pairs += [(name, kind) for name in waiting]
            waiting = []
        else:
            waiting.append(word)
    return pairs + [(name, "object") for name in waiting]


def _sections(tree: Tree, head: str) -> dict[str, list[Tree]]:
    """The parts of `(define (head ...) (:name ...) ...)` that may stand only once, by name."""
    define, *parts = _list(tree) or [""]
    if define != "define" or not parts or _list(parts[0])[:1] != [head]:
        raise BadPddl(f"the PDDL does not begin with (define ({head} ...")
    found: dict[str, list[Tree]] = {}
    for part in parts[1:]:
        name, *content = _list(part) or [""]
        if not isinstance(name, str):
            raise BadPddl("the PDDL has a section without a name")
        if name == ":action":
            found.setdefault(name, []).append(content)
        else:
            found[name] = content
    return found


# ---------------------------------------------------------------------- conditions


class Facts:
    """What is true, by predicate; and what was made false by an action, as textworld keeps it (`not_opened`)."""

    def __init__(self, facts: Iterable[Fact] = ()) -> None:
        self._by_predicate: dict[str, set[Fact]] = {}
        for fact in facts:
            self.add(fact)

    def copy(self) -> Facts:
        copied = Facts()
        copied._by_predicate = {name: set(facts) for name, facts in self._by_predicate.items()}
        return copied

    def __contains__(self, fact: Fact) -> bool:
        return fact in self._by_predicate.get(fact[0], ())

    def __iter__(self) -> Iterator[Fact]:
        for name in sorted(self._by_predicate):
            yield from sorted(self._by_predicate[name])

    def of(self, predicate: str) -> set[Fact]:
        """All facts of one predicate."""
        return self._by_predicate.get(predicate, set())

    def add(self, fact: Fact) -> None:
        self._by_predicate.setdefault(fact[0], set()).add(fact)

    def discard(self, fact: Fact) -> None:
        self.of(fact[0]).discard(fact)


@dataclass(frozen=True)
class Atom:
    """A predicate said of variables (`?o`) and objects."""

    words: Fact

    def ground(self, binding: Mapping[str, str]) -> Fact:
        return tuple(binding.get(word, word) for word in self.words)

    def is_bound(self, binding: Mapping[str, str]) -> bool:
        return all(word in binding for word in self.words if word.startswith("?"))


@dataclass(frozen=True)
class Not:
    body: Condition


@dataclass(frozen=True)
class And:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Exists:
    variables: tuple[tuple[str, str], ...]
    body: Condition


Condition = Atom | Not | And | Or | Exists


def read_condition(tree: Tree) -> Condition:
    """Raises `BadPddl`."""
    head, *rest = _list(tree) or ["and"]
    match head:
        case "and":
            return And(tuple(map(read_condition, rest)))
        case "or":
            return Or(tuple(map(read_condition, rest)))
        case "not" if len(rest) == 1:
            return Not(read_condition(rest[0]))
        case "exists" if len(rest) == 2:
            return Exists(tuple(_typed(_list(rest[0]))), read_condition(rest[1]))
        case "not" | "exists" | "forall" | "imply" | "when" | "preference":
            raise BadPddl(f"the PDDL uses {head!r} in a condition in a way that is not read here")
    return Atom(tuple(_words([head, *rest])))


def words_of(condition: Condition) -> set[str]:
    """Every predicate, variable and object that a condition mentions."""
    match condition:
        case Atom(words):
            return set(words)
        case Not(body) | Exists(_, body):
            return words_of(body)
    return set().union(*map(words_of, condition.parts))


@dataclass
class Work:
    """How much may yet be looked at, so that no text of a stranger's keeps us busy for long."""

    left: int = MAX_WORK

    def spend(self, count: int) -> None:
        """Raises `BadPddl` when all is spent."""
        self.left -= count
        if self.left < 0:
            raise BadPddl("the PDDL is too large: to find what holds in it takes too long")


@dataclass(frozen=True)
class World:
    """What conditions are held against: the objects of each type, and the facts.

    `optimistic` takes every negation for true: what could ever come true (the delete relaxation of planning).
    Questions raise `BadPddl` when they take too long.
    """

    objects: Mapping[str, frozenset[str]]
    facts: Facts
    optimistic: bool = False
    work: Work = field(default_factory=Work, compare=False)

    def solutions(self, condition: Condition, binding: Binding, types: Mapping[str, str]) -> Iterator[Binding]:
        """Every extension of `binding` that makes the condition true; a variable left open may be anything."""
        match condition:
            case Atom(("=", left, right)):
                if binding.get(left, left) == binding.get(right, right):
                    yield binding
            case Atom():
                yield from self._matches(condition, binding, types)
            case And(parts):
                yield from self._all_of(list(parts), binding, types)
            case Or(parts):
                for part in parts:
                    yield from self.solutions(part, binding, types)
            case Not(body):
                hoped = self.optimistic and not _is_equality(body)
                if hoped or not any(True for _ in self.solutions(body, binding, types)):
                    yield binding
            case Exists(variables, body):
                outer = {name: value for name, value in binding.items() if name not in dict(variables)}
                for found in self.solutions(body, outer, {**types, **dict(variables)}):
                    yield {**binding, **{name: found[name] for name in found if name not in dict(variables)}}

    def holds(self, condition: Condition, binding: Binding | None = None) -> bool:
        return any(True for _ in self.solutions(condition, binding or {}, {}))

    def _matches(self, atom: Atom, binding: Binding, types: Mapping[str, str]) -> Iterator[Binding]:
        wanted = atom.ground(binding)
        if atom.is_bound(binding):
            self.work.spend(1)
            if wanted in self.facts:
                yield binding
            return
        self.work.spend(len(self.facts.of(wanted[0])))
        for fact in self.facts.of(wanted[0]):
            found = self._unify(wanted, fact, types)
            if found is not None:
                yield {**binding, **found}

    def _unify(self, wanted: Fact, fact: Fact, types: Mapping[str, str]) -> Binding | None:
        if len(wanted) != len(fact):
            return None
        found: Binding = {}
        for word, value in zip(wanted, fact, strict=True):
            if not word.startswith("?"):
                if word != value:
                    return None
            elif found.setdefault(word, value) != value or value not in self.objects.get(types.get(word, ""), ()):
                return None
        return found

    def _all_of(self, parts: list[Condition], binding: Binding, types: Mapping[str, str]) -> Iterator[Binding]:
        if not parts:
            yield binding
            return
        chosen = min(parts, key=lambda part: self._cost(part, binding))
        rest = [part for part in parts if part is not chosen]
        for found in self.solutions(chosen, binding, types):
            yield from self._all_of(rest, found, types)

    def _cost(self, part: Condition, binding: Binding) -> int:
        """How many cases a part may open: facts that are bound come first, negations last."""
        match part:
            case Atom() if part.is_bound(binding):
                return 0
            case Atom(("=", *_)):
                return 10**7
            case Atom(words):
                free = sum(word.startswith("?") and word not in binding for word in words)
                return len(self.facts.of(words[0])) * free
            case Not():
                return 10**8
        return 10**6


def _is_equality(condition: Condition) -> bool:
    return isinstance(condition, Atom) and condition.words[0] == "="


# ---------------------------------------------------------------------- actions


@dataclass(frozen=True)
class Effect:
    """A fact made true, or false, where a condition held before."""

    atom: Atom
    is_true: bool
    condition: Condition | None = None


@dataclass(frozen=True)
class Schema:
    """What an action of the domain needs and does."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    precondition: Condition
    effects: tuple[Effect, ...]

    def bindings(self, world: World, partial: Binding | None = None) -> Iterator[Binding]:
        """Every way to do the action now, with the parameters in `partial` given."""
        types = dict(self.parameters)
        given = partial or {}
        if all(value in world.objects.get(types[name], ()) for name, value in given.items()):
            yield from (found for found in self._candidates(world, given) if not self._is_idle(found))

    def _candidates(self, world: World, given: Binding) -> Iterator[Binding]:
        for found in world.solutions(self.precondition, given, dict(self.parameters)):
            yield from _complete(found, self.parameters, world)

    def _is_idle(self, binding: Binding) -> bool:
        """Whether the action changes nothing that its precondition does not already say.

        Fast Downward drops such actions from a task, so going to where one is does not exist in a household.
        """
        if any(effect.condition is not None for effect in self.effects):
            return False
        said, denied = _literals(self.precondition, binding)
        made = {effect.atom.ground(binding) for effect in self.effects if effect.is_true}
        unmade = {effect.atom.ground(binding) for effect in self.effects if not effect.is_true} - made
        return made <= said and unmade <= denied

    def makes(self, world: World) -> Iterator[Fact]:
        """Whatever the action can make true now, once or more often."""
        effects = [effect.atom for effect in self.effects if effect.is_true]
        for binding in self._candidates(world, {}):
            yield from (atom.ground(binding) for atom in effects)

    def changes(self, binding: Binding, world: World) -> tuple[set[Fact], set[Fact]]:
        """What the action makes true, and what it makes false (what it makes both is true)."""
        made: set[Fact] = set()
        unmade: set[Fact] = set()
        for effect in self.effects:
            if effect.condition is None or world.holds(effect.condition, binding):
                (made if effect.is_true else unmade).add(effect.atom.ground(binding))
        return made, unmade - made


def _complete(binding: Binding, parameters: Iterable[tuple[str, str]], world: World) -> Iterator[Binding]:
    """The binding with each parameter that nothing constrains bound to each object of its type."""
    free = [(name, kind) for name, kind in parameters if name not in binding]
    if not free:
        yield binding
        return
    name, kind = free[0]
    for value in sorted(world.objects.get(kind, ())):
        world.work.spend(1)
        yield from _complete({**binding, name: value}, free[1:], world)


def _literals(condition: Condition, binding: Binding) -> tuple[set[Fact], set[Fact]]:
    """What a condition says, and denies, whichever way it is met."""
    match condition:
        case Atom():
            return {condition.ground(binding)}, set()
        case Not(Atom() as atom):
            return set(), {atom.ground(binding)}
        case And(parts):
            pairs = [_literals(part, binding) for part in parts]
            return set().union(*(said for said, _ in pairs)), set().union(*(denied for _, denied in pairs))
    return set(), set()


def _read_effects(tree: Tree, condition: Condition | None = None) -> Iterator[Effect]:
    head, *rest = _list(tree) or ["and"]
    if head == "and":
        for part in rest:
            yield from _read_effects(part, condition)
    elif head == "when" and len(rest) == 2 and condition is None:
        yield from _read_effects(rest[1], read_condition(rest[0]))
    elif head == "not" and len(rest) == 1:
        yield Effect(Atom(tuple(_words(_list(rest[0])))), False, condition)
    elif head in {"when", "not", "forall", "oneof", "probabilistic", "assign"}:
        raise BadPddl(f"the PDDL uses {head!r} in an effect in a way that is not read here")
    elif head != "increase":  # costs are of no consequence in play
        yield Effect(Atom(tuple(_words([head, *rest]))), True, condition)


def _read_schema(content: Tree) -> Schema:
    name, *rest = _list(content)
    parts = dict(zip(_words(rest[::2]), rest[1::2], strict=True))
    parameters = tuple(_typed(_list(parts.get(":parameters", []))))
    precondition = read_condition(parts.get(":precondition", []))
    return Schema(_words([name])[0], parameters, precondition, tuple(_read_effects(parts.get(":effect", []))))


# ---------------------------------------------------------------------- domains and problems


@dataclass(frozen=True)
class Domain:
    """The actions of a domain, by name."""

    schemas: Mapping[str, Schema]

    @classmethod
    def read(cls, text: str) -> Domain:
        """Raises `BadPddl`."""
        try:
            schemas = [_read_schema(content) for content in _sections(read_tree(text), "domain").get(":action", [])]
        except ValueError as error:
            raise BadPddl(f"the PDDL has an action whose parts do not pair up: {error}") from error
        return cls({schema.name: schema for schema in schemas})


@dataclass(frozen=True)
class Problem:
    """The objects of each type, what holds at first, and what is to hold."""

    objects: Mapping[str, frozenset[str]]
    init: Facts = field(compare=False)
    goal: Condition

    @classmethod
    def read(cls, text: str) -> Problem:
        """Raises `BadPddl`."""
        sections = _sections(read_tree(text), "problem")
        for needed in (":objects", ":init", ":goal"):
            if needed not in sections:
                raise BadPddl(f"the PDDL problem has no {needed}")
        pairs = _typed(sections[":objects"])
        if len(pairs) > MAX_OBJECTS:
            raise BadPddl(f"the PDDL problem has more than {MAX_OBJECTS:,} objects")
        if len(sections[":goal"]) != 1:
            raise BadPddl("the PDDL problem's goal is not one condition")
        objects: dict[str, set[str]] = {}
        for name, kind in pairs:
            objects.setdefault(kind, set()).add(name)
        init = Facts(tuple(_words(_list(fact))) for fact in sections[":init"] if _is_fact(fact))
        frozen = {kind: frozenset(names) for kind, names in objects.items()}
        return cls(frozen, init, read_condition(sections[":goal"][0]))


def _is_fact(tree: Tree) -> bool:
    """Distances and costs are assignments, not facts; an empty list is nothing."""
    return bool(tree) and _list(tree)[0] not in {"=", "not"}
