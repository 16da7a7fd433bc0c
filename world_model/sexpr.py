"""S-expressions: the outer syntax of rules, goals and model files, as in PDDL.

Text from strangers is read here, so everything is bounded before it is built: length, nesting, symbols.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from worldwright.world_model.errors import SyntaxProblem

SExpr = str | list["SExpr"]

MAX_TEXT = 4_000_000
MAX_DEPTH = 40
MAX_SYMBOL = 80

_TOKEN = re.compile(r"\s+|;[^\r\n]*|([()]|[^\s();]+)")
_SYMBOL = re.compile(r"[:?]?[A-Za-z0-9_.<>=+*-]+")


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line = 1
    for match in _TOKEN.finditer(text):
        if match.group(1) is not None:
            yield match.group(1), line
        line += match.group(0).count("\n")


def parse_all(text: str) -> list[SExpr]:
    """The expressions in `text`, outermost first to last.

    Raises:
        SyntaxProblem: too long, too deep, unbalanced, or a character that no symbol may have.
    """
    if len(text) > MAX_TEXT:
        raise SyntaxProblem(f"text of {len(text)} characters is over the limit of {MAX_TEXT}")
    stack: list[list[SExpr]] = [[]]
    for token, line in _tokens(text):
        if token == "(":
            if len(stack) > MAX_DEPTH:
                raise SyntaxProblem(f"line {line}: nested deeper than {MAX_DEPTH}")
            stack.append([])
        elif token == ")":
            if len(stack) == 1:
                raise SyntaxProblem(f"line {line}: a ')' too many")
            done = stack.pop()
            stack[-1].append(done)
        elif len(token) > MAX_SYMBOL or not _SYMBOL.fullmatch(token):
            raise SyntaxProblem(f"line {line}: {token[:40]!r} is not a symbol")
        else:
            stack[-1].append(token)
    if len(stack) > 1:
        raise SyntaxProblem("the text ends before its last ')'")
    return stack[0]


def parse_one(text: str) -> SExpr:
    """The single expression in `text`; raises `SyntaxProblem` if there is another number of them."""
    found = parse_all(text)
    if len(found) != 1:
        raise SyntaxProblem(f"expected one expression, found {len(found)}")
    return found[0]


def show(expression: SExpr) -> str:
    """The expression on one line; `parse_one(show(e)) == e`."""
    if isinstance(expression, str):
        return expression
    return "(" + " ".join(show(part) for part in expression) + ")"
