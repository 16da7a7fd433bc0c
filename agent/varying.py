"""Seeing again what was seen only a few times, with something else about it.

A law that rests on a few transitions may owe to what they happened to share. It is put to the test where all it asks
for holds and the things are of other kinds: to vary one thing at a time is Mill's method of agreement (A System of
Logic, 1843, book III, chapter 8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from worldwright.agent.novelty import Trial
from worldwright.world_model.goal import Reach
from worldwright.world_model.induction.references import References
from worldwright.world_model.induction.writing import RuleWriter
from worldwright.world_model.language import EQUALS, ActionRule, Effect, Evidence, LiftedAtom, Literal
from worldwright.world_model.matching import Query
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import State
from worldwright.world_model.vocabulary import Vocabulary

_ENOUGH = 4  # transitions that bear a rule out after which it need not be sought


@dataclass(frozen=True)
class Variation:
    """A situation in which an action is to be done, with some of the situation's parameters, the first, as arguments.

    `rule` names what foretells something there, if anything does.
    """

    name: str
    situation: Reach
    rule: str = ""

    def action(self, vocabulary: Vocabulary, state: State) -> Action | None:
        """What to do in the situation; None if the state is not one."""
        query = Query(vocabulary, self.situation.parameters, self.situation.conditions)
        binding = next(query.bindings(state), None)
        if binding is None:
            return None
        arguments = self.situation.parameters[: len(vocabulary.action(self.name).types)]
        return Action(self.name, tuple(binding[argument.name] for argument in arguments))


def variations(model: WorldModel, done: Iterable[tuple[Action, State]]) -> Iterator[Variation]:
    """The variations of what the rules and hypotheses of actions with arguments say that were seen but a few times.

    Args:
        model: the laws.
        done: the actions so far, each with the state in which it was done.
    """
    tried = list(done)
    for rule in (*model.hypotheses, *model.rules):
        evidence = rule.evidence
        few = evidence.support < _ENOUGH and evidence.contradicted <= 2 * evidence.support
        if few and model.vocabulary.action(rule.action).types:
            own = [(action, state) for action, state in tried if action.name == rule.action]
            denied = (*_new(rule), *_things(rule, model.vocabulary), *_other(rule, own, model))
            yield Variation(rule.action, Reach(rule.parameters, (*rule.preconditions, *denied)), rule.name)


def trial(todo: Trial, vocabulary: Vocabulary) -> Variation:
    """The situation in which something can be tried."""
    nothing = Evidence(0, 0, "explorer", 0)
    rule = RuleWriter(References(vocabulary, todo.action), todo.action).write("trial", [], todo.features, nothing)
    return Variation(todo.action, Reach(rule.parameters, (*rule.preconditions, *_things(rule, vocabulary))))


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


def _other(rule: ActionRule, done: Iterable[tuple[Action, State]], model: WorldModel) -> list[Literal]:
    """That the arguments are not called what they were where the rule applied, unless it says what they are called."""
    vocabulary = model.vocabulary
    asked = {(c.atom.predicate, c.atom.args[0]) for c in rule.preconditions if isinstance(c, Literal) and c.atom.args}
    types = vocabulary.action(rule.action).types
    said = [
        (index, predicate.name)
        for index, type_ in enumerate(types)
        for predicate in vocabulary.predicates
        if predicate.functional and len(predicate.types) == 2 and predicate.types[1] in vocabulary.nominal
        if vocabulary.is_a(type_, predicate.types[0]) and (predicate.name, rule.parameters[index].name) not in asked
    ]
    where = [(action, state) for action, state in done if model.applies(rule, state, action)]
    called = {
        (index, name, str(value))
        for action, state in where
        for index, name in said
        if (value := state.value((name, action.args[index]))) is not None
    }
    return [
        Literal(LiftedAtom(name, (rule.parameters[index].name, value)), positive=False)
        for index, name, value in sorted(called)
    ]
