"""The ground task: multi-valued variables, operators with conditional effects, a disjunction of goals (SAS+)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from worldwright.world_model.language import ActionRule
from worldwright.world_model.matching import Binding
from worldwright.world_model.model import Action, Firing
from worldwright.world_model.state import Change, Fluent, State, Value

Pair = tuple[int, int]  # a variable and one of its values, both by number
GroundGoal = tuple[tuple[tuple[Pair, ...], ...], ...]  # of every part one alternative, all of whose pairs hold


class GroundEffect(NamedTuple):
    """`variable` becomes `value` if all the conditions held before."""

    variable: int
    value: int
    conditions: tuple[Pair, ...] = ()


class GroundOperator(NamedTuple):
    """One firing of a rule and all that the action does at once when it fires.

    Effects that come later win over earlier ones on the same variable.
    """

    action: Action
    rule: ActionRule
    objects: tuple[str, ...]  # what the rule's parameters are bound to
    preconditions: tuple[Pair, ...]  # sorted
    effects: tuple[GroundEffect, ...]

    @property
    def binding(self) -> Binding:
        """The rule's parameters and what they are bound to."""
        return {parameter.name: name for parameter, name in zip(self.rule.parameters, self.objects, strict=True)}

    @property
    def firing(self) -> Firing:
        """The rule as it fires."""
        return Firing(self.rule, self.binding)

    def applies(self, values: Sequence[int]) -> bool:
        """Whether the preconditions hold under an assignment, a value number for each variable."""
        return all(values[variable] == value for variable, value in self.preconditions)

    def after(self, values: Sequence[int]) -> tuple[int, ...]:
        """The assignment that follows."""
        changed = list(values)
        for variable, value, conditions in self.effects:
            if all(values[other] == wanted for other, wanted in conditions):
                changed[variable] = value
        return tuple(changed)


@dataclass(frozen=True)
class GroundTask:
    """A planning problem of which only what some operator changes is left.

    Attributes:
        state: the state it begins in, with all that never changes.
        fluents: the variables.
        domains: for each variable the values it can have; None: the fluent has no value.
        initial: the number of each variable's value at first.
        operators: what can be done; an action of which no operator applies changes nothing.
        goals: any one is to be reached; none: no goal can be.
        left_out: things that are never moved, to keep the task small; empty if the task is complete.
    """

    state: State
    fluents: tuple[Fluent, ...]
    domains: tuple[tuple[Value | None, ...], ...]
    initial: tuple[int, ...]
    operators: tuple[GroundOperator, ...]
    goals: tuple[GroundGoal, ...]
    left_out: tuple[str, ...] = ()

    @cached_property
    def variables(self) -> dict[Fluent, int]:
        """The number of each fluent that can change."""
        return {fluent: number for number, fluent in enumerate(self.fluents)}

    def is_goal(self, values: Sequence[int]) -> bool:
        """Whether a goal holds under an assignment."""
        return any(
            all(any(all(values[v] == value for v, value in case) for case in part) for part in goal)
            for goal in self.goals
        )

    def decode(self, values: Sequence[int]) -> State:
        """The state under an assignment."""
        change: Change = {
            self.fluents[variable]: self.domains[variable][value]
            for variable, value in enumerate(values)
            if value != self.initial[variable]
        }
        return self.state.with_change(change)

    def encode(self, state: State) -> tuple[int, ...] | None:
        """The assignment of a state; None if a variable has a value that this task does not know."""
        numbers = []
        for fluent, domain in zip(self.fluents, self.domains, strict=True):
            value = state.value(fluent)
            if value is None and isinstance(domain[0], int) and domain[0] is not True:
                value = 0  # a counter without a number
            if value not in domain:
                return None
            numbers.append(domain.index(value))
        return tuple(numbers)

    def begun_from(self, state: State) -> GroundTask | None:
        """The same task from another state of the same universe; None if something there was thought unreachable."""
        for fluent, value in self.state.difference(state).items():
            if fluent not in self.variables or value not in self.domains[self.variables[fluent]]:
                return None
        initial = self.encode(state)
        return None if initial is None else replace(self, state=state, initial=initial)
