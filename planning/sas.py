"""Fast Downward: writes a ground task in its SAS+ format (version 3), runs its search component, reads the plan.

The format: https://www.fast-downward.org/latest/documentation/translator-output-format/
The search component is a program of its own (GPL-3) and only ever called as one.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from worldwright.planning.problem import Deadline, Limits, PlanningStopped, PlanStatus
from worldwright.planning.process import Finished, run
from worldwright.planning.task import GroundOperator, GroundTask, Pair

_STATE = 80  # values that take as long to write as it does to look at a state
_BINARY = Path("builds/release/bin/downward")
_HOMES = ("up_fast_downward", "fast_downward")  # the packages that have carried it
_SOLVED = (0, 1, 2, 3)  # https://www.fast-downward.org/latest/documentation/exit-codes/
_UNSOLVABLE = (11,)
_INCOMPLETE = (12,)
_EXHAUSTIVE = "Completely explored state space"  # printed with 12 by releases before 26
_EXHAUSTED = (20, 21, 22, 23, 24, -signal.SIGXCPU, -signal.SIGKILL)  # the last by the kernel

# Landmarks and FF with preferred operators, as in LAMA (Richter & Westphal 2010). Measured on grid worlds: weight 3
# gives plans within a few percent of the shortest for the time of LAMA's greedy first search, whose plans are up to
# 70% longer; on goals of several parts it can take seconds, and weight 5 a tenth of that.
_LAMA = "let(hlm, landmark_sum(lm_factory=lm_reasonable_orders_hps(lm_rhw()),pref=false),let(hff, ff(), {}))"
_LAZY = "lazy_wastar([hff,hlm],preferred=[hff,hlm],w={},max_time=SECONDS)"
NEAR_OPTIMAL = _LAMA.format(_LAZY.format(3))
GREEDY = _LAMA.format(_LAZY.format(5))
# On small tasks A* with FF finds, within a second, plans as short as with an admissible heuristic (all of 59 tasks of
# grids and households) for a tenth of the time or less. The landmarks come first: where there is no plan they mostly
# see it at once, when A* would look through all states.
SHORT = _LAMA.format(f"iterated([{_LAZY.format(3)},eager_wastar([hff],w=1,max_time=1)],pass_bound=false)")
OPTIMAL = "astar(hmax(),max_time=SECONDS)"


def find_binary() -> Path | None:
    """Fast Downward's search program, wherever the installed distribution put it; None if there is none."""
    for package in _HOMES:
        spec = find_spec(package)
        for home in map(Path, (spec.submodule_search_locations or []) if spec else []):
            for found in (home / "downward" / _BINARY, home / _BINARY):
                if found.is_file():
                    return found
    return None


def write(task: GroundTask, deadline: Deadline) -> str:
    """The task in SAS+; raises `PlanningStopped` (TIMEOUT) if that is too much to write.

    A goal of alternatives becomes operators of cost 0 on a variable of its own, which goes from 0 to its last value
    by one operator for each part. If there are several parts, nothing else can be done on the way.
    """
    count = len(task.fluents)
    plain = _plain_goal(task)
    checks, length = ([], 0) if plain is not None else _checks(task, count)
    sizes = [len(domain) for domain in task.domains] + ([length] if checks else [])
    goal = plain if plain is not None else ((count, length - 1),)
    acting = ((count, 0),) if length > 2 else ()
    lines = ["begin_version", "3", "end_version", "begin_metric", "1", "end_metric", str(len(sizes))]
    for number, size in enumerate(sizes):
        lines += _variable(number, size)
    lines += ["0", "begin_state", *map(str, task.initial), *(["0"] if checks else []), "end_state"]
    lines += ["begin_goal", str(len(goal)), *(f"{variable} {value}" for variable, value in goal), "end_goal"]
    lines.append(str(len(task.operators) + len(checks)))
    for number, operator in enumerate(task.operators):  # a few may have millions of conditions
        deadline.check(_size(operator) / _STATE)
        lines.append(_operator(number, operator, acting))
    lines += [*checks, "0", ""]
    return "\n".join(lines)


def _plain_goal(task: GroundTask) -> tuple[Pair, ...] | None:
    """The goal if it is a single conjunction."""
    if len(task.goals) == 1 and len(task.goals[0]) == 1 and len(task.goals[0][0]) == 1:
        return task.goals[0][0][0]
    return None


def _checks(task: GroundTask, variable: int) -> tuple[list[str], int]:
    """The operators that see that a goal holds, and the number of values that their variable needs."""
    last = 1 + sum(len(goal) - 1 for goal in task.goals)
    found = []
    used = 0
    for goal in task.goals:
        before = 0
        for at, part in enumerate(goal):
            used += at < len(goal) - 1
            after = last if at == len(goal) - 1 else used
            found += [_block("goal", case, [f"0 {variable} {before} {after}"], 0) for case in part]
            before = after
    return found, last + 1


def _variable(number: int, size: int) -> list[str]:
    values = [f"Atom v{number}({value})" for value in range(size)]
    return ["begin_variable", f"var{number}", "-1", str(size), *values, "end_variable"]


def _size(operator: GroundOperator) -> int:
    """How many values it speaks of."""
    return len(operator.preconditions) + sum(1 + len(effect.conditions) for effect in operator.effects)


def _operator(number: int, operator: GroundOperator, acting: tuple[Pair, ...]) -> str:
    before = dict(operator.preconditions)
    changed = {effect.variable for effect in operator.effects}
    prevail = [pair for pair in (*operator.preconditions, *acting) if pair[0] not in changed]
    effects = []
    for variable, value, conditions in operator.effects:
        pairs = "".join(f"{other} {wanted} " for other, wanted in conditions)
        effects.append(f"{len(conditions)} {pairs}{variable} {before.get(variable, -1)} {value}")
    return _block(str(number), prevail, effects, 1)


def _block(name: str, prevail: Sequence[Pair], effects: Sequence[str], cost: int) -> str:
    conditions = "".join(f"{variable} {value}\n" for variable, value in prevail)
    listed = "\n".join(effects)
    return f"begin_operator\n{name}\n{len(prevail)}\n{conditions}{len(effects)}\n{listed}\n{cost}\nend_operator"


def search(text: str, strategy: str, limits: Limits, binary: Path | None = None) -> tuple[list[int], int]:
    """The numbers of the operators of a plan for a written task, and how many states were expanded.

    In `strategy` the word SECONDS stands for the CPU time; without it only whole seconds are enforced.

    Raises:
        PlanningStopped: UNSOLVABLE, TIMEOUT or FAILED, with the reason.
    """
    program = binary or find_binary()
    if program is None:
        raise PlanningStopped(PlanStatus.FAILED, "Fast Downward is not installed: pip install up-fast-downward")
    with tempfile.TemporaryDirectory(prefix="worldwright-") as name:
        folder = Path(name)
        (folder / "task.sas").write_text(text, encoding="ascii")
        timed = strategy.replace("SECONDS", f"{limits.cpu_seconds:.3f}")
        command = [str(program), "--search", timed, "--internal-plan-file", "plan.txt"]
        try:
            finished = run(command, folder, limits, folder / "task.sas")
        except OSError as error:
            raise PlanningStopped(PlanStatus.FAILED, f"Fast Downward does not start: {error}") from None
        _check(finished, timed != strategy)
        found = [_read_plan(path) for path in sorted(folder.glob("plan.txt*"))]
        if not found:
            raise PlanningStopped(PlanStatus.FAILED, "Fast Downward wrote no readable plan")
        return min(found, key=len), _expanded(finished.output)


def _check(finished: Finished, timed: bool) -> None:
    code = finished.code
    if code in _UNSOLVABLE or (code in _INCOMPLETE and _EXHAUSTIVE in finished.output):
        raise PlanningStopped(PlanStatus.UNSOLVABLE, "Fast Downward searched all that is reachable")
    if finished.killed or code in _EXHAUSTED or (timed and code in _INCOMPLETE):
        raise PlanningStopped(PlanStatus.TIMEOUT, f"Fast Downward ran out of time or memory (exit code {code})")
    if code in _INCOMPLETE:
        raise PlanningStopped(PlanStatus.FAILED, "Fast Downward gave up: its search was not complete")
    if code not in _SOLVED:
        last = next((line for line in reversed(finished.output.splitlines()) if line.strip()), "")
        raise PlanningStopped(PlanStatus.FAILED, f"Fast Downward ended with exit code {code}: {last[:200]}")


def _read_plan(path: Path) -> list[int]:
    """The operators of a plan file: lines `(name)`, comments begin with ';'."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        names = [line.strip()[1:-1].strip() for line in lines if line.strip() and not line.startswith(";")]
        return [int(name) for name in names if name != "goal"]
    except (OSError, ValueError) as error:
        raise PlanningStopped(PlanStatus.FAILED, f"Fast Downward wrote no readable plan: {error}") from None


def _expanded(output: str) -> int:
    for line in output.splitlines():
        words = line.split()
        if "Expanded" in words and words[-1] == "state(s)." and words[-2].isdigit():
            return int(words[-2])
    return 0
