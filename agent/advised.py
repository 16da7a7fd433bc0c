"""What a language model is shown of where the agent is."""

from __future__ import annotations

from collections.abc import Iterable

from worldwright.world_model.goal import Goal, constants_of
from worldwright.world_model.model import Action
from worldwright.world_model.proposing.advice import Situation
from worldwright.world_model.proposing.scenes import Labels, facts_near
from worldwright.world_model.state import State

MAX_DONE = 6  # actions that are shown
MAX_THINGS = 40  # names of things of a type


def situation_of(labels: Labels, state: State, goal: Goal, done: Iterable[Action] = ()) -> Situation:
    """A state as it is shown: what is near the agent, and what is of the kinds that the goal speaks of."""
    wanted = constants_of(goal)
    concerned = [fluent[1] for fluent, value in sorted(state.values.items()) if value in wanted and len(fluent) == 2]
    names: dict[str, list[str]] = {}
    for thing in dict.fromkeys(concerned):
        names.setdefault(state.universe.types[thing], []).append(labels.name(thing) or "")
    things = {type_: some[:MAX_THINGS] for type_, some in names.items()}
    shown = tuple(labels.text(str(action)) for action in [*done][-MAX_DONE:])
    return Situation(labels.text(str(goal)), facts_near(labels, state, concerned), shown, things)
