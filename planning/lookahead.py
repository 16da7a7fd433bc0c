"""The states within reach, found as a search comes to them; nothing is grounded.

So a map that grows while it is explored costs what is looked at, not all of it again.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from worldwright.planning.ahead import Ahead, Shown, is_known, key_of
from worldwright.planning.aims import Aims
from worldwright.planning.bars import Bars
from worldwright.planning.facts import facts_of
from worldwright.planning.nearness import Nearness, Terrain
from worldwright.planning.problem import Deadline, Plan, PlanningProblem, PlanningStopped, PlanStatus, PlanStep
from worldwright.planning.prospects import Prospects
from worldwright.planning.relevance import conceivable, goal_things
from worldwright.world_model.discrimination import Match, Slotting, Tree, ValueOf
from worldwright.world_model.effects import Changing, changing
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.goal import all_reaches, next_reaches
from worldwright.world_model.language import ActionRule, Literal
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Change, Fluent, State, Value
from worldwright.world_model.vocabulary import ENDED

_CHECK_EVERY = 256  # states between two looks at the clock
NEAR = 600  # states that are looked at one by one, which costs as much as to ground a problem
DIRECT = 20_000  # and those in which the agent is where it was not before
_ONWARD = 2_000  # the same for what is to be reached after that
_DETOUR = 1  # steps by which a plan may be longer so that it ends better for what comes after it
_TAKING = 8  # steps that one rather goes round than to take a thing that the goals do not speak of
_KEPT = 4  # sets of laws for which a tree is kept


class _Queue:
    """States to be looked at, those first from which a plan may be shortest; of equals those nearer to its end."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, int, Ahead, _Poses]] = []
        self._number = count()

    def push(self, ahead: Ahead, steps: int, left: int, poses: _Poses) -> None:
        """Add a state, with the steps to it, those that are left at least, and how the agent was on such ways."""
        heappush(self._heap, (steps + left, left, next(self._number), steps, ahead, poses))

    def pop(self) -> tuple[int, Ahead, _Poses]:
        """The next state, the steps to it, and how the agent was on such ways."""
        return heappop(self._heap)[3:]

    def least(self) -> int:
        """How many steps a plan takes at least."""
        return self._heap[0][0]

    def __bool__(self) -> bool:
        return bool(self._heap)


class _Poses:
    """How the agent was, in how many steps it came to be so, and whether nothing else was changed on the way."""

    def __init__(self) -> None:
        self._found: dict[tuple[Value | None, ...], tuple[int, bool]] = {}

    def note(self, pose: tuple[Value | None, ...], steps: int, alone: bool) -> bool | None:
        """Whether to be so in so few steps is news; None if it is the very state that was come to before."""
        before = self._found.get(pose)
        if before is None or steps < before[0]:
            self._found[pose] = steps, alone
            return True
        return None if alone and before[1] else False


class _Leg(NamedTuple):
    """A part of the way: to one of some goals.

    Attributes:
        near: how far it is at least, if that can be estimated.
        detour: steps by which it may be longer than needed.
        limit: how many states are looked at.
    """

    problem: PlanningProblem
    aims: Aims
    near: Nearness | None
    detour: int
    limit: int


class _Reached(NamedTuple):
    """A state, and what it costs to come there."""

    steps: int
    ahead: Ahead


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
        first, shown = Ahead(state, {}), Shown(state)
        seen = {key_of(first)}
        pose = tuple(map(first.value, self._own))
        been = {pose: first}
        queue = deque([(first, pose)])
        for _ in range(limit):
            if not queue:
                return
            ahead, pose = queue.popleft()
            yield ahead
            shown.show(ahead)
            value = shown.value
            if value((ENDED,)) is True:
                continue
            for move, change in self._moves(ahead, value, bars):
                stayed = self._is_own.isdisjoint(change)
                here = pose if stayed else tuple(map(change.get, self._own, pose))
                if directly and not stayed:
                    before = been.get(here)
                    if before is None:
                        been[here] = after = ahead.after(change, move.step)
                        queue.append((after, here))
                    elif before.cost > ahead.cost:
                        before.also_after(ahead, change, move.step)
                    continue
                after = ahead.after(change, move.step)
                if shunned is not None and stayed and shunned.may_meet(change) and shunned.met(after):
                    continue
                if not is_known(after, seen):
                    queue.append((after, here))

    def plan(
        self, problem: PlanningProblem, deadline: Deadline, shortest: bool = False, limit: int = NEAR
    ) -> tuple[Plan, ...] | None:
        """A short plan to any of the problem's goals; None if it is not found near by, or asks too much at once.

        Plans from its end to what is to be reached after it follow, as far as they were found.

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

    def _directly(self, aims: Aims, problem: PlanningProblem, deadline: Deadline) -> tuple[Plan, ...]:
        """Plans to a goal and from there on, together the shortest found; the agent is nowhere twice with the same.

        All good ends of each are gone on from at once, so that what comes after decides between them.
        """
        shown = Shown(problem.state)
        legs = [self._leg(problem, aims, shown, DIRECT), *self._onward(problem, shown)]
        legs[-1] = legs[-1]._replace(detour=0)
        first = Ahead(problem.state, {})
        ends = [[_Reached(0, first)]]
        for leg in legs:
            try:
                found = self._ends(leg, ends[-1], shown, deadline)
            except (PlanningStopped, WorldwrightError):
                if len(ends) == 1:
                    raise
                break
            if not found:
                break
            ends.append(found)
        return _legs(ends)

    def _leg(self, problem: PlanningProblem, aims: Aims, shown: Shown, limit: int) -> _Leg:
        near = self._terrain.nearness(problem.goals, problem.state, facts_of(problem), shown.first)
        return _Leg(problem, aims, near, _DETOUR, limit)

    def _onward(self, problem: PlanningProblem, shown: Shown) -> Iterator[_Leg]:
        """What is to be reached after the problem's goals, as far as it is known where that is.

        What is spared for the sake of one goal is not from the next on.
        """
        facts = facts_of(problem)
        for left in problem.onward:
            spared = problem.spared.intersection(goal_things(all_reaches(left), facts))
            later = replace(problem, goals=tuple(next_reaches(left)), onward=(), spared=spared)
            aims = Aims.of(later) if conceivable(later) else None
            leg = self._leg(later, aims, shown, _ONWARD) if aims is not None else None
            if leg is None or leg.near is None:
                return
            yield leg

    def _ends(self, leg: _Leg, starts: Sequence[_Reached], shown: Shown, deadline: Deadline) -> list[_Reached]:
        """The states that meet a goal, the cheapest first, and those that cost hardly more.

        To take a thing that the goals do not speak of counts as some more steps: it is rather gone round.
        """
        problem, aims, near, detour, limit = leg
        queue, seen = _Queue(), {key_of(start.ahead) for start in starts}
        arranged: defaultdict[frozenset[tuple[Fluent, Value | None]], _Poses] = defaultdict(_Poses)
        ends = [start for start in starts if aims.met(start.ahead)]
        most = min([end.steps for end in ends], default=math.inf) + detour
        for steps, ahead in starts if not ends else ():
            things = frozenset(item for item in ahead.changed.items() if item[0] not in self._is_own)
            if arranged[things].note(tuple(map(ahead.value, self._own)), steps, not things):
                queue.push(ahead, steps, near.steps(ahead.changed) if near is not None else 0, arranged[things])
        for looked in range(limit):
            if not queue or queue.least() > most or (queue.least() == most and not detour):
                break
            if looked % _CHECK_EVERY == 0:
                deadline.check(_CHECK_EVERY)
            if looked == _CHECK_EVERY and not self.prospects.may_reach(problem.state, problem.goals):
                raise PlanningStopped(PlanStatus.UNSOLVABLE, "what is known now can never be as a goal asks")
            steps, ahead, poses = queue.pop()
            shown.show(ahead)
            value = shown.value
            if value((ENDED,)) is True:
                continue
            own = [*map(value, self._own)]
            alone = self._is_own.issuperset(ahead.changed)
            for move, change in self._moves(ahead, value, problem.bars):
                then = steps + 1 + _TAKING * (move.places and self._takes_another(change, aims))
                news: bool | None = True
                moved = not self._is_own.isdisjoint(change)
                if moved:
                    pose = tuple(map(change.get, self._own, own))
                    news = poses.note(pose, then, alone and self._is_own.issuperset(change))
                asked = aims.may_meet(change)
                if not news and (not asked or news is None):
                    continue
                after = ahead.after(change, move.step)
                left = near.steps(after.changed) if near is not None else 0
                if asked and then <= most and not (left and near is not None and near.binding) and aims.met(after):
                    ends.append(_Reached(then, after))
                    most = min(most, then + detour)
                elif news and (moved or not is_known(after, seen)):
                    queue.push(after, then, left, poses)
        return sorted((end for end in ends if end.steps <= most), key=lambda end: end.steps)

    def _takes_another(self, change: Change, aims: Aims) -> bool:
        """Whether a thing is taken that the goals do not speak of."""
        taken = (change.get(fluent) for fluent in self._hands)
        return any(thing not in aims.things and thing not in self._constants for thing in taken if thing is not None)

    def _near(self, aims: Aims, problem: PlanningProblem, deadline: Deadline, limit: int) -> tuple[Plan, ...] | None:
        """The shortest plan, if it is among the nearest states."""
        looked = 0
        for ahead in self.reach(problem.state, limit, bars=problem.bars):
            if looked % _CHECK_EVERY == 0:
                deadline.check(_CHECK_EVERY)
            if aims.met(ahead):
                return (Plan(ahead.path()),)
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


def _legs(ends: Sequence[Sequence[_Reached]]) -> tuple[Plan, ...]:
    """The plans that lead to the cheapest of the last ends, from one of the ends before it to the next."""
    plans: list[Plan] = []
    here = ends[-1][0].ahead
    for starts in reversed(ends[:-1]):
        steps, here = here.since({start.ahead for start in starts})
        if steps:  # else it holds as soon as its turn comes
            plans.append(Plan(steps))
    return tuple(reversed(plans))


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
