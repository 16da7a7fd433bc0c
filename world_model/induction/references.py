"""Deictic references: names for objects by how one gets to them from the agent ("the thing in the cell in front").

A reference is a functional predicate applied to references, down to those without arguments (`facing`) and the
action's own arguments. It picks out at most one object in any state (Pasula, Zettlemoyer & Kaelbling, JAIR 2007), so
what is said in references is lifted by construction: it holds in every place, for every name.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Protocol

from worldwright.world_model.state import Fluent, Value
from worldwright.world_model.vocabulary import ROOT_TYPE, Predicate, Vocabulary


@dataclass(frozen=True, order=True)
class Ref:
    """`head` applied to `keys`; an action's argument is `Ref("?0")`, `Ref("?1")`, ..."""

    head: str
    keys: tuple[Ref, ...] = ()

    @cached_property
    def _hash(self) -> int:
        return hash((self.head, self.keys))

    def __hash__(self) -> int:
        return self._hash

    @property
    def is_argument(self) -> bool:
        """Whether it is an argument of the action."""
        return self.head.startswith("?")

    def parts(self) -> Iterator[Ref]:
        """The references it is made of, innermost first, itself last."""
        for key in self.keys:
            yield from key.parts()
        yield self

    def __str__(self) -> str:
        return f"{self.head}({', '.join(map(str, self.keys))})" if self.keys else self.head


class Readable(Protocol):
    """What gives the values of fluents: a state, or a view of one that was not built."""

    def value(self, fluent: Fluent) -> Value | None:
        """The value of a fluent; None if it has none."""


class Frame:
    """A state seen from an action: what references pick out there."""

    def __init__(self, state: Readable, args: Sequence[str] = ()) -> None:
        self._state = state
        self._values: dict[Ref, str | None] = {Ref(f"?{index}"): arg for index, arg in enumerate(args)}

    def resolve(self, ref: Ref) -> str | None:
        """The object that a reference picks out; None if it picks out nothing known."""
        try:
            return self._values[ref]
        except KeyError:
            pass
        keys = [self.resolve(key) for key in ref.keys]
        value = None if None in keys else self._state.value((ref.head, *[str(key) for key in keys]))
        self._values[ref] = found = value if isinstance(value, str) else None
        return found


class References:
    """The references that a vocabulary allows, and how they are enumerated.

    Cost: each application of a predicate costs 1, but going on in the same way (the cell after the cell in front)
    only 0.3, for the reach of an effect is more often long than crooked.
    """

    def __init__(self, vocabulary: Vocabulary, action: str) -> None:
        self.vocabulary = vocabulary
        self._types = {Ref(f"?{i}"): type_ for i, type_ in enumerate(vocabulary.action(action).types)}
        functional = [predicate for predicate in vocabulary.predicates if predicate.functional]
        self._picked = {predicate.name: predicate.types[-1] for predicate in functional}
        self.roots = [*self._types, *(Ref(p.name) for p in functional if len(p.types) == 1)]
        self._attributes = [p for p in functional if len(p.types) == 2 and not p.static]
        self._value_types = {
            type_.name
            for type_ in vocabulary.types
            if sum(vocabulary.is_a(constant.type, type_.name) for constant in vocabulary.constants) > 1
        }
        self._fixed = [p for p in functional if len(p.types) > 1 and p.static]

    @property
    def takes_arguments(self) -> bool:
        """Whether the action does."""
        return bool(self._types)

    def is_name(self, ref: Ref) -> bool:
        """Whether it picks out a mere name, of which none matters more than another (a colour)."""
        return self.is_value(ref) and self.type_of(ref) in self.vocabulary.nominal

    def type_of(self, ref: Ref) -> str:
        """The type of what a reference picks out; of what picks out nothing (a relation, a counter) the root type."""
        return self._types.get(ref) or self._picked.get(ref.head, ROOT_TYPE)

    def is_value(self, ref: Ref) -> bool:
        """Whether it picks out a constant of the vocabulary (a colour) rather than an object of the episode."""
        return self.is_value_type(self.type_of(ref))

    def is_value_type(self, type_: str) -> bool:
        """Whether the objects of a type are the vocabulary's constants (a lone constant only marks an absence)."""
        return type_ in self._value_types

    def comparable(self, left: Ref, right: Ref) -> bool:
        """Whether two references may pick out the same thing, by their types."""
        return self.fits(left, self.type_of(right)) or self.fits(right, self.type_of(left))

    def fits(self, ref: Ref, type_: str) -> bool:
        """Whether what a reference picks out may be of the type."""
        return self.vocabulary.is_a(self.type_of(ref), type_)

    def attributes(self, ref: Ref) -> list[Ref]:
        """What can be said of what a reference picks out, by changeable predicates of one argument."""
        type_ = self.type_of(ref)
        return [Ref(p.name, (ref,)) for p in self._attributes if self.vocabulary.is_a(type_, p.types[0])]

    def closure(self, refs: Sequence[Ref], depth: int = 2) -> list[Ref]:
        """The references, and what can be said of them, of that, ... to the depth."""
        found = list(dict.fromkeys(refs))
        layer = found
        for _ in range(depth):
            layer = [a for ref in layer if not self.is_value(ref) for a in self.attributes(ref) if a not in found]
            found = list(dict.fromkeys([*found, *layer]))
        return found

    def neighbours(self, refs: Sequence[Ref]) -> list[Ref]:
        """What static predicates lead to from the references, one step (turns of a direction included)."""
        turned = list(dict.fromkeys([*refs, *self._applications([ref for ref in refs if self.is_value(ref)], refs)]))
        objects = [ref for ref in refs if not self.is_value(ref)]
        return [ref for ref in dict.fromkeys(self._applications(turned, objects)) if ref not in refs]

    def _applications(self, first: Sequence[Ref], last: Sequence[Ref]) -> Iterator[Ref]:
        for predicate in self._fixed:
            for keys in product(*(self._fitting(predicate, i, first, last) for i in range(len(predicate.types) - 1))):
                yield Ref(predicate.name, keys)

    def _fitting(self, predicate: Predicate, place: int, first: Sequence[Ref], last: Sequence[Ref]) -> list[Ref]:
        pool = last if place == len(predicate.types) - 2 else first
        return [ref for ref in pool if self.vocabulary.is_a(self.type_of(ref), predicate.types[place])]

    def names(self, frame: Frame, limit: float = 2.7) -> dict[str, Ref]:
        """For each object near enough its cheapest reference in the frame."""
        found: dict[str, Ref] = {}
        queue: list[tuple[float, int, Ref]] = [(0.0, rank, root) for rank, root in enumerate(self.roots)]
        serial = len(queue)
        while queue:
            cost, _, ref = heapq.heappop(queue)
            name = frame.resolve(ref)
            if name is None or name in found or cost > limit:
                continue
            found[name] = ref
            for more, following in self._following(ref, list(found.values())):
                if cost + more <= limit:
                    serial += 1
                    heapq.heappush(queue, (cost + more, serial, following))
        return found

    def _following(self, ref: Ref, known: list[Ref]) -> Iterator[tuple[float, Ref]]:
        for attribute in self.attributes(ref):
            yield 0.4, attribute
        for predicate in self._fixed:
            for place, type_ in enumerate(predicate.types[:-1]):
                if not self.vocabulary.is_a(self.type_of(ref), type_):
                    continue
                pools = [
                    [ref] if i == place else [k for k in known if self.vocabulary.is_a(self.type_of(k), t)]
                    for i, t in enumerate(predicate.types[:-1])
                ]
                for keys in product(*pools):
                    same_way = ref.head == predicate.name and ref.keys[:-1] == keys[:-1]
                    yield (0.3 if same_way else 1.0), Ref(predicate.name, keys)
