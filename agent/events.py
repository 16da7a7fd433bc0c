"""What happens in an episode, as typed events. Everything a person could ask about is one of these.

Events are plain data; who listens decides where they go (the run folder's log, a progress display, nowhere).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _writable(text: Any) -> Any:
    """The text as UTF-8 can carry it: what a stranger's world says may hold halves of characters."""
    return text.encode("utf-8", "backslashreplace").decode() if isinstance(text, str) else text


Said = Annotated[str, BeforeValidator(_writable)]


class Event(BaseModel):
    """Base of all events. `step` counts the steps of the episode; 0 is before the first."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    kind: str
    step: int


class EpisodeStarted(Event):
    """The first observation of an episode, and what was asked for."""

    kind: Literal["episode-started"] = "episode-started"
    env_id: str
    seed: int
    mission: Said
    goal: str


class Observed(Event):
    """What the belief took over from an observation."""

    kind: Literal["observed"] = "observed"
    change: dict[str, str | int | None]
    certain: bool
    discovered: int


class Unread(Event):
    """What an observation said and the perceiver could not read; nothing is concluded from it."""

    kind: Literal["unread"] = "unread"
    sentences: tuple[Said, ...]


class Planned(Event):
    """A planner or the explorer was asked. `purpose` is goal, experiment, novelty, frontier or win."""

    kind: Literal["planned"] = "planned"
    purpose: str
    engine: str
    status: str
    reason: str
    plan: tuple[str, ...]
    cpu_s: float


class Intended(Event):
    """A plan that is followed from now on, until there is another.

    Attributes:
        purpose: as of `Planned`, or random; of what a language model said, advice or subgoal.
        plan: its steps.
        rules: for each step the names of the rules that it counts on.
        goal: the formula that holds where it leads; empty: none was named.
        trial: whether its last step is done to see what happens; `goal` is then where that is done.
        hopes: what it takes for so that is not known, free places apart.
        things: the things that are but hoped for, with their types.
        onward: the steps from its end on for which it ends as it does, to what is to be reached after the goal.
    """

    kind: Literal["intended"] = "intended"
    purpose: str
    plan: tuple[str, ...]
    rules: tuple[tuple[str, ...], ...]
    goal: str
    trial: bool
    hopes: dict[str, str | int | None]
    things: dict[str, str]
    onward: tuple[str, ...] = ()


class Acted(Event):
    """What was done, why, and what the model expects."""

    kind: Literal["acted"] = "acted"
    action: str
    purpose: str
    rules: tuple[str, ...]
    predicted: dict[str, str | int | None]


class Rewarded(Event):
    """What the environment said beside its observation."""

    kind: Literal["rewarded"] = "rewarded"
    reward: float
    terminated: bool
    truncated: bool


class Surprised(Event):
    """Prediction and observation differ, in these fluents: (predicted, observed)."""

    kind: Literal["surprised"] = "surprised"
    action: str
    differences: dict[str, tuple[str | int | None, str | int | None]]


class Revised(Event):
    """The model changed."""

    kind: Literal["revised"] = "revised"
    cause: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


class Believed(Event):
    """All the laws and hypotheses of an action from now on, as they stand in a model file."""

    kind: Literal["believed"] = "believed"
    action: str
    rules: tuple[str, ...]
    hypotheses: tuple[str, ...]


class Asked(Event):
    """A language model was asked: an `Exchange` (see there what each field is), whoever asked, answered or not."""

    kind: Literal["asked"] = "asked"
    key: str
    purpose: str
    sample: int
    prompt: tuple[Said, ...]
    answer: Said
    finish: str
    prompt_tokens: int
    answer_tokens: int
    seconds: float
    usd: float | None
    model: Said
    error: Said


class Proposed(Event):
    """A proposed rule waits to be tested, or is believed (`kept`); `why` is the evidence."""

    kind: Literal["proposed"] = "proposed"
    rule: str
    verdict: Literal["waits", "kept"]
    why: str


class Refuted(Event):
    """A proposed rule is given up; `why` is the case that speaks against it."""

    kind: Literal["refuted"] = "refuted"
    rule: str
    why: str


class Rejected(Event):
    """A part of an answer was refused before it was judged: the reason, more of it, and how the part begins."""

    kind: Literal["rejected"] = "rejected"
    purpose: str
    reason: str
    detail: str
    excerpt: str


class Silenced(Event):
    """No language model is asked any more; the agent goes on without."""

    kind: Literal["silenced"] = "silenced"
    why: Said


class Interpreted(Event):
    """A language model was asked what a mission means: the goal, or none and why."""

    kind: Literal["interpreted"] = "interpreted"
    sentence: Said
    goal: str
    why: Said


class Advised(Event):
    """A language model proposed an action or a subgoal; `given-up` when the agent plans on without."""

    kind: Literal["advised"] = "advised"
    advice: str
    verdict: Literal["accepted", "rejected", "given-up"]
    why: Said


class GoalProgressed(Event):
    """A part of the goal was reached; `remaining` is empty when all of it was."""

    kind: Literal["goal-progressed"] = "goal-progressed"
    remaining: str


class EpisodeEnded(Event):
    """How the episode ended. `failure` is empty if it was a success."""

    kind: Literal["episode-ended"] = "episode-ended"
    success: bool
    steps: int
    total_reward: float
    plans: int
    surprises: int
    cpu_s: float
    failure: str


Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener who does not listen."""


def plain(change: dict[tuple[str, ...], Any]) -> dict[str, str | int | None]:
    """A change with its fluents written as PDDL terms, sorted."""
    return {f"({' '.join(fluent)})": value for fluent, value in sorted(change.items())}
