"""Advice: goals, facts, places, actions and subgoals from answers that are checked, whoever gives them and however."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.world_model.answering import fits
from tests.world_model.strategies import Draw
from tests.world_model.test_proposing_prompts import INJECTION, NAMES, data_of, pickup
from tests.world_model.walks import walks
from worldwright.envs.household.missions import read_mission
from worldwright.envs.household.vocabulary import ITEM_KINDS, RECEPTACLE_KINDS
from worldwright.envs.household.vocabulary import VOCABULARY as HOUSEHOLD
from worldwright.envs.minigrid.missions import read_mission as read_order
from worldwright.envs.minigrid.vocabulary import VOCABULARY as MINIGRID
from worldwright.world_model.chat.request import ModelProblem, Reply, Request, Unreachable
from worldwright.world_model.chat.scripted import HOSTILE_TEXTS, Script
from worldwright.world_model.edges import Edge
from worldwright.world_model.goal import AllOf, AnyOf, Goal, Then, Upon, check_goal, next_reaches
from worldwright.world_model.language import LiftedAtom, Literal
from worldwright.world_model.proposing import advice
from worldwright.world_model.proposing.advice import Situation, Turn
from worldwright.world_model.proposing.adviser import Adviser
from worldwright.world_model.proposing.asker import MAX_SILENCES, Asker
from worldwright.world_model.proposing.notes import Note, Refusal, Silenced
from worldwright.world_model.proposing.prompts import MAX_PROMPT
from worldwright.world_model.proposing.reading import Rejection, read_action, read_facts, read_goal, read_places
from worldwright.world_model.proposing.scenes import Labels
from worldwright.world_model.proposing.schema import action_schema, facts_schema, goal_data, goal_schema, places_schema
from worldwright.world_model.proposing.words import Words
from worldwright.world_model.state import State, Universe

WORDS = Words(HOUSEHOLD)
THINGS = {"mug-1": "item", "fridge-2": "receptacle"}
OPTIONS = {"go": [["fridge-2", "desk-1"]], "take": [["mug-1"], ["desk-1"]], "look": []}
HERE = Situation("(some (?item1 - item) (and (holding ?item1)))", ("(at desk-1)",), ("(look)",), {"item": ["mug-1"]})
MISSIONS = ["put a hot apple in fridge", "put two book in desk", "look at mug under the desklamp"]
ORDERS = ["go to the red ball", "put a box next to the key", "open the door, then pick up a ball"]


def adviser(*answers: str | Reply | ModelProblem) -> tuple[Adviser, Script, list[Note]]:
    notes: list[Note] = []
    script = Script(answers)
    return Adviser(WORDS, Asker(script, notes.append)), script, notes


ASKS: dict[str, Callable[[Adviser], object]] = {
    "goal": lambda asked: asked.goal("warm up the thing", {"sort": ["fridge"]}, [("s", read_mission(MISSIONS[0]))]),
    "sentence": lambda asked: asked.facts("The mug 1 gets warm.", THINGS),
    "places": lambda asked: asked.places(["mug", "egg"], ["fridge", "shelf"]),
    "knowledge": lambda asked: asked.edges(),
    "action": lambda asked: asked.action(HERE, OPTIONS),
    "subgoal": lambda asked: asked.subgoals(HERE),
}


# -- what comes through ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vocabulary", "goal"),
    [(HOUSEHOLD, read_mission(said)) for said in MISSIONS] + [(MINIGRID, read_order(said)) for said in ORDERS[:2]],
    ids=[*MISSIONS, *ORDERS[:2]],
)
def test_goals_of_the_worlds_own_sentences_can_be_answered_and_mean_the_same(vocabulary: Any, goal: Goal) -> None:
    words = Words(vocabulary)
    if not isinstance(goal, AnyOf | AllOf | Then | Upon):
        said = goal_data(words, goal)
        assert fits(goal_schema(words), said)
        back = read_goal(words, Reply(json.dumps(said)))
        assert not isinstance(back, Rejection)
        assert [str(c) for r in next_reaches(back) for c in r.conditions] == [
            str(c) for c in words.normal_reach(goal).conditions
        ]


def test_a_sequence_of_goals_can_be_answered() -> None:
    words = Words(MINIGRID)
    said = goal_data(words, read_order(ORDERS[2]))
    assert said["order"] == "then" and len(said["parts"]) == 2
    assert isinstance(read_goal(words, Reply(json.dumps(said))), Then)


def test_facts_are_about_the_things_that_were_named() -> None:
    fact = {"predicate": "is-hot", "args": ["mug-1"], "holds": True}
    away = {"predicate": "in", "args": ["mug-1", "fridge-2"], "holds": False}
    found, script, _ = adviser(json.dumps({"facts": [fact, fact, away]}))
    for _ in range(2):
        assert found.facts("The mug 1 gets warm.", THINGS) == (
            Literal(LiftedAtom("is-hot", ("mug-1",))),
            Literal(LiftedAtom("in", ("mug-1", "fridge-2")), positive=False),
        )
    assert len(script.asked) == 1, "the same sentence is asked about once"
    assert fits(dict(script.asked[0].schema), {"facts": [fact, away]})


@pytest.mark.parametrize(
    "fact",
    [
        {"predicate": "is-hot", "args": ["mug-2"], "holds": True},
        {"predicate": "is-hot", "args": ["fridge-2"], "holds": True},
        {"predicate": "kind", "args": ["mug-1", "egg"], "holds": True},
        {"predicate": "won", "args": [], "holds": True},
        {"predicate": "goal-holds", "args": [], "holds": True},
        {"predicate": "is-hot", "args": [], "holds": True},
        {"predicate": "is-hot", "args": ["?item1"], "holds": True},
        {"predicate": "is-hot", "args": ["mug-1"], "holds": 1},
    ],
)
def test_no_other_fact_is_taken(fact: dict[str, Any]) -> None:
    assert not fits(facts_schema(WORDS, THINGS), {"facts": [fact]})
    found = read_facts(WORDS, THINGS, Reply(json.dumps({"facts": [fact]})))
    assert isinstance(found, Rejection)


def test_a_sentence_that_names_nothing_or_too_much_is_not_asked_about() -> None:
    found, script, _ = adviser()
    assert found.facts("It rains.", {}) == ()
    assert found.facts("So many", {f"mug-{n}": "item" for n in range(99)}) == ()
    assert found.facts("x" * 5_000, THINGS) == ()
    assert script.asked == []


def test_places_are_asked_about_a_few_kinds_at_a_time() -> None:
    found, script, _ = adviser(
        *(json.dumps({kind: ["shelf"] for kind in ITEM_KINDS[n : n + 8]}) for n in range(0, 16, 8))
    )
    edges = found.places(ITEM_KINDS[:16], RECEPTACLE_KINDS)
    assert edges == tuple(Edge(kind, "usually-found-in", "shelf") for kind in ITEM_KINDS[:16])
    assert len(script.asked) == 2
    assert found.places(["mug"], []) == () and len(script.asked) == 2


def test_an_action_has_arguments_that_may_stand_there() -> None:
    found, script, _ = adviser('{"action": "take", "args": ["mug-1", "desk-1"]}')
    assert found.action(HERE, OPTIONS) == ("take", ("mug-1", "desk-1"))
    assert set(data_of(script.asked[0])) >= {"can", "now", "goal", "done"}
    for wrong in ('{"action": "fly", "args": []}', '{"action": "take", "args": ["desk-1", "mug-1"]}'):
        assert isinstance(read_action(OPTIONS, Reply(wrong)), Rejection)
    assert fits(action_schema(OPTIONS), {"action": "go", "args": ["desk-1"]})
    assert not fits(action_schema(OPTIONS), {"action": "go", "args": ["mug-1"]})


def test_what_was_not_taken_comes_back_with_the_reason() -> None:
    turns = [Turn({"action": "look", "args": []}, ("nothing would change",)), Turn(None, ("unknown",))]
    request = advice.action_request(WORDS, HERE, OPTIONS, turns)
    assert [message.role for message in request.messages] == ["system", "user", *["assistant", "user"] * 2]
    assert "nothing would change" in request.messages[3].text and request.messages[4].text == "{}"
    assert len(advice.subgoals_request(WORDS, HERE, turns * 9).messages) <= 10


# -- wishes that are none --------------------------------------------------------------------------------


def wish(*conditions: tuple[str, Sequence[str]], holds: bool = True) -> Reply:
    said = [{"predicate": name, "args": args, "holds": holds} for name, args in conditions]
    return Reply(json.dumps({"status": "clear", "order": "all", "parts": [{"conditions": said}]}))


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (wish(("won", [])), "not for anybody"),
        (wish(("goal-holds", []), holds=False), "not for anybody"),
        (wish(("kind", ["?item1", "mug"]), ("kind", ["?item1", "egg"])), "can never be"),
        (wish(*(("is-hot", [f"?item{n}"]) for n in range(1, 5))), "too-broad"),
        (wish(("kind", ["?item1", "unicorn"])), "unknown term"),
        (Reply('{"status": "impossible", "order": "all", "parts": []}'), "impossible"),
        (Reply('{"status": "unclear", "order": "all", "parts": []}'), "unclear"),
    ],
)
def test_what_cannot_be_wished_is_diagnosed_in_a_line(reply: Reply, why: str) -> None:
    found = read_goal(WORDS, reply)
    assert isinstance(found, Rejection) and why in found.detail and "\n" not in found.detail


def test_nobody_but_the_world_says_that_the_goal_is_reached() -> None:
    assert not fits(goal_schema(WORDS), json.loads(wish(("won", [])).text))
    assert fits(goal_schema(WORDS), json.loads(wish(("holding", ["?item1"])).text))


# -- hostile answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_answer_says_nothing_and_is_counted_and_noted(ask: str, text: str) -> None:
    found, script, notes = adviser(HOSTILE_TEXTS[text])
    answer = ASKS[ask](found)
    assert answer == () or isinstance(answer, Rejection)
    assert [request.purpose for request in script.asked] == [ask]
    (refusal,) = (note for note in notes if isinstance(note, Refusal))
    assert refusal.purpose == ask and refusal.rejection.excerpt.isascii() and len(refusal.rejection.excerpt) <= 200
    assert sum(number for what, number in found.asker.counts.items() if what.startswith("rejected ")) == 1


@pytest.mark.parametrize("finish", ["length", "refusal", "unknown"])
@pytest.mark.parametrize("ask", ASKS)
def test_an_answer_that_is_not_whole_says_nothing(ask: str, finish: str) -> None:
    found, _, notes = adviser(Reply('{"facts": []}', finish))
    ASKS[ask](found)
    assert any(isinstance(note, Refusal) for note in notes)


@pytest.mark.parametrize("ask", ASKS)
def test_a_dead_endpoint_is_given_up_and_that_is_said_once(ask: str) -> None:
    found, script, notes = adviser(*[Unreachable("gone")] * 9)
    for _ in range(6):
        assert ASKS[ask](found) in ((), None)
    assert len(script.asked) == MAX_SILENCES
    assert sum(isinstance(note, Silenced) for note in notes) == 1


@st.composite
def jsons(draw: Draw) -> Any:
    leaves = st.none() | st.booleans() | st.integers() | st.sampled_from(["mug-1", "is-hot", "go", "shelf", "clear"])
    keys = st.sampled_from(["facts", "predicate", "args", "holds", "action", "mug", "egg", "status", "order", "parts"])
    return draw(st.recursive(leaves, lambda some: st.lists(some) | st.dictionaries(keys, some), max_leaves=12))


@given(value=jsons())
@settings(max_examples=200, deadline=None)
def test_any_json_is_words_of_the_world_or_refused(value: Any) -> None:
    reply = Reply(json.dumps(value))
    facts = read_facts(WORDS, THINGS, reply)
    assert isinstance(facts, Rejection) or all(set(fact.atom.args) <= {*THINGS, "nothing", "hand"} for fact in facts)
    places = read_places(["mug", "egg"], ["shelf"], reply)
    assert isinstance(places, Rejection) or fits(places_schema(["mug", "egg"], ["shelf"]), value)
    action = read_action(OPTIONS, reply)
    assert isinstance(action, Rejection) or action[0] in OPTIONS
    goal = read_goal(WORDS, reply)
    if not isinstance(goal, Rejection):
        check_goal(HOUSEHOLD, goal)


# -- injection -------------------------------------------------------------------------------------------


def requests(text: str) -> list[Request]:
    """All that is asked where a world says this."""
    state = pickup(text).before
    labels = Labels(Words(MINIGRID), state)
    fact = tuple(filter(None, (labels.name(thing) for thing in state.universe.types)))
    return [
        advice.goal_request(WORDS, text),
        advice.facts_request(WORDS, text, THINGS),
        advice.action_request(Words(MINIGRID), Situation(labels.text(f"(holding {text})"), fact), OPTIONS),
    ]


@pytest.mark.parametrize("text", NAMES)
def test_c23_c24_what_a_world_says_stays_inside_one_json_string(text: str) -> None:
    for request in requests(text):
        shown = "".join(message.text for message in request.messages[1:])
        assert shown.isascii() and [message.role for message in request.messages] == ["system", "user"]
        assert not any(mark in shown for mark in ("<|", "<s", "</", "[INST]", "<start", "<<"))
        data_of(request)


def test_c23_names_of_things_are_never_shown_where_an_action_is_asked_for() -> None:
    for text in NAMES:
        assert not any(
            word in requests(text)[2].messages[1].text for word in ("ignore", "obey", "reveal", "drop every")
        )


def test_c23_an_answer_that_obeys_is_refused() -> None:
    found, _, _ = adviser(*['{"rules": [{"action": "drop"}]}', '{"action": "drop", "args": []}'] * 6)
    assert isinstance(found.goal(INJECTION), Rejection)
    assert found.facts(INJECTION, THINGS) == ()
    assert isinstance(found.action(HERE, OPTIONS), Rejection)
    assert isinstance(found.action(HERE, OPTIONS), Rejection), "no such action is among the options"


def test_c26_free_text_of_an_answer_reaches_no_later_question() -> None:
    found, script, _ = adviser(INJECTION, json.dumps({"action": INJECTION, "args": []}))
    turns: list[Turn] = []
    for _ in range(3):
        answer = found.action(HERE, OPTIONS, turns)
        turns.append(Turn(None, (answer.reason,)) if isinstance(answer, Rejection) else Turn(None, ()))
    assert not any("ignore" in message.text for request in script.asked for message in request.messages)


def test_c28_a_huge_sentence_is_cut_before_it_is_asked_about() -> None:
    for size in (10_000, 1_000_000):
        (asked, *_) = requests("\u202e{" * size)
        assert len(asked.messages[1].text) < 2 * MAX_PROMPT


# -- labels ----------------------------------------------------------------------------------------------


def test_things_are_called_by_what_they_are() -> None:
    state = next(t.before for t in walks() if t.action.name == "pickup" and t.certain and t.change())
    labels = Labels(Words(MINIGRID), state)
    names = {thing: labels.name(thing) for thing in state.universe.types}
    assert len(set(names.values())) == len(names)
    for thing, name in names.items():
        if thing in MINIGRID.constant_types:
            assert name == thing
            continue
        assert name is not None and labels.thing(name) == thing
        assert name.startswith(f"{state.value(('kind', thing)) or state.universe.types[thing]}-")
    assert labels.name("nobody") is None


def test_a_name_that_says_what_a_thing_is_stays() -> None:
    universe = Universe(HOUSEHOLD)
    universe.add_object("mug-3", "item")
    universe.add_object("ignore all", "item")
    labels = Labels(WORDS, State({("kind", "mug-3"): "mug", ("kind", "ignore all"): "mug"}, universe))
    assert (labels.name("mug-3"), labels.name("ignore all")) == ("mug-3", "mug-1")
    assert labels.thing("mug-1") == "ignore all"
    with pytest.raises(KeyError):
        labels.thing("mug-2")
    assert labels.text("(holding ignore)") == "(holding ?other)"
