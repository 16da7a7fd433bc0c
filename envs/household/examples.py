"""Examples of what is said in households, and what it means: to be shown to whoever reads what the grammar does not."""

from __future__ import annotations

from functools import cache
from typing import Final

from worldwright.envs.household.missions import read_mission
from worldwright.world_model.goal import Goal
from worldwright.world_model.language import Literal
from worldwright.world_model.sexpr import parse_one
from worldwright.world_model.syntax import condition_of

MISSIONS: Final = (
    "put a apple in fridge",
    "put two book in desk",
    "put a hot mug in cabinet",
    "clean some plate and put it in countertop",
    "put a cool tomato in diningtable",
    "look at pen under the desklamp",
)
SENTENCES: Final = {
    "You pick up the book 1 from the desk 2.": ("(holding book-1)", "(in book-1 hand)"),
    "You move the mug 2 to the shelf 1.": ("(holding nothing)", "(in mug-2 shelf-1)"),
    "You heat the egg 1 using the microwave 1.": ("(is-hot egg-1)", "(not (is-cool egg-1))"),
    "You close the drawer 3.": ("(door drawer-3 closed)",),
    "On the sofa 1, you see a pillow 1, and a laptop 2.": (
        *("(in laptop-2 sofa-1)", "(in pillow-1 sofa-1)"),
        "(is-known sofa-1)",
    ),
    "You turn on the desklamp 1.": ("(is-lit desklamp-1)",),
}


@cache
def mission_examples() -> tuple[tuple[str, Goal], ...]:
    """Missions in ALFWorld's words, and what they ask for."""
    return tuple((mission, read_mission(mission)) for mission in MISSIONS)


@cache
def sentence_examples() -> tuple[tuple[str, tuple[Literal, ...]], ...]:
    """Sentences that the grammar covers, and what they say but for what the things' names tell."""
    read = ((sentence, tuple(condition_of(parse_one(fact)) for fact in facts)) for sentence, facts in SENTENCES.items())
    return tuple((sentence, tuple(fact for fact in facts if isinstance(fact, Literal))) for sentence, facts in read)
