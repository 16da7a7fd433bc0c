"""After each step: go on with the plan, plan again, or learn first."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from worldwright.planning.problem import Plan
from worldwright.planning.validation import still_leads
from worldwright.world_model.goal import Reach
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import State


class Verdict(StrEnum):
    """What to do after a step."""

    GO_ON = "go-on"
    REPLAN = "replan"
    LEARN = "learn"


class Monitor:
    """Compares what happened with what was expected, and simulates the rest of the plan from where it led."""

    def decide(
        self, surprised: bool, model: WorldModel, state: State, plan_rest: Plan, goals: Sequence[Reach]
    ) -> Verdict:
        """The verdict.

        Args:
            surprised: whether the observation contradicts the prediction.
            model: the laws.
            state: the belief now, made complete.
            plan_rest: the steps not yet done.
            goals: what the plan was made to reach, any one of them.
        """
        if surprised:
            return Verdict.LEARN
        return Verdict.GO_ON if still_leads(model, state, plan_rest, goals) else Verdict.REPLAN
