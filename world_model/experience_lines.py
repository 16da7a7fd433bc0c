"""The lines of an experience file: what each may say, how it is written and how it is read back.

The first line names the format and the vocabulary:

    {"format":"worldwright-experience","version":1,"vocabulary":"minigrid","digest":"3e5c..."}

then come, in the order in which they happened, what an episode's universe gained (constants are known anyway)

    {"episode":0,"objects":[["cell","c0_0","c0_1"],["thing","wall1"]],"facts":[["next","east","c0_0","c1_0"]]}

and its transitions, the change as fluents with their new values (null: none any more). `before` is there only if the
state before is not the one that the episode's last line left, and says how it differs; `observed` gives objects by
their numbers in the order in which they became known, [first, last] for several in a row:

    {"episode":0,"step":7,"action":["left"],"change":[["facing","north"]],"observed":[0,[41,58],63]}
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import NoReturn

from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.model import Action
from worldwright.world_model.model_file import show_vocabulary
from worldwright.world_model.state import Change, Fluent, State, Universe, Value, join_atom
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import Vocabulary, check_name

FORMAT = "worldwright-experience"
VERSION = 1
MAX_LINE = 8 * 2**20
MAX_ENTRIES = 50_000_000  # values of states, names in views and universes: what a file may fill the memory with
MAX_NUMBER = 10**9

_ENTRIES = 4  # that an object or a static fact takes in the tables of its universe
_OBJECT = re.compile(r"[A-Za-z0-9_.<>=+*-]{1,80}")  # what can stand in the text of an atom
_NO_OBJECT = "is no name of an object: use at most 80 of A-Z, a-z, 0-9 and _.<>=+*-"


class ExperienceProblem(WorldwrightError):
    """Experience that cannot be recorded, written or read; the message says where."""


@contextmanager
def naming(what: object) -> Iterator[None]:
    """Turn what goes wrong inside into one line that says in what."""
    try:
        yield
    except OSError as error:
        raise ExperienceProblem(f"{what}: {error.strerror or error}") from None
    except WorldwrightError as error:
        raise ExperienceProblem(f"{what}: {error}") from None


def universe_of(transition: Transition, vocabulary: Vocabulary) -> Universe:
    """The universe that a transition makes its episode's; raises `ExperienceProblem` if it speaks otherwise."""
    universe = transition.before.universe
    if universe.vocabulary is not vocabulary and universe.vocabulary != vocabulary:
        raise ExperienceProblem(
            f"a transition of vocabulary {universe.vocabulary.name!r} among those of {vocabulary.name!r}"
        )
    return universe


def require_one_universe(transition: Transition, universe: Universe) -> None:
    """Raise `ExperienceProblem` unless both states of a transition are of its episode's universe."""
    if transition.before.universe is not universe or transition.after.universe is not universe:
        raise ExperienceProblem(
            f"episode {transition.episode} has another universe: all states of an episode share one, and a new"
            " episode has a number of its own"
        )


# -- what may be said --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Form:
    """What the arguments and the value of a fluent may be."""

    types: tuple[str, ...]
    value: str | None = None  # of a functional predicate
    bounds: tuple[int, int] | None = None  # of a counter


class _Checker:
    """Checks names and values against the vocabulary; the same for what is written and for what is read."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._forms = {c.name: _Form(c.types, bounds=(c.low, c.high)) for c in vocabulary.counters}
        for p in vocabulary.predicates:
            self._forms[p.name] = _Form(p.types[:-1], p.types[-1]) if p.functional else _Form(p.types)

    def object(self, name: str, type_: str) -> None:
        """Raise unless an object may have that name and type."""
        if not _OBJECT.fullmatch(name):
            raise ExperienceProblem(f"{name[:40]!r} {_NO_OBJECT}")
        self.vocabulary.supertypes(type_)

    def action(self, action: Action, known: Mapping[str, str]) -> None:
        """Raise unless the action has arguments of its types."""
        self._objects(str(action), action.args, self.vocabulary.action(action.name).types, known)

    def value(self, fluent: Fluent, value: Value | None, known: Mapping[str, str]) -> None:
        """Raise unless the fluent can have the value (None: no value)."""
        form = self._forms.get(fluent[0])
        if form is None:
            raise ExperienceProblem(f"unknown predicate {fluent[0][:40]!r}")
        self._objects(fluent[0], fluent[1:], form.types, known)
        if value is None:
            return
        if form.bounds is not None:
            fits = type(value) is int and form.bounds[0] <= value <= form.bounds[1]
        elif form.value is None:
            fits = value is True
        else:
            fits = isinstance(value, str) and self._fits(value, form.value, known)
        if not fits:
            raise ExperienceProblem(f"({' '.join(fluent)}) cannot be {str(value)[:40]!r}")

    def fact(self, atom: Sequence[str], known: Mapping[str, str]) -> None:
        """Raise unless the names are those of an atom."""
        types = self.vocabulary.predicate(atom[0]).types
        self._objects(atom[0], atom[1:], types, known)

    def _objects(self, what: str, names: Sequence[str], types: Sequence[str], known: Mapping[str, str]) -> None:
        if len(names) != len(types):
            raise ExperienceProblem(f"{what[:40]!r} takes {len(types)} arguments, not {len(names)}")
        for name, wanted in zip(names, types, strict=True):
            if not self._fits(name, wanted, known):
                raise ExperienceProblem(f"{what[:40]!r}: {name[:40]!r} is no known object of type {wanted!r}")

    def _fits(self, name: str, wanted: str, known: Mapping[str, str]) -> bool:
        type_ = known.get(name)
        return type_ is not None and self.vocabulary.is_a(type_, wanted)


def _digest(vocabulary: Vocabulary) -> str:
    return hashlib.sha256(show_vocabulary(vocabulary).encode()).hexdigest()


def header_line(vocabulary: Vocabulary) -> bytes:
    """The first line of a file."""
    return _line({"format": FORMAT, "version": VERSION, "vocabulary": vocabulary.name, "digest": _digest(vocabulary)})


def _line(record: Mapping[str, object]) -> bytes:
    data = json.dumps(record, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    if len(data) > MAX_LINE:
        raise ExperienceProblem(f"a line of {len(data)} bytes is over the limit of {MAX_LINE}")
    return data


@dataclass
class Budget:
    """How many entries a file may still bring into memory."""

    left: int = field(default_factory=lambda: MAX_ENTRIES)

    def spend(self, entries: int) -> None:
        """Take entries off; raises `ExperienceProblem` when there are none left."""
        self.left -= entries
        if self.left < 0:
            raise ExperienceProblem(f"over {MAX_ENTRIES} values and names in all: begin another file")

    def spend_on(self, bare: Universe) -> None:
        """Take off what a universe without objects of its own takes."""
        self.spend(100 + _ENTRIES * (len(bare.types) + len(bare.facts)))


# -- writing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Written:
    """What of an episode is on file: so many of its universe's objects and facts, and its last state."""

    universe: Universe
    objects: int
    facts: int
    last: State


class Writer:
    """Turns transitions into lines. What `lines` gave counts as written only after `commit`."""

    def __init__(self, vocabulary: Vocabulary, budget: Budget, on_file: Mapping[int, State] | None = None) -> None:
        self._vocabulary = vocabulary
        self._budget = budget  # what could not be read is not written
        self._checker = _Checker(vocabulary)
        self._bare = Universe(vocabulary)
        self._episodes = {episode: _written(state.universe, state) for episode, state in (on_file or {}).items()}
        self._pending: dict[int, _Written] = {}
        self._numbered = self._bare
        self._ordinals: dict[str, int] = {}

    def lines(self, transition: Transition) -> bytes:
        """The transition's line, after one for what its universe gained if it did; raises `WorldwrightError`."""
        known = self._episodes.get(transition.episode) or self._first(transition)
        require_one_universe(transition, known.universe)
        gained = self._gained(transition.episode, known)
        data = (_line(gained) if len(gained) > 1 else b"") + _line(self._record(transition, known.last))
        self._pending = {transition.episode: _written(known.universe, transition.after)}
        return data

    def commit(self) -> None:
        """Take what `lines` last gave as written."""
        self._episodes.update(self._pending)

    def _first(self, transition: Transition) -> _Written:
        universe = universe_of(transition, self._vocabulary)
        self._budget.spend_on(self._bare)
        return _Written(universe, len(self._bare.types), len(self._bare.facts), State({}, universe))

    def _gained(self, episode: int, known: _Written) -> dict[str, object]:
        """The record of what the universe gained since it was last written: of two fields and more, if it did."""
        types, facts = known.universe.types, known.universe.facts
        record: dict[str, object] = {"episode": _natural(episode)}
        names = list(islice(types, known.objects, None))
        for name in names:
            self._checker.object(name, types[name])
        if names:
            record["objects"] = [[type_, *group] for type_, group in groupby(names, key=types.__getitem__)]
        atoms = [join_atom(fluent, value) for fluent, value in islice(facts.items(), known.facts, None)]
        for atom in atoms:
            self._checker.fact((atom.predicate, *atom.args), types)
        if atoms:
            record["facts"] = [[atom.predicate, *atom.args] for atom in atoms]
        self._budget.spend(_ENTRIES * (len(names) + len(atoms)))
        return record

    def _observed(self, transition: Transition) -> list[int | list[int]]:
        universe = transition.before.universe
        if self._numbered is not universe:
            self._numbered, self._ordinals = universe, {}
        for name in islice(universe.types, len(self._ordinals), None):
            self._ordinals[name] = len(self._ordinals)
        unknown = sorted(transition.observed - self._ordinals.keys())
        if unknown:
            raise ExperienceProblem(f"observed {unknown[0][:40]!r}, which the universe does not know")
        self._budget.spend(len(transition.observed))
        return _ranges(self._ordinals[name] for name in transition.observed)

    def _record(self, transition: Transition, last: State) -> dict[str, object]:
        types = transition.before.universe.types
        self._checker.action(transition.action, types)
        record: dict[str, object] = {
            "episode": _natural(transition.episode),
            "step": _natural(transition.step),
            "action": [transition.action.name, *transition.action.args],
        }
        if transition.before is not last and transition.before.values != last.values:
            record["before"] = self._change(last, transition.before)
        record["change"] = self._change(transition.before, transition.after)
        record["observed"] = self._observed(transition)
        if not transition.certain:
            record["certain"] = False
        if transition.source != "agent":
            record["source"] = check_name(transition.source)
        return record

    def _change(self, before: State, after: State) -> list[list[Value | None]]:
        if before is after or before.values is after.values:
            return []
        change = sorted(before.difference(after).items(), key=lambda item: item[0])
        if change:
            self._budget.spend(len(before.values) + len(change))
        for fluent, value in change:
            self._checker.value(fluent, value, after.universe.types)
        return [[*fluent, value] for fluent, value in change]


def _written(universe: Universe, last: State) -> _Written:
    return _Written(universe, len(universe.types), len(universe.facts), last)


def _natural(number: int) -> int:
    if not 0 <= number <= MAX_NUMBER:
        raise ExperienceProblem(f"a number of {number} is not between 0 and {MAX_NUMBER}")
    return number


def _ranges(numbers: Iterable[int]) -> list[int | list[int]]:
    """Ascending numbers, those that follow each other as [first, last]: a view is a few stretches of the map."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [pair if pair[0] < pair[1] else pair[0] for pair in found]


# -- reading -----------------------------------------------------------------------------------------------------------


@dataclass
class _Read:
    """What of an episode was read so far."""

    universe: Universe
    names: list[str]
    last: State
    observed: frozenset[str] = field(default_factory=frozenset)


class Reader:
    """Turns lines into transitions; errors are `WorldwrightError`."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.budget = Budget()
        self._vocabulary = vocabulary
        self._checker = _Checker(vocabulary)
        self._bare = Universe(vocabulary)
        self._episodes: dict[int, _Read] = {}
        self._begun = False

    def last_states(self) -> dict[int, State]:
        """The last state of each episode, of those too that have no transition yet."""
        return {number: known.last for number, known in self._episodes.items()}

    def is_torn(self, data: bytes) -> bool:
        """Whether a line is what a crash left of one. Of a first line it must be plain that it was ours."""
        if len(data) > MAX_LINE:
            raise ExperienceProblem(f"over the limit of {MAX_LINE} bytes")
        return not data.endswith(b"\n") and (self._begun or header_line(self._vocabulary).startswith(data))

    def take(self, data: bytes) -> Transition | None:
        """What a line says happened; None if it says something else."""
        record = _record_of(data)
        if not self._begun:
            self._check_header(record)
            self._begun = True
        elif "action" in record:
            return self._transition(record)
        else:
            self._take_gained(record)
        return None

    def _check_header(self, record: dict[str, object]) -> None:
        if record.get("format") != FORMAT:
            raise ExperienceProblem(f"not a file of format {FORMAT!r}")
        if record.get("version") is True or record.get("version") != VERSION:
            raise ExperienceProblem(f"version {str(record.get('version'))[:20]}; this program reads version {VERSION}")
        _only(record, {"format", "version", "vocabulary", "digest"}, set())
        if record["digest"] != _digest(self._vocabulary):
            raise ExperienceProblem(
                f"recorded with vocabulary {str(record['vocabulary'])[:64]!r}, which is not this"
                f" {self._vocabulary.name!r} (or another version of it)"
            )

    def _take_gained(self, record: dict[str, object]) -> None:
        _only(record, {"episode"}, {"objects", "facts"})
        known = self._episode(_number_in(record, "episode"))
        universe = known.universe
        for entry in _lists(record.get("objects", [])):
            type_, *names = _texts(entry)
            for name in names:
                self._checker.object(name, type_)
                if name in universe.types:
                    raise ExperienceProblem(f"object {name!r} stands twice")
                self.budget.spend(_ENTRIES)
                universe.add_object(name, type_)
                known.names.append(name)
        for entry in _lists(record.get("facts", [])):
            atom = _texts(entry)
            self._checker.fact(atom, universe.types)
            self.budget.spend(_ENTRIES)
            facts = len(universe.facts)
            universe.add_fact(tuple(atom))
            if len(universe.facts) == facts:
                raise ExperienceProblem(f"fact ({' '.join(atom)}) stands twice, or against another")

    def _episode(self, number: int) -> _Read:
        known = self._episodes.get(number)
        if known is None:
            self.budget.spend_on(self._bare)
            universe = Universe(self._vocabulary)
            known = self._episodes[number] = _Read(universe, list(universe.types), State({}, universe))
        return known

    def _transition(self, record: dict[str, object]) -> Transition:
        _only(record, {"episode", "step", "action", "change", "observed"}, {"before", "certain", "source"})
        if record.get("certain", False) is not False:
            raise ExperienceProblem("'certain' is false or left out")
        number = _number_in(record, "episode")
        known = self._episode(number)
        name, *args = _texts(record["action"])
        action = Action(name, tuple(args))
        self._checker.action(action, known.universe.types)
        before = self._changed(known.last, record.get("before", []))
        after = self._changed(before, record["change"])
        source = record.get("source", "agent")
        if not isinstance(source, str):
            raise ExperienceProblem("'source' is no name")
        known.last, known.observed = after, self._observed(known, record["observed"])
        return Transition(
            before,
            action,
            after,
            known.observed,
            certain="certain" not in record,
            episode=number,
            step=_number_in(record, "step"),
            source=check_name(source),
        )

    def _changed(self, state: State, entries: object) -> State:
        change: Change = {}
        for entry in _lists(entries):
            *names, value = entry
            fluent = tuple(_texts(names))
            if fluent in change:
                raise ExperienceProblem(f"({' '.join(fluent)}) stands twice in a change")
            if not (value is None or isinstance(value, str | int)):
                raise ExperienceProblem("a value is a name, a number, true or null")
            self._checker.value(fluent, value, state.universe.types)
            change[fluent] = value
        if not change:
            return state
        self.budget.spend(len(state.values) + len(change))
        return state.with_change(change)

    def _observed(self, known: _Read, entries: object) -> frozenset[str]:
        if not isinstance(entries, list):
            raise ExperienceProblem("'observed' is no list")
        names: list[str] = []
        least = 0
        for entry in entries:
            first, last = entry if isinstance(entry, list) and len(entry) == 2 else (entry, entry)
            if type(first) is not int or type(last) is not int or not least <= first <= last < len(known.names):
                raise ExperienceProblem("'observed' is no ascending list of the numbers of known objects")
            self.budget.spend(last + 1 - first)
            names += known.names[first : last + 1]
            least = last + 1
        found = frozenset(names)
        return known.observed if found == known.observed else found  # most steps see what the last one saw


def _record_of(data: bytes) -> dict[str, object]:
    try:
        record = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_doubles,
            parse_constant=_refuse,
            parse_float=_refuse,
        )
    except WorldwrightError:
        raise
    except (ValueError, RecursionError) as error:
        raise ExperienceProblem(f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise ExperienceProblem("not a record")
    return record


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ExperienceProblem("a key stands twice")
    return record


def _refuse(text: str) -> NoReturn:
    raise ExperienceProblem(f"{text[:40]!r} is no whole number")


def _only(record: Mapping[str, object], required: set[str], optional: set[str]) -> None:
    missing, unknown = sorted(required - record.keys()), sorted(record.keys() - required - optional)
    if missing:
        raise ExperienceProblem(f"without {missing[0]!r}")
    if unknown:
        raise ExperienceProblem(f"unknown field {unknown[0][:40]!r}")


def _number_in(record: Mapping[str, object], key: str) -> int:
    number = record[key]
    if type(number) is not int or not 0 <= number <= MAX_NUMBER:
        raise ExperienceProblem(f"{key!r} is no number from 0 to {MAX_NUMBER}")
    return number


def _lists(entries: object) -> list[list[object]]:
    if not isinstance(entries, list) or not all(isinstance(entry, list) and entry for entry in entries):
        raise ExperienceProblem("expected a list of lists")
    return entries


def _texts(entry: object) -> list[str]:
    if not isinstance(entry, list) or not entry or not all(isinstance(part, str) for part in entry):
        raise ExperienceProblem("expected a list of names")
    return entry
