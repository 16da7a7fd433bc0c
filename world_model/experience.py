"""Experience: the transitions of all episodes, in memory and as a file that a crash cannot spoil.

The file is JSON lines. The first names the format and the vocabulary; then come, in the order in which they happened,
the objects and static facts that an episode got to know and its transitions, each as a change against the last state of
its episode. Every line is written whole as it happens, so that only the last one can ever be torn: it is dropped on
loading, with a warning, and cut off before the next is appended. Loading a stranger's file is safe: it is bounded and
checked against the vocabulary; it is experience or one clear error.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import BinaryIO, NoReturn

from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.model import Action
from worldwright.world_model.model_file import show_vocabulary
from worldwright.world_model.state import Change, Fluent, State, Universe, Value, join_atom
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import Vocabulary, check_name

FORMAT = "worldwright-experience"
VERSION = 1
MAX_BYTES = 256 * 2**20
MAX_LINE = 8 * 2**20
MAX_ENTRIES = 50_000_000  # values of states, names in views and universes: what a file may fill the memory with
MAX_NUMBER = 10**9

_ENTRIES = 4  # that an object or a static fact takes in the tables of its universe

_OBJECT = re.compile(r"[A-Za-z0-9_.<>=+*-]{1,80}")  # what can stand in the text of an atom
_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # wait for no pipe, and keep newlines
_NO_OBJECT = "is no name of an object: use at most 80 of A-Z, a-z, 0-9 and _.<>=+*-"


class ExperienceProblem(WorldwrightError):
    """Experience that cannot be recorded, written or read; the message says where."""


class ExperienceBuffer:
    """The transitions of all episodes, in the order in which they were appended.

    Args:
        vocabulary: what their states speak of.

    Attributes:
        warning: what was wrong with the file that this was loaded from, if it could be mended; empty otherwise.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.warning = ""
        self._transitions: list[Transition] = []
        self._by_action: dict[str, list[Transition]] = {action.name: [] for action in vocabulary.actions}
        self._universes: dict[int, Universe] = {}

    def append(self, transition: Transition) -> None:
        """Add a transition.

        Raises:
            ExperienceProblem: it speaks another vocabulary, or its states and those of its episode do not share
                one universe.
        """
        universe = self._universes.get(transition.episode) or _new_universe(transition, self.vocabulary)
        _require_one_universe(transition, universe)
        self._by_action[self.vocabulary.action(transition.action.name).name].append(transition)
        self._transitions.append(transition)
        self._universes[transition.episode] = universe

    def reserve(self, episode: int, universe: Universe) -> None:
        """Number an episode of which there is no transition yet."""
        self._universes[episode] = universe

    def of_action(self, name: str) -> Sequence[Transition]:
        """The transitions of an action; a view that grows with the buffer. Raises `VocabularyProblem`."""
        return self._by_action[self.vocabulary.action(name).name]

    @property
    def universes(self) -> Mapping[int, Universe]:
        """The universe of each episode."""
        return self._universes

    @property
    def next_episode(self) -> int:
        """A number that no episode has yet, above all others."""
        return max(self._universes, default=-1) + 1

    def __len__(self) -> int:
        return len(self._transitions)

    def __iter__(self) -> Iterator[Transition]:
        return iter(self._transitions)

    def __getitem__(self, index: int) -> Transition:
        return self._transitions[index]

    def save(self, path: Path) -> None:
        """Write everything to `path`, whole or not at all; raises `ExperienceProblem`."""
        with _naming(f"experience {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
            try:
                with os.fdopen(handle, "wb") as file:
                    self._write(file)
                os.replace(temporary, path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def _write(self, file: BinaryIO) -> None:
        writer = _Writer(self.vocabulary, _Budget())
        file.write(_header(self.vocabulary))
        for transition in self:
            file.write(writer.lines(transition))
            writer.commit()
        if file.tell() > MAX_BYTES:
            raise ExperienceProblem(f"more than {MAX_BYTES} bytes of it")

    @staticmethod
    def load(path: Path, vocabulary: Vocabulary) -> ExperienceBuffer:
        """What a file holds; a torn last line is left out and noted in `warning`.

        Raises:
            ExperienceProblem: no such file, not a regular one, too large, of another vocabulary, or no
                experience; the message names the file and the line.
        """
        return _load(path, vocabulary)[0].buffer


class ExperienceLog:
    """A file that every transition is appended to as it happens.

    An existing file is read first and goes on where its last whole line ends. One process at a time may hold it.

    Args:
        path: the file; made if there is none.
        vocabulary: what the states speak of.

    Attributes:
        recovered: what the file held, with a warning if its last line was torn. New episodes are to be numbered
            from `recovered.next_episode`.

    Raises:
        ExperienceProblem: as `ExperienceBuffer.load`, or the file cannot be written or is in use.
    """

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        self.path = path
        with _naming(f"experience {path}"):
            self._handle = _open_for_appending(path)
        try:
            reader, self._end = _load(path, vocabulary, new=True)
            self.recovered = reader.buffer
            self._writer = _Writer(vocabulary, reader.budget, reader.last_states())
            self._clean = False  # the torn tail, if there is one, is cut off before the first line
            if self._end == 0:
                self._write(_header(vocabulary))
        except BaseException:
            self.close()
            raise

    def append(self, transition: Transition) -> None:
        """Write a transition; it is on file, whole, when this returns.

        Raises:
            ExperienceProblem: it cannot be written or is not fit to be; the file still ends with the last whole
                line, and later appends go on from there.
        """
        with _naming(f"experience {self.path}"):
            lines = self._writer.lines(transition)
        self._write(lines)
        self._writer.commit()

    def _write(self, data: bytes) -> None:
        with _naming(f"experience {self.path}"):
            if self._end + len(data) > MAX_BYTES:
                raise ExperienceProblem(f"more than {MAX_BYTES} bytes of it: begin another file")
            if not self._clean:
                os.ftruncate(self._handle, self._end)
            self._clean = False
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(self._handle, rest) :]
            except OSError:
                os.ftruncate(self._handle, self._end)  # a full disk may have taken a part of it
                raise
        self._clean = True
        self._end += len(data)

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1

    def __enter__(self) -> ExperienceLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open_for_appending(path: Path) -> int:
    """A regular file, made if need be, that no other process writes until it is closed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        raise ExperienceProblem("not a regular file")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _FLAGS, 0o644)
    try:
        _lock(handle)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:
        return  # this system has no such locks
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ExperienceProblem("in use by another run") from None


@contextmanager
def _naming(what: object) -> Iterator[None]:
    """Turn what goes wrong inside into one line that says in what."""
    try:
        yield
    except OSError as error:
        raise ExperienceProblem(f"{what}: {error.strerror or error}") from None
    except WorldwrightError as error:
        raise ExperienceProblem(f"{what}: {error}") from None


def _new_universe(transition: Transition, vocabulary: Vocabulary) -> Universe:
    universe = transition.before.universe
    if universe.vocabulary is not vocabulary and universe.vocabulary != vocabulary:
        raise ExperienceProblem(
            f"a transition of vocabulary {universe.vocabulary.name!r} among those of {vocabulary.name!r}"
        )
    return universe


def _require_one_universe(transition: Transition, universe: Universe) -> None:
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


def _header(vocabulary: Vocabulary) -> bytes:
    return _line({"format": FORMAT, "version": VERSION, "vocabulary": vocabulary.name, "digest": _digest(vocabulary)})


def _line(record: Mapping[str, object]) -> bytes:
    data = json.dumps(record, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    if len(data) > MAX_LINE:
        raise ExperienceProblem(f"a line of {len(data)} bytes is over the limit of {MAX_LINE}")
    return data


@dataclass
class _Budget:
    """How many entries a file may still bring into memory."""

    left: int = field(default_factory=lambda: MAX_ENTRIES)

    def spend(self, entries: int) -> None:
        self.left -= entries
        if self.left < 0:
            raise ExperienceProblem(f"over {MAX_ENTRIES} values and names in all: begin another file")

    def spend_on(self, bare: Universe) -> None:
        self.spend(100 + _ENTRIES * (len(bare.types) + len(bare.facts)))


# -- writing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Written:
    """What of an episode is on file: so many of its universe's objects and facts, and its last state."""

    universe: Universe
    objects: int
    facts: int
    last: State


class _Writer:
    """Turns transitions into lines. What `lines` gave counts as written only after `commit`."""

    def __init__(self, vocabulary: Vocabulary, budget: _Budget, on_file: Mapping[int, State] | None = None) -> None:
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
        _require_one_universe(transition, known.universe)
        gained = self._gained(transition.episode, known)
        data = (_line(gained) if len(gained) > 1 else b"") + _line(self._record(transition, known.last))
        self._pending = {transition.episode: _written(known.universe, transition.after)}
        return data

    def commit(self) -> None:
        """Take what `lines` last gave as written."""
        self._episodes.update(self._pending)

    def _first(self, transition: Transition) -> _Written:
        universe = _new_universe(transition, self._vocabulary)
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


def _load(path: Path, vocabulary: Vocabulary, new: bool = False) -> tuple[_Reader, int]:
    """What a file holds, and where its last whole line ends; a `new` one may be empty."""
    reader = _Reader(vocabulary)
    number = end = 0
    with _naming(f"experience {path}"), _open(path) as file:
        while data := file.readline(MAX_LINE + 1):
            number += 1
            with _naming(f"line {number}"):
                end += reader.take(data, first=number == 1)
                if end > MAX_BYTES:
                    raise ExperienceProblem(f"over the limit of {MAX_BYTES} bytes")
    if number == 0 and not new:
        reader.buffer.warning = "empty"
    if reader.buffer.warning:
        reader.buffer.warning = f"experience {path}: line {max(number, 1)}: {reader.buffer.warning}"
    return reader, end


def _open(path: Path) -> BinaryIO:
    """A regular file, opened for reading; a pipe is refused without waiting for its other end."""
    handle = os.open(path, os.O_RDONLY | _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "not a regular file")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


class _Reader:
    """Turns lines into transitions."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.buffer = ExperienceBuffer(vocabulary)
        self._vocabulary = vocabulary
        self._checker = _Checker(vocabulary)
        self.budget = _Budget()
        self._episodes: dict[int, _Read] = {}
        self._bare = Universe(vocabulary)

    def last_states(self) -> dict[int, State]:
        """The last state of each episode, of those too that have no transition yet."""
        return {number: known.last for number, known in self._episodes.items()}

    def take(self, data: bytes, first: bool) -> int:
        """Read a line; the number of its bytes, or 0 if it is torn."""
        if len(data) > MAX_LINE:
            raise ExperienceProblem(f"over the limit of {MAX_LINE} bytes")
        if not data.endswith(b"\n") and (not first or _header(self._vocabulary).startswith(data)):
            self.buffer.warning = f"the last line is torn after {len(data)} bytes and left out"
            return 0
        record = _record_of(data)
        if first:
            self._check_header(record)
        elif "action" in record:
            self._take_transition(record)
        else:
            self._take_gained(record)
        return len(data)

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
            self.buffer.reserve(number, universe)
        return known

    def _take_transition(self, record: dict[str, object]) -> None:
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
        self.buffer.append(
            Transition(
                before,
                action,
                after,
                known.observed,
                certain="certain" not in record,
                episode=number,
                step=_number_in(record, "step"),
                source=check_name(source),
            )
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
