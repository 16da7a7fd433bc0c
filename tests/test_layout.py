"""The house rules: which package may import which, no code run from data, and a wheel that is whole."""

import ast
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MAY_IMPORT: dict[str, set[str]] = {
    "world_model": set(),
    "planning": {"world_model"},
    "envs": {"world_model"},
    "agent": {"planning", "envs", "world_model"},
    "experiments": {"agent", "planning", "envs", "world_model"},
}
WORLDS_AND_PLANNERS = {"gymnasium", "minigrid", "unified_planning"}
ONE_THAT_SENDS = Path("world_model/chat/wire.py")  # and is itself imported only to make an endpoint
RUNS_CODE_FROM_DATA = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "runpy", "shelve"}
RUNS_CODE_FROM_TEXT = {"__import__", "eval", "exec", "import_module"}

MODULES = sorted(path.relative_to(ROOT) for folder in MAY_IMPORT for path in (ROOT / folder).rglob("*.py"))


def imports(tree: ast.AST, module: Path) -> Iterator[str]:
    """Every dotted name that the module at path `module` imports, relative ones made absolute."""
    package = ("worldwright", *module.parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            prefix = [*base, node.module] if node.module else [*base]
            yield from (".".join([*prefix, alias.name]) for alias in node.names)


def import_faults(source: str, module: Path) -> list[str]:
    """The imports in `source` that point the wrong way, bypass `worldwright.` or are barred here."""
    folder = module.parts[0]
    foreign = set(RUNS_CODE_FROM_DATA)
    foreign |= MAY_IMPORT.keys()  # as `worldwright.agent`, never as `agent`
    if folder == "world_model":
        foreign |= WORLDS_AND_PLANNERS
    if module.parts[:2] != ("envs", "minigrid"):
        foreign.add("minigrid")
    if module != ONE_THAT_SENDS:
        foreign |= {"openai", "httpx2"}
    faults = []
    for name in imports(ast.parse(source), module):
        top, inner, *_ = [*name.split("."), ""]
        wrong_way = top == "worldwright" and inner not in MAY_IMPORT[folder] | {folder}
        if wrong_way or top in foreign:
            faults.append(name)
    return faults


def calls_that_run_text(source: str) -> list[str]:
    """Uses of `eval` and its kin, by whatever path they are reached (`builtins.eval`, an imported name)."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="builtins" | "importlib"), attr=name):
                found.append(name)
            case ast.ImportFrom(module="builtins" | "importlib", names=names):
                found.extend(alias.name for alias in names)
    return [name for name in found if name in RUNS_CODE_FROM_TEXT]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_module_keeps_the_house_rules(module: Path) -> None:
    source = (ROOT / module).read_text(encoding="utf-8")
    assert import_faults(source, module) == []
    assert calls_that_run_text(source) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("world_model/a.py", "import gymnasium as gym"),
        ("world_model/a.py", "from worldwright.planning import engine"),
        ("world_model/induction/a.py", "from ...agent.loop import run"),
        ("world_model/a.py", "from .. import agent"),
        ("planning/a.py", "from worldwright import envs"),
        ("envs/a.py", "import worldwright.agent"),
        ("envs/a.py", "from minigrid.core import grid"),
        ("agent/a.py", "from world_model import rules"),
        ("experiments/a.py", "from pickle import loads"),
        ("world_model/chat/endpoint.py", "import openai"),
    ],
)
def test_a_forbidden_import_is_seen(module: str, source: str) -> None:
    assert import_faults(source, Path(module))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("envs/minigrid/a.py", "import minigrid"),
        ("envs/minigrid/a.py", "from ...world_model.state import State"),
        ("experiments/a.py", "from worldwright.agent import Agent"),
        ("planning/a.py", "from . import engine"),
    ],
)
def test_an_allowed_import_is_let_through(module: str, source: str) -> None:
    assert import_faults(source, Path(module)) == []


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "run = exec",
        "builtins.eval('1')",
        "__import__('a')",
        "importlib.import_module('a')",
        "from importlib import import_module as load",
    ],
)
def test_code_from_text_is_seen(source: str) -> None:
    assert calls_that_run_text(source)


def test_what_only_looks_like_it_is_let_through() -> None:
    assert calls_that_run_text("re.compile('a'); model.eval(); importlib.resources.files('a')") == []


def shipped(folder: Path) -> set[str]:
    """The files under `folder` that a wheel must hold: everything but notes and caches."""
    files = (path for path in folder.rglob("*.*") if path.is_file() and path.suffix not in {".md", ".pyc"})
    return {f"worldwright/{path.relative_to(folder.parent).as_posix()}" for path in files}


@pytest.mark.slow
def test_wheel_holds_the_whole_tree_and_runs(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for folder in MAY_IMPORT:
        shutil.copytree(ROOT / folder, source / folder)
    for pattern in ("pyproject.toml", "setup.py", "LICENSE", "README*"):
        for file in ROOT.glob(pattern):
            shutil.copy(file, source)
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", tmp_path, source], check=True)

    (wheel,) = tmp_path.glob("worldwright-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == set().union(*(shipped(source / folder) for folder in MAY_IMPORT))

    clean = tmp_path / "venv"
    venv.create(clean)
    subprocess.run([*pip, "--python", clean, "install", "-q", "--no-deps", wheel], check=True)
    # Dependencies are borrowed from this environment, but not its .pth files and so not our editable install.
    (site,) = clean.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    every = "; ".join(f"import worldwright.{folder}" for folder in MAY_IMPORT)
    subprocess.run([clean / "bin" / "python", "-c", every], cwd="/", check=True)
    if (source / "experiments" / "cli.py").exists():
        subprocess.run([clean / "bin" / "worldwright", "--help"], cwd="/", check=True)
