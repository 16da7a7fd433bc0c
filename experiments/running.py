"""A run from its beginning, or from where it was cut off, to its end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from worldwright.agent.agent import Agent
from worldwright.agent.events import Event, Listener, Surprised
from worldwright.agent.loop import EpisodeResult
from worldwright.envs.registry import make_env, perceiver_for
from worldwright.experiments.config import RunConfig
from worldwright.experiments.event_log import EventLog, read_events
from worldwright.experiments.folder import EpisodeRecord, RunFolder
from worldwright.world_model.chat.request import ChatModel
from worldwright.world_model.experience import ExperienceLog
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import require_same_vocabulary
from worldwright.world_model.vocabulary import Vocabulary

LEARNING_SEEDS = 1_000_000  # from the first seed of acting to the first of learning: what is acted in was never seen

Phase = Literal["learning", "acting"]


class Watcher(Protocol):
    """Whoever shows how a run goes."""

    def event(self, phase: Phase, event: Event) -> None:
        """Something happened."""

    def episode(self, record: EpisodeRecord) -> None:
        """An episode is finished."""


def vocabulary_of(config: RunConfig, given: WorldModel | None) -> Vocabulary:
    """What the environments of a run are described in, after a look at all that it needs.

    Raises:
        WorldwrightError: the agent cannot be put together like that, or an environment cannot be made or perceived, or
            is described otherwise than the others or than the given model.
    """
    Agent(given, config.agent)
    vocabularies = []
    for env_id in config.env_ids:
        with contextlib.redirect_stdout(sys.stderr), contextlib.closing(make_env(env_id, **config.env)) as env:
            vocabularies.append(perceiver_for(env).vocabulary)
    model = given or WorldModel(vocabularies[0])
    for vocabulary in vocabularies:
        require_same_vocabulary(model, vocabulary)
    return vocabularies[0]


@dataclass
class Run:
    """A run in its folder.

    Args:
        config: what to run.
        folder: where; `folder.begin(config, ...)` was called.
        watcher: who shows how it goes.
        chat: the language model that is asked, if one is.
    """

    config: RunConfig
    folder: RunFolder
    watcher: Watcher
    chat: ChatModel | None = None

    def perform(self) -> list[EpisodeRecord]:
        """Play what is left to be played, and write the result. All episodes, those of an earlier start included.

        Raises:
            WorldwrightError: an environment cannot be made or perceived, a file not be written; the folder then holds
                all up to there, and the same run goes on from the first episode that was not finished.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))  # some environments print
            given = self.folder.given()
            vocabulary = vocabulary_of(self.config, given)
            self._log = stack.enter_context(contextlib.closing(EventLog(self.folder.events)))
            experience = stack.enter_context(ExperienceLog(self.folder.experience, vocabulary))
            self._done = self.folder.episodes()
            self._agent = Agent(given, self.config.agent, self.config.seed, experience.append, self.chat)
            self._recall(experience)
            self._play()
            self.folder.finish(self._agent.model)
        return self._done

    def _recall(self, experience: ExperienceLog) -> None:
        """Bring the agent to where it was after the last finished episode."""
        logged = list(read_events(self.folder.events))
        numbers = {record.number for record in self._done}
        surprising = {(e.episode, e.event.step - 1) for e in logged if isinstance(e.event, Surprised)}
        recorded = [t for t in experience.recovered if t.episode in numbers]
        with contextlib.closing(make_env(self.config.env_ids[0], **self.config.env)) as env:
            self._agent.recall(env, recorded, surprising)
        last = max((e.episode for e in logged), default=-1)
        self._agent.episodes = max(experience.recovered.next_episode, last + 1)

    def _play(self) -> None:
        config = self.config
        learned = [record.result() for record in self._done if record.phase == "learning"]
        first = config.seed + (LEARNING_SEEDS if config.episodes else 0)
        self._finish(
            "learning",
            self._agent.learning(config.env_ids, config.steps, first, config.env, self._hear("learning"), learned),
        )
        acted = [record for record in self._done if record.phase == "acting"]
        for number, env_id in enumerate(config.env_ids):
            first = min(max(0, len(acted) - number * config.episodes), config.episodes)
            self._finish("acting", self._act(env_id, first))

    def _act(self, env_id: str, first: int) -> Iterator[EpisodeResult]:
        config = self.config
        return self._agent.act(
            env_id,
            config.episodes,
            config.seed,
            config.freeze,
            keywords=config.env,
            tell=self._hear("acting"),
            first=first,
        )

    def _hear(self, phase: Phase) -> Listener:
        def hear(event: Event) -> None:
            self._log.write(self._agent.episodes - 1, event)
            self.watcher.event(phase, event)

        return hear

    def _finish(self, phase: Phase, results: Iterator[EpisodeResult]) -> None:
        for result in results:
            model = self._agent.model
            record = EpisodeRecord.of(result, self._agent.episodes - 1, phase, len(model.rules))
            self.folder.record(record, model)
            self._done.append(record)
            self.watcher.episode(record)
