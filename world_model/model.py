"""The executable world model: a vocabulary and the rules learned over it. It predicts and explains."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from worldwright.world_model.discrimination import Match, Slots, Slotting, Tree
from worldwright.world_model.edges import FOUND_IN, Edge
from worldwright.world_model.effects import Changing, changing, effects_of
from worldwright.world_model.errors import VocabularyProblem
from worldwright.world_model.findings import Findings
from worldwright.world_model.language import (
    ActionRule,
    Condition,
    CounterChange,
    Outcome,
    heads,
)
from worldwright.world_model.matching import Binding, Query
from worldwright.world_model.state import Change, Fluent, Readable, State, Value
from worldwright.world_model.vocabulary import Vocabulary

_FAIR_CHANCE = 0.12  # the probability from which an outcome is worth planning for


@dataclass(frozen=True, order=True)
class Action:
    """An action of the environment with its arguments. `str()` is PDDL."""

    name: str
    args: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"({' '.join((self.name, *self.args))})"


@dataclass(frozen=True)
class Firing:
    """A rule that applies in a state, with what its parameters are bound to."""

    rule: ActionRule
    binding: Binding

    def __str__(self) -> str:
        bound = " ".join(f"{name}={value}" for name, value in self.binding.items())
        return f"{self.rule.name} [{bound}]"


@dataclass(frozen=True)
class Prediction:
    """A next state: what it is after, the change, its probability, and the rules that say so if any."""

    before: State
    change: Change
    probability: float
    firings: tuple[Firing, ...]

    @cached_property
    def state(self) -> State:
        """The state as a whole."""
        return self.before.with_change(self.change) if self.change else self.before

    def value(self, fluent: Fluent) -> Value | None:
        """The value of a fluent in it."""
        return self.change[fluent] if fluent in self.change else self.before.value(fluent)


class _Compiled:
    """Rules made ready to be asked of states."""

    def __init__(self, vocabulary: Vocabulary, rules: tuple[ActionRule, ...]) -> None:
        self.rules = rules
        self._vocabulary = vocabulary
        self._asked: dict[ActionRule, Query] = {}

    @cached_property
    def by_action(self) -> dict[str, list[ActionRule]]:
        """The rules of each action, in their order."""
        table: dict[str, list[ActionRule]] = {}
        for rule in self.rules:
            table.setdefault(rule.action, []).append(rule)
        return table

    @cached_property
    def queries(self) -> dict[str, list[tuple[ActionRule, Query]]]:
        """The rules of each action with what they ask. (To hash a rule costs more than to match it.)"""
        return {action: [(rule, self.query(rule)) for rule in rules] for action, rules in self.by_action.items()}

    @cached_property
    def trees(self) -> dict[str, Tree[_Together]]:
        """For each action, what its rules come to together; of those actions all of whose rules follow references."""
        return {
            action: _tree(self._vocabulary, rules)
            for action, rules in self.queries.items()
            if all(query.follows for _, query in rules)
        }

    @cached_property
    def changing(self) -> frozenset[str]:
        """The predicates and counters that the likeliest outcomes change."""
        effects = [effect for rule in self.rules for effect in rule.likeliest().effects]
        return frozenset(
            effect.counter.predicate if isinstance(effect, CounterChange) else effect.atom.predicate
            for effect in effects
        )

    def query(self, rule: ActionRule) -> Query:
        """The compiled preconditions of a rule, be it one of these or not."""
        query = self._asked.get(rule)
        if query is None:
            arity = len(self._vocabulary.action(rule.action).types)
            given = [variable.name for variable in rule.parameters[:arity]]
            query = self._asked[rule] = Query(self._vocabulary, rule.parameters, rule.preconditions, given)
        return query


@dataclass(frozen=True)
class WorldModel:
    """What is believed of the laws of a world.

    Attributes:
        vocabulary: what its rules may mention.
        rules: the laws committed to: the most specific ones that the evidence supports (S).
        hypotheses: more general laws that the evidence does not contradict (G); planned with only as
            experiments.
        steps: the number of environment steps that it was learned from.
        findings: what was found where.
        edges: what somebody said of the world's things, be it true or not.
    """

    vocabulary: Vocabulary
    rules: tuple[ActionRule, ...] = ()
    hypotheses: tuple[ActionRule, ...] = ()
    steps: int = 0
    findings: Findings = field(default_factory=Findings)
    edges: tuple[Edge, ...] = ()
    _kept: _Compiled | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._kept is None or self._kept.rules is not self.rules:  # `replace` hands it on as long as the rules stay
            object.__setattr__(self, "_kept", _Compiled(self.vocabulary, self.rules))

    @property
    def _ready(self) -> _Compiled:
        assert self._kept is not None
        return self._kept

    def rules_for(self, action: str) -> Sequence[ActionRule]:
        """The rules of an action, in the model's order."""
        return self._ready.by_action.get(action, ())

    @cached_property
    def expectations(self) -> Findings:
        """What was found where, and what is said of it that the findings do not refute."""
        said = {(edge.subject, edge.object) for edge in self.edges if edge.relation == FOUND_IN}
        return replace(self.findings, usual=frozenset(pair for pair in said if not self.findings.refutes(*pair)))

    def optimist(self) -> WorldModel:
        """The model that takes its hypotheses for laws, behind the laws themselves."""
        return self._optimist

    @cached_property
    def _optimist(self) -> WorldModel:
        return replace(self, rules=(*self.rules, *self.hypotheses), hypotheses=())

    @cached_property
    def hopeful(self) -> WorldModel:
        """The model in which something comes of an action wherever that has a fair chance; to plan with.

        Planning takes the likeliest outcome for certain. Where that is nothing, the likeliest that is something is
        worth trying for, and to plan anew after if it does not come (all-outcomes determinisation: Yoon, Fern & Givan,
        FF-Replan, ICAPS 2007).
        """
        rules = tuple(map(_hopeful, self.rules))
        return self if rules == self.rules else replace(self, rules=rules)

    @property
    def changing(self) -> frozenset[str]:
        """The predicates and counters that the likeliest outcomes of the rules change."""
        return self._ready.changing

    @cached_property
    def asked(self) -> frozenset[str]:
        """The predicates and counters that the rules and the hypotheses ask for."""
        rules = (*self.rules, *self.hypotheses)
        return frozenset(name for rule in rules for each in rule.preconditions for name in heads(each))

    def query(self, rule: ActionRule) -> Query:
        """The compiled preconditions of a rule; its action's arguments come bound."""
        return self._ready.query(rule)

    def _arity(self, action: str) -> int:
        return len(self.vocabulary.action(action).types)

    def applies(self, rule: ActionRule, state: State, action: Action) -> bool:
        """Whether a rule, of this model or not, applies to its action with these arguments."""
        given = {variable.name: arg for variable, arg in zip(rule.parameters, action.args, strict=False)}
        return next(self.query(rule).bindings(state, given), None) is not None

    def firings(self, state: Readable, action: Action) -> Iterator[Firing]:
        """The rules that apply, each with every binding for which it does."""
        found = self._together(state, action)
        if found is not None:
            yield from found[0].firings(found[1])
            return
        for rule, query in self._ready.queries.get(action.name, ()):
            given = {variable.name: arg for variable, arg in zip(rule.parameters, action.args, strict=False)}
            for binding in query.bindings(state, given):
                yield Firing(rule, binding)

    def _together(self, state: Readable, action: Action) -> tuple[_Together, Slots] | None:
        """What an action's rules come to in a state, with names; None if they do more than follow references."""
        if len(action.args) != self._arity(action.name):
            raise VocabularyProblem(f"{action} does not have {self._arity(action.name)} arguments")
        tree = self._ready.trees.get(action.name)
        return None if tree is None else tree.find(state, action.args)

    def predict(self, state: State, action: Action) -> Prediction:
        """What most probably happens: the likeliest outcome of every rule that applies.

        Where two of them give a fluent different values the first rule wins.
        """
        change, firings = self.told(state, action)
        return Prediction(state, change, math.prod(firing.rule.likeliest().probability for firing in firings), firings)

    def foretold(self, state: Readable, action: Action) -> Change:
        """The change that `predict` foretells, without the state that it leads to."""
        found = self._together(state, action)
        return found[0].change(state.value, found[1]) if found is not None else self.told(state, action)[0]

    def told(self, state: Readable, action: Action) -> tuple[Change, tuple[Firing, ...]]:
        """The change that `predict` foretells, and what makes it."""
        found = self._together(state, action)
        if found is not None:
            together, slots = found
            return together.change(state.value, slots), together.firings(slots)
        firings = tuple(self.firings(state, action))
        return _change(state, firings, [firing.rule.likeliest() for firing in firings]), firings

    def sample(self, state: State, action: Action, rng: random.Random) -> Prediction:
        """One next state, drawn by the outcomes' probabilities."""
        firings = tuple(self.firings(state, action))
        drawn = [rng.choices(f.rule.outcomes, [o.probability for o in f.rule.outcomes])[0] for f in firings]
        return self._after(state, firings, drawn)

    def possibilities(self, state: State, action: Action, most: int = 16) -> list[Prediction]:
        """The next states that have a chance, likeliest first, from the `most` likeliest combinations."""
        change, firings = self.told(state, action)
        if all(len(firing.rule.outcomes) == 1 for firing in firings):  # as it mostly is
            probability = math.prod(firing.rule.outcomes[0].probability for firing in firings)
            if probability > 0:
                return [Prediction(state, change, probability, firings)]
        combinations: list[tuple[float, list[Outcome]]] = [(1.0, [])]
        for firing in firings:
            combinations = [
                (p * o.probability, [*chosen, o])
                for p, chosen in combinations
                for o in firing.rule.outcomes
                if o.probability > 0
            ]
            combinations = sorted(combinations, key=lambda item: -item[0])[:most]
        if len(combinations) == 1:
            return [self._after(state, firings, combinations[0][1])]
        found: dict[State, Prediction] = {}
        for _, chosen in combinations:
            new = self._after(state, firings, chosen)
            same = found.get(new.state)
            found[new.state] = new if same is None else replace(same, probability=same.probability + new.probability)
        return sorted(found.values(), key=lambda prediction: -prediction.probability)

    def _after(self, state: State, firings: tuple[Firing, ...], outcomes: Sequence[Outcome]) -> Prediction:
        change = _change(state, firings, outcomes)
        probability = math.prod(outcome.probability for outcome in outcomes)
        return Prediction(state, change, probability, firings)

    def why_not(self, state: State, rule: ActionRule, args: tuple[str, ...] = ()) -> Condition | None:
        """The first precondition without which the rule would apply.

        None if it does apply, or if no precondition alone is to blame.
        """
        given = {variable.name: arg for variable, arg in zip(rule.parameters, args, strict=False)}
        if self.query(rule).holds(state, given):
            return None
        for left_out in rule.preconditions:
            others = [condition for condition in rule.preconditions if condition != left_out]
            query = Query(self.vocabulary, rule.parameters, others, tuple(given))
            if query.holds(state, given):
                return left_out
        return None


@dataclass(frozen=True)
class _Together:
    """The rules of an action that apply together, and the change that they make."""

    matches: Sequence[Match]
    change: Changing

    def firings(self, slots: Slots) -> tuple[Firing, ...]:
        """The rules with the names that their parameters stand for."""
        return tuple(Firing(m.rule, {name: slots[at] for name, at in m.places.items()}) for m in self.matches)


def _tree(vocabulary: Vocabulary, rules: Sequence[tuple[ActionRule, Query]]) -> Tree[_Together]:
    slotting = Slotting(vocabulary, given=len(vocabulary.action(rules[0][0].action).types))
    return Tree(slotting, rules, lambda matches: _Together(matches, changing(slotting, matches)))


def _change(state: Readable, firings: Sequence[Firing], outcomes: Sequence[Outcome]) -> Change:
    """What becomes otherwise when the outcomes of firings come about together; the first that gives a value wins."""
    change: Change = {}
    for firing, outcome in zip(firings, outcomes, strict=True):
        for fluent, value in effects_of(outcome.effects, firing.binding, state).items():
            if change.get(fluent) is None:
                change[fluent] = value
    return {fluent: value for fluent, value in change.items() if state.value(fluent) != value}


def _hopeful(rule: ActionRule) -> ActionRule:
    if rule.likeliest().effects:
        return rule
    fair = [outcome for outcome in rule.outcomes if outcome.effects and outcome.probability >= _FAIR_CHANCE]
    best = max(fair, key=lambda outcome: outcome.probability, default=None)
    return rule if best is None else replace(rule, outcomes=(Outcome(1.0, best.effects),))
