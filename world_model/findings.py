"""What was found where, in counts: how many things of a kind to expect in a place of a sort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

_CAUTION = 2.0  # places of a sort whose contents are imagined before any was looked into
_WORD = 1.0  # places with one such thing in them that somebody's word is worth, beside those looked into
_ENOUGH = 5  # places of a sort to look into before a word about it can be refuted


@dataclass(frozen=True)
class Findings:
    """Counts over the places that were looked into.

    Attributes:
        looked: by sort, how many places.
        shut: by sort, how many of them showed what is in them only after something was done there.
        found: by kind and sort, how many things were in them.
        usual: kinds and the sorts where somebody says that they usually are.
    """

    looked: Mapping[str, int] = field(default_factory=dict)
    shut: Mapping[str, int] = field(default_factory=dict)
    found: Mapping[tuple[str, str], int] = field(default_factory=dict)
    usual: frozenset[tuple[str, str]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.looked)

    def __hash__(self) -> int:
        return hash((self.usual, *(frozenset(counts.items()) for counts in (self.looked, self.shut, self.found))))

    def and_in(self, sort: str, kinds: Iterable[str], was_shut: bool) -> Findings:
        """These findings and those in one more place."""
        found = Counter(self.found)
        found.update((kind, sort) for kind in kinds)
        looked = {**self.looked, sort: self.looked.get(sort, 0) + 1}
        return replace(self, looked=looked, shut={**self.shut, sort: self.shut.get(sort, 0) + was_shut}, found=found)

    def further_steps(self, sort: str) -> float:
        """The mean number of steps that it takes to look into a place once one is there, at most one (Laplace)."""
        return (self.shut.get(sort, 0) + 0.5) / (self.looked.get(sort, 0) + 1)

    def expected(self, kind: str, sort: str) -> float:
        """How many things of a kind are to be expected in a place of a sort.

        The mean found in such places, shrunk towards what the kind's share of all things makes of the number of
        things in such places, and that towards the number in any place (empirical Bayes with fixed weights). Where
        somebody says that such things usually are, it is as if one had been found in one more place.
        """
        places = sum(self.looked.values())
        things = sum(self.found.values())
        word = _WORD if (kind, sort) in self.usual else 0.0
        if not places:
            return 1.0 + word
        in_sort = sum(number for (_, where), number in self.found.items() if where == sort)
        of_kind = self.seen(kind)
        looked = self.looked.get(sort, 0)
        crowd = (in_sort + _CAUTION * things / places) / (looked + _CAUTION)
        share = (of_kind + 1) / (things + 1 + len({what for what, _ in self.found}))
        return (self.found.get((kind, sort), 0) + _CAUTION * crowd * share + word) / (looked + _CAUTION + word)

    def seen(self, kind: str) -> int:
        """How many things of a kind were found anywhere."""
        return sum(number for (what, _), number in self.found.items() if what == kind)

    def refutes(self, kind: str, sort: str) -> bool:
        """Whether enough was seen to say that such places hold fewer things of a kind than places do in the mean."""
        looked = self.looked.get(sort, 0)
        here = self.found.get((kind, sort), 0)
        return looked >= _ENOUGH and here * sum(self.looked.values()) < self.seen(kind) * looked
