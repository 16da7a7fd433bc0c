"""The sentences of households: reads ALFWorld's text grammar (`.twl2`) and writes feedback with it.

textworld runs the grammar's expressions as Python. Here they are parsed: a name, or words and names joined by `+`;
anything else is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from worldwright.envs.household.pddl import Fact, Facts
from worldwright.world_model.errors import WorldwrightError

MAX_RULES_DEEP: Final = 40

_ACTION: Final = re.compile(r"action\s+(\w+)\s*\{(.*?)\n\}", re.DOTALL)
_FIELD: Final = re.compile(r'(template|feedback)\s*::\s*"(.*?)";')
_GRAMMAR: Final = re.compile(r'grammar\s*::\s*"""(.*?)"""', re.DOTALL)
_SYMBOL: Final = re.compile(r"#([^#]+)#|\[\{(.*?)\}\]|\{(.*?)\}|([^#\[\]{}]+)", re.DOTALL)
_TERM: Final = re.compile(r"(\w+)\.(name|indefinite)(?: or \w+\.id)?|'([^']*)'")
_LITERAL: Final = re.compile(r"(\w+)\(([^()]*)\)")
_COMMAND_NAME: Final = re.compile(r"\[\{(\w+)\.name \|[^}\]]*\}\]")

Names = Mapping[str, str]  # what each thing is called
Query = tuple[Fact, ...]  # facts about variables, all of which must hold


class BadGrammar(WorldwrightError):
    """A text grammar that cannot be read; the message shows where."""


@dataclass(frozen=True)
class Words:
    """Text as it stands."""

    text: str


@dataclass(frozen=True)
class Rule:
    """What another rule of the grammar writes."""

    name: str


@dataclass(frozen=True)
class Term:
    """A variable's name, or a word of its own."""

    variable: str | None
    text: str = ""


@dataclass(frozen=True)
class Each:
    """Something said once for each way in which a query holds; as a list, with commas and `and`."""

    said: Rule | tuple[Term, ...]
    query: Query
    is_list: bool


Symbol = Words | Rule | Each


@dataclass(frozen=True)
class Production:
    """One way to write a rule, for when its condition holds."""

    condition: Query
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True)
class Command:
    """How an action is commanded (`take {o} from {r}`), and the rule that answers it."""

    template: str
    feedback: str


class Grammar:
    """The commands of a text grammar, and the sentences that answer them."""

    def __init__(self, commands: Mapping[str, Command], rules: Mapping[str, Sequence[Production]]) -> None:
        self.commands = commands
        self._rules = rules

    @classmethod
    def read(cls, text: str) -> Grammar:
        """Raises `BadGrammar`."""
        commands, rules = {}, {}
        for name, body in _ACTION.findall(text):
            fields = dict(_FIELD.findall(body))
            if fields.keys() != {"template", "feedback"}:
                raise BadGrammar(f"the text grammar's action {name!r} has no template or no feedback")
            commands[name.lower()] = Command(
                _COMMAND_NAME.sub(r"{\1}", fields["template"]), fields["feedback"].strip("#")
            )
        for block in _GRAMMAR.findall(text):
            rules.update(_read_rules(block))
        return cls(commands, rules)

    def write(self, rule: str, facts: Facts, names: Names, binding: Mapping[str, str]) -> str:
        """The sentences of a rule.

        Args:
            rule: for example `look.feedback`.
            facts: what is true now.
            names: what each thing is called.
            binding: the things that variables already stand for.

        Raises:
            BadGrammar: the rule does not exist, or calls itself without end.
        """
        return _Writer(self._rules, facts, names).rule(rule, binding, 0)


@dataclass(frozen=True)
class _Writer:
    rules: Mapping[str, Sequence[Production]]
    facts: Facts
    names: Names

    def rule(self, name: str, binding: Mapping[str, str], depth: int) -> str:
        if depth > MAX_RULES_DEEP or name not in self.rules:
            raise BadGrammar(f"the text grammar has no end or no beginning at {name!r}")
        for production in self.rules[name]:
            if not production.condition or any(True for _ in matches(production.condition, self.facts, binding)):
                return "".join(self._symbol(symbol, binding, depth) for symbol in production.symbols)
        raise BadGrammar(f"the text grammar has nothing to say at {name!r}")

    def _symbol(self, symbol: Symbol, binding: Mapping[str, str], depth: int) -> str:
        match symbol:
            case Words(text):
                return text
            case Rule(name):
                return self.rule(name, binding, depth + 1)
            case Each(said, query, is_list):
                cases = matches(query, self.facts, binding) if query else iter([binding])
                parts = [self._said(said, case, depth) for case in cases]
                return self._listed(parts, binding, depth) if is_list else "".join(parts)

    def _said(self, said: Rule | tuple[Term, ...], binding: Mapping[str, str], depth: int) -> str:
        if isinstance(said, Rule):
            return self.rule(said.name, binding, depth + 1)
        return "".join(term.text if term.variable is None else self._name(term.variable, binding) for term in said)

    def _name(self, variable: str, binding: Mapping[str, str]) -> str:
        if variable not in binding:
            raise BadGrammar(f"the text grammar names {variable!r}, which stands for nothing there")
        return self.names.get(binding[variable], binding[variable])

    def _listed(self, parts: list[str], binding: Mapping[str, str], depth: int) -> str:
        if not parts:
            return self.rule("list_empty", binding, depth + 1)
        if len(parts) == 1:
            return parts[0]
        comma = self.rule("list_separator", binding, depth + 1)
        return comma.join(parts[:-1]) + self.rule("list_last_separator", binding, depth + 1) + parts[-1]


def matches(query: Query, facts: Facts, binding: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Every way in which a query holds, in the order of its sorted facts; different variables are different things."""
    if not query:
        yield dict(binding)
        return
    (predicate, *variables), *rest = query
    for fact in sorted(facts.of(predicate)):
        found = _match(variables, fact[1:], binding)
        if found is not None:
            yield from matches(tuple(rest), facts, found)


def _match(variables: Sequence[str], values: Sequence[str], binding: Mapping[str, str]) -> dict[str, str] | None:
    if len(variables) != len(values):
        return None
    found = dict(binding)
    for variable, value in zip(variables, values, strict=True):
        if variable in found:
            if found[variable] != value:
                return None
        elif value in found.values():
            return None
        else:
            found[variable] = value
    return found


# ---------------------------------------------------------------------- reading


def _read_rules(block: str) -> dict[str, list[Production]]:
    try:
        data: Any = json.loads(block)
        return {name: [_production(entry) for entry in entries] for name, entries in data.items()}
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise BadGrammar(f"the text grammar has a block that cannot be read: {error}") from error


def _production(entry: Mapping[str, str]) -> Production:
    # textworld's reader takes white space that begins a text for a comment.
    symbols = tuple(_symbols(entry["rhs"].lstrip()))
    return Production(_query(entry.get("condition", "")), symbols)


def _symbols(text: str) -> Iterator[Symbol]:
    for rule, listed, single, words in _SYMBOL.findall(text):
        if rule:
            yield Rule(rule)
        elif words:
            yield Words(words)
        else:
            said, _, given = (listed or single).partition("|")
            yield Each(_said(said.strip()), _query(given), is_list=bool(listed))


def _said(text: str) -> Rule | tuple[Term, ...]:
    if text.startswith("#"):
        return Rule(text.strip("#"))
    return tuple(_term(part) for part in re.split(r"\s*\+\s*", text))


def _term(text: str) -> Term:
    found = _TERM.fullmatch(text)
    if found is None:
        raise BadGrammar(f"the text grammar has an expression that is not read here: {text!r}")
    variable, attribute, word = found.groups()
    if variable is None:
        return Term(None, word)
    return Term(variable) if attribute == "name" else Term(None, "a")  # the article is never `an`


def _query(text: str) -> Query:
    return tuple(
        (predicate, *(word.partition(":")[0].strip() for word in arguments.split(",")))
        for predicate, arguments in _LITERAL.findall(text)
    )
