"""What is reachable if nothing is ever taken back, and the rule instances and ways to the goal that this opens."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from functools import partial

from worldwright.planning.facts import Facts
from worldwright.planning.forms import Compiler, Form, components
from worldwright.planning.joins import Cause, Names, Reached
from worldwright.planning.problem import Deadline, PlanningProblem, PlanningStopped, PlanStatus
from worldwright.world_model.effects import counted
from worldwright.world_model.language import CounterChange
from worldwright.world_model.state import Fluent, Value

MAX_INSTANCES = 400_000
MAX_NUMBERS = 1_000  # of one counter

Instance = tuple[Form, Names]


class Reachability:
    """Delete-relaxed reachability from a problem's state.

    Things that rules move about (values of injective predicates) multiply the instances. With `free` given other
    things wait until they are released: they are never put anywhere or, with `strict`, not even taken.

    Args:
        facts: the problem's state.
        free: the things that may be moved; None: all.
        strict: whether the others may not be taken either. Then the instances held back are known (`held_back`),
            as they must be for exact operators; otherwise they are not even spelt out.

    Attributes:
        instances: the rule instances whose preconditions are reachable, in the order found.
        ways: for each goal, for each of its parts, the instances whose conditions are reachable.
        held_back: with `strict`, instances that would move a thing that is not free.
    """

    def __init__(
        self,
        problem: PlanningProblem,
        facts: Facts,
        deadline: Deadline,
        free: Collection[str] | None = None,
        strict: bool = False,
    ) -> None:
        self.facts = facts
        self.constants = facts.vocabulary.constant_types
        self.reached = Reached(deadline, None if free is None else {*free, *self.constants})
        self.instances: list[Instance] = []
        self.held_back: list[Instance] = []
        self._strict = strict
        self._queue: deque[tuple[Fluent, Value | None]] = deque()
        self._counting: dict[Fluent, list[tuple[CounterChange, Cause]]] = {}
        self._compiler = Compiler(facts, self.reached, gated=free is not None and not strict)
        orders: dict[str, int] = {}
        self.forms: list[Form] = []
        for rule in problem.model.rules:
            orders[rule.action] = orders.get(rule.action, -1) + 1
            self.forms.append(self._compiler.rule(rule, orders[rule.action], self._fire))
        self.ways: list[list[list[Instance]]] = []
        for goal in problem.goals:
            parts = components(goal)
            self.ways.append([[] for _ in parts])
            for part, ways in zip(parts, self.ways[-1], strict=True):
                self.forms.append(self._compiler.goal(part, partial(self._reach, ways)))
        self._begin()

    def _begin(self) -> None:
        for name in sorted(self.facts.changing & self.facts.predicates.keys()):
            for atom in self.facts.atoms(name):
                fluent, value = (atom[:-1], atom[-1]) if self.facts.predicates[name].functional else (atom, True)
                self.reached.values[fluent] = {value: None}
                self._queue.append((fluent, value))
        for name in sorted(self.facts.changing & self.facts.counters.keys()):
            for fluent in self.facts.state.fluents(name):
                self.reached.values[fluent] = {self.facts.value(fluent): None}
        for form in self.forms:
            form.conjunction.search()

    def run(self, until_goal: bool = False) -> None:
        """Go on until nothing new is reachable or, if asked, a goal is.

        Raises:
            PlanningStopped: TIMEOUT, or UNSUPPORTED when there are too many instances.
        """
        queue, reached, tables = self._queue, self.reached, self._compiler.tables
        while queue and not (until_goal and self.reaches_goal()):
            fluent, value = queue.popleft()
            if value is True or isinstance(value, str):
                atom = (*fluent, value) if isinstance(value, str) else fluent
                reached.atoms.add(atom)
                for table in tables.get(fluent[0], ()):
                    table.add(atom)
                for node, binding in reached.waiting.pop(atom, ()):
                    node.push(binding)
            for node, binding in reached.watching.pop(fluent, ()):
                node.push(binding)
            if fluent in self._counting:
                for change, cause in self._counting[fluent]:
                    self._count(fluent, change, int(value or 0), cause)

    def reaches_goal(self) -> bool:
        """Whether every part of some goal is reachable."""
        return any(all(parts) for parts in self.ways)

    def release(self, free: Iterable[str] | None) -> None:
        """Let further things be put somewhere, or all (None)."""
        self.reached.free = None if free is None else (self.reached.free or set()) | set(free)
        for gate in self._compiler.gates:
            gate.open()

    def moved(self) -> list[str]:
        """The things that some instance moves, or would move if they were free, in a fixed order."""
        found: dict[str, None] = {}
        for form, binding in self.instances:
            for place in form.moved:
                found[binding[place]] = None
        for gate in self._compiler.gates:
            found.update(dict.fromkeys(binding[gate.place] for binding in gate.held))
        return [name for name in found if name not in self.constants]

    # -- what instances do --------------------------------------------------------------------------------------------

    def _reach(self, ways: list[Instance], form: Form, binding: Names) -> None:
        ways.append((form, binding))
        if len(ways) > MAX_INSTANCES:
            raise PlanningStopped(PlanStatus.UNSUPPORTED, f"more than {MAX_INSTANCES} ways to reach the goal")

    def _fire(self, form: Form, binding: Names) -> None:
        if self._strict and self.reached.free is not None:
            for place in form.moved:
                if binding[place] not in self.reached.free:
                    self.held_back.append((form, binding))
                    return
        cause = (form, binding)
        self.instances.append(cause)
        if len(self.instances) > MAX_INSTANCES:
            raise PlanningStopped(PlanStatus.UNSUPPORTED, f"more than {MAX_INSTANCES} ground actions")
        for effect in form.effects:
            atom = effect.ground(binding)
            if effect.change is not None:
                self._listen(atom, effect.change, cause)
            elif not effect.functional:
                self._add(atom, True if effect.positive else None, cause)
            else:
                self._add(atom[:-1], atom[-1] if effect.positive else None, cause)

    def _add(self, fluent: Fluent, value: Value | None, cause: Cause) -> None:
        values = self.reached.values.get(fluent)
        if values is None:
            values = self.reached.values[fluent] = {self.facts.value(fluent): None}
        if value not in values:
            values[value] = cause
            self._queue.append((fluent, value))

    def _listen(self, fluent: Fluent, change: CounterChange, cause: Cause) -> None:
        """Apply a counter's change to the numbers it can have now and to those it will."""
        listeners = self._counting.setdefault(fluent, [])
        if any(known == change for known, _ in listeners):
            return
        listeners.append((change, cause))
        for number in list(self.reached.values.get(fluent, {self.facts.value(fluent): None})):
            self._count(fluent, change, int(number or 0), cause)

    def _count(self, fluent: Fluent, change: CounterChange, number: int, cause: Cause) -> None:
        self._add(fluent, counted(change, self.facts.vocabulary, number), cause)
        if len(self.reached.values[fluent]) > MAX_NUMBERS:
            raise PlanningStopped(PlanStatus.UNSUPPORTED, f"counter {' '.join(fluent)} has over {MAX_NUMBERS} values")

    # -- a relaxed plan -----------------------------------------------------------------------------------------------

    def relaxed_plan(self) -> list[Instance]:
        """Instances that reach a goal if nothing is taken back (Hoffmann & Nebel 2001), the goal's own first."""
        plan: list[Instance] = [ways[0] for ways in next(parts for parts in self.ways if all(parts))]
        planned = {id(way) for way in plan}
        for instance in plan:  # it grows
            for cause in self._causes(*instance):
                if cause is not None and id(cause) not in planned:
                    planned.add(id(cause))
                    plan.append(cause)
        return plan

    def _causes(self, form: Form, binding: Names) -> Iterator[Cause | None]:
        for atom_form in form.conjunction.atoms:
            fluent, value = split(atom_form.ground(binding), atom_form.functional)
            yield self.reached.values[fluent][value]
        for late in form.conjunction.late:
            fluent, value = split(late.ground(binding), late.functional)
            values = self.reached.values.get(fluent, {})
            yield from [cause for other, cause in values.items() if other != value][:1]


def split(atom: Names, functional: bool) -> tuple[Fluent, Value]:
    """The fluent and the value that a ground atom gives it."""
    return (atom[:-1], atom[-1]) if functional else (atom, True)
