"""The code knows no law of any world: it names a world's things only in that world's folder, and holds no rule."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("world_model", "planning", "agent", "experiments", "envs")
MODULES = sorted(
    path.relative_to(ROOT)
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if not {"minigrid", "household"} & set(path.relative_to(ROOT).parts)
)
# What a household is played by. It knows the laws, so that nothing that perceives, learns or plans may read it.
HOUSEHOLD = ROOT / "envs" / "household"
PLAYS = {"pddl", "sentences", "engine", "laws", "game", "games", "generator", "env", "__init__"}

# MiniGrid's kinds, colours, states and words for acting, but for those that are everyday words of programs: key,
# goal, open, closed, left, right, forward, done, empty. Then some of a household.
WORDS = {
    *("ball", "door", "lava", "locked", "unlocked", "unlock", "pickup", "toggle"),
    *("red", "green", "blue", "purple", "yellow", "grey", "gray"),
    *("fridge", "microwave", "receptacle", "sinkbasin", "countertop", "desklamp", "cabinet", "drawer"),
}
# No program has reason to compare with these, though time is measured by the clock on the wall.
STRINGS = {*WORDS, "wall", "box", "floor", "drop", "forward"}
# Ids of levels may be named as defaults and examples; colours of the terminal are no colours of things.
ALLOWED = re.compile(r"MiniGrid-[A-Za-z0-9-]+|BabyAI-[A-Za-z0-9-]+")
PAINT = {"bold", "dim", "green", "red", "yellow", "cyan", "magenta", "blue"}


def docstrings(tree: ast.AST) -> set[ast.AST]:
    """The constants that only describe: docstrings of modules, classes, functions and attributes."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        for statement in getattr(node, "body", []) if not isinstance(node, ast.Lambda | ast.IfExp) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                found.add(statement.value)
    return found


def words_of(identifier: str) -> set[str]:
    """The words of a name in snake or camel case."""
    return {word.lower() for part in identifier.split("_") for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", part)}


def identifiers(node: ast.AST) -> Iterator[str]:
    for field in ("id", "attr", "name", "arg", "asname"):
        value = getattr(node, field, None)
        if isinstance(value, str):
            yield value


def faults(source: str) -> list[str]:
    """Where a world's words stand in code."""
    tree = ast.parse(source)
    described = docstrings(tree)
    found = []
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in described:
            text = ALLOWED.sub("", node.value).lower()
            wrong = set(re.findall(r"[a-z]+", text)) & WORDS | {text.strip()} & STRINGS
            if wrong - painted(text):
                found.append(f"line {line}: the string {node.value!r}")
        found += [f"line {line}: the name {name}" for name in identifiers(node) if words_of(name) & WORDS]
    return found


def painted(text: str) -> set[str]:
    """The colours of a string that says how to print: `bold red`, or markup such as `[red]...[/red]`."""
    if set(text.split()) <= PAINT:
        return PAINT
    return {word for markup in re.findall(r"\[/?([a-z ]+)\]", text) for word in markup.split()} & PAINT


def rule_faults(source: str) -> list[str]:
    """Rules written in code: text in the rule language's form."""
    tree = ast.parse(source)
    described = docstrings(tree)
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in described]
    strings = [(node.lineno, node.value) for node in constants if isinstance(node.value, str)]
    return [f"line {line}: {text!r}" for line, text in strings if re.search(r"\(:rule\s+[a-z?]|:outcomes \(\(", text)]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_module_names_the_things_of_a_world(module: Path) -> None:
    assert faults((ROOT / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("module", sorted({*MODULES, *(ROOT / "envs").rglob("*.py")}), ids=lambda m: str(m)[-40:])
def test_no_module_holds_a_rule(module: Path) -> None:
    assert rule_faults((ROOT / module).read_text(encoding="utf-8")) == []


def makes_rules(source: str) -> bool:
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return any(getattr(func, "id", getattr(func, "attr", "")) == "ActionRule" for func in calls)


@pytest.mark.parametrize("folder", ["planning", "agent", "experiments", "envs"])
def test_rules_are_made_by_the_world_model_only(folder: str) -> None:
    modules = (ROOT / folder).rglob("*.py")
    assert [path.name for path in modules if makes_rules(path.read_text(encoding="utf-8"))] == []


def test_no_model_is_shipped() -> None:
    shipped = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    text = [path for path in shipped if path.suffix not in (".py", ".pyc", ".typed", ".md")]
    text.remove(HOUSEHOLD / "data" / "alfred.pddl")  # what the environment is; see the next test
    assert [path for path in text if b"(:rule" in path.read_bytes() or b"(:action" in path.read_bytes()] == []


def household_imports(source: str) -> set[str]:
    """The modules of `envs/household` that a source imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.split("household.")[1].split(".")[0] for name in found if "household." in name}


@pytest.mark.parametrize("module", sorted((ROOT / folder for folder in FOLDERS), key=str), ids=lambda path: path.name)
def test_nothing_reads_the_laws_of_households_but_what_plays_them(module: Path) -> None:
    """What perceives, learns or plans may make the environment, and know its id and its errors, no more."""
    for path in module.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if path.parent != HOUSEHOLD or path.stem not in PLAYS:
            assert household_imports(source) & (PLAYS - {"env"}) == set() and "alfred.pddl" not in source, path


def test_an_import_of_the_laws_is_seen() -> None:
    assert household_imports("from worldwright.envs.household.pddl import Domain") == {"pddl"}
    assert household_imports("from worldwright.envs.household import engine") == {"engine"}
    assert household_imports("import worldwright.envs.household.laws as laws") == {"laws"}
    assert household_imports("import worldwright.envs.household") == set()


@pytest.mark.parametrize(
    "source",
    [
        "if kind == 'door': pass",
        "blocked = {'wall', 'closed'}",
        "lava_cells = []",
        "class DoorKey: pass",
        "def toggle(thing): pass",
        "rule = parse(f'(kind ?x ball) {more}')",
        "state.is_locked",
        "x = 'pickup'",
        "x = 'box'",
        "if kind == 'fridge': pass",
    ],
)
def test_a_named_thing_is_seen(source: str) -> None:
    assert faults(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""A door is a door."""',
        'def f():\n    """Opens the red door."""',
        "sorted(names, key=len)",
        "with open(path) as file: pass",
        "Goal('goal')",
        "ids = ['MiniGrid-DoorKey-8x8-v0']",
        "Text('failed', style='bold red')",
        "reward, stored, scored = 0, 1, 2",
    ],
)
def test_everyday_words_are_let_through(source: str) -> None:
    assert faults(source) == []


def test_a_rule_in_code_is_seen() -> None:
    assert rule_faults("x = '(:rule a :action b)'")
    assert rule_faults("x = f'(:rule {name} :action b :outcomes ((1 (and))))'")
    assert rule_faults('"""(:rule a :action b)"""') == []
