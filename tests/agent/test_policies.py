"""Policies, those that ask a language model among them: they reach the goal with it, without it and in spite of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.agent.laws import usual
from tests.world_model.answering import Scripted, fits, sampled
from worldwright.agent.agent import Agent
from worldwright.agent.config import AgentConfig
from worldwright.agent.events import Acted, Advised, Asked, EpisodeEnded, Event, Rejected, Silenced
from worldwright.agent.loop import EpisodeResult
from worldwright.agent.policies import ADVISED, POLICIES
from worldwright.agent.proposed_actions import without
from worldwright.envs.household.env import HOUSEHOLD_ID
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.envs.registry import make_env
from worldwright.world_model.chat.request import ChatModel, Request, Unreachable
from worldwright.world_model.chat.scripted import HOSTILE_TEXTS, Script
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.goal import parse_goal
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import load_model
from worldwright.world_model.proposing.schema import goal_data
from worldwright.world_model.proposing.words import Words

DOOR = "MiniGrid-DoorKey-5x5-v0"
KEY = "(some (?thing1 - thing) (and (kind ?thing1 key) (holding ?thing1)))"
OPEN = "(some (?thing1 - thing) (and (kind ?thing1 door) (state ?thing1 open)))"
BALL = "(some (?thing1 - thing) (and (kind ?thing1 ball) (holding ?thing1)))"


def played(
    policy: str, chat: ChatModel | None, seed: int = 3, episodes: int = 1, **more: object
) -> tuple[list[EpisodeResult], list[Event]]:
    """Frozen episodes of an agent that knows the laws."""
    told: list[Event] = []
    config = AgentConfig.model_validate({"policy": policy, **more})
    agent = Agent(usual(), config, chat=chat)
    return list(agent.act(DOOR, episodes, seed, freeze=True, max_steps=60, tell=told.append)), told


def actions(told: Iterable[Event]) -> list[str]:
    return [event.action for event in told if isinstance(event, Acted)]


def action(name: str) -> str:
    return json.dumps({"action": name, "args": []})


def subgoals(*goals: str) -> str:
    parts = [goal_data(Words(VOCABULARY), parse_goal(VOCABULARY, goal))["parts"][0] for goal in goals]
    return json.dumps({"status": "clear", "order": "then", "parts": parts})


@pytest.fixture(scope="module")
def planned() -> list[str]:
    """What the planner does in the episode that is played."""
    return [done.strip("()") for done in actions(played("pddl", None)[1])]


@pytest.fixture(scope="module")
def able(planned: list[str]) -> Callable[[], Scripted]:
    """A language model that gives good advice of any kind, from the beginning of the episode."""

    def make() -> Scripted:
        left = iter(planned)
        return Scripted(lambda r: action(next(left)) if r.purpose == "action" else subgoals(KEY, OPEN))

    return make


# -- all of them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_with_good_advice_the_goal_is_reached(policy: str, able: Callable[[], Scripted], planned: list[str]) -> None:
    chat = able()
    (result,), told = played(policy, chat)
    assert result.success and result.steps <= len(planned) + 4
    asked = [event for event in told if isinstance(event, Asked)]
    assert len(asked) == len(chat.asked) == {"pddl": 0, "llm": len(planned), "hybrid": 1}[policy]
    assert {event.purpose for event in asked} <= {"action", "subgoal"}
    assert {e.verdict for e in told if isinstance(e, Advised)} == ({"accepted"} if policy in ADVISED else set())


@pytest.mark.parametrize("policy", POLICIES)
def test_a_dead_endpoint_costs_nothing_and_that_is_said_once(policy: str) -> None:
    results, told = played(policy, Scripted([Unreachable("gone")]), episodes=3)
    plain, _ = played("pddl", None, episodes=3)
    assert [(r.success, r.steps) for r in results] == [(r.success, r.steps) for r in plain]
    assert sum(isinstance(event, Silenced) for event in told) == (policy in ADVISED)
    assert sum(isinstance(event, Asked) for event in told) == (3 if policy in ADVISED else 0)


@pytest.mark.parametrize("policy", sorted(ADVISED))
@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_answers_are_counted_logged_and_planned_around(policy: str, text: str) -> None:
    (result,), told = played(policy, Scripted([HOSTILE_TEXTS[text]]), rounds=1)
    assert result.success
    rejected = [event for event in told if isinstance(event, Rejected)]
    assert len(rejected) == sum(isinstance(event, Asked) for event in told) > 0
    assert any(event.verdict == "given-up" for event in told if isinstance(event, Advised))


@pytest.mark.parametrize("policy", POLICIES)
def test_it_is_the_same_every_time(policy: str, able: Callable[[], Scripted]) -> None:
    assert actions(played(policy, able())[1]) == actions(played(policy, able())[1])


@pytest.mark.parametrize("policy", sorted(ADVISED))
def test_advice_needs_somebody_to_ask(policy: str) -> None:
    with pytest.raises(WorldwrightError, match="asks a language model, and none was given"):
        played(policy, None)


@pytest.mark.parametrize("policy", POLICIES)
def test_while_learning_comes_first_no_advice_is_asked_for(policy: str, able: Callable[[], Scripted]) -> None:
    chat = able()
    Agent(config=AgentConfig(policy=policy), chat=chat).learn([DOOR], 40)
    assert chat.asked == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("policy", sorted(ADVISED))
def test_answers_that_fit_and_know_nothing_harm_nothing(policy: str, seed: int) -> None:
    """In households too, where actions have arguments and much is hoped for."""
    rng = random.Random(seed)

    def ask(request: Request) -> str:
        said = sampled(request.schema, rng)
        assert fits(dict(request.schema), said)
        return json.dumps(said | ({"status": "clear"} if "status" in said else {}))

    told: list[Event] = []
    config = AgentConfig(policy=policy)
    agent = Agent(load_model(Path(__file__).parents[1] / "bench" / "household.ww"), config, chat=Scripted(ask))
    env = make_env(HOUSEHOLD_ID, games="generated:21:6")
    agent.play(env, HOUSEHOLD_ID, seed, freeze=True, max_steps=15, tell=told.append)
    assert len(actions(told)) == 15 or any(isinstance(e, EpisodeEnded) and e.success for e in told)
    assert any(isinstance(event, Advised) for event in told)
    assert not any("hoped" in done for done in actions(told))


# -- proposed actions ------------------------------------------------------------------------------------


def test_what_the_laws_forbid_goes_back_with_the_condition_that_fails(planned: list[str]) -> None:
    left = iter(planned)
    chat = Script(lambda request: action("pickup" if len(chat.asked) == 1 else next(left)))
    (result,), told = played("llm", chat)
    assert result.success
    verdicts = [event for event in told if isinstance(event, Advised)]
    assert [event.verdict for event in verdicts[:2]] == ["rejected", "accepted"]
    assert verdicts[0].advice == "(pickup)" and verdicts[0].why.endswith("does not hold")
    again = chat.asked[1].messages
    assert [message.role for message in again] == ["system", "user", "assistant", "user"]
    assert "does not hold" in again[-1].text and '"pickup"' in again[2].text


def test_after_the_last_round_the_planner_decides_and_that_is_said() -> None:
    (result,), told = played("llm", Scripted([action("pickup")]), rounds=2)
    assert result.success
    verdicts = [event for event in told if isinstance(event, Advised)]
    given_up = [event for event in verdicts if event.verdict == "given-up"]
    assert given_up and all("2 proposals" in event.why for event in given_up)
    assert sum(isinstance(event, Asked) for event in told) == len(verdicts) - len(given_up)


def test_what_was_not_taken_is_not_offered_again() -> None:
    options = {"go": [["a", "b"]], "put": [["x"], ["a"]], "look": [], "use": [["x"]]}
    assert without(options, "look", ()) == {name: some for name, some in options.items() if name != "look"}
    assert without(options, "go", ("a",)) == options | {"go": [["b"]]}
    assert "use" not in without(options, "use", ("x",))
    assert without(options, "put", ("x", "a")) == options
    chat = Scripted([action("pickup"), action("toggle"), action("drop")])
    played("llm", chat)
    offered = [len(part["anyOf"]) for part in (request.schema for request in chat.asked[:3])]
    assert offered == [7, 6, 5] and [request.temperature for request in chat.asked[:2]] == [0.0, 0.7]


def test_what_changed_nothing_is_not_done_again_where_no_rule_is_known() -> None:
    told: list[Event] = []
    agent = Agent(WorldModel(VOCABULARY), AgentConfig(policy="llm", rounds=1), chat=Scripted([action("done")]))
    list(agent.act(DOOR, 1, 3, freeze=True, max_steps=3, tell=told.append))
    verdicts = [(event.verdict, event.why) for event in told if isinstance(event, Advised)]
    assert verdicts[0] == ("accepted", "")
    assert verdicts[1] == ("rejected", "it was done here, and nothing changed")


# -- subgoals --------------------------------------------------------------------------------------------


def purposes(told: Iterable[Event]) -> list[str]:
    return [event.purpose for event in told if isinstance(event, Acted)]


def test_plans_lead_from_subgoal_to_subgoal_and_then_to_the_goal() -> None:
    goal = subgoals(KEY, OPEN)
    (result,), told = played("hybrid", Scripted([goal]))
    assert result.success and "subgoal" in purposes(told)
    accepted = [event.advice for event in told if isinstance(event, Advised) and event.verdict == "accepted"]
    assert accepted[:2] == [KEY, OPEN]


def test_an_unreachable_subgoal_goes_back_and_at_last_the_whole_goal_is_planned_for() -> None:
    chat = Scripted([subgoals(BALL), "no json", subgoals(BALL)])
    (result,), told = played("hybrid", chat)
    assert result.success and set(purposes(told)) <= {"goal", "frontier"}
    verdicts = [event for event in told if isinstance(event, Advised)]
    assert [event.verdict for event in verdicts] == ["rejected"] * 3 + ["given-up"]
    assert "nothing that is known leads to it" in verdicts[0].why and "not-json" in verdicts[1].why
    assert len(chat.asked) == 3
    assert '"ball"' in chat.asked[1].messages[2].text and "leads to it" in chat.asked[1].messages[3].text


def test_a_subgoal_that_holds_already_is_none() -> None:
    empty_hand = "(some () (and (holding nothing)))"
    (result,), told = played("hybrid", Scripted([subgoals(empty_hand)]), rounds=2)
    assert result.success
    assert [e.why for e in told if isinstance(e, Advised)][:2] == ["it holds already"] * 2


def test_advice_is_asked_for_only_about_what_is_known_and_named_by_the_world(able: Callable[[], Scripted]) -> None:
    chat = able()
    played("llm", chat)

    def data(request: Request) -> dict[str, object]:
        found: dict[str, object] = json.JSONDecoder().raw_decode(request.messages[1].text)[0]
        return found

    first = data(chat.asked[0])
    assert set(first) == {"world", "can", "now", "goal", "done"} and len(data(chat.asked[-1])["done"]) > 1  # type: ignore[arg-type]
    assert set(first["can"]) == {action.name for action in VOCABULARY.actions}  # type: ignore[call-overload]
