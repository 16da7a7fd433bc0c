"""What a run's folder holds of its steps: the event log and the experience, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from worldwright.agent.belief import Belief
from worldwright.agent.events import Acted, Believed, EpisodeEnded, EpisodeStarted, Event, Intended, Surprised
from worldwright.experiments.event_log import read_events
from worldwright.experiments.folder import RunFolder
from worldwright.experiments.running import vocabulary_of
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.experience import ExperienceBuffer
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import load_model
from worldwright.world_model.state import State
from worldwright.world_model.syntax import parse_rule
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import Vocabulary

_Kind = TypeVar("_Kind", bound=Event)


class NotRecorded(WorldwrightError):
    """An episode or a step that a recording does not have; the message says which it has."""


def step_of(transitions: Iterable[Transition], episode: int, step: int, where: Path) -> Transition:
    """The transition of a step; raises `NotRecorded`."""
    every = list(transitions)
    steps = {transition.step: transition for transition in every if transition.episode == episode}
    require_step(steps, {transition.episode for transition in every}, episode, step, where)
    return steps[step]


def require_step(steps: Iterable[int], episodes: Iterable[int], episode: int, step: int, where: Path) -> None:
    """Raise `NotRecorded` unless a step is among those of its episode."""
    found, numbers = sorted(steps), sorted(episodes)
    if step in found:
        return
    if found:
        raise NotRecorded(f"{where}: episode {episode} has the steps {found[0]} to {found[-1]}, not {step}")
    if episode in numbers:
        raise NotRecorded(f"{where}: episode {episode} has no step")
    known = f"those from {numbers[0]} to {numbers[-1]}" if numbers else "none"
    raise NotRecorded(f"{where}: no episode {episode}; it has {known}")


@dataclass(frozen=True)
class RunRecord:
    """A run's log and experience, read.

    Attributes:
        path: of the folder.
        vocabulary: of the run's world.
        events: of each episode, in order.
        experience: the transitions that were learned from.
        model: the model at the end; None: no episode was finished.
    """

    path: Path
    vocabulary: Vocabulary
    events: dict[int, list[Event]]
    experience: ExperienceBuffer
    model: WorldModel | None

    @staticmethod
    def load(path: Path) -> RunRecord:
        """What a run's folder holds, be the run finished, cut off or failed.

        Raises:
            WorldwrightError: it is no such folder, or a file in it cannot be read or is of another vocabulary.
        """
        folder = RunFolder(path)
        if not folder.exists:
            raise NotRecorded(f"{path}: no run's folder, it has no manifest.json")
        model = load_model(folder.model) if folder.model.exists() else None
        vocabulary = model.vocabulary if model else vocabulary_of(folder.manifest.config, folder.given())
        events: dict[int, list[Event]] = {}
        for logged in read_events(folder.events):
            events.setdefault(logged.episode, []).append(logged.event)
        return RunRecord(path, vocabulary, events, ExperienceBuffer.load(folder.experience, vocabulary), model)

    def step(self, episode: int, step: int) -> StepRecord:
        """A step in which something was done; raises `NotRecorded`."""
        events = self.events.get(episode, [])
        acted = {event.step: number for number, event in enumerate(events) if isinstance(event, Acted)}
        try:
            require_step(acted, self.events, episode, step, self.path / "events.jsonl")
        except NotRecorded as error:
            ended = [event.failure for event in events if isinstance(event, EpisodeEnded) and event.failure]
            raise NotRecorded(f"{error}; it ended with: {ended[0]}" if ended else str(error)) from None
        return StepRecord(self, episode, step, events, acted[step])

    @cached_property
    def by_place(self) -> dict[tuple[int, int], Transition]:
        """The transitions by episode and step."""
        return {(transition.episode, transition.step): transition for transition in self.experience}


@dataclass(frozen=True)
class StepRecord:
    """What is on file of a step.

    Attributes:
        run: the record that it is from.
        episode, step: its numbers.
        events: those of its episode.
        at: where among them the one is that tells of its action.
    """

    run: RunRecord
    episode: int
    step: int
    events: Sequence[Event]
    at: int

    @property
    def acted(self) -> Acted:
        """What was done."""
        event = self.events[self.at]
        assert isinstance(event, Acted)
        return event

    @property
    def started(self) -> EpisodeStarted | None:
        """How the episode began."""
        return next(iter(self._of(EpisodeStarted)), None)

    @property
    def intended(self) -> Intended | None:
        """The plan that was followed; None: the log does not tell."""
        plan = next(reversed(self._of(Intended)), None)
        here = self.step - plan.step if plan else 0
        return plan if plan and plan.plan[here : here + 1] == (self.acted.action,) else None

    @property
    def transition(self) -> Transition | None:
        """What happened; None: it was not learned from, or the run was cut off."""
        return self.run.by_place.get((self.episode, self.step))

    @property
    def state(self) -> State | None:
        """What was believed; None: it is not on file."""
        before = self.run.by_place.get((self.episode, self.step - 1))
        return self.transition.before if self.transition else before.after if before else None

    @property
    def hoped(self) -> State | None:
        """What was planned from: what was believed, with what is unknown taken to be as usual."""
        return Belief.of(self.state).optimistic() if self.state else None

    def before(self, kind: type[_Kind], own: bool = False) -> list[_Kind]:
        """The events of a kind up to the action; `own`: since the one before."""
        found = self._of(kind)
        return [event for event in found if event.step == self.step] if own else found

    def after(self, kind: type[_Kind]) -> list[_Kind]:
        """The events of a kind that came of the action, up to the next one."""
        following = self.events[self.at + 1 :]
        end = next((n for n, event in enumerate(following) if isinstance(event, Acted)), len(following))
        return [event for event in following[:end] if isinstance(event, kind)]

    def earlier(self, step: int) -> StepRecord:
        """An earlier step of the same episode."""
        return self.run.step(self.episode, step)

    def surprise(self) -> Surprised | None:
        """How what happened differs from what was foretold; None: it does not."""
        return next(iter(self.after(Surprised)), None)

    @property
    def is_told(self) -> bool:
        """Whether the log tells what was believed and intended then."""
        return bool(self._of(Intended)) or self.run.model is None

    @cached_property
    def model(self) -> WorldModel:
        """The laws and hypotheses that were believed; those of the run's end where the log does not tell."""
        if not self.is_told and self.run.model is not None:
            return self.run.model
        last = {event.action: event for event in self._of(Believed)}
        told = [last[signature.name] for signature in self.run.vocabulary.actions if signature.name in last]
        rules = tuple(parse_rule(self.run.vocabulary, text) for event in told for text in event.rules)
        hypotheses = tuple(parse_rule(self.run.vocabulary, text) for event in told for text in event.hypotheses)
        return WorldModel(self.run.vocabulary, rules, hypotheses)

    def _of(self, kind: type[_Kind]) -> list[_Kind]:
        return [event for event in self.events[: self.at] if isinstance(event, kind)]
