"""After each step: go on with the plan, plan again, or learn first."""

from __future__ import annotations

from enum import StrEnum

from worldwright.planning.problem import Plan
from worldwright.planning.validation import Worth, still_leads
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
        self, surprised: bool, model: WorldModel, state: State, plan_rest: Plan, worth: Worth, trial: bool = False
    ) -> Verdict:
        """The verdict.

        Args:
            surprised: whether the observation contradicts the prediction.
            model, state, plan_rest, worth, trial: as for `still_leads`; `state` is the belief made complete.
        """
        if surprised:
            return Verdict.LEARN
        leads = bool(plan_rest.steps) and still_leads(model, state, plan_rest, worth, trial)
        return Verdict.GO_ON if leads else Verdict.REPLAN
