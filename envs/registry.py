"""The kinds of world that the agent can perceive, and how to make one by its gymnasium id.

To add a world, write its class with the members of `World` and add it to `WORLDS`.
"""

from __future__ import annotations

import difflib
import traceback
import warnings
from collections.abc import Iterator
from typing import Any, Final, Protocol, runtime_checkable

import gymnasium
import numpy as np
from gymnasium import spaces

from worldwright.envs.household.perceiver import HouseholdPerceiver
from worldwright.envs.household.phrasing import PhrasingReader
from worldwright.envs.learned import register_learned
from worldwright.envs.minigrid.perceiver import MiniGridPerceiver
from worldwright.envs.minigrid.survey import survey
from worldwright.envs.perceiver import Perceiver
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.scene_graph import SceneGraph

Env = gymnasium.Env[Any, Any]

register_learned()


class UnknownWorld(WorldwrightError):
    """An environment whose observations no perceiver reads; the message shows their space."""


class UnusableEnvironment(WorldwrightError):
    """An environment that cannot be made: its id is unknown, or its construction failed."""


class World(Protocol):
    """One kind of world: which environments belong to it and what perceives them."""

    @property
    def name(self) -> str:
        """A short name, as shown to users."""

    @property
    def form(self) -> str:
        """The observations that its perceiver reads, as shown to users."""

    def recognises(self, env: Env) -> bool:
        """Whether the environment's observations, as its wrappers leave them, are of this form."""

    def perceiver(self, env: Env) -> Perceiver:
        """What perceives a recognised environment."""


@runtime_checkable
class Surveyed(Protocol):
    """A kind of world that can show more of itself than its observations do."""

    def survey(self, env: Env) -> tuple[SceneGraph, ...] | None:
        """Views that together show everything as it is now, the agent's own first; None if this one cannot."""


class MiniGrid:
    """MiniGrid and BabyAI levels, and environments of others with the same observations."""

    name = "minigrid"
    form = "Dict with 'image' (n, n, 3) uint8, n odd, as the agent's own view; 'direction' 0..3; 'mission' text"

    def recognises(self, env: Env) -> bool:
        """Whether the observation is the agent's own view.

        The full grid (`FullyObsWrapper`) can have the very space of a view: they differ in who declares it. A
        view is declared by a layer with an `agent_view_size` of that size (every MiniGrid environment, and
        `ViewSizeWrapper`), or by an environment, not a wrapper, that has no such attribute.
        """
        image = _image_space(env)
        if image is None:
            return False
        source = next(layer for layer in reversed([*layers(env)]) if _image_space(layer) is image)
        if hasattr(source, "agent_view_size"):
            return bool(source.agent_view_size == image.shape[0])
        return not isinstance(source, gymnasium.Wrapper)

    def perceiver(self, env: Env) -> Perceiver:
        """Every such world is perceived alike."""
        return MiniGridPerceiver()

    def survey(self, env: Env) -> tuple[SceneGraph, ...] | None:
        """The whole level, if it is MiniGrid's own."""
        return survey(env)


class Household:
    """Text households such as ALFWorld's, which answer in sentences."""

    name = "household"
    form = "Dict with 'text' and 'mission', both text"

    def recognises(self, env: Env) -> bool:
        """Whether the observation is text and an instruction, and no picture."""
        space = env.observation_space
        if not isinstance(space, spaces.Dict) or "image" in space.spaces:
            return False
        return all(isinstance(space.spaces.get(part), spaces.Text) for part in ("text", "mission"))

    def perceiver(self, env: Env) -> Perceiver:
        """Every such world is perceived alike, with who reads people's own words if the environment brings one."""
        phrasings = getattr(env.unwrapped, "phrasings", None)
        return HouseholdPerceiver(phrasings=phrasings if isinstance(phrasings, PhrasingReader) else None)


WORLDS: Final[dict[str, World]] = {world.name: world for world in (MiniGrid(), Household())}


def perceiver_for(env: Env) -> Perceiver:
    """The perceiver of the first kind of world in `WORLDS` that recognises the environment.

    Raises:
        UnknownWorld: none does.
    """
    return world_of(env).perceiver(env)


def world_of(env: Env) -> World:
    """The first kind of world in `WORLDS` that recognises the environment; raises `UnknownWorld` if none does."""
    for world in WORLDS.values():
        if world.recognises(env):
            return world
    space = env.observation_space
    source = next(layer for layer in reversed([*layers(env)]) if layer.observation_space is space)
    known = "; ".join(f"{world.name} ({world.form})" for world in WORLDS.values())
    raise UnknownWorld(
        f"no perceiver reads the observations of {type(source).__name__}, {_shown(space)}; supported: {known}"
    )


def layers(env: Env) -> Iterator[Env]:
    """The environment with all its wrappers, from the outside in."""
    yield env
    while isinstance(env, gymnasium.Wrapper):
        env = env.env
        yield env


def make_env(env_id: str, /, **keywords: Any) -> Env:
    """What `gymnasium.make` makes, with the ids of MiniGrid, BabyAI and this project registered.

    Args:
        env_id: a registered id, or gymnasium's `module:id`, for which gymnasium imports the module.
        **keywords: as for `gymnasium.make`.

    Raises:
        UnusableEnvironment: no such id, or the environment or its module failed; says why.
    """
    try:
        with warnings.catch_warnings():
            # An older version that is asked for by its full name is meant.
            warnings.filterwarnings("ignore", r".*The environment \S+ is out of date", DeprecationWarning)
            return gymnasium.make(env_id, **keywords)
    except (gymnasium.error.UnregisteredEnv, gymnasium.error.DeprecatedEnv) as error:
        raise UnusableEnvironment(_unregistered(env_id, error)) from error
    except (Exception, SystemExit) as error:  # whatever a stranger's module or constructor raises
        cause = str(error) or traceback.extract_tb(error.__traceback__)[-1].line
        raise UnusableEnvironment(f"cannot make {_clip(env_id)}: {type(error).__name__}: {cause}") from error


def _unregistered(env_id: str, error: Exception) -> str:
    name = env_id.rpartition(":")[2]
    if name in gymnasium.registry:  # an environment made inside it is unknown
        return f"cannot make {_clip(env_id)}: {error}"
    lower = {known.lower(): known for known in sorted(gymnasium.registry)}
    near = [lower[match] for match in difflib.get_close_matches(name.lower()[:100], lower)]
    hint = f"did you mean {' or '.join(near)}?" if near else "is the package that registers it installed?"
    return f"no environment is registered as {_clip(name)!r}; {hint}"


def _clip(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


def _image_space(env: Env) -> spaces.Box | None:
    """The space of the image if the observation space has the form of a view, whatever it shows."""
    space = env.observation_space
    if not isinstance(space, spaces.Dict) or not {"image", "direction", "mission"} <= space.keys():
        return None
    image, direction, mission = space["image"], space["direction"], space["mission"]
    if mission.dtype is None or mission.dtype.kind != "U":  # not text, but numbers in its place
        return None
    if not isinstance(image, spaces.Box) or image.dtype != np.uint8 or len(image.shape) != 3:
        return None
    if not isinstance(direction, spaces.Discrete) or (direction.start, direction.n) != (0, 4):
        return None
    width, height, channels = image.shape
    return image if width == height and width % 2 and width >= 3 and channels == 3 else None


def _shown(space: spaces.Space[Any]) -> str:
    """A space in few words, the same in each run (some show where they lie in memory)."""
    if isinstance(space, spaces.Dict):
        return f"Dict({', '.join(f'{key}: {_shown(part)}' for key, part in sorted(space.items()))})"
    if isinstance(space, spaces.Discrete):
        return str(space)
    shape = f"{space.shape} {space.dtype}" if space.shape else ""
    return f"{type(space).__name__}{shape}"
