"""The proposer asks, reads, judges and mends, counts all of it, and never raises."""

from __future__ import annotations

from dataclasses import replace

from tests.world_model.answering import NOTHING, Scripted, answer
from tests.world_model.test_proposing_prompts import texts
from tests.world_model.walks import law, laws, walks
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.chat.request import ModelProblem, Reply, Spent, TooLong, Unreachable
from worldwright.world_model.goal import parse_goal
from worldwright.world_model.judging import Judge
from worldwright.world_model.language import ActionRule, Outcome
from worldwright.world_model.proposing.asker import MAX_SILENCES
from worldwright.world_model.proposing.notes import Note, Refusal, Silenced, Turned
from worldwright.world_model.proposing.proposer import Proposer, refuting
from worldwright.world_model.proposing.words import Words
from worldwright.world_model.transition import Transition

WORDS = Words(VOCABULARY)
SEEN = walks()
COURT = Judge(VOCABULARY)
COURT.extend(SEEN)
RIGHT = next(rule for rule in laws() if rule.name == "pickup-key")
CARELESS = replace(RIGHT, preconditions=tuple(c for c in RIGHT.preconditions if "kind" not in str(c)))
NEVER = law("pickup-wins", "?x - thing", "(holding ?x) (kind ?x lava)", "((1 (and (won))))")


def lifted() -> Transition:
    return next(t for t in SEEN if t.action.name == "pickup" and t.certain and t.change())


def explain(proposer: Proposer) -> list[ActionRule]:
    return proposer.explain(lifted(), "holding", [t for t in SEEN if t.action.name == "pickup"], (), refuting(COURT))


def proposer(
    *answers: str | Reply | ModelProblem, samples: int = 1, refinements: int = 2
) -> tuple[Proposer, list[Note]]:
    notes: list[Note] = []
    return Proposer(VOCABULARY, Scripted(answers), samples, refinements, notes.append), notes


def asked(found: Proposer) -> list[str]:
    assert isinstance(found.chat, Scripted)
    return [request.purpose for request in found.chat.asked]


def law_of(rule: ActionRule) -> object:
    return WORDS.normal(rule).law()


def test_a_rule_that_experience_bears_out_is_proposed() -> None:
    found, notes = proposer(answer(VOCABULARY, RIGHT))
    (rule,) = explain(found)
    assert (law_of(rule), rule.evidence.author) == (law_of(RIGHT), "llm")
    assert asked(found) == ["rule"]
    assert found.counts == {"asked": 1, "answered": 1, "proposed": 1}
    assert notes == [], "exchanges are for whoever watches the model to hear of"


def test_samples_differ_in_their_number_only_and_the_same_law_is_proposed_once() -> None:
    found, _ = proposer(answer(VOCABULARY, RIGHT), samples=3)
    assert len(explain(found)) == 1
    assert isinstance(found.chat, Scripted)
    assert [request.sample for request in found.chat.asked] == [0, 1, 2]
    assert len({replace(request, sample=0).messages for request in found.chat.asked}) == 1


def test_a_refuted_rule_goes_back_with_the_case_and_may_be_mended() -> None:
    found, notes = proposer(answer(VOCABULARY, CARELESS), answer(VOCABULARY, RIGHT))
    (rule,) = explain(found)
    assert law_of(rule) == law_of(RIGHT)
    assert asked(found) == ["rule", "repair"]
    assert (found.counts["refuted"], found.counts["repaired"]) == (1, 1)
    (turned,) = [note for note in notes if isinstance(note, Turned)]
    assert turned.verdict == "refuted" and "was to be" in turned.why
    assert isinstance(found.chat, Scripted)
    assert "refuted" in texts(found.chat.asked[1])


def test_a_refuted_rule_goes_back_twice_at_most() -> None:
    turns = [with_more(CARELESS, f"(not (color ?x {color}))") for color in ("red", "blue")]
    found, _ = proposer(*(answer(VOCABULARY, rule) for rule in (CARELESS, *turns, RIGHT)))
    assert explain(found) == []
    assert asked(found) == ["rule", "repair", "repair"]
    assert found.counts["refuted"] == 3


def with_more(rule: ActionRule, condition: str) -> ActionRule:
    more = law("left-x", "?x - thing", condition, "((1 (and (won))))").preconditions
    return replace(rule, preconditions=(*rule.preconditions, *more))


def test_whoever_insists_is_not_asked_again() -> None:
    found, _ = proposer(answer(VOCABULARY, CARELESS))
    assert explain(found) == []
    assert asked(found) == ["rule", "repair"]


def test_a5_a_rule_that_no_transition_speaks_of_is_kept_for_a_test_only() -> None:
    found, _ = proposer(answer(VOCABULARY, NEVER))
    (rule,) = explain(found)
    assert COURT.judge(rule).support == 0 and rule.evidence.support == 0


def test_a9_vacuous_rules_are_refused_or_refuted() -> None:
    nothing_ever = replace(RIGHT, parameters=(), preconditions=(), outcomes=(Outcome(1.0),))
    loses_all = law(
        "pickup-loses", "?c - cell ?x - thing", "(on ?c ?x)", "((1 (and (not (on ?c ?x)) (on ?c nothing))))"
    )
    found, _ = proposer(answer(VOCABULARY, nothing_ever), answer(VOCABULARY, loses_all), NOTHING)
    assert explain(found) == []
    assert found.counts["rejected senseless"] == 1
    assert explain(found) == []
    assert found.counts["refuted"] == 1


def test_a10_whatever_comes_is_counted_and_noted_and_proposes_nothing() -> None:
    hostile: list[str | Reply | ModelProblem] = [
        "garbage",
        "```json\nx\n```",
        '{"rules": [[]]}',
        Reply("", "refusal"),
        Reply('{"rules": [', "length"),
    ]
    found, notes = proposer(*hostile, samples=5)
    assert explain(found) == []
    assert found.counts["answered"] == 5
    rejected = {name: number for name, number in found.counts.items() if name.startswith("rejected")}
    assert rejected == {"rejected not-json": 2, "rejected shape": 1, "rejected declined": 1, "rejected cut-off": 1}
    assert sum(isinstance(note, Refusal) for note in notes) == 5


def test_a_dead_endpoint_is_noted_once_and_then_let_be() -> None:
    found, notes = proposer(Unreachable("no route"), samples=10)
    assert explain(found) == explain(found) == []
    assert len(asked(found)) == MAX_SILENCES
    assert found.silent and found.counts["unanswered"] == MAX_SILENCES
    assert [note.why for note in notes if isinstance(note, Silenced)] == ["no route"]


def test_what_fails_now_and_then_is_asked_on() -> None:
    answers: list[str | Reply | ModelProblem] = [Unreachable("late"), Unreachable("late"), NOTHING]
    found, notes = proposer(*answers * 5, samples=15)
    explain(found)
    assert len(asked(found)) == 15 and not found.silent
    assert not any(isinstance(note, Silenced) for note in notes)


def test_a_question_that_is_too_long_says_nothing_about_the_next() -> None:
    found, notes = proposer(*[TooLong("16000 tokens")] * 9, NOTHING, samples=10)
    assert explain(found) == []
    assert len(asked(found)) == 10 and not found.silent and notes == []


def test_a_spent_limit_ends_the_asking_at_once() -> None:
    found, notes = proposer(NOTHING, Spent("10 calls"), samples=10)
    assert explain(found) == []
    assert len(asked(found)) == 2 and found.silent
    assert sum(isinstance(note, Silenced) for note in notes) == 1


def test_c27_one_poisoned_transition_refutes_nothing_that_many_bear_out() -> None:
    mine = [t for t in SEEN if t.action.name == "left" and t.certain]
    poison = replace(mine[0], after=mine[0].before, episode=99, source="stranger")
    court = Judge(VOCABULARY)
    court.extend([poison, *mine])
    turn = next(rule for rule in laws() if rule.name == "left-turns")
    found, _ = proposer(answer(VOCABULARY, turn))
    (rule,) = found.explain(mine[1], "facing", mine, (), refuting(court))
    assert law_of(rule) == law_of(turn)
    against = court.judge(turn).first_counterexample
    assert against is not None and against.transition.source == "stranger"


def test_priors_and_missing_rules_are_asked_for_without_experience() -> None:
    found, _ = proposer(answer(VOCABULARY, RIGHT, NEVER))
    assert [law_of(rule) for rule in found.priors("pickup")] == [law_of(RIGHT), law_of(NEVER)]
    assert found.priors("left") == [], "a rule of another action is refused"
    goal = parse_goal(VOCABULARY, "(some (?x - thing) (and (kind ?x key) (holding ?x)))")
    assert [law_of(rule) for rule in found.missing(goal, SEEN[0].before, laws(), refuting(COURT))] == [
        law_of(RIGHT),
        law_of(NEVER),
    ]
    assert asked(found) == ["prior", "prior", "missing"]
