"""The same agent in a world of sentences: actions with arguments, places that hide things, and what was found where."""

from __future__ import annotations

import itertools

import pytest

from worldwright.agent.agent import Agent
from worldwright.agent.events import Acted, Event, Planned
from worldwright.agent.imagining import furnish, imagine
from worldwright.agent.memory import Memory
from worldwright.agent.repertoire import Repertoire
from worldwright.envs.household.perceiver import HouseholdPerceiver
from worldwright.envs.household.vocabulary import CONTAINMENT, VOCABULARY
from worldwright.envs.registry import make_env
from worldwright.world_model.findings import Findings
from worldwright.world_model.goal import Reach, parse_goal
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.syntax import parse_rule

HOUSEHOLD = "worldwright/Household-v0"
START = (
    "You are in the middle of a room. Looking quickly around you, you see a shelf 1, a fridge 1, a drawer 2, and a"
    " drawer 1.\n\nYour task is to: put a cup in fridge."
)
FINDINGS = (
    Findings()
    .and_in("shelf", ["book", "book", "cup"], was_shut=False)
    .and_in("shelf", ["book"], was_shut=False)
    .and_in("fridge", ["egg", "cup", "cup"], was_shut=True)
    .and_in("drawer", [], was_shut=True)
    .and_in("drawer", ["pen"], was_shut=True)
)


def remembered(*texts: str) -> Memory:
    """The memory of who heard these answers."""
    perceiver = HouseholdPerceiver()
    memory = Memory(VOCABULARY, perceiver.landmarks)
    for text in texts:
        memory.update(perceiver.perceive({"text": text, "mission": "put a cup in fridge"}))
    return memory


def goal(text: str) -> tuple[Reach, ...]:
    found = parse_goal(VOCABULARY, text)
    assert isinstance(found, Reach)
    return (found,)


# -- remembering what is said ----------------------------------------------------------------------------


def test_what_is_denied_is_forgotten_and_what_is_not_spoken_of_is_as_it_was() -> None:
    memory = remembered(
        START, "You arrive at shelf 1. On the shelf 1, you see a cup 1.", "You heat the cup 1 using the fridge 1."
    )
    assert memory.belief.values["is-hot", "cup-1"] is True
    assert memory.belief.values["in", "cup-1"] == "shelf-1"
    perceiver = HouseholdPerceiver()
    seen = memory.update(perceiver.perceive({"text": "You cool the cup 1 using the fridge 1.", "mission": ""}))
    assert ("is-hot", "cup-1") not in memory.belief.values
    assert {"shelf-1", "drawer-2"} <= seen.observed


def test_places_not_looked_into_are_known_to_be_so() -> None:
    memory = remembered(
        START,
        "You arrive at shelf 1. On the shelf 1, you see nothing.",
        "You arrive at fridge 1. The fridge 1 is closed.",
    )
    assert memory.unseen_places() == ["fridge-1", "drawer-2", "drawer-1"]


# -- what can be done ------------------------------------------------------------------------------------


def test_actions_of_several_arguments_take_what_is_at_hand_and_those_of_one_take_anything() -> None:
    state = remembered(START, "You arrive at shelf 1. On the shelf 1, you see a cup 1.").belief.state()
    actions = set(Repertoire(VOCABULARY).actions(state, state.universe))
    assert Action("take", ("cup-1", "shelf-1")) in actions
    assert Action("go", ("drawer-2",)) in actions
    assert Action("look") in actions
    assert not any(action.args[1:] in (("fridge-1",), ("drawer-1",)) for action in actions)
    assert not any(set(action.args) & {"nothing", "hand"} for action in actions)


# -- what was found where --------------------------------------------------------------------------------


def test_more_is_expected_where_more_was_found() -> None:
    assert FINDINGS.expected("book", "shelf") > FINDINGS.expected("book", "fridge")
    assert (
        FINDINGS.expected("cup", "fridge") > FINDINGS.expected("cup", "shelf") > FINDINGS.expected("cup", "drawer") > 0
    )
    assert FINDINGS.expected("cup", "sofa") > 0  # never looked into
    assert FINDINGS.further_steps("drawer") > FINDINGS.further_steps("sofa") > FINDINGS.further_steps("shelf")


def test_what_is_missing_is_hoped_for_where_it_is_likeliest_found_soonest() -> None:
    state = remembered(START).belief.state()
    goals = goal("(some (?x - item) (and (kind ?x cup) (holding ?x)))")
    hoped = imagine(state, goals, CONTAINMENT, ["shelf-1", "fridge-1", "drawer-2"], FINDINGS)
    assert hoped is not None
    (cup,) = [fluent[1] for fluent, value in hoped.values.items() if fluent[0] == "kind" and value == "cup"]
    assert hoped.value(("in", cup)) == "fridge-1"
    assert cup not in state.universe.types  # what is hoped is not believed


def test_what_mostly_had_to_be_opened_is_taken_to_be_shut_where_nobody_looked() -> None:
    opening = """(:rule opens :action open :parameters (?r - receptacle) :precondition (and (at ?r) (door ?r closed))
      :outcomes ((1 (and (not (door ?r closed)) (door ?r open) (is-known ?r)))) :evidence (support 9 contradicted 0
      author inducer learned-at 9))"""
    looking = """(:rule looks :action go :parameters (?r - receptacle) :precondition (and (goal-holds))
      :outcomes ((1 (and (is-known ?r)))) :evidence (support 9 contradicted 0 author human learned-at 9))"""
    rules = (parse_rule(VOCABULARY, opening), parse_rule(VOCABULARY, looking))
    model = WorldModel(VOCABULARY, rules, findings=FINDINGS)
    state = remembered(START).belief.state()
    found = furnish(state, CONTAINMENT, ["shelf-1", "drawer-1", "drawer-2"], model)
    assert found.difference(state) == {("door", "drawer-1"): None, ("door", "drawer-2"): None}
    assert found.value(("door", "drawer-1")) == "closed"


def test_two_things_are_hoped_for_and_none_where_enough_is_known() -> None:
    two = goal("(some (?x ?y - item) (and (kind ?x book) (kind ?y book) (not (= ?x ?y)) (holding ?x)))")
    for known in range(3):
        listed = ", ".join(f"a book {number + 1}" for number in range(known)) or "nothing"
        state = remembered(START, f"You arrive at shelf 1. On the shelf 1, you see {listed}.").belief.state()
        hoped = imagine(state, two, CONTAINMENT, ["fridge-1", "drawer-2"], FINDINGS)
        number = 0 if hoped is None else sum("hoped" in name for name in hoped.universe.types)
        assert number == 2 - known
    state = remembered(START).belief.state()
    assert imagine(state, two, CONTAINMENT, [], FINDINGS) is None


# -- from nothing ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pupil() -> Agent:
    """An agent that played with two households for a while."""
    agent = Agent(seed=0)
    env = make_env(HOUSEHOLD, games="generated:5:2", max_episode_steps=1000)
    for seed in range(2):
        agent.play(env, HOUSEHOLD, seed, curious=True, max_steps=80)
    return agent


def test_from_play_alone_the_agent_learns_what_going_opening_taking_and_putting_do(pupil: Agent) -> None:
    learned = {rule.action for rule in pupil.model.rules}
    assert {"go", "take", "move"} <= learned
    assert not {"look", "inventory"} & learned
    assert sum(pupil.model.findings.looked.values()) > 5


def test_what_is_only_hoped_for_is_never_acted_on(pupil: Agent) -> None:
    """Also where the laws do not say that one must look first: the place where one stands may be shut."""
    told: list[Event] = []
    env = make_env(HOUSEHOLD, games="generated:21:6")
    for seed in range(6):
        Agent(pupil.model, seed=seed).play(env, HOUSEHOLD, seed, freeze=True, max_steps=40, tell=told.append)
    acted = [event.action for event in told if isinstance(event, Acted)]
    planned = [action for event in told if isinstance(event, Planned) for action in event.plan]
    assert any("hoped" in action for action in planned)
    assert len(acted) > 20
    assert not any("hoped" in action for action in acted)


def test_play_is_the_same_for_the_same_seed(pupil: Agent) -> None:
    def actions() -> list[str]:
        told: list[Event] = []
        env = make_env(HOUSEHOLD, games="generated:9:1")
        Agent(pupil.model, seed=3).play(env, HOUSEHOLD, 0, freeze=True, max_steps=20, tell=told.append)
        return [event.action for event in told if isinstance(event, Acted)]

    first, second = actions(), actions()
    assert first == second
    assert all(one.startswith("(") for one in itertools.islice(first, 5))
