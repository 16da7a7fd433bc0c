"""The folder of a run: what it was, all that happened in it, and what came of it.

- `manifest.json`: the configuration and what it ran on; written first, never changed.
- `given.ww`: the model known at first, if there was one.
- `events.jsonl`: every event, as it happened (`event_log`).
- `experience.jsonl`: every transition that was learned from, as it happened (`world_model.experience`).
- `answers.jsonl`: what a language model answered, if one was asked (`world_model.chat.cassette`).
- `episodes.jsonl`: how each finished episode went.
- `model.ww`: the model after the last finished episode.
- `result.json`: all episodes; renamed into place last, so that a run that has it is finished.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import subprocess
from collections.abc import Iterable
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from worldwright.agent.loop import EpisodeResult
from worldwright.experiments.config import RunConfig
from worldwright.experiments.costs import Costs
from worldwright.experiments.evaluating import record_of
from worldwright.experiments.event_log import read_events
from worldwright.world_model.files import FileProblem, LineFile, naming, read_text, whole_lines, write_whole
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import load_model, show_model

HEADER = b'{"format":"worldwright-episodes","version":1}\n'
PACKAGES = (
    "worldwright",
    "gymnasium",
    "minigrid",
    "networkx",
    "numpy",
    "openai",
    "pydantic",
    "rich",
    "typer",
    "unified-planning",
    "up-fast-downward",
)
_SOURCE = Path(__file__).resolve().parents[1]
_LONGEST_NAME = 60


class Manifest(BaseModel):
    """What a run was made of.

    Attributes:
        code: digest of the program's source.
        commit: of the repository that the program lies in, if it does.
        packages: versions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["worldwright-manifest"] = "worldwright-manifest"
    version: Literal[1] = 1
    config: RunConfig
    code: str
    commit: str | None
    python: str
    platform: str
    packages: dict[str, str]


class EpisodeRecord(BaseModel):
    """How an episode of a run went; `number` is its number in the experience and the events."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    number: int = Field(ge=0)
    phase: Literal["learning", "acting"]
    id: str
    seed: int
    success: bool
    steps: int = Field(ge=0)
    total_reward: float
    cpu_s: float
    wall_s: float
    plans: int
    surprises: int
    failure: str
    rules: int = Field(ge=0, description="of the model afterwards")

    @staticmethod
    def of(result: EpisodeResult, number: int, phase: Literal["learning", "acting"], rules: int) -> EpisodeRecord:
        """The record of a result."""
        return EpisodeRecord(number=number, phase=phase, rules=rules, **vars(result))

    def result(self) -> EpisodeResult:
        """The result that it records."""
        return EpisodeResult(**self.model_dump(exclude={"number", "phase", "rules"}))


_Data = TypeVar("_Data", bound=BaseModel)


class RunFolder:
    """A run's folder. Raises `FileProblem` for what cannot be read or written in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events = path / "events.jsonl"
        self.experience = path / "experience.jsonl"
        self.answers = path / "answers.jsonl"
        self.model = path / "model.ww"
        self._episodes = path / "episodes.jsonl"
        self._given = path / "given.ww"
        self._result = path / "result.json"
        self._manifest = path / "manifest.json"

    @property
    def exists(self) -> bool:
        """Whether a run was begun in it."""
        return self._manifest.exists()

    @property
    def finished(self) -> bool:
        """Whether the run in it has come to its end."""
        return self._result.exists()

    @cached_property
    def manifest(self) -> Manifest:
        """What the run is made of."""
        return _parsed(Manifest, self._manifest, read_text(self._manifest))

    def begin(self, config: RunConfig, given: WorldModel | None) -> None:
        """Make the folder for a run, or see that it is that run's.

        Raises:
            FileProblem: it holds something else.
        """
        if self.exists:
            differing = differences(config, self.manifest.config)
            if differing:
                raise FileProblem(f"{self.path} holds another run ({differing}): choose another --out")
            return
        with naming(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            if any(self.path.iterdir()):
                raise FileProblem(f"{self.path} is not empty and no run folder: choose another --out")
        if given is not None:
            write_whole(self._given, show_model(given))
        write_whole(self._manifest, manifest_of(config).model_dump_json(indent=2) + "\n")

    def given(self) -> WorldModel | None:
        """The model known at first."""
        return load_model(self._given) if self.manifest.config.model is not None else None

    def episodes(self) -> list[EpisodeRecord]:
        """The finished episodes, in order."""
        if not self._episodes.exists():
            return []
        return [
            _parsed(EpisodeRecord, self._episodes, line, number) for number, line in whole_lines(self._episodes, HEADER)
        ]

    def record(self, episode: EpisodeRecord, model: WorldModel) -> None:
        """Note that an episode is finished, with the model after it."""
        write_whole(self.model, show_model(model))
        with LineFile(self._episodes, HEADER) as file:
            file.write(episode.model_dump_json().encode() + b"\n")

    def costs(self) -> Costs:
        """What was spent on a language model."""
        return Costs.of(logged.event for logged in read_events(self.events)) if self.events.exists() else Costs()

    def finish(self, model: WorldModel) -> None:
        """Write the result."""
        write_whole(self.model, show_model(model))
        episodes = [{"phase": e.phase, "number": e.number, **record_of(e.result())} for e in self.episodes()]
        result: dict[str, object] = {"episodes": episodes, "rules": len(model.rules)}
        if self.manifest.config.llm is not None:
            result["llm"] = self.costs().record()
        write_whole(self._result, json.dumps(result, indent=1) + "\n")


def default_folder(config: RunConfig) -> Path:
    """Where a run goes that was given no folder: its name depends on the configuration and the program alone."""
    return Path("runs") / folder_name(config)


def folder_name(config: RunConfig) -> str:
    """A name for a run's folder that is safe whatever the ids contain."""
    names = "+".join(env_id.rpartition(":")[2] for env_id in config.env_ids)
    plain = re.sub(r"[^A-Za-z0-9+_-]+", "-", names)[:_LONGEST_NAME].strip("-")
    digest = hashlib.sha256(f"{config.model_dump_json()} {code_digest()}".encode()).hexdigest()
    return f"{plain or 'run'}-{digest[:8]}"


def manifest_of(config: RunConfig) -> Manifest:
    """The manifest of a run that begins now."""
    return Manifest(
        config=config,
        code=code_digest(),
        commit=_commit(),
        python=platform.python_version(),
        platform=platform.platform(),
        packages={name: _version(name) for name in PACKAGES},
    )


def code_digest() -> str:
    """A digest of the program's source: the same program gives the same."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.relative_to(_SOURCE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def differences(one: RunConfig, other: RunConfig) -> str:
    """The settings in which two configurations differ, as text."""
    first, second = _leaves(one), _leaves(other)
    keys = [key for key in {**first, **second} if first.get(key) != second.get(key)]
    return ", ".join(f"{key} {second.get(key)}, not {first.get(key)}" for key in keys)


def _leaves(config: RunConfig) -> dict[str, object]:
    """The settings by name, those of the agent and of the language model each for itself."""
    found: dict[str, object] = {}
    for key, value in config.model_dump(mode="json").items():
        parts = value.items() if key in ("agent", "llm") and value else ()
        found |= {f"{key}.{name}": part for name, part in parts} or {key: value}
    return found


def _sources() -> Iterable[Path]:
    folders = ("agent", "envs", "experiments", "planning", "world_model")
    return sorted(path for folder in folders for path in (_SOURCE / folder).rglob("*.py"))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _commit() -> str | None:
    """The commit of the checkout that this file lies in; None where it is installed elsewhere."""
    if not (_SOURCE / ".git").exists():
        return None
    command = ["git", "-C", str(_SOURCE), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _parsed(model: type[_Data], path: Path, text: str | bytes, line: int = 0) -> _Data:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        place = f"line {line}: " if line else ""
        raise FileProblem(f"{path}: {place}{where}: {first['msg']}") from None
