"""What an instance requires and does, as pairs of a variable and a value.

A requirement is a set of alternative cases, each a conjunction of pairs: denied atoms, comparisons and denied
`exists` allow several values of a variable, and SAS+ conditions only one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise, product

from worldwright.planning.forms import Conjunction, EffectForm, Form, LateForm
from worldwright.planning.joins import Names
from worldwright.planning.problem import PlanningStopped, PlanStatus
from worldwright.planning.reachability import Reachability, split
from worldwright.planning.task import GroundEffect, Pair
from worldwright.world_model.effects import counted
from worldwright.world_model.language import Comparison
from worldwright.world_model.state import Fluent, Value
from worldwright.world_model.vocabulary import Vocabulary

MAX_CASES = 2_000  # of one instance

Case = tuple[Pair, ...]  # sorted
Choice = tuple[int, frozenset[int]]  # a variable and the values allowed


class Numbering:
    """The variables, and the pair that each atom stands for.

    Attributes:
        fluents, domains: the variables, in the order in which they were found to change; first values first.
        pair_of: for an atom (predicate, *arguments) about a variable the pair that makes it true.
        none_of: for a fluent the pair that it has no value.
    """

    def __init__(self, reachability: Reachability) -> None:
        self.vocabulary: Vocabulary = reachability.facts.vocabulary
        self.fluents: list[Fluent] = []
        self.domains: list[tuple[Value | None, ...]] = []
        self.variables: dict[Fluent, int] = {}
        self.pair_of: dict[Names, Pair] = {}
        self.none_of: dict[Fluent, Pair] = {}
        for fluent, values in reachability.reached.values.items():
            if len(values) > 1:
                self._add(fluent, tuple(values))

    def _add(self, fluent: Fluent, domain: tuple[Value | None, ...]) -> None:
        variable = self.variables[fluent] = len(self.fluents)
        self.fluents.append(fluent)
        self.domains.append(domain)
        for number, value in enumerate(domain):
            if value is None:
                self.none_of[fluent] = (variable, number)
            elif value is True:
                self.pair_of[fluent] = (variable, number)
            elif isinstance(value, str):
                self.pair_of[*fluent, value] = (variable, number)

    # -- requirements -------------------------------------------------------------------------------------------------

    def cases(self, conjunction: Conjunction, binding: Names) -> list[Case]:
        """The alternatives of which one must hold; none if it never can.

        Raises:
            PlanningStopped: UNSUPPORTED when there are too many.
        """
        pair_of = self.pair_of
        found = {pair_of.get(form.ground(binding)) for form in conjunction.atoms}
        found.discard(None)
        pairs = sorted(pair for pair in found if pair is not None)
        if any(left[0] == right[0] for left, right in pairwise(pairs)):
            return []
        if not conjunction.late and not conjunction.denied:
            return [tuple(pairs)]
        allowed = {variable: frozenset((value,)) for variable, value in pairs}
        clauses = [[choice] for choice in self._late(conjunction, binding)]
        for denied in conjunction.denied:
            clauses += [self._denial(denied.inner, inner) for inner in denied.bindings(binding)]
        return self._expand(allowed, clauses)

    def _late(self, conjunction: Conjunction, binding: Names) -> Iterator[Choice]:
        """What the late conditions allow; those about what never changes hold, or there would be no instance."""
        for late in conjunction.late:
            accepts = _acceptor(late, binding)
            variable = self.variables.get(_fluent(late, binding))
            if variable is not None:
                values = enumerate(self.domains[variable])
                yield variable, frozenset(number for number, value in values if accepts(value))

    def _denial(self, inner: Conjunction, binding: Names) -> list[Choice]:
        """The ways in which one binding of a denied conjunction fails to hold."""
        ways: list[Choice] = []
        for form in inner.atoms:
            pair = self.pair_of.get(form.ground(binding))
            if pair is not None:
                ways.append((pair[0], self._all_values(pair[0]) - {pair[1]}))
        for variable, values in self._late(inner, binding):
            ways.append((variable, self._all_values(variable) - values))
        return ways

    def _all_values(self, variable: int) -> frozenset[int]:
        return frozenset(range(len(self.domains[variable])))

    def _expand(self, allowed: dict[int, frozenset[int]], clauses: list[list[Choice]]) -> list[Case]:
        found: dict[Case, None] = {}
        for choices in _bounded(product(*clauses)):
            narrowed = dict(allowed)
            for variable, values in choices:
                narrowed[variable] = narrowed.get(variable, self._all_values(variable)) & values
            free = [variable for variable in sorted(narrowed) if narrowed[variable] != self._all_values(variable)]
            for values in _bounded(product(*(sorted(narrowed[variable]) for variable in free))):
                found[tuple(zip(free, values, strict=True))] = None
        return list(_bounded(iter(found)))

    # -- effects ------------------------------------------------------------------------------------------------------

    def effects(
        self, form: Form, binding: Names, case: Case, given: Mapping[int, int]
    ) -> tuple[list[GroundEffect], list[GroundEffect]]:
        """The deletions and the other effects of an instance in one case, where `given` pairs hold anyway."""
        known = {**given, **dict(case)}
        conditions = tuple(pair for pair in case if given.get(pair[0]) != pair[1])
        deletions: list[GroundEffect] = []
        additions: list[GroundEffect] = []
        for effect in form.effects:
            if effect.change is not None:
                additions += self._counting(effect, binding, known, conditions)
            elif effect.positive:
                pair = self.pair_of.get(effect.ground(binding))
                if pair is not None:
                    additions.append(GroundEffect(*pair, conditions))
            else:
                deletions += self._deletion(effect, binding, known, conditions)
        return deletions, additions

    def _deletion(
        self, effect: EffectForm, binding: Names, known: Mapping[int, int], conditions: Case
    ) -> list[GroundEffect]:
        atom = effect.ground(binding)
        none = self.none_of.get(atom[:-1] if effect.functional else atom)
        if none is None:
            return []
        if not effect.functional:
            return [GroundEffect(*none, conditions)]
        deleted = self.pair_of.get(atom)  # a functional fluent loses its value only if it is this one
        if deleted is None or known.get(none[0], deleted[1]) != deleted[1]:
            return []
        extra = () if none[0] in known else (deleted,)
        return [GroundEffect(*none, (*conditions, *extra))]

    def _counting(
        self, effect: EffectForm, binding: Names, known: Mapping[int, int], conditions: Case
    ) -> Iterator[GroundEffect]:
        variable = self.variables.get(effect.ground(binding))
        if variable is None or effect.change is None:
            return
        domain = self.domains[variable]
        numbers = [known[variable]] if variable in known else range(len(domain))
        for number in numbers:
            after = domain.index(counted(effect.change, self.vocabulary, int(domain[number] or 0)))
            extra = () if variable in known else ((variable, number),)
            yield GroundEffect(variable, after, (*conditions, *extra))


def _fluent(late: LateForm, binding: Names) -> Fluent:
    return split(late.ground(binding), late.functional)[0]


def _acceptor(late: LateForm, binding: Names) -> Callable[[Value | None], bool]:
    condition = late.condition
    if isinstance(condition, Comparison):
        return lambda value: condition.accepts(int(value or 0))
    denied = split(late.ground(binding), late.functional)[1]
    return lambda value: value != denied


def _bounded(items: Iterator[tuple[object, ...]]) -> Iterator:  # type: ignore[type-arg]
    for number, item in enumerate(items):
        if number >= MAX_CASES:
            reason = f"a condition has over {MAX_CASES} alternatives when spelt out in values"
            raise PlanningStopped(PlanStatus.UNSUPPORTED, reason)
        yield item
