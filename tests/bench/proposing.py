"""Measures what proposed rules cost and bring: `python -m tests.bench.proposing harm|help|judging`.

`--help` after a command shows what can be varied. What "right" rules are is learned first, in the same command.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Annotated

import typer

from tests.bench.hold import (
    BUDGET,
    LEVELS,
    TRAINING,
    UNSEEN,
    Count,
    DecideBy,
    Scribe,
    Walker,
    _table,
    mind_of,
    steps_of,
)
from tests.world_model.corrupting import corruptions
from tests.world_model.walks import LEVELS as WALKED
from tests.world_model.walks import laws as true_laws
from tests.world_model.walks import walks
from worldwright.agent.agent import Agent
from worldwright.agent.config import AgentConfig
from worldwright.agent.events import Event, Proposed, Refuted
from worldwright.agent.learner import AUTHORS
from worldwright.agent.policies import POLICIES
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.envs.registry import make_env
from worldwright.experiments.evaluating import Evaluation, play_frozen
from worldwright.experiments.terminal import console, say
from worldwright.world_model.chat.request import ChatModel, Reply, Request
from worldwright.world_model.judging import Judge
from worldwright.world_model.language import ActionRule
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import show_model
from worldwright.world_model.proposing.prompts import known_data
from worldwright.world_model.proposing.schema import MAX_RULES
from worldwright.world_model.proposing.words import Words
from worldwright.world_model.transition import Transition

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help=__doc__)

ENOUGH = 0.99
Steps = Annotated[int, typer.Option(help="environment steps of learning")]
Seeds = Annotated[int, typer.Option(help="learners, each on seeds of its own")]
Held = Annotated[int, typer.Option(help="held-out transitions, half of them by the agent, half by a random walk")]


@dataclass
class Script:
    """A language model that answers with given rules of the action that is asked about, a few at a time, each once."""

    rules: Sequence[ActionRule]
    asked: int = 0
    given: int = 0
    _left: dict[str, list[ActionRule]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for rule in self.rules:
            self._left.setdefault(rule.action, []).append(rule)

    def ask(self, request: Request) -> Reply:
        """The next rules of the action."""
        self.asked += 1
        data, _ = json.JSONDecoder().raw_decode(next(m.text for m in request.messages if m.role == "user"))
        left = self._left.get(str(data.get("action")), [])
        most = 0 if request.purpose == "repair" else MAX_RULES
        some, left[:most] = left[:most], []
        self.given += len(some)
        return Reply(json.dumps({"rules": known_data(Words(VOCABULARY), some)}))


@dataclass
class Learner:
    """A learning agent with its models after each step."""

    agent: Agent
    models: list[WorldModel] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @staticmethod
    def of(seed: int, steps: int, script: Script | None = None, samples: int = 3) -> Learner:
        """One that learned from nothing, beside a script if there is one."""
        config = AgentConfig(author="both" if script else "inducer", samples=samples)
        return Learner.taught(seed, steps, config, script)

    @staticmethod
    def taught(seed: int, steps: int, config: AgentConfig, chat: ChatModel | None = None) -> Learner:
        """One that learned from nothing as it is configured, asking a language model if there is one."""
        found = Learner(Agent(config=config, seed=seed, record=lambda _: found.note(), chat=chat))
        with contextlib.redirect_stdout(sys.stderr):
            found.agent.learn(TRAINING, steps, 1000 * seed, tell=found.events.append)
        found.note()
        return found

    def note(self) -> None:
        """Keep the model of now."""
        self.models.append(self.agent.model)

    def verdicts(self) -> str:
        """How many rules waited, were believed and were refuted."""
        proposed = [event.verdict for event in self.events if isinstance(event, Proposed)]
        refuted = sum(isinstance(event, Refuted) for event in self.events)
        return f"{proposed.count('waits')} waited, {proposed.count('kept')} believed, {refuted} refuted"


def held_out(laws: WorldModel, number: int) -> list[tuple[Transition, str]]:
    """Transitions on unseen seeds of the ten levels, and where the agent really stood."""
    found: list[tuple[Transition, str]] = []
    for by in (POLICIES["pddl"], Walker):
        for env_id in LEVELS:
            found += itertools.islice(_endless(laws, env_id, by), number // 2 // len(LEVELS))
    return found


def _endless(laws: WorldModel, env_id: str, by: DecideBy) -> Iterator[tuple[Transition, str]]:
    config = AgentConfig()
    with contextlib.redirect_stdout(sys.stderr), contextlib.closing(make_env(env_id)) as env:
        for seed in itertools.count(2 * UNSEEN):
            scribe = Scribe(laws, AUTHORS["inducer"](laws.vocabulary))
            yield from steps_of(mind_of(laws, config, env, scribe, seed), env, env_id, seed, by)


def exact(model: WorldModel, held: Sequence[tuple[Transition, str]]) -> float:
    """The share of next states that are foretold exactly."""
    count = Count()
    for transition, place in held:
        count.add(transition, model, place)
    return count.exact / count.transitions


def first_enough(models: Sequence[WorldModel], held: Sequence[tuple[Transition, str]], every: int = 5) -> int | None:
    """After how many steps the share of exact predictions first reaches 99%."""
    known: dict[tuple[object, ...], float] = {}
    for step in range(0, len(models), every):
        laws = tuple(rule.law() for rule in models[step].rules)
        if laws not in known:
            known[laws] = exact(models[step], held)
        if known[laws] >= ENOUGH:
            return step
    return None


@app.callback()
def main() -> None:
    """Measure what proposed rules cost and bring."""


@app.command(name="help")
def help_(steps: Steps = 800, seeds: Seeds = 5, held: Held = 2000, teacher_steps: Steps = BUDGET) -> None:
    """How many steps it takes to foretell 99% of next states, alone and with right rules proposed at the beginning."""
    screen = console()
    teacher = Learner.of(77, teacher_steps).agent.model
    transitions = held_out(teacher, held)
    say(screen, f"{len(teacher.rules)} right rules; by them {exact(teacher, transitions):.2%} are foretold")
    table = _table("steps to 99%", "alone", "with right rules", "share", "requests", "rules")
    shares = []
    for seed in range(seeds):
        alone = first_enough(Learner.of(seed, steps).models, transitions)
        script = Script(teacher.rules)
        helped = Learner.of(seed, steps, script)
        sooner = first_enough(helped.models, transitions)
        shares.append(sooner / alone if sooner is not None and alone else float("inf"))
        table.add_row(
            f"seed {seed}", str(alone), str(sooner), f"{shares[-1]:.2f}", str(script.asked), helped.verdicts()
        )
    screen.print(table)
    say(screen, f"median share {median(shares):.2f}; at most 0.50 is asked for")


@app.command()
def harm(
    steps: Steps = 1000,
    seeds: Seeds = 2,
    held: Held = 2000,
    teacher_steps: Steps = BUDGET,
    wrong: Annotated[int, typer.Option(help="rules that are proposed")] = 1000,
    samples: Annotated[int, typer.Option(help="answers to each question, of up to 8 rules")] = 60,
    episodes: Annotated[int, typer.Option(help="of each level, by each model; 0: no levels are played")] = 5,
    jobs: Annotated[int, typer.Option(help="processes")] = 2,
) -> None:
    """What 1,000 plausible wrong rules do to predictions and levels: nothing more than one percent, it must be."""
    screen = console()
    teacher = Learner.of(77, teacher_steps).agent.model
    transitions = held_out(teacher, held)
    table = _table(
        "exact, solved", "alone", "among wrong rules", "alone solved", "among wrong solved", "given", "rules"
    )
    for seed in range(seeds):
        alone = Learner.of(seed, steps)
        script = Script(list(itertools.islice(corruptions(teacher.rules, VOCABULARY, random.Random(seed)), wrong)))
        among = Learner.of(seed, steps, script, samples)
        models = (alone.agent.model, among.agent.model)
        row = [f"{exact(model, transitions):.2%}" for model in models]
        row += [_solved(model, episodes, jobs) for model in models]
        table.add_row(f"seed {seed}", *row, str(script.given), among.verdicts())
        for rule in among.agent.model.rules:
            if rule.evidence.author != "inducer":
                say(screen, f"seed {seed} believes {rule.name} {rule.evidence}")
    screen.print(table)


def _solved(model: WorldModel, episodes: int, jobs: int) -> str:
    if not episodes:
        return "-"
    config = AgentConfig()
    results = list(play_frozen(Evaluation(show_model(model), list(LEVELS), episodes, UNSEEN, config), jobs))
    return f"{sum(result.success for result in results) / len(results):.1%}"


@app.command()
def judging(
    rules: Annotated[int, typer.Option(help="candidates")] = 1000,
    transitions: Annotated[int, typer.Option(help="that they are held against")] = 10_000,
) -> None:
    """How long it takes to judge many rules by many transitions, and by half of each."""
    screen = console()
    found = walks(WALKED, seeds=20)
    seen = (found * (transitions // len(found) + 1))[:transitions]
    candidates = list(itertools.islice(corruptions(true_laws(), VOCABULARY, random.Random(0)), rules))
    table = _table("rules", "transitions", "seconds", "kept")
    for some, many in ((rules, transitions), (rules // 2, transitions), (rules, transitions // 2)):
        start = time.perf_counter()
        judge = Judge(VOCABULARY)
        judge.extend(seen[:many])
        kept = judge.select(candidates[:some])
        table.add_row(str(some), str(many), f"{time.perf_counter() - start:.2f}", str(len(kept)))
    screen.print(table)


if __name__ == "__main__":
    app()
