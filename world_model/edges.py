"""What somebody said of a world's things beside its rules: what requires, produces or usually lies in what.

Such a word is kept as it was said. What experience makes of it is not kept but looked up, in the rules and in what was
found where: so the two cannot come apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from worldwright.world_model.errors import SyntaxProblem, VocabularyProblem
from worldwright.world_model.vocabulary import Vocabulary, check_name

REQUIRES, PRODUCES, FOUND_IN = "requires", "produces", "usually-found-in"
RELATIONS = (REQUIRES, PRODUCES, FOUND_IN)
MAX_EDGES = 1_000  # of a model


@dataclass(frozen=True, order=True)
class Edge:
    """Somebody's word that one thing requires, produces or is usually found in another."""

    subject: str
    relation: str
    object: str
    author: str = "llm"


def check_edge(vocabulary: Vocabulary, edge: Edge) -> None:
    """Raise `SyntaxProblem` or `VocabularyProblem` if it says what the vocabulary cannot."""
    check_name(edge.author)
    if edge.relation not in RELATIONS:
        raise SyntaxProblem(f"unknown relation {edge.relation!r}; known: {', '.join(RELATIONS)}")
    constants = vocabulary.constant_types
    if edge.object not in constants:
        raise VocabularyProblem(f"{edge.object!r} is no constant of the vocabulary")
    acts = edge.relation != FOUND_IN and any(action.name == edge.subject for action in vocabulary.actions)
    if edge.subject not in constants and not acts:
        raise VocabularyProblem(f"{edge.subject!r} is neither an action nor a constant of the vocabulary")
