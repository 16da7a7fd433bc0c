"""Whole episodes in real environments, as their events tell them."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import pytest
from pydantic import ValidationError

from tests.agent.laws import usual
from tests.agent.test_authors import eventful
from tests.agent.test_policies import played as advised
from tests.agent.test_wording import played as worded
from tests.experiments.command import world
from tests.world_model.answering import Scripted
from worldwright.agent import events
from worldwright.agent.agent import Agent
from worldwright.agent.config import AgentConfig
from worldwright.agent.events import (
    Acted,
    Believed,
    EpisodeEnded,
    EpisodeStarted,
    Event,
    GoalProgressed,
    Intended,
    Observed,
    Planned,
    Revised,
    Rewarded,
    Surprised,
)
from worldwright.agent.loop import EpisodeResult
from worldwright.envs.minigrid.laws import ALTERED_ID
from worldwright.envs.registry import make_env
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.syntax import show_rule

EMPTY, DOOR = "MiniGrid-Empty-5x5-v0", "MiniGrid-DoorKey-5x5-v0"
KINDS: dict[str, type[Event]] = {
    str(cls.model_fields["kind"].default): cls
    for cls in vars(events).values()
    if isinstance(cls, type) and issubclass(cls, Event) and cls is not Event
}


def played(agent: Agent, env_id: str, seed: int = 0, **how: Any) -> tuple[EpisodeResult, list[Event]]:
    """One episode, with all that was told of it."""
    told: list[Event] = []
    (result,) = agent.act(env_id, 1, seed, tell=told.append, **how)
    return result, told


def of_kind(told: list[Event], kind: type[Event]) -> list[Any]:
    return [event for event in told if isinstance(event, kind)]


# -- the course of an episode ----------------------------------------------------------------------------


def test_who_knows_the_laws_reaches_the_goal_and_says_so() -> None:
    result, told = played(Agent(usual()), DOOR, seed=3, freeze=True)
    assert result.success
    assert result.failure == ""
    assert 0 < result.total_reward <= 1
    assert [event.remaining for event in of_kind(told, GoalProgressed)] == [""]
    assert {event.purpose for event in of_kind(told, Acted)} <= {"goal", "frontier"}


def test_the_events_of_an_episode_are_whole_and_in_order() -> None:
    result, told = played(Agent(usual()), DOOR, seed=5)
    assert (type(told[0]), type(told[-1])) == (EpisodeStarted, EpisodeEnded)
    assert [event.step for event in told] == sorted(event.step for event in told)
    for kind, first in ((Acted, 0), (Rewarded, 1)):
        assert [event.step for event in of_kind(told, kind)] == list(range(first, result.steps + first))
    assert [event.step for event in of_kind(told, Observed)] == list(range(result.steps + 1))
    assert sum(event.reward for event in of_kind(told, Rewarded)) == pytest.approx(result.total_reward)
    assert len(of_kind(told, Surprised)) == result.surprises
    assert of_kind(told, Rewarded)[-1].terminated
    (end,) = of_kind(told, EpisodeEnded)
    assert (end.success, end.steps, end.plans) == (result.success, result.steps, result.plans)
    assert (told[0].env_id, told[0].seed) == (DOOR, 5)  # type: ignore[attr-defined]
    assert "goal" in told[0].mission  # type: ignore[attr-defined]


def test_what_was_done_is_what_was_planned() -> None:
    _, told = played(Agent(usual()), DOOR, seed=1, freeze=True)
    plan: list[str] = []
    for event in told:
        if isinstance(event, Planned) and event.plan:
            plan = list(event.plan)
        elif isinstance(event, Acted):
            assert plan[0] == event.action
            plan = plan[1:]
            assert event.rules


def test_each_step_is_one_of_the_plan_that_is_followed_and_that_is_told_with_the_rules_it_counts_on() -> None:
    _, told = played(Agent(usual()), DOOR, seed=1, freeze=True)
    names = {rule.name for rule in usual().rules}
    plan: list[str] = []
    for event in told:
        if isinstance(event, Intended):
            plan = list(event.plan)
            assert len(event.rules) == len(plan) and all(set(rules) <= names for rules in event.rules)
            assert event.goal or event.trial
        elif isinstance(event, Acted):
            assert plan.pop(0) == event.action


def test_what_is_believed_is_told_at_first_and_whenever_it_changes() -> None:
    told: list[Event] = []
    agent = Agent()
    agent.learn([DOOR], steps=60, tell=told.append)
    believed = {event.action: event for event in told if isinstance(event, Believed)}
    for name, event in believed.items():
        assert event.rules == tuple(show_rule(rule) for rule in agent.model.rules if rule.action == name)
        assert event.hypotheses == tuple(show_rule(rule) for rule in agent.model.hypotheses if rule.action == name)
    assert {rule.action for rule in agent.model.rules} <= believed.keys()
    _, again = played(agent, DOOR, seed=1, freeze=True)
    first = [event for event in again[:10] if isinstance(event, Believed)]
    assert [rule for event in first for rule in event.rules] == list(map(show_rule, agent.model.rules))


def test_what_was_predicted_is_what_was_observed_where_nothing_surprised() -> None:
    _, told = played(Agent(usual()), DOOR, seed=1, freeze=True)
    assert not of_kind(told, Surprised)
    observed = {event.step: event.change for event in of_kind(told, Observed)}
    for acted in of_kind(told, Acted)[:-1]:  # the last one ends the episode
        assert acted.predicted.items() <= observed[acted.step + 1].items()


def test_nothing_is_begun_once_the_steps_are_used_up() -> None:
    result, told = played(Agent(), DOOR, max_steps=7)
    assert (result.steps, result.failure, result.success) == (7, "out of steps", False)
    assert len(of_kind(told, Acted)) == 7


def test_the_environments_own_limit_is_told_from_an_end_without_success() -> None:
    agent = Agent(usual())
    short = make_env("MiniGrid-DoorKey-8x8-v0", max_steps=6)
    assert agent.play(short, "short", 0).failure == "out of time"
    lava = Agent().learn(["MiniGrid-LavaGapS5-v0"], 40, seed=2)
    assert "ended without success" in {result.failure for result in lava}


def test_learning_takes_just_the_steps_it_is_given_and_counts_them() -> None:
    agent = Agent()
    results = agent.learn([EMPTY, DOOR], 90)
    assert sum(result.steps for result in results) == 90
    assert agent.model.steps == 90
    assert [result.id for result in results[:2]] == [EMPTY, DOOR]
    assert [result.seed for result in results] == list(range(len(results)))


# -- surprise and learning -------------------------------------------------------------------------------


def test_a_surprise_leads_to_a_revision_and_the_revision_to_success() -> None:
    agent = Agent(usual())
    env = make_env(ALTERED_ID, law="swapped-turns", env_id="MiniGrid-Empty-8x8-v0")
    told: list[Event] = []
    results = [agent.play(env, "swapped", seed, tell=told.append) for seed in range(3)]
    surprise = next(event for event in told if isinstance(event, Surprised))
    assert surprise.action in ("(left)", "(right)")
    assert "(facing)" in surprise.differences
    assert told.index(surprise) < told.index(of_kind(told, Revised)[0])
    assert [result.success for result in results] == [True] * 3
    assert results[-1].surprises == 0
    ways = {"(left)": "(clockwise ", "(right)": "(counterclockwise "}
    for action in {event.action for event in told if isinstance(event, Surprised)}:
        (rule,) = agent.model.rules_for(action.strip("()"))
        assert ways[action] in show_rule(rule)


@pytest.mark.parametrize(("law", "level"), [("swapped-turns", "MiniGrid-Empty-8x8-v0"), ("key-consumed", DOOR)])
def test_after_a_surprise_all_is_planned_anew(law: str, level: str) -> None:
    """Even where what surprised is no obstacle to the plan: that the key is gone, once the door is open."""
    told: list[Event] = []
    Agent(usual()).play(make_env(ALTERED_ID, law=law, env_id=level), level, 0, tell=told.append)
    surprises = [number for number, event in enumerate(told) if isinstance(event, Surprised)]
    assert surprises
    for at in surprises:
        following = next((n for n in range(at, len(told)) if isinstance(told[n], Acted)), at)
        assert following == at or of_kind(told[at:following], Planned)


def test_who_is_frozen_learns_nothing_however_much_surprises() -> None:
    agent = Agent(usual())
    before = str(usual())
    env = make_env(ALTERED_ID, law="swapped-turns", env_id=EMPTY)
    told: list[Event] = []
    results = [agent.play(env, "swapped", seed, freeze=True, max_steps=40, tell=told.append) for seed in range(2)]
    assert sum(result.surprises for result in results) > 0
    assert of_kind(told, Revised) == []
    assert str(agent.model) == before


def test_frozen_episodes_do_not_depend_on_those_before_them() -> None:
    def steps(seeds: list[int]) -> dict[int, list[str]]:
        agent = Agent(usual(), seed=4)
        found = {}
        for seed in seeds:
            _, told = played(agent, DOOR, seed, freeze=True)
            found[seed] = [event.action for event in of_kind(told, Acted)]
        return found

    assert steps([0, 1, 2]) == steps([2, 0, 1])


# -- what goes wrong -------------------------------------------------------------------------------------


class Breaking(gym.Wrapper[Any, Any, Any, Any]):
    """An environment that raises in the step of that number, or in `reset`, or shows garbage."""

    def __init__(self, fault: str, at: int = 4) -> None:
        super().__init__(gym.make(DOOR))
        self.fault, self.at, self.taken = fault, at, 0

    def reset(self, **keywords: Any) -> Any:
        self.taken = 0
        if self.fault == "reset":
            raise RuntimeError("no level today")
        return super().reset(**keywords)

    def step(self, action: Any) -> Any:
        self.taken += 1
        if self.taken == self.at and self.fault == "step":
            raise ValueError("the floor gave way")
        observation, *rest = super().step(action)
        if self.taken == self.at and self.fault == "garbage":
            observation = {**observation, "image": observation["image"] * 0 + 99}
        return observation, *rest


@pytest.mark.parametrize(
    ("fault", "words", "steps"),
    [("step", "the floor gave way", 3), ("reset", "no level today", 0), ("garbage", "99", 4)],
)
@pytest.mark.parametrize("freeze", [False, True], ids=["learning", "frozen"])
def test_an_environment_that_fails_fails_the_episode_and_no_more(
    fault: str, words: str, steps: int, freeze: bool
) -> None:
    agent = Agent()
    told: list[Event] = []
    result = agent.play(Breaking(fault), "broken", 0, freeze=freeze, tell=told.append)
    assert not result.success
    assert words in result.failure
    assert (result.steps, result.id) == (steps, "broken")
    assert isinstance(told[-1], EpisodeEnded)
    assert told[-1].failure == result.failure
    if not freeze:
        assert agent.model.steps == (steps if fault != "garbage" else steps - 1)
    assert agent.play(make_env(EMPTY), EMPTY, 0, max_steps=5).steps == 5


@pytest.mark.parametrize("settings", [(500, 5, 7), (90_000, 10, 10), (0, 10, 10)], ids=["often", "seldom", "never"])
@pytest.mark.parametrize("fault", ["", "step", "reset"])
def test_the_garbage_collector_is_as_it_was_once_an_episode_is_over(fault: str, settings: tuple[int, int, int]) -> None:
    before = gc.get_threshold()
    gc.set_threshold(*settings)
    try:
        Agent(usual()).play(Breaking(fault), "broken", 0, freeze=True, max_steps=6)
        assert gc.get_threshold() == settings
    finally:
        gc.set_threshold(*before)


@pytest.mark.parametrize("part", ["engine", "policy", "author"])
def test_a_configuration_that_names_what_does_not_exist_is_refused_in_one_line(part: str) -> None:
    with pytest.raises(WorldwrightError, match="no-such-part") as refusal:
        Agent(config=AgentConfig.model_validate({part: "no-such-part"}))
    assert "\n" not in str(refusal.value)
    assert "known" in str(refusal.value)


@pytest.mark.parametrize("settings", [{"tries": 0}, {"plan_cpu_seconds": float("nan")}, {"colour": "red"}])
def test_a_configuration_that_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AgentConfig.model_validate(settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"memory": "view"},
        {"predictor": False},
        {"monitor": False},
        {"explorer": "random"},
        {"experiments": False},
        {"engine": "search"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_every_stage_can_be_switched(settings: dict[str, Any]) -> None:
    agent = Agent(config=AgentConfig.model_validate(settings))
    results = agent.learn([EMPTY], 60)
    assert sum(result.steps for result in results) == 60
    assert agent.model.steps == 60


def test_without_a_map_what_is_out_of_view_is_unknown() -> None:
    agent = Agent(usual(), config=AgentConfig(memory="view"))
    _, told = played(agent, DOOR, seed=2, max_steps=30)
    forgotten = [fluent for event in of_kind(told, Observed) for fluent, value in event.change.items() if value is None]
    assert any(fluent.startswith("(on ") for fluent in forgotten)


# -- events as data --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told() -> list[Event]:
    """Events of every kind."""
    heard: list[Event] = []
    Agent().learn([DOOR], 100, tell=heard.append)
    list(Agent(usual()).act(DOOR, tell=heard.append))
    Agent().learn([world("Babbles")], 4, tell=heard.append)
    return [*heard, *eventful(), *worded(Scripted(["{}"]))[1], *advised("llm", Scripted(["{}"]))[1]]


def test_every_kind_of_event_occurs(told: list[Event]) -> None:
    assert {event.kind for event in told} == KINDS.keys()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_events_come_back_from_json_as_they_were(kind: str, told: list[Event]) -> None:
    for event in of_kind(told, KINDS[kind]):
        text = event.model_dump_json()
        back = KINDS[kind].model_validate_json(text)
        assert back == event
        assert back.model_dump_json() == text
        assert json.loads(text)["kind"] == kind


@pytest.mark.parametrize("reward", [float("inf"), float("-inf")])
def test_a_reward_without_bounds_comes_back_too(reward: float) -> None:
    event = Rewarded(step=1, reward=reward, terminated=False, truncated=False)
    assert Rewarded.model_validate_json(event.model_dump_json()) == event


def bent(event: Event) -> Iterator[dict[str, Any]]:
    data = event.model_dump(mode="json")
    yield {**data, "kind": "no-such-event"}
    yield {**data, "surplus": 1}
    yield {name: value for name, value in data.items() if name != "step"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_no_event_is_refused(kind: str, told: list[Event]) -> None:
    for data in bent(next(event for event in told if event.kind == kind)):
        with pytest.raises(ValidationError):
            KINDS[kind].model_validate_json(json.dumps(data))
