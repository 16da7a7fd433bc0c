"""One exchange with a server through the `openai` package, the only module that imports it.

Around the package stand limits that it has not: an end in wall-clock time, however slowly bytes drip; a most number of
bytes; no redirects, no cookies, no compressed bodies (a small one unpacks to gigabytes) and no header beyond those in
`_HEADERS`, whatever the environment tells the package to add.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import httpx2
import openai

from worldwright.world_model.chat.answers import said_by
from worldwright.world_model.chat.failures import Late, Lost, Refused
from worldwright.world_model.chat.request import ModelProblem, Unreachable

MAX_BODY = 4 * 2**20  # bytes of an answer

_HEADERS = {"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent"}
_MARK = "x-stainless-raw-response"  # by which the package tells itself to hand over the body as it came


class Wire:
    """The way to a server.

    Args:
        url: its address.
        key: the bearer token; empty: none is sent.
        proxies: whether the proxies that the environment names are used.
    """

    def __init__(self, url: str, key: str, proxies: bool) -> None:
        self._url, self._key, self._proxies = url, key, proxies
        self._tls = ssl.create_default_context()

    def exchange(self, body: Mapping[str, Any], seconds: float) -> bytes:
        """Send a question, and what is answered to it.

        It runs in a thread of its own, as nothing else ends a name look-up or a slow drip of headers in time.

        Raises:
            Refused, Lost, Late: as they say.
            Unreachable: the answer is too long, or compressed.
            ModelProblem: the question is no text.
        """
        deadline = time.monotonic() + seconds
        client = self._client(seconds, deadline)  # one for each exchange: it would keep cookies
        outcome: SimpleQueue[bytes | ModelProblem] = SimpleQueue()

        def run() -> None:
            try:
                outcome.put(self._send(client, body))
            except BaseException as error:
                outcome.put(_problem(error))

        threading.Thread(target=run, daemon=True).start()
        try:
            answer = outcome.get(timeout=seconds)
        except Empty:
            raise Late("no answer in time") from None
        finally:
            client.close()  # a thread that is late can send nothing more, and ends at the next byte
        if isinstance(answer, ModelProblem):
            raise answer
        return answer

    def _send(self, client: httpx2.Client, body: Mapping[str, Any]) -> bytes:
        key = self._key or "none"  # the package insists on one; `_strip` takes it off
        asker = openai.OpenAI(base_url=self._url, api_key=key, admin_api_key="", http_client=client, max_retries=0)
        return asker.chat.completions.with_raw_response.create(**body).content

    def _client(self, seconds: float, deadline: float) -> httpx2.Client:

        def in_time() -> None:
            if time.monotonic() > deadline:
                raise Late("no answer in time")

        return httpx2.Client(
            verify=self._tls,
            timeout=seconds,
            trust_env=self._proxies,
            event_hooks={"request": [partial(self._strip, in_time)], "response": [partial(_bound, in_time)]},
        )

    def _strip(self, in_time: Callable[[], None], request: httpx2.Request) -> None:
        """Leave only the headers that the question needs, and let it not go out late."""
        for name in set(request.headers) - _HEADERS - {_MARK}:
            del request.headers[name]
        request.headers["accept-encoding"] = "identity"
        if self._key:
            request.headers["authorization"] = f"Bearer {self._key}"
        request.extensions["trace"] = partial(_before_sending, in_time)


def _problem(error: BaseException) -> ModelProblem:
    """What went wrong, in our words: the package's own may quote what was sent."""
    match error:
        case ModelProblem():
            return error
        case openai.APIStatusError():
            return Refused(error.status_code, said_by(error.body))
        case openai.APITimeoutError():
            return Late("no answer in time")
        case openai.APIConnectionError():
            return Lost(f"the connection failed: {error.__cause__ or 'broken off'}")
        case UnicodeError():
            return ModelProblem("the question is no text that can be sent: it holds half of a surrogate pair")
    return Unreachable(f"{type(error).__name__} while asking")


def _before_sending(in_time: Callable[[], None], event: str, _: object) -> None:
    """Looking up the name and connecting may have taken too long."""
    if "send_request" in event and event.endswith(".started"):
        in_time()


def _bound(in_time: Callable[[], None], response: httpx2.Response) -> None:
    """Let a body be read only so far, so long, and as it came."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unreachable("a compressed answer, which was not asked for")
    response.stream = _Bounded(response.stream, in_time)


class _Bounded(httpx2.SyncByteStream):
    def __init__(self, stream: Any, in_time: Callable[[], None]) -> None:
        self._stream, self._in_time = stream, in_time

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            self._in_time()
            size += len(chunk)
            if size > MAX_BODY:
                raise Unreachable(f"an answer over the limit of {MAX_BODY} bytes")
            yield chunk

    def close(self) -> None:
        self._stream.close()
