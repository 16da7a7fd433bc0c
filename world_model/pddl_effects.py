"""What the rules of one action do together, as the effect of a PDDL action."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from worldwright.world_model.errors import Inexpressible
from worldwright.world_model.exclusive import Closure, with_fresh_variables
from worldwright.world_model.language import (
    ActionRule,
    Condition,
    CounterChange,
    CounterOp,
    Effect,
    LiftedAtom,
    Literal,
)
from worldwright.world_model.pddl_formulas import TRUE, Writer, all_of, denied, when
from worldwright.world_model.sexpr import SExpr
from worldwright.world_model.vocabulary import Counter, Variable


@dataclass(frozen=True)
class Part:
    """What one rule adds to a PDDL action: effects, for all variables for which the conditions hold as well."""

    order: int
    name: str
    variables: tuple[Variable, ...]
    conditions: tuple[Condition, ...]
    effects: tuple[Effect, ...]

    def again(self, taken: set[str]) -> Part:
        """The same with other variables, none of them `taken`."""
        rule = ActionRule(self.name, "", self.variables, self.conditions, ())
        new = with_fresh_variables(rule, taken)
        names = {v.name: w.name for v, w in zip(self.variables, new.parameters, strict=True)}
        effects = tuple(_renamed_effect(effect, names) for effect in self.effects)
        return Part(self.order, self.name, new.parameters, new.preconditions, effects)


def _renamed_effect(effect: Effect, names: dict[str, str]) -> Effect:
    if isinstance(effect, CounterChange):
        args = tuple(names.get(arg, arg) for arg in effect.counter.args)
        return CounterChange(effect.op, LiftedAtom(effect.counter.predicate, args), effect.number)
    args = tuple(names.get(arg, arg) for arg in effect.atom.args)
    return Literal(LiftedAtom(effect.atom.predicate, args), effect.positive)


class PddlAction:
    """One PDDL action: what it takes and demands, and the parts that its effects are made of.

    `predict` lets the first rule win where two give a fluent different values, and within an outcome the last effect;
    in PDDL an effect that may lose is told when it does.
    """

    def __init__(
        self,
        writer: Writer,
        absent: frozenset[tuple[str, ...]],
        name: str,
        parameters: tuple[Variable, ...],
        preconditions: tuple[Condition, ...],
        parts: Sequence[Part],
    ) -> None:
        self._writer = writer
        self._vocabulary = writer.vocabulary
        self._absent = absent
        self.name = name
        self._parameters = parameters
        self._preconditions = preconditions
        self._parts = sorted(parts, key=lambda part: part.order)
        self._types = {variable.name: variable.type for variable in parameters}
        for part in parts:
            self._types.update((variable.name, variable.type) for variable in part.variables)

    def precondition(self) -> SExpr:
        """The formula under which the action may be done."""
        return self._formula(self._preconditions)

    def parameters(self) -> list[SExpr]:
        """The typed parameters, as words."""
        return self._writer.variables(self._parameters)

    def effects(self) -> list[SExpr]:
        """The conjuncts of the PDDL effect."""
        return [effect for part in self._parts for effect in self._effects_of(part)]

    def _formula(self, conditions: Iterable[Condition]) -> SExpr:
        return all_of(self._writer.condition(condition, self._types) for condition in conditions)

    def _effects_of(self, part: Part) -> list[SExpr]:
        self._require_one_value(part)
        condition = self._formula(part.conditions)
        together: list[SExpr] = []
        apart: list[SExpr] = []
        for at, effect in enumerate(part.effects):
            outer, inner = self._unless_beaten(part, at)
            if isinstance(effect, CounterChange):
                apart += self._counted(part, effect, outer, all_of([condition, inner]))
            elif (guard := all_of([outer, inner])) == TRUE:
                together.append(self._literal(effect))
            else:
                found = when(all_of([condition, guard]), self._literal(effect))
                apart += [self._writer.for_all(part.variables, one) for one in found]
        plain = when(condition, all_of(together)) if together else []
        return [self._writer.for_all(part.variables, one) for one in plain] + apart

    def _literal(self, effect: Literal) -> SExpr:
        atom = self._writer.atom(effect.atom)
        return atom if effect.positive else ["not", atom]

    # -- who wins

    def _closure(self, *parts: Part) -> Closure:
        closure = Closure(self._vocabulary, self._absent)
        closure.declare(self._parameters)
        for part in parts:
            closure.declare(part.variables)
        closure.assume(self._preconditions)
        for part in parts:
            closure.assume(part.conditions)
        return closure

    def _require_one_value(self, part: Part) -> None:
        """Raise `Inexpressible` unless all bindings of a rule give a fluent the same value."""
        if not part.variables:
            return
        other = part.again(set(self._types))
        closure = self._closure(part, other)
        for (at, effect), (also, twin) in itertools.product(enumerate(part.effects), enumerate(other.effects)):
            counted_once = at == also and isinstance(effect, CounterChange)
            if not counted_once and self._clash(closure, effect, twin):
                raise Inexpressible(
                    f"rule {part.name} may give {effect} for several bindings at once, of which the first counts:"
                    " PDDL cannot say that"
                )

    def _clash(self, closure: Closure, effect: Effect, other: Effect) -> bool:
        """Whether the two may give one fluent different values (or count it twice)."""
        key, value = self._target(effect)
        other_key, other_value = self._target(other)
        if not key or key[:1] != other_key[:1]:
            return False
        trial = closure.supposing(key[1:], other_key[1:])
        if trial.contradictory:
            return False
        return not value or not trial.same(value, other_value)

    def _target(self, effect: Effect) -> tuple[tuple[str, ...], str]:
        """The fluent that an effect gives a value, and the value; none for what cannot clash."""
        if isinstance(effect, CounterChange):
            return (effect.counter.predicate, *effect.counter.args), ""
        if effect.positive and self._vocabulary.is_functional(effect.atom.predicate):
            return (effect.atom.predicate, *effect.atom.args[:-1]), effect.atom.args[-1]
        return (), ""

    def _unless_beaten(self, part: Part, at: int) -> tuple[SExpr, SExpr]:
        """That no rule before it, and no effect behind it in its own outcome, gives the fluent another value."""
        effect = part.effects[at]
        key, _ = self._target(effect)
        if not key:
            return TRUE, TRUE
        closure = self._closure(part)
        inner = [
            denied(self._equal(key[1:], self._target(later)[0][1:]))
            for later in part.effects[at + 1 :]
            if self._clash(closure, effect, later)
        ]
        outer = []
        for first in (one for one in self._parts if one.order < part.order):
            closure = self._closure(part, first)
            if not closure.contradictory:
                winners = [other for other in first.effects if self._clash(closure, effect, other)]
                outer += [denied(self._gives(first, self._target(other)[0][1:], key[1:])) for other in winners]
        return all_of(outer), all_of(inner)

    def _gives(self, first: Part, its_key: Sequence[str], key: Sequence[str]) -> SExpr:
        """That the rule applies for some binding in which its key is this one."""
        new = first.again(set(self._types))
        names = {v.name: w.name for v, w in zip(first.variables, new.variables, strict=True)}
        types = self._types | {variable.name: variable.type for variable in new.variables}
        equal = self._equal([names.get(term, term) for term in its_key], key, types)
        inside = [self._writer.condition(condition, types) for condition in new.conditions]
        return self._writer.bound(new.variables, all_of([equal, *inside]))

    def _equal(self, ones: Sequence[str], others: Sequence[str], types: dict[str, str] | None = None) -> SExpr:
        pairs = zip(ones, others, strict=True)
        return all_of(self._writer.equal(one, other, types or self._types) for one, other in pairs)

    # -- counters

    def _counted(self, part: Part, change: CounterChange, outer: SExpr, condition: SExpr) -> list[SExpr]:
        """The change of a counter, once for however many bindings, kept within its bounds."""
        named = [v for v in part.variables if v.name in change.counter.args]
        unnamed = [v for v in part.variables if v.name not in change.counter.args]
        applies = all_of([self._writer.bound(unnamed, condition), outer])
        counter = self._vocabulary.counter(change.counter.predicate)
        fluent = self._writer.atom(change.counter)
        found = [
            one
            for bounds, op, number in _saturating(counter, change)
            for one in when(
                all_of([applies, *([relation, fluent, str(bound)] for relation, bound in bounds)]),
                [op, fluent, str(number)],
            )
        ]
        return [self._writer.for_all(named, one) for one in found]


def _saturating(counter: Counter, change: CounterChange) -> list[tuple[list[tuple[str, int]], str, int]]:
    """(bounds on the counter, operation, number) for each case of a change that keeps to the counter's bounds."""
    low, high = counter.low, counter.high
    if change.op is CounterOp.ASSIGN:
        return [([], "assign", min(max(change.number, low), high))]
    step = change.number if change.op is CounterOp.INCREASE else -change.number
    least, most = min(low, 0), max(high, 0)  # a counter that was never counted is 0
    over, under = most + step > high, least + step < low
    found: list[tuple[list[tuple[str, int]], str, int]] = []
    inside = [("<=", high - step)] * over + [(">=", low - step)] * under
    if step and low - step <= most and high - step >= least:
        found.append((inside, "increase" if step > 0 else "decrease", abs(step)))
    if over:
        found.append(([(">=", high - step + 1)], "assign", high))
    if under:
        found.append(([("<=", low - step - 1)], "assign", low))
    return found
