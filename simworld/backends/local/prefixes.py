"""Prefixes: tokens -> who holds the longest beginning of them.

    found = Prefixes()
    found.add(entry)                       # anything with `tokens`, `marks` and `known`
    found.longest(call, 511)               # (entry, 208): its first 208 tokens are the call's first 208

A block of tokens is known by the hash of its tokens and of all blocks before it, so a lookup walks the blocks of a
prompt once, however much is held. Hashes only propose: tokens are compared before anything is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Protocol

BLOCK = 16
"""Tokens that are hashed together. A beginning shorter than one block is not found."""
_LOOKED_AT = 8
"""Holders of the same last block that are compared to its end."""


class Holder(Protocol):
    """Whoever holds keys and values of tokens."""

    tokens: list[int]
    marks: list[int]

    @property
    def known(self) -> int:
        """How many of its tokens it holds them for."""
        ...


def chain(tokens: Sequence[int], marks: Sequence[int] = ()) -> list[int]:
    """The chained hashes of the whole blocks of `tokens`; `marks` are those that are known already."""
    whole = len(tokens) // BLOCK
    if len(marks) == whole and isinstance(marks, list):
        return marks
    made = list(marks)
    last = made[-1] if made else 0
    for block in range(len(made), whole):
        last = hash((last, *tokens[block * BLOCK : (block + 1) * BLOCK]))
        made.append(last)
    return made


def same(a: Sequence[int], b: Sequence[int], most: int) -> int:
    """How many tokens the two begin with alike, up to `most`."""
    most = min(most, len(a), len(b))
    low = 0
    while low < most:
        step = min(most - low, 64)
        if a[low : low + step] == b[low : low + step]:
            low += step
            continue
        return low + next(at for at in range(step) if a[low + at] != b[low + at])
    return most


class Prefixes:
    """Finds holders by what their tokens begin with."""

    def __init__(self) -> None:
        self._holders: dict[int, dict[Holder, None]] = {}

    def add(self, holder: Holder) -> None:
        """From now on it may be found, by the blocks that it holds now."""
        for mark in holder.marks[: holder.known // BLOCK]:
            self._holders.setdefault(mark, {})[holder] = None

    def remove(self, holder: Holder) -> None:
        """It is found no more."""
        for mark in holder.marks:
            known = self._holders.get(mark)
            if known and known.pop(holder, ...) is None and not known:
                del self._holders[mark]

    def longest(self, call: Holder, most: int) -> tuple[Holder | None, int]:
        """Whoever holds the longest beginning of the call's tokens, and its length, `most` at the most."""
        last = None
        for mark in call.marks[: most // BLOCK]:
            known = self._holders.get(mark)
            if known is None:
                break
            last = known
        best: Holder | None = None
        longest = 0
        for holder in islice(reversed(last or ()), _LOOKED_AT):
            alike = same(call.tokens, holder.tokens, min(most, holder.known))
            if alike > longest and holder is not call:
                best, longest = holder, alike
        return best, longest
