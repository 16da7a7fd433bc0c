"""The states within reach, found as a search comes to them; nothing is grounded.

What an action changes depends on the few fluents that its rules look at. It is worked out once and remembered with
these, by the values of the fluents without arguments (where the agent is, which way it faces), and holds in every state
that is alike in them. So a map that grows while it is explored costs what is new in it, not all of it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from worldwright.planning.facts import placing
from worldwright.planning.problem import Deadline, PlanningStopped, PlanStatus, PlanStep
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import ActionRule, Literal
from worldwright.world_model.matching import Query
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Change, Fluent, State, Universe, Value
from worldwright.world_model.vocabulary import ENDED

_CHECK_EVERY = 256  # states between two looks at the clock
FEW_GOALS = 8  # that are asked after in each state
_KEPT = 4  # sets of laws for which what was worked out is kept

Reads = tuple[tuple[Fluent, Value | None], ...]


@dataclass(frozen=True)
class _Move:
    """What an action changes wherever some fluents have these values, and the rules that say so."""

    reads: Reads
    change: Reads
    rules: tuple[str, ...]


class Ahead:
    """A state that the search came to. It reads like a `State`, without being built.

    Attributes:
        cost: the number of steps from the first state.
        step: the last of these; None for the first state.
    """

    __slots__ = ("_base", "_before", "changed", "cost", "step")

    def __init__(self, base: State, changed: Change, before: Ahead | None = None, step: PlanStep | None = None) -> None:
        self._base = base
        self._before = before
        self.changed = changed
        self.cost: int = before.cost + 1 if before is not None else 0
        self.step = step

    @property
    def universe(self) -> Universe:
        """The universe of the first state."""
        return self._base.universe

    def value(self, fluent: Fluent) -> Value | None:
        """The value of a fluent; None if it has none."""
        changed = self.changed
        return changed[fluent] if fluent in changed else self._base.value(fluent)

    def fluents(self, predicate: str) -> Iterable[Fluent]:
        """Not to be asked: only laws and goals that follow references are looked ahead with."""
        raise NotImplementedError(f"the fluents of {predicate} ahead")

    def owner(self, predicate: str, value: str) -> Fluent | None:
        """Not to be asked either."""
        raise NotImplementedError(f"the owner of {value} ahead")

    def after(self, change: Reads, step: PlanStep) -> Ahead:
        """The state after a step."""
        changed = dict(self.changed)
        for fluent, value in change:
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


class _Noted:
    """A state that notes what is asked of it."""

    def __init__(self, state: Ahead) -> None:
        self._state = state
        self.universe = state.universe
        self.reads: dict[Fluent, Value | None] = {}

    def value(self, fluent: Fluent) -> Value | None:
        found = self.reads[fluent] = self._state.value(fluent)
        return found

    def fluents(self, predicate: str) -> Iterable[Fluent]:
        return self._state.fluents(predicate)

    def owner(self, predicate: str, value: str) -> Fluent | None:
        return self._state.owner(predicate, value)


def follows(model: WorldModel) -> bool:
    """Whether no action takes arguments and every rule only follows references from the agent's own facts."""
    vocabulary = model.vocabulary
    return not any(action.types for action in vocabulary.actions) and all(
        model.query(rule).follows for rule in model.rules
    )


class Lookahead:
    """Looks ahead under a model's laws, and remembers what it worked out.

    Args:
        model: of which `follows` must hold.
    """

    def __init__(self, model: WorldModel) -> None:
        vocabulary = model.vocabulary
        self._model = model
        self._actions = [Action(a.name) for a in vocabulary.actions if model.rules_for(a.name)]
        self._own: list[Fluent] = [(p.name,) for p in vocabulary.predicates if p.functional and len(p.types) == 1]
        self._is_own = frozenset(self._own)
        self._lasting = frozenset(p.name for p in vocabulary.predicates if p.static)
        self._known: dict[tuple[Value | None, ...], dict[Action, list[_Move]]] = {}

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
            for action, move in self._moves(ahead):
                after = ahead.after(move.change, PlanStep(action, move.rules))
                key = frozenset(after.changed.items())
                if key in seen or (directly and self._came_back(move, after, been)):
                    continue
                seen.add(key)
                queue.append(after)

    def _came_back(self, move: _Move, after: Ahead, been: set[tuple[Value | None, ...]]) -> bool:
        """Whether the agent itself was moved to where it had been."""
        if not any(fluent in self._is_own for fluent, _ in move.change):
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

    def _moves(self, ahead: Ahead) -> Iterator[tuple[Action, _Move]]:
        """The actions that change something, and what."""
        value = ahead.value
        known = self._known.setdefault(tuple([value(fluent) for fluent in self._own]), {})
        for action in self._actions:
            moves = known.get(action)
            if moves is None:
                moves = known[action] = []
            for move in moves:
                for fluent, then in move.reads:
                    if value(fluent) != then:
                        break
                else:
                    break
            else:
                move = self._worked_out(ahead, action)
                moves.append(move)
            if move.change:
                yield action, move

    def _worked_out(self, ahead: Ahead, action: Action) -> _Move:
        noted = _Noted(ahead)
        change, firings = self._model.foretold(noted, action)
        reads = tuple(read for read in noted.reads.items() if not self._is_settled(*read))
        return _Move(reads, tuple(change.items()), tuple(dict.fromkeys(firing.rule.name for firing in firings)))

    def _is_settled(self, fluent: Fluent, value: Value | None) -> bool:
        """Whether it need not be asked again: what is known of what never changes stays so."""
        return fluent in self._is_own or (value is not None and fluent[0] in self._lasting)


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
