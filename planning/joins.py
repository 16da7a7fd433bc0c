"""The network that finds the instances of rules: each conjunction is a chain of nodes that bindings flow through.

A node that asks for a changing fact remembers the bindings that came by and sends them on when the fact turns up
(the beta memories of the Rete algorithm; Forgy 1982). Each instance is thus found exactly once, as soon as its last
fact is reachable. Facts are never taken back: this is reachability under delete relaxation.

A binding is a tuple of names. Its first places are the conjunction's constants (predicate names too), so that a term
is always a place, and a ground atom is one `itemgetter` away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from operator import itemgetter
from typing import Any, Protocol

from worldwright.planning.problem import Deadline
from worldwright.world_model.language import Comparison
from worldwright.world_model.state import Fluent, Value

Names = tuple[str, ...]
Key = str | Names | None
KeyGetter = Callable[[Names], Key]
NamesGetter = Callable[[Names], Names]
Cause = tuple[Any, Names]  # a form and the binding under which it fired

_CHECK_EVERY = 4096  # bindings between two looks at the clock
_STATE = 16  # of them take as long as a state that is looked at


def key_getter(places: Sequence[int]) -> KeyGetter:
    """What picks the names at `places`: none is None, one the bare name, more a tuple."""
    return itemgetter(*places) if places else lambda names: None


def names_getter(places: Sequence[int]) -> NamesGetter:
    """What picks the names at `places` as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    if not places:
        return lambda names: ()
    (place,) = places
    return lambda names: (names[place],)


class Node(Protocol):
    """A station in a chain."""

    def push(self, binding: Names) -> None:
        """Send a binding on if it passes, or keep it until it does."""


class Table:
    """The atoms of a predicate that are reachable, by some of their arguments.

    Args:
        known: the places of an atom (0 is the predicate) that a look-up gives.
        wanted: the places that it answers.
        members: for each wanted place the objects of the wanted type, or None if any will do.
    """

    def __init__(self, known: Sequence[int], wanted: Sequence[int], members: Sequence[frozenset[str] | None]) -> None:
        self.rows: dict[Key, list[Names]] = {}
        self.joins: list[Join] = []  # the last in their chains first
        self._key = key_getter(known)
        self._row = names_getter(wanted)
        self._typed = [(at, names) for at, names in enumerate(members) if names is not None]

    def add(self, atom: Names) -> None:
        """Let an atom be known, to the chains that wait for it too."""
        row = self._row(atom)
        for at, names in self._typed:
            if row[at] not in names:
                return
        key = self._key(atom)
        self.rows.setdefault(key, []).append(row)
        for join in self.joins:
            join.arrive(key, row)


class Reached:
    """What is reachable so far.

    Attributes:
        atoms: the atoms that chains may use.
        values: for each fluent that has been looked at its values and what made each first (None: true at first).
        free: the things that gates let through; None: all.
    """

    def __init__(self, deadline: Deadline, free: set[str] | None = None) -> None:
        self.atoms: set[Names] = set()
        self.values: dict[Fluent, dict[Value | None, Cause | None]] = {}
        self.free = free
        self.waiting: defaultdict[Names, list[tuple[Node, Names]]] = defaultdict(list)  # for an atom
        self.watching: defaultdict[Fluent, list[tuple[Node, Names]]] = defaultdict(list)  # for any new value
        self.tick = count(1).__next__
        self.check = deadline.check


class Join:
    """Extends bindings by the rows of a table; by those that come later, too, if the table grows."""

    def __init__(self, reached: Reached, table: Table, key: Sequence[int], grows: bool, following: Node) -> None:
        self._reached = reached
        self._table = table
        self._key = key_getter(key)
        self._grows = grows
        self._following = following
        self._memory: defaultdict[Key, list[Names]] = defaultdict(list)

    def push(self, binding: Names) -> None:
        if self._reached.tick() % _CHECK_EVERY == 0:
            self._reached.check(_CHECK_EVERY / _STATE)
        key = self._key(binding)
        if self._grows:
            self._memory[key].append(binding)
        push = self._following.push
        for row in self._table.rows.get(key, ()):
            push(binding + row)

    def arrive(self, key: Key, row: Names) -> None:
        """Extend the bindings that came before the row did."""
        if key in self._memory:
            push = self._following.push
            for binding in self._memory[key]:
                push(binding + row)


class Each:
    """Extends bindings by every object of a type."""

    def __init__(self, reached: Reached, names: Iterable[str], following: Node) -> None:
        self._reached = reached
        self._rows = [(name,) for name in names]
        self._following = following

    def push(self, binding: Names) -> None:
        for row in self._rows:
            if self._reached.tick() % _CHECK_EVERY == 0:
                self._reached.check(_CHECK_EVERY / _STATE)
            self._following.push(binding + row)


class Holds:
    """Passes bindings whose atom is reachable, as soon as it is."""

    def __init__(self, reached: Reached, atom: NamesGetter, following: Node) -> None:
        self._reached = reached
        self._atom = atom
        self._following = following

    def push(self, binding: Names) -> None:
        atom = self._atom(binding)
        if atom in self._reached.atoms:
            self._following.push(binding)
        else:
            self._reached.waiting[atom].append((self._following, binding))


class Differs:
    """Passes bindings whose fluent can have another value than the one denied, as soon as it can."""

    def __init__(self, reached: Reached, atom: NamesGetter, functional: bool, following: Node) -> None:
        self._reached = reached
        self._atom = atom
        self._functional = functional
        self._following = following

    def push(self, binding: Names) -> None:
        atom = self._atom(binding)
        fluent, denied = (atom[:-1], atom[-1]) if self._functional else (atom, True)
        values = self._reached.values.get(fluent)
        if values is None or len(values) > 1 or denied not in values:
            self._following.push(binding)
        else:
            self._reached.watching[fluent].append((self, binding))


class Compares:
    """Passes bindings whose counter can have an accepted number, as soon as it can."""

    def __init__(self, reached: Reached, comparison: Comparison, fluent: NamesGetter, following: Node) -> None:
        self._reached = reached
        self._comparison = comparison
        self._fluent = fluent
        self._following = following

    def push(self, binding: Names) -> None:
        fluent = self._fluent(binding)
        if any(self._comparison.accepts(int(number or 0)) for number in self._reached.values.get(fluent, (0,))):
            self._following.push(binding)
        else:
            self._reached.watching[fluent].append((self, binding))


class Filter:
    """Passes bindings that pass a test whose answer never changes."""

    def __init__(self, test: Callable[[Names], bool], following: Node) -> None:
        self._test = test
        self._following = following

    def push(self, binding: Names) -> None:
        if self._test(binding):
            self._following.push(binding)


class Gate:
    """Passes bindings whose thing is free, the others when it is set free.

    Attributes:
        held: the bindings that wait.
    """

    def __init__(self, reached: Reached, place: int, following: Node) -> None:
        self._reached = reached
        self.place = place
        self._following = following
        self.held: list[Names] = []

    def push(self, binding: Names) -> None:
        if self._reached.free is None or binding[self.place] in self._reached.free:
            self._following.push(binding)
        else:
            self.held.append(binding)

    def open(self) -> None:
        """Look at the waiting bindings again."""
        waiting, self.held = self.held, []
        for binding in waiting:
            self.push(binding)


class Collect:
    """The end of a chain: hands the complete bindings over."""

    def __init__(self, take: Callable[[Names], None]) -> None:
        self._take = take

    def push(self, binding: Names) -> None:
        self._take(binding)
