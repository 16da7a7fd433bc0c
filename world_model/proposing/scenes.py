"""What a language model is shown of a state: the facts near at hand, in the words in which it is to answer.

Things are called by the variables of their types, not by their names: a scene is a rule's precondition with too much in
it, and nothing that a world calls its things can be taken for an instruction. So are constants of nominal types (a
colour, a direction), which laws rarely single out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from worldwright.world_model.proposing.words import Words
from worldwright.world_model.state import Change, Fluent, GroundAtom, State, Value, join_atom
from worldwright.world_model.transition import Transition

REACH = 3  # how many functional facts are followed from what is at hand
MAX_FACTS = 40

_TERM = re.compile(r"[^\s()]+")


@dataclass
class Cast:
    """Which variable stands for which thing of one state; constants stand for themselves, but for nominal ones.

    Args:
        words: the variables.
        types: of the things.
        names: what is called how already, by the thing's name.
    """

    words: Words
    types: Mapping[str, str]
    names: dict[str, str] = field(default_factory=dict)

    def name(self, term: str) -> str | None:
        """What a thing is called; None if the variables of its type are used up."""
        type_ = self.words.vocabulary.constant_types.get(term)
        if type_ is not None and type_ not in self.words.vocabulary.nominal and term not in self.names:
            return term
        if term not in self.names:
            taken = set(self.names.values())
            some = self.words.by_type.get(type_ or self.types.get(term, ""), ())
            free = next((variable.name for variable in some if variable.name not in taken), None)
            if free is None:
                return None
            self.names[term] = free
        return self.names[term]

    def atom(self, atom: GroundAtom) -> str | None:
        """The atom in these names."""
        args = [self.name(arg) for arg in atom.args]
        return None if None in args else f"({' '.join([atom.predicate, *map(str, args)])})"

    def values(self) -> dict[str, str]:
        """The variables that stand for constants, and these."""
        constants = self.words.vocabulary.constant_types
        return {name: term for term, name in self.names.items() if term in constants}

    def text(self, text: str) -> str:
        """A formula in these names; what is no word of the world's and has no name is `?other`."""
        vocabulary = self.words.vocabulary
        known = {p.name for p in vocabulary.predicates} | {c.name for c in vocabulary.counters}
        known |= {"some", "any", "all", "then", "and", "not", "exists", "-", "=", ">=", "<=", "object"}
        known |= {type_.name for type_ in vocabulary.types}

        def named(match: re.Match[str]) -> str:
            term = match.group()
            plain = term in known or term.lstrip("-").isdigit() or re.fullmatch(r"\?[a-z][a-z0-9_-]{0,31}", term)
            return term if plain else self.name(term) or "?other"

        return _TERM.sub(named, text)


@dataclass(frozen=True)
class Scene:
    """A transition as it is shown.

    Attributes:
        facts: what held before and is near, nearest first.
        gone, come: what held before and not after, and the other way round.
        values: the variables that stand for constants, and these.
    """

    facts: tuple[str, ...]
    gone: tuple[str, ...] = ()
    come: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def data(self, most: int = MAX_FACTS) -> dict[str, object]:
        """The same for JSON, with at most so many facts."""
        changed = {"became_false": list(self.gone), "became_true": list(self.come)}
        return {"before": list(self.facts[:most]), **changed, "values": dict(self.values)}

    def distance(self, other: Scene) -> int:
        """In how many facts two scenes differ."""
        return len(set(self.facts) ^ set(other.facts))


NO_SCENE = Scene(())


def scene_of(words: Words, transition: Transition, names: Mapping[str, str] | None = None) -> tuple[Scene, Cast]:
    """A transition, and who is who in it; `names` are given to things first (by a thing's name)."""
    before, change = transition.before, transition.change()
    cast = Cast(words, before.universe.types, dict(names or {}))
    for thing in transition.action.args:
        cast.name(thing)
    facts = facts_near(cast, before, [*transition.action.args, *(names or {}), *_touched(before, change)])
    gone = _atoms({f: before.value(f) for f in change})
    gone_, come = _shown(cast, gone), _shown(cast, _atoms(change))
    return Scene(facts, gone_, come, tuple(cast.values().items())), cast


def facts_near(cast: Cast, state: State, things: Iterable[str], most: int = MAX_FACTS) -> tuple[str, ...]:
    """The facts that can be reached from the agent's own facts and from some things, nearest first."""
    constants = state.universe.vocabulary.constant_types
    known = dict.fromkeys(str(value) for fluent, value in sorted(state.values.items()) if len(fluent) == 1)
    known |= dict.fromkeys(thing for thing in things if thing in state.universe.types)
    entries = [*sorted(state.values.items()), *state.universe.facts.items()]
    counters = {counter.name for counter in state.universe.vocabulary.counters}
    found: dict[str, None] = {}
    for _ in range(REACH):
        new: list[str] = []
        for fluent, value in entries:
            keys = fluent[1:] if isinstance(value, str) else [key for key in fluent[1:] if key not in constants]
            if not all(key in known for key in keys):
                continue
            shown = _fact(cast, fluent, value, fluent[0] in counters)
            if shown is not None:
                found[shown] = None
            if isinstance(value, str) and value not in constants:
                new.append(value)
        known |= dict.fromkeys(new)
    return tuple(found)[:most]


def _fact(cast: Cast, fluent: Fluent, value: Value, is_count: bool) -> str | None:
    if not is_count:
        return cast.atom(join_atom(fluent, value))
    counter = cast.atom(GroundAtom(fluent[0], fluent[1:]))
    return counter and f"(= {counter} {value})"


def _touched(state: State, change: Change) -> list[str]:
    """The things that a change is about."""
    terms = [
        term for f, value in sorted(change.items(), key=lambda i: i[0]) for term in (*f[1:], state.value(f), value)
    ]
    return [term for term in dict.fromkeys(terms) if isinstance(term, str)]


def _atoms(values: Mapping[Fluent, Value | None]) -> Iterator[tuple[Fluent, Value]]:
    for fluent, value in sorted(values.items(), key=lambda item: item[0]):
        if value is not None:
            yield fluent, value


def _shown(cast: Cast, entries: Iterable[tuple[Fluent, Value]]) -> tuple[str, ...]:
    counters = {counter.name for counter in cast.words.vocabulary.counters}
    shown = (_fact(cast, fluent, value, fluent[0] in counters) for fluent, value in entries)
    return tuple(text for text in shown if text is not None)


class Labels(Cast):
    """Names for all things of a state that say what they are: `door-2`, or `cell-7` where nothing says more.

    They are made of the vocabulary's words and numbers only, so that nothing a world calls its things is shown; a thing
    keeps a name of its own that is of this form.
    """

    def __init__(self, words: Words, state: State) -> None:
        super().__init__(words, state.universe.types)
        self._state = state
        self._things: dict[str, str] = {}

    def name(self, term: str) -> str | None:
        """What a thing is called; None if it is none of the state's."""
        if term in self.words.vocabulary.constant_types:
            return term
        if term not in self.names and term in self.types:
            kind = self._kind(term)
            own = re.fullmatch(rf"{re.escape(kind)}-[0-9]{{1,6}}", term)
            label = term if own else self._numbered(kind)
            self.names[term] = label
            self._things[label] = term
        return self.names.get(term)

    def thing(self, label: str) -> str:
        """The thing of a name that was given; raises `KeyError` if none was."""
        return self._things[label]

    def _numbered(self, kind: str) -> str:
        taken = {*self._things, *self.types, *self.words.vocabulary.constant_types}
        return next(label for number in count(1) if (label := f"{kind}-{number}") not in taken)

    def _kind(self, thing: str) -> str:
        """The constant that says what a thing is, or its type."""
        vocabulary = self.words.vocabulary
        type_ = self.types[thing]
        for predicate in vocabulary.predicates:
            if predicate.functional and len(predicate.types) == 2 and vocabulary.is_a(type_, predicate.types[0]):
                value = self._state.value((predicate.name, thing))
                if isinstance(value, str) and set(self._state.universe.objects(predicate.types[1])) <= {
                    *vocabulary.constant_types
                }:
                    return value
        return type_
