"""Random numbers for many environments at once, each with a stream of its own.

The numbers are a function of the stream's seed and of how many were drawn (SplitMix64: Steele, Lea & Flood, "Fast
splittable pseudorandom number generators", OOPSLA 2014), so that what one environment draws does not depend on how
many others run beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from worldwright.world_model.simulating.layout import Ints

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_BITS = 53  # of a float's mantissa


class Streams:
    """Streams of numbers from [0, 1), which advance as they are drawn from.

    Args:
        seeds: one for each stream, 0 to 2**64 - 1.
    """

    def __init__(self, seeds: Sequence[int] | NDArray[np.uint64]) -> None:
        self._states = np.array(seeds, np.uint64)

    def __len__(self) -> int:
        return len(self._states)

    def seed(self, which: Ints, seeds: Sequence[int] | NDArray[np.uint64]) -> None:
        """Begin some streams anew."""
        self._states[which] = np.array(seeds, np.uint64)

    def draw(self, streams: Ints) -> NDArray[np.float64]:
        """The next number of each of the streams named, in ascending order; one may be named several times."""
        nth = np.arange(len(streams)) - np.searchsorted(streams, streams) + 1
        numbers = _mixed(self._states[streams] + nth.astype(np.uint64) * _GAMMA)
        self._states += np.bincount(streams, minlength=len(self)).astype(np.uint64) * _GAMMA
        return (numbers >> np.uint64(64 - _BITS)).astype(np.float64) * 2.0**-_BITS


def _mixed(states: NDArray[np.uint64]) -> NDArray[np.uint64]:
    states = (states ^ (states >> np.uint64(30))) * _FIRST
    states = (states ^ (states >> np.uint64(27))) * _SECOND
    return states ^ (states >> np.uint64(31))
