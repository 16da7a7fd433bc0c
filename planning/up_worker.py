"""Runs one engine of unified-planning on one problem, in a process of its own: `python -m ... ENGINE SECONDS`.

It reads `domain.pddl` and `problem.pddl` in the current folder and writes `answer.json`: a status, a reason and the
steps by their PDDL names. In a process of its own an engine can be limited and killed with all it started.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from unified_planning.engines import PDDLPlanner, PlanGenerationResult, PlanGenerationResultStatus
from unified_planning.environment import Environment, get_environment
from unified_planning.exceptions import UPException
from unified_planning.io import PDDLReader
from unified_planning.model import FNode, InstantaneousAction, Problem

from worldwright.planning.problem import PlanStatus
from worldwright.planning.up_bridge import ANSWER, DOMAIN, PROBLEM
from worldwright.world_model.sexpr import SExpr, parse_one, show
from worldwright.world_model.vocabulary import ENDED

_STATUS = {
    PlanGenerationResultStatus.SOLVED_SATISFICING: PlanStatus.SOLVED,
    PlanGenerationResultStatus.SOLVED_OPTIMALLY: PlanStatus.SOLVED,
    PlanGenerationResultStatus.UNSOLVABLE_PROVEN: PlanStatus.UNSOLVABLE,
    PlanGenerationResultStatus.TIMEOUT: PlanStatus.TIMEOUT,
    PlanGenerationResultStatus.MEMOUT: PlanStatus.TIMEOUT,
    PlanGenerationResultStatus.UNSUPPORTED_PROBLEM: PlanStatus.UNSUPPORTED,
}


class SparseProblem(Problem):  # type: ignore[misc]
    """A problem that lists only the initial values that were set; the others have their default, false.

    unified-planning's PDDL writer asks for the value of every ground fluent and then leaves out the false ones, at a
    cost of seconds for a map of 16 by 16 cells.
    """

    @property
    def initial_values(self) -> dict[FNode, FNode]:
        """What was set explicitly."""
        values: dict[FNode, FNode] = self.explicit_initial_values
        return values


def quietened(environment: Environment) -> Environment:
    """The environment, which then prints no credits and lets an action be called as a predicate is."""
    environment.credits_stream = None
    environment.error_used_name = False
    return environment


def oneshot_engines() -> list[str]:
    """The names of the installed planners."""
    factory = quietened(Environment()).factory
    return sorted(name for name in factory.engines if factory.engine(name).is_oneshot_planner())


def read_problem(domain: str, problem: str, environment: Environment, sparse: bool = False) -> Problem:
    """The problem that two PDDL texts of ours describe.

    The reader gets the domain and the goal; objects and facts, which are many, are added directly: its grammar takes a
    second for a thousand of them.

    Raises:
        UPException: unified-planning cannot express it.
    """
    sections = {str(part[0]): part[1:] for part in parse_one(problem)[2:] if isinstance(part, list)}
    head, goal = show(sections[":domain"][0]), show(sections[":goal"][0])
    small = f"(define (problem task) (:domain {head}) (:init) (:goal {goal}))"
    read = PDDLReader(environment).parse_problem_string(domain, small)
    result = SparseProblem(read.name, environment) if sparse else Problem(read.name, environment)
    for fluent in read.fluents:
        default = read.fluents_defaults.get(fluent, False if fluent.type.is_bool_type() else 0)
        result.add_fluent(fluent, default_initial_value=default)
    result.add_objects(read.all_objects)
    result.add_actions([_running_only(action, read) for action in read.actions])
    for part in read.goals:
        result.add_goal(part)
    _add_objects(result, sections.get(":objects", []))
    for fact in sections.get(":init", []):
        _add_fact(result, fact)
    return result


def _running_only(action: InstantaneousAction, problem: Problem) -> InstantaneousAction:
    """The action, which nothing but an `ended` episode prevents from being done."""
    ended = next((fluent for fluent in problem.fluents if fluent.name == ENDED and fluent.arity == 0), None)
    changed = {effect.fluent.fluent() for each in problem.actions for effect in each.effects}
    if ended in changed:
        action.add_precondition(problem.environment.expression_manager.Not(ended))
    return action


def _add_objects(problem: Problem, words: list[SExpr]) -> None:
    for name, type_ in zip(words[::3], words[2::3], strict=True):  # NAME - TYPE
        problem.add_object(str(name), problem.environment.type_manager.UserType(str(type_)))


def _add_fact(problem: Problem, fact: SExpr) -> None:
    atom, value = (fact[1], int(str(fact[2]))) if fact[0] == "=" else (fact, True)
    objects = [problem.object(str(name)) for name in atom[1:]]
    problem.set_initial_value(problem.fluent(str(atom[0]))(*objects), value)


def solve(name: str, seconds: float, domain: str, problem: str) -> dict[str, Any]:
    """The answer of an engine: status, reason, and steps, each a list of names."""
    if name not in oneshot_engines():
        return _answer(PlanStatus.UNSUPPORTED, f"unified-planning has no planner {name!r} here")
    try:
        # Some engines take the global environment for the problem's, so in this process it is.
        environment = quietened(get_environment())
        writes_pddl = issubclass(environment.factory.engine(name), PDDLPlanner)
        read = read_problem(domain, problem, environment, sparse=writes_pddl)
        with read.environment.factory.OneshotPlanner(name=name) as planner:
            if not planner.supports(read.kind):
                missing = sorted(read.kind.features - planner.supported_kind().features)
                return _answer(PlanStatus.UNSUPPORTED, f"{name} cannot do {', '.join(missing) or 'this'}")
            return _read_result(planner.solve(read, timeout=seconds))
    except UPException as error:
        return _answer(PlanStatus.UNSUPPORTED, f"unified-planning cannot express it: {_line(error)}")
    except Exception as error:  # engines of others may raise anything
        return _answer(PlanStatus.FAILED, f"{name} raised {type(error).__name__}: {_line(error)}")


def _read_result(result: PlanGenerationResult) -> dict[str, Any]:
    status = _STATUS.get(result.status, PlanStatus.FAILED)
    if status is not PlanStatus.SOLVED or result.plan is None:
        return _answer(status, f"{result.engine_name} answered {result.status.name}")
    steps = [[step.action.name, *map(str, step.actual_parameters)] for step in result.plan.actions]
    return {**_answer(status, ""), "steps": steps}


def _answer(status: PlanStatus, reason: str) -> dict[str, Any]:
    return {"status": status.value, "reason": reason, "steps": []}


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


if __name__ == "__main__":
    _name, _seconds = sys.argv[1:]
    _texts = (Path(DOMAIN).read_text(encoding="utf-8"), Path(PROBLEM).read_text(encoding="utf-8"))
    Path(ANSWER).write_text(json.dumps(solve(_name, float(_seconds), *_texts)), encoding="utf-8")
