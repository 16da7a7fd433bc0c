"""Every registered engine, and what becomes of engines that fail."""

from __future__ import annotations

import os
import stat
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.planning.grid_worlds import (
    AHEAD,
    AHEAD_TYPES,
    MODEL,
    WIN,
    door_key,
    goal,
    holding,
    next_to,
    nine_rooms,
    rule,
    state_of,
)
from worldwright.envs.minigrid.vocabulary import NOTHING, VOCABULARY
from worldwright.planning import sas
from worldwright.planning.engines import ENGINES, FastDownward, GroundingEngine, UnknownEngine, engine_named
from worldwright.planning.grounding import ground
from worldwright.planning.lookahead import Lookahead
from worldwright.planning.problem import Deadline, Limits, PlanningProblem, PlanningStopped, PlanStatus
from worldwright.planning.process import run
from worldwright.planning.up_bridge import UnifiedPlanning
from worldwright.planning.validation import validate
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import LiftedAtom, Literal
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import Fluent, State, Universe, Value
from worldwright.world_model.syntax import parse_rule
from worldwright.world_model.vocabulary import ActionSignature, Object, Predicate, Type, Variable, Vocabulary

LIMITS = Limits(cpu_seconds=60)
OPTIMAL = GroundingEngine(FastDownward((sas.OPTIMAL,)))

LOCKED_IN = """
########
#.k#...#
#..D...#
#@.#..G#
########
"""
BLOCKED = """
########
#..b..k#
#@.#####
#..D..G#
########
"""


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_engine_opens_the_door_and_wins(name: str) -> None:
    problem = PlanningProblem(MODEL, state_of(LOCKED_IN), (WIN,))
    result = engine_named(name).solve(problem, LIMITS)
    assert result.status is PlanStatus.SOLVED, result.reason
    assert result.plan is not None
    assert validate(problem, result.plan) is None
    actions = [action.name for action in result.plan.actions]
    assert actions.index("pickup") < actions.index("toggle") < len(actions) - 1
    assert result.plan.steps[-1].rules == ("enters-goal",)
    assert result.statistics.cpu_total > 0


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_engine_clears_the_way(name: str) -> None:
    problem = PlanningProblem(MODEL, state_of(BLOCKED), (WIN,))
    result = engine_named(name).solve(problem, LIMITS)
    assert result.status is PlanStatus.SOLVED, result.reason
    assert result.plan is not None
    assert "takes-ball" in {rule for step in result.plan.steps for rule in step.rules}


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_engine_proves_that_there_is_no_plan(name: str) -> None:
    walled_in = PlanningProblem(MODEL, state_of("##### #@k#G ##### #####"), (WIN,))
    result = engine_named(name).solve(walled_in, LIMITS)
    assert (result.status, result.plan) == (PlanStatus.UNSOLVABLE, None)
    assert result.reason


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_engine_does_nothing_for_a_goal_that_holds(name: str) -> None:
    problem = PlanningProblem(MODEL, state_of(LOCKED_IN), (WIN, goal("(some () (and (facing east)))")))
    result = engine_named(name).solve(problem, LIMITS)
    assert result.solved
    assert result.plan is not None
    assert len(result.plan) == 0


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_engine_reaches_the_nearer_of_two_goals(name: str) -> None:
    problem = PlanningProblem(MODEL, state_of(LOCKED_IN), (WIN, holding("key", "yellow")))
    result = engine_named(name).solve(problem, LIMITS)
    assert result.plan is not None
    assert result.plan.steps[-1].rules == ("takes-key",)


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_engine_answers_when_the_time_is_up(name: str) -> None:
    result = engine_named(name).solve(nine_rooms(), Limits(cpu_seconds=0.01))
    assert result.status is PlanStatus.TIMEOUT
    assert result.plan is None


@pytest.mark.parametrize("name", sorted(n for n, engine in ENGINES.items() if isinstance(engine, GroundingEngine)))
@pytest.mark.parametrize("ahead", [None, Lookahead(MODEL)])
def test_a_limit_of_states_is_met_by_the_same_problems_on_every_machine(name: str, ahead: Lookahead | None) -> None:
    engine, problem = engine_named(name), replace(nine_rooms(), lookahead=ahead)
    found = {states: engine.solve(problem, replace(LIMITS, states=states)) for states in (0, 10, 10_000_000)}
    assert [result.status for result in found.values()] == [PlanStatus.TIMEOUT, PlanStatus.TIMEOUT, PlanStatus.SOLVED]
    assert "as much as it may" in found[10].reason


def test_a_task_that_is_too_much_to_write_is_not_written() -> None:
    task = ground(door_key(6), Deadline(Limits()), complete=True)
    assert sas.write(task, Deadline(Limits(states=1_000)))
    with pytest.raises(PlanningStopped, match="as much as it may") as stopped:
        sas.write(task, Deadline(Limits(states=1)))
    assert stopped.value.status is PlanStatus.TIMEOUT


def test_all_the_work_on_a_plan_counts_towards_one_limit() -> None:
    problem = nine_rooms()
    task = ground(problem, Deadline(Limits()))

    def enough(work: Callable[[Deadline], object]) -> int:
        """The fewest states with which some work is done."""

        def is_done(states: int) -> bool:
            try:
                work(Deadline(Limits(states=states)))
            except PlanningStopped:
                return False
            return True

        return bisect_left(range(100_000), True, key=is_done)

    grounding, writing = enough(partial(ground, problem)), enough(partial(sas.write, task))
    assert writing > 1
    engine = engine_named("fast-downward")
    assert engine.solve(problem, Limits(60, states=grounding + writing)).status is PlanStatus.SOLVED
    assert engine.solve(problem, Limits(60, states=grounding + writing - 2)).status is PlanStatus.TIMEOUT


def test_nothing_is_done_after_the_end() -> None:
    over_lava = PlanningProblem(MODEL, state_of("###### #@LLG# ######"), (WIN,))
    assert engine_named("fast-downward").solve(over_lava, LIMITS).status is PlanStatus.UNSOLVABLE


@pytest.mark.parametrize("lookahead", [None, Lookahead(MODEL)])
@pytest.mark.parametrize("name", ["fast-downward", "search"])
def test_what_is_barred_where_the_agent_stands_is_done_otherwise_or_not_at_all(
    name: str, lookahead: Lookahead | None
) -> None:
    engine, problem = engine_named(name), replace(door_key(6), lookahead=lookahead)
    plan = engine.solve(problem, Limits()).plan
    assert plan is not None
    state, barred = problem.state, set()
    for step in plan.steps:
        own = frozenset((fluent, value) for fluent, value in state.values.items() if len(fluent) == 1)
        barred.add((step.action.name, own))
        state = problem.model.predict(state, step.action).state
    first = frozenset(one for one in barred if one[0] == plan.actions[0].name)
    other = engine.solve(replace(problem, barred=first), Limits())
    assert other.plan is not None and other.plan.actions[0] != plan.actions[0]
    nowhere: frozenset[tuple[tuple[str, ...], str | int]] = frozenset()
    everywhere = frozenset((name, nowhere) for name, _ in barred)
    assert engine.solve(replace(problem, barred=everywhere), Limits()).status is PlanStatus.UNSOLVABLE


SMASHES = rule(
    "smashes",
    "toggle",
    f"{AHEAD_TYPES} ?t - thing",
    f"{AHEAD} (on ?f ?t) (kind ?t box)",
    f"(not (on ?f ?t)) (on ?f {NOTHING})",
)
BOXED_IN = """
########
#@xk...#
###..###
########
"""


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("name", ["fast-downward", "search"])
def test_what_is_spared_is_moved_but_does_not_vanish(name: str, looks: bool) -> None:
    laws = replace(MODEL, rules=(*MODEL.rules, parse_rule(VOCABULARY, SMASHES)))
    lookahead = Lookahead(laws) if looks else None
    problem = PlanningProblem(laws, state_of(BOXED_IN), (holding("key", "yellow"),), lookahead=lookahead)

    def plan_sparing(*kinds: str) -> list[str]:
        box = next(thing[1] for thing, kind in problem.state.values.items() if kind == "box")
        key = next(thing[1] for thing, kind in problem.state.values.items() if kind == "key")
        here = replace(problem, spared=frozenset({"box": box, "key": key}[kind] for kind in kinds))
        result = engine_named(name).solve(here, LIMITS)
        assert result.plan is not None, result.reason
        assert (here.bars.withheld > 0) == ("box" in kinds)
        return [rule for step in result.plan.steps for rule in step.rules]

    assert "smashes" in plan_sparing() and "smashes" in plan_sparing("key")
    assert "smashes" not in plan_sparing("box", "key") and "takes-box" in plan_sparing("box")


SHED = Vocabulary(
    name="shed",
    types=(Type("tool"), Type("tint")),
    constants=(Object("red", "tint"), Object("blue", "tint")),
    predicates=(
        Predicate("tinted", ("tool", "tint"), functional=True),
        Predicate("dirty", ("tool",)),
        Predicate("held", ("tool",)),
    ),
    actions=(ActionSignature("take", ("tool",)), ActionSignature("wipe", ("tool",))),
)
TAKES = """(:rule takes :action take :parameters (?t - tool) :precondition (and) :outcomes ((1 (and (held ?t))))
  :evidence (support 1 contradicted 0 author human learned-at 0))"""
WIPES = """(:rule wipes :action wipe :parameters (?t - tool) :precondition (and (dirty ?t))
  :outcomes ((1 (and (not (dirty ?t))))) :evidence (support 1 contradicted 0 author human learned-at 0))"""


@pytest.mark.parametrize("name", ["fast-downward", "search"])
def test_what_is_barred_with_one_thing_is_done_with_another_or_when_the_thing_was_changed(name: str) -> None:
    universe = Universe(SHED)
    values: dict[Fluent, Value] = {}
    for tool, tint in (("t1", "red"), ("t2", "red"), ("t3", "blue")):
        universe.add_object(tool, "tool")
        values |= {("tinted", tool): tint, ("dirty", tool): True}
    model = WorldModel(SHED, (parse_rule(SHED, TAKES), parse_rule(SHED, WIPES)))
    held = Reach((Variable("?t", "tool"),), (Literal(LiftedAtom("held", ("?t",))),))
    problem = PlanningProblem(model, State(values, universe), (held,))

    def plan_where(*barred: tuple[Fluent, Value]) -> list[str]:
        result = engine_named(name).solve(replace(problem, barred=frozenset({("take", frozenset(barred))})), LIMITS)
        assert result.plan is not None
        return [str(action) for action in result.plan.actions]

    assert plan_where((("tinted", "?0"), "red")) == ["(take t3)"]
    first, second = plan_where((("dirty", "?0"), True))
    assert first.startswith("(wipe") and second == first.replace("wipe", "take")


def test_an_unknown_engine_is_named_in_one_line_with_the_known_ones() -> None:
    with pytest.raises(
        UnknownEngine,
        match=r"^unknown planning engine 'lpg'; known: fast-downward, fast-downward-optimal, search, up:fast",
    ):
        engine_named("lpg")
    with pytest.raises(UnknownEngine, match=r"up:fast-downward-opt"):
        engine_named("up:lpg")
    assert engine_named("up:fast-downward-opt") == UnifiedPlanning("fast-downward-opt")


def test_an_engine_that_cannot_express_the_problem_is_not_run() -> None:
    absent = UnifiedPlanning("lpg").solve(door_key(6), LIMITS)
    assert absent.status is PlanStatus.UNSUPPORTED
    assert "lpg" in absent.reason


@pytest.mark.parametrize("size", [8, 12, 16, 22])
def test_plans_for_door_key_are_as_short_as_can_be_or_nearly(size: int) -> None:
    problem = door_key(size, seed=size)
    near, optimal = (engine.solve(problem, LIMITS) for engine in (engine_named("fast-downward"), OPTIMAL))
    assert near.plan is not None
    assert optimal.plan is not None
    assert len(optimal.plan) <= len(near.plan) <= 1.15 * len(optimal.plan)


def test_what_does_not_matter_is_left_out() -> None:
    result = engine_named("fast-downward").solve(nine_rooms(), LIMITS)
    assert result.solved
    assert result.statistics.left_out >= 16
    assert result.statistics.operators < 10_000


def test_what_was_left_out_is_put_back_if_there_is_no_plan_without_it() -> None:
    """The ball can only be put next to the box from where another box lies; a relaxed plan does not see that."""
    drawing = "######### #@bxXkeB# #########"
    problem = PlanningProblem(MODEL, state_of(drawing), (next_to("ball", "red", "key", "yellow"),))
    result = engine_named("fast-downward").solve(problem, LIMITS)
    assert result.status in (PlanStatus.SOLVED, PlanStatus.UNSOLVABLE)
    assert result.status is OPTIMAL.solve(problem, LIMITS).status


def test_parts_of_a_goal_that_share_nothing_are_not_multiplied() -> None:
    parts = " ".join(
        f"(on ?c{n} ?x{n}) (kind ?x{n} {kind}) (on ?d{n} ?y{n}) (kind ?y{n} {other}) (next ?e{n} ?c{n} ?d{n})"
        for n, (kind, other) in enumerate([("ball", "box"), ("key", "door")])
    )
    variables = " ".join(f"?c{n} ?d{n} - cell ?x{n} ?y{n} - thing ?e{n} - direction" for n in range(2))
    both = goal(f"(some ({variables}) (and {parts}))")
    problem = PlanningProblem(MODEL, state_of("######## #b..k..# #@..D.x# ########"), (both,))
    for name in ("fast-downward", "search"):
        result = engine_named(name).solve(problem, LIMITS)
        assert result.solved, result.reason


# -- engines that fail -----------------------------------------------------------------------------------


def program(folder: Path, script: str) -> Path:
    """A search program that does what a shell script says."""
    path = folder / "downward"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize(
    ("script", "status", "reason"),
    [
        ("exit 0", PlanStatus.FAILED, "no readable plan"),
        ("echo nonsense > plan.txt", PlanStatus.FAILED, "no readable plan"),
        ("echo '(999999)' > plan.txt", PlanStatus.FAILED, "does not exist"),
        ("echo '(0)' > plan.txt", PlanStatus.FAILED, "the plan does not work"),
        ("echo out of luck; exit 35", PlanStatus.FAILED, "exit code 35: out of luck"),
        ("kill -SEGV $$", PlanStatus.FAILED, "exit code -11"),
        ("exit 11", PlanStatus.UNSOLVABLE, "searched all"),
        ("exit 12", PlanStatus.FAILED, "gave up"),
        ("exit 22", PlanStatus.TIMEOUT, "memory"),
        ("kill -XCPU $$", PlanStatus.TIMEOUT, "out of time"),
    ],
)
def test_a_search_program_that_fails_is_an_answer(tmp_path: Path, script: str, status: PlanStatus, reason: str) -> None:
    engine = GroundingEngine(FastDownward(("anything",), program(tmp_path, script)))
    result = engine.solve(door_key(6), LIMITS)
    assert (result.status, result.plan) == (status, None)
    assert reason in result.reason
    assert "\n" not in result.reason


def test_a_search_program_that_is_not_there_is_an_answer(tmp_path: Path) -> None:
    result = GroundingEngine(FastDownward(("anything",), tmp_path / "none")).solve(door_key(6), LIMITS)
    assert result.status is PlanStatus.FAILED
    assert "does not start" in result.reason


def test_a_search_program_that_hangs_is_stopped(tmp_path: Path) -> None:
    engine = GroundingEngine(FastDownward(("anything",), program(tmp_path, "while :; do :; done")))
    result = engine.solve(door_key(6), Limits(cpu_seconds=0.4))
    assert result.status in (PlanStatus.TIMEOUT, PlanStatus.FAILED)
    assert result.plan is None


def is_dead(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] in "ZX"
    except OSError:
        return True


def test_nothing_that_a_program_started_outlives_it(tmp_path: Path) -> None:
    script = program(tmp_path, "sleep 1000 & echo $!")
    finished = run([str(script)], tmp_path, Limits())
    child = int(finished.output)
    assert finished.code == 0
    assert any(is_dead(child) for _ in range(100_000))  # a signal takes effect soon, not at once


def test_memory_is_limited(tmp_path: Path) -> None:
    script = program(tmp_path, "ulimit -v")
    assert run([str(script)], tmp_path, Limits(memory_mb=512)).output.strip() == str(512 * 1024)


def test_the_temporary_folder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert engine_named("fast-downward").solve(door_key(6), LIMITS).solved
    assert os.listdir(tmp_path) == []
