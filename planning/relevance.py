"""Leaves out the things that a plan will hardly move: operators grow with places times things.

What counts as a thing that is moved is read off the vocabulary: the values of injective predicates. First nothing may
be put anywhere new (it may be taken, which costs little); if that does not reach the goal, what the goal speaks of
may; then anything. The things moved by a relaxed plan for that (Hoffmann & Nebel 2001) stay in the task.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from worldwright.planning.facts import Facts, facts_of
from worldwright.planning.problem import Deadline, PlanningProblem
from worldwright.planning.reachability import Reachability
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import EQUALS, Condition, Literal, is_variable
from worldwright.world_model.state import Fluent
from worldwright.world_model.vocabulary import Variable

FEW_THINGS = 3  # so few are all kept


def explore(
    problem: PlanningProblem, deadline: Deadline, complete: bool = False
) -> tuple[Reachability, tuple[str, ...]]:
    """What is reachable with the things that matter (or all, if `complete`), and the things left out.

    Raises:
        PlanningStopped: TIMEOUT or UNSUPPORTED.
    """
    facts = facts_of(problem)
    reachability = Reachability(problem, facts, deadline, free=None if complete else _held(problem))
    reachability.run()
    moved = [] if complete else reachability.moved()
    if len(moved) <= FEW_THINGS:
        reachability.release(None)
        reachability.run()
        return reachability, ()
    if not problem.goals:
        kept = {*_held(problem), *moved[:FEW_THINGS]}  # those found first are near
    else:
        if not reachability.reaches_goal():
            reachability.release(goal_things(problem.goals, facts))
            reachability.run(until_goal=True)
        if not reachability.reaches_goal():
            reachability.release(None)
            reachability.run(until_goal=True)
        if not reachability.reaches_goal():
            return reachability, ()  # everything was tried: the goal cannot be reached
        kept = _moved_by_relaxed_plan(reachability)
    reachability = Reachability(problem, facts, deadline, free=kept, strict=True)
    reachability.run()
    return reachability, tuple(name for name in moved if name not in kept)


def conceivable(problem: PlanningProblem) -> bool:
    """Whether something known is of the kinds that some goal asks for, as far as no rule can change what it is."""
    facts = facts_of(problem)
    return not problem.goals or any(
        all(candidates(goal, variable, facts) for variable in goal.parameters) for goal in problem.goals
    )


def candidates(goal: Reach, variable: Variable, facts: Facts) -> list[str]:
    """The objects that a goal's variable may stand for by conditions on it alone."""
    found = facts.candidates.get((goal, variable.name))
    if found is None:
        found = list(facts.state.universe.objects(variable.type))
        for test in lone_conditions(goal, variable.name, facts):
            found = _fitting(found, test, facts)
        facts.candidates[goal, variable.name] = found
    return found


def _moved_by_relaxed_plan(reachability: Reachability) -> set[str]:
    plan = reachability.relaxed_plan()
    return {binding[place] for form, binding in plan for place in form.moved}


def _held(problem: PlanningProblem) -> list[str]:
    """Things in a place of which there is only one, as a hand: they may have to be put away first."""
    predicates = [p for p in problem.model.vocabulary.predicates if p.injective and len(p.types) == 1]
    fluents: list[Fluent] = [(predicate.name,) for predicate in predicates]
    values = [problem.state.value(fluent) for fluent in fluents]
    return [str(value) for value in values if value is not None]


def goal_things(goals: Iterable[Reach], facts: Facts) -> list[str]:
    """The objects that the goals name, or that their variables may stand for by conditions on one variable alone."""
    found: dict[str, None] = {}
    for goal in goals:
        found.update(dict.fromkeys(name for part in goal.conditions for name in _named(part)))
        for variable in goal.parameters:
            if lone_conditions(goal, variable.name, facts):  # else it may be anything, which says nothing
                found.update(dict.fromkeys(candidates(goal, variable, facts)))
    return list(found)


def _named(condition: Condition) -> list[str]:
    return [arg for arg in condition.atom.args if not is_variable(arg)] if isinstance(condition, Literal) else []


def lone_conditions(goal: Reach, variable: str, facts: Facts) -> list[Literal]:
    """The literals of a goal that speak of one variable and of constants, and say what no rule changes."""
    return [
        part
        for part in goal.lone.get(variable, ())
        if (part.atom.predicate == EQUALS or (part.positive and part.atom.predicate in facts.predicates))
        and part.atom.predicate not in facts.changing
    ]


def _fitting(names: Sequence[str], literal: Literal, facts: Facts) -> list[str]:
    """Those of some objects of which a literal holds that speaks of one variable and of constants."""
    head, args = literal.atom.predicate, literal.atom.args
    if head == EQUALS:
        named = [arg for arg in args if not is_variable(arg)]
        return [name for name in names if all(arg == name for arg in named) == literal.positive]
    functional = facts.predicates[head].functional
    keys, wanted = (args[:-1], args[-1]) if functional else (args, True)
    if len(keys) == 1 and wanted in facts.vocabulary.constant_types:  # as it mostly is, and there are many objects
        values, static = facts.state.values.get, facts.state.universe.facts.get
        return [name for name in names if (values((head, name)) or static((head, name))) == wanted]

    def filled(term: str, name: str) -> str:
        return name if is_variable(term) else term

    def holds(name: str) -> bool:
        then = filled(wanted, name) if isinstance(wanted, str) else True
        return facts.value((head, *(filled(key, name) for key in keys))) == then

    return list(filter(holds, names))
