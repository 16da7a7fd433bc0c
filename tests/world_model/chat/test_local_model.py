"""A real model, served on this machine, asked through all that lies between it and whoever asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.local_model import Unavailable, local_model
from tests.world_model.chat.questions import SCHEMA, question
from worldwright.world_model.chat.cassette import Recorder, Replayer
from worldwright.world_model.chat.endpoint import Endpoint
from worldwright.world_model.chat.limits import Limited, Limits
from worldwright.world_model.chat.prices import built_in_prices
from worldwright.world_model.chat.request import ChatModel, Unreachable

INSTALL = 100.0  # seconds; what takes longer is not waited for


def test_a_real_model_keeps_to_a_schema_and_its_answers_replay(tmp_path: Path) -> None:
    try:
        with local_model("small", install_seconds=INSTALL) as model:
            endpoint = Endpoint(model.url, model.name, timeout=60)
            price = built_in_prices().price(model.name, model.url)
            with Recorder(endpoint, tmp_path / "tape", model.name) as recorder:
                limited = Limited(recorder, Limits(calls=2, usd=0.0), price)
                first = answer_in_schema(limited)
                cut = limited.ask(question("Tell a long story.", schema={}, max_tokens=5))
    except Unavailable as problem:
        pytest.skip(f"no local model: {problem}")
    assert cut.finish == "length" and cut.answer_tokens == 5
    assert limited.usage.calls == limited.usage.answers == 2 and limited.usage.usd == 0.0
    assert answer_in_schema(Replayer(tmp_path / "tape")) == first
    with pytest.raises(Unreachable):  # it is stopped
        Endpoint(model.url, model.name, retries=0, timeout=5).ask(question())


def answer_in_schema(model: ChatModel) -> str:
    reply = model.ask(question("Which law? Answer in JSON.", max_tokens=200))
    assert reply.finish == "stop" and reply.model == "smollm2-135m-instruct"
    assert reply.prompt_tokens > 10 and reply.answer_tokens > 1
    rule = json.loads(reply.text)["rule"]
    assert rule in SCHEMA["properties"]["rule"]["enum"]
    return str(rule)
