"""An author whose rules a language model proposed and experience bore out, alone or beside the inducer.

A proposed rule waits as a hypothesis until it foretold a change that then came about. How often that must happen before
it is a law depends on the author's record: how many of its rules came true when put to the test, and how many did not.
While the record is not good, a proposed law needs more cases, and counts only for what the inducer's rules leave
unexplained: so a wrong rule is not believed for what is known already. A waiting rule, or a law, that experience speaks
against more than noise explains is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from worldwright.world_model.goal import Goal
from worldwright.world_model.induction.inducer import Inducer, Learned
from worldwright.world_model.judging import Judge
from worldwright.world_model.language import ActionRule, Evidence
from worldwright.world_model.model import WorldModel
from worldwright.world_model.proposing.notes import Turned
from worldwright.world_model.proposing.proposer import Proposer, refuting
from worldwright.world_model.proposing.scenes import scene_of
from worldwright.world_model.state import State
from worldwright.world_model.syntax import show_rule
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import Vocabulary

MAX_CANDIDATES = 256  # of an action; what is proposed beyond is not taken up
MAX_WAITING = 12  # of an action that are in the model at once
_ASKS = 3  # times that the same change is asked about
_BELIEVED = 0.8  # the record from which one case of a kind is enough
_WORTH_TESTING = 0.25  # and from which rules are put to the test on purpose
_CASES = 3  # that make a law of a rule whose author's record is not as good


@dataclass
class _Candidate:
    """A proposed rule: how much it explained when it was proposed and does now, and whether it is believed."""

    rule: ActionRule
    explained_at_first: int
    explains: int = 0
    believed: bool = False

    @property
    def tested(self) -> int:
        """How many changes it foretold since it was proposed that came about."""
        return self.explains - self.explained_at_first


class ProposingAuthor:
    """Learns rules from what a language model proposes.

    Args:
        vocabulary: of the world.
        proposer: who asks; None: nothing is proposed.
        inducer: whose rules come first; None: there are only proposed ones.
        priors: whether to ask before there is any experience.
    """

    def __init__(
        self, vocabulary: Vocabulary, proposer: Proposer | None, inducer: Inducer | None = None, priors: bool = True
    ) -> None:
        self._vocabulary = vocabulary
        self._proposer = proposer
        self._inducer = inducer
        self._priors = priors
        self._court = Judge(vocabulary)
        self._candidates: dict[str, list[_Candidate]] = {action.name: [] for action in vocabulary.actions}
        self._known: set[tuple[object, ...]] = set()
        self._history: dict[str, list[Transition]] = {action.name: [] for action in vocabulary.actions}
        self._news: dict[str, list[Transition]] = {action.name: [] for action in vocabulary.actions}
        self._asked: Counter[tuple[object, ...]] = Counter()
        self._noise: dict[str, float] = {}
        self._in_force: dict[str, tuple[ActionRule, ...]] = {}  # the laws that were learned last
        self._failed = 0

    @property
    def record(self) -> float:
        """The share of its rules that came true when tested, shrunk towards a half (Laplace's rule of succession)."""
        came_true = sum(c.tested > 0 for candidates in self._candidates.values() for c in candidates)
        return (came_true + 1) / (came_true + self._failed + 2)

    def add(self, transition: Transition) -> None:
        """Take in one transition."""
        if self._inducer is not None:
            self._inducer.add(transition)
        if transition.certain:
            self._court.add(transition)
            self._history[transition.action.name].append(transition)
            self._news[transition.action.name].append(transition)

    def learn(self, actions: Iterable[str], at_step: int) -> dict[str, Learned]:
        """What the evidence says about these actions; what no rule explains is asked about."""
        names = list(actions)
        found = {name: Learned() for name in names} if self._inducer is None else self._inducer.learn(names, at_step)
        return {name: self._joined(name, learned, at_step) for name, learned in found.items()}

    def begin(self) -> tuple[ActionRule, ...]:
        """The hypotheses to begin with: what the names alone suggest."""
        if self._proposer is not None and self._priors:
            for action in self._candidates:
                self._take_up(self._proposer.priors(action), 0)
        return self._all_waiting()

    def missing(self, goal: Goal, model: WorldModel, state: State) -> tuple[ActionRule, ...]:
        """All that waits to be tested, after asking which rule is missing; asked once for a goal and a set of laws."""
        key = (str(goal), tuple(rule.law() for rule in model.rules))
        if self._proposer is not None and not self._asked[key]:
            self._asked[key] += 1
            self._take_up(self._proposer.missing(goal, state, model.rules, refuting(self._court)), model.steps)
        return self._all_waiting()

    def to_test(self) -> tuple[ActionRule, ...]:
        """The hypotheses that were never tested, while the record is such that this is worth steps."""
        if self.record < _WORTH_TESTING:
            return ()
        return tuple(
            candidate.rule for name in self._candidates for candidate in self._waiting(name) if not candidate.tested
        )

    # -- judging ------------------------------------------------------------------------------------------------------

    def _joined(self, action: str, learned: Learned, at_step: int) -> Learned:
        """What the inducer learned, and what is proposed besides."""
        self._noise[action] = learned.noise
        self._sift(action)
        laws = self._laws(action, learned)
        if self._ask_about(action, at_step):
            laws = self._laws(action, learned)
        self._in_force[action] = (*learned.rules, *laws)
        for candidate in self._candidates[action]:
            believed = any(candidate.rule.law() == law.law() for law in laws)
            if believed and not candidate.believed:
                self._note(candidate, "kept", str(next(r for r in laws if r.law() == candidate.rule.law()).evidence))
            candidate.believed = believed
        waiting = tuple(candidate.rule for candidate in self._waiting(action))
        return replace(learned, rules=(*learned.rules, *laws), hypotheses=(*learned.hypotheses, *waiting))

    def _sift(self, action: str) -> None:
        """Judge the candidates by what is new, and drop those that are refuted."""
        refutes = refuting(self._court, self._noise.get(action, 0.0))
        kept = []
        for candidate in self._candidates[action]:
            verdict = self._court.judge(candidate.rule)
            against = None if verdict.too_broad else refutes(candidate.rule)
            if verdict.too_broad or against is not None:
                self._failed += 1
                self._note(candidate, "refuted", str(against or "it applies in too many ways"))
                continue
            candidate.explains = verdict.covered
            evidence = replace(candidate.rule.evidence, support=verdict.support, contradicted=verdict.contradicted)
            candidate.rule = candidate.rule.with_evidence(evidence)
            kept.append(candidate)
        self._candidates[action] = kept

    def _laws(self, action: str, learned: Learned) -> list[ActionRule]:
        """The proposed rules to commit to, as few as explain what they explain."""
        good = self._inducer is None or self.record >= _BELIEVED
        borne_out = [
            candidate.rule
            for candidate in self._candidates[action]
            if candidate.rule.evidence.support >= _CASES or (good and candidate.tested > 0)
        ]
        if not borne_out:
            return []
        chosen = list(self._court.select(borne_out, learned.noise))
        return chosen if good else self._beyond(learned.rules, chosen)

    def _beyond(self, rules: Iterable[ActionRule], more: Iterable[ActionRule]) -> list[ActionRule]:
        """Those of some more rules that explain what the rules, and those taken before, do not."""
        taken: list[ActionRule] = []
        known = list(rules)
        left = self._unexplained([*known, *taken])
        for rule in more:
            after = self._unexplained([*known, *taken, rule])
            if after < left:
                taken.append(rule)
                left = after
        return taken

    def _unexplained(self, rules: Iterable[ActionRule]) -> int:
        return sum(len(change) for _, change in self._court.unexplained(rules))

    def _waiting(self, action: str) -> list[_Candidate]:
        """The candidates that are no laws, best borne out first, then as they were proposed."""
        waiting = [candidate for candidate in self._candidates[action] if not candidate.believed]
        return sorted(waiting, key=lambda candidate: -candidate.tested)[:MAX_WAITING]

    def _all_waiting(self) -> tuple[ActionRule, ...]:
        return tuple(candidate.rule for action in self._candidates for candidate in self._waiting(action))

    # -- asking -------------------------------------------------------------------------------------------------------

    def _ask_about(self, action: str, at_step: int) -> bool:
        """Ask what explains the latest change that no rule explained when it was seen; whether anything was proposed.

        Whether the inducer makes a law of it at once does not matter: the other may know the better one.
        """
        news, self._news[action] = self._news[action], []
        if self._proposer is None or self._proposer.silent or not news:
            return False
        rules = self._in_force.get(action, ())
        recent = Judge(self._vocabulary)
        recent.extend(news)
        found = False
        for transition, change in recent.unexplained([*rules, *(c.rule for c in self._candidates[action])])[-1:]:
            scene, _ = scene_of(self._proposer.words, transition)
            for aspect in sorted({fluent[0] for fluent in change}):
                key = (action, aspect, scene.gone, scene.come)
                if self._asked[key] >= _ASKS or found:
                    continue
                self._asked[key] += 1
                refutes = refuting(self._court, self._noise.get(action, 0.0))
                proposed = self._proposer.explain(transition, aspect, self._history[action], rules, refutes)
                found = self._take_up(proposed, at_step)
        return found

    def _take_up(self, rules: Iterable[ActionRule], at_step: int) -> bool:
        """Let new rules wait for their test; whether there are any."""
        news = [rule for rule in rules if rule.law() not in self._known]
        for rule in news:
            self._known.add(rule.law())
            if len(self._candidates[rule.action]) < MAX_CANDIDATES:
                explains = self._court.judge(rule).covered
                evidence = Evidence(self._court.judge(rule).support, 0, rule.evidence.author, at_step)
                candidate = _Candidate(rule.with_evidence(evidence), explains, explains)
                self._candidates[rule.action].append(candidate)
                self._note(candidate, "waits", f"explains {explains} changes so far")
        return bool(news)

    def _note(self, candidate: _Candidate, verdict: str, why: str) -> None:
        if self._proposer is not None:
            self._proposer.hear(Turned(show_rule(candidate.rule), verdict, why))
