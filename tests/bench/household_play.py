"""What the household measurements are made of: choosing games, learning from them, playing others, and foretelling."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import zip_longest
from pathlib import Path
from statistics import mean

from rich.table import Table

from tests.bench.household_baselines import known_games
from worldwright.agent.agent import Agent
from worldwright.agent.loop import EpisodeResult
from worldwright.envs.household.env import HOUSEHOLD_ID, MAX_STEPS
from worldwright.envs.household.game import BadGame
from worldwright.envs.household.games import MAX_GAMES
from worldwright.envs.household.generator import TASK_TYPES
from worldwright.envs.household.vocabulary import VOCABULARY
from worldwright.envs.registry import Env, make_env
from worldwright.experiments.evaluating import model_of
from worldwright.planning.problem import cpu_seconds
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import load_model, require_same_vocabulary, save_model, show_model
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import ENDED, GOAL_HOLDS, WON

ENDLESS = 300  # games that are considered of a source that makes them up
HELD_OUT_SEED = 1_000_000  # of the agent that plays what is to be foretold: seeds of learning stay far below
_FOREVER = 10**6  # steps: while learning, the household itself does not cut games short


# ---------------------------------------------------------------------- which games


@lru_cache(maxsize=4)
def task_types(source: str) -> Mapping[int, str]:
    """The task type of each game of a source that can be read, by number."""
    games = known_games(source)
    found = {}
    for number in range(considered(source)):
        with contextlib.suppress(BadGame):
            found[number] = games[number].task_type
    return found


def considered(source: str) -> int:
    """How many games of a source are chosen from."""
    return ENDLESS if _is_endless(source) else len(known_games(source))


def to_play(source: str, number: int | None) -> list[int]:
    """Numbers of so many games of a source, evenly spread, for files are often sorted; of an endless one the first."""
    if _is_endless(source):
        return list(range(number or ENDLESS))
    return spread(considered(source), number)


def _is_endless(source: str) -> bool:
    return len(known_games(source)) > MAX_GAMES


def round_robin(types: Mapping[int, str], number: int, seed: int, without: Collection[int] = ()) -> list[int]:
    """Numbers of games of each type in turn, types and games in an order that the seed draws."""
    rng = random.Random(seed)
    by_type: dict[str, list[int]] = {}
    for game, type_ in sorted(types.items()):
        by_type.setdefault(type_, []).append(game)
    columns = [by_type[type_] for type_ in sorted(by_type)]
    rng.shuffle(columns)
    for column in columns:
        rng.shuffle(column)
    in_turn = [game for row in zip_longest(*columns) for game in row if game is not None]
    return [game for game in in_turn if game not in without][:number]


def spread(total: int, number: int | None) -> list[int]:
    """So many numbers below the total, evenly spread; all of them if None or more."""
    if number is None or number >= total:
        return list(range(total))
    return [at * total // number for at in range(number)]


# ---------------------------------------------------------------------- learning


@dataclass(frozen=True)
class Lessons:
    """What to learn from.

    Attributes:
        source: of the games; `games` are those to play, in order.
        steps: in each game, at most.
        seed: of the agent.
    """

    source: str
    games: tuple[int, ...]
    steps: int
    seed: int = 0
    law: str = ""


@dataclass(frozen=True)
class Learned:
    """A model as text, and what it took.

    Attributes:
        games, steps: that it was learned from.
        cpu_s: CPU seconds of it.
    """

    text: str
    games: int
    steps: int
    cpu_s: float = 0.0

    @property
    def model(self) -> WorldModel:
        """The model."""
        return model_of(self.text)

    def __str__(self) -> str:
        rules = f"{len(self.model.rules)} rules and {len(self.model.hypotheses)} hypotheses"
        if not self.games:
            return f"{rules}, learned from {self.steps} steps"
        return f"{rules}, learned from {self.steps} steps of {self.games} games ({self.cpu_s:.0f} s of CPU)"


def learning(lessons: Lessons) -> Iterator[Learned]:
    """What is known after each game."""
    agent = Agent(seed=lessons.seed)
    games = known_games(lessons.source)
    steps, cpu = 0, cpu_seconds()
    with contextlib.closing(
        make_env(HOUSEHOLD_ID, games=games, law=lessons.law, max_episode_steps=_FOREVER),
    ) as env:
        for done, game in enumerate(lessons.games, 1):
            steps += _played(agent, env, game, lessons.steps)
            yield Learned(show_model(agent.model), done, steps, cpu_seconds() - cpu)


def _played(agent: Agent, env: Env, game: int, steps: int) -> int:
    """Play a game for the sake of learning, again as long as steps are left; how many were taken."""
    taken = 0
    while taken < steps:
        result = agent.play(env, HOUSEHOLD_ID, game, curious=True, max_steps=steps - taken)
        taken += result.steps
        if not result.success:  # there is no more time, or nothing that seems worth doing
            break
    return taken


def learn(lessons: Lessons) -> Learned:
    """What is known after all games."""
    *_, last = learning(lessons)
    return last


def given_or_learned(lessons: Lessons, model: Path | None, out: Path | None) -> Learned:
    """The given model, or one that is learned now and kept if asked."""
    if model is not None:
        known = load_model(model)
        require_same_vocabulary(known, VOCABULARY)
        return Learned(show_model(known), 0, known.steps)
    learned = learn(lessons)
    if out is not None:
        save_model(learned.model, out)
    return learned


# ---------------------------------------------------------------------- playing


@dataclass(frozen=True)
class Played:
    """What became of one game; `result` is None if it cannot be played, and `refused` says why."""

    number: int
    task_type: str
    mission: str = ""
    result: EpisodeResult | None = None
    refused: str = ""

    def line(self) -> str:
        """What there is to say of a game that was not won."""
        if self.result is None:
            return f"left out: game {self.number}: {self.refused}"
        return f"game {self.number} ({self.task_type}), {self.mission!r}: {self.result.failure}"


@lru_cache(maxsize=2)
def _household(source: str, law: str) -> Env:
    return make_env(HOUSEHOLD_ID, games=known_games(source), law=law)


def play_game(number: int, text: str, source: str, law: str) -> Played:
    """A frozen agent plays one game."""
    env = _household(source, law)
    try:
        observation, info = env.reset(seed=number)  # opens the game, which so costs the agent nothing
    except BadGame as problem:
        return Played(number, "", refused=str(problem))
    result = Agent(model_of(text), seed=number).play(env, HOUSEHOLD_ID, number, freeze=True)
    return Played(number, str(info["task_type"]), str(observation["mission"]), result)


def play_all(pool: ProcessPoolExecutor, numbers: Sequence[int], text: str, source: str, law: str) -> list[Played]:
    """Play games in several processes, with the results that one would have."""
    return list(pool.map(partial(play_game, text=text, source=source, law=law), numbers))


def success(played: Iterable[Played]) -> float:
    """The share of the games that were won."""
    return mean([float(game.result.success) for game in played if game.result is not None] or [0.0])


def mean_steps(played: Iterable[Played]) -> float:
    """Steps of a game, of which one that was not won counts as one cut off."""
    steps = [game.result.steps if game.result.success else MAX_STEPS for game in played if game.result is not None]
    return mean(steps or [0])


def games_table(
    played: Sequence[Played], more: Mapping[str, list[str]] | None = None, titles: Sequence[str] = ()
) -> Table:
    """A row for each task type, and one for all. CPU seconds are means of a step: over all games, and of the costliest.

    Args:
        more: further cells of the row of each task type and of `all`, with their titles.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("task type", no_wrap=True, min_width=max(map(len, TASK_TYPES)))
    for title in ("games", "success", "steps if won", "steps (lost: 50)", "CPU s a step", "most", *titles):
        table.add_column(title, justify="right")
    could = [game for game in played if game.result is not None]
    for name in [*sorted({game.task_type for game in could}), "all"]:
        chosen = [game for game in could if name in (game.task_type, "all")]
        if chosen:
            table.add_row(name, *_cells(chosen), *(more or {}).get(name, []))
    return table


def _cells(played: Sequence[Played]) -> list[str]:
    results = [game.result for game in played if game.result is not None]
    won = [result.steps for result in results if result.success]
    cpu = sum(result.cpu_s for result in results) / max(1, sum(result.steps for result in results))
    most = max(result.cpu_s / max(1, result.steps) for result in results)
    return [
        str(len(results)),
        f"{success(played):.1%}",
        f"{mean(won):.1f}" if won else "-",
        f"{mean_steps(played):.1f}",
        f"{cpu:.3f}",
        f"{most:.3f}",
    ]


# ---------------------------------------------------------------------- foretelling


@lru_cache(maxsize=2)
def held_out(lessons: Lessons) -> tuple[Transition, ...]:
    """What happens in games that a curious agent plays which begins with nothing."""
    heard: list[Transition] = []
    agent = Agent(seed=lessons.seed, record=heard.append)
    games = known_games(lessons.source)
    with contextlib.closing(
        make_env(HOUSEHOLD_ID, games=games, law=lessons.law, max_episode_steps=_FOREVER),
    ) as env:
        for game in lessons.games:
            _played(agent, env, game, lessons.steps)
    return tuple(heard)


@dataclass
class Foretold:
    """Of transitions that are evidence: how many there are, and how many are foretold exactly; the same of those in
    which something happened."""

    transitions: int = 0
    exact: int = 0
    eventful: int = 0
    exact_eventful: int = 0
    wrong: list[Transition] = field(default_factory=list)

    def add(self, transition: Transition, model: WorldModel) -> None:
        """Count a transition. As when the agent itself compares: what was not known before and what is not seen
        afterwards is neither expected nor missed, nor is what the agent derives from its goal."""
        if not transition.certain:
            return
        skipped = {GOAL_HOLDS, WON, ENDED}
        functional = model.vocabulary.is_functional
        known = transition.before.values
        foretold = {
            fluent: value
            for fluent, value in model.predict(transition.before, transition.action).change.items()
            if fluent[0] not in skipped
            and (fluent in known or not functional(fluent[0]))
            and transition.is_observed(fluent)
        }
        happened = {fluent: value for fluent, value in transition.change().items() if fluent[0] not in skipped}
        is_exact = foretold == happened
        self.transitions += 1
        self.exact += is_exact
        self.eventful += bool(happened)
        self.exact_eventful += is_exact and bool(happened)
        if not is_exact:
            self.wrong.append(transition)

    @classmethod
    def of(cls, transitions: Iterable[Transition], model: WorldModel) -> Foretold:
        """The count of all of them."""
        count = cls()
        for transition in transitions:
            count.add(transition, model)
        return count

    @property
    def share(self) -> float:
        """Which share is foretold exactly."""
        return self.exact / max(1, self.transitions)

    @property
    def eventful_share(self) -> float:
        """Which share of those in which something happened."""
        return self.exact_eventful / max(1, self.eventful)


@dataclass(frozen=True)
class Point:
    """How an agent stands after some games."""

    games: int
    steps_learned: int
    rules: int
    success: float
    steps: float
    exact: float
    exact_eventful: float


def curve_of(lessons: Lessons, after: Collection[int], tests: tuple[str, Sequence[int]], held: Lessons) -> list[Point]:
    """How an agent stands after these numbers of games.

    Args:
        tests: the source and the numbers of the games that are played with what is known.
        held: what is played to see what can be foretold.
    """
    points = []
    for learned in learning(lessons):
        if learned.games in after:
            source, numbers = tests
            played = [play_game(number, learned.text, source, lessons.law) for number in numbers]
            told = Foretold.of(held_out(held), learned.model)
            standing = (success(played), mean_steps(played), told.share, told.eventful_share)
            points.append(Point(learned.games, learned.steps, len(learned.model.rules), *standing))
    return points


def curve_table(curves: Iterable[Sequence[Point]]) -> Table:
    """A row for each number of games, over all shuffles: means, and in parentheses the least and the most."""
    table = Table("games", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in (
        "shuffles",
        "steps learned",
        "rules",
        "success",
        "steps",
        "foretold exactly",
        "where something happened",
    ):
        table.add_column(title, justify="right")
    rows: dict[int, list[Point]] = {}
    for point in (point for curve in curves for point in curve):
        rows.setdefault(point.games, []).append(point)
    for games, points in sorted(rows.items()):
        shares = [_range([getattr(p, name) for p in points]) for name in ("success", "exact", "exact_eventful")]
        means = [f"{mean(p.steps_learned for p in points):.0f}", f"{mean(p.rules for p in points):.1f}"]
        steps = f"{mean(p.steps for p in points):.1f}"
        table.add_row(str(games), str(len(points)), *means, shares[0], steps, *shares[1:])
    return table


def _range(shares: Sequence[float]) -> str:
    return f"{mean(shares):.1%} ({min(shares):.1%}..{max(shares):.1%})"
