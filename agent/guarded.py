"""Ways that are open only to who fetches something first, like a locked door: what is behind them may be worth that.

What is kept under lock is likelier to be what is asked for than what lies about, so far as nothing is known of either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from worldwright.agent.memory import Memory
from worldwright.planning.lookahead import Lookahead
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import ActionRule, LiftedAtom, Literal, is_variable
from worldwright.world_model.model import WorldModel
from worldwright.world_model.scene_graph import Appearance
from worldwright.world_model.state import Fluent, State, own_fluents

LIKELIER = 3.0  # how much more a cell behind a guarded way is worth than another

_Ways = tuple[Reach, ...]


@dataclass
class Guarded:
    """The guarded ways of an episode in a world whose agent has eyes.

    Args:
        memory: of the episode.
    """

    memory: Memory
    _own: list[Fluent] = field(init=False)
    _known: object = None  # what the ways depend on, when they were looked for
    _ways: _Ways = ()
    _rules: tuple[ActionRule, ...] = ()
    _cleared: dict[Appearance, list[tuple[str, str]]] = field(default_factory=dict)  # by look: what lets light through
    _offer: tuple[_Ways, int, int, float] = ((), 0, 0, 0.0)  # what was asked last: when, how many steps, the price

    def __post_init__(self) -> None:
        self._own = own_fluents(self.memory.vocabulary)

    def ways(
        self, model: WorldModel, fetching: Lookahead, leaving: Lookahead, state: State, asked: Collection[str]
    ) -> _Ways:
        """What is to be so for one of them to be open, for each that may be opened with what was seen.

        Args:
            model: the laws.
            fetching: under these laws.
            leaving: under those of them that leave things where they are: what these can open is not guarded.
            state: what is known.
            asked: the predicates that the goal speaks of: what it asks for is for its own plans.
        """
        if model.rules != self._rules:
            self._rules, self._cleared = model.rules, {}
        held = [value for fluent in self._own if (value := state.value(fluent)) in self.memory.looked]
        known = model.rules, tuple(self.memory.looked.items()), held, asked
        if known != self._known:
            openings = [way for predicate, way in self._openings(model) if predicate not in asked]
            direct = leaving.prospects.all_reachable(state, openings)
            rest = [way for way in openings if way not in direct]
            self._known, self._ways = known, tuple(fetching.prospects.all_reachable(state, rest))
        return self._ways

    def note(self, ways: _Ways, step: int, steps: int, price: float) -> None:
        """Remember that in a step of the episode, to look behind some ways took so many steps, at that price."""
        self._offer = ways, step, steps, price

    def may_be_cheaper(self, ways: _Ways, step: int, price: float) -> bool:
        """Whether the price may be lower by now: no step brings them nearer by more than one, but for what is found."""
        known, then, steps, before = self._offer
        return known != ways or before * max(0.0, 1 - (step - then) / steps) < price

    def _openings(self, model: WorldModel) -> Iterator[tuple[str, Reach]]:
        """What is to be so for one thing in sight that hides what is behind it to do so no longer."""
        for thing, (look, _) in self.memory.looked.items():
            if look not in self._cleared:
                self._cleared[look] = list(self._clearing(model, look))
            for predicate, value in self._cleared[look]:
                yield predicate, Reach((), (Literal(LiftedAtom(predicate, (thing, value))),))

    def _clearing(self, model: WorldModel, look: Appearance) -> Iterator[tuple[str, str]]:
        """What the laws can bring about that lets light pass what looks so and hides what is behind it."""
        sight = self.memory.sight
        assert sight is not None
        if not sight.blocks(look):
            return
        effects = (effect for rule in model.rules for effect in rule.likeliest().effects)
        atoms = (each.atom for each in effects if isinstance(each, Literal) and each.positive)
        for predicate, value in sorted({(a.predicate, a.args[-1]) for a in atoms if len(a.args) == 2}):
            then = tuple((name, value if name == predicate else was) for name, was in look)
            if not is_variable(value) and not sight.blocks(then):
                yield predicate, value
