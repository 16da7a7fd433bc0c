"""What might ever be reached: nothing that can be reached is denied, and what wants a thing is seen to."""

from __future__ import annotations

import pytest
from hypothesis import assume, given

from tests.planning.grid_worlds import MODEL, goal, holding, state_of
from tests.planning.small_worlds import problems
from worldwright.planning.engines import engine_named
from worldwright.planning.lookahead import Lookahead
from worldwright.planning.problem import Limits, PlanningProblem, PlanStatus
from worldwright.planning.prospects import Prospects

DOOR_OPEN = goal("(some (?x - thing) (and (kind ?x door) (state ?x open)))")
WITH_KEY = "##### #@.D# #k..# #####"
WITHOUT = "##### #@.D# #b..# #####"


@given(problems())
def test_what_a_planner_reaches_is_never_denied(problem: PlanningProblem) -> None:
    result = engine_named("search").solve(problem, Limits(cpu_seconds=20))
    assume(result.solved)
    assert Prospects(problem.model).may_reach(problem.state, problem.goals)


@pytest.mark.parametrize(("drawing", "may"), [(WITH_KEY, True), (WITHOUT, False)])
def test_a_locked_door_wants_its_key(drawing: str, may: bool) -> None:
    assert Prospects(MODEL).may_reach(state_of(drawing), [DOOR_OPEN]) is may


def test_one_goal_that_is_possible_is_enough() -> None:
    state, prospects = state_of(WITHOUT), Prospects(MODEL)
    assert not prospects.may_reach(state, [DOOR_OPEN, holding("key", "yellow")])
    assert prospects.may_reach(state, [DOOR_OPEN, goal("(some (?x - thing) (and (kind ?x ball) (holding ?x)))")])


def test_the_engine_says_so_without_grounding_anything() -> None:
    state = state_of(f"{'#' * 16} #@{'.' * 12}D# {f'#..b{chr(46) * 11}# ' * 8} {'#' * 16}")
    problem = PlanningProblem(MODEL, state, (DOOR_OPEN,), lookahead=Lookahead(MODEL))
    result = engine_named("fast-downward").solve(problem, Limits(cpu_seconds=60))
    assert (result.status, result.statistics.operators) == (PlanStatus.UNSOLVABLE, 0)
    assert "never" in result.reason


@given(problems())
def test_asked_for_several_goals_it_says_of_each_what_it_says_of_it_alone(problem: PlanningProblem) -> None:
    prospects = Prospects(problem.model)
    alone = [goal for goal in problem.goals if prospects.may_reach(problem.state, [goal])]
    assert prospects.all_reachable(problem.state, problem.goals) == alone
