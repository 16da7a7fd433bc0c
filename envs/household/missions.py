"""Reads ALFWorld's goal sentences as goals.

    mission = "put" [a] [TRAIT] ["slice of" | "sliced"] ITEM in RECEPTACLE
            | "put" NUMBER ["sliced"] ITEM in RECEPTACLE
            | "find" NUMBER ["sliced"] ITEM "and put them" in RECEPTACLE
            | ("clean" | "heat" | "cool") [a] ["sliced"] ITEM "and put it" in RECEPTACLE
            | "slice" [a] ITEM "and put" ["it"] in RECEPTACLE
            | "look at" [a] ["sliced"] ITEM "under" [a] LAMP
            | "examine" [a] ["sliced"] ITEM "with" [a] LAMP
    TRAIT   = "clean" | "hot" | "cool" | "cold"
    NUMBER  = "two" | "three"
    a       = "a" | "an" | "the" | "some";   in = "in" | "on" | "into" | "onto" | "inside"

"a", "some" and "the" mean the same: some thing that fits. ALFWorld's sentences about things in a bowl that is put
elsewhere are not read: a household of this vocabulary has things in places only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from worldwright.envs.household.vocabulary import ITEM_KINDS, RECEPTACLE_KINDS
from worldwright.envs.perceiver import UnreadableMission
from worldwright.world_model.goal import Goal, goal_of
from worldwright.world_model.sexpr import parse_one

MAX_LENGTH: Final = 1_000  # characters
MAX_NUMBER: Final = 3

_MAX_SHOWN: Final = 120
_TRAITS: Final = {
    "clean": "is-clean",
    "hot": "is-hot",
    "heat": "is-hot",
    "cool": "is-cool",
    "cold": "is-cool",
    "slice": "is-sliced",
}
_NUMBERS: Final = {"two": 2, "three": MAX_NUMBER}

_A = r"(?:(?:a|an|the|some) )?"
_SLICED = r"(?P<sliced>sliced |slices? of )?"
_TARGET = rf"(?:in|on|into|onto|inside) {_A}(?P<target>\w+)"
_FORMS: Final = tuple(
    re.compile(form)
    for form in (
        rf"put (?P<number>two|three) {_SLICED}(?P<item>\w+) {_TARGET}",
        rf"put {_A}(?:(?P<trait>clean|hot|cool|cold) )?{_SLICED}(?P<item>\w+) {_TARGET}",
        rf"find (?P<number>two|three) {_SLICED}(?P<item>\w+) and put them {_TARGET}",
        rf"(?P<trait>clean|heat|cool) {_A}{_SLICED}(?P<item>\w+) and put it {_TARGET}",
        rf"(?P<trait>slice) {_A}(?P<item>\w+) and put (?:it )?{_TARGET}",
        rf"look at {_A}{_SLICED}(?P<item>\w+) under {_A}(?P<lamp>\w+)",
        rf"examine {_A}{_SLICED}(?P<item>\w+) with {_A}(?P<lamp>\w+)",
    )
)


@dataclass(frozen=True, order=True)
class Task:
    """What a mission asks for.

    Attributes:
        item: the kind of thing that it is about.
        target: the kind of receptacle where it is to be; None if it is to be looked at instead.
        lamp: the kind of thing by the light of which it is to be looked at; None if it is to be put somewhere.
        traits: what is to be true of the thing, such as `is-hot`.
        number: how many different such things are to be in one and the same receptacle.
    """

    item: str
    target: str | None = None
    lamp: str | None = None
    traits: tuple[str, ...] = ()
    number: int = 1

    @property
    def goal(self) -> Goal:
        """The task as a goal over the household's vocabulary."""
        items = [f"?x{'' if i == 0 else i + 1}" for i in range(self.number)]
        if self.lamp is not None:
            # The lamp must shine where one stands with the thing in the hand.
            return goal_of(
                parse_one(
                    "(some (?x ?y - item ?r - receptacle)"
                    f" (and (holding ?x) {self._conditions('?x')}"
                    f" (at ?r) (kind ?y {self.lamp}) (in ?y ?r) (is-lit ?y)))"
                )
            )
        said = " ".join(f"{self._conditions(item)} (in {item} ?r)" for item in items)
        different = " ".join(f"(not (= {one} {two}))" for i, one in enumerate(items) for two in items[:i])
        parameters = f"({' '.join(items)} - item ?r - receptacle)"
        return goal_of(parse_one(f"(some {parameters} (and {said} (sort ?r {self.target}) {different}))"))

    def _conditions(self, item: str) -> str:
        return " ".join((f"(kind {item} {self.item})", *(f"({trait} {item})" for trait in self.traits)))


def read_task(mission: str) -> Task:
    """What a mission asks for; raises `UnreadableMission`."""
    words = " ".join(checked(mission).lower().removesuffix(".").split())
    found = next((match for form in _FORMS if (match := form.fullmatch(words))), None)
    if found is None:
        raise UnreadableMission(
            f"cannot read the mission {shown(mission)}: it is none of the forms of a task "
            "(with the keyword phrasings=GAMES people's own words are learned from annotated games)"
        )
    said = found.groupdict()
    traits = {"is-sliced"} if said.get("sliced") else set()
    if said.get("trait"):
        traits.add(_TRAITS[said["trait"]])
    return Task(
        item=_known(said["item"], ITEM_KINDS, mission),
        target=_known(said["target"], RECEPTACLE_KINDS, mission) if said.get("target") else None,
        lamp=_known(said["lamp"], ITEM_KINDS, mission) if said.get("lamp") else None,
        traits=tuple(sorted(traits)),
        number=_NUMBERS.get(said.get("number") or "", 1),
    )


def read_mission(mission: str) -> Goal:
    """What a mission asks for, as a goal over the household's vocabulary; raises `UnreadableMission`."""
    return read_task(mission).goal


def checked(mission: str) -> str:
    """The mission, if it is text of some length; raises `UnreadableMission`."""
    if not isinstance(mission, str):
        raise UnreadableMission(f"a mission is a sentence, not of type {shown(type(mission).__name__)}")
    if len(mission) > MAX_LENGTH:
        raise UnreadableMission(f"a mission of {len(mission)} characters is over {MAX_LENGTH}: {shown(mission)}")
    if not mission.strip(" ."):
        raise UnreadableMission(f"the mission {shown(mission)} asks for nothing")
    return mission


def shown(text: str) -> str:
    """The text on one short line."""
    line = repr(text[:_MAX_SHOWN])
    return line if len(text) <= _MAX_SHOWN and len(line) <= 2 * _MAX_SHOWN else f"{line[:_MAX_SHOWN]}..."


def _known(word: str, kinds: tuple[str, ...], mission: str) -> str:
    if word not in kinds:
        raise UnreadableMission(f"cannot read the mission {shown(mission)}: no such thing is called {shown(word)}")
    return word
