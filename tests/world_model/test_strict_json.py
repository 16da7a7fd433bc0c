"""JSON from strangers."""

from __future__ import annotations

import pytest

from worldwright.world_model.errors import SyntaxProblem
from worldwright.world_model.strict_json import read_json, require_fields, write_json


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a": 1, "a": 2}',
        '{"b": [{"a": 1, "a": 2}]}',
        "NaN",
        "[-Infinity]",
        "1e999",
        "9" * 5000,
        "0." + "0" * 5000 + "1",
        "[" * 100_000 + "]" * 100_000,
        "[" * 65 + "]" * 65,
        '{"a":' * 65 + "1" + "}" * 65,
        b"\xff",
        b"\x00{}",
        b"\xef\xbb\xbf{}",
    ],
    ids=lambda text: str(text)[:20],
)
def test_what_has_no_one_meaning_is_refused(text: str | bytes) -> None:
    """A2, A6, D32."""
    with pytest.raises(SyntaxProblem):
        read_json(text)


def test_what_is_just_deep_enough_is_read() -> None:
    assert read_json("[" * 64 + "]" * 64) and read_json('{"a":' * 64 + "1" + "}" * 64)
    assert read_json('"' + "[" * 1000 + '"') == "[" * 1000


def test_what_was_written_is_read_again() -> None:
    value = {"b": [1, 2.5, None, True], "a": "\ud800é\x00", "c": {"d": {}}}
    text = write_json(value)
    assert read_json(text) == value == read_json(text.encode())
    assert text.startswith('{"a":') and " " not in text and text.isascii()


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_what_json_cannot_say_is_not_written(value: object) -> None:
    with pytest.raises(SyntaxProblem):
        write_json(value)


@pytest.mark.parametrize("record", [[], None, {}, {"a": 1, "b": 2}, {"a": "1"}, {"a": True}, {"a": None}])
def test_a_record_has_its_fields_and_no_others(record: object) -> None:
    assert require_fields({"a": 1}, {"a": int}) == {"a": 1}
    with pytest.raises(SyntaxProblem):
        require_fields(record, {"a": int})
