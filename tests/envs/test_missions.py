"""Missions: every level's sentences are read, as what the level itself rewards, and nothing else is."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import gymnasium as gym
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minigrid.core.world_object import Ball, WorldObj
from minigrid.envs.babyai.core.verifier import (
    ActionInstr,
    AfterInstr,
    AndInstr,
    BeforeInstr,
    GoToInstr,
    ObjDesc,
    OpenInstr,
    PickupInstr,
    PutNextInstr,
)
from minigrid.utils.baby_ai_bot import BabyAIBot

from worldwright.envs.minigrid.missions import MAX_LENGTH, read_mission
from worldwright.envs.minigrid.vocabulary import (
    COLORS,
    DIRECTIONS,
    NOTHING,
    SIDES,
    STEPS,
    VOCABULARY,
)
from worldwright.envs.perceiver import UnreadableMission
from worldwright.world_model.goal import (
    MAX_PARTS,
    AllOf,
    AnyOf,
    Goal,
    GoalTracker,
    Reach,
    Then,
    Upon,
    check_goal,
    parse_goal,
)
from worldwright.world_model.language import LiftedAtom, Literal
from worldwright.world_model.state import Fluent, State, Universe, Value

PLACES = {
    "at-front": "in front of you",
    "at-back": "behind you",
    "at-left": "on your left",
    "at-right": "on your right",
}
LOCATIONS = {"front": "at-front", "behind": "at-back", "left": "at-left", "right": "at-right"}
PLAYGROUND = "MiniGrid-Playground-v0"

LEVELS = sorted(
    name
    for name, spec in gym.registry.items()
    if str(spec.entry_point).startswith("minigrid.") and "WFC" not in name  # the wheel lacks WFC's patterns
)


# ---------------------------------------------------- what a goal says, read back from its atoms


@dataclass(frozen=True)
class Thing:
    """A description: what stands in the sentence, and what must come out of the goal."""

    kind: str | None
    color: str | None = None
    side: str | None = None
    article: str = "the"

    def __str__(self) -> str:
        place = PLACES[self.side] if self.side else None
        return " ".join(word for word in (self.article, self.color, self.kind or "object", place) if word)

    @property
    def said(self) -> tuple[str | None, str | None, str | None]:
        return (self.kind, self.color, self.side)


@dataclass(frozen=True)
class Clause:
    verb: str
    things: tuple[Thing, ...]

    def __str__(self) -> str:
        if self.verb == "put":
            return f"put {self.things[0]} next to {self.things[1]}"
        return f"{self.verb} {self.things[0]}"

    @property
    def said(self) -> Any:
        return (self.verb, *(thing.said for thing in self.things))


def read_back(goal: Goal) -> Any:
    """A goal in the form of `Clause.said`; ("all", ...), ("then", ...) or ("any", ...) around several."""
    if isinstance(goal, Reach):
        return _clause(goal)
    if isinstance(goal, Upon):
        first, second = map(read_back, goal.parts)
        putting = second[1] if second[0] == "any" else second
        assert (first[0], putting[0]) == ("pick up", "put")
        assert first[1] == putting[1], "what is put somewhere is taken up"
        return second
    name = {AllOf: "all", Then: "then", AnyOf: "any"}[type(goal)]
    return (name, *(read_back(part) for part in goal.parts))


def _clause(reach: Reach) -> Any:
    atoms = [part.atom for part in reach.conditions if isinstance(part, Literal) and part.positive]
    names = {atom.predicate for atom in atoms}
    if LiftedAtom("holding", ("nothing",)) in atoms:
        put_down = {"(agent-at ?a)", "(facing ?f)", "(next ?f ?a ?c)", "(on ?c ?x)", "(on ?c2 ?x2)"}
        assert put_down <= set(map(str, atoms))
        assert Literal(LiftedAtom("=", ("?x", "?x2")), positive=False) in reach.conditions
        verb = "near" if "clockwise" in names else "put"
    elif "holding" in names:
        verb = "pick up"
    elif "state" in names:
        assert LiftedAtom("state", ("?x", "open")) in atoms
        verb = "open"
    elif "facing" in names:
        assert [str(atom) for atom in atoms[:4]] == [
            "(agent-at ?a)",
            "(facing ?d)",
            "(next ?d ?a ?c)",
            "(on ?c ?x)",
        ]
        verb = "go to"
    else:
        assert {"(agent-at ?a)", "(on ?a ?x)"} <= set(map(str, atoms))
        verb = "stand on"
    return (
        verb,
        *(_thing(atoms, name) for name in ("?x", "?x2") if any(name in atom.args for atom in atoms)),
    )


def _thing(atoms: list[LiftedAtom], name: str) -> tuple[str | None, str | None, str | None]:
    said = {atom.predicate: atom.args[-1] for atom in atoms if atom.args[0] == name}
    return (said.get("kind"), said.get("color"), said.get("side"))


def check(goal: Goal) -> Goal:
    """The goal itself, if it is one of this vocabulary and its text reads back."""
    check_goal(VOCABULARY, goal)
    assert parse_goal(VOCABULARY, str(goal)) == goal
    return goal


# ---------------------------------------------------- the levels


def test_there_are_levels_to_read() -> None:
    assert len(LEVELS) == 172


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_is_read(level: str) -> None:
    env = gym.make(level, disable_env_checker=True)
    for seed in range(5):
        mission = env.reset(seed=seed)[0]["mission"]
        if level == PLAYGROUND:
            with pytest.raises(UnreadableMission, match="asks for nothing"):
                read_mission(mission)
        else:
            check(read_mission(mission))


SQUARE = ("stand on", ("goal", None, None))
GREEN_SQUARE = ("stand on", ("goal", "green", None))
RED_BALL = ("ball", "red", None)
BLUE_KEY = ("key", "blue", None)


@pytest.mark.parametrize(
    ("mission", "meaning"),
    [
        ("go to the red ball", ("go to", RED_BALL)),
        ("get a red ball", ("pick up", RED_BALL)),
        ("go get a red ball", ("pick up", RED_BALL)),
        ("fetch a red ball", ("pick up", RED_BALL)),
        ("go fetch a red ball", ("pick up", RED_BALL)),
        ("you must fetch a red ball", ("pick up", RED_BALL)),
        ("pick up a red object", ("pick up", (None, "red", None))),
        ("open the door", ("open", ("door", None, None))),
        ("unlock the door", ("open", ("door", None, None))),
        (
            "put the red ball near the blue key",
            ("any", ("put", RED_BALL, BLUE_KEY), ("near", RED_BALL, BLUE_KEY)),
        ),
        ("get to the green goal square", GREEN_SQUARE),
        ("reach the goal", SQUARE),
        ("avoid the lava and get to the green goal square", GREEN_SQUARE),
        ("find the opening and get to the green goal square", GREEN_SQUARE),
        ("traverse the rooms to get to the goal", SQUARE),
        ("use the key to open the door and then get to the goal", SQUARE),
        ("get the red key from the grey room, unlock the red door and go to the goal", SQUARE),
        (
            "open the red door then the blue door",
            ("then", ("open", ("door", "red", None)), ("open", ("door", "blue", None))),
        ),
        ("  Go to the RED ball. ", ("go to", RED_BALL)),
        (
            "go to a key, and then pick up the key and the box, then open the door",
            (
                "then",
                ("go to", ("key", None, None)),
                ("all", ("pick up", ("key", None, None)), ("pick up", ("box", None, None))),
                ("open", ("door", None, None)),
            ),
        ),
    ],
)
def test_what_a_sentence_means(mission: str, meaning: Any) -> None:
    assert read_back(check(read_mission(mission))) == meaning


def from_instruction(instruction: Any) -> Any:
    """What BabyAI's own representation of a mission says."""
    if isinstance(instruction, AndInstr):
        return ("all", from_instruction(instruction.instr_a), from_instruction(instruction.instr_b))
    if isinstance(instruction, BeforeInstr):
        return ("then", from_instruction(instruction.instr_a), from_instruction(instruction.instr_b))
    if isinstance(instruction, AfterInstr):
        return ("then", from_instruction(instruction.instr_b), from_instruction(instruction.instr_a))
    assert isinstance(instruction, ActionInstr)
    verbs = {GoToInstr: "go to", PickupInstr: "pick up", OpenInstr: "open", PutNextInstr: "put"}
    inside = vars(instruction)
    descriptions: list[ObjDesc] = [inside[name] for name in ("desc", "desc_move", "desc_fixed") if name in inside]
    things = [(one.type, one.color, LOCATIONS[one.loc] if one.loc else None) for one in descriptions]
    return (verbs[type(instruction)], *things)


@pytest.mark.parametrize(
    "level",
    [
        "BabyAI-BossLevel-v0",
        "BabyAI-GoToSeqS5R2-v0",
        "BabyAI-MiniBossLevel-v0",
        "BabyAI-MoveTwoAcrossS5N2-v0",
        "BabyAI-OpenDoorsOrderN4-v0",
        "BabyAI-PickupDist-v0",
        "BabyAI-PickupLoc-v0",
        "BabyAI-PutNextLocal-v0",
        "BabyAI-UnlockToUnlock-v0",
    ],
)
def test_the_goal_says_what_the_level_means(level: str) -> None:
    env = gym.make(level, disable_env_checker=True)
    for seed in range(25):
        mission = env.reset(seed=seed)[0]["mission"]
        world: Any = env.unwrapped
        assert read_back(read_mission(mission)) == from_instruction(world.instrs), mission


# ---------------------------------------------------- goals against the levels' own verdicts


class Witness:
    """Sees the whole of a level, as no agent does, and says its states in the vocabulary."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.universe = Universe(VOCABULARY)
        self._names: dict[int, str] = {}
        self._things: list[WorldObj] = []  # keeps them alive, so that no id is used twice
        self._start = tuple(map(int, world.agent_pos))
        self._heading = tuple(map(int, world.dir_vec))
        cells = set(product(range(world.width), range(world.height)))
        for x, y in sorted(cells):
            self.universe.add_object(f"c{x}_{y}", "cell")
        for (x, y), (direction, (dx, dy)) in product(sorted(cells), STEPS.items()):
            if (x + dx, y + dy) in cells:
                self.universe.add_fact(("next", direction, f"c{x}_{y}", f"c{x + dx}_{y + dy}"))

    def state(self) -> State:
        world = self.world
        x, y = world.agent_pos
        held = self._name(world.carrying, None) if world.carrying else NOTHING
        values: dict[Fluent, Value] = {
            ("agent-at",): f"c{x}_{y}",
            ("facing",): DIRECTIONS[world.agent_dir],
            ("holding",): held,
        }
        for i, j in product(range(world.width), range(world.height)):
            thing = world.grid.get(i, j)
            values[("on", f"c{i}_{j}")] = self._name(thing, (i, j)) if thing else NOTHING
            if thing is not None and thing.type == "door":
                status = "open" if thing.is_open else "locked" if thing.is_locked else "closed"
                values[("state", self._name(thing, (i, j)))] = status
        return State(values, self.universe)

    def _name(self, thing: WorldObj, position: tuple[int, int] | None) -> str:
        # MiniGrid shares one wall object among the cells of a wall
        key = hash(position) if thing.type == "wall" else id(thing)
        if key not in self._names:
            self._things.append(thing)
            name = self._names[key] = f"thing{len(self._things)}"
            self.universe.add_object(name, "thing")
            self.universe.add_fact(("kind", name, thing.type))
            self.universe.add_fact(("color", name, thing.color))
            for side in self._sides(position) if position else ():
                self.universe.add_fact(("side", name, side))
        return self._names[key]

    def _sides(self, position: tuple[int, int]) -> Iterator[str]:
        x, y = (position[axis] - self._start[axis] for axis in (0, 1))
        ahead = x * self._heading[0] + y * self._heading[1]
        right = y * self._heading[0] - x * self._heading[1]
        sides = {"at-front": ahead > 0, "at-back": ahead < 0, "at-right": right > 0, "at-left": right < 0}
        return (side for side, true in sides.items() if true)


def holds(goal: Goal, state: State) -> bool:
    return GoalTracker(VOCABULARY, goal).update(state) is None


def advance(tracker: GoalTracker, state: State) -> None:
    """Follow the goal as far as the state goes: a level begins the next part in the step that ends one."""
    before = None
    while tracker.remaining is not None and tracker.remaining != before:
        before = tracker.remaining
        tracker.update(state)


def ready(level: str, seed: int) -> tuple[gym.Env[Any, Any], Any, Witness, Goal]:
    env: gym.Env[Any, Any] = gym.make(level, disable_env_checker=True)
    mission = env.reset(seed=seed)[0]["mission"]
    return env, env.unwrapped, Witness(env.unwrapped), check(read_mission(mission))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "level",
    [
        "BabyAI-GoToLocal-v0",
        "BabyAI-OpenDoorLoc-v0",
        "BabyAI-PickupDist-v0",
        "BabyAI-PickupLoc-v0",
        "BabyAI-PutNextLocal-v0",
        "BabyAI-ActionObjDoor-v0",
        "BabyAI-GoToSeqS5R2-v0",
        "BabyAI-MoveTwoAcrossS5N2-v0",
        "BabyAI-OpenDoorsOrderN2-v0",
    ],
)
def test_the_goal_is_reached_when_the_expert_wins(level: str, seed: int) -> None:
    env, _, witness, goal = ready(level, seed)
    witness.state()  # names all things by where they are first
    tracker = GoalTracker(VOCABULARY, goal)
    expert: Any = BabyAIBot(env.unwrapped)
    reward, terminated, truncated = 0.0, False, False
    action = None
    while not (terminated or truncated):
        assert tracker.remaining is not None, "reached before the level says so"
        action = expert.replan(action)
        _, gained, terminated, truncated, _ = env.step(action)
        reward += float(gained)
        advance(tracker, witness.state())
    assert reward > 0
    assert tracker.remaining is None


@pytest.mark.parametrize("seed", range(4))
def test_put_near_counts_the_cells_that_the_level_counts(seed: int) -> None:
    _, world, witness, goal = ready("MiniGrid-PutNear-8x8-N3-v0", seed)
    moved = world.grid.get(*world.move_pos)
    world.grid.set(*world.move_pos, None)
    tx, ty = world.target_pos
    assert isinstance(goal, Upon)
    tried = 0
    for x, y in product(range(world.width), range(world.height)):
        if world.grid.get(x, y) is None and _faces(world, x, y):
            world.grid.set(x, y, moved)
            assert holds(goal.parts[-1], witness.state()) == (abs(x - tx) <= 1 and abs(y - ty) <= 1)
            world.agent_dir = (world.agent_dir + 2) % 4  # only what lies before the agent was put down just now
            assert not holds(goal.parts[-1], witness.state())
            world.grid.set(x, y, None)
            tried += 1
    assert tried > 20


def _faces(world: Any, x: int, y: int) -> bool:
    """Let the agent stand before a cell, as after dropping something there; whether there is room."""
    for direction, (dx, dy) in enumerate(((1, 0), (0, 1), (-1, 0), (0, -1))):
        if world.grid.get(x - dx, y - dy) is None:
            world.agent_pos, world.agent_dir = (x - dx, y - dy), direction
            return True
    return False


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("level", ["MiniGrid-MemoryS7-v0", "MiniGrid-MemoryS13Random-v0"])
def test_memory_is_won_at_the_matching_object_only(level: str, seed: int) -> None:
    _, world, witness, goal = ready(level, seed)
    witness.state()
    won = set()
    for x, y, direction in product(range(world.width), range(world.height), range(4)):
        if world.grid.get(x, y) is None:
            world.agent_pos, world.agent_dir = (x, y), direction
            if holds(goal, witness.state()):
                won.add((x, y))
    x, y = world.success_pos
    beyond = (x, y + 2 * (y - world.height // 2))  # the object's other side, in reach of nobody
    assert (x, y) in won
    assert won <= {(x, y), beyond}


@pytest.mark.parametrize("seed", range(4))
def test_fetch_and_doors(seed: int) -> None:
    _, world, witness, goal = ready("MiniGrid-Fetch-8x8-N3-v0", seed)
    for thing in [thing for thing in world.grid.grid if thing and thing.type in ("key", "ball")]:
        world.carrying = thing
        wanted = (thing.type, thing.color) == (world.targetType, world.targetColor)
        assert holds(goal, witness.state()) == wanted
    _, world, witness, goal = ready("MiniGrid-RedBlueDoors-6x6-v0", seed)
    for first, second in permutations((world.red_door, world.blue_door)):
        world.red_door.is_open = world.blue_door.is_open = False
        tracker = GoalTracker(VOCABULARY, goal)
        first.is_open = True
        tracker.update(witness.state())
        first.is_open, second.is_open = False, True
        assert (tracker.update(witness.state()) is None) == (first is world.red_door)


@pytest.mark.parametrize(
    "level",
    [
        "MiniGrid-DoorKey-6x6-v0",
        "MiniGrid-LockedRoom-v0",
        "MiniGrid-MultiRoom-N4-S5-v0",
        "MiniGrid-LavaGapS6-v0",
    ],
)
def test_journeys_end_on_the_goal_square(level: str) -> None:
    _, world, witness, goal = ready(level, 0)
    assert not holds(goal, witness.state())
    (square,) = [
        (x, y)
        for x, y in product(range(world.width), range(world.height))
        if (thing := world.grid.get(x, y)) and thing.type == "goal"
    ]
    world.agent_pos = square
    assert holds(goal, witness.state())


def test_a_mere_object_is_something_and_no_wall() -> None:
    env = gym.make("MiniGrid-Empty-8x8-v0", disable_env_checker=True)
    env.reset(seed=0)
    world: Any = env.unwrapped
    witness = Witness(world)
    go_to, pick_up, put = map(
        read_mission, ("go to an object", "pick up an object", "put the object next to an object")
    )
    for direction in range(4):  # two walls and two empty cells
        world.agent_dir = direction
        assert not any(holds(goal, witness.state()) for goal in (go_to, pick_up, put))
    world.agent_dir = 0
    world.put_obj(Ball(), 2, 1)
    assert holds(go_to, witness.state())
    world.put_obj(Ball(), 2, 2)
    assert not holds(put, witness.state())  # nobody took it up
    assert isinstance(put, Upon)
    assert holds(put.parts[-1], witness.state())
    world.carrying = Ball()
    assert holds(pick_up, witness.state())


# ---------------------------------------------------- the grammar, all of it

things = st.builds(
    Thing,
    kind=st.sampled_from(["ball", "box", "key", "door", None]),
    color=st.none() | st.sampled_from(COLORS),
    side=st.none() | st.sampled_from(SIDES),
    article=st.sampled_from(["a", "the"]),
)
clauses = st.builds(Clause, st.sampled_from(["go to", "pick up", "open"]), st.tuples(things)) | st.builds(
    Clause, st.just("put"), st.tuples(things, things)
)
boths = st.lists(clauses, min_size=1, max_size=2)


def said(both: list[Clause]) -> Any:
    return both[0].said if len(both) == 1 else ("all", *(clause.said for clause in both))


@settings(deadline=None)
@given(first=boths, second=st.none() | boths, after=st.booleans())
def test_all_that_a_sentence_says_arrives_in_the_goal(
    first: list[Clause], second: list[Clause] | None, after: bool
) -> None:
    sentence = " and ".join(map(str, first))
    expected = said(first)
    if second is not None:
        sentence += (" after you " if after else ", then ") + " and ".join(map(str, second))
        expected = ("then", said(second), expected) if after else ("then", expected, said(second))
    assert len(sentence) <= MAX_LENGTH / 2
    assert read_back(check(read_mission(sentence))) == expected


@settings(deadline=None)
@given(clause=clauses, extra=st.sampled_from(["xyzzy", "the", "go", "after", "door", "red", "(", "?x", "42"]))
def test_a_word_too_many_is_refused(clause: Clause, extra: str) -> None:
    for place in range(len(str(clause).split()) + 1):
        words = str(clause).split()
        words.insert(place, extra)
        sentence = " ".join(words)
        if read_or_none(sentence) is not None:
            # still of the grammar: a colour where none stood
            assert extra == "red"
            assert any(thing.color is None for thing in clause.things)


def read_or_none(sentence: Any) -> Goal | None:
    """The goal, or None for a refusal, whose message must be one short printable line."""
    try:
        return check(read_mission(sentence))
    except UnreadableMission as error:
        message = str(error)
        assert message.isprintable()
        assert 0 < len(message) < 700
        return None


# ---------------------------------------------------- what nobody should send


@pytest.mark.parametrize(
    "mission",
    [
        "",
        " \n\t ",
        ".",
        ",",
        "then",
        "go",
        "go to",
        "go to ball",
        "go to the",
        "go to the red",
        "go to the mauve ball",
        "go to the red red ball",
        "go to the ball red",
        "the red ball",
        "put the ball",
        "put the ball next to",
        "put the ball on the box",
        "put the ball next to the box then the key",
        "go to the ball and",
        "go to the ball, open the door",
        "go to the ball then then open the door",
        "after you go to the ball",
        "go to the ball after you the box",
        "go to the ball, then open a door after you pick up a key",
        "avoid the lava",
        "avoid the lava and get to the red ball",
        "use the key to open the door",
        "get the red key from the grey room",
        "go to the nothing",
        "go to the agent",
        "go to the ?x",
        "go to the (kind ?x ball)",
        "go to the red_ball",
        "go to the red\x00 ball",
        "go to the rëd ball",
        "\ud800" * 300,
        "\u202ego to the red ball",
        "{x} {not} {0.__class__}",
        "go to the ball\r\nthen" * 9,
        "and " * 10**6,
        "go to a key and " * 10**5,
        "(" * 900,
    ],
    ids=lambda mission: ascii(mission[:40]),
)
def test_other_sentences_are_refused(mission: str) -> None:
    assert read_or_none(mission) is None


@pytest.mark.parametrize("mission", [None, 3, b"go to the ball", ["go to the ball"], object(), float("nan")])
def test_what_is_no_sentence_is_refused(mission: Any) -> None:
    assert read_or_none(mission) is None


def test_the_message_shows_the_sentence_and_where_it_went_wrong() -> None:
    with pytest.raises(UnreadableMission, match=r"'go to teh ball'.*'teh ball'"):
        read_mission("go to teh ball")
    with pytest.raises(UnreadableMission, match=r"goal square"):
        read_mission("avoid the lava and get to the red ball")


@pytest.mark.parametrize("join", [" and ", " then ", " after you "])
def test_a_goal_has_no_more_parts_than_can_be_read_back(join: str) -> None:
    most = join.join(["open a door"] * (MAX_PARTS - 1))
    assert (read_or_none(most) is not None) == (len(most) <= MAX_LENGTH)
    assert read_or_none(f"{most}{join}open a door") is None


@settings(deadline=None)
@given(st.text(max_size=200) | st.text(string.ascii_letters + " ,.()?{}", max_size=1100))
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_none(text)


WORDS = """go to get pick up open put the a red ball key goal square next near and then , after you
use unlock from room avoid lava in front of object matching"""


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS.split())))
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    read_or_none(" ".join(words))
