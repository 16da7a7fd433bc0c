"""Learned worlds that run side by side: first scenes, a simulator, goals, and who is where in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from worldwright.envs.learned.scenes import Scene, first_scenes
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.model_file import load_model
from worldwright.world_model.simulating import DONE, Batch, GoalFollower, Simulator, Streams
from worldwright.world_model.simulating.layout import Ints, Kind, Table
from worldwright.world_model.state import State
from worldwright.world_model.vocabulary import ENDED, GOAL_HOLDS, WON

Bools = NDArray[np.bool_]
Observation = dict[str, Any]


class LearnedWorlds:
    """Some copies of one learned world, each with its own state, goal and chance.

    Args:
        number: of copies.
        model: a model, or the file of one.
        start, scenes, seed, whole, goal, keywords: where the first scenes come from, see `first_scenes`.
        likeliest: let the likeliest outcome of every law happen instead of drawing one.

    Attributes:
        scenes: the first scenes.
        goals: what may be asked for.
        batch: the states now.

    Raises:
        WorldwrightError: no model, no start, or what cannot be simulated.
    """

    def __init__(
        self,
        number: int,
        model: WorldModel | str | Path,
        start: str | Path,
        scenes: int = 1,
        seed: int = 0,
        whole: bool = True,
        goal: str | None = None,
        keywords: Mapping[str, Any] | None = None,
        likeliest: bool = False,
    ) -> None:
        laws = model if isinstance(model, WorldModel) else load_model(Path(model))
        self.scenes: Sequence[Scene] = first_scenes(laws, start, scenes, seed, whole, goal, keywords or {})
        self.simulator = Simulator(laws, self.scenes[0].state.universe)
        self.layout = self.simulator.layout
        self.goals = tuple(dict.fromkeys(scene.goal for scene in self.scenes if scene.goal is not None))
        self._follower = GoalFollower(self.layout, self.goals)
        self._firsts = self.layout.encode([scene.state for scene in self.scenes])
        self._asked = np.array([self.goals.index(s.goal) if s.goal is not None else -1 for s in self.scenes], np.intp)
        self._likeliest = likeliest
        self._shown = tuple(table for table in self.layout.changing if table.size)
        self._stages = np.zeros(number, np.intp)
        self._streams = Streams([0] * number)
        self.scene: Ints = np.zeros(number, np.intp)  # the number of each one's first scene
        self.batch: Batch = self._firsts.take(self.scene)

    # -- spaces -------------------------------------------------------------------------------------------------------

    def observation_space(self) -> spaces.Dict:
        """Of one copy: `facts`, an array for each predicate and counter that may change, and the `goal`'s number.

        A functional predicate has a number for each tuple of its other arguments, that of the object among those of the
        value's type, -1 if there is none or none is known; a relation has 1 where it holds; a counter has its number,
        one below the least if none is known.
        """
        facts: dict[str, spaces.Space[Any]] = {table.name: _space(table) for table in self._shown}
        return spaces.Dict(facts=spaces.Dict(facts), goal=spaces.Discrete(max(1, len(self.goals))))

    def action_space(self) -> spaces.Discrete:
        """Of one copy: the places of `simulator.actions`."""
        return spaces.Discrete(len(self.simulator.actions))

    def objects(self, type_: str) -> tuple[str, ...]:
        """The names that the numbers of an observation stand for, where the value or argument is of that type."""
        low, high = self.layout.range_of(type_)
        return self.layout.names[low:high]

    def action(self, number: int) -> Action:
        """The action that a number stands for."""
        return self.simulator.actions[number]

    # -- episodes -----------------------------------------------------------------------------------------------------

    def begin(self, which: Ints, chances: Sequence[np.random.Generator]) -> None:
        """Begin an episode in some of the copies, each with its own source of chance."""
        self.scene[which] = [chance.integers(len(self.scenes)) for chance in chances]
        self._streams.seed(which, [int(chance.integers(2**64, dtype=np.uint64)) for chance in chances])
        asked = self._asked[self.scene[which]]
        self._stages[which] = np.where(asked < 0, DONE, self._follower.stages[asked]) if self.goals else DONE
        self.batch = self.batch.replaced(which, self._firsts.take(self.scene[which]))
        self._stages[which] = self._follower.update(self._stages[which], self.batch.take(which))
        self._note_goals()

    def step(self, actions: NDArray[np.integer[Any]]) -> tuple[Bools, Bools]:
        """Let every copy do its action, (copies,); whether it succeeded now and whether it ended, (copies,) each."""
        if self._likeliest:
            self.batch = self.simulator.predict(self.batch, actions)
        else:
            self.batch = self.simulator.sample(self.batch, actions, self._streams)
        self._stages = self._follower.update(self._stages, self.batch)
        self._note_goals()
        reached = (self._stages == DONE) & (self._asked[self.scene] >= 0)
        won = reached | self._true(WON)
        ended = won | self._true(ENDED)
        return won, ended

    def _note_goals(self) -> None:
        """Let the states say whether what was asked for is the case, as the agent's own do."""
        holds = self.batch.tables.get(GOAL_HOLDS)
        if holds is not None and self.goals:
            done = self._stages == DONE
            self.batch = Batch({**self.batch.tables, GOAL_HOLDS: done.astype(holds.dtype)[:, None]}, self.batch.size)

    def _true(self, fact: str) -> Bools:
        table = self.batch.tables.get(fact)
        return np.zeros(self.batch.size, np.bool_) if table is None else table[:, 0] == 1

    # -- what is shown ------------------------------------------------------------------------------------------------

    def observation(self) -> Observation:
        """What `observation_space` describes, of all copies, (copies, ...) each; the caller's own."""
        facts = {t.name: self.batch.tables[t.name].reshape(-1, *t.shape).copy() for t in self._shown}
        return {"facts": facts, "goal": np.maximum(self._asked[self.scene], 0)}

    def state(self, copy: int) -> State:
        """The state of a copy."""
        return self.layout.decode(self.batch, copy)

    def mission(self, copy: int) -> str:
        """What is asked for in a copy, in words."""
        return self.scenes[int(self.scene[copy])].mission

    def shown(self, copy: int) -> str:
        """The mission and the facts of a copy, one a line."""
        state = self.state(copy)
        counts = [f"(= ({' '.join(fluent)}) {number})" for fluent, number in state.counts()]
        return "\n".join([f"; {self.mission(copy)}", *map(str, state.atoms()), *counts])


def _space(table: Table) -> spaces.Box:
    low, high = table.values
    if table.kind is Kind.VALUE:
        return spaces.Box(-1, max(high - low - 1, 0), table.shape, np.int32)
    return spaces.Box(table.empty, high, table.shape, table.dtype)
