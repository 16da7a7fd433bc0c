"""A plan that is being followed, and who decides which."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from worldwright.agent.events import Listener
from worldwright.planning.problem import Plan
from worldwright.planning.validation import Worth
from worldwright.world_model.goal import Reach
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import State


class Intention(NamedTuple):
    """A plan that is being followed.

    Attributes:
        purpose: goal, experiment, novelty, frontier, win or random.
        plan: what is left of it.
        model: the laws by which it works.
        worth: whether the state at its end is what it was made for.
        fresh: whether it was made just now.
        trial: whether its last action is done to see what happens.
        surprised: whether its last step did not do what was expected.
        serves: whether it still has something to show; it has served as soon as that is seen.
        goal: what holds at its end, before the trial if there is one; None: nothing that was named.
        hoped: the state that it was made from, if that is more than the believed one.
        onward: the plans from its end on with which it was chosen, to what is to be reached after the goal.
    """

    purpose: str
    plan: Plan
    model: WorldModel
    worth: Worth
    fresh: bool = True
    trial: bool = False
    surprised: bool = False
    serves: Callable[[], bool] = lambda: True
    goal: Reach | None = None
    hoped: State | None = None
    onward: tuple[Plan, ...] = ()

    def next_action(self) -> Action:
        """The action to do now."""
        return self.plan.steps[0].action

    def advanced(self) -> Intention:
        """The same after its next action."""
        return self._replace(plan=self.plan.rest(), fresh=False)

    def doubted(self) -> Intention:
        """The same after a surprise."""
        return self._replace(surprised=True)


class Decider(Protocol):
    """A policy: decides what to do next."""

    def decide(self, intention: Intention | None, state: State, tell: Listener, step: int) -> Intention | None:
        """The intention to follow now, its next action first; None to give the episode up.

        `state` is the optimistic one: what is unknown is as hoped.
        """
