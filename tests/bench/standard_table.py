"""What the standard measurement comes to: a row for each level, what must hold, and the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.standard_play import BOT, NO_KEY, OURS, Record, is_babyai

_DOORS = "where two doors are to be opened in order, opening the right first one loses the episode: a bug of MiniGrid"
APART = {
    "BabyAI-OpenDoorsOrderN2Debug-v0": _DOORS,
    "BabyAI-OpenDoorsOrderN4Debug-v0": _DOORS,
    "MiniGrid-Playground-v0": "it asks for nothing and rewards nothing",
}
BY_CHANCE = "MiniGrid-Dynamic-Obstacles-"
LARGEST_BY_CHANCE = "MiniGrid-Dynamic-Obstacles-16x16-v0"
TITLES = ("level", "episodes", "success", "bot", "steps", "bot", "ratio", "CPU s", "bot", "ratio", "failures")


@dataclass(frozen=True)
class Side:
    """The episodes of one player on a level."""

    records: Sequence[Record]

    @property
    def success(self) -> float | None:
        """The share of episodes won; None if there are none."""
        return sum(record.success for record in self.records) / len(self.records) if self.records else None

    @property
    def steps(self) -> float | None:
        """The median over the episodes won."""
        return middle(record.steps for record in self.records if record.success)

    @property
    def cpu_s(self) -> float | None:
        """The median over all episodes."""
        return middle(record.cpu_s for record in self.records)

    def on(self, seeds: Iterable[int]) -> Side:
        """The episodes on these seeds."""
        wanted = set(seeds)
        return Side([record for record in self.records if record.seed in wanted])

    def won(self) -> set[int]:
        """The seeds on which it won."""
        return {record.seed for record in self.records if record.success}


@dataclass(frozen=True)
class Row:
    """A level: how we do and how the bot does; the bot has no episodes where it cannot play.

    `hopeless` is the number of seeds that nobody can win, and that are left out.
    """

    env_id: str
    ours: Side
    bot: Side
    hopeless: int = 0

    @staticmethod
    def of(env_id: str, records: Iterable[Record]) -> Row:
        """The row of a level from the results of all levels; where both play, seeds that only one has played wait."""
        all_ = [record for record in records if record.env_id == env_id]
        hopeless = {record.seed for record in all_ if record.failure == NO_KEY}
        here = [record for record in all_ if record.seed not in hopeless]
        ours, bot = (Side([record for record in here if record.who == who]) for who in (OURS, BOT))
        if not is_babyai(env_id):
            return Row(env_id, ours, bot, len(hopeless))
        both = {record.seed for record in ours.records} & {record.seed for record in bot.records}
        return Row(env_id, ours.on(both), bot.on(both), len(hopeless))

    @property
    def steps_ratio(self) -> float | None:
        """Our median steps by the bot's, on the seeds that both won."""
        both = self.ours.won() & self.bot.won()
        return _ratio(self.ours.on(both).steps, self.bot.on(both).steps)

    @property
    def cpu_ratio(self) -> float | None:
        """Our median CPU time by the bot's."""
        return _ratio(self.ours.cpu_s, self.bot.cpu_s)

    @property
    def failures(self) -> Counter[str]:
        """The reasons of our failures, counted."""
        return Counter(record.failure for record in self.ours.records if not record.success)

    def cells(self) -> list[str]:
        """As cells of a table, under `TITLES`."""
        reasons = "; ".join(f"{count} x {reason}" for reason, count in self.failures.most_common())
        return [
            self.env_id,
            str(len(self.ours.records)),
            _shown(self.ours.success, ".0%"),
            _shown(self.bot.success, ".0%"),
            _shown(self.ours.steps, ".1f"),
            _shown(self.bot.steps, ".1f"),
            _shown(self.steps_ratio, ".2f"),
            _shown(self.ours.cpu_s, ".4f"),
            _shown(self.bot.cpu_s, ".4f"),
            _shown(self.cpu_ratio, ".1f"),
            reasons,
        ]


def middle(values: Iterable[float]) -> float | None:
    """The median, or None if there are no values."""
    found = list(values)
    return median(found) if found else None


def _ratio(ours: float | None, others: float | None) -> float | None:
    return ours / others if ours is not None and others else None


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def rows_of(levels: Sequence[str], records: Sequence[Record]) -> list[Row]:
    """The rows of the levels of which something is known, in order."""
    by_level: dict[str, list[Record]] = {}
    for record in records:
        by_level.setdefault(record.env_id, []).append(record)
    rows = [Row.of(env_id, by_level.get(env_id, ())) for env_id in levels]
    return [row for row in rows if row.ours.records]


# -- what must hold ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """Something that must hold, whether it does, and what was found; `holds` is None where nothing was measured."""

    claim: str
    holds: bool | None
    found: str

    def __str__(self) -> str:
        word = {True: "holds", False: "DOES NOT HOLD", None: "not measured"}[self.holds]
        return f"{word}: {self.claim} ({self.found})"


def verdicts(rows: Sequence[Row]) -> list[Verdict]:
    """All that must hold, of the levels that can always be won."""
    winnable = [row for row in rows if row.env_id not in APART]
    babyai = [row for row in winnable if is_babyai(row.env_id)]
    core = [row for row in winnable if not is_babyai(row.env_id) and not row.env_id.startswith(BY_CHANCE)]
    largest = [row for row in winnable if row.env_id == LARGEST_BY_CHANCE]
    return [
        _all("success on each BabyAI level is at least the bot's", babyai, lambda row: _won(row) >= _bot_won(row)),
        _all("100% where the bot has 100%", [row for row in babyai if _bot_won(row) == 1], lambda row: _won(row) == 1),
        _all(
            "at least 95% on KeyInBox and PutNext*Carrying",
            [row for row in babyai if is_lost_by_bot(row.env_id)],
            lambda row: _won(row) >= 0.95,
        ),
        _all("at least 98% on each core level but Dynamic-Obstacles", core, lambda row: _won(row) >= 0.98),
        _all("at least 90% on Dynamic-Obstacles-16x16", largest, lambda row: _won(row) >= 0.90),
        _middle("median over levels of steps, ours/bot's, at most 0.95", [row.steps_ratio for row in babyai], 0.95),
        _all(
            "no level takes over 1.2 times the bot's steps",
            [row for row in babyai if row.steps_ratio is not None],
            lambda row: (row.steps_ratio or 0) <= 1.2,
        ),
        _middle("median over levels of CPU, ours/bot's, at most 1.5", [row.cpu_ratio for row in babyai], 1.5),
    ]


def is_lost_by_bot(env_id: str) -> bool:
    """Whether the level is one of those that the bot's authors say it cannot do."""
    return env_id.startswith("BabyAI-KeyInBox-") or (env_id.startswith("BabyAI-PutNext") and "Carrying" in env_id)


def _won(row: Row) -> float:
    return row.ours.success or 0.0


def _bot_won(row: Row) -> float:
    return row.bot.success or 0.0


def _all(claim: str, rows: Sequence[Row], holds: Callable[[Row], bool]) -> Verdict:
    wrong = [row.env_id for row in rows if not holds(row)]
    found = f"{len(rows) - len(wrong)} of {len(rows)} levels"
    return Verdict(claim, not wrong if rows else None, f"{found}; not {', '.join(wrong)}" if wrong else found)


def _middle(claim: str, ratios: Sequence[float | None], most: float) -> Verdict:
    known = [ratio for ratio in ratios if ratio is not None]
    value = middle(known)
    return Verdict(claim, None if value is None else value <= most, f"{_shown(value, '.2f')} of {len(known)} levels")


# -- the report --------------------------------------------------------------------------------------------------------


def left_out(rows: Sequence[Row]) -> list[str]:
    """The levels, and the seeds of levels, that say nothing of a player, with the reasons."""
    levels = [f"{row.env_id}: {APART[row.env_id]}" for row in rows if row.env_id in APART]
    seeds = [f"{row.env_id}: {row.hopeless} seeds on which {NO_KEY}" for row in rows if row.hopeless]
    return [*levels, *seeds]


def report(title: str, command: str, rows: Sequence[Row]) -> str:
    """The whole as Markdown, with the command that makes it."""
    apart = [f"- {line}" for line in left_out(rows)]
    parts = [
        f"# {title}",
        f"Made by `{command}`; do not edit.",
        "\n".join(f"- {verdict}" for verdict in verdicts(rows)),
        *(["Left out of the above:", "\n".join(apart)] if apart else []),
        "Steps: median over the episodes won; ratio: over the seeds that both won. CPU: median over all episodes.",
        markdown_table(TITLES, [row.cells() for row in rows]),
    ]
    return "\n\n".join(parts) + "\n"


def markdown_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, figures to the right."""
    bar = ["---", *("---:" for _ in titles[1:])]
    lines = [titles, bar, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
