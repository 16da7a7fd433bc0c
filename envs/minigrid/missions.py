"""Reads MiniGrid's mission sentences and BabyAI's Baby Language (Chevalier-Boisvert et al. 2019) as goals.

    mission = journey | order
    journey = means {("," | "and" | "then" | "to") means} ("," | "and" | "then" | "to") VISIT GOAL-SQUARE
    means   = "use" D "to" "open" D | "unlock" D | "get" D "from" ARTICLE [COLOUR] "room"
            | "avoid the lava" | "find the opening" | "traverse the rooms"
    order   = both {"then" both} | both {"after" "you" both}
    both    = clause {"and" clause}
    clause  = [VERB] D | "put" D ("next to" | "near") D
            | VISIT "the matching object at the end of the hallway"
    D       = ARTICLE [COLOUR] (KIND | "goal" "square" | "object") [PLACE]

A clause without a verb repeats the one before it ("open the red door then the blue door"). "a" and "the" mean
the same: some thing that fits. ", then" and "and then" mean "then"; ", and" means "and", which binds tighter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from worldwright.envs.minigrid.vocabulary import COLORS, KINDS, NOTHING
from worldwright.envs.perceiver import UnreadableMission
from worldwright.world_model.goal import MAX_PARTS, AllOf, Goal, Then, Upon, goal_of
from worldwright.world_model.sexpr import parse_one

MAX_LENGTH = 1000  # characters; the longest sentence of BabyAI has about 350
_MAX_SHOWN = 120

# What the sentences mean. {x} and {x2} stand for what is said of the things described, {not} for what they
# must not be. The conditions are in an order that is cheap to join in.
_HOLD = "(some (?x - thing) (and (holding ?x) {x} {not}))"
_OPEN = "(some (?x - thing) (and (state ?x open) {x} {not}))"
_FACE = """(some (?d - direction ?a ?c - cell ?x - thing)
    (and (agent-at ?a) (facing ?d) (next ?d ?a ?c) (on ?c ?x) {x} {not}))"""
_STAND = "(some (?a - cell ?x - thing) (and (agent-at ?a) (on ?a ?x) {x} {not}))"
# BabyAI's "next to" leaves the diagonals out (`pos_next_to`), PutNear's "near" does not. A step in any
# direction and one to the right of it lead to all four diagonal cells. What was put down lies before the agent.
_PUT_DOWN = "(holding nothing) (agent-at ?a) (facing ?f) (next ?f ?a ?c) (on ?c ?x) {x}"
_NEXT_TO = f"""(some (?a ?c ?c2 - cell ?f ?d - direction ?x ?x2 - thing)
    (and {_PUT_DOWN} (next ?d ?c ?c2) (on ?c2 ?x2) {{x2}} (not (= ?x ?x2)) {{not}}))"""
_DIAGONAL = f"""(some (?a ?c ?c2 ?c3 - cell ?f ?d ?d2 - direction ?x ?x2 - thing)
    (and {_PUT_DOWN} (next ?d ?c ?c3) (clockwise ?d ?d2) (next ?d2 ?c3 ?c2) (on ?c2 ?x2) {{x2}}
         (not (= ?x ?x2)) {{not}}))"""
_NEAR = f"(any {_NEXT_TO} {_DIAGONAL})"
# Memory: the end of the hallway lies before the agent at the start, the thing to be matched never does. The
# cell that wins is entered facing the thing.
_MATCH = """(some (?d - direction ?a ?c - cell ?x ?x2 - thing ?k - kind ?o - color)
    (and (agent-at ?a) (facing ?d) (next ?d ?a ?c) (on ?c ?x) (kind ?x ?k) (color ?x ?o) (side ?x at-front)
         (kind ?x2 ?k) (color ?x2 ?o) (not (= ?x ?x2)) (not (side ?x2 at-front)) (not (kind ?x wall))))"""

_VISIT = {"go to": _FACE, "get to": _FACE, "reach": _FACE}
_FETCH = ("pick up", "get", "go get", "fetch", "go fetch", "you must fetch")
_VERBS = {**_VISIT, **dict.fromkeys(_FETCH, _HOLD), "open": _OPEN, "unlock": _OPEN}
_NEARNESS = {"next to": _NEXT_TO, "near": _NEAR}
_MATCHING = "the matching object at the end of the hallway"
_ARTICLES = ("a", "an", "the")
_COLOURS = {color: color for color in COLORS}
_SQUARE = "goal"  # the only kind that is reached by standing on it
_NOUNS: dict[str, str | None] = {
    **{kind: kind for kind in KINDS},
    f"{_SQUARE} square": _SQUARE,
    "object": None,
}
_PLACES = {
    "in front of you": "at-front",
    "behind you": "at-back",
    "on your left": "at-left",
    "on your right": "at-right",
}
_SIGHTS = ("avoid the lava", "find the opening", "traverse the rooms")  # means that name no particular thing
_JOINTS = (",", "and", "then", "to")

T = TypeVar("T")


def read_mission(mission: str) -> Goal:
    """What a mission asks for, as a goal over MiniGrid's vocabulary.

    Raises:
        UnreadableMission: it asks for nothing (Playground's is empty), or not in the words of the grammar.
    """
    if not isinstance(mission, str):
        raise UnreadableMission(f"a mission is a sentence, not of type {_shown(type(mission).__name__)}")
    if len(mission) > MAX_LENGTH:
        raise UnreadableMission(f"a mission of {len(mission)} characters is over {MAX_LENGTH}: {_shown(mission)}")
    return _read(mission)


@lru_cache(maxsize=256)
def _read(mission: str) -> Goal:
    """The same; levels ask for few different things, and a goal keeps in what form its formulas are asked."""
    words = _words(mission)
    if not words:
        raise UnreadableMission(f"the mission {_shown(mission)} asks for nothing")
    reader = _Reader(words)
    try:
        return reader.mission()
    except _Stuck as stuck:
        raise UnreadableMission(f"cannot read the mission {_shown(mission)}: {stuck}") from None


def _shown(text: str) -> str:
    """The text on one short line."""
    shown = repr(text[:_MAX_SHOWN])
    return shown if len(text) <= _MAX_SHOWN and len(shown) <= 2 * _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}..."


def _words(mission: str) -> list[str]:
    """Words and commas; what is written before "and" and "then" without adding to them is left out."""
    words: list[str] = []
    for word in re.findall(r"\w+|[^\w\s]", mission.strip().removesuffix(".").lower()):
        if word == "then" and words[-1:] == ["and"]:
            words.pop()
        if word in ("and", "then") and words[-1:] == [","]:
            words.pop()
        words.append(word)
    return words


class _Stuck(Exception):
    """The words do not go on as the production does; `at` is how many it could read."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.at = at


@dataclass(frozen=True)
class _Description:
    """What is said of a thing: its kind, colour and place, each if given."""

    kind: str | None
    color: str | None
    side: str | None

    def conditions(self, variable: str) -> str:
        """What must be true of the thing."""
        said = (("kind", self.kind), ("color", self.color), ("side", self.side))
        return " ".join(f"({predicate} {variable} {value})" for predicate, value in said if value)

    def exclusions(self, variable: str) -> str:
        """What must not: a mere "object" is something, and no wall."""
        if self.kind:
            return ""
        thing = "" if self.color or self.side else f"(not (= {variable} {NOTHING}))"
        return f"{thing} (not (kind {variable} wall))"


@lru_cache(maxsize=1024)
def _goal(meaning: str, *things: _Description) -> Goal:
    """A meaning, filled with the things that the sentence describes."""
    named = dict(zip(("x", "x2"), things, strict=False))
    said = {name: thing.conditions(f"?{name}") for name, thing in named.items()}
    excluded = " ".join(thing.exclusions(f"?{name}") for name, thing in named.items())
    return goal_of(parse_one(meaning.format(**said, **{"not": excluded})))


class _Reader:
    """Recursive descent over the words, with one method for each line of the grammar."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._at = 0
        self._furthest = 0  # how far the production has come, before it went back
        self._verb: str | None = None  # the meaning of the last verb, as long as a mere D may repeat it

    # -- words

    def _take(self, phrase: str) -> bool:
        """Go past the phrase if it comes next."""
        wanted = phrase.split(" ")
        end = self._at + len(wanted)
        if list(self._words[self._at : end]) != wanted:
            return False
        self._at = end
        self._furthest = max(self._furthest, end)
        return True

    def _take_one(self, table: Mapping[str, T], default: T) -> T:
        """The value of the longest phrase of the table that comes next, or the default."""
        return next((table[phrase] for phrase in sorted(table, key=len, reverse=True) if self._take(phrase)), default)

    def _take_any(self, *phrases: str) -> bool:
        return any(self._take(phrase) for phrase in phrases)

    def _need(self, *phrases: str) -> None:
        if not self._take_any(*phrases):
            raise self._stuck()

    def _need_end(self) -> None:
        if self._at < len(self._words):
            raise self._stuck()

    def _stuck(self) -> _Stuck:
        rest = " ".join(self._words[self._furthest :])
        reason = f"the grammar does not go on with {_shown(rest)}" if rest else "it ends too early"
        return _Stuck(reason, self._furthest)

    # -- grammar

    def mission(self) -> Goal:
        """The goal of the whole sentence; raises `_Stuck`."""
        failures: list[_Stuck] = []
        for production in (self._journey, self._order):
            self._at = self._furthest = 0
            try:
                goal = production()
                self._need_end()
            except _Stuck as stuck:
                failures.append(stuck.with_traceback(None))  # else it holds this frame, and all it knows, in a circle
            else:
                return goal
        raise max(failures, key=lambda stuck: stuck.at)

    def _journey(self) -> Goal:
        """Only the arrival counts: MiniGrid ends these levels at the goal square, however it was reached.

        How to get there is for the planner to find out, and what lava does for the agent to learn.
        """
        self._means()
        self._need(*_JOINTS)
        while (meaning := self._take_one(_VISIT, "")) == "":
            self._means()
            self._need(*_JOINTS)
        thing = self._description()
        if thing.kind != _SQUARE:
            raise _Stuck("such a journey ends at the goal square", self._at)
        return self._act(meaning, thing)

    def _means(self) -> None:
        if self._take_any(*_SIGHTS):
            return
        if self._take("use"):
            self._description()
            self._need("to open")
            self._description()
        elif self._take("get"):
            self._description()
            self._need("from")
            self._need(*_ARTICLES)
            self._take_any(*_COLOURS)
            self._need("room")
        else:
            self._need("unlock")
            self._description()

    def _order(self) -> Goal:
        parts = [self._both()]
        while self._take("then"):
            parts.append(self._both())
        ordered = len(parts) > 1  # "A then B after you C" could mean two orders, and is not read
        while not ordered and self._take("after you"):
            self._verb = None
            parts.insert(0, self._both())
        return parts[0] if len(parts) == 1 else Then(self._few(parts))

    def _both(self) -> Goal:
        parts = [self._clause()]
        while self._take("and"):
            parts.append(self._clause())
        return parts[0] if len(parts) == 1 else AllOf(self._few(parts))

    def _few(self, parts: list[Goal]) -> tuple[Goal, ...]:
        if len(parts) >= MAX_PARTS:
            raise _Stuck(f"{len(parts)} parts in a row are over the limit of {MAX_PARTS - 1}", self._at)
        return tuple(parts)

    def _clause(self) -> Goal:
        if self._take("put"):
            return self._put()
        verb = self._take_one(_VERBS, None)
        if verb == _FACE and self._take(_MATCHING):
            self._verb = None
            return _goal(_MATCH)
        meaning = verb or self._verb
        if meaning is None:
            raise self._stuck()
        self._verb = meaning
        return self._act(meaning, self._description())

    def _act(self, meaning: str, thing: _Description) -> Goal:
        return _goal(_STAND if (meaning, thing.kind) == (_FACE, _SQUARE) else meaning, thing)

    def _put(self) -> Goal:
        self._verb = None
        moved = self._description()
        meaning = self._take_one(_NEARNESS, "")
        if not meaning:
            raise self._stuck()
        # Who is told to put one thing next to another is not to put the other next to the one: the levels see who
        # was dropped.
        return Upon((_goal(_HOLD, moved), _goal(meaning, moved, self._description())))

    def _description(self) -> _Description:
        self._need(*_ARTICLES)
        color = self._take_one(_COLOURS, None)
        kind = self._take_one(_NOUNS, "")
        if kind == "":
            raise self._stuck()
        return _Description(kind, color, self._take_one(_PLACES, None))
