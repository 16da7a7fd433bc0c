"""Asks a language model for what is not a rule: the meaning of sentences, what to do, where things usually are.

Each answer is read into the world's own words and checked, or refused with a reason. None, or nothing, is what comes
back where nobody answers: whoever asked goes on without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from worldwright.world_model.edges import Edge
from worldwright.world_model.goal import Goal
from worldwright.world_model.language import Literal
from worldwright.world_model.proposing import advice
from worldwright.world_model.proposing.advice import Situation, Turn
from worldwright.world_model.proposing.asker import Asker
from worldwright.world_model.proposing.prompts import MAX_SENTENCE
from worldwright.world_model.proposing.reading import (
    Options,
    Rejection,
    read_action,
    read_edges,
    read_facts,
    read_goal,
    read_places,
)
from worldwright.world_model.proposing.words import Words

MAX_THINGS = 24  # that a sentence names; of a longer list nothing is asked
MAX_KNOWN = 1_000  # sentences whose meaning is remembered
MAX_KINDS = 8  # asked about at once


@dataclass
class Adviser:
    """Asks about a world.

    Args:
        words: of the world.
        asker: who puts the questions; others may share it.
    """

    words: Words
    asker: Asker
    _known: dict[str, tuple[Literal, ...]] = field(default_factory=dict)

    def goal(
        self,
        sentence: str,
        here: Mapping[str, Sequence[str]] | None = None,
        examples: Sequence[tuple[str, Goal]] = (),
    ) -> Goal | Rejection | None:
        """What a sentence asks for (see `advice.goal_request`), or why that is no goal."""
        request = advice.goal_request(self.words, sentence, here, examples)
        return self.asker.read(request, partial(read_goal, self.words))

    def facts(
        self, sentence: str, things: Mapping[str, str], examples: Sequence[tuple[str, Sequence[Literal]]] = ()
    ) -> tuple[Literal, ...]:
        """What a sentence says of the things that it names; the same sentence is asked about once."""
        if not 0 < len(things) <= MAX_THINGS or len(sentence) > MAX_SENTENCE:
            return ()
        if sentence not in self._known:
            request = advice.facts_request(self.words, sentence, things, examples)
            found = self.asker.read(request, partial(read_facts, self.words, things))
            if found is None:
                return ()
            while len(self._known) >= MAX_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[sentence] = () if isinstance(found, Rejection) else found
        return self._known[sentence]

    def places(self, kinds: Sequence[str], sorts: Sequence[str], at_once: int = MAX_KINDS) -> tuple[Edge, ...]:
        """Where things of some kinds usually are, among some sorts of places; so many kinds are asked about at once."""
        found: list[Edge] = []
        for start in range(0, len(kinds) if sorts else 0, at_once):
            some = kinds[start : start + at_once]
            said = self.asker.read(advice.places_request(some, sorts), partial(read_places, some, sorts))
            found += said if isinstance(said, tuple) else ()
        return tuple(found)

    def edges(self) -> tuple[Edge, ...]:
        """What requires, produces or usually lies in what, by the names alone."""
        request = advice.edges_request(self.words)
        reply = self.asker.ask(request)
        if reply is None:
            return ()
        found, rejections = read_edges(self.words, reply)
        self.asker.reject(request, rejections)
        return found

    def action(
        self, situation: Situation, options: Options, turns: Sequence[Turn] = ()
    ) -> tuple[str, tuple[str, ...]] | Rejection | None:
        """What to do next (see `advice.action_request`), or why that is no such action."""
        request = advice.action_request(self.words, situation, options, turns)
        return self.asker.read(request, partial(read_action, options))

    def subgoals(self, situation: Situation, turns: Sequence[Turn] = ()) -> Goal | Rejection | None:
        """Which states to reach on the way to a goal, or why the answer says none."""
        request = advice.subgoals_request(self.words, situation, turns)
        return self.asker.read(request, partial(read_goal, self.words))
