"""Where games come from: each source is read, and whatever is wrong with one is said in a line."""

import json
import lzma
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from worldwright.envs.household import games as module
from worldwright.envs.household.env import HOUSEHOLD_ID, HouseholdEnv
from worldwright.envs.household.game import BadGame, Game
from worldwright.envs.household.games import NoGames, find_games, open_game, write_games
from worldwright.envs.household.generator import generate
from worldwright.envs.household.pddl import MAX_CHARACTERS, BadPddl, Domain, Problem, read_tree
from worldwright.envs.household.sentences import BadGrammar, Grammar
from worldwright.envs.registry import UnusableEnvironment, make_env
from worldwright.world_model.errors import MAX_MESSAGE

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "alfworld"
GAMES = [generate(2, number) for number in range(3)]
GOOD = GAMES[0]
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real games are not beside the repository")


def changed(**parts: Any) -> str:
    """The good game's line with some parts changed."""
    return json.dumps(json.loads(GOOD.line()) | parts)


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


# ---------------------------------------------------------------------- sources


@pytest.mark.parametrize("name", ["games.jsonl", "games.jsonl.xz"])
def test_written_games_are_read_back(name: str, tmp_path: Path) -> None:
    write_games(GAMES, tmp_path / name)
    found = find_games(tmp_path / name)
    assert [found[number] for number in range(len(found))] == GAMES and found.refused == ()
    assert found.find(GAMES[2].id) == GAMES[2]
    assert len(find_games(tmp_path)) == 3  # the folder of that file


def test_generated_games_are_named_by_seed_and_number(tmp_path: Path) -> None:
    games = find_games("generated:2:3")
    assert [games[number] for number in range(3)] == GAMES and games.find(GAMES[1].id) == GAMES[1]
    assert len(find_games("generated")) == len(find_games("generated:9")) > 1000
    for name in ("generated_2_0", GAMES[1].id.replace("_2_1", "_3_1"), GAMES[1].id.replace("_2_1", "_2_3")):
        with pytest.raises(NoGames, match="no game is called"):
            games.find(name)
    write_games(games, tmp_path / "made.jsonl")
    assert find_games(tmp_path / "made.jsonl").find(GAMES[1].id) == GAMES[1]


@pytest.mark.parametrize("source", ["generated:", "generated:x", "generated:1:2:3", "generated:1:0", "generated:1e9"])
def test_a_generator_that_is_not_well_asked_for_is_refused(source: str) -> None:
    with pytest.raises(NoGames, match="games=generated:"):
        find_games(source)


def alfworld_folder(root: Path, game: Game = GOOD, **parts: Any) -> Path:
    """A game as ALFWorld keeps it, and the folder of them all."""
    place = root / "json_2.1.1" / "valid_seen" / "pick_and_place_simple-Mug-None-Desk-308" / "trial_1"
    place.mkdir(parents=True)
    grammar = '"task": [{"rhs": "' + game.goal + '"}] "x": {__import__("os").abort()}'  # never run
    data = {"solvable": True, "grammar": grammar, "pddl_domain": "(", "pddl_problem": game.problem} | parts
    (place / "game.tw-pddl").write_text(json.dumps(data))
    (place / "traj_data.json").write_text(json.dumps({"turk_annotations": {"anns": [{"task_desc": "Bring it."}]}}))
    return root / "json_2.1.1"


def test_alfworlds_own_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alfworld_folder(tmp_path)
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    games = find_games("$ALFWORLD_DATA/json_2.1.1/valid_seen")
    game = games[0]
    assert (game.id, game.task_type) == ("pick_and_place_simple-Mug-None-Desk-308/trial_1", "pick_and_place_simple")
    assert (game.goal, game.problem, game.annotations) == (GOOD.goal, GOOD.problem, ("Bring it.",))
    assert (game.pddl_params["object_target"], game.pddl_params["parent_target"]) == ("Mug", "Desk")
    assert HouseholdEnv(games).reset(seed=0)[0]["mission"] == GOOD.mission


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        ({"solvable": False}, "marked as not solvable"),
        ({"solvable": None}, "never checked"),
        ({"grammar": "Your task is to: UNKNOWN"}, "no goal"),
        ({"grammar": 7}, "no goal"),
        ({"pddl_problem": ["("]}, "no pddl_problem"),
    ],
)
def test_a_folder_whose_only_game_is_bad_says_why(parts: dict[str, Any], cause: str, tmp_path: Path) -> None:
    with pytest.raises(NoGames, match=r"no household games at .*alfworld-download.*games=generated") as problem:
        find_games(alfworld_folder(tmp_path, **parts))
    assert cause in str(problem.value) and len(str(problem.value)) <= MAX_MESSAGE


@pytest.mark.parametrize("text", ["{", "[]", "\xff", "[" * 100_000, ""])
def test_a_game_file_that_is_broken_is_passed_over(text: str, tmp_path: Path) -> None:
    folder = alfworld_folder(tmp_path)
    broken = folder / "valid_seen" / "look_at_obj_in_light-Book-None-DeskLamp-302" / "trial_2"
    broken.mkdir(parents=True)
    (broken / "game.tw-pddl").write_text(text, encoding="latin-1")
    with pytest.warns(UserWarning, match="left out: .*game.tw-pddl"):
        env = HouseholdEnv(folder)
    assert len(env.games) == 1 and len(env.games.refused) == 1


def test_what_alfworld_does_not_play_is_not_played(tmp_path: Path) -> None:
    folder = alfworld_folder(tmp_path)
    for name in (
        "pick_and_place_with_movable_recep-Egg-Bowl-Shelf-1",
        "pick_and_place_simple-AppleSliced-None-Shelf-1",
    ):
        (folder / name / "trial_1").mkdir(parents=True)
        (folder / name / "trial_1" / "game.tw-pddl").write_text("{}")
    assert (len(find_games(folder)), find_games(folder).refused) == (1, ())


# ---------------------------------------------------------------------- what is missing or no game at all


def test_a_missing_place_says_how_to_get_games(tmp_path: Path) -> None:
    for source in (tmp_path / "none.jsonl", tmp_path, "", "$NO_SUCH_VARIABLE/x", "x" * 5_000, "a\0b"):
        with pytest.raises(NoGames, match=r"games=generated, which needs no file|no household games") as problem:
            find_games(source)
        assert len(str(problem.value)) <= MAX_MESSAGE and str(problem.value).isprintable()
    with pytest.raises(UnusableEnvironment, match="alfworld-download"):
        make_env(HOUSEHOLD_ID, games=str(tmp_path / "none"))


def fifo(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.symlink_to(path)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(module.MAX_FILE + 1)


@pytest.mark.parametrize("make", [fifo, device, loop, huge])
def test_what_is_no_plain_file_is_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "games.jsonl")
    with pytest.raises(NoGames, match=r"not a plain file|larger than|symbolic links"):
        find_games(tmp_path / "games.jsonl")


def test_links_inside_a_folder_are_not_followed(tmp_path: Path) -> None:
    write_games(GAMES, tmp_path / "games.jsonl")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.jsonl").symlink_to(tmp_path / "games.jsonl")
    with pytest.raises(NoGames):
        find_games(folder)
    place = alfworld_folder(tmp_path / "alfworld") / "valid_seen"
    real = next(place.rglob("game.tw-pddl"))
    real.rename(tmp_path / "elsewhere")
    real.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NoGames, match="cannot be read"):
        find_games(place)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TEXT", 2**22)
    monkeypatch.setattr(module, "MAX_LINE", 2**20)
    lines = tmp_path / "lines.jsonl.xz"
    lines.write_bytes(lzma.compress((b" " * 1000 + b"\n") * 10_000))
    with pytest.raises(NoGames, match="unpacks to more than"):
        find_games(lines)
    line = tmp_path / "line.jsonl.xz"
    line.write_bytes(lzma.compress(b"x" * 2**22))
    with pytest.raises(NoGames, match="a line longer than"):
        find_games(line)


@pytest.mark.parametrize("cut", [0, 1, 40, 400])
def test_a_packed_file_that_is_cut_short_is_said_to_be(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "games.jsonl.xz"
    path.write_bytes(lzma.compress(f"{GOOD.line()}\n".encode())[:cut])
    with pytest.raises(NoGames, match="ends too early"):
        find_games(path)


def test_what_a_damaged_file_still_holds_is_played(tmp_path: Path) -> None:
    path = tmp_path / "games.jsonl.xz"
    path.write_bytes(lzma.compress(f"{GOOD.line()}\n".encode())[:-1])
    games = find_games(path)
    assert len(games) == 1 and games.refused[0].reason == "games.jsonl.xz ends too early"


# ---------------------------------------------------------------------- bad games among good ones


HALF = GOOD.problem[: len(GOOD.problem) // 2]
BAD_LINES = {
    "not JSON": ("{", "JSON"),
    "a list": ("[1]", "not a household game"),
    "no problem": (json.dumps({"id": "x", "task_type": "t", "goal": "g"}), "pddl_problem"),
    "a number for a name": (changed(id=7), "id: Input should be a valid string"),
    "cut short": (changed(id="a", pddl_problem=HALF), "not one whole"),
    "closed too often": (changed(id="b", pddl_problem=GOOD.problem + ")"), "never opened"),
    "no goal": (changed(id="c", pddl_problem="(define (problem p) (:objects) (:init))"), "no :goal"),
    "not a problem": (changed(id="d", pddl_problem="(define (domain d))"), "does not begin with"),
    "too deep": (changed(id="e", pddl_problem="(" * 100 + ")" * 100), "nested deeper"),
    "too long": (changed(id="f", pddl_problem="x" * (MAX_CHARACTERS + 1)), "at most"),
    "a goal for all": (changed(id="g", pddl_problem=GOOD.problem.replace("(exists", "(forall")), "'forall'"),
    "nothing to do it with": (
        changed(id="h", pddl_problem=GOOD.problem.replace("(pickupable", "(unpickupable")),
        "cannot be won",
    ),
    "a twin": (GOOD.line(), "is another game called"),
    "an escape in the name": (changed(id="\x1b[2J", pddl_problem="("), "\\x1b"),
}


@pytest.mark.parametrize(("line", "cause"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_game_is_passed_over_and_listed(line: str, cause: str, tmp_path: Path) -> None:
    path = written(tmp_path / "games.jsonl", GAMES[0].line(), line, "", GAMES[1].line())
    games = find_games(path)
    assert [games[number].id for number in range(len(games))] == [game.id for game in GAMES[:2]]
    (refused,) = games.refused
    assert refused.name == "games.jsonl, line 2" and cause in refused.reason
    assert refused.reason.isprintable() and len(refused.reason) <= MAX_MESSAGE
    assert games.check() == [refused]


def test_a_file_is_read_again_only_after_a_change(tmp_path: Path) -> None:
    path = tmp_path / "games.jsonl"
    write_games(GAMES[:1], path)
    games = find_games(path)
    assert find_games(path) is games
    write_games(GAMES[:2], path)
    assert len(find_games(path)) == 2
    folder = alfworld_folder(tmp_path / "alfworld")
    games = find_games(folder)
    assert find_games(folder) is games
    next(folder.rglob("game.tw-pddl")).write_text("{}")
    with pytest.raises(NoGames, match="never checked"):
        find_games(folder)


def test_bytes_that_are_no_text_end_a_file(tmp_path: Path) -> None:
    path = tmp_path / "games.jsonl"
    path.write_bytes(GOOD.line().encode() + b"\n\xff\xfe\n")
    games = find_games(path)
    assert len(games) == 1 and "utf-8" in games.refused[0].reason


def test_a_game_that_cannot_be_played_is_refused_when_it_is_asked_for() -> None:
    game = GOOD.model_copy(update={"pddl_problem": GOOD.problem.replace("(pickupable", "(unpickupable")})
    with pytest.raises(BadGame, match=r"cannot be won: nothing can make its goal true"):
        open_game(game)


@pytest.mark.parametrize(
    "text",
    [
        "(define (domain d) (:action a :parameters))",
        "(define (domain d) (:action a :effect (forall (?x) (p ?x))))",
        "(define (domain d) (:action a :precondition (imply (p) (q))))",
        "(define (domain d) (:action a :effect (when (p) (when (q) (r)))))",
        "(define (domain d) p)",
        "(p)",
        "",
    ],
)
def test_a_domain_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(BadPddl):
        assert not Domain.read(text).schemas


def test_problems_are_bounded() -> None:
    with pytest.raises(BadPddl, match="more than 2,000 objects"):
        Problem.read(f"(define (problem p) (:objects {'x ' * 2_001} - t) (:init) (:goal (and)))")
    with pytest.raises(BadPddl, match="characters"):
        read_tree("x" * (MAX_CHARACTERS + 1))


def test_a_problem_that_would_take_long_is_refused() -> None:
    things, racks = ([f"{letter}{number}_bar_1" for number in range(400)] for letter in "or")
    objects = f"{' '.join(things)} - object {' '.join(racks)} - receptacle {' '.join(f'l{rack}' for rack in racks)}"
    facts = [f"(receptacleAtLocation {rack} l{rack}) (receptacleType {rack} k)" for rack in racks]
    facts += [f"(pickupable {thing}) (objectType {thing} t)" for thing in things]
    facts += [f"(inReceptacle {thing} {rack})" for thing, rack in zip(things, racks, strict=True)]
    text = (
        f"(define (problem p) (:objects agent1 - agent t - otype k - rtype {objects} - location)"
        f" (:init (canContain k t) (atLocation agent1 l{racks[0]}) {' '.join(facts)})"
        " (:goal (exists (?o - object) (and (objectType ?o t) (isHot ?o)))))"
    )
    with pytest.raises(BadGame, match="too large"):
        open_game(GOOD.model_copy(update={"pddl_problem": text}))


@pytest.mark.parametrize(
    "rule",
    ["{o.__class__}", "{__import__('os').abort()}", "{o.name | p(o:object)}{o.name.x}", "{1 + 1}", "{open('x')}"],
)
def test_a_grammar_is_never_run(rule: str) -> None:
    with pytest.raises(BadGrammar, match="not read here"):
        Grammar.read(f'grammar :: """{json.dumps({"a": [{"rhs": rule}]})}""";')


def test_a_grammar_without_end_is_stopped() -> None:
    grammar = Grammar.read('grammar :: """{"a": [{"rhs": "x#a#"}]}""";')
    with pytest.raises(BadGrammar, match="no end"):
        grammar.write("a", Problem.read(GOOD.problem).init, {}, {})


# ---------------------------------------------------------------------- real games


@needs_real
def test_real_games_are_read_and_played() -> None:
    with lzma.open(REAL / "valid_seen.jsonl.xz", "rt") as file:
        lines = [json.loads(line) for line in file]
    for data in lines[::10]:
        game = Game.model_validate(data)
        text = open_game(game).reset()
        assert text.endswith(data["goal"]) and "you see a " in text and len(game.annotations) >= 3


@needs_real
@pytest.mark.slow
def test_every_real_game_can_be_played() -> None:
    games = find_games(REAL)
    assert len(games) == 340 and games.refused == ()


def test_files_are_made_with_the_usual_rights(tmp_path: Path) -> None:
    write_games(GAMES[:1], tmp_path / "games.jsonl")
    assert stat.S_ISREG((tmp_path / "games.jsonl").stat().st_mode)
