"""What did not come about in an episode though the laws foretold it: where it is not to be planned on again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from worldwright.agent.intention import Intention
from worldwright.planning.bars import Barred, Situation
from worldwright.world_model.language import ActionRule
from worldwright.world_model.state import Fluent, State

_FAILURES = 2  # times that a step may fail in the same situation before other ways are looked for
_REFUTED = 0.05  # the chance of so many failures in an episode from which on a rule is no more relied on


@dataclass
class Failures:
    """Steps of plans that were to have an effect and had none."""

    _steps: Counter[tuple[str, Situation]] = field(default_factory=Counter)
    _rules: Counter[str] = field(default_factory=Counter)

    def note(self, intention: Intention, before: State, after: State) -> None:
        """Remember the intention's next action, if it failed: what the laws miss there may go on being so.

        What may matter is what is so of the agent itself and of the action's arguments, whichever things these are.
        """
        action = intention.next_action()
        if before == after and intention.model.foretold(before, action):
            said = {arg: f"?{index}" for index, arg in enumerate(action.args)}
            facts = {f: value for f, value in before.values.items() if len(f) == 1 or f[1] in said}
            there = frozenset(
                (tuple(said.get(term, term) for term in fluent), said.get(str(value), value))
                for fluent, value in (dict.fromkeys(_traits(action.args, before)) | facts).items()
            )
            self._steps[action.name, there] += 1
            self._rules.update(intention.plan.steps[0].rules)

    def barred(self) -> Barred:
        """What failed so often in a situation that it is not to be planned there again in this episode."""
        return frozenset(step for step, number in self._steps.items() if number >= _FAILURES)

    def not_refuted(self, rules: Sequence[ActionRule]) -> tuple[ActionRule, ...]:
        """The rules that did not fail more often in this episode than by their chances."""
        return tuple(rule for rule in rules if (1 - _chance(rule)) ** max(0, self._rules[rule.name] - 1) > _REFUTED)


def _traits(things: Sequence[str], state: State) -> list[Fluent]:
    """What may or may not be so of things alone."""
    vocabulary = state.universe.vocabulary
    said = [p for p in vocabulary.predicates if not p.functional and not p.static and len(p.types) == 1]
    types = [(thing, state.universe.types[thing]) for thing in things if thing in state.universe.types]
    return [(p.name, thing) for thing, type_ in types for p in said if vocabulary.is_a(type_, p.types[0])]


def _chance(rule: ActionRule) -> float:
    """The probability that something comes of a rule."""
    return sum(outcome.probability for outcome in rule.outcomes if outcome.effects)
