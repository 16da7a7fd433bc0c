"""Asks a language model for rules, reads what it answers, and holds each rule against all experience.

A rule that experience refutes goes back with the case that refutes it, a few times. What is left is borne out, or no
transition speaks for or against it yet. Whatever goes wrong with the language model is noted, and answers as if it had
proposed nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from worldwright.world_model.chat.request import ChatModel, Request
from worldwright.world_model.goal import Goal
from worldwright.world_model.judging import Counterexample, Judge
from worldwright.world_model.language import ActionRule
from worldwright.world_model.proposing import prompts
from worldwright.world_model.proposing.asker import Asker
from worldwright.world_model.proposing.notes import Hear, Turned, unheard
from worldwright.world_model.proposing.reading import read_rules
from worldwright.world_model.proposing.scenes import NO_SCENE, Scene, scene_of
from worldwright.world_model.proposing.words import Words
from worldwright.world_model.state import State
from worldwright.world_model.syntax import show_rule
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import Vocabulary

MAX_CONTRASTS = 4
MAX_COMPARED = 100  # latest transitions of an action among which contrasts are sought

Refutes = Callable[[ActionRule], Counterexample | None]
Explains = Callable[[ActionRule], bool]


def _nothing(rule: ActionRule) -> bool:
    return False


@dataclass
class Proposer:
    """Proposes rules by asking a language model.

    Args:
        vocabulary: of the world.
        chat: who is asked, or an asker, which others may ask too.
        samples: how many answers are asked for to each question.
        refinements: how often a refuted rule may go back.
        hear: is told of every verdict and refusal, and of giving up.

    Attributes:
        counts: how often what happened: `proposed`, `refuted`, `repaired`, and what the asker counts.
    """

    vocabulary: Vocabulary
    chat: ChatModel | Asker
    samples: int = 3
    refinements: int = 2
    hear: Hear = unheard
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.words = Words(self.vocabulary)
        self._asker = self.chat if isinstance(self.chat, Asker) else Asker(self.chat, self.hear, self.counts)

    @property
    def silent(self) -> bool:
        """Whether it has given up asking."""
        return self._asker.silent

    def priors(self, action: str) -> list[ActionRule]:
        """Rules that an action may follow, by its name alone; nothing is known of them."""
        return self._proposed(prompts.prior_request(self.words, action), [action], lambda rule: None)

    def explain(
        self,
        transition: Transition,
        aspect: str,
        others: Sequence[Transition],
        rules: Sequence[ActionRule],
        refutes: Refutes,
    ) -> list[ActionRule]:
        """Rules that may explain an observed change.

        Args:
            transition: in which something changed.
            aspect: the predicate or counter of what changed.
            others: transitions of the same action, oldest first.
            rules: those of the action so far.
            refutes: the case that speaks against a rule, if one does.
        """
        action = transition.action.name
        scene, _ = scene_of(self.words, transition)
        contrasts = self._contrasts(transition, aspect, scene, others)
        request = prompts.rule_request(self.words, action, aspect, scene, contrasts, rules)
        return self._proposed(request, [action], refutes, scene, explaining(self.vocabulary, transition, aspect))

    def missing(self, goal: Goal, state: State, rules: Sequence[ActionRule], refutes: Refutes) -> list[ActionRule]:
        """Rules without which a goal may be out of reach."""
        actions = [action.name for action in self.vocabulary.actions]
        scene, _ = prompts.situation(self.words, state)
        return self._proposed(prompts.missing_request(self.words, goal, state, rules), actions, refutes, scene)

    # -- asking -------------------------------------------------------------------------------------------------------

    def _proposed(
        self,
        request: Request,
        actions: Sequence[str],
        refutes: Refutes,
        scene: Scene = NO_SCENE,
        explains: Explains = _nothing,
    ) -> list[ActionRule]:
        """The rules of several answers that nothing speaks against, each law once."""
        found: dict[tuple[object, ...], ActionRule] = {}
        refuted: set[tuple[object, ...]] = set()
        for sample in range(self.samples):
            for rule in self._answers(replace(request, sample=sample), actions, scene, explains, refutes):
                if rule.law() not in refuted and rule.law() not in found:
                    refuted.add(rule.law())
                    found |= {kept.law(): kept for kept in self._mended(request, rule, refutes, explains)}
        return list(found.values())

    def _mended(self, request: Request, rule: ActionRule, refutes: Refutes, explains: Explains) -> list[ActionRule]:
        """The rule itself if nothing refutes it, else what it becomes when that is pointed out."""
        for attempt in range(self.refinements + 1):
            against = refutes(rule)
            if against is None:
                if attempt:
                    self.counts["repaired"] += 1
                return [rule]
            self.counts["refuted"] += 1
            self.hear(Turned(show_rule(rule), "refuted", str(against)))
            if attempt == self.refinements:
                break
            repair = prompts.repair_request(self.words, request, rule, against)
            scene, _ = prompts.refuting_scene(self.words, against)
            better = next(self._answers(repair, [rule.action], scene, explains, refutes), None)
            if better is None or better.law() == rule.law():
                break
            rule = better
        return []

    def _answers(
        self, request: Request, actions: Sequence[str], scene: Scene, explains: Explains, refutes: Refutes
    ) -> Iterator[ActionRule]:
        """The rules of an answer; or what one may mean by the scene's words, if that explains what was asked about."""
        reply = self._asker.ask(request)
        if reply is None:
            return
        reading = read_rules(self.words, actions, reply, scene)
        self._asker.reject(request, reading.rejections)
        for said in reading.rules:
            meant = [rule for rule in reading.meant.get(said.law(), ()) if explains(rule)]
            rule = next((rule for rule in meant if refutes(rule) is None), meant[-1] if meant else said)
            self.counts["proposed"] += 1
            yield replace(rule, name=f"{rule.name}-{self.counts['proposed']}")

    def _contrasts(
        self, transition: Transition, aspect: str, scene: Scene, others: Sequence[Transition]
    ) -> list[Scene]:
        """Where the same was done and the aspect did not change, most alike first."""
        unlike = [t for t in others[-MAX_COMPARED:] if t is not transition and not _changes(t, aspect)]
        scenes = dict.fromkeys(scene_of(self.words, other)[0] for other in reversed(unlike))
        return sorted(scenes, key=scene.distance)[:MAX_CONTRASTS]


def _changes(transition: Transition, aspect: str) -> bool:
    return any(fluent[0] == aspect for fluent in transition.change())


def explaining(vocabulary: Vocabulary, transition: Transition, aspect: str) -> Explains:
    """Whether a rule foretells a change of an aspect in a transition, and nothing that did not come."""
    court = Judge(vocabulary)
    court.add(transition)

    def explains(rule: ActionRule) -> bool:
        left = {fluent[0] for _, change in court.unexplained([rule]) for fluent in change}
        return not court.judge(rule).contradicted and aspect not in left

    return explains


def refuting(court: Judge, noise: float = 0.0) -> Refutes:
    """Whether what a court was shown refutes a rule more than noise explains: the first case that does."""

    def refutes(rule: ActionRule) -> Counterexample | None:
        if court.stands(rule, noise):
            return None
        return court.judge(rule).first_counterexample

    return refutes
