"""What many rules ask of many states, asked of each state once.

Deictic rules begin alike: they follow the same references (the cell in front, the thing in it) and ask the same of
them. Each such question is a column over the states, whoever asks it; the states in which a rule may apply are where
all of its columns hold. Rules are then replayed there only, which is seldom.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from worldwright.world_model.language import ActionRule, Comparison, Exists, LiftedAtom, Literal, is_variable
from worldwright.world_model.matching import Query
from worldwright.world_model.state import State
from worldwright.world_model.vocabulary import ROOT_TYPE, Vocabulary

Ref = str  # a variable's meaning: the number of an argument, or the predicate and the references that lead to it


@dataclass(frozen=True)
class Question:
    """What is asked of a state: that references lead to things of a type, that a condition holds, or that any thing
    has a value.

    Attributes:
        key: the same for the same question, whatever its variables are called.
        refs: of the variables that it speaks of.
        condition: None if only the type is asked.
        value: a predicate and a constant that is to be the value of something.
    """

    key: str
    refs: tuple[tuple[str, Ref], ...]
    type: str = ROOT_TYPE
    condition: Literal | Comparison | None = None
    query: Query | None = field(default=None, compare=False, repr=False)
    value: tuple[str, str] | None = None


@dataclass
class Columns:
    """The answers for a growing list of states with the arguments of what was done there."""

    rows: list[tuple[State, tuple[str, ...]]] = field(default_factory=list)
    _links: dict[Ref, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    _values: dict[Ref, list[str | None]] = field(default_factory=dict)
    _answers: dict[str, tuple[int, int]] = field(default_factory=dict)  # bits, and how many rows they are about

    def questions(self, vocabulary: Vocabulary, rule: ActionRule, query: Query) -> list[Question]:
        """What a rule asks before anything is searched for; it has no binding where one of these does not hold.

        Args:
            vocabulary: of the states.
            rule: any rule.
            query: its preconditions, compiled.
        """
        arity = len(vocabulary.action(rule.action).types)
        refs: dict[str, Ref] = {variable.name: str(number) for number, variable in enumerate(rule.parameters[:arity])}
        found = [Question(f"any {name} {value}", (), value=(name, value)) for name, value in _values(vocabulary, rule)]
        for condition, bound in query.opening():
            if isinstance(condition, Exists):  # costs more to ask of all states than of those where the rest holds
                continue
            if bound is not None and isinstance(condition, Literal):
                keys = tuple(refs.get(term, term) for term in condition.atom.args[:-1])
                ref = refs[bound.name] = f"({' '.join([condition.atom.predicate, *keys])})"
                self._links[ref] = (condition.atom.predicate, keys)
                found.append(Question(f"{ref} - {bound.type}", ((bound.name, ref),), bound.type))
            else:
                own = tuple((term, refs[term]) for term in dict.fromkeys(_atom(condition).args) if term in refs)
                found.append(Question(_key(condition, refs), own, condition=condition, query=query))
        return found

    def where(self, questions: Sequence[Question]) -> int:
        """The rows, as bits, in which all of the questions hold."""
        bits = (1 << len(self.rows)) - 1
        for question in questions:
            bits &= self._answer(question)
            if not bits:
                break
        return bits

    def _answer(self, question: Question) -> int:
        bits, done = self._answers.get(question.key, (0, 0))
        if done < len(self.rows):
            columns = [(name, self._column(ref)) for name, ref in question.refs]
            for number in range(done, len(self.rows)):
                binding = {name: values[number] for name, values in columns}
                known = {name: value for name, value in binding.items() if value is not None}
                if len(known) == len(binding) and self._holds(question, self.rows[number][0], known):
                    bits |= 1 << number
            self._answers[question.key] = (bits, len(self.rows))
        return bits

    def _holds(self, question: Question, state: State, binding: dict[str, str]) -> bool:
        if question.value is not None:
            return state.owner(*question.value) is not None or bool(state.universe.fluents(question.value[0]))
        if question.condition is not None:
            assert question.query is not None
            return question.query.test(question.condition, state, binding)
        types = state.universe.types
        is_a = state.universe.vocabulary.is_a
        wanted = question.type
        return wanted == ROOT_TYPE or all(is_a(types.get(name, ROOT_TYPE), wanted) for name in binding.values())

    def _column(self, ref: Ref) -> list[str | None]:
        """What a reference leads to in each row."""
        values = self._values.setdefault(ref, [])
        if len(values) < len(self.rows):
            values.extend(self._resolved(ref, len(values)))
        return values

    def _resolved(self, ref: Ref, start: int) -> Iterator[str | None]:
        if ref not in self._links:  # an argument
            yield from (args[int(ref)] for _, args in self.rows[start:])
            return
        predicate, keys = self._links[ref]
        columns = [self._column(key) if key.isdigit() or key in self._links else None for key in keys]
        for number in range(start, len(self.rows)):
            terms = [key if some is None else some[number] for key, some in zip(keys, columns, strict=True)]
            known = [term for term in terms if term is not None]
            value = self.rows[number][0].value((predicate, *known)) if len(known) == len(terms) else None
            yield None if value is None else str(value)


def ones(bits: int) -> Iterator[int]:
    """The numbers of the bits that are set, lowest first."""
    text = f"{bits:b}"[::-1]
    at = text.find("1")
    while at >= 0:
        yield at
        at = text.find("1", at + 1)


def _values(vocabulary: Vocabulary, rule: ActionRule) -> dict[tuple[str, str], None]:
    """The constants that a rule demands as values of functional predicates of anything."""
    atoms = [c.atom for c in rule.preconditions if isinstance(c, Literal) and c.positive]
    return {
        (atom.predicate, atom.args[-1]): None
        for atom in atoms
        if vocabulary.is_functional(atom.predicate) and not is_variable(atom.args[-1])
    }


def _atom(condition: Literal | Comparison) -> LiftedAtom:
    return condition.counter if isinstance(condition, Comparison) else condition.atom


def _key(condition: Literal | Comparison, refs: Mapping[str, Ref]) -> str:
    """The condition with references in the place of variables."""
    atom = _atom(condition)
    shown = LiftedAtom(atom.predicate, tuple(refs.get(term, term) for term in atom.args))
    if isinstance(condition, Comparison):
        return str(replace(condition, counter=shown))
    return str(replace(condition, atom=shown))
