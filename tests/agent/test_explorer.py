"""Exploration is planned: what is new is found from afar, and gone to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.world_model.test_induction import WORKSHOP, scene
from worldwright.agent.config import AgentConfig
from worldwright.agent.explorer import Explorer
from worldwright.agent.novelty import Novelty
from worldwright.agent.repertoire import Repertoire
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import State
from worldwright.world_model.syntax import parse_rule

GO, USE = Action("grasp"), Action("use")
GOES = parse_rule(
    WORKSHOP,
    "(:rule goes :action grasp :parameters (?p ?q - place) :precondition (and (at ?p) (behind ?p ?q))"
    " :outcomes ((1 (and (not (at ?p)) (at ?q)))))",
)
EVERYTHING = Repertoire(WORKSHOP)
KNOWING = WorldModel(WORKSHOP, (GOES,))
IGNORANT = WorldModel(WORKSHOP)


def ring(*kinds: str, colors: Sequence[str] = ("jade",) * 9) -> State:
    """Places in a ring, with a thing on each; the agent is on the first."""
    facts = ["(at p0) (hand nothing) (mood calm)"]
    for number, kind in enumerate(kinds):
        facts.append(f"(on p{number} x{number}) (kind x{number} {kind}) (color x{number} {colors[number]})")
        facts.append(f"(behind p{number} p{(number + 1) % len(kinds)})")
    return scene(" ".join(facts))


def at(state: State, number: int) -> State:
    return state.with_change({("at",): f"p{number}"})


def explorer(tries: int = 2, seed: int = 0) -> Explorer:
    return Explorer(AgentConfig(tries=tries), Novelty(WORKSHOP), random.Random(seed))


def names(actions: Sequence[Action]) -> list[str]:
    return [action.name for action in actions]


RING = ring("chest", "stone", "lamp", "token", "mirror")


def test_the_one_thing_not_yet_tried_is_found_several_steps_away() -> None:
    curious = explorer()
    for place in range(5):
        for action in (GO, USE):
            for _ in range(0 if (place, action) == (3, USE) else 2):
                curious.note(action, at(RING, place), False, None)
    target = curious.untried(KNOWING, RING, EVERYTHING)
    assert target is not None
    assert target.plan.actions == (GO, GO, GO, USE)
    assert target.worth(at(RING, 3))
    assert not target.worth(at(RING, 2))


def test_exploration_tries_everything_everywhere_and_ends() -> None:
    curious, state = explorer(), RING
    done: Counter[tuple[str, str]] = Counter()
    steps = 0
    while (target := curious.untried(KNOWING, state, EVERYTHING)) is not None:
        for action in target.plan.actions:
            done[str(state.value(("at",))), action.name] += 1
            curious.note(action, state, False, None)
            state = KNOWING.predict(state, action).state
            steps += 1
    assert len(done) == 10
    assert min(done.values()) >= 2
    assert steps <= 30


def test_without_laws_only_what_is_at_hand_is_new() -> None:
    curious = explorer(tries=1)
    for _ in range(2):
        target = curious.untried(IGNORANT, RING, EVERYTHING)
        assert target is not None
        assert len(target.plan.steps) == 1
        curious.note(target.plan.actions[0], RING, False, None)
    assert curious.untried(IGNORANT, RING, EVERYTHING) is None
    assert curious.untried(IGNORANT, at(RING, 1), EVERYTHING) is not None


def test_a_thing_that_differs_in_its_colour_only_is_not_new() -> None:
    alike = ring("chest", "chest", "chest", colors=("jade", "plum", "rust"))
    curious = explorer(tries=1)
    for action in (GO, USE):
        curious.note(action, alike, False, None)
    assert curious.untried(KNOWING, alike, EVERYTHING) is None


@pytest.mark.parametrize(("surprises", "still_new"), [([False] * 60, False), ([False] * 59 + [True], True)])
def test_an_action_that_surprises_no_more_need_not_be_tried_twice(surprises: list[bool], still_new: bool) -> None:
    curious = explorer(tries=2)
    for _ in range(2):
        curious.note(GO, RING, False, None)
    for surprised in surprises:
        curious.note(USE, at(RING, 1), surprised, None)
    curious.note(USE, RING, surprises[-1], None)
    assert (curious.untried(IGNORANT, RING, EVERYTHING) is not None) is still_new


def test_the_nearest_unseen_place_is_gone_to() -> None:
    target = explorer().frontier(KNOWING, RING, {"p2", "p4"}.__contains__, lambda place: 0)
    assert target is not None
    assert target.plan.actions == (GO, GO)
    assert target.worth(at(RING, 2))
    assert not target.worth(at(RING, 1))


def test_a_place_that_shows_much_is_worth_a_longer_way() -> None:
    target = explorer().frontier(KNOWING, RING, {"p2", "p4"}.__contains__, {"p2": 0, "p4": 20}.__getitem__)
    assert target is not None
    assert target.worth(at(RING, 4))
    assert len(target.plan.steps) == 4


def test_where_nothing_unseen_can_be_reached_there_is_no_frontier() -> None:
    assert explorer().frontier(KNOWING, RING, set[str]().__contains__, lambda place: 0) is None
    assert explorer().frontier(IGNORANT, RING, {"p2"}.__contains__, lambda place: 0) is None


def test_a_random_action_depends_on_nothing_but_the_seed() -> None:
    first, second, other = (explorer(seed=seed) for seed in (1, 1, 2))
    drawn = [names([e.random_action(actions) for _ in range(30)]) for e, actions in ((first, (GO, USE)),)]
    assert drawn[0] == names([second.random_action({USE, GO}) for _ in range(30)])
    assert drawn[0] != names([other.random_action((GO, USE)) for _ in range(30)])


PAINTS = parse_rule(
    WORKSHOP,
    "(:rule paints :action use :parameters (?p - place ?x - thing)"
    " :precondition (and (at ?p) (on ?p ?x) (color ?x jade))"
    " :outcomes ((1 (and (not (color ?x jade)) (color ?x rust)))))",
)


def test_who_trusts_the_laws_first_changes_what_it_did_not_change_yet() -> None:
    painting = WorldModel(WORKSHOP, (GOES, PAINTS))
    state = ring("chest", "stone", "chest", colors=("jade", "plum", "jade"))
    curious = explorer(tries=1)

    def way(where: State) -> list[str]:
        target = curious.untried(painting, where, EVERYTHING, trusting=True)
        assert target is not None
        return names(target.plan.actions)

    assert way(state) == ["use"]
    curious.note(USE, state, False, None, change={("color", "x0"): "rust"})
    again = ring("token", "stone", "chest", colors=("jade", "plum", "jade"))  # the same thing, now of another kind
    assert way(again) == ["grasp", "grasp", "use"]
    curious.forget()
    assert way(again) == ["use"]
