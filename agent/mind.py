"""What an agent keeps from episode to episode."""

from __future__ import annotations

import random
from dataclasses import dataclass

from worldwright.agent.config import AgentConfig
from worldwright.agent.explorer import Explorer
from worldwright.agent.learner import RuleLearner
from worldwright.envs.perceiver import Perceiver
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import State

_FROZEN = 20  # what a frozen model says nothing of is taken to have been tried


@dataclass
class Mind:
    """The laws believed, who learns them (None: they are frozen), and what was tried so far."""

    config: AgentConfig
    perceiver: Perceiver
    model: WorldModel
    learner: RuleLearner | None
    explorer: Explorer
    rng: random.Random
    curious: bool = False  # learning comes before the goal

    def experience(self, action: Action, hoped: State) -> int:
        """On how many transitions rests what is expected of an action in a state.

        That is the support of a rule that applies, or how often the action was done in such a context to no effect.
        """
        support = max((firing.rule.evidence.support for firing in self.model.firings(hoped, action)), default=None)
        if support is not None:
            return support
        if self.learner is None:
            return _FROZEN
        return self.explorer.novelty.times(action, self.explorer.novelty.context(hoped))
