"""The household environment: ALFWorld's own answers, word for word, as a proper gymnasium environment."""

import json
import lzma
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env

from worldwright.envs.household.engine import NOTHING_HAPPENS, Household
from worldwright.envs.household.env import HOUSEHOLD_ID, HouseholdEnv, NotText, register_household
from worldwright.envs.household.game import Game
from worldwright.envs.household.games import Games, NoGames, find_games, open_game
from worldwright.envs.household.generator import TASK_TYPES, generate
from worldwright.envs.household.laws import LAWS, UnknownLaw, lawful
from worldwright.envs.household.pddl import Problem
from worldwright.envs.registry import UnusableEnvironment, make_env

# What textworld 1.7 itself said to the same commands, written down by tests/bench/household_transcripts.py.
with lzma.open(Path(__file__).with_name("household_transcripts.jsonl.xz"), "rt") as file:
    TRANSCRIPTS = [json.loads(line) for line in file]
VERBS = ("go", "open", "close", "take", "move", "examine", "use", "heat", "cool", "clean", "slice", "look", "inventory")
HEAT = 3  # the number of a generated game that asks for heat


def household(number: int, law: str = "") -> Household:
    """A generated household, reset."""
    found = open_game(generate(0, number), *lawful(law))
    found.reset()
    return found


def places(home: Household, kind: str) -> list[str]:
    """What of a kind there is, by name."""
    return sorted(name for name in home.names.values() if name.split()[0] == kind)


def visit(home: Household, thing: str) -> str:
    """Go to where a thing lies, open that if need be, and take the thing; its receptacle."""
    (_, where), *_ = [fact[1:] for fact in home.facts.of("inreceptacle") if home.names[fact[1]] == thing]
    rack = home.names[where]
    home.step(f"go to {rack}")
    for verb in ("open", "close"):
        if home.step(f"examine {rack}").endswith("is closed."):
            home.step(f"{verb} {rack}")
    assert home.step(f"take {thing} from {rack}").startswith("You pick up")
    return rack


# ---------------------------------------------------------------------- against textworld


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda transcript: transcript["game"]["id"].split("/")[0])
def test_a_household_says_what_textworld_says(transcript: dict[str, Any]) -> None:
    game = Game.model_validate(transcript["game"])
    home = Household(Problem.read(game.problem), game.goal)
    for number, said in enumerate(transcript["steps"]):
        text = home.step(said["command"]) if number else home.reset()
        assert (text, home.is_won, home.admissible_commands()) == (said["text"], said["won"], said["admissible"])


def test_the_transcripts_show_every_kind_of_command() -> None:
    verbs = set(VERBS)
    steps = [said for transcript in TRANSCRIPTS for said in transcript["steps"]]
    done = {
        said["command"].split()[0] for said in steps[1:] if said["command"].strip() and "Nothing" not in said["text"]
    }
    assert verbs <= done
    assert {transcript["game"]["task_type"] for transcript in TRANSCRIPTS} == set(TASK_TYPES)


# ---------------------------------------------------------------------- gymnasium


@pytest.mark.parametrize("number", range(6))
def test_gymnasium_finds_no_fault(number: int) -> None:
    env = HouseholdEnv(Games([str(number)], lambda _: generate(0, number)), admissible=True, facts=True)
    check_env(env, skip_render_check=True)


def test_a_game_is_played_to_its_end() -> None:
    env = make_env(HOUSEHOLD_ID, games="generated:0", max_episode_steps=200)
    observation, info = env.reset(seed=0)
    assert observation["text"].endswith(f"Your task is to: {observation['mission']}.")
    assert info["task_type"] == "pick_and_place_simple" and info.keys() == {"game", "task_type", "won"}
    home = env.unwrapped._household  # type: ignore[attr-defined]
    thing, rack = (places(home, word.lower())[0] for word in info["game"].split("-")[1:4:2])
    visit(home, thing)
    env.step(f"go to {rack}")
    env.step(f"open {rack}")
    _, reward, terminated, truncated, info = env.step(f"move {thing} to {rack}")
    assert (reward, terminated, truncated, info["won"]) == (1.0, True, False, True)


def test_an_episode_is_cut_after_fifty_steps_or_as_many_as_are_asked_for() -> None:
    for env, steps in ((make_env(HOUSEHOLD_ID), 50), (make_env(HOUSEHOLD_ID, max_episode_steps=3), 3)):
        env.reset(seed=0)
        assert [env.step("look")[3] for _ in range(steps)] == [False] * (steps - 1) + [True]


@pytest.mark.parametrize(
    "command", ["", "dance", "go to", "go to moon 1", "take all", "open {r}", "x" * 10_000, "\n", "é"]
)
def test_what_is_no_command_does_nothing(command: str) -> None:
    env = make_env(HOUSEHOLD_ID, disable_env_checker=True)
    first, _ = env.reset(seed=0)
    observation, reward, terminated, _, _ = env.step(command)
    assert (observation["text"], observation["mission"]) == (NOTHING_HAPPENS, first["mission"])
    assert (reward, terminated) == (0.0, False)


def test_an_action_is_text_and_comes_after_a_reset() -> None:
    env = HouseholdEnv()
    with pytest.raises(gym.error.ResetNeeded):
        env.step("look")
    env.reset(seed=0)
    with pytest.raises(NotText, match="not int"):
        env.step(7)  # type: ignore[arg-type]


def test_seeds_in_a_row_play_different_games_and_a_seed_plays_the_same() -> None:
    env = HouseholdEnv("generated:5:4")
    names = [env.reset(seed=seed)[1]["game"] for seed in range(8)]
    assert len(set(names[:4])) == 4 and names[4:] == names[:4]
    assert env.reset(options={"game": names[2]})[1]["game"] == names[2]
    draws = []
    for _ in range(2):
        env.reset(seed=1)
        draws.append([env.reset()[1]["game"] for _ in range(6)])
    assert draws[0] == draws[1] and len(set(draws[0])) > 1
    with pytest.raises(NoGames, match="no game is called 'x'"):
        env.reset(options={"game": "x"})


def test_admissible_commands_and_facts_come_only_when_asked_for() -> None:
    shown = HouseholdEnv(admissible=True, facts=True).reset(seed=0)[1]
    assert "look" in shown["admissible_commands"]
    assert any(fact[0] == "inreceptacle" and fact[1].split()[1].isdigit() for fact in shown["facts"])
    assert not HouseholdEnv().reset(seed=0)[1].keys() & {"admissible_commands", "facts"}


def test_the_mission_can_be_put_as_people_put_it() -> None:
    game = generate(0, 0).model_copy(update={"annotations": ("Bring it – now", "Do it")})
    games = Games([game.id], lambda _: game)
    said = [HouseholdEnv(games, phrasing=number).reset(seed=0)[0]["mission"] for number in range(3)]
    assert said == ["Bring it ? now", "Do it", "Bring it ? now"]
    assert HouseholdEnv(games).reset(seed=0)[0]["mission"] == game.mission


def test_rendering_shows_the_last_text_and_changes_nothing() -> None:
    env = gym.make(HOUSEHOLD_ID, render_mode="ansi")
    observation, _ = env.reset(seed=0)
    assert env.render() == env.render() == observation["text"]


def test_a_walk_is_the_same_in_each_process() -> None:
    script = (
        "import random, gymnasium as gym, worldwright.envs.household\n"
        "env = gym.make('worldwright/Household-v0', admissible=True, facts=True)\n"
        "for seed in range(3):\n"
        "    observation, info = env.reset(seed=seed); print(observation, info); rng = random.Random(seed)\n"
        "    for _ in range(12): print(*env.step(rng.choice([*info['admissible_commands']]))[:4], info)\n"
    )
    outputs = set()
    for salt in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=True, env={"PYTHONHASHSEED": salt}
        )
        outputs.add(run.stdout)
    assert len(outputs) == 1


def test_registering_again_is_harmless() -> None:
    register_household()
    assert HOUSEHOLD_ID in gym.registry


# ---------------------------------------------------------------------- laws


@pytest.mark.parametrize("law", LAWS)
def test_every_law_leaves_every_task_solvable_and_the_environment_proper(law: str) -> None:
    for number in range(12):
        open_game(generate(1, number), *lawful(law))
    check_env(HouseholdEnv(law=law), skip_render_check=True)


@pytest.mark.parametrize("law", ["gravity", "swapped-heat,gravity"])
def test_an_unknown_law_is_answered_with_those_there_are(law: str) -> None:
    with pytest.raises(UnknownLaw, match=r"'gravity'; known: swapped-heat"):
        HouseholdEnv(law=law)
    with pytest.raises(UnusableEnvironment, match="unknown law"):
        make_env(HOUSEHOLD_ID, law=law)


def heated(law: str, at: str, verb: str = "heat", first: tuple[str, ...] = ()) -> str:
    """What comes of heating (or so) something at an appliance under a law."""
    game = generate(0, HEAT)
    home = household(HEAT, law)
    thing = places(home, str(game.pddl_params["object_target"]).lower())[0]
    visit(home, thing)
    for command in first:
        home.step(command.format(thing=thing))
    home.step(f"go to {at}")
    return home.step(f"{verb} {thing} with {at}")


def test_the_fridge_heats_and_the_microwave_cools() -> None:
    assert heated("", "microwave 1").startswith("You heat") and heated("", "fridge 1") == NOTHING_HAPPENS
    assert heated("swapped-heat", "microwave 1") == NOTHING_HAPPENS
    assert heated("swapped-heat", "fridge 1").startswith("You heat")
    assert heated("swapped-heat", "microwave 1", "cool").startswith("You cool")


def test_what_can_be_cleaned_is_heated_only_when_clean() -> None:
    washing = ("go to sinkbasin 1", "clean {thing} with sinkbasin 1")
    assert heated("clean-first", "microwave 1") == NOTHING_HAPPENS
    assert heated("clean-first", "microwave 1", first=washing).startswith("You heat")


def test_an_appliance_must_be_open() -> None:
    opening, closing = "go to microwave 1", "close microwave 1"
    assert heated("open-appliances", "microwave 1", first=(opening, closing)) == NOTHING_HAPPENS
    assert heated("open-appliances", "microwave 1", first=(opening, "open microwave 1")).startswith("You heat")


def test_closing_opens() -> None:
    home = household(HEAT, "swapped-doors")
    home.step("go to fridge 1")
    assert home.step("open fridge 1") == NOTHING_HAPPENS
    assert home.step("close fridge 1").startswith("You open the fridge 1.")


def test_a_lamp_wants_an_empty_hand() -> None:
    game = generate(0, 1)
    home = household(1, "empty-hand-lamps")
    visit(home, places(home, str(game.pddl_params["object_target"]).lower())[0])
    lamp = next(thing for thing, name in home.names.items() if name == "desklamp 1")
    rack = next(home.names[where] for _, thing, where in home.facts.of("inreceptacle") if thing == lamp)
    home.step(f"go to {rack}")
    assert home.step("use desklamp 1") == NOTHING_HAPPENS
    free = household(1, "empty-hand-lamps")
    free.step(f"go to {rack}")
    assert free.step("use desklamp 1") == "You turn on the desklamp 1."


def test_washing_cools_and_laws_add_up() -> None:
    washing = ("go to sinkbasin 1", "clean {thing} with sinkbasin 1")
    game = generate(0, HEAT)
    home = household(HEAT, "washing-cools,swapped-heat")
    thing = places(home, str(game.pddl_params["object_target"]).lower())[0]
    visit(home, thing)
    for command in washing:
        home.step(command.format(thing=thing))
    assert home.step(f"examine {thing}") in {f"This is a cool and clean {thing}.", f"This is a normal {thing}."}
    assert any(home.names[name] == thing for _, name in home.facts.of("iscool"))


@pytest.mark.slow
def test_real_games_are_all_playable_under_every_law() -> None:
    data = Path(__file__).parents[2].parent / "shared" / "data" / "alfworld"
    if not data.is_dir():
        pytest.skip("the real games are not beside the repository")
    games = find_games(data / "valid_seen.jsonl.xz")
    for law in LAWS:
        assert games.check(*lawful(law)) == []
