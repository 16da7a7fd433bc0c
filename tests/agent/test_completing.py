"""What would complete the goal, and that who learns leaves that for last."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.test_trying import held
from worldwright.agent.agent import Agent
from worldwright.agent.completing import Completion
from worldwright.envs.household.vocabulary import VOCABULARY
from worldwright.envs.registry import make_env
from worldwright.world_model.goal import GoalTracker, Then, parse_goal
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.model_file import load_model
from worldwright.world_model.syntax import parse_rule

HOUSEHOLD = "worldwright/Household-v0"
KNOWN = Path(__file__).parents[1] / "bench" / "household.ww"
GOAL = parse_goal(VOCABULARY, "(some (?x - item) (and (kind ?x cup) (is-hot ?x)))")
OTHER = parse_goal(VOCABULARY, "(some (?x - item) (and (kind ?x pan) (is-hot ?x)))")
HEATS = """(:rule heats :action heat :parameters (?arg0 - item ?arg1 - receptacle)
  :precondition (and (holding ?arg0) (at ?arg1) (sort ?arg1 microwave))
  :outcomes ((1 (and (is-hot ?arg0)))) :evidence (support 9 contradicted 0 author inducer learned-at 9))"""
LAWS = WorldModel(VOCABULARY, (parse_rule(VOCABULARY, HEATS),))
THERE = held("cup 1", "You arrive at microwave 1. The microwave 1 is closed.")
HEAT, LOOK = Action("heat", ("cup-1", "microwave-1")), Action("look")


def test_a_goal_is_completed_by_what_the_laws_foretell_be_it_on_the_way() -> None:
    completion = Completion(GoalTracker(VOCABULARY, GOAL))
    assert completion.completed_by(LAWS, THERE, [LOOK, HEAT])
    assert completion.completed_by(LAWS, THERE, [HEAT, LOOK])
    assert not completion.completed_by(LAWS, THERE, [LOOK])
    assert not completion.completed_by(WorldModel(VOCABULARY), THERE, [HEAT])


def test_a_part_of_a_goal_is_not_the_whole() -> None:
    for parts in ((GOAL, OTHER), (OTHER, GOAL)):
        assert not Completion(GoalTracker(VOCABULARY, Then(parts))).completed_by(LAWS, THERE, [HEAT])
    done = GoalTracker(VOCABULARY, GOAL)
    done.update(LAWS.predict(THERE, HEAT).state)
    assert not Completion(done).completed_by(LAWS, THERE, [HEAT])  # it holds already


def test_what_is_undone_is_what_makes_the_goal_hold_and_the_laws_can_change() -> None:
    hot = LAWS.predict(THERE, HEAT).state
    completion = Completion(GoalTracker(VOCABULARY, GOAL))
    assert list(map(str, completion.undone(LAWS, hot))) == ["(some () (and (not (is-hot cup-1))))"]
    assert completion.undone(LAWS, THERE) == ()


@pytest.mark.parametrize("curious", [True, False])
def test_who_learns_does_not_end_the_episode_by_chance_while_there_is_more_to_try(curious: bool) -> None:
    env = make_env(HOUSEHOLD, games="generated:5:2", max_episode_steps=1000)
    result = Agent(load_model(KNOWN), seed=0).play(env, HOUSEHOLD, 1, curious=curious, max_steps=150)
    assert result.success is not curious
