"""What single plans cost: by the size of the map, by the number of things, and while acting."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from tests.bench.all_seeing import _whole_level
from tests.bench.hold import Timed, mind_of
from worldwright.agent.config import AgentConfig
from worldwright.agent.loop import run_episode
from worldwright.envs.registry import make_env
from worldwright.planning.engines import ENGINES, engine_named
from worldwright.planning.lookahead import Lookaheads
from worldwright.planning.problem import Limits, PlanningProblem, PlanStatus, cpu_seconds
from worldwright.world_model.goal import Reach, Then, Upon, next_reaches
from worldwright.world_model.model import WorldModel

SIDES = (8, 12, 16, 20, 24, 28, 32, 36, 40)
THINGS = (2, 5, 10, 20, 30, 40, 50)
PUT_NEXT = "BabyAI-Synth-v0"
FEW_THINGS = 4  # while the map grows
MIDDLE_SIDE = 16  # while the things grow
_DOTS = 40


@dataclass(frozen=True)
class Level:
    """A kind of level to plan in: an id, with what `gymnasium.make` gets, and the target for a plan's median."""

    name: str
    env_id: str
    keywords: Mapping[str, Any]
    target_ms: float = math.inf


def put_next(side: int, things: int, rooms: int = 1) -> Level:
    """One thing is to be put next to another, in `rooms` times `rooms` rooms that take `side` cells together."""
    keywords = {
        "room_size": (side - 1) // rooms + 1,
        "num_rows": rooms,
        "num_cols": rooms,
        "num_dists": things,
        "action_kinds": ["putnext"],
        "locked_room_prob": 0,
    }
    return Level(f"put next, {side} x {side}, {things} things", PUT_NEXT, keywords)


def door_key(side: int) -> Level:
    """Key, door and goal."""
    return Level(f"door and key, {side} x {side}", "MiniGrid-DoorKey-16x16-v0", {"size": side})


TARGETS = (
    Level("DoorKey-16x16", "MiniGrid-DoorKey-16x16-v0", {}, 80),
    Level("put next, 22 x 22, 18 things", PUT_NEXT, put_next(22, 18, 3).keywords, 150),
)


@dataclass(frozen=True)
class Cost:
    """CPU seconds of the plans of some kind, and how many of them found no way."""

    seconds: Sequence[float]
    failed: int = 0

    @property
    def middle_ms(self) -> float:
        """The median, in milliseconds; not a number if there are none."""
        return 1000 * median(self.seconds) if self.seconds else math.nan

    @property
    def most_ms(self) -> float:
        """The dearest, in milliseconds."""
        return 1000 * max(self.seconds, default=math.nan)


def planned_in_view(laws: WorldModel, config: AgentConfig, level: Level, seeds: Sequence[int]) -> Cost:
    """The whole level is known, and the end of the goal is planned for in one plan."""
    engine, limits = engine_named(config.engine), Limits(config.plan_cpu_seconds, config.plan_memory_mb)
    costs, failed = [], 0
    for seed in seeds:
        if (problem := _problem(laws, level, seed)) is None:
            continue
        start = cpu_seconds()
        result = engine.solve(replace(problem, lookahead=Lookaheads().of(laws)), limits)
        costs.append(cpu_seconds() - start)
        failed += result.status is not PlanStatus.SOLVED
    return Cost(costs, failed)


def _problem(laws: WorldModel, level: Level, seed: int) -> PlanningProblem | None:
    """What is to be planned at first on a level; None if nothing is."""
    env = make_env(level.env_id, disable_env_checker=True, **level.keywords)
    with contextlib.redirect_stdout(sys.stderr), contextlib.closing(env):
        tracker, belief = _whole_level(env, seed)
    goal = tracker.remaining
    if goal is None:
        return None
    end = goal.parts[-1] if isinstance(goal, Then | Upon) else goal
    return PlanningProblem(laws, belief.optimistic(), tuple(next_reaches(end)))


def planned_in_play(laws: WorldModel, config: AgentConfig, level: Level, seeds: Sequence[int]) -> Cost:
    """Every plan that the agent makes while it plays, with what it has seen so far."""
    with _timed(config) as (engine, timed):
        env = make_env(level.env_id, **level.keywords)
        with contextlib.redirect_stdout(sys.stderr), contextlib.closing(env):
            for seed in seeds:
                run_episode(mind_of(laws, timed, env, None, seed), env, level.env_id, seed)
    return Cost(engine.seconds, sum(not result.solved for result in engine.results))


@contextlib.contextmanager
def _timed(config: AgentConfig) -> Iterator[tuple[Timed, AgentConfig]]:
    """The configured engine, timed, and a configuration that uses it."""
    engine = Timed(engine_named(config.engine))
    ENGINES["timed"] = engine
    try:
        yield engine, config.model_copy(update={"engine": "timed"})
    finally:
        del ENGINES["timed"]


# -- who sees everything -----------------------------------------------------------------------------------------------


def fewest_steps(laws: WorldModel, env_id: str, seeds: Sequence[int]) -> dict[int, int]:
    """The steps of a shortest plan, by seed, for who sees the whole level; of levels that ask for one thing only."""
    engine, lookaheads, limits = engine_named("fast-downward-optimal"), Lookaheads(), Limits(cpu_seconds=20)
    found = {}
    for seed in seeds:
        env = make_env(env_id, disable_env_checker=True)
        with contextlib.redirect_stdout(sys.stderr), contextlib.closing(env):
            tracker, belief = _whole_level(env, seed)
        if isinstance(tracker.remaining, Reach):
            problem = PlanningProblem(laws, belief.optimistic(), (tracker.remaining,), lookahead=lookaheads.of(laws))
            plan = engine.solve(problem, limits).plan
            if plan is not None:
                found[seed] = len(plan)
    return found


# -- growth ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """How the cost of a plan grows with something: sizes, and the cost at each."""

    name: str
    sizes: Sequence[int]
    costs: Sequence[Cost]

    @property
    def exponent(self) -> float:
        """The p for which cost ~ size^p fits the medians best."""
        return exponent(self.sizes, [cost.middle_ms for cost in self.costs])

    def plot(self) -> str:
        """A bar for each size."""
        most = max(cost.middle_ms for cost in self.costs)
        bars = [
            f"{size:>4} {'#' * max(1, round(_DOTS * cost.middle_ms / most))} {cost.middle_ms:.1f} ms"
            for size, cost in zip(self.sizes, self.costs, strict=True)
        ]
        return "\n".join([f"{self.name}: grows as size^{self.exponent:.2f}", *bars])


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The slope of the straight line that fits log cost over log size best (least squares)."""
    xs, ys = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - middle_x) ** 2 for x in xs)


def curves(laws: WorldModel, config: AgentConfig, seeds: Sequence[int]) -> Iterator[Curve]:
    """The growth with the map, for two tasks, and with the number of things."""
    families = (
        ("door and key, cells a side", SIDES, [door_key(side) for side in SIDES]),
        (f"put next among {FEW_THINGS} things, cells a side", SIDES, [put_next(side, FEW_THINGS) for side in SIDES]),
        (f"put next on {MIDDLE_SIDE} x {MIDDLE_SIDE}, things", THINGS, [put_next(MIDDLE_SIDE, n) for n in THINGS]),
    )
    for name, sizes, levels in families:
        yield Curve(name, sizes, [planned_in_view(laws, config, level, seeds) for level in levels])
