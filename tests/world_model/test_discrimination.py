"""Discrimination trees say what matching the rules one by one says."""

from __future__ import annotations

import random
from itertools import islice

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.world_model.corrupting import corruptions
from tests.world_model.strategies import models, states, vocabularies
from tests.world_model.walks import laws, walks
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.effects import effects_of
from worldwright.world_model.language import ActionRule
from worldwright.world_model.matching import Binding, Query
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Change, State
from worldwright.world_model.transition import Transition


@pytest.fixture(scope="module")
def walked() -> list[Transition]:
    """What a random walk met on some levels."""
    return walks(seeds=1, steps=150)


def _one_by_one(model: WorldModel, state: State, action: Action) -> tuple[list[tuple[ActionRule, Binding]], Change]:
    """The rules that apply with what they bind, and the change, each rule matched and its effects made for itself."""
    found: list[tuple[ActionRule, Binding]] = []
    change: Change = {}
    for rule in model.rules_for(action.name):
        given = {variable.name: arg for variable, arg in zip(rule.parameters, action.args, strict=False)}
        for binding in Query(model.vocabulary, rule.parameters, rule.preconditions, tuple(given)).bindings(
            state, given
        ):
            found.append((rule, binding))
            for fluent, value in effects_of(rule.likeliest().effects, binding, state).items():
                if change.get(fluent) is None:
                    change[fluent] = value
    return found, {fluent: value for fluent, value in change.items() if state.value(fluent) != value}


@given(st.integers(0, 2**32), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_a_tree_finds_what_matching_finds(walked: list[Transition], seed: int, number: int) -> None:
    chance = random.Random(seed)
    wrong = list(islice(corruptions(laws(), VOCABULARY, chance), number))
    model = WorldModel(VOCABULARY, tuple(chance.sample([*laws(), *wrong], k=len(laws()) + number)))
    for transition in chance.sample(walked, 40):
        for action in map(Action, ("forward", "toggle", "pickup", "drop", "left")):
            firings = [(firing.rule, firing.binding) for firing in model.firings(transition.before, action)]
            expected, change = _one_by_one(model, transition.before, action)
            assert firings == expected
            assert model.foretold(transition.before, action) == change


@given(st.data())
def test_a_random_model_foretells_what_its_rules_do_one_by_one(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    model, state = data.draw(models(vocabulary, least_rules=1, most_rules=5)), data.draw(states(vocabulary))
    signature = data.draw(st.sampled_from(vocabulary.actions))
    choices = [state.universe.objects(type_) for type_ in signature.types]
    assume(all(choices))
    action = Action(signature.name, tuple(data.draw(st.sampled_from(names)) for names in choices))
    expected, change = _one_by_one(model, state, action)
    assert [(firing.rule, firing.binding) for firing in model.firings(state, action)] == expected
    assert model.foretold(state, action) == change == model.predict(state, action).change
