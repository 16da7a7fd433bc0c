"""What is not to be done on the way to a goal, whatever the laws say."""

from __future__ import annotations

from worldwright.world_model.model import Action
from worldwright.world_model.state import Change, Fluent, Readable, Value
from worldwright.world_model.vocabulary import Vocabulary

Situation = frozenset[tuple[Fluent, Value | None]]  # None: it has no value, or does not hold
Barred = frozenset[tuple[str, Situation]]  # actions by name, each with facts where it is not to be done


class Bars:
    """Withholds actions, and remembers whether it did.

    Attributes:
        barred: actions by name, each with facts where it is not to be done.
        spared: things that are not to vanish.
        withheld: how often something was withheld that the laws have an effect for.
    """

    def __init__(self, vocabulary: Vocabulary, barred: Barred, spared: frozenset[str]) -> None:
        self.barred = barred
        self.spared = spared
        self.withheld = 0
        self._where = vocabulary.placing

    def __bool__(self) -> bool:
        return bool(self.barred or self.spared)

    def withholds(self, action: Action, state: Readable, change: Change) -> bool:
        """Whether an action without arguments that would make a change is not to be done in a state."""
        found = self._is_barred(action, state) or self._loses(state, change)
        self.withheld += found
        return found

    def _is_barred(self, action: Action, state: Readable) -> bool:
        return any(
            name == action.name and all(state.value(fluent) == value for fluent, value in situation)
            for name, situation in self.barred
        )

    def _loses(self, state: Readable, change: Change) -> bool:
        gone = (state.value(fluent) for fluent in change if fluent[0] in self._where)
        return any(thing in self.spared and thing not in change.values() for thing in gone)

    def may_be_lost(self, fluent: Fluent, value: Value | None) -> bool:
        """Whether something that is spared is where it is by this, so that it vanishes if it is put nowhere else."""
        return value in self.spared and fluent[0] in self._where
