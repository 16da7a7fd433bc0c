"""JSON from strangers: one meaning, finite numbers, bounded depth. Python's own reader lets the last double win."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from worldwright.world_model.errors import SyntaxProblem

MAX_DEPTH = 64
MAX_NUMBER = 40  # characters


class NotJson(SyntaxProblem):
    """A text that is no JSON at all."""


class TooDeep(SyntaxProblem):
    """Lists and records that lie too deep in each other."""


def read_json(text: str | bytes, depth: int = MAX_DEPTH) -> Any:
    """The value that a text says.

    Raises:
        NotJson: not UTF-8, or not JSON.
        TooDeep: nested deeper than `depth`.
        SyntaxProblem: a key twice in a record, or a number that is not finite or over `MAX_NUMBER` characters long.
    """
    try:
        text = text if isinstance(text, str) else text.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_record, parse_constant=_refuse, parse_int=_whole, parse_float=_finite
        )
    except ValueError as error:
        raise NotJson(f"not JSON: {error}") from None
    except RecursionError:
        raise TooDeep(f"nested deeper than {depth}") from None
    require_shallow(value, depth)
    return value


def write_json(value: Any) -> str:
    """The one way to write a value: keys in order, no spaces, ASCII. Raises `SyntaxProblem` if JSON cannot say it."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise SyntaxProblem(f"not JSON: {error}") from None


def require_fields(record: object, fields: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """The record, if it has just these fields with values of just these types; raises `SyntaxProblem`."""
    if not isinstance(record, dict):
        raise SyntaxProblem("not a record")
    missing, unknown = sorted(fields.keys() - record.keys()), sorted(record.keys() - fields.keys())
    if missing:
        raise SyntaxProblem(f"without {missing[0]!r}")
    if unknown:
        raise SyntaxProblem(f"unknown field {unknown[0][:40]!r}")
    for name, kind in fields.items():
        if isinstance(record[name], bool) or not isinstance(record[name], kind):  # True is an int to Python
            raise SyntaxProblem(f"{name!r} cannot be {str(record[name])[:40]!r}")
    return record


def require_shallow(value: object, depth: int) -> None:
    """Raise `TooDeep` if lists and records lie deeper in each other than `depth`."""
    level = _parts([value])
    for _ in range(depth):
        level = [part for whole in level for part in _parts(whole)]
    if level:
        raise TooDeep(f"nested deeper than {depth}")


def _parts(whole: dict[str, object] | Sequence[object]) -> list[dict[str, object] | Sequence[object]]:
    parts: Iterable[object] = whole.values() if isinstance(whole, dict) else whole
    return [part for part in parts if isinstance(part, dict | list | tuple)]


def _record(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise SyntaxProblem("a key stands twice")
    return record


def _whole(text: str) -> int:
    return int(_short(text))


def _finite(text: str) -> float:
    number = float(_short(text))
    if not math.isfinite(number):
        _refuse(text)
    return number


def _refuse(text: str) -> NoReturn:
    raise SyntaxProblem(f"{text[:40]!r} is no finite number")


def _short(text: str) -> str:
    if len(text) > MAX_NUMBER:
        raise SyntaxProblem(f"a number of {len(text)} characters")
    return text
