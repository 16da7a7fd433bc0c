"""The reference path: the model as PDDL, solved by any engine of unified-planning.

It shares nothing with our own grounder, and so checks it; it takes some hundred times as long.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from worldwright.planning.problem import (
    Limits,
    Plan,
    PlanningProblem,
    PlanningStopped,
    PlanResult,
    PlanStatus,
    Statistics,
    cpu_seconds,
)
from worldwright.planning.process import run
from worldwright.planning.validation import checked
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import Condition, Exists, LiftedAtom, Literal, is_variable
from worldwright.world_model.model import WorldModel
from worldwright.world_model.pddl import domain_text, problem_text
from worldwright.world_model.pddl_names import names_of
from worldwright.world_model.sexpr import parse_one, show
from worldwright.world_model.vocabulary import Object

DOMAIN, PROBLEM, ANSWER = "domain.pddl", "problem.pddl", "answer.json"  # what passes between us and the worker


@dataclass(frozen=True)
class UnifiedPlanning:
    """An engine of unified-planning, by its name there."""

    name: str

    def solve(self, problem: PlanningProblem, limits: Limits) -> PlanResult:
        """Plan within limits (each process that the engine starts has the CPU limit to itself)."""
        statistics = Statistics()
        try:
            if problem.wanted.met(problem.state) is not None:
                return PlanResult(PlanStatus.SOLVED, Plan(), statistics=statistics)
            with statistics.stage("write"):
                domain, task = pddl(problem)
            with statistics.stage("search", cpu_seconds):
                answer = self._ask(domain, task, limits)
            if answer["status"] != PlanStatus.SOLVED:
                raise PlanningStopped(PlanStatus(answer["status"]), answer["reason"])
            names = names_of(_naming_objects(problem), problem.state)
            actions = [names.action_of(step[0], step[1:]) for step in answer["steps"]]
            return checked(problem, actions, statistics)
        except PlanningStopped as stopped:
            return PlanResult(stopped.status, reason=stopped.reason, statistics=statistics)
        except WorldwrightError as error:  # `Inexpressible` and what is wrong with the goal
            return PlanResult(PlanStatus.UNSUPPORTED, reason=str(error), statistics=statistics)

    def _ask(self, domain: str, task: str, limits: Limits) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="worldwright-") as name:
            folder = Path(name)
            (folder / DOMAIN).write_text(domain, encoding="utf-8")
            (folder / PROBLEM).write_text(task, encoding="utf-8")
            module = "worldwright.planning.up_worker"
            command = [sys.executable, "-P", "-m", module, self.name, f"{limits.cpu_seconds:.3f}"]
            finished = run(command, folder, limits)
            if finished.killed or finished.code < 0:
                raise PlanningStopped(PlanStatus.TIMEOUT, f"{self.name} was stopped: out of time or memory")
            try:
                answer: dict[str, Any] = json.loads((folder / ANSWER).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                last = finished.output.strip().rpartition("\n")[2]
                raise PlanningStopped(PlanStatus.FAILED, f"{self.name} broke: {last[:200]}") from None
            return answer


def pddl(problem: PlanningProblem) -> tuple[str, str]:
    """The domain and the problem as PDDL.

    Raises:
        Inexpressible: PDDL cannot say what the rules mean.
        WorldwrightError: the goal does not fit the vocabulary.
    """
    model = _naming_objects(problem)
    texts = [problem_text(model, problem.state, goal) for goal in problem.goals]
    if len(texts) == 1:
        return domain_text(model, problem.state), texts[0]
    tasks = [parse_one(text) for text in texts]
    goals = [part[1] for task in tasks for part in task if isinstance(part, list) and part[0] == ":goal"]
    first = [part for part in tasks[0] if not (isinstance(part, list) and part[0] in (":goal", ":requirements"))]
    return domain_text(model, problem.state), show([*first, [":goal", ["or", *goals]]])


def _naming_objects(problem: PlanningProblem) -> WorldModel:
    """The model with the objects that the goals name for constants, as PDDL needs them in a goal of ours."""
    vocabulary = problem.model.vocabulary
    types = problem.state.universe.types
    named = dict.fromkeys(name for goal in problem.goals for name in _named(goal))
    new = [Object(name, types[name]) for name in named if name in types and name not in vocabulary.constant_types]
    if not new:
        return problem.model
    return replace(problem.model, vocabulary=replace(vocabulary, constants=(*vocabulary.constants, *new)))


def _named(goal: Reach) -> list[str]:
    return [arg for part in goal.conditions for atom in _atoms(part) for arg in atom.args if not is_variable(arg)]


def _atoms(condition: Condition) -> list[LiftedAtom]:
    if isinstance(condition, Exists):
        return [atom for part in condition.conditions for atom in _atoms(part)]
    return [condition.atom if isinstance(condition, Literal) else condition.counter]
