"""What the steps of a plan are for: a step makes something so, and a later step or the goal needs it.

Such a pair is a causal link (McAllester & Rosenblitt, Systematic Nonlinear Planning, AAAI 1991): the condition does not
hold before the one step, holds from then on, and the other step's rule asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from worldwright.planning.problem import Plan
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import ActionRule, Condition
from worldwright.world_model.matching import Binding, Query
from worldwright.world_model.model import Action, Firing, Prediction, WorldModel
from worldwright.world_model.objections import filled, first_failing, first_lacking
from worldwright.world_model.state import State

GOAL = "goal"  # stands for a rule where it is the goal that asks for something


@dataclass(frozen=True)
class Link:
    """What the present step makes so, and what needs it.

    Attributes:
        condition: what it makes so.
        step: number of the step of the episode that needs it; None: it is what the plan is for.
        action: what is to be done in that step; None: it is what the plan is for.
        rule: the name of the rule that asks for it there; empty: it is what the plan is for.
    """

    condition: str
    step: int | None
    action: Action | None
    rule: str


@dataclass(frozen=True)
class Fault:
    """Why a course of action does not lead where it should.

    Attributes:
        step: number of the step of the episode that would do nothing; None: all work, but lead elsewhere.
        action: what is done in that step; None: all work.
        rule: the name of the rule that it counts on, or of the closest one; empty: there is none.
        missing: the condition that does not hold there.
    """

    step: int | None
    action: Action | None
    rule: str
    missing: str


@dataclass(frozen=True)
class Course:
    """What is left of a plan, seen from a state of an episode.

    Attributes:
        model: the laws that it counts on, the likeliest outcome of each taken for certain.
        state: where it begins.
        plan: its steps with the names of the rules that each counts on.
        first: number of its first step in the episode.
        goal: what holds where it leads; None: nothing that was named.
        trial: whether its last step is done to see what happens; `goal` is then where that is done.
    """

    model: WorldModel
    state: State
    plan: Plan
    first: int
    goal: Reach | None
    trial: bool

    @cached_property
    def predictions(self) -> tuple[Prediction, ...]:
        """What each step is to bring about."""
        state, found = self.state, []
        for action in self.plan.actions:
            found.append(self.model.predict(state, action))
            state = found[-1].state
        return tuple(found)

    @cached_property
    def states(self) -> tuple[State, ...]:
        """Before each step, and after the last that is counted on."""
        after = tuple(prediction.state for prediction in self.predictions)
        return (self.state, *(after[:-1] if self.trial else after))

    def links(self) -> tuple[Link, ...]:
        """What the first step makes so for later ones or the goal."""
        return tuple(dict.fromkeys((*self._links_to_steps(), *self._links_to_goal())))

    def _links_to_steps(self) -> Iterator[Link]:
        counted = len(self.plan) - self.trial
        for number in range(1, counted):
            for firing in self.predictions[number].firings:
                query = self.model.query(firing.rule)
                for condition in firing.rule.preconditions:
                    if self._is_made(query, condition, firing.binding, number):
                        said = filled(str(condition), firing.binding)
                        yield Link(said, self.first + number, self.plan.actions[number], firing.rule.name)

    def _links_to_goal(self) -> Iterator[Link]:
        if self.goal is None or len(self.states) < 2:
            return
        query = Query(self.model.vocabulary, self.goal.parameters, self.goal.conditions)
        binding = next(query.bindings(self.states[-1]), None)
        for condition in self.goal.conditions if binding is not None else ():
            if self._is_made(query, condition, binding or {}, len(self.states) - 1):
                yield Link(filled(str(condition), binding or {}), None, None, "")

    def _is_made(self, query: Query, condition: Condition, binding: Binding, needed: int) -> bool:
        """Whether the first step makes a condition so, and it stays so until it is needed."""
        holds = (query.test(condition, state, binding) for state in self.states[: needed + 1])
        return not next(holds) and all(holds)

    def fault(self, state: State, done: int = 0) -> Fault | None:
        """Why the steps but for the first few that were done do not lead where they should from another state."""
        counted = self.plan.steps[done : len(self.plan) - self.trial]
        for number, step in enumerate(counted, self.first + done):
            prediction = self.model.predict(state, step.action)
            if not prediction.change:
                rule, missing = self._closest(state, step.action, step.rules)
                return Fault(number, step.action, rule, missing)
            state = prediction.state
        missing = self._lacking(state)
        return Fault(None, None, "", missing) if missing else None

    def _closest(self, state: State, action: Action, counted: tuple[str, ...]) -> tuple[str, str]:
        rules = self.model.rules_for(action.name)
        named = [rule for rule in rules if rule.name in counted]
        return next(
            ((rule.name, missing) for rule, _, missing in by_closeness(self.model, state, action, named)), ("", "")
        )

    def _lacking(self, state: State) -> str:
        """What of the goal does not hold; empty: all of it does, or there is none."""
        if self.goal is None:
            return ""
        goal = self.goal
        return first_lacking(self.model.vocabulary, goal.parameters, goal.conditions, state, {})[1]

    def probability(self, believed: WorldModel) -> float:
        """The chance that every step does what it is to do, by laws that know of chance."""
        known = {rule.name: rule for rule in (*believed.hypotheses, *believed.rules)}
        counted = self.predictions[: len(self.plan) - self.trial]
        chance = 1.0
        for firing in (firing for prediction in counted for firing in prediction.firings):
            chance *= _chance(firing, known.get(firing.rule.name, firing.rule))
        return chance


def by_closeness(
    model: WorldModel, state: State, action: Action, rules: list[ActionRule]
) -> list[tuple[ActionRule, int, str]]:
    """Rules of an action, those first that lack fewest conditions, each with the first that fails."""
    failing = [(rule, *first_failing(model, state, rule, action)) for rule in rules]
    return sorted(failing, key=lambda each: len(each[0].preconditions) - each[1])


def _chance(firing: Firing, believed: ActionRule) -> float:
    """The probability of the outcome that a firing rule's likeliest is taken for."""
    effects = firing.rule.likeliest().effects
    return next((o.probability for o in believed.outcomes if o.effects == effects), 1.0)
