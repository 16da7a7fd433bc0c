"""Authors that ask a language model, in the agent: what they propose is tested and told, and acting asks nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.agent.laws import usual
from tests.world_model.answering import NOTHING, Answer, Scripted
from tests.world_model.walks import laws
from worldwright.agent.agent import Agent
from worldwright.agent.config import AgentConfig
from worldwright.agent.events import Asked, Event, Proposed, Refuted, Rejected, Silenced
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.experiments.event_log import EventLog, read_events
from worldwright.world_model.chat.request import Reply, Request, Unreachable
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.language import ActionRule
from worldwright.world_model.model import WorldModel
from worldwright.world_model.proposing.prompts import known_data
from worldwright.world_model.proposing.words import Words

DOOR = "MiniGrid-DoorKey-6x6-v0"
BOTH = AgentConfig(author="both", samples=1)


@dataclass
class Knowing:
    """Knows rules, and answers with those of the action that is asked about."""

    rules: tuple[ActionRule, ...]
    asked: list[Request] = field(default_factory=list)

    def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        data, _ = json.JSONDecoder().raw_decode(request.messages[1].text)
        mine = [rule for rule in self.rules if rule.action == data.get("action", rule.action)]
        return Reply(json.dumps({"rules": known_data(Words(VOCABULARY), mine[:3])}), model="knowing")


def written(model: WorldModel) -> set[str]:
    return {rule.evidence.author for rule in model.rules}


def test_right_priors_are_tested_and_become_laws_at_once() -> None:
    chat, told = Knowing(laws()), list[Event]()
    agent = Agent(config=BOTH, chat=chat)
    agent.learn([DOOR], 60, tell=told.append)
    believed = {rule.action for rule in agent.model.rules if rule.evidence.author == "llm"}
    assert {"left", "right", "forward"} <= believed
    assert [request.purpose for request in chat.asked][:7] == ["prior"] * 7
    assert sum(isinstance(event, Asked) for event in told) == len(chat.asked)
    kept = [event for event in told if isinstance(event, Proposed) and event.verdict == "kept"]
    assert {"(:rule left" in event.rule for event in kept} == {True, False}
    assert all("author llm" in event.why for event in kept)


def eventful() -> list[Event]:
    """The events of an agent whose language model answers well, ill and at last not at all."""
    mistaken = [replace(rule, action="right") for rule in laws() if rule.name == "left-turns"]
    told: list[Event] = []

    def ask(request: Request) -> Answer:
        if '"action": "right"' in request.messages[1].text:
            return json.dumps({"rules": known_data(Words(VOCABULARY), mistaken)})
        return Unreachable("gone") if told else "no json at all"

    config = BOTH.model_copy(update={"samples": 2})
    Agent(config=config, chat=Scripted(ask)).learn([DOOR], 40, tell=told.append)
    return told


def test_every_request_answer_and_verdict_is_in_the_log_and_comes_back(tmp_path: Path) -> None:
    told = eventful()
    kinds = {event.kind for event in told}
    assert {"asked", "proposed", "refuted", "rejected", "silenced"} <= kinds
    assert sum(isinstance(event, Silenced) for event in told) == 1
    asked = [event for event in told if isinstance(event, Asked)]
    assert any(event.error == "Unreachable: gone" and event.answer == "" for event in asked)
    assert all(event.prompt[0].startswith("system: ") for event in asked)
    assert any("was to be" in event.why for event in told if isinstance(event, Refuted))
    assert any(event.reason == "not-json" for event in told if isinstance(event, Rejected))
    log = EventLog(tmp_path / "events.jsonl")
    for event in told:
        log.write(0, event)
    log.close()
    assert [logged.event for logged in read_events(tmp_path / "events.jsonl")] == told


def test_an_endpoint_that_dies_costs_nothing_but_its_rules() -> None:
    plain = Agent(seed=3)
    plain.learn([DOOR], 120)
    agent = Agent(config=BOTH, seed=3, chat=Scripted([Unreachable("gone")]))
    agent.learn([DOOR], 120)
    assert agent.model == plain.model


def test_an_author_alone_learns_by_its_answers_only() -> None:
    agent = Agent(config=AgentConfig(author="llm", samples=1), chat=Knowing(laws()))
    agent.learn([DOOR], 60)
    assert written(agent.model) == {"llm"}
    silent = Agent(config=AgentConfig(author="llm", samples=1), chat=Scripted([NOTHING]))
    silent.learn([DOOR], 60)
    assert silent.model.rules == ()


@pytest.mark.parametrize("author", ["inducer", "llm", "both"])
def test_acting_frozen_asks_nothing(author: str) -> None:
    chat = Knowing(laws())
    config = AgentConfig(author=author, samples=1)
    agent = Agent(usual(), config, chat=chat)
    results = list(agent.act(DOOR, episodes=3, freeze=True))
    assert all(result.success for result in results)
    list(Agent(WorldModel(VOCABULARY), config, chat=chat).act(DOOR, episodes=1, freeze=True, max_steps=30))
    assert chat.asked == []


def test_the_inducer_alone_asks_nothing_while_learning() -> None:
    chat = Knowing(laws())
    Agent(config=AgentConfig(), chat=chat).learn([DOOR], 60)
    assert chat.asked == []


@pytest.mark.parametrize("author", ["llm", "both"])
def test_learning_by_asking_needs_somebody_to_ask(author: str) -> None:
    with pytest.raises(WorldwrightError, match="asks a language model, and none was given"):
        Agent(config=AgentConfig(author=author)).learn([DOOR], 5)


def test_what_is_missing_to_a_goal_without_a_plan_is_asked_once_for_the_same_laws() -> None:
    locked = WorldModel(VOCABULARY, tuple(rule for rule in usual().rules if rule.name != "toggle-unlocks"))
    chat, told = Knowing(tuple(rule for rule in laws() if rule.name == "toggle-unlocks")), list[Event]()
    config = BOTH.model_copy(update={"priors": False, "refinements": 0})
    agent = Agent(locked, config, chat=chat)
    (result,) = agent.act(DOOR, episodes=1, tell=told.append)
    assert result.success
    assert [request.purpose for request in chat.asked].count("missing") == 1
    missing = next(request for request in chat.asked if request.purpose == "missing")
    assert "goal" in json.JSONDecoder().raw_decode(missing.messages[1].text)[0]
    assert "llm" in written(agent.model) or any(isinstance(event, Proposed) for event in told)


def test_it_is_the_same_every_time() -> None:
    models = []
    for _ in range(2):
        agent = Agent(config=BOTH, seed=5, chat=Knowing(laws()[:4]))
        agent.learn([DOOR], 80)
        models.append(agent.model)
    assert models[0] == models[1]
