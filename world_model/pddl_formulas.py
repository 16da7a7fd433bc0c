"""Conditions as PDDL formulas, simplified, and the requirements that they make of a planner."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from worldwright.world_model.language import EQUALS, Comparison, Condition, CounterOp, Exists, LiftedAtom, is_variable
from worldwright.world_model.pddl_names import PddlNames
from worldwright.world_model.sexpr import SExpr, show
from worldwright.world_model.vocabulary import ROOT_TYPE, Variable, Vocabulary

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


def all_of(parts: Iterable[SExpr]) -> SExpr:
    """The conjunction, simplified."""
    found: list[SExpr] = []
    for part in parts:
        if part == FALSE:
            return FALSE
        found.extend(part[1:] if isinstance(part, list) and part[:1] == ["and"] else [part])
    return found[0] if len(found) == 1 else ["and", *found]


def denied(part: SExpr) -> SExpr:
    """The denial, simplified."""
    if part in (TRUE, FALSE):
        return FALSE if part == TRUE else TRUE
    return part[1] if isinstance(part, list) and part[0] == "not" else ["not", part]


def when(condition: SExpr, effect: SExpr) -> list[SExpr]:
    """The effect under a condition: none if that never holds."""
    if condition == FALSE:
        return []
    return [effect if condition == TRUE else ["when", condition, effect]]


class Writer:
    """Writes parts of rules under their PDDL names.

    Args:
        splits_root: write a variable that ranges over all objects once for each type just below the root.
    """

    def __init__(self, vocabulary: Vocabulary, names: PddlNames, splits_root: bool = False) -> None:
        self.vocabulary = vocabulary
        self.names = names
        self._splits_root = splits_root

    def variables(self, variables: Iterable[Variable]) -> list[SExpr]:
        """`?x - thing ?c - cell`, as words."""
        if not self.vocabulary.types:
            return [variable.name for variable in variables]
        return [word for v in variables for word in (v.name, "-", self.names.types[v.type])]

    def atom(self, atom: LiftedAtom) -> SExpr:
        """A predicate or counter with its arguments."""
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
        return found if condition.positive else denied(found)

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
            self.bound(chosen, all_of(self.condition(c, types | {v.name: v.type for v in chosen}) for c in conditions))
            for chosen in itertools.product(*map(self._ranges, variables))
        ]
        possible = [case for case in cases if case != FALSE]
        return TRUE if TRUE in cases else possible[0] if len(possible) == 1 else ["or", *possible]

    def bound(self, variables: Sequence[Variable], inside: SExpr) -> SExpr:
        """`inside` for some objects; every type is taken to have one."""
        mentioned = set(symbols(inside))
        used = [variable for variable in variables if variable.name in mentioned]
        return ["exists", self.variables(used), inside] if used else inside

    def _ranges(self, variable: Variable) -> list[Variable]:
        """The variable, for each of the types just below the root if it ranges over all objects."""
        below = [type_.name for type_ in self.vocabulary.types if type_.parent == ROOT_TYPE]
        split = self._splits_root and variable.type == ROOT_TYPE and below
        return [Variable(variable.name, type_) for type_ in below] if split else [variable]

    def for_all(self, variables: Sequence[Variable], effect: SExpr) -> SExpr:
        """The effect for all objects."""
        mentioned = set(symbols(effect))
        used = [variable for variable in variables if variable.name in mentioned]
        return ["forall", self.variables(used), effect] if used else effect


def symbols(expression: SExpr) -> Iterator[str]:
    """Every symbol in an expression."""
    if isinstance(expression, str):
        yield expression
    else:
        for part in expression:
            yield from symbols(part)


def quantified_types(expression: SExpr) -> Iterator[str]:
    """The types of the variables of every quantifier in a formula or an effect."""
    if isinstance(expression, list):
        if expression[:1] in (["exists"], ["forall"]):
            yield from (str(word) for word in expression[1][2::3])
        for part in expression:
            yield from quantified_types(part)


def requirements(conditions: Iterable[SExpr], effects: Iterable[SExpr], typed: bool) -> list[str]:
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


def conjunction(parts: Sequence[SExpr]) -> str:
    """`(and ...)`, a line for each of its parts."""
    whole = all_of(parts)
    listed = whole[1:] if isinstance(whole, list) and whole[:1] == ["and"] else [whole]
    return "(and" + "".join(f"\n      {show(part)}" for part in listed) + ")"
