"""Rules of a grid world, written by hand, and maps to plan on: data for tests and benchmarks."""

from __future__ import annotations

import random
from itertools import pairwise

from worldwright.envs.minigrid.vocabulary import NOTHING, STEPS, VOCABULARY
from worldwright.planning.problem import PlanningProblem
from worldwright.world_model.goal import Reach, parse_goal
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import Fluent, State, Universe, Value
from worldwright.world_model.syntax import parse_rule

AHEAD = "(agent-at ?a) (facing ?d) (next ?d ?a ?f)"
AHEAD_TYPES = "?a - cell ?d - direction ?f - cell"


def rule(name: str, action: str, parameters: str, precondition: str, effects: str) -> str:
    """The text of a rule with one outcome."""
    head = f"(:rule {name} :action {action} :parameters ({parameters}) :precondition (and {precondition})"
    return f"{head} :outcomes ((1 (and {effects}))))"


TAKES = [
    rule(
        f"takes-{kind}",
        "pickup",
        f"{AHEAD_TYPES} ?t - thing",
        f"{AHEAD} (on ?f ?t) (kind ?t {kind}) (holding {NOTHING})",
        f"(not (on ?f ?t)) (on ?f {NOTHING}) (not (holding {NOTHING})) (holding ?t)",
    )
    for kind in ("key", "ball", "box")
]
TURNS = [
    rule(f"turns-{side}", side, "?d ?e - direction", f"(facing ?d) ({word} ?d ?e)", "(not (facing ?d)) (facing ?e)")
    for side, word in (("left", "counterclockwise"), ("right", "clockwise"))
]
ENTERS = [
    rule(
        f"enters-{name}",
        "forward",
        f"{AHEAD_TYPES}{' ?t - thing' if what == '?t' else ''}",
        f"{AHEAD} (on ?f {what}) {more}",
        f"(not (agent-at ?a)) (agent-at ?f) {effect}",
    )
    for name, what, more, effect in (
        ("free", NOTHING, "", ""),
        ("door", "?t", "(kind ?t door) (state ?t open)", ""),
        ("goal", "?t", "(kind ?t goal)", "(won) (ended)"),
        ("lava", "?t", "(kind ?t lava)", "(ended)"),
    )
]
TOGGLES = [
    rule(
        "unlocks",
        "toggle",
        f"{AHEAD_TYPES} ?t ?k - thing ?c - color",
        f"{AHEAD} (on ?f ?t) (kind ?t door) (state ?t locked) (color ?t ?c) (holding ?k) (kind ?k key) (color ?k ?c)",
        "(not (state ?t locked)) (state ?t open)",
    ),
    *(
        rule(
            f"toggles-{before}",
            "toggle",
            f"{AHEAD_TYPES} ?t - thing",
            f"{AHEAD} (on ?f ?t) (kind ?t door) (state ?t {before})",
            f"(not (state ?t {before})) (state ?t {after})",
        )
        for before, after in (("closed", "open"), ("open", "closed"))
    ),
]
DROPS = [
    rule(
        "drops",
        "drop",
        f"{AHEAD_TYPES} ?t - thing",
        f"{AHEAD} (on ?f {NOTHING}) (holding ?t) (not (= ?t {NOTHING}))",
        f"(not (on ?f {NOTHING})) (on ?f ?t) (not (holding ?t)) (holding {NOTHING})",
    )
]
RULES = tuple(parse_rule(VOCABULARY, text) for text in (*TURNS, *ENTERS, *TAKES, *DROPS, *TOGGLES))
MODEL = WorldModel(VOCABULARY, RULES)

LEGEND = {
    "#": ("wall", "grey", ""),
    "G": ("goal", "green", ""),
    "L": ("lava", "red", ""),
    "D": ("door", "yellow", "locked"),
    "E": ("door", "blue", "locked"),
    "d": ("door", "red", "closed"),
    "k": ("key", "yellow", ""),
    "e": ("key", "blue", ""),
    "b": ("ball", "red", ""),
    "B": ("ball", "blue", ""),
    "x": ("box", "green", ""),
    "X": ("box", "purple", ""),
}


def state_of(drawing: str, facing: str = "east") -> State:
    """The state that a drawing shows; '@' is the agent, '.' a free cell, others as in `LEGEND`."""
    rows = drawing.split()
    universe = Universe(VOCABULARY)
    values: dict[Fluent, Value] = {("facing",): facing, ("holding",): NOTHING}
    for y, row in enumerate(rows):
        for x, mark in enumerate(row):
            cell = f"c{x}_{y}"
            universe.add_object(cell, "cell")
            values["on", cell] = NOTHING
            if mark == "@":
                values["agent-at",] = cell
            elif mark in LEGEND:
                values["on", cell] = _add_thing(universe, values, f"t{x}_{y}", *LEGEND[mark])
    for y, row in enumerate(rows):
        for x in range(len(row)):
            for direction, (dx, dy) in STEPS.items():
                if 0 <= x + dx < len(row) and 0 <= y + dy < len(rows):
                    universe.add_fact(("next", direction, f"c{x}_{y}", f"c{x + dx}_{y + dy}"))
    return State(values, universe)


def _add_thing(universe: Universe, values: dict[Fluent, Value], name: str, kind: str, color: str, state: str) -> str:
    universe.add_object(name, "thing")
    values["kind", name], values["color", name] = kind, color
    if state:
        values["state", name] = state
    return name


def goal(text: str) -> Reach:
    """The goal that a text shows."""
    found = parse_goal(VOCABULARY, text)
    assert isinstance(found, Reach)
    return found


WIN = goal("(some () (and (won)))")


def holding(kind: str, color: str) -> Reach:
    """Hold such a thing."""
    return goal(f"(some (?x - thing) (and (holding ?x) (kind ?x {kind}) (color ?x {color})))")


def next_to(kind: str, color: str, other_kind: str, other_color: str) -> Reach:
    """Have such a thing next to such another, hands empty."""
    return goal(
        "(some (?x ?y - thing ?a ?b - cell ?d - direction) "
        f"(and (on ?a ?x) (kind ?x {kind}) (color ?x {color}) (next ?d ?a ?b)"
        f" (on ?b ?y) (kind ?y {other_kind}) (color ?y {other_color})))"
    )


def door_key(size: int, seed: int = 0) -> PlanningProblem:
    """A room halved by a wall with a locked door; the key is on this side, the goal square on the other."""
    rng = random.Random(seed)
    grid = [["#" if x in (0, size - 1) or y in (0, size - 1) else "." for x in range(size)] for y in range(size)]
    split = rng.randint(2, size - 3)
    for y in range(size):
        grid[y][split] = "#"
    grid[rng.randint(1, size - 2)][split] = "D"
    grid[size - 2][size - 2] = "G"
    free = [(x, y) for x in range(1, split) for y in range(1, size - 1)]
    for mark, (x, y) in zip("@k", rng.sample(free, 2), strict=True):
        grid[y][x] = mark
    return PlanningProblem(MODEL, state_of("\n".join(map("".join, grid))), (WIN,))


def nine_rooms(size: int = 22, things: int = 18, seed: int = 0) -> PlanningProblem:
    """Nine rooms joined by doors, with things lying about: put the red ball next to the green box."""
    rng = random.Random(seed)
    step = (size - 1) // 3
    walls = [0, step, 2 * step, size - 1]
    grid = [["#" if x in walls or y in walls else "." for x in range(size)] for y in range(size)]
    for wall in walls[1:3]:
        for begin, end in pairwise(walls):
            grid[wall][rng.randint(begin + 1, end - 1)] = "d"
            grid[rng.randint(begin + 1, end - 1)][wall] = "d"
    free = [(x, y) for x in range(size) for y in range(size) if grid[y][x] == "." and _in_the_open(grid, x, y)]
    marks = ["b", "x", "@", *rng.choices("keBX", k=things - 2)]
    for mark, (x, y) in zip(marks, rng.sample(free, len(marks)), strict=True):
        grid[y][x] = mark
    goal_ = next_to("ball", "red", "box", "green")
    return PlanningProblem(MODEL, state_of("\n".join(map("".join, grid))), (goal_,))


def _in_the_open(grid: list[list[str]], x: int, y: int) -> bool:
    return all(grid[y + dy][x + dx] != "d" for dx, dy in STEPS.values())
