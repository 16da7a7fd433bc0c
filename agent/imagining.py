"""Hoping for what was not seen yet: things that the goal needs are imagined where they are likeliest found soonest.

A place that was not looked into may hold anything. If the goal asks for more things of a kind than are known, the
missing ones are imagined in the places where the chance of finding one is best for the steps that it takes to look:
searching in the order of that ratio takes the fewest steps in the mean (Stone, Theory of Optimal Search, 1975).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from worldwright.world_model.findings import Findings
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import Literal
from worldwright.world_model.model import WorldModel
from worldwright.world_model.scene_graph import Containment
from worldwright.world_model.state import Change, State
from worldwright.world_model.vocabulary import Vocabulary

_LIKELY = 0.5  # the share of places of a sort that were shut


def imagine(
    state: State, goals: Sequence[Reach], words: Containment, places: Sequence[str], findings: Findings
) -> State | None:
    """The state with the things that a goal needs and that are not known; None if it needs none, or nothing is left.

    Args:
        state: what is known.
        goals: of which any may be reached.
        words: which words speak of places and what is in them.
        places: those not looked into.
        findings: what was found where before.
    """
    missing = _missing(state, goals, words)
    if not missing or not places:
        return None
    universe = state.universe.copy()
    values = dict(state.values)
    item_type = state.universe.vocabulary.predicate(words.inside).types[0]
    taken: Counter[tuple[str, str]] = Counter()
    for kind, number in sorted(missing.items()):
        for index in range(number):
            taken_of_kind = Counter({place: n for (what, place), n in taken.items() if what == kind})
            place = max(places, key=lambda p: _promise(kind, p, state, words, findings, taken_of_kind))
            taken[kind, place] += 1
            name = f"{kind}-hoped-{index + 1}"
            universe.add_object(name, item_type)
            values[words.kind, name] = kind
            values[words.inside, name] = place
    return State(values, universe)


def furnish(state: State, words: Containment, places: Sequence[str], model: WorldModel) -> State:
    """The state with what is likely of places not yet visited: that they are as the laws ask that help to look in.

    Of sorts that mostly showed what is in them only after something was done there it is taken to be needed there.

    Args:
        state: what is known.
        words: which words speak of places and what is in them.
        places: those not looked into.
        model: the laws, and what was found where.
    """
    helpful = {
        (condition.atom.predicate, condition.atom.args[-1])
        for rule in model.rules
        for effect in rule.likeliest().effects
        if isinstance(effect, Literal) and effect.positive and effect.atom.predicate == words.known
        for condition in rule.preconditions
        if isinstance(condition, Literal) and condition.positive and condition.atom.args[:1] == effect.atom.args[:1]
        if _is_manner(condition, model.vocabulary)
    }
    likely: Change = {
        (predicate, place): value
        for predicate, value in sorted(helpful)
        for place in places
        if model.findings.further_steps(str(state.value((words.sort, place)))) > _LIKELY
        and state.value((predicate, place)) is None
    }
    return state.with_change(likely) if likely else state


def _is_manner(condition: Literal, vocabulary: Vocabulary) -> bool:
    """Whether it says of one thing in which of a few manners it is."""
    predicate = vocabulary.predicate(condition.atom.predicate)
    last = condition.atom.args[-1]
    is_constant = predicate.functional and last in vocabulary.constant_types
    return is_constant and len(predicate.types) == 2 and predicate.types[1] not in vocabulary.nominal


def _promise(kind: str, place: str, state: State, words: Containment, findings: Findings, taken: Counter[str]) -> float:
    """How many more of a kind are to be expected in a place than are imagined there, for each step to look into it."""
    sort = str(state.value((words.sort, place)))
    is_here = any(len(fluent) == 1 and value == place for fluent, value in state.values.items())
    steps = 1.0 if is_here else 1.0 + findings.further_steps(sort)
    return findings.expected(kind, sort) / (1 + taken[place]) / steps


def _missing(state: State, goals: Sequence[Reach], words: Containment) -> dict[str, int]:
    """By kind, how many more things the goals ask for than are known, for the one that lacks fewest."""
    known = Counter(str(value) for fluent, value in state.values.items() if fluent[0] == words.kind)
    lacks = [
        {kind: number - known[kind] for kind, number in _asked(goal, words).items() if number > known[kind]}
        for goal in goals
    ]
    return min(lacks, key=lambda lack: sum(lack.values()), default={})


def _asked(goal: Reach, words: Containment) -> Counter[str]:
    """How many things of each kind a goal speaks of."""
    constants = [
        condition.atom.args
        for condition in goal.conditions
        if isinstance(condition, Literal) and condition.positive and condition.atom.predicate == words.kind
    ]
    return Counter(kind for thing, kind in constants if thing.startswith("?") and not kind.startswith("?"))
