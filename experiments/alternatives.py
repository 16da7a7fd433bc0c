"""Why not another action: what it lacks to be of use, or what it would do to the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from worldwright.agent.events import plain
from worldwright.agent.repertoire import Repertoire
from worldwright.experiments.causal_links import Course, Fault, by_closeness
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import State, Value
from worldwright.world_model.vocabulary import ENDED, WON

CLOSEST = 3  # rules of an action that are named where one action is asked about


class Why(StrEnum):
    """What speaks against an action."""

    FAILS = "a rule of it lacks a condition"
    UNKNOWN = "no rule is known"
    IDLE = "it would change nothing"
    ENDS = "it would end all without success"
    SPOILS = "the plan would not work after it"
    DETOUR = "the plan would still work after it, and be a step longer"
    EQUAL = "it would serve the plan as well"
    ASIDE = "it is not what was to be done"


@dataclass(frozen=True)
class WhyNot:
    """Why an action was not done.

    Attributes:
        action: the first of those of which it is so in the same way.
        others: the rest of them.
        why: what speaks against it.
        rule, missing: for `FAILS`: the rule that comes closest to applying, and its first condition that fails.
        change: what it would change.
        fault: for `SPOILS`: what would go wrong with the plan.
        later: the step of the plan in which it is to be done; None: in none.
    """

    action: Action
    why: Why
    rule: str = ""
    missing: str = ""
    change: tuple[tuple[str, Value | None], ...] = ()
    fault: Fault | None = None
    later: int | None = None
    others: tuple[Action, ...] = ()


def other_actions(state: State, done: Action) -> list[Action]:
    """What else could have been done, in a fixed order."""
    every = Repertoire(state.universe.vocabulary).actions(state, state.universe)
    return [action for action in every if action != done]


def why_not(model: WorldModel, state: State, action: Action, course: Course | None) -> Iterator[WhyNot]:
    """What speaks against an action: one thing, or the few rules that come closest to making something of it.

    Args:
        model: the laws, the likeliest outcome of each taken for certain.
        state: where it would be done.
        action: what was not done.
        course: what is left of the plan, if there is one.
    """
    prediction = model.predict(state, action)
    if prediction.change.get((ENDED,)) and not prediction.change.get((WON,)):
        yield WhyNot(action, Why.ENDS, change=_told(prediction.change))
    elif prediction.change:
        change = _told(prediction.change)
        yield replace(_aside(prediction.state, action, course), change=change, later=_later(action, course))
    elif not model.rules_for(action.name):
        yield WhyNot(action, Why.UNKNOWN)
    elif prediction.firings:
        yield WhyNot(action, Why.IDLE)
    else:
        closest = by_closeness(model, state, action, list(model.rules_for(action.name)))
        yield from (WhyNot(action, Why.FAILS, rule.name, missing) for rule, _, missing in closest[:CLOSEST])


def _aside(after: State, action: Action, course: Course | None) -> WhyNot:
    """What an action that changes something would do to the plan."""
    if course is None or course.goal is None:
        return WhyNot(action, Why.ASIDE)
    if len(course.plan) > course.trial and course.fault(after, done=1) is None:
        return WhyNot(action, Why.EQUAL)
    fault = course.fault(after)
    return WhyNot(action, Why.SPOILS, fault=fault) if fault else WhyNot(action, Why.DETOUR)


def _later(action: Action, course: Course | None) -> int | None:
    actions = course.plan.actions if course else ()
    return course.first + actions.index(action) if course and action in actions else None


def _told(change: dict[tuple[str, ...], Value | None]) -> tuple[tuple[str, Value | None], ...]:
    return tuple(plain(change).items())


def grouped(found: Iterable[WhyNot]) -> list[WhyNot]:
    """One for each action's name and reason, with all the actions of which it is so."""
    groups: dict[tuple[object, ...], list[WhyNot]] = {}
    for each in found:
        groups.setdefault(_kind(each), []).append(each)
    return [replace(first, others=tuple(other.action for other in rest)) for first, *rest in groups.values()]


def _kind(each: WhyNot) -> tuple[object, ...]:
    """What two actions must share for their reasons to be told as one."""
    fault = (each.fault.step, each.fault.rule) if each.fault else None
    return each.action.name, each.why, each.rule, each.missing.partition(" ")[0], fault, each.later
