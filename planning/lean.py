"""Rules without the parameters that only say what is replaced: "wherever one is, one is then there".

A rule learned as `(at ?from)` -> `(not (at ?from)) (at ?to)` has an instance for each pair of places, though where one
comes from matters to nothing. Without `?from` it has one for each place, and says the same: what a functional fluent is
given replaces what it had.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from worldwright.world_model.language import ActionRule, Condition, Effect, Exists, LiftedAtom, Literal
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import State
from worldwright.world_model.vocabulary import Variable, Vocabulary


def lean(model: WorldModel, state: State) -> WorldModel:
    """The model with such rules wherever a fluent has a value in the state and never loses it."""
    always = _always_valued(model, state)
    rules = tuple(_lean_rule(rule, always, model.vocabulary) for rule in model.rules)
    return model if rules == model.rules else replace(model, rules=rules)


def _always_valued(model: WorldModel, state: State) -> dict[str, str]:
    """The functional predicates without arguments that always have a value, and its type."""
    found = {
        predicate.name: predicate.types[-1]
        for predicate in model.vocabulary.predicates
        if predicate.functional and len(predicate.types) == 1 and state.value((predicate.name,)) is not None
    }
    for rule in model.rules:
        for outcome in rule.outcomes:
            given = {atom.predicate for atom in _given(outcome.effects)}
            for effect in outcome.effects:
                if isinstance(effect, Literal) and not effect.positive and effect.atom.predicate not in given:
                    found.pop(effect.atom.predicate, None)
    return found


def _given(effects: Iterable[Effect]) -> list[LiftedAtom]:
    return [effect.atom for effect in effects if isinstance(effect, Literal) and effect.positive]


def _lean_rule(rule: ActionRule, always: dict[str, str], vocabulary: Vocabulary) -> ActionRule:
    arity = len(vocabulary.action(rule.action).types)
    for variable in rule.parameters[arity:]:
        rule = _without(rule, variable, always)
    return rule


def _without(rule: ActionRule, variable: Variable, always: dict[str, str]) -> ActionRule:
    """The rule without a parameter, if all that it says of it is that it is what a fluent has and may lose."""
    says = [
        condition
        for condition in rule.preconditions
        if isinstance(condition, Literal)
        and condition.positive
        and condition.atom.args == (variable.name,)
        and always.get(condition.atom.predicate) == variable.type
    ]
    if len(says) != 1:
        return rule
    loss = Literal(says[0].atom, positive=False)
    rest = tuple(condition for condition in rule.preconditions if condition != says[0])
    outcomes = tuple(replace(o, effects=tuple(e for e in o.effects if e != loss)) for o in rule.outcomes)
    effects = [effect for outcome in outcomes for effect in outcome.effects]
    if any(variable.name in _names(part) for part in (*rest, *effects)):
        return rule
    parameters = tuple(parameter for parameter in rule.parameters if parameter != variable)
    return replace(rule, parameters=parameters, preconditions=rest, outcomes=outcomes)


def _names(part: Condition | Effect) -> set[str]:
    if isinstance(part, Exists):
        return {name for condition in part.conditions for name in _names(condition)}
    return set(part.atom.args if isinstance(part, Literal) else part.counter.args)
