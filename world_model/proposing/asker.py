"""Puts questions to a language model for as long as it answers, and notes what is refused of its answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from worldwright.world_model.chat.request import ChatModel, ModelProblem, Reply, Request, Spent, TooLong
from worldwright.world_model.proposing.notes import Hear, Refusal, Silenced, unheard
from worldwright.world_model.proposing.reading import Rejection

MAX_SILENCES = 3  # failures in a row after which an endpoint is taken to be dead

T = TypeVar("T")


@dataclass
class Asker:
    """Asks a language model; all who ask the same one share an asker, so that it is given up once.

    Args:
        chat: who is asked; `Watched`, if each question and answer is to be heard of.
        hear: is told of every refusal, and of giving up.

    Attributes:
        counts: how often what happened: `asked`, `answered`, `unanswered`, and `rejected REASON`.
        silent: whether it has given up asking.
    """

    chat: ChatModel
    hear: Hear = unheard
    counts: Counter[str] = field(default_factory=Counter)
    silent: bool = False
    _silences: int = 0

    def ask(self, request: Request) -> Reply | None:
        """The answer, or None: an endpoint that fails is asked no more after a while, and that is said once."""
        if self.silent:
            return None
        self.counts["asked"] += 1
        try:
            reply = self.chat.ask(request)
        except ModelProblem as problem:
            self._unanswered(problem)
            return None
        self._silences = 0
        self.counts["answered"] += 1
        return reply

    def read(self, request: Request, read: Callable[[Reply], T | Rejection]) -> T | Rejection | None:
        """What the answer says, or why it says nothing; None if nobody answers."""
        reply = self.ask(request)
        found = None if reply is None else read(reply)
        if isinstance(found, Rejection):
            self.reject(request, [found])
        return found

    def reject(self, request: Request, rejections: Sequence[Rejection]) -> None:
        """Note what was refused of an answer."""
        for rejection in rejections:
            self.counts[f"rejected {rejection.reason}"] += 1
            self.hear(Refusal(request.purpose, rejection))

    def _unanswered(self, problem: ModelProblem) -> None:
        self.counts["unanswered"] += 1
        self._silences += not isinstance(problem, TooLong)
        if isinstance(problem, Spent) or self._silences >= MAX_SILENCES:
            self.silent = True
            self.hear(Silenced(str(problem)))
