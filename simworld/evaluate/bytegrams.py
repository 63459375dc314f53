"""A 5-gram model of bytes with backoff: what a simulator's likelihood must beat to have learnt more than spelling.

    model = ByteGrams()
    model.learn("how do i exit vim")
    model.bits("how do i quit vim")         # bits of the whole text

Witten-Bell: each context gives the unseen as much as it has seen different bytes, and passes that on to the context
that is a byte shorter; the empty one's, to all 256 alike. Every text starts anew, from a start that no text holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

ORDER = 5
_START = (256,) * (ORDER - 1)


class ByteGrams:
    """Counts of bytes after the four that stand before them, and after fewer."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._counts: dict[tuple[int, ...], dict[int, int]] = {}
        self._totals: dict[tuple[int, ...], int] = {}
        for text in texts:
            self.learn(text)

    def learn(self, text: str) -> None:
        """Count a text in."""
        data = (*_START, *text.encode("utf-8", "surrogatepass"))
        for at in range(ORDER - 1, len(data)):
            byte = data[at]
            for length in range(ORDER):
                context = data[at - length : at]
                counts = self._counts.setdefault(context, {})
                counts[byte] = counts.get(byte, 0) + 1
                self._totals[context] = self._totals.get(context, 0) + 1

    def chance(self, byte: int, context: tuple[int, ...]) -> float:
        """P(byte | the bytes before it), over 0."""
        shorter = self.chance(byte, context[1:]) if context else 1 / 256
        counts = self._counts.get(context)
        if not counts:
            return shorter
        different = len(counts)
        return (counts.get(byte, 0) + different * shorter) / (self._totals[context] + different)

    def bits(self, text: str) -> float:
        """-log2 P(text)."""
        data = (*_START, *text.encode("utf-8", "surrogatepass"))
        return -sum(math.log2(self.chance(data[at], data[at - ORDER + 1 : at])) for at in range(ORDER - 1, len(data)))
