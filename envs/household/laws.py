"""Households with other laws, so that learning can be told from knowing.

A law changes the texts that say what actions need and do (ALFWorld's domain) and how they are commanded (its grammar),
before the game is read. So commands, sentences, the goal and the check whether a game can be won all follow it. Every
law leaves a household as solvable as it was. Make one with
`gymnasium.make("worldwright/Household-v0", law="swapped-heat")`; several are joined by commas.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from worldwright.envs.household.engine import alfworld_text
from worldwright.envs.household.pddl import Domain
from worldwright.envs.household.sentences import Grammar
from worldwright.world_model.errors import WorldwrightError

Change = Callable[[str], str]


class UnknownLaw(WorldwrightError):
    """No law has such a name; the message lists those there are."""


@dataclass(frozen=True)
class Law:
    """A change to the domain's text, to the grammar's, or to both.

    Attributes:
        text: what is different, for people.
    """

    text: str
    domain: Change = lambda text: text
    grammar: Change = lambda text: text


def _swap(one: str, other: str) -> Change:
    """Put each of two pieces of text, which must both be there, where the other was."""

    def change(text: str) -> str:
        assert one in text and other in text
        return re.sub(f"{re.escape(one)}|{re.escape(other)}", lambda match: other if match[0] == one else one, text)

    return change


def _require(condition: str, *actions: str) -> Change:
    """Let the actions need one condition more."""

    def change(text: str) -> str:
        for action in actions:
            start = rf"(\(:action {action}\b.*?:precondition\s*\(and)\b"
            text, count = re.subn(start, rf"\g<1> {condition}", text, count=1, flags=re.DOTALL)
            assert count == 1
        return text

    return change


def _also(effect: str, action: str) -> Change:
    """Let an action have one effect more."""

    def change(text: str) -> str:
        start = rf"(\(:action {action}\b.*?:effect\s*\(and)\b"
        text, count = re.subn(start, rf"\g<1> {effect}", text, count=1, flags=re.DOTALL)
        assert count == 1
        return text

    return change


LAWS: Final[dict[str, Law]] = {
    "swapped-heat": Law(
        "the fridge heats and the microwave cools",
        domain=_swap("(receptacleType ?r MicrowaveType)", "(receptacleType ?r FridgeType)"),
    ),
    "swapped-doors": Law(
        "`open` closes and `close` opens",
        grammar=_swap('"open {r}"', '"close {r}"'),
    ),
    "open-appliances": Law(
        "nothing is heated or cooled in an appliance that is closed",
        domain=_require("(opened ?r)", "HeatObject", "CoolObject"),
    ),
    "clean-first": Law(
        "what can be cleaned must be clean before it is heated or cooled",
        domain=_require("(or (not (cleanable ?o)) (isClean ?o))", "HeatObject", "CoolObject"),
    ),
    "empty-hand-lamps": Law(
        "a lamp can be used only with nothing in the hand",
        domain=_require("(not (holdsAny ?a))", "ToggleObject"),
    ),
    "washing-cools": Law(
        "what is cleaned is cold after it",
        domain=_also("(isCool ?o) (not (isHot ?o))", "CleanObject"),
    ),
}


def law_texts(law: str) -> tuple[str, str]:
    """ALFWorld's domain in PDDL and its text grammar, under one or more laws.

    Args:
        law: names in `LAWS`, joined by commas, each changing what those before it left; empty for ALFWorld's own.

    Raises:
        UnknownLaw: no law has such a name.
    """
    domain, grammar = alfworld_text("alfred.pddl"), alfworld_text("alfred.twl2")
    for name in filter(None, (part.strip() for part in law.split(","))):
        if name not in LAWS:
            raise UnknownLaw(f"unknown law {name!r}; known: {', '.join(LAWS)}")
        domain, grammar = LAWS[name].domain(domain), LAWS[name].grammar(grammar)
    return domain, grammar


@cache
def lawful(law: str) -> tuple[Domain, Grammar]:
    """What actions need and do under one or more laws, and how they are commanded and answered; see `law_texts`."""
    domain, grammar = law_texts(law)
    return Domain.read(domain), Grammar.read(grammar)
