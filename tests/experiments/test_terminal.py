"""What reaches the terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from worldwright.agent.events import Acted, EpisodeStarted, Planned, Revised, Rewarded, Surprised
from worldwright.experiments.config import RunConfig
from worldwright.experiments.folder import EpisodeRecord
from worldwright.experiments.progress import Progress
from worldwright.experiments.terminal import clean


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("go to the \x1b[31mred\x1b[0m ball", "go to the red ball"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
        ("a\x9b31mb", "ab"),
        ("a\x9d0;title\x9cb", "ab"),
        ("a\x1bPq#1\x1b\\b", "ab"),
        ("a\x1b]never ends", "a"),
        ("a\x1bcb", "ab"),
        ("a\r\nb\tc\x08", "a  b c "),
        ("\u202eevil", " evil"),
        ("schön 鍵", "schön 鍵"),
    ],
)
def test_escapes_do_not_reach_the_terminal(text: str, plain: str) -> None:
    assert clean(text) == plain


@given(st.text())
def test_nothing_unprintable_is_left(text: str) -> None:
    assert clean(text).isprintable() or not clean(text)
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_shows_what_happens_but_no_escapes_of_others(terminal: bool) -> None:
    out = io.StringIO()
    config = RunConfig(env_ids=("A-v0",), steps=100)
    with Progress(Console(file=out, force_terminal=terminal, width=200, color_system=None), config, []) as progress:
        hostile = "\x1b]0;pwned\x07go [bold]to[/bold] it :smile:"
        progress.event("learning", EpisodeStarted(step=0, env_id="A-v0", seed=3, mission=hostile, goal=""))
        plan = ("(left)", "(left)")
        progress.event(
            "learning",
            Planned(step=0, purpose="novelty", engine="explorer", status="solved", reason="", plan=plan, cpu_s=0.0),
        )
        progress.event("learning", Acted(step=0, action="(left)", purpose="novelty", rules=(), predicted={}))
        progress.event("learning", Surprised(step=1, action="(left)", differences={}))
        progress.event("learning", Revised(step=1, cause="surprise at left", added=("left-facing",), removed=()))
        for step in range(1, 101):
            progress.event("learning", Rewarded(step=step, reward=0.0, terminated=False, truncated=False))
        progress.episode(
            EpisodeRecord(
                number=0,
                phase="learning",
                id="A-v0",
                seed=3,
                success=False,
                steps=100,
                total_reward=0.0,
                cpu_s=0.0,
                wall_s=0.0,
                plans=1,
                surprises=1,
                failure="out \x1b[2Jof steps",
                rules=1,
            )
        )
    shown = out.getvalue()
    assert "learning 1: A-v0 seed 3: go [bold]to[/bold] it :smile:" in shown
    assert "learned left-facing" in shown
    assert "out of steps after 100 steps; 1 plan, 1 surprise, 1 rule" in shown
    assert "pwned" not in shown and "\x1b]0" not in shown and "\x1b[2J" not in shown
    assert terminal or "step 100 (100 of 100): novelty, plan of 2 steps, 1 surprise" in shown
