"""Why a part of an answer is refused, and the first thing that is asked of all of it: to be JSON of one meaning."""

from __future__ import annotations

from enum import StrEnum

from worldwright.world_model.errors import SyntaxProblem, WorldwrightError
from worldwright.world_model.strict_json import NotJson, TooDeep, read_json

MAX_TEXT = 32_768  # characters
MAX_DEPTH = 12
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


def answered_json(text: str) -> object:
    """The value that an answer is, a fence of three backticks around all of it aside: many models cannot leave it away.

    Raises:
        Refused: it is too long or too deep, not JSON, or says something in two ways (see `read_json`).
    """
    if len(text) > MAX_TEXT:
        raise Refused(Reason.TOO_LONG, f"{len(text)} characters are over the limit of {MAX_TEXT}")
    try:
        return read_json(_unfenced(text.strip()), MAX_DEPTH)
    except TooDeep as problem:
        raise Refused(Reason.TOO_DEEP, str(problem)) from None
    except NotJson as problem:
        raise Refused(Reason.NOT_JSON, str(problem)) from None
    except SyntaxProblem as problem:
        raise Refused(Reason.SHAPE, str(problem)) from None


def _unfenced(text: str) -> str:
    first, _, rest = text.partition("\n")
    fenced = first.strip() in (_FENCE, f"{_FENCE}json") and rest.endswith(_FENCE)
    return rest.removesuffix(_FENCE) if fenced and rest.count(_FENCE) == 1 else text
