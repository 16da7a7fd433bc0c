"""What an answer need not say: it follows from a scene, or from there being one value at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.world_model.answering import Scripted
from tests.world_model.test_proposing_proposer import COURT, RIGHT, lifted
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.chat.request import Reply
from worldwright.world_model.language import ActionRule
from worldwright.world_model.proposing.proposer import Proposer, refuting
from worldwright.world_model.proposing.reading import Reading, read_rules
from worldwright.world_model.proposing.scenes import NO_SCENE, Scene, scene_of
from worldwright.world_model.proposing.words import Words

WORDS = Words(VOCABULARY)
TURNED = Scene(
    facts=(
        "(agent-at ?cell1)",
        "(facing ?direction1)",
        "(holding nothing)",
        "(clockwise ?direction1 ?direction2)",
        "(next ?direction1 ?cell1 ?cell2)",
        "(on ?cell2 ?thing1)",
        "(kind ?thing1 key)",
    ),
    gone=("(facing ?direction1)",),
    come=("(facing ?direction2)",),
    values=(("?direction1", "east"), ("?direction2", "south")),
)
LIFTED = replace(
    TURNED,
    gone=("(holding nothing)", "(on ?cell2 ?thing1)"),
    come=("(holding ?thing1)", "(on ?cell2 nothing)"),
)
Said = Sequence[tuple[str, bool]]


def literal(said: tuple[str, bool]) -> dict[str, object]:
    predicate, *args = said[0].strip("()").split()
    return {"predicate": predicate, "args": args, "holds": said[1]}


def read(action: str, when: Said, effects: Said, scene: Scene = NO_SCENE) -> Reading:
    return read_rules(WORDS, [action], Reply(saying(action, when, effects)), scene)


def told(rule: ActionRule) -> tuple[set[str], set[str]]:
    (outcome,) = rule.outcomes
    return {str(c) for c in rule.preconditions}, {str(e) for e in outcome.effects}


def meant(reading: Reading) -> ActionRule:
    """What a rule may mean first of all."""
    (rule,) = reading.rules
    return reading.meant[rule.law()][0]


@pytest.mark.parametrize("when", [[], [("(facing ?direction1)", True)]])
def test_a_new_value_says_which_value_ends_and_a_scene_says_how_it_is_found(when: Said) -> None:
    conditions, effects = told(meant(read("right", when, [("(facing ?direction2)", True)], TURNED)))
    assert conditions == {"(facing ?direction1)", "(clockwise ?direction1 ?direction2)"}
    assert effects == {"(not (facing ?direction1))", "(facing ?direction2)"}


def test_constants_of_a_scene_may_stand_for_all_such() -> None:
    reading = read("right", [("(facing east)", True)], [("(facing south)", True)], TURNED)
    assert told(reading.rules[0]) == ({"(facing east)"}, {"(not (facing east))", "(facing south)"})
    assert told(meant(reading))[0] == {"(facing ?direction1)", "(clockwise ?direction1 ?direction2)"}


def test_what_takes_the_place_of_a_value_is_what_took_it_in_the_scene() -> None:
    when: Said = [("(on ?cell2 ?thing1)", True), ("(kind ?thing1 key)", True)]
    said: Said = [("(on ?cell2 ?thing1)", False), ("(holding ?thing1)", True)]
    conditions, effects = told(meant(read("pickup", when, said, LIFTED)))
    assert conditions >= {"(agent-at ?cell1)", "(facing ?direction1)", "(next ?direction1 ?cell1 ?cell2)"}
    assert effects == {
        "(not (on ?cell2 ?thing1))",
        "(on ?cell2 nothing)",
        "(not (holding nothing))",
        "(holding ?thing1)",
    }


def test_without_a_scene_whatever_the_old_value_is_it_ends() -> None:
    (rule,) = read("pickup", [], [("(holding ?thing1)", True)]).rules
    conditions, effects = told(rule)
    (old,) = conditions
    assert old.startswith("(holding ?thing") and old != "(holding ?thing1)"
    assert effects == {f"(not {old})", "(holding ?thing1)"}


def test_that_something_stays_as_it_is_need_not_be_said_and_is_no_rule() -> None:
    stays: Said = [("(holding nothing)", True)]
    (rule,) = read("right", stays, [*stays, ("(won)", True)]).rules
    assert told(rule) == ({"(holding nothing)"}, {"(won)"})
    (refused,) = read("right", stays, stays).rejections
    assert refused.reason == "senseless"


def test_a_rule_that_says_all_means_nothing_else() -> None:
    when: Said = [("(facing ?direction1)", True), ("(clockwise ?direction1 ?direction2)", True)]
    reading = read("right", when, [("(facing ?direction1)", False), ("(facing ?direction2)", True)], TURNED)
    (rule,) = reading.rules
    assert reading.meant[rule.law()] == ()


def saying(action: str, when: Said, effects: Said) -> str:
    outcome = {"probability": 1, "effects": [literal(part) for part in effects]}
    rule = {"action": action, "args": [], "when": [literal(part) for part in when], "outcomes": [outcome]}
    return json.dumps({"rules": [rule]})


def test_what_may_be_meant_is_proposed_if_it_explains_what_happened() -> None:
    scene, _ = scene_of(WORDS, lifted())
    kind = next(fact for fact in scene.facts if fact.endswith(" key)"))
    found = Proposer(
        VOCABULARY,
        Scripted([saying("pickup", [(kind, True)], [(fact, True) for fact in scene.come])]),
        samples=1,
        refinements=0,
    )
    (rule,) = found.explain(lifted(), "holding", [lifted()], (), refuting(COURT))
    verdict, right = COURT.judge(rule), COURT.judge(RIGHT)
    assert (verdict.support, verdict.contradicted) == (right.support, 0)
    assert len(rule.preconditions) == len(RIGHT.preconditions)
    assert found.counts["refuted"] == 0


def test_what_explains_nothing_is_taken_as_it_was_said() -> None:
    """That any thing can be taken from the agent's own cell is refuted, or waits: it is not made to fit."""
    said = saying("pickup", [("(on ?cell6 ?thing6)", True)], [("(holding ?thing6)", True)])
    found = Proposer(VOCABULARY, Scripted([said]), samples=1, refinements=0)
    assert found.explain(lifted(), "holding", [lifted()], (), refuting(COURT)) == []
    assert found.counts["refuted"] == 1


def test_a_condition_without_arguments_is_one_like_any_other() -> None:
    (rule,) = read("done", [("(goal-holds)", True)], [("(won)", True)]).rules
    assert told(rule) == ({"(goal-holds)"}, {"(won)"})
