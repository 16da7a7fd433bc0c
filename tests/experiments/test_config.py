"""Settings from the command line, and folder names that no id can lead astray."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from worldwright.experiments.config import BadSetting, RunConfig, environment_keywords, keywords_of, with_settings
from worldwright.experiments.folder import default_folder, folder_name

CONFIG = RunConfig(env_ids=("A-v0",))


def test_values_are_json_where_that_works() -> None:
    words = ["a=1", "b=true", "c=[1,2]", "d=text", 'e="3"', "f=", "g=x=y", "h=NaN", "i=null"]
    assert keywords_of(words) == {
        "a": 1,
        "b": True,
        "c": [1, 2],
        "d": "text",
        "e": "3",
        "f": "",
        "g": "x=y",
        "h": "NaN",
        "i": None,
    }


@pytest.mark.parametrize("words", [["a"], ["=1"], ["a=1", "a=2"]])
def test_other_words_are_refused(words: list[str]) -> None:
    with pytest.raises(BadSetting):
        keywords_of(words)


def test_keywords_are_names() -> None:
    assert environment_keywords(["size=8"]) == {"size": 8}
    with pytest.raises(BadSetting):
        environment_keywords(["a b=8"])


def test_settings_reach_their_place() -> None:
    config = with_settings(CONFIG, ["agent.engine=search", "seed=7"])
    assert (config.agent.engine, config.seed) == ("search", 7)
    assert CONFIG.seed == 0


@pytest.mark.parametrize(
    "key", ["agent", "agent.x", "x", "agent.engine.x", "format", "__class__", "seed.real", ".", ""]
)
def test_an_unknown_setting_is_answered_with_those_there_are(key: str) -> None:
    with pytest.raises(BadSetting) as caught:
        with_settings(CONFIG, [f"{key}=1"])
    assert "agent.engine" in str(caught.value) or not key


@pytest.mark.parametrize(
    "word", ["seed=-1", "seed=1.5", "agent.monitor=[]", "agent.plan_cpu_seconds=1e999", "episodes={}"]
)
def test_a_value_out_of_range_is_refused(word: str) -> None:
    with pytest.raises(BadSetting, match="setting "):
        with_settings(CONFIG, [word])


def test_the_configuration_is_a_value_and_json() -> None:
    config = with_settings(CONFIG, ["agent.tries=3"])
    assert RunConfig.model_validate_json(config.model_dump_json()) == config
    with pytest.raises(ValidationError):
        config.seed = 3
    with pytest.raises(ValidationError):
        RunConfig.model_validate({"env_ids": ["A-v0"], "extra": 1})


@given(ids=st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_a_folder_name_is_a_plain_name(ids: list[str]) -> None:
    name = folder_name(RunConfig(env_ids=tuple(ids)))
    assert name.isascii() and 10 <= len(name) <= 80
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_-")
    assert name[0] not in "-." and Path(name).name == name


def test_each_configuration_has_its_folder() -> None:
    assert default_folder(CONFIG) == default_folder(RunConfig(env_ids=("A-v0",)))
    assert default_folder(CONFIG) != default_folder(with_settings(CONFIG, ["seed=1"]))
    assert folder_name(RunConfig(env_ids=("../../x",))).startswith("x-")
    assert folder_name(RunConfig(env_ids=("module:Name-v0",))).startswith("Name-v0-")
