"""The event log: every event comes back, a torn line is left out, a stranger's file is events or one clear error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from worldwright.experiments.event_log import HEADER, AnyEvent, EventLog, read_events
from worldwright.world_model.files import MAX_LINE, FileProblem

KINDS = AnyEvent.__args__
LINE = b'{"episode":0,"event":{"kind":"goal-progressed","step":1,"remaining":""}}\n'


def test_no_event_is_forgotten() -> None:
    assert set(KINDS) == set(Event.__subclasses__())


@given(events=st.lists(st.tuples(st.integers(0, 10**6), st.one_of(*(st.from_type(kind) for kind in KINDS)))))
def test_what_is_written_is_read(events: list[tuple[int, Event]], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    log = EventLog(path)
    for number, event in events:
        log.write(number, event)
    log.close()
    assert repr([(logged.episode, logged.event) for logged in read_events(path)]) == repr(events)  # nan != nan


def test_a_torn_line_is_left_out_and_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for end in range(len(LINE)):
        path.write_bytes(HEADER + LINE + LINE[:end])
        assert len(list(read_events(path))) == 1
        log = EventLog(path)
        log.write(0, GoalProgressed(step=1, remaining=""))
        log.close()
        assert path.read_bytes() == HEADER + LINE + LINE


def test_a_torn_header_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(HEADER[:9])
    EventLog(path).close()
    assert path.read_bytes() == HEADER


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"format":"worldwright-events","version":2}\n' + LINE, "does not begin with"),
        (LINE, "does not begin with"),
        (HEADER + b"\n" + LINE, "line 2: "),
        (HEADER + LINE.replace(b"0", b"-1"), "line 2: episode"),
        (HEADER + LINE.replace(b"goal-progressed", b"reward-hacked"), "line 2: event"),
        (HEADER + LINE.replace(b'"step":1', b'"step":1,"extra":1'), "line 2: event.goal-progressed.extra"),
        (HEADER + b"\x00" * 10 + b"\n", "line 2: "),
        (HEADER + b"[" * 100_000 + b"\n", "line 2: "),
        (HEADER + b" " * (MAX_LINE + 1), "over the limit"),
    ],
)
def test_another_file_is_refused(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(data)
    with pytest.raises(FileProblem) as caught:
        list(read_events(path))
    assert said in str(caught.value) and str(path) in str(caught.value)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileProblem, match="not a regular file"):
        list(read_events(tmp_path / "pipe"))
    with pytest.raises(FileProblem):
        EventLog(tmp_path / "pipe")


def test_one_process_at_a_time_writes(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    with pytest.raises(FileProblem, match="in use by another run"):
        EventLog(tmp_path / "events.jsonl")
    log.close()
    EventLog(tmp_path / "events.jsonl").close()


def test_kinds_are_those_of_the_log() -> None:
    told = (Acted, EpisodeEnded, EpisodeStarted, GoalProgressed, Observed, Planned, Revised, Rewarded, Surprised)
    names = (*told, Unread, Asked, Proposed, Refuted, Rejected, Silenced, Interpreted, Advised, Believed, Intended)
    assert {kind.__name__ for kind in names} == {kind.__name__ for kind in KINDS}
