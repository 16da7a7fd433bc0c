"""The command `worldwright`."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from worldwright.agent.config import ASKING
from worldwright.agent.events import Event, Listener, Silenced
from worldwright.agent.loop import EpisodeResult
from worldwright.experiments.asking import WHICH, ModelOptions, ModelSource, chosen_model, with_model_options
from worldwright.experiments.config import BadSetting, RunConfig, environment_keywords, with_settings
from worldwright.experiments.costs import Costs, asked_no_more
from worldwright.experiments.evaluating import Evaluation, play_frozen, play_learning, results_json
from worldwright.experiments.explaining import action_of, explain, explain_step, recorded
from worldwright.experiments.explanation import lines_of
from worldwright.experiments.folder import RunFolder, code_digest, default_folder
from worldwright.experiments.progress import Progress
from worldwright.experiments.run_record import RunRecord
from worldwright.experiments.running import Run, vocabulary_of
from worldwright.experiments.terminal import (
    by_id,
    clean,
    console,
    errors_in_one_line,
    failures,
    hush_warnings,
    interruption,
    results_table,
    say,
    warn,
)
from worldwright.world_model.chat.request import ChatModel
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.files import require_writable, write_whole
from worldwright.world_model.knowledge import KnowledgeGraph
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import load_model, show_model
from worldwright.world_model.pddl import domain_text
from worldwright.world_model.syntax import show_rule

LEARNING_STEPS = 1000  # of `run`, from nothing

app = typer.Typer(
    help="An embodied agent that learns the laws of its world as readable rules and plans in them.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Ids = Annotated[list[str], typer.Argument(metavar="ENV_ID...", help="gymnasium ids, or module:id")]
Seed = Annotated[int, typer.Option(min=0, help="episode k of an id is played on seed + k")]
Env = Annotated[list[str], typer.Option("--env", metavar="KEY=VALUE", help="a keyword for gymnasium.make")]
Set = Annotated[list[str], typer.Option("--set", metavar="A.B=VALUE", help="a setting, e.g. agent.engine=search")]
ModelFile = Annotated[Path, typer.Option(metavar="FILE", help="the model to act by")]


@app.command()
@with_model_options
def run(
    env_ids: Ids,
    language_model: ModelOptions,
    episodes: Annotated[int, typer.Option(min=0, help="of each id, played for the goal")] = 10,
    seed: Seed = 0,
    steps: Annotated[
        int | None, typer.Option(min=0, help="environment steps of learning before; default 1000, with --model 0")
    ] = None,
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="a model to begin with; default: none")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="the run's folder; default: one in runs/")] = None,
    env: Env = [],  # noqa: B006
    set_: Set = [],  # noqa: B006
) -> None:
    """Learn and act: explore from nothing, then pursue the goal, learning on. The same command again resumes."""
    with errors_in_one_line(), chosen_model(language_model, os.environ, seed) as source:
        known = load_model(model) if model is not None else None
        learning = steps if steps is not None else LEARNING_STEPS if known is None else 0
        config = RunConfig(env_ids=tuple(env_ids), seed=seed, episodes=episodes, steps=learning)
        config = configured(config, known, source, env, set_)
        perform(config, known, source, RunFolder(out or default_folder(config)))


@app.command()
@with_model_options
def learn(
    env_ids: Ids,
    language_model: ModelOptions,
    steps: Annotated[int, typer.Option(min=1, help="environment steps, shared by the ids in turn")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="where the model goes")],
    seed: Seed = 0,
    folder: Annotated[Path | None, typer.Option(metavar="DIR", help="the run's folder; default: one in runs/")] = None,
    env: Env = [],  # noqa: B006
    set_: Set = [],  # noqa: B006
) -> None:
    """Only learn: explore for a number of steps and write the learned model. The same command again resumes."""
    with errors_in_one_line(), chosen_model(language_model, os.environ, seed) as source:
        require_writable(out)
        config = configured(RunConfig(env_ids=tuple(env_ids), seed=seed, steps=steps), None, source, env, set_)
        where = RunFolder(folder or default_folder(config))
        write_whole(out, show_model(perform(config, None, source, where)))
        say(console(), f"model: {out}")


@app.command("eval")
@with_model_options
def evaluate(
    env_ids: Ids,
    language_model: ModelOptions,
    model: ModelFile,
    episodes: Annotated[int, typer.Option(min=1, help="of each id")] = 100,
    seed: Seed = 0,
    freeze: Annotated[bool, typer.Option("--freeze", help="learn nothing")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="where the results go")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="processes, with --freeze")] = 1,
    env: Env = [],  # noqa: B006
    set_: Set = [],  # noqa: B006
) -> None:
    """Only act: play episodes for the goal with a model."""
    with errors_in_one_line(), chosen_model(language_model, os.environ, seed) as source:
        screen = console()
        if jobs > 1 and not freeze:
            raise WorldwrightError(
                "--jobs needs --freeze: an agent that learns on plays its episodes one after another"
            )
        if jobs > 1 and source is not None:
            raise WorldwrightError("--jobs cannot share a language model and its limits: leave one of them out")
        if json_file is not None:
            require_writable(json_file)
        known = load_model(model)
        config = configured(RunConfig(env_ids=tuple(env_ids), seed=seed, episodes=episodes), known, source, env, set_)
        vocabulary_of(config, known)  # what cannot be played is an error before anything is played
        evaluation = Evaluation(
            show_model(known), config.env_ids, config.episodes, config.seed, config.agent, config.env
        )
        costs = Costs()
        with answering(source) as chat:
            tell = _telling(costs)
            played = play_frozen(evaluation, jobs, tell, chat) if freeze else play_learning(evaluation, tell, chat)
            results = _watched(screen, played)
        if json_file is not None:
            write_whole(json_file, results_json(results))
        screen.print(results_table(by_id(results)))
        for line in (*failures(results), *costs.lines()):
            say(screen, line)
        _require_steps(results)


@app.command()
def rules(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a model")],
    graph: Annotated[bool, typer.Option("--graph", help="what the rules require, produce, consume and enable")] = False,
    hypotheses: Annotated[bool, typer.Option("--hypotheses", help="and what is not ruled out yet")] = False,
) -> None:
    """Print a model: its rules, or the knowledge graph that they imply."""
    with errors_in_one_line():
        model = load_model(file)
        screen = console()
        counts = f"{len(model.rules)} rules and {len(model.hypotheses)} hypotheses"
        say(screen, f"; {model.vocabulary.name}: {counts}, learned in {model.steps} steps")
        if graph:
            say(screen, str(KnowledgeGraph.of(model)))
            return
        for rule in (*model.rules, *(model.hypotheses if hypotheses else ())):
            say(screen, show_rule(rule))


@app.command()
def predict(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a model")],
    record: Annotated[Path, typer.Argument(metavar="RUN", help="a run's folder or an experience file")],
    episode: Annotated[int, typer.Option(min=0, help="number of the episode in it")] = 0,
    step: Annotated[int, typer.Option(min=0, help="of the episode")] = 0,
    action: Annotated[str | None, typer.Option(help="default: what was done then")] = None,
) -> None:
    """Say what an action would do in a recorded state, which rule says so, and why the others do not."""
    with errors_in_one_line():
        model = load_model(file)
        transition = recorded(record, model, episode, step)
        screen = console()
        for line in explain(model, transition, action_of(action, model) if action else transition.action):
            say(screen, line)


@app.command("explain")
def explain_why(
    record: Annotated[Path, typer.Argument(metavar="RUN", help="a run's folder")],
    episode: Annotated[int, typer.Option(min=0, help="number of the episode in it")] = 0,
    step: Annotated[int, typer.Option(min=0, help="of the episode")] = 0,
    action: Annotated[str | None, typer.Option(help="one that was not done; default: all others")] = None,
) -> None:
    """Say why a step was done: the plan and what it is for, the rules and what speaks for them; and why no other."""
    with errors_in_one_line():
        run = RunRecord.load(record)
        asked = action_of(action, WorldModel(run.vocabulary)) if action else None
        screen = console()
        for line in lines_of(explain_step(run, episode, step, asked)):
            say(screen, clean(line))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a model")],
    pddl: Annotated[bool, typer.Option("--pddl", help="as a PDDL domain")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="where it goes; default: the screen")] = None,
) -> None:
    """Write a model in another language."""
    with errors_in_one_line():
        if not pddl:
            raise WorldwrightError("in which language? --pddl writes a PDDL domain")
        text = domain_text(load_model(file))
        if out is not None:
            write_whole(out, text)
        else:
            say(console(), text.rstrip("\n"))


def configured(
    config: RunConfig, known: WorldModel | None, source: ModelSource | None, env: list[str], settings: list[str]
) -> RunConfig:
    """The configuration with what --model, --llm, --env and --set say.

    Who has a language model learns from it beside the inducer, unless a setting says otherwise.
    """
    digest = hashlib.sha256(show_model(known).encode()).hexdigest() if known is not None else None
    news: dict[str, object] = {"model": digest, "env": environment_keywords(env)}
    if source is not None:
        news |= {"llm": source.config, "agent": config.agent.model_copy(update={"author": "both"})}
    config = with_settings(config.model_copy(update=news), settings)
    if config.agent.author in ASKING and source is None:
        raise BadSetting(f"agent.author={config.agent.author} asks a language model, and none is named: give {WHICH}")
    return config


def answering(
    source: ModelSource | None, cassette: Path | None = None
) -> contextlib.AbstractContextManager[ChatModel | None]:
    """The language model, if there is one; what it answers is kept on the cassette unless it is kept elsewhere."""
    return source.opened(cassette) if source is not None else contextlib.nullcontext()


def perform(config: RunConfig, known: WorldModel | None, source: ModelSource | None, folder: RunFolder) -> WorldModel:
    """Do a run, or what is left of it, and print what came of it; the model after it."""
    screen = console()
    if not folder.exists:
        vocabulary_of(config, known)  # what cannot be played leaves no folder behind
    folder.begin(config, known)
    if folder.manifest.code != code_digest():
        warn(f"{folder.path} was begun by another version of the program: its results may differ from a new run's")
    if folder.finished:
        say(screen, f"finished before: {folder.path} (another --out or --seed makes a new run)")
    else:
        with (
            interruption(f"the same command goes on from the last finished episode; so far: {folder.path}"),
            answering(source, folder.answers) as chat,
            Progress(screen, config, folder.episodes()) as progress,
        ):
            Run(config, folder, progress, chat).perform()
    model = load_model(folder.model)
    _summarise(screen, folder, model)
    return model


def _summarise(screen: Console, folder: RunFolder, model: WorldModel) -> None:
    episodes = folder.episodes()
    groups: dict[str, list[EpisodeResult]] = {}
    for phase in ("learning", "acting"):
        for episode in episodes:
            if episode.phase == phase:
                groups.setdefault(f"{phase} {episode.id}", []).append(episode.result())
    say(screen, "")
    for rule in model.rules:
        say(screen, show_rule(rule))
    say(screen, "")
    screen.print(results_table(groups.items()))
    for line in failures(episode.result() for episode in episodes if not episode.steps):
        say(screen, f"not played: {line}")
    for line in folder.costs().lines():
        say(screen, line)
    say(screen, f"{len(model.rules)} rules learned in {model.steps} steps; all of it: {folder.path}")
    _require_steps([episode.result() for episode in episodes])


def _telling(costs: Costs) -> Listener:
    """Hears of costs where no log is kept, and warns when a language model is given up."""

    def tell(event: Event) -> None:
        costs.hear(event)
        if isinstance(event, Silenced):
            warn(asked_no_more(event))

    return tell


def _watched(screen: Console, results: Iterator[EpisodeResult]) -> list[EpisodeResult]:
    """All the results; a terminal shows meanwhile how many there are."""
    if not screen.is_terminal:
        return list(results)
    found: list[EpisodeResult] = []
    with screen.status("playing") as status:
        for result in results:
            found.append(result)
            solved = sum(each.success for each in found)
            status.update(f"{clean(result.id)}: {solved} successes in {len(found)} episodes")
    return found


def _require_steps(results: Sequence[EpisodeResult]) -> None:
    """Raise if nothing at all could be played."""
    if results and not any(result.steps for result in results):
        raise WorldwrightError(f"no step could be taken: {results[-1].failure}")


def main() -> None:
    """Run the command."""
    hush_warnings()
    app()


if __name__ == "__main__":
    main()
