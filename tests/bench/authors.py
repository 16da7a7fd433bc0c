"""Measures who learns the laws of MiniGrid from nothing, and how soon: `python -m tests.bench.authors`.

Each seed learns with the inducer alone, with a language model alone and with both. A real model is served on this
machine by `python -m tests.local_model coder -- python -m tests.bench.authors --llm {url} --llm-model {model}`; what it
answers is kept on cassettes, one for each seed, so that an interrupted measurement goes on where it was.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console

from tests.bench.hold import BUDGET, TRAINING, _table
from tests.bench.proposing import Held, Learner, Seeds, Steps, exact, first_enough, held_out
from worldwright.agent.config import AgentConfig
from worldwright.agent.events import Asked, Rejected
from worldwright.experiments.costs import Costs
from worldwright.experiments.terminal import console, say
from worldwright.world_model.chat.cassette import Recorder
from worldwright.world_model.chat.endpoint import Endpoint, key_for
from worldwright.world_model.chat.limits import Limited, Limits
from worldwright.world_model.syntax import show_rule
from worldwright.world_model.transition import Transition

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help=__doc__)

AUTHORS = ("inducer", "llm", "both")

Held_ = Sequence[tuple[Transition, str]]


@dataclass(frozen=True)
class Asking:
    """How a language model is asked."""

    url: str
    model: str
    samples: int
    refinements: int
    calls: int
    cassettes: Path

    def learner(self, author: str, seed: int, steps: int) -> Learner:
        """One that learned from nothing with this author."""
        config = AgentConfig(author=author, samples=self.samples, refinements=self.refinements, knowledge=False)
        if author == "inducer":
            return Learner.taught(seed, steps, config)
        endpoint = Endpoint(self.url, self.model, key=key_for(self.url, os.environ), timeout=900.0, seed=1000 * seed)
        self.cassettes.mkdir(parents=True, exist_ok=True)
        recorder = Recorder(endpoint, self.cassettes / f"seed-{seed}.jsonl", self.model)
        try:
            return Learner.taught(seed, steps, config, Limited(recorder, Limits(calls=self.calls)))
        finally:
            recorder.close()


@dataclass(frozen=True)
class Outcome:
    """What came of learning with an author."""

    author: str
    seed: int
    learner: Learner
    sooner: int | None
    share: float

    @staticmethod
    def of(asking: Asking, author: str, seed: int, steps: int, held: Held_) -> Outcome:
        """Learn, and measure."""
        learner = asking.learner(author, seed, steps)
        return Outcome(author, seed, learner, first_enough(learner.models, held), exact(learner.agent.model, held))

    def row(self) -> list[str]:
        """What a table says of it."""
        asked = [event for event in self.learner.events if isinstance(event, Asked) and not event.error]
        tokens = sum(event.prompt_tokens for event in asked), sum(event.answer_tokens for event in asked)
        verdicts = Counter(Costs.of(self.learner.events).verdicts.values())
        rejected = sum(isinstance(event, Rejected) for event in self.learner.events)
        kept = Counter(rule.evidence.author for rule in self.learner.agent.model.rules)
        return [
            str(self.seed),
            self.author,
            str(self.sooner) if self.sooner is not None else "never",
            f"{self.share:.2%}",
            ", ".join(f"{number} {author}" for author, number in sorted(kept.items())) or "none",
            str(len(asked)),
            f"{tokens[0]} + {tokens[1]}",
            f"{verdicts['waits']} / {verdicts['kept']} / {verdicts['refuted']} / {rejected}",
        ]


HEAD = (
    "seed",
    "author",
    "steps to 99%",
    "exact at the end",
    "rules kept, by author",
    "answers",
    "tokens asked + answered",
    "waiting / believed / refuted / unreadable",
)


@app.command()
def main(
    llm: Annotated[str, typer.Option(help="an OpenAI-compatible server; empty: only the inducer learns")] = "",
    llm_model: Annotated[str, typer.Option(help="what the server calls the model")] = "",
    steps: Steps = 800,
    seeds: Seeds = 5,
    held: Held = 2000,
    teacher_steps: Steps = BUDGET,
    samples: Annotated[int, typer.Option(help="answers to each question")] = 1,
    refinements: Annotated[int, typer.Option(help="times that a refuted rule goes back")] = 1,
    calls: Annotated[int, typer.Option(help="questions of a learner at most")] = 24,
    cassettes: Annotated[Path, typer.Option(help="the folder of what was answered")] = Path("cassettes"),
    report: Annotated[Path | None, typer.Option(help="write what was found there too, as Markdown")] = None,
) -> None:
    """Learn with each author, and say how many steps it took to foretell 99% of unseen next states exactly."""
    screen = console()
    transitions = held_out(Learner.of(77, teacher_steps).agent.model, held)
    asking = Asking(llm, llm_model, samples, refinements, calls, cassettes)
    found: list[Outcome] = []
    for seed in range(seeds):
        for author in AUTHORS if llm else AUTHORS[:1]:
            found.append(Outcome.of(asking, author, seed, steps, transitions))
            say(screen, "; ".join(f"{name} {value}" for name, value in zip(HEAD, found[-1].row(), strict=True)))
        if report is not None:  # a real model takes hours: what it did so far is not to be lost
            report.write_text(markdown(found, asking, steps, transitions))
    show(screen, found)


def show(screen: Console, found: Sequence[Outcome]) -> None:
    """Print what came out."""
    table = _table(*HEAD)
    for outcome in found:
        table.add_row(*outcome.row())
    screen.print(table)
    for line in summary(found):
        say(screen, line)


def summary(found: Sequence[Outcome]) -> list[str]:
    """A line for each author."""
    lines = []
    for author in dict.fromkeys(outcome.author for outcome in found):
        mine = [outcome for outcome in found if outcome.author == author]
        soon = sorted(outcome.sooner for outcome in mine if outcome.sooner is not None)
        when = f", after {', '.join(map(str, soon))} steps" if soon else ""
        shares = median(outcome.share for outcome in mine)
        lines.append(
            f"{author}: {len(soon)} of {len(mine)} seeds reach 99%{when}; median at the end {shares:.2%} exact"
        )
    return lines


def markdown(found: Sequence[Outcome], asking: Asking, steps: int, held: Held_) -> str:
    """The report."""
    lines = [
        "# Who learns the laws of MiniGrid from nothing",
        "",
        f"Made by `python -m tests.bench.authors --steps {steps} --samples {asking.samples} --refinements"
        f" {asking.refinements} --calls {asking.calls}` with `{asking.model}` at `--llm`, served by"
        " `python -m tests.local_model coder`.",
        "",
        f"Each learner takes {steps} steps in turn on {', '.join(TRAINING)}. Exact: the share of {len(held)} held-out"
        " next states, on unseen seeds of ten levels, half met by the agent and half by a random walk, that the model"
        f" foretells to the last fact. The language model answers each question {asking.samples} time(s), a refuted"
        f" rule goes back {asking.refinements} time(s), and a learner asks {asking.calls} questions at most.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "| " + " | ".join("---" for _ in HEAD) + " |",
        *("| " + " | ".join(outcome.row()) + " |" for outcome in found),
        "",
        *(f"- {line}" for line in summary(found)),
    ]
    for outcome in found:
        kept = [rule for rule in outcome.learner.agent.model.rules if rule.evidence.author != "inducer"]
        if kept:
            lines += ["", f"Laws that the language model found, seed {outcome.seed}, author `{outcome.author}`:", ""]
            lines += ["```lisp", *(show_rule(rule) for rule in kept), "```"]
    return "\n".join([*lines, *_why_not(found), ""])


def _why_not(found: Sequence[Outcome]) -> list[str]:
    """Why what it said could not be read, most often first."""
    reasons = Counter(
        event.reason for outcome in found for event in outcome.learner.events if isinstance(event, Rejected)
    )
    if not reasons:
        return []
    return ["", "What could not be read: " + ", ".join(f"{reason} {n} times" for reason, n in reasons.most_common())]


if __name__ == "__main__":
    app()
