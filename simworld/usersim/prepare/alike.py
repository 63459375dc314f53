"""Conversations that are alike: the steps `exact` and `near`, and which ones must stand on one side of a split.

    alike = Alike(drop=0.8)
    alike.is_new(case)              # False: a conversation with exactly this text was there before
    alike.nearest(case, shingles)   # the Jaccard similarity to the most similar one before, and that one's root joined
    alike.side(root)                # a number, the same for all roots that are joined

Similar is what people said: MinHash (64 permutations) over three-word shingles of the human turns (of the whole
conversation where they are under 20 words), found by bands of 4. From `KIN` on, two roots count as one for splitting,
whether or not the conversation is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from importlib import import_module
from typing import Any
from zlib import crc32

from simworld.corpus.imports.talk import USER
from simworld.errors import MissingDependency
from simworld.usersim.prepare.case import Case

PERMUTATIONS, ROWS = 64, 4
KIN = 0.6
"""Similarity, 0..1, from which on conversations stand on one side of a split."""
FEW_WORDS = 20
LONGEST = 2000
"""Words of a conversation that are looked at."""
CROWD = 8
"""Conversations of one band that are compared; a crowd is alike anyhow."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+")


class Alike:
    """What has been seen so far: 16 bytes for each text, some 2 kB for each conversation that may have kin."""

    def __init__(self) -> None:
        self._texts: set[bytes] = set()
        self._signatures: list[bytes] = []
        self._roots: list[str] = []
        self._bands: dict[int, int | list[int]] = {}
        """Band -> the conversation that has it, or several; lists would take twice the memory."""
        self._parent: dict[str, str] = {}

    def is_new(self, case: Case) -> bool:
        """Whether no conversation before had exactly this text, speakers and bounds of turns left out."""
        mark = blake2b("".join(text for _, text in case.said).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if mark in self._texts:
            return False
        self._texts.add(mark)
        return True

    def nearest(self, case: Case, signature: bytes) -> float:
        """How similar, 0..1, the most similar conversation before is. Kin are joined: their roots have one side."""
        best = 0.0
        seen: set[int] = set()
        for band in _bands(signature):
            for number in self._with(band):
                if number not in seen:
                    seen.add(number)
                    likeness = similarity(signature, self._signatures[number])
                    best = max(best, likeness)
                    if likeness >= KIN:
                        self._join(case.root, self._roots[number])
        return best

    def keep(self, case: Case, signature: bytes) -> None:
        """Remember a conversation for those that come after it."""
        number = len(self._signatures)
        self._signatures.append(signature)
        self._roots.append(case.root)
        for band in _bands(signature):
            found = self._with(band)
            if len(found) < CROWD:
                self._bands[band] = [*found, number] if found else number

    def _with(self, band: int) -> Sequence[int]:
        found = self._bands.get(band, ())
        return (found,) if isinstance(found, int) else found

    def side(self, root: str) -> float:
        """A number, 0..1, that is the same for all roots that are joined, and evenly spread over those that are not."""
        return share(f"split/{self._top(root)}")

    def _join(self, one: str, other: str) -> None:
        low, high = sorted((self._top(one), self._top(other)))
        if low != high:
            self._parent[high] = low

    def _top(self, root: str) -> str:
        while (above := self._parent.get(root)) is not None:
            higher = self._parent.get(above)
            if higher is not None:
                self._parent[root] = higher
            root = above
        return root


def signature_of(case: Case) -> bytes:
    """The MinHash of a conversation: 64 numbers of 32 bits."""
    words = _words(case.texts(USER))
    if len(words) < FEW_WORDS:
        words = _words([text for _, text in case.said])
    shingles = {" ".join(words[at : at + 3]).encode() for at in range(max(1, len(words) - 2))}
    made: Any = _empty().copy()
    made.update_batch(sorted(shingles))
    return made.hashvalues.astype("<u4").tobytes()


def _words(texts: list[str]) -> list[str]:
    words: list[str] = []
    for text in texts:
        words += _WORD.findall(text[: LONGEST * 12].casefold())
        if len(words) >= LONGEST:
            break
    return words[:LONGEST]


def similarity(one: bytes, other: bytes) -> float:
    """The estimated Jaccard similarity of two signatures: the share of numbers that agree."""
    if one == other:
        return 1.0
    return sum(one[at : at + 4] == other[at : at + 4] for at in range(0, len(one), 4)) / (len(one) // 4)


def _bands(signature: bytes) -> list[int]:
    """A key of 64 bits for each band of rows."""
    size = ROWS * 4
    return [
        int.from_bytes(blake2b(signature[at : at + size], digest_size=8, salt=at.to_bytes(2, "big")).digest(), "big")
        for at in range(0, len(signature), size)
    ]


def share(text: str) -> float:
    """A number in [0, 1) that is always the same for a text, and evenly spread over texts."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


@cache
def _empty() -> Any:
    """The MinHash of nothing, with the permutations that all have. Raises MissingDependency without the extra."""
    try:
        library: Any = import_module("datasketch")
    except ImportError:
        raise MissingDependency("finding near duplicates needs datasketch: pip install 'simworld[prepare]'") from None
    return library.MinHash(num_perm=PERMUTATIONS, seed=1, hashfunc=crc32)
