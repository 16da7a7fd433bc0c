"""MiniGrid worlds with other laws, so that learning can be told from knowing.

Each law is a wrapper over any MiniGrid or BabyAI environment, kept in `LAWS` under its name. Spaces, rewards
and the ends of episodes stay the environment's own; only what the actions do is changed. Make one with
`gymnasium.make("worldwright/Altered-v0", law="swapped-turns", env_id="MiniGrid-DoorKey-6x6-v0")`.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, SupportsFloat, TypeVar

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs
from minigrid.core.actions import Actions
from minigrid.core.constants import COLOR_NAMES
from minigrid.core.world_object import Ball, Door, Key, WorldObj
from minigrid.envs.babyai.core.roomgrid_level import RoomGridLevel
from minigrid.minigrid_env import MiniGridEnv

ALTERED_ID: Final = "worldwright/Altered-v0"
IDLE: Final = object()  # doing nothing: an action that no environment has; laws hand it down to the lowest

StepResult = tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]


class Law(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """The laws as they are: the base of all others.

    A law overrides `act` (what an action does) or `reset` (how an episode begins). An `ObservationWrapper`
    may lie under a law; other wrappers that change observations belong over it.

    Raises:
        TypeError: the environment is not a MiniGrid one.
    """

    def __init__(self, env: gym.Env[Any, Any], **settings: Any) -> None:
        RecordConstructorArgs.__init__(self, **settings)
        super().__init__(env)
        if not isinstance(env.unwrapped, MiniGridEnv):
            raise TypeError(f"laws need a MiniGrid environment, not {type(env.unwrapped).__name__}")
        self.world: MiniGridEnv = env.unwrapped
        self._is_lowest = not any(isinstance(layer, Law) for layer in _layers(env))

    def step(self, action: Any) -> StepResult:
        return self.pass_time() if action is IDLE else self.act(action)

    def act(self, action: Any) -> StepResult:
        """Do what the agent's `action` does under this law."""
        return self.env.step(action)

    def pass_time(self) -> StepResult:
        """Let one step pass in which the agent does nothing.

        No action does nothing everywhere (`done` ends some levels, `drop` others), so the agent is turned
        unseen, and the environment turns it back.
        """
        if not self._is_lowest:
            return self.env.step(IDLE)
        self.world.agent_dir = (self.world.agent_dir + 1) % 4
        return self.env.step(Actions.left)

    def observe(self) -> Any:
        """The observation of the world as it is now, after a change that the environment knows nothing of."""
        if self.render_mode == "human":
            self.render()
        return _observe(self.env)


LAWS: Final[dict[str, type[Law]]] = {}
L = TypeVar("L", bound=Law)


def law(name: str) -> Callable[[type[L]], type[L]]:
    """Register the law decorated as `name` in `LAWS`."""

    def register(cls: type[L]) -> type[L]:
        LAWS[name] = cls
        return cls

    return register


# ---------------------------------------------------------------------- turning and walking


@law("swapped-turns")
class SwappedTurns(Law):
    """`left` turns right and `right` turns left."""

    def act(self, action: Any) -> StepResult:
        if action == Actions.left:
            return self.env.step(Actions.right)
        return self.env.step(Actions.left if action == Actions.right else action)


@law("two-step")
class TwoStep(Law):
    """`forward` moves two cells, or one if the second is not free; each cell entered counts (goal, lava)."""

    def act(self, action: Any) -> StepResult:
        return self.env.step(action) if action != Actions.forward else _stride(self, 2)


@law("sliding")
class Sliding(Law):
    """`forward` moves until something stops the agent or ends the episode; some levels have no solution."""

    def act(self, action: Any) -> StepResult:
        longest = max(self.world.width, self.world.height)
        return self.env.step(action) if action != Actions.forward else _stride(self, longest)


@law("slippery")
class Slippery(Law):
    """Each action fails with probability `p`: nothing happens, and the step counts. Chance follows the seed.

    Raises:
        ValueError: `p` is not a probability.
    """

    def __init__(self, env: gym.Env[Any, Any], *, p: float = 0.1) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"slippery: p must lie between 0 and 1, not {p}")
        super().__init__(env, p=p)
        self.p = p

    def act(self, action: Any) -> StepResult:
        return self.pass_time() if self.np_random.random() < self.p else self.env.step(action)


@law("push")
class Push(Law):
    """`forward` pushes a ball, box or key one cell, if the cell behind it is empty, and the agent follows.

    A thing pushed next to another is not `put` there: MiniGrid's missions ask for a drop.
    """

    def act(self, action: Any) -> StepResult:
        thing = _ahead(self.world)
        if action == Actions.forward and thing is not None and thing.can_pickup():
            self._push(thing)
        return self.env.step(action)

    def _push(self, thing: WorldObj) -> None:
        here, beyond = _cell_ahead(self.world), _cell_ahead(self.world, 2)
        if self.world.grid.get(*beyond) is None:
            self.world.grid.set(*here, None)
            _place(self.world, thing, beyond)
            if tuple(getattr(self.world, "target_pos", ())) == here:
                # GoToObject and PutNear remember the place, not the thing
                self.world.target_pos = beyond  # type: ignore[attr-defined]


# ---------------------------------------------------------------------- hands


@law("done-drops")
class DoneDrops(Law):
    """`done` drops what is held if the cell ahead is empty (else it is `done`); `drop` does nothing."""

    def act(self, action: Any) -> StepResult:
        if action == Actions.drop:
            return self.pass_time()
        drops = action == Actions.done and self.world.carrying is not None and _ahead(self.world) is None
        return self.env.step(Actions.drop if drops else action)


@law("swap-pickup")
class SwapPickup(Law):
    """`pickup` with a full hand exchanges what is held for the thing ahead."""

    def act(self, action: Any) -> StepResult:
        held, thing = self.world.carrying, _ahead(self.world)
        if action != Actions.pickup or held is None or thing is None or not thing.can_pickup():
            return self.env.step(action)
        self.world.carrying = None
        self.pass_time()  # missions count a pickup only after a step with an empty hand
        self.world.step_count -= 1
        result = self.env.step(action)
        if self.world.carrying is None:  # a law underneath made the pickup fail
            self.world.carrying = held
        else:
            _place(self.world, held, _cell_ahead(self.world))
        return (self.observe(), *result[1:])


# ---------------------------------------------------------------------- keys, doors, balls


class OtherKeyDoor(Door):
    """A door that a key of any other colour unlocks."""

    def toggle(self, env: MiniGridEnv, pos: tuple[int, int]) -> bool:
        if not self.is_locked:
            return bool(super().toggle(env, pos))  # type: ignore[no-untyped-call]
        fits = isinstance(env.carrying, Key) and env.carrying.color != self.color
        self.is_locked, self.is_open = not fits, fits
        return fits


@law("other-key")
class OtherKey(Law):
    """A locked door opens with a key of any colour but its own.

    Each level stays as solvable as it was: at the start a locked door or its keys get another colour (of the
    two, the one that the mission does not name), so every key fits where it fitted before.
    """

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        _, info = self.env.reset(seed=seed, options=options)
        _part_keys_from_doors(self.world)
        for thing in _things(self.world):
            if isinstance(thing, Door):
                thing.__class__ = OtherKeyDoor  # in place: missions hold on to the object
        return self.observe(), info


@law("key-consumed")
class KeyConsumed(Law):
    """Unlocking a door uses the key up."""

    def act(self, action: Any) -> StepResult:
        door = _ahead(self.world)
        was_locked = isinstance(door, Door) and door.is_locked
        result = self.env.step(action)
        if isinstance(door, Door) and was_locked and not door.is_locked:
            self.world.carrying = None
            return (self.observe(), *result[1:])
        return result


@law("closing-doors")
class ClosingDoors(Law):
    """A door falls shut, unlocked, when the agent leaves its doorway."""

    def act(self, action: Any) -> StepResult:
        x, y = self.world.agent_pos
        result = self.env.step(action)
        dx, dy = self.world.dir_vec
        passed = []
        while (x, y) != tuple(self.world.agent_pos):  # other laws may move the agent several cells at once
            passed.append(self.world.grid.get(x, y))
            x, y = x + dx, y + dy
        doors = [thing for thing in passed if isinstance(thing, Door)]
        for door in doors:
            door.is_open = False
        return (self.observe(), *result[1:]) if doors else result


class KeyBall(Ball):
    """A ball that a toggle turns into a key."""

    def toggle(self, env: MiniGridEnv, pos: tuple[int, int]) -> bool:
        env.put_obj(Key(self.color), *pos)
        return True


@law("ball-to-key")
class BallToKey(Law):
    """`toggle` turns a ball into a key of its colour."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        for thing in _things(self.world):
            if isinstance(thing, Ball):
                thing.__class__ = KeyBall
        return observation, info


# ---------------------------------------------------------------------- making them


def make_altered(law: str | Sequence[str], env_id: str, **kwargs: Any) -> gym.Env[Any, Any]:
    """Make the MiniGrid environment `env_id` under one or more laws.

    Args:
        law: a name in `LAWS`, several joined by commas, or a sequence of them. The first lies next to the
            world, and each acts through those before it: `two-step,slippery` slips on whole strides,
            `slippery,two-step` on single cells.
        env_id: what `gymnasium.make` takes.
        **kwargs: the laws' own settings (`p` of `slippery`); all others go to `gymnasium.make`.

    Raises:
        ValueError: no law has such a name.
        TypeError: the environment is not a MiniGrid one.
    """
    names = law.split(",") if isinstance(law, str) else law
    chosen = [_find_law(name.strip()) for name in names]
    own = [{name: kwargs[name] for name in _settings(cls) if name in kwargs} for cls in chosen]
    rest = {name: value for name, value in kwargs.items() if not any(name in settings for settings in own)}
    env: gym.Env[Any, Any] = gym.make(env_id, **{"disable_env_checker": True, **rest})
    for cls, settings in zip(chosen, own, strict=True):
        env = cls(env, **settings)
    return env


def register_altered() -> None:
    """Let `gymnasium.make` know `worldwright/Altered-v0`; calling it again changes nothing."""
    if ALTERED_ID not in gym.registry:
        gym.register(ALTERED_ID, entry_point=f"{__name__}:{make_altered.__name__}")


def _find_law(name: str) -> type[Law]:
    if name not in LAWS:
        raise ValueError(f"unknown law {name!r}; known: {', '.join(LAWS)}")
    return LAWS[name]


def _settings(cls: type[Law]) -> list[str]:
    """The keywords that a law takes."""
    parameters = inspect.signature(cls).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


# ---------------------------------------------------------------------- helpers: the world


def _layers(env: gym.Env[Any, Any]) -> Iterator[gym.Env[Any, Any]]:
    """The environment with all its wrappers, from the outside in."""
    yield env
    while isinstance(env, gym.Wrapper):
        env = env.env
        yield env


def _observe(env: gym.Env[Any, Any]) -> Any:
    """What `env`, with its observation wrappers, shows of the world as it is now."""
    if isinstance(env, gym.ObservationWrapper):
        return env.observation(_observe(env.env))
    if isinstance(env, gym.Wrapper):
        return _observe(env.env)
    assert isinstance(env, MiniGridEnv)
    return env.gen_obs()  # type: ignore[no-untyped-call]


def _cell_ahead(world: MiniGridEnv, steps: int = 1) -> tuple[int, int]:
    (x, y), (dx, dy) = world.agent_pos, world.dir_vec
    return int(x + steps * dx), int(y + steps * dy)


def _ahead(world: MiniGridEnv) -> WorldObj | None:
    thing: WorldObj | None = world.grid.get(*_cell_ahead(world))
    return thing


def _things(world: MiniGridEnv) -> Iterator[WorldObj]:
    """All that lies in the world, in the hand and in boxes, in a fixed order."""
    found: list[WorldObj | None] = [*world.grid.grid, world.carrying]
    for thing in found:
        if thing is not None:
            found.append(thing.contains)
            yield thing


def _place(world: MiniGridEnv, thing: WorldObj, cell: tuple[int, int]) -> None:
    """Put a thing that has moved into `cell`, and let the mission know where it lies."""
    world.grid.set(*cell, thing)
    thing.cur_pos = cell
    if isinstance(world, RoomGridLevel):
        world.update_objs_poss()  # type: ignore[no-untyped-call]


def _stride(law: Law, cells: int) -> StepResult:
    """Enter up to `cells` free cells, each through the environment's own `forward`, at the cost of one step.

    What moves by itself (Dynamic-Obstacles) moves once for each cell.
    """
    world, total = law.world, 0.0
    for entered in range(cells):
        if entered:
            world.step_count -= 1
        start = tuple(world.agent_pos)
        observation, reward, terminated, truncated, info = law.env.step(Actions.forward)
        total += float(reward)
        thing = _ahead(world)
        blocked = thing is not None and not thing.can_overlap()
        if terminated or blocked or tuple(world.agent_pos) == start:
            break
    return observation, total, terminated, truncated, info


# ---------------------------------------------------------------------- helpers: colours


def _part_keys_from_doors(world: MiniGridEnv) -> None:
    """Give each locked door another colour than its keys have, without touching what the mission names."""
    things = list(_things(world))
    pairs = []
    for colour in COLOR_NAMES:
        alike = [thing for thing in things if thing.color == colour]
        doors = [thing for thing in alike if isinstance(thing, Door) and thing.is_locked]
        keys = [thing for thing in alike if isinstance(thing, Key)]
        if doors and keys:
            pairs.append((colour, doors, keys))
    for colour, doors, keys in pairs:
        if not (_recolour(world, colour, doors) or _recolour(world, colour, keys)):
            _rename_keys(world, colour, keys)


def _recolour(world: MiniGridEnv, colour: str, things: Sequence[WorldObj]) -> bool:
    """Give things of one type and colour another one, at random; False if the mission's words forbid it."""
    kind = things[0].type
    free = [new for new in COLOR_NAMES if new != colour and not _names(world.mission, new, kind)]
    if not free or _names(world.mission, colour, kind):
        return False
    _paint(things, world._rand_elem(free))
    return True


def _rename_keys(world: MiniGridEnv, colour: str, keys: Sequence[WorldObj]) -> None:
    """Give keys another colour in the world and the mission, which names both key and door (LockedRoom)."""
    taken = {thing.color for thing in _things(world) if isinstance(thing, Key)}
    others = [new for new in COLOR_NAMES if new != colour]
    new = world._rand_elem([new for new in others if new not in taken] or others)
    _paint(keys, new)
    world.mission = re.sub(rf"\b{colour} key\b", f"{new} key", world.mission)


def _names(mission: str, colour: str, kind: str) -> bool:
    return re.search(rf"\b{colour} {kind}\b", mission) is not None


def _paint(things: Iterable[WorldObj], colour: str) -> None:
    for thing in things:
        thing.color = colour
