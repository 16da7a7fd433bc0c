"""Which instances of one action can fire together, and what they then do as one.

An action fires every instance whose preconditions hold (`WorldModel.predict`), so an operator made of one instance
must have the effects of all that may fire beside it, under their conditions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from worldwright.planning.cases import Case, Numbering
from worldwright.planning.forms import Form
from worldwright.planning.joins import Names
from worldwright.planning.problem import Deadline, PlanningStopped, PlanStatus
from worldwright.planning.reachability import split
from worldwright.planning.task import GroundEffect
from worldwright.world_model.language import Exists, Literal
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import Fluent, State, Value

MAX_PAIRS = 1_000_000  # that fire together
_FEW = 32  # comparisons that are cheaper than another split

Candidate = tuple[Form, Names, Case]
Part = tuple[Candidate, list[GroundEffect]]


def compatible(cases: Sequence[Case]) -> list[list[int]]:
    """For each case the others that do not contradict it: no variable at two values.

    Raises:
        PlanningStopped: UNSUPPORTED when there are too many.
    """
    return _Pairing(cases).found


class _Pairing:
    """Splits cases by the variables they mention most, so that few pairs have to be looked at."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = [dict(case) for case in cases]
        self.found: list[list[int]] = [[] for _ in cases]
        self._number = 0
        self._within(list(range(len(cases))), frozenset())

    def _within(self, group: list[int], used: frozenset[int]) -> None:
        variable = self._splitter(group, group, used)
        if variable is None:
            for at, left in enumerate(group):
                for right in group[:at]:
                    self._compare(left, right)
            return
        parts, rest = self._split(group, variable)
        for part in parts.values():
            self._within(part, used | {variable})
        if rest:
            self._across([each for part in parts.values() for each in part], rest, used | {variable})
            self._within(rest, used | {variable})

    def _across(self, lefts: list[int], rights: list[int], used: frozenset[int]) -> None:
        variable = self._splitter(lefts, rights, used)
        if variable is None:
            for left in lefts:
                for right in rights:
                    self._compare(left, right)
            return
        left_parts, left_rest = self._split(lefts, variable)
        right_parts, right_rest = self._split(rights, variable)
        for value, part in left_parts.items():
            if value in right_parts:
                self._across(part, right_parts[value], used | {variable})
        if left_rest:
            self._across(left_rest, rights, used | {variable})
        if right_rest:
            self._across([each for part in left_parts.values() for each in part], right_rest, used | {variable})

    def _splitter(self, lefts: list[int], rights: list[int], used: frozenset[int]) -> int | None:
        if len(lefts) * len(rights) <= _FEW:
            return None
        counts = Counter(variable for each in lefts for variable in self._cases[each] if variable not in used)
        if rights is not lefts:
            others = Counter(variable for each in rights for variable in self._cases[each])
            counts = Counter({variable: count * others[variable] for variable, count in counts.items()})
        best = max(counts.items(), key=lambda item: (item[1], -item[0]), default=(0, 0))
        return best[0] if best[1] > 1 else None

    def _split(self, group: list[int], variable: int) -> tuple[dict[int, list[int]], list[int]]:
        parts: dict[int, list[int]] = {}
        rest: list[int] = []
        for each in group:
            value = self._cases[each].get(variable)
            (rest if value is None else parts.setdefault(value, [])).append(each)
        return parts, rest

    def _compare(self, left: int, right: int) -> None:
        other = self._cases[right]
        for variable, value in self._cases[left].items():
            if other.get(variable, value) != value:
                return
        self.found[left].append(right)
        self.found[right].append(left)
        self._number += 1
        if self._number > MAX_PAIRS:
            raise PlanningStopped(PlanStatus.UNSUPPORTED, f"over {MAX_PAIRS} pairs of rule instances fire together")


class Merger:
    """Makes the effects of one operator out of instances that may fire together."""

    def __init__(self, model: WorldModel, state: State, numbering: Numbering, deadline: Deadline) -> None:
        self._model = model
        self._state = state
        self._numbering = numbering
        self._deadline = deadline
        self._precedence: dict[tuple[int, Names, Names], bool] = {}  # of two bindings of a form
        self._backgrounds: dict[int, dict[Fluent, Value]] = {}

    def effects(self, base: Candidate, others: Sequence[Candidate]) -> tuple[GroundEffect, ...]:
        """What happens when `base` fires, and with it those of the others whose preconditions hold too.

        As in `WorldModel.predict`: what one instance gives a value, no other takes away; of two values the one of the
        first rule, and of its first binding, wins. Effects are listed so that the last on a variable wins. None are
        listed if `base` itself does nothing: the operators of the others tell it all.
        """
        given = dict(base[2])
        deletions, additions = self._numbering.effects(*base, given)
        if others and (deletions or additions):
            parts = [(base, deletions, additions)]
            parts += [(each, *self._numbering.effects(*each, given)) for each in others]
            deletions = [effect for _, part, _ in parts for effect in part]
            strongest_first = self._ordered([(each, part) for each, _, part in parts if part])
            additions = [effect for part in reversed(strongest_first) for effect in part]
        return _needed(deletions + additions, given)

    def _ordered(self, parts: list[Part]) -> list[list[GroundEffect]]:
        """The effects of the instances in the order of `WorldModel.firings`, as far as it matters."""
        parts.sort(key=lambda part: (part[0][0].order, part[0][0].parameters(part[0][1]), part[0][2]))
        ordered = []
        for _, rule_parts in groupby(parts, key=lambda part: part[0][0].order):
            group = list(rule_parts)
            if _conflict([effects for _, effects in group]):
                group = self._sorted(group)
            ordered += [effects for _, effects in group]
        return ordered

    def _sorted(self, group: Sequence[Part]) -> list[Part]:
        """Bindings of one rule, each behind all that precede it (not all pairs can be compared)."""
        waiting, ordered = list(group), []
        while waiting:
            self._deadline.check(1)
            first = next((each for each in waiting if not self._is_preceded(each, waiting)), waiting[0])
            waiting.remove(first)
            ordered.append(first)
        return ordered

    def _is_preceded(self, part: Part, group: Sequence[Part]) -> bool:
        return any(other is not part and self._precedes(other[0], part[0]) for other in group)

    def _precedes(self, left: Candidate, right: Candidate) -> bool:
        """Whether of two bindings of one rule that fire together `WorldModel.firings` yields `left` first.

        It is asked about a state in which little more is true than what they need: their order is the same in all.
        """
        form = left[0]
        assert form.rule is not None
        before, after = form.parameters(left[1]), form.parameters(right[1])
        if before == after or not _agree(left[2], right[2]):
            return False
        known = self._precedence.get((id(form), before, after))
        return known if known is not None else self._ask(left, right, before, after)

    def _ask(self, left: Candidate, right: Candidate, before: Names, after: Names) -> bool:
        form = left[0]
        assert form.rule is not None
        values = {**self._background(form), **self._required(left), **self._required(right)}
        state = State(values, self._state.universe)
        given = dict(zip([variable.name for variable in form.rule.parameters], form.arguments(left[1]), strict=False))
        for binding in self._model.query(form.rule).bindings(state, given):
            names = tuple(binding[variable.name] for variable in form.rule.parameters)
            if names in (before, after):
                self._precedence[id(form), before, after] = names == before
                self._precedence[id(form), after, before] = names == after
                return names == before
        return False

    def _background(self, form: Form) -> dict[Fluent, Value]:
        """What never changes of the counters and of what the rule's `exists` speak of: `_required` leaves that out."""
        found = self._backgrounds.get(id(form))
        if found is None:
            assert form.rule is not None
            quantified = [part for part in form.rule.preconditions if isinstance(part, Exists)]
            literals = [inner for part in quantified for inner in part.conditions if isinstance(inner, Literal)]
            names = {literal.atom.predicate for literal in literals}
            names |= {counter.name for counter in self._state.universe.vocabulary.counters}
            values, variables = self._state.values, self._numbering.variables
            found = {f: value for f, value in values.items() if f[0] in names and f not in variables}
            self._backgrounds[id(form)] = found
        return found

    def _required(self, candidate: Candidate) -> dict[Fluent, Value]:
        """A part of a state in which the candidate fires."""
        form, binding, case = candidate
        conjunction = form.conjunction
        values: dict[Fluent, Value] = {}
        for atom in (*conjunction.atoms, *conjunction.fixed):
            fluent, value = split(atom.ground(binding), atom.functional)
            if self._state.universe.facts.get(fluent) != value:
                values[fluent] = value
        for variable, number in case:
            chosen = self._numbering.domains[variable][number]
            if chosen is not None:
                values[self._numbering.fluents[variable]] = chosen
        return values


def _agree(left: Case, right: Case) -> bool:
    values = dict(left)
    return all(values.get(variable, value) == value for variable, value in right)


def _conflict(groups: Sequence[Sequence[GroundEffect]]) -> bool:
    """Whether two of the groups give one variable different values."""
    values: dict[int, int] = {}
    for effects in groups:
        for effect in effects:
            if values.setdefault(effect.variable, effect.value) != effect.value:
                return True
    return False


def _needed(effects: Sequence[GroundEffect], given: Mapping[int, int]) -> tuple[GroundEffect, ...]:
    """The effects without those that a later one always overrides, and those that change nothing."""
    kept: dict[GroundEffect, None] = {}
    settled: set[int] = set()
    for effect in reversed(effects):
        if effect.variable not in settled and effect not in kept:
            kept[effect] = None
            if not effect.conditions:
                settled.add(effect.variable)
    changing = {effect.variable for effect in kept if given.get(effect.variable) != effect.value}
    return tuple(effect for effect in reversed(kept) if effect.variable in changing)
