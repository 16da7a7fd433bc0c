"""What has been tried where: contexts of an action, and how often it was done in each.

A context is what is true of the things that matter (the references that some learned rule mentions; at first all
that is near), with names such as colours left out, unless a law singles one out, but their equality kept: a red key
before a red door is the same context as a blue one before a blue, and another than a red key before a blue door.

An action with arguments has far too many contexts to try them all, since each argument may be like many things. Its
context is only how the arguments relate to the agent and to each other (what is held, what is here); beside that each
trait of the arguments (their kinds, whether open, whether hot) is worth a try, and each pair of traits, though less:
few faults need more than two factors at once (Kuhn, Wallace & Gallo, IEEE TSE 2004).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

from worldwright.world_model.induction.features import Feature, FeatureSpace, Form
from worldwright.world_model.induction.references import Frame, Readable, Ref, References
from worldwright.world_model.model import Action
from worldwright.world_model.state import State
from worldwright.world_model.vocabulary import Vocabulary

Refs = tuple[Ref, ...]

_REMEMBERED = 5_000  # steps that are counted anew when other things come to matter

NEW_CONTEXT, NEW_TRAIT, NEW_PAIR = range(3)  # how new an action is; less and less worth trying

_TO_BE_SURE = 3  # times that an action that works elsewhere must fail under some condition

_RELATING = (Form.IS, Form.SOME, Form.SAME, Form.DIFFERENT)  # of things: nothing or something, the same or another


@dataclass(frozen=True)
class Trial:
    """An action, and what is to hold when it is done."""

    action: str
    features: tuple[Feature, ...]


@dataclass
class _Tally:
    """How often what was done. Keys begin with the action.

    Attributes:
        contexts: by context.
        totals: at all.
        moving: contexts in which it had an effect.
        closest: the most arguments that were the agent's own, and at hand.
        tried, surprising: by relations, how often it was done, and surprised.
        surprises: how often it surprised at all.
        worked: by relations, the traits with which it had an effect.
        traits: by relations and traits.
        ties: by relations, how many arguments were the agent's own, and at hand.
    """

    contexts: Counter[tuple[str, int]] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    moving: set[tuple[str, int]] = field(default_factory=set)
    closest: dict[str, tuple[int, int]] = field(default_factory=dict)
    tried: Counter[tuple[str, int]] = field(default_factory=Counter)
    surprising: Counter[tuple[str, int]] = field(default_factory=Counter)
    surprises: Counter[str] = field(default_factory=Counter)
    worked: dict[tuple[str, int], int] = field(default_factory=dict)
    traits: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    ties: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)


class Novelty:
    """Counts contexts of actions, and says how new an action would be in a state."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        plain = next((action.name for action in vocabulary.actions if not action.types), vocabulary.actions[0].name)
        self._kin = {action.name: action.name if action.types else plain for action in vocabulary.actions}
        self._references = {name: References(vocabulary, name) for name in dict.fromkeys(self._kin.values())}
        roots = [ref for ref in self._references[self._kin[plain]].roots if not ref.is_argument]
        self._own = set(self._references[self._kin[plain]].closure(roots))
        self._nearby = {name: self._near(references) for name, references in self._references.items()}
        self._refs: dict[str, Refs] = {action: self._nearby[kin] for action, kin in self._kin.items()}
        self._singled: frozenset[Feature] = frozenset()
        self._history: deque[tuple[Action, State, bool, bool]] = deque(maxlen=_REMEMBERED)
        self._start()

    def _near(self, references: References) -> Refs:
        """All that is near; of an action with arguments, only these and what is the agent's own."""
        roots = references.roots
        if references.takes_arguments:
            return tuple(roots)
        return tuple(references.closure([*roots, *references.neighbours(roots)]))

    def _start(self) -> None:
        self._spaces: dict[tuple[str, Refs], _Space] = {}
        self._counted = _Tally()
        self._waiting = list(self._history)

    @property
    def _tally(self) -> _Tally:
        """What was done, counted. That is put off until somebody asks: who does not learn hardly ever does."""
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            self._count(self._counted, *done)
        return self._counted

    def _space(self, action: str) -> _Space:
        """The features by which the contexts of an action are told apart."""
        key = (self._kin[action], self._refs[action])
        if key not in self._spaces:
            self._spaces[key] = _Space(self._references[key[0]], key[1], self._singled)
        return self._spaces[key]

    def attend(self, refs: Mapping[str, Sequence[Ref]], named: Collection[Feature] = ()) -> bool:
        """Let contexts be told apart by these references from now on; returns whether that is news.

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
            own = {ref for ref in refs.get(action, ()) if not _about_argument(ref)}
            near = near_enough or self._references[kin].takes_arguments
            wanted[action] = self._nearby[kin] if near else tuple(sorted(common | own))
        singled = frozenset(named)
        if wanted == self._refs and singled == self._singled:
            return False
        self._refs, self._singled = wanted, singled
        self._start()
        return True

    def forget(self) -> None:
        """Count from nothing again."""
        self._history.clear()
        self._start()

    def add(self, action: Action, state: State, moved: bool = False, surprised: bool = False) -> None:
        """Count that the action was done in the state; `moved`: surely to some effect; `surprised`: to another."""
        done = (action, state, moved, surprised)
        self._history.append(done)
        self._waiting.append(done)

    @property
    def done(self) -> Sequence[tuple[Action, State, bool]]:
        """What was done lately, with the state in which it was done and whether it surely had an effect."""
        return [(action, state, moved) for action, state, moved, _ in self._history]

    def _count(self, tally: _Tally, action: Action, state: State, moved: bool, surprised: bool) -> None:
        frame = Frame(state, action.args)
        seen = self._view(action, frame, state)
        key = (action.name, seen.context)
        tally.contexts[key] += 1
        tally.totals[action.name] += 1
        if action.args:
            related = (action.name, seen.relations)
            tally.tried[related] += 1
            tally.surprising[related] += surprised
            tally.surprises[action.name] += surprised
            if moved:
                tally.worked[related] = tally.worked.get(related, 0) | seen.traits
            tally.traits.update((*related, traits) for traits in seen.combinations())
            close, closest = self._closeness(action, frame), tally.closest.get(action.name, (0, 0))
            tally.ties[related] = close
            tally.closest[action.name] = (max(close[0], closest[0]), max(close[1], closest[1]))
        if moved:
            tally.moving.add(key)

    def _view(self, action: Action, frame: Frame, state: Readable) -> _View:
        return self._space(action.name).view(frame, state)

    def times(self, state: Readable) -> Callable[[Action], int]:
        """How often an action was done in the context that it has in the state."""
        contexts: dict[tuple[str, Refs, tuple[str, ...]], int] = {}

        def count(action: Action) -> int:
            key = (self._kin[action.name], self._refs[action.name], action.args)
            if key not in contexts:
                contexts[key] = self._view(action, Frame(state, action.args), state).context
            return self._tally.contexts[action.name, contexts[key]]

        return count

    def sight(self, state: Readable, action: Action) -> Sight:
        """What an action with arguments meets in a state; it stays so until other things come to matter (`attend`)."""
        frame = Frame(state, action.args)
        return Sight(self._view(action, frame, state), *self._closeness(action, frame))

    def newness(
        self, action: Action, sight: Sight, enough: int, wanted: Collection[str] = frozenset()
    ) -> tuple[int, float] | None:
        """How new an action with arguments would be, and the chance that it surprises; None if it is not new at all.

        It is `NEW_CONTEXT` if it was done fewer than `enough` times there. Traits are not worth trying where fewer
        arguments are at hand than were before, and less where fewer are the agent's own, unless the action had an
        effect in that context. A wanted one is worth as much as a new context. The chance of a surprise is what it
        was so far where arguments related so to the agent, and before there were such cases what it was at all.
        """
        space = self._space(action.name)
        seen = sight.view
        if self._tally.contexts[action.name, seen.context] < enough:
            return NEW_CONTEXT, 1.0
        nearest = self._tally.closest.get(action.name, (0, 0))
        moved = (action.name, seen.context) in self._tally.moving
        if sight.near < nearest[1] and not moved:
            return None
        sought = space.called(wanted)
        less = sight.own < nearest[0] and not moved
        untried = [
            traits.bit_count() + less - (traits.bit_count() == 1 and bool(traits & sought))
            for traits in seen.combinations()
            if self._is_untried(action.name, seen, traits, space.names_bits)
        ]
        if not untried:
            return None
        return min(untried), self._chance(action.name, seen.relations)

    def _is_untried(self, action: str, seen: _View, traits: int, names: int) -> bool:
        """Whether to try an action with some traits: once, or more often if it may be these that keep it from working.

        So may a thing's condition, where the action did work otherwise; what things are called is too much to try.
        """
        times = self._tally.traits[action, seen.relations, traits]
        worked = self._tally.worked.get((action, seen.relations), 0)
        is_condition = traits.bit_count() == 1 and not traits & names
        return times < (_TO_BE_SURE if worked and is_condition and not traits & worked else 1)

    def _chance(self, action: str, relations: int) -> float:
        """The chance of a surprise where arguments relate so, shrunk towards that in all, which is worth two cases."""
        key = (action, relations)
        return (self._tally.surprising[key] + 2 * self.promise(action)) / (self._tally.tried[key] + 2)

    def promise(self, action: str) -> float:
        """The chance that an action surprises (Laplace's estimate)."""
        return (self._tally.surprises[action] + 1) / (self._tally.totals[action] + 2)

    def with_arguments(self) -> list[str]:
        """The actions with arguments that were done."""
        return sorted(self._tally.closest)

    def untried(self, action: str, state: State, wanted: Collection[str]) -> list[list[Trial]]:
        """What an action with arguments was not tried with, of what there is: what is most worth trying first.

        That is first what is wanted, with each of the other traits; then the traits of which there are fewest, and so
        on. They are tried with the arguments as much the agent's own as ever.
        """
        space = self._space(action)
        ties = [
            bits for (name, bits), close in self._tally.ties.items() if name == action and self._is_close(name, close)
        ]
        present = {ref: space.present(ref, state) for ref in space.names()}
        groups: list[list[tuple[Feature, ...]]] = [
            [(feature,) for feature in features] for features in sorted(present.values(), key=len)
        ]
        sought = [(ref, f) for ref, features in present.items() for f in features if f.value in wanted]
        first: list[tuple[Feature, ...]] = [
            (feature, *others)
            for ref, feature in sought
            for others in product(*(features for other, features in present.items() if other.keys != ref.keys))
        ]
        return [
            [
                Trial(action, (*space.relating(tie), *features))
                for tie in ties
                for features in group
                if not self._tally.traits[action, tie, space.bits(features)]
            ]
            for group in (first, *groups)
        ]

    def _is_close(self, action: str, close: tuple[int, int]) -> bool:
        own, near = self._tally.closest[action]
        alone = sum(ref.is_argument for ref in self._references[self._kin[action]].roots) == 1
        return close[1] == near and (alone or close[0] == own)

    def _closeness(self, action: Action, frame: Frame) -> tuple[int, int]:
        """How many arguments are what a fact about the agent itself names; and how many that, or in or on that."""
        references = self._references[self._kin[action.name]]
        own = {frame.resolve(ref) for ref in references.roots if not ref.is_argument}
        near = sum(
            not own.isdisjoint({arg, *map(frame.resolve, references.attributes(Ref(f"?{index}")))})
            for index, arg in enumerate(action.args)
        )
        return sum(arg in own for arg in action.args), near

    def idle(self, state: Readable, action: Action) -> int:
        """How often the action was done in the context that it has in the state, if it never had an effect there."""
        key = (action.name, self._view(action, Frame(state, action.args), state).context)
        return 0 if key in self._tally.moving else self._tally.contexts[key]

    def total(self, action: Action) -> int:
        """How often the action was done at all."""
        return self._tally.totals[action.name]


def _about_argument(ref: Ref) -> bool:
    return any(part.is_argument for part in ref.parts())


@dataclass(frozen=True)
class _View:
    """What an action meets in a state, as bits of a feature space.

    Attributes:
        context: what tells contexts apart.
        relations: how arguments relate to the agent and to each other.
        traits: what the arguments are like.
    """

    context: int
    relations: int
    traits: int

    def combinations(self) -> list[int]:
        """Each trait, and each pair of traits."""
        single = [1 << index for index in range(self.traits.bit_length()) if self.traits >> index & 1]
        return [*single, *(one | other for one, other in combinations(single, 2))]


@dataclass(frozen=True)
class Sight:
    """What an action with arguments meets in a state, and how many of these are the agent's own, and at hand."""

    view: _View
    own: int
    near: int


class _Space:
    """Contexts over some references, as bits of a feature space; names (a colour as such) count if a law has them."""

    def __init__(self, references: References, refs: Refs, singled: Collection[Feature]) -> None:
        self._references = references
        arguments = [ref for ref in references.roots if ref.is_argument]
        said = (attribute for ref in arguments for attribute in references.attributes(ref))
        self._space = FeatureSpace(references, tuple(dict.fromkeys([*refs, *said])), related=arguments or None)
        self._singled = singled
        self._contexts = self._relations = self._traits = 0
        self._called: dict[str, int] = {}
        self.names_bits = 0  # traits that are mere names
        self._checked = 0

    def view(self, frame: Frame, state: Readable) -> _View:
        """What an action meets in a state."""
        bits = self._space.bits(frame, state)
        for index in range(self._checked, len(self._space.features)):
            self._sort_in(self._space.features[index], 1 << index)
        self._checked = len(self._space.features)
        return _View(bits & self._contexts, bits & self._relations, bits & self._traits)

    def names(self) -> list[Ref]:
        """What says of the arguments what they are called."""
        refs = self._space.refs
        return [ref for ref in refs if ref.keys and ref.keys[0].is_argument and self._references.is_name(ref)]

    def present(self, ref: Ref, state: State) -> list[Feature]:
        """The traits that say what the things there are are called."""
        type_ = self._references.type_of(ref.keys[0])
        values = {state.value((ref.head, thing)) for thing in state.universe.objects(type_)} - {None}
        return [Feature(Form.IS, ref, str(value)) for value in sorted(map(str, values))]

    def bits(self, features: Collection[Feature]) -> int:
        """The traits as bits."""
        return sum(self._space.bit(feature) for feature in features)

    def relating(self, relations: int) -> list[Feature]:
        """What relations say for certain: what is the same, and what is nothing."""
        return [feature for feature in self._space.unpack(relations) if feature.form in (Form.IS, Form.SAME)]

    def called(self, names: Collection[str]) -> int:
        """The traits that bear one of the names."""
        return sum(self._called.get(name, 0) for name in names) if names else 0

    def _sort_in(self, feature: Feature, bit: int) -> None:
        is_value = self._references.is_value(feature.ref)
        is_name = self._references.is_name(feature.ref)
        if not self._references.takes_arguments:
            matters = feature in self._singled or not (is_name and feature.form is Form.IS)
        elif feature.form in _RELATING and not is_value:
            self._relations |= bit
            matters = True
        else:
            matters = False
            if feature.form in (Form.IS, Form.TRUE):
                self._traits |= bit
                self._called[feature.value] = self._called.get(feature.value, 0) | bit
                self.names_bits |= bit if is_name else 0
        if matters:
            self._contexts |= bit
