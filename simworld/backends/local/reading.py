"""Reading: which rows are read together, and which better wait for another one.

A row's rest is what of its prompt is not known yet. Rows of like rests are read in one pass, so that a short rest is
not padded to a long one; a row that begins as another of the same wave does waits until that one has read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simworld.backends.local.call import Call
from simworld.backends.local.prefixes import BLOCK, Holder

WORTH = 2 * BLOCK
"""Tokens that another must read in common for a row to wait."""
_ALIKE, _SLACK = 0.7, 16
"""Rests are alike where the shorter is this share of the longer, or a few tokens less."""


@dataclass(slots=True)
class Reader:
    """A row that is to be read, and who holds its beginning."""

    call: Call
    source: Holder | None
    found: int
    """Tokens that the source holds of it."""

    @property
    def rest(self) -> int:
        """Tokens that are still to be read."""
        return self.call.known - self.found


def first_to_read(readers: Sequence[Reader]) -> tuple[list[Reader], list[Reader]]:
    """Those to read now, and those for whom one of them reads the beginning."""
    now: list[Reader] = []
    later: list[Reader] = []
    coming: set[int] = set()
    for reader in readers:
        marks = reader.call.marks[: reader.call.known // BLOCK]
        shared = next((at for at, mark in enumerate(marks) if mark not in coming), len(marks))
        if shared * BLOCK >= reader.found + WORTH:
            later.append(reader)
        else:
            now.append(reader)
            coming.update(marks)
    return now, later


def groups(readers: Sequence[Reader]) -> list[list[Reader]]:
    """Readers of like rests together, the longest first."""
    made: list[list[Reader]] = []
    for reader in sorted(readers, key=lambda reader: -reader.rest):
        longest = made[-1][0].rest if made else -1
        if made and reader.rest >= longest * _ALIKE - _SLACK and (reader.rest > 0) == (longest > 0):
            made[-1].append(reader)
        else:
            made.append([reader])
    return made


@dataclass(frozen=True, slots=True)
class Pass:
    """What a group feeds: rows of one width, each from its own start."""

    starts: list[int]
    ids: list[list[int]]

    def parts(self, most: int) -> list[tuple[list[int], list[list[int]]]]:
        """The same in steps of at most `most` tokens, all rows together, at least one column each."""
        width = len(self.ids[0])
        step = max(1, most // len(self.ids))
        return [
            ([start + at for start in self.starts], [row[at : at + step] for row in self.ids])
            for at in range(0, width, step)
        ]


def lay_out(group: Sequence[Reader], filler: int) -> Pass:
    """Each row ends with its last known token; one with a shorter rest feeds some again that were found.

    A row shorter than the width begins at 0 and ends in fillers: nothing sees their columns before they are
    written over.
    """
    width = max(reader.rest for reader in group)
    starts = [max(0, reader.call.known - width) for reader in group]
    rows: list[list[Any]] = []
    for reader, start in zip(group, starts, strict=True):
        fed = reader.call.tokens[start : reader.call.known]
        rows.append([*fed, *[filler] * (width - len(fed))])
    return Pass(starts, rows)
