"""Whether a well-formed rule can mean anything: what never holds or says nothing is refused before it is replayed."""

from __future__ import annotations

from collections.abc import Iterable

from worldwright.world_model.language import (
    EQUALS,
    ActionRule,
    Comparison,
    Condition,
    Exists,
    Literal,
    Relation,
    is_variable,
)
from worldwright.world_model.matching import Query
from worldwright.world_model.proposing.refusing import Reason, Refused
from worldwright.world_model.vocabulary import Vocabulary

MAX_SEARCHED = 1  # things that a rule looks for among all; what else it speaks of must follow from what is at hand


def check_sense(vocabulary: Vocabulary, rule: ActionRule) -> None:
    """Raise `Refused` if the rule foretells nothing, can never apply, or looks for things in too many ways.

    The last is what bounds replaying and planning: each thing that is looked for multiplies what must be tried.
    """
    if not any(outcome.effects for outcome in rule.outcomes if outcome.probability > 0):
        raise Refused(Reason.SENSELESS, "nothing happens by it")
    why = contradiction(vocabulary, rule.preconditions)
    if why:
        raise Refused(Reason.SENSELESS, f"it never applies: {why}")
    arity = len(vocabulary.action(rule.action).types)
    given = [variable.name for variable in rule.parameters[:arity]]
    searched = Query(vocabulary, rule.parameters, rule.preconditions, given).searches
    if searched > MAX_SEARCHED:
        raise Refused(Reason.TOO_BROAD, f"{searched} things to be looked for among all, at most {MAX_SEARCHED}")


def contradiction(vocabulary: Vocabulary, conditions: Iterable[Condition]) -> str:
    """Two conditions that exclude each other, or one that excludes itself; empty if none is found."""
    listed = list(conditions)
    literals = [c for c in listed if isinstance(c, Literal)]
    positive = {literal.atom for literal in literals if literal.positive}
    for literal in literals:
        atom = literal.atom
        if not literal.positive and (atom in positive or (atom.predicate == EQUALS and len(set(atom.args)) == 1)):
            return str(literal)
        if literal.positive and atom.predicate == EQUALS and _differ(*atom.args):
            return str(literal)
    values: dict[tuple[str, ...], str] = {}
    for atom in sorted(positive):
        if vocabulary.is_functional(atom.predicate):
            value = values.setdefault((atom.predicate, *atom.args[:-1]), atom.args[-1])
            if _differ(value, atom.args[-1]):
                return f"{atom} beside {value}"
    inner = (contradiction(vocabulary, c.conditions) for c in listed if isinstance(c, Exists) and c.positive)
    return next(filter(None, inner), "") or _impossible_count([c for c in listed if isinstance(c, Comparison)])


def _differ(left: str, right: str) -> bool:
    """Whether two terms are different constants."""
    return left != right and not is_variable(left) and not is_variable(right)


def _impossible_count(comparisons: list[Comparison]) -> str:
    """A comparison after which no number is left that all of one counter accept."""
    bounds: dict[object, tuple[float, float]] = {}
    for comparison in comparisons:
        low, high = bounds.get(comparison.counter, (float("-inf"), float("inf")))
        if comparison.relation is not Relation.AT_MOST:
            low = max(low, comparison.number)
        if comparison.relation is not Relation.AT_LEAST:
            high = min(high, comparison.number)
        bounds[comparison.counter] = (low, high)
        if low > high:
            return str(comparison)
    return ""
