"""The learner revises the model when experience contradicts or extends it, and not otherwise."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from tests.world_model.test_induction import (
    KINDS,
    SEEN_COLORS,
    USE,
    WORKSHOP,
    brightens,
    done,
    experience,
    lights,
    misses,
    table,
)
from worldwright.agent.learner import AUTHORS, Revision, RuleLearner
from worldwright.world_model.model import WorldModel
from worldwright.world_model.syntax import parse_rule
from worldwright.world_model.transition import Transition

STATES = [table(kind, color) for kind, color in product(KINDS, SEEN_COLORS)]


def learner(model: WorldModel | None = None) -> RuleLearner:
    return RuleLearner(model or WorldModel(WORKSHOP), AUTHORS["inducer"](WORKSHOP))


def take(pupil: RuleLearner, transition: Transition, surprised: bool | None = None) -> Revision | None:
    """Show a transition, as an episode of its own, and say truly whether it surprises, unless it is told."""
    if surprised is None:
        surprised = pupil.model.predict(transition.before, transition.action).state != transition.after
    return pupil.take(replace(transition, episode=pupil.model.steps), surprised)


def teach(pupil: RuleLearner, transitions: list[Transition]) -> None:
    for transition in transitions:
        take(pupil, transition)


def test_a_surprise_leads_to_a_revision_that_ends_it() -> None:
    pupil = learner()
    seen = experience(STATES, brightens) * 2
    revisions = [take(pupil, t) for t in seen]
    made = [revision for revision in revisions if revision is not None]
    assert made
    assert made[0].cause.startswith("surprise")
    assert "use" in made[0].cause
    assert [rule.action for rule in made[0].added] == ["use"]
    assert made == pupil.revisions
    assert misses(pupil.model, STATES, brightens) == []


def test_what_was_foreseen_changes_nothing_at_once() -> None:
    pupil = learner()
    nothing = [done(state, {}) for state in STATES]
    assert [take(pupil, transition, False) for transition in nothing] == [None] * len(nothing)
    assert pupil.model.rules == ()


def test_every_transition_is_kept_and_counted_but_only_certain_ones_teach() -> None:
    pupil = learner()
    seen = experience(STATES, brightens)
    teach(pupil, [replace(transition, certain=False) for transition in seen] * 3)
    assert pupil.model.rules == ()
    assert pupil.review() == []
    assert pupil.model.steps == len(seen) * 3
    assert len(list(pupil.buffer)) == len(seen) * 3
    assert pupil.experience("use") == 0
    teach(pupil, seen)
    assert pupil.experience("use") == len(seen)


def test_a_review_learns_what_no_surprise_called_for() -> None:
    pupil = learner()
    for transition in experience(STATES, brightens):
        assert take(pupil, transition, False) is None
    assert pupil.model.rules == ()
    (revision,) = pupil.review()
    assert revision.cause.startswith("review")
    assert misses(pupil.model, STATES, brightens) == []
    assert pupil.review() == []


def test_a_law_that_turns_out_too_narrow_is_widened() -> None:
    pupil = learner()
    teach(pupil, [t for t in experience(STATES, lights) if t.before.value(("kind", "x")) != "torch"] * 2)
    torches = [state for state in STATES if state.value(("kind", "x")) == "torch"]
    assert len(misses(pupil.model, STATES, lights)) == len(torches)
    teach(pupil, experience(torches, lights) * 2)
    pupil.review()
    assert misses(pupil.model, STATES, lights) == []


FALSE = parse_rule(
    WORKSHOP,
    "(:rule use-dims :action use :parameters (?p - place ?x - thing ?s - status) :precondition (and (at ?p) (on ?p ?x)"
    " (status ?x ?s) (kind ?x lamp)) :outcomes ((1 (and (not (status ?x ?s)) (status ?x dim))))"
    " :evidence (support 50 contradicted 0 author human learned-at 0))",
)
TRUE = parse_rule(
    WORKSHOP,
    "(:rule use-brightens :action use :parameters (?p - place ?x - thing ?s - status) :precondition (and (at ?p)"
    " (on ?p ?x) (status ?x ?s) (kind ?x lamp)) :outcomes ((1 (and (not (status ?x ?s)) (status ?x bright))))"
    " :evidence (support 50 contradicted 0 author human learned-at 0))",
)


def test_a_given_law_is_kept_while_experience_bears_it_out() -> None:
    pupil = learner(WorldModel(WORKSHOP, (TRUE,)))
    teach(pupil, experience(STATES, brightens) * 3)
    pupil.review()
    assert TRUE.law() in [rule.law() for rule in pupil.model.rules]
    assert misses(pupil.model, STATES, brightens) == []


def test_a_given_law_that_is_false_is_given_up() -> None:
    pupil = learner(WorldModel(WORKSHOP, (FALSE,)))
    teach(pupil, experience(STATES, brightens) * 3)
    pupil.review()
    assert misses(pupil.model, STATES, brightens) == []
    assert FALSE.law() not in [rule.law() for rule in pupil.model.rules]


def test_who_is_asked_about_chance_and_what_matters_knows_only_what_it_saw() -> None:
    pupil = learner()
    assert (pupil.noise("use"), pupil.refs(), pupil.experience("use")) == (0, {}, 0)
    teach(pupil, experience(STATES, brightens) * 3)
    assert {str(ref) for ref in pupil.refs()["use"]} >= {"on(at)", "kind(on(at))"}
    assert "grasp" not in pupil.refs()


def test_the_hand_of_chance_does_not_undo_what_was_learned() -> None:
    pupil = learner()
    lamps = [state for state in STATES if state.value(("kind", "x")) == "lamp"]
    for number in range(100):
        state = lamps[number % len(lamps)]
        change = {} if number % 10 == 9 else brightens(state)
        teach(pupil, [done(state, change, USE)])
    pupil.review()
    assert all(pupil.model.predict(state, USE).change for state in lamps)
    (rule,) = pupil.model.rules
    assert 0.85 <= rule.likeliest().probability <= 0.95
