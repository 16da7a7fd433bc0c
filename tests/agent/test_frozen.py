"""What a frozen agent does where its laws say nothing, or nothing right: it looks, and does not repeat itself."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import gymnasium
import pytest

from tests.agent.laws import usual
from tests.agent.walking import MOVING, walk
from tests.world_model.walks import law
from worldwright.agent.agent import Agent
from worldwright.agent.events import Acted, Event, Observed, Planned
from worldwright.envs.registry import make_env
from worldwright.planning.engines import engine_named
from worldwright.planning.problem import Limits, PlanningProblem, PlanResult
from worldwright.world_model.language import Evidence
from worldwright.world_model.model import WorldModel

HIDING = ("BabyAI-KeyInBox-v0", "MiniGrid-ObstructedMaze-1Dlh-v0")


def knows_that_boxes_vanish() -> WorldModel:
    """The usual laws, and that an opened box is gone; nothing says that there may be something in it."""
    ahead = "?a - cell ?d - direction ?f - cell ?x - thing"
    front = "(agent-at ?a) (facing ?d) (next ?d ?a ?f) (on ?f ?x) (kind ?x box)"
    vanishes = law("toggle-box", ahead, front, "((1 (and (not (on ?f ?x)) (on ?f nothing))))")
    model = usual()
    return replace(model, rules=(*model.rules, vanishes.with_evidence(Evidence(support=9))))


def expects_to_win_by_a_word() -> WorldModel:
    """The usual laws, that doors can be closed, and wrongly that to say `done` is to win once the goal holds."""
    ahead = "?a - cell ?d - direction ?f - cell ?x - thing"
    front = "(agent-at ?a) (facing ?d) (next ?d ?a ?f) (on ?f ?x) (kind ?x door) (state ?x open)"
    closes = law("toggle-closes", ahead, front, "((1 (and (not (state ?x open)) (state ?x closed))))")
    wins = law("done-wins", "", "(goal-holds)", "((1 (and (won) (ended))))")
    model = usual()
    return replace(model, rules=(*model.rules, *(rule.with_evidence(Evidence(support=9)) for rule in (closes, wins))))


class Ajar(gymnasium.Wrapper[Any, Any, Any, Any]):
    """The door that is to be opened second stands open."""

    def reset(self, **keywords: Any) -> tuple[Any, dict[str, Any]]:
        _, info = self.env.reset(**keywords)
        level: Any = self.unwrapped
        level.instrs.instr_b.desc.obj_set[0].is_open = True
        return level.gen_obs(), info


@pytest.mark.parametrize("seed", range(2000, 2003))
def test_a_goal_reached_too_early_is_undone_and_reached_again(seed: int) -> None:
    events: list[Event] = []
    env = Ajar(make_env("BabyAI-OpenTwoDoors-v0"))
    try:
        result = Agent(expects_to_win_by_a_word()).play(env, "", seed, freeze=True, max_steps=30, tell=events.append)
    finally:
        env.close()
    said = [event.step for event in events if isinstance(event, Acted) and event.purpose == "win"]
    assert len(said) > 1  # the goal held, and the episode went on
    assert result.success


@pytest.mark.parametrize("seed", [1_000_004, 1_000_006, 1_000_008])
def test_what_is_to_be_done_later_is_not_done_in_passing(seed: int) -> None:
    """To open the blue door first, only to look behind it, is to lose."""
    env = make_env("MiniGrid-RedBlueDoors-8x8-v0")
    try:
        assert Agent(usual()).play(env, "", seed, freeze=True).success
    finally:
        env.close()


def played(env_id: str, seed: int) -> tuple[bool, int, list[Event]]:
    """Whether the frozen agent won, in how many steps, and what happened."""
    events: list[Event] = []
    env = make_env(env_id)
    try:
        result = Agent(knows_that_boxes_vanish()).play(env, env_id, seed, freeze=True, tell=events.append)
    finally:
        env.close()
    return result.success, result.steps, events


@pytest.mark.parametrize("env_id", HIDING)
@pytest.mark.parametrize("seed", range(3))
def test_what_may_hide_something_is_opened_before_what_changes_nothing_is_tried(env_id: str, seed: int) -> None:
    won, steps, _ = played(env_id, seed)
    assert won and steps < 80


def test_what_hid_something_once_is_opened_wherever_it_stands() -> None:
    """Three keys are in boxes of three rooms; what is near at hand is not all tried first."""
    won, steps, _ = played("MiniGrid-ObstructedMaze-2Q-v1", 1_000_001)
    assert won and steps < 200


@pytest.mark.parametrize("seed", range(3))
def test_what_was_planned_for_in_vain_is_not_planned_for_again_before_something_changes(seed: int) -> None:
    _, _, events = played(HIDING[0], seed)
    in_vain = False
    for event in events:
        if isinstance(event, Observed):
            about_things = any(len(fluent.strip("()").split()) > 1 for fluent in event.change)
            in_vain = in_vain and not event.discovered and not about_things
        elif isinstance(event, Planned) and event.purpose == "goal":
            assert not in_vain
            in_vain = event.status == "unsolvable"
    assert any(isinstance(event, Planned) and event.status == "unsolvable" for event in events)


@pytest.mark.parametrize("level", ["MiniGrid-Dynamic-Obstacles-6x6-v0", "MiniGrid-Dynamic-Obstacles-8x8-v0"])
def test_what_moves_by_itself_does_not_mislead_about_the_place(level: str) -> None:
    moments = walk(level, 11, 200, usual(), actions=MOVING, quick=True)
    right = [moment.memory.position == moment.truth.position for moment in moments]
    assert sum(right) >= 0.9 * len(right)


@pytest.mark.parametrize(("seed", "steps"), [(1000006, 22), (1000026, 19), (1000027, 18)])
def test_things_are_put_where_what_comes_after_is_soon_reached(seed: int, steps: int) -> None:
    """Planned for one by one these take 24, 23 and 20 steps."""
    env = make_env("BabyAI-MoveTwoAcrossS5N2-v0")
    try:
        result = Agent(usual()).play(env, "", seed, freeze=True)
    finally:
        env.close()
    assert result.success
    assert result.steps <= steps


class Counted:
    """A planner that counts how often it is asked."""

    def __init__(self) -> None:
        self._engine = engine_named("fast-downward")
        self.asked = 0

    def solve(self, problem: PlanningProblem, limits: Limits) -> PlanResult:
        self.asked += 1
        return self._engine.solve(problem, limits)


def test_what_was_planned_for_together_is_not_planned_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """In most of these rooms all is seen before a thing is taken: it is taken and put by one plan."""
    planner, events = Counted(), list[Event]()
    monkeypatch.setattr("worldwright.agent.planner.engine_named", lambda name: planner)
    env = make_env("BabyAI-PutNextS4N1-v0")
    try:
        results = [Agent(usual()).play(env, "", seed, freeze=True, tell=events.append) for seed in range(2000, 2010)]
    finally:
        env.close()
    plans = [event for event in events if isinstance(event, Planned) and event.engine == "fast-downward"]
    assert all(result.success for result in results)
    assert all(plan.purpose == "goal" for plan in plans)
    assert planner.asked < len(plans) - len(results) / 2


@pytest.mark.parametrize("seed", [15, 18, 25, 34])
def test_a_thing_is_told_by_where_it_lies_from_the_start(seed: int) -> None:
    """No law asks on which side things lie; the mission does."""
    with contextlib.closing(make_env("BabyAI-PickupLoc-v0")) as env:
        mission = env.reset(seed=seed)[0]["mission"]
        assert mission.endswith(("on your left", "on your right", "in front of you", "behind you"))
        events: list[Event] = []
        assert Agent(usual()).play(env, "", seed, freeze=True, tell=events.append).success
    assert any(isinstance(e, Planned) and (e.purpose, e.status) == ("goal", "solved") for e in events)
