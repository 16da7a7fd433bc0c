"""A language model proposes each action; the world model lets it be done, or says which rule forbids it and why.

This is the loop of WALL-E 2.0 (Zhou et al., World Alignment by NeuroSymbolic Learning, 2025). What is not settled
within a few rounds is planned for instead.
"""

from __future__ import annotations

from collections.abc import Iterable

from worldwright.agent.advised import situation_of
from worldwright.agent.deciding import PlanningDecider
from worldwright.agent.events import Advised, Listener
from worldwright.agent.intention import Intention
from worldwright.agent.memory import Memory
from worldwright.agent.mind import Mind
from worldwright.planning.problem import Plan, PlanStep
from worldwright.world_model.goal import GoalTracker
from worldwright.world_model.model import Action
from worldwright.world_model.objections import Objection, objections
from worldwright.world_model.proposing.advice import Turn
from worldwright.world_model.proposing.reading import Options, Rejection
from worldwright.world_model.proposing.scenes import Labels
from worldwright.world_model.state import State

PURPOSE = "advice"


class ActionDecider(PlanningDecider):
    """Decides by what a language model proposes and the laws do not object to (policy `llm`)."""

    def __init__(self, mind: Mind, memory: Memory, tracker: GoalTracker) -> None:
        super().__init__(mind, memory, tracker)
        self._done: list[Action] = []
        self._idle: set[Action] = set()  # what was done since anything changed
        self._was: State | None = None

    def decide(self, intention: Intention | None, state: State, tell: Listener, step: int) -> Intention | None:
        """The next action that is proposed and accepted; where there is none, what planning says."""
        self._tell, self._step = tell, step
        if self._was is not None and self._was.difference(state):
            self._idle.clear()
        planned = intention if intention is not None and intention.purpose != PURPOSE else None
        found = self._proposed(state) or super().decide(planned, state, tell, step)
        if found is not None:
            self._done.append(found.next_action())
            self._idle.add(found.next_action())
        self._was = state
        return found

    def _proposed(self, state: State) -> Intention | None:
        adviser, goal = self._mind.adviser, self._tracker.remaining
        if adviser is None or adviser.asker.silent or goal is None or self._mind.curious:
            return None
        labels = Labels(adviser.words, state)
        actions = self._repertoire.actions(state, state.universe)
        options = options_of(actions, labels)
        situation = situation_of(labels, state, goal, self._done)
        turns: list[Turn] = []
        while options and len(turns) < self._mind.config.rounds:
            said = adviser.action(situation, options, turns)
            if said is None:
                break
            found = self._judged(said, frozenset(actions), labels, state, turns)
            if found is not None:
                return found
            options = options if isinstance(said, Rejection) else without(options, *said)
        self._say("", "given-up", f"{len(turns)} proposals were not accepted" if turns else "nobody answers")
        return None

    def _judged(
        self,
        said: tuple[str, tuple[str, ...]] | Rejection,
        actions: frozenset[Action],
        labels: Labels,
        state: State,
        turns: list[Turn],
    ) -> Intention | None:
        """What is proposed, if nothing speaks against it; else that is a turn of the conversation."""
        if isinstance(said, Rejection):
            turns.append(Turn(None, (said.reason,)))
            self._say("", "rejected", said.detail)
            return None
        name, args = said
        action = Action(name, tuple(map(labels.thing, args)))
        found = Intention(PURPOSE, Plan((PlanStep(action),)), self._mind.model, lambda end: True, trial=True)
        against = self._objections(found, actions, state)
        self._say(str(action), "rejected" if against else "accepted", "; ".join(map(str, against)))
        if not against:
            return found
        why = tuple(str(each._replace(missing=labels.text(each.missing))) for each in against)
        turns.append(Turn({"action": name, "args": list(args)}, why))
        return None

    def _objections(self, intention: Intention, actions: frozenset[Action], state: State) -> tuple[Objection, ...]:
        action = intention.next_action()
        if action not in actions:
            return (Objection("its things are not at hand"),)
        if action in self._idle:
            return (Objection("it was done here, and nothing changed"),)
        against = objections(self._mind.model.hopeful, state, action)
        if not against and self._goes_round(intention, state):
            return (Objection("it was done in this situation time and again"),)
        return against

    def _say(self, advice: str, verdict: str, why: str) -> None:
        self._tell(Advised.model_validate({"step": self._step, "advice": advice, "verdict": verdict, "why": why}))


def without(options: Options, name: str, args: tuple[str, ...]) -> Options:
    """The options but for one that was not taken, as far as it can be told from others: by at most one argument."""
    if len(args) > 1:
        return options
    places = [[other for other in place if other not in args] for place in options[name]]
    left = {name: places} if args and all(places) else {}
    return {action: left.get(action, some) for action, some in options.items() if action != name or left}


def options_of(actions: Iterable[Action], labels: Labels) -> Options:
    """For each action the names of the things that stand in its places in any of its forms."""
    places: dict[str, list[dict[str, None]]] = {}
    for action in actions:
        names = [labels.name(arg) for arg in action.args]
        for place, name in zip(places.setdefault(action.name, [{} for _ in names]), names, strict=True):
            place.update({name: None} if name is not None else {})
    return {name: [list(place) for place in some] for name, some in places.items()}
