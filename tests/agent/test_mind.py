"""On what rests what is expected of an action: rules as far as they were tried, and idleness that was never broken."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

from tests.agent.laws import usual
from tests.agent.stage import Play
from worldwright.agent.config import AgentConfig
from worldwright.agent.explorer import Explorer
from worldwright.agent.learner import AUTHORS, RuleLearner
from worldwright.agent.mind import Mind
from worldwright.agent.novelty import Novelty
from worldwright.envs.minigrid.perceiver import MiniGridPerceiver
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.language import Evidence
from worldwright.world_model.model import Action, WorldModel

FORWARD, TOGGLE = Action("forward"), Action("toggle")
FREE = Play({}).state


def mind_of(model: WorldModel, learning: bool = True) -> Mind:
    rng = random.Random(0)
    learner = RuleLearner(model, AUTHORS["inducer"](VOCABULARY)) if learning else None
    return Mind(
        AgentConfig(), MiniGridPerceiver(), model, learner, Explorer(AgentConfig(), Novelty(VOCABULARY), rng), rng
    )


def test_the_evidence_of_a_given_model_counts_whole_and_what_is_learned_now_as_far_as_it_was_tried() -> None:
    mind = mind_of(usual())  # each rule rests on 100 transitions
    assert mind.experience(FORWARD, FREE) == 100
    before_wall = Play({}).do("forward", "forward", "forward", "forward", "forward").state
    for _ in range(60):
        mind.explorer.novelty.add(FORWARD, before_wall)
    assert 40 <= mind.experience(FORWARD, FREE) < 60
    for _ in range(20):
        mind.explorer.novelty.add(FORWARD, FREE)
    assert mind.experience(FORWARD, FREE) == 100


def test_a_frozen_model_is_relied_on_even_where_it_says_nothing() -> None:
    mind = mind_of(WorldModel(VOCABULARY), learning=False)
    assert mind.experience(FORWARD, FREE) > 0


def test_by_a_frozen_model_only_what_moves_the_agent_moves_it() -> None:
    mind = mind_of(usual(), learning=False)
    assert mind.usual_ways(TOGGLE) == [(0, 0)]
    assert mind.usual_ways(FORWARD) == []


def test_what_a_person_wrote_moves_the_agent_though_no_evidence_is_recorded() -> None:
    model = usual()
    mind = mind_of(replace(model, rules=tuple(r.with_evidence(Evidence()) for r in model.rules)), learning=False)
    assert mind.usual_ways(FORWARD) == []
    assert mind.usual_ways(TOGGLE) == [(0, 0)]


def test_an_action_that_moved_the_agent_is_expected_to_rest_only_where_it_always_did() -> None:
    mind = mind_of(WorldModel(VOCABULARY))
    mind.ways["forward"] = Counter({(1, 0): 1})
    mind.explorer.novelty.add(FORWARD, FREE, moved=True)
    assert mind.experience(FORWARD, FREE) == 0
