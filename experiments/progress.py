"""How a run goes, as it goes: lines that stay, and on a terminal one that changes with every step."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.status import Status

from worldwright.agent.events import Acted, EpisodeStarted, Event, Planned, Revised, Rewarded, Silenced, Surprised
from worldwright.experiments.config import RunConfig
from worldwright.experiments.costs import asked_no_more
from worldwright.experiments.folder import EpisodeRecord
from worldwright.experiments.running import Phase
from worldwright.experiments.terminal import clean, say

_EVERY = 100  # steps of learning after which a line says how it goes, where there is no terminal


class Progress:
    """Shows the events of a run.

    Args:
        out: where.
        config: of the run.
        done: the episodes that were finished before.
    """

    def __init__(self, out: Console, config: RunConfig, done: list[EpisodeRecord]) -> None:
        self._out = out
        self._config = config
        self._status = Status("", console=out) if out.is_terminal else None
        self._episodes = len(done)
        self._learned = sum(record.steps for record in done if record.phase == "learning")
        self._heading = ""  # of the episode, until it is printed
        self._purpose = ""
        self._plan = 0
        self._surprises = 0

    def __enter__(self) -> Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def event(self, phase: Phase, event: Event) -> None:
        """Something happened."""
        match event:
            case EpisodeStarted():
                self._plan = self._surprises = 0
                place = f"{clean(event.env_id)} seed {event.seed}: {clean(event.mission)}"
                self._heading = f"{phase} {self._episodes + 1}: {place}"
            case Planned(status="solved"):
                self._plan = len(event.plan)
            case Acted():
                self._purpose = event.purpose
            case Surprised():
                self._surprises += 1
            case Revised():
                self._tell_revision(event)
            case Silenced():
                self._detail(asked_no_more(event), "yellow")
            case Rewarded():
                self._learned += phase == "learning"
                self._tell_step(phase, event.step)
            case _:
                pass

    def episode(self, record: EpisodeRecord) -> None:
        """An episode is finished."""
        self._episodes += 1
        how = "success" if record.success else clean(record.failure)
        counts = (_count(record.plans, "plan"), _count(record.surprises, "surprise"), _count(record.rules, "rule"))
        lead = f"{self._heading}: " if self._heading else "  "
        style = "green" if record.success else "yellow"
        say(self._out, f"{lead}{how} after {_count(record.steps, 'step')}; {', '.join(counts)}", style)
        self._heading = ""

    def _tell_revision(self, event: Revised) -> None:
        parts = [f"learned {', '.join(event.added)}"] if event.added else []
        parts += [f"dropped {', '.join(event.removed)}"] if event.removed else []
        self._detail(f"step {event.step}, {event.cause}: {'; '.join(parts)}")

    def _tell_step(self, phase: Phase, step: int) -> None:
        budget = f" ({self._learned} of {self._config.steps})" if phase == "learning" else ""
        plan = f"plan of {_count(self._plan, 'step')}"
        line = f"step {step}{budget}: {self._purpose}, {plan}, {_count(self._surprises, 'surprise')}"
        if self._status is not None:
            self._status.update(f"{phase} {self._episodes + 1}: {line}")
        elif phase == "learning" and self._learned % _EVERY == 0:
            self._detail(line)

    def _detail(self, line: str, style: str = "cyan") -> None:
        if self._heading:
            say(self._out, self._heading)
        self._heading = ""
        say(self._out, f"  {clean(line)}", style)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
