"""What can be proved of rules from their text: that two never apply together, that one applies in one way only.

Functional predicates force terms to be equal (both rules bind `(agent-at ?a)`, so that `?a` is the same cell); the
equalities are closed under congruence (Nelson & Oppen 1980), and a contradiction is looked for: two constants that
would be one, a literal and its denial, a counter without a number left. Sound and not complete: True is a proof,
False says only that none was found. States are taken to keep what the vocabulary promises (types, one value for a
functional fluent, injectivity).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace

from worldwright.world_model.language import (
    EQUALS,
    ActionRule,
    Comparison,
    Condition,
    CounterChange,
    Exists,
    LiftedAtom,
    Literal,
    Outcome,
    Relation,
    is_variable,
)
from worldwright.world_model.state import Fluent, State
from worldwright.world_model.vocabulary import Variable, Vocabulary

Renaming = Mapping[str, str]

MAX_SOUGHT = 4  # variables of a denied `exists` for which terms are sought: the search is exponential in them


def absent_in(state: State) -> frozenset[Fluent]:
    """The functional fluents of no argument or of one constant that have no value in the state.

    They never get one by a rule, for an effect can only replace the value of a functional fluent.
    """
    vocabulary = state.universe.vocabulary
    found: set[Fluent] = set()
    for predicate in vocabulary.predicates:
        if predicate.functional and len(predicate.types) <= 2:
            keys = [vocabulary.constant_types for _ in predicate.types[:-1]]
            found.update(f for key in itertools.product(*keys) if state.value(f := (predicate.name, *key)) is None)
    return frozenset(found)


def exclusive(vocabulary: Vocabulary, first: ActionRule, second: ActionRule, absent: Collection[Fluent] = ()) -> bool:
    """Whether the two rules provably never apply to the same action in the same state.

    Args:
        absent: fluents that are known never to have a value, as `absent_in` finds them.
    """
    return together(vocabulary, first, renamed_apart(first, second), absent).contradictory


def impossible(vocabulary: Vocabulary, rule: ActionRule, absent: Collection[Fluent] = ()) -> bool:
    """Whether the rule provably never applies."""
    return _closure_of(vocabulary, rule, absent).contradictory


def determined(vocabulary: Vocabulary, rule: ActionRule, absent: Collection[Fluent] = ()) -> frozenset[str]:
    """The names of the parameters that the action's arguments and the state fix: the deictic references."""
    closure = _closure_of(vocabulary, rule, absent)
    arity = len(vocabulary.action(rule.action).types)
    known = closure.fixed_by([variable.name for variable in rule.parameters[:arity]])
    return frozenset(v.name for v in rule.parameters if closure.find(v.name) in known)


def applies_once(vocabulary: Vocabulary, rule: ActionRule, absent: Collection[Fluent] = ()) -> bool:
    """Whether the rule provably has at most one binding for an action in a state."""
    return len(determined(vocabulary, rule, absent)) == len(rule.parameters)


def renamed_apart(first: ActionRule, second: ActionRule) -> ActionRule:
    """The second rule with variables that the first one does not use."""
    return with_fresh_variables(second, {name for rule in (first, second) for name in variables_of(rule)})


def with_fresh_variables(rule: ActionRule, taken: Collection[str]) -> ActionRule:
    """The rule with other variables throughout, none of them `taken`."""
    used, renaming = set(taken), {}
    for name in variables_of(rule):
        if name not in renaming:
            renaming[name] = fresh(name, used)
            used.add(renaming[name])
    return renamed(rule, renaming)


def variables_of(rule: ActionRule) -> list[str]:
    """The names of the rule's variables, those of its `exists` behind its parameters."""
    return [variable.name for variable in (*rule.parameters, *_inner_variables(rule.preconditions))]


def fresh(name: str, taken: Collection[str]) -> str:
    """A variable's name like `name` that is not taken."""
    return next(new for n in itertools.count(2) if (new := f"{name}-{n}") not in taken)


def together(vocabulary: Vocabulary, first: ActionRule, second: ActionRule, absent: Collection[Fluent] = ()) -> Closure:
    """What holds where both rules, which share no variable, apply to one action."""
    closure = _closure_of(vocabulary, first, absent)
    closure.declare(second.parameters)
    arity = len(vocabulary.action(first.action).types)
    for one, other in zip(first.parameters[:arity], second.parameters[:arity], strict=True):
        closure.merge(one.name, other.name)
    closure.assume(second.preconditions)
    return closure


def _closure_of(vocabulary: Vocabulary, rule: ActionRule, absent: Collection[Fluent]) -> Closure:
    closure = Closure(vocabulary, absent)
    closure.declare(rule.parameters)
    closure.assume(rule.preconditions)
    return closure


# -- renaming ---------------------------------------------------------------------------------------------


def _inner_variables(conditions: Iterable[Condition]) -> Iterator[Variable]:
    for condition in conditions:
        if isinstance(condition, Exists):
            yield from condition.parameters
            yield from _inner_variables(condition.conditions)


def renamed(rule: ActionRule, renaming: Renaming) -> ActionRule:
    """The rule with other terms in place of some of its variables."""
    outcomes = [
        Outcome(
            outcome.probability,
            tuple(
                replace(effect, counter=renamed_atom(effect.counter, renaming))
                if isinstance(effect, CounterChange)
                else replace(effect, atom=renamed_atom(effect.atom, renaming))
                for effect in outcome.effects
            ),
        )
        for outcome in rule.outcomes
    ]
    return replace(
        rule,
        parameters=tuple(Variable(renaming.get(v.name, v.name), v.type) for v in rule.parameters),
        preconditions=tuple(renamed_condition(condition, renaming) for condition in rule.preconditions),
        outcomes=tuple(outcomes),
    )


def renamed_condition(condition: Condition, renaming: Renaming) -> Condition:
    """The condition with other terms in place of some of its variables, those of an exists too."""
    if isinstance(condition, Comparison):
        return replace(condition, counter=renamed_atom(condition.counter, renaming))
    if isinstance(condition, Literal):
        return replace(condition, atom=renamed_atom(condition.atom, renaming))
    inner = tuple(renamed_condition(part, renaming) for part in condition.conditions)
    return replace(
        condition,
        parameters=tuple(Variable(renaming.get(v.name, v.name), v.type) for v in condition.parameters),
        conditions=tuple(part for part in inner if not isinstance(part, Exists)),
    )


def renamed_atom(atom: LiftedAtom, renaming: Renaming) -> LiftedAtom:
    """The atom with other terms in place of some of its variables."""
    return LiftedAtom(atom.predicate, tuple(renaming.get(arg, arg) for arg in atom.args))


# -- congruence closure -----------------------------------------------------------------------------------


class Closure:
    """Everything that is found to follow from a conjunction about variables and constants.

    `contradictory` turns True when it cannot hold in any state.
    """

    def __init__(self, vocabulary: Vocabulary, absent: Collection[Fluent] = ()) -> None:
        self.vocabulary = vocabulary
        self.contradictory = False
        self._absent = absent
        self._parents: dict[str, str] = {}
        self._types: dict[str, str] = dict(vocabulary.constant_types)  # of each representative
        self._true: list[LiftedAtom] = []
        self._false: list[LiftedAtom] = []
        self._comparisons: list[Comparison] = []
        self._nowhere: list[Exists] = []
        self._facts = {
            (fact[0], *fact[1:-1]): fact[-1] for fact in vocabulary.facts if vocabulary.is_functional(fact[0])
        }

    def declare(self, variables: Iterable[Variable]) -> None:
        """Speak of these variables as well."""
        self._types.update((variable.name, variable.type) for variable in variables)

    def find(self, term: str) -> str:
        """The representative of all terms that equal `term`: a constant if there is one among them."""
        while term in self._parents:
            term = self._parents[term]
        return term

    def same(self, one: str, other: str) -> bool:
        """Whether the two terms are provably equal."""
        return self.find(one) == self.find(other)

    def different(self, ones: Sequence[str], others: Sequence[str]) -> bool:
        """Whether some term of the one list is provably not the other list's term at that place."""
        trial = self.supposing(ones, others)
        return trial.contradictory

    def supposing(self, ones: Sequence[str], others: Sequence[str]) -> Closure:
        """What follows if the terms are pairwise equal too."""
        trial = copy(self)
        trial._parents, trial._types = dict(self._parents), dict(self._types)
        trial._true, trial._false = list(self._true), list(self._false)
        for one, other in zip(ones, others, strict=True):
            trial.merge(one, other)
        trial._close()
        return trial

    def merge(self, one: str, other: str) -> bool:
        """Take two terms to be equal; returns whether that is news."""
        one, other = self.find(one), self.find(other)
        if one == other:
            return False
        if not is_variable(other):
            one, other = other, one  # a constant represents its class
        kept, left = self._types[one], self._types[other]
        is_a = self.vocabulary.is_a
        if not is_variable(other) or not (is_a(kept, left) or (is_variable(one) and is_a(left, kept))):
            self.contradictory = True
            return False
        self._types[one] = kept if is_a(kept, left) else left
        self._parents[other] = one
        return True

    def assume(self, conditions: Iterable[Condition]) -> None:
        """Take the conditions to hold."""
        for condition in conditions:
            self._note(condition)
        self._close()

    def _note(self, condition: Condition) -> None:
        if isinstance(condition, Comparison):
            self._comparisons.append(condition)
        elif isinstance(condition, Literal):
            if condition.positive and condition.atom.predicate == EQUALS:
                self.merge(*condition.atom.args)
            elif condition.positive:
                self._true.append(condition.atom)
                self._narrow(condition.atom)
            else:
                self._false.append(condition.atom)
        elif not condition.positive:
            self._nowhere.append(condition)
        else:
            # The things that exist get names that no variable of a rule can have.
            names = {v.name: f"{v.name}!{len(self._types)}" for v in condition.parameters}
            self.declare(Variable(names[v.name], v.type) for v in condition.parameters)
            for part in condition.conditions:
                self._note(renamed_condition(part, names))

    def _narrow(self, atom: LiftedAtom) -> None:
        """What stands in a true atom has the types that its predicate demands."""
        for term, wanted in zip(atom.args, self.vocabulary.predicate(atom.predicate).types, strict=True):
            top = self.find(term)
            if self.vocabulary.is_a(self._types[top], wanted):
                continue
            if not is_variable(top) or not self.vocabulary.is_a(wanted, self._types[top]):
                self.contradictory = True
                return
            self._types[top] = wanted

    def _close(self) -> None:
        while not self.contradictory and self._propagate():
            pass
        self.contradictory = self.contradictory or self._denied() or self._without_number() or self._forbidden()

    def _propagate(self) -> bool:
        """Merge what functional and injective predicates force to be equal; whether anything was."""
        values: dict[Fluent, str] = dict(self._facts)
        owners: dict[tuple[str, str], tuple[str, ...]] = {}
        news = False
        for name, *args in map(self.atom, self._true):
            predicate = self.vocabulary.predicate(name)
            if not predicate.functional:
                continue
            key, value = (name, *args[:-1]), args[-1]
            self.contradictory = self.contradictory or key in self._absent
            news |= self.merge(values.setdefault(key, value), value)
            if predicate.injective and not self._may_be_constant(value):
                known = owners.setdefault((name, value), tuple(args[:-1]))
                for one, other in zip(known, args[:-1], strict=True):
                    news |= self.merge(one, other)
        return news

    def atom(self, atom: LiftedAtom) -> Fluent:
        """The predicate and the representatives of the arguments."""
        return (atom.predicate, *map(self.find, atom.args))

    def _may_be_constant(self, term: str) -> bool:
        if not is_variable(term):
            return True
        denied = {frozenset(map(self.find, atom.args)) for atom in self._false if atom.predicate == EQUALS}
        fluents = [fluent for name, *key, _ in map(self.atom, self._functional()) if term in (fluent := (name, *key))]
        return any(
            self.vocabulary.is_a(type_, self._types[term])
            and frozenset((term, name)) not in denied
            and not any(tuple(name if arg == term else arg for arg in fluent) in self._absent for fluent in fluents)
            for name, type_ in self.vocabulary.constant_types.items()
        )

    def _functional(self) -> list[LiftedAtom]:
        return [atom for atom in self._true if self.vocabulary.is_functional(atom.predicate)]

    def _denied(self) -> bool:
        true = set(map(self.atom, self._true))
        for name, *args in map(self.atom, self._false):
            if (name == EQUALS and args[0] == args[1]) or (name, *args) in true:
                return True
        return False

    def _without_number(self) -> bool:
        return any(low > high for low, high in self._ranges().values())

    def _ranges(self) -> dict[Fluent, tuple[int, int]]:
        ranges: dict[Fluent, tuple[int, int]] = {}
        for comparison in self._comparisons:
            key = self.atom(comparison.counter)
            counter = self.vocabulary.counter(key[0])
            # A counter that was never counted is 0, whatever its bounds.
            low, high = ranges.get(key, (min(counter.low, 0), max(counter.high, 0)))
            if comparison.relation is not Relation.AT_MOST:
                low = max(low, comparison.number)
            if comparison.relation is not Relation.AT_LEAST:
                high = min(high, comparison.number)
            ranges[key] = low, high
        return ranges

    def _forbidden(self) -> bool:
        return any(
            self._found(denied.parameters, denied.conditions, {})
            for denied in self._nowhere
            if len(denied.parameters) <= MAX_SOUGHT
        )

    def _found(
        self, parameters: tuple[Variable, ...], conditions: tuple[Condition, ...], bound: dict[str, str]
    ) -> bool:
        """Whether terms for the parameters are known of which all the conditions are known to hold."""
        waiting = [c for c in conditions if not self.follows(renamed_condition(c, bound))]
        if not waiting:
            # A parameter in no literal needs only some object of its type, which there need not be.
            return all(variable.name in bound for variable in parameters)
        literals = [c for c in waiting if isinstance(c, Literal) and c.positive and c.atom.predicate != EQUALS]
        if not literals:
            return False
        types = {variable.name: variable.type for variable in parameters}
        return any(
            self._found(parameters, conditions, bound | matched)
            for atom in self._true
            if (matched := self._match(renamed_atom(literals[0].atom, bound), atom, types)) is not None
        )

    def _match(self, pattern: LiftedAtom, atom: LiftedAtom, types: dict[str, str]) -> dict[str, str] | None:
        if pattern.predicate != atom.predicate:
            return None
        matched: dict[str, str] = {}
        for term, known in zip(pattern.args, atom.args, strict=True):
            if term in types and term not in matched:
                if not self.vocabulary.is_a(self._types[self.find(known)], types[term]):
                    return None
                matched[term] = known
            elif not self.same(matched.get(term, term), known):
                return None
        return matched or None

    def follows(self, condition: Condition) -> bool:
        """Whether the condition provably holds wherever what was assumed does."""
        if isinstance(condition, Comparison):
            low, high = self._ranges().get(self.atom(condition.counter), (0, -1))
            return low <= high and condition.accepts(low) and condition.accepts(high)
        if isinstance(condition, Exists):
            return False
        name, *args = fluent = self.atom(condition.atom)
        if name == EQUALS:
            return args[0] == args[1] if condition.positive else self._unequal(args[0], args[1])
        if condition.positive:
            return fluent in set(map(self.atom, self._true))
        if fluent in set(map(self.atom, self._false)):
            return True
        values = [known[-1] for known in map(self.atom, self._functional()) if known[:-1] == fluent[:-1]]
        return any(self._unequal(value, args[-1]) for value in values)

    def _unequal(self, one: str, other: str) -> bool:
        if one == other or one not in self._types or other not in self._types:
            return False
        denied = {frozenset(map(self.find, atom.args)) for atom in self._false if atom.predicate == EQUALS}
        constants = not is_variable(one) and not is_variable(other)
        return constants or frozenset((one, other)) in denied

    def fixed_by(self, terms: Iterable[str]) -> frozenset[str]:
        """The representatives of all terms that constants and the given terms fix in a state."""
        known = {self.find(term) for term in terms} | {term for term in self._types if not is_variable(term)}
        before = -1
        while len(known) > before:
            before = len(known)
            for name, *args in map(self.atom, self._functional()):
                if known.issuperset(args[:-1]):
                    known.add(args[-1])
                if (
                    self.vocabulary.predicate(name).injective
                    and args[-1] in known
                    and not self._may_be_constant(args[-1])
                ):
                    known.update(args[:-1])
        return frozenset(known)
