"""What whoever proposes rules noted of its work, as events."""

from __future__ import annotations

from collections.abc import Iterator

from worldwright.agent.events import Asked, Event, Proposed, Refuted, Rejected, Silenced
from worldwright.world_model.chat.request import Reply
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
        case notes.Exchanged():
            return _asked(note, step)
        case notes.Turned(rule, "waits" | "kept" as verdict, why):
            return Proposed(step=step, rule=rule, verdict=verdict, why=why)
        case notes.Turned(rule, _, why):
            return Refuted(step=step, rule=rule, why=why)
        case notes.Refusal(purpose, rejection):
            reason, detail, excerpt = rejection.reason, rejection.detail, rejection.excerpt
            return Rejected(step=step, purpose=purpose, reason=reason, detail=detail, excerpt=excerpt)
        case notes.Silenced(why):
            return Silenced(step=step, why=why)


def _asked(note: notes.Exchanged, step: int) -> Asked:
    reply = note.reply or Reply("", finish="")
    return Asked(
        step=step,
        purpose=note.request.purpose,
        sample=note.request.sample,
        prompt=tuple(f"{message.role}: {message.text}" for message in note.request.messages),
        answer=reply.text,
        finish=reply.finish,
        model=reply.model,
        prompt_tokens=reply.prompt_tokens,
        answer_tokens=reply.answer_tokens,
        seconds=round(reply.seconds, 4),
        error=note.error,
    )
