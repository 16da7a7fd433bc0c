"""Generated households: of all task types, the same everywhere, furnished plausibly, and solvable in earnest."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from worldwright.envs.household.game import Game
from worldwright.envs.household.games import open_game
from worldwright.envs.household.generator import ROOMS, TASK_TYPES, TEMPLATES, generate
from worldwright.envs.household.pddl import Atom, Exists, Facts, Problem, World, words_of
from worldwright.envs.household.sentences import Grammar

FIRST = [generate(3, number) for number in range(24)]
every_game = pytest.mark.parametrize("game", FIRST, ids=lambda game: game.id)


def test_the_task_types_take_turns_and_one_can_be_chosen() -> None:
    assert [game.task_type for game in FIRST[:6]] == list(TASK_TYPES)
    assert Counter(game.task_type for game in FIRST) == dict.fromkeys(TASK_TYPES, 4)
    assert generate(3, 0, "look_at_obj_in_light").task_type == "look_at_obj_in_light"
    with pytest.raises(ValueError, match="unknown task type 'sleep'; known: pick_and"):
        generate(3, 0, "sleep")


def test_games_differ_by_number_and_by_seed() -> None:
    assert len({game.id for game in FIRST}) == len(FIRST) == len({game.problem for game in FIRST})
    assert generate(4, 0).problem != FIRST[0].problem and generate(3, 0) == FIRST[0]


def test_games_are_the_same_in_each_process() -> None:
    script = (
        "from worldwright.envs.household.generator import generate\nfor k in range(12): print(generate(3, k).line())"
    )
    for salt in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=True, text=True, env={"PYTHONHASHSEED": salt}
        )
        assert run.stdout.splitlines() == [game.line() for game in FIRST[:12]]


@every_game
def test_the_goal_is_put_as_alfworld_puts_it_and_names_what_is_there(game: Game) -> None:
    thing = str(game.pddl_params["object_target"])
    target = str(game.pddl_params["parent_target"] or game.pddl_params["toggle_target"])
    said = {form.format(obj=thing.lower(), recep=target.lower()) for form in TEMPLATES[game.task_type]}
    assert game.mission in said
    kinds = Counter(name.split()[0] for name in open_game(game).names.values())
    assert kinds[thing.lower()] >= (2 if game.task_type == "pick_two_obj_and_place" else 1)
    assert kinds[target.lower()] >= 1


@every_game
def test_everything_lies_where_it_can_be_reached_and_nothing_is_open(game: Game) -> None:
    facts = Problem.read(game.problem).init
    reached = {rack for _, rack, _ in facts.of("receptacleatlocation")}
    assert {rack for _, _, rack in facts.of("inreceptacle")} <= reached
    assert {thing for _, thing, _ in facts.of("objecttype")} == {thing for _, thing, _ in facts.of("inreceptacle")}
    assert not facts.of("opened") and len(facts.of("atlocation")) == 1


def test_rooms_are_about_as_large_as_real_ones() -> None:
    counts = [Problem.read(game.problem).init for game in FIRST]
    racks = sum(len(facts.of("receptacletype")) for facts in counts) / len(counts)
    things = sum(len(facts.of("objecttype")) for facts in counts) / len(counts)
    assert 12 <= racks <= 25 and 12 <= things <= 30


def test_every_task_type_has_rooms_and_sentences() -> None:
    assert ROOMS.keys() == TEMPLATES.keys() == set(TASK_TYPES) and len(TASK_TYPES) == 6


@every_game
def test_no_household_is_won_at_the_start(game: Game) -> None:
    home = open_game(game)
    home.reset()
    assert not home.is_won


# ---------------------------------------------------------------------- an independent planner


PLAN = """
import sys
sys.path.insert(0, sys.argv[1])
import household_baselines
from worldwright.envs.household.game import Game
for line in sys.stdin:
    print(household_baselines.planner_steps(Game.read(line, "it")))
"""


def plan_lengths(games: list[Game]) -> list[int]:
    """The lengths of Fast Downward's plans for the whole problems."""
    command = [sys.executable, "-c", PLAN, str(Path(__file__).parents[1] / "bench")]
    lines = "\n".join(game.line() for game in games)
    run = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    return [int(length) for length in run.stdout.split()]


def test_a_planner_that_sees_all_solves_each_kind() -> None:
    assert all(2 <= length <= 16 for length in plan_lengths(FIRST[:6]))


@pytest.mark.slow
def test_a_planner_that_sees_all_solves_two_hundred() -> None:
    games = [generate(11, number) for number in range(200)]
    assert all(2 <= length <= 20 for length in plan_lengths(games))


# ---------------------------------------------------------------------- conditions, held against plain meaning


def test_a_variable_that_is_bound_again_inside_keeps_its_meaning_outside() -> None:
    facts = Facts([("p", "a"), ("q", "b")])
    world = World({"thing": frozenset({"a", "b"})}, facts)
    inner = Exists((("?x", "thing"),), Atom(("q", "?x")))
    (found,) = world.solutions(inner, {"?x": "a"}, {"?x": "thing"})
    assert found == {"?x": "a"} and words_of(inner) == {"q", "?x"}


def test_the_lists_of_a_grammar_read_as_alfworlds_do() -> None:
    block = {
        "all": [{"rhs": "You see [{o.indefinite + ' ' + o.name | p(o:object)}]."}],
        "list_empty": [{"rhs": "nothing"}],
        "list_separator": [{"rhs": ", "}],
        "list_last_separator": [{"rhs": ", and "}],
    }
    grammar = Grammar.read(f'grammar :: """{json.dumps(block)}""";')
    said = [grammar.write("all", Facts(("p", name) for name in "abc"[:count]), {}, {}) for count in range(4)]
    assert said == ["You see nothing.", "You see a a.", "You see a a, and a b.", "You see a a, a b, and a c."]
