"""Of a plan that was made for what comes after it, too, that is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.agent.laws import usual
from tests.experiments.command import worldwright
from worldwright.agent.events import Acted
from worldwright.experiments.cli import app
from worldwright.experiments.explaining import explain_step
from worldwright.experiments.explanation import StepExplanation
from worldwright.experiments.run_record import RunRecord
from worldwright.world_model.model_file import save_model

LEVEL = "BabyAI-MoveTwoAcrossS5N2-v0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which things are to be put next to others in turn."""
    here = tmp_path_factory.mktemp("onward")
    save_model(usual(), here / "usual.ww")
    words = ("run", LEVEL, "--model", "usual.ww", "--steps", 0, "--episodes", 2, "--seed", 1000026, "--out", "run")
    done = worldwright(*words, cwd=here)
    assert done.returncode == 0, done.stderr
    return here / "run"


def made(run: RunRecord, episode: int) -> list[StepExplanation]:
    """The first step of each plan of an episode."""
    steps = [event.step for event in run.events[episode] if isinstance(event, Acted)]
    told = [explain_step(run, episode, step) for step in steps]
    return [said for said in told if said.plan is not None and said.plan.made_at == said.step]


def test_what_a_plan_ends_for_is_what_is_done_then(folder: Path) -> None:
    run = RunRecord.load(folder)
    followed = 0
    for episode in run.events:
        for said, after in zip(plans := made(run, episode), plans[1:], strict=False):
            if said.plan and after.plan and said.plan.onward and said.purpose == after.purpose == "goal":
                actions = tuple(map(str, after.plan.plan.actions))
                followed += (*actions, *after.plan.onward) == said.plan.onward
    assert followed >= 3


def test_the_command_says_it_only_of_plans_that_are_gone_on_from(folder: Path) -> None:
    run = RunRecord.load(folder)
    for said in made(run, max(run.events)):
        assert said.plan is not None
        words = ["explain", str(folder), "--episode", str(said.episode), "--step", str(said.step)]
        shown = " ".join(CliRunner().invoke(app, words).output.split())
        line = f"ends so that it goes on with {' '.join(said.plan.onward)} for what comes after"
        assert (line in shown) == bool(said.plan.onward)
        assert ("for what comes after" in shown) == bool(said.plan.onward)
