"""One episode from the inside: what the agent believes, wants and expects, from step to step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from worldwright.agent.asking import drained
from worldwright.agent.creed import Creed, intended
from worldwright.agent.events import (
    Acted,
    EpisodeStarted,
    GoalProgressed,
    Listener,
    Observed,
    Revised,
    Rewarded,
    Surprised,
    Unread,
    plain,
)
from worldwright.agent.intention import Decider, Intention
from worldwright.agent.learner import Revision
from worldwright.agent.memory import Habits, Memory, Sighting
from worldwright.agent.mind import Mind
from worldwright.world_model.goal import Goal, GoalTracker, all_reaches, constants_of
from worldwright.world_model.model import Action, Prediction
from worldwright.world_model.scene_graph import SceneGraph
from worldwright.world_model.state import Change, Fluent, State, Value
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import ENDED, GOAL_HOLDS, WON

_UNLIKELY = 0.02  # an outcome that the model gives less chance than this surprises


@dataclass
class Episode:
    """The agent's side of one episode.

    Args:
        mind: what it knows beyond this episode.
        goal: what was asked for.
        number: of the episode, for the experience's provenance.
        tell: who hears the events.
        heard: whether anybody does; what is only to be told is not worked out otherwise.
    """

    mind: Mind
    goal: Goal
    number: int
    tell: Listener
    decide_by: Callable[[Mind, Memory, GoalTracker], Decider]
    heard: bool = True
    plans: int = 0
    surprises: int = 0
    step: int = 0
    memory: Memory = field(init=False)
    _intention: Intention | None = None
    _creed: Creed = field(default_factory=Creed)

    def __post_init__(self) -> None:
        perceiver = self.mind.perceiver
        frozen = self.mind.learner is None
        self.memory = Memory(perceiver.vocabulary, perceiver.landmarks, quick=frozen, asked=self._asked())
        self.tracker = GoalTracker(perceiver.vocabulary, self.goal)
        self._decider = self.decide_by(self.mind, self.memory, self.tracker)
        self._state = self._hoped = State({}, self.memory.belief.universe)

    def _asked(self) -> frozenset[str] | None:
        """The predicates that the goal or the laws speak of, if nobody can come to speak of others."""
        mind = self.mind
        fixed = mind.learner is None and mind.adviser is None
        asked = (reach.predicates for reach in all_reaches(self.goal))
        return mind.model.asked.union(*asked) if fixed else None

    def begin(self, observation: Any, env_id: str, seed: int, mission: str) -> None:
        """Take in the first observation."""
        if self.mind.learner is None:
            self.mind.explorer.forget()  # a frozen agent takes nothing from one episode to the next
        graph = self.mind.perceiver.perceive(observation)
        if self.mind.config.memory == "map":
            self.memory.sight = self.mind.perceiver.sight(observation)
        sighting = self.memory.update(graph)
        if self.heard:
            self.tell(EpisodeStarted(step=0, env_id=env_id, seed=seed, mission=mission, goal=str(self.goal)))
        self._tell_unread(graph)
        self._believe(sighting, {})
        self._ask_for_places()
        self.tell_beliefs()
        self.tell_notes()

    def decide(self) -> Action | None:
        """What to do next; None if nothing is worth doing in this episode any more."""
        self._hoped = self.memory.belief.optimistic()
        self._intention = self._decider.decide(self._intention, self._hoped, self.tell, self.step)
        self.tell_notes()
        if self._intention is None:
            return None
        self.plans += self._intention.fresh
        self.tell_beliefs()
        if self.heard and self._intention.fresh:
            self.tell(intended(self._intention, self._hoped, self.step))
        action = self._intention.next_action()
        if self.heard:
            self.tell(self._acted(action, self._intention.purpose))
        return action

    def _acted(self, action: Action, purpose: str) -> Acted:
        prediction = self.mind.model.predict(self._state, action)
        rules = tuple(firing.rule.name for firing in prediction.firings)
        predicted = plain(prediction.change)
        return Acted(step=self.step, action=str(action), purpose=purpose, rules=rules, predicted=predicted)

    def observe(self, action: Action, observation: Any, reward: float, terminated: bool, truncated: bool) -> None:
        """Take in what followed an action: remember it, compare it with what was expected, and learn."""
        self.step += 1
        before, possible = self._state, self.mind.model.possibilities(self._state, action)
        graph = self.mind.perceiver.perceive(observation)
        sighting = self.memory.update(
            graph,
            possible if self.mind.config.predictor else (),
            partial(self._habits, action),
        )
        if sighting.certain:
            self.mind.ways.setdefault(action.name, Counter())[self.memory.moved] += 1
        if self.heard:
            self.tell(Rewarded(step=self.step, reward=reward, terminated=terminated, truncated=truncated))
        self._tell_unread(graph)
        end: dict[Fluent, Value | None] = {(ENDED,): True if terminated else None}
        end[(WON,)] = True if terminated and reward > 0 else None
        self._believe(sighting, end)
        transition = Transition(
            before, action, self._state, sighting.observed, sighting.certain, self.number, self.step - 1
        )
        surprised = self._compare(transition, possible)
        self.mind.explorer.rely([firing.rule.name for firing in possible[0].firings], surprised)
        self._learn(transition, surprised)

    def _habits(self, action: Action) -> Habits:
        mind = self.mind
        return Habits(mind.experience(action, self._hoped), mind.usual_ways(action), mind.walks(action))

    def _believe(self, sighting: Sighting, end: Change) -> None:
        before = self._state
        belief = self.memory.belief
        belief.update(end)
        if self.mind.config.memory == "view":
            belief.forget_all_but(sighting.observed)
        held = self.tracker.remaining
        remaining = self.tracker.update(belief.state())
        belief.update({(GOAL_HOLDS,): True if remaining is None else None})
        self._state = belief.state()
        if self.heard:
            change = plain(before.difference(self._state))
            self.tell(Observed(step=self.step, change=change, certain=sighting.certain, discovered=sighting.discovered))
        if self.heard and remaining != held:
            self.tell(GoalProgressed(step=self.step, remaining=str(remaining or "")))

    def _compare(self, transition: Transition, possible: list[Prediction]) -> bool:
        """Whether what was seen to happen has next to no chance in the model."""
        if not transition.certain and self.mind.learner is not None:
            return False
        if any(p.probability >= _UNLIKELY and not _differences(transition, p) for p in possible):
            return False
        self.surprises += 1
        differences = _differences(transition, possible[0])
        shown = {f"({' '.join(fluent)})": values for fluent, values in sorted(differences.items())}
        self.tell(Surprised(step=self.step, action=str(transition.action), differences=shown))
        return True

    def _learn(self, transition: Transition, surprised: bool) -> None:
        learner = self.mind.learner
        change = transition.change()
        moved = transition.certain and bool(change)
        self.mind.explorer.note(transition.action, self._hoped, surprised, learner, moved, change)
        if surprised and self._intention is not None:
            self._intention = self._intention.doubted()
        if learner is None:
            return
        self._learn_findings(transition)
        revision = learner.take(transition, surprised)
        if revision is not None:
            self.mind.model = learner.model
            self._tell_revision(revision)
        self.mind.model = learner.model
        self.tell_beliefs()
        self.tell_notes()

    def _learn_findings(self, transition: Transition) -> None:
        """Count what was found in places that show it now for the first time."""
        words, learner = self.memory.containment, self.mind.learner
        if words is None or learner is None:
            return
        before, after = transition.before, transition.after
        for place in after.universe.objects(words.place):
            if after.value((words.known, place)) and not before.value((words.known, place)):
                items = [f[1] for f, value in after.values.items() if f[0] == words.inside and value == place]
                was_here = any(len(fluent) == 1 and value == place for fluent, value in before.values.items())
                kinds = [str(after.value((words.kind, item))) for item in items]
                learner.found(str(after.value((words.sort, place))), kinds, was_here)

    def _ask_for_places(self) -> None:
        """Let a language model say where the kinds of things that are wanted usually are, among the places known."""
        words, vocabulary = self.memory.containment, self.mind.perceiver.vocabulary
        if words is None:
            return
        kind = vocabulary.predicate(words.kind).types[-1]
        wanted = [name for name in sorted(constants_of(self.goal)) if vocabulary.constant_types[name] == kind]
        sorts = {str(self._state.value(fluent)): None for fluent in self._state.fluents(words.sort)}
        self.mind.ask_for_places(wanted, tuple(sorts))

    def tell_notes(self) -> None:
        """Tell what was asked of a language model since, and what became of its answers."""
        for event in drained(self.mind.notes, self.step):
            self.tell(event)

    def tell_beliefs(self) -> None:
        """Tell what is believed of the laws, as far as it is not told yet."""
        for event in self._creed.news(self.mind.model, self.step) if self.heard else ():
            self.tell(event)

    def _tell_unread(self, graph: SceneGraph) -> None:
        if graph.unread:
            self.tell(Unread(step=self.step, sentences=graph.unread))

    def _tell_revision(self, revision: Revision) -> None:
        self.tell(
            Revised(
                step=self.step,
                cause=revision.cause,
                added=tuple(rule.name for rule in revision.added),
                removed=tuple(rule.name for rule in revision.removed),
            )
        )


def _differences(transition: Transition, prediction: Prediction) -> dict[Fluent, tuple[Value | None, Value | None]]:
    """The observed fluents, known before, for which the prediction and the observation differ."""
    seen = transition.change()
    if prediction.change == seen:  # as it mostly is
        return {}
    fluents = [f for f in {**prediction.change, **seen} if transition.is_observed(f)]
    return {
        fluent: (prediction.value(fluent), transition.after.value(fluent))
        for fluent in fluents
        if prediction.value(fluent) != transition.after.value(fluent)
    }
