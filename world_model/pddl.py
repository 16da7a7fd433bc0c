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
    Exists,
    LiftedAtom,
    Literal,
)
from worldwright.world_model.model import WorldModel
from worldwright.world_model.pddl_effects import Part, PddlAction
from worldwright.world_model.pddl_formulas import FALSE, Writer, conjunction, quantified_types, requirements
from worldwright.world_model.pddl_names import names_of
from worldwright.world_model.sexpr import SExpr, show
from worldwright.world_model.state import State, join_atom
from worldwright.world_model.vocabulary import ROOT_TYPE, Variable, check_name


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


# -- domain -----------------------------------------------------------------------------------------------


class _Domain:
    def __init__(self, model: WorldModel, state: State | None) -> None:
        self.model = model
        self.vocabulary = model.vocabulary
        self.absent = absent_in(state) if state is not None else frozenset()
        self.names = names_of(model)
        self.writer = Writer(model.vocabulary, self.names)
        self.declared = declared_types(model)
        self.counters = used_counters(model)

    def text(self) -> str:
        actions = [
            (rules, made) for action in self.vocabulary.actions for rules, made in self._actions_for(action.name)
        ]
        shown = [(rules, made, made.precondition(), made.effects()) for rules, made in actions]
        shown = [entry for entry in shown if entry[2] != FALSE and entry[3]]
        effects = [effect for _, _, _, found in shown for effect in found]
        needed = requirements([entry[2] for entry in shown], effects, bool(self.vocabulary.types))
        lines = [*self._header(), f"(define (domain {self.names.domain})", f"  (:requirements {' '.join(needed)})"]
        quantified = [formula for _, _, condition, found in shown for formula in (condition, *found)]
        lines += self._declarations(any(ROOT_TYPE in quantified_types(formula) for formula in quantified))
        written: set[str] = set()
        for rules, made, precondition, found in shown:
            body = f"    :parameters {show(made.parameters())}\n"
            body += f"    :precondition {conjunction([precondition])}\n    :effect {conjunction(found)})"
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

    def _actions_for(self, action: str) -> list[tuple[list[ActionRule], PddlAction]]:
        numbered = [(at, rule) for at, rule in enumerate(self.model.rules) if rule.action == action]
        if all(applies_once(self.vocabulary, rule, self.absent) for _, rule in numbered):
            return [([rule], self._action_of(at, rule, numbered)) for at, rule in numbered if rule.likeliest().effects]
        return [([rule for _, rule in numbered], self._quantified(action, numbered))]

    def _action_of(self, at: int, rule: ActionRule, numbered: Sequence[tuple[int, ActionRule]]) -> PddlAction:
        """The rule as an action, with what other rules do where they apply as well."""
        parts = [Part(at, rule.name, (), (), rule.likeliest().effects)]
        taken = set(variables_of(rule))
        for other_at, other in numbered:
            if other_at != at:
                new = with_fresh_variables(renamed_apart(rule, other), taken)
                part = self._beside(rule, other_at, new)
                if part is not None:
                    parts.append(part)
                    taken.update(variables_of(new))
        name = self.names.rules[at]
        return PddlAction(self.writer, self.absent, name, rule.parameters, rule.preconditions, parts)

    def _beside(self, rule: ActionRule, at: int, other: ActionRule) -> Part | None:
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
        return Part(at, other.name, variables, conditions, new.likeliest().effects)

    def _quantified(self, action: str, numbered: Sequence[tuple[int, ActionRule]]) -> PddlAction:
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
            parts.append(Part(at, rule.name, variables, new.preconditions, new.likeliest().effects))
        return PddlAction(self.writer, self.absent, self.names.actions[action], arguments, (), parts)


def _outcomes_noted(rules: Iterable[ActionRule]) -> list[str]:
    return [
        f"  ; {rule.name}: one of {' '.join(map(str, rule.outcomes))}"
        for rule in rules
        if rule.likeliest().probability < 1
    ]


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
        self._writer = Writer(model.vocabulary, self._names, splits_root=ROOT_TYPE not in state.universe.types.values())
        self._declared = declared_types(model)
        self._goal = self._fitted(goal)

    def text(self) -> str:
        goal = self._writer.exists(self._goal.parameters, self._goal.conditions, {})
        # Some STRIPS planners know no requirements of a problem: only what goes beyond theirs is said.
        needed = requirements([goal], [], False)[1:]
        return "\n".join(
            [
                f"(define (problem {self._name})",
                f"  (:domain {self._names.domain})",
                *([f"  (:requirements {' '.join(needed)})"] if needed else []),
                *_section(":objects", self._objects()),
                *_section(":init", self._facts()),
                f"  (:goal {conjunction([goal])})",
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
