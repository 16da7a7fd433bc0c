"""Episodes on disk, step by step: what was done, what came of it and what could be seen.

Each episode is a folder of its own, `episode-000000` and so on, whose name depends on nothing but the number:

- `events.jsonl`: one JSON object a line: the start, the steps (step 0 is the reset), the end. It is called
  `events.jsonl.part` until the episode has ended; if the program dies, that file is readable up to the last step.
- `frames/000000.png` and so on, one for each step, if frames were asked for.

A step says which facts became true and which ceased to be since the step before, and which places moved.
"""

from __future__ import annotations

import math
import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any, Final, Literal, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from worldwright.envs.registry import layers, perceiver_for
from worldwright.envs.wrappers import SceneGraphObservation, stated_facts
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.scene_graph import Position, SceneGraph
from worldwright.world_model.state import Fluent, Value, join_atom

VERSION: Final = 1
EVENTS: Final = "events.jsonl"
PART: Final = f"{EVENTS}.part"
MAX_BYTES: Final = 100_000_000  # of an event file
MAX_STEPS: Final = 200_000
MAX_LINE: Final = 4_000_000
MAX_DEPTH: Final = 8  # of keywords and actions; what lies deeper is recorded by its type alone

_FOLDER = re.compile(r"episode-(\d{6,12})")
_Fact = Annotated[str, Field(max_length=1_000)]
_Text = Annotated[str, Field(max_length=100_000)]


class RecordingProblem(WorldwrightError):
    """A recording that cannot be written or read; says why and where."""


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Start(_Event):
    """The first line: which environment, made and reset how.

    Attributes:
        keywords: those of the environment's construction; values that JSON does not have are shown by their type.
        wrappers: the class names, from the outside in.
        vocabulary: the name of the vocabulary that the facts are told in.
    """

    event: Literal["start"]
    format: Literal["worldwright-recording"]
    version: Literal[1]
    env: _Text
    keywords: dict[str, JsonValue]
    wrappers: tuple[_Text, ...]
    seed: int | None
    options: JsonValue = None
    vocabulary: _Text
    frames: bool


class Step(_Event):
    """One step; step 0, without an action, is the reset.

    Attributes:
        mission: the instruction, where it is new.
        true: the facts that hold now and did not before, as PDDL; counters as `(= (count wood) 3)`.
        false: the facts that held before and do not now.
        places: where objects lie relative to the agent, as far as that is new; null for those no longer seen.
        denied, unread: what was said not to hold, as PDDL, and what was said and could not be read.
    """

    event: Literal["step"]
    step: int = Field(ge=0)
    action: JsonValue = None
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    mission: _Text | None = None
    true: tuple[_Fact, ...] = ()
    false: tuple[_Fact, ...] = ()
    places: dict[_Fact, Position | None] = {}
    denied: tuple[_Fact, ...] = ()
    unread: tuple[_Text, ...] = ()


class End(_Event):
    """The last line: how the episode ended, and its whole reward."""

    event: Literal["end"]
    steps: int = Field(ge=0)
    reward: float
    reason: Literal["terminated", "truncated", "reset", "closed"]


_EVENT: TypeAdapter[Start | Step | End] = TypeAdapter(Annotated[Start | Step | End, Field(discriminator="event")])


# ---------------------------------------------------------------------- writing


class RecordEpisodes(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Records every episode to a folder and changes nothing in it.

    ## Arguments

    - `env`: an environment of a kind in `WORLDS`, or one that `SceneGraphObservation` wraps.
    - `folder`: where the episodes' folders go; it is made if needed, and what it holds is kept. Several
      environments may share it.
    - `frames`: also keep a PNG of each step; the environment must render as `rgb_array`.

    ## Episode End

    An episode that is reset or closed before its end is kept as such (`End.reason`). Steps after the end are not
    recorded.

    Raises:
        UnknownWorld: no perceiver reads the environment's observations.
        RecordingProblem: the folder cannot be written, or the environment gives no such frames.

    Example:
        >>> import tempfile
        >>> from worldwright.envs.registry import make_env
        >>> folder = tempfile.mkdtemp()
        >>> env = RecordEpisodes(make_env("MiniGrid-Empty-5x5-v0"), folder)
        >>> observation, info = env.reset(seed=0)
        >>> _ = env.step(2)
        >>> env.close()
        >>> [step.action for step in read_recording(f"{folder}/episode-000000").steps]
        [None, 2]
    """

    def __init__(self, env: gymnasium.Env[Any, Any], folder: str | os.PathLike[str], *, frames: bool = False) -> None:
        RecordConstructorArgs.__init__(self, folder=os.fspath(folder), frames=frames)
        gymnasium.Wrapper.__init__(self, env)
        if frames and env.render_mode != "rgb_array":
            raise RecordingProblem(
                f"frames need an environment made with render_mode='rgb_array', not {env.render_mode!r}"
            )
        graphs = next((layer for layer in layers(env) if isinstance(layer, SceneGraphObservation)), None)
        self._perceiver = graphs.perceiver if graphs else perceiver_for(env)
        self._given = graphs is not None  # the graph comes with the step
        self._folder = Path(folder)
        self._frames = frames
        self._episode: _EpisodeFile | None = None
        self._next = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self._finish("reset")
        observation, info = self.env.reset(seed=seed, options=options)
        graph = self._graph(observation, info)
        spec = self.unwrapped.spec
        start = Start(
            event="start",
            format="worldwright-recording",
            version=VERSION,
            env=_text(spec.id if spec else type(self.unwrapped).__name__),
            keywords={_text(key): _plain(value) for key, value in (spec.kwargs if spec else {}).items()},
            wrappers=tuple(type(layer).__name__ for layer in [*layers(self.env)][:-1]),
            seed=None if seed is None else int(seed),
            options=_plain(options),
            vocabulary=self._perceiver.vocabulary.name,
            frames=self._frames,
        )
        path, self._next = _claim(self._folder, self._next)
        self._episode = _EpisodeFile(path, start)
        self._episode.add(graph, _mission(observation), self._frame())
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        if self._episode is not None:
            graph, mission = self._graph(observation, info), _mission(observation)
            outcome = (_plain(action), float(reward), bool(terminated), bool(truncated))
            self._episode.add(graph, mission, self._frame(), *outcome)
            if terminated or truncated:
                self._finish("terminated" if terminated else "truncated")
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        try:
            self._finish("closed")
        finally:
            self.env.close()

    def _graph(self, observation: Any, info: Mapping[str, Any]) -> SceneGraph:
        graph: SceneGraph = info["scene_graph"] if self._given else self._perceiver.perceive(observation)
        return graph

    def _frame(self) -> Any:
        return self.env.render() if self._frames else None

    def _finish(self, reason: Literal["terminated", "truncated", "reset", "closed"]) -> None:
        episode, self._episode = self._episode, None
        if episode is not None:
            episode.finish(reason)


class _EpisodeFile:
    """The file of one episode while it is written, and what its last step said."""

    def __init__(self, folder: Path, start: Start) -> None:
        self._folder = folder
        self._frames = start.frames
        self._steps, self._reward = 0, 0.0
        self._mission: str | None = None
        self._facts: dict[Fluent, Value] = {}
        self._places: dict[str, Position] = {}
        self._file = _open_new(folder / PART)
        self._write(start)

    def add(
        self,
        graph: SceneGraph,
        mission: str | None,
        frame: Any,
        action: JsonValue = None,
        reward: float = 0.0,
        terminated: bool = False,
        truncated: bool = False,
    ) -> None:
        """Write one step, after its frame: every step that can be read has one."""
        if self._frames:
            _write_png(self._folder / "frames" / f"{self._steps:06d}.png", frame)
        facts, places = stated_facts(graph), dict(graph.positions)
        step = Step(
            event="step",
            step=self._steps,
            action=action,
            reward=reward,
            terminated=terminated,
            truncated=truncated,
            mission=None if mission == self._mission else mission,
            true=_only_in(facts, self._facts),
            false=_only_in(self._facts, facts),
            places={name: places.get(name) for name in _differing(self._places, places)},
            denied=tuple(f"({' '.join(fluent)})" for fluent in sorted(graph.denied)),
            unread=tuple(map(_text, graph.unread)),
        )
        self._write(step)
        self._facts, self._places, self._mission = facts, places, mission
        self._steps += 1
        self._reward += reward

    def finish(self, reason: Literal["terminated", "truncated", "reset", "closed"]) -> None:
        """Write the end and give the file its name."""
        self._write(End(event="end", steps=self._steps - 1, reward=self._reward, reason=reason))
        try:
            self._file.close()
            os.replace(self._folder / PART, self._folder / EVENTS)
        except OSError as error:
            raise _failed(error, self._folder) from error

    def _write(self, event: _Event) -> None:
        try:
            self._file.write(event.model_dump_json(exclude_defaults=True) + "\n")
            self._file.flush()
        except OSError as error:
            raise _failed(error, self._folder) from error


def _open_new(path: Path) -> IO[str]:
    try:
        return path.open("x", encoding="utf-8", newline="\n")
    except OSError as error:
        raise _failed(error, path) from error


def _claim(folder: Path, number: int) -> tuple[Path, int]:
    """A new folder for an episode, and the number to try next. Making a folder is atomic: no two get the same."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if number == 0:
            taken = [_FOLDER.fullmatch(path.name) for path in folder.iterdir()]
            number = max((int(match[1]) + 1 for match in taken if match), default=0)
        while True:
            path = folder / f"episode-{number:06d}"
            number += 1
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return path, number
    except OSError as error:
        raise _failed(error, folder) from error


def _failed(error: OSError, path: Path) -> RecordingProblem:
    return RecordingProblem(f"cannot record to {path}: {error.strerror or error}")


def _mission(observation: Any) -> str | None:
    found = observation.get("mission") if isinstance(observation, Mapping) else None
    return None if found is None else _text(str(found))


def _text(text: str) -> str:
    """The text as UTF-8 can carry it, however odd."""
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(value: Any, depth: int = 0) -> JsonValue:
    """The value as JSON has it; what JSON does not have by its type, which is the same in each run."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)  # an enumeration's member is its number
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        return {_text(str(key)): _plain(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list | tuple) and depth < MAX_DEPTH:
        return [_plain(part, depth + 1) for part in value]
    return f"<{type(value).__name__}>"


def _shown(fluent: Fluent, value: Value) -> str:
    is_atom = value is True or isinstance(value, str)
    return str(join_atom(fluent, value)) if is_atom else f"(= ({' '.join(fluent)}) {value})"


def _only_in(facts: Mapping[Fluent, Value], others: Mapping[Fluent, Value]) -> tuple[str, ...]:
    return tuple(_shown(fluent, value) for fluent, value in sorted(facts.items()) if others.get(fluent) != value)


def _differing(before: Mapping[str, Position], after: Mapping[str, Position]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _write_png(path: Path, frame: Any) -> None:
    """Write an image as PNG (ISO/IEC 15948), 8 bits a channel, unfiltered."""
    image = np.asarray(frame)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise RecordingProblem(f"a frame is uint8 of shape (height, width, 3), not {image.dtype} of {image.shape}")
    height, width, _ = image.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # each row begins with its filter, 0
    rows[:, 1:] = image.reshape(height, 3 * width)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows.tobytes())),
        (b"IEND", b""),
    )
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    except OSError as error:
        raise _failed(error, path) from error


# ---------------------------------------------------------------------- reading


@dataclass(frozen=True)
class Recording:
    """One recorded episode.

    Attributes:
        folder: where its frames lie.
        end: None if the recording was broken off.
    """

    folder: Path
    start: Start
    steps: tuple[Step, ...]
    end: End | None

    def facts(self) -> Iterator[tuple[str, ...]]:
        """What was seen at each step, as sorted PDDL text."""
        now: set[str] = set()
        for step in self.steps:
            now.difference_update(step.false)
            now.update(step.true)
            yield tuple(sorted(now))

    def places(self) -> Iterator[dict[str, Position]]:
        """Where each object lay at each step, relative to the agent."""
        now: dict[str, Position | None] = {}
        for step in self.steps:
            now.update(step.places)
            yield {name: place for name, place in sorted(now.items()) if place is not None}

    def missions(self) -> Iterator[str | None]:
        """The instruction at each step."""
        now = None
        for step in self.steps:
            now = now if step.mission is None else step.mission
            yield now

    def frame(self, step: int) -> Path | None:
        """The PNG of a step, if frames were recorded."""
        return self.folder / "frames" / f"{step:06d}.png" if self.start.frames else None


def read_recording(path: str | os.PathLike[str]) -> Recording:
    """Read an episode's folder, or its event file, complete or not.

    A file from a stranger is safe to read: nothing in it is run or names a file, and its size is bounded.

    Raises:
        RecordingProblem: there is no recording, or it is not one; says in which line.
    """
    found = _event_file(Path(path))
    reader = _Reader(found)
    with _open_regular(found) as file:
        while line := file.readline(MAX_LINE + 1):
            reader.read(line)
    return reader.recording()


def _event_file(path: Path) -> Path:
    return path / (EVENTS if (path / EVENTS).exists() else PART) if path.is_dir() else path


def _open_regular(path: Path) -> IO[bytes]:
    """The file, if it is one: to open a pipe or a device might wait for ever."""
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode) or info.st_size > MAX_BYTES:
            raise RecordingProblem(f"{path} is no file of at most {MAX_BYTES} bytes")
        return path.open("rb")
    except OSError as error:
        raise RecordingProblem(f"cannot read {path}: {error.strerror or error}") from error


class _Reader:
    """Takes in one line after the other and checks that it fits those before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line = 0
        self._start: Start | None = None
        self._steps: list[Step] = []
        self._end: End | None = None
        self._facts: set[str] = set()

    def read(self, line: bytes) -> None:
        self._line += 1
        if len(line) > MAX_LINE:
            raise self._fault(f"over {MAX_LINE} bytes")
        if self._end:
            raise self._fault("something follows the end")
        if not line.endswith(b"\n"):
            return  # broken off while it was written
        match self._parsed(line):
            case Start() as start if self._line == 1:
                self._start = start
            case Step() as step if self._start and step.step == len(self._steps) <= MAX_STEPS:
                self._check_facts(step)
                self._steps.append(step)
            case End() as end if self._steps and end.steps == len(self._steps) - 1:
                self._end = end
            case event:
                raise self._fault(f"{event.event!r} is not what comes next")

    def recording(self) -> Recording:
        if self._start is None:
            raise RecordingProblem(f"{self._path} is no recording: it has no first line")
        return Recording(self._path.parent, self._start, tuple(self._steps), self._end)

    def _parsed(self, line: bytes) -> Start | Step | End:
        try:
            return _EVENT.validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise self._fault(f"{where}: {first['msg']}" if where else first["msg"]) from None

    def _check_facts(self, step: Step) -> None:
        false, true = set(step.false), set(step.true)
        if not false <= self._facts or true & (self._facts - false):
            raise self._fault("a fact changes to what it was")
        self._facts = (self._facts - false) | true

    def _fault(self, what: str) -> RecordingProblem:
        return RecordingProblem(f"{self._path}, line {self._line}: {what}")
