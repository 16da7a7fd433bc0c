"""A language model of the tests: it answers from a script and keeps what it was asked."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from worldwright.world_model.chat.request import ModelProblem, Reply, Request
from worldwright.world_model.language import ActionRule
from worldwright.world_model.proposing.schema import rule_data
from worldwright.world_model.proposing.words import Words
from worldwright.world_model.vocabulary import Vocabulary

Answer = str | Reply | ModelProblem


@dataclass
class Scripted:
    """Gives its answers in turn, then the last one for ever; or what a function makes of each request."""

    answers: Sequence[Answer] | Callable[[Request], Answer]
    asked: list[Request] = field(default_factory=list)

    def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        if callable(self.answers):
            answer = self.answers(request)
        else:
            answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, ModelProblem):
            raise answer
        return Reply(answer) if isinstance(answer, str) else answer


NOTHING = '{"rules": []}'


def answer(vocabulary: Vocabulary, *rules: ActionRule) -> str:
    """The answer that these rules are."""
    return json.dumps({"rules": [rule_data(Words(vocabulary), rule) for rule in rules]})


def fits(schema: dict[str, Any], data: Any, whole: dict[str, Any] | None = None) -> bool:
    """Whether data fits a schema of the few features that ours have; an unknown feature is an error."""
    whole = whole or schema
    match schema:
        case {"$ref": str(ref)}:
            return fits(whole["$defs"][ref.removeprefix("#/$defs/")], data, whole)
        case {"anyOf": list(some)}:
            return any(fits(one, data, whole) for one in some)
        case {"type": "object", "properties": properties, "required": required, "additionalProperties": False}:
            assert list(properties) == required
            names = isinstance(data, dict) and data.keys() == properties.keys()
            return names and all(fits(properties[name], value, whole) for name, value in data.items())
        case {"type": "array", "items": items, "minItems": least, "maxItems": most}:
            sized = isinstance(data, list) and least <= len(data) <= most
            return sized and all(fits(items, part, whole) for part in data)
        case {"type": "string"}:
            return isinstance(data, str) and data in schema.get("enum", [data])
        case {"type": "boolean"}:
            return isinstance(data, bool)
        case {"type": "integer" | "number" as kind, "minimum": low, "maximum": high}:
            right = int if kind == "integer" else int | float
            return isinstance(data, right) and not isinstance(data, bool) and low <= data <= high
    raise AssertionError(f"a schema that is not ours: {sorted(schema)}")


def sampled(schema: Mapping[str, Any], rng: random.Random, whole: Mapping[str, Any] | None = None) -> Any:
    """Something that fits a schema of ours: what a model answers that keeps to it and knows nothing."""
    whole = whole or schema
    match schema:
        case {"$ref": str(ref)}:
            return sampled(whole["$defs"][ref.removeprefix("#/$defs/")], rng, whole)
        case {"anyOf": list(some)}:
            return sampled(rng.choice(some), rng, whole)
        case {"type": "object", "properties": properties}:
            return {name: sampled(part, rng, whole) for name, part in properties.items()}
        case {"type": "array", "items": items, "minItems": least, "maxItems": most}:
            return [sampled(items, rng, whole) for _ in range(rng.randint(least, min(most, least + 2)))]
        case {"enum": list(names)}:
            return rng.choice(names)
        case {"type": "boolean"}:
            return rng.random() < 0.5
        case {"minimum": low, "maximum": high}:
            return rng.randint(int(low), int(high))
    return ""
