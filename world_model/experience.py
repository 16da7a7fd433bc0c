"""Experience: the transitions of all episodes, in memory and as a file that a crash cannot spoil.

The file is JSON lines (see `experience_lines`). Every line is written whole as it happens, so that only the last can be
torn: it is dropped on loading, with a warning, and cut off before the next is appended. Loading a stranger's file is
safe: it is bounded and checked against the vocabulary; it is experience or one clear error.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from worldwright.world_model.experience_lines import (
    MAX_LINE,
    Budget,
    ExperienceProblem,
    Reader,
    Writer,
    header_line,
    naming,
    require_one_universe,
    universe_of,
)
from worldwright.world_model.files import append_whole, open_alone, open_regular
from worldwright.world_model.state import Universe
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import Vocabulary

__all__ = ["ExperienceBuffer", "ExperienceLog", "ExperienceProblem"]

MAX_BYTES = 256 * 2**20


class ExperienceBuffer:
    """The transitions of all episodes, in the order in which they were appended.

    Args:
        vocabulary: what their states speak of.

    Attributes:
        warning: what was wrong with the file that this was loaded from, if it could be mended; empty otherwise.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.warning = ""
        self._transitions: list[Transition] = []
        self._by_action: dict[str, list[Transition]] = {action.name: [] for action in vocabulary.actions}
        self._universes: dict[int, Universe] = {}

    def append(self, transition: Transition) -> None:
        """Add a transition.

        Raises:
            ExperienceProblem: it speaks another vocabulary, or its states and those of its episode do not share
                one universe.
        """
        universe = self._universes.get(transition.episode) or universe_of(transition, self.vocabulary)
        require_one_universe(transition, universe)
        self._by_action[self.vocabulary.action(transition.action.name).name].append(transition)
        self._transitions.append(transition)
        self._universes[transition.episode] = universe

    def reserve(self, episode: int, universe: Universe) -> None:
        """Number an episode of which there is no transition yet."""
        self._universes[episode] = universe

    def of_action(self, name: str) -> Sequence[Transition]:
        """The transitions of an action; a view that grows with the buffer. Raises `VocabularyProblem`."""
        return self._by_action[self.vocabulary.action(name).name]

    @property
    def universes(self) -> Mapping[int, Universe]:
        """The universe of each episode."""
        return self._universes

    @property
    def next_episode(self) -> int:
        """A number that no episode has yet, above all others."""
        return max(self._universes, default=-1) + 1

    def __len__(self) -> int:
        return len(self._transitions)

    def __iter__(self) -> Iterator[Transition]:
        return iter(self._transitions)

    def __getitem__(self, index: int) -> Transition:
        return self._transitions[index]

    def save(self, path: Path) -> None:
        """Write everything to `path`, whole or not at all; raises `ExperienceProblem`."""
        with naming(f"experience {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
            try:
                with os.fdopen(handle, "wb") as file:
                    self._write(file)
                os.replace(temporary, path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def _write(self, file: BinaryIO) -> None:
        writer = Writer(self.vocabulary, Budget())
        file.write(header_line(self.vocabulary))
        for transition in self:
            file.write(writer.lines(transition))
            writer.commit()
        if file.tell() > MAX_BYTES:
            raise ExperienceProblem(f"more than {MAX_BYTES} bytes of it")

    @staticmethod
    def load(path: Path, vocabulary: Vocabulary) -> ExperienceBuffer:
        """What a file holds; a torn last line is left out and noted in `warning`.

        Raises:
            ExperienceProblem: no such file, not a regular one, too large, of another vocabulary, or no
                experience; the message names the file and the line.
        """
        return _load(path, vocabulary)[0]


class ExperienceLog:
    """A file that every transition is appended to as it happens.

    An existing file is read first and goes on where its last whole line ends. One process at a time may hold it.

    Args:
        path: the file; made if there is none.
        vocabulary: what the states speak of.

    Attributes:
        recovered: what the file held, with a warning if its last line was torn. New episodes are to be numbered
            from `recovered.next_episode`.

    Raises:
        ExperienceProblem: as `ExperienceBuffer.load`, or the file cannot be written or is in use.
    """

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        self.path = path
        with naming(f"experience {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = open_alone(path)
        try:
            self.recovered, reader, self._end = _load(path, vocabulary, new=True)
            self._writer = Writer(vocabulary, reader.budget, reader.last_states())
            self._clean = False  # the torn tail, if there is one, is cut off before the first line
            if self._end == 0:
                self._write(header_line(vocabulary))
        except BaseException:
            self.close()
            raise

    def append(self, transition: Transition) -> None:
        """Write a transition; it is on file, whole, when this returns.

        Raises:
            ExperienceProblem: it cannot be written or is not fit to be; the file still ends with the last whole
                line, and later appends go on from there.
        """
        with naming(f"experience {self.path}"):
            lines = self._writer.lines(transition)
        self._write(lines)
        self._writer.commit()

    def _write(self, data: bytes) -> None:
        with naming(f"experience {self.path}"):
            if self._end + len(data) > MAX_BYTES:
                raise ExperienceProblem(f"more than {MAX_BYTES} bytes of it: begin another file")
            if not self._clean:
                os.ftruncate(self._handle, self._end)
            self._clean = False
            append_whole(self._handle, data, self._end)
        self._clean = True
        self._end += len(data)

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1

    def __enter__(self) -> ExperienceLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _load(path: Path, vocabulary: Vocabulary, new: bool = False) -> tuple[ExperienceBuffer, Reader, int]:
    """What a file holds, what read it, and where its last whole line ends; a `new` file may be empty."""
    buffer, reader = ExperienceBuffer(vocabulary), Reader(vocabulary)
    number = end = 0
    with naming(f"experience {path}"), open_regular(path) as file:
        while data := file.readline(MAX_LINE + 1):
            number += 1
            with naming(f"line {number}"):
                if reader.is_torn(data):
                    buffer.warning = f"the last line is torn after {len(data)} bytes and left out"
                    break
                end += len(data)
                if end > MAX_BYTES:
                    raise ExperienceProblem(f"over the limit of {MAX_BYTES} bytes")
                transition = reader.take(data)
                if transition is not None:
                    buffer.append(transition)
    for episode, state in reader.last_states().items():
        buffer.reserve(episode, state.universe)
    if number == 0 and not new:
        buffer.warning = "empty"
    if buffer.warning:
        buffer.warning = f"experience {path}: line {max(number, 1)}: {buffer.warning}"
    return buffer, reader, end
