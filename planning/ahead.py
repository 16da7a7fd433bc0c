"""States that lie ahead of one, each with the way there. Each says only what is otherwise than in that one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from worldwright.planning.problem import PlanStep
from worldwright.world_model.discrimination import ValueOf
from worldwright.world_model.state import Change, Fluent, State, Value

_DIGITS = 6  # after which sums of the same in another order are equal


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
        return self._back(self._most_worth(worth) if worth else {}, ())[0]

    def since(self, starts: Collection[Ahead]) -> tuple[tuple[PlanStep, ...], Ahead]:
        """The steps that lead here from one of some states on the way, and which that is."""
        return self._back({}, starts)

    def _back(
        self, chosen: Mapping[Ahead, tuple[Ahead, PlanStep]], starts: Collection[Ahead]
    ) -> tuple[tuple[PlanStep, ...], Ahead]:
        """The steps that lead here, from the first state if from none of some others, and from which."""
        steps: list[PlanStep] = []
        here = self
        while here not in starts and here._before is not None and here.step is not None:
            here, step = chosen.get(here, (here._before, here.step))
            steps.append(step)
        return tuple(reversed(steps)), here

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


def key_of(ahead: Ahead) -> frozenset[tuple[Fluent, Value | None]]:
    """What tells a state from the others of a search."""
    return frozenset(ahead.changed.items())


def is_known(ahead: Ahead, seen: set[frozenset[tuple[Fluent, Value | None]]]) -> bool:
    """Whether the state was seen; it is from now on."""
    key = key_of(ahead)
    if key in seen:
        return True
    seen.add(key)
    return False


class Shown:
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
