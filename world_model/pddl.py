"""A learned model as PDDL, for any planner; its meaning is that of `WorldModel.predict`.

Where each rule of an action provably applies in one way only, each becomes a PDDL action of its own, with all
that it refers to (the cell in front, the thing in the hand) as parameters: this is what planners like. Rules of the
action that may apply beside it become conditional effects; most do not, for `exclusive` finds them to contradict it.
Otherwise the environment's action becomes one PDDL action, with `(forall (...) (when ...))` for each rule.

Of several outcomes the likeliest is taken, and all of them noted in a comment. Counters are numeric fluents that
saturate by conditional effects. Every type is taken to have an object.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from worldwright.world_model.errors import Inexpressible
from worldwright.world_model.exclusive import (
    Closure,
    absent_in,
    applies_once,
    renamed,
    renamed_apart,
    together,
    variables_of,
    with_fresh_variables,
)
from worldwright.world_model.goal import Reach, check_goal
from worldwright.world_model.language import (
    EQUALS,
    ActionRule,
    Comparison,
    Condition,
    CounterChange,
    CounterOp,
    Effect,
    Exists,
    LiftedAtom,
    Literal,
    is_variable,
)
from worldwright.world_model.model import WorldModel
from worldwright.world_model.pddl_names import PddlNames, names_of
from worldwright.world_model.sexpr import SExpr, show
from worldwright.world_model.state import State, join_atom
from worldwright.world_model.vocabulary import ROOT_TYPE, Counter, Variable, Vocabulary, check_name

TRUE: SExpr = ["and"]
FALSE: SExpr = ["or"]

_REQUIREMENTS = (
    ":strips",
    ":typing",
    ":negative-preconditions",
    ":disjunctive-preconditions",
    ":equality",
    ":existential-preconditions",
    ":conditional-effects",
    ":numeric-fluents",
)


def domain_text(model: WorldModel, state: State | None = None) -> str:
    """The model's rules as a PDDL domain.

    Args:
        state: if given, the domain is for problems that begin in a state in which constants lack the same values as
            in this one (`nothing` has no kind), which often lets more rules be told apart.

    Raises:
        Inexpressible: a rule may give one thing several values at once, of which only `predict` knows the first.
    """
    return _Domain(model, state).text()


def problem_text(model: WorldModel, state: State, goal: Reach, name: str = "task") -> str:
    """A PDDL problem of the model's domain: from the state, make the goal true.

    Raises:
        Inexpressible: the goal asks of a thing what its type cannot have, or of a counter that no rule mentions.
        WorldwrightError: the goal or the name does not fit.
    """
    return _Problem(model, state, goal, check_name(name)).text()


# -- formulas ---------------------------------------------------------------------------------------------


def _all(parts: Iterable[SExpr]) -> SExpr:
    """The conjunction, simplified."""
    found: list[SExpr] = []
    for part in parts:
        if part == FALSE:
            return FALSE
        found.extend(part[1:] if isinstance(part, list) and part[:1] == ["and"] else [part])
    return found[0] if len(found) == 1 else ["and", *found]


def _not(part: SExpr) -> SExpr:
    if part in (TRUE, FALSE):
        return FALSE if part == TRUE else TRUE
    return part[1] if isinstance(part, list) and part[0] == "not" else ["not", part]


def _when(condition: SExpr, effect: SExpr) -> list[SExpr]:
    if condition == FALSE:
        return []
    return [effect if condition == TRUE else ["when", condition, effect]]


class _Writer:
    """Writes parts of rules under their PDDL names."""

    def __init__(self, vocabulary: Vocabulary, names: PddlNames, splits_root: bool = False) -> None:
        self.vocabulary = vocabulary
        self.names = names
        self._splits_root = splits_root

    def variables(self, variables: Iterable[Variable]) -> list[SExpr]:
        if not self.vocabulary.types:
            return [variable.name for variable in variables]
        return [word for v in variables for word in (v.name, "-", self.names.types[v.type])]

    def atom(self, atom: LiftedAtom) -> SExpr:
        return [self.names.predicates[atom.predicate], *(self.names.objects.get(arg, arg) for arg in atom.args)]

    def condition(self, condition: Condition, types: dict[str, str]) -> SExpr:
        """A condition as a formula, given the types of the variables in it."""
        if isinstance(condition, Comparison):
            return [str(condition.relation), self.atom(condition.counter), str(condition.number)]
        if isinstance(condition, Exists):
            found = self.exists(condition.parameters, condition.conditions, types)
        elif condition.atom.predicate == EQUALS:
            one, other = condition.atom.args
            found = self.equal(one, other, types)
        else:
            found = self.atom(condition.atom)
        return found if condition.positive else _not(found)

    def equal(self, one: str, other: str, types: dict[str, str]) -> SExpr:
        """That two terms are the same thing, decided where names and types do."""
        one_type, other_type = (types.get(term) or self.vocabulary.constant_types[term] for term in (one, other))
        is_a = self.vocabulary.is_a
        if one == other:
            return TRUE
        if not (is_variable(one) or is_variable(other)) or not (
            is_a(one_type, other_type) or is_a(other_type, one_type)
        ):
            return FALSE
        return ["=", *(self.names.objects.get(term, term) for term in (one, other))]

    def exists(self, variables: Sequence[Variable], conditions: Sequence[Condition], types: dict[str, str]) -> SExpr:
        """That for some objects all the conditions hold."""
        cases = [
            self.bound(chosen, _all(self.condition(c, types | {v.name: v.type for v in chosen}) for c in conditions))
            for chosen in itertools.product(*map(self._ranges, variables))
        ]
        possible = [case for case in cases if case != FALSE]
        return TRUE if TRUE in cases else possible[0] if len(possible) == 1 else ["or", *possible]

    def bound(self, variables: Sequence[Variable], inside: SExpr) -> SExpr:
        """`inside` for some objects; every type is taken to have one."""
        mentioned = set(_symbols(inside))
        used = [variable for variable in variables if variable.name in mentioned]
        return ["exists", self.variables(used), inside] if used else inside

    def _ranges(self, variable: Variable) -> list[Variable]:
        """The variable, for each of the types just below the root if it ranges over all objects."""
        below = [type_.name for type_ in self.vocabulary.types if type_.parent == ROOT_TYPE]
        split = self._splits_root and variable.type == ROOT_TYPE and below
        return [Variable(variable.name, type_) for type_ in below] if split else [variable]

    def for_all(self, variables: Sequence[Variable], effect: SExpr) -> SExpr:
        mentioned = set(_symbols(effect))
        used = [variable for variable in variables if variable.name in mentioned]
        return ["forall", self.variables(used), effect] if used else effect


def _symbols(expression: SExpr) -> Iterator[str]:
    if isinstance(expression, str):
        yield expression
    else:
        for part in expression:
            yield from _symbols(part)


def _quantified_types(expression: SExpr) -> Iterator[str]:
    if isinstance(expression, list):
        if expression[:1] in (["exists"], ["forall"]):
            yield from (str(word) for word in expression[1][2::3])
        for part in expression:
            yield from _quantified_types(part)


def _requirements(conditions: Iterable[SExpr], effects: Iterable[SExpr], typed: bool) -> list[str]:
    """What a planner must be able to do, in the order in which PDDL's definition lists it."""
    needed = {":strips"} | ({":typing"} if typed else set())
    for condition in conditions:
        needed |= _needed_by(condition)
    waiting = list(effects)
    while waiting:
        effect = waiting.pop()
        if effect[0] in ("and", "forall"):
            waiting.extend(effect[1:] if effect[0] == "and" else effect[2:])
        if effect[0] in ("forall", "when"):
            needed.add(":conditional-effects")
        if effect[0] == "when":
            needed |= _needed_by(effect[1])
            waiting.append(effect[2])
        if effect[0] in tuple(CounterOp):
            needed.add(":numeric-fluents")
    return [requirement for requirement in _REQUIREMENTS if requirement in needed]


def _needed_by(condition: SExpr) -> set[str]:
    if isinstance(condition, str):
        return set()
    head, *parts = condition
    if head == "not":
        simple = parts[0][0] not in ("and", "or", "exists", ">=", "<=")
        return {":negative-preconditions" if simple else ":disjunctive-preconditions"} | _needed_by(parts[0])
    if head == "exists":
        return {":existential-preconditions"} | _needed_by(parts[1])
    if head in ("and", "or"):
        deeper: set[str] = set().union(*map(_needed_by, parts))
        return deeper | ({":disjunctive-preconditions"} if head == "or" else set())
    if head in (">=", "<=", "="):
        return {":equality"} if isinstance(parts[0], str) else {":numeric-fluents"}
    return set()


# -- effects ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """What one rule adds to a PDDL action: effects, for all variables for which the conditions hold as well."""

    order: int
    name: str
    variables: tuple[Variable, ...]
    conditions: tuple[Condition, ...]
    effects: tuple[Effect, ...]

    def again(self, taken: set[str]) -> _Part:
        """The same with other variables, none of them `taken`."""
        rule = ActionRule(self.name, "", self.variables, self.conditions, ())
        new = with_fresh_variables(rule, taken)
        names = {v.name: w.name for v, w in zip(self.variables, new.parameters, strict=True)}
        effects = tuple(_renamed_effect(effect, names) for effect in self.effects)
        return _Part(self.order, self.name, new.parameters, new.preconditions, effects)


def _renamed_effect(effect: Effect, names: dict[str, str]) -> Effect:
    if isinstance(effect, CounterChange):
        args = tuple(names.get(arg, arg) for arg in effect.counter.args)
        return CounterChange(effect.op, LiftedAtom(effect.counter.predicate, args), effect.number)
    args = tuple(names.get(arg, arg) for arg in effect.atom.args)
    return Literal(LiftedAtom(effect.atom.predicate, args), effect.positive)


class _PddlAction:
    """One PDDL action: what it takes and demands, and the parts that its effects are made of.

    `predict` lets the first rule win where two give a fluent different values, and within an outcome the last effect;
    in PDDL an effect that may lose is told when it does.
    """

    def __init__(
        self,
        writer: _Writer,
        absent: frozenset[tuple[str, ...]],
        name: str,
        parameters: tuple[Variable, ...],
        preconditions: tuple[Condition, ...],
        parts: Sequence[_Part],
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
        return self._formula(self._preconditions)

    def parameters(self) -> list[SExpr]:
        return self._writer.variables(self._parameters)

    def effects(self) -> list[SExpr]:
        """The conjuncts of the PDDL effect."""
        return [effect for part in self._parts for effect in self._effects_of(part)]

    def _formula(self, conditions: Iterable[Condition]) -> SExpr:
        return _all(self._writer.condition(condition, self._types) for condition in conditions)

    def _effects_of(self, part: _Part) -> list[SExpr]:
        self._require_one_value(part)
        condition = self._formula(part.conditions)
        together: list[SExpr] = []
        apart: list[SExpr] = []
        for at, effect in enumerate(part.effects):
            outer, inner = self._unless_beaten(part, at)
            if isinstance(effect, CounterChange):
                apart += self._counted(part, effect, outer, _all([condition, inner]))
            elif (guard := _all([outer, inner])) == TRUE:
                together.append(self._literal(effect))
            else:
                found = _when(_all([condition, guard]), self._literal(effect))
                apart += [self._writer.for_all(part.variables, one) for one in found]
        plain = _when(condition, _all(together)) if together else []
        return [self._writer.for_all(part.variables, one) for one in plain] + apart

    def _literal(self, effect: Literal) -> SExpr:
        atom = self._writer.atom(effect.atom)
        return atom if effect.positive else ["not", atom]

    # -- who wins

    def _closure(self, *parts: _Part) -> Closure:
        closure = Closure(self._vocabulary, self._absent)
        closure.declare(self._parameters)
        for part in parts:
            closure.declare(part.variables)
        closure.assume(self._preconditions)
        for part in parts:
            closure.assume(part.conditions)
        return closure

    def _require_one_value(self, part: _Part) -> None:
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

    def _unless_beaten(self, part: _Part, at: int) -> tuple[SExpr, SExpr]:
        """That no rule before it, and no effect behind it in its own outcome, gives the fluent another value."""
        effect = part.effects[at]
        key, _ = self._target(effect)
        if not key:
            return TRUE, TRUE
        closure = self._closure(part)
        inner = [
            _not(self._equal(key[1:], self._target(later)[0][1:]))
            for later in part.effects[at + 1 :]
            if self._clash(closure, effect, later)
        ]
        outer = []
        for first in (one for one in self._parts if one.order < part.order):
            closure = self._closure(part, first)
            if not closure.contradictory:
                winners = [other for other in first.effects if self._clash(closure, effect, other)]
                outer += [_not(self._gives(first, self._target(other)[0][1:], key[1:])) for other in winners]
        return _all(outer), _all(inner)

    def _gives(self, first: _Part, its_key: Sequence[str], key: Sequence[str]) -> SExpr:
        """That the rule applies for some binding in which its key is this one."""
        new = first.again(set(self._types))
        names = {v.name: w.name for v, w in zip(first.variables, new.variables, strict=True)}
        types = self._types | {variable.name: variable.type for variable in new.variables}
        equal = self._equal([names.get(term, term) for term in its_key], key, types)
        inside = [self._writer.condition(condition, types) for condition in new.conditions]
        return self._writer.bound(new.variables, _all([equal, *inside]))

    def _equal(self, ones: Sequence[str], others: Sequence[str], types: dict[str, str] | None = None) -> SExpr:
        pairs = zip(ones, others, strict=True)
        return _all(self._writer.equal(one, other, types or self._types) for one, other in pairs)

    # -- counters

    def _counted(self, part: _Part, change: CounterChange, outer: SExpr, condition: SExpr) -> list[SExpr]:
        """The change of a counter, once for however many bindings, kept within its bounds."""
        named = [v for v in part.variables if v.name in change.counter.args]
        unnamed = [v for v in part.variables if v.name not in change.counter.args]
        applies = _all([self._writer.bound(unnamed, condition), outer])
        counter = self._vocabulary.counter(change.counter.predicate)
        fluent = self._writer.atom(change.counter)
        found = [
            one
            for bounds, op, number in _saturating(counter, change)
            for one in _when(
                _all([applies, *([relation, fluent, str(bound)] for relation, bound in bounds)]),
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


# -- domain -----------------------------------------------------------------------------------------------


class _Domain:
    def __init__(self, model: WorldModel, state: State | None) -> None:
        self.model = model
        self.vocabulary = model.vocabulary
        self.absent = absent_in(state) if state is not None else frozenset()
        self.names = names_of(model)
        self.writer = _Writer(model.vocabulary, self.names)
        self.declared = declared_types(model)
        self.counters = used_counters(model)

    def text(self) -> str:
        actions = [
            (rules, made) for action in self.vocabulary.actions for rules, made in self._actions_for(action.name)
        ]
        shown = [(rules, made, made.precondition(), made.effects()) for rules, made in actions]
        shown = [entry for entry in shown if entry[2] != FALSE and entry[3]]
        effects = [effect for _, _, _, found in shown for effect in found]
        needed = _requirements([entry[2] for entry in shown], effects, bool(self.vocabulary.types))
        lines = [*self._header(), f"(define (domain {self.names.domain})", f"  (:requirements {' '.join(needed)})"]
        quantified = [formula for _, _, condition, found in shown for formula in (condition, *found)]
        lines += self._declarations(any(ROOT_TYPE in _quantified_types(formula) for formula in quantified))
        written: set[str] = set()
        for rules, made, precondition, found in shown:
            body = f"    :parameters {show(made.parameters())}\n"
            body += f"    :precondition {_conjunction([precondition])}\n    :effect {_conjunction(found)})"
            if body not in written:  # rules that always apply together are one action
                lines += ["", *_outcomes_noted(rules), f"  (:action {made.name}", body]
                written.add(body)
        return "\n".join([*lines, ")"]) + "\n"

    def _header(self) -> list[str]:
        model = self.model
        told = f"; {len(model.rules)} rules learned from {model.steps} steps; where chance decides, what is likeliest"
        return [told, *(f"; {kind} {pddl} is called {own} in the model" for kind, pddl, own in self.names.changed())]

    def _declarations(self, quantified_over_all: bool) -> list[str]:
        vocabulary, names = self.vocabulary, self.names
        types = [f"{names.types[t.name]} - {names.types[t.parent]}" for t in vocabulary.types]
        if quantified_over_all:
            types.append(ROOT_TYPE)  # or unified-planning does not know it; STRIPS planners do not like it
        constants = [f"{names.objects[c.name]}{self._typed(c.type)}" for c in vocabulary.constants]
        predicates = [self._declaration(predicate.name) for predicate in vocabulary.predicates]
        counters = [self._declaration(name) for name in self.counters]
        sections = ((":types", types), (":constants", constants), (":predicates", predicates), (":functions", counters))
        return [
            line
            for title, entries in sections
            if entries
            for line in (f"  ({title}", *(f"    {entry}" for entry in entries), "  )")
        ]

    def _typed(self, type_: str) -> str:
        return f" - {self.names.types[type_]}" if self.vocabulary.types else ""

    def _declaration(self, name: str) -> str:
        variables = [f"?x{at}{self._typed(type_)}" for at, type_ in enumerate(self.declared[name], start=1)]
        return f"({' '.join([self.names.predicates[name], *variables])})"

    def _actions_for(self, action: str) -> list[tuple[list[ActionRule], _PddlAction]]:
        numbered = [(at, rule) for at, rule in enumerate(self.model.rules) if rule.action == action]
        if all(applies_once(self.vocabulary, rule, self.absent) for _, rule in numbered):
            return [([rule], self._action_of(at, rule, numbered)) for at, rule in numbered if rule.likeliest().effects]
        return [([rule for _, rule in numbered], self._quantified(action, numbered))]

    def _action_of(self, at: int, rule: ActionRule, numbered: Sequence[tuple[int, ActionRule]]) -> _PddlAction:
        """The rule as an action, with what other rules do where they apply as well."""
        parts = [_Part(at, rule.name, (), (), rule.likeliest().effects)]
        taken = set(variables_of(rule))
        for other_at, other in numbered:
            if other_at != at:
                new = with_fresh_variables(renamed_apart(rule, other), taken)
                part = self._beside(rule, other_at, new)
                if part is not None:
                    parts.append(part)
                    taken.update(variables_of(new))
        name = self.names.rules[at]
        return _PddlAction(self.writer, self.absent, name, rule.parameters, rule.preconditions, parts)

    def _beside(self, rule: ActionRule, at: int, other: ActionRule) -> _Part | None:
        """The other rule (which shares no variable) where the first applies; None if it then never does."""
        closure = together(self.vocabulary, rule, other, self.absent)
        if closure.contradictory:
            return None
        known = [*((v.name, v.type) for v in rule.parameters), *self.vocabulary.constant_types.items()]
        names: dict[str, str] = {}
        for variable in other.parameters:
            for term, type_ in known:
                if closure.same(term, variable.name) and self.vocabulary.is_a(type_, variable.type):
                    names.setdefault(variable.name, term)
        new = renamed(other, names)
        alone = Closure(self.vocabulary, self.absent)
        alone.declare(rule.parameters)
        alone.assume(rule.preconditions)
        conditions = tuple(condition for condition in new.preconditions if not alone.follows(condition))
        variables = tuple(variable for variable in other.parameters if variable.name not in names)
        return _Part(at, other.name, variables, conditions, new.likeliest().effects)

    def _quantified(self, action: str, numbered: Sequence[tuple[int, ActionRule]]) -> _PddlAction:
        """The environment's action with all that its rules do."""
        types = self.vocabulary.action(action).types
        arguments = tuple(Variable(f"?arg{at}", type_) for at, type_ in enumerate(types, start=1))
        taken = {variable.name for variable in arguments}
        parts = []
        for at, rule in numbered:
            new = with_fresh_variables(rule, taken)
            taken.update(variables_of(new))
            names = {v.name: argument.name for v, argument in zip(new.parameters, arguments, strict=False)}
            new = renamed(new, names)
            variables = new.parameters[len(arguments) :]
            parts.append(_Part(at, rule.name, variables, new.preconditions, new.likeliest().effects))
        return _PddlAction(self.writer, self.absent, self.names.actions[action], arguments, (), parts)


def _outcomes_noted(rules: Iterable[ActionRule]) -> list[str]:
    return [
        f"  ; {rule.name}: one of {' '.join(map(str, rule.outcomes))}"
        for rule in rules
        if rule.likeliest().probability < 1
    ]


def _conjunction(parts: Sequence[SExpr]) -> str:
    """`(and ...)`, a line for each of its parts."""
    whole = _all(parts)
    listed = whole[1:] if isinstance(whole, list) and whole[:1] == ["and"] else [whole]
    return "(and" + "".join(f"\n      {show(part)}" for part in listed) + ")"


def _atoms(rule: ActionRule) -> Iterator[tuple[LiftedAtom, dict[str, str]]]:
    """The atoms and counters that a rule's PDDL mentions, with the types of the variables in them."""
    types = {variable.name: variable.type for variable in rule.parameters}
    yield from _atoms_in(rule.preconditions, types)
    for effect in rule.likeliest().effects:
        yield (effect.counter if isinstance(effect, CounterChange) else effect.atom), types


def _atoms_in(conditions: Iterable[Condition], types: dict[str, str]) -> Iterator[tuple[LiftedAtom, dict[str, str]]]:
    for condition in conditions:
        if isinstance(condition, Exists):
            inner = {variable.name: variable.type for variable in condition.parameters}
            yield from _atoms_in(condition.conditions, types | inner)
        else:
            atom = condition.counter if isinstance(condition, Comparison) else condition.atom
            if atom.predicate != EQUALS:
                yield atom, types


def declared_types(model: WorldModel) -> dict[str, list[str]]:
    """The types of each predicate's and counter's arguments in PDDL.

    A rule may ask of any thing what only some can have; PDDL declares the predicate for all that is asked of.
    """
    vocabulary = model.vocabulary
    found = {predicate.name: list(predicate.types) for predicate in vocabulary.predicates}
    found |= {counter.name: list(counter.types) for counter in vocabulary.counters}
    for rule in model.rules:
        for atom, types in _atoms(rule):
            for at, term in enumerate(atom.args):
                type_ = types.get(term) or vocabulary.constant_types[term]
                if vocabulary.is_a(found[atom.predicate][at], type_):
                    found[atom.predicate][at] = type_
    return found


def used_counters(model: WorldModel) -> list[str]:
    """The counters that the model's PDDL mentions, in the vocabulary's order."""
    mentioned = {atom.predicate for rule in model.rules for atom, _ in _atoms(rule)}
    return [counter.name for counter in model.vocabulary.counters if counter.name in mentioned]


# -- problem ----------------------------------------------------------------------------------------------


class _Problem:
    def __init__(self, model: WorldModel, state: State, goal: Reach, name: str) -> None:
        check_goal(model.vocabulary, goal)
        self._model = model
        self._vocabulary = model.vocabulary
        self._state = state
        self._name = name
        self._names = names_of(model, state)
        # Whether the domain declares the root type is not known here: unified-planning takes it only where it does.
        self._writer = _Writer(
            model.vocabulary, self._names, splits_root=ROOT_TYPE not in state.universe.types.values()
        )
        self._declared = declared_types(model)
        self._goal = self._fitted(goal)

    def text(self) -> str:
        goal = self._writer.exists(self._goal.parameters, self._goal.conditions, {})
        # Some STRIPS planners know no requirements of a problem: only what goes beyond theirs is said.
        needed = _requirements([goal], [], False)[1:]
        return "\n".join(
            [
                f"(define (problem {self._name})",
                f"  (:domain {self._names.domain})",
                *([f"  (:requirements {' '.join(needed)})"] if needed else []),
                *_section(":objects", self._objects()),
                *_section(":init", self._facts()),
                f"  (:goal {_conjunction([goal])})",
                ")\n",
            ]
        )

    def _objects(self) -> Iterator[str]:
        for name, type_ in self._state.universe.types.items():
            if name not in self._vocabulary.constant_types:
                typed = f" - {self._names.types[type_]}" if self._vocabulary.types else ""
                yield f"{self._names.objects[name]}{typed}"

    def _facts(self) -> Iterator[str]:
        universe = self._state.universe
        for atom in (*(join_atom(*fact) for fact in universe.facts.items()), *self._state.atoms()):
            yield show(self._fact(atom.predicate, atom.args))
        for counter in used_counters(self._model):
            for key in itertools.product(*(universe.objects(type_) for type_ in self._declared[counter])):
                number = self._state.value((counter, *key)) or 0
                yield f"(= {show(self._fact(counter, key))} {number})"

    def _fact(self, predicate: str, args: Sequence[str]) -> SExpr:
        try:
            return [self._names.predicates[predicate], *(self._names.objects[arg] for arg in args)]
        except KeyError as error:
            raise Inexpressible(f"the state speaks of {error.args[0]!r}, which it does not know") from None

    def _fitted(self, goal: Reach) -> Reach:
        """The goal with variables of the types that its predicates are declared for."""
        types = self._narrowed(goal.parameters, goal.conditions)
        conditions = tuple(
            Exists(self._fit(c.parameters, self._narrowed(c.parameters, c.conditions)), c.conditions, c.positive)
            if isinstance(c, Exists)
            else c
            for c in goal.conditions
        )
        fitted = Reach(self._fit(goal.parameters, types), conditions)
        counters = {counter.name for counter in self._vocabulary.counters} - set(used_counters(self._model))
        outer = {variable.name: variable.type for variable in fitted.parameters}
        for atom, known in _atoms_in(fitted.conditions, outer):
            if atom.predicate in counters:
                raise Inexpressible(f"the goal asks for a number of {atom}, which no rule mentions")
            for term, declared in zip(atom.args, self._declared[atom.predicate], strict=True):
                actual = known.get(term) or self._vocabulary.constant_types[term]
                if not self._vocabulary.is_a(actual, declared):
                    raise Inexpressible(f"the goal's {term} is a {actual}; for {atom} it should be a {declared}")
        return fitted

    def _fit(self, variables: Iterable[Variable], types: dict[str, str]) -> tuple[Variable, ...]:
        return tuple(Variable(variable.name, types[variable.name]) for variable in variables)

    def _narrowed(self, variables: Iterable[Variable], conditions: Iterable[Condition]) -> dict[str, str]:
        """The types of the variables where the positive literals among the conditions hold."""
        found = {variable.name: variable.type for variable in variables}
        for condition in conditions:
            if isinstance(condition, Literal) and condition.positive and condition.atom.predicate != EQUALS:
                for term, wanted in zip(condition.atom.args, self._declared[condition.atom.predicate], strict=True):
                    if term in found and self._vocabulary.is_a(wanted, found[term]):
                        found[term] = wanted
        return found


def _section(title: str, entries: Iterable[str]) -> list[str]:
    return [f"  ({title}", *(f"    {entry}" for entry in entries), "  )"]
