"""What a language model is asked and what it answers; nothing here knows how the question gets there.

Whatever asks takes a `ChatModel`: an endpoint, a recording of one, a script of answers, or one of these behind limits.
An answer is only text from a stranger: who asked reads, bounds and checks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from worldwright.world_model.errors import WorldwrightError


class ModelProblem(WorldwrightError):
    """A language model that gave no answer; whoever asked goes on without."""


class Unreachable(ModelProblem):
    """The endpoint cannot be reached, failed, answered too late or answered what is no answer."""


class Unsent(ModelProblem):
    """A question that was not sent; it cost nothing."""


class Spent(Unsent):
    """A limit on calls, tokens or money is reached: nothing more is sent."""


class TooLong(Unsent):
    """A question over the limit for one; another may be within it."""


class GivenUp(Unreachable, Unsent):
    """The endpoint failed so often that it is let be for now."""


class NotRecorded(Unsent):
    """A recording that is replayed has no answer to this question."""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True)
class Request:
    """A question.

    Attributes:
        purpose: why it is asked, in one word (`rule`, `repair`, `missing`, `prior`, `goal`, `action`); for the log.
        messages: the conversation so far, oldest first.
        schema: JSON schema that the answer should fit; empty: free text. Endpoints may not enforce it.
        max_tokens: after which the answer is cut.
        temperature: 0 is the likeliest answer.
        sample: which of several answers to the same question; endpoints are given it as their seed.
    """

    purpose: str
    messages: tuple[Message, ...]
    schema: Mapping[str, Any] = field(default_factory=dict)
    max_tokens: int = 1024
    temperature: float = 0.7
    sample: int = 0


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        text: what was answered, as it came.
        finish: `stop` if the answer is whole, `length` if it was cut, else what the endpoint says (`refusal`, ...).
        prompt_tokens: of the question, as the endpoint counts them.
        answer_tokens: of the answer.
        seconds: how long it took; 0 if it was replayed.
        model: what the endpoint calls the model that answered.
    """

    text: str
    finish: str = "stop"
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0
    model: str = ""


class ChatModel(Protocol):
    """Answers questions."""

    def ask(self, request: Request) -> Reply:
        """The answer; raises `ModelProblem` if there is none."""
