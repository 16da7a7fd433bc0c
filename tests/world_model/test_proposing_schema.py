"""The schema of answers: small, closed, and of features that servers can enforce."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.world_model.answering import answer, fits
from tests.world_model.test_induction import WORKSHOP
from tests.world_model.walks import laws
from worldwright.envs.household.vocabulary import VOCABULARY as HOUSEHOLD
from worldwright.envs.minigrid.vocabulary import VOCABULARY as MINIGRID
from worldwright.world_model.proposing.schema import edges_schema, goal_schema, rules_schema
from worldwright.world_model.proposing.words import Words
from worldwright.world_model.vocabulary import ActionSignature, Predicate, Type, Vocabulary

VOCABULARIES = [MINIGRID, HOUSEHOLD, WORKSHOP]
FEATURES = {
    *("type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems", "enum", "anyOf"),
    *("$ref", "$defs", "minimum", "maximum"),
}


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """The schemas inside a schema, itself first."""
    yield schema
    for key in ("properties", "$defs"):
        for inner in schema.get(key, {}).values():
            yield from parts(inner)
    for inner in [schema["items"]] if "items" in schema else schema.get("anyOf", []):
        yield from parts(inner)


def schemas(vocabulary: Vocabulary) -> list[dict[str, Any]]:
    words = Words(vocabulary)
    actions = [action.name for action in vocabulary.actions]
    each = [rules_schema(words, [action], 2) for action in actions]
    return [*each, rules_schema(words, actions), goal_schema(words), edges_schema(words)]


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda v: v.name)
def test_schemas_are_strict_bounded_and_of_few_features(vocabulary: Vocabulary) -> None:
    for schema in schemas(vocabulary):
        for part in parts(schema):
            assert part.keys() <= FEATURES
            if part.get("type") == "object":
                assert part["additionalProperties"] is False
                assert part["required"] == list(part["properties"])
            if part.get("type") == "array":
                assert 0 <= part["minItems"] <= part["maxItems"] <= 24
            assert part.get("enum") != []


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda v: v.name)
def test_the_schema_of_one_action_is_small(vocabulary: Vocabulary) -> None:
    schema = rules_schema(Words(vocabulary), [vocabulary.actions[0].name], 2)
    assert len(json.dumps(schema)) < 32_000
    assert json.dumps(schema) == json.dumps(rules_schema(Words(vocabulary), [vocabulary.actions[0].name], 2))


@pytest.mark.parametrize("rule", laws(), ids=lambda rule: rule.name)
def test_true_laws_can_be_answered(rule: Any) -> None:
    schema = rules_schema(Words(MINIGRID), [rule.action])
    said = json.loads(answer(MINIGRID, rule))
    assert fits(schema, said)
    for wrong in ("fly", "drop" if rule.action != "drop" else "left"):
        said["rules"][0]["action"] = wrong
        assert not fits(schema, said)


def test_no_name_outside_of_the_vocabulary_fits() -> None:
    words = Words(MINIGRID)
    known = {p.name for p in MINIGRID.predicates} | set(words.variables) | set(MINIGRID.constant_types)
    known |= {action.name for action in MINIGRID.actions} | {"="}
    for schema in schemas(MINIGRID)[:-2]:
        assert {name for part in parts(schema) for name in part.get("enum", ())} <= known


def test_types_of_long_and_like_names_have_variables_of_their_own() -> None:
    names = ["a" * 60, "a" * 61, "thing", "thing1", "thing-"]
    vocabulary = Vocabulary(
        "odd", tuple(Type(name) for name in names), (Predicate("p", (names[0],)),), (ActionSignature("act"),)
    )
    variables = Words(vocabulary).variables
    assert len(variables) == sum(map(len, Words(vocabulary).by_type.values()))
    assert all(len(name) <= 33 for name in variables)
