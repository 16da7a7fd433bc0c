"""What happened when something was done: the unit of experience."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from worldwright.world_model.model import Action
from worldwright.world_model.state import Change, Fluent, State
from worldwright.world_model.vocabulary import ENDED, GOAL_HOLDS, WON


@dataclass(frozen=True)
class Transition:
    """One step of an episode, as far as it was observable.

    Attributes:
        before: what was known before.
        action: what was done.
        after: what was known afterwards; what was out of view keeps its old value.
        observed: the objects all of whose facts were in view afterwards.
        certain: False where the step is no evidence, since the view did not settle what it shows.
        episode, step: where it comes from; `source` says who made it.
    """

    before: State
    action: Action
    after: State
    observed: frozenset[str]
    certain: bool = True
    episode: int = 0
    step: int = 0
    source: str = "agent"

    def is_observed(self, fluent: Fluent) -> bool:
        """Whether the fluent's value afterwards was seen rather than remembered."""
        constants = self.before.universe.vocabulary.constant_types
        return all(name in self.observed or name in constants for name in fluent[1:])

    def change(self) -> Change:
        """The fluents known before whose value is seen to have changed, with the new values.

        What the agent itself derives is no effect: that the goal holds, and an end that comes with its holding.
        """
        return dict(self._change)

    @cached_property
    def _change(self) -> Change:
        functional = self.before.universe.vocabulary.is_functional
        reached = self.after.value((GOAL_HOLDS,)) is not None and self.before.value((GOAL_HOLDS,)) is None
        derived = {GOAL_HOLDS, ENDED, WON} if reached else {GOAL_HOLDS}
        return {
            fluent: value
            for fluent, value in self.before.difference(self.after).items()
            if fluent[0] not in derived
            and (fluent in self.before.values or not functional(fluent[0]))
            and (len(fluent) == 1 or self.is_observed(fluent))
        }
