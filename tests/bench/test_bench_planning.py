"""CPU time of planning, stage by stage: `pytest tests/bench/test_bench_planning.py -s`."""

from __future__ import annotations

import pytest

from tests.planning.grid_worlds import MODEL, door_key, nine_rooms
from worldwright.planning.engines import engine_named
from worldwright.planning.grounding import ground
from worldwright.planning.problem import Deadline, Limits, PlanningProblem, PlanResult
from worldwright.planning.search import reach

LIMITS = Limits(cpu_seconds=60)
PROBLEMS = {
    "E8: door and key, 8 x 8": door_key(8),
    "D16: door and key, 16 x 16": door_key(16),
    "P22: nine rooms, 18 things, 22 x 22": nine_rooms(),
}


def show(name: str, engine: str, result: PlanResult) -> None:
    """Print what a plan took."""
    found = result.statistics
    stages = " ".join(f"{stage} {1000 * seconds:.1f}" for stage, seconds in found.cpu.items())
    size = f"{found.variables} variables, {found.operators} operators, {found.left_out} things left out"
    print(f"\n{name}, {engine}: {len(result.plan or ())} steps, {1000 * found.cpu_total:.1f} ms CPU ({stages}); {size}")


@pytest.mark.parametrize("engine", ["fast-downward", "search"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_plan(benchmark, name: str, engine: str) -> None:
    problem = PROBLEMS[name]
    result = benchmark.pedantic(lambda: engine_named(engine).solve(problem, LIMITS), rounds=3, warmup_rounds=1)
    assert result.solved
    show(name, engine, result)


@pytest.mark.parametrize("name", PROBLEMS)
def test_plan_by_the_reference_path(benchmark, name: str) -> None:
    problem = PROBLEMS[name]
    engine = engine_named("up:fast-downward")
    result = benchmark.pedantic(lambda: engine.solve(problem, LIMITS), rounds=1)
    assert result.solved
    show(name, "up:fast-downward", result)


@pytest.mark.parametrize("name", PROBLEMS)
def test_look_around(benchmark, name: str) -> None:
    """5,000 states breadth first, as the explorer does; grounding not included."""
    task = ground(PlanningProblem(MODEL, PROBLEMS[name].state, ()), Deadline(LIMITS))
    found = benchmark.pedantic(lambda: sum(1 for _ in reach(task, limit=5000)), rounds=3, warmup_rounds=1)
    print(f"\n{name}: {found} states, {1e6 * benchmark.stats.stats.min / found:.1f} us a state")
