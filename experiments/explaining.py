"""What a model says that an action would do in a recorded state: which rule says so, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from worldwright.agent.events import plain
from worldwright.experiments.folder import RunFolder
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.experience import ExperienceBuffer
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.objections import first_failing
from worldwright.world_model.sexpr import parse_one
from worldwright.world_model.state import State, Value, atom_of
from worldwright.world_model.transition import Transition


class NotRecorded(WorldwrightError):
    """An episode or a step that a recording does not have; the message says which it has."""


def recorded(path: Path, model: WorldModel, episode: int, step: int) -> Transition:
    """A transition of a run folder or an experience file.

    Raises:
        NotRecorded: it has no such episode or step.
        WorldwrightError: it cannot be read, or is of another vocabulary than the model.
    """
    file = RunFolder(path).experience if path.is_dir() else path
    buffer = ExperienceBuffer.load(file, model.vocabulary)
    steps = {transition.step: transition for transition in buffer if transition.episode == episode}
    if step in steps:
        return steps[step]
    if steps:
        raise NotRecorded(f"{file}: episode {episode} has the steps {min(steps)} to {max(steps)}, not {step}")
    numbers = sorted({transition.episode for transition in buffer})
    known = f"those from {numbers[0]} to {numbers[-1]}" if numbers else "none"
    raise NotRecorded(f"{file}: no episode {episode}; it has {known}")


def action_of(text: str, model: WorldModel) -> Action:
    """The action that a text names: `toggle`, `(toggle)`, `(go-to fridge1)`; raises `WorldwrightError`."""
    known = {signature.name for signature in model.vocabulary.actions}
    name, args = atom_of(parse_one(text if text.startswith("(") else f"({text})"))
    if name not in known:
        raise WorldwrightError(f"unknown action {name!r}; known: {', '.join(sorted(known))}")
    return Action(name, args)


def explain(model: WorldModel, transition: Transition, action: Action) -> Iterator[str]:
    """Lines that say what the action does in the state before the transition, and why."""
    state = transition.before
    yield f"episode {transition.episode} step {transition.step}: {action}"
    for possible in model.possibilities(state, action):
        share = f" (probability {possible.probability:.3g})" if possible.probability < 1 else ""
        yield from _changes(f"predicted{share}", state, plain(possible.change))
    firings = list(model.firings(state, action))
    for firing in firings:
        yield f"because {firing}: {firing.rule.evidence}"
    applying = {firing.rule.name for firing in firings}
    for rule in model.rules_for(action.name):
        if rule.name not in applying:
            _, missing = first_failing(model, state, rule, action)
            yield f"not {rule.name}: {f'{missing} does not hold' if missing else 'it would change nothing'}"
    if not model.rules_for(action.name):
        yield f"the model has no rule of {action.name}"
    if action == transition.action:
        yield from _changes("observed", state, plain(transition.change()))


def _changes(what: str, state: State, change: Mapping[str, Value | None]) -> Iterator[str]:
    if not change:
        yield f"{what}: nothing changes"
    for fluent, value in change.items():
        before = state.value(tuple(fluent[1:-1].split()))
        yield f"{what}: {fluent} {_shown(before)} -> {_shown(value)}"


def _shown(value: Value | None) -> str:
    return "false" if value is None else "true" if value is True else str(value)
