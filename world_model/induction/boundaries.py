"""The two boundaries of what an effect needs (Mitchell's version spaces, kept only as far as the evidence bears).

S is everything that held whenever the effect was seen. G is the cheapest part of S that rules out the cases in which
the effect was missed. Each needed literal has a price, and so has each exception, in nats: the price of an exception
is the log-odds against chance, so in a world without chance one counterexample decides and in a noisy one several do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

RULE_PRICE = 6.0
_IN_PLACE = 3  # features that are tried in the place of another
_FEW = 20  # cases that weigh as much as what is known of chance elsewhere
_FEW_NAMES = 3  # with which an effect may come about for each to be said in a law of its own
_RARE = 0.25  # the chance of any name to be one of these, below which the others are not worth a try
_CLEAR = 4  # cases after which the cheapest G is taken to be the right one


@dataclass(frozen=True)
class Boundary:
    """One way for an effect to come about.

    Attributes:
        specific: S, as bits of the feature space.
        general: G, a part of S.
        positives, negatives: the numbers of cases that G covers with and without the effect.
        others: further parts of S that rule out as much as G, each without one of its features.
    """

    specific: int
    general: int
    positives: int
    negatives: int
    others: tuple[int, ...] = ()


@dataclass(frozen=True)
class Cases:
    """The contexts of an action by bits, with how often the effect was seen and missed in each."""

    seen: Sequence[tuple[int, int]]  # (bits, number of cases)
    missed: Sequence[tuple[int, int]]


def exception_price(noise: float) -> float:
    """What one exception costs, in nats, where a share `noise` of outcomes is chance."""
    noise = min(max(noise, 1e-4), 0.49)
    return math.log((1 - noise) / noise)


Price = Callable[[int, int], float]  # of a feature, by its index, beside those chosen already, in nats


def boundaries(
    cases: Cases, price: Price, noise: float, core: Callable[[int], int], called: Sequence[int] = ()
) -> list[Boundary]:
    """Cover the seen cases by as few conjunctions as the missed ones allow.

    Args:
        cases: the evidence.
        price: of a feature, by its index, beside chosen ones, as bits; in nats.
        noise: the share of outcomes that is chance.
        core: the bits of a case that conjunctions are first grouped by.
        called: of each thing that may be called anything, the features that say what, as bits.
    """
    groups: dict[int, list[tuple[int, int]]] = {}
    for bits, number in cases.seen:
        groups.setdefault(core(bits), []).append((bits, number))
    specifics = [_common(members) for members in groups.values()]
    sizes = [sum(number for _, number in members) for members in groups.values()]
    order = sorted(range(len(specifics)), key=lambda i: (-sizes[i], specifics[i]))
    cost = exception_price(noise)
    merged: list[int] = []
    for index in order:
        _merge_in(merged, specifics[index], cases, noise, cost)
    merged = [part for specific in merged for part in _by_name(specific, cases, price, called)]
    return _without_redundant([_settled(specific, cases, price, cost) for specific in merged], cases, price)


def _without_redundant(found: list[Boundary], cases: Cases, price: Price) -> list[Boundary]:
    """Leave out, dearest first, each conjunction whose cases the others cover too."""
    kept = list(found)
    for boundary in sorted(found, key=lambda b: (-_cost_of(b.general, price), b.positives, b.general)):
        others = [other.general for other in kept if other is not boundary]
        own = [bits for bits, _ in cases.seen if bits & boundary.general == boundary.general]
        if all(any(bits & general == general for general in others) for bits in own):
            kept.remove(boundary)
    return kept


def _cost_of(bits: int, price: Price) -> float:
    return sum(price(index, bits & (1 << index) - 1) for index in range(bits.bit_length()) if bits >> index & 1)


def _common(members: Sequence[tuple[int, int]]) -> int:
    bits = members[0][0]
    for other, _ in members:
        bits &= other
    return bits


def _merge_in(merged: list[int], specific: int, cases: Cases, noise: float, cost: float) -> None:
    """Generalise a conjunction to take in another where that costs less than a rule of its own."""
    for index, other in enumerate(merged):
        both = other & specific
        if not both:
            continue
        seen, missed = (_newly_covered(part, both, other, specific) for part in (cases.seen, cases.missed))
        rate = _failing(other, cases, noise)
        excess = missed - max(rate, 2 * noise) * (seen + missed)  # more exceptions than chance would make
        if excess * min(cost, exception_price(rate)) < RULE_PRICE:
            merged[index] = both
            return
    merged.append(specific)


def _failing(specific: int, cases: Cases, noise: float) -> float:
    """The share of failures where all held that held whenever the effect was seen: no condition explains these.

    Of few cases it is taken to be nearer to what chance makes elsewhere.
    """
    seen, missed = (_covered(specific, part) for part in (cases.seen, cases.missed))
    return (missed + _FEW * noise) / (seen + missed + _FEW)


def _by_name(specific: int, cases: Cases, price: Price, called: Sequence[int]) -> list[int]:
    """The conjunction; or one for each of the few names of a thing with which the effect was seen.

    What works with a sink and with a tub has neither name in common. To say both must be worth it: it saves as much on
    telling which cases are exceptions.
    """
    seen, missed = (
        [(bits, number) for bits, number in part if bits & specific == specific] for part in (cases.seen, cases.missed)
    )
    best, parts = 0.0, [specific]
    for names in called:
        found = sorted({bits & names for bits, _ in seen})
        others = {bits & names for bits, _ in missed}.difference(found)
        is_rare = (len(found) + 1) / (len(found) + len(others) + 2) < _RARE
        if not 2 <= len(found) <= _FEW_NAMES or not all(found) or not is_rare:
            continue
        left = [(bits, number) for bits, number in missed if bits & names in found]
        paid = sum(price(name.bit_length() - 1, specific) for name in found)
        saved = code_length(_number(missed), _number(seen)) - code_length(_number(left), _number(seen)) - paid
        if saved > best:
            best = saved
            parts = [_common([case for case in seen if case[0] & names == name]) for name in found]
    return parts


def _number(cases: Sequence[tuple[int, int]]) -> int:
    return sum(number for _, number in cases)


def code_length(one: int, other: int) -> float:
    """Nats to say in which order so many cases of two sorts came (the adaptive code of Laplace's rule)."""
    return math.log((one + other + 1) * math.comb(one + other, one))


def _newly_covered(cases: Sequence[tuple[int, int]], both: int, one: int, other: int) -> int:
    return sum(n for bits, n in cases if bits & both == both and bits & one != one and bits & other != other)


def _settled(specific: int, cases: Cases, price: Price, cost: float) -> Boundary:
    """The boundary at a price of exceptions that fits how many are left: many must have a cause that is not seen.

    Else whatever happens to go with a few of them would be taken for their cause.
    """
    found = _boundary(specific, cases, price, cost)
    if not found.negatives:
        return found
    rate = found.negatives / (found.negatives + found.positives)
    settled = _boundary(specific, cases, price, min(cost, max(exception_price(rate), -math.log(rate))))
    return settled if settled.positives >= found.positives else found


def _boundary(specific: int, cases: Cases, price: Price, cost: float) -> Boundary:
    general = _cheapest_cover(specific, cases.missed, price, cost)
    positives = _covered(general, cases.seen)
    negatives = _covered(general, cases.missed)
    others = tuple(_others(specific, general, cases, price, cost)) if positives < _CLEAR else ()
    return Boundary(specific, general, positives, negatives, others)


def _others(specific: int, general: int, cases: Cases, price: Price, cost: float) -> dict[int, None]:
    """What rules out as much as G without one of its features, and without what took that one's place, and so on."""
    found: dict[int, None] = {}
    most = _covered(general, cases.missed)
    for index in range(general.bit_length()):
        left = specific & ~(1 << index)
        for _ in range(_IN_PLACE if general >> index & 1 else 0):
            other = _cheapest_cover(left, cases.missed, price, cost)
            if _covered(other, cases.missed) > most:
                break
            found[other] = None
            left &= ~(other & ~general)
    return found


def _covered(conjunction: int, cases: Sequence[tuple[int, int]]) -> int:
    return sum(number for bits, number in cases if bits & conjunction == conjunction)


def _cheapest_cover(specific: int, missed: Sequence[tuple[int, int]], price: Price, cost: float) -> int:
    """Features of `specific` that rule out the missed cases, while each is worth its price (greedy set cover)."""
    candidates = [index for index in range(specific.bit_length()) if specific >> index & 1]
    chosen: list[int] = []
    left = list(missed)
    while left:
        taken = sum(1 << index for index in chosen)
        prices = [price(index, taken) for index in candidates]
        worth = [
            (sum(number for bits, number in left if not bits >> index & 1) * cost / paid, -paid, -index)
            for index, paid in zip(candidates, prices, strict=True)
        ]
        best = max(worth, default=(0.0, 0.0, 0))
        if best[0] <= 1.0:
            break
        index = -best[2]
        chosen.append(index)
        left = [(bits, number) for bits, number in left if bits >> index & 1]
    return _without_idle(chosen, missed)


def _without_idle(chosen: list[int], missed: Sequence[tuple[int, int]]) -> int:
    """Drop features that later ones made superfluous."""
    kept = list(chosen)
    for index in chosen:
        others = sum(1 << other for other in kept if other != index)
        if all(bits & others != others or bits >> index & 1 for bits, _ in missed):
            kept.remove(index)
    return sum(1 << index for index in kept)
