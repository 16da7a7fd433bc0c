"""Errors a user may see. Each message is one line that says what to do."""


class WorldwrightError(Exception):
    """Base of every error that is the input's fault rather than the program's."""


class SyntaxProblem(WorldwrightError):
    """A text (rule, goal, model) that cannot be read; says where."""


class VocabularyProblem(WorldwrightError):
    """A name, an arity or a type that the vocabulary does not know, or two vocabularies that differ."""
