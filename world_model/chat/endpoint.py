"""An OpenAI-compatible server as a `ChatModel`."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from worldwright.world_model.chat.answers import read_answer
from worldwright.world_model.chat.failures import Late, Lost, Refused
from worldwright.world_model.chat.request import ModelProblem, Reply, Request, Unreachable

if TYPE_CHECKING:
    from worldwright.world_model.chat.wire import Wire

_PASSING = {408, 409, 425, 429}  # refusals that may be gone a moment later, as may be all from 500
_FIRST_PAUSE = 0.5  # seconds before a question is tried again; each pause is twice the last
_SEEDS = 2**31  # what every server takes
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_KEY = re.compile(r"[!-~]{1,1000}")

# What some servers refuse and others need; with another name for it if there is one.
_OPTIONAL = {"max_tokens": "max_completion_tokens", "temperature": None, "seed": None, "response_format": None}
_UNSUITED = {400, 422, 500, 501}  # how servers say that they do not take something
_ADVICE = {
    401: "the key is missing or wrong: set WORLDWRIGHT_LLM_KEY",
    403: "the key does not allow it",
    404: "no such model or address: the address mostly ends in /v1",
    413: "the question is too long",
    429: "too many requests, or nothing left to spend",
}


def is_local(url: str) -> bool:
    """Whether a server runs on this machine."""
    return _host(url) in _LOCAL


def key_for(url: str, environment: Mapping[str, str]) -> str:
    """The key to send to a server: WORLDWRIGHT_LLM_KEY, or OPENAI_API_KEY if the server is OpenAI's; else empty.

    A key that was made for one server is worth stealing for any other, so OPENAI_API_KEY goes to its maker alone.
    """
    key = environment.get("WORLDWRIGHT_LLM_KEY", "").strip()
    host = _host(url)
    if not key and (host == "openai.com" or host.endswith(".openai.com")):
        key = environment.get("OPENAI_API_KEY", "").strip()
    return key


def _host(url: str) -> str:
    """Whose address it is; empty if it is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


class Endpoint:
    """Asks an OpenAI-compatible server, by `chat/completions`.

    Some servers take no schema, no seed, no temperature or want another name for the limit on tokens. What one refuses
    is left out, and not offered to it again once it answered without.

    Args:
        url: the server's address, as `https://HOST/v1`.
        model: what the server calls the model.
        key: sent as a bearer token; empty: none is sent. See `key_for`.
        timeout: seconds for a whole question, tries and pauses included.
        retries: how often a failure that may pass (a lost connection, 429, 5xx) is tried again.
        seed: the server is given this plus the request's sample.

    Raises:
        ModelProblem: an address or a key that cannot be used, or the package `openai` is not installed.
    """

    def __init__(
        self, url: str, model: str, *, key: str = "", timeout: float = 120.0, retries: int = 1, seed: int = 0
    ) -> None:
        _check(url, key)
        self.url, self.model = url, model
        self._key, self._timeout, self._retries, self._seed = key, timeout, retries, seed
        self._wire = _wire(url, key)
        self._refused: frozenset[str] = frozenset()

    def ask(self, request: Request) -> Reply:
        """The server's answer.

        Raises:
            Unreachable: no connection, an answer that came too late or is none, or the server failed.
            ModelProblem: the server will not answer this question (a wrong key, an unknown model), or it is no text.
        """
        start = time.monotonic()
        without = self._refused
        while True:
            body = self._body(request, without)
            try:
                reply = read_answer(self._tried(body, start + self._timeout), self._clean)
                break
            except Refused as refusal:
                unwanted = _unwanted(refusal, body)
                if unwanted is None:
                    raise self._explained(refusal) from None
                without |= {unwanted}
            except Unreachable as problem:
                raise Unreachable(self._clean(f"{self._who}: {problem}")) from None
        self._refused = without
        return replace(reply, seconds=time.monotonic() - start)

    def _body(self, request: Request, without: frozenset[str]) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.text} for message in request.messages],
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "seed": (self._seed + request.sample) % _SEEDS,
        }
        if request.schema:
            form = {"name": "answer", "schema": dict(request.schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        for name in sorted(without & body.keys()):
            value, other = body.pop(name), _OPTIONAL[name]
            if other:
                body[other] = value
        return body

    def _tried(self, body: Mapping[str, Any], deadline: float) -> bytes:
        """What the server answers, tried again if the failure may pass."""
        pause = _FIRST_PAUSE
        for left in reversed(range(self._retries + 1)):
            seconds = deadline - time.monotonic()
            if seconds <= 0:
                break
            try:
                return self._wire.exchange(body, seconds)
            except Late:
                break
            except (Lost, Refused) as problem:
                passing = isinstance(problem, Lost) or problem.status >= 500 or problem.status in _PASSING
                if not left or not passing or time.monotonic() + pause >= deadline:
                    raise
            time.sleep(pause)
            pause *= 2
        raise Late(f"no whole answer within {self._timeout:g} s")

    def _explained(self, refusal: Refused) -> ModelProblem:
        status = refusal.status
        advice = "it redirects: give the final address" if 300 <= status < 400 else _ADVICE.get(status, "")
        said = "" if status in {401, 403} else refusal.said  # servers repeat a part of a key that they refuse
        text = ": ".join(part for part in (f"{self._who} answered {status}", advice, said) if part)
        kind = Unreachable if status >= 500 or status in _PASSING else ModelProblem
        return kind(self._clean(text))

    @property
    def _who(self) -> str:
        return "{0.scheme}://{0.netloc}".format(urlsplit(self.url))

    def _clean(self, text: str) -> str:
        """The text without the key, which a server may echo."""
        return text.replace(self._key, "[key]") if self._key else text


def _unwanted(refusal: Refused, body: Mapping[str, Any]) -> str | None:
    """What of a question the server may have refused it for: what it names, or else the schema."""
    if refusal.status not in _UNSUITED:
        return None
    named = (name for name in _OPTIONAL if name in body and re.search(rf"\b{name}\b", refusal.said))
    return next(named, "response_format" if "response_format" in body else None)


def _wire(url: str, key: str) -> Wire:
    try:
        from worldwright.world_model.chat.wire import Wire
    except ImportError:
        raise ModelProblem("language models need the package openai: pip install 'openai>=3'") from None
    return Wire(url, key, proxies=not is_local(url))  # a proxy is not asked for what runs on this machine


def _check(url: str, key: str) -> None:
    try:
        parts = urlsplit(url)
        named = parts.hostname and (parts.port or True)
    except ValueError:
        named = False
    if not named or parts.scheme not in {"http", "https"}:
        raise ModelProblem("the model's address is no URL: give one like https://HOST/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ModelProblem("the model's address must hold no name, password or query: the key has a place of its own")
    if key and not _KEY.fullmatch(key):
        raise ModelProblem("the key holds spaces or letters that no key has")
    if key and parts.scheme == "http" and not is_local(url):
        raise ModelProblem("the key would cross the network in the clear: give an https address, or no key")
