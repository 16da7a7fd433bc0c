"""JSON from a stranger: bounded before it is parsed, and nothing in it that is read in two ways.

A text that is one fenced block (three backticks, `json` or nothing, the text, three backticks) is read as what the
fence encloses, since many models cannot leave it away. Anything else around the JSON is refused.
"""

from __future__ import annotations

import json
import math
from enum import StrEnum
from typing import NoReturn

from worldwright.world_model.errors import WorldwrightError

MAX_TEXT = 32_768  # characters
MAX_DEPTH = 12
MAX_NUMBER = 24  # characters
_FENCE = "```"


class Reason(StrEnum):
    """Why something was refused; these are counted."""

    CUT_OFF = "cut-off"  # the answer was not finished
    DECLINED = "declined"  # the endpoint says that there is no answer
    TOO_LONG = "too-long"
    TOO_DEEP = "too-deep"
    NOT_JSON = "not-json"  # prose, or JSON with prose around it
    SHAPE = "shape"  # JSON of another form than was asked for
    UNKNOWN = "unknown"  # a name that is none of the world's
    TOO_MANY = "too-many"  # rules, conditions, effects, ...
    ILL_TYPED = "ill-typed"  # what the rule language refuses
    SENSELESS = "senseless"  # what can never hold, or says nothing
    TOO_BROAD = "too-broad"  # what would have to be searched for in too many ways


class Refused(WorldwrightError):
    """An answer, or a part of it, that is not what was asked for; `reason` is what is counted."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


def parse_json(text: str) -> object:
    """The value that a text is.

    Raises:
        Refused: too long or too deep, not JSON, a key twice in an object, or a number that is not finite or too long.
    """
    if len(text) > MAX_TEXT:
        raise Refused(Reason.TOO_LONG, f"{len(text)} characters are over the limit of {MAX_TEXT}")
    text = _unfenced(text.strip())
    if _depth(text) > MAX_DEPTH:
        raise Refused(Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH}")
    try:
        return json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_whole, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise Refused(Reason.NOT_JSON, str(error)) from None


def _unfenced(text: str) -> str:
    first, _, rest = text.partition("\n")
    fenced = first.strip() in (_FENCE, f"{_FENCE}json") and rest.endswith(_FENCE)
    return rest.removesuffix(_FENCE) if fenced and rest.count(_FENCE) == 1 else text


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside of strings."""
    deepest = depth = 0
    inside = escaped = False
    for char in text:
        if inside:
            inside = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            inside = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Refused(Reason.SHAPE, "a key stands twice in an object")
    return found


def _no_constant(text: str) -> NoReturn:
    raise Refused(Reason.SHAPE, f"{text} is no number")


def _whole(text: str) -> int:
    _check_length(text)
    return int(text)


def _finite(text: str) -> float:
    _check_length(text)
    number = float(text)
    if not math.isfinite(number):
        raise Refused(Reason.SHAPE, f"{text} is not finite")
    return number


def _check_length(text: str) -> None:
    if len(text) > MAX_NUMBER:
        raise Refused(Reason.SHAPE, f"a number of {len(text)} characters")
