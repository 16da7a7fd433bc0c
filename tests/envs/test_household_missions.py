"""Household missions: every template is read, as what ALFWorld itself checks."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.envs.households import Notes, Truth, commands, needs_real, playing, real_games
from worldwright.envs.household.env import HouseholdEnv
from worldwright.envs.household.generator import TASK_TYPES, TEMPLATES
from worldwright.envs.household.missions import MAX_LENGTH, MAX_NUMBER, Task, read_mission, read_task
from worldwright.envs.household.perceiver import HouseholdPerceiver
from worldwright.envs.household.vocabulary import ITEM_KINDS, RECEPTACLE_KINDS, VOCABULARY
from worldwright.envs.perceiver import UnreadableMission
from worldwright.world_model.errors import MAX_MESSAGE
from worldwright.world_model.goal import Goal, GoalTracker, Reach, check_goal, parse_goal
from worldwright.world_model.state import State, Universe, Value

HOT, COOL, CLEAN, SLICED = "is-hot", "is-cool", "is-clean", "is-sliced"
KNOWN_TASKS = {  # by ALFWorld's name of the type: traits, and number of things
    "pick_and_place_simple": ((), 1),
    "look_at_obj_in_light": ((), 1),
    "pick_clean_then_place_in_recep": ((CLEAN,), 1),
    "pick_heat_then_place_in_recep": ((HOT,), 1),
    "pick_cool_then_place_in_recep": ((COOL,), 1),
    "pick_two_obj_and_place": ((), 2),
}


@pytest.mark.parametrize(
    ("mission", "task"),
    [
        ("put a mug in desk", Task("mug", "desk")),
        ("put some mug on desk", Task("mug", "desk")),
        ("Put  the mug onto the desk.", Task("mug", "desk")),
        ("put two cd in safe", Task("cd", "safe", number=2)),
        ("find two cd and put them in safe", Task("cd", "safe", number=2)),
        ("find three cd and put them in safe", Task("cd", "safe", number=3)),
        ("put a hot egg in fridge", Task("egg", "fridge", traits=(HOT,))),
        ("heat some egg and put it in fridge", Task("egg", "fridge", traits=(HOT,))),
        ("put a cool egg in microwave", Task("egg", "microwave", traits=(COOL,))),
        ("put a cold egg in microwave", Task("egg", "microwave", traits=(COOL,))),
        ("cool some egg and put it in microwave", Task("egg", "microwave", traits=(COOL,))),
        ("put a clean pan in stoveburner", Task("pan", "stoveburner", traits=(CLEAN,))),
        ("clean some pan and put it in stoveburner", Task("pan", "stoveburner", traits=(CLEAN,))),
        ("look at book under the desklamp", Task("book", lamp="desklamp")),
        ("examine the book with the floorlamp", Task("book", lamp="floorlamp")),
        ("slice bread and put in fridge", Task("bread", "fridge", traits=(SLICED,))),
        ("put sliced bread in fridge", Task("bread", "fridge", traits=(SLICED,))),
        ("put a clean slice of apple in fridge", Task("apple", "fridge", traits=(CLEAN, SLICED))),
        ("clean some sliced apple and put it in fridge", Task("apple", "fridge", traits=(CLEAN, SLICED))),
        ("heat some sliced apple and put it in fridge", Task("apple", "fridge", traits=(HOT, SLICED))),
        ("put a cool slice of apple in fridge", Task("apple", "fridge", traits=(COOL, SLICED))),
        ("put two sliced apple in fridge", Task("apple", "fridge", traits=(SLICED,), number=2)),
        ("find two sliced apple and put them in fridge", Task("apple", "fridge", traits=(SLICED,), number=2)),
        ("look at sliced apple under the desklamp", Task("apple", lamp="desklamp", traits=(SLICED,))),
        ("examine the sliced apple with the desklamp", Task("apple", lamp="desklamp", traits=(SLICED,))),
    ],
)
def test_a_template_is_read(mission: str, task: Task) -> None:
    assert read_task(mission) == task and read_mission(mission) == task.goal
    check_goal(VOCABULARY, task.goal)


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_every_template_of_the_generator_is_read(task_type: str) -> None:
    for template in TEMPLATES[task_type]:
        recep = "desklamp" if task_type == "look_at_obj_in_light" else "fridge"
        task = read_task(template.format(obj="mug", recep=recep))
        assert (task.traits, task.number) == KNOWN_TASKS[task_type]
        assert (task.item, task.target or task.lamp) == ("mug", recep)


@needs_real
@pytest.mark.parametrize("name", ["train", "valid_seen"])
def test_every_mission_of_the_real_games_is_read_as_their_parameters_say(name: str) -> None:
    games = real_games(name)
    for number in range(len(games)):
        game = games[number]
        task, params = read_task(game.mission), game.pddl_params
        assert (task.traits, task.number) == KNOWN_TASKS[game.task_type]
        wanted = [str(params[f"{word}_target"]).lower() for word in ("object", "parent", "toggle")]
        assert [task.item, task.target or "", task.lamp or ""] == wanted


@pytest.mark.parametrize(
    ("mission", "why"),
    [
        ("", "asks for nothing"),
        (" . ", "asks for nothing"),
        ("dance", "none of the forms"),
        ("put a mug", "none of the forms"),
        ("put a gizmo in desk", "no such thing is called 'gizmo'"),
        ("put a mug in gizmo", "no such thing is called 'gizmo'"),
        ("put a mug in mug", "no such thing is called 'mug'"),
        ("put a desk in desk", "no such thing is called 'desk'"),
        ("put apple in a bowl and then put them in fridge", "none of the forms"),
        ("put a bowl of apple in fridge", "none of the forms"),
        ("put all cups in fridge", "none of the forms"),
        ("x" * (MAX_LENGTH + 1), "over 1000"),
        (7, "not of type 'int'"),
    ],
)
def test_another_mission_is_refused_and_shown(mission: Any, why: str) -> None:
    with pytest.raises(UnreadableMission, match=why) as problem:
        read_mission(mission)
    message = str(problem.value)
    assert message.isprintable() and len(message) <= MAX_MESSAGE
    if isinstance(mission, str) and len(mission) < 50:
        assert repr(mission) in message


WORDS = ["put", "a", "some", "two", "find", "heat", "it", "and", "in", "sliced", "mug", "desk", "the", ".", "(", "\n"]


@given(st.text() | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_any_text_is_a_goal_or_refused(mission: str) -> None:
    try:
        goal = read_mission(mission)
    except UnreadableMission as problem:
        assert str(problem).isprintable()
    else:
        check_goal(VOCABULARY, goal)


TASKS = st.builds(
    Task,
    item=st.sampled_from(ITEM_KINDS),
    target=st.sampled_from(RECEPTACLE_KINDS),
    lamp=st.none() | st.sampled_from(ITEM_KINDS),
    traits=st.lists(st.sampled_from([HOT, COOL, CLEAN, SLICED]), unique=True).map(tuple),
    number=st.integers(1, MAX_NUMBER),
)


@given(TASKS)
def test_the_goal_of_any_task_is_said_in_the_vocabulary(task: Task) -> None:
    assert isinstance(task.goal, Reach)
    assert parse_goal(VOCABULARY, str(task.goal)) == task.goal


# ---------------------------------------------------------------------- what goals mean


def is_reached(goal: Goal, facts: dict[tuple[str, ...], Value]) -> bool:
    universe = Universe(VOCABULARY)
    for name in {name for fluent, value in facts.items() for name in (*fluent[1:], value) if isinstance(name, str)}:
        if name.split("-")[0] in ITEM_KINDS and "-" in name:
            universe.add_object(name, "item")
        elif name.split("-")[0] in RECEPTACLE_KINDS and "-" in name:
            universe.add_object(name, "receptacle")
    return GoalTracker(VOCABULARY, goal).update(State(facts, universe)) is None


def test_two_things_are_two_and_in_one_place() -> None:
    goal = read_mission("put two cd in safe")
    kinds: dict[tuple[str, ...], Value] = {("kind", f"cd-{i}"): "cd" for i in (1, 2)}
    kinds |= {("sort", f"safe-{i}"): "safe" for i in (1, 2)}
    assert not is_reached(goal, kinds | {("in", "cd-1"): "safe-1"})
    assert not is_reached(goal, kinds | {("in", "cd-1"): "safe-1", ("in", "cd-2"): "safe-2"})
    assert is_reached(goal, kinds | {("in", "cd-1"): "safe-1", ("in", "cd-2"): "safe-1"})


def test_the_lamp_shines_where_one_stands_with_the_thing() -> None:
    goal = read_mission("look at cd under the desklamp")
    done: dict[tuple[str, ...], Value] = {
        ("kind", "cd-1"): "cd",
        ("kind", "desklamp-1"): "desklamp",
        ("in", "desklamp-1"): "desk-1",
        ("is-lit", "desklamp-1"): True,
        ("holding",): "cd-1",
        ("at",): "desk-1",
    }
    assert is_reached(goal, done)
    for missing in done:
        assert not is_reached(goal, {fluent: value for fluent, value in done.items() if fluent != missing})
    assert not is_reached(goal, done | {("at",): "bed-1"})


def play(env: HouseholdEnv, game: int) -> bool:
    """Play a game knowingly; at each step the goal must be reached in what was perceived just when the game is won.

    Where the thing is in two places at once (see `Truth`), a game may be won before it seems so.

    Returns:
        Whether the game was won.
    """
    perceiver = HouseholdPerceiver()
    observation, info = env.reset(seed=game)
    goal, task = perceiver.goal(observation), read_task(observation["mission"])
    places = Truth(info["facts"]).places.items()
    is_odd = any(len(where) > 1 for thing, where in places if thing.split("-")[0] == task.item)
    notes, tracker = Notes(Universe(VOCABULARY)), GoalTracker(VOCABULARY, goal)
    tracker.update(notes.add(perceiver.perceive(observation)))
    for command in commands(task, info["facts"]):
        observation, _, won, _, info = env.step(command)
        is_done = tracker.update(notes.add(perceiver.perceive(observation))) is None
        assert is_done == won or (won and is_odd), (info["game"], command)
        if won:
            return True
    return False


@pytest.mark.parametrize("game", range(30))
def test_generated_games_are_won_when_their_goal_is_reached(game: int) -> None:
    assert play(playing("generated:21"), game)


@needs_real
@pytest.mark.parametrize("name", ["train", "valid_seen"])
def test_real_games_are_won_when_their_goal_is_reached(name: str) -> None:
    env = playing(real_games(name))
    assert [game for game in range(len(env.games)) if not play(env, game)] == []
