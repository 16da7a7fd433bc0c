"""How long it takes to judge rules: 100 of them by 5,000 transitions, at once and one more transition."""

from __future__ import annotations

from dataclasses import replace

from pytest_benchmark.fixture import BenchmarkFixture

from tests.world_model.walks import LEVELS, laws, walks
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.judging import Judge
from worldwright.world_model.language import ActionRule, LiftedAtom, Literal
from worldwright.world_model.transition import Transition

RULES, TRANSITIONS = 100, 5_000


def candidates() -> list[ActionRule]:
    """The true laws and what one precondition of another direction makes of them."""
    found = list(laws())
    for direction in ("east", "south", "west", "north"):
        for positive in (True, False):
            more = Literal(LiftedAtom("facing", (direction,)), positive)
            found += [replace(rule, preconditions=(*rule.preconditions, more)) for rule in laws()]
    return found[:RULES]


def experience() -> list[Transition]:
    found = walks(LEVELS, seeds=10)
    return (found * (TRANSITIONS // len(found) + 1))[:TRANSITIONS]


def test_judging_afresh(benchmark: BenchmarkFixture) -> None:
    rules, transitions = candidates(), experience()

    def judge_all() -> tuple[ActionRule, ...]:
        judge = Judge(VOCABULARY)
        judge.extend(transitions)
        return judge.select(rules)

    kept = benchmark.pedantic(judge_all, rounds=5)
    pairs = sum(rule.action == transition.action.name for rule in rules for transition in transitions)
    benchmark.extra_info["pairs of a rule and a transition of its action"] = pairs
    assert {rule.name for rule in kept} <= {rule.name for rule in laws()}
    assert len(rules) == RULES and len(transitions) == TRANSITIONS


def test_judging_again_after_one_more_transition(benchmark: BenchmarkFixture) -> None:
    rules, transitions = candidates(), experience()
    judge = Judge(VOCABULARY)
    judge.extend(transitions)
    judge.select(rules)

    def judge_again() -> tuple[ActionRule, ...]:
        judge.add(transitions[0])
        return judge.select(rules)

    assert benchmark(judge_again)
