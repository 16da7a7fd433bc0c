"""The standard measurement counts, sums up and resumes as it says."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.bench.standard import app
from tests.bench.standard_planning import Cost, Curve, exponent, fewest_steps
from tests.bench.standard_play import (
    BOT,
    NO_KEY,
    OURS,
    OUT_OF_CPU,
    Player,
    Record,
    Results,
    Task,
    cpu_limit,
    lacks_key,
    play,
    tasks_of,
    usable_ids,
)
from tests.bench.standard_table import Row, is_lost_by_bot, markdown_table, report, rows_of, verdicts
from tests.planning.grid_worlds import MODEL
from worldwright.agent.config import AgentConfig
from worldwright.envs.registry import make_env
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.model_file import show_model

GOTO, EMPTY = "BabyAI-GoToObjS4-v0", "MiniGrid-Empty-5x5-v0"
PLAYER = Player(show_model(MODEL), AgentConfig(), 60.0)


def record(env_id: str = GOTO, seed: int = 0, who: str = OURS, steps: int = 10, **more) -> Record:
    fields = {"success": True, "cpu_s": 0.3, "digest": PLAYER.digest(who), **more}
    return Record(env_id, seed, who, steps=steps, **fields)


def lost(env_id: str = GOTO, seed: int = 0, who: str = OURS, why: str = "out of time") -> Record:
    return record(env_id, seed, who, success=False, failure=why)


# -- which levels


def test_the_levels_are_all_of_minigrid_but_those_without_their_files() -> None:
    assert len(usable_ids("babyai")) == 96
    assert len(usable_ids("core")) == 76
    assert usable_ids() and not any("WFC" in env_id for env_id in usable_ids())


def test_the_bot_plays_babyai_alone_and_every_level_has_its_first_seed_first() -> None:
    tasks = tasks_of([GOTO, EMPTY], [7, 8], PLAYER)
    assert [(task.env_id, task.seed, task.who) for task in tasks] == [
        (GOTO, 7, OURS),
        (GOTO, 7, BOT),
        (EMPTY, 7, OURS),
        (GOTO, 8, OURS),
        (GOTO, 8, BOT),
        (EMPTY, 8, OURS),
    ]


# -- playing


@pytest.mark.parametrize("who", [OURS, BOT])
def test_both_play_the_same_level(who: str) -> None:
    found = play(Task(GOTO, 3, who, "some digest"), PLAYER)
    assert (found.env_id, found.seed, found.who, found.digest) == (GOTO, 3, who, "some digest")
    assert found.success and found.steps > 0 and found.failure == ""


def test_who_takes_too_long_has_lost() -> None:
    found = play(Task(EMPTY, 0, OURS, ""), replace(PLAYER, limit=0.001))
    assert not found.success and found.failure == OUT_OF_CPU


def test_the_limit_ends_with_what_it_limits() -> None:
    with cpu_limit(0.01):
        pass
    sum(range(3_000_000))  # a signal that came late would end this process


# -- results on file


def test_what_is_on_file_is_not_played_again(tmp_path: Path) -> None:
    tasks = tasks_of([GOTO], [0, 1], PLAYER)
    with Results(tmp_path / "results") as results:
        results.add(record(seed=0))
    with Results(tmp_path / "results") as results:
        assert results.missing(tasks) == tasks[1:]
        assert results.of(tasks) == [record(seed=0)]


def test_another_model_is_played_anew_but_the_bot_is_not(tmp_path: Path) -> None:
    other = replace(PLAYER, model=PLAYER.model + "\n; other")
    with Results(tmp_path / "results") as results:
        results.add(record(seed=0))
        results.add(record(seed=0, who=BOT))
        assert [task.who for task in results.missing(tasks_of([GOTO], [0], other))] == [OURS]


def test_a_line_that_was_cut_off_is_played_again(tmp_path: Path) -> None:
    path = tmp_path / "results"
    with Results(path) as results:
        results.add(record(seed=0))
        results.add(record(seed=1))
    path.write_bytes(path.read_bytes()[:-5])
    with Results(path) as results:
        assert list(results.known.values()) == [record(seed=0)]
        results.add(record(seed=1))
    with Results(path) as results:
        assert list(results.known.values()) == [record(seed=0), record(seed=1)]


def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_text("Dear reader\n")
    with pytest.raises(WorldwrightError, match="letter"):
        Results(path)
    assert path.read_text() == "Dear reader\n"


# -- counting


def test_steps_are_compared_where_both_won_and_cpu_everywhere() -> None:
    row = Row.of(
        GOTO,
        [
            record(seed=0, steps=10, cpu_s=0.2),
            record(seed=0, who=BOT, steps=20, cpu_s=0.1),
            record(seed=1, steps=1000, cpu_s=0.4),
            lost(seed=1, who=BOT),
        ],
    )
    assert (row.ours.success, row.bot.success) == (1.0, 0.5)
    assert row.ours.steps == 505 and row.bot.steps == 20
    assert row.steps_ratio == 0.5
    assert row.cpu_ratio == pytest.approx(0.3 / 0.2)


def test_a_seed_that_one_side_has_not_played_yet_does_not_count() -> None:
    row = Row.of(GOTO, [record(seed=0), record(seed=0, who=BOT), lost(seed=1)])
    assert row.ours.success == 1.0


def test_reasons_of_our_failures_are_counted() -> None:
    row = Row.of(EMPTY, [lost(EMPTY, 0), lost(EMPTY, 1), lost(EMPTY, 2, why="gave up"), record(EMPTY, 3)])
    assert row.cells()[-1] == "2 x out of time; 1 x gave up"
    assert row.bot.success is None and row.steps_ratio is None


# -- what must hold


def held(*records: Record) -> list[bool | None]:
    return [verdict.holds for verdict in verdicts(rows_of(sorted({r.env_id for r in records}), records))]


def test_what_was_not_measured_neither_holds_nor_fails() -> None:
    assert set(held()) == {None}


def test_all_holds_of_one_who_is_as_good_and_faster() -> None:
    fast, slow = record(steps=9, cpu_s=0.1), record(who=BOT, steps=10, cpu_s=0.1)
    assert held(fast, slow) == [True, True, None, None, None, True, True, True]


def test_worse_success_more_steps_or_more_time_is_said() -> None:
    assert held(lost(), record(who=BOT))[:2] == [False, False]
    assert held(record(steps=12), record(who=BOT, steps=10))[5:7] == [False, True]
    assert held(record(steps=13), record(who=BOT, steps=10))[5:7] == [False, False]
    assert held(record(cpu_s=1.6), record(who=BOT, cpu_s=1.0))[7] is False


def test_levels_of_chance_have_a_limit_of_their_own() -> None:
    small, large = "MiniGrid-Dynamic-Obstacles-5x5-v0", "MiniGrid-Dynamic-Obstacles-16x16-v0"
    tenth = [record(large, seed) for seed in range(9)] + [lost(large, 9)]
    assert held(lost(small), *tenth)[3:5] == [None, True]
    assert held(*tenth[1:])[4] is False


def test_levels_that_cannot_always_be_won_are_left_out_and_named() -> None:
    debug = "BabyAI-OpenDoorsOrderN2Debug-v0"
    records = [lost(debug), record(debug, who=BOT)]
    assert set(held(*records)) == {None}
    text = report("Title", "the command", rows_of([debug], records))
    assert "the command" in text and f"- {debug}: where two doors" in text


def test_seeds_that_nobody_can_win_are_left_out_and_counted() -> None:
    rows = rows_of([EMPTY], [record(EMPTY), lost(EMPTY, seed=1, why=NO_KEY)])
    assert rows[0].ours.success == 1
    assert f"{EMPTY}: 1 seeds on which a locked door has no key" in report("T", "c", rows)


def test_a_ball_may_take_the_place_of_a_box_with_a_key_in_the_first_version_only() -> None:
    found = {}
    for version in ("v0", "v1"):
        with closing(make_env(f"MiniGrid-ObstructedMaze-2Dlhb-{version}")) as env:
            found[version] = [lacks_key(env, seed) for seed in (1000005, 1000006)]
    assert found == {"v0": [False, True], "v1": [False, False]}


def test_the_bot_loses_where_boxes_hide_keys_or_hands_are_full() -> None:
    carrying = {f"BabyAI-PutNext{size}Carrying-v0" for size in ("S5N2", "S6N3", "S7N4")}
    assert {env_id for env_id in usable_ids() if is_lost_by_bot(env_id)} == {"BabyAI-KeyInBox-v0", *carrying}


def test_a_cell_with_a_bar_does_not_split_the_row() -> None:
    assert markdown_table(("a", "b"), [("x|y", "1")]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |"


# -- plans


def test_the_exponent_of_a_power_is_found() -> None:
    assert exponent([2, 4, 8], [3 * size**1.5 for size in (2, 4, 8)]) == pytest.approx(1.5)


def test_who_sees_everything_goes_the_shortest_way() -> None:
    seeds = range(6)
    fewest = fewest_steps(MODEL, "BabyAI-GoToObj-v0", seeds)
    bot = {seed: play(Task("BabyAI-GoToObj-v0", seed, BOT, ""), PLAYER).steps for seed in seeds}
    assert fewest.keys() == set(seeds)
    assert all(0 < fewest[seed] <= bot[seed] for seed in seeds)
    assert not fewest_steps(MODEL, "BabyAI-PutNextS4N1-v0", [0]), "where more is asked for nothing is said"


def test_the_longest_bar_is_the_dearest() -> None:
    first, last = Curve("cells", [1, 10], [Cost([0.001]), Cost([0.1, 0.1, 5.0])]).plot().splitlines()[1:]
    assert (first.count("#"), last.count("#")) == (1, 40)
    assert last.endswith("100.0 ms")


# -- the command


def test_the_command_plays_reports_and_resumes(tmp_path: Path) -> None:
    model, results, file = tmp_path / "model.ww", tmp_path / "results", tmp_path / "report.md"
    model.write_text(PLAYER.model)
    command = ["levels", "--level", GOTO, "--level", EMPTY, "--episodes", "1", "--jobs", "1", "--model", str(model)]
    command += ["--results", str(results), "--report", str(file)]
    assert CliRunner().invoke(app, command).exit_code == 0
    played = results.read_bytes()
    assert len(played.splitlines()) == 4
    assert f"| {GOTO} | 1 | 100% | 100% |" in file.read_text()
    assert CliRunner().invoke(app, command).exit_code == 0
    assert results.read_bytes() == played


def test_a_level_that_is_none_is_said() -> None:
    found = CliRunner().invoke(app, ["levels", "--level", "BabyAI-NoSuchLevel-v0"])
    assert found.exit_code == 1 and "BabyAI-NoSuchLevel-v0" in found.output
