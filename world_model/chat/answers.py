"""The body of a chat completion: what of it is an answer. It is read as a stranger's text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from worldwright.world_model.chat.request import Reply, Unreachable
from worldwright.world_model.errors import SyntaxProblem
from worldwright.world_model.strict_json import read_json

MAX_TOKENS = 10**9
MAX_SAID = 200

_FINISH = re.compile(r"[a-z_]{1,40}")
_PATH = re.compile(r"(?:[~/\\.]|[A-Za-z]:).*[/\\]")


def plain_name(model: str) -> str:
    """A model's name; of a path on someone's disk only the last part, which is all that may go on record."""
    return _PATH.sub("", model)[:200]


def read_answer(data: bytes, clean: Callable[[str], str] = str) -> Reply:
    """The answer in a body, texts passed through `clean`; raises `Unreachable` if there is none."""
    try:
        body = read_json(data)
    except SyntaxProblem as problem:
        raise Unreachable(f"an answer that cannot be read: {problem}") from None
    choice = _part(_part(body, "choices"), 0)
    message = _part(choice, "message")
    finish, content, refusal = _part(choice, "finish_reason"), _part(message, "content"), _part(message, "refusal")
    if isinstance(refusal, str) and refusal:
        content, finish = refusal, "refusal"
    elif content is None and finish == "length":
        content = ""  # a model that thinks first may have got no further
    if not isinstance(content, str):
        raise Unreachable("an answer without text")
    usage = _part(body, "usage")
    return Reply(
        clean(content),
        finish if isinstance(finish, str) and _FINISH.fullmatch(finish) else "unknown",
        _tokens(usage, "prompt_tokens"),
        _tokens(usage, "completion_tokens"),
        model=clean(plain_name(_text(_part(body, "model")))),
    )


def said_by(body: object) -> str:
    """What the body of an error says, in short."""
    said = _part(body, "message") or _part(_part(body, "error"), "message") or _part(body, "error") or body
    return _text(said)[:MAX_SAID]


def _part(whole: Any, key: str | int) -> Any:
    """A part of a value, or None."""
    try:
        return whole[key]
    except (KeyError, IndexError, TypeError):
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _tokens(usage: object, name: str) -> int:
    count = _part(usage, name)
    return min(max(count, 0), MAX_TOKENS) if type(count) is int else 0
