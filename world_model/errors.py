"""Errors a user may see. Each message is one line that says what to do."""

MAX_MESSAGE = 400


class WorldwrightError(Exception):
    """Base of every error that is the input's fault rather than the program's."""

    def __init__(self, message: str) -> None:
        # What a stranger's file says is quoted in messages: keep them short, on one line and free of escapes.
        plain = "".join(char if char.isprintable() else repr(char)[1:-1] for char in message[: MAX_MESSAGE + 1])
        super().__init__(plain if len(plain) <= MAX_MESSAGE else f"{plain[: MAX_MESSAGE - 3]}...")


class LeftOut(UserWarning):
    """A part of the input that is left out because it is faulty, while the rest is used; says which, and why."""


class SyntaxProblem(WorldwrightError):
    """A text (rule, goal, model) that cannot be read; says where."""


class MatchLimit(WorldwrightError):
    """A condition of so many variables that to list its bindings would take too long."""


class Inexpressible(WorldwrightError):
    """A model or a goal that the language it is to be written in (PDDL) cannot say."""


class VocabularyProblem(WorldwrightError):
    """A name, an arity or a type that the vocabulary does not know, or two vocabularies that differ."""
