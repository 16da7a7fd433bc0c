"""The meaning of rules, said once more and as plainly as can be: every binding is tried. For tests only."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from worldwright.world_model.language import (
    EQUALS,
    ActionRule,
    Comparison,
    Condition,
    Exists,
    LiftedAtom,
    Relation,
)
from worldwright.world_model.state import GroundAtom, State
from worldwright.world_model.vocabulary import Variable

Binding = dict[str, str]


def holds(condition: Condition, state: State, binding: Binding) -> bool:
    """Whether a condition holds in a state for a binding of its free variables."""
    if isinstance(condition, Exists):
        found = any(True for _ in bindings(condition.parameters, condition.conditions, state, binding))
        return found == condition.positive
    if isinstance(condition, Comparison):
        counter = _ground(condition.counter, binding)
        number = int(state.values.get((counter.predicate, *counter.args), 0))
        return {
            Relation.AT_LEAST: number >= condition.number,
            Relation.AT_MOST: number <= condition.number,
            Relation.EQUAL: number == condition.number,
        }[condition.relation]
    atom = _ground(condition.atom, binding)
    truth = atom.args[0] == atom.args[1] if atom.predicate == EQUALS else state.holds(atom)
    return truth == condition.positive


def bindings(
    parameters: Sequence[Variable], conditions: Iterable[Condition], state: State, given: Binding
) -> Iterable[Binding]:
    """Every binding of the parameters that extends `given` and satisfies the conditions."""
    free = [variable for variable in parameters if variable.name not in given]
    for names in itertools.product(*(state.universe.objects(variable.type) for variable in free)):
        binding = {**given, **{variable.name: name for variable, name in zip(free, names, strict=True)}}
        if all(holds(condition, state, binding) for condition in conditions):
            yield binding


def rule_bindings(rule: ActionRule, state: State, args: tuple[str, ...]) -> list[Binding]:
    """Every binding for which a rule applies to its action with these arguments."""
    given = {variable.name: arg for variable, arg in zip(rule.parameters, args, strict=False)}
    return list(bindings(rule.parameters, rule.preconditions, state, given))


def _ground(atom: LiftedAtom, binding: Binding) -> GroundAtom:
    return GroundAtom(atom.predicate, tuple(binding.get(arg, arg) for arg in atom.args))
