"""Findings are kept in the model's file, which is read with care."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.world_model.test_induction import WORKSHOP
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.findings import Findings
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import parse_model, show_model

FINDINGS = Findings().and_in("chest", ["token", "token", "lamp"], was_shut=True).and_in("stone", [], was_shut=False)
MODEL = WorldModel(WORKSHOP, findings=FINDINGS)


def test_findings_are_written_and_read_back() -> None:
    assert parse_model(show_model(MODEL)) == MODEL
    assert ":findings" not in show_model(replace(MODEL, findings=Findings()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(token 2)", "(token two)"),
        ("(token 2)", "(token -2)"),
        ("(token 2)", "(cucumber 2)"),
        ("(token 2)", "(token 2) (token 3)"),
        ("(token 2)", "token"),
        ("(chest 1 1", "(chest 1"),
        ("(chest 1 1", "(cucumber 1 1"),
        ("(stone 1 0)", "(chest 1 0)"),
        ("(stone 1 0)", "stone"),
    ],
)
def test_broken_findings_are_a_clear_error(old: str, new: str) -> None:
    text = show_model(MODEL)
    assert old in text
    with pytest.raises(WorldwrightError, match=r"findings|number"):
        parse_model(text.replace(old, new))
