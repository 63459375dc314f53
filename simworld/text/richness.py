"""MTLD: how many words a text goes on for, on average, before it begins to repeat itself.

>>> mtld("the cat saw the dog and the dog saw the cat".split())
9.56...

McCarthy and Jarvis' measure of textual lexical diversity; it depends on a text's length far less than the share of
different words does.
"""

from __future__ import annotations

from collections.abc import Sequence

BOUND = 0.72
"""Share of different words at which one stretch ends and the next begins."""


def mtld(tokens: Sequence[str], bound: float = BOUND) -> float | None:
    """Mean of both directions; None where no word is ever repeated, for then no stretch ends."""
    there, back = _stretches(tokens, bound), _stretches(tokens[::-1], bound)
    if not there or not back:
        return None
    return (len(tokens) / there + len(tokens) / back) / 2


def _stretches(tokens: Sequence[str], bound: float) -> float:
    """How many stretches there are; the last one counts by how far it has come."""
    whole, seen, length = 0, set[str](), 0
    for token in tokens:
        seen.add(token)
        length += 1
        if len(seen) / length <= bound:
            whole, seen, length = whole + 1, set[str](), 0
    rest = (1 - len(seen) / length) / (1 - bound) if length else 0.0
    return whole + rest
