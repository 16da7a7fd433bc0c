"""Ways that are open only to who fetches something first, like a locked door: what is behind them may be worth that.

What is kept under lock is likelier to be what is asked for than what lies about, so far as nothing is known of either.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from worldwright.agent.memory import Memory
from worldwright.envs.perceiver import Sight
from worldwright.planning.lookahead import Lookahead, Lookaheads
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import ActionRule, LiftedAtom, Literal, is_variable
from worldwright.world_model.model import WorldModel
from worldwright.world_model.scene_graph import Appearance
from worldwright.world_model.state import Fluent, State, Universe, Value, own_fluents

LIKELIER = 3.0  # how much more a cell behind a guarded way is worth than another
_MOST = 10_000  # cases that are remembered
_THING, _HELD = "thing", "held"

Ways = tuple[Reach, ...]
_Case = tuple[Appearance, tuple[tuple[Fluent, Value], ...], tuple[tuple[Fluent, Appearance], ...]]


@dataclass
class Guarded:
    """Finds guarded ways, and remembers from episode to episode what is one under the laws."""

    _rules: tuple[ActionRule, ...] = ()
    _cleared: dict[tuple[Sight, Appearance], list[tuple[str, str]]] = field(default_factory=dict)
    _direct: dict[tuple[object, ...], bool] = field(default_factory=dict)

    def ways(
        self, memory: Memory, model: WorldModel, lookaheads: Lookaheads, state: State, asked: Collection[str]
    ) -> Ways:
        """What is to be so for a guarded way to be open, for each that may be opened with what was seen.

        Args:
            memory: of the episode.
            model: the laws.
            lookaheads: under them.
            state: what is known.
            asked: the predicates that the goal speaks of: what it asks for is for its own plans.
        """
        fetching = lookaheads.of(model)
        leaving = lookaheads.of(model, leaving=True)
        if memory.sight is None or fetching is None or leaving is None:
            return ()
        if model.rules != self._rules or len(self._direct) > _MOST:
            self._rules, self._cleared, self._direct = model.rules, {}, {}
        own = [(fluent, state.value(fluent)) for fluent in own_fluents(model.vocabulary)]
        body = tuple((fluent, value) for fluent, value in own if value in model.vocabulary.constant_types)
        held = tuple((fluent, memory.looked[str(value)][0]) for fluent, value in own if value in memory.looked)
        looks = {code: look for look, code in memory.looked.values()}  # many things look alike
        clearing = {code: self._clearing(model, memory.sight, look) for code, look in looks.items()}
        found = [
            Reach((), (Literal(LiftedAtom(predicate, (thing, value))),))
            for thing, (look, code) in memory.looked.items()
            for predicate, value in clearing[code]
            if predicate not in asked and not self._is_direct(leaving, (look, body, held), predicate, value)
        ]
        return tuple(fetching.prospects.all_reachable(state, found))

    def _clearing(self, model: WorldModel, sight: Sight, look: Appearance) -> list[tuple[str, str]]:
        """What the laws can bring about that lets light pass what looks so and hides what is behind it."""
        if (sight, look) not in self._cleared:
            effects = (effect for rule in model.rules for effect in rule.likeliest().effects)
            atoms = (each.atom for each in effects if isinstance(each, Literal) and each.positive)
            changes = sorted({(a.predicate, a.args[-1]) for a in atoms if len(a.args) == 2})
            self._cleared[sight, look] = [
                (predicate, value)
                for predicate, value in (changes if sight.blocks(look) else ())
                if not is_variable(value)
                and not sight.blocks(tuple((name, value if name == predicate else was) for name, was in look))
            ]
        return self._cleared[sight, look]

    def _is_direct(self, leaving: Lookahead, case: _Case, predicate: str, value: str) -> bool:
        """Whether the laws that leave things where they are bring it about by what the agent has in its hands."""
        key = case, predicate, value
        if key not in self._direct:
            look, body, held = case
            vocabulary = leaving.vocabulary
            values: dict[Fluent, Value] = dict(body)
            things = {_THING: look, **{f"{_HELD}-{number}": looks for number, (_, looks) in enumerate(held)}}
            values |= {fluent: f"{_HELD}-{number}" for number, (fluent, _) in enumerate(held)}
            values |= {(name, thing): was for thing, looks in things.items() for name, was in looks}
            goal = Reach((), (Literal(LiftedAtom(predicate, (_THING, value))),))
            self._direct[key] = leaving.prospects.may_reach(State(values, Universe(vocabulary)), [goal])
        return self._direct[key]


@dataclass
class Offer:
    """What it took to look behind guarded ways when that was planned last.

    Attributes:
        ways: which.
        step: of the episode.
        steps: that the plan took.
        price: the steps for each cell's worth of what is seen then.
    """

    ways: Ways = ()
    step: int = 0
    steps: int = 1
    price: float = 0.0

    def may_be_cheaper(self, ways: Ways, step: int, price: float) -> bool:
        """Whether the price may be lower by now: no step brings them nearer by more than one, but for what is found."""
        return self.ways != ways or self.price * max(0.0, 1 - (step - self.step) / self.steps) < price
