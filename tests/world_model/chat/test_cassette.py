"""Recording what a model answers, and answering from the recording."""

from __future__ import annotations

import gzip
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.world_model.chat.questions import question
from worldwright.world_model.chat import cassette
from worldwright.world_model.chat.cassette import Recorder, Replayer
from worldwright.world_model.chat.endpoint import Endpoint
from worldwright.world_model.chat.request import ModelProblem, NotRecorded, Reply, Spent, Unreachable
from worldwright.world_model.chat.scripted import HOSTILE_TEXTS, Script
from worldwright.world_model.chat.scripted_server import ScriptedServer, completion, sends_json
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.files import FileProblem

ROOT = Path(__file__).parents[3]


def recorded(path: Path, *texts: str) -> Path:
    """A cassette with these answers to samples 0, 1, ... of one question."""
    with Recorder(Script(texts), path, "scripted") as recorder:
        for sample in range(len(texts)):
            recorder.ask(question(sample=sample))
    return path


def test_what_was_recorded_is_replayed(tmp_path: Path) -> None:
    path = recorded(tmp_path / "tape", *HOSTILE_TEXTS.values())
    replayer = Replayer(path)
    assert replayer.model == "scripted"
    for sample, text in enumerate(HOSTILE_TEXTS.values()):
        assert replayer.ask(question(sample=sample)) == Reply(text)


def test_why_it_was_asked_does_not_matter_and_all_else_does(tmp_path: Path) -> None:
    replayer = Replayer(recorded(tmp_path / "tape", "yes"))
    assert replayer.ask(replace(question(), purpose="repair")).text == "yes"
    others = [
        question("another"),
        question(schema={}),
        question(max_tokens=51),
        question(temperature=0.1),
        question(sample=1),
    ]
    for other in others:
        with pytest.raises(NotRecorded, match=r"'rule', sample .*nothing was sent"):
            replayer.ask(other)
    with pytest.raises(NotRecorded):
        Replayer(tmp_path / "tape", model="another").ask(question())


def test_a_cassette_of_several_models_wants_a_name(tmp_path: Path) -> None:
    for model in ("one", "two"):
        with Recorder(Script([f"I am {model}"]), tmp_path / "tape", model) as recorder:
            recorder.ask(question())
    with pytest.raises(ModelProblem, match="one, two"):
        Replayer(tmp_path / "tape")
    assert Replayer(tmp_path / "tape", "two").ask(question()).text == "I am two"


def test_the_same_question_is_asked_once_also_over_two_recordings(tmp_path: Path) -> None:
    script = Script(["first", "second"])
    for _ in range(2):
        with Recorder(script, tmp_path / "tape", "scripted") as recorder:
            assert [recorder.ask(question()).text for _ in range(2)] == ["first", "first"]
    assert len(script.asked) == 1


def test_of_two_answers_on_file_the_first_counts(tmp_path: Path) -> None:
    first, second = recorded(tmp_path / "a", "first"), recorded(tmp_path / "b", "second")
    first.write_bytes(first.read_bytes() + second.read_bytes().splitlines(keepends=True)[1])
    assert Replayer(first).ask(question()).text == "first"


def test_failures_are_not_recorded(tmp_path: Path) -> None:
    with Recorder(Script([Unreachable("down"), "up"]), tmp_path / "tape", "scripted") as recorder:
        with pytest.raises(Unreachable):
            recorder.ask(question())
        recorder.ask(question())
    assert Replayer(tmp_path / "tape").ask(question()).text == "up"


def test_no_secret_no_address_and_no_path_is_on_a_cassette(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A25, C25, D36."""
    key = "sk-not-a-real-key-0123456789"
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    body = completion("{}") | {"model": f"{Path.home()}/models/small.gguf"}
    with ScriptedServer([sends_json(body)]) as server:
        model = f"{Path.home()}/models/small.gguf"
        endpoint = Endpoint(server.url, model, key=key)
        with Recorder(endpoint, tmp_path / "tape", model) as recorder:
            recorder.ask(question())
        sent = json.dumps([received.body["messages"] for received in server.received])
    text = (tmp_path / "tape").read_text()
    for secret in (key, "Bearer", "uthorization", "org-secret", "127.0.0.1", "http", str(Path.home()), str(tmp_path)):
        assert secret not in text and secret not in sent
    assert Replayer(tmp_path / "tape", model).ask(question()).model == "small.gguf"


SECRETS = re.compile(r"(?i)\bsk-\w{3}|bearer |authorization|api[_-]key|/(home|root|users)/|[a-z]:(\\\\){1,2}users")
HEADER = b'{"format":"worldwright-cassette"'


@pytest.mark.parametrize(
    "text", ["sk-abc123", "Authorization", "api_key", "/home/me", "/Users/me", "C:\\\\Users\\\\me"]
)
def test_a_secret_would_be_seen(text: str) -> None:
    assert SECRETS.search(f'{{"text":"{text}"}}')


def test_cassettes_of_this_project_are_whole_and_hold_no_secrets() -> None:
    """D36."""
    files = (path for folder in ("tests", "world_model", "experiments") for path in (ROOT / folder).rglob("*.jsonl"))
    for path in files:
        with path.open("rb") as file:
            if not file.readline(200).startswith(HEADER):
                continue
        Replayer(path, model="any")
        assert not SECRETS.search(path.read_text(encoding="utf-8")), path


# -- files that were touched -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("toggle", "switch", "the question is not the one"),
        ('"sample":1', '"sample":9', "the question is not the one"),
        ("yes", "no!", "the answer is not the one"),
        ('"answer_tokens":0', '"answer_tokens":1', "the answer is not the one"),
        ('"digest":"', '"digest":"0', "the answer is not the one"),
        ('"reply":{', '"reply":{"more":1,', "unknown field 'more'"),
        ('{"digest"', '{"more":1,"digest"', "unknown field 'more'"),
        ('"prompt_tokens":0', '"prompt_tokens":-1', "the answer is not the one"),
        ('"prompt_tokens":0', '"prompt_tokens":true', "'prompt_tokens' cannot be 'True'"),
        ('"temperature":0.7', '"temperature":NaN', "no finite number"),
        ('"temperature":0.7', '"temperature":1e999', "no finite number"),
        ('"sample":1', '"sample":1,"sample":1', "a key stands twice"),
        ('"schema":{', '"schema":{"x":' + "[" * 100_000 + "]" * 100_000 + ",", "not JSON|nested"),
        ("yes", "\x00", "not JSON"),
        ('"finish":"stop",', "", "without 'finish'"),
        ("{", "[", "not JSON"),
    ],
)
def test_an_edited_line_is_refused_with_file_and_line(old: str, new: str, why: str, tmp_path: Path) -> None:
    """D32, D35, A6."""
    path = recorded(tmp_path / "tape", "no", "yes", "maybe")
    lines = path.read_text().splitlines(keepends=True)
    assert old in lines[2]
    lines[2] = lines[2].replace(old, new, 1)
    path.write_text("".join(lines))
    with pytest.raises(FileProblem, match=f"tape: line 3: .*({why})"):
        Replayer(path)
    with pytest.raises(FileProblem, match="tape: line 3"):
        Recorder(Script([]), path, "scripted")


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_a_torn_last_line_is_refused_for_replay_and_cut_off_for_recording(cut: int, tmp_path: Path) -> None:
    """D32."""
    path = recorded(tmp_path / "tape", "one", "two")
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(FileProblem, match="tape: line 3: cut off"):
        Replayer(path)
    with Recorder(Script(["two again"]), path, "scripted") as recorder:
        assert recorder.ask(question(sample=0)).text == "one"
        assert recorder.ask(question(sample=1)).text == "two again"
    assert Replayer(path).ask(question(sample=1)).text == "two again"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"no cassette\n",
        b'{"format":"worldwright-cassette","version":2}\n',
        b'\xef\xbb\xbf{"format":"worldwright-cassette","version":1}\n',
        b'{"format":"worldwright-cassette","version":1}\r\n',
        b"!!python/object/apply:os.system ['true']\n",
        b"\x80\x04\x95\x00.",
        gzip.compress(bytes(2**20), mtime=0),
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_is_no_cassette_is_refused_and_left_as_it_is(data: bytes, tmp_path: Path) -> None:
    """C29, D30, D32, D37: nothing is unpacked or unpickled, and no other file is overwritten."""
    path = tmp_path / "tape"
    path.write_bytes(data)
    with pytest.raises(FileProblem, match="tape: "):
        Replayer(path)
    if data:
        with pytest.raises(FileProblem, match="does not begin with"):
            Recorder(Script([]), path, "scripted")
        assert path.read_bytes() == data


def test_pipes_devices_folders_and_links_to_them_are_refused(tmp_path: Path) -> None:
    """D33."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (
        tmp_path / "pipe",
        tmp_path / "link",
        tmp_path / "loop",
        tmp_path,
        tmp_path / "none",
        Path("/dev/full"),
    ):
        with pytest.raises(FileProblem, match=str(path)):
            Replayer(path)
        if path.name != "none":
            with pytest.raises(FileProblem, match=str(path)):
                Recorder(Script([]), path, "scripted")


def test_a_cassette_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D30."""
    path = recorded(tmp_path / "tape", "one", "two", "three")
    monkeypatch.setattr(cassette, "MAX_ANSWERS", 2)
    with pytest.raises(FileProblem, match="line 4: over 2 answers"):
        Replayer(path)
    with Recorder(Script("abc"), tmp_path / "new", "scripted") as recorder:
        for sample in range(2):
            recorder.ask(question(sample=sample))
        with pytest.raises(Spent, match="is full"):
            recorder.ask(question(sample=2))
    monkeypatch.setattr(cassette, "MAX_BYTES", 100)
    with pytest.raises(FileProblem, match="over the limit of 100 bytes"):
        Replayer(path)


def test_a_line_that_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    """C28."""
    path = tmp_path / "tape"
    with Recorder(Script(["é" * 5_000_000, "short"]), path, "scripted") as recorder:
        with pytest.raises(ModelProblem, match="too long"):
            recorder.ask(question())
        recorder.ask(question())
    assert Replayer(path).ask(question()).text == "short"


@pytest.mark.parametrize("schema", [{"a": float("nan")}, {"a": object()}, {"a": [[[[]]]] * 2}])
def test_a_schema_that_is_none_is_a_problem(schema: dict[str, object], tmp_path: Path) -> None:
    deep: dict[str, object] = schema
    for _ in range(70):
        deep = {"a": deep}
    with Recorder(Script("a"), tmp_path / "tape", "scripted") as recorder, pytest.raises(ModelProblem):
        recorder.ask(question(schema=deep))


def test_a_cassette_is_held_by_one_recorder(tmp_path: Path) -> None:
    with Recorder(Script([]), tmp_path / "tape", "scripted"), pytest.raises(WorldwrightError, match="in use"):
        Recorder(Script([]), tmp_path / "tape", "scripted")
