"""The household perceiver against the household itself: what it reads is so, and nothing is left unread."""

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.envs.households import REAL, Notes, Truth, needs_real, playing, real_games
from worldwright.envs.household.env import HouseholdEnv
from worldwright.envs.household.laws import LAWS
from worldwright.envs.household.perceiver import MAX_SHOWN, MAX_TEXT, MAX_UNREAD, HouseholdPerceiver
from worldwright.envs.household.vocabulary import COMMANDS, ITEM_KINDS, RECEPTACLE_KINDS, VOCABULARY
from worldwright.envs.perceiver import UnreadableMission, UnreadableObservation
from worldwright.world_model.errors import VocabularyProblem
from worldwright.world_model.goal import Goal, parse_goal
from worldwright.world_model.model import Action
from worldwright.world_model.scene_graph import SceneGraph
from worldwright.world_model.state import Universe, join_atom

PERCEIVER = HouseholdPerceiver()


def read(text: str, perceiver: HouseholdPerceiver = PERCEIVER) -> SceneGraph:
    graph = perceiver.perceive({"text": text, "mission": ""})
    check_is_well_formed(graph)
    return graph


def facts_of(text: str) -> set[str]:
    """What a text says and denies, without the kinds of things."""
    graph = read(text)
    assert graph.unread == ()
    denied = {f"(not ({' '.join(fluent)}))" for fluent in graph.denied}
    return denied | {str(atom) for atom in graph.state.atoms() if atom.predicate not in ("kind", "sort")}


def check_is_well_formed(graph: SceneGraph) -> None:
    """Every fact, and every denial, is one that the vocabulary allows."""
    types = graph.state.universe.types
    said = [*graph.state.values.items(), *((fluent, True) for fluent in graph.denied)]
    for fluent, value in said:
        atom = join_atom(fluent, value)
        wanted = VOCABULARY.predicate(atom.predicate).types
        assert len(wanted) == len(atom.args)
        assert all(VOCABULARY.is_a(types[arg], type_) for arg, type_ in zip(atom.args, wanted, strict=True))
    assert not graph.denied & graph.state.values.keys()
    assert len(graph.unread) <= MAX_UNREAD and all(len(part) <= MAX_SHOWN for part in graph.unread)


def check(graph: SceneGraph, truth: Truth) -> None:
    """Hold what was perceived against what is so."""
    assert graph.unread == ()
    check_is_well_formed(graph)
    assert truth.agrees(graph.state)
    assert not graph.denied & truth.values.keys()


def walk(env: HouseholdEnv, game: int, steps: int) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """What random commands that do something come to."""
    observation, info = env.reset(seed=game)
    rng = random.Random(game)
    yield observation, info
    for _ in range(steps):
        kinds: dict[str, list[str]] = {}
        for command in info["admissible_commands"]:
            kinds.setdefault(command.split()[0], []).append(command)
        kinds.pop("help")
        observation, *_, info = env.step(rng.choice(kinds[rng.choice(sorted(kinds))]))  # rare verbs come as often
        yield observation, info


def check_walk(env: HouseholdEnv, game: int, steps: int) -> None:
    for observation, info in walk(env, game, steps):
        check(PERCEIVER.perceive(observation), Truth(info["facts"]))


# ---------------------------------------------------------------------- against the household


@pytest.mark.parametrize("game", range(24))
def test_what_is_read_in_a_generated_household_is_so(game: int) -> None:
    check_walk(playing("generated:11"), game, 120)


@needs_real
def test_what_is_read_in_real_households_is_so() -> None:
    env = playing(real_games("valid_seen"))
    for game in range(0, len(env.games), 4):
        check_walk(env, game, 60)


@pytest.mark.slow
@needs_real
@pytest.mark.parametrize("name", ["train", "valid_seen"])
def test_what_is_read_in_all_real_households_is_so(name: str) -> None:
    env = playing(real_games(name))
    for game in range(len(env.games)):
        check_walk(env, game, 150)


@pytest.mark.parametrize("law", LAWS)
def test_what_is_read_under_other_laws_is_so(law: str) -> None:
    env = playing("generated:12", law=law)
    for game in range(6):
        for observation, info in walk(env, game, 80):
            graph = PERCEIVER.perceive(observation)
            truth = Truth(info["facts"])
            if law == "washing-cools":  # what else comes of washing is not said
                assert graph.unread == ()
            else:
                check(graph, truth)


def test_what_was_read_stays_so_until_something_else_is_read() -> None:
    """All that changes is said, so that notes of a walk are never wrong."""
    for game in range(12):
        env, notes = playing("generated:13"), Notes(Universe(VOCABULARY))
        for observation, info in walk(env, game, 100):
            state, truth = notes.add(PERCEIVER.perceive(observation)), Truth(info["facts"])
            assert truth.agrees(state)


# ---------------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("You are in the middle of a room. Looking quickly around you, you see a bed 1, and a desk 2.", "(at room)"),
        ("-= Welcome to TextWorld, ALFRED! =-", "(holding nothing)"),
        ("Your task is to: put a mug in desk.", "(holding nothing)"),
        ("You arrive at drawer 1. The drawer 1 is closed.", "(at drawer-1) (door drawer-1 closed)"),
        ("You arrive at desk 1. On the desk 1, you see nothing.", "(at desk-1) (is-known desk-1)"),
        ("You arrive at loc 7. On the desk 1, you see a cd 3.", "(at desk-1) (is-known desk-1) (in cd-3 desk-1)"),
        ("On the desk 1, you see a cd 3, a mug 2, and a pen 1.",
         "(is-known desk-1) (in cd-3 desk-1) (in mug-2 desk-1) (in pen-1 desk-1)"),
        ("On the desk 1, you see a cd 3 and a mug 2.", "(is-known desk-1) (in cd-3 desk-1) (in mug-2 desk-1)"),
        ("On the desk 1, you see a cd 3, a mug 2.", "(is-known desk-1) (in cd-3 desk-1) (in mug-2 desk-1)"),
        ("You open the safe 1. The safe 1 is open. In it, you see a cd 1.",
         "(door safe-1 open) (is-known safe-1) (in cd-1 safe-1)"),
        ("You close the safe 1.", "(door safe-1 closed)"),
        ("You pick up the cd 1 from the safe 1.", "(holding cd-1) (in cd-1 hand)"),
        ("PickupObjectFromReceptacleObject: You pick up the cd 1.", "(holding cd-1) (in cd-1 hand)"),
        ("You move the cd 1 to the safe 1.", "(holding nothing) (in cd-1 safe-1)"),
        ("You put the cd 1 in/on the safe 1.", "(holding nothing) (in cd-1 safe-1)"),
        ("You heat the egg 1 using the microwave 1.", "(is-hot egg-1) (not (is-cool egg-1))"),
        ("You cool the egg 1 using the fridge 1.", "(is-cool egg-1) (not (is-hot egg-1))"),
        ("You clean the egg 1 using the sinkbasin 1.", "(is-clean egg-1)"),
        ("You sliced the egg 1 with the knife 1.", "(is-sliced egg-1)"),
        ("You slice the egg 1 with the knife 1.", "(is-sliced egg-1)"),
        ("You turn on the desklamp 1.", "(is-lit desklamp-1)"),
        ("You turn off the desklamp 1.", "(not (is-lit desklamp-1))"),
        ("This desklamp 1 is on.", "(is-lit desklamp-1)"),
        ("This desklamp 1 is off.", "(not (is-lit desklamp-1))"),
        ("This is a hot and clean sliced egg 1.",
         "(is-hot egg-1) (is-clean egg-1) (is-sliced egg-1) (not (is-cool egg-1))"),
        ("This is a cold egg 1.", "(is-cool egg-1) (not (is-hot egg-1))"),
        ("This is a normal cup 1. In it, you see a spoon 1.", ""),
        ("There's nothing special about egg 1.",
         "(not (is-hot egg-1)) (not (is-cool egg-1)) (not (is-clean egg-1)) (not (is-sliced egg-1))"),
        ("You are carrying: a cup 1.", "(holding cup-1) (in cup-1 hand)"),
        ("You are not carrying anything.", "(holding nothing)"),
        ("You are facing the bed 1. Next to it, you see nothing.", "(at bed-1)"),
        ("You are facing the bed 1, and cart 1. Next to it, you see nothing.", ""),
        ("You are facing the bed 1. Next to it, you see a mug 1.", "(at bed-1)"),
        ("You don't see any switch on the mug 1.", ""),
        ("Nothing happens.", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_what_a_sentence_says(text: str, facts: str) -> None:
    wanted = {part if part.startswith("(") else f"({part}" for part in facts.replace(") (", ")|(").split("|") if part}
    assert facts_of(text) == wanted


def test_things_have_their_kinds_and_places_theirs() -> None:
    state = read("On the coffeetable 2, you see a alarmclock 10.").state
    assert state.value(("kind", "alarmclock-10")) == "alarmclock"
    assert state.value(("sort", "coffeetable-2")) == "coffeetable"


def test_what_is_said_later_counts() -> None:
    assert facts_of("You turn on the desklamp 1. You turn off the desklamp 1.") == {"(not (is-lit desklamp-1))"}
    assert facts_of("You turn off the desklamp 1. You turn on the desklamp 1.") == {"(is-lit desklamp-1)"}


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("The cat 1 purrs. You close the safe 1.", ("The cat 1 purrs.",)),
        ("On the desk 1, you see a gizmo 1, and a mug 1.", ("a gizmo 1",)),
        ("On the desk 1, you see a mug 99999999999.", ("a mug 99999999999",)),
        ("On the desk 1, you see a mug 1, a safe 1, and a hand.", ("a safe 1", "a hand")),
        ("On the gizmo 1, you see a mug 1.", ("On the gizmo 1, you see a mug 1.",)),
        ("On the mug 1, you see a pen 1.", ("On the mug 1, you see a pen 1.",)),
        ("In it, you see a mug 1.", ("In it, you see a mug 1.",)),
        ("You pick up the safe 1 from the mug 1.", ("You pick up the safe 1 from the mug 1.",)),
        ("You are carrying: a mug 1, and a pen 1.", ("You are carrying: a mug 1, and a pen 1.",)),
        ("This is a haunted mug 1.", ("This is a haunted mug 1.",)),
        ("You open the room.", ("You open the room.",)),
        ("The safe ١ is open.", ("The safe ١ is open.",)),
    ],
)
def test_what_cannot_be_read_is_reported_and_hides_nothing(text: str, unread: tuple[str, ...]) -> None:
    graph = read(text)
    assert graph.unread == unread
    if "mug 1," in text and "gizmo" in text:
        assert graph.state.value(("in", "mug-1")) == "desk-1"
    if "close the safe" in text:
        assert graph.state.value(("door", "safe-1")) == "closed"


WORDS = st.sampled_from(
    [*"aelmnr", "you", "see", "on", "the", "desk", "mug", "1", "2", "is", "open", ".", ",", "and", "\n", "nothing",
     "You", "pick up", "arrive", "at", "In it,", "you see", "a", "carrying:", "\x00", "\ud800", "é", "room", "("]
)  # fmt: skip


@given(st.text() | st.lists(WORDS, max_size=40).map(" ".join))
def test_any_text_is_read_as_far_as_it_goes(text: str) -> None:
    read(text)


@given(
    st.lists(
        st.sampled_from(["desk 1", "mug 1", "safe 2", "gizmo 3", "hand", "a mug 1, and a mug 1"]),
        min_size=3,
        max_size=3,
    )
)
def test_names_may_stand_where_they_like(names: list[str]) -> None:
    one, two, three = names
    read(f"You arrive at {one}. On the {one}, you see {two}. You pick up the {two} from the {three}. This {one} is on.")
    read(f"You move the {one} to the {two}. You are facing the {three}. In it, you see {one}. The {two} is open.")


@pytest.mark.parametrize(
    "text", ["a" * 10**7, "a 1, " * 10**6, "On the desk 1, you see " + "a mug 1, " * 10**6, "You open. " * 10**6]
)
def test_a_huge_text_is_read_in_part(text: str) -> None:
    graph = read(text)
    assert graph.unread and (len(graph.unread) == MAX_UNREAD or graph.unread[-1].startswith(f"{len(text) - MAX_TEXT}"))


@pytest.mark.parametrize("observation", [None, 7, "text", [], {}, {"mission": "x"}, {"text": 7}, {"text": b"x"}])
def test_what_is_no_household_s_observation_is_refused(observation: Any) -> None:
    with pytest.raises(UnreadableObservation, match="no 'text'"):
        PERCEIVER.perceive(observation)


# ---------------------------------------------------------------------- a reader for the rest


def reading(*facts: Any) -> SceneGraph:
    """A sentence that only the reader can read, which says these facts."""
    return read("You close the safe 1. Steam rises.", HouseholdPerceiver(reader=lambda sentence: facts))


def test_a_reader_is_asked_for_what_the_grammar_does_not_cover() -> None:
    asked = []

    def reader(sentence: str) -> list[str]:
        asked.append(sentence)
        return ["(is-hot mug-1)", "(not (is-lit desklamp-2))", "(in mug-1 stoveburner-1)", "(at room)"]

    graph = read("You close the safe 1. Steam rises.", HouseholdPerceiver(reader=reader))
    assert asked == ["Steam rises."] and graph.unread == ()
    assert graph.state.value(("in", "mug-1")) == "stoveburner-1" and graph.state.value(("kind", "mug-1")) == "mug"
    assert graph.denied == {("is-lit", "desklamp-2"), ("is-cool", "mug-1")} and graph.state.value(("at",)) == "room"


@pytest.mark.parametrize(
    "facts",
    [
        (),
        ("",),
        ("(is-hot gizmo-1)",),
        ("(is-hot safe-1)",),
        ("(is-hot mug-1 mug-2)",),
        ("(is-purring mug-1)",),
        ("(not (in mug-1 hand))",),
        ("(not)",),
        ("(not (not (is-hot mug-1)))",),
        ("(won)",),
        ("(goal-holds)",),
        ("(is-hot mug-1)", "(is-hot"),
        ("(" * 1000,),
        (7,),
        ("(kind mug-1 open)",),
    ],
)
def test_what_a_reader_says_is_checked(facts: tuple[Any, ...]) -> None:
    graph = reading(*facts)
    assert graph.unread == ("Steam rises.",)
    assert graph.state.values == read("You close the safe 1.").state.values


def test_a_reader_without_end_is_cut_short() -> None:
    graph = read("Steam rises.", HouseholdPerceiver(reader=lambda _: iter(lambda: "(is-hot mug-1)", None)))
    assert graph.state.value(("is-hot", "mug-1")) is True


# ---------------------------------------------------------------------- goals and actions


class Phrasings:
    """Reads everything as the same goal, and notes what it was told."""

    goal = parse_goal(VOCABULARY, "(some (?x - item) (and (holding ?x) (kind ?x mug)))")

    def __init__(self) -> None:
        self.told: list[tuple[str, frozenset[str]]] = []

    def read(self, sentence: str, sorts: frozenset[str] = frozenset()) -> Goal:
        self.told.append((sentence, sorts))
        return self.goal


def test_phrasings_are_read_where_the_grammar_does_not_and_told_what_the_room_has() -> None:
    phrasings = Phrasings()
    perceiver = HouseholdPerceiver(phrasings=phrasings)
    room = "You are in the middle of a room. Looking quickly around you, you see a bed 1, and a desk 1."
    assert perceiver.goal({"text": room, "mission": "Fetch a cuppa"}) == phrasings.goal
    assert perceiver.goal({"text": "On the desk 1, you see nothing.", "mission": "Fetch a cuppa"}) == phrasings.goal
    assert perceiver.goal({"text": room, "mission": "put a mug in desk"}) != phrasings.goal
    assert phrasings.told == [("Fetch a cuppa", frozenset({"bed", "desk"})), ("Fetch a cuppa", frozenset())]
    with pytest.raises(UnreadableMission, match="Fetch a cuppa"):
        PERCEIVER.goal({"text": room, "mission": "Fetch a cuppa"})


@pytest.mark.parametrize("observation", [{}, {"text": ""}, None, {"mission": 7}, {"mission": "", "text": ""}])
def test_no_mission_is_refused(observation: Any) -> None:
    for perceiver in (PERCEIVER, HouseholdPerceiver(phrasings=None)):
        with pytest.raises(UnreadableMission):
            perceiver.goal(observation)


def test_each_action_has_a_command_that_the_household_takes() -> None:
    assert set(COMMANDS) == {action.name for action in VOCABULARY.actions}
    assert [str(PERCEIVER.to_env(action)) for action in PERCEIVER.actions()] == ["look", "inventory"]
    said = {
        ("go", "fridge-1"): "go to fridge 1",
        ("open", "fridge-1"): "open fridge 1",
        ("close", "fridge-1"): "close fridge 1",
        ("take", "apple-1", "fridge-1"): "take apple 1 from fridge 1",
        ("move", "apple-12", "fridge-1"): "move apple 12 to fridge 1",
        ("heat", "apple-1", "microwave-1"): "heat apple 1 with microwave 1",
        ("cool", "apple-1", "fridge-1"): "cool apple 1 with fridge 1",
        ("clean", "apple-1", "sinkbasin-1"): "clean apple 1 with sinkbasin 1",
        ("slice", "bread-1", "knife-1"): "slice bread 1 with knife 1",
        ("use", "desklamp-1"): "use desklamp 1",
        ("examine", "apple-1"): "examine apple 1",
    }
    for (name, *args), command in said.items():
        assert PERCEIVER.to_env(Action(name, tuple(args))) == command
        assert len(args) == len(VOCABULARY.action(name).types)
    assert PERCEIVER.landmarks({"mug-1": (0, 0)}, (1, 0), lambda place: None) == ()
    with pytest.raises(VocabularyProblem, match="dance"):
        PERCEIVER.to_env(Action("dance"))


def test_every_admissible_command_is_some_action_s() -> None:
    """But for looking again at what one stands at, which says nothing new, and for asking what one can say."""
    env = playing("generated:14")
    for game in range(6):
        for _, info in walk(env, game, 40):
            for command in info["admissible_commands"]:
                name = command.split()[0]
                args = ["-".join(part) for part in re.findall(r"(\w+) (\d+)", command)]
                if command != "help" and not (name == "examine" and args[0].split("-")[0] in RECEPTACLE_KINDS):
                    assert PERCEIVER.to_env(Action(name, tuple(args))) == command


@needs_real
def test_the_vocabulary_has_a_word_for_everything_in_real_games() -> None:
    assert REAL.is_dir()
    for name in ("train", "valid_seen"):
        env = playing(real_games(name))
        for game in range(0, len(env.games), 5):
            truth = Truth(env.reset(seed=game)[1]["facts"])
            kinds = {value for fluent, value in truth.values.items() if fluent[0] == "kind"}
            sorts = {value for fluent, value in truth.values.items() if fluent[0] == "sort"}
            assert kinds <= set(ITEM_KINDS) and sorts <= set(RECEPTACLE_KINDS)
