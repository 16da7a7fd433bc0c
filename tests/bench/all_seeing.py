"""Is there a solution at all? Asked of the planner, with the true laws written by hand and the whole level in view."""

from __future__ import annotations

import contextlib
from typing import Any

from worldwright.agent.belief import Belief
from worldwright.agent.memory import Memory
from worldwright.envs.registry import Env, make_env, perceiver_for
from worldwright.planning.engines import engine_named
from worldwright.planning.problem import Limits, PlanningProblem, PlanStatus
from worldwright.world_model.goal import GoalTracker, next_reaches
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import State

_LIMITS = Limits(cpu_seconds=60, memory_mb=2000)


def has_solution(laws: WorldModel, env_id: str, seed: int, /, **keywords: Any) -> bool:
    """Whether the planner finds a way, or at least cannot prove that there is none.

    Args:
        laws: the true ones.
        env_id, seed, **keywords: which level of MiniGrid, as for `make_env`.
    """
    with contextlib.closing(make_env(env_id, disable_env_checker=True, **keywords)) as env:
        tracker, belief = _whole_level(env, seed)
        remaining = tracker.remaining
        if remaining is None:
            return True
        problem = PlanningProblem(laws, belief.optimistic(), tuple(next_reaches(remaining)))
        return engine_named("fast-downward").solve(problem, _LIMITS).status is not PlanStatus.UNSOLVABLE


def _whole_level(env: Env, seed: int) -> tuple[GoalTracker, Belief]:
    """What an agent knows that sees through walls, as far as the level reaches, and looked all around itself."""
    perceiver = perceiver_for(env)
    world: Any = env.unwrapped
    world.see_through_walls = True
    world.agent_view_size = 2 * max(world.width, world.height) + 1
    memory = Memory(perceiver.vocabulary, perceiver.landmarks)
    observation, _ = env.reset(seed=seed)
    tracker = GoalTracker(perceiver.vocabulary, perceiver.goal(observation))
    memory.update(perceiver.perceive(observation))
    for _ in range(4):
        observation, *_ = env.step(perceiver.to_env(Action("left")))
        memory.update(perceiver.perceive(observation))
    tracker.update(State(memory.belief.values, memory.belief.universe))
    return tracker, memory.belief
