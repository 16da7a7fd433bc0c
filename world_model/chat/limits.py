"""Hard limits on what asking a model may cost, and an end to asking one that does not answer.

Limits go around a recording, `Watched(Limited(Recorder(Endpoint(...))))`: a replay then ends where the recording did.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from worldwright.world_model.chat.prices import Price
from worldwright.world_model.chat.request import (
    ChatModel,
    GivenUp,
    ModelProblem,
    NotRecorded,
    Reply,
    Request,
    Spent,
    TooLong,
    Unreachable,
)
from worldwright.world_model.errors import SyntaxProblem
from worldwright.world_model.strict_json import write_json

_BYTES_PER_TOKEN = 2  # tokenizers make fewer tokens of any text that is worth asking
_TURN = 8  # tokens that begin and end a turn


def token_estimate(request: Request) -> int:
    """How many tokens a question has, rather too many than too few."""
    try:
        schema = len(write_json(request.schema)) if request.schema else 0
    except SyntaxProblem:
        schema = 0  # whoever sends it will say what is wrong
    size = schema + sum(len(message.text.encode("utf-8", "replace")) for message in request.messages)
    return size // _BYTES_PER_TOKEN + _TURN * len(request.messages)


@dataclass(frozen=True)
class Limits:
    """What may be spent; None is no limit.

    Attributes:
        calls: questions that are sent.
        tokens: of questions and answers together.
        usd: US dollars.
        prompt_tokens: of one question, as `token_estimate` has it.
        failures: so many in a row and the model is given up.
        rest: so many questions are then answered with `Unreachable` unsent, before one is tried again; after each
            further failure twice as many. Counted in questions, not in seconds, so that a run can be repeated.
    """

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    prompt_tokens: int | None = 16_000
    failures: int = 3
    rest: int = 100


@dataclass(frozen=True)
class Usage:
    """What was spent.

    Attributes:
        calls: questions sent; one that a server was sent again counts once.
        answers: how many of them were answered.
        prompt_tokens: as the endpoint counts them; the estimate where it does not.
        answer_tokens: likewise.
        seconds: waited, for what failed too; 0 for replayed answers.
        usd: what the answers cost; None if the price is not known.
        lost_usd: what the failures cost at most: a server may bill an answer that came too late.
        failures: by kind, questions that were refused unsent too.
    """

    calls: int = 0
    answers: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0
    usd: float | None = None
    lost_usd: float = 0.0
    failures: Mapping[str, int] = field(default_factory=dict)


class Limited:
    """Hands questions on while there is something left to spend; not for several threads.

    A question is sent only if the dearest answer that it allows is within every limit. How a server counts tokens is
    known only afterwards, so the last question can go over a limit by as much as `token_estimate` fell short.

    Args:
        inner: the model that is asked.
        limits: what may be spent.
        price: of the model's tokens; None: not known.
        on_giving_up: told once, in a line, that the model is given up and why.

    Raises:
        ModelProblem: a limit on money and no price.
    """

    def __init__(
        self,
        inner: ChatModel,
        limits: Limits,
        price: Price | None = None,
        on_giving_up: Callable[[str], None] = lambda _: None,
    ) -> None:
        if limits.usd is not None and price is None:
            raise ModelProblem("a limit on money needs the model's price, which is not known: give a file of prices")
        self._inner, self._limits, self._price, self._on_giving_up = inner, limits, price, on_giving_up
        self._calls = self._answers = self._prompt_tokens = self._answer_tokens = self._lost_tokens = 0
        self._seconds = self._lost_usd = 0.0
        self._failures: Counter[str] = Counter()
        self._in_a_row = self._resting = 0
        self._rest = limits.rest
        self._said = False

    @property
    def usage(self) -> Usage:
        """What was spent so far."""
        usd = self._price.of(self._prompt_tokens, self._answer_tokens) if self._price else None
        return Usage(
            self._calls,
            self._answers,
            self._prompt_tokens,
            self._answer_tokens,
            self._seconds,
            usd,
            self._lost_usd,
            dict(sorted(self._failures.items())),
        )

    def ask(self, request: Request) -> Reply:
        """The inner model's answer.

        Raises:
            Spent: a limit is reached.
            TooLong: the question alone is over the limit.
            GivenUp: the model is given up for now.
            ModelProblem: what the inner model raises.
        """
        try:
            estimate = token_estimate(request)
            self._require_left(estimate, request.max_tokens)
            self._require_alive()
            return self._asked(request, estimate)
        except ModelProblem as problem:
            self._failures[type(problem).__name__] += 1
            raise

    def _asked(self, request: Request, estimate: int) -> Reply:
        self._calls += 1
        start = time.monotonic()
        try:
            reply = self._inner.ask(request)
        except NotRecorded:
            raise  # costs nothing, and says nothing about the next question
        except ModelProblem as problem:
            self._seconds += time.monotonic() - start
            self._count_failure(problem, estimate, request.max_tokens)
            raise
        self._in_a_row, self._rest = 0, self._limits.rest
        self._answers += 1
        self._prompt_tokens += reply.prompt_tokens or estimate
        self._answer_tokens += reply.answer_tokens or len(reply.text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN
        self._seconds += reply.seconds
        return reply

    def _require_left(self, prompt: int, answer: int) -> None:
        limits = self._limits
        if limits.prompt_tokens is not None and prompt > limits.prompt_tokens:
            raise TooLong(f"a question of some {prompt} tokens is over the limit of {limits.prompt_tokens}")
        if limits.calls is not None and self._calls >= limits.calls:
            raise Spent(f"the limit of {limits.calls} calls is reached")
        tokens = self._prompt_tokens + self._answer_tokens + self._lost_tokens
        if limits.tokens is not None and tokens + prompt + answer > limits.tokens:
            raise Spent(f"the limit of {limits.tokens} tokens is reached: {tokens} are spent")
        if limits.usd is not None and self._price is not None:
            spent = self._price.of(self._prompt_tokens, self._answer_tokens) + self._lost_usd
            if spent + self._price.of(prompt, answer) > limits.usd:
                raise Spent(f"the limit of {limits.usd:g} US dollars is reached: {spent:.4f} are spent")

    def _require_alive(self) -> None:
        if self._resting:
            self._resting -= 1
            raise GivenUp("the model is given up for now: nothing was sent")

    def _count_failure(self, problem: ModelProblem, prompt: int, answer: int) -> None:
        if isinstance(problem, Unreachable):  # else the server refused, which costs nothing
            self._lost_tokens += prompt + answer
            self._lost_usd += self._price.of(prompt, answer) if self._price else 0.0
        self._in_a_row += 1
        if self._in_a_row < self._limits.failures:
            return
        self._resting, self._rest = self._rest, 2 * self._rest
        if not self._said:
            self._said = True
            self._on_giving_up(f"the model is given up after {self._in_a_row} failures in a row: {problem}")
