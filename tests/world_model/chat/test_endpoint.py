"""Asking a real server on this machine, that answers well or badly."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest

from tests.world_model.chat.questions import SCHEMA, question
from worldwright.world_model.chat.endpoint import Endpoint, key_for
from worldwright.world_model.chat.request import ModelProblem, Reply, Unreachable
from worldwright.world_model.chat.scripted import HOSTILE_TEXTS
from worldwright.world_model.chat.scripted_server import (
    HOSTILE_PLAYS,
    Play,
    ScriptedServer,
    completion,
    hangs,
    refuses,
    refuses_schema,
    says,
    sends,
    sends_json,
)

KEY = "sk-not-a-real-key-0123456789"


def ask(play: Play, text: str = "?", key: str = "", timeout: float = 20.0) -> Reply:
    with ScriptedServer([play]) as server:
        return Endpoint(server.url, "scripted", key=key, timeout=timeout, retries=0).ask(question(text))


# -- what goes out -----------------------------------------------------------------------------------------------------


def test_the_question_goes_out_as_it_was_asked_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A25: no secret and nothing of the environment goes out, whatever the client package is told there."""
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "leaked")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Leak: leaked\nAuthorization: leaked")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/leaked")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with ScriptedServer([says("{}")]) as server:
        Endpoint(server.url, "scripted", seed=7).ask(question(sample=3, temperature=0.5))
        (received,) = server.received
    assert received.path == "/v1/chat/completions"
    assert received.body == {
        "model": "scripted",
        "messages": [
            {"role": "system", "content": "You explain laws."},
            {"role": "user", "content": "What does toggle do?"},
        ],
        "max_tokens": 50,
        "temperature": 0.5,
        "seed": 10,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}},
    }
    assert sorted(received.headers) == [
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-stainless-raw-response",
    ]
    assert "leaked" not in str(received) and received.headers["accept-encoding"] == "identity"


def test_a_key_goes_out_as_a_bearer_token_and_free_text_without_a_schema() -> None:
    with ScriptedServer([says("yes")]) as server:
        Endpoint(server.url, "scripted", key=KEY).ask(question(schema={}))
        (received,) = server.received
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert "response_format" not in received.body


def test_cookies_are_not_kept() -> None:
    with ScriptedServer([sends(b"{}", 500, headers={"set-cookie": "tracked=1"})]) as server:
        endpoint = Endpoint(server.url, "scripted", retries=0)
        for _ in range(2):
            with pytest.raises(Unreachable):
                endpoint.ask(question(schema={}))
        assert len(server.received) == 2 and all("cookie" not in received.headers for received in server.received)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://api.openai.com/v1", "general"),
        ("https://eu.api.openai.com/v1", "general"),
        ("https://openai.com.example/v1", ""),
        ("https://notopenai.com/v1", ""),
        ("http://127.0.0.1:8080/v1", ""),
    ],
)
def test_a_key_of_one_server_is_given_to_no_other(url: str, key: str) -> None:
    assert key_for(url, {"OPENAI_API_KEY": "general\n"}) == key
    assert key_for(url, {"OPENAI_API_KEY": "general", "WORLDWRIGHT_LLM_KEY": "own"}) == "own"
    assert key_for(url, {}) == ""


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("", ""),
        ("api.example/v1", ""),
        ("file:///etc/passwd", ""),
        ("http://", ""),
        ("http://host:port/v1", ""),
        ("http://[::1/v1", ""),
        (f"https://user:{KEY}@host/v1", ""),
        (f"https://host/v1?key={KEY}", ""),
        ("http://host/v1", KEY),
        ("https://host/v1", f"{KEY}\r\nX-Header: 1"),
        ("https://host/v1", f"{KEY}é"),
    ],
)
def test_an_address_or_a_key_that_cannot_be_used_is_refused_at_once(url: str, key: str) -> None:
    with pytest.raises(ModelProblem) as problem:
        Endpoint(url, "scripted", key=key)
    assert KEY not in str(problem.value)


def test_the_client_package_is_loaded_for_an_endpoint_only() -> None:
    code = "import sys; import worldwright.world_model.chat.endpoint; sys.exit('openai' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- good answers ------------------------------------------------------------------------------------------------------


def test_a_good_answer() -> None:
    reply = ask(says('{"rule": "toggle"}'))
    assert reply.seconds > 0
    assert (reply.text, reply.finish, reply.model) == ('{"rule": "toggle"}', "stop", "scripted")
    assert (reply.prompt_tokens, reply.answer_tokens) == (11, 7)


def test_a_cut_answer_says_so() -> None:
    """A4: a truncated answer is neither an exception nor silent."""
    assert ask(says('{"rule": "tog', finish="length")).finish == "length"
    assert ask(sends_json(completion(None, finish="length"))).finish == "length"


def test_a_refusal_says_so() -> None:
    reply = ask(sends_json(completion(None, refusal="I cannot help with that.")))
    assert (reply.text, reply.finish) == ("I cannot help with that.", "refusal")


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_any_text_is_an_answer_that_comes_through_as_it_is(name: str) -> None:
    """A3, A6: fences, prose and hostile JSON are for whoever asked to judge."""
    assert ask(says(HOSTILE_TEXTS[name])).text == HOSTILE_TEXTS[name]


def test_what_a_server_says_beside_the_answer_is_bounded() -> None:
    """A2: extra keys do no harm; counts and names are checked."""
    body = completion("{}", finish="\x1b[2J") | {
        "usage": {"prompt_tokens": -5, "completion_tokens": 10**30},
        "model": "/home/someone/models/small.gguf",
        "more": {"a": [None]},
    }
    reply = ask(sends_json(body))
    assert (reply.finish, reply.prompt_tokens, reply.answer_tokens) == ("unknown", 0, 10**9)
    assert reply.model == "small.gguf"
    assert ask(sends_json(body | {"usage": None, "model": 7})).model == ""


def test_a_key_that_a_server_echoes_goes_no_further() -> None:
    """A25."""
    assert KEY not in str(ask(says(f"your key is {KEY}"), key=KEY))
    for status in (400, 401, 500):
        with pytest.raises(ModelProblem) as problem:
            ask(refuses(status, f"the key {KEY} is bad"), key=KEY)
        assert KEY not in str(problem.value)


# -- bad ones ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE_PLAYS)
def test_what_is_no_answer_is_a_problem_in_one_line(name: str) -> None:
    """A6, A10, D30: garbage, hangs, drips, endless and packed bodies end in time with a clear line."""
    with pytest.raises(ModelProblem) as problem:
        ask(HOSTILE_PLAYS[name], key=KEY, timeout=5.0 if "memory" in name or "huge" in name else 0.5)
    message = str(problem.value)
    assert message and "\n" not in message and KEY not in message
    assert "127.0.0.1" in message  # which server it was


def test_threads_of_exchanges_that_were_given_up_end() -> None:
    before = threading.active_count()
    for name in ("hangs", "drips its headers", "streams without end"):
        with pytest.raises(Unreachable, match="no whole answer within"):
            ask(HOSTILE_PLAYS[name], timeout=0.2)
    for thread in threading.enumerate():
        if thread.daemon:
            thread.join(5)
    assert threading.active_count() <= before


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (401, ModelProblem, "WORLDWRIGHT_LLM_KEY"),
        (404, ModelProblem, "no such model or address"),
        (429, Unreachable, "too many requests"),
        (500, Unreachable, "answered 500: no"),
    ],
)
def test_an_http_error_says_what_to_do(status: int, kind: type[ModelProblem], advice: str) -> None:
    with pytest.raises(kind, match=advice) as problem:
        ask(refuses(status))
    assert isinstance(problem.value, Unreachable) == (kind is Unreachable)


def test_no_server_and_no_such_host() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    for address in (url, "https://nowhere.invalid/v1"):
        with pytest.raises(Unreachable, match="connection failed"):
            Endpoint(address, "scripted", retries=0).ask(question())


def test_a_test_cannot_reach_another_machine() -> None:
    with pytest.raises(Unreachable, match="a test would have"):
        Endpoint("https://192.0.2.1/v1", "scripted", retries=0).ask(question())


def test_a_question_that_is_no_text_is_not_sent() -> None:
    with ScriptedServer([says("{}")]) as server:
        with pytest.raises(ModelProblem, match="no text"):
            Endpoint(server.url, "scripted").ask(question("half \ud800"))
        assert server.received == []


# -- trying again ------------------------------------------------------------------------------------------------------


def test_what_may_pass_is_tried_again_and_what_may_not_is_not() -> None:
    with ScriptedServer([refuses(503), says("{}")]) as server:
        assert Endpoint(server.url, "scripted", retries=1).ask(question(schema={})).text == "{}"
        assert len(server.received) == 2
    with ScriptedServer([refuses(401), says("{}")]) as server:
        with pytest.raises(ModelProblem):
            Endpoint(server.url, "scripted", retries=3).ask(question())
        assert len(server.received) == 1


def test_the_time_is_for_all_tries_together() -> None:
    with ScriptedServer([refuses(503)]) as server:
        with pytest.raises(Unreachable, match="503"):
            Endpoint(server.url, "scripted", timeout=1.2, retries=1000).ask(question(schema={}))
        assert len(server.received) <= 2  # the second pause would end after the time
    with ScriptedServer([hangs]) as server:
        with pytest.raises(Unreachable, match="no whole answer within"):
            Endpoint(server.url, "scripted", timeout=0.2, retries=5).ask(question())
        assert len(server.received) <= 1


@pytest.mark.parametrize("status", [400, 422, 500, 501])
def test_a_server_that_takes_no_schema_is_asked_without_and_not_bothered_again(status: int) -> None:
    """A10."""
    with ScriptedServer([refuses_schema(says("{}"), status)]) as server:
        endpoint = Endpoint(server.url, "scripted", retries=0)
        for _ in range(2):
            assert endpoint.ask(question()).text == "{}"
        assert ["response_format" in received.body for received in server.received] == [True, False, False]


def test_a_server_that_fails_without_a_schema_too_is_offered_one_again() -> None:
    with ScriptedServer([refuses(500), refuses(500), says("{}")]) as server:
        endpoint = Endpoint(server.url, "scripted", retries=0)
        with pytest.raises(Unreachable):
            endpoint.ask(question())
        assert endpoint.ask(question()).text == "{}"
        assert ["response_format" in received.body for received in server.received] == [True, False, True]


def test_what_a_server_names_as_unsupported_is_left_out_or_named_otherwise() -> None:
    plays = [
        refuses(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
        refuses(400, "'temperature' does not support 0.7 with this model."),
        says("{}"),
    ]
    with ScriptedServer(plays) as server:
        endpoint = Endpoint(server.url, "scripted")
        for _ in range(2):
            endpoint.ask(question())
        bodies = [received.body for received in server.received]
    assert len(bodies) == 4
    for body in bodies[2:]:
        assert body["max_completion_tokens"] == 50 and "response_format" in body
        assert "max_tokens" not in body and "temperature" not in body
