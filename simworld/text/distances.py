"""How far apart two samples, or two distributions, are.

>>> kolmogorov_smirnov([1, 2, 3], [1, 2, 9])
0.333...
>>> wasserstein([0, 1], [2, 3])
2.0
>>> jensen_shannon([1, 0], [0, 1])
1.0
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence


def kolmogorov_smirnov(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest difference of the two cumulative distributions, 0..1; NaN where a sample is empty."""
    if not one or not other:
        return math.nan
    return max(abs(p - q) for _, _, p, q in _steps(one, other))


def wasserstein(one: Sequence[float], other: Sequence[float]) -> float:
    """The area between the two cumulative distributions, in the samples' unit; NaN where a sample is empty."""
    if not one or not other:
        return math.nan
    return sum(abs(p - q) * (end - start) for start, end, p, q in _steps(one, other))


def jensen_shannon(one: Sequence[float], other: Sequence[float]) -> float:
    """The divergence of two histograms over the same bins (counts or shares), in bits, 0..1; NaN for an empty one."""
    whole, whole_other = sum(one), sum(other)
    if not whole or not whole_other:
        return math.nan
    p = [value / whole for value in one]
    q = [value / whole_other for value in other]
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return max(0.0, (_surprise(p, middle) + _surprise(q, middle)) / 2)


def _surprise(p: Sequence[float], q: Sequence[float]) -> float:
    """KL(p || q) in bits."""
    return sum(a * math.log2(a / b) for a, b in zip(p, q, strict=True) if a > 0)


def _steps(one: Sequence[float], other: Sequence[float]) -> Iterator[tuple[float, float, float, float]]:
    """Each value of either sample, the next one, and both cumulative shares between them."""
    first, second = sorted(one), sorted(other)
    values = sorted({*first, *second})
    for at, value in enumerate(values):
        following = values[at + 1] if at + 1 < len(values) else value
        yield value, following, bisect_right(first, value) / len(first), bisect_right(second, value) / len(second)
