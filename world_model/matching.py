"""When does a condition hold, and for which objects? Conjunctions are joined in an order fixed when compiled.

Literals of functional predicates are followed as references (the cell in front, the thing in it), so that the
deictic rules this project learns are matched by a handful of look-ups and no search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import takewhile

from worldwright.world_model.errors import MatchLimit
from worldwright.world_model.language import (
    EQUALS,
    Comparison,
    Condition,
    Exists,
    LiftedAtom,
    Literal,
    is_variable,
)
from worldwright.world_model.state import Fluent, Readable
from worldwright.world_model.vocabulary import ROOT_TYPE, Variable, Vocabulary

Binding = dict[str, str]

MAX_TRIES = 500_000


class _Budget:
    """How many candidates one enumeration may still try."""

    def __init__(self) -> None:
        self.left = MAX_TRIES

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise MatchLimit(f"a condition of over {MAX_TRIES} candidate bindings: bind its variables more tightly")


class StepKind(Enum):
    """How a step of a join finds its candidates."""

    TEST = auto()  # all variables known
    FOLLOW = auto()  # functional: key known, value new
    INVERSE = auto()  # injective: value known, key new
    SCAN = auto()  # enumerate the atoms of the predicate
    OBJECTS = auto()  # enumerate the objects of the variable's type


Look = Callable[[Readable, Binding], bool]


@dataclass(frozen=True)
class Step:
    """One step of a join: the condition that it tests or follows, or the variable that it goes through.

    `look` does it, in place, where at most one value is to be looked up.
    """

    kind: StepKind
    condition: Condition | None = None
    variable: Variable | None = None
    look: Look | None = None


class Query:
    """A conjunction with variables, ready to be asked of states.

    Args:
        parameters: the variables to bind; those in `given` come bound.
        conditions: what must hold.
        given: names of the parameters that every call of `bindings` provides.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        parameters: Sequence[Variable],
        conditions: Sequence[Condition],
        given: Sequence[str] = (),
    ) -> None:
        self._vocabulary = vocabulary
        self._types = {variable.name: variable.type for variable in parameters}
        self._inner = {
            condition: Query(vocabulary, (*parameters, *condition.parameters), condition.conditions, tuple(self._types))
            for condition in conditions
            if isinstance(condition, Exists)
        }
        self._steps = self._ordered(list(conditions), set(given))
        self._looks = [step.look for step in takewhile(lambda step: step.look is not None, self._steps) if step.look]

    def _ordered(self, waiting: list[Condition], bound: set[str]) -> list[Step]:
        steps: list[Step] = []
        left = [(condition, _variables(condition) & self._types.keys()) for condition in waiting]
        while left or len(bound) < len(self._types):
            step = self._next_step([(condition, names - bound) for condition, names in left], bound)
            if step.condition is not None:
                at = next(at for at, (condition, _) in enumerate(left) if condition is step.condition)
                bound |= left.pop(at)[1]
            elif step.variable is not None:
                bound.add(step.variable.name)
            steps.append(step)
        return steps

    def _next_step(self, waiting: list[tuple[Condition, set[str]]], bound: set[str]) -> Step:
        """The first of the conditions, each with its free variables, for which least is to be searched."""
        for condition, free in waiting:
            if not free:
                return Step(StepKind.TEST, condition, look=self._look(StepKind.TEST, condition))
        for kind in (StepKind.FOLLOW, StepKind.INVERSE, StepKind.SCAN):
            for condition, free in waiting:
                if self._fits(kind, condition, free):
                    return Step(kind, condition, look=self._look(kind, condition))
        name = next(name for name in self._types if name not in bound)
        return Step(StepKind.OBJECTS, variable=Variable(name, self._types[name]))

    def _look(self, kind: StepKind, condition: Condition) -> Look | None:
        if not isinstance(condition, Literal):
            return None
        atom = condition.atom
        if kind is StepKind.FOLLOW:
            wanted = self._types[atom.args[-1]]
            accepted = {t.name for t in self._vocabulary.types if self._vocabulary.is_a(t.name, wanted)}
            return _following(atom, frozenset(accepted) if wanted != ROOT_TYPE else None)
        if kind is not StepKind.TEST:
            return None
        if atom.predicate == EQUALS:
            return _comparing(atom, condition.positive)
        return _testing(atom, self._vocabulary.predicate(atom.predicate).functional, condition.positive)

    def _fits(self, kind: StepKind, condition: Condition, free: set[str]) -> bool:
        if not isinstance(condition, Literal) or not condition.positive or condition.atom.predicate == EQUALS:
            return False
        predicate = self._vocabulary.predicate(condition.atom.predicate)
        value = condition.atom.args[-1] if condition.atom.args else ""
        if kind is StepKind.FOLLOW:
            return predicate.functional and free == {value} and value not in condition.atom.args[:-1]
        if kind is StepKind.INVERSE:
            return predicate.functional and predicate.injective and value not in free
        return True

    def opening(self) -> Iterator[tuple[Condition, Variable | None]]:
        """The conditions that come before any search, each with the variable that it binds, if it binds one."""
        for step in self._steps:
            if step.condition is None or step.kind not in (StepKind.TEST, StepKind.FOLLOW):
                return
            follows = step.kind is StepKind.FOLLOW and isinstance(step.condition, Literal)
            name = step.condition.atom.args[-1] if follows and isinstance(step.condition, Literal) else ""
            yield step.condition, Variable(name, self._types[name]) if follows else None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The join, step by step, for whoever executes it by other means."""
        return tuple(self._steps)

    def inside(self, condition: Exists) -> Query:
        """The query of one of its `exists`, to which all outer parameters come bound."""
        return self._inner[condition]

    @property
    def searches(self) -> int:
        """How many of its variables are looked for among all things or atoms, those inside an exists counted too."""
        return sum(map(_enumerates, self._steps)) + sum(inner.searches for inner in self._inner.values())

    @property
    def follows(self) -> bool:
        """Whether values are only looked up to answer it, one after the other."""
        plain = all(step.kind in (StepKind.TEST, StepKind.FOLLOW) for step in self._steps)
        return plain and all(inner.follows for inner in self._inner.values())

    def bindings(self, state: Readable, given: Binding | None = None) -> Iterator[Binding]:
        """Every way to bind the parameters so that all conditions hold, in a fixed order.

        Raises:
            MatchLimit: more than `MAX_TRIES` candidates were tried.
        """
        yield from self._extend(0, state, dict(given or {}), _Budget())

    def holds(self, state: Readable, given: Binding | None = None) -> bool:
        """Whether there is any such binding."""
        binding = dict(given or {})
        for look in self._looks:  # what comes before any search mostly settles it
            if not look(state, binding):
                return False
        at = len(self._looks)
        return at == len(self._steps) or next(self._extend(at, state, binding, _Budget()), None) is not None

    def _extend(self, at: int, state: Readable, binding: Binding, budget: _Budget) -> Iterator[Binding]:
        while at < len(self._steps):
            step = self._steps[at]
            if step.look is not None:
                if not step.look(state, binding):
                    return
                at += 1
            elif step.kind is StepKind.TEST:
                assert step.condition is not None
                if not self._test(step.condition, state, binding, budget):
                    return
                at += 1
            else:
                for extended in self._candidates(step, state, binding, budget):
                    yield from self._extend(at + 1, state, extended, budget)
                return
        yield binding

    def _candidates(self, step: Step, state: Readable, binding: Binding, budget: _Budget) -> Iterator[Binding]:
        if step.variable is not None:
            for name in state.universe.objects(step.variable.type):
                budget.spend()
                yield {**binding, step.variable.name: name}
            return
        assert isinstance(step.condition, Literal)
        atom = step.condition.atom
        if step.kind is StepKind.INVERSE:
            fluents = self._owners(state, atom.predicate, binding.get(atom.args[-1], atom.args[-1]))
            candidates = [_arguments(state, fluent, True) for fluent in fluents]
        else:
            functional = self._vocabulary.predicate(atom.predicate).functional
            candidates = [_arguments(state, fluent, functional) for fluent in self._scanned(state, atom, binding)]
        for arguments in candidates:
            budget.spend()
            extended = self._unify(atom, arguments, state, binding)
            if extended is not None:
                yield extended

    def _scanned(self, state: Readable, atom: LiftedAtom, binding: Binding) -> Iterable[Fluent]:
        """The fluents of a predicate that may fit; of a static one only those with a known argument."""
        fluents = state.fluents(atom.predicate)
        predicate = self._vocabulary.predicate(atom.predicate)
        if fluents is not state.universe.fluents(atom.predicate):
            return fluents
        keys = atom.args[:-1] if predicate.functional else atom.args
        terms = [(position, binding.get(arg, arg)) for position, arg in enumerate(keys)]
        return state.universe.fluents_with(atom.predicate, [t for t in terms if not is_variable(t[1])])

    def _owners(self, state: Readable, predicate: str, value: str) -> list[Fluent]:
        if value in self._vocabulary.constant_types or self._vocabulary.predicate(predicate).static:
            return list(state.fluents(predicate))
        owner = state.owner(predicate, value)
        return [] if owner is None else [owner]

    def _unify(self, atom: LiftedAtom, arguments: Fluent, state: Readable, binding: Binding) -> Binding | None:
        extended = dict(binding)
        for term, name in zip(atom.args, arguments, strict=True):
            if not is_variable(term):
                if term != name:
                    return None
            elif term in extended:
                if extended[term] != name:
                    return None
            elif self._has_type(state, name, self._types[term]):
                extended[term] = name
            else:
                return None
        return extended

    def _has_type(self, state: Readable, name: str, wanted: str) -> bool:
        return wanted == ROOT_TYPE or self._vocabulary.is_a(state.universe.types.get(name, ROOT_TYPE), wanted)

    def test(self, condition: Condition, state: Readable, binding: Binding) -> bool:
        """Whether a condition of this query, all of whose free variables are bound, holds."""
        return self._test(condition, state, binding, _Budget())

    def _test(self, condition: Condition, state: Readable, binding: Binding, budget: _Budget) -> bool:
        if isinstance(condition, Exists):
            found = self._inner[condition]._extend(0, state, dict(binding), budget)
            return (next(found, None) is not None) == condition.positive
        if isinstance(condition, Comparison):
            value = state.value(ground(condition.counter, binding))
            return condition.accepts(int(value or 0))
        atom = condition.atom
        if atom.predicate == EQUALS:
            left, right = (binding.get(arg, arg) for arg in atom.args)
            return (left == right) == condition.positive
        fluent = ground(atom, binding)
        if self._vocabulary.predicate(atom.predicate).functional:
            return (state.value(fluent[:-1]) == fluent[-1]) == condition.positive
        return (state.value(fluent) is not None) == condition.positive


def _filler(atom: LiftedAtom, keys: Sequence[str]) -> Callable[[Binding], Fluent]:
    """What makes a fluent of a binding of all the variables among an atom's keys."""
    head = atom.predicate
    if not any(map(is_variable, keys)):
        fluent = (head, *keys)
        return lambda binding: fluent
    if len(keys) == 1:
        (key,) = keys
        return lambda binding: (head, binding.get(key, key))
    return lambda binding: (head, *[binding.get(key, key) for key in keys])


def _following(atom: LiftedAtom, accepted: frozenset[str] | None) -> Look:
    """Binds the atom's last variable to the value of the fluent, if it has one and that is of an accepted type."""
    name, fluent = atom.args[-1], _filler(atom, atom.args[:-1])

    def look(state: Readable, binding: Binding) -> bool:
        value = state.value(fluent(binding))
        if value is None or (accepted is not None and state.universe.types.get(str(value)) not in accepted):
            return False
        binding[name] = str(value)
        return True

    return look


def _testing(atom: LiftedAtom, functional: bool, positive: bool) -> Look:
    """Whether an atom holds, or does not."""
    fluent = _filler(atom, atom.args[:-1] if functional else atom.args)
    if not functional:
        return lambda state, binding: (state.value(fluent(binding)) is not None) == positive
    last = atom.args[-1]
    if is_variable(last):
        return lambda state, binding: (state.value(fluent(binding)) == binding.get(last, last)) == positive
    return lambda state, binding: (state.value(fluent(binding)) == last) == positive


def _comparing(atom: LiftedAtom, positive: bool) -> Look:
    """Whether two terms are the same thing, or are not."""
    left, right = atom.args
    return lambda state, binding: (binding.get(left, left) == binding.get(right, right)) == positive


def ground(atom: LiftedAtom, binding: Binding) -> Fluent:
    """The predicate and the arguments of the atom, its variables replaced."""
    return (atom.predicate, *(binding.get(arg, arg) for arg in atom.args))


def _enumerates(step: Step) -> bool:
    """Whether a step goes through all things or atoms; many things may share a constant as value."""
    shared = isinstance(step.condition, Literal) and not any(map(is_variable, step.condition.atom.args[-1:]))
    return step.kind in (StepKind.SCAN, StepKind.OBJECTS) or (step.kind is StepKind.INVERSE and shared)


def _arguments(state: Readable, fluent: Fluent, functional: bool) -> Fluent:
    return (*fluent[1:], str(state.value(fluent))) if functional else fluent[1:]


def _variables(condition: Condition) -> set[str]:
    if isinstance(condition, Exists):
        inner: set[str] = set().union(*(_variables(part) for part in condition.conditions))
        return inner - {variable.name for variable in condition.parameters}
    atom = condition.counter if isinstance(condition, Comparison) else condition.atom
    return {arg for arg in atom.args if is_variable(arg)}
