"""The event log of a run: a header, then one event a line, each on file as soon as it happened.

A line is `{"episode": N, "event": {...}}`; N is the episode's number in the experience file. An episode that was cut
off has no `episode-ended`, and was played again under another number when the run went on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from worldwright.agent.events import (
    Acted,
    Advised,
    Asked,
    Believed,
    EpisodeEnded,
    EpisodeStarted,
    Event,
    GoalProgressed,
    Intended,
    Interpreted,
    Observed,
    Planned,
    Proposed,
    Refuted,
    Rejected,
    Revised,
    Rewarded,
    Silenced,
    Surprised,
    Unread,
)
from worldwright.world_model.files import FileProblem, LineFile, whole_lines

HEADER = b'{"format":"worldwright-events","version":1}\n'

AnyEvent = (
    EpisodeStarted
    | Observed
    | Unread
    | Planned
    | Intended
    | Acted
    | Rewarded
    | Surprised
    | Revised
    | Believed
    | Asked
    | Proposed
    | Refuted
    | Rejected
    | Silenced
    | Interpreted
    | Advised
    | GoalProgressed
    | EpisodeEnded
)


class LoggedEvent(BaseModel):
    """An event and the number of its episode."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    episode: int = Field(ge=0)
    event: Annotated[AnyEvent, Field(discriminator="kind")]


class EventLog:
    """Writes events to a file as they happen; raises `FileProblem` as `LineFile` does."""

    def __init__(self, path: Path) -> None:
        self._file = LineFile(path, HEADER)

    def write(self, episode: int, event: Event) -> None:
        """Append an event of the episode of that number."""
        self._file.write(b'{"episode":%d,"event":%s}\n' % (episode, event.model_dump_json().encode()))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_events(path: Path) -> Iterator[LoggedEvent]:
    """The events of a log, in order; a last line that a crash tore is left out.

    Raises:
        FileProblem: no such file, or no event log; says in which line.
    """
    for number, line in whole_lines(path, HEADER):
        try:
            yield LoggedEvent.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise FileProblem(f"{path}: line {number}: {where}: {first['msg']}") from None
