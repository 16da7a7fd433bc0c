"""The loop: perceive -> remember -> (learn) -> plan -> act -> compare."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gymnasium

from worldwright.agent.episode import Episode
from worldwright.agent.events import EpisodeEnded, Event, Listener, Planned, ignore
from worldwright.agent.mind import Mind
from worldwright.agent.policies import POLICIES
from worldwright.agent.wording import read_mission
from worldwright.envs.perceiver import UnreadableMission, UnreadableObservation
from worldwright.planning.problem import PlanningStopped, cpu_seconds, seldom_collecting
from worldwright.world_model.errors import WorldwrightError

Env = gymnasium.Env[Any, Any]


class BrokenEnvironment(WorldwrightError):
    """An environment that raised, or answered in no form that gymnasium knows."""


@dataclass(frozen=True)
class EpisodeResult:
    """How an episode went.

    Attributes:
        id: the environment's id.
        success: whether it ended with a reward.
        cpu_s: CPU seconds, children's (planners) included; wall_s: seconds of the clock.
        failure: why it was no success; empty if it was one.
    """

    id: str
    seed: int
    success: bool
    steps: int
    total_reward: float
    cpu_s: float
    wall_s: float
    plans: int
    surprises: int
    failure: str


@seldom_collecting()
def run_episode(
    mind: Mind,
    env: Env,
    env_id: str,
    seed: int,
    *,
    number: int = 0,
    max_steps: int | None = None,
    tell: Listener = ignore,
) -> EpisodeResult:
    """Let the agent play one episode.

    What goes wrong with the environment, or with reading what it shows, is the episode's failure and raises nothing.

    Args:
        mind: what the agent knows; learning changes it.
        env: the environment, one of the kind that `mind.perceiver` reads.
        seed: of the episode.
        number: of the episode, in the experience.
        max_steps: after which the agent stops, beside the environment's own limit.
        tell: who hears the events.
    """
    cpu, wall = cpu_seconds(), time.monotonic()
    play = _Play(mind, env, _Ear(tell))
    try:
        play.begin(env_id, seed, number)
        while play.failure is None:
            play.step(max_steps)
    except (BrokenEnvironment, UnreadableMission, UnreadableObservation) as error:
        play.failure = str(error)
    play.review()
    result = EpisodeResult(
        id=env_id,
        seed=seed,
        success=not play.failure,
        steps=play.episode.step if play.episode else 0,
        total_reward=play.total,
        cpu_s=cpu_seconds() - cpu,
        wall_s=time.monotonic() - wall,
        plans=play.episode.plans if play.episode else 0,
        surprises=play.episode.surprises if play.episode else 0,
        failure=play.failure or "",
    )
    _tell_end(tell, result)
    return result


@dataclass
class _Play:
    """An episode in its environment. `failure` is None as long as it goes on, and empty after a success."""

    mind: Mind
    env: Env
    tell: _Ear
    episode: Episode | None = None
    total: float = 0.0
    failure: str | None = None

    def begin(self, env_id: str, seed: int, number: int) -> None:
        with _environment():
            observation, _ = self.env.reset(seed=seed)
        goal, told = read_mission(self.mind, observation, self.tell)
        policy = POLICIES[self.mind.config.policy]
        self.episode = Episode(self.mind, goal, number, self.tell, policy, self.tell.heard)
        self.episode.begin(observation, env_id, seed, str(observation.get("mission", "")))
        for event in told:
            self.tell(event)

    def step(self, max_steps: int | None) -> None:
        """One turn of the loop."""
        assert self.episode is not None
        if max_steps is not None and self.episode.step >= max_steps:
            self.failure = "out of steps"
            return
        try:
            action = self.episode.decide()
        except PlanningStopped as stopped:  # looking ahead took too long
            self.failure = f"gave up: {stopped}"
            return
        if action is None:
            self.failure = f"gave up: {self.tell.why}" if self.tell.why else "gave up"
            return
        with _environment():
            observation, reward, terminated, truncated, _ = self.env.step(self.mind.perceiver.to_env(action))
            gain, terminated, truncated = float(reward), bool(terminated), bool(truncated)
        self.episode.observe(action, observation, gain, terminated, truncated)
        self.total += gain
        if terminated:
            self.failure = "" if gain > 0 else "ended without success"
        elif truncated:
            self.failure = f"out of time: {self.tell.trouble}" if self.tell.trouble else "out of time"

    def review(self) -> None:
        """Learn what is left to be learned of the episode; who learns nothing keeps nothing of it."""
        if self.mind.learner is None:
            self.mind.explorer.forget()
        else:
            revisions = self.mind.learner.review()
            self.mind.model = self.mind.learner.model
            for revision in revisions:
                self.tell(revision.event(self.episode.step if self.episode else 0))
            if self.episode is not None:
                self.episode.tell_beliefs()
                self.episode.tell_notes()


class _Ear:
    """Passes events on, and remembers why there was no plan to the goal when last one was looked for.

    `heard` says whether there is anybody to pass them on to; `trouble` is the last time that planning failed for the
    planner's reasons and not the world's.
    """

    def __init__(self, tell: Listener) -> None:
        self._tell = tell
        self.heard = tell is not ignore
        self.why = self.trouble = ""

    def __call__(self, event: Event) -> None:
        if isinstance(event, Planned):
            reason = f" ({event.reason})" if event.reason else ""
            said = f"plan to the {event.purpose} {event.status}{reason}"
            if event.status not in ("solved", "unsolvable"):
                self.trouble = said
            if event.purpose in ("goal", "win"):
                self.why = "" if event.status == "solved" else said
        self._tell(event)


@contextmanager
def _environment() -> Iterator[None]:
    """A stranger's environment: what it raises is its fault, not ours."""
    try:
        yield
    except Exception as error:
        raise BrokenEnvironment(f"environment: {type(error).__name__}: {error}") from error


def _tell_end(tell: Listener, result: EpisodeResult) -> None:
    tell(
        EpisodeEnded(
            step=result.steps,
            success=result.success,
            steps=result.steps,
            total_reward=result.total_reward,
            plans=result.plans,
            surprises=result.surprises,
            cpu_s=round(result.cpu_s, 4),
            failure=result.failure,
        )
    )
