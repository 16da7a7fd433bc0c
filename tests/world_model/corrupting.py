"""Right rules made wrong in one or two places, and still plausible."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from worldwright.world_model.errors import Inexpressible, WorldwrightError
from worldwright.world_model.language import ActionRule, LiftedAtom, Literal, Outcome, is_variable
from worldwright.world_model.proposing.sense import check_sense
from worldwright.world_model.proposing.words import Words
from worldwright.world_model.syntax import check_rule
from worldwright.world_model.vocabulary import Vocabulary

Corrupt = Callable[[ActionRule, Vocabulary, random.Random], ActionRule]


def corruptions(rules: Sequence[ActionRule], vocabulary: Vocabulary, chance: random.Random) -> Iterator[ActionRule]:
    """Wrong rules without end, each law once, all well-formed and none of them one of the right ones."""
    words = Words(vocabulary)
    known = {words.normal(rule).law() for rule in rules}
    while True:
        wrong = chance.choice(rules)
        for _ in range(chance.choice((1, 1, 2))):
            wrong = chance.choice(WAYS)(wrong, vocabulary, chance)
        try:
            check_rule(vocabulary, wrong)
            check_sense(vocabulary, wrong)
            law = words.normal(wrong).law()
        except (WorldwrightError, Inexpressible):
            continue
        if law not in known:
            known.add(law)
            yield wrong


def _without(rule: ActionRule, vocabulary: Vocabulary, chance: random.Random) -> ActionRule:
    """The rule without one of its conditions."""
    if not rule.preconditions:
        return rule
    out = chance.choice(rule.preconditions)
    return replace(rule, preconditions=tuple(c for c in rule.preconditions if c is not out))


def _denied(rule: ActionRule, vocabulary: Vocabulary, chance: random.Random) -> ActionRule:
    """The rule with one of its literals the other way round."""
    if not rule.preconditions:
        return rule
    at = chance.randrange(len(rule.preconditions))
    condition = rule.preconditions[at]
    if not isinstance(condition, Literal):
        return rule
    denied = replace(condition, positive=not condition.positive)
    return replace(rule, preconditions=(*rule.preconditions[:at], denied, *rule.preconditions[at + 1 :]))


def _other_constant(rule: ActionRule, vocabulary: Vocabulary, chance: random.Random) -> ActionRule:
    """The rule with another constant of the same type in the place of one."""
    types = vocabulary.constant_types
    used = sorted({arg for atom in _atoms(rule) for arg in atom.args if arg in types})
    if not used:
        return rule
    old = chance.choice(used)
    others = [name for name, type_ in types.items() if type_ == types[old] and name != old]
    return _renamed(rule, old, chance.choice(others)) if others else rule


def _other_variable(rule: ActionRule, vocabulary: Vocabulary, chance: random.Random) -> ActionRule:
    """The rule with one mention of a variable replaced by another of the same type."""
    pairs = [
        (one.name, other.name)
        for one in rule.parameters
        for other in rule.parameters
        if one != other and one.type == other.type
    ]
    if not pairs:
        return rule
    old, new = chance.choice(pairs)
    if chance.random() < 0.5:
        return replace(rule, outcomes=_renamed(rule, old, new).outcomes)
    return replace(rule, preconditions=_renamed(rule, old, new).preconditions)


def _other_outcome(rule: ActionRule, vocabulary: Vocabulary, chance: random.Random) -> ActionRule:
    """The rule with one effect less, or with another constant as its effect."""
    effects = list(rule.outcomes[0].effects)
    if len(effects) > 1 and chance.random() < 0.3:
        effects.pop(chance.randrange(len(effects)))
        return replace(rule, outcomes=(Outcome(1.0, tuple(effects)),))
    wrong = _other_constant(rule, vocabulary, chance)
    return replace(rule, outcomes=wrong.outcomes)


def _other_action(rule: ActionRule, vocabulary: Vocabulary, chance: random.Random) -> ActionRule:
    """The rule as one of another action that takes the same arguments."""
    types = vocabulary.action(rule.action).types
    return replace(rule, action=chance.choice([a.name for a in vocabulary.actions if a.types == types]))


def _further(rule: ActionRule, vocabulary: Vocabulary, chance: random.Random) -> ActionRule:
    """The rule with one condition more, about something that it speaks of."""
    predicates = [p for p in vocabulary.predicates if p.functional and len(p.types) == 2 and not p.static]
    predicate = chance.choice(predicates)
    fitting = [v.name for v in rule.parameters if v.type == predicate.types[0]]
    values = [name for name, type_ in vocabulary.constant_types.items() if type_ == predicate.types[1]]
    if not fitting or not values:
        return rule
    literal = Literal(
        LiftedAtom(predicate.name, (chance.choice(fitting), chance.choice(values))), chance.random() < 0.7
    )
    return replace(rule, preconditions=(*rule.preconditions, literal))


def _atoms(rule: ActionRule) -> list[LiftedAtom]:
    effects = [effect for outcome in rule.outcomes for effect in outcome.effects]
    return [part.atom for part in (*rule.preconditions, *effects) if isinstance(part, Literal)]


def _renamed(rule: ActionRule, old: str, new: str) -> ActionRule:
    def literal(part: Literal) -> Literal:
        args = tuple(new if arg == old else arg for arg in part.atom.args)
        return replace(part, atom=LiftedAtom(part.atom.predicate, args))

    assert is_variable(old) == is_variable(new)
    return replace(
        rule,
        preconditions=tuple(literal(c) if isinstance(c, Literal) else c for c in rule.preconditions),
        outcomes=tuple(
            Outcome(o.probability, tuple(literal(e) if isinstance(e, Literal) else e for e in o.effects))
            for o in rule.outcomes
        ),
    )


WAYS: tuple[Corrupt, ...] = (
    _without,
    _denied,
    _other_constant,
    _other_variable,
    _other_outcome,
    _other_action,
    _further,
)
