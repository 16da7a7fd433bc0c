"""What has been tried where: contexts of an action, and how often it was done in each.

A context is what is true of the things that matter (the references that some learned rule mentions; at first all
that is near), with names such as colours left out but their equality kept: a red key before a red door is the same
context as a blue one before a blue, and another than a red key before a blue door.
"""

from __future__ import annotations

from collections import deque

from worldwright.world_model.induction.features import FeatureSpace, Form
from worldwright.world_model.induction.references import Frame, Readable, Ref, References
from worldwright.world_model.model import Action
from worldwright.world_model.state import State
from worldwright.world_model.vocabulary import Vocabulary

_REMEMBERED = 5_000  # steps that are counted anew when other things come to matter


class Novelty:
    """Counts contexts of actions, and says how new an action would be in a state."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._references = References(vocabulary, vocabulary.actions[0].name)
        roots = [ref for ref in self._references.roots if not ref.is_argument]
        self._own = set(self._references.closure(roots))
        nearby = self._references.closure([*roots, *self._references.neighbours(roots)])
        self._nearby = self._references.closure(nearby)
        self._refs: list[Ref] = self._nearby
        self._history: deque[tuple[Action, State]] = deque(maxlen=_REMEMBERED)
        self._start()

    def _start(self) -> None:
        self._space = FeatureSpace(self._references, self._refs)
        self._names = 0
        self._checked = 0
        self._counts: dict[tuple[Action, int], int] = {}
        self._totals: dict[Action, int] = {}
        for action, state in self._history:
            self._count(action, state)

    def attend(self, refs: list[Ref]) -> None:
        """Let contexts be told apart by these references from now on.

        As long as they do not go beyond the agent itself contexts are told apart by all that is near.
        """
        wanted = sorted(ref for ref in refs if not any(part.is_argument for part in ref.parts()))
        if self._own.issuperset(wanted):
            wanted = self._nearby
        if wanted != self._refs:
            self._refs = wanted
            self._start()

    def forget(self) -> None:
        """Count from nothing again."""
        self._history.clear()
        self._start()

    def add(self, action: Action, state: State) -> None:
        """Count that the action was done in the state."""
        self._history.append((action, state))
        self._count(action, state)

    def _count(self, action: Action, state: State) -> None:
        key = (action, self.context(state))
        self._counts[key] = self._counts.get(key, 0) + 1
        self._totals[action] = self._totals.get(action, 0) + 1

    def context(self, state: Readable) -> int:
        """The state's context, as bits."""
        bits = self._space.bits(Frame(state), state)
        return bits & ~self._nominal()

    def _nominal(self) -> int:
        for index in range(self._checked, len(self._space.features)):
            feature = self._space.features[index]
            type_ = self._references.type_of(feature.ref)
            if feature.form is Form.IS and type_ in self._vocabulary.nominal:
                self._names |= 1 << index
        self._checked = len(self._space.features)
        return self._names

    def times(self, action: Action, context: int) -> int:
        """How often the action was done in the context."""
        return self._counts.get((action, context), 0)

    def total(self, action: Action) -> int:
        """How often the action was done at all."""
        return self._totals.get(action, 0)
