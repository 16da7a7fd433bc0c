"""What is noted of a language model's work: each question and answer, and what became of each rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from worldwright.world_model.chat.exchange import Exchange
from worldwright.world_model.proposing.reading import Rejection


@dataclass(frozen=True)
class Turned:
    """A rule, and what became of it.

    Attributes:
        rule: as text, in the rule language.
        verdict: `kept` (it is believed), `waits` (it is to be tested) or `refuted`.
        why: the evidence: what it explains, or the case that speaks against it.
    """

    rule: str
    verdict: str
    why: str


@dataclass(frozen=True)
class Refusal:
    """A part of an answer that was refused before it was judged."""

    purpose: str
    rejection: Rejection


@dataclass(frozen=True)
class Silenced:
    """From here on no language model is asked, or for now; said once."""

    why: str


Note = Exchange | Turned | Refusal | Silenced
Hear = Callable[[Note], None]


def unheard(note: Note) -> None:
    """Nobody listens."""
