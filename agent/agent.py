"""The agent as a library: learn a world model, act with it, save it.

agent = Agent()
agent.learn(["MiniGrid-DoorKey-6x6-v0", "MiniGrid-Unlock-v0"], steps=2000)
results = agent.act("MiniGrid-DoorKey-16x16-v0", episodes=10, freeze=True)
agent.save("model.ww")
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from worldwright.agent.config import AgentConfig
from worldwright.agent.deciding import POLICIES
from worldwright.agent.events import Listener, ignore
from worldwright.agent.explorer import Explorer
from worldwright.agent.learner import AUTHORS, RuleLearner
from worldwright.agent.loop import EpisodeResult, run_episode
from worldwright.agent.mind import Mind
from worldwright.agent.novelty import Novelty
from worldwright.envs.perceiver import Perceiver
from worldwright.envs.registry import make_env, perceiver_for
from worldwright.planning.engines import engine_named
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import load_model, require_same_vocabulary, save_model


class Agent:
    """Learns the laws of a kind of world and acts by them. Several environments share one model.

    Args:
        model: what is known at first; None: nothing.
        config: how the agent is put together.
        seed: of the agent's own choices.

    Raises:
        WorldwrightError: the configuration names an engine, policy or author that does not exist.
    """

    def __init__(self, model: WorldModel | None = None, config: AgentConfig | None = None, seed: int = 0) -> None:
        self.config = config or AgentConfig()
        self._given = model
        self._rng = random.Random(seed)
        self._mind: Mind | None = None
        self._episodes = 0
        engine_named(self.config.engine)
        for name, table in ((self.config.policy, POLICIES), (self.config.author, AUTHORS)):
            if name not in table:
                raise WorldwrightError(f"unknown name {name!r} in the configuration; known: {', '.join(sorted(table))}")

    @staticmethod
    def load(path: str | Path, config: AgentConfig | None = None, seed: int = 0) -> Agent:
        """An agent with the model of a file; raises `WorldwrightError` if that is none."""
        return Agent(load_model(Path(path)), config, seed)

    @property
    def model(self) -> WorldModel:
        """What the agent believes of the world's laws."""
        if self._mind is not None:
            return self._mind.model
        if self._given is None:
            raise WorldwrightError("the agent has met no environment yet and was given no model")
        return self._given

    @property
    def mind(self) -> Mind:
        """What the agent keeps from episode to episode; raises `WorldwrightError` before its first environment."""
        if self._mind is None:
            raise WorldwrightError("the agent has met no environment yet")
        return self._mind

    def save(self, path: str | Path) -> None:
        """Write the model to a file, whole or not at all."""
        save_model(self.model, Path(path))

    def learn(
        self,
        env_ids: Sequence[str],
        steps: int,
        seed: int = 0,
        keywords: Mapping[str, Any] | None = None,
        tell: Listener = ignore,
    ) -> list[EpisodeResult]:
        """Play for the sake of learning: `steps` environment steps shared by the environments, in turn.

        Episode k of all runs on seed `seed + k`.
        """
        envs = [(env_id, make_env(env_id, **(keywords or {}))) for env_id in env_ids]
        results: list[EpisodeResult] = []
        taken = 0
        try:
            while taken < steps:
                env_id, env = envs[len(results) % len(envs)]
                mind = self._meet(perceiver_for(env), frozen=False)
                mind.curious = True
                left = steps - taken
                results.append(self._play(mind, env, env_id, seed + len(results), left, tell))
                taken += max(1, results[-1].steps)
        finally:
            self._close(envs)
        return results

    def act(
        self,
        env_id: str,
        episodes: int = 1,
        seed: int = 0,
        freeze: bool = False,
        max_steps: int | None = None,
        keywords: Mapping[str, Any] | None = None,
        tell: Listener = ignore,
    ) -> Iterator[EpisodeResult]:
        """Play for the sake of the goal; episode k runs on seed `seed + k`. With `freeze` nothing is learned."""
        env = make_env(env_id, **(keywords or {}))
        try:
            for k in range(episodes):
                mind = self._meet(perceiver_for(env), frozen=freeze)
                mind.curious = False
                yield self._play(mind, env, env_id, seed + k, max_steps, tell)
        finally:
            env.close()

    def _play(
        self, mind: Mind, env: Any, env_id: str, seed: int, max_steps: int | None, tell: Listener
    ) -> EpisodeResult:
        self._episodes += 1
        result = run_episode(mind, env, env_id, seed, number=self._episodes, max_steps=max_steps, tell=tell)
        if mind.learner is not None:
            mind.learner.review()
            mind.model = mind.learner.model
        return result

    def _meet(self, perceiver: Perceiver, frozen: bool) -> Mind:
        """The agent's mind for a world; kept from one environment of that world to the next."""
        if self._mind is None:
            model = self._given or WorldModel(perceiver.vocabulary)
            require_same_vocabulary(model, perceiver.vocabulary)
            explorer = Explorer(self.config, Novelty(perceiver.vocabulary), self._rng)
            self._mind = Mind(self.config, perceiver, model, None, explorer, self._rng)
        require_same_vocabulary(self._mind.model, perceiver.vocabulary)
        self._mind.perceiver = perceiver
        if frozen:
            self._mind.learner = None
        elif self._mind.learner is None:
            author = AUTHORS[self.config.author](perceiver.vocabulary)
            self._mind.learner = RuleLearner(self._mind.model, author)
        return self._mind

    def _close(self, envs: Sequence[tuple[str, Any]]) -> None:
        for _, env in envs:
            env.close()
