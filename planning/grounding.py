"""From a planning problem to a ground task: reachable instances, operators, goals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from worldwright.planning.bars import Bars
from worldwright.planning.cases import Case, Numbering
from worldwright.planning.cofiring import Candidate, Merger, compatible
from worldwright.planning.joins import Names
from worldwright.planning.lean import lean
from worldwright.planning.problem import (
    Deadline,
    PlanningProblem,
    PlanningStopped,
    PlanStatus,
    without_collector,
)
from worldwright.planning.reachability import Instance, Reachability
from worldwright.planning.relevance import explore
from worldwright.planning.task import GroundGoal, GroundOperator, GroundTask
from worldwright.world_model.model import Action
from worldwright.world_model.state import Fluent, Value
from worldwright.world_model.vocabulary import ENDED

MAX_OPERATORS = 400_000
_CHECK_EVERY = 16  # operators between two looks at the clock
_STATE = 3  # of them take as long as a state that is looked at
MAX_COMBINED = 4_000  # ways to combine the parts of a goal that are spelt out


def ground(problem: PlanningProblem, deadline: Deadline, complete: bool = False) -> GroundTask:
    """The ground task of a problem.

    Things that seem not to matter are left out (`GroundTask.left_out`) unless `complete` is asked for: a plan for
    such a task is a plan, but that there is none, or none shorter, is proven only by the complete one. If none of
    the goals is reachable at all, the task has neither goals nor (unless complete) operators. A problem without
    goals is for looking around; of many things the nearest are kept.

    Raises:
        PlanningStopped: TIMEOUT, or UNSUPPORTED with the reason.
    """
    with without_collector():
        return _ground(problem, deadline, complete)


def _ground(problem: PlanningProblem, deadline: Deadline, complete: bool) -> GroundTask:
    bars = problem.bars
    problem = replace(problem, model=lean(problem.model, problem.state))
    reachability, left_out = explore(problem, deadline, complete)
    numbering = Numbering(reachability)
    hopeless = bool(problem.goals) and not complete and not reachability.reaches_goal()
    operators = [] if hopeless else _Operators(problem, reachability, numbering, deadline).all()
    if problem.spared:
        found = len(operators)
        operators = [operator for operator in operators if not _loses(operator, numbering, bars)]
        bars.withheld += found - len(operators)
    if problem.barred:
        bars.withheld += 1
        operators = [way for operator in operators for way in _around_bars(problem, numbering, operator)]
    return GroundTask(
        state=problem.state,
        fluents=tuple(numbering.fluents),
        domains=tuple(numbering.domains),
        initial=(0,) * len(numbering.fluents),
        operators=tuple(operators),
        goals=_goals(reachability, numbering),
        left_out=left_out,
    )


def _around_bars(problem: PlanningProblem, numbering: Numbering, operator: GroundOperator) -> list[GroundOperator]:
    """The operator where its action is not barred: with one more condition, that something there is otherwise.

    That is what the operator asks nothing of, if it can change; if there is no such thing, there is no way.
    """
    ways = [operator]
    args = {f"?{index}": arg for index, arg in enumerate(operator.action.args)}
    for name, facts in sorted(problem.barred, key=str):
        if name == operator.action.name:
            there = {
                tuple(args.get(term, term) for term in f): v if v is None else args.get(str(v), v) for f, v in facts
            }
            ways = [other for way in ways for other in _otherwise(problem, numbering, way, there)]
    return ways


def _otherwise(
    problem: PlanningProblem, numbering: Numbering, operator: GroundOperator, facts: Mapping[Fluent, Value | None]
) -> list[GroundOperator]:
    """The operator if it asks for what contradicts the facts, else with one of them denied."""
    needed = dict(operator.preconditions)
    free = []
    for fluent, value in sorted(facts.items(), key=str):
        variable = numbering.variables.get(fluent)
        if variable is None:  # it never changes
            if problem.state.value(fluent) != value:
                return [operator]
        elif variable not in needed:
            free.append((variable, value))
        elif numbering.domains[variable][needed[variable]] != value:
            return [operator]
    return [
        operator._replace(preconditions=tuple(sorted((*operator.preconditions, (variable, number)))))
        for variable, value in free
        for number, other in enumerate(numbering.domains[variable])
        if other != value
    ]


def _loses(operator: GroundOperator, numbering: Numbering, bars: Bars) -> bool:
    """Whether an operator takes something that is to be spared from its place and puts it nowhere."""
    before = dict(operator.preconditions)
    changed = [effect.variable for effect in operator.effects if effect.variable in before]
    gone = [(numbering.fluents[each], numbering.domains[each][before[each]]) for each in changed]
    then = {numbering.domains[effect.variable][effect.value] for effect in operator.effects}
    return any(bars.may_be_lost(fluent, thing) and thing not in then for fluent, thing in gone)


def _goals(reachability: Reachability, numbering: Numbering) -> tuple[GroundGoal, ...]:
    goals = []
    for parts in reachability.ways:
        found = []
        for ways in parts:
            cases = (case for form, binding in ways for case in numbering.cases(form.conjunction, binding))
            found.append(tuple(dict.fromkeys(cases)))
        if all(found):
            goals.append(_multiplied(found))
    return tuple(goals)


def _multiplied(parts: list[tuple[Case, ...]]) -> GroundGoal:
    """The same goal with fewer parts, as long as there are not too many ways to combine theirs."""
    kept: list[tuple[Case, ...]] = []
    for part in sorted(parts, key=len):
        if kept and len(kept[-1]) * len(part) <= MAX_COMBINED:
            pairs = [tuple(sorted({*left, *right})) for left in kept[-1] for right in part]
            kept[-1] = tuple(case for case in dict.fromkeys(pairs) if len(dict(case)) == len(case))
        else:
            kept.append(part)
    return tuple(kept)


class _Operators:
    """Makes operators out of instances, one for each case in which an instance fires."""

    def __init__(
        self, problem: PlanningProblem, reachability: Reachability, numbering: Numbering, deadline: Deadline
    ) -> None:
        self._reachability = reachability
        self._numbering = numbering
        self._merger = Merger(problem.model, problem.state, numbering, deadline)
        self._deadline = deadline
        self._running = numbering.none_of.get((ENDED,))

    def all(self) -> list[GroundOperator]:
        """Every operator, by action in the order of the rules."""
        groups = self._by_action(self._reachability.instances)
        barred = self._by_action(self._reachability.held_back)
        operators: list[GroundOperator] = []
        for action, group in groups.items():
            operators += self._of_action(action, group, barred.get(action, []))
            if len(operators) > MAX_OPERATORS:
                raise PlanningStopped(PlanStatus.UNSUPPORTED, f"more than {MAX_OPERATORS} operators")
        return operators

    def _by_action(self, instances: Sequence[Instance]) -> dict[Action, list[Candidate]]:
        groups: dict[tuple[str, Names], list[Candidate]] = {}
        for form, binding in instances:
            assert form.rule is not None
            group = groups.setdefault((form.rule.action, form.arguments(binding)), [])
            for case in self._numbering.cases(form.conjunction, binding):
                group.append((form, binding, case))
        return {Action(name, args): group for (name, args), group in groups.items()}

    def _of_action(self, action: Action, group: list[Candidate], barred: list[Candidate]) -> list[GroundOperator]:
        everyone = group + barred
        beside = compatible([case for _, _, case in everyone])
        found: dict[tuple[object, ...], GroundOperator] = {}
        for number, base in enumerate(group):
            if number % _CHECK_EVERY == 0:
                self._deadline.check(min(_CHECK_EVERY, len(group) - number) / _STATE)
            others = beside[number]
            if others:
                if any(other >= len(group) for other in others):
                    continue  # what would happen involves things that are left out
                firing = _firing(base)
                others = [other for other in others if _firing(everyone[other]) != firing]
            operator = self._operator(action, base, [everyone[other] for other in others])
            if operator is not None:
                found.setdefault((operator.preconditions, operator.effects), operator)
        return list(found.values())

    def _operator(self, action: Action, base: Candidate, others: list[Candidate]) -> GroundOperator | None:
        form, binding, case = base
        assert form.rule is not None
        effects = self._merger.effects(base, others)
        if not effects:
            return None
        if self._running is not None and self._running not in case:
            if any(variable == self._running[0] for variable, _ in case):
                return None  # it would fire only when all is over
            case = tuple(sorted((*case, self._running)))
        return GroundOperator(action, form.rule, form.parameters(binding), case, effects)


def _firing(candidate: Candidate) -> tuple[int, tuple[str, ...]]:
    form, binding, _ = candidate
    return form.order, form.parameters(binding)
