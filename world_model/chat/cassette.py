"""Cassettes: what a model was asked and answered, recorded to be answered again without it.

The first line names the format, each other line holds a question, its answer, the key by which the question is found
and a digest of both, so that a line that was edited is seen (by accident or hand; whoever wants to can forge one):

    {"format":"worldwright-cassette","version":1}
    {"digest":"5f0a...","key":"93b1...","reply":{"answer_tokens":7,...},"request":{"max_tokens":1024,...}}

No address, header, key or file's path is in it. The first answer to a question counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from worldwright.world_model.chat.answers import MAX_TOKENS, plain_name
from worldwright.world_model.chat.canonical import digest, question_key, question_record
from worldwright.world_model.chat.request import ChatModel, ModelProblem, NotRecorded, Reply, Request, Spent
from worldwright.world_model.errors import SyntaxProblem, WorldwrightError
from worldwright.world_model.files import MAX_LINE, FileProblem, LineFile, whole_lines
from worldwright.world_model.strict_json import read_json, require_fields, write_json

FORMAT = "worldwright-cassette"
VERSION = 1
MAX_BYTES = 256 * 2**20
MAX_ANSWERS = 100_000

_HEADER = write_json({"format": FORMAT, "version": VERSION}).encode() + b"\n"
_LINE: Mapping[str, type] = {"key": str, "digest": str, "request": dict, "reply": dict}
_REPLY: Mapping[str, type] = {"text": str, "finish": str, "prompt_tokens": int, "answer_tokens": int, "model": str}
_REQUEST: Mapping[str, type] = {
    "model": str,
    "messages": list,
    "schema": dict,
    "max_tokens": int,
    "temperature": float,
    "sample": int,
}


class Recorder:
    """Asks a model and writes down what it answers; what is on the cassette already is answered from there.

    So a run that is recorded hears what its replay will hear. Failures are not recorded.

    Args:
        inner: the model that is asked.
        path: the cassette; made if there is none, else gone on with. What a crash left of a last line is cut off.
        model: the model's name, a part of the question.

    Raises:
        FileProblem: the file cannot be written, is in use or is no whole cassette.
    """

    def __init__(self, inner: ChatModel, path: Path, model: str) -> None:
        self._inner, self._model = inner, model
        self._file = LineFile(path, _HEADER)
        try:
            self._answers = {key: reply for key, _, reply in _entries(path)}
        except BaseException:
            self._file.close()
            raise

    def ask(self, request: Request) -> Reply:
        """The answer on the cassette, else the model's.

        Raises:
            ModelProblem: the model has no answer, or the cassette no room for it.
            FileProblem: the file cannot be written.
        """
        key = question_key(request, self._model)
        known = self._answers.get(key)
        if known is not None:
            return known
        if len(self._answers) >= MAX_ANSWERS or self._file.size + MAX_LINE > MAX_BYTES:
            raise Spent(f"{self._file.path.name}: is full: begin another cassette")
        reply = self._inner.ask(request)
        line = _line(key, question_record(request, self._model), reply)
        if len(line) > MAX_LINE:
            raise ModelProblem(f"{self._file.path.name}: an answer of {len(line)} bytes is too long to be recorded")
        self._file.write(line)
        self._answers[key] = replace(reply, seconds=0.0)
        return reply

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._file.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Replayer:
    """Answers from a cassette, and sends nothing.

    Args:
        path: the cassette.
        model: the model's name; None: the one that the cassette is of.

    Attributes:
        model: that name; empty if the cassette is.

    Raises:
        FileProblem: no cassette, or one that was edited, cut off or is over the limits; says in which line.
        ModelProblem: no model is named and the cassette is of several.
    """

    def __init__(self, path: Path, model: str | None = None) -> None:
        self._path = path
        entries = list(_entries(path))
        self._answers = {key: reply for key, _, reply in reversed(entries)}  # the first one counts
        models = sorted({name for _, name, _ in entries})
        if model is None and len(models) > 1:
            raise ModelProblem(f"{path}: is of several models, name one: {', '.join(models)}")
        self.model = model if model is not None else "".join(models)

    def ask(self, request: Request) -> Reply:
        """The recorded answer; raises `NotRecorded` if there is none."""
        reply = self._answers.get(question_key(request, self.model))
        if reply is None:
            raise NotRecorded(
                f"{self._path.name}: no answer to this question ({request.purpose!r}, sample {request.sample}) of"
                f" {self.model!r}; nothing was sent"
            )
        return reply


def _line(key: str, question: Mapping[str, Any], reply: Reply) -> bytes:
    answer = {
        "text": reply.text,
        "finish": reply.finish,
        "prompt_tokens": reply.prompt_tokens,
        "answer_tokens": reply.answer_tokens,
        "model": plain_name(reply.model),
    }
    seal = digest([question, answer])
    return write_json({"key": key, "request": question, "reply": answer, "digest": seal}).encode("ascii") + b"\n"


def _entries(path: Path) -> Iterator[tuple[str, str, Reply]]:
    """The key, the model and the answer of each line."""
    for number, line in whole_lines(path, _HEADER, most=MAX_BYTES, torn=False):
        try:
            if number > MAX_ANSWERS + 1:
                raise SyntaxProblem(f"over {MAX_ANSWERS} answers")
            yield _entry(line)
        except WorldwrightError as problem:
            raise FileProblem(f"{path}: line {number}: {problem}") from None


def _entry(line: bytes) -> tuple[str, str, Reply]:
    record = require_fields(read_json(line), _LINE)
    question = require_fields(record["request"], _REQUEST)
    reply = require_fields(record["reply"], _REPLY)
    if record["key"] != digest(question):
        raise SyntaxProblem("the question is not the one that was recorded: the line was edited")
    if record["digest"] != digest([question, reply]):
        raise SyntaxProblem("the answer is not the one that was recorded: the line was edited")
    if not all(0 <= reply[name] <= MAX_TOKENS for name in ("prompt_tokens", "answer_tokens")):
        raise SyntaxProblem("so many tokens cannot be")
    return record["key"], question["model"], Reply(**reply)
