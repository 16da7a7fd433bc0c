"""Questions that tests ask."""

from __future__ import annotations

from typing import Any

from worldwright.world_model.chat.request import Message, Request

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"rule": {"enum": ["toggle", "drop"]}}, "required": ["rule"]}


def question(text: str = "What does toggle do?", **fields: Any) -> Request:
    """A question with a schema."""
    messages = (Message("system", "You explain laws."), Message("user", text))
    return Request("rule", messages, **{"schema": SCHEMA, "max_tokens": 50, **fields})
