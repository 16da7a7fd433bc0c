"""A household to play in: ALFWorld's domain and sentences over one problem, as textworld's `PddlEnv` plays it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Final

from worldwright.envs.household.pddl import Binding, Domain, Effect, Fact, Facts, Problem, Schema, World, words_of
from worldwright.envs.household.sentences import Command, Grammar

NOTHING_HAPPENS: Final = "Nothing happens."
MAX_COMMAND: Final = 200  # characters
UNKNOWN_GOAL: Final = "Your task is to: UNKNOWN GOAL."

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_MANGLED: Final = re.compile(r"^(.*?)_bar_", re.DOTALL)


@cache
def alfworld_text(name: str) -> str:
    """One of ALFWorld's own files: `alfred.pddl`, its domain, or `alfred.twl2`, its text grammar."""
    return (resources.files(__package__) / "data" / name).read_text(encoding="utf-8")


@cache
def alfworld_domain() -> Domain:
    """What actions need and do in ALFWorld's households."""
    return Domain.read(alfworld_text("alfred.pddl"))


@cache
def alfworld_grammar() -> Grammar:
    """How ALFWorld's households are commanded, and how they answer."""
    return Grammar.read(alfworld_text("alfred.twl2"))


class Household:
    """One game: a room, its receptacles and objects, and the state of play.

    Args:
        problem: what there is, what holds at first, what is to hold in the end.
        goal: the sentence that says so, as the first observation ends.
        domain: what the actions need and do.
        grammar: how they are commanded and answered.
    """

    def __init__(
        self, problem: Problem, goal: str, domain: Domain | None = None, grammar: Grammar | None = None
    ) -> None:
        self._problem = problem
        self._goal = goal
        self._grammar = grammar or alfworld_grammar()
        schemas = (domain or alfworld_domain()).schemas
        self._commands = [
            (schemas[name], command) for name, command in self._grammar.commands.items() if name in schemas
        ]
        self.names = called(fact for fact in problem.init)
        self._ids: dict[str, list[str]] = {}
        for thing, name in self.names.items():
            self._ids.setdefault(name, []).append(thing)
        self.facts = problem.init.copy()

    def reset(self) -> str:
        """Begin anew, and say what is seen first."""
        self.facts = self._problem.init.copy()
        return self._grammar.write("intro", self.facts, self.names, {}).replace(UNKNOWN_GOAL, self._goal)

    def step(self, command: str) -> str:
        """Do what is commanded, and say what comes of it: `Nothing happens.` if it cannot be done, or is no command."""
        command = command.strip()
        if len(command) > MAX_COMMAND:
            return NOTHING_HAPPENS
        world = World(self._problem.objects, self.facts)
        for schema, answer, binding in self._readings(command):
            found = min(schema.bindings(world, binding), key=_in_order, default=None)
            if found is not None:
                self._apply(*schema.changes(found, world))
                context = {name.removeprefix("?"): value for name, value in found.items()}
                return self._grammar.write(answer.feedback, self.facts, self.names, context)
        return NOTHING_HAPPENS

    @property
    def is_won(self) -> bool:
        """Whether the goal holds."""
        return World(self._problem.objects, self.facts).holds(self._problem.goal)

    def admissible_commands(self) -> list[str]:
        """Every command that does something now, sorted. The agent must not see them."""
        world = World(self._problem.objects, self.facts)
        found = set()
        for schema, command in self._commands:
            for binding in schema.bindings(world):
                found.add(_PLACEHOLDER.sub(lambda match: self.names[binding[f"?{match[1]}"]], command.template))  # noqa: B023
        return sorted(found)

    def can_be_won(self) -> bool:
        """Whether the goal can come true if nothing that was true ever ceases to be (a relaxation, so optimistic)."""
        # What can be won with few things can be won among more, and few are tried much faster.
        return any(self._can_be_won_with(facts) for facts in (self._facts_of_interest(), self._problem.init.copy()))

    def _facts_of_interest(self) -> Facts:
        """What holds at first, without the objects of a kind that the goal does not name."""
        named = words_of(self._problem.goal)
        kinds = self._problem.init.of("objecttype")
        dull = {thing for _, thing, *kind in kinds if not named.issuperset(kind)}
        dull |= {kind for _, _, *rest in kinds for kind in rest if kind not in named}
        return Facts(fact for fact in self._problem.init if dull.isdisjoint(fact))

    def _can_be_won_with(self, facts: Facts) -> bool:
        world = World(self._problem.objects, facts, optimistic=True)
        useful = [schema for schema, _ in self._commands if not all(_is_note(effect) for effect in schema.effects)]
        while not world.holds(self._problem.goal):
            made = {fact for schema in useful for fact in schema.makes(world)}
            new = [fact for fact in made if fact not in facts]
            if not new:
                return False
            for fact in new:
                facts.add(fact)
        return True

    def _apply(self, made: Iterable[Fact], unmade: Iterable[Fact]) -> None:
        for fact in unmade:
            self.facts.discard(fact)
            self.facts.add((f"not_{fact[0]}", *fact[1:]))
        for fact in made:
            self.facts.discard((f"not_{fact[0]}", *fact[1:]))
            self.facts.add(fact)

    def _readings(self, command: str) -> Iterator[tuple[Schema, Command, Binding]]:
        """Each action that a command may name, with the parameters that it gives."""
        for schema, answer in self._commands:
            found = _pattern(answer.template).fullmatch(command)
            if found is not None:
                yield from ((schema, answer, binding) for binding in self._things(found.groupdict()))

    def _things(self, said: Mapping[str, str]) -> Iterator[Binding]:
        if not said:
            yield {}
            return
        (variable, name), *rest = said.items()
        for thing in self._ids.get(name, ()):
            for binding in self._things(dict(rest)):
                yield {f"?{variable}": thing, **binding}


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(template)
    return re.compile("".join(f"(?P<{part}>.+)" if i % 2 else re.escape(part) for i, part in enumerate(parts)))


def _in_order(binding: Binding) -> list[tuple[str, str]]:
    return sorted(binding.items())


def _is_note(effect: Effect) -> bool:
    """Whether an effect only notes that something was looked at."""
    return effect.atom.words[0] in {"checked", "examined"}


def called(facts: Iterable[Fact]) -> dict[str, str]:
    """What each thing that the facts mention is called: its kind and a number.

    As ALFWorld does it: the things of a kind are numbered from last to first in the order of their ids.
    """
    things = sorted({thing for fact in facts for thing in fact[1:]})
    kinds = {thing: _kind(thing) for thing in things if _MANGLED.match(thing)}
    left = Counter(kinds.values())
    names = {}
    for thing in things:
        if thing in kinds:
            names[thing] = f"{kinds[thing]} {left[kinds[thing]]}"
            left[kinds[thing]] -= 1
        else:
            names[thing] = f"{thing} "
    return names


def _kind(thing: str) -> str:
    found = _MANGLED.match(thing)
    assert found is not None
    return found[1] + ("basin" if "basin" in thing else "")
