"""Playing for the goal with a given model, in one process or in several, with the same results."""

from __future__ import annotations

import contextlib
import json
import math
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import lru_cache
from types import FrameType
from typing import Any

from worldwright.agent.agent import Agent
from worldwright.agent.config import AgentConfig
from worldwright.agent.events import Listener, ignore
from worldwright.agent.loop import EpisodeResult
from worldwright.experiments.terminal import hush_warnings
from worldwright.world_model.chat.request import ChatModel
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import parse_model


@dataclass(frozen=True)
class Evaluation:
    """Episodes to be played with a model: `episodes` of each id, episode k on seed `seed + k`.

    Attributes:
        model: the text of the model.
        keywords: for `gymnasium.make`.
    """

    model: str
    env_ids: Sequence[str]
    episodes: int
    seed: int = 0
    agent: AgentConfig = field(default_factory=AgentConfig)
    keywords: Mapping[str, Any] | None = None

    def tasks(self) -> list[_Task]:
        """The single episodes, in order."""
        return [_Task(self, env_id, self.seed + k) for env_id in self.env_ids for k in range(self.episodes)]


@dataclass(frozen=True)
class _Task:
    evaluation: Evaluation
    env_id: str
    seed: int


def play_learning(
    evaluation: Evaluation, tell: Listener = ignore, chat: ChatModel | None = None
) -> Iterator[EpisodeResult]:
    """One agent plays all episodes and learns on as it does, asking a language model if it is so configured."""
    agent = Agent(model_of(evaluation.model), evaluation.agent, evaluation.seed, chat=chat)
    for env_id in evaluation.env_ids:
        with contextlib.redirect_stdout(sys.stderr):  # some environments print
            yield from agent.act(env_id, evaluation.episodes, evaluation.seed, keywords=evaluation.keywords, tell=tell)


def play_frozen(
    evaluation: Evaluation, jobs: int = 1, tell: Listener = ignore, chat: ChatModel | None = None
) -> Iterator[EpisodeResult]:
    """Play without learning, in order. Each episode has an agent of its own, so `jobs` does not change the results.

    Only one process has a language model, and tells of what happens.

    Raises:
        WorldwrightError: an environment cannot be made or is not of the model's kind.
    """
    tasks = evaluation.tasks()
    if jobs == 1 or len(tasks) < 2:
        yield from (_play(task, tell, chat) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")  # a copy of this process would share its open files and threads
    others = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(min(jobs, len(tasks)), context, initializer=_obey_the_parent)
    try:
        yield from executor.map(_play, tasks)
    except BrokenProcessPool:
        raise WorldwrightError("a process that played episodes was killed: is there memory for --jobs?") from None
    except BaseException:  # wait for nobody
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _play(task: _Task, tell: Listener = ignore, chat: ChatModel | None = None) -> EpisodeResult:
    evaluation = task.evaluation
    agent = Agent(model_of(evaluation.model), evaluation.agent, task.seed, chat=chat)
    with contextlib.redirect_stdout(sys.stderr):
        (result,) = agent.act(task.env_id, 1, task.seed, freeze=True, keywords=evaluation.keywords, tell=tell)
    return result


@lru_cache(maxsize=4)
def model_of(text: str) -> WorldModel:
    """The model that a text shows; the same object for the same text, with all that it has compiled."""
    return parse_model(text)


def _obey_the_parent() -> None:
    """Let Ctrl-C be the parent's business, and clean up (planners) when it ends this process."""
    hush_warnings()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)


def _end(signum: int, frame: FrameType | None) -> None:
    sys.exit(1)


def record_of(result: EpisodeResult) -> dict[str, object]:
    """A result as it stands in JSON."""
    return {
        "id": result.id,
        "seed": result.seed,
        "success": result.success,
        "steps": result.steps,
        "return": result.total_reward if math.isfinite(result.total_reward) else None,
        "cpu_s": round(result.cpu_s, 4),
        "plans": result.plans,
        "surprises": result.surprises,
        "failure": result.failure,
    }


def results_json(results: Sequence[EpisodeResult]) -> str:
    """The results as a JSON document."""
    lines = ",\n  ".join(json.dumps(record_of(result), allow_nan=False) for result in results)
    return f'{{"episodes": [\n  {lines}\n]}}\n'
