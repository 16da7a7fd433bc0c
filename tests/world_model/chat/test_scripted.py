"""The test kit itself."""

from __future__ import annotations

import pytest

from tests.world_model.chat.questions import question
from worldwright.world_model.chat.endpoint import Endpoint
from worldwright.world_model.chat.request import NotRecorded, Reply, Spent
from worldwright.world_model.chat.scripted import Script
from worldwright.world_model.chat.scripted_server import ScriptedServer, says


def test_a_script_is_read_line_by_line_to_its_end() -> None:
    script = Script(["one", Reply("two", "length"), Spent("three")])
    assert script.ask(question()) == Reply("one")
    assert script.ask(question()).finish == "length"
    with pytest.raises(Spent, match="three"):
        script.ask(question())
    with pytest.raises(NotRecorded, match="at its end"):
        script.ask(question())
    assert len(script.asked) == 4


def test_a_script_can_be_a_function() -> None:
    assert Script(lambda request: request.messages[-1].text.upper()).ask(question("why?")).text == "WHY?"


def test_a_server_plays_by_what_it_is_asked() -> None:
    with ScriptedServer(lambda received: says(received.body["messages"][-1]["content"])) as server:
        endpoint = Endpoint(server.url, "scripted")
        assert [endpoint.ask(question(text)).text for text in ("a", "b")] == ["a", "b"]
