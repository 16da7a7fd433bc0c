"""What the agent needs of a world: to perceive it, to read its instructions and to act in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.goal import Goal
from worldwright.world_model.language import Literal
from worldwright.world_model.model import Action
from worldwright.world_model.scene_graph import Appearance, Look, Position, SceneGraph
from worldwright.world_model.vocabulary import Vocabulary


class UnreadableMission(WorldwrightError):
    """An instruction that the world's grammar does not cover; the message shows the sentence."""


class UnreadableObservation(WorldwrightError):
    """An observation that is not of the form the perceiver reads."""


class Sight(Protocol):
    """What an agent on a lattice can see from where it stands."""

    def __hash__(self) -> int:
        """Eyes that see alike are the same."""

    @property
    def cells(self) -> NDArray[np.int32]:
        """The m cells that can be in view, (m, 2): steps ahead and to the right; (0, 0) is one of them."""

    def blocks(self, look: Appearance) -> bool:
        """Whether what looks so hides what is behind it."""

    def seen(self, clear: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which of the cells are in view: for each of k poses, (k, m), given which of them let light through."""


class Perceiver(Protocol):
    """Reads one kind of world. It sees what `env.step` returns as observation, and nothing else."""

    @property
    def vocabulary(self) -> Vocabulary:
        """What this world's states, rules and goals may mention."""

    def perceive(self, observation: Any) -> SceneGraph:
        """What the observation shows; raises `UnreadableObservation`."""

    def goal(self, observation: Any) -> Goal:
        """What the observation's instruction asks for; raises `UnreadableMission`."""

    def actions(self) -> tuple[Action, ...]:
        """The actions without arguments (those with arguments are grounded by the agent)."""

    def to_env(self, action: Action) -> Any:
        """The environment's own form of an action."""

    def sight(self, observation: Any) -> Sight | None:
        """How the agent sees, on a lattice of cells; None if it is on none, or that is not known."""

    def landmarks(self, new: Mapping[str, Position], heading: Position, look: Look) -> Iterable[tuple[str, ...]]:
        """Static facts about things seen for the first time.

        Args:
            new: where they are, from where the agent started, (0, 0).
            heading: where it faced there.
            look: how places look as far as they were seen.
        """


class SentenceReader(Protocol):
    """Reads sentences that a world's own grammar does not cover."""

    def facts(
        self, sentence: str, things: Mapping[str, str], examples: Sequence[tuple[str, Sequence[Literal]]] = ()
    ) -> tuple[Literal, ...]:
        """What a sentence says of the things that it names (with their types); nothing if it cannot be read.

        `examples` are sentences that the grammar covers, and what they say.
        """


@runtime_checkable
class Listening(Protocol):
    """A perceiver of a world that speaks in sentences."""

    def with_reader(self, reader: SentenceReader) -> Perceiver:
        """The same, which lets a reader read what its grammar does not cover."""


@runtime_checkable
class Exemplary(Protocol):
    """A perceiver that has examples of its world's missions to show."""

    def examples(self) -> tuple[tuple[str, Goal], ...]:
        """Missions in the world's own words, and what they ask for."""
