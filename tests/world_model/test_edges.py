"""What was said of a world's things: where it helps a search, and how it is kept in a model's file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from worldwright.envs.household.vocabulary import VOCABULARY
from worldwright.world_model.edges import FOUND_IN, MAX_EDGES, Edge
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.findings import Findings
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import parse_model, show_model

IN_CABINET = Edge("mug", FOUND_IN, "cabinet")
HEATS = Edge("heat", "requires", "microwave", "human")
MODEL = WorldModel(VOCABULARY, edges=(IN_CABINET, HEATS))


# -- searching -------------------------------------------------------------------------------------------


def looked(findings: Findings, sort: str, times: int, *kinds: str) -> Findings:
    for _ in range(times):
        findings = findings.and_in(sort, kinds, was_shut=False)
    return findings


def test_where_nothing_is_known_the_word_decides() -> None:
    usual = MODEL.expectations
    assert usual.expected("mug", "cabinet") > usual.expected("mug", "shelf") == Findings().expected("mug", "shelf")
    assert usual.expected("egg", "cabinet") == usual.expected("egg", "shelf")


def test_a_word_counts_until_a_few_places_say_otherwise() -> None:
    findings = MODEL.expectations
    once = looked(findings, "cabinet", 1)
    assert once.expected("mug", "cabinet") > once.expected("mug", "shelf")
    findings = looked(looked(findings, "shelf", 3, "mug"), "cabinet", 3)
    assert findings.expected("mug", "shelf") > findings.expected("mug", "cabinet")
    assert findings.usual == {("mug", "cabinet")}


def test_what_is_found_less_there_than_elsewhere_is_no_longer_expected_for_the_word() -> None:
    found = looked(looked(Findings(), "shelf", 3, "mug"), "cabinet", 5)
    assert replace(MODEL, findings=found).expectations == found
    never = looked(Findings(), "cabinet", 9)  # there may be none anywhere
    assert replace(MODEL, findings=never).expectations.usual == {("mug", "cabinet")}


# -- the file --------------------------------------------------------------------------------------------


def test_words_are_written_and_read_back_with_their_authors() -> None:
    text = show_model(MODEL)
    assert "(:said\n  (mug usually-found-in cabinet llm)\n  (heat requires microwave human))" in text
    assert parse_model(text) == MODEL
    both = replace(MODEL, findings=looked(Findings(), "shelf", 2, "mug"))
    assert parse_model(show_model(both)) == both
    assert ":said" not in show_model(replace(MODEL, edges=()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(mug usually", "(gizmo usually"),
        ("cabinet llm", "castle llm"),
        ("usually-found-in", "worships"),
        ("(mug usually", "(heat usually"),
        ("cabinet llm", "cabinet 3<script>"),
        ("cabinet llm", "cabinet"),
        ("cabinet llm", "cabinet llm llm"),
        ("cabinet llm", "(cabinet) llm"),
        ("(mug usually-found-in cabinet llm)", "mug"),
        ("(heat requires microwave human)", "(mug usually-found-in cabinet llm)"),
        ("(:said", f"(:said {'(mug requires mug llm) ' * MAX_EDGES}"),
        ("(:said", "(:said) (:said"),
    ],
)
def test_what_is_no_word_about_the_vocabulary_is_a_clear_error(old: str, new: str) -> None:
    text = show_model(MODEL)
    assert old in text
    with pytest.raises(WorldwrightError) as error:
        parse_model(text.replace(old, new))
    assert "\n" not in str(error.value)
