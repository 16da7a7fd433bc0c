"""What a world model objects to an action: the rules that do not apply and why, or that nothing would change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from worldwright.world_model.language import ActionRule, Comparison, Condition, Literal
from worldwright.world_model.matching import Query
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import State
from worldwright.world_model.vocabulary import ENDED, WON, Variable, Vocabulary

MAX_OBJECTIONS = 3


class Objection(NamedTuple):
    """Why an action is of no use.

    Attributes:
        why: in words.
        rule: the name of the rule that says so; empty: none does.
        missing: the condition of the rule that does not hold, with what is known of its variables; empty: all hold.
    """

    why: str
    rule: str = ""
    missing: str = ""

    def __str__(self) -> str:
        said = f"{self.missing} does not hold" if self.missing else self.why
        return f"{self.rule}: {said}" if self.rule else said


def objections(model: WorldModel, state: State, action: Action) -> tuple[Objection, ...]:
    """Why an action is of no use by the laws: none if it changes something, or if there is no rule of it.

    Where no rule applies, the few that come closest to it are named, each with its first condition that fails.
    """
    change = model.predict(state, action).change
    if change.get((ENDED,)) and not change.get((WON,)):
        return (Objection("it would end all without success"),)
    rules = model.rules_for(action.name)
    if change or not rules:
        return ()
    failing = [(rule, *first_failing(model, state, rule, action)) for rule in rules]
    if any(not missing for _, _, missing in failing):
        return (Objection("nothing would change"),)
    failing.sort(key=lambda each: len(each[0].preconditions) - each[1])
    return tuple(Objection("it does not apply", rule.name, missing) for rule, _, missing in failing[:MAX_OBJECTIONS])


def first_failing(model: WorldModel, state: State, rule: ActionRule, action: Action) -> tuple[int, str]:
    """The first of the preconditions that does not hold as well as those before it, about what they refer to.

    Returns:
        Its number and what it says; the number of preconditions and an empty text if all of them hold.
    """
    given = {variable.name: arg for variable, arg in zip(rule.parameters, action.args, strict=False)}
    return first_lacking(model.vocabulary, rule.parameters, rule.preconditions, state, given)


def first_lacking(
    vocabulary: Vocabulary,
    parameters: Sequence[Variable],
    conditions: Sequence[Condition],
    state: State,
    given: Mapping[str, str],
) -> tuple[int, str]:
    """The same of any conjunction, of whose parameters some are `given`."""
    bound = given
    for number, condition in enumerate(conditions):
        query = Query(vocabulary, parameters, conditions[: number + 1], tuple(given))
        if not query.holds(state, dict(given)):
            said = {name for earlier in conditions[:number] for name in _variables(earlier)}
            return number, filled(str(condition), {k: v for k, v in bound.items() if k in said | set(given)})
        bound = next(query.bindings(state, dict(given)))
    return len(conditions), ""


def _variables(condition: Condition) -> Iterator[str]:
    if isinstance(condition, Literal):
        yield from condition.atom.args if condition.positive else ()
    elif isinstance(condition, Comparison):
        yield from condition.counter.args


def filled(text: str, binding: Mapping[str, str]) -> str:
    """A text with the variables replaced that are bound."""
    return re.sub(r"\?[a-z0-9_-]+", lambda found: binding.get(found[0], found[0]), text)
