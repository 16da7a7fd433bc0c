"""The policies: who decides what to do next while acting. While learning comes first, exploring decides for all."""

from __future__ import annotations

from collections.abc import Callable

from worldwright.agent.deciding import PlanningDecider
from worldwright.agent.intention import Decider
from worldwright.agent.memory import Memory
from worldwright.agent.mind import Mind
from worldwright.agent.proposed_actions import ActionDecider
from worldwright.agent.subgoals import SubgoalDecider
from worldwright.world_model.goal import GoalTracker

POLICIES: dict[str, Callable[[Mind, Memory, GoalTracker], Decider]] = {
    "pddl": PlanningDecider,
    "llm": ActionDecider,
    "hybrid": SubgoalDecider,
}
ADVISED = frozenset({"llm", "hybrid"})  # those that ask a language model
