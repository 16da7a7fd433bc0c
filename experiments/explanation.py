"""The explanation of a step of an episode: as data, and as lines to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from worldwright.agent.events import Advised, Interpreted, Revised
from worldwright.experiments.alternatives import Why, WhyNot
from worldwright.experiments.causal_links import Fault, Link
from worldwright.planning.problem import Plan
from worldwright.world_model.language import ActionRule
from worldwright.world_model.model import Action, Firing
from worldwright.world_model.state import Value

Differences = Mapping[str, tuple[Value | None, Value | None]]  # by fluent: predicted, observed
Place = tuple[int, int]  # an episode and a step of it


class Role(StrEnum):
    """What a rule has to do with a step."""

    COUNTED_ON = "the plan counts on it"
    TESTED = "it is put to the test"
    FORETELLS = "it foretells what comes of it"


@dataclass(frozen=True)
class Reason:
    """A rule that a step rests on.

    Attributes:
        rule: as it was believed, with its evidence.
        role: what it has to do with the step.
        supposed: whether it was a hypothesis and no law.
        firings: how it applies there.
        hopes: its conditions that hold only as far as what is unknown is as hoped.
        borne_out: the steps before in which what it foretells came about, as far as they were recorded.
    """

    rule: ActionRule
    role: Role
    supposed: bool
    firings: tuple[Firing, ...]
    hopes: tuple[str, ...]
    borne_out: tuple[Place, ...]


class Cause(StrEnum):
    """Why a plan was made."""

    FIRST = "the episode began"
    SURPRISE = "what was foretold did not come about"
    DONE = "the plan before was carried out"
    FAULT = "the plan before no longer led to its end"


@dataclass(frozen=True)
class PlanExplanation:
    """The plan that a step belongs to.

    Attributes:
        plan: its steps with the names of the rules that each counts on.
        made_at: the step of the episode in which it was made.
        cause: why it was made then.
        before: the step in which the plan before was made; None: there was none.
        surprise: what had not come about as foretold.
        fault: what had gone wrong with the plan before, if it can be said.
        goal: the formula that holds where it leads; empty: none was named.
        trial: whether its last step is done to see what happens; `goal` is then where that is done.
        hopes: what it takes for so that is not known, free places apart.
        chance: the probability that what is left of it does what it is to do, by the laws; None: cannot be said.
        onward: the steps from its end on for which it ends as it does.
    """

    plan: Plan
    made_at: int
    cause: Cause
    before: int | None
    surprise: Differences
    fault: Fault | None
    goal: str
    trial: bool
    hopes: Mapping[str, Value | None]
    chance: float | None
    onward: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepExplanation:
    """Why a step of an episode was done.

    Attributes:
        episode, step, action: what was done when.
        mission: as it was said; goal: as it was understood; remaining: what was left of it, empty if nothing was.
        interpreted: how a language model read the mission, if it did.
        purpose: what the step is for, as of `Planned`.
        advice: what a language model proposed for it, or for its plan.
        plan: the plan that it belongs to; None: the log does not tell.
        reasons: the rules that it rests on.
        links: what it makes so for later steps and for the goal.
        foretold: by fluent what was to change.
        observed: by fluent what was seen to change; None: it is not on file.
        before: the values that these fluents had.
        reward: what the environment gave; None: it gave no answer. ended: whether it ended the episode.
        surprise: in which what happened is not what was foretold.
        revisions: how the model changed because of it.
        others: what speaks against the other actions, actions alike together.
        gaps: what cannot be said and why.
    """

    episode: int
    step: int
    action: Action
    mission: str
    goal: str
    remaining: str
    interpreted: tuple[Interpreted, ...]
    purpose: str
    advice: tuple[Advised, ...]
    plan: PlanExplanation | None
    reasons: tuple[Reason, ...]
    links: tuple[Link, ...]
    foretold: Mapping[str, Value | None]
    observed: Mapping[str, Value | None] | None
    before: Mapping[str, Value | None]
    reward: float | None
    ended: bool
    surprise: Differences
    revisions: tuple[Revised, ...]
    others: tuple[WhyNot, ...]
    gaps: tuple[str, ...]


# -- lines -------------------------------------------------------------------------------------------------------------

PURPOSES = {
    "goal": "pursues the goal",
    "experiment": "puts to the test what is only supposed",
    "novelty": "tries what was not tried yet in such a situation",
    "frontier": "looks where it has not looked yet",
    "win": "the goal holds, and the episode goes on: seeks what ends it",
    "random": "acts at random, for want of anything better",
    "advice": "does what a language model proposed",
    "subgoal": "pursues what a language model named as a step towards the goal",
}
MOST_LINKS = 4
MOST_PLACES = 4
MOST_OTHERS = 16
MOST_ADVICE = 4
MOST_HOPES = 4
MOST_CHANGES = 3


def lines_of(said: StepExplanation) -> Iterator[str]:
    """What the command prints; long lists are cut short, and how much is left out is said."""
    yield f"episode {said.episode} step {said.step}: {said.action}"
    yield f"mission: {said.mission}"
    yield f"goal: {said.goal}"
    if said.remaining != said.goal:
        yield f"still to reach: {said.remaining or 'nothing'}"
    yield from (f"read by a language model: {each.goal or each.why}" for each in said.interpreted)
    yield f"purpose: {said.purpose}: {PURPOSES.get(said.purpose, 'of another version of the program')}"
    yield from _cut([_advice(each) for each in said.advice], MOST_ADVICE, "advice")
    if said.plan is not None:
        yield from _plan_lines(said, said.plan)
    yield from (line for reason in said.reasons for line in _reason_lines(reason))
    yield from _link_lines(said)
    yield from _outcome_lines(said)
    yield from _why_not_lines(said.others)
    yield from (f"unsaid: {gap}" for gap in said.gaps)


def shown_changes(what: str, before: Mapping[str, Value | None], change: Mapping[str, Value | None]) -> Iterator[str]:
    """A line for each fluent that changes, or one that says that none does."""
    if not change:
        yield f"{what}: nothing changes"
    for fluent, value in change.items():
        old = f"{shown(before[fluent])} -> " if fluent in before else ""
        yield f"{what}: {fluent} {old}{shown(value)}"


def shown(value: Value | None) -> str:
    """A value of a fluent in words."""
    return "false" if value is None else "true" if value is True else str(value)


def _advice(advice: Advised) -> str:
    why = f": {advice.why}" if advice.why else ""
    return f"advice: {advice.advice or 'none'}, {advice.verdict}{why}"


def _plan_lines(said: StepExplanation, plan: PlanExplanation) -> Iterator[str]:
    yield f"plan: {_marked(plan, said.step)}"
    yield f"plan: made at step {plan.made_at}: {_cause(plan)}"
    if plan.goal:
        yield f"plan: {'to do its last step where' if plan.trial else 'for'} {plan.goal}"
    if plan.onward:
        yield f"plan: ends so that it goes on with {' '.join(plan.onward)} for what comes after"
    yield from _cut(
        [f"plan: hopes for {name} {shown(value)}" for name, value in plan.hopes.items()], MOST_HOPES, "plan"
    )
    if plan.chance is not None and plan.chance < 1:
        yield f"plan: what is left of it works with probability {plan.chance:.3g}"


def _marked(plan: PlanExplanation, step: int) -> str:
    """The steps of a plan, the present one marked."""
    actions = enumerate(plan.plan.actions, plan.made_at)
    return " ".join(f">>{action}<<" if number == step else str(action) for number, action in actions)


def _cause(plan: PlanExplanation) -> str:
    before = "" if plan.before is None else f" (of step {plan.before})"
    if plan.cause is Cause.SURPRISE:
        return f"{plan.cause}: {_differences(plan.surprise)}"
    fault = f": {_fault(plan.fault)}" if plan.fault else ""
    return f"{plan.cause}{before}{fault}"


def _differences(differences: Differences) -> str:
    return ", ".join(
        f"{fluent} was to be {shown(predicted)}, is {shown(observed)}"
        for fluent, (predicted, observed) in differences.items()
    )


def _fault(fault: Fault) -> str:
    missing = f"{fault.missing} does not hold" if fault.missing else "it would change nothing"
    rule = f"{fault.rule}: " if fault.rule else ""
    return missing if fault.step is None else f"at step {fault.step} {fault.action}, {rule}{missing}"


def _reason_lines(reason: Reason) -> Iterator[str]:
    name = f"{reason.rule.name}{' (only supposed)' if reason.supposed else ''}"
    applying = "; ".join(map(str, reason.firings)) or f"{reason.rule.name} (which does not apply)"
    yield f"because {applying}: {reason.role}"
    borne_out = f"; borne out before in {_places(reason.borne_out)}" if reason.borne_out else ""
    yield f"{name}: {reason.rule.evidence}{borne_out}"
    yield from (f"{reason.rule.name}: hopes that {hope}" for hope in reason.hopes)


def _link_lines(said: StepExplanation) -> Iterator[str]:
    needs: dict[tuple[str, str], list[str]] = {}
    for link in said.links:
        needs.setdefault((link.condition, _need(link, said.plan)), []).append(link.rule)
    lines = [
        f"so that {condition}: {need}{' by ' + ', '.join(rules) if all(rules) else ''}"
        for (condition, need), rules in needs.items()
    ]
    yield from _cut(lines, MOST_LINKS, "so that")
    if not lines and said.plan is not None and said.plan.trial:
        last = said.plan.made_at + len(said.plan.plan) - 1
        what = "it is tried" if last == said.step else f"step {last} {said.plan.plan.actions[-1]} is tried there"
        yield f"so that what comes of it is seen: {what}"


def _need(link: Link, plan: PlanExplanation | None) -> str:
    if link.step is not None:
        return f"needed at step {link.step} {link.action}"
    return "part of where the last step is to be done" if plan and plan.trial else "part of what the plan is for"


def _outcome_lines(said: StepExplanation) -> Iterator[str]:
    yield from shown_changes("foretold", said.before, said.foretold)
    if said.observed is not None:
        yield from shown_changes("observed", said.before, said.observed)
    if said.reward or said.ended:
        yield f"observed: reward {said.reward:.4g}{', the episode ended' if said.ended else ''}"
    if said.surprise:
        yield f"surprise: {_differences(said.surprise)}"
    yield from (f"learned: {revision.cause}: {_revised(revision)}" for revision in said.revisions)


def _revised(revision: Revised) -> str:
    changed = [name for name in revision.added if name in revision.removed]
    kinds = {
        "changed": changed,
        "added": [name for name in revision.added if name not in changed],
        "removed": [name for name in revision.removed if name not in changed],
    }
    return "; ".join(f"{word} {', '.join(names)}" for word, names in kinds.items() if names)


def _why_not_lines(others: Sequence[WhyNot]) -> Iterator[str]:
    unknown = list(dict.fromkeys(each.action.name for each in others if each.why is Why.UNKNOWN))
    lines = [_why_not(each) for each in others if each.why is not Why.UNKNOWN]
    yield from _cut(lines, MOST_OTHERS, "not")
    if unknown:
        yield f"not {', '.join(unknown)}: {Why.UNKNOWN}"


def _why_not(each: WhyNot) -> str:
    more = f" and {len(each.others)} more such" if each.others else ""
    return f"not {each.action}{more}: {_objection(each)}"


def _objection(each: WhyNot) -> str:
    if each.why is Why.FAILS:
        return f"{each.rule}: {each.missing} does not hold"
    if not each.change:
        return str(each.why)
    changes = [f"{fluent} {shown(value)}" for fluent, value in each.change]
    later = f", and it is to be done at step {each.later}" if each.later is not None else ""
    fault = f": {_fault(each.fault)}" if each.fault else ""
    return f"it would make {_listed(changes, MOST_CHANGES)}; {each.why}{fault}{later}"


def _places(places: Sequence[Place]) -> str:
    """The first few places, by episode."""
    episodes = groupby(places[:MOST_PLACES], key=lambda place: place[0])
    said = [f"episode {episode} step {', '.join(str(step) for _, step in steps)}" for episode, steps in episodes]
    return "; ".join(said) + (f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else "")


def _listed(words: Sequence[str], most: int) -> str:
    left = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + left


def _cut(lines: Sequence[str], most: int, what: str) -> Iterator[str]:
    yield from lines[:most]
    if len(lines) > most:
        yield f"{what}: {len(lines) - most} more"
