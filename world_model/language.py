"""The rule language: STRIPS with functional predicates, counters, quantifiers and the outcomes of PPDDL.

Everything here is plain data; reading and printing is in `syntax`, the meaning in `matching` and `model`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from worldwright.world_model.vocabulary import Variable

MAX_PARAMETERS = 16
MAX_LITERALS = 64
MAX_OUTCOMES = 16
EQUALS = "="


def is_variable(term: str) -> bool:
    """Whether a term is a variable rather than the name of an object."""
    return term.startswith("?")


@dataclass(frozen=True, order=True)
class LiftedAtom:
    """A predicate applied to variables and constants; `=` compares two of them. `str()` is PDDL."""

    predicate: str
    args: tuple[str, ...]

    def __str__(self) -> str:
        return f"({' '.join((self.predicate, *self.args))})"


@dataclass(frozen=True, order=True)
class Literal:
    """An atom or its denial."""

    atom: LiftedAtom
    positive: bool = True

    def __str__(self) -> str:
        return str(self.atom) if self.positive else f"(not {self.atom})"


class Relation(StrEnum):
    """How a counter is compared with a number."""

    AT_LEAST = ">="
    AT_MOST = "<="
    EQUAL = "="


@dataclass(frozen=True, order=True)
class Comparison:
    """A counter compared with a number: `(>= (count wood) 2)`."""

    relation: Relation
    counter: LiftedAtom
    number: int

    def __str__(self) -> str:
        return f"({self.relation} {self.counter} {self.number})"

    def accepts(self, value: int) -> bool:
        """Whether a counter of that value passes."""
        if self.relation is Relation.AT_LEAST:
            return value >= self.number
        return value <= self.number if self.relation is Relation.AT_MOST else value == self.number


@dataclass(frozen=True, order=True)
class Exists:
    """Some objects make all the conditions true (or, if not `positive`, none do)."""

    parameters: tuple[Variable, ...]
    conditions: tuple[Literal | Comparison, ...]
    positive: bool = True

    def __str__(self) -> str:
        inside = f"(exists ({show_parameters(self.parameters)}) {show_all(self.conditions)})"
        return inside if self.positive else f"(not {inside})"


Condition = Literal | Comparison | Exists


class CounterOp(StrEnum):
    """How an effect changes a counter."""

    INCREASE = "increase"
    DECREASE = "decrease"
    ASSIGN = "assign"


@dataclass(frozen=True, order=True)
class CounterChange:
    """A change of a counter, which saturates at its bounds: `(increase (count wood) 1)`."""

    op: CounterOp
    counter: LiftedAtom
    number: int

    def __str__(self) -> str:
        return f"({self.op} {self.counter} {self.number})"


Effect = Literal | CounterChange


@dataclass(frozen=True)
class Outcome:
    """What happens with the given probability: deletions, then additions and counter changes."""

    probability: float
    effects: tuple[Effect, ...] = ()

    def __post_init__(self) -> None:
        # Six decimals are what the text shows, so that reading it back gives the same outcome.
        object.__setattr__(self, "probability", round(self.probability, 6))

    def __str__(self) -> str:
        return f"({self.probability:.6g} {show_all(self.effects)})"


@dataclass(frozen=True)
class Evidence:
    """How many transitions speak for a rule and against it, its author, and the step it was learned at."""

    support: int = 0
    contradicted: int = 0
    author: str = "human"
    learned_at: int = 0

    def __str__(self) -> str:
        numbers = f"(support {self.support} contradicted {self.contradicted}"
        return f"{numbers} author {self.author} learned-at {self.learned_at})"


@dataclass(frozen=True)
class ActionRule:
    """When `action` is done and the preconditions hold, one of the outcomes happens, for each binding.

    The first `parameters` are the action's own arguments, the others are bound by the preconditions. Several
    rules of an action may apply at once: all their effects happen. If none does, nothing changes.
    """

    name: str
    action: str
    parameters: tuple[Variable, ...]
    preconditions: tuple[Condition, ...]
    outcomes: tuple[Outcome, ...]
    evidence: Evidence = Evidence()

    def likeliest(self) -> Outcome:
        """The outcome of the highest probability, the first of equals."""
        return max(self.outcomes, key=lambda outcome: outcome.probability)

    def with_evidence(self, evidence: Evidence) -> ActionRule:
        """The same law with other evidence."""
        return replace(self, evidence=evidence)

    def law(self) -> tuple[object, ...]:
        """What the rule says, apart from its name and evidence."""
        return (self.action, self.parameters, self.preconditions, self.outcomes)


def heads(condition: Condition) -> list[str]:
    """The predicates and counters that a condition speaks of, those inside an `exists` too."""
    if isinstance(condition, Exists):
        return [name for part in condition.conditions for name in heads(part)]
    return [condition.atom.predicate if isinstance(condition, Literal) else condition.counter.predicate]


def show_parameters(parameters: tuple[Variable, ...]) -> str:
    """`?x - thing ?c - color`."""
    return " ".join(f"{variable.name} - {variable.type}" for variable in parameters)


def show_all(parts: tuple[Condition, ...] | tuple[Effect, ...] | tuple[Literal | Comparison, ...]) -> str:
    """`(and ...)` of the parts."""
    return f"({' '.join(['and', *map(str, parts)])})"
