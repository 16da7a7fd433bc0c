"""The parts of the household measurements that only count: which games, which literals, which figures."""

from __future__ import annotations

from collections import Counter
from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from tests.bench.household_hold import app
from tests.bench.household_pddl import (
    TRUTHS,
    Agreement,
    compare,
    compare_action,
    comparison_table,
    differences,
    reread,
    true_model,
)
from tests.bench.household_play import (
    Foretold,
    Lessons,
    Played,
    Point,
    curve_table,
    games_table,
    held_out,
    learn,
    play_game,
    round_robin,
    spread,
    task_types,
    to_play,
)
from worldwright.agent.loop import EpisodeResult
from worldwright.envs.household.env import HOUSEHOLD_ID
from worldwright.envs.household.generator import TASK_TYPES
from worldwright.envs.household.vocabulary import VOCABULARY
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import show_model
from worldwright.world_model.syntax import parse_rule

SOURCE = "generated:7:12"


def shown(table: Table) -> list[list[str]]:
    """The rows of a table as it is printed, in words."""
    screen = Console(width=200, file=StringIO())
    with screen.capture() as captured:
        screen.print(table)
    return [line.split() for line in captured.get().splitlines()]


def played(number: int, task_type: str, steps: int, cpu_s: float, failure: str = "") -> Played:
    result = EpisodeResult(HOUSEHOLD_ID, number, not failure, steps, float(not failure), cpu_s, cpu_s, 1, 0, failure)
    return Played(number, task_type, "put a mug in shelf", result)


# -- which games -----------------------------------------------------------------------------------------


def test_games_are_chosen_from_each_task_type_in_turn() -> None:
    types = {number: "abc"[number % 3] if number < 20 else "c" for number in range(40)}
    chosen = round_robin(types, 10, seed=1)
    assert len(set(chosen)) == 10
    assert sorted(Counter(types[game] for game in chosen).values()) == [3, 3, 4]
    assert [types[game] for game in chosen[:3]] == [types[game] for game in chosen[3:6]]


def test_the_seed_alone_decides_which_games() -> None:
    types = {number: str(number % 6) for number in range(60)}
    assert round_robin(types, 10, 3) == round_robin(dict(reversed(types.items())), 10, 3)
    assert len({tuple(round_robin(types, 10, seed)) for seed in range(20)}) == 20
    assert len({types[round_robin(types, 1, seed)[0]] for seed in range(50)}) == 6


def test_when_a_type_runs_out_the_others_go_on() -> None:
    types = {0: "a", 1: "b", 2: "b", 3: "b"}
    assert sorted(round_robin(types, 10, 0)) == [0, 1, 2, 3]


def test_games_kept_for_something_else_are_not_chosen() -> None:
    types = {number: str(number % 6) for number in range(60)}
    kept = round_robin(types, 4, 0)
    assert not set(kept) & set(round_robin(types, 56, 5, kept))


def test_generated_games_are_of_all_types() -> None:
    assert Counter(task_types(SOURCE).values()) == dict.fromkeys(TASK_TYPES, 2)


def test_of_an_endless_source_the_first_games_are_played() -> None:
    assert to_play("generated", 3) == [0, 1, 2]
    assert to_play(SOURCE, 3) == [0, 4, 8]


@pytest.mark.parametrize(("number", "expected"), [(4, [0, 2, 5, 7]), (None, [*range(10)]), (99, [*range(10)])])
def test_games_to_play_are_spread_evenly(number: int | None, expected: list[int]) -> None:
    assert spread(10, number) == expected


# -- the rules against the truth -------------------------------------------------------------------------


def test_the_truth_agrees_with_itself_but_for_what_cannot_be_said() -> None:
    for row in compare(true_model()):
        for agreement in (row.preconditions, row.effects):
            assert agreement.precision in (1, None) and agreement.recall in (1, None)
            assert not agreement.missing and not agreement.wrong
    assert [row.action for row in compare(true_model()) if row.preconditions.recall is None] == ["go"]
    assert reread(true_model()) == len(true_model().rules)


def test_nothing_learned_is_nothing_recalled() -> None:
    for row in compare(WorldModel(VOCABULARY)):
        assert (row.rules, row.effects.precision, row.effects.recall) == (0, None, 0)


def test_a_rule_is_compared_literal_by_literal() -> None:
    rule = parse_rule(
        VOCABULARY,
        """(:rule take-mug :action take :parameters (?arg0 - item ?arg1 - receptacle)
             :precondition (and (in ?arg0 ?arg1) (holding nothing) (kind ?arg0 mug) (is-known ?arg1))
             :outcomes ((0.6 (and))
                        (0.4 (and (not (in ?arg0 ?arg1)) (in ?arg0 hand) (not (holding nothing)) (holding ?arg0)
                                  (not (is-known ?arg1)) (is-clean ?arg0))))
             :evidence (support 9 contradicted 0 author inducer learned-at 30))""",
    )
    row = compare_action("take", TRUTHS["take"], [rule])
    assert (row.rules, row.support, row.chance) == (1, 9, 0.4)
    assert row.preconditions == Agreement(
        right=("(holding nothing)", "(in ?o ?r)"),
        missing=("(at ?r)", "(not (door ?r closed))"),
        wrong=("(is-known ?r)", "(kind ?o mug)"),
        unsayable=("(pickupable ?o)",),
    )
    assert (row.preconditions.precision, row.preconditions.recall, row.preconditions.full_recall) == (0.5, 0.5, 0.4)
    assert (row.effects.right, row.effects.missing, row.effects.wrong) == (("(holding ?o)",), (), ("(is-clean ?o)",))
    assert "precondition wrong: (is-known ?r) (kind ?o mug)" in next(differences([row]))
    line = next(words for words in shown(comparison_table([row])) if words[:1] == ["take"])
    assert line[1:] == ["1", "9", "0.40", "50%", "50%", "40%", "50%", "100%", "100%"]


def test_variables_of_its_own_are_matched_as_well_as_can_be() -> None:
    rule = parse_rule(
        VOCABULARY,
        """(:rule use-lamp :action use :parameters (?arg0 - item ?a - place ?b - receptacle)
             :precondition (and (at ?b) (in ?arg0 ?b) (not (at ?a)))
             :outcomes ((1 (and (is-lit ?arg0)))))""",
    )
    row = compare_action("use", TRUTHS["use"], [rule])
    assert row.preconditions.right == ("(at ?r)", "(in ?o ?r)")
    assert row.preconditions.wrong == ("(not (at ?own-a))",)


def test_of_alternatives_the_nearest_counts_and_of_rules_the_one_with_the_most_support() -> None:
    text = """(:rule {name} :action slice :parameters (?arg0 - item ?arg1 - item)
                :precondition (and (kind ?arg1 {kind})) :outcomes ((1 (and (is-sliced ?arg0))))
                :evidence (support {support} contradicted 0 author inducer learned-at 1))"""
    rules = [
        parse_rule(VOCABULARY, text.format(name="by-spoon", kind="spoon", support=2)),
        parse_rule(VOCABULARY, text.format(name="by-knife", kind="butterknife", support=5)),
    ]
    row = compare_action("slice", TRUTHS["slice"], rules)
    assert (row.rules, row.support, row.preconditions.precision) == (2, 5, 1)


# -- figures ---------------------------------------------------------------------------------------------


def test_a_game_that_is_lost_counts_as_one_cut_off_and_one_that_cannot_be_played_not_at_all() -> None:
    results = [
        played(0, "pick_and_place_simple", 10, 1.0),
        played(1, "pick_and_place_simple", 30, 0.3, failure="gave up"),
        played(2, "look_at_obj_in_light", 10, 0.2),
        Played(3, "", refused="the household game x cannot be read"),
    ]
    assert shown(games_table(results))[1:] == [
        ["look_at_obj_in_light", "1", "100.0%", "10.0", "10.0", "0.020", "0.020"],
        ["pick_and_place_simple", "2", "50.0%", "10.0", "30.0", "0.033", "0.100"],
        ["all", "3", "66.7%", "10.0", "23.3", "0.030", "0.100"],
    ]
    assert results[1].line() == "game 1 (pick_and_place_simple), 'put a mug in shelf': gave up"
    assert results[3].line() == "left out: game 3: the household game x cannot be read"


def test_a_curve_shows_means_and_their_range() -> None:
    curves = [[Point(1, 100, 4, 0.5, 30, 0.8, 0.4)], [Point(1, 200, 5, 1.0, 10, 0.9, 0.6)]]
    assert " ".join(shown(curve_table(curves))[1]) == (
        "1 2 150 4.5 75.0% (50.0%..100.0%) 20.0 85.0% (80.0%..90.0%) 50.0% (40.0%..60.0%)"
    )


# -- played and learned ----------------------------------------------------------------------------------


def test_whatever_happens_the_true_laws_foretell_but_for_what_is_looked_at() -> None:
    laws = true_model()
    transitions = held_out(Lessons(SOURCE, (0, 1), 25))
    happened = 0
    for transition in transitions:
        change = {fluent: value for fluent, value in transition.change().items() if fluent[0] != "is-known"}
        assert change.items() <= laws.predict(transition.before, transition.action).change.items()
        happened += bool(change)
    told, nothing = (Foretold.of(transitions, model) for model in (laws, WorldModel(VOCABULARY)))
    assert told.exact_eventful > 0 and told.eventful >= happened > 5
    assert nothing.exact_eventful == 0 and nothing.exact + nothing.eventful == nothing.transitions == 50


@pytest.mark.parametrize("number", range(6))
def test_with_the_true_laws_a_game_of_each_type_is_won(number: int) -> None:
    game = play_game(number, show_model(true_model()), SOURCE, "")
    assert game.task_type == TASK_TYPES[number]
    assert game.result is not None and game.result.success


def test_learning_keeps_within_its_steps() -> None:
    learned = learn(Lessons(SOURCE, (2, 3), 12))
    assert (learned.games, learned.steps, learned.model.steps) == (2, 24, 24)


def test_a_source_that_is_missing_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        app(["games", "--train", "nowhere.jsonl.xz", "--games", SOURCE])
    assert end.value.code == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "nowhere.jsonl.xz" in line and "generated" in line
