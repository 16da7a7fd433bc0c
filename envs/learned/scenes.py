"""The first scenes of a learned world: perceived in environments, or read from recorded experience.

All scenes of a world share one universe, so that many of them run side by side: what they call alike is one object,
and what never changes must be the same in each, as far as the laws and the goals speak of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worldwright.envs.perceiver import Perceiver
from worldwright.envs.registry import Env, Surveyed, make_env, world_of
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.experience import ExperienceBuffer
from worldwright.world_model.goal import Goal, Reach, parse_goal
from worldwright.world_model.language import Condition, Exists, Literal
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import require_same_vocabulary
from worldwright.world_model.scene_graph import Appearance, Lattice, Position, SceneGraph
from worldwright.world_model.state import Fluent, State, Universe, Value, join_atom


class NoScene(WorldwrightError):
    """A start from which no first scene of a learned world comes."""


@dataclass(frozen=True)
class Scene:
    """How an episode begins.

    Attributes:
        goal: what is asked for, if anything is.
        mission: the same in words.
    """

    state: State
    goal: Goal | None
    mission: str


def first_scenes(
    model: WorldModel,
    start: str | Path,
    number: int,
    seed: int,
    whole: bool,
    goal: str | None,
    keywords: Mapping[str, Any],
) -> list[Scene]:
    """Scenes to begin from, over one universe.

    Args:
        start: a file of experience (`experience.jsonl` of a run), or the id of an environment.
        number: how many scenes at the most; a file has one for each episode.
        seed: scene k of an environment is its first one on `seed + k`.
        whole: show all that the environment's kind of world can show, not only what is in view.
        goal: what to ask for instead of the mission, as text.
        keywords: for `gymnasium.make`.

    Raises:
        WorldwrightError: the start cannot be read, speaks of another world than the model, or its scenes do not
            share one universe.
    """
    if number < 1:
        raise NoScene(f"{number} first scenes: at least one is needed")
    if Path(start).is_file():
        scenes = _recorded(model, Path(start), number)
    elif str(start).endswith((".jsonl", "/")) or isinstance(start, Path):
        raise NoScene(f"start {start}: no such file")
    else:
        with contextlib.closing(make_env(str(start), **keywords)) as env:
            scenes = [_perceived(model, env, seed + k, whole, asked=goal is None) for k in range(number)]
    if goal is not None:
        asked = parse_goal(model.vocabulary, goal)
        scenes = [Scene(scene.state, asked, str(asked)) for scene in scenes]
    return _united(model, scenes)


def _recorded(model: WorldModel, path: Path, number: int) -> list[Scene]:
    """The first states of the episodes in a file."""
    first: dict[int, State] = {}
    for transition in ExperienceBuffer.load(path, model.vocabulary):
        first.setdefault(transition.episode, transition.before)
    if not first:
        raise NoScene(f"start {path}: there is no transition in it")
    return [Scene(state, None, "") for state in [*first.values()][:number]]


def _perceived(model: WorldModel, env: Env, seed: int, whole: bool, asked: bool) -> Scene:
    """The first scene of an environment on a seed."""
    world, perceiver = world_of(env), world_of(env).perceiver(env)
    require_same_vocabulary(model, perceiver.vocabulary)
    observation, _ = env.reset(seed=seed)
    views = world.survey(env) if whole and isinstance(world, Surveyed) else None
    state = settled(views or (perceiver.perceive(observation),), perceiver)
    goal = perceiver.goal(observation) if asked else None
    return Scene(state, goal, str(observation.get("mission", "")) if isinstance(observation, Mapping) else "")


# -- names that last ---------------------------------------------------------------------------------------------------


def settled(views: Sequence[SceneGraph], perceiver: Perceiver) -> State:
    """What the views of one moment show, under names that do not depend on where the agent stands.

    Cells are named after their place among those in view, `c3_0`, and things after what they look like, `key1`.
    """
    lattice = views[0].lattice
    return views[0].state if lattice is None else _Settling(views, lattice, perceiver).state()


class _Settling:
    def __init__(self, views: Sequence[SceneGraph], lattice: Lattice, perceiver: Perceiver) -> None:
        self._views = views
        self._lattice = lattice
        self._perceiver = perceiver
        self._vocabulary = perceiver.vocabulary
        self._values: dict[Fluent, Value] = {}
        self._counts: dict[str, int] = {}
        self._facts_of: dict[str, Appearance] = {}  # of each thing under its lasting name
        self._universe = Universe(perceiver.vocabulary)
        places = {place for view in views for place in view.positions.values()}
        self._corner = (min(x for x, _ in places), min(y for _, y in places))
        self._cells = {place: self._name(place) for place in sorted(places, key=lambda place: (place[1], place[0]))}

    def _name(self, place: Position) -> str:
        return f"c{place[0] - self._corner[0]}_{place[1] - self._corner[1]}"

    def state(self) -> State:
        """All of it; the first view says what the agent is doing."""
        for cell in self._cells.values():
            self._universe.add_object(cell, self._lattice.cell)
        for (x, y), cell in self._cells.items():
            for direction, (dx, dy) in self._lattice.directions.items():
                if (x + dx, y + dy) in self._cells:
                    beside = self._cells[(x + dx, y + dy)]
                    self._universe.add_fact((self._lattice.neighbour, direction, cell, beside))
        self._take_pose(self._views[0])
        for place, cell in self._cells.items():
            self._take_content(place, cell)
        self._note_landmarks()
        return State(self._values, self._universe)

    def _take_pose(self, view: SceneGraph) -> None:
        """The facts without arguments: where the agent is, where it faces, what it holds."""
        for fluent, value in view.state.values.items():
            if len(fluent) == 1:
                if fluent[0] == self._lattice.here:
                    self._values[fluent] = self._cells[view.positions[str(value)]]
                else:
                    self._values[fluent] = self._lasting(view, value)

    def _take_content(self, place: Position, cell: str) -> None:
        """What the first view that shows a place shows there."""
        for view in self._views:
            for seen, where in view.positions.items():
                if where == place and (self._lattice.content, seen) in view.state.values:
                    thing = self._lasting(view, view.state.values[(self._lattice.content, seen)])
                    self._values[(self._lattice.content, cell)] = thing
                    return

    def _lasting(self, view: SceneGraph, value: Value) -> Value:
        """The lasting name of a thing that a view shows, with its facts; constants and numbers are as they are."""
        if not isinstance(value, str) or value in self._vocabulary.constant_types:
            return value
        facts = {f[0]: v for f, v in view.state.values.items() if f[1:] == (value,)}
        label = str(next((facts[p.name] for p in self._vocabulary.predicates if p.name in facts), "thing"))
        self._counts[label] = self._counts.get(label, 0) + 1
        name = f"{label}{self._counts[label]}"
        self._universe.add_object(name, view.state.universe.types[value])
        self._values.update({(predicate, name): fact for predicate, fact in facts.items()})
        self._facts_of[name] = tuple(facts.items())
        return name

    def _note_landmarks(self) -> None:
        facing = (self._lattice.directions.get(str(value)) for value in self._values.values())
        heading = next((step for step in facing if step is not None), (1, 0))
        things = {str(self._thing_at(place)): place for place in self._cells if self._thing_at(place) is not None}
        new = {thing: place for thing, place in things.items() if thing not in self._vocabulary.constant_types}
        for fact in self._perceiver.landmarks(new, heading, self._look_at):
            self._universe.add_fact(fact)

    def _thing_at(self, place: Position) -> Value | None:
        return self._values.get((self._lattice.content, self._cells.get(place, "")))

    def _look_at(self, place: Position) -> Appearance | None:
        """How a place looks, as far as it is in view."""
        thing = self._thing_at(place)
        return None if thing is None else self._facts_of.get(str(thing), ())


# -- one universe ------------------------------------------------------------------------------------------------------


def _united(model: WorldModel, scenes: Sequence[Scene]) -> list[Scene]:
    """The scenes with a universe that has all their objects.

    Facts that differ between scenes and that no law or goal speaks of are left out.
    """
    universe = Universe(model.vocabulary)
    for scene in scenes:
        for name, type_ in scene.state.universe.types.items():
            universe.add_object(name, type_)
    conditions = [c for rule in model.rules for c in rule.preconditions]
    conditions += [c for scene in scenes if scene.goal is not None for c in _conditions(scene.goal)]
    spoken_of = set(_predicates(conditions))
    for predicate in model.vocabulary.predicates:
        if predicate.static:
            for atom in _shared_facts(predicate.name, predicate.functional, scenes, spoken_of):
                universe.add_fact(atom)
    return [Scene(State(scene.state.values, universe), scene.goal, scene.mission) for scene in scenes]


def _shared_facts(
    predicate: str, functional: bool, scenes: Sequence[Scene], spoken_of: Collection[str]
) -> Iterable[tuple[str, ...]]:
    """The facts of a predicate that hold in every scene; of a functional one, those that hold in any."""
    each = [
        {fluent: scene.state.universe.facts[fluent] for fluent in scene.state.universe.fluents(predicate)}
        for scene in scenes
    ]
    united = {fluent: value for facts in each for fluent, value in facts.items()}
    agree = all(facts.items() <= united.items() if functional else facts == united for facts in each)
    if agree:
        return [(fluent[0], *join_atom(fluent, value).args) for fluent, value in united.items()]
    if predicate in spoken_of:
        raise NoScene(
            f"the first scenes differ in {predicate!r}, which never changes and which the laws or goals speak of:"
            " begin with one of them (scenes=1)"
        )
    return []


def _conditions(goal: Goal) -> Iterator[Condition]:
    if isinstance(goal, Reach):
        yield from goal.conditions
        return
    for part in goal.parts:
        yield from _conditions(part)


def _predicates(conditions: Iterable[Condition]) -> Iterator[str]:
    for condition in conditions:
        if isinstance(condition, Exists):
            yield from _predicates(condition.conditions)
        elif isinstance(condition, Literal):
            yield condition.atom.predicate
