"""The states within reach, found as a search comes to them; nothing is grounded.

So a map that grows while it is explored costs what is looked at, not all of it again.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from worldwright.planning.aims import Aims
from worldwright.planning.bars import Bars
from worldwright.planning.facts import facts_of
from worldwright.planning.nearness import Terrain
from worldwright.planning.problem import Deadline, PlanningProblem, PlanningStopped, PlanStatus, PlanStep
from worldwright.planning.prospects import Prospects
from worldwright.world_model.discrimination import Match, Slotting, Tree, ValueOf
from worldwright.world_model.effects import Changing, changing
from worldwright.world_model.language import ActionRule, Literal
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Change, Fluent, State, Value
from worldwright.world_model.vocabulary import ENDED

_CHECK_EVERY = 256  # states between two looks at the clock
NEAR = 600  # states that are looked at one by one, which costs as much as to ground a problem
DIRECT = 20_000  # and those in which the agent is where it was not before
_TAKING = 8  # steps that one rather goes round than to take a thing that the goals do not speak of
_DIGITS = 6  # after which sums of the same in another order are equal
_KEPT = 4  # sets of laws for which a tree is kept


class Ahead:
    """A state that the search came to. It reads like a `State`, without being built.

    Attributes:
        changed: what is otherwise than in the first state.
        cost: the number of steps from the first state.
        step: the last of these; None for the first state.
    """

    __slots__ = ("_base", "_before", "_facts", "_others", "_values", "changed", "cost", "step", "universe")

    def __init__(self, base: State, changed: Change, before: Ahead | None = None, step: PlanStep | None = None) -> None:
        self._base = base
        self._values = base.values
        self.universe = base.universe
        self._facts = base.universe.facts
        self._before = before
        self._others: tuple[tuple[Ahead, Change, PlanStep], ...] = ()
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
        """The fluents of a predicate or counter that have a value, in no order."""
        changed = [fluent for fluent in self.changed if fluent[0] == predicate]
        before = self._base.fluents(predicate)
        if not changed:
            return before
        return [f for f in dict.fromkeys((*before, *changed)) if self.value(f) is not None]

    def owner(self, predicate: str, value: str) -> Fluent | None:
        """The fluent of an injective predicate that has the value, if one has."""
        for fluent, then in self.changed.items():
            if then == value and fluent[0] == predicate:
                return fluent
        before = self._base.owner(predicate, value)
        return None if before in self.changed else before

    def after(self, change: Change, step: PlanStep) -> Ahead:
        """The state after a step."""
        changed, before = dict(self.changed), self._values
        for fluent, value in change.items():
            if before.get(fluent) == value:
                changed.pop(fluent, None)
            else:
                changed[fluent] = value
        return Ahead(self._base, changed, self, step)

    def also_after(self, before: Ahead, change: Change, step: PlanStep) -> None:
        """Note another state, as near as the one before this, from which a step may lead here too."""
        self._others += ((before, change, step),)

    def path(self, worth: Mapping[Ahead, float] | None = None) -> tuple[PlanStep, ...]:
        """The steps that lead here from the first state.

        Args:
            worth: what it is worth to pass through states; of paths equally short, one of most worth is taken.
        """
        chosen = self._most_worth(worth) if worth else {}
        steps: list[PlanStep] = []
        here = self
        while here._before is not None and here.step is not None:
            before, step = chosen.get(here, (here._before, here.step))
            steps.append(step)
            here = before
        return tuple(reversed(steps))

    def _most_worth(self, worth: Mapping[Ahead, float]) -> dict[Ahead, tuple[Ahead, PlanStep]]:
        """The state before each from which one may come here, on a path of most worth, and the step from it."""
        layers = [[self]]
        while layers[-1][0]._before is not None:
            layers.append(list(dict.fromkeys(before for here in layers[-1] for before, _ in here._befores())))
        sums = dict.fromkeys(layers.pop(), 0.0)
        chosen: dict[Ahead, tuple[Ahead, PlanStep]] = {}
        for here in (each for layer in reversed(layers) for each in layer):
            chosen[here] = max(here._befores(), key=lambda way: round(sums[way[0]], _DIGITS))
            sums[here] = sums[chosen[here][0]] + worth.get(here, 0.0)
        return chosen

    def _befores(self) -> Iterator[tuple[Ahead, PlanStep]]:
        """The states from which a step leads here; the one that was come from first is the first."""
        if self._before is not None and self.step is not None:
            yield self._before, self.step
        for before, change, step in self._others:
            if before.after(change, step).changed == self.changed:
                yield before, step


def _key(ahead: Ahead) -> frozenset[tuple[Fluent, Value | None]]:
    return frozenset(ahead.changed.items())


def _known(ahead: Ahead, seen: set[frozenset[tuple[Fluent, Value | None]]]) -> bool:
    """Whether the state was seen; it is from now on."""
    key = _key(ahead)
    if key in seen:
        return True
    seen.add(key)
    return False


class _Shown:
    """One state after another in the same dictionary: there its values are looked up at the dictionary's speed.

    Attributes:
        first: the values in the first state.
        value: gives the value of a fluent in the state that is shown.
    """

    def __init__(self, state: State) -> None:
        self.first: dict[Fluent, Value | None] = {**state.universe.facts, **state.values}
        self._now = dict(self.first)
        self._changed: Change = {}
        self.value: ValueOf = self._now.get

    def show(self, ahead: Ahead) -> None:
        """Show a state."""
        now, first = self._now, self.first
        for fluent in self._changed:
            if fluent in first:
                now[fluent] = first[fluent]
            else:
                del now[fluent]
        now.update(ahead.changed)
        self._changed = ahead.changed


class _Queue:
    """States to be looked at, those first from which a plan may be shortest; of equals those nearer to its end."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, int, Ahead]] = []
        self._number = count()

    def push(self, ahead: Ahead, steps: int, left: int) -> None:
        """Add a state, with the steps to it, and those that are left at least."""
        heappush(self._heap, (steps + left, left, next(self._number), steps, ahead))

    def pop(self) -> tuple[int, Ahead]:
        """The next state, and the steps to it."""
        return heappop(self._heap)[3:]

    def least(self) -> float:
        """How many steps a plan takes at least."""
        return self._heap[0][0] if self._heap else math.inf


class _Poses:
    """How the agent was, in how many steps it came to be so, and whether nothing else was changed on the way.

    Args:
        first: how it is at first.
    """

    def __init__(self, first: tuple[Value | None, ...]) -> None:
        self._found = {first: (0, True)}

    def note(self, pose: tuple[Value | None, ...], steps: int, alone: bool) -> bool | None:
        """Whether to be so in so few steps is news; None if it is the very state that was come to before."""
        before = self._found.get(pose)
        if before is None or steps < before[0]:
            self._found[pose] = steps, alone
            return True
        return None if alone and before[1] else False


class _Move(NamedTuple):
    """An action where certain rules apply.

    Attributes:
        change: what it makes otherwise.
        places: whether that may be where things are, in hands too.
    """

    step: PlanStep
    change: Changing
    places: bool


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
        self.vocabulary = vocabulary = model.vocabulary
        self._actions = [Action(a.name) for a in vocabulary.actions if model.rules_for(a.name)]
        self._own: list[Fluent] = [(p.name,) for p in vocabulary.predicates if p.functional and len(p.types) == 1]
        self._is_own = frozenset(self._own)
        self._hands: list[Fluent] = [(p.name,) for p in vocabulary.predicates if p.injective and len(p.types) == 1]
        self._placing = vocabulary.placing.union(fluent[0] for fluent in self._hands)
        self._constants = vocabulary.constant_types.keys()
        self._slotting = Slotting(vocabulary)
        self.prospects = Prospects(model)
        self._terrain = Terrain(model)
        self._tree = Tree(self._slotting, [(rule, model.query(rule)) for rule in model.rules], self._joined)

    def reach(
        self,
        state: State,
        limit: int,
        directly: bool = False,
        bars: Bars | None = None,
        shunned: Aims | None = None,
    ) -> Iterator[Ahead]:
        """The states in reach, nearest first, at the most `limit` of them, the first among them.

        With `directly` nowhere is come to twice: what is changed on the way (a door is opened) is only of use to go
        where one could not go before. Else all that may be open or shut somewhere multiplies the states. What is
        `shunned` is not done to things.
        """
        first, shown = Ahead(state, {}), _Shown(state)
        seen = {_key(first)}
        been = {tuple(map(first.value, self._own)): first}
        queue = deque([first])
        for _ in range(limit):
            if not queue:
                return
            ahead = queue.popleft()
            yield ahead
            shown.show(ahead)
            value = shown.value
            if value((ENDED,)) is True:
                continue
            own = [(fluent, value(fluent)) for fluent in self._own] if directly else []
            for move, change in self._moves(ahead, value, bars):
                stayed = self._is_own.isdisjoint(change)
                if directly and not stayed:
                    here = tuple([change.get(fluent, then) for fluent, then in own])
                    before = been.get(here)
                    if before is None:
                        been[here] = after = ahead.after(change, move.step)
                        queue.append(after)
                    elif before.cost > ahead.cost:
                        before.also_after(ahead, change, move.step)
                    continue
                after = ahead.after(change, move.step)
                if shunned is not None and stayed and shunned.may_meet(change) and shunned.met(after):
                    continue
                if not _known(after, seen):
                    queue.append(after)

    def plan(
        self, problem: PlanningProblem, deadline: Deadline, shortest: bool = False, limit: int = NEAR
    ) -> tuple[PlanStep, ...] | None:
        """A short plan to any of the problem's goals; None if it is not found near by, or asks too much at once.

        Args:
            problem: whose model is this one.
            deadline: when to stop.
            shortest: whether only a shortest plan will do.
            limit: how many of the nearest states are looked at one by one.

        Raises:
            PlanningStopped: UNSOLVABLE, if no other state is within reach, or a goal never can be; TIMEOUT.
        """
        aims = Aims.of(problem)
        if aims is None:
            return None
        if aims.met(Ahead(problem.state, {})):
            return ()
        direct = None if shortest else self._directly(aims, problem, deadline)
        return direct or self._near(aims, problem, deadline, limit)

    def _directly(self, aims: Aims, problem: PlanningProblem, deadline: Deadline) -> tuple[PlanStep, ...] | None:
        """A plan on which the agent is nowhere twice with the same in its hands, the shortest such one.

        To take a thing that the goals do not speak of counts as some more steps: it is rather gone round.
        """
        first, shown = Ahead(problem.state, {}), _Shown(problem.state)
        near = self._terrain.nearness(problem.goals, problem.state, facts_of(problem), shown.first)
        queue, seen, poses = _Queue(), {_key(first)}, _Poses(tuple(map(first.value, self._own)))
        queue.push(first, 0, 0)
        best: tuple[float, Ahead | None] = math.inf, None
        for looked in range(DIRECT):
            if queue.least() >= best[0]:
                break
            if looked % _CHECK_EVERY == 0:
                deadline.check(_CHECK_EVERY)
            if looked == _CHECK_EVERY and not self.prospects.may_reach(problem.state, problem.goals):
                raise PlanningStopped(PlanStatus.UNSOLVABLE, "what is known now can never be as a goal asks")
            steps, ahead = queue.pop()
            shown.show(ahead)
            value = shown.value
            if value((ENDED,)) is True:
                continue
            own = [(fluent, value(fluent)) for fluent in self._own]
            alone = self._is_own.issuperset(ahead.changed)
            for move, change in self._moves(ahead, value, problem.bars):
                then = steps + 1 + _TAKING * (move.places and self._takes_another(change, aims))
                news: bool | None = True
                moved = not self._is_own.isdisjoint(change)
                if moved:
                    pose = tuple([change.get(fluent, was) for fluent, was in own])
                    news = poses.note(pose, then, alone and self._is_own.issuperset(change))
                asked = aims.may_meet(change)
                if not news and (not asked or news is None):
                    continue
                after = ahead.after(change, move.step)
                left = near.steps(after.changed) if near is not None else 0
                if asked and then < best[0] and not (left and near is not None and near.binding) and aims.met(after):
                    best = then, after
                elif news and (moved or not _known(after, seen)):
                    queue.push(after, then, left)
        return best[1].path() if best[1] is not None else None

    def _takes_another(self, change: Change, aims: Aims) -> bool:
        """Whether a thing is taken that the goals do not speak of."""
        taken = (change.get(fluent) for fluent in self._hands)
        return any(thing not in aims.things and thing not in self._constants for thing in taken if thing is not None)

    def _near(
        self, aims: Aims, problem: PlanningProblem, deadline: Deadline, limit: int
    ) -> tuple[PlanStep, ...] | None:
        """The shortest plan, if it is among the nearest states."""
        looked = 0
        for ahead in self.reach(problem.state, limit, bars=problem.bars):
            if looked % _CHECK_EVERY == 0:
                deadline.check(_CHECK_EVERY)
            if aims.met(ahead):
                return ahead.path()
            looked += 1
        if looked < limit:
            raise PlanningStopped(PlanStatus.UNSOLVABLE, "all that is reachable was looked at")
        return None

    def _moves(self, ahead: Ahead, value: ValueOf, bars: Bars | None) -> Iterator[tuple[_Move, Change]]:
        """The actions that change something in a state and are not withheld, and what they change."""
        moves, slots = self._tree.find(ahead, value=value)
        for move in moves:
            change = move.change(value, slots)
            heeded = bars is not None and (move.places or bars.barred)
            if change and not (heeded and bars and bars.withholds(move.step.action, ahead, change)):
                yield move, change

    def _joined(self, matches: Sequence[Match]) -> list[_Move]:
        """What each action does where these rules apply."""
        moves = []
        for action in self._actions:
            mine = [match for match in matches if match.rule.action == action.name]
            if mine:
                step = PlanStep(action, tuple(dict.fromkeys(match.rule.name for match in mine)))
                effects = (effect for match in mine for effect in match.rule.likeliest().effects)
                places = any(isinstance(e, Literal) and e.atom.predicate in self._placing for e in effects)
                moves.append(_Move(step, changing(self._slotting, mine), places))
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
    where = model.vocabulary.placing

    def leaves(rule: ActionRule) -> bool:
        changed = (effect for effect in rule.likeliest().effects if isinstance(effect, Literal))
        return not any(effect.atom.predicate in where for effect in changed)

    return replace(model, rules=tuple(rule for rule in model.rules if leaves(rule)))
