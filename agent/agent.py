"""The agent as a library: learn a world model, act with it, save it.

agent = Agent()
agent.learn(["MiniGrid-DoorKey-6x6-v0", "MiniGrid-Unlock-v0"], steps=2000)
results = list(agent.act("MiniGrid-DoorKey-16x16-v0", episodes=10, freeze=True))
agent.save("model.ww")
"""

from __future__ import annotations

import random
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import dropwhile, groupby
from pathlib import Path
from typing import Any

from worldwright.agent.asking import was_recorded
from worldwright.agent.belief import Belief
from worldwright.agent.config import ASKING, AgentConfig
from worldwright.agent.events import Listener, ignore
from worldwright.agent.explorer import Explorer
from worldwright.agent.guarded import Guarded
from worldwright.agent.learner import AUTHORS, Recorder, RuleLearner
from worldwright.agent.loop import EpisodeResult, run_episode
from worldwright.agent.mind import Mind
from worldwright.agent.novelty import Novelty
from worldwright.agent.policies import ADVISED, POLICIES
from worldwright.envs.perceiver import Listening, Perceiver
from worldwright.envs.registry import Env, make_env, perceiver_for
from worldwright.planning.engines import engine_named
from worldwright.planning.lookahead import Lookaheads
from worldwright.world_model.chat.exchange import Watched
from worldwright.world_model.chat.request import ChatModel
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import load_model, require_same_vocabulary, save_model
from worldwright.world_model.proposing.adviser import Adviser
from worldwright.world_model.proposing.asker import Asker
from worldwright.world_model.proposing.notes import Note
from worldwright.world_model.proposing.proposer import Proposer
from worldwright.world_model.proposing.words import Words
from worldwright.world_model.transition import Transition

_IN_VAIN = 20  # episodes in a row, for each environment, in which no step could be taken: no other will go better


class Agent:
    """Learns the laws of a kind of world and acts by them. Several environments share one model.

    Args:
        model: what is known at first; None: nothing.
        config: how the agent is put together.
        seed: of the agent's own choices.
        record: hears every transition of an episode that is learned from, before it is learned from.
        chat: the language model that is asked, for rules if the author is one that asks (only while learning), for
            advice if the policy is, and for what missions mean if it is the reader. Each exchange is an event, with its
            price if `chat` is a `Watched` that knows it.

    Attributes:
        episodes: the number that the next episode gets in the experience; each gets one of its own.

    Raises:
        WorldwrightError: the configuration names an engine, policy or author that does not exist.
    """

    def __init__(
        self,
        model: WorldModel | None = None,
        config: AgentConfig | None = None,
        seed: int = 0,
        record: Recorder | None = None,
        chat: ChatModel | None = None,
    ) -> None:
        self.config = config or AgentConfig()
        self.episodes = 0
        self._given = model
        self._seed = seed
        self._record = record
        self._notes: list[Note] = []
        watched = Watched.by(self._notes.append, chat) if chat is not None else None
        self._asker = Asker(watched, self._notes.append) if watched is not None else None
        self._adviser: Adviser | None = None
        self._mind: Mind | None = None
        self._lookaheads, self._guarded = Lookaheads(), Guarded()
        self._blank: dict[str, Novelty] = {}  # of frozen minds, by world: forgotten at the beginning of each episode
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
        return list(self.learning(env_ids, steps, seed, keywords, tell))

    def learning(
        self,
        env_ids: Sequence[str],
        steps: int,
        seed: int = 0,
        keywords: Mapping[str, Any] | None = None,
        tell: Listener = ignore,
        done: Sequence[EpisodeResult] = (),
    ) -> Iterator[EpisodeResult]:
        """As `learn`, episode by episode, after those that are `done` already.

        Raises:
            WorldwrightError: an environment cannot be made or perceived, or no step can be taken in any.
        """
        envs: list[tuple[str, Env]] = []
        taken = sum(result.steps for result in done)
        number = len(done)
        idle = 0
        try:
            envs += ((env_id, make_env(env_id, **(keywords or {}))) for env_id in env_ids)
            while taken < steps:
                env_id, env = envs[number % len(envs)]
                result = self.play(env, env_id, seed + number, curious=True, max_steps=steps - taken, tell=tell)
                taken, number, idle = taken + result.steps, number + 1, 0 if result.steps else idle + 1
                yield result
                if idle >= _IN_VAIN * len(envs):
                    raise WorldwrightError(f"no step could be taken in {env_id}: {result.failure}")
        finally:
            for _, env in envs:
                env.close()

    def act(
        self,
        env_id: str,
        episodes: int = 1,
        seed: int = 0,
        freeze: bool = False,
        max_steps: int | None = None,
        keywords: Mapping[str, Any] | None = None,
        tell: Listener = ignore,
        first: int = 0,
    ) -> Iterator[EpisodeResult]:
        """Play for the sake of the goal; episode k, from the `first` on, runs on seed `seed + k`.

        With `freeze` nothing is learned, and no episode depends on those before it.
        """
        env = make_env(env_id, **(keywords or {}))
        try:
            for k in range(first, episodes):
                yield self.play(env, env_id, seed + k, freeze=freeze, max_steps=max_steps, tell=tell)
        finally:
            env.close()

    def play(
        self,
        env: Env,
        env_id: str,
        seed: int,
        *,
        curious: bool = False,
        freeze: bool = False,
        max_steps: int | None = None,
        tell: Listener = ignore,
    ) -> EpisodeResult:
        """Play one episode.

        Args:
            env: the environment, made already; it is not closed.
            env_id: what it is called in results and events.
            seed: of the episode; the agent's own choices in it follow from this and the agent's seed.
            curious: whether learning comes before the goal.
            freeze: whether nothing is learned.
            max_steps: after which the agent stops, beside the environment's own limit.
            tell: who hears the events.

        Raises:
            WorldwrightError: the environment is of a kind that no perceiver reads, or not of the model's.
        """
        perceiver = self._perceiver(env)
        mind = self._new_mind(perceiver) if freeze else self._meet(perceiver)
        mind.curious = curious
        mind.rng.seed(f"{self._seed} {env_id} {seed}")
        self.episodes += 1
        return run_episode(mind, env, env_id, seed, number=self.episodes - 1, max_steps=max_steps, tell=tell)

    def recall(self, env: Env, transitions: Iterable[Transition], surprising: Container[tuple[int, int]]) -> None:
        """Learn from recorded transitions as if they happened now, in order, without recording them again.

        A language model is asked again what it was asked then; what a recording answers is not told again.

        Args:
            env: of their kind.
            transitions: of whole episodes.
            surprising: the (episode, step) of those that surprised the agent then.
        """
        mind = self._meet(perceiver_for(env))
        learner = mind.learner
        assert learner is not None
        learner.record = None
        for _, episode in groupby(transitions, key=lambda transition: transition.episode):
            for transition in episode:
                surprised = (transition.episode, transition.step) in surprising
                hoped = Belief.of(transition.before).optimistic()
                moved = transition.certain and bool(transition.change())
                mind.explorer.note(transition.action, hoped, surprised, learner, moved)
                learner.take(transition, surprised)
            learner.review()
        learner.record = self._record
        mind.model = learner.model
        if learner.buffer:  # else nothing was told yet
            mind.notes[:] = dropwhile(was_recorded, mind.notes)

    def _meet(self, perceiver: Perceiver) -> Mind:
        """The agent's learning mind for a world; kept from one environment of that world to the next."""
        if self._mind is None:
            self._mind = self._new_mind(perceiver)
            self._mind.learner = self._new_learner(self._mind)
            if self._mind.adviser is not None and self.config.asks_for_knowledge:
                self._mind.learner.hear(self._mind.adviser.edges())
            self._mind.model = self._mind.learner.model
        require_same_vocabulary(self._mind.model, perceiver.vocabulary)
        self._mind.perceiver = perceiver
        return self._mind

    def _new_learner(self, mind: Mind) -> RuleLearner:
        vocabulary, config = mind.perceiver.vocabulary, self.config
        proposer = None
        if config.author in ASKING:
            if self._asker is None:
                raise WorldwrightError(f"author {config.author!r} asks a language model, and none was given")
            proposer = Proposer(vocabulary, self._asker, config.samples, config.refinements, self._notes.append)
        return RuleLearner(mind.model, AUTHORS[config.author](vocabulary, proposer, config.priors), self._record)

    def _new_mind(self, perceiver: Perceiver) -> Mind:
        """A mind that learns nothing and remembers nothing but the model."""
        known = self._mind.model if self._mind else self._given
        model = known or WorldModel(perceiver.vocabulary)
        require_same_vocabulary(model, perceiver.vocabulary)
        if model is self._given and model.vocabulary is not perceiver.vocabulary:
            # One and the same, so that what is compiled of a goal for the world serves the model too.
            model = self._given = replace(model, vocabulary=perceiver.vocabulary)
        rng = random.Random(self._seed)
        name = perceiver.vocabulary.name
        if name not in self._blank:
            self._blank[name] = Novelty(perceiver.vocabulary)
        explorer = Explorer(self.config, self._blank[name], rng)
        adviser = self._adviser_for(perceiver)
        mind = Mind(self.config, perceiver, model, None, explorer, rng, notes=self._notes, adviser=adviser)
        mind.lookaheads, mind.guarded = self._lookaheads, self._guarded
        return mind

    def _adviser_for(self, perceiver: Perceiver) -> Adviser | None:
        """Who asks a language model about a world, if there is one; it remembers what it was told of sentences.

        Raises:
            WorldwrightError: the configuration needs one, and there is none.
        """
        for part, name, asks in (("policy", self.config.policy, ADVISED), ("reader", self.config.reader, {"llm"})):
            if name in asks and self._asker is None:
                raise WorldwrightError(f"{part} {name!r} asks a language model, and none was given")
        if self._asker is not None and self._adviser is None:
            self._adviser = Adviser(Words(perceiver.vocabulary), self._asker)
        return self._adviser

    def _perceiver(self, env: Env) -> Perceiver:
        """What perceives an environment, with a language model's help for sentences if that is asked for."""
        perceiver = perceiver_for(env)
        adviser = self._adviser_for(perceiver)
        if adviser is None or self.config.reader != "llm" or not isinstance(perceiver, Listening):
            return perceiver
        return perceiver.with_reader(adviser)
