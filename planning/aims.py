"""Goals made ready to be asked of the many states of one search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from operator import itemgetter

from worldwright.planning.facts import Facts, facts_of
from worldwright.planning.problem import PlanningProblem
from worldwright.planning.relevance import candidates, goal_things, lone_conditions
from worldwright.world_model.goal import Reach
from worldwright.world_model.matching import Binding, Query
from worldwright.world_model.state import Change, Fluent, Readable, Value

MOST = 40  # questions to which all the goals together may come down


@dataclass(frozen=True)
class _Aim:
    """What a goal asks, and the ways to fill in those of its variables that only certain things fit."""

    query: Query
    ways: Sequence[Binding]

    def met(self, state: Readable) -> bool:
        for way in self.ways:  # noqa: SIM110
            if self.query.holds(state, way):
                return True
        return False


@dataclass(frozen=True)
class Aims:
    """The goals of a problem, of which any one will do.

    Attributes:
        places: goals that only ask that a fluent has a value: by fluent, the values that will do.
        others: the other goals.
        asked: the predicates that the goals speak of: what changes none of these meets none of them.
        things: what they name, or what their variables may stand for by conditions on one alone.
    """

    places: Mapping[Fluent, Mapping[Value, Reach]]
    others: Sequence[_Aim]
    asked: frozenset[str]
    things: frozenset[str]

    @staticmethod
    def of(problem: PlanningProblem) -> Aims | None:
        """The goals as they can be met from the problem's state; None if too much would have to be asked."""
        facts = facts_of(problem)
        others: list[_Aim] = []
        for goal, query in problem.wanted.others:
            others.append(_Aim(query, ({},)) if query.follows else _filled_in(goal, facts))
            if sum(len(each.ways) for each in others) > MOST:
                return None
        asked = frozenset[str]().union(*(goal.predicates for goal in problem.goals))
        return Aims(problem.wanted.places, others, asked, frozenset(goal_things(problem.goals, facts)))

    def met(self, state: Readable) -> bool:
        """Whether one of the goals holds in a state."""
        for fluent, values in self.places.items():
            if state.value(fluent) in values:
                return True
        for aim in self.others:  # noqa: SIM110 (it is asked of very many states)
            if aim.met(state):
                return True
        return False

    def may_meet(self, change: Change) -> bool:
        """Whether a change may be what meets a goal."""
        return not self.asked.isdisjoint(map(_head, change))


_head = itemgetter(0)


def _filled_in(goal: Reach, facts: Facts) -> _Aim:
    """A goal that would have to be searched for what it speaks of."""
    lone = {variable: lone_conditions(goal, variable.name, facts) for variable in goal.parameters}
    filled = {variable.name: list(candidates(goal, variable, facts)) for variable, tests in lone.items() if tests}
    known = {id(test) for tests in lone.values() for test in tests}
    left = [condition for condition in goal.conditions if id(condition) not in known]
    ways = islice(product(*filled.values()), MOST + 1)
    query = Query(facts.vocabulary, goal.parameters, left, tuple(filled))
    return _Aim(query, [dict(zip(filled, names, strict=True)) for names in ways])
