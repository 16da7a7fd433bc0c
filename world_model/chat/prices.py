"""What tokens cost: a dated table that comes with the package, and files that override it.

Both are JSON records of a date, a source and, for each model, US dollars per million tokens in and out:

    {"date": "2026-03-21", "source": "...", "usd_per_million_tokens": {"gpt-4o-mini": [0.15, 0.6]}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from worldwright.world_model.chat.endpoint import is_local
from worldwright.world_model.errors import SyntaxProblem
from worldwright.world_model.files import FileProblem, read_text
from worldwright.world_model.strict_json import read_json, require_fields

MAX_BYTES = 2**20
MAX_MODELS = 10_000
MAX_PRICE = 1e6  # US dollars per million tokens

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIELDS: Mapping[str, type] = {"date": str, "source": str, "usd_per_million_tokens": dict}


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens, of questions and of answers."""

    prompt: float
    answer: float

    def of(self, prompt_tokens: int, answer_tokens: int) -> float:
        """What so many tokens cost, in US dollars."""
        return (prompt_tokens * self.prompt + answer_tokens * self.answer) / 1e6


FREE = Price(0.0, 0.0)


@dataclass(frozen=True)
class PriceTable:
    """Prices of models by their exact names: another version of a model may cost otherwise."""

    date: str
    source: str
    prices: Mapping[str, Price] = field(default_factory=dict)

    def price(self, model: str, url: str = "") -> Price | None:
        """What the model costs at that address: nothing on this machine; None if it is not known."""
        known = self.prices.get(model)
        return FREE if known is None and url and is_local(url) else known

    def overridden(self, other: PriceTable) -> PriceTable:
        """This table with the prices of another in the place of its own."""
        return PriceTable(other.date, f"{other.source}; else {self.source}", {**self.prices, **other.prices})


def built_in_prices() -> PriceTable:
    """The table that comes with the package."""
    return _table((files(__package__) / "prices.json").read_text(encoding="utf-8"))


def read_prices(path: Path) -> PriceTable:
    """A user's table; raises `FileProblem` if it is none, or over the limits."""
    try:
        return _table(read_text(path, MAX_BYTES))
    except SyntaxProblem as problem:
        raise FileProblem(f"{path}: {problem}") from None


def _table(text: str) -> PriceTable:
    record = require_fields(read_json(text), _FIELDS)
    prices = record["usd_per_million_tokens"]
    if not _DATE.fullmatch(record["date"]):
        raise SyntaxProblem("'date' is no date: write YYYY-MM-DD")
    if len(prices) > MAX_MODELS:
        raise SyntaxProblem(f"over {MAX_MODELS} models")
    return PriceTable(record["date"], record["source"], {name: _price(name, pair) for name, pair in prices.items()})


def _price(name: str, pair: object) -> Price:
    if not isinstance(pair, list) or len(pair) != 2 or not all(_is_price(number) for number in pair):
        raise SyntaxProblem(f"{name[:40]!r}: give two prices from 0 to {MAX_PRICE:g}, of tokens in and out")
    return Price(*map(float, pair))


def _is_price(number: object) -> bool:
    return type(number) in {int, float} and isinstance(number, int | float) and 0 <= number <= MAX_PRICE
