"""Playing every MiniGrid and BabyAI level beside BabyAI's hand-written bot, with results on file that resume."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import gymnasium
import minigrid
from minigrid.utils.baby_ai_bot import BabyAIBot

from worldwright.agent.agent import Agent
from worldwright.agent.config import AgentConfig
from worldwright.envs.registry import Env, make_env
from worldwright.experiments.evaluating import model_of
from worldwright.experiments.terminal import hush_warnings
from worldwright.planning.problem import cpu_seconds
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.files import LineFile, whole_lines

OURS, BOT = "ours", "bot"
PREFIXES = {"babyai": "BabyAI-", "core": "MiniGrid-"}
WITHOUT_FILES = "MiniGrid-WFC-"  # their patterns are missing from MiniGrid's wheel: they cannot be reset
HEADER = b'{"format":"worldwright-standard","version":1}\n'
OUT_OF_CPU = "out of CPU time"
NO_KEY = "a locked door has no key"
_LOOK = 0.5  # seconds between looks at the CPU time


# -- which levels ------------------------------------------------------------------------------------------------------


def is_babyai(env_id: str) -> bool:
    """Whether a level is one of BabyAI's, which the bot can play."""
    return env_id.startswith(PREFIXES["babyai"])


def usable_ids(only: str = "") -> list[str]:
    """The ids of all levels in gymnasium's registry that can be played; of `babyai` or `core` alone if asked."""
    packages = {
        env_id: spec.entry_point.partition(".")[0]
        for env_id, spec in gymnasium.registry.items()
        if isinstance(spec.entry_point, str)
    }
    prefixes = (PREFIXES[only],) if only else tuple(PREFIXES.values())
    return [
        env_id
        for env_id, package in packages.items()
        if package == minigrid.__name__ and env_id.startswith(prefixes) and not env_id.startswith(WITHOUT_FILES)
    ]


# -- one episode -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """An episode to be played, by whom, and what identifies the player: its digest."""

    env_id: str
    seed: int
    who: str
    digest: str


@dataclass(frozen=True)
class Record:
    """How an episode went, as it stands on a line of the results.

    Attributes:
        cpu_s: CPU seconds from the reset on, the environment's and a planner's included.
        failure: why it was no success; empty if it was one.
    """

    env_id: str
    seed: int
    who: str
    digest: str
    success: bool
    steps: int
    cpu_s: float
    failure: str = ""

    @property
    def task(self) -> Task:
        """What was to be played."""
        return Task(self.env_id, self.seed, self.who, self.digest)


@dataclass(frozen=True)
class Player:
    """Our side: the text of the model and the agent's settings. `limit` is in CPU seconds, for either side."""

    model: str
    agent: AgentConfig
    limit: float

    @cached_property
    def acting(self) -> Agent:
        """The agent of this process. Frozen, it plays each episode as if there had been no other."""
        return Agent(model_of(self.model), self.agent)

    def digest(self, who: str) -> str:
        """What tells this player from one that may play differently, given the same program."""
        ours = f"{self.model}\n{self.agent.model_dump_json()}"
        text = ours if who == OURS else f"minigrid {minigrid.__version__}"
        return hashlib.sha256(f"{text}\n{self.limit}".encode()).hexdigest()[:16]


class _OutOfCPU(BaseException):
    """Not an `Exception`, which players and environments may catch."""


@contextlib.contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise inside once this process and its children have used so much CPU time.

    The clock on the wall rings to look at it: timers of CPU time make CPU time itself go by ticks of milliseconds.
    """
    end = cpu_seconds() + seconds

    def look(signum: int, frame: FrameType | None) -> None:
        if cpu_seconds() >= end:
            raise _OutOfCPU

    before = signal.signal(signal.SIGALRM, look)
    pause = min(seconds, _LOOK)
    signal.setitimer(signal.ITIMER_REAL, pause, pause)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def play(task: Task, player: Player) -> Record:
    """Play an episode in this process; making the level and the agent is not counted."""
    side = _Ours(player) if task.who == OURS else _Bot()
    with contextlib.redirect_stdout(sys.stderr), contextlib.closing(make_env(task.env_id)) as env:
        start = cpu_seconds()
        try:
            with cpu_limit(player.limit):
                success, failure = side.play(env, task)
        except _OutOfCPU:
            success, failure = False, OUT_OF_CPU
        cpu = cpu_seconds() - start
        steps = int(getattr(env.unwrapped, "step_count", 0))
        if not success and lacks_key(env, task.seed):
            failure = NO_KEY
    return Record(**asdict(task), success=success, steps=steps, cpu_s=round(cpu, 6), failure=failure)


def lacks_key(env: Env, seed: int) -> bool:
    """Whether on a seed a level has a locked door for which there is no key, not even in a box.

    In the first version of ObstructedMaze a ball may take the place of the box that the key is in.
    """
    env.reset(seed=seed)
    world: Any = env.unwrapped
    things = [thing for thing in (*world.grid.grid, world.carrying) if thing is not None]
    inside = [thing.contains for thing in things if thing.type == "box" and thing.contains is not None]
    keys = {thing.color for thing in (*things, *inside) if thing.type == "key"}
    return not keys >= {thing.color for thing in things if thing.type == "door" and thing.is_locked}


class _Ours:
    def __init__(self, player: Player) -> None:
        self._agent = player.acting

    def play(self, env: Env, task: Task) -> tuple[bool, str]:
        result = self._agent.play(env, task.env_id, task.seed, freeze=True)
        return result.success, result.failure


class _Bot:
    def play(self, env: Env, task: Task) -> tuple[bool, str]:
        env.reset(seed=task.seed)
        try:
            bot, action = BabyAIBot(env.unwrapped), None
            while True:
                action = bot.replan(action)
                _, reward, terminated, truncated, _ = env.step(action)
                if terminated:
                    return float(reward) > 0, "" if float(reward) > 0 else "ended without success"
                if truncated:
                    return False, "out of time"
        except Exception as error:  # the bot gives up with whatever it meets
            return False, f"the bot broke: {type(error).__name__}"


# -- many episodes -----------------------------------------------------------------------------------------------------


def tasks_of(levels: Sequence[str], seeds: Sequence[int], player: Player) -> list[Task]:
    """All episodes, each level's first seed first, so that what is cut short has something of every level."""
    return [
        Task(env_id, seed, who, player.digest(who))
        for seed in seeds
        for env_id in levels
        for who in ((OURS, BOT) if is_babyai(env_id) else (OURS,))
    ]


class Results:
    """A file of results that grows line by line; what it has is not played again. Without a path nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._file = LineFile(path, HEADER) if path is not None else None
        self.known: dict[Task, Record] = {}
        if path is not None:
            self.known = {record.task: record for record in map(_parsed, _lines(path))}

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, record: Record) -> None:
        """Keep a result, on file when this returns."""
        self.known[record.task] = record
        if self._file is not None:
            self._file.write(f"{json.dumps(asdict(record))}\n".encode())

    def missing(self, tasks: Sequence[Task]) -> list[Task]:
        """What is still to be played."""
        return [task for task in tasks if task not in self.known]

    def of(self, tasks: Sequence[Task]) -> list[Record]:
        """The results of these tasks as far as there are any."""
        return [self.known[task] for task in tasks if task in self.known]


def _lines(path: Path) -> Iterator[bytes]:
    return (line for _, line in whole_lines(path, HEADER))


def _parsed(line: bytes) -> Record:
    try:
        fields: Mapping[str, Any] = json.loads(line)
        return Record(**fields)
    except (ValueError, TypeError) as error:
        raise WorldwrightError(f"not a line of results: {line[:80]!r}: {error}") from None


def play_all(tasks: Sequence[Task], player: Player, jobs: int) -> Iterator[Record]:
    """Play in child processes and give each result as soon as it is there.

    Raises:
        WorldwrightError: a child was killed, or a level cannot be made.
    """
    context = multiprocessing.get_context("spawn")
    others, to_do = set(multiprocessing.active_children()), iter(tasks)
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(player,))
    try:
        running = {pool.submit(_play, task) for task in islice(to_do, 2 * jobs)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(_play, task) for task in islice(to_do, len(done))}
            yield from (future.result() for future in done)
    except BrokenProcessPool:
        raise WorldwrightError("a process that played was killed: is there memory for --jobs?") from None
    except BaseException:  # wait for nobody
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


_player: list[Player] = []  # of a child process: sent once, not with each task


def _begin(player: Player) -> None:
    hush_warnings()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    _player[:] = [player]


def _play(task: Task) -> Record:
    return play(task, _player[0])
