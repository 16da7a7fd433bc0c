"""What has been tried where: contexts of an action, and how often it was done in each.

A context is what is true of the things that matter (the references that some learned rule mentions; at first all
that is near), with names such as colours left out, unless a law singles one out, but their equality kept: a red key
before a red door is the same context as a blue one before a blue, and another than a red key before a blue door.

Beside its context an action with arguments is told apart by what these are called: each name is worth a try, and each
pair of names, though less.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import combinations

from worldwright.world_model.induction.features import Feature, FeatureSpace, Form
from worldwright.world_model.induction.references import Frame, Readable, Ref, References
from worldwright.world_model.model import Action
from worldwright.world_model.state import State
from worldwright.world_model.vocabulary import Vocabulary

Refs = tuple[Ref, ...]
Names = tuple[tuple[Ref, str], ...]

_REMEMBERED = 5_000  # steps that are counted anew when other things come to matter

NEW_CONTEXT, NEW_NAME, NEW_PAIR = range(3)  # how new an action is; less and less worth trying


class Novelty:
    """Counts contexts of actions, and says how new an action would be in a state."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        plain = next((action.name for action in vocabulary.actions if not action.types), vocabulary.actions[0].name)
        self._kin = {action.name: action.name if action.types else plain for action in vocabulary.actions}
        self._references = {name: References(vocabulary, name) for name in dict.fromkeys(self._kin.values())}
        roots = [ref for ref in self._references[self._kin[plain]].roots if not ref.is_argument]
        self._own = set(self._references[self._kin[plain]].closure(roots))
        self._nearby = {name: self._near(references) for name, references in self._references.items()}
        self._named = {name: _names_of_arguments(references) for name, references in self._references.items()}
        self._refs: dict[str, Refs] = {action: self._nearby[kin] for action, kin in self._kin.items()}
        self._singled: frozenset[Feature] = frozenset()
        self._history: deque[tuple[Action, State, bool]] = deque(maxlen=_REMEMBERED)
        self._start()

    def _near(self, references: References) -> Refs:
        """All that is near; of an action with arguments, which things these are and where, and not what they are like.

        There are too many ways to be like something: each name is tried by itself.
        """
        roots = references.roots
        if not any(ref.is_argument for ref in roots):
            return tuple(references.closure([*roots, *references.neighbours(roots)]))
        said = [a for ref in roots if ref.is_argument for a in references.attributes(ref) if not references.is_value(a)]
        return tuple(dict.fromkeys([*roots, *said]))

    def _start(self) -> None:
        pairs = dict.fromkeys((self._kin[action], refs) for action, refs in self._refs.items())
        self._spaces = {(kin, refs): _Space(self._references[kin], refs, self._singled) for kin, refs in pairs}
        self._counts: dict[tuple[str, int], int] = {}
        self._names: Counter[tuple[str, int, Names]] = Counter()
        self._totals: dict[str, int] = {}
        self._moving: set[tuple[str, int]] = set()
        self._closest: dict[str, int] = {}  # the most arguments that were the agent's own
        for action, state, moved in self._history:
            self._count(action, state, moved)

    def attend(self, refs: Mapping[str, Sequence[Ref]], named: Collection[Feature] = ()) -> None:
        """Let contexts be told apart by these references from now on.

        What matters to several actions matters to each, what matters to one alone to that one. As long as nothing
        beyond the agent itself matters to several, contexts are told apart by all that is near.

        Args:
            refs: by action, what its laws mention.
            named: the names that laws single out.
        """
        number = Counter(ref for mentioned in refs.values() for ref in set(mentioned))
        common = {ref for ref, actions in number.items() if actions > 1 and not _about_argument(ref)}
        near_enough = self._own.issuperset(common)
        wanted: dict[str, Refs] = {}
        for action, kin in self._kin.items():
            if any(ref.is_argument for ref in self._references[kin].roots):
                wanted[action] = tuple(dict.fromkeys([*self._nearby[kin], *sorted(set(refs.get(action, ())))]))
            else:
                own = {ref for ref in refs.get(action, ()) if not _about_argument(ref)}
                wanted[action] = self._nearby[kin] if near_enough else tuple(sorted(common | own))
        singled = frozenset(named)
        if wanted != self._refs or singled != self._singled:
            self._refs, self._singled = wanted, singled
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
        frame = Frame(state, action.args)
        context = self._context(action, frame, state)
        key = (action.name, context)
        self._counts[key] = self._counts.get(key, 0) + 1
        self._totals[action.name] = self._totals.get(action.name, 0) + 1
        for names in self._names_in(action, frame):
            self._names[(action.name, context, names)] += 1
        if action.args:
            own = self._own_arguments(action, frame)
            self._closest[action.name] = max(own, self._closest.get(action.name, 0))
        if moved:
            self._moving.add(key)

    def _context(self, action: Action, frame: Frame, state: Readable) -> int:
        return self._spaces[self._kin[action.name], self._refs[action.name]].context(frame, state)

    def _names_in(self, action: Action, frame: Frame) -> Iterator[Names]:
        """What the arguments are called, each and in pairs."""
        if action.args:
            known = [(ref, name) for ref in self._named[action.name] if (name := frame.resolve(ref)) is not None]
            yield from ((one,) for one in known)
            yield from combinations(known, 2)

    def times(self, state: Readable) -> Callable[[Action], int]:
        """How often an action was done in the context that it has in the state."""
        contexts: dict[tuple[str, Refs, tuple[str, ...]], int] = {}

        def count(action: Action) -> int:
            key = (self._kin[action.name], self._refs[action.name], action.args)
            if key not in contexts:
                contexts[key] = self._context(action, Frame(state, action.args), state)
            return self._counts.get((action.name, contexts[key]), 0)

        return count

    def newness(
        self, state: Readable, action: Action, enough: int, wanted: Collection[str] = frozenset()
    ) -> int | None:
        """How new an action with arguments would be: `NEW_CONTEXT` if it was done fewer than `enough` times, ...

        Names are less worth trying where the agent has less to do with the arguments than it had before, unless the
        action had an effect in that context; and more if they are wanted.
        """
        frame = Frame(state, action.args)
        context = self._context(action, frame, state)
        if self._counts.get((action.name, context), 0) < enough:
            return NEW_CONTEXT
        is_remote = self._own_arguments(action, frame) < self._closest.get(action.name, 0)
        remote = is_remote and (action.name, context) not in self._moving
        untried = [
            max(NEW_CONTEXT, len(names) + remote - any(name in wanted for _, name in names))
            for names in self._names_in(action, frame)
            if not self._names[(action.name, context, names)]
        ]
        return min(untried, default=None)

    def _own_arguments(self, action: Action, frame: Frame) -> int:
        """How many arguments are what a fact about the agent itself names."""
        roots = (ref for ref in self._references[self._kin[action.name]].roots if not ref.is_argument)
        own = {frame.resolve(ref) for ref in roots}
        return sum(arg in own for arg in action.args)

    def idle(self, state: Readable, action: Action) -> int:
        """How often the action was done in the context that it has in the state, if it never had an effect there."""
        key = (action.name, self._context(action, Frame(state, action.args), state))
        return 0 if key in self._moving else self._counts.get(key, 0)

    def total(self, action: Action) -> int:
        """How often the action was done at all."""
        return self._totals.get(action.name, 0)


def _about_argument(ref: Ref) -> bool:
    return any(part.is_argument for part in ref.parts())


def _names_of_arguments(references: References) -> list[Ref]:
    """What says of an action's arguments what they are called."""
    nominal = references.vocabulary.nominal
    said = [attribute for ref in references.roots if ref.is_argument for attribute in references.attributes(ref)]
    return [ref for ref in said if references.type_of(ref) in nominal]


class _Space:
    """Contexts over some references, as bits: features but for names (a colour as such) that no law singles out."""

    def __init__(self, references: References, refs: Refs, singled: Collection[Feature]) -> None:
        self._references = references
        self._space = FeatureSpace(references, refs)
        self._singled = singled
        self._names = 0
        self._checked = 0

    def context(self, frame: Frame, state: Readable) -> int:
        """The state's context."""
        bits = self._space.bits(frame, state)
        for index in range(self._checked, len(self._space.features)):
            feature = self._space.features[index]
            type_ = self._references.type_of(feature.ref)
            nominal = feature.form is Form.IS and type_ in self._references.vocabulary.nominal
            if nominal and feature not in self._singled:
                self._names |= 1 << index
        self._checked = len(self._space.features)
        return bits & ~self._names
