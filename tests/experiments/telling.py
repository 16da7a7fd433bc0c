"""A server on this machine that plays a language model which knows the laws, for commands that ask one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.world_model.walks import laws
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.chat.scripted_server import Play, Received, ScriptedServer, says
from worldwright.world_model.proposing.prompts import known_data
from worldwright.world_model.proposing.words import Words

Plays = Callable[[Received], Play]


def asked_about(received: Received) -> dict[str, Any]:
    """The data of a question."""
    text = next(message["content"] for message in received.body["messages"] if message["role"] == "user")
    data: dict[str, Any] = json.JSONDecoder().raw_decode(text)[0]
    return data


def knows_the_laws(received: Received) -> Play:
    """Answers with right rules of the action that is asked about, and has nothing to say of anything else."""
    shape = received.body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    if "edges" in shape.get("properties", {}):
        return says(json.dumps({"edges": []}))
    action = asked_about(received).get("action")
    mine = [rule for rule in laws() if rule.action == action]
    return says(json.dumps({"rules": known_data(Words(VOCABULARY), mine[:2])}))


def dies_after(number: int, then: Play, first: Plays = knows_the_laws) -> Plays:
    """Answers so many questions, and then none."""
    left = [first] * number
    return lambda received: left.pop()(received) if left else then


@contextmanager
def model_options(plays: Plays) -> Iterator[tuple[ScriptedServer, tuple[str, ...]]]:
    """A server, and the options by which a command asks it."""
    with ScriptedServer(plays) as server:
        yield server, ("--llm", server.url, "--llm-model", "scripted")
