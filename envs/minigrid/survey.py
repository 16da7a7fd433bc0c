"""A whole level at once, for a learned world to begin from: what an agent would see that sees through walls and behind
itself. The agent that plays never sees it so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium
from minigrid.minigrid_env import MiniGridEnv

from worldwright.envs.minigrid.perceiver import MiniGridPerceiver
from worldwright.envs.minigrid.vocabulary import DIRECTIONS, LATTICE, NOTHING
from worldwright.world_model.scene_graph import SceneGraph
from worldwright.world_model.state import State


def survey(env: gymnasium.Env[Any, Any]) -> tuple[SceneGraph, ...] | None:
    """Views that together show the level as it is now, the first as the agent faces; None if it is not MiniGrid's."""
    world = env.unwrapped
    if not isinstance(world, MiniGridEnv):
        return None
    ahead = int(world.agent_dir)
    with _seeing_all(world):
        views = [_view(world, direction) for direction in (ahead, (ahead + 2) % len(DIRECTIONS))]
    return tuple(views)


def _view(world: MiniGridEnv, direction: int) -> SceneGraph:
    """What lies before an agent that faces this way, as far as the grid reaches, and what it stands on if nothing."""
    world.agent_dir = direction
    graph = MiniGridPerceiver().perceive(world.gen_obs())  # type: ignore[no-untyped-call]
    x, y = (int(part) for part in world.agent_pos)
    positions = {
        cell: (dx, dy)
        for cell, (dx, dy) in graph.positions.items()
        if 0 <= x + dx < world.width and 0 <= y + dy < world.height
    }
    values = dict(graph.state.values)
    if world.grid.get(x, y) is None:
        values[(LATTICE.content, str(values[(LATTICE.here,)]))] = NOTHING
    return SceneGraph(State(values, graph.state.universe), positions, LATTICE)


@contextmanager
def _seeing_all(world: MiniGridEnv) -> Iterator[None]:
    """Let the agent see everything before it; its eyes and its direction are afterwards what they were."""
    before = world.agent_view_size, world.see_through_walls, world.agent_dir
    world.agent_view_size, world.see_through_walls = 2 * max(world.width, world.height) + 1, True
    try:
        yield
    finally:
        world.agent_view_size, world.see_through_walls, world.agent_dir = before
