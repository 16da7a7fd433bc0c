"""How an exchange with a server fails."""

from __future__ import annotations

from worldwright.world_model.chat.request import Unreachable


class Refused(Unreachable):
    """The server answered with an error: its HTTP status and what it said."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"the server answered {status}")
        self.status, self.said = status, said


class Lost(Unreachable):
    """No connection, or one that broke."""


class Late(Unreachable):
    """No whole answer in time."""
