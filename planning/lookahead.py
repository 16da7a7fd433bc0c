"""The states within reach, found as a search comes to them; nothing is grounded.

So a map that grows while it is explored costs what is looked at, not all of it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from worldwright.planning.facts import placing
from worldwright.planning.problem import Deadline, PlanningStopped, PlanStatus, PlanStep
from worldwright.world_model.discrimination import Match, Slotting, Tree
from worldwright.world_model.effects import Changing, changing
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import ActionRule, Literal
from worldwright.world_model.matching import Query
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Change, Fluent, State, Value
from worldwright.world_model.vocabulary import ENDED

_CHECK_EVERY = 256  # states between two looks at the clock
FEW_GOALS = 8  # that are asked after in each state
_KEPT = 4  # sets of laws for which a tree is kept


class Ahead:
    """A state that the search came to. It reads like a `State`, without being built.

    Attributes:
        cost: the number of steps from the first state.
        step: the last of these; None for the first state.
    """

    __slots__ = ("_base", "_before", "_facts", "_values", "changed", "cost", "step", "universe")

    def __init__(self, base: State, changed: Change, before: Ahead | None = None, step: PlanStep | None = None) -> None:
        self._base = base
        self._values = base.values
        self.universe = base.universe
        self._facts = base.universe.facts
        self._before = before
        self.changed = changed
        self.cost: int = before.cost + 1 if before is not None else 0
        self.step = step

    def value(self, fluent: Fluent) -> Value | None:
        """The value of a fluent; None if it has none."""
        changed = self.changed
        if fluent in changed:
            return changed[fluent]
        found = self._values.get(fluent)
        return self._facts.get(fluent) if found is None else found

    def fluents(self, predicate: str) -> Iterable[Fluent]:
        """Not to be asked: only laws and goals that follow references are looked ahead with."""
        raise NotImplementedError(f"the fluents of {predicate} ahead")

    def owner(self, predicate: str, value: str) -> Fluent | None:
        """Not to be asked either."""
        raise NotImplementedError(f"the owner of {value} ahead")

    def after(self, change: Change, step: PlanStep) -> Ahead:
        """The state after a step."""
        changed = dict(self.changed)
        for fluent, value in change.items():
            if self._base.value(fluent) == value:
                changed.pop(fluent, None)
            else:
                changed[fluent] = value
        return Ahead(self._base, changed, self, step)

    def path(self) -> tuple[PlanStep, ...]:
        """The steps that lead here from the first state."""
        steps: list[PlanStep] = []
        here: Ahead | None = self
        while here is not None and here.step is not None:
            steps.append(here.step)
            here = here._before
        return tuple(reversed(steps))


def follows(model: WorldModel) -> bool:
    """Whether no action takes arguments and every rule only follows references from the agent's own facts."""
    vocabulary = model.vocabulary
    return not any(action.types for action in vocabulary.actions) and all(
        model.query(rule).follows for rule in model.rules
    )


class Lookahead:
    """Looks ahead under a model's laws.

    Args:
        model: of which `follows` must hold.
    """

    def __init__(self, model: WorldModel) -> None:
        vocabulary = model.vocabulary
        self._model = model
        self._actions = [Action(a.name) for a in vocabulary.actions if model.rules_for(a.name)]
        self._own: list[Fluent] = [(p.name,) for p in vocabulary.predicates if p.functional and len(p.types) == 1]
        self._is_own = frozenset(self._own)
        self._slotting = Slotting(vocabulary)
        self._tree = Tree(self._slotting, [(rule, model.query(rule)) for rule in model.rules], self._joined)

    def reach(self, state: State, limit: int, directly: bool = False) -> Iterator[Ahead]:
        """The states in reach, nearest first, at the most `limit` of them, the first among them.

        With `directly` nowhere is come to twice: what is changed on the way (a door is opened) is only of use to go
        where one could not go before. Else all that may be open or shut somewhere multiplies the states.
        """
        first = Ahead(state, {})
        seen = {frozenset[tuple[Fluent, Value | None]]()}
        been = {tuple(map(first.value, self._own))}
        queue = deque([first])
        for _ in range(limit):
            if not queue:
                return
            ahead = queue.popleft()
            yield ahead
            if ahead.value((ENDED,)) is True:
                continue
            for step, change in self._moves(ahead):
                after = ahead.after(change, step)
                key = frozenset(after.changed.items())
                if key in seen or (directly and self._came_back(change, after, been)):
                    continue
                seen.add(key)
                queue.append(after)

    def _came_back(self, change: Change, after: Ahead, been: set[tuple[Value | None, ...]]) -> bool:
        """Whether the agent itself was moved to where it had been."""
        if self._is_own.isdisjoint(change):
            return False
        here = tuple(map(after.value, self._own))
        if here in been:
            return True
        been.add(here)
        return False

    def plan(self, state: State, goals: Sequence[Reach], limit: int, deadline: Deadline) -> tuple[PlanStep, ...] | None:
        """The shortest plan to any of some goals; None if none of the nearest `limit` states meets one, or
        it takes too long to ask.

        Raises:
            PlanningStopped: UNSOLVABLE, if no other state is within reach; TIMEOUT.
        """
        queries = [Query(self._model.vocabulary, goal.parameters, goal.conditions) for goal in goals]
        if len(queries) > FEW_GOALS or not all(query.follows for query in queries):
            return None
        looked = 0
        for ahead in self.reach(state, limit):
            if looked % _CHECK_EVERY == 0:
                deadline.check()
            if any(query.holds(ahead) for query in queries):
                return ahead.path()
            looked += 1
        if looked < limit:
            raise PlanningStopped(PlanStatus.UNSOLVABLE, "all that is reachable was looked at")
        return None

    def _moves(self, ahead: Ahead) -> Iterator[tuple[PlanStep, Change]]:
        """The actions that change something, and what."""
        moves, slots = self._tree.find(ahead)
        value = ahead.value
        for step, change_of in moves:
            change = change_of(value, slots)
            if change:
                yield step, change

    def _joined(self, matches: Sequence[Match]) -> list[tuple[PlanStep, Changing]]:
        """What each action does where these rules apply."""
        moves = []
        for action in self._actions:
            mine = [match for match in matches if match.rule.action == action.name]
            if mine:
                step = PlanStep(action, tuple(dict.fromkeys(match.rule.name for match in mine)))
                moves.append((step, changing(self._slotting, mine)))
        return moves


@dataclass
class Lookaheads:
    """A lookahead for each set of laws that is planned with."""

    _kept: list[tuple[tuple[ActionRule, ...], bool, Lookahead | None]] = field(default_factory=list)

    def of(self, model: WorldModel, leaving: bool = False) -> Lookahead | None:
        """The one for a model's laws; None if these cannot be followed.

        Args:
            model: the laws.
            leaving: only those that leave every thing where it is.
        """
        for rules, left, lookahead in self._kept:
            if left == leaving and rules == model.rules:
                return lookahead
        laws = _leaving_things(model) if leaving else model
        found = Lookahead(laws) if follows(laws) else None
        self._kept = [*self._kept[1 - _KEPT :], (model.rules, leaving, found)]
        return found


def _leaving_things(model: WorldModel) -> WorldModel:
    """The laws that put nothing anywhere."""
    where = placing(model.vocabulary)

    def leaves(rule: ActionRule) -> bool:
        changed = (effect for effect in rule.likeliest().effects if isinstance(effect, Literal))
        return not any(effect.atom.predicate in where for effect in changed)

    return replace(model, rules=tuple(rule for rule in model.rules if leaves(rule)))
