"""What an agent keeps from episode to episode."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from worldwright.agent.config import AgentConfig
from worldwright.agent.explorer import Explorer
from worldwright.agent.guarded import Guarded
from worldwright.agent.learner import RuleLearner
from worldwright.envs.perceiver import Perceiver
from worldwright.planning.lookahead import Lookaheads
from worldwright.world_model.goal import Goal
from worldwright.world_model.language import ActionRule, Literal
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.proposing.adviser import Adviser
from worldwright.world_model.proposing.notes import Note
from worldwright.world_model.scene_graph import Position
from worldwright.world_model.state import State

_WELL_KNOWN = 20
_SUPPORTED = 3
_AT_FIRST = 2  # how far a rule is relied on where it was never tried, in transitions
_PER_TRY = 5  # and how much farther for each time that it was
_FROZEN = 20  # so often at least all that a frozen model foretells is taken to have been tried


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
    ways: dict[str, Counter[Position]] = field(default_factory=dict)  # how far each action moved the agent
    notes: list[Note] = field(default_factory=list)  # what was asked of a language model and not told yet
    adviser: Adviser | None = None  # who asks a language model for more than rules
    lookaheads: Lookaheads = field(default_factory=Lookaheads)
    guarded: Guarded = field(default_factory=Guarded)
    _placed: set[str] = field(default_factory=set)  # the kinds of things whose usual places were asked for

    def experience(self, action: Action, hoped: State) -> int:
        """On how many transitions rests what is expected of an action in a state.

        That is the support of a rule that applies, as far as it was tried in such a context; or, for an action that
        sometimes moves the agent, how often it was done in such a context to no effect; or how often it was done at
        all.
        """
        support = max((firing.rule.evidence.support for firing in self.model.firings(hoped, action)), default=None)
        if self.learner is None:
            return max(support or 0, _FROZEN)
        if support is not None:
            novelty = self.explorer.novelty
            elsewhere = min(support, novelty.total(action))  # the rest of its support is from before
            return support - elsewhere + min(elsewhere, _AT_FIRST + _PER_TRY * novelty.times(hoped)(action))
        moved = any(way != (0, 0) for way in self.ways.get(action.name, ()))
        if moved or any(self._moves(rule) for rule in self.model.rules_for(action.name)):
            return self.explorer.novelty.idle(hoped, action)
        return self.learner.experience(action.name)

    def ask_for_missing(self, goal: Goal, state: State) -> None:
        """There is no plan to a goal: whoever proposes rules may say which one is missing."""
        if self.learner is not None and self.learner.ask_for_missing(goal, state):
            self.model = self.learner.model

    def ask_for_places(self, kinds: Iterable[str], sorts: Sequence[str]) -> None:
        """Ask where things of some kinds usually are, once for each kind; what is said becomes part of the model."""
        news = [kind for kind in kinds if kind not in self._placed]
        if self.learner is None or self.adviser is None or not self.config.asks_for_knowledge or not news:
            return
        self._placed.update(news)
        self.learner.hear(self.adviser.places(news, sorts))
        self.model = self.learner.model

    def usual_ways(self, action: Action) -> list[Position]:
        """The ways, (ahead, to the right), that an action has led; none while it is not well known.

        By a frozen model an action that moves the agent by no rule leaves it where it is.
        """
        rules = self.model.rules_for(action.name)
        if self.learner is None and rules and not any(self._changes_place(rule) for rule in rules):
            return [(0, 0)]
        ways = self.ways.get(action.name, Counter())
        often = [way for way, number in ways.items() if number * 50 >= ways.total()]
        return often if ways.total() >= _WELL_KNOWN else []

    def walks(self, action: Action) -> bool:
        """Whether an action is known to move the agent, and not to change any thing."""
        rules = self.model.rules_for(action.name)
        effects = (e for rule in rules for o in rule.outcomes for e in o.effects if isinstance(e, Literal))
        return all(len(e.atom.args) <= 1 for e in effects) and any(self._moves(rule) for rule in rules)

    def _moves(self, rule: ActionRule) -> bool:
        """Whether a rule, well supported, moves the agent."""
        return rule.evidence.support >= _SUPPORTED and self._changes_place(rule)

    def _changes_place(self, rule: ActionRule) -> bool:
        """Whether a rule changes something of the agent itself but its heading."""
        own = {p.name for p in self.model.vocabulary.predicates if p.functional and len(p.types) == 1}
        nominal = self.model.vocabulary.nominal
        changed = {e.atom.predicate for o in rule.outcomes for e in o.effects if isinstance(e, Literal)} & own
        return any(self.model.vocabulary.predicate(name).types[0] not in nominal for name in changed)
