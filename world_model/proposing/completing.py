"""What an answer leaves unsaid: which value is replaced and by what, and how the things that it speaks of are found.

Who is shown a scene calls things as the scene does, and seldom repeats how they hang together. That a value is replaced
follows from there being one at a time; what takes its place and how a thing is found, from the scene; that something
stays as it is need not be said. A rule is judged by experience as it is completed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from worldwright.world_model.language import Condition, Effect, Exists, LiftedAtom, Literal, Outcome, is_variable
from worldwright.world_model.proposing.scenes import Scene
from worldwright.world_model.proposing.words import Words, terms_of
from worldwright.world_model.sexpr import parse_one
from worldwright.world_model.state import atom_of

Parts = tuple[tuple[Condition, ...], tuple[Outcome, ...]]


@dataclass(frozen=True)
class Known:
    """What an answer need not repeat of a scene: the facts, nearest first, and those that came true."""

    facts: tuple[LiftedAtom, ...] = ()
    came: tuple[LiftedAtom, ...] = ()

    @staticmethod
    def of(words: Words, scene: Scene) -> Known:
        """A scene's facts of which there is one value at a time."""
        both = (tuple(atom for atom in atoms_of(some) if _binds(words, atom)) for some in (scene.facts, scene.come))
        return Known(*both)


UNKNOWN = Known()


def atoms_of(facts: Iterable[str]) -> tuple[LiftedAtom, ...]:
    """The facts of a scene as atoms over its variables; what it says of counters is left out."""
    return tuple(LiftedAtom(*atom_of(parse_one(fact))) for fact in facts if not fact.startswith("(="))


def lifted(data: object, values: Iterable[tuple[str, str]]) -> object:
    """Parsed JSON with the constants for which a scene has variables replaced by these.

    A scene says of which constants its variables stand: a rule that names the constants may hold for all such.
    """
    names = {constant: variable for variable, constant in values}

    def turned(part: object, of_args: bool = False) -> object:
        if isinstance(part, dict):
            return {key: turned(value, key == "args") for key, value in part.items()}
        if isinstance(part, list):
            return [turned(value, of_args) for value in part]
        return names.get(part, part) if of_args and isinstance(part, str) else part

    return turned(data)


def completed(
    words: Words,
    arguments: Collection[str],
    conditions: Sequence[Condition],
    outcomes: Sequence[Outcome],
    known: Known = UNKNOWN,
) -> Parts:
    """The conditions and outcomes of a rule with what goes without saying.

    Args:
        words: of the world.
        arguments: the names of the action's arguments, which are given.
        conditions, outcomes: as an answer has them.
        known: of the scene that was asked about; nothing if there was none.
    """
    completion = _Completion(words, arguments, list(conditions), known.facts, known.came)
    replaced = tuple(Outcome(o.probability, completion.replacing(o.effects)) for o in outcomes)
    completion.find_all(replaced)
    return tuple(completion.conditions), replaced


def _binds(words: Words, atom: LiftedAtom) -> bool:
    return words.vocabulary.is_functional(atom.predicate)


@dataclass
class _Completion:
    """Conditions to which is added what is missing."""

    words: Words
    arguments: Collection[str]
    conditions: list[Condition]
    facts: Sequence[LiftedAtom]
    came: Sequence[LiftedAtom]
    fresh: list[str] = field(default_factory=list)

    def replacing(self, effects: Sequence[Effect]) -> tuple[Effect, ...]:
        """The effects that change something, each new value with the end of the old one, which conditions then say."""
        found = list(effects)
        for effect in effects:
            if not isinstance(effect, Literal) or not _binds(self.words, effect.atom):
                continue
            if not effect.positive:
                self._require(effect.atom)
                found += [Literal(new) for new in self._new(effect.atom, effects)]
            elif not any(_same_fluent(other, effect) and not other.positive for other in _literals(effects)):
                old = self._old(effect.atom)
                if old == effect.atom:
                    found.remove(effect)
                elif old is not None:
                    self._require(old)
                    found.insert(found.index(effect), Literal(old, False))
        return tuple(found)

    def _require(self, atom: LiftedAtom) -> None:
        """Add a condition, unless another one says what is at the atom's place."""
        literal = Literal(atom)
        if not any(_same_fluent(other, literal) and other.positive for other in _literals(self.conditions)):
            self.conditions.append(literal)

    def _old(self, new: LiftedAtom) -> LiftedAtom | None:
        """The value that the new one replaces: as the conditions have it, or the scene, or whatever it is."""
        said = [other.atom for other in _literals(self.conditions) if other.positive]
        key = (new.predicate, new.args[:-1])
        known = next((atom for atom in (*said, *self.facts) if (atom.predicate, atom.args[:-1]) == key), None)
        return known or self._any_value(new)

    def _new(self, old: LiftedAtom, effects: Sequence[Effect]) -> list[LiftedAtom]:
        """What took the place of a value in the scene, if the effects say nothing of it."""
        said = any(_same_fluent(other, Literal(old)) and other.positive for other in _literals(effects))
        key = (old.predicate, old.args[:-1])
        return [atom for atom in self.came if (atom.predicate, atom.args[:-1]) == key][: 0 if said else 1]

    def _any_value(self, new: LiftedAtom) -> LiftedAtom | None:
        type_ = self.words.vocabulary.predicate(new.predicate).types[-1]
        taken = {*self.fresh, *new.args, *(term for part in self.conditions for term in terms_of(part))}
        taken |= {term for atom in self.facts for term in atom.args}
        free = next((v.name for v in reversed(self.words.by_type[type_]) if v.name not in taken), None)
        if free is None:
            return None
        self.fresh.append(free)
        return LiftedAtom(new.predicate, (*new.args[:-1], free))

    # -- how things are found ------------------------------------------------------------------------------------------

    def find_all(self, outcomes: Sequence[Outcome]) -> None:
        """Add how the scene's things that the rule speaks of, and does not say how to find, are found."""
        ways = self._ways()
        effects = [effect for outcome in outcomes for effect in outcome.effects]
        known = self._known()
        for term in dict.fromkeys(_free([*self.conditions, *effects])):
            if term not in known:
                for atom in reversed(list(_way_to(term, ways, known))):
                    if Literal(atom) not in self.conditions:
                        self.conditions.append(Literal(atom))
                known = self._known()

    def _ways(self) -> dict[str, LiftedAtom]:
        """For each of the scene's things the first fact that says which it is, from the agent's own facts on."""
        found: dict[str, LiftedAtom] = {}
        known = set(self.arguments)
        grown = True
        while grown:
            grown = False
            for atom in self.facts:
                *keys, value = atom.args
                if is_variable(value) and value not in known and all(not is_variable(k) or k in known for k in keys):
                    found[value] = atom
                    known.add(value)
                    grown = True
        return found

    def _known(self) -> set[str]:
        """The variables of which the conditions say how they are found."""
        known = set(self.arguments)
        atoms = [c.atom for c in _literals(self.conditions) if c.positive and _binds(self.words, c.atom)]
        while True:
            new = {
                atom.args[-1]
                for atom in atoms
                if atom.args[-1] not in known and all(not is_variable(key) or key in known for key in atom.args[:-1])
            }
            if not new:
                return known
            known |= new


def _way_to(term: str, ways: dict[str, LiftedAtom], known: set[str]) -> Iterator[LiftedAtom]:
    """The facts that lead to a thing, its own first."""
    left, seen = [term], set(known)
    while left:
        atom = ways.get(left.pop(0))
        if atom is not None and atom.args[-1] not in seen:
            seen.add(atom.args[-1])
            yield atom
            left += [key for key in atom.args[:-1] if is_variable(key)]


def _literals(parts: Iterable[object]) -> list[Literal]:
    return [part for part in parts if isinstance(part, Literal)]


def _same_fluent(one: Literal, other: Literal) -> bool:
    return (one.atom.predicate, one.atom.args[:-1]) == (other.atom.predicate, other.atom.args[:-1])


def _free(parts: Iterable[Condition | Effect]) -> Iterator[str]:
    """The variables that parts of a rule mention and do not bring along."""
    for part in parts:
        own = {variable.name for variable in part.parameters} if isinstance(part, Exists) else set()
        yield from (term for term in terms_of(part) if is_variable(term) and term not in own)
