"""Reads missions as people put them: "Rinse off a plate and leave it by the stove".

Three questions are asked of a sentence: in what manner (put, heat, clean, ..., look), what thing, and where to (or by
which lamp). Each is answered by a log-linear model over its words, word pairs and the part that a word has in the
sentence ("to desk"), and over how the names of kinds occur in it ("alarm clock", or "clock" alone). The answers are
put together with what went together in training, and with what stands in the room. It is learned in seconds from
missions in ALFWorld's own words with people's phrasings of them.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from worldwright.envs.household.missions import Task, checked, read_task, shown
from worldwright.envs.household.vocabulary import ITEM_KINDS, RECEPTACLE_KINDS
from worldwright.envs.perceiver import UnreadableMission
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.goal import Goal

MAX_BYTES: Final = 2**24  # of a file
MAX_SENTENCES: Final = 5_000  # to learn from: the effort grows with the square of their number

LOOK: Final = "look"
MANNERS: Final[dict[str, tuple[tuple[str, ...], int]]] = {  # the traits, and the number of things
    "put": ((), 1),
    "clean": (("is-clean",), 1),
    "heat": (("is-hot",), 1),
    "cool": (("is-cool",), 1),
    "two": ((), 2),
    LOOK: ((), 1),
}
LAMPS: Final = tuple(kind for kind in ITEM_KINDS if kind.endswith("lamp"))
SLOTS: Final[dict[str, tuple[str, ...]]] = {
    "manner": tuple(MANNERS),
    "item": ITEM_KINDS,
    "target": RECEPTACLE_KINDS + LAMPS,
}
PAIRS: Final = (("manner", "item"), ("item", "target"), ("manner", "target"))

# Found by cross-validation on the training games.
_DECAY = 0.01  # of the weights
_STEPS = 200
_MOMENTUM = 0.9
_PAIR_WEIGHT = 0.25
_PAIR_PRIOR = 0.3
_LEAST = 0.05  # weights below it are left out

_EVERY = "*"  # a feature of every sentence
_SAID_AS: Final = {  # what opens a part of the sentence, and the part
    "to": ("to",),
    "in": ("in", "into", "inside"),
    "on": ("on", "onto"),
    "at": ("at",),
    "under": ("under", "beneath", "above"),
    "with": ("with", "using"),
    "by": ("by", "beside", "near", "next"),
    "from": ("from", "off"),
    "for": ("for",),
    "do": ("and", "then", "that", "which", "holding"),
}
_PARTS: Final = {word: part for part, words in _SAID_AS.items() for word in words}
_DULL: Final = frozenset(("a", "an", "the", "some", "it", "its", "is", "are", "be", "them", "there", "this", "of", "s"))
_WAYS: Final = ("whole", "end", "beginning")  # how the name of a kind occurs

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Words = tuple[tuple[str, str], ...]  # each word that matters, with the part of the sentence that it is in


class BadPhrasings(WorldwrightError):
    """A file of phrasings that cannot be read, lessons that teach nothing, or no number of one; says why."""


class Lesson(Protocol):
    """A mission in ALFWorld's own words, and how people put it."""

    @property
    def mission(self) -> str: ...

    @property
    def annotations(self) -> Sequence[str]: ...


# ---------------------------------------------------------------------- sentences


def _words(sentence: str) -> list[str]:
    return re.findall(r"[a-z]+", sentence.lower())


@cache
def _stem(word: str) -> str:
    """The singular of a noun, more or less."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("ves"):
        return f"{word[:-3]}f"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _in_parts(words: Iterable[str]) -> Words:
    part, found = "do", []
    for word in words:
        if word in _PARTS:
            part = _PARTS[word]
        elif word not in _DULL:
            found.append((word, part))
    return tuple(found)


@cache
def _is_thing(word: str) -> bool:
    """Whether a word is (part of) the name of an item's kind, and of nothing else."""
    named = [kind for kind in ITEM_KINDS if kind not in LAMPS and _way(word, kind)]
    return bool(named) and not any(_way(word, kind) for kind in RECEPTACLE_KINDS + LAMPS)


def _way(word: str, kind: str) -> str | None:
    """How the name of a kind occurs as a word."""
    name = _stem(kind)
    if word in (kind, name):
        return "whole"
    if len(word) < 3:
        return None
    return "end" if name.endswith(word) else "beginning" if name.startswith(word) else None


def _features(words: Sequence[str]) -> set[str]:
    parted = _in_parts(words)
    found = {_EVERY, *(word for word, _ in parted), *(f"{part}:{word}" for word, part in parted)}
    found |= {f"{one}_{other}" for (one, _), (other, _) in pairwise(parted)}
    return found | {f"{one} {other}" for one, other in pairwise(words)}


def _manner_features(words: Sequence[str]) -> set[str]:
    """Features that do not tell one thing from another: what is to be done should not hang on that."""
    plain: list[str] = []
    for word in words:
        stem = _stem(word)
        said = stem if not _is_thing(stem) else "THING" if stem == word else "THINGS"
        if not (plain and said.isupper() and plain[-1].isupper()):
            plain.append(said)
        elif said == "THINGS":
            plain[-1] = said
    several = {"SEVERAL"} if any(_stem(word) != word for word, part in _in_parts(words) if part == "do") else set()
    return _features(plain) | several


def _bonuses(words: Sequence[str], kinds: Sequence[str]) -> dict[str, set[str]]:
    """For each kind whose name occurs in some way, how and in which part of the sentence."""
    parted = _in_parts([_stem(word) for word in words])
    found: dict[str, set[str]] = {}
    for i, (_, part) in enumerate(parted):
        joined = ["".join(word for word, _ in parted[i : i + length]) for length in (1, 2, 3)]
        for kind in kinds:
            way = "whole" if any(_way(name, kind) == "whole" for name in joined[1:]) else _way(joined[0], kind)
            if way:
                found.setdefault(kind, set()).update((way, f"{way} {part}"))
    return found


def _described(sentence: str) -> dict[str, tuple[set[str], dict[str, set[str]]]]:
    """For each slot the features of a sentence, and how its labels occur in it."""
    words = _words(sentence)
    stems = [_stem(word) for word in words]
    return {
        "manner": (_manner_features(words), {}),
        "item": (_features(stems), _bonuses(words, SLOTS["item"])),
        "target": (_features(stems), _bonuses(words, SLOTS["target"])),
    }


# ---------------------------------------------------------------------- one slot

Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Word = Annotated[str, Field(max_length=200)]


class _Slot(BaseModel):
    """What speaks for each answer to one question.

    Attributes:
        weights: of each feature, for the labels that it speaks for or against.
        bonus: of each way in which the name of a label occurs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: Annotated[Mapping[Word, Mapping[Word, Finite]], Field(max_length=100_000)]
    bonus: Annotated[Mapping[Word, Finite], Field(max_length=100)] = {}

    def scores(self, labels: Sequence[str], features: set[str], named: Mapping[str, set[str]]) -> Floats:
        """The logarithm of each label's probability."""
        known = sorted(feature for feature in features if feature in self.weights)
        scale = 1 / math.sqrt(max(1, len(known)))
        scores = dict.fromkeys(labels, 0.0)
        for feature in known:
            for label, weight in self.weights[feature].items():
                scores[label] += scale * weight
        for label, ways in named.items():
            scores[label] += sum(self.bonus.get(way, 0.0) for way in sorted(ways))
        return _log_softmax(np.array([*scores.values()]))


def _log_softmax(scores: Floats) -> Floats:
    scores = scores - scores.max(-1, keepdims=True)
    result: Floats = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    return result


def _learned(
    labels: Sequence[str],
    features: Sequence[set[str]],
    named: Sequence[Mapping[str, set[str]]],
    truth: Sequence[str],
) -> _Slot:
    """Multinomial logistic regression, by gradient descent with momentum on one vector for each sentence.

    The weights are a sum of the sentences' features, so the steps need only the sentences' likenesses.
    """
    known = sorted(set().union(*features))
    matrix = _matrix(features, known)
    likeness = matrix @ matrix.T
    ways = sorted({way for sentence in named for found in sentence.values() for way in found})
    who, which, how = _occurrences(labels, named, ways)
    wanted = np.eye(len(labels))[[labels.index(label) for label in truth]]
    # The first is bounded by the curvature (Gershgorin), the second chosen by trial.
    pace = 8 / (likeness.sum(1).max() + _DECAY), 20 / (len(how) + _DECAY)
    speaks, bonus = np.zeros_like(wanted), np.zeros(len(ways))
    push, bonus_push = np.zeros_like(speaks), np.zeros_like(bonus)
    for _ in range(_STEPS):
        scores = likeness @ speaks
        np.add.at(scores, (who, which), bonus[how])
        missing = wanted - np.exp(_log_softmax(scores))
        called = np.bincount(how, missing[who, which], len(ways))
        push = _MOMENTUM * push + pace[0] * (missing - _DECAY * speaks)
        bonus_push = _MOMENTUM * bonus_push + pace[1] * (called - _DECAY * bonus)
        speaks, bonus = speaks + push, bonus + bonus_push
    weights = matrix.T @ speaks
    return _Slot(
        weights={feature: _sparse(labels, row) for feature, row in zip(known, weights.tolist(), strict=True)},
        bonus=_sparse(ways, bonus.tolist()),
    )


def _matrix(features: Sequence[set[str]], known: Sequence[str]) -> Floats:
    """A row of length 1 for each sentence."""
    column = {feature: i for i, feature in enumerate(known)}
    matrix = np.zeros((len(features), len(known)))
    for row, found in zip(matrix, features, strict=True):
        row[[column[feature] for feature in found]] = 1 / math.sqrt(len(found))
    return matrix


def _occurrences(
    labels: Sequence[str], named: Sequence[Mapping[str, set[str]]], ways: Sequence[str]
) -> tuple[Indices, Indices, Indices]:
    """Which sentence names which label in which way."""
    label_codes, way_codes = ({name: i for i, name in enumerate(names)} for names in (labels, ways))
    found = [
        (i, label_codes[label], way_codes[way])
        for i, sentence in enumerate(named)
        for label, said in sentence.items()
        for way in sorted(said)
    ]
    table = np.array(found, np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _sparse(names: Sequence[str], weights: Sequence[float]) -> dict[str, float]:
    return {name: round(weight, 3) for name, weight in zip(names, weights, strict=True) if abs(weight) >= _LEAST}


# ---------------------------------------------------------------------- the reader


class _File(BaseModel):
    """What a file holds; `together` counts how often two answers went together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["worldwright-phrasings"]
    version: Literal[1]
    slots: Mapping[Word, _Slot]
    together: Mapping[Word, Mapping[Word, Mapping[Word, Annotated[int, Field(ge=0, le=10**9)]]]]


@dataclass(frozen=True)
class PhrasingReader:
    """Reads what people ask for. Make one by `learn` or `load`."""

    _file: _File
    _together: Mapping[tuple[str, str], Floats]

    @classmethod
    def learn(cls, lessons: Iterable[Lesson]) -> PhrasingReader:
        """Learn from missions (household games, say) and people's phrasings of them; takes about a second.

        Missions that are none of ALFWorld's six kinds of task are left out.

        Raises:
            BadPhrasings: there are no phrasings, or over `MAX_SENTENCES`.
        """
        told = [
            (sentence, answers)
            for lesson in lessons
            if (answers := _answers(lesson.mission)) is not None
            for sentence in lesson.annotations
        ]
        if not 0 < len(told) <= MAX_SENTENCES:
            raise BadPhrasings(f"{len(told)} phrasings of missions to learn from; it takes 1 to {MAX_SENTENCES}")
        described = [_described(sentence) for sentence, _ in told]
        slots = {
            slot: _learned(
                labels,
                [sentence[slot][0] for sentence in described],
                [sentence[slot][1] for sentence in described],
                [answers[slot] for _, answers in told],
            )
            for slot, labels in SLOTS.items()
        }
        together = {f"{a} {b}": _counts((answers[a], answers[b]) for _, answers in told) for a, b in PAIRS}
        return cls._of(_File(format="worldwright-phrasings", version=1, slots=slots, together=together))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PhrasingReader:
        """What `save` wrote; a file from a stranger is safe to load.

        Raises:
            BadPhrasings: the file cannot be read, or is no such file.
        """
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                raise BadPhrasings(f"{path} is over {MAX_BYTES} bytes")
            return cls._of(_File.model_validate_json(data))
        except OSError as error:
            raise BadPhrasings(f"cannot read {path}: {error.strerror or error}") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"]))[:80] or "the file"
            raise BadPhrasings(f"{path} holds no phrasings: {where}: {first['msg']}") from None
        except _Unknown as error:
            raise BadPhrasings(f"{path} holds no phrasings: {error}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that was learned as JSON; raises `BadPhrasings`."""
        text = json.dumps(self._file.model_dump(mode="json"), indent=0, sort_keys=True)
        try:
            Path(path).write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            raise BadPhrasings(f"cannot write {path}: {error.strerror or error}") from error

    def read(self, sentence: str, sorts: Collection[str] = frozenset()) -> Goal:
        """What a sentence most likely asks for.

        Args:
            sentence: one or a few sentences.
            sorts: the kinds of receptacles in the room, if all are known; nothing is put elsewhere.

        Raises:
            UnreadableMission: it has no word that was learned, or is no text of some length.
        """
        return self.read_task(sentence, sorts).goal

    def read_task(self, sentence: str, sorts: Collection[str] = frozenset()) -> Task:
        """As `read`, as a task."""
        described = _described(checked(sentence))
        if not any(self._knows(slot, *said) for slot, said in described.items()):
            raise UnreadableMission(f"cannot read the mission {shown(sentence)}: no word of it was learned")
        manner, item, target = (
            self._file.slots[slot].scores(labels, *described[slot]) for slot, labels in SLOTS.items()
        )
        total = manner[:, None, None] + item[None, :, None] + target[None, None, :]
        total = total + self._together["manner", "item"][:, :, None]
        total = total + self._together["item", "target"][None]
        total = total + self._together["manner", "target"][:, None, :]
        total = np.where(_possible(frozenset(sorts))[:, None, :], total, -np.inf)
        best = np.unravel_index(int(total.argmax()), total.shape)
        return _task(*(labels[int(i)] for labels, i in zip(SLOTS.values(), best, strict=True)))

    def _knows(self, slot: str, features: set[str], named: Mapping[str, set[str]]) -> bool:
        return bool(named) or any(feature in self._file.slots[slot].weights for feature in features - {_EVERY})

    @classmethod
    def _of(cls, file: _File) -> PhrasingReader:
        """The reader that a file holds; raises `_Unknown` for words that are no answers."""
        _check_words("slot", file.slots, SLOTS, complete=True)
        _check_words("pair", file.together, [f"{a} {b}" for a, b in PAIRS], complete=True)
        for slot, learned in file.slots.items():
            for weights in learned.weights.values():
                _check_words(slot, weights, SLOTS[slot])
        for a, b in PAIRS:
            counts = file.together[f"{a} {b}"]
            _check_words(a, counts, SLOTS[a])
            for inner in counts.values():
                _check_words(b, inner, SLOTS[b])
        return cls(file, {(a, b): _affinity(file.together[f"{a} {b}"], SLOTS[a], SLOTS[b]) for a, b in PAIRS})


class _Unknown(Exception):
    """A word in a file that stands for nothing."""


def _check_words(what: str, words: Iterable[str], known: Iterable[str], complete: bool = False) -> None:
    found, allowed = set(words), set(known)
    if not found <= allowed or (complete and found != allowed):
        raise _Unknown(f"{sorted(found ^ allowed if complete else found - allowed)[0][:40]!r} as a {what}")


def _answers(mission: str) -> dict[str, str] | None:
    """The true answers for a mission in ALFWorld's words; None if it is not one of the six kinds."""
    try:
        task = read_task(mission)
    except UnreadableMission:
        return None
    found = [name for name, said in MANNERS.items() if said == (task.traits, task.number) and name != LOOK]
    manner = LOOK if task.lamp in LAMPS and not task.traits else found[0] if found and task.target else None
    return None if manner is None else {"manner": manner, "item": task.item, "target": task.target or task.lamp or ""}


def _task(manner: str, item: str, target: str) -> Task:
    if manner == LOOK:
        return Task(item, lamp=target)
    traits, number = MANNERS[manner]
    return Task(item, target, traits=traits, number=number)


@cache
def _possible(sorts: frozenset[str]) -> NDArray[np.bool_]:
    """For each manner and target whether they go together: one looks by a lamp, and puts into what there is."""
    return np.array(
        [
            [target in LAMPS if manner == LOOK else target in (sorts or RECEPTACLE_KINDS) for target in SLOTS["target"]]
            for manner in MANNERS
        ]
    )


def _counts(pairs: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (one, other), times in sorted(Counter(pairs).items()):
        found.setdefault(one, {})[other] = times
    return found


def _affinity(counts: Mapping[str, Mapping[str, int]], ones: Sequence[str], others: Sequence[str]) -> Floats:
    """How much oftener two answers go together than by chance: pointwise mutual information, smoothed and weighed."""
    table = np.array([[counts.get(one, {}).get(other, 0) for other in others] for one in ones], float) + _PAIR_PRIOR
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / table.sum()
    result: Floats = _PAIR_WEIGHT * np.log(table / expected)
    return result
