"""The command `worldwright`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from worldwright.agent.agent import Agent
from worldwright.experiments.config import RunConfig, environment_keywords, with_settings
from worldwright.experiments.evaluating import Evaluation, play_frozen, play_learning, results_json
from worldwright.experiments.files import require_writable, write_whole
from worldwright.experiments.terminal import by_id, console, errors_in_one_line, failures, results_table, say
from worldwright.world_model.model_file import load_model, show_model

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
def learn(
    env_ids: Ids,
    steps: Annotated[int, typer.Option(min=1, help="environment steps, shared by the ids in turn")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="where the model goes")],
    seed: Seed = 0,
    env: Env = [],  # noqa: B006
    set_: Set = [],  # noqa: B006
) -> None:
    """Only learn: explore for a number of steps and write the learned model."""
    with errors_in_one_line():
        screen = console()
        require_writable(out)
        config = with_settings(
            RunConfig(env_ids=tuple(env_ids), seed=seed, steps=steps, env=environment_keywords(env)), set_
        )
        agent = Agent(config=config.agent, seed=config.seed)
        with contextlib.redirect_stdout(sys.stderr):  # some environments print
            results = agent.learn(config.env_ids, config.steps, config.seed, config.env)
        agent.save(out)
        screen.print(results_table(by_id(results)))
        say(screen, f"{len(agent.model.rules)} rules in {out}")


@app.command("eval")
def evaluate(
    env_ids: Ids,
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
    with errors_in_one_line():
        screen = console()
        if json_file is not None:
            require_writable(json_file)
        config = with_settings(RunConfig(env_ids=tuple(env_ids), seed=seed, episodes=episodes), set_)
        evaluation = Evaluation(
            show_model(load_model(model)),
            config.env_ids,
            config.episodes,
            config.seed,
            config.agent,
            environment_keywords(env),
        )
        results = list(play_frozen(evaluation, jobs) if freeze else play_learning(evaluation))
        if json_file is not None:
            write_whole(json_file, results_json(results))
        screen.print(results_table(by_id(results)))
        for line in failures(results):
            say(screen, line)


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
