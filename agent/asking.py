"""What was noted of a language model's work, as events."""

from __future__ import annotations

from collections.abc import Iterator

from worldwright.agent.events import Asked, Event, Proposed, Refuted, Rejected, Silenced
from worldwright.world_model.chat.exchange import Exchange
from worldwright.world_model.proposing import notes
from worldwright.world_model.proposing.notes import Note


def drained(found: list[Note], step: int) -> Iterator[Event]:
    """The notes as events of an episode's step; none of them is left."""
    taken = found[:]
    found.clear()
    return (event_of(note, step) for note in taken)


def event_of(note: Note, step: int) -> Event:
    """The event that a note is."""
    match note:
        case Exchange():
            return Asked(step=step, **vars(note))
        case notes.Turned(rule, "waits" | "kept" as verdict, why):
            return Proposed(step=step, rule=rule, verdict=verdict, why=why)
        case notes.Turned(rule, _, why):
            return Refuted(step=step, rule=rule, why=why)
        case notes.Refusal(purpose, rejection):
            reason, detail, excerpt = rejection.reason, rejection.detail, rejection.excerpt
            return Rejected(step=step, purpose=purpose, reason=reason, detail=detail, excerpt=excerpt)
        case notes.Silenced(why):
            return Silenced(step=step, why=why)


def was_recorded(note: Note) -> bool:
    """Whether nothing was sent for what is noted."""
    return not (isinstance(note, Exchange) and note.seconds)
