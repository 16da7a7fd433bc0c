"""Proposed rules beside the inducer's: tested before they are believed, dropped when refuted, never in the way."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from tests.world_model.answering import NOTHING, Scripted, answer
from tests.world_model.corrupting import corruptions
from tests.world_model.test_induction import (
    KINDS,
    SEEN_COLORS,
    USE,
    WORKSHOP,
    brightens,
    done,
    experience,
    misses,
    table,
)
from worldwright.world_model.chat.request import Request, Unreachable
from worldwright.world_model.goal import parse_goal
from worldwright.world_model.induction import Inducer
from worldwright.world_model.language import ActionRule
from worldwright.world_model.model import WorldModel
from worldwright.world_model.proposing.author import MAX_WAITING, ProposingAuthor
from worldwright.world_model.proposing.notes import Note, Turned
from worldwright.world_model.proposing.proposer import Proposer
from worldwright.world_model.syntax import parse_rule
from worldwright.world_model.transition import Transition

STATES = [table(kind, color) for kind, color in product(KINDS, SEEN_COLORS)]


def use(name: str, kind: str, status: str) -> ActionRule:
    parameters = "?p - place ?x - thing ?s - status"
    when = f"(and (at ?p) (on ?p ?x) (status ?x ?s) (kind ?x {kind}))"
    effect = f"(and (not (status ?x ?s)) (status ?x {status}))"
    return parse_rule(
        WORKSHOP, f"(:rule {name} :action use :parameters ({parameters}) :precondition {when} :outcomes ((1 {effect})))"
    )


RIGHT, WRONG = use("right", "lamp", "bright"), use("wrong", "lamp", "ajar")
LAMPS = [state for state in STATES if state.value(("kind", "x")) == "lamp"]


def author(
    *answers: str, alone: bool = False, priors: bool = True, samples: int = 1
) -> tuple[ProposingAuthor, Scripted, list[Note]]:
    notes: list[Note] = []
    chat = Scripted(answers)
    found = Proposer(WORKSHOP, chat, samples, hear=notes.append)
    return ProposingAuthor(WORKSHOP, found, None if alone else Inducer(WORKSHOP), priors), chat, notes


def teach(pupil: ProposingAuthor, transitions: Sequence[Transition]) -> None:
    for number, transition in enumerate(transitions):
        pupil.add(replace(transition, episode=number))


def verdicts(notes: list[Note]) -> list[str]:
    return [note.verdict for note in notes if isinstance(note, Turned)]


def test_a_prior_waits_is_tested_and_is_believed() -> None:
    pupil, chat, notes = author(answer(WORKSHOP, RIGHT), NOTHING, alone=True)
    (waiting,) = pupil.begin()
    assert (waiting.evidence.support, waiting.evidence.author) == (0, "llm")
    assert [request.purpose for request in chat.asked] == ["prior", "prior"]
    assert pupil.to_test() == (waiting,)
    assert pupil.learn(["use"], 0)["use"].rules == ()
    teach(pupil, [done(LAMPS[0], brightens(LAMPS[0]), USE)])
    learned = pupil.learn(["use"], 1)["use"]
    assert [rule.law() for rule in learned.rules] == [waiting.law()]
    assert (learned.rules[0].evidence.support, learned.hypotheses, pupil.to_test()) == (1, (), ())
    assert verdicts(notes) == ["waits", "kept"]


def test_a_prior_that_fails_its_test_is_dropped_and_stays_away() -> None:
    pupil, _, notes = author(answer(WORKSHOP, WRONG))
    pupil.begin()
    teach(pupil, [done(LAMPS[0], brightens(LAMPS[0]), USE)])
    learned = pupil.learn(["use"], 1)["use"]
    assert not any(rule.evidence.author == "llm" for rule in (*learned.rules, *learned.hypotheses))
    assert "refuted" in verdicts(notes) and pupil.record < 0.5
    assert pupil.begin() == (), "the same law is not taken up again"


def test_what_no_rule_explains_is_asked_about_and_what_is_foretold_is_not() -> None:
    pupil, chat, _ = author(NOTHING, priors=False)
    teach(pupil, [done(LAMPS[0], brightens(LAMPS[0]), USE)])
    pupil.learn(["use"], 1)
    assert [request.purpose for request in chat.asked] == ["rule"]
    teach(pupil, experience(STATES, brightens) * 2)
    pupil.learn(["use"], 50)
    number = len(chat.asked)
    teach(pupil, experience(STATES, brightens))
    pupil.learn(["use"], 90)
    assert len(chat.asked) == number


def test_the_same_change_is_not_asked_about_for_ever() -> None:
    pupil, chat, _ = author(NOTHING, alone=True, priors=False)
    for number in range(20):
        teach(pupil, [done(LAMPS[0], brightens(LAMPS[0]), USE)])
        pupil.learn(["use"], number)
    assert len(chat.asked) == 3


def test_without_an_answer_it_is_the_inducer() -> None:
    seen = experience(STATES, brightens) * 2
    plain = Inducer(WORKSHOP)
    for number, transition in enumerate(seen):
        plain.add(replace(transition, episode=number))
    for proposer in (None, Proposer(WORKSHOP, Scripted([Unreachable("gone")]))):
        pupil = ProposingAuthor(WORKSHOP, proposer, Inducer(WORKSHOP))
        assert pupil.begin() == ()
        teach(pupil, seen)
        assert pupil.learn(["use", "grasp"], 9) == plain.learn(["use", "grasp"], 9)


@pytest.mark.parametrize("seed", range(3))
def test_many_wrong_rules_do_not_change_what_is_foretold(seed: int) -> None:
    wrong = corruptions([RIGHT, use("other", "torch", "dim")], WORKSHOP, random.Random(seed))

    def some(request: Request) -> str:
        rules = [rule for rule, _ in zip(wrong, range(8), strict=False)]
        return answer(WORKSHOP, *rules)

    pupil = ProposingAuthor(WORKSHOP, Proposer(WORKSHOP, Scripted(some), samples=6), Inducer(WORKSHOP))
    pupil.begin()
    seen = experience(STATES, brightens) * 3
    for number in range(0, len(seen), 4):
        teach(pupil, seen[number : number + 4])
        learned = pupil.learn(["use"], number)["use"]
    assert len(learned.hypotheses) <= MAX_WAITING + 20
    assert misses(WorldModel(WORKSHOP, learned.rules), STATES, brightens) == []


def test_missing_rules_are_asked_for_once_for_a_goal_and_a_set_of_laws() -> None:
    pupil, chat, _ = author(answer(WORKSHOP, RIGHT), priors=False)
    goal = parse_goal(WORKSHOP, "(some (?x - thing) (and (status ?x bright)))")
    other = parse_goal(WORKSHOP, "(some (?x - thing) (and (status ?x dim)))")
    for wish, model, number in (
        (goal, WorldModel(WORKSHOP), 1),
        (goal, WorldModel(WORKSHOP), 1),
        (other, WorldModel(WORKSHOP), 2),
        (goal, WorldModel(WORKSHOP, (RIGHT,)), 3),
    ):
        (waiting,) = pupil.missing(wish, model, LAMPS[0])
        assert len(chat.asked) == number
    assert chat.asked[0].purpose == "missing" and waiting.evidence.author == "llm"


def test_c27_a_law_outlasts_one_poisoned_transition() -> None:
    pupil, _, _ = author(answer(WORKSHOP, RIGHT), NOTHING, alone=True)
    pupil.begin()
    good = [done(state, brightens(state), USE) for state in LAMPS] * 4
    teach(pupil, [*good, replace(done(LAMPS[0], {}, USE), source="stranger")])
    (rule,) = pupil.learn(["use"], 20)["use"].rules
    assert (rule.evidence.support, rule.evidence.contradicted) == (len(good), 1)
