"""What asking cost, from the events."""

from __future__ import annotations

import pytest

from worldwright.agent.events import Asked, EpisodeEnded, Event, Proposed, Refuted, Rejected
from worldwright.experiments.costs import Costs


def asked(key: str = "k", usd: float | None = 0.5, seconds: float = 1.0, error: str = "") -> Asked:
    return Asked(
        step=0,
        key=key,
        purpose="rule",
        sample=0,
        prompt=("user: ?",),
        answer="" if error else "{}",
        finish="" if error else "stop",
        prompt_tokens=100,
        answer_tokens=10,
        seconds=seconds,
        usd=usd,
        model="m",
        error=error,
    )


def proposed(name: str, verdict: str) -> Event:
    if verdict == "refuted":
        return Refuted(step=0, rule=f"(:rule {name}\n  :action left)", why="")
    return Proposed.model_validate(
        {"step": 0, "rule": f"(:rule {name}\n  :action left)", "verdict": verdict, "why": ""}
    )


ENDED = EpisodeEnded(step=9, success=True, steps=9, total_reward=1.0, plans=1, surprises=0, cpu_s=0.1, failure="")


def test_nothing_asked_is_nothing_said() -> None:
    assert list(Costs.of([ENDED]).lines()) == []


def test_what_a_recording_answers_again_was_paid_once() -> None:
    costs = Costs.of([asked(), asked(seconds=0.0), asked("other"), asked("other", seconds=2.0)])
    assert (costs.calls, costs.tokens, costs.usd) == (3, (300, 30), 1.5)
    replayed = Costs.of([asked(seconds=0.0), asked(seconds=0.0), asked("other", seconds=0.0)])
    assert replayed.calls == 2
    assert Costs.of([asked("", seconds=0.0)] * 2).calls == 2, "without a key nobody knows that it is the same"


def test_money_is_known_only_if_all_of_it_is() -> None:
    assert Costs.of([asked(), asked("other", usd=None)]).usd is None
    assert "price not known" in next(Costs.of([asked(usd=None)]).lines())


def test_what_was_not_sent_is_no_call() -> None:
    kinds = ("Unreachable: gone", "ModelProblem: no", "Spent: 5 calls", "NotRecorded: x", "TooLong: x", "GivenUp: x")
    costs = Costs.of([asked(error=error, seconds=0.0) for error in kinds])
    assert (costs.calls, sum(costs.failures.values())) == (2, 6)
    assert "1 GivenUp, 1 ModelProblem, 1 NotRecorded, 1 Spent, 1 TooLong, 1 Unreachable" in next(costs.lines())


def test_the_last_verdict_on_a_rule_counts() -> None:
    verdicts = [("a", "waits"), ("b", "waits"), ("a", "kept"), ("c", "refuted"), ("b", "refuted"), ("d", "waits")]
    rejections = [Rejected(step=0, purpose="rule", reason=reason, detail="", excerpt="") for reason in ("shape",) * 2]
    costs = Costs.of([asked(), *(proposed(*verdict) for verdict in verdicts), *rejections, ENDED, ENDED])
    first, shares, rules = costs.lines()
    assert first == "language model: 1 calls, 100 + 10 tokens, $0.5000, 1.0 s of waiting"
    assert shares.endswith("per episode 0.5 calls, 50 + 5 tokens, $0.2500") and "per rule kept 1 calls" in shares
    assert rules.strip() == "rules proposed 4: 1 kept, 2 refuted, 1 not settled; refused in its answers: 2 shape"
    assert costs.record()["rejected"] == {"shape": 2} and costs.record()["usd"] == pytest.approx(0.5)
