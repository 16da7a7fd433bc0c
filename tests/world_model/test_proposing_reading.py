"""Answers become rules only if they are nothing else: each hostile one is refused, with a reason, and never raises.

The case numbers are those of the list of attacks on language models' output: A is output, B is code as rules.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.world_model.answering import answer
from tests.world_model.walks import laws
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.chat.request import Reply
from worldwright.world_model.edges import Edge
from worldwright.world_model.language import Evidence
from worldwright.world_model.proposing import schema
from worldwright.world_model.proposing.reading import (
    AUTHOR,
    Reading,
    Rejection,
    read_edges,
    read_goal,
    read_rules,
)
from worldwright.world_model.proposing.refusing import MAX_DEPTH, MAX_TEXT, Reason
from worldwright.world_model.proposing.words import Words

WORDS = Words(VOCABULARY)
ACTIONS = tuple(action.name for action in VOCABULARY.actions)
UNLOCK = next(rule for rule in laws() if rule.name == "toggle-unlocks")
VALID = answer(VOCABULARY, UNLOCK)


def read(text: str, actions: tuple[str, ...] = ACTIONS, finish: str = "stop") -> Reading:
    return read_rules(WORDS, actions, Reply(text, finish))


def data() -> Any:
    return json.loads(VALID)


def with_rule(change: dict[str, Any]) -> str:
    """The valid answer with other fields of its rule."""
    found = data()
    found["rules"][0] |= change
    return json.dumps(found)


def with_literal(**change: Any) -> str:
    """The valid answer with a first condition that is changed so."""
    found = data()
    found["rules"][0]["when"][0] |= change
    return json.dumps(found)


def only_reason(found: Reading) -> Reason:
    assert found.rules == ()
    (rejection,) = found.rejections
    assert rejection.detail.startswith(rejection.reason) and len(rejection.excerpt) <= 200
    assert rejection.excerpt.isascii()
    return rejection.reason


def test_a_right_answer_is_read() -> None:
    (rule,) = read(VALID).rules
    assert (rule.law(), rule.evidence) == (WORDS.normal(UNLOCK).law(), Evidence(author=AUTHOR))
    assert rule.name == "toggle-llm"
    assert read(VALID).rejections == ()


def test_the_same_law_twice_is_one_rule() -> None:
    (rule,) = read(answer(VOCABULARY, UNLOCK, UNLOCK)).rules
    assert rule.action == "toggle"


# -- A: output that is no rule --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        with_literal(predicate="agent_at"),
        with_literal(predicate="AGENT-AT"),
        with_rule({"action": "drop_everything"}),
        with_literal(args=["?room1"]),
        with_literal(args=["?cell99"]),
        with_literal(args=["kitchen"]),
        with_literal(args=[7]),
        with_literal(predicate=["agent-at"]),
        with_literal(predicate=None),
    ],
)
def test_a1_unknown_names_are_refused_and_not_guessed_at(text: str) -> None:
    assert only_reason(read(text)) is Reason.UNKNOWN


def test_a1_a_rule_about_another_action_than_was_asked_about_is_refused() -> None:
    assert only_reason(read(VALID, actions=("left",))) is Reason.UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        with_rule({"description": "what it does"}),
        with_literal(because="so"),
        json.dumps({**data(), "thoughts": "hm"}),
        json.dumps({}),
        json.dumps([data()]),
        VALID.replace('"args": [],', "", 1),
        VALID.replace('"action": "toggle"', '"action": "toggle", "action": "drop"', 1),
        '{"rules": [], "rules": []}',
        with_literal(holds="true"),
        with_literal(holds=1),
        with_rule({"when": {}}),
        with_rule({"outcomes": [{"probability": True, "effects": []}]}),
        with_rule({"outcomes": [{"probability": "1", "effects": []}]}),
        with_rule({"outcomes": [{"probability": 1.5, "effects": []}]}),
        with_rule({"outcomes": [{"probability": -0.0001, "effects": []}]}),
    ],
)
def test_a2_other_keys_double_keys_and_other_types_are_refused(text: str) -> None:
    assert only_reason(read(text)) is Reason.SHAPE


@pytest.mark.parametrize("fenced", [f"```json\n{VALID}\n```", f"```\n{VALID}\n```", f"\n ```json\n{VALID}```  \n"])
def test_a3_one_fence_around_the_whole_answer_is_taken_off(fenced: str) -> None:
    assert read(fenced).rules == read(VALID).rules != ()


@pytest.mark.parametrize(
    "text",
    [
        f"Here is the rule:\n{VALID}",
        f"{VALID}\nI hope this helps!",
        f"Sure!\n```json\n{VALID}\n```",
        f"```json\n{VALID}\n```\n```json\n{VALID}\n```",
        f"```python\n{VALID}\n```",
        f"```json\n{VALID}",
        f"{VALID}{VALID}",
        "",
        "```",
        "The door opens when you toggle it.",
        VALID.replace('"', "'"),
    ],
)
def test_a3_prose_around_json_is_refused(text: str) -> None:
    assert only_reason(read(text)) is Reason.NOT_JSON


@pytest.mark.parametrize("cut", [VALID, VALID[:100], VALID[:-1], ""])
def test_a4_an_answer_that_was_cut_off_is_refused_even_if_it_could_be_read(cut: str) -> None:
    assert only_reason(read(cut, finish="length")) is Reason.CUT_OFF


@pytest.mark.parametrize("finish", ["refusal", "content_filter", "", "tool_calls" * 100])
def test_a10_a_refusal_is_no_answer(finish: str) -> None:
    assert only_reason(read(VALID, finish=finish)) is Reason.DECLINED


NOTHING_HELD = {"predicate": "holding", "args": ["nothing"], "holds": True}


@pytest.mark.parametrize(
    "conditions",
    [
        [NOTHING_HELD, {**NOTHING_HELD, "holds": False}],
        [NOTHING_HELD, {"predicate": "=", "args": ["?thing1", "?thing1"], "holds": False}],
        [{"predicate": "=", "args": ["red", "blue"], "holds": True}],
        [{"predicate": "facing", "args": [d], "holds": True} for d in ("east", "west")],
        [{"exists": True, "some": ["?thing1"], "where": [NOTHING_HELD, {**NOTHING_HELD, "holds": False}]}],
    ],
)
def test_a5_conditions_that_exclude_each_other_are_refused(conditions: list[Any]) -> None:
    effects = [{"predicate": "won", "args": [], "holds": True}]
    text = with_rule({"when": conditions, "outcomes": [{"probability": 1, "effects": effects}]})
    assert only_reason(read(text)) is Reason.SENSELESS


def test_a5_an_effect_that_is_made_true_and_false_is_refused() -> None:
    effects: list[Any] = [{"predicate": "won", "args": [], "holds": holds} for holds in (True, False)]
    assert only_reason(read(with_rule({"outcomes": [{"probability": 1, "effects": effects}]}))) is Reason.ILL_TYPED


@pytest.mark.parametrize(
    "outcomes",
    [
        [{"probability": 1, "effects": []}],
        [{"probability": 0.5, "effects": [{"predicate": "won", "args": [], "holds": True}]}],
        [],
    ],
)
def test_a5_no_effect_or_no_whole_probability_is_refused(outcomes: list[Any]) -> None:
    assert only_reason(read(with_rule({"outcomes": outcomes}))) in (Reason.SENSELESS, Reason.ILL_TYPED)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, Reason.TOO_LONG),
        ("[" * (MAX_TEXT - 1), Reason.TOO_DEEP),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), Reason.TOO_DEEP),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, Reason.TOO_DEEP),
        (VALID + " " * MAX_TEXT, Reason.TOO_LONG),
        (VALID.replace("1.0", "9" * 5000), Reason.SHAPE),
        (VALID.replace("1.0", "NaN"), Reason.SHAPE),
        (VALID.replace("1.0", "Infinity"), Reason.SHAPE),
        (VALID.replace("1.0", "-Infinity"), Reason.SHAPE),
        (VALID.replace("1.0", "1e999"), Reason.SHAPE),
        (VALID.replace("1.0", "0." + "0" * 5000 + "1"), Reason.SHAPE),
    ],
)
def test_a6_depth_length_and_numbers_are_bounded(text: str, reason: Reason) -> None:
    assert only_reason(read(text)) is reason


def test_brackets_inside_of_strings_are_not_deep() -> None:
    text = with_rule({"action": "[" * 1000 + '\\"'})
    assert only_reason(read(text)) is Reason.UNKNOWN


@pytest.mark.parametrize(
    "name",
    [
        "\ud800",
        "agent-at\u202e",
        "agent\u200b-at",
        "\u0430gent-at",
        "agent-at\x00",
        "agent-at ",
        "agent-at\n",
        "ａgent-at",
        "x" * 10_000,
    ],
)
def test_a7_names_that_only_look_like_known_ones_are_refused(name: str) -> None:
    for text in (with_literal(predicate=name), with_literal(args=[name]), with_rule({"action": name})):
        found = read(text)
        assert only_reason(found) is Reason.UNKNOWN
        assert len(found.rejections[0].detail) < 200
    assert only_reason(read(with_rule({name: 1}))) is Reason.SHAPE


def literals(number: int) -> list[Any]:
    return [NOTHING_HELD] * number


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"rules": data()["rules"] * (schema.MAX_RULES + 1)}),
        with_rule({"when": literals(schema.MAX_CONDITIONS + 1)}),
        with_rule({"when": literals(300)}),
        with_rule({"args": ["?cell1", "?cell2"]}),
        with_rule({"outcomes": [{"probability": 0.1, "effects": []}] * 10}),
        with_rule({"when": [{"exists": True, "some": [f"?cell{n}" for n in range(1, 7)], "where": []}]}),
        with_rule({"when": [{"exists": True, "some": ["?cell1"], "where": literals(40)}]}),
        with_literal(args=["?cell1"] * 1000),
        with_rule(
            {
                "when": [
                    {"predicate": "=", "args": [f"?{type_}{n}", f"?{type_}{n + 1}"], "holds": True}
                    for type_ in ("cell", "thing", "color")
                    for n in (1, 3, 5)
                ]
            }
        ),
    ],
)
def test_a8_too_many_parts_are_refused_before_anything_is_matched(text: str) -> None:
    assert only_reason(read(text)) is Reason.TOO_MANY


@pytest.mark.parametrize(
    "conditions",
    [
        [{"predicate": "=", "args": ["?cell1", "?cell2"], "holds": False}],
        [{"predicate": "on", "args": [f"?cell{n}", f"?thing{n}"], "holds": True} for n in (1, 2)],
        [{"predicate": "on", "args": [f"?cell{n}", "nothing"], "holds": True} for n in (1, 2)],
    ],
)
def test_a8_what_would_be_searched_for_in_many_ways_is_refused(conditions: list[Any]) -> None:
    won = [{"predicate": "won", "args": [], "holds": True}]
    text = with_rule({"when": conditions, "outcomes": [{"probability": 1, "effects": won}]})
    assert only_reason(read(text)) is Reason.TOO_BROAD


def test_one_bad_rule_does_not_cost_the_others() -> None:
    found = read(json.dumps({"rules": [*data()["rules"], {}, 7, *json.loads(with_rule({"action": "fly"}))["rules"]]}))
    assert [rule.action for rule in found.rules] == ["toggle"]
    assert [rejection.reason for rejection in found.rejections] == [Reason.SHAPE, Reason.SHAPE, Reason.UNKNOWN]


# -- B: code in the place of names ----------------------------------------------------------------------------------

CODE = {
    11: "__import__('os').system('id') or open('/etc/passwd').read()",
    12: "().__class__.__base__.__subclasses__()",
    13: "'{0.__globals__}'.format(f)",
    14: "getattr(state, '__cl' + 'ass__')",
    15: "(lambda: __import__('sys')._getframe(1).f_globals)()",
    16: "while True: pass",
    17: "9**9**9",
    18: "'a'*10**10",
    19: "re.match(r'(a+)+$', 'a' * 40)",
    20: "(" * 300 + "1" + ")" * 300 + "+1" * 2000,
    21: "state.values.clear()",
    22: "time.sleep(10) or print('x' * 10**9) or sys.exit()",
}


@pytest.mark.parametrize("case", sorted(CODE))
def test_b_code_is_no_name_in_any_field(case: int) -> None:
    code = CODE[case]
    places = [
        with_rule({"action": code}),
        with_rule({"args": code}),
        with_rule({"when": code}),
        with_rule({"when": [code]}),
        with_literal(predicate=code),
        with_literal(args=[code]),
        with_literal(holds=code),
        with_rule({"outcomes": [{"probability": code, "effects": []}]}),
        with_rule({"outcomes": [{"probability": 1, "effects": [code]}]}),
        with_rule({"when": [{"counter": code, "args": [], "relation": ">=", "number": 1}]}),
        with_rule({"when": [{"exists": True, "some": [code], "where": []}]}),
        with_rule({code: code}),
        json.dumps({"rules": code}),
        json.dumps({"rules": [code]}),
    ]
    for text in places:
        assert only_reason(read(text)) in (Reason.UNKNOWN, Reason.SHAPE, Reason.TOO_MANY)
    assert only_reason(read(code)) in (Reason.NOT_JSON, Reason.TOO_DEEP)


# -- goals and edges ------------------------------------------------------------------------------------------------


def wish(status: str = "clear", order: str = "all", **more: Any) -> Reply:
    red = [{"predicate": "kind", "args": ["?thing1", "key"], "holds": True}]
    parts = [{"conditions": [*red, {"predicate": "holding", "args": ["?thing1"], "holds": True}]}]
    return Reply(json.dumps({"status": status, "order": order, "parts": parts, **more}))


def test_a_goal_is_read_and_checked() -> None:
    goal = read_goal(WORDS, wish())
    assert str(goal) == "(some (?thing1 - thing) (and (kind ?thing1 key) (holding ?thing1)))"
    two = json.loads(wish().text)["parts"] * 2
    assert str(read_goal(WORDS, wish(order="then", parts=two))).startswith("(then (some")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (wish("unclear"), Reason.SENSELESS),
        (wish("impossible", parts=[]), Reason.SENSELESS),
        (wish("sure"), Reason.UNKNOWN),
        (wish(order="later"), Reason.UNKNOWN),
        (wish(parts=[]), Reason.SENSELESS),
        (wish(parts=[{"conditions": []}]), Reason.SENSELESS),
        (
            wish(parts=[{"conditions": [{"predicate": "kind", "args": ["?cell1", "key"], "holds": True}]}]),
            Reason.ILL_TYPED,
        ),
        (wish(more=1), Reason.SHAPE),
        (Reply("pick up the key"), Reason.NOT_JSON),
        (Reply(wish().text, "length"), Reason.CUT_OFF),
    ],
)
def test_what_is_no_goal_is_diagnosed(reply: Reply, reason: Reason) -> None:
    found = read_goal(WORDS, reply)
    assert isinstance(found, Rejection) and found.reason is reason


def test_edges_are_read_between_known_things_only() -> None:
    edge = {"subject": "toggle", "relation": "requires", "object": "key"}
    wrong = [{**edge, "object": "crowbar"}, {**edge, "relation": "loves"}, {"subject": "key"}, 5]
    found, rejections = read_edges(WORDS, Reply(json.dumps({"edges": [edge, edge, *wrong]})))
    assert found == (Edge("toggle", "requires", "key"),) and found[0].author == AUTHOR
    assert [r.reason for r in rejections] == [Reason.UNKNOWN, Reason.UNKNOWN, Reason.SHAPE, Reason.SHAPE]
    assert read_edges(WORDS, Reply("none"))[0] == ()
