"""What was asked and answered, for whoever keeps a record of it: an agent's events are made of these."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from worldwright.world_model.chat.canonical import question_key
from worldwright.world_model.chat.prices import Price
from worldwright.world_model.chat.request import ChatModel, ModelProblem, Reply, Request, Unsent

MAX_TEXT = 200_000  # characters of a prompt or an answer that go on record


@dataclass(frozen=True)
class Exchange:
    """One question and what came of it. Texts beyond `MAX_TEXT` characters are cut, and say so.

    Attributes:
        key: of the question, as on a cassette; empty if it has none.
        purpose: why it was asked.
        sample: which of several answers to the same question.
        prompt: the conversation, each turn as `role: text`.
        answer: as it came; empty if there was none.
        finish: how the answer ended (see `Reply`); empty if there was none.
        prompt_tokens: of the question, as the endpoint counts them.
        answer_tokens: of the answer.
        seconds: how long it took; 0 if nothing was sent: it was on a recording, or to be.
        usd: what it cost in US dollars; None if the price is not known.
        model: what the endpoint calls the model that answered.
        error: why there was no answer, as `Kind: message`; empty if there was one.
    """

    key: str
    purpose: str
    sample: int
    prompt: tuple[str, ...]
    answer: str = ""
    finish: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0
    usd: float | None = None
    model: str = ""
    error: str = ""


def unheard(exchange: Exchange) -> None:
    """Nobody listens."""


class Watched:
    """Reports each question and what came of it, then hands it on.

    Args:
        inner: the model that is asked.
        listener: told of each exchange, failures and refusals by limits too.
        model: the model's name, a part of the key.
        price: of the model's tokens; None: not known.
    """

    def __init__(
        self, inner: ChatModel, listener: Callable[[Exchange], None], model: str = "", price: Price | None = None
    ) -> None:
        self._inner, self._listener, self._model, self._price = inner, listener, model, price

    @staticmethod
    def by(listener: Callable[[Exchange], None], chat: ChatModel) -> Watched:
        """The model with one more listener; the name and the price are kept of one that is watched already."""
        known = chat if isinstance(chat, Watched) else None
        return Watched(chat, listener, known._model if known else "", known._price if known else None)

    def ask(self, request: Request) -> Reply:
        """The inner model's answer; raises what it raises."""
        prompt = tuple(_cut(f"{message.role}: {message.text}") for message in request.messages)
        asked = Exchange(_key(request, self._model), request.purpose, request.sample, prompt)
        start = time.monotonic()
        try:
            reply = self._inner.ask(request)
        except ModelProblem as problem:
            seconds = 0.0 if isinstance(problem, Unsent) else round(time.monotonic() - start, 4)
            self._listener(replace(asked, seconds=seconds, error=f"{type(problem).__name__}: {problem}"))
            raise
        self._listener(self._answered(asked, reply))
        return reply

    def _answered(self, asked: Exchange, reply: Reply) -> Exchange:
        return replace(
            asked,
            answer=_cut(reply.text),
            finish=reply.finish,
            prompt_tokens=reply.prompt_tokens,
            answer_tokens=reply.answer_tokens,
            seconds=round(reply.seconds, 4),
            usd=self._price.of(reply.prompt_tokens, reply.answer_tokens) if self._price else None,
            model=reply.model,
        )


def _key(request: Request, model: str) -> str:
    try:
        return question_key(request, model)
    except ModelProblem:
        return ""


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}[and {len(text) - MAX_TEXT} characters more]"
