"""The one way to write down a question, and its key: what makes two questions the same."""

from __future__ import annotations

import hashlib
from typing import Any

from worldwright.world_model.chat.answers import plain_name
from worldwright.world_model.chat.request import ModelProblem, Request
from worldwright.world_model.errors import SyntaxProblem
from worldwright.world_model.strict_json import MAX_DEPTH, require_shallow, write_json


def question_record(request: Request, model: str) -> dict[str, Any]:
    """All of a question that its answer depends on; why it is asked is no part of it."""
    return {
        "model": plain_name(model),
        "messages": [[message.role, message.text] for message in request.messages],
        "schema": dict(request.schema),
        "max_tokens": request.max_tokens,
        "temperature": float(request.temperature),
        "sample": request.sample,
    }


def question_key(request: Request, model: str) -> str:
    """SHA-256 of the question in hexadecimal; raises `ModelProblem` if its schema is none."""
    try:
        record = question_record(request, model)
        require_shallow(record, MAX_DEPTH - 4)  # room for what a record of it is wrapped in
        return digest(record)
    except SyntaxProblem as problem:
        raise ModelProblem(f"a question that is {problem}") from None


def digest(value: object) -> str:
    """SHA-256 of a value written the one way; raises `SyntaxProblem` if JSON cannot say it."""
    return hashlib.sha256(write_json(value).encode("ascii")).hexdigest()
