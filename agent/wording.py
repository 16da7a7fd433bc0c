"""What a mission asks for: read by the world's own grammar or, where that cannot and it is wished, a language model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from worldwright.agent.asking import drained
from worldwright.agent.events import Interpreted, Listener
from worldwright.agent.mind import Mind
from worldwright.envs.perceiver import Exemplary, UnreadableMission
from worldwright.world_model.goal import AnyOf, Goal, Reach
from worldwright.world_model.language import Literal, is_variable
from worldwright.world_model.proposing.prompts import MAX_SENTENCE
from worldwright.world_model.proposing.reading import Rejection
from worldwright.world_model.scene_graph import SceneGraph
from worldwright.world_model.state import State


def read_mission(mind: Mind, observation: Any, tell: Listener) -> tuple[Goal, tuple[Interpreted, ...]]:
    """The goal of an episode, and what is to be told of how it was found.

    Raises:
        UnreadableMission: nobody can read it, or it cannot be; says why, and that is told.
        UnreadableObservation: the observation is not of the form that the perceiver reads.
    """
    try:
        return mind.perceiver.goal(observation), ()
    except UnreadableMission as problem:
        sentence = observation.get("mission") if isinstance(observation, Mapping) else None
        readable = isinstance(sentence, str) and 0 < len(sentence.strip()) <= len(sentence) <= MAX_SENTENCE
        if mind.config.reader != "llm" or mind.adviser is None or not readable:
            raise
        unread = str(problem)
    found, why = _interpreted(mind, str(sentence), mind.perceiver.perceive(observation))
    event = Interpreted(step=0, sentence=str(sentence), goal=str(found or ""), why=why)
    if found is not None:
        return found, (event,)
    for told in (*drained(mind.notes, 0), event):
        tell(told)
    raise UnreadableMission(f"{unread}; {why}")


def _interpreted(mind: Mind, sentence: str, graph: SceneGraph) -> tuple[Goal | None, str]:
    """What a language model makes of a sentence where this is seen, or why it makes nothing of it."""
    assert mind.adviser is not None
    examples = mind.perceiver.examples() if isinstance(mind.perceiver, Exemplary) else ()
    found = mind.adviser.goal(sentence, words_for(graph.state), examples)
    if found is None:
        return None, "no language model answers"
    if isinstance(found, Rejection):
        return None, f"by a language model's answer it is no goal ({found.detail})"
    missing = absent(found, graph)
    return (None, f"a language model reads it as {found}, but there is no {missing} here") if missing else (found, "")


def words_for(state: State) -> dict[str, list[str]]:
    """The constants that what is seen is described by, by predicate."""
    constants = state.universe.vocabulary.constant_types
    found: dict[str, set[str]] = {}
    for predicate in state.universe.vocabulary.predicates:
        described = predicate.functional and len(predicate.types) == 2
        if described and set(state.universe.objects(predicate.types[1])) <= constants.keys():
            found[predicate.name] = {str(state.value(fluent)) for fluent in state.fluents(predicate.name)}
    return {name: sorted(values) for name, values in found.items() if values}


def absent(goal: Goal, graph: SceneGraph) -> str:
    """A sort of place that a goal needs where places are seen and none is of that sort; empty: none is missing."""
    if graph.containment is None:
        return ""
    sort = graph.containment.sort
    seen = {str(graph.state.value(fluent)) for fluent in graph.state.fluents(sort)}
    return _lacking(goal, sort, seen) if seen else ""


def _lacking(goal: Goal, sort: str, seen: set[str]) -> str:
    if isinstance(goal, Reach):
        return next((value for value in _sorts(goal, sort) if value not in seen), "")
    lacking = [_lacking(part, sort, seen) for part in goal.parts]
    return lacking[0] if isinstance(goal, AnyOf) and all(lacking) else "" if isinstance(goal, AnyOf) else max(lacking)


def _sorts(reach: Reach, sort: str) -> Iterable[str]:
    for condition in reach.conditions:
        if isinstance(condition, Literal) and condition.positive and condition.atom.predicate == sort:
            value = condition.atom.args[-1]
            if not is_variable(value):
                yield value
