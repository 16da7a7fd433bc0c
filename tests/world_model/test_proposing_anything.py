"""Any answer is a rule or a goal of the language, or refused; and what can be said comes back."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.world_model.answering import fits
from tests.world_model.strategies import Draw, rules, states, vocabularies
from tests.world_model.test_proposing_reading import ACTIONS, WORDS, data, read, wish
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.chat.request import Reply
from worldwright.world_model.errors import Inexpressible
from worldwright.world_model.goal import Reach, check_goal
from worldwright.world_model.language import ActionRule, Evidence
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.proposing import reading, schema
from worldwright.world_model.proposing.reading import (
    AUTHOR,
    Reading,
    Rejection,
    read_edges,
    read_goal,
)
from worldwright.world_model.proposing.refusing import Reason
from worldwright.world_model.proposing.schema import rule_data, rules_schema
from worldwright.world_model.proposing.words import Words
from worldwright.world_model.state import State
from worldwright.world_model.syntax import check_rule


@st.composite
def cases(draw: Draw) -> tuple[Words, ActionRule, State]:
    vocabulary = draw(vocabularies())
    rule = draw(rules(vocabulary))
    try:
        Words(vocabulary).normal(rule)
    except Inexpressible:
        assume(False)
    return Words(vocabulary), rule, draw(states(vocabulary))


@given(case=cases())
@settings(max_examples=200, deadline=None)
def test_every_rule_that_can_be_said_goes_to_json_and_comes_back(case: tuple[Words, ActionRule, State]) -> None:
    words, rule, state = case
    actions = [action.name for action in words.vocabulary.actions]
    text = json.dumps(rule_data(words, rule))
    back = reading.read_rule(words, actions, json.loads(text))
    assert back.law() == words.normal(rule).law()
    assert json.dumps(rule_data(words, back)) == text
    assert words.normal(back) == back
    arguments = _arguments(words, rule, state)
    if arguments is not None:
        one, other = (WorldModel(words.vocabulary, (r,)).predict(state, arguments) for r in (rule, back))
        assert (one.change, len(one.firings)) == (other.change, len(other.firings))


def _arguments(words: Words, rule: ActionRule, state: State) -> Action | None:
    pools = [state.universe.objects(type_) for type_ in words.vocabulary.action(rule.action).types]
    return Action(rule.action, tuple(pool[0] for pool in pools)) if all(pools) else None


@given(case=cases())
@settings(max_examples=100, deadline=None)
def test_what_can_be_said_fits_the_schema(case: tuple[Words, ActionRule, State]) -> None:
    words, rule, _ = case
    numbers = [c.low for c in words.vocabulary.counters]
    said = rule_data(words, rule)
    whole = rules_schema(words, [rule.action])
    if not numbers and len(said["outcomes"]) <= schema.MAX_OUTCOMES and "exists" not in str(said):
        assert fits(whole, {"rules": [said]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WORDS_OF_RULES = [
    "rules",
    "action",
    "args",
    "when",
    "outcomes",
    "effects",
    "holds",
    "predicate",
    "on",
    "?cell1",
    "toggle",
]


def harmless(found: Reading) -> None:
    for rule in found.rules:
        check_rule(VOCABULARY, rule)
        assert rule.evidence == Evidence(author=AUTHOR)
        assert rule.action in ACTIONS
    assert all(isinstance(rejection.reason, Reason) for rejection in found.rejections)


@given(value=JSON)
@settings(max_examples=200, deadline=None)
def test_any_json_is_read_without_harm(value: Any) -> None:
    harmless(read(json.dumps(value)))
    harmless(read(json.dumps({"rules": [value]})))
    assert isinstance(read_goal(WORDS, Reply(json.dumps(value))), Rejection | Reach)
    read_edges(WORDS, Reply(json.dumps({"edges": value})))


@given(text=st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_without_harm(text: str) -> None:
    assert read(text).rules == ()


@st.composite
def mutated(draw: Draw, valid: Any) -> Any:
    """A valid answer with something else in one or two places."""
    found = json.loads(json.dumps(valid))
    for _ in range(draw(st.integers(1, 2))):
        at: Any = found
        while isinstance(at, dict | list) and at:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = draw(st.sampled_from(keys))
            if not isinstance(at[key], dict | list) or not at[key] or draw(st.integers(0, 3)) == 0:
                at[key] = draw(st.sampled_from(WORDS_OF_RULES) | JSON)
                break
            at = at[key]
    return found


@given(value=mutated(data()))
@settings(max_examples=300, deadline=None)
def test_a_mutated_answer_is_a_rule_of_the_language_or_refused(value: Any) -> None:
    harmless(read(json.dumps(value)))


@given(value=mutated(json.loads(wish().text)))
@settings(max_examples=200, deadline=None)
def test_a_mutated_wish_is_a_goal_of_the_language_or_refused(value: Any) -> None:
    found = read_goal(WORDS, Reply(json.dumps(value)))
    if not isinstance(found, Rejection):
        check_goal(VOCABULARY, found)
