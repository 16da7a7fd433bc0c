"""What a run is: everything that decides how it goes, as one immutable value, and how the command line sets it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from worldwright.agent.config import AgentConfig
from worldwright.world_model.errors import WorldwrightError

MAX_SEED = 2**31 - 1


class BadSetting(WorldwrightError):
    """A setting of the command line that has no such key or value."""


class ModelConfig(BaseModel):
    """The language model of a run, and what it may cost. It holds no key and no file's place."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    url: str | None = Field(default=None, description="the server; None: a cassette answers")
    name: str = Field(description="of the model; of a path the last part")
    replay: str | None = Field(default=None, description="SHA-256 of the cassette that answers")
    calls: int | None = Field(default=None, ge=0, description="questions at most")
    tokens: int | None = Field(default=None, ge=0, description="tokens at most, of questions and answers")
    usd: float | None = Field(default=None, ge=0, description="US dollars at most")
    usd_per_million_tokens: tuple[float, float] | None = Field(default=None, description="of questions, of answers")
    timeout: float = Field(default=120.0, gt=0, le=3600, description="seconds for an answer")


def model_config(**settings: Any) -> ModelConfig:
    """The settings of a language model; raises `BadSetting` with the option that cannot have its value."""
    try:
        return ModelConfig(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSetting(f"--llm-{first['loc'][0]}: {first['msg']}") from None


class RunConfig(BaseModel):
    """The settings of a run. Its JSON stands in the run's manifest.

    It first learns for `steps` steps shared by the environments in turn, then plays `episodes` episodes of each for the
    goal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    env_ids: tuple[str, ...] = Field(min_length=1, max_length=1000, description="gymnasium ids")
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="episode k of an id is played on seed + k")
    steps: int = Field(default=0, ge=0, le=10**8, description="environment steps of learning before the goal counts")
    episodes: int = Field(default=0, ge=0, le=10**6, description="episodes of each id that are played for the goal")
    freeze: bool = Field(default=False, description="learn nothing while playing for the goal")
    env: dict[str, JsonValue] = Field(default={}, description="keywords for gymnasium.make")
    model: str | None = Field(default=None, description="text of the model that is known at first")
    llm: ModelConfig | None = Field(default=None, description="the language model that is asked; None: none is")
    agent: AgentConfig = AgentConfig()
    format: Literal["worldwright-run"] = "worldwright-run"
    version: Literal[1] = 1


def keywords_of(words: Iterable[str]) -> dict[str, JsonValue]:
    """The keywords that `key=value` words give; values are JSON if they can be read as such, else text.

    Raises:
        BadSetting: a word is not of this form, or a key stands twice.
    """
    found: dict[str, JsonValue] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise BadSetting(f"{word!r} is not of the form key=value")
        if key in found:
            raise BadSetting(f"{key!r} is set twice")
        found[key] = _value_of(text)
    return found


def environment_keywords(words: Iterable[str]) -> dict[str, JsonValue]:
    """The keywords for `gymnasium.make` that `--env` gives; raises `BadSetting`."""
    keywords = keywords_of(words)
    wrong = [key for key in keywords if not key.isidentifier()]
    if wrong:
        raise BadSetting(f"--env {wrong[0]!r} is no name of a keyword")
    return keywords


def with_settings(config: RunConfig, words: Iterable[str]) -> RunConfig:
    """The configuration with `a.b=value` words set.

    Raises:
        BadSetting: there is no such key (the message lists those there are), or it cannot have that value.
    """
    data = config.model_dump(mode="json")
    for key, value in keywords_of(words).items():
        _set(data, config, key, value)
    return checked(data)


def checked(data: Mapping[str, Any]) -> RunConfig:
    """The configuration that the data are; raises `BadSetting`."""
    try:
        return RunConfig.model_validate_json(json.dumps(data))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadSetting(f"setting {where or 'of the run'}: {first['msg']}") from None


def _set(data: dict[str, Any], config: BaseModel, key: str, value: JsonValue) -> None:
    *path, last = key.split(".")
    inner: Any = config
    for part in path:
        inner = getattr(inner, part, None) if part in _keys(inner) else None
        data = data[part] if isinstance(inner, BaseModel) else {}
    if last not in _keys(inner) or isinstance(getattr(inner, last), BaseModel):
        raise BadSetting(f"no setting {key!r}; known: {', '.join(_leaves(config))}")
    data[last] = value


def _keys(model: object) -> set[str]:
    return set(type(model).model_fields) - {"format", "version", "llm"} if isinstance(model, BaseModel) else set()


def _leaves(model: BaseModel, prefix: str = "") -> list[str]:
    found: list[str] = []
    for name in sorted(_keys(model)):
        value = getattr(model, name)
        found += _leaves(value, f"{name}.") if isinstance(value, BaseModel) else [prefix + name]
    return found


def _value_of(text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return text
    return value


def _no_number(text: str) -> float:
    raise ValueError(text)
