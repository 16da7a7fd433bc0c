"""The learner: keeps the experience, and revises the world model when experience contradicts or extends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from worldwright.agent.events import Revised
from worldwright.world_model.edges import MAX_EDGES, Edge
from worldwright.world_model.experience import ExperienceBuffer
from worldwright.world_model.goal import Goal
from worldwright.world_model.induction import Inducer
from worldwright.world_model.induction.features import Feature
from worldwright.world_model.induction.inducer import Learned
from worldwright.world_model.induction.references import Ref
from worldwright.world_model.judging import Judge, judge
from worldwright.world_model.language import ActionRule
from worldwright.world_model.model import WorldModel
from worldwright.world_model.proposing.author import ProposingAuthor
from worldwright.world_model.proposing.proposer import Proposer
from worldwright.world_model.state import State
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import Vocabulary

_YOUNG = 5  # transitions that bear a rule out, below which each that it applies to is looked at
_LOOK_AGAIN = 25  # transitions of an action after which it is looked at again although nothing surprised


class RuleAuthor(Protocol):
    """Proposes rules from transitions; their word counts as far as the experience bears it out."""

    def add(self, transition: Transition) -> None:
        """Take in one transition."""

    def learn(self, actions: list[str], at_step: int) -> dict[str, Learned]:
        """What the evidence says about these actions."""


Recorder = Callable[[Transition], None]


class MakeAuthor(Protocol):
    """Makes an author for a world; `proposer` asks a language model, if there is one."""

    def __call__(self, vocabulary: Vocabulary, proposer: Proposer | None = None, priors: bool = True) -> RuleAuthor:
        """The author."""


def _inducer(vocabulary: Vocabulary, proposer: Proposer | None = None, priors: bool = True) -> RuleAuthor:
    return Inducer(vocabulary)


def _llm(vocabulary: Vocabulary, proposer: Proposer | None = None, priors: bool = True) -> RuleAuthor:
    return ProposingAuthor(vocabulary, proposer, None, priors)


def _both(vocabulary: Vocabulary, proposer: Proposer | None = None, priors: bool = True) -> RuleAuthor:
    return ProposingAuthor(vocabulary, proposer, Inducer(vocabulary), priors)


AUTHORS: dict[str, MakeAuthor] = {"inducer": _inducer, "llm": _llm, "both": _both}


@dataclass(frozen=True)
class Revision:
    """A change of the model: which rules came and went, and why."""

    step: int
    cause: str
    added: tuple[ActionRule, ...]
    removed: tuple[ActionRule, ...]

    def event(self, step: int) -> Revised:
        """The same as an event of an episode's step."""
        return Revised(
            step=step,
            cause=self.cause,
            added=tuple(rule.name for rule in self.added),
            removed=tuple(rule.name for rule in self.removed),
        )


@dataclass
class RuleLearner:
    """Turns transitions into revisions of a world model.

    Args:
        model: what is believed at first.
        author: who proposes rules.
        record: hears each transition first; it puts them on file.
    """

    model: WorldModel
    author: RuleAuthor
    record: Recorder | None = None
    buffer: ExperienceBuffer = field(init=False)
    revisions: list[Revision] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.buffer = ExperienceBuffer(self.model.vocabulary)
        self._learned: dict[str, Learned] = {}
        self.judge = Judge(self.model.vocabulary)
        self._given = {
            rule.action: [r for r in self.model.rules if r.action == rule.action] for rule in self.model.rules
        }
        self._news: dict[str, int] = {}
        self._certain: dict[str, int] = {}
        for action, rules in self._given.items():
            self._certain[action] = max(rule.evidence.support for rule in rules)
        if isinstance(self.author, ProposingAuthor):
            self._suppose(self.author.begin())

    def experience(self, action: str) -> int:
        """The number of certain transitions of an action so far (with a given model: that its rules rest on)."""
        return self._certain.get(action, 0)

    def noise(self, action: str) -> float:
        """The share of the action's outcomes that seems to be chance."""
        learned = self._learned.get(action)
        return learned.noise if learned else 0.0

    def refs(self) -> dict[str, tuple[Ref, ...]]:
        """By action, the references that matter to it, as far as is known."""
        return {action: learned.refs for action, learned in self._learned.items() if learned.refs}

    def names(self) -> frozenset[Feature]:
        """The names (a colour as such) that laws single out, as far as is known."""
        return frozenset(feature for learned in self._learned.values() for feature in learned.names)

    def take(self, transition: Transition, surprised: bool) -> Revision | None:
        """Keep a transition, and revise the model if it is news.

        Args:
            transition: what happened.
            surprised: whether it differs from what the model predicted.
        """
        if self.record is not None:
            self.record(transition)
        self.buffer.append(transition)
        self.model = replace(self.model, steps=self.model.steps + 1)
        if not transition.certain:
            return None
        action = transition.action.name
        self.author.add(transition)
        if self._given:
            self.judge.add(transition)
        self._certain[action] = self._certain.get(action, 0) + 1
        self._news[action] = self._news.get(action, 0) + 1
        if surprised or self._news[action] >= _LOOK_AGAIN or self._says_much(transition):
            return self._revise(action, "surprise" if surprised else "review")
        return None

    def _says_much(self, transition: Transition) -> bool:
        """Whether a rule or hypothesis that rests on few transitions applies, so that one more may change it."""
        action = transition.action
        rules = (rule for rule in (*self.model.rules, *self.model.hypotheses) if rule.action == action.name)
        return any(
            rule.evidence.support < _YOUNG and self.model.applies(rule, transition.before, action) for rule in rules
        )

    def found(self, sort: str, kinds: Iterable[str], was_shut: bool) -> None:
        """Remember what was in a place that was looked into."""
        self.model = replace(self.model, findings=self.model.findings.and_in(sort, kinds, was_shut))

    def hear(self, edges: Iterable[Edge]) -> None:
        """Take what is said of the world's things into the model, each word once."""
        said = dict.fromkeys([*self.model.edges, *edges])
        self.model = replace(self.model, edges=tuple(said)[:MAX_EDGES])

    def to_test(self) -> tuple[ActionRule, ...]:
        """Proposed rules that are worth going out of one's way to test."""
        return self.author.to_test() if isinstance(self.author, ProposingAuthor) else ()

    def ask_for_missing(self, goal: Goal, state: State) -> bool:
        """Ask which rule is missing to a goal without a plan, once for these laws; whether the hypotheses changed."""
        if not isinstance(self.author, ProposingAuthor):
            return False
        before = self.model.hypotheses
        self._suppose(self.author.missing(goal, self.model, state))
        return self.model.hypotheses != before

    def _suppose(self, waiting: Iterable[ActionRule]) -> None:
        """Take what waits to be tested for hypotheses, beside those that the evidence suggests."""
        suggested = [rule for learned in self._learned.values() for rule in learned.hypotheses]
        found = {rule.law(): rule for rule in (*self.model.hypotheses, *suggested, *waiting)}
        self.model = replace(self.model, hypotheses=tuple(sorted(found.values(), key=self._rank)))

    def review(self) -> list[Revision]:
        """Look once more at every action of which something was seen since it was last learned."""
        revisions = [self._revise(action, "review") for action, number in sorted(self._news.items()) if number]
        return [revision for revision in revisions if revision is not None]

    def _revise(self, action: str, cause: str) -> Revision | None:
        self._news[action] = 0
        self._learned |= self.author.learn([action], self.model.steps)
        before = {_law(rule): rule for rule in self.model.rules if rule.action == action}
        rules = self._rules_of(action)
        after = {_law(rule): rule for rule in rules}
        others = [rule for rule in self.model.rules if rule.action != action]
        hypotheses = [rule for rule in self.model.hypotheses if rule.action != action]
        self.model = replace(
            self.model,
            rules=tuple(sorted([*others, *rules], key=self._rank)),
            hypotheses=tuple(sorted([*hypotheses, *self._learned[action].hypotheses], key=self._rank)),
        )
        if before.keys() == after.keys():
            return None
        added = tuple(rule for law, rule in after.items() if law not in before)
        removed = tuple(rule for law, rule in before.items() if law not in after)
        revision = Revision(self.model.steps, f"{cause} at {action}", added, removed)
        self.revisions.append(revision)
        return revision

    def _rules_of(self, action: str) -> list[ActionRule]:
        """The rules given at first that experience bears out, and learned ones for what those leave unexplained."""
        learned = list(self._learned[action].rules)
        given = self._given.get(action)
        if not given:
            return learned
        noise = self.noise(action)
        standing = [r for r in given if self.judge.stands(r, noise) or not self.judge.judge(r).contradicted]
        left = [t for t, _ in self.judge.unexplained(standing) if t.action.name == action]
        if not left:
            return standing
        helpful = [rule for rule in learned if any(judge(rule, self.model.vocabulary, [t]).support for t in left)]
        return [*standing, *helpful]

    def _rank(self, rule: ActionRule) -> tuple[int, int]:
        names = [action.name for action in self.model.vocabulary.actions]
        return names.index(rule.action), -rule.evidence.support


def _law(rule: ActionRule) -> tuple[object, ...]:
    """A rule's law without its probabilities, which shift with every transition."""
    return (rule.action, rule.preconditions, tuple(outcome.effects for outcome in rule.outcomes))
