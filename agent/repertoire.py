"""What can be done where: actions with their arguments, as far as these are at hand.

At hand is what the agent's own facts name (where it is, what it holds) and what is in or on that. An action of one
argument may be done to anything; one of several only to what is at hand, for there are too many ways to do it else.
Where one only looks ahead, all is done to what is at hand: what is far can be done from here as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from worldwright.world_model.induction.references import Readable
from worldwright.world_model.model import Action
from worldwright.world_model.state import Universe
from worldwright.world_model.vocabulary import ActionSignature, Vocabulary


class Repertoire:
    """The actions of a world, grounded in its states."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._signatures = vocabulary.actions
        self._vocabulary = vocabulary
        self._plain = tuple(Action(signature.name) for signature in self._signatures if not signature.types)
        functional = [p for p in vocabulary.predicates if p.functional and not p.static]
        self._own = [(p.name,) for p in functional if len(p.types) == 1]
        self._links = [(p.name, p.types[0]) for p in functional if len(p.types) == 2]

    @property
    def takes_arguments(self) -> bool:
        """Whether any action does."""
        return len(self._plain) < len(self._signatures)

    def actions(self, state: Readable, universe: Universe, ahead: bool = False) -> list[Action]:
        """What can be done in a state, in a fixed order.

        Args:
            state: any state.
            universe: the objects that are known.
            ahead: whether the state is only looked ahead to.
        """
        if not self.takes_arguments:
            return list(self._plain)
        near = self._at_hand(state, universe)
        anything = 0 if ahead else 1  # up to how many arguments may be anything
        return [action for s in self._signatures for action in self._grounded(s, near, universe, anything)]

    def _at_hand(self, state: Readable, universe: Universe) -> list[str]:
        constants = self._vocabulary.constant_types
        own = dict.fromkeys(str(value) for value in map(state.value, self._own) if value is not None)
        here = [name for name in own if name not in constants]
        linked = [
            name
            for predicate, type_ in self._links
            for name in universe.objects(type_)
            if name not in constants and state.value((predicate, name)) in here
        ]
        return list(dict.fromkeys([*here, *linked]))

    def _grounded(
        self, signature: ActionSignature, near: Iterable[str], universe: Universe, anything: int
    ) -> Iterator[Action]:
        constants = self._vocabulary.constant_types
        pools = [
            [name for name in universe.objects(type_) if name not in constants]
            if len(signature.types) <= anything
            else [name for name in near if self._vocabulary.is_a(universe.types[name], type_)]
            for type_ in signature.types
        ]
        for args in product(*pools):
            if len(set(args)) == len(args):
                yield Action(signature.name, args)
