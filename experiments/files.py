"""Files that are whole or not there, and errors that name them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worldwright.world_model.errors import WorldwrightError


class FileProblem(WorldwrightError):
    """A file that cannot be read or written; the message names it and says why."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let what goes wrong with a file inside be one line that names it."""
    try:
        yield
    except OSError as error:
        raise FileProblem(f"{path}: {error.strerror or error}") from error


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
            raise IsADirectoryError(0, "is a folder, not a file")
        if path.exists() and not path.is_file():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
        os.close(handle)
        os.unlink(temporary)
