"""A world model as one readable, versioned text file: `parse_model(show_model(model)) == model`.

Loading a stranger's file is safe: it is bounded, parsed and type-checked; it is a model or one clear error.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from worldwright.world_model.edges import MAX_EDGES, Edge, check_edge
from worldwright.world_model.errors import SyntaxProblem, VocabularyProblem, WorldwrightError
from worldwright.world_model.findings import Findings
from worldwright.world_model.language import ActionRule
from worldwright.world_model.model import WorldModel
from worldwright.world_model.sexpr import MAX_TEXT, SExpr, parse_all, show
from worldwright.world_model.syntax import keyword_fields, natural_of, rule_of, show_rule
from worldwright.world_model.vocabulary import ActionSignature, Counter, Object, Predicate, Type, Vocabulary

VERSION = "1"
MAX_RULES = 5_000


def show_model(model: WorldModel) -> str:
    """The text of a model file."""
    parts = [f"(:world-model {VERSION} :steps {model.steps})", show_vocabulary(model.vocabulary)]
    parts += [_show_findings(model.findings)] if model.findings else []
    parts += [_show_edges(model.edges)] if model.edges else []
    parts += [show_rule(rule) for rule in model.rules]
    parts += [show_rule(rule).replace("(:rule", "(:hypothesis", 1) for rule in model.hypotheses]
    return "\n\n".join(parts) + "\n"


def parse_model(text: str) -> WorldModel:
    """The model that a text shows; raises `SyntaxProblem` or `VocabularyProblem`."""
    items = [_section(item) for item in parse_all(text)]
    steps = _steps_of(items[0] if items else [])
    if len(items) < 2:
        raise SyntaxProblem("a model file has a (:vocabulary ...) after its first line")
    if len(items) > MAX_RULES:
        raise SyntaxProblem(f"more than {MAX_RULES} rules")
    vocabulary = vocabulary_of(items[1])
    rules: dict[str, list[ActionRule]] = {":rule": [], ":hypothesis": []}
    rest = items[2:]
    findings = _findings_of(vocabulary, rest.pop(0)) if rest and rest[0][0] == ":findings" else Findings()
    edges = _edges_of(vocabulary, rest.pop(0)) if rest and rest[0][0] == ":said" else ()
    for item in rest:
        if item[0] not in (":rule", ":hypothesis"):
            raise SyntaxProblem(f"expected (:rule ...), found ({show(item[0])} ...)")
        rules[str(item[0])].append(rule_of(vocabulary, [":rule", *item[1:]]))
    return WorldModel(vocabulary, tuple(rules[":rule"]), tuple(rules[":hypothesis"]), steps, findings, edges)


def _section(item: SExpr) -> list[SExpr]:
    if isinstance(item, str) or not item:
        raise SyntaxProblem(f"expected (:rule ...), found {show(item)}")
    return item


def _steps_of(head: list[SExpr]) -> int:
    if head[:1] != [":world-model"] or len(head) < 2:
        raise SyntaxProblem(f"a model file begins with (:world-model {VERSION} :steps N)")
    if head[1] != VERSION:
        raise SyntaxProblem(f"model file of version {show(head[1])}; this program reads version {VERSION}")
    fields = keyword_fields(head[2:], {":steps"})
    return natural_of(fields.get(":steps", ""))


def save_model(model: WorldModel, path: Path) -> None:
    """Write the model to `path` whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(show_model(model))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_model(path: Path) -> WorldModel:
    """The model in a file.

    Raises:
        WorldwrightError: no such file, not a regular one, too large, or no model; the message names the file.
    """
    try:
        if not path.is_file():
            raise SyntaxProblem("no such file" if not path.exists() else "not a regular file")
        with path.open("rb") as file:
            data = file.read(MAX_TEXT + 1)
        if len(data) > MAX_TEXT:
            raise SyntaxProblem(f"over the limit of {MAX_TEXT} bytes")
        return parse_model(data.decode("utf-8"))
    except WorldwrightError as error:
        raise type(error)(f"model {path}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SyntaxProblem(f"model {path}: {error}") from None


def require_same_vocabulary(model: WorldModel, world: Vocabulary) -> None:
    """Raise `VocabularyProblem` unless the model speaks of that world."""
    if model.vocabulary != world:
        raise VocabularyProblem(
            f"the model speaks of {model.vocabulary.name!r}, this environment is described as {world.name!r}"
            + (" (another version of it)" if model.vocabulary.name == world.name else "")
            + ": learn a model for it with `worldwright learn`"
        )


# -- findings --------------------------------------------------------------------------------------------


def _show_findings(findings: Findings) -> str:
    """What was found, a line for each sort of place: how many were looked into, how many of them were shut, and how
    many things of each kind were there."""
    lines = []
    for sort, looked in sorted(findings.looked.items()):
        kinds = sorted((kind, number) for (kind, where), number in findings.found.items() if where == sort)
        words = [sort, str(looked), str(findings.shut.get(sort, 0)), *(f"({kind} {number})" for kind, number in kinds)]
        lines.append(f"\n  ({' '.join(words)})")
    return f"(:findings{''.join(lines)})"


def _findings_of(vocabulary: Vocabulary, expression: list[SExpr]) -> Findings:
    """The findings that an expression is; raises `SyntaxProblem` or `VocabularyProblem`."""
    looked: dict[str, int] = {}
    shut: dict[str, int] = {}
    found: dict[tuple[str, str], int] = {}
    for entry in expression[1:]:
        if isinstance(entry, str) or len(entry) < 3 or entry[0] in looked:
            raise SyntaxProblem(f"findings: cannot read {show(entry)}")
        sort = _constant_of(vocabulary, entry[0])
        looked[sort], shut[sort] = natural_of(entry[1]), natural_of(entry[2])
        for part in entry[3:]:
            if isinstance(part, str) or len(part) != 2:
                raise SyntaxProblem(f"findings: cannot read {show(part)}")
            kind = _constant_of(vocabulary, part[0])
            if (kind, sort) in found:
                raise SyntaxProblem(f"findings: {kind} in {sort} is given twice")
            found[kind, sort] = natural_of(part[1])
    return Findings(looked, shut, found)


def _constant_of(vocabulary: Vocabulary, word: SExpr) -> str:
    if not isinstance(word, str) or word not in vocabulary.constant_types:
        raise VocabularyProblem(f"findings: {show(word)} is no constant of the vocabulary")
    return word


# -- what was said ---------------------------------------------------------------------------------------


def _show_edges(edges: Iterable[Edge]) -> str:
    """What was said, a line for each word, its author last."""
    lines = (f"\n  ({edge.subject} {edge.relation} {edge.object} {edge.author})" for edge in edges)
    return f"(:said{''.join(lines)})"


def _edges_of(vocabulary: Vocabulary, expression: list[SExpr]) -> tuple[Edge, ...]:
    """The edges that an expression is; raises `SyntaxProblem` or `VocabularyProblem`."""
    if len(expression) > MAX_EDGES + 1:
        raise SyntaxProblem(f"said: more than {MAX_EDGES} entries")
    found: dict[Edge, None] = {}
    for entry in expression[1:]:
        words = [word for word in entry if isinstance(word, str)]
        if isinstance(entry, str) or len(entry) != 4 or len(words) != 4:
            raise SyntaxProblem(f"said: expected (SUBJECT RELATION OBJECT AUTHOR), found {show(entry)}")
        edge = Edge(*words)
        check_edge(vocabulary, edge)
        if edge in found:
            raise SyntaxProblem(f"said: {show(entry)} is given twice")
        found[edge] = None
    return tuple(found)


# -- vocabulary ------------------------------------------------------------------------------------------


def show_vocabulary(vocabulary: Vocabulary) -> str:
    """The vocabulary as it stands in a model file."""
    sections = [
        (":types", [[t.name, t.parent, *(["nominal"] if t.nominal else [])] for t in vocabulary.types]),
        (":constants", [[c.name, c.type] for c in vocabulary.constants]),
        (":predicates", [_predicate_words(p) for p in vocabulary.predicates]),
        (":counters", [[c.name, *c.types, str(c.low), str(c.high)] for c in vocabulary.counters]),
        (":actions", [[a.name, *a.types] for a in vocabulary.actions]),
        (":facts", [list(fact) for fact in vocabulary.facts]),
    ]
    lines = [f"(:vocabulary {vocabulary.name}"]
    for title, entries in sections:
        lines.append(f"  ({title}" + "".join(f"\n    ({' '.join(words)})" for words in entries) + ")")
    return "\n".join(lines) + ")"


def _predicate_words(predicate: Predicate) -> list[str]:
    flags = [name for name in ("functional", "injective", "static") if getattr(predicate, name)]
    default = [":default", predicate.default] if predicate.default else []
    return [predicate.name, *predicate.types, *[f":{flag}" for flag in flags], *default]


def vocabulary_of(expression: SExpr) -> Vocabulary:
    """The vocabulary that an expression is; raises `SyntaxProblem` or `VocabularyProblem`."""
    if isinstance(expression, str) or len(expression) < 2 or expression[0] != ":vocabulary":
        raise SyntaxProblem("expected (:vocabulary NAME ...)")
    readers: dict[str, Callable[[list[str]], object]] = {
        ":types": _type_of,
        ":constants": lambda words: Object(*words),
        ":predicates": _predicate_of,
        ":counters": lambda words: Counter(words[0], tuple(words[1:-2]), int(words[-2]), int(words[-1])),
        ":actions": lambda words: ActionSignature(words[0], tuple(words[1:])),
        ":facts": tuple,
    }
    if not isinstance(expression[1], str):
        raise SyntaxProblem("expected (:vocabulary NAME ...)")
    found: dict[str, tuple[object, ...]] = {}
    for section in expression[2:]:
        title = section[0] if isinstance(section, list) and section else None
        if not isinstance(title, str) or title not in readers or title in found:
            raise SyntaxProblem(f"vocabulary: unknown or repeated section {show(title or section)}")
        found[title] = tuple(_read_entry(readers[title], title, entry) for entry in section[1:])
    missing = sorted({":types", ":predicates", ":actions"} - set(found))
    if missing:
        raise SyntaxProblem(f"vocabulary: {', '.join(missing)} missing")
    fields = {title[1:]: entries for title, entries in found.items()}
    return Vocabulary(name=expression[1], **fields)  # type: ignore[arg-type]


def _read_entry(reader: Callable[[list[str]], object], title: str, entry: SExpr) -> object:
    if isinstance(entry, str) or not entry or not all(isinstance(word, str) for word in entry):
        raise SyntaxProblem(f"vocabulary {title}: {show(entry)} is no list of names")
    try:
        return reader([str(word) for word in entry])
    except (IndexError, TypeError, ValueError):
        raise SyntaxProblem(f"vocabulary {title}: cannot read {show(entry)}") from None


def _type_of(words: list[str]) -> Type:
    if words[2:] not in ([], ["nominal"]):
        raise ValueError(words)
    return Type(words[0], words[1], nominal=len(words) > 2)


def _predicate_of(words: list[str]) -> Predicate:
    default = None
    if len(words) > 2 and words[-2] == ":default":
        default, words = words[-1], words[:-2]
    flags = [word for word in words[1:] if word.startswith(":")]
    if set(flags) - {":functional", ":injective", ":static"}:
        raise SyntaxProblem(f"vocabulary :predicates: unknown mark in {' '.join(words)}")
    types = tuple(word for word in words[1:] if not word.startswith(":"))
    marks = {flag[1:]: True for flag in flags}
    return Predicate(words[0], types, default=default, **marks)
