"""Looking ahead in a ground task: the states that can be reached, nearest first, with the way to each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from worldwright.planning.task import GroundOperator, GroundTask

Values = tuple[int, ...]


@dataclass(frozen=True)
class Reached:
    """A state, how many steps lead to it, and the last of them."""

    values: Values
    cost: int
    operator: GroundOperator | None = None
    parent: Reached | None = None

    def path(self) -> list[GroundOperator]:
        """The operators from the initial state to this one."""
        steps: list[GroundOperator] = []
        node: Reached | None = self
        while node is not None and node.operator is not None:
            steps.append(node.operator)
            node = node.parent
        return steps[::-1]


def reach(
    task: GroundTask, limit: int, allow: Callable[[GroundOperator], bool] = lambda operator: True
) -> Iterator[Reached]:
    """Breadth-first, every state once, at the most `limit` states, by the operators that `allow` admits."""
    successors = _Successors(task, allow)
    start = Reached(task.initial, 0)
    seen = {task.initial}
    queue = deque([start])
    while queue and len(seen) <= limit:
        node = queue.popleft()
        yield node
        for operator in successors.of(node.values):
            values = operator.after(node.values)
            if values not in seen:
                seen.add(values)
                queue.append(Reached(values, node.cost + 1, operator, node))
    while queue:
        yield queue.popleft()


class _Successors:
    """Operators by the values that they require of the two variables which tell them apart best."""

    def __init__(self, task: GroundTask, allow: Callable[[GroundOperator], bool]) -> None:
        operators = [operator for operator in task.operators if allow(operator)]
        uses = [0] * len(task.fluents)
        for operator in operators:
            for variable, _ in operator.preconditions:
                uses[variable] += 1
        weight = [count * len(domain) for count, domain in zip(uses, task.domains, strict=True)]
        self._keys = sorted(range(len(weight)), key=lambda variable: -weight[variable])[:2]
        self._table: dict[tuple[int | None, ...], list[GroundOperator]] = {}
        for operator in operators:
            required = dict(operator.preconditions)
            key = tuple(required.get(variable) for variable in self._keys)
            self._table.setdefault(key, []).append(operator)
        self._masks = sorted({tuple(part is not None for part in key) for key in self._table})

    def of(self, values: Values) -> Iterator[GroundOperator]:
        """The operators that apply."""
        for mask in self._masks:
            key = tuple(values[v] if used else None for v, used in zip(self._keys, mask, strict=True))
            for operator in self._table.get(key, ()):
                if operator.applies(values):
                    yield operator
