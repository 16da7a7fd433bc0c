"""Where household games come from: files of games, ALFWorld's data folder, or the generator.

Files may be a stranger's: they are parsed, never run, read only as far as bounds allow, and what ALFWorld's own files
bring along as a domain and as text rules (which textworld would run as Python) is not used.
"""

from __future__ import annotations

import json
import lzma
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from worldwright.envs.household.engine import Household
from worldwright.envs.household.game import MAX_GOAL, BadGame, Game
from worldwright.envs.household.generator import TASK_TYPES, generate
from worldwright.envs.household.pddl import Domain, Problem
from worldwright.envs.household.sentences import Grammar
from worldwright.world_model.errors import WorldwrightError

GENERATED: Final = "generated"
GENERATED_GAMES: Final = 1_000_000  # as many as `generated` and `generated:SEED` have
MAX_FILE: Final = 2**26  # bytes on disk
MAX_TEXT: Final = 2**29  # bytes, unpacked
MAX_LINE: Final = 2**22  # bytes
MAX_MEMORY: Final = 2**28  # bytes that unpacking may take
MAX_GAMES: Final = 20_000
HOW: Final = (
    "give a .jsonl or .jsonl.xz file of games, ALFWorld's own data folder (`alfworld-download` fetches it), "
    "or games=generated, which needs no file"
)

_CHUNK: Final = 2**16
_GOAL: Final = re.compile(rf'"(Your task is to: [^"\\]{{1,{MAX_GOAL - 20}}})"')
_UNSUPPORTED: Final = re.compile("movable|Sliced")  # ALFWorld plays none of these either
_GENERATED_ID: Final = re.compile(r"(\w+)-[^/]*/generated_(-?\d+)_(\d+)")


class NoGames(WorldwrightError):
    """A source that is missing or holds no game; the message says how to get games."""


@dataclass(frozen=True)
class Refused:
    """A game that is left out, and why."""

    name: str
    reason: str


class Games:
    """The games of one source, in a fixed order.

    Attributes:
        refused: what was found and cannot be played.
    """

    def __init__(self, ids: Sequence[str], read: Callable[[int], Game], refused: Sequence[Refused] = ()) -> None:
        self._ids = ids
        self._read = read
        self.refused = tuple(refused)

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, number: int) -> Game:
        """The game of a number; raises `BadGame`."""
        return self._read(number)

    def find(self, name: str) -> Game:
        """The game of an id; raises `NoGames`, `BadGame`."""
        try:
            return self._read(self._ids.index(name))
        except ValueError as error:
            raise NoGames(f"no game is called {name!r} among these {len(self):,} games") from error

    def check(self, domain: Domain | None = None, grammar: Grammar | None = None) -> list[Refused]:
        """Try each game, and list those that cannot be played, with those already refused."""
        found = list(self.refused)
        for number, name in enumerate(self._ids):
            try:
                open_game(self[number], domain, grammar)
            except WorldwrightError as error:
                found.append(Refused(name, str(error)))
        return found


def open_game(game: Game, domain: Domain | None = None, grammar: Grammar | None = None) -> Household:
    """The household of a game, ready to be reset.

    Raises:
        BadGame: its PDDL cannot be read, or its goal can never come true.
    """
    try:
        household = Household(Problem.read(game.problem), game.goal, domain, grammar)
        solvable = household.is_won or household.can_be_won()
        household.reset()
    except (WorldwrightError, RecursionError) as error:
        raise BadGame(f"the household game {game.id} cannot be read: {error}") from error
    if not solvable:
        raise BadGame(f"the household game {game.id} cannot be won: nothing can make its goal true")
    return household


def find_games(source: str | os.PathLike[str]) -> Games:
    """The games of a source.

    Args:
        source: `generated`, `generated:SEED` or `generated:SEED:NUMBER`; a `.jsonl` or `.jsonl.xz` file; a folder of
            such files; or a folder of ALFWorld's data, with `game.tw-pddl` files at any depth.

    Raises:
        NoGames: there is no such source, or no game in it can be played.
    """
    name = str(source)  # a keyword from a command line may be of any type
    if name == GENERATED or name.startswith(f"{GENERATED}:"):
        return _generated(name)
    path = Path(os.path.expanduser(os.path.expandvars(name)))
    try:
        if not name:
            raise ValueError("it is empty")
        games = _from_folder(path) if path.is_dir() else _from_files([path])
    except (OSError, ValueError) as error:
        raise _no_games(name, getattr(error, "strerror", None) or str(error)) from error
    if len(games) == 0:
        raise _no_games(name, games.refused[0].reason if games.refused else "there are none")
    return games


def _no_games(name: str, why: str) -> NoGames:
    return NoGames(f"no household games at {_clip(name, 60)!r} ({_clip(why, 120)}): {HOW}")


def _clip(text: str, most: int) -> str:
    """The text without its middle if it is long: names come first in it, causes last."""
    head = most // 3
    return text if len(text) <= most else f"{text[:head]}...{text[head + 3 - most :]}"


def write_games(games: Sequence[Game] | Games, path: str | os.PathLike[str]) -> None:
    """Write games to a file that `find_games` reads, packed if its name ends with `.xz`; raises `OSError`."""
    opened = lzma.open if os.fspath(path).endswith(".xz") else open
    with opened(path, "wt", encoding="utf-8") as file:
        for number in range(len(games)):
            file.write(games[number].line() + "\n")


# ---------------------------------------------------------------------- the generator


def _generated(source: str) -> Games:
    _, *numbers = source.split(":")
    if len(numbers) > 2 or not all(re.fullmatch(r"-?\d{1,18}", part) for part in numbers):
        raise NoGames(f"games={source} is not of the form generated:SEED or generated:SEED:NUMBER")
    seed = int(numbers[0]) if numbers else 0
    count = int(numbers[1]) if len(numbers) > 1 else GENERATED_GAMES
    if count < 1:
        raise NoGames(f"games={source} asks for no game")
    return _Generated(seed, count)


class _Generated(Games):
    def __init__(self, seed: int, count: int) -> None:
        super().__init__(range(count), lambda number: generate(seed, number))  # type: ignore[arg-type]
        self._seed = seed

    def find(self, name: str) -> Game:
        found = _GENERATED_ID.fullmatch(name)
        if found is not None and found[1] in TASK_TYPES and int(found[2]) == self._seed and int(found[3]) < len(self):
            game = self[int(found[3])]
            if game.id == name:
                return game
        raise NoGames(f"no game is called {name!r} among the generated ones of seed {self._seed}")


# ---------------------------------------------------------------------- files of games


def _from_files(paths: Sequence[Path]) -> Games:
    """The games of some files; those that did not change since they were last read are not read again."""
    return _from_unchanged(tuple((path, *_stamp(path)) for path in paths))


def _stamp(path: Path, *, follow: bool = True) -> tuple[int, ...]:
    """What changes when a file does."""
    status = path.stat(follow_symlinks=follow)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@lru_cache(maxsize=4)
def _from_unchanged(files: tuple[tuple[Path, *tuple[int, ...]], ...]) -> Games:
    games: dict[str, Game] = {}
    refused = []
    for path, *_ in files:
        try:
            for number, line in enumerate(_lines(path), 1):
                name = f"{path.name}, line {number}"
                try:
                    game = Game.read(line, name)
                    if game.id in games:
                        raise BadGame(f"{name} is another game called {game.id}")
                    open_game(game)
                    games[game.id] = game
                except WorldwrightError as error:
                    refused.append(Refused(name, str(error)))
                if len(games) + len(refused) > MAX_GAMES:
                    raise ValueError(f"{path.name} has more than {MAX_GAMES:,} lines")
        except ValueError as error:
            refused.append(Refused(path.name, str(error)))
    listed = list(games.values())
    return Games(list(games), listed.__getitem__, refused)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a text file that may be packed; raises `OSError`, `ValueError`."""
    rest = b""
    for piece in _unpacked(path):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if line.strip():
                yield line.decode("utf-8")
        if len(rest) > MAX_LINE:
            raise ValueError(f"{path.name} has a line longer than {MAX_LINE:,} bytes")
    if rest.strip():
        yield rest.decode("utf-8")


def _unpacked(path: Path) -> Iterator[bytes]:
    """The bytes of a file, unpacked if it is `.xz`, as long as they are within bounds."""
    packed = path.name.endswith(".xz")
    unpacker = lzma.LZMADecompressor(memlimit=MAX_MEMORY) if packed else None
    total = 0
    with os.fdopen(_open_plain(path), "rb") as file:
        while piece := file.read(_CHUNK):
            for part in _pieces(unpacker, piece, path) if unpacker is not None else [piece]:
                total += len(part)
                if total > MAX_TEXT:
                    raise ValueError(f"{path.name} unpacks to more than {MAX_TEXT:,} bytes")
                yield part
    if unpacker is not None and not unpacker.eof:
        raise ValueError(f"{path.name} ends too early")


def _pieces(unpacker: lzma.LZMADecompressor, piece: bytes, path: Path) -> Iterator[bytes]:
    try:
        while not unpacker.eof:
            yield unpacker.decompress(piece, max_length=2**20)
            piece = b""
            if unpacker.needs_input:
                return
    except lzma.LZMAError as error:
        raise ValueError(f"{path.name} is not a whole .xz file: {error}") from error


def _open_plain(path: Path, *, follow: bool = True) -> int:
    """A handle on a file that is just that: no folder, no device, no pipe (which would make us wait), not too large."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
    handle = os.open(path, flags)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE:
        os.close(handle)
        kind = f"is larger than {MAX_FILE:,} bytes" if stat.S_ISREG(status.st_mode) else "is not a plain file"
        raise ValueError(f"{path.name} {kind}")
    return handle


# ---------------------------------------------------------------------- folders


def _from_folder(folder: Path) -> Games:
    files = sorted(path for path in folder.iterdir() if path.name.endswith((".jsonl", ".jsonl.xz")))
    return _from_files([path for path in files if not path.is_symlink()]) if files else _from_alfworld(folder)


def _from_alfworld(folder: Path) -> Games:
    """The games that ALFWorld itself would play; unchanged ones are not read again."""
    trials: list[tuple[Path, *tuple[int, ...]]] = []
    for place, folders, files in os.walk(folder):  # follows no links
        folders.sort()
        if "game.tw-pddl" in files and not _UNSUPPORTED.search(place):
            trials.append((Path(place), *_stamp(Path(place, "game.tw-pddl"), follow=False)))
        if len(trials) > MAX_GAMES:
            raise ValueError(f"there are more than {MAX_GAMES:,} games")
    return _from_trials(tuple(trials))


@lru_cache(maxsize=4)
def _from_trials(trials: tuple[tuple[Path, *tuple[int, ...]], ...]) -> Games:
    """The games of ALFWorld's folders, by the names of their two last folders."""
    found: dict[str, Path] = {}
    refused = []
    for place, *_ in trials:
        name = "/".join(place.parts[-2:])
        try:
            _read_alfworld(place, name)
            found[name] = place
        except WorldwrightError as error:
            refused.append(Refused(name, str(error)))
    ids = list(found)
    return Games(ids, lambda number: _read_alfworld(found[ids[number]], ids[number]), refused)


def _read_alfworld(folder: Path, name: str) -> Game:
    data = _read_json(folder / "game.tw-pddl", name)
    if not data.get("solvable", False):
        raise BadGame(f"the household game {name} is marked as not solvable, or was never checked")
    problem, grammar = data.get("pddl_problem"), data.get("grammar")
    goal = _GOAL.search(grammar) if isinstance(grammar, str) else None
    if not isinstance(problem, str) or goal is None:
        raise BadGame(f"the household game {name} has no pddl_problem, or its grammar no goal")
    task_type, params = _params(name)
    line = {"id": name, "task_type": task_type, "goal": goal[1], "pddl_params": params, "pddl_problem": problem}
    return Game.read(json.dumps({**line, "annotations": _annotations(folder, name)}), f"the household game {name}")


def _params(name: str) -> tuple[str, dict[str, str | bool]]:
    """What a game's folder says: TASK-OBJECT-MOVABLE-RECEPTACLE-ROOM, `None` for what there is not."""
    parts = [*name.split("/")[0].split("-"), "", "", "", ""]
    task_type, thing, movable, target = ("" if part == "None" else part for part in parts[:4])
    lit = task_type == "look_at_obj_in_light"
    return task_type or "unknown", {
        "mrecep_target": movable,
        "object_sliced": False,
        "object_target": thing,
        "parent_target": "" if lit else target,
        "toggle_target": target if lit else "",
    }


def _annotations(folder: Path, name: str) -> list[str]:
    """How people put the task, if the game comes with that."""
    if not (folder / "traj_data.json").exists():
        return []
    try:
        said = _read_json(folder / "traj_data.json", name)["turk_annotations"]["anns"]
        return [
            text for text in (entry["task_desc"] for entry in said) if isinstance(text, str) and 0 < len(text) <= 300
        ]
    except (BadGame, KeyError, TypeError):
        return []


def _read_json(path: Path, name: str) -> dict[str, Any]:
    try:
        with os.fdopen(_open_plain(path, follow=False), "rb") as file:
            data = json.loads(file.read(MAX_FILE))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error  # without the path again
        raise BadGame(f"the household game {name}: {path.name} cannot be read: {why}") from error
    if not isinstance(data, dict):
        raise BadGame(f"the household game {name}: {path.name} is not a JSON object")
    return data
