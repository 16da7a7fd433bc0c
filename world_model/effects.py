"""What the effects of rules change in a state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from worldwright.world_model.discrimination import Match, Slots, Slotting, ValueOf, picker
from worldwright.world_model.language import CounterChange, CounterOp, Effect, Literal
from worldwright.world_model.matching import Binding, ground
from worldwright.world_model.state import Change, Fluent, Readable
from worldwright.world_model.vocabulary import Vocabulary


def effects_of(effects: Sequence[Effect], binding: Binding, state: Readable) -> Change:
    """The change that effects make in a state: deletions first, then additions and counters (STRIPS)."""
    change: Change = {}
    vocabulary = state.universe.vocabulary
    deleted = [e.atom for e in effects if isinstance(e, Literal) and not e.positive]
    for atom in deleted:
        fluent = ground(atom, binding)
        if not vocabulary.predicate(atom.predicate).functional:
            change[fluent] = None
        elif state.value(fluent[:-1]) == fluent[-1]:
            change[fluent[:-1]] = None
    for effect in effects:
        if isinstance(effect, CounterChange):
            fluent = ground(effect.counter, binding)
            change[fluent] = counted(effect, vocabulary, _count(state, fluent))
        elif effect.positive:
            fluent = ground(effect.atom, binding)
            functional = vocabulary.predicate(effect.atom.predicate).functional
            change.update({fluent[:-1]: fluent[-1]} if functional else {fluent: True})
    return change


def counted(effect: CounterChange, vocabulary: Vocabulary, before: int) -> int:
    """The counter's number after the effect, kept within its bounds."""
    counter = vocabulary.counter(effect.counter.predicate)
    after = {
        CounterOp.INCREASE: before + effect.number,
        CounterOp.DECREASE: before - effect.number,
        CounterOp.ASSIGN: effect.number,
    }[effect.op]
    return min(max(after, counter.low), counter.high)


def _count(state: Readable, fluent: Fluent) -> int:
    return int(state.value(fluent) or 0)


# -- compiled ----------------------------------------------------------------------------------------------------------

Changing = Callable[[ValueOf, Slots], Change]


def changing(slotting: Slotting, matches: Sequence[Match]) -> Changing:
    """What becomes otherwise when the likeliest outcomes of rules come about together, made ready to be asked often.

    It is as in `WorldModel.predict`: the first rule that gives a fluent a value wins.
    """
    parts = [_compiled(slotting, match, alone=len(matches) == 1) for match in matches]
    if len(parts) == 1:  # as it mostly is
        return parts[0]

    def change(value: ValueOf, slots: Slots) -> Change:
        found: Change = {}
        for part in parts:
            for fluent, then in part(value, slots).items():
                if found.get(fluent) is None:
                    found[fluent] = then
        return _news(found, value)

    return change


def _news(change: Change, value: ValueOf) -> Change:
    """What was not so before. It is told last: also who says that all stays as it is may be the first to say so."""
    return {fluent: then for fluent, then in change.items() if value(fluent) != then}


def _compiled(slotting: Slotting, match: Match, alone: bool) -> Changing:
    """What `effects_of` says of a rule's likeliest outcome; of one that fires alone only what was not so before."""
    effects = match.rule.likeliest().effects
    literals = [_placed(slotting, effect, match) for effect in effects if isinstance(effect, Literal)]
    added = [(picker(fluent), then) for fluent, then, positive in literals if positive]
    settled = {fluent for fluent, _, positive in literals if positive}
    deleted = [(picker(fluent), then) for fluent, then, positive in literals if not positive and fluent not in settled]
    counts = [
        (effect, picker(slotting.fluent(effect.counter, match.places, functional=False)))
        for effect in effects
        if isinstance(effect, CounterChange)
    ]

    def change(value: ValueOf, slots: Slots) -> Change:
        found: Change = {}
        for fluent, then in deleted:
            where = fluent(slots)
            if value(where) == slots[then]:
                found[where] = None
        for fluent, then in added:
            found[fluent(slots)] = slots[then]
        for effect, counter in counts:
            where = counter(slots)
            found[where] = counted(effect, slotting.vocabulary, int(value(where) or 0))
        return _news(found, value) if alone else found

    if not alone or len(added) != 1 or deleted or counts:
        return change
    ((added_to, at),) = added

    def single(value: ValueOf, slots: Slots) -> Change:  # as when the agent turns or moves on
        where, then = added_to(slots), slots[at]
        return {} if value(where) == then else {where: then}

    return single


def _placed(slotting: Slotting, effect: Literal, match: Match) -> tuple[tuple[int, ...], int, bool]:
    """The slots of the fluent and of the value that a literal speaks of, and whether it is to be true."""
    atom = effect.atom
    functional = slotting.vocabulary.is_functional(atom.predicate)
    then = slotting.term(atom.args[-1], match.places) if functional else slotting.constant(True)
    return slotting.fluent(atom, match.places, functional), then, effect.positive
