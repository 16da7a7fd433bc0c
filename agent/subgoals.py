"""A language model says which states to reach on the way to a goal; plans lead from one to the next."""

from __future__ import annotations

from worldwright.agent.advised import situation_of
from worldwright.agent.deciding import PlanningDecider
from worldwright.agent.events import Advised
from worldwright.agent.intention import Intention
from worldwright.agent.memory import Memory
from worldwright.agent.mind import Mind
from worldwright.world_model.errors import Inexpressible
from worldwright.world_model.goal import AnyOf, Goal, GoalTracker, Reach, next_reaches
from worldwright.world_model.model import WorldModel
from worldwright.world_model.proposing.advice import Turn
from worldwright.world_model.proposing.adviser import Adviser
from worldwright.world_model.proposing.reading import Rejection
from worldwright.world_model.proposing.scenes import Labels
from worldwright.world_model.proposing.schema import goal_data
from worldwright.world_model.state import State

PURPOSE = "subgoal"
Stage = tuple[Reach, ...]  # formulas of which one is to be reached


class SubgoalDecider(PlanningDecider):
    """Decides by planning to subgoals that a language model proposes (policy `hybrid`).

    A subgoal that cannot be reached, or holds already, goes back with the reason. After so many of these in a row as
    the configuration has rounds, or once all subgoals came about, the whole goal is planned for to the end of the
    episode.
    """

    def __init__(self, mind: Mind, memory: Memory, tracker: GoalTracker) -> None:
        super().__init__(mind, memory, tracker)
        self._stages: list[Stage] = []
        self._turns: list[Turn] = []
        self._without = False

    def _goal(self, model: WorldModel, state: State, purpose: str = "goal") -> Intention | None:
        adviser, goal = self._mind.adviser, self._tracker.remaining
        if purpose == "goal" and goal is not None and adviser is not None and not self._without | self._mind.curious:
            found = self._toward(adviser, goal, model, state)
            if found is not None:
                return found
        return super()._goal(model, state, purpose)

    def _toward(self, adviser: Adviser, goal: Goal, model: WorldModel, state: State) -> Intention | None:
        """A plan to the next subgoal that can be reached."""
        if self._stages and self._holds(self._stages[0], state):
            self._turns.clear()  # it came about
            del self._stages[0]
            if not self._stages:  # all did: the rest is the goal itself
                self._without = True
                return None
        while len(self._turns) < self._mind.config.rounds:
            if not self._stages and not self._ask(adviser, goal, state):
                break
            found = self._planned(adviser, model, state) if self._stages else None
            if found is not None:
                return found
        self._without = True
        self._say("", "given-up", f"{len(self._turns)} answers were of no use" if self._turns else "nobody answers")
        return None

    def _ask(self, adviser: Adviser, goal: Goal, state: State) -> bool:
        """Ask for subgoals; whether there was an answer, of use or not."""
        labels = Labels(adviser.words, state)
        said = adviser.subgoals(situation_of(labels, state, goal), self._turns)
        if isinstance(said, Rejection):
            self._turns.append(Turn(None, (said.reason,)))
            self._say("", "rejected", said.detail)
        elif said is not None:
            self._stages = [stage for stage in stages(said) if not self._holds(stage, state)]
            if not self._stages:
                self._refuse(adviser, said, "it holds already")
        return said is not None

    def _planned(self, adviser: Adviser, model: WorldModel, state: State) -> Intention | None:
        """A plan to the first subgoal; if there is none, no subgoal is left."""
        stage = self._stages[0]
        found = self._reach(stage, model, state, PURPOSE)
        if found is None:
            self._stages.clear()
            self._refuse(adviser, _whole(stage), "under the known rules nothing that is known leads to it")
        else:
            self._say(str(_whole(stage)), "accepted", "")
        return found

    def _refuse(self, adviser: Adviser, said: Goal, why: str) -> None:
        try:
            self._turns.append(Turn(goal_data(adviser.words, said), (why,)))
        except Inexpressible:
            self._turns.append(Turn(None, (why,)))
        self._say(str(said), "rejected", why)

    def _holds(self, stage: Stage, state: State) -> bool:
        return any(self._tracker.query(reach).holds(state) for reach in stage)

    def _say(self, advice: str, verdict: str, why: str) -> None:
        self._tell(Advised.model_validate({"step": self._step, "advice": advice, "verdict": verdict, "why": why}))


def stages(goal: Goal) -> list[Stage]:
    """What is to be reached, in the order in which it was said; of alternatives any."""
    if isinstance(goal, Reach | AnyOf):
        return [tuple(next_reaches(goal))]
    return [stage for part in goal.parts for stage in stages(part)]


def _whole(stage: Stage) -> Goal:
    return stage[0] if len(stage) == 1 else AnyOf(stage)
