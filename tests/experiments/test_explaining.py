"""What `worldwright predict` says of recorded transitions."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from worldwright.experiments.cli import app
from worldwright.experiments.explaining import action_of, explain
from worldwright.world_model.experience import ExperienceBuffer
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import load_model


@pytest.fixture(scope="module")
def model(finished: Path) -> WorldModel:
    return load_model(finished / "model.ww")


@pytest.fixture(scope="module")
def buffer(finished: Path, model: WorldModel) -> ExperienceBuffer:
    return ExperienceBuffer.load(finished / "experience.jsonl", model.vocabulary)


def test_every_rule_of_the_action_either_applies_or_says_why_not(model: WorldModel, buffer: ExperienceBuffer) -> None:
    for transition in buffer:
        lines = list(explain(model, transition, transition.action))
        applying = {line.split()[1] for line in lines if line.startswith("because ")}
        others = {line.split()[1].rstrip(":") for line in lines if line.startswith("not ")}
        assert applying == {f.rule.name for f in model.firings(transition.before, transition.action)}
        assert others == {rule.name for rule in model.rules_for(transition.action.name)} - applying


def test_the_literal_that_fails_is_about_the_things_at_hand(model: WorldModel, buffer: ExperienceBuffer) -> None:
    blocked = next(
        t for t in buffer if t.action.name == "forward" and t.certain and not list(model.firings(t.before, t.action))
    )
    here, facing = blocked.before.value(("agent-at",)), blocked.before.value(("facing",))
    ahead = blocked.before.value(("next", str(facing), str(here)))
    lines = list(explain(model, blocked, blocked.action))
    assert any(line.startswith("not ") and f"(on {ahead} nothing) does not hold" in line for line in lines)
    assert "predicted: nothing changes" in lines and "observed: nothing changes" in lines


def test_the_command_asks_a_run_folder_and_a_file_alike(finished: Path, buffer: ExperienceBuffer) -> None:
    turned = next(t for t in buffer if t.action.name == "left")
    place = ["--episode", str(turned.episode), "--step", str(turned.step)]
    answers = {
        CliRunner().invoke(app, ["predict", str(finished / "model.ww"), str(record), *place]).stdout
        for record in (finished, finished / "experience.jsonl")
    }
    (answer,) = answers
    assert "because left-facing [" in answer and "predicted: (facing) " in answer and "observed: (facing) " in answer


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--step", "9999"], "has the steps 0 to "),
        (["--episode", "9999"], "no episode 9999; it has those from 0 to "),
        (["--action", "fly"], "known: done, drop, forward"),
        (["--action", "left now"], "does not have 0 arguments"),
        (["--action", "(left"], "worldwright: "),
    ],
)
def test_what_was_not_recorded_is_refused(words: list[str], said: str, finished: Path) -> None:
    done = CliRunner().invoke(app, ["predict", str(finished / "model.ww"), str(finished), *words])
    assert done.exit_code == 1
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_an_action_is_named_with_or_without_parentheses(model: WorldModel) -> None:
    assert action_of("toggle", model) == action_of("(toggle)", model) == action_of(" toggle", model)
