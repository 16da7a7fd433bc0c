"""The words of an answer: variables of which the name says the type, and the constants that fit beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from worldwright.world_model.errors import Inexpressible
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import (
    ActionRule,
    Comparison,
    Condition,
    CounterChange,
    Effect,
    Exists,
    LiftedAtom,
    Literal,
    Outcome,
    is_variable,
)
from worldwright.world_model.vocabulary import ROOT_TYPE, Variable, Vocabulary

PER_TYPE = 6  # variables of each type
_LETTERS = 24  # of a type's name, in a variable's


@dataclass(frozen=True)
class Words:
    """The terms that answers about a world may use.

    Every type has a few variables, `?cell1`, `?cell2`, ...: so an answer need not declare any, and a schema can say
    which of them fit where.
    """

    vocabulary: Vocabulary

    @cached_property
    def by_type(self) -> dict[str, tuple[Variable, ...]]:
        """The variables of each type, the root type's last."""
        names = [*(type_.name for type_ in self.vocabulary.types), ROOT_TYPE]
        slugs: dict[str, str] = {}
        for number, name in enumerate(names):
            slug = name[:_LETTERS].rstrip("0123456789-_")
            slugs[name] = slug if slug not in slugs.values() else f"{slug[: _LETTERS - 4]}-t{number}-"
        return {
            name: tuple(Variable(f"?{slug}{number + 1}", name) for number in range(PER_TYPE))
            for name, slug in slugs.items()
        }

    @cached_property
    def variables(self) -> dict[str, Variable]:
        """All variables by name."""
        return {variable.name: variable for some in self.by_type.values() for variable in some}

    def terms(self, types: Iterable[str]) -> list[str]:
        """The variables and constants that may stand where one of the types is wanted, in a fixed order."""
        wanted = set(types)
        variables = [v.name for v in self.variables.values() if self._may_be(v.type, wanted)]
        return variables + [c.name for c in self.vocabulary.constants if self._may_be(c.type, wanted)]

    def _may_be(self, type_: str, wanted: set[str]) -> bool:
        is_a = self.vocabulary.is_a
        return any(is_a(type_, one) or (one != ROOT_TYPE and type_ != ROOT_TYPE and is_a(one, type_)) for one in wanted)

    def normal(self, rule: ActionRule) -> ActionRule:
        """The same law with these variables, its parameters in the order in which they are mentioned.

        Raises:
            Inexpressible: it has more variables of a type than there are, or one that it does not mention.
        """
        arity = len(self.vocabulary.action(rule.action).types)
        arguments, others = rule.parameters[:arity], rule.parameters[arity:]
        types = {variable.name: variable.type for variable in rule.parameters}
        mentioned = [name for name in _mentioned(rule) if name in types]
        unused = sorted({variable.name for variable in others} - set(mentioned))
        if unused:
            raise Inexpressible(f"{unused[0]} is mentioned nowhere")
        names = self._named([*arguments, *(Variable(n, types[n]) for n in mentioned), *_inner(rule.preconditions)])
        order = dict.fromkeys([*(variable.name for variable in arguments), *mentioned])
        return ActionRule(
            rule.name,
            rule.action,
            tuple(names[name] for name in order),
            tuple(_renamed(condition, names) for condition in rule.preconditions),
            tuple(_outcome(outcome, names) for outcome in rule.outcomes),
            rule.evidence,
        )

    def normal_reach(self, reach: Reach) -> Reach:
        """The same formula with these variables; raises `Inexpressible`."""
        names = self._named([*reach.parameters, *_inner(reach.conditions)])
        conditions = tuple(_renamed(condition, names) for condition in reach.conditions)
        return Reach(tuple(names[variable.name] for variable in reach.parameters), conditions)

    def _named(self, variables: Iterable[Variable]) -> dict[str, Variable]:
        found: dict[str, Variable] = {}
        free = {type_: iter(some) for type_, some in self.by_type.items()}
        for variable in variables:
            if variable.name not in found:
                new = next(free[variable.type], None)
                if new is None:
                    raise Inexpressible(f"more than {PER_TYPE} variables of type {variable.type}")
                found[variable.name] = new
            elif found[variable.name].type != variable.type:
                raise Inexpressible(f"{variable.name} is of two types")
        return found


def terms_of(condition: Condition | Effect) -> Iterator[str]:
    """The terms that a condition or an effect mentions, in order."""
    if isinstance(condition, Exists):
        for part in condition.conditions:
            yield from terms_of(part)
    elif isinstance(condition, Comparison | CounterChange):
        yield from condition.counter.args
    else:
        yield from condition.atom.args


def _mentioned(rule: ActionRule) -> Iterator[str]:
    for condition in rule.preconditions:
        yield from terms_of(condition)
    for outcome in rule.outcomes:
        for effect in outcome.effects:
            yield from terms_of(effect)


def _inner(conditions: Iterable[Condition]) -> Iterator[Variable]:
    for condition in conditions:
        if isinstance(condition, Exists):
            yield from condition.parameters


def _renamed(condition: Condition, names: Mapping[str, Variable]) -> Condition:
    if isinstance(condition, Exists):
        inside = tuple(part for part in (_renamed(c, names) for c in condition.conditions))
        simple = tuple(part for part in inside if not isinstance(part, Exists))
        return Exists(tuple(names[v.name] for v in condition.parameters), simple, condition.positive)
    if isinstance(condition, Comparison):
        return Comparison(condition.relation, renamed_atom(condition.counter, names), condition.number)
    return Literal(renamed_atom(condition.atom, names), condition.positive)


def _outcome(outcome: Outcome, names: Mapping[str, Variable]) -> Outcome:
    effects: list[Effect] = []
    for effect in outcome.effects:
        if isinstance(effect, CounterChange):
            effects.append(CounterChange(effect.op, renamed_atom(effect.counter, names), effect.number))
        else:
            effects.append(Literal(renamed_atom(effect.atom, names), effect.positive))
    return Outcome(outcome.probability, tuple(effects))


def renamed_atom(atom: LiftedAtom, names: Mapping[str, Variable]) -> LiftedAtom:
    """The atom with other names for its variables; raises `KeyError` if one has none."""
    return LiftedAtom(atom.predicate, tuple(names[arg].name if is_variable(arg) else arg for arg in atom.args))
