"""Seeing again what was seen only a few times, with something else about it.

A law that rests on a few transitions may owe to what they happened to share. It is put to the test where all it asks
for holds and the things are of other kinds: to vary one thing at a time is Mill's method of agreement (A System of
Logic, 1843, book III, chapter 8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from worldwright.agent.novelty import Trial
from worldwright.world_model.goal import Reach
from worldwright.world_model.induction.references import References
from worldwright.world_model.induction.writing import RuleWriter
from worldwright.world_model.language import EQUALS, ActionRule, Condition, Effect, Evidence, LiftedAtom, Literal
from worldwright.world_model.matching import Query
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import State
from worldwright.world_model.vocabulary import Vocabulary

_ENOUGH = 4  # transitions that bear a rule out after which it need not be sought with other things
_CLEAR = 10  # and after which its conditions are not doubted any more
_SURE = 2  # sorts of things with which it failed the other way round after which a condition is believed
_NAMES = 8  # transitions with things called otherwise after which a name is taken to matter

Done = tuple[Action, State, bool]


@dataclass(frozen=True)
class Variation:
    """A situation in which an action is to be done, with some of the situation's parameters, the first, as arguments.

    Attributes:
        rule: names what foretells something there, if anything does.
        anew: whether it is worth doing although it was done with such things: then something that now is not so was.
    """

    name: str
    situation: Reach
    rule: str = ""
    anew: bool = False

    def action(self, vocabulary: Vocabulary, state: State) -> Action | None:
        """What to do in the situation; None if the state is not one."""
        query = Query(vocabulary, self.situation.parameters, self.situation.conditions)
        binding = next(query.bindings(state), None)
        if binding is None:
            return None
        arguments = self.situation.parameters[: len(vocabulary.action(self.name).types)]
        return Action(self.name, tuple(binding[argument.name] for argument in arguments))


def variations(model: WorldModel, done: Iterable[Done]) -> Iterator[Variation]:
    """The variations of what the rules and hypotheses of actions with arguments say that were seen but a few times.

    First the same with things called otherwise, then with one condition at a time the other way round.

    Args:
        model: the laws.
        done: the actions so far, each with the state in which it was done and whether it had an effect.
    """
    tried = list(done)
    for rule in (*model.hypotheses, *model.rules):
        evidence = rule.evidence
        clear = evidence.support >= _CLEAR or evidence.contradicted > 2 * evidence.support
        if model.vocabulary.action(rule.action).types and not clear:
            own = [entry for entry in tried if entry[0].name == rule.action]
            for conditions, is_flipped in _varied(rule, own, model):
                denied = (*_new(rule), *_things(rule, model.vocabulary))
                yield Variation(rule.action, Reach(rule.parameters, (*conditions, *denied)), rule.name, is_flipped)


def _varied(rule: ActionRule, done: Sequence[Done], model: WorldModel) -> Iterator[tuple[tuple[Condition, ...], bool]]:
    """What is to hold instead of what the rule asks for, and whether one condition is the other way round in it.

    That a thing failed under that condition says little of it if with that thing it never worked under any.
    """
    if rule.evidence.support < _ENOUGH:
        yield (*rule.preconditions, *_other(rule, done, model)), False
    variables = {parameter.name for parameter in rule.parameters}
    references = References(model.vocabulary, rule.action)
    for literal in rule.preconditions:
        if not isinstance(literal, Literal) or not _is_trait(literal, variables, references):
            continue
        rest = replace(rule, preconditions=tuple(c for c in rule.preconditions if c != literal))
        elsewhere = [
            (action, state, moved)
            for action, state, moved in done
            if model.applies(rest, state, action) and not model.applies(rule, state, action)
        ]
        if _names(literal, model.vocabulary) and literal.positive:
            if len(elsewhere) < _NAMES:
                yield (*rest.preconditions, *_other(rest, done, model)), False
        else:
            flipped = replace(literal, positive=not literal.positive)
            worked, seen = _worked(rest, done, model), {_called(rest, entry, model) for entry in elsewhere}
            if len(seen.intersection(worked)) < _SURE:
                yield from (((*rest.preconditions, flipped, *names), True) for names in worked if names not in seen)


def _is_trait(literal: Literal, variables: set[str], references: References) -> bool:
    """Whether it says what one thing is like, and not how it relates to others or where it is."""
    first, *others = literal.atom.args or ("",)
    if first not in variables or literal.atom.predicate == EQUALS:
        return False
    predicate = references.vocabulary.predicate(literal.atom.predicate)
    is_said = not predicate.functional or references.is_value_type(predicate.types[-1])
    return is_said and not variables & set(others)


def _names(literal: Literal, vocabulary: Vocabulary) -> bool:
    """Whether it says what a thing is called."""
    return vocabulary.predicate(literal.atom.predicate).types[-1] in vocabulary.nominal


def _worked(rule: ActionRule, done: Iterable[Done], model: WorldModel) -> list[tuple[Literal, ...]]:
    """What the arguments were called where the action had an effect."""
    worked = [entry for entry in done if entry[2] and model.applies(rule, entry[1], entry[0])]
    return list(dict.fromkeys(_called(rule, entry, model) for entry in worked))


def _called(rule: ActionRule, done: Done, model: WorldModel) -> tuple[Literal, ...]:
    """What the arguments were called, as far as the rule does not speak of it."""
    action, state, _ = done
    return tuple(
        Literal(LiftedAtom(name, (rule.parameters[index].name, str(state.value((name, action.args[index]))))))
        for index, name in _said(rule, model.vocabulary)
    )


def trial(todo: Trial, vocabulary: Vocabulary) -> Variation:
    """The situation in which something can be tried."""
    nothing = Evidence(0, 0, "explorer", 0)
    rule = RuleWriter(References(vocabulary, todo.action), todo.action).write("trial", [], todo.features, nothing)
    return Variation(todo.action, Reach(rule.parameters, (*rule.preconditions, *_things(rule, vocabulary))))


def confirmation(rule: ActionRule, vocabulary: Vocabulary) -> Variation:
    """The situation in which a rule foretells something that is not so yet."""
    conditions = (*rule.preconditions, *_new(rule), *_things(rule, vocabulary))
    return Variation(rule.action, Reach(rule.parameters, conditions), rule.name)


def _new(rule: ActionRule) -> list[Literal]:
    """That what the rule brings about is not so yet."""
    effects: tuple[Effect, ...] = max(rule.outcomes, key=lambda o: (bool(o.effects), o.probability)).effects
    made = [e for e in effects if isinstance(e, Literal) and e.positive]
    return [Literal(effect.atom, positive=False) for effect in made[:1]]


def _things(rule: ActionRule, vocabulary: Vocabulary) -> list[Literal]:
    """That the arguments are things of the episode, not constants."""
    arguments = rule.parameters[: len(vocabulary.action(rule.action).types)]
    return [
        Literal(LiftedAtom(EQUALS, (argument.name, constant.name)), positive=False)
        for argument in arguments
        for constant in vocabulary.constants
        if vocabulary.is_a(constant.type, argument.type)
    ]


def _other(rule: ActionRule, done: Iterable[Done], model: WorldModel) -> list[Literal]:
    """That the arguments are not called what they were where the rule applied, unless it says what they are called."""
    called = {
        (index, name, str(value))
        for action, state, _ in done
        if model.applies(rule, state, action)
        for index, name in _said(rule, model.vocabulary)
        if (value := state.value((name, action.args[index]))) is not None
    }
    return [
        Literal(LiftedAtom(name, (rule.parameters[index].name, value)), positive=False)
        for index, name, value in sorted(called)
    ]


def _said(rule: ActionRule, vocabulary: Vocabulary) -> list[tuple[int, str]]:
    """By which predicates the arguments are called something of which the rule does not speak."""
    asked = {
        (c.atom.predicate, c.atom.args[0])
        for c in rule.preconditions
        if isinstance(c, Literal) and c.positive and c.atom.args
    }
    return [
        (index, predicate.name)
        for index, type_ in enumerate(vocabulary.action(rule.action).types)
        for predicate in vocabulary.predicates
        if predicate.functional and len(predicate.types) == 2 and predicate.types[1] in vocabulary.nominal
        if vocabulary.is_a(type_, predicate.types[0]) and (predicate.name, rule.parameters[index].name) not in asked
    ]
