"""What has been tried where: contexts of an action, and how often it was done in each.

A context is what is true of the things that matter (the references that some learned rule mentions; at first all
that is near), with names such as colours left out but their equality kept: a red key before a red door is the same
context as a blue one before a blue, and another than a red key before a blue door.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from worldwright.world_model.induction.features import FeatureSpace, Form
from worldwright.world_model.induction.references import Frame, Readable, Ref, References
from worldwright.world_model.model import Action
from worldwright.world_model.state import State
from worldwright.world_model.vocabulary import Vocabulary

Refs = tuple[Ref, ...]

_REMEMBERED = 5_000  # steps that are counted anew when other things come to matter


class Novelty:
    """Counts contexts of actions, and says how new an action would be in a state."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._references = References(vocabulary, vocabulary.actions[0].name)
        roots = [ref for ref in self._references.roots if not ref.is_argument]
        self._own = set(self._references.closure(roots))
        self._nearby = tuple(self._references.closure([*roots, *self._references.neighbours(roots)]))
        self._refs: dict[str, Refs] = {action.name: self._nearby for action in vocabulary.actions}
        self._history: deque[tuple[Action, State, bool]] = deque(maxlen=_REMEMBERED)
        self._start()

    def _start(self) -> None:
        self._spaces = {refs: _Space(self._references, refs) for refs in self._refs.values()}
        self._counts: dict[tuple[Action, int], int] = {}
        self._totals: dict[Action, int] = {}
        self._moving: set[tuple[Action, int]] = set()
        for action, state, moved in self._history:
            self._count(action, state, moved)

    def attend(self, refs: Mapping[str, Sequence[Ref]]) -> None:
        """Let contexts be told apart by these references from now on.

        What matters to several actions matters to each, what matters to one alone to that one. As long as nothing
        beyond the agent itself matters to several, contexts are told apart by all that is near.

        Args:
            refs: by action, what its laws mention.
        """
        number = Counter(ref for mentioned in refs.values() for ref in set(mentioned))
        common = {ref for ref, actions in number.items() if actions > 1}
        wanted: dict[str, Refs] = {}
        for action in self._refs:
            own = {
                ref for ref in common.union(refs.get(action, ())) if not any(part.is_argument for part in ref.parts())
            }
            wanted[action] = self._nearby if self._own.issuperset(common) else tuple(sorted(own))
        if wanted != self._refs:
            self._refs = wanted
            self._start()

    def forget(self) -> None:
        """Count from nothing again."""
        self._history.clear()
        self._start()

    def add(self, action: Action, state: State, moved: bool = False) -> None:
        """Count that the action was done in the state; `moved`: surely to some effect."""
        self._history.append((action, state, moved))
        self._count(action, state, moved)

    def _count(self, action: Action, state: State, moved: bool) -> None:
        key = (action, self._spaces[self._refs[action.name]].context(state))
        self._counts[key] = self._counts.get(key, 0) + 1
        self._totals[action] = self._totals.get(action, 0) + 1
        if moved:
            self._moving.add(key)

    def times(self, state: Readable) -> Callable[[Action], int]:
        """How often an action was done in the context that it has in the state."""
        contexts: dict[Refs, int] = {}

        def count(action: Action) -> int:
            refs = self._refs[action.name]
            if refs not in contexts:
                contexts[refs] = self._spaces[refs].context(state)
            return self._counts.get((action, contexts[refs]), 0)

        return count

    def idle(self, state: Readable, action: Action) -> int:
        """How often the action was done in the context that it has in the state, if it never had an effect there."""
        key = (action, self._spaces[self._refs[action.name]].context(state))
        return 0 if key in self._moving else self._counts.get(key, 0)

    def total(self, action: Action) -> int:
        """How often the action was done at all."""
        return self._totals.get(action, 0)


class _Space:
    """Contexts over some references, as bits: features but for names (a colour as such)."""

    def __init__(self, references: References, refs: Refs) -> None:
        self._references = references
        self._space = FeatureSpace(references, refs)
        self._names = 0
        self._checked = 0

    def context(self, state: Readable) -> int:
        """The state's context."""
        bits = self._space.bits(Frame(state), state)
        for index in range(self._checked, len(self._space.features)):
            feature = self._space.features[index]
            type_ = self._references.type_of(feature.ref)
            if feature.form is Form.IS and type_ in self._references.vocabulary.nominal:
                self._names |= 1 << index
        self._checked = len(self._space.features)
        return bits & ~self._names
