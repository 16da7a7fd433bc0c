"""What is left to reach when all that was asked for holds, but the episode goes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from worldwright.planning.facts import Facts
from worldwright.planning.relevance import lone_conditions
from worldwright.world_model.goal import GoalTracker, Reach, Upon, last_parts, last_reaches, next_reaches
from worldwright.world_model.language import EQUALS, LiftedAtom, Literal
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import State

_BINDINGS = 16  # ways in which the goal holds that are looked at


class Completion:
    """Remembers with which things a goal was reached.

    Args:
        tracker: of the goal.
    """

    def __init__(self, tracker: GoalTracker) -> None:
        self._tracker = tracker
        self._taken: dict[Reach, dict[str, set[str]]] = {}  # what the goal was reached with, by its variables

    def otherwise(self, model: WorldModel, state: State) -> tuple[Reach, ...]:
        """The goal with things that it was not reached with before: those taken may not be the ones that were meant.

        What the goal describes is meant, if it describes anything: where it is reached does not matter.
        """
        goals = []
        facts = Facts(state, model)
        for reach in last_reaches(self._tracker.goal):
            described = {each.name for each in reach.parameters if lone_conditions(reach, each.name, facts)}
            taken = self._taken.setdefault(reach, {variable.name: set() for variable in reach.parameters})
            for binding in islice(self._tracker.query(reach).bindings(state), _BINDINGS):
                for name, thing in binding.items():
                    taken[name].add(thing)
            for name, things in taken.items():
                if described and name not in described:
                    continue
                denied = [Literal(LiftedAtom(EQUALS, (name, thing)), positive=False) for thing in sorted(things)]
                goals += [Reach(reach.parameters, (*reach.conditions, *denied))] if denied else []
        return tuple(goals)

    def undone(self, model: WorldModel, state: State, reached: Sequence[Reach] = ()) -> tuple[Reach, ...]:
        """What makes the goal true, or some of its formulas, denied as far as the laws can change it.

        It may have been reached too early.
        """
        goals: list[Reach] = []
        for part in reached or last_parts(self._tracker.goal):
            if isinstance(part, Upon):  # to begin it again undoes it
                is_held = any(self._tracker.query(reach).holds(state) for reach in last_reaches(part))
                goals += next_reaches(part.parts[0]) if is_held else ()
            else:
                held = (atom for atom in self._holding(part, state) if atom.predicate in model.changing)
                goals += (Reach((), (Literal(atom, positive=False),)) for atom in held)
        return tuple(goals)

    def _holding(self, reach: Reach, state: State) -> Iterable[LiftedAtom]:
        """The atoms that make a formula true."""
        binding = next(self._tracker.query(reach).bindings(state), None)
        if binding is None:
            return ()
        literals = [part for part in reach.conditions if isinstance(part, Literal) and part.positive]
        return [
            LiftedAtom(part.atom.predicate, tuple(binding.get(arg, arg) for arg in part.atom.args)) for part in literals
        ]
