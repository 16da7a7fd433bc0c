"""Judging rules: whoever wrote a rule, what it foretells is held against every recorded transition.

Contradictions are judged by statistics, not by the first exception: noise and chance exist, and one bad record must not
cost a law that many others bear out. Of the rules that stand, as few are kept as explain what can be explained (greedy
maximum coverage, Nemhauser, Wolsey & Fisher 1978).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress, islice

from worldwright.world_model.columns import Columns, ones
from worldwright.world_model.effects import effects_of
from worldwright.world_model.errors import MatchLimit
from worldwright.world_model.language import ActionRule
from worldwright.world_model.matching import Binding, Query
from worldwright.world_model.state import Change, Fluent, Value
from worldwright.world_model.syntax import count_literals, show_rule
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import Vocabulary

MAX_BINDINGS = 1024  # of one rule in one state; a rule that says more than that at once says nothing
MAX_REMEMBERED = 4096  # rules whose replay is kept, to go on from when more transitions come
SIGNIFICANCE = 0.05
NOISE_FLOOR = 0.001  # the share of bad records that is reckoned with anywhere
WELL_SUPPORTED = 5  # so many cases are not outweighed by a single one

Noise = float | Mapping[str, float]  # the share of outcomes that is chance, of all actions or of each


@dataclass(frozen=True)
class Counterexample:
    """A transition that contradicts a rule: the binding, a fluent it foretold, and what came instead."""

    transition: Transition
    binding: Binding
    fluent: Fluent
    predicted: Value | None
    observed: Value | None

    def __str__(self) -> str:
        bound = " ".join(f"{name}={value}" for name, value in self.binding.items())
        where = f"episode {self.transition.episode} step {self.transition.step}"
        return f"{where} [{bound}]: ({' '.join(self.fluent)}) was to be {self.predicted}, is {self.observed}"


@dataclass(frozen=True)
class Verdict:
    """What the sure transitions of a rule's action say of it.

    Attributes:
        support: transitions in which what it foretold came about, as far as it was observed.
        contradicted: transitions in which it did not.
        unseen: transitions in which it applied and nothing of what it foretold was observed.
        missed: transitions in which its likeliest outcome did not come about (another did, or none).
        covered: observed changes that it explains.
        unexplained: observed changes of its action that it does not explain.
        outcomes: for each of its outcomes how often that one, and no other, came about.
        first_counterexample: the first transition that contradicts it.
        too_broad: it applies in too many ways to be judged at all.
    """

    support: int = 0
    contradicted: int = 0
    unseen: int = 0
    missed: int = 0
    covered: int = 0
    unexplained: int = 0
    outcomes: tuple[int, ...] = ()
    first_counterexample: Counterexample | None = field(default=None, repr=False)
    too_broad: bool = False


def judge(rule: ActionRule, vocabulary: Vocabulary, transitions: Iterable[Transition]) -> Verdict:
    """What the sure ones among these transitions say of a rule."""
    bench = Judge(vocabulary)
    bench.extend(transitions)
    return bench.judge(rule)


def select(
    candidates: Iterable[ActionRule],
    vocabulary: Vocabulary,
    transitions: Iterable[Transition],
    noise: Noise = 0.0,
) -> tuple[ActionRule, ...]:
    """The candidates to keep, as `Judge.select` does."""
    bench = Judge(vocabulary)
    bench.extend(transitions)
    return bench.select(candidates, noise)


class Judge:
    """Judges rules by the transitions it was shown; what was replayed once is not replayed again.

    Args:
        vocabulary: what rules and states speak of.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._dockets = {action.name: _Docket() for action in vocabulary.actions}
        self._replays: dict[tuple[object, ...], _Replay] = {}

    def add(self, transition: Transition) -> None:
        """Take in a transition; an uncertain one is no evidence and left out."""
        self._vocabulary.action(transition.action.name)
        if transition.certain:
            self._dockets[transition.action.name].add(transition)

    def extend(self, transitions: Iterable[Transition]) -> None:
        """Take in several transitions."""
        for transition in transitions:
            self.add(transition)

    def judge(self, rule: ActionRule) -> Verdict:
        """What the transitions so far say of a rule."""
        return self._replay(rule).verdict()

    def stands(self, rule: ActionRule, noise: Noise = 0.0) -> bool:
        """Whether noise explains what speaks against a rule, and anything speaks for it."""
        return _stands(rule, self.judge(rule), _share(noise, rule.action))

    def select(self, candidates: Iterable[ActionRule], noise: Noise = 0.0) -> tuple[ActionRule, ...]:
        """As few of the candidates as explain every observed change that any standing one explains.

        Rules that need chance (whose likeliest outcome fails more often than noise does) come second: each is kept
        only if at least half of what it explains is left unexplained by surer ones. Of rules that add equally
        much the one of fewer preconditions is taken, then the first by name.

        Args:
            candidates: any rules over the vocabulary.
            noise: the share of outcomes that is chance.

        Returns:
            The kept rules with their evidence counted anew, by action in the vocabulary's order, the one that
            adds most first.
        """
        by_action: dict[str, list[ActionRule]] = {action.name: [] for action in self._vocabulary.actions}
        for rule in candidates:
            by_action[self._vocabulary.action(rule.action).name].append(rule)
        kept: list[ActionRule] = []
        for action, rules in by_action.items():
            kept += self._select_of_action(rules, _share(noise, action))
        return tuple(kept)

    def unexplained(self, rules: Iterable[ActionRule]) -> list[tuple[Transition, Change]]:
        """The sure transitions with what of their change none of the rules explains, by action."""
        explained = dict.fromkeys(self._dockets, 0)
        for rule in rules:
            explained[rule.action] |= self._replay(rule).covered
        found = []
        for action, docket in self._dockets.items():
            done = [bit == "1" for bit in reversed(f"{explained[action]:0{docket.changes}b}")]
            for case in docket.cases:
                left = {f: v for f, (number, v) in case.change.items() if not done[number]}
                if left:
                    found.append((case.transition, left))
        return found

    def _select_of_action(self, rules: Sequence[ActionRule], noise: float) -> list[ActionRule]:
        sure: list[_Candidate] = []
        chancy: list[_Candidate] = []
        for rule in rules:
            replay = self._replay(rule, unless_hopeless=noise)
            verdict = replay.verdict()
            if replay.is_whole and _stands(rule, verdict, noise):
                within = _explained_by_noise(verdict.missed, verdict.support + verdict.contradicted, noise)
                (sure if within else chancy).append(_Candidate(rule, verdict, replay.covered))
        chosen, explained = _cover(sure, 0, least_share=0.0)
        more, _ = _cover(chancy, explained, least_share=0.5)
        kept = (*_without_idle(chosen, 0), *_without_idle(more, explained))
        return [candidate.with_evidence() for candidate in kept]

    def _replay(self, rule: ActionRule, unless_hopeless: float | None = None) -> _Replay:
        """The replay of a rule; of one that can no longer stand with such a noise, perhaps not to its end."""
        law = rule.law()
        found = self._replays.pop(law, None)
        if found is None:
            found = _Replay(rule, self._vocabulary, self._dockets[self._vocabulary.action(rule.action).name])
        self._replays[law] = found  # the one used last is forgotten last
        if len(self._replays) > MAX_REMEMBERED:
            del self._replays[next(iter(self._replays))]
        found.go_on(unless_hopeless)
        return found


def _share(noise: Noise, action: str) -> float:
    return noise if isinstance(noise, float | int) else noise.get(action, 0.0)


# -- replaying ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Case:
    """A sure transition and its observed change: each fluent's new value, with a number among its action's."""

    transition: Transition
    change: Mapping[Fluent, tuple[int, Value | None]]


@dataclass
class _Docket:
    """The sure transitions of one action."""

    cases: list[_Case] = field(default_factory=list)
    changes: int = 0
    columns: Columns = field(default_factory=Columns)

    def add(self, transition: Transition) -> None:
        change = sorted(transition.change().items(), key=lambda item: item[0])
        numbered = {fluent: (self.changes + i, value) for i, (fluent, value) in enumerate(change)}
        self.changes += len(numbered)
        self.cases.append(_Case(transition, numbered))
        self.columns.rows.append((transition.before, transition.action.args))


_Claims = list[dict[Fluent, Value | None]]  # for each outcome of a rule what it foretells of observed fluents


class _Replay:
    """The replay of one rule over a docket, as far as it went."""

    def __init__(self, rule: ActionRule, vocabulary: Vocabulary, docket: _Docket) -> None:
        arity = len(vocabulary.action(rule.action).types)
        self._effects = [outcome.effects for outcome in rule.outcomes]
        self._likeliest = rule.outcomes.index(rule.likeliest())
        self._possible = [index for index, outcome in enumerate(rule.outcomes) if outcome.probability > 0]
        self._given = [variable.name for variable in rule.parameters[:arity]]
        self._query = Query(vocabulary, rule.parameters, rule.preconditions, self._given)
        self._questions = docket.columns.questions(vocabulary, rule, self._query)
        self._docket = docket
        self._at = 0
        self._support = self._contradicted = self._unseen = self._missed = 0
        self._times = [0] * len(rule.outcomes)
        self._first: Counterexample | None = None
        self._too_broad = False
        self._covered = bytearray()

    @property
    def covered(self) -> int:
        """The explained changes, as the bits of a number."""
        return int.from_bytes(self._covered, "little")

    def verdict(self) -> Verdict:
        """What was counted so far."""
        covered = self.covered.bit_count()
        return Verdict(
            self._support,
            self._contradicted,
            self._unseen,
            self._missed,
            covered,
            self._docket.changes - covered,
            tuple(self._times),
            self._first,
            self._too_broad,
        )

    @property
    def is_whole(self) -> bool:
        """Whether all transitions were replayed, or as many as say that the rule is too broad."""
        return self._too_broad or self._at == len(self._docket.cases)

    def go_on(self, unless_hopeless: float | None = None) -> None:
        """Replay the transitions that came since.

        Args:
            unless_hopeless: a share of chance; stop when more speaks against the rule than that explains, even if all
                the rest spoke for it.
        """
        cases = self._docket.cases
        self._covered.extend(bytes((self._docket.changes + 7 >> 3) - len(self._covered)))
        if self._at == len(cases) or self._too_broad:
            return
        rows = self._docket.columns.where(self._questions) >> self._at
        start = self._at
        try:
            for number in ones(rows):
                self._at = start + number
                before = self._contradicted
                self._take(cases[self._at])
                self._at += 1
                if before < self._contradicted and unless_hopeless is not None and self._is_hopeless(unless_hopeless):
                    return
            self._at = len(cases)
        except MatchLimit:
            self._too_broad = True

    def _is_hopeless(self, noise: float) -> bool:
        trials = self._support + self._contradicted + len(self._docket.cases) - self._at
        return not _explained_by_noise(self._contradicted, trials, noise)

    def _take(self, case: _Case) -> None:
        transition = case.transition
        before = transition.before
        given = dict(zip(self._given, transition.action.args, strict=True))
        bindings = list(islice(self._query.bindings(before, given), MAX_BINDINGS + 1))
        if not bindings:
            return
        if len(bindings) > MAX_BINDINGS:
            raise MatchLimit(f"over {MAX_BINDINGS} bindings")
        changes = [[effects_of(effects, b, before) for effects in self._effects] for b in bindings]
        claims = [_claims(transition, *parts) for parts in zip(changes, _given_by_others(changes), strict=True)]
        matching = [self._hold_against(case, claim) for claim in claims]
        self._count(case, bindings, claims, matching)

    def _hold_against(self, case: _Case, claims: _Claims) -> list[int]:
        """The outcomes that agree with what was observed."""
        after = case.transition.after.values
        return [
            index
            for index in self._possible
            if all(_same(value, after.get(fluent)) for fluent, value in claims[index].items())
        ]

    def _count(self, case: _Case, bindings: list[Binding], claims: list[_Claims], matching: list[list[int]]) -> None:
        told = [any(outcomes) for outcomes in claims]
        if not any(told):
            self._unseen += 1
            return
        for outcomes, found in compress(zip(claims, matching, strict=True), told):
            if found:
                self._cover(case, outcomes[found[0]])
            if len(found) == 1:
                self._times[found[0]] += 1
        self._missed += not all(self._likeliest in found for found in matching)
        if all(matching):
            self._support += 1
            return
        self._contradicted += 1
        if self._first is None:
            worst = matching.index([])
            self._first = _counterexample(case, bindings[worst], claims[worst][self._likeliest])

    def _cover(self, case: _Case, claim: Change) -> None:
        for fluent, (number, value) in case.change.items():
            if fluent in claim and _same(claim[fluent], value):
                self._covered[number >> 3] |= 1 << (number & 7)


def _claims(transition: Transition, changes: Sequence[Change], given_by_others: set[Fluent]) -> _Claims:
    """What each outcome foretells of the observed fluents that any of them touches: those of another stay."""
    before = transition.before.values
    seen = [f for f in {f: None for change in changes for f in change} if transition.is_observed(f)]
    return [
        {
            fluent: change.get(fluent, before.get(fluent))
            for fluent in seen
            if fluent not in given_by_others or change.get(fluent) is not None
        }
        for change in changes
    ]


def _given_by_others(changes: Sequence[Sequence[Change]]) -> list[set[Fluent]]:
    """For each binding the fluents that others give a value: it outlasts that one takes it away, as in a model."""
    if len(changes) == 1:
        return [set()]
    given = [{f for change in of_one for f, value in change.items() if value is not None} for of_one in changes]
    times = Counter(fluent for fluents in given for fluent in fluents)
    return [{f for f, number in times.items() if number > (f in own)} for own in given]


def _same(left: Value | None, right: Value | None) -> bool:
    """Whether two values are the same; a counter without one stands at 0."""
    return left == right or (not left and not right)


def _counterexample(case: _Case, binding: Binding, claim: Change) -> Counterexample:
    after = case.transition.after.values
    fluent, value = next((f, v) for f, v in claim.items() if not _same(v, after.get(f)))
    return Counterexample(case.transition, binding, fluent, value, after.get(fluent))


# -- choosing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Candidate:
    """A standing rule and the bits of the changes that it explains."""

    rule: ActionRule
    verdict: Verdict
    covered: int

    def order(self) -> tuple[int, str, str]:
        return (count_literals(self.rule.preconditions), self.rule.name, show_rule(self.rule))

    def with_evidence(self) -> ActionRule:
        counted = replace(self.rule.evidence, support=self.verdict.support, contradicted=self.verdict.contradicted)
        return self.rule.with_evidence(counted)


def _stands(rule: ActionRule, verdict: Verdict, noise: float) -> bool:
    trials = verdict.support + verdict.contradicted
    # A stated chance is a guess: it counts against the rule only if it is off by more than a factor of two.
    luck = max(noise, min(1.0, 2 * (1 - rule.likeliest().probability)))
    return (
        not verdict.too_broad
        and verdict.support > 0
        and _explained_by_noise(verdict.contradicted, trials, noise)
        and _explained_by_noise(verdict.missed, trials, luck)
    )


def _explained_by_noise(failures: int, trials: int, noise: float) -> bool:
    """Whether so many failures or more are to be expected where each trial fails with probability `noise`."""
    if failures and trials - failures >= WELL_SUPPORTED:
        failures -= 1  # one bad record is nothing to go by
    return upper_tail(failures, trials, max(noise, NOISE_FLOOR)) >= SIGNIFICANCE


def upper_tail(least: int, trials: int, probability: float) -> float:
    """The probability of `least` or more successes in so many independent trials."""
    if least <= 0 or least > trials or not 0 < probability < 1:
        return float(least <= (trials if probability > 0 else 0))
    if least <= trials * probability:  # the other tail is the smaller one
        return 1 - upper_tail(trials - least + 1, trials, 1 - probability)
    term = math.exp(
        math.lgamma(trials + 1)
        - math.lgamma(least + 1)
        - math.lgamma(trials - least + 1)
        + least * math.log(probability)
        + (trials - least) * math.log1p(-probability)
    )
    odds = probability / (1 - probability)
    total = 0.0
    for number in range(least, trials + 1):
        total += term
        term *= (trials - number) / (number + 1) * odds
        if term < 1e-15 * total:
            break
    return min(total, 1.0)


def _cover(candidates: Sequence[_Candidate], explained: int, least_share: float) -> tuple[list[_Candidate], int]:
    """Greedy cover: the candidates taken, in this order, and all that is explained then.

    Args:
        explained: what is explained already.
        least_share: of what a candidate explains, the share that must be new.
    """
    waiting = sorted(candidates, key=_Candidate.order)
    taken: list[_Candidate] = []
    while waiting:
        gains = [(candidate.covered & ~explained).bit_count() for candidate in waiting]
        worth = [
            gain if gain >= least_share * candidate.verdict.covered else 0
            for gain, candidate in zip(gains, waiting, strict=True)
        ]
        if not any(worth):
            break
        best = waiting.pop(worth.index(max(worth)))
        taken.append(best)
        explained |= best.covered
    return taken, explained


def _without_idle(taken: Sequence[_Candidate], explained: int) -> list[_Candidate]:
    """Leave out what later ones made superfluous, the least telling first."""
    kept = list(taken)
    for candidate in sorted(taken, key=lambda one: one.verdict.covered):
        others = explained
        for other in kept:
            others |= other.covered if other is not candidate else 0
        if not candidate.covered & ~others:
            kept.remove(candidate)
    return kept
