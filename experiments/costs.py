"""What asking a language model cost, and what became of what it proposed, as the events of a log tell it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from worldwright.agent.events import Asked, EpisodeEnded, Event, Proposed, Refuted, Rejected, Silenced
from worldwright.world_model.chat.request import GivenUp, NotRecorded, Spent, TooLong

UNSENT = {kind.__name__ for kind in (Spent, TooLong, GivenUp, NotRecorded)}  # failures that cost nothing

_NAME = re.compile(r"\(:rule (\S+)")


@dataclass
class Costs:
    """Hears events, and sums up.

    What a recording answered again, after an interruption, counts once: it was paid once.
    """

    answered: list[Asked] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)  # by kind
    verdicts: dict[str, str] = field(default_factory=dict)  # the last one on each proposed rule
    rejected: Counter[str] = field(default_factory=Counter)  # by reason
    episodes: int = 0
    _keys: set[str] = field(default_factory=set)

    @staticmethod
    def of(events: Iterable[Event]) -> Costs:
        """The costs that these events tell of."""
        found = Costs()
        for event in events:
            found.hear(event)
        return found

    def hear(self, event: Event) -> None:
        """Something happened."""
        match event:
            case Asked(error=""):
                self._count(event)
            case Asked():
                self.failures[event.error.partition(":")[0]] += 1
            case Proposed():
                self.verdicts[_name(event.rule)] = event.verdict
            case Refuted():
                self.verdicts[_name(event.rule)] = "refuted"
            case Rejected():
                self.rejected[event.reason] += 1
            case EpisodeEnded():
                self.episodes += 1
            case _:
                pass

    def _count(self, event: Asked) -> None:
        if event.seconds or not event.key or event.key not in self._keys:
            self._keys.add(event.key)
            self.answered.append(event)

    @property
    def calls(self) -> int:
        """Questions that were sent, or answered by a recording as if they were."""
        return len(self.answered) + sum(n for kind, n in self.failures.items() if kind not in UNSENT)

    @property
    def tokens(self) -> tuple[int, int]:
        """Of questions and of answers, as the endpoint counted them."""
        return sum(a.prompt_tokens for a in self.answered), sum(a.answer_tokens for a in self.answered)

    @property
    def usd(self) -> float | None:
        """US dollars; None if a price is not known."""
        prices = [answer.usd for answer in self.answered if answer.usd is not None]
        return sum(prices) if len(prices) == len(self.answered) else None

    def became(self, verdict: str) -> int:
        """Of how many proposed rules this is the last verdict: `kept`, `refuted`, or `waits` for a test."""
        return sum(last == verdict for last in self.verdicts.values())

    def record(self) -> dict[str, object]:
        """The sums as they stand in JSON."""
        prompt, answer = self.tokens
        return {
            "calls": self.calls,
            "failures": dict(sorted(self.failures.items())),
            "prompt_tokens": prompt,
            "answer_tokens": answer,
            "usd": self.usd,
            "seconds": round(sum(each.seconds for each in self.answered), 2),
            "proposed": len(self.verdicts),
            **{verdict: self.became(verdict) for verdict in ("kept", "refuted", "waits")},
            "rejected": dict(sorted(self.rejected.items())),
        }

    def lines(self) -> Iterator[str]:
        """The sums for a reader; nothing if nothing was asked."""
        if not self.answered and not self.failures:
            return
        failed = f" ({_listed(self.failures)})" if self.failures else ""
        seconds = sum(each.seconds for each in self.answered)
        yield f"language model: {self._share(1)}{failed}, {seconds:.1f} s of waiting"
        kept = self.became("kept")
        each = [f"per rule kept {self._share(kept)}"] if kept else []
        each += [f"per episode {self._share(self.episodes)}"] if self.episodes else []
        if each:
            yield f"  {'; '.join(each)}"
        became = f"{kept} kept, {self.became('refuted')} refuted, {self.became('waits')} not settled"
        rejected = f"; refused in its answers: {_listed(self.rejected)}" if self.rejected else ""
        yield f"  rules proposed {len(self.verdicts)}: {became}{rejected}"

    def _share(self, among: int) -> str:
        """Calls, tokens and money, of all of them or for each of so many."""
        prompt, answer = (count / among for count in self.tokens)
        money = "price not known" if self.usd is None else f"${self.usd / among:.4f}"
        return f"{self.calls / among:.4g} calls, {prompt:,.0f} + {answer:,.0f} tokens, {money}"


def asked_no_more(event: Silenced) -> str:
    """What a user is told when a language model is given up."""
    return f"no language model is asked any more, the rest goes on without: {event.why}"


def _name(rule: str) -> str:
    found = _NAME.match(rule)
    return found[1] if found else rule


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
