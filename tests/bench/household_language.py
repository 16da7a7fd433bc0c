"""Measures what a language model adds where households speak: people's phrasings, other sentences, usual places.

    python -m tests.bench.household_language phrasings|sentences|places [--llm URL --llm-model NAME] [--number N]

Each is measured without a language model always, and with one if one is given; a real one is served on this machine by
`python -m tests.local_model coder -- python -m tests.bench.household_language places --llm {url} --llm-model {model}`.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from statistics import mean
from typing import Annotated

import typer
from rich.table import Table

from tests.envs.households import REAL, Truth
from worldwright.agent.wording import absent, words_for
from worldwright.envs.household.env import HouseholdEnv, phrasings_of
from worldwright.envs.household.game import Game
from worldwright.envs.household.games import Games, find_games
from worldwright.envs.household.missions import read_task
from worldwright.envs.household.perceiver import HouseholdPerceiver
from worldwright.envs.household.vocabulary import RECEPTACLE_KINDS, VOCABULARY
from worldwright.envs.perceiver import UnreadableMission
from worldwright.experiments.terminal import console, say
from worldwright.world_model.chat.endpoint import Endpoint, key_for
from worldwright.world_model.chat.exchange import Exchange, Watched
from worldwright.world_model.chat.request import ChatModel
from worldwright.world_model.edges import Edge
from worldwright.world_model.findings import Findings
from worldwright.world_model.goal import Goal, Reach
from worldwright.world_model.language import Literal
from worldwright.world_model.model import WorldModel
from worldwright.world_model.proposing.adviser import Adviser
from worldwright.world_model.proposing.asker import Asker
from worldwright.world_model.proposing.notes import Note
from worldwright.world_model.proposing.reading import Rejection
from worldwright.world_model.proposing.words import Words

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help=__doc__)

# What nobody's grammar foresees, and what it says beyond the names of things.
SENTENCES: dict[str, tuple[str, ...]] = {
    "You grab the mug 1 off the desk 2.": ("(holding mug-1)", "(in mug-1 hand)"),
    "The apple 2 is steaming hot now.": ("(is-hot apple-2)", "(not (is-cool apple-2))"),
    "The tomato 1 feels ice-cold after its time in the fridge 1.": ("(is-cool tomato-1)", "(not (is-hot tomato-1))"),
    "You have washed the plate 3 in the sinkbasin 1.": ("(is-clean plate-3)",),
    "You set the book 1 down on the sofa 1.": ("(holding nothing)", "(in book-1 sofa-1)"),
    "The door of the safe 1 swings open.": ("(door safe-1 open)",),
    "You shut the drawer 4.": ("(door drawer-4 closed)",),
    "The desklamp 1 lights up.": ("(is-lit desklamp-1)",),
    "The floorlamp 2 goes dark.": ("(not (is-lit floorlamp-2))",),
    "You cut the bread 1 with the knife 1.": ("(is-sliced bread-1)",),
    "You walk over to the cabinet 5.": ("(at cabinet-5)",),
    "Inside the microwave 1 lies an egg 2.": ("(in egg-2 microwave-1)",),
    "There is a pen 1 on the sidetable 2.": ("(in pen-1 sidetable-2)",),
    "You now hold the pillow 2.": ("(holding pillow-2)", "(in pillow-2 hand)"),
    "You place the cup 1 inside the fridge 1.": ("(holding nothing)", "(in cup-1 fridge-1)"),
    "The fridge 1 is no longer shut.": ("(door fridge-1 open)",),
    "The fork 2 sparkles, spotless.": ("(is-clean fork-2)",),
    "You are standing in front of the bed 1.": ("(at bed-1)",),
    "The potato 1 has been cooked in the microwave 1.": ("(is-hot potato-1)", "(not (is-cool potato-1))"),
    "A voice says that the drawer 1 dreams of the mug 1.": (),
}

MAX_SENTENCES = len(SENTENCES)

Llm = Annotated[str, typer.Option(help="an OpenAI-compatible server; empty: none is asked")]
LlmModel = Annotated[str, typer.Option(help="what the server calls the model")]
Number = Annotated[int, typer.Option(help="how many phrasings, sentences or games, evenly spread")]
Source = Annotated[Path, typer.Option(help="games")]


@dataclass
class Helped:
    """A language model as an adviser about households, and what asking it took."""

    adviser: Adviser
    notes: list[Note] = field(default_factory=list)
    start: float = field(default_factory=time.monotonic)

    @staticmethod
    def by(chat: ChatModel) -> Helped:
        """One that asks it."""
        notes: list[Note] = []
        return Helped(Adviser(Words(VOCABULARY), Asker(Watched(chat, notes.append), notes.append)), notes)

    def __str__(self) -> str:
        replies = [note for note in self.notes if isinstance(note, Exchange)]
        tokens = sum(reply.prompt_tokens for reply in replies), sum(reply.answer_tokens for reply in replies)
        counts = ", ".join(f"{number} {what}" for what, number in sorted(self.adviser.asker.counts.items()))
        seconds = time.monotonic() - self.start
        return f"{counts or 'nothing asked'}; {tokens[0]} tokens asked, {tokens[1]} answered, {seconds:.0f} s in all"


def endpoint(url: str, model: str) -> Endpoint | None:
    """Who answers at an address; None if there is none."""
    return Endpoint(url, model, key=key_for(url, os.environ), timeout=600.0) if url else None


def spread(items: Sequence[Game], number: int) -> list[Game]:
    """So many of them, evenly spread."""
    return [items[i * len(items) // number] for i in range(min(number, len(items)))]


def games_of(source: Path) -> list[Game]:
    """All games of a source."""
    games = find_games(source)
    return [games[number] for number in range(len(games))]


def first_of(game: Game) -> dict[str, str]:
    """What one sees of a game at first."""
    observation, _ = HouseholdEnv(Games([game.id], lambda _: game)).reset(seed=0)
    return observation


# -- phrasings -------------------------------------------------------------------------------------------


def graded(found: Goal | None, wanted: Goal) -> Counter[str]:
    """Whether a goal is the very one that is wanted up to the names of variables, and what of it is right."""
    return Counter(
        all=1,
        read=found is not None,
        exact=found is not None and alike(found, wanted),
        kinds=found is not None and constants(found, "kind") == constants(wanted, "kind"),
        places=found is not None and constants(found, "sort") == constants(wanted, "sort"),
    )


def alike(one: Goal, other: Goal) -> bool:
    """Whether two formulas say the same but for the names of variables and the order of conditions."""
    if not isinstance(one, Reach) or not isinstance(other, Reach) or len(one.parameters) != len(other.parameters):
        return False
    wanted = said(other, {variable.name: variable.name for variable in other.parameters})
    types = [variable.type for variable in one.parameters]
    return any(
        said(one, {mine.name: its.name for mine, its in zip(one.parameters, order, strict=True)}) == wanted
        for order in permutations(other.parameters)
        if [variable.type for variable in order] == types
    )


def said(reach: Reach, names: Mapping[str, str]) -> set[tuple[object, ...]]:
    """The conditions of a formula with other names for its variables."""
    found: set[tuple[object, ...]] = set()
    for condition in reach.conditions:
        if isinstance(condition, Literal):
            atom = condition.atom
            args = [names.get(arg, arg) for arg in atom.args]
            found.add((condition.positive, atom.predicate, *(sorted(args) if atom.predicate == "=" else args)))
        else:
            found.add((str(condition),))
    return found


def constants(goal: Goal, predicate: str) -> Counter[str]:
    """The constants that a goal demands of things by a predicate."""
    if not isinstance(goal, Reach):
        return sum((constants(part, predicate) for part in goal.parts), Counter[str]())
    literals = [condition for condition in goal.conditions if isinstance(condition, Literal) and condition.positive]
    return Counter(literal.atom.args[-1] for literal in literals if literal.atom.predicate == predicate)


def by_perceiver(perceiver: HouseholdPerceiver, observation: dict[str, str]) -> Goal | None:
    """What a perceiver reads."""
    try:
        return perceiver.goal(observation)
    except UnreadableMission:
        return None


def by_model(adviser: Adviser, observation: dict[str, str]) -> tuple[Goal | None, str]:
    """What a language model makes of a mission where this is seen, as the agent would ask it."""
    perceiver = HouseholdPerceiver()
    graph = perceiver.perceive(observation)
    found = adviser.goal(observation["mission"], words_for(graph.state), perceiver.examples())
    if found is None or isinstance(found, Rejection):
        return None, found.detail if found else "nobody answers"
    missing = absent(found, graph)
    return (None, f"no {missing} here") if missing else (found, "")


def phrasing_scores(
    games: Iterable[Game], taught: HouseholdPerceiver | None, helped: Helped | None
) -> dict[str, Counter[str]]:
    """How the first phrasing of each game is read, by whom."""
    scores: dict[str, Counter[str]] = {}
    for game in games:
        wanted = read_task(game.mission).goal
        observation = {**first_of(game), "mission": game.annotations[0].strip()}
        readings = {"the grammar": by_perceiver(HouseholdPerceiver(), observation)}
        if taught is not None:
            readings["learned from phrasings"] = by_perceiver(taught, observation)
        if helped is not None:
            readings["a language model"], why = by_model(helped.adviser, observation)
            show(observation["mission"], game.mission, readings["a language model"], wanted, why)
        for who, found in readings.items():
            scores.setdefault(who, Counter()).update(graded(found, wanted))
    return scores


def show(sentence: str, mission: str, found: Goal | None, wanted: Goal, why: str) -> None:
    """Print how a phrasing was read."""
    verdict = "right" if found is not None and alike(found, wanted) else f"wrong: {found or why}"
    say(console(), f"{sentence!r} is {mission!r}: {verdict}")


@app.command()
def phrasings(
    llm: Llm = "",
    llm_model: LlmModel = "",
    number: Number = 25,
    games: Source = REAL / "valid_seen.jsonl.xz",
    train: Source = REAL / "train.jsonl.xz",
) -> None:
    """How many of people's phrasings of missions are read as the goal that the game's own sentence asks for."""
    chat = endpoint(llm, llm_model)
    helped = Helped.by(chat) if chat else None
    taught = HouseholdPerceiver(phrasings=phrasings_of(train))
    annotated = [game for game in games_of(games) if game.annotations]
    table = Table("read by", "phrasings", "read", "exact", "things right", "places right")
    for who, score in phrasing_scores(spread(annotated, number), taught, helped).items():
        shares = (f"{100 * score[part] / score['all']:.0f}%" for part in ("read", "exact", "kinds", "places"))
        table.add_row(who, str(score["all"]), *shares)
    console().print(table)
    say(console(), str(helped or "no language model was asked"))


# -- sentences -------------------------------------------------------------------------------------------


def facts_read(perceiver: HouseholdPerceiver, sentence: str) -> set[str]:
    """The facts that a perceiver takes from a sentence beyond what names tell, as text."""
    graph = perceiver.perceive({"text": sentence})
    told = {
        f"({' '.join(fluent)})" if value is True else f"({' '.join(fluent)} {value})"
        for fluent, value in graph.state.values.items()
        if fluent[0] not in ("kind", "sort")
    }
    return told | {f"(not ({' '.join(fluent)}))" for fluent in graph.denied}


def sentence_score(sentences: Iterable[str], helped: Helped | None) -> Counter[str]:
    """How many facts there are to be read in sentences, how many are read, and how many that nobody said."""
    perceiver = HouseholdPerceiver()
    perceiver = perceiver.with_reader(helped.adviser) if helped else perceiver
    score: Counter[str] = Counter()
    for sentence in sentences:
        wanted, found = set(SENTENCES[sentence]), facts_read(perceiver, sentence)
        score.update(sentences=1, exact=wanted == found, facts=len(wanted), right=len(wanted & found))
        score.update(wrong=len(found - wanted))
        if helped and wanted != found:
            say(console(), f"{sentence!r} says {sorted(wanted)}, read as {sorted(found)}")
    return score


@app.command()
def sentences(llm: Llm = "", llm_model: LlmModel = "", number: Number = MAX_SENTENCES) -> None:
    """How many facts are read in sentences that the grammar does not cover."""
    chat = endpoint(llm, llm_model)
    helped = Helped.by(chat) if chat else None
    table = Table("read by", "sentences", "exact", "facts", "right", "wrong")
    for who, help_ in (("the grammar", None), ("with a language model", helped)):
        if help_ is not None or who == "the grammar":
            score = sentence_score([*SENTENCES][:number], help_)
            table.add_row(who, *(str(score[part]) for part in ("sentences", "exact", "facts", "right", "wrong")))
    console().print(table)
    say(console(), str(helped or "no language model was asked"))


# -- places ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Room:
    """Where things are at first: the places in the order in which they are listed, and the kinds in each."""

    item: str
    contents: dict[str, list[str]]

    def looks(self, findings: Findings) -> int:
        """How many places are looked into, best first by what is expected there, until such a thing is found."""
        order = sorted(self.contents, key=lambda place: -findings.expected(self.item, sort_of(place)))
        return next((n for n, place in enumerate(order, 1) if self.item in self.contents[place]), len(order))


def sort_of(place: str) -> str:
    """What a place is, by its name."""
    return place.rpartition("-")[0]


def room_of(game: Game) -> Room:
    """A game's room as it is at first."""
    env = HouseholdEnv(Games([game.id], lambda _: game), facts=True)
    observation, info = env.reset(seed=0)
    truth = Truth(info["facts"])
    state = HouseholdPerceiver().perceive(observation).state
    places = [str(fluent[1]) for fluent in state.fluents("sort")]
    contents = {place: sorted(sort_of(thing) for thing in truth.contents(place)) for place in places}
    return Room(read_task(game.mission).item, contents)


def seen_in(rooms: Iterable[Room]) -> Findings:
    """What is found who looks everywhere."""
    findings = Findings()
    for room in rooms:
        for place, kinds in room.contents.items():
            findings = findings.and_in(sort_of(place), kinds, was_shut=False)
    return findings


def expected(findings: Findings, said: Sequence[Edge]) -> Findings:
    """What is expected after findings and words."""
    return WorldModel(VOCABULARY, findings=findings, edges=tuple(said)).expectations


def place_rows(rooms: Sequence[Room], lessons: Sequence[Room], said: Sequence[Edge]) -> Iterator[tuple[str, str, str]]:
    """For each number of rooms seen before, the places looked into in the mean, without and with somebody's word."""
    for number in (0, 1, 2, 5, len(lessons)):
        findings = seen_in(lessons[:number])
        without, with_word = (mean(room.looks(expected(findings, each)) for room in rooms) for each in ((), said))
        yield str(number), f"{without:.2f}", f"{with_word:.2f}" if said else "-"


@app.command()
def places(
    llm: Llm = "",
    llm_model: LlmModel = "",
    number: Number = 140,
    games: Source = REAL / "valid_seen.jsonl.xz",
    train: Source = REAL / "train.jsonl.xz",
    lessons: Annotated[int, typer.Option(help="rooms seen before, at most")] = 20,
    at_once: Annotated[int, typer.Option(help="kinds of things that are asked about at once")] = 8,
) -> None:
    """How many places are looked into before what the mission asks for is found."""
    chat = endpoint(llm, llm_model)
    helped = Helped.by(chat) if chat else None
    rooms = [room for game in spread(games_of(games), number) if any(wanted(room := room_of(game)))]
    before = [room_of(game) for game in spread(games_of(train), lessons)]
    kinds = sorted({room.item for room in rooms})
    said = helped.adviser.places(kinds, RECEPTACLE_KINDS, at_once) if helped else ()
    for kind in kinds if helped else ():
        say(console(), f"{kind}: {', '.join(edge.object for edge in said if edge.subject == kind)}")
    table = Table("rooms seen before", "places looked into", "with a language model's word")
    for row in place_rows(rooms, before, said):
        table.add_row(*row)
    say(
        console(),
        f"{len(kinds)} kinds of things in {len(rooms)} rooms of {mean(len(r.contents) for r in rooms):.1f} places",
    )
    console().print(table)
    say(console(), str(helped or "no language model was asked"))


def wanted(room: Room) -> Iterator[bool]:
    """For each place whether what is wanted is there."""
    return (room.item in kinds for kinds in room.contents.values())


if __name__ == "__main__":
    app()
