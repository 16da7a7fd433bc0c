"""Searches a ground task in Python: breadth first for the explorer, A* for the engine `search`.

A state is one whole number in which each variable has its own bits, as in Fast Downward's packed states: to test an
operator's preconditions and to apply it are two operations on numbers each, whatever the number of variables. The
variables that most operators ask about lie lowest and index the operators.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from worldwright.planning.problem import Deadline, PlanningStopped, PlanStatus, Statistics
from worldwright.planning.task import GroundGoal, GroundOperator, GroundTask, Pair
from worldwright.world_model.state import Fluent, State, Universe, Value

Packed = int
Allow = Callable[[GroundOperator], bool]

_INDEX_SIZE = 100_000  # entries that the operators' index may have
_CHECK_EVERY = 1024  # states between two looks at the clock
_STATE = 4  # of these packed ones take as long as one that is looked ahead to
_FAR = 1_000_000  # the distance of what cannot be reached


@dataclass(frozen=True)
class _Move:
    """An operator on packed states; `conditional` holds (mask, value, keep, put) for each effect if there are such."""

    number: int
    mask: Packed
    value: Packed
    keep: Packed
    put: Packed
    conditional: tuple[tuple[Packed, Packed, Packed, Packed], ...] | None


class Packing:
    """Packs a task's states and finds what can be done in them."""

    def __init__(self, task: GroundTask, allow: Allow | None = None) -> None:
        self.task = task
        self._allow = allow
        index = self._choose_index()
        order = [*index, *(v for v in range(len(task.fluents)) if v not in index)]
        self._shifts = [0] * len(order)
        width = index_width = 0
        self._masks = [0] * len(order)
        for number, variable in enumerate(order):
            bits = max(1, (len(task.domains[variable]) - 1).bit_length())
            self._shifts[variable] = width
            self._masks[variable] = (1 << bits) - 1
            width += bits
            if number == len(index) - 1:
                index_width = width
        self._full = (1 << width) - 1
        self._index_mask = (1 << index_width) - 1
        self._indexed = index
        self._settled, self._open = self._sort_operators(index)
        self._moves: dict[Packed, list[_Move]] = {}

    def _choose_index(self) -> list[int]:
        """The variables that most operators ask about, as many as an index can hold."""
        counts = Counter(variable for operator in self.task.operators for variable, _ in operator.preconditions)
        chosen, size = [], 1
        for variable, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            size *= len(self.task.domains[variable])
            if size > _INDEX_SIZE or count * 2 < len(self.task.operators):
                break
            chosen.append(variable)
        return chosen

    def _sort_operators(self, index: Sequence[int]) -> tuple[dict[Packed, list[int]], dict[Pair | None, list[int]]]:
        """Operators by the index variables' values, packed; those that leave some open by one that they ask for."""
        settled: dict[Packed, list[int]] = {}
        open_: dict[Pair | None, list[int]] = {}
        asked = frozenset(index)
        for number, operator in enumerate(self.task.operators):
            pairs = [pair for pair in operator.preconditions if pair[0] in asked]
            if len(pairs) == len(index):
                key = sum(value << self._shifts[variable] for variable, value in pairs)
                settled.setdefault(key, []).append(number)
            else:
                open_.setdefault(pairs[0] if pairs else None, []).append(number)
        return settled, open_

    def pack(self, values: Sequence[int]) -> Packed:
        """The packed form of an assignment."""
        return sum(value << self._shifts[variable] for variable, value in enumerate(values))

    def unpack(self, state: Packed) -> tuple[int, ...]:
        """The assignment, a value number for each variable."""
        return tuple((state >> shift) & mask for shift, mask in zip(self._shifts, self._masks, strict=True))

    def get(self, state: Packed, variable: int) -> int:
        """The number of a variable's value."""
        return (state >> self._shifts[variable]) & self._masks[variable]

    def constraint(self, pairs: Sequence[Pair]) -> tuple[Packed, Packed]:
        """The mask and the value of a conjunction: it holds in a state if `state & mask == value`."""
        mask = value = 0
        for variable, wanted in pairs:
            mask |= self._masks[variable] << self._shifts[variable]
            value |= wanted << self._shifts[variable]
        return mask, value

    def successors(self, state: Packed) -> Iterator[tuple[int, Packed]]:
        """The operators that apply, by number, and the states they lead to."""
        key = state & self._index_mask
        moves = self._moves.get(key)
        if moves is None:
            moves = self._moves[key] = self._index(key)
        for move in moves:
            if state & move.mask == move.value:
                if move.conditional is None:
                    yield move.number, state & move.keep | move.put
                else:
                    yield move.number, _apply(state, move.conditional)

    def _index(self, key: Packed) -> list[_Move]:
        """The operators that the index variables' values do not rule out."""
        found = list(self._settled.get(key, ()))
        found += self._open.get(None, ())
        for variable in self._indexed:
            found += self._open.get((variable, self.get(key, variable)), ())
        moves = []
        for number in sorted(found):
            operator = self.task.operators[number]
            mask, value = self.constraint(operator.preconditions)
            if key & mask == value & self._index_mask and (self._allow is None or self._allow(operator)):
                moves.append(self._move(number, operator, mask & ~self._index_mask, value & ~self._index_mask))
        return moves

    def _move(self, number: int, operator: GroundOperator, mask: Packed, value: Packed) -> _Move:
        if any(effect.conditions for effect in operator.effects):
            effects = []
            for variable, after, conditions in operator.effects:
                changed, put = self.constraint([(variable, after)])
                effects.append((*self.constraint(conditions), self._full & ~changed, put))
            return _Move(number, mask, value, 0, 0, tuple(effects))
        final = {variable: after for variable, after, _ in operator.effects}
        changed, put = self.constraint(list(final.items()))
        return _Move(number, mask, value, self._full & ~changed, put, None)


def _apply(state: Packed, effects: Sequence[tuple[Packed, Packed, Packed, Packed]]) -> Packed:
    after = state
    for mask, value, keep, put in effects:
        if state & mask == value:
            after = after & keep | put
    return after


class Reached:
    """A state that a search came to. It reads like a `State`, without being built.

    Attributes:
        packed: the state as a number.
        cost: the number of steps from the first state.
    """

    __slots__ = ("_packing", "_parents", "cost", "packed")

    def __init__(
        self, packed: Packed, cost: int, packing: Packing, parents: dict[Packed, tuple[Packed, int] | None]
    ) -> None:
        self.packed = packed
        self.cost = cost
        self._packing = packing
        self._parents = parents

    @property
    def values(self) -> tuple[int, ...]:
        """The assignment, a value number for each variable of the task."""
        return self._packing.unpack(self.packed)

    @property
    def universe(self) -> Universe:
        """The universe of the task's state."""
        return self._packing.task.state.universe

    def value(self, fluent: Fluent) -> Value | None:
        """The value of a fluent; None if it has none."""
        task = self._packing.task
        variable = task.variables.get(fluent)
        if variable is None:
            return task.state.value(fluent)
        return task.domains[variable][self._packing.get(self.packed, variable)]

    @property
    def operator(self) -> GroundOperator | None:
        """The last operator on the way here; None for the first state."""
        step = self._parents[self.packed]
        return None if step is None else self._packing.task.operators[step[1]]

    def state(self) -> State:
        """The state itself."""
        return self._packing.task.decode(self.values)

    def path(self) -> list[GroundOperator]:
        """The operators that lead here from the first state."""
        return [self._packing.task.operators[number] for number in self.numbers()]

    def numbers(self) -> list[int]:
        """The same by their numbers in the task."""
        numbers: list[int] = []
        step = self._parents[self.packed]
        while step is not None:
            numbers.append(step[1])
            step = self._parents[step[0]]
        return numbers[::-1]


def reach(task: GroundTask, limit: int, allow: Allow | None = None) -> Iterator[Reached]:
    """The states in reach, nearest first, at the most `limit` of them, the first among them.

    With `allow` only the operators that it accepts are used.
    """
    packing = Packing(task, allow)
    first = packing.pack(task.initial)
    parents: dict[Packed, tuple[Packed, int] | None] = {first: None}
    queue = deque([Reached(first, 0, packing, parents)])
    for _ in range(limit):
        if not queue:
            return
        reached = queue.popleft()
        yield reached
        for number, state in packing.successors(reached.packed):
            if state not in parents:
                parents[state] = (reached.packed, number)
                queue.append(Reached(state, reached.cost + 1, packing, parents))


def breadth_first(
    task: GroundTask, accept: Callable[[Reached], bool], limit: int, allow: Allow | None = None
) -> Reached | None:
    """The nearest state that `accept` takes; None if none of the first `limit` is."""
    return next((reached for reached in reach(task, limit, allow) if accept(reached)), None)


class GoalTest:
    """Whether a packed state meets one of the task's goals, and at least how far it is from that."""

    def __init__(self, packing: Packing) -> None:
        task = packing.task
        self._packing = packing
        self._goals = [[self._by_mask(part) for part in goal] for goal in task.goals]
        wanted = [_variables_of(goal) for goal in task.goals]
        common = set.intersection(*wanted) if wanted else set()
        self._distances = [(variable, _distances(task, variable)) for variable in sorted(common)]

    def _by_mask(self, part: Sequence[Sequence[Pair]]) -> list[tuple[Packed, set[Packed]]]:
        found: dict[Packed, set[Packed]] = {}
        for case in part:
            mask, value = self._packing.constraint(case)
            found.setdefault(mask, set()).add(value)
        return list(found.items())

    def met(self, state: Packed) -> bool:
        """Whether a goal holds."""
        return any(all(any(state & mask in values for mask, values in part) for part in goal) for goal in self._goals)

    def distance(self, state: Packed) -> int:
        """A lower bound on the steps to a goal: the longest way that one variable has to go on its own."""
        get = self._packing.get
        return max((distances[get(state, variable)] for variable, distances in self._distances), default=0)


def _variables_of(goal: GroundGoal) -> set[int]:
    """The variables that every way to the goal asks about."""
    return set().union(*(set.intersection(*({v for v, _ in case} for case in part)) for part in goal if part))


def _distances(task: GroundTask, variable: int) -> list[int]:
    """For each value of a variable the steps, if nothing else mattered, to one that a goal asks for.

    This is the distance in the variable's domain transition graph (Helmert 2006).
    """
    sources: dict[int, set[int]] = {}
    for operator in task.operators:
        before = next((value for other, value in operator.preconditions if other == variable), None)
        for changed, after, _ in operator.effects:
            if changed == variable:
                starts = range(len(task.domains[variable])) if before is None else (before,)
                sources.setdefault(after, set()).update(starts)
    distances = [_FAR] * len(task.domains[variable])
    queue = deque(sorted(_wanted(task, variable)))
    for value in queue:
        distances[value] = 0
    while queue:
        value = queue.popleft()
        for source in sorted(sources.get(value, ())):
            if distances[source] == _FAR:
                distances[source] = distances[value] + 1
                queue.append(source)
    return distances


def _wanted(task: GroundTask, variable: int) -> set[int]:
    cases = (case for goal in task.goals for part in goal for case in part)
    return {value for case in cases for other, value in case if other == variable}


def a_star(task: GroundTask, deadline: Deadline, statistics: Statistics, weight: int = 1) -> list[int]:
    """The numbers of the operators on a way to a goal, a shortest one with weight 1 (Hart, Nilsson & Raphael 1968).

    Raises:
        PlanningStopped: UNSOLVABLE, or TIMEOUT.
    """
    packing = Packing(task)
    goal = GoalTest(packing)
    first = packing.pack(task.initial)
    parents: dict[Packed, tuple[Packed, int] | None] = {first: None}
    costs = {first: 0}
    queue: list[tuple[int, int, int, Packed]] = [(0, 0, 0, first)]
    pushed = 0
    while queue:
        _, _, _, state = heapq.heappop(queue)
        cost = costs[state]
        if cost < 0:
            continue  # expanded already by a way as short
        if goal.met(state):
            return Reached(state, cost, packing, parents).numbers()
        costs[state] = -1 - cost
        statistics.expanded += 1
        if statistics.expanded % _CHECK_EVERY == 0:
            deadline.check(_CHECK_EVERY / _STATE)
        for number, after in packing.successors(state):
            known = costs.get(after)
            if known is None or cost + 1 < (known if known >= 0 else -1 - known):
                costs[after] = cost + 1
                parents[after] = (state, number)
                distance = goal.distance(after)
                if distance < _FAR:
                    pushed += 1
                    heapq.heappush(queue, (cost + 1 + weight * distance, distance, -pushed, after))
    raise PlanningStopped(PlanStatus.UNSOLVABLE, "all that is reachable was searched")
