"""Files that are whole or not there, files that grow by whole lines, and errors that name them."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from worldwright.world_model.errors import WorldwrightError

MAX_LINE = 8 * 2**20
MAX_BYTES = 4 * 2**30

_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # wait for no pipe, and keep newlines


class FileProblem(WorldwrightError):
    """A file that cannot be read or written; the message names it and says why."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let what goes wrong with a file inside be one line that names it."""
    try:
        yield
    except OSError as error:
        raise FileProblem(f"{path}: {error.strerror or error}") from error


# -- whole files -------------------------------------------------------------------------------------------------------


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all; a device or pipe is written directly. Raises `FileProblem`."""
    with naming(path):
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def require_writable(path: Path) -> None:
    """Raise `FileProblem` now if a file could not be written there later on."""
    with naming(path):
        if path.is_dir():
            raise OSError(0, "is a folder, not a file")
        if path.exists() and not path.is_file():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
        os.close(handle)
        os.unlink(temporary)


def read_text(path: Path, most: int = MAX_LINE) -> str:
    """The text of a regular file of at most so many bytes; raises `FileProblem`."""
    with naming(path), open_regular(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise FileProblem(f"{path}: over the limit of {most} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise FileProblem(f"{path}: not UTF-8 text") from None


def open_regular(path: Path) -> BinaryIO:
    """A regular file, opened for reading; a pipe is refused without waiting for its other end. Raises `OSError`."""
    handle = os.open(path, os.O_RDONLY | _FLAGS)
    try:
        _require_regular(handle)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _require_regular(handle: int) -> None:
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        raise OSError(0, "not a regular file")


# -- files of lines ----------------------------------------------------------------------------------------------------


def whole_lines(path: Path, header: bytes, *, most: int = MAX_BYTES, torn: bool = True) -> Iterator[tuple[int, bytes]]:
    """The lines of a file of at most so many bytes after its header, with their numbers.

    A last line that is torn is left out, or refused if `torn` is false.

    Raises:
        FileProblem: not a regular file, not begun by the header, a line or the whole too long.
    """
    size = 0
    with naming(path), open_regular(path) as file:
        for number in range(1, MAX_BYTES):
            line = file.readline(MAX_LINE + 1)
            size += len(line)
            if len(line) > MAX_LINE or size > most:
                limit = MAX_LINE if size <= most else most
                raise FileProblem(f"{path}: line {number}: over the limit of {limit} bytes")
            if not line.endswith(b"\n"):
                if not torn and (line or number == 1):
                    raise FileProblem(f"{path}: line {number}: cut off")
                return
            if number > 1:
                yield number, line
            elif line != header:
                raise FileProblem(f"{path}: does not begin with {header.decode().strip()}")


class LineFile:
    """A file that grows by whole lines, each on file when `write` returns; a torn last line is cut off at first.

    Args:
        path: the file; made if there is none. One process at a time may hold it.
        header: its first line.

    Raises:
        FileProblem: it cannot be written, is in use, or begins with another line.
    """

    def __init__(self, path: Path, header: bytes) -> None:
        self.path = path
        with naming(path):
            self._handle = open_alone(path)
        try:
            with naming(path):
                self._end = self._last_whole_line()
                self._check(header)
                os.ftruncate(self._handle, self._end)
            if self._end == 0:
                self.write(header)
        except BaseException:
            self.close()
            raise

    def write(self, data: bytes) -> None:
        """Append whole lines. Raises `FileProblem`; the file then still ends with the last whole line."""
        with naming(self.path):
            append_whole(self._handle, data, self._end)
        self._end += len(data)

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1

    def __enter__(self) -> LineFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes on file."""
        return self._end

    def _check(self, header: bytes) -> None:
        begin = os.pread(self._handle, len(header), 0)
        if begin != header and (self._end or not header.startswith(begin)):  # else the header itself is torn
            raise FileProblem(f"{self.path}: does not begin with {header.decode().strip()}")

    def _last_whole_line(self) -> int:
        """Where the last whole line ends."""
        end = os.fstat(self._handle).st_size
        while end:
            start = max(0, end - 65536)
            found = os.pread(self._handle, end - start, start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0


def open_alone(path: Path) -> int:
    """A regular file to append to, made if need be, that no other process so opens until it is closed.

    Raises:
        OSError: it cannot be opened, is no regular file or in use.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _FLAGS, 0o644)
    try:
        _require_regular(handle)
        _lock(handle)
    except BaseException:
        os.close(handle)
        raise
    return handle


def append_whole(handle: int, data: bytes, end: int) -> None:
    """Append to a file that ends at `end`, all or nothing; raises `OSError`."""
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
    except OSError:
        os.ftruncate(handle, end)  # a full disk may have taken a part of it
        raise


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:
        return  # this system has no such locks
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(0, "in use by another run") from None
