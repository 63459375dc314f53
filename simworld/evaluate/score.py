"""Score: a measured value with its 95 % interval, by resampling whole conversations.

    mean_score([Part("a", 1, 1), Part("a", 0, 1), Part("b", 1, 1)])     # 2 of 3, two groups

Turns of one conversation are alike, so groups are drawn, not turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RESAMPLES = 1000
LEVELS = (0.025, 0.975)
_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Score:
    """What was measured."""

    value: float
    """NaN where there was nothing to measure."""
    low: float = math.nan
    """Ends of the 95 % interval; NaN where there is none."""
    high: float = math.nan
    n: int = 0
    """Turns, texts or conversations that it was measured on."""

    @property
    def is_known(self) -> bool:
        """Whether there was anything to measure."""
        return not math.isnan(self.value)


NOTHING = Score(math.nan)


class Part(NamedTuple):
    """What one turn adds to a ratio."""

    group: str
    above: float
    below: float = 1.0


def mean_score(parts: Iterable[Part], seed: int = 0, times: int = RESAMPLES) -> Score:
    """The sum of all above over the sum of all below: with 1 below, the mean over turns."""
    found = list(parts)
    at = {group: index for index, group in enumerate(dict.fromkeys(part.group for part in found))}
    sums = np.zeros((2, len(at)))
    for part in found:
        sums[:, at[part.group]] += (part.above, part.below)
    above, below = sums.sum(axis=1)
    if not below:
        return NOTHING

    def ratio(weights: Floats) -> Floats:
        drawn = weights @ sums.T
        return np.divide(drawn[:, 0], drawn[:, 1], out=np.full(len(drawn), np.nan), where=drawn[:, 1] != 0)

    low, high = interval(ratio, len(at), seed, times)
    return Score(float(above / below), low, high, len(found))


def interval(
    measure: Callable[[Floats], Floats], groups: int, seed: int = 0, times: int = RESAMPLES
) -> tuple[float, float]:
    """The interval of what `measure` makes of resampled groups: it is given weights (resample, group), how often each
    group was drawn, and gives a value for each resample."""
    if groups < 2 or not times:
        return math.nan, math.nan
    random = np.random.default_rng(seed)
    made: list[Floats] = []
    for start in range(0, times, _CHUNK):
        drawn = random.multinomial(groups, np.full(groups, 1 / groups), size=min(_CHUNK, times - start))
        made.append(measure(drawn.astype(np.float64)))
    return ends(np.concatenate(made))


def ends(resampled: Sequence[float] | Floats) -> tuple[float, float]:
    """The two quantiles of resampled values; NaN where most of them are, or there is none."""
    values = np.asarray(resampled, dtype=np.float64)
    known = values[~np.isnan(values)]
    if not len(known) or len(known) * 2 < len(values):
        return math.nan, math.nan
    low, high = np.quantile(known, LEVELS)
    return float(low), float(high)


def centred(value: float, resampled: Sequence[float] | Floats, n: int, floor: float = -math.inf) -> Score:
    """A score whose interval is the spread of resamples laid around the value.

    For what resampling itself moves: texts that are drawn twice repeat each other, distances grow. Not below `floor`.
    """
    values = np.asarray(resampled, dtype=np.float64)
    known = values[~np.isnan(values)]
    if math.isnan(value) or len(known) < 2:
        return Score(value, n=n)
    low, high = np.quantile(known - known.mean(), LEVELS) + value
    return Score(value, max(float(low), floor), max(float(high), floor), n)


def weights_of(groups: Sequence[str], random: np.random.Generator) -> Floats:
    """How often each item counts in one resample of the groups that the items belong to."""
    at = {group: index for index, group in enumerate(dict.fromkeys(groups))}
    drawn = random.multinomial(len(at), np.full(len(at), 1 / len(at)))
    return np.array([drawn[at[group]] for group in groups], dtype=np.float64)
