"""What is worth trying with actions that take arguments, and putting young laws to the test."""

from __future__ import annotations

import random
from collections.abc import Collection

from worldwright.agent.config import AgentConfig
from worldwright.agent.explorer import Explorer
from worldwright.agent.memory import Memory
from worldwright.agent.novelty import NEW_CONTEXT, NEW_PAIR, NEW_TRAIT, Novelty
from worldwright.agent.repertoire import Repertoire
from worldwright.agent.varying import trial, variations
from worldwright.envs.household.perceiver import HouseholdPerceiver
from worldwright.envs.household.vocabulary import VOCABULARY
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import State
from worldwright.world_model.syntax import parse_rule

START = (
    "You are in the middle of a room. Looking quickly around you, you see a fridge 1, a microwave 1, a shelf 1, and a"
    " sinkbasin 1.\n\nYour task is to: put a cup in fridge."
)
SHELF = "You arrive at shelf 1. On the shelf 1, you see a cup 1, a mug 1, and a pan 1."
RULE = """(:rule heats :action heat :parameters (?arg0 - item ?arg1 - receptacle)
  :precondition (and (holding ?arg0) (at ?arg1) (sort ?arg1 microwave))
  :outcomes ((1 (and (is-hot ?arg0)))) :evidence (support {support} contradicted 0 author inducer learned-at 9))"""


def heard(*texts: str) -> State:
    """What is believed by who heard these answers."""
    perceiver = HouseholdPerceiver()
    memory = Memory(VOCABULARY, perceiver.landmarks)
    for text in texts:
        memory.update(perceiver.perceive({"text": text, "mission": "put a cup in fridge"}))
    return memory.belief.state()


def held(item: str, *more: str) -> State:
    return heard(START, SHELF, f"You pick up the {item} from the shelf 1.", *more)


def heat(item: str, place: str) -> Action:
    return Action("heat", (item, place))


def model(support: int) -> WorldModel:
    return WorldModel(VOCABULARY, (parse_rule(VOCABULARY, RULE.format(support=support)),))


def newness(
    novelty: Novelty, state: State, action: Action, enough: int, wanted: Collection[str] = ()
) -> tuple[int, float] | None:
    return novelty.newness(action, novelty.sight(state, action), enough, wanted)


# -- what is new -----------------------------------------------------------------------------------------


def test_a_thing_of_another_kind_is_a_new_trait_and_of_the_same_kind_is_not() -> None:
    novelty = Novelty(VOCABULARY)
    for _ in range(2):
        novelty.add(heat("cup-1", "shelf-1"), held("cup 1"))
    assert newness(novelty, held("cup 1"), heat("cup-1", "shelf-1"), enough=2) is None
    other = newness(novelty, held("mug 1"), heat("mug-1", "shelf-1"), enough=2)
    assert other is not None
    assert other[0] == NEW_TRAIT
    wanted = newness(novelty, held("mug 1"), heat("mug-1", "shelf-1"), enough=2, wanted={"mug"})
    assert wanted is not None
    assert wanted[0] == NEW_CONTEXT


def test_the_more_was_tried_in_vain_the_less_is_promised() -> None:
    novelty = Novelty(VOCABULARY)
    chances = []
    for _ in range(4):
        novelty.add(heat("cup-1", "shelf-1"), held("cup 1"))
        found = newness(novelty, held("mug 1"), heat("mug-1", "shelf-1"), enough=1)
        assert found is not None
        chances.append(found[1])
    assert chances == sorted(chances, reverse=True)
    assert chances[-1] < chances[0]


def test_what_lies_far_is_not_worth_trying_once_it_was_tried_closer() -> None:
    novelty = Novelty(VOCABULARY)
    far, near = Action("use", ("pan-1",)), Action("use", ("cup-1",))
    away = heard(START, SHELF, "You arrive at sinkbasin 1. On the sinkbasin 1, you see nothing.")
    for _ in range(2):
        novelty.add(Action("use", ("mug-1",)), away)
    assert newness(novelty, away, far, enough=2) is not None
    novelty.add(near, heard(START, SHELF))
    assert newness(novelty, away, far, enough=2) is None


def test_a_condition_under_which_nothing_works_is_tried_until_that_is_sure() -> None:
    novelty = Novelty(VOCABULARY)
    shut = held("cup 1", "You arrive at fridge 1. The fridge 1 is closed.")
    opened = held(
        "cup 1",
        "You arrive at fridge 1. The fridge 1 is closed.",
        "You open the fridge 1. The fridge 1 is open. In it, you see nothing.",
    )
    put = Action("move", ("cup-1", "fridge-1"))
    novelty.add(put, shut)
    assert newness(novelty, shut, put, enough=1) is None  # it may never work
    novelty.add(put, opened, moved=True)
    assert newness(novelty, opened, put, enough=1) is None
    assert newness(novelty, shut, put, enough=1) is not None
    novelty.add(put, shut)
    novelty.add(put, shut)
    assert newness(novelty, shut, put, enough=1) is None


# -- what to try -----------------------------------------------------------------------------------------


def test_what_is_wanted_is_to_be_tried_first_and_with_every_other_trait() -> None:
    novelty = Novelty(VOCABULARY)
    novelty.add(heat("cup-1", "shelf-1"), held("cup 1"))
    first, *others = novelty.untried("heat", held("cup 1"), wanted={"mug"})
    arrived = held("mug 1", "You arrive at sinkbasin 1. On the sinkbasin 1, you see nothing.")
    found = {trial(todo, VOCABULARY).action(VOCABULARY, arrived) for todo in first}
    assert found == {None, heat("mug-1", "sinkbasin-1")}
    assert len(first) == 4  # receptacles
    assert [len(group) for group in others] == [2, 3]  # kinds of items and of receptacles not tried, the fewer first


def test_what_was_tried_is_not_to_be_tried_again() -> None:
    novelty = Novelty(VOCABULARY)
    for item in ("cup", "mug", "pan"):
        novelty.add(heat(f"{item}-1", "shelf-1"), held(f"{item} 1"))
    _, kinds, sorts = novelty.untried("heat", held("cup 1"), wanted=set())
    assert not kinds
    assert len(sorts) == 3


# -- putting laws to the test ----------------------------------------------------------------------------


def test_a_law_seen_once_is_sought_with_things_of_other_kinds() -> None:
    done = [
        (heat("cup-1", "microwave-1"), held("cup 1", "You arrive at microwave 1. The microwave 1 is closed."), True)
    ]
    variation, *_ = variations(model(support=1), done)
    there = held("mug 1", "You arrive at microwave 1. The microwave 1 is closed.")
    assert variation.action(VOCABULARY, there) == heat("mug-1", "microwave-1")
    assert variation.action(VOCABULARY, done[0][1]) is None
    assert variation.action(VOCABULARY, held("mug 1")) is None
    assert variation.action(VOCABULARY, heard(START, "You arrive at microwave 1. The microwave 1 is closed.")) is None


def test_what_is_so_already_shows_nothing() -> None:
    variation, *_ = variations(model(support=1), [])
    hot = "You heat the mug 1 using the microwave 1."
    assert (
        variation.action(VOCABULARY, held("mug 1", "You arrive at microwave 1. The microwave 1 is closed.", hot))
        is None
    )


def test_a_law_that_was_seen_often_is_left_at_that() -> None:
    assert not list(variations(model(support=10), []))


def test_a_condition_of_a_young_law_is_tried_the_other_way_round() -> None:
    """Heated were cups while the microwave was open: whether it need be is worth knowing."""
    rule = RULE.format(support=4).replace("(at ?arg1)", "(at ?arg1) (door ?arg1 open)")
    laws = WorldModel(VOCABULARY, (parse_rule(VOCABULARY, rule),))
    shut = "You arrive at microwave 1. The microwave 1 is closed."
    there = held("cup 1", shut, "You open the microwave 1. The microwave 1 is open. In it, you see nothing.")
    done = [(heat("cup-1", "microwave-1"), there, True)]
    found = {variation.action(VOCABULARY, held("cup 1", shut)) for variation in variations(laws, done)}
    assert heat("cup-1", "microwave-1") in found
    assert not {variation.action(VOCABULARY, there) for variation in variations(laws, done)} - {None}


def test_what_never_works_with_a_thing_says_nothing_of_the_other_conditions() -> None:
    """Cups were heated clean, and dirty pans were not: whether it was for the dirt shows with a dirty cup alone."""
    rule = RULE.format(support=4).replace("(at ?arg1)", "(at ?arg1) (is-clean ?arg0)")
    laws = WorldModel(VOCABULARY, (parse_rule(VOCABULARY, rule),))
    shut = "You arrive at microwave 1. The microwave 1 is closed."
    clean = "You clean the cup 1 using the sinkbasin 1."
    dirty_cup, dirty_pan = (held(f"{item} 1", shut) for item in ("cup", "pan"))
    done = [(heat("cup-1", "microwave-1"), held("cup 1", clean, shut), True)]
    done += [(heat("pan-1", "microwave-1"), dirty_pan, False)] * 9

    def tried(state: State) -> set[Action | None]:
        return {variation.action(VOCABULARY, state) for variation in variations(laws, done) if variation.anew}

    assert heat("cup-1", "microwave-1") in tried(dirty_cup)
    assert tried(dirty_pan) <= {None}
    done.append((heat("cup-1", "microwave-1"), dirty_cup, False))
    assert tried(dirty_cup) <= {None}


def test_nothing_is_tried_with_what_is_not_there() -> None:
    """By the letter of a law about what is held, nothing could be heated where nothing is held."""
    laws, state = model(support=9), heard(START, SHELF, "You arrive at microwave 1. The microwave 1 is closed.")
    curious = Explorer(AgentConfig(), Novelty(VOCABULARY), random.Random(0))
    tried = 0
    while (target := curious.untried(laws, state, Repertoire(VOCABULARY), NEW_PAIR)) is not None:
        now = state
        for action in target.plan.actions:
            assert "nothing" not in action.args
            curious.note(action, now, False, None)
            now = laws.predict(now, action).state
        tried += 1
    assert tried > 20
