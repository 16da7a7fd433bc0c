"""A household's sentences as a scene graph: each sentence says some facts, and names last (`apple 1` is `apple-1`).

What a sentence says is taken as it stands, and as what is so after it. Nothing is concluded from it by what households
are like. "You heat the apple" says that the apple is hot, and so that it is not cool, since these words are opposites.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, Final, Protocol

from worldwright.envs.household.examples import mission_examples, sentence_examples
from worldwright.envs.household.missions import read_mission
from worldwright.envs.household.vocabulary import (
    COMMANDS,
    CONTAINMENT,
    HAND,
    ITEM_KINDS,
    NOTHING,
    RECEPTACLE_KINDS,
    ROOM,
    VOCABULARY,
)
from worldwright.envs.perceiver import SentenceReader, UnreadableMission, UnreadableObservation
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.goal import Goal
from worldwright.world_model.model import Action
from worldwright.world_model.scene_graph import Look, Position, SceneGraph
from worldwright.world_model.sexpr import parse_one
from worldwright.world_model.state import Fluent, GroundAtom, State, Universe, Value, atom_of, split_atom
from worldwright.world_model.vocabulary import ENDED, GOAL_HOLDS, WON, Vocabulary

MAX_TEXT: Final = 100_000  # characters of an observation that are read
MAX_UNREAD: Final = 100  # pieces of it that are reported as unread
MAX_SHOWN: Final = 300  # characters of each
MAX_FACTS: Final = 200  # that are taken from a reader for one sentence

_OPPOSITES: Final = {"is-hot": "is-cool", "is-cool": "is-hot"}
_TRAITS: Final = ("is-hot", "is-cool", "is-clean", "is-sliced")  # what could be special about a thing
_ADJECTIVES: Final = {"hot": "is-hot", "cool": "is-cool", "cold": "is-cool", "clean": "is-clean", "sliced": "is-sliced"}
_DONE: Final = {"heat": "is-hot", "cool": "is-cool", "clean": "is-clean", "slice": "is-sliced"}
_OWN: Final = frozenset({GOAL_HOLDS, WON, ENDED})  # what the agent itself sees to

_THING: Final = re.compile(r"(?:(?:a|an|the|some) )?([a-z]{1,40}) ([0-9]{1,6})")
_NAME: Final = re.compile(r"([a-z]{1,40})-([0-9]{1,6})")
_SEPARATOR: Final = re.compile(r", and |, | and ")

Reader = Callable[[str], Iterable[str]]
"""Reads a sentence that the grammar does not: facts such as `(is-hot apple-1)` or `(not (is-hot apple-1))`."""


class PhrasingReader(Protocol):
    """Reads missions that people put in their own words."""

    def read(self, sentence: str, sorts: frozenset[str] = frozenset()) -> Goal:
        """What the sentence asks for, in a room with receptacles of these kinds; raises `UnreadableMission`."""


class _Stuck(Exception):
    """A sentence, or words in it, that cannot be read."""


def _type_of(name: str) -> str:
    """The type of a thing by its name alone, so that it is the same whatever is said of it; raises `_Stuck`."""
    if name in VOCABULARY.constant_types:
        return VOCABULARY.constant_types[name]
    if name == ROOM:
        return "place"
    found = _NAME.fullmatch(name)
    if found is not None and found[1] in ITEM_KINDS:
        return "item"
    if found is not None and found[1] in RECEPTACLE_KINDS:
        return "receptacle"
    raise _Stuck


class _Facts:
    """What the sentences of one observation say."""

    def __init__(self) -> None:
        self.universe = Universe(VOCABULARY)
        self.values: dict[Fluent, Value] = {}
        self.denied: set[Fluent] = set()
        self.unread: list[str] = []

    def name(self, said: str, type_: str) -> str:
        """The name of a thing that is called so, which becomes known with its kind; raises `_Stuck`."""
        found = _THING.fullmatch(said)
        if found is None:
            raise _Stuck
        name = f"{found[1]}-{found[2]}"
        if _type_of(name) != type_:
            raise _Stuck
        self.know(name)
        return name

    def know(self, name: str) -> None:
        """Make a thing known, and its kind, which its name says; raises `_Stuck`."""
        type_ = _type_of(name)
        if name not in self.universe.types:
            self.universe.add_object(name, type_)
        if type_ in ("item", "receptacle") and name not in VOCABULARY.constant_types:
            self.values["kind" if type_ == "item" else "sort", name] = name.partition("-")[0]

    def say(self, *fluent: str, value: Value = True) -> None:
        """Note what holds."""
        self.values[fluent] = value
        self.denied.discard(fluent)

    def deny(self, *fluent: str) -> None:
        """Note what does not hold."""
        self.values.pop(fluent, None)
        self.denied.add(fluent)

    def report(self, said: str) -> None:
        """Note what could not be read."""
        if len(self.unread) < MAX_UNREAD:
            self.unread.append(said if len(said) <= MAX_SHOWN else f"{said[: MAX_SHOWN - 3]}...")


class _Listener:
    """Takes in the sentences of one observation in turn; "it" is the thing that was spoken of last."""

    def __init__(self, facts: _Facts) -> None:
        self._facts = facts
        self._it: str | None = None
        self._arrived = False  # at a place that was not named

    def hear(self, sentence: str) -> None:
        """Take in what a sentence says; raises `_Stuck`."""
        words = sentence.lower().removesuffix(".")
        for form, say in _FORMS:
            found = form.fullmatch(words)
            if found is not None:
                say(self, *found.groups())
                return
        raise _Stuck

    # -- where one is

    def middle(self) -> None:
        """You are in the middle of a room."""
        self._facts.know(ROOM)
        self._facts.say("at", value=ROOM)

    def look_around(self, listed: str) -> None:
        """Looking quickly around you, you see a bed 1, and a desk 1."""
        for _ in self._things(listed, "receptacle"):
            pass  # that there is such a thing is all that is said

    def start(self, *task: str) -> None:
        """Welcome, or "Your task is to: ...", which the mission says again: one comes with empty hands."""
        self._facts.say("holding", value=NOTHING)

    def arrive(self, said: str) -> None:
        """You arrive at bed 1 (or, as older households say it, at loc 7)."""
        if re.fullmatch(r"loc \d{1,6}", said):
            self._arrived = True
        else:
            self._facts.say("at", value=self._receptacle(said))

    def face(self, listed: str) -> None:
        """You are facing the bed 1. Where several are faced, it is not said at which of them one is."""
        faced = [*self._things(listed, "receptacle")]
        if len(faced) == 1:
            self._facts.say("at", value=faced[0])

    def next_to(self, listed: str) -> None:
        """Next to it, you see nothing: things in no place that has a name."""
        for _ in self._things(listed, "item"):
            pass

    # -- what is where

    def on(self, said: str, listed: str) -> None:
        """On the desk 1, you see a book 1, and a pen 2."""
        self._contain(self._described(said), listed)

    def door(self, said: str, status: str) -> None:
        """The drawer 1 is closed."""
        self._facts.say("door", self._described(said), value=status)

    def inside(self, listed: str) -> None:
        """In it, you see a pen 2."""
        if self._it is None:
            raise _Stuck
        if _type_of(self._it) == "item":  # what lies in a bowl is in no place
            self.next_to(listed)
        else:
            self._contain(self._it, listed)

    def open(self, said: str) -> None:
        """You open the drawer 1."""
        self._facts.say("door", self._receptacle(said), value="open")

    def close(self, said: str) -> None:
        """You close the drawer 1."""
        self._facts.say("door", self._receptacle(said), value="closed")

    def take(self, said: str, source: str | None) -> None:
        """You pick up the book 1 from the desk 1."""
        item = self._item(said)
        if source is not None:
            self._receptacle(source)
        self._hold(item)

    def put(self, said: str, target: str) -> None:
        """You move the book 1 to the desk 1."""
        item, place = self._item(said), self._receptacle(target)
        self._facts.say("holding", value=NOTHING)
        self._facts.say("in", item, value=place)

    def carry(self, listed: str) -> None:
        """You are carrying: a book 1."""
        carried = [*self._things(listed, "item")]
        if len(carried) > 1:
            raise _Stuck
        for item in carried:
            self._hold(item)

    def carry_nothing(self) -> None:
        """You are not carrying anything."""
        self._facts.say("holding", value=NOTHING)

    # -- what things are like

    def change(self, verb: str, said: str, tool: str) -> None:
        """You heat the mug 1 using the microwave 1."""
        self._is(self._item(said), _DONE[verb])
        self._it = self._thing(tool)

    def switch(self, status: str, said: str) -> None:
        """You turn on the desklamp 1."""
        self._lit(self._item(said), status == "on")

    def shine(self, said: str, status: str) -> None:
        """This desklamp 1 is off."""
        self._lit(self._item(said), status == "on")

    def describe(self, adjectives: str, said: str) -> None:
        """This is a hot and clean sliced apple 1; a normal one, if it is a bowl, tells nothing but what is in it."""
        item = self._item(said)
        words = set(re.split(r",? and |, | ", adjectives.strip())) - {"", "normal"}
        if not words <= _ADJECTIVES.keys():
            raise _Stuck
        for word in sorted(words):
            self._is(item, _ADJECTIVES[word])

    def plain(self, said: str) -> None:
        """There's nothing special about apple 1."""
        item = self._item(said)
        for trait in _TRAITS:
            self._facts.deny(trait, item)

    def nothing(self, *said: str) -> None:
        """Nothing happens."""

    # -- parts of sentences

    def _receptacle(self, said: str) -> str:
        self._it = self._facts.name(said, "receptacle")
        return self._it

    def _item(self, said: str) -> str:
        self._it = self._facts.name(said, "item")
        return self._it

    def _thing(self, said: str) -> str:
        try:
            return self._facts.name(said, "receptacle")
        except _Stuck:
            return self._facts.name(said, "item")

    def _described(self, said: str) -> str:
        """The receptacle that is described; one describes what one has arrived at."""
        name = self._receptacle(said)
        if self._arrived:
            self._facts.say("at", value=name)
            self._arrived = False
        return name

    def _things(self, listed: str, type_: str) -> Iterator[str]:
        """The things of a list; those that cannot be read are reported, and do not hide the others."""
        for said in _SEPARATOR.split(listed):
            if said == "nothing":
                continue
            try:
                yield self._facts.name(said, type_)
            except _Stuck:
                self._facts.report(said)

    def _contain(self, receptacle: str, listed: str) -> None:
        for item in self._things(listed, "item"):
            self._facts.say("in", item, value=receptacle)
        self._facts.say("is-known", receptacle)

    def _hold(self, item: str) -> None:
        self._facts.say("holding", value=item)
        self._facts.say("in", item, value=HAND)

    def _is(self, item: str, trait: str) -> None:
        self._facts.say(trait, item)
        if trait in _OPPOSITES:
            self._facts.deny(_OPPOSITES[trait], item)

    def _lit(self, item: str, is_lit: bool) -> None:
        if is_lit:
            self._facts.say("is-lit", item)
        else:
            self._facts.deny("is-lit", item)


_T = r"((?:the |a |an )?\w+ \d+)"  # a thing; whether there is such a one is seen later
_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[..., None]], ...]] = tuple(
    (re.compile(form), say)
    for form, say in (
        (r"-= welcome to textworld, alfred! =-", _Listener.start),
        (r"you are in the middle of a room", _Listener.middle),
        (r"looking quickly around you, you see (.+)", _Listener.look_around),
        (r"you arrive at (?:the )?(\w+ \d+)", _Listener.arrive),
        (r"you are facing (.+)", _Listener.face),
        (r"next to it, you see (.+)", _Listener.next_to),
        (rf"on {_T}, you see (.+)", _Listener.on),
        (rf"{_T} is (open|closed)", _Listener.door),
        (r"in it, you see (.+)", _Listener.inside),
        (rf"you open {_T}", _Listener.open),
        (rf"you close {_T}", _Listener.close),
        (rf"(?:pickup\w+: )?you pick up {_T}(?: from {_T})?", _Listener.take),
        (rf"(?:put\w+: )?you (?:move|put) {_T} (?:to|in/on|in|on) {_T}", _Listener.put),
        (r"you are carrying: (.+)", _Listener.carry),
        (r"you are not carrying anything", _Listener.carry_nothing),
        (rf"you (heat|cool|clean) {_T} (?:using|with) {_T}", _Listener.change),
        (rf"you (slice)d? {_T} (?:using|with) {_T}", _Listener.change),
        (rf"you turn (on|off) {_T}", _Listener.switch),
        (rf"this {_T} is (on|off)", _Listener.shine),
        (r"this is an? ((?:[a-z]+,? ){1,8})(\w+ \d+)", _Listener.describe),
        (rf"there's nothing special about {_T}", _Listener.plain),
        (rf"you don't see any switch on {_T}", _Listener.nothing),
        (r"nothing happens", _Listener.nothing),
        (r"your task is to: (.*)", _Listener.start),
    )
)


class HouseholdPerceiver:
    """Reads the observations of text households in ALFWorld's sentences.

    Args:
        reader: is asked what a sentence says that the grammar does not cover (a language model, say). Its facts are
            checked against the vocabulary; if any is none, or there are none, the sentence stays unread.
        phrasings: is asked what a mission means that is not one of ALFWorld's own.
    """

    def __init__(self, reader: Reader | None = None, phrasings: PhrasingReader | None = None) -> None:
        self._reader = reader
        self._phrasings = phrasings

    @property
    def vocabulary(self) -> Vocabulary:
        """What can be said of a household."""
        return VOCABULARY

    def with_reader(self, reader: SentenceReader) -> HouseholdPerceiver:
        """The same, which lets a reader read what the grammar does not cover, as far as it names things."""
        return HouseholdPerceiver(
            lambda sentence: map(str, reader.facts(sentence, things_in(sentence), sentence_examples())),
            self._phrasings,
        )

    def examples(self) -> tuple[tuple[str, Goal], ...]:
        """Missions in ALFWorld's words, and what they ask for."""
        return mission_examples()

    def perceive(self, observation: Any) -> SceneGraph:
        """What the text says, with what it denies and what of it could not be read.

        Args:
            observation: `{"text": str, ...}`. Whatever the text is, it is read as far as possible.

        Raises:
            UnreadableObservation: another form.
        """
        text = observation.get("text") if isinstance(observation, Mapping) else None
        if not isinstance(text, str):
            raise UnreadableObservation("the observation has no 'text': not a household's")
        facts = _Facts()
        listener = _Listener(facts)
        for sentence in _sentences(text[:MAX_TEXT]):
            try:
                listener.hear(sentence)
            except _Stuck:
                if not self._is_read_otherwise(sentence, facts):
                    facts.report(sentence)
        if len(text) > MAX_TEXT:
            facts.report(f"{len(text) - MAX_TEXT} more characters")
        return SceneGraph(
            State(facts.values, facts.universe),
            denied=frozenset(facts.denied),
            unread=(*facts.unread,),
            containment=CONTAINMENT,
            tells_all=True,  # a household tells of each change that one makes
        )

    def goal(self, observation: Any) -> Goal:
        """What the mission asks for; raises `UnreadableMission`."""
        mission = observation.get("mission") if isinstance(observation, Mapping) else None
        if mission is None:
            raise UnreadableMission("the observation has no 'mission'")
        try:
            return read_mission(mission)
        except UnreadableMission:
            if self._phrasings is None or not isinstance(mission, str):
                raise
            return self._phrasings.read(mission, self._sorts(observation))

    def _sorts(self, observation: Any) -> frozenset[str]:
        """The kinds of receptacles in the room, if the observation shows it whole; else none."""
        state = self.perceive(observation).state
        whole = state.value(("at",)) == ROOM
        return frozenset(str(state.value(fluent)) for fluent in state.fluents("sort")) if whole else frozenset()

    def actions(self) -> tuple[Action, ...]:
        """`look` and `inventory`; all others have arguments."""
        return tuple(Action(action.name) for action in VOCABULARY.actions if not action.types)

    def to_env(self, action: Action) -> str:
        """The command for an action; raises `VocabularyProblem` if there is no such action."""
        VOCABULARY.action(action.name)
        return COMMANDS[action.name].format(*(" ".join(name.rsplit("-", 1)) for name in action.args))

    def sight(self, observation: Any) -> None:
        """Its agent is not on a lattice."""

    def landmarks(self, new: Mapping[str, Position], heading: Position, look: Look) -> tuple[tuple[str, ...], ...]:
        """None: a household has no positions."""
        return ()

    def _is_read_otherwise(self, sentence: str, facts: _Facts) -> bool:
        """Whether the reader, if there is one, can say what the sentence says."""
        if self._reader is None:
            return False
        texts = [*islice(self._reader(sentence), MAX_FACTS)]
        try:
            read = [_read_fact(text) for text in texts]
        except (_Stuck, WorldwrightError):
            return False
        for is_true, names, fluent, value in read:
            for name in names:
                facts.know(name)
            if is_true:
                facts.say(*fluent, value=value)
            else:
                facts.deny(*fluent)
            if is_true and fluent[0] in _OPPOSITES:
                facts.deny(_OPPOSITES[fluent[0]], *fluent[1:])
            if fluent == ("holding",) and value != NOTHING:
                facts.say("in", str(value), value=HAND)
        return bool(read)


def things_in(sentence: str) -> dict[str, str]:
    """The names of the things that a sentence names (`apple 1` is `apple-1`), with their types."""
    found: dict[str, str] = {}
    for kind, number in re.findall(r"\b([a-z]{1,40}) ([0-9]{1,6})\b", sentence.lower()):
        with suppress(_Stuck):
            found[f"{kind}-{number}"] = _type_of(f"{kind}-{number}")
    return found


def _sentences(text: str) -> Iterator[str]:
    """The sentences of a text: its lines, cut after full stops."""
    for line in text.splitlines():
        for sentence in re.split(r"(?<=\.)\s+", line.strip()):
            if sentence:
                yield sentence


def _read_fact(text: str) -> tuple[bool, tuple[str, ...], Fluent, Value]:
    """A fact as text: whether it holds, the names in it, its fluent and value; raises `_Stuck`, `WorldwrightError`."""
    if not isinstance(text, str):
        raise _Stuck
    expression = parse_one(text)
    is_true = not (isinstance(expression, list) and len(expression) == 2 and expression[0] == "not")
    atom: GroundAtom = atom_of(expression if is_true else expression[1])
    types = VOCABULARY.predicate(atom.predicate).types
    if atom.predicate in _OWN or len(types) != len(atom.args):
        raise _Stuck
    if not all(VOCABULARY.is_a(_type_of(name), type_) for name, type_ in zip(atom.args, types, strict=True)):
        raise _Stuck
    fluent, value = split_atom(VOCABULARY, atom)
    if not is_true and value is not True:
        raise _Stuck  # a value can only be given, not taken away
    return is_true, atom.args, fluent, value
