"""A server on this machine that plays a model, well or badly: for tests of whatever asks one.

with ScriptedServer([says('{"rule": null}'), refuses(500)]) as server:
    Endpoint(server.url, "scripted").ask(request)
server.received[0].body
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_QUESTION = 64 * 2**20


@dataclass(frozen=True)
class Received:
    """A request as it came: its path, headers with names in lower case, and body (None if it is no JSON)."""

    path: str
    headers: Mapping[str, str]
    body: Any


Play = Callable[["Turn"], None]  # answers one request


class ScriptedServer:
    """Plays one request after the other; the last play goes on for ever. A context manager.

    Args:
        plays: what is done with each request, or a function that says so.

    Attributes:
        url: the address to ask.
        received: every request so far.
    """

    def __init__(self, plays: Iterable[Play] | Callable[[Received], Play]) -> None:
        self.received: list[Received] = []
        self.stopping = threading.Event()
        self._plays = plays if callable(plays) else _in_turn(plays)
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self) -> ScriptedServer:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()

    def play(self, turn: Turn) -> None:
        """Answer a request."""
        with self._lock:
            self.received.append(turn.received)
            play = self._plays(turn.received)
        play(turn)


def _in_turn(plays: Iterable[Play]) -> Callable[[Received], Play]:
    rest = list(plays)
    return lambda _: rest.pop(0) if len(rest) > 1 else rest[0]


@dataclass(frozen=True)
class Turn:
    """One request, and the means to answer it."""

    received: Received
    handler: BaseHTTPRequestHandler
    stopping: threading.Event

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status and the headers."""
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()

    def send(self, data: bytes) -> None:
        """Send bytes at once."""
        self.handler.wfile.write(data)
        self.handler.wfile.flush()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait so long, or until the server stops; whether it does."""
        return self.stopping.wait(seconds)


def _handler(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "scripted", ""

        def do_POST(self) -> None:
            size = min(int(self.headers.get("content-length", 0)), MAX_QUESTION)
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(self.path, headers, _json(self.rfile.read(size)))
            self.close_connection = True
            with suppress(OSError):  # whoever asked may be gone
                server.play(Turn(received, self, server.stopping))

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


# -- plays that answer -------------------------------------------------------------------------------------------------


def completion(text: str | None, finish: str = "stop", **message: object) -> dict[str, Any]:
    """The body of a chat completion."""
    return {
        "id": "scripted-1",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


def sends(
    data: bytes, status: int = 200, content_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> Play:
    """Answer with these bytes."""

    def play(turn: Turn) -> None:
        turn.head(status, {"content-type": content_type, "content-length": str(len(data)), **(headers or {})})
        turn.send(data)

    return play


def sends_json(body: object, status: int = 200) -> Play:
    """Answer with this value."""
    return sends(json.dumps(body).encode(), status)


def says(text: str, finish: str = "stop") -> Play:
    """A good answer."""
    return sends_json(completion(text, finish))


def refuses(status: int, message: str = "no") -> Play:
    """An HTTP error in the form that servers give it."""
    return sends_json({"error": {"message": message, "type": "scripted", "code": None}}, status)


def refuses_schema(then: Play, status: int = 400) -> Play:
    """An error as long as a schema is asked for, then `then`."""

    def play(turn: Turn) -> None:
        asked = "response_format" in (turn.received.body or {})
        (refuses(status, "unsupported response format") if asked else then)(turn)

    return play


# -- plays that do not -------------------------------------------------------------------------------------------------


def hangs(turn: Turn) -> None:
    """Nothing, for ever."""
    turn.wait()


def drips(data: bytes, pause: float = 0.02) -> Play:
    """These raw bytes, headers and all, one at a time."""

    def play(turn: Turn) -> None:
        for byte in data:
            turn.send(bytes([byte]))
            if turn.wait(pause):
                return

    return play


def endless(chunk: bytes, pause: float = 0.0) -> Play:
    """A body without end."""

    def play(turn: Turn) -> None:
        turn.head(200, {"content-type": "application/json"})
        while not turn.wait(pause):
            turn.send(chunk)

    return play


def breaks_off(data: bytes = b'{"choices": [') -> Play:
    """The beginning of a body, then a reset."""

    def play(turn: Turn) -> None:
        turn.head(200, {"content-type": "application/json", "content-length": "1000"})
        turn.send(data)
        connection = turn.handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return play


_WHOLE = json.dumps(completion("{}")).encode()
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

# Each is no answer: to ask a server that plays one raises `ModelProblem` within the time and size that is allowed.
HOSTILE_PLAYS: dict[str, Play] = {
    "hangs": hangs,
    "drips its headers": drips(b"HTTP/1.1 200 OK\r\nX-Filling: " + b"x" * 60_000),
    "drips its body": drips(_HEAD + b" " * 100_000),
    "streams without end": endless(b"data: {}\n\n", pause=0.01),
    "fills the memory": endless(b"x" * 65536),
    "claims a huge body": sends(b"{}", headers={"content-length": str(10**15)}),
    "sends a huge body": sends(json.dumps(completion("x" * 5 * 2**20)).encode()),
    "breaks off": breaks_off(),
    "closes at once": drips(b""),
    "garbage for HTTP": drips(b"\x00\xff\x16\x03 no protocol\r\n\r\n", pause=0.0),
    "garbage": sends(b"\x89PNG\x00\xff\xfe"),
    "a web page": sends(b"<html>log in first</html>", content_type="text/html"),
    "an empty body": sends(b""),
    "deep": sends(b"[" * 100_000 + b"]" * 100_000),
    "many digits": sends(b'{"choices": ' + b"9" * 5000 + b"}"),
    "a list": sends_json([]),
    "a number": sends_json(7),
    "no choices": sends_json({"id": "1"}),
    "empty choices": sends_json({"choices": []}),
    "choices of another kind": sends_json({"choices": {"0": "text"}}),
    "no message": sends_json({"choices": [{"finish_reason": "stop"}]}),
    "null content": sends_json(completion(None)),
    "content of another kind": sends_json({"choices": [{"message": {"content": {"text": "x"}}}]}),
    "double keys": sends(_WHOLE[:-1] + b', "choices": []}'),
    "not a number": sends(_WHOLE[:-1] + b', "created": NaN}'),
    "not finite": sends(_WHOLE[:-1] + b', "more": 1e999}'),
    "compressed": sends(_WHOLE, headers={"content-encoding": "gzip"}),
    "redirects": sends(b"", 307, headers={"location": "http://127.0.0.1:9/v1/chat/completions"}),
    "400": refuses(400),
    "401": refuses(401, "Incorrect API key provided"),
    "403": refuses(403),
    "404": refuses(404, "the model does not exist"),
    "429": refuses(429, "slow down"),
    "500": refuses(500),
    "503 with a long wait": sends(b"{}", 503, headers={"retry-after": "100000"}),
    "an error of another kind": sends(b'{"error": [[["deep"]]]}', 400),
}
