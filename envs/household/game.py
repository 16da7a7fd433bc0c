"""One household game as data: what a line of a file of games says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from worldwright.envs.household.pddl import MAX_CHARACTERS
from worldwright.world_model.errors import WorldwrightError

MAX_GOAL: Final = 400  # characters
_ASKS: Final = "Your task is to: "

Short = Annotated[str, Field(min_length=1, max_length=300)]


class BadGame(WorldwrightError):
    """A game that cannot be played; the message names it and says why."""


class Game(BaseModel):
    """A household game.

    Attributes:
        id: a name that no other game of its source has.
        task_type: one of ALFWorld's six.
        goal: the sentence `Your task is to: ...`.
        annotations: how people put the task.
        pddl_params: what the task is about (`object_target`, `parent_target`, `toggle_target`, ...).
        pddl_problem: the room, as a PDDL problem of ALFWorld's domain.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Short
    task_type: Short
    goal: Annotated[str, Field(min_length=1, max_length=MAX_GOAL)]
    annotations: Annotated[tuple[Short, ...], Field(max_length=100)] = ()
    pddl_params: Annotated[Mapping[Short, str | bool | None], Field(max_length=20)] = {}
    pddl_problem: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]

    @property
    def problem(self) -> str:
        """The PDDL problem."""
        return self.pddl_problem

    @property
    def mission(self) -> str:
        """What is to be done: the goal without its opening words and its full stop."""
        return self.goal.removeprefix(_ASKS).removesuffix(".")

    def line(self) -> str:
        """The game as one line of a file of games, without its end."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False)

    @classmethod
    def read(cls, line: str, name: str) -> Game:
        """The game of a line.

        Args:
            line: JSON as `line` writes it; what else it holds is read over.
            name: how to name the line in an error.

        Raises:
            BadGame: it is not such a line.
        """
        try:
            return cls.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the line"
            raise BadGame(f"{name} is not a household game: {where}: {first['msg']}") from error


def sentence(task: str) -> str:
    """The goal sentence of a task as the first observation says it."""
    return f"{_ASKS}{task}."
