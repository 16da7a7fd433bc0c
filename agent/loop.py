"""The loop: perceive -> remember -> (learn) -> plan -> act -> compare."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import gymnasium

from worldwright.agent.deciding import POLICIES
from worldwright.agent.episode import Episode
from worldwright.agent.events import EpisodeEnded, Listener, ignore
from worldwright.agent.mind import Mind
from worldwright.planning.problem import cpu_seconds

Env = gymnasium.Env[Any, Any]


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

    Args:
        mind: what the agent knows; learning changes it.
        env: the environment, one of the kind that `mind.perceiver` reads.
        seed: of the episode.
        max_steps: after which the agent stops, beside the environment's own limit.
        tell: who hears the events.

    Raises:
        UnreadableMission: the instruction is not in the world's language.
    """
    cpu, wall = cpu_seconds(), time.monotonic()
    total, failure, success = 0.0, "", False
    observation, _ = env.reset(seed=seed)
    episode = Episode(mind, mind.perceiver.goal(observation), number, tell, POLICIES[mind.config.policy])
    episode.begin(observation, env_id, seed, str(observation.get("mission", "")))
    while not failure and not success:
        if max_steps is not None and episode.step >= max_steps:
            failure = "out of steps"
            break
        action = episode.decide()
        if action is None:
            failure = "gave up"
            break
        try:
            observation, reward, terminated, truncated, _ = env.step(mind.perceiver.to_env(action))
        except Exception as error:  # a stranger's environment: its fault is the episode's result, not ours
            failure = f"environment: {type(error).__name__}: {error}"
            break
        episode.observe(action, observation, float(reward), terminated, truncated)
        total += float(reward)
        success = terminated and float(reward) > 0
        if not success and (terminated or truncated):
            failure = "ended without success" if terminated else "out of time"
    result = EpisodeResult(
        id=env_id,
        seed=seed,
        success=success,
        steps=episode.step,
        total_reward=total,
        cpu_s=cpu_seconds() - cpu,
        wall_s=time.monotonic() - wall,
        plans=episode.plans,
        surprises=episode.surprises,
        failure="" if success else failure,
    )
    _tell_end(tell, result)
    return result


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
