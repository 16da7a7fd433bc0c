"""What an agent believes and intends, as the events that tell of it: enough to say why it did what it did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from worldwright.agent.events import Believed, Intended, plain
from worldwright.agent.intention import Intention
from worldwright.world_model.language import ActionRule
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import State
from worldwright.world_model.syntax import show_rule

Rules = tuple[ActionRule, ...]


@dataclass
class Creed:
    """The rules that were told of so far, by action."""

    _told: dict[str, tuple[Rules, Rules]] = field(default_factory=dict)
    _last: tuple[Rules, Rules] = ((), ())

    def news(self, model: WorldModel, step: int) -> Iterator[Believed]:
        """The actions of which something else is believed than was told, be it but the evidence."""
        if self._last[0] is model.rules and self._last[1] is model.hypotheses:
            return
        self._last = model.rules, model.hypotheses
        for action in (signature.name for signature in model.vocabulary.actions):
            rules = tuple(model.rules_for(action))
            hypotheses = tuple(rule for rule in model.hypotheses if rule.action == action)
            if self._told.get(action, ((), ())) != (rules, hypotheses):
                self._told[action] = rules, hypotheses
                texts = [tuple(map(show_rule, some)) for some in (rules, hypotheses)]
                yield Believed(step=step, action=action, rules=texts[0], hypotheses=texts[1])


def intended(intention: Intention, believed: State, step: int) -> Intended:
    """The event that tells of an intention, formed in a believed state."""
    hoped = intention.hoped or believed
    known = believed.universe.types
    return Intended(
        step=step,
        purpose=intention.purpose,
        plan=tuple(map(str, intention.plan.actions)),
        rules=tuple(step.rules for step in intention.plan.steps),
        goal=str(intention.goal or ""),
        trial=intention.trial,
        hopes=plain(believed.difference(hoped)),
        things={name: type_ for name, type_ in hoped.universe.types.items() if name not in known},
        onward=tuple(str(action) for plan in intention.onward for action in plan.actions),
    )
