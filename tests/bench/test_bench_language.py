"""The parts of the language measurements that only count, with a scripted language model and without."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.bench.household_language import (
    SENTENCES,
    Helped,
    Room,
    alike,
    app,
    expected,
    games_of,
    graded,
    phrasing_scores,
    place_rows,
    seen_in,
    sentence_score,
)
from tests.envs.households import REAL, needs_real
from worldwright.envs.household.missions import read_mission, read_task
from worldwright.envs.household.vocabulary import VOCABULARY
from worldwright.world_model.chat.request import Request
from worldwright.world_model.chat.scripted import Script
from worldwright.world_model.edges import FOUND_IN, Edge
from worldwright.world_model.goal import AllOf, Reach
from worldwright.world_model.language import Literal
from worldwright.world_model.proposing.schema import goal_data
from worldwright.world_model.proposing.words import Words
from worldwright.world_model.sexpr import parse_one
from worldwright.world_model.syntax import condition_of

GENERATED = Path("generated:5:6")
ROOMS = (
    Room("mug", {"shelf-1": [], "bed-1": [], "cabinet-1": ["mug"], "cabinet-2": ["mug", "egg"]}),
    Room("egg", {"cabinet-1": [], "shelf-1": ["egg"]}),
)


def data_of(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = json.JSONDecoder().raw_decode(request.messages[1].text)[0]
    return found


def test_goals_are_alike_whatever_their_variables_are_called() -> None:
    two = read_mission("put two mug in desk")
    assert isinstance(two, Reach)
    normal = Words(VOCABULARY).normal_reach(two)
    turned = Reach(tuple(reversed(normal.parameters)), tuple(reversed(normal.conditions)))
    assert str(turned) != str(two) and alike(turned, two)
    for other in ("put two mug in shelf", "put two egg in desk", "put a mug in desk"):
        assert not alike(read_mission(other), two)
    assert not alike(AllOf((two,)), two)
    score = graded(AllOf((two,)), two)
    assert (score["exact"], score["kinds"], score["places"]) == (0, 1, 1) and graded(None, two)["read"] == 0


def test_a_model_that_knows_what_people_mean_reads_all_and_the_grammar_none() -> None:
    games = [game.model_copy(update={"annotations": (f"Kindly: {game.mission}!",)}) for game in games_of(GENERATED)]

    def ask(request: Request) -> str:
        mission = data_of(request)["sentence"].removeprefix("Kindly: ").removesuffix("!")
        return json.dumps(goal_data(Words(VOCABULARY), read_task(mission).goal))

    scores = phrasing_scores(games, None, Helped.by(Script(ask)))
    assert (scores["the grammar"]["exact"], scores["a language model"]["exact"]) == (0, len(games))
    assert scores["a language model"]["all"] == len(games)


def facts(said: Sequence[str]) -> str:
    literals = [condition_of(parse_one(text)) for text in said]
    return json.dumps(
        {
            "facts": [
                {"predicate": each.atom.predicate, "args": list(each.atom.args), "holds": each.positive}
                for each in literals
                if isinstance(each, Literal)
            ]
        }
    )


def test_sentences_are_graded_by_their_facts() -> None:
    none = sentence_score(SENTENCES, None)
    assert (none["right"], none["wrong"], none["exact"]) == (0, 0, 1)
    helped = Helped.by(Script(lambda request: facts(SENTENCES[data_of(request)["sentence"]])))
    every = sentence_score(SENTENCES, helped)
    assert every["right"] == every["facts"] == none["facts"] and every["exact"] == every["sentences"] == len(SENTENCES)
    assert "20 answered" in str(helped)
    wrong = Helped.by(Script(lambda request: facts(["(is-clean mug-1)"])))
    assert sentence_score([*SENTENCES][:1], wrong)["wrong"] == 1


def test_where_things_are_said_to_be_is_looked_first() -> None:
    assert ROOMS[0].looks(expected(seen_in(()), ())) == 3
    assert ROOMS[0].looks(expected(seen_in(()), (Edge("mug", FOUND_IN, "cabinet"),))) == 1
    rows = list(place_rows(ROOMS, ROOMS, (Edge("mug", FOUND_IN, "cabinet"), Edge("egg", FOUND_IN, "shelf"))))
    assert rows[0] == ("0", "2.50", "1.00")
    assert [row[2] for row in place_rows(ROOMS, ROOMS, ())] == ["-"] * len(rows)


@needs_real
@pytest.mark.parametrize("what", ["phrasings", "sentences", "places"])
def test_each_measurement_is_made_without_a_language_model(what: str) -> None:
    assert REAL.is_dir()
    done = CliRunner().invoke(app, [what, "--number", "2"])
    assert done.exit_code == 0 and "no language model was asked" in done.output
