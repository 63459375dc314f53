"""Texts that are alike: MinHash signatures, an index of them by bands, and near copies measured exactly.

    near = Near(0.8)
    sketch = near.sketch(["Good evening.", "Evening, Mara. You are late."])
    near.copies(sketch)     # [(number, Jaccard similarity)]: those added before that are this much alike
    near.add(sketch)        # its number, from 0

>>> split_words("Don't go, 東京!")
['don', 't', 'go', '東', '京']
>>> shingles(["go", "on", "then", "go"], 3)
[b'go on then', b'on then go']
>>> round(similarity(signature([b"a", b"b"]), signature([b"a", b"b"])), 2)
1.0

Two texts are as similar as their sets of word shingles: what both have as a share of what either has (Jaccard). A
signature estimates that (standard error 0.035 at 0.8 with 128 permutations); its bands bring together what may be
alike: with 21 bands of 6 rows a pair at 0.8 meets with probability 0.998, at 0.7 with 0.93, at 0.3 with 0.02.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import blake2b
from importlib import import_module
from typing import Any, NamedTuple
from zlib import crc32

from simworld.errors import MissingDependency

PERMUTATIONS, ROWS = 128, 6
SHINGLE = 3
"""Words of a shingle."""
CROWD = 64
"""Texts that one band may hold; what comes later is not found by that band. See `Index.crowded`."""
MARKS = 4096
"""Shingles of a text that are kept for measuring exactly; of a longer text these are drawn by their hash."""
SLACK = 0.15
"""How far below the threshold an estimate may lie (4 standard errors) and still be measured."""
_APART = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_APART}]|[^\W{_APART}]+")


def split_words(text: str) -> list[str]:
    """The words, small letters, marks of punctuation left out; each letter is one where writing has no spaces."""
    return _WORD.findall(text.casefold())


def shingles(words: Sequence[str], n: int = SHINGLE) -> list[bytes]:
    """Every run of n words, repeated ones too; of fewer words the one run that there is, of none nothing."""
    if not words:
        return []
    return [" ".join(words[at : at + n]).encode("utf-8", "surrogatepass") for at in range(max(1, len(words) - n + 1))]


def signature(shingles: Iterable[bytes], permutations: int = PERMUTATIONS) -> bytes:
    """The MinHash of a set: numbers of 32 bits, one for each permutation.

    Raises MissingDependency without datasketch.
    """
    return _signature({crc32(one) for one in shingles}, permutations)


def _signature(marks: Iterable[int], permutations: int) -> bytes:
    made: Any = _empty(permutations).copy()
    made.update_batch(list(marks))
    return made.hashvalues.astype("<u4").tobytes()


def similarity(one: bytes, other: bytes) -> float:
    """The estimated Jaccard similarity, 0..1, of two signatures: the share of numbers that agree.

    Raises ValueError where they are of different lengths.
    """
    if len(one) != len(other):
        raise ValueError(f"signatures of {len(one) // 4} and {len(other) // 4} numbers cannot be compared")
    return 1.0 if one == other else float((_numbers(one) == _numbers(other)).mean())


class Index:
    """Signatures, found by bands: texts are compared that agree in all rows of one band at least.

    A band holds no more than `crowd` of them, so that what everybody says does not make all be compared with all. A
    text that comes to a full band is not found by that band, only by its others.
    """

    def __init__(self, *, rows: int = ROWS, crowd: int = CROWD) -> None:
        self.crowded = 0
        """Texts that no band had room for: no later text is compared with them."""
        self.compared = 0
        """Pairs that were compared."""
        self._rows, self._crowd = rows, crowd
        self._count = 0
        self._signatures: Any = None
        self._bands: dict[int, int | list[int]] = {}
        """Band -> the text that has it, or several; lists would take twice the memory."""

    def __len__(self) -> int:
        return self._count

    def near(self, signature: bytes, at_least: float = 0.0) -> list[tuple[int, float]]:
        """Number and estimated similarity of each text added before that shares a band with this one, by number."""
        found = sorted({number for band in _bands(signature, self._rows) for number in self._with(band)})
        if not found:
            return []
        self.compared += len(found)
        likeness: list[float] = (self._signatures[found] == _numbers(signature)).mean(axis=1).tolist()
        return [pair for pair in zip(found, likeness, strict=True) if pair[1] >= at_least]

    def nearest(self, signature: bytes) -> tuple[int, float]:
        """Number and estimated similarity of the most similar one, the first of several; (-1, 0.0) where none is."""
        return max(self.near(signature), key=lambda pair: pair[1], default=(-1, 0.0))

    def add(self, signature: bytes) -> int:
        """Keep a signature for those that come after it: its number, from 0. All are of one length."""
        number = self._count
        self._store(signature)
        listed = 0
        for band in _bands(signature, self._rows):
            found = self._with(band)
            if len(found) < self._crowd:
                listed += 1
                self._bands[band] = [*found, number] if found else number
        self.crowded += not listed
        return number

    def _with(self, band: int) -> Sequence[int]:
        found = self._bands.get(band, ())
        return (found,) if isinstance(found, int) else found

    def _store(self, signature: bytes) -> None:
        numbers = _numbers(signature)
        if self._signatures is None:
            self._signatures = _numpy().empty((256, len(numbers)), dtype="<u4")
        if self._count == len(self._signatures):
            self._signatures = _numpy().concatenate([self._signatures, _numpy().empty_like(self._signatures)])
        self._signatures[self._count] = numbers
        self._count += 1


class Sketch(NamedTuple):
    """What is kept of a text."""

    signature: bytes
    marks: bytes
    """Hashes of its shingles, 4 bytes each, sorted."""


class Near:
    """Near copies: pairs of a Jaccard similarity of `threshold` or more, found by signatures, measured on the shingles.

    Takes some 0.5 kB a text, 4 bytes a shingle and 100 bytes a band: about 4 kB for a dialogue of 300 words.
    """

    def __init__(
        self,
        threshold: float,
        *,
        words: int = SHINGLE,
        permutations: int = PERMUTATIONS,
        rows: int = ROWS,
        crowd: int = CROWD,
    ) -> None:
        self.index = Index(rows=rows, crowd=crowd)
        self._threshold, self._words, self._permutations = threshold, words, permutations
        self._marks: list[bytes] = []

    def sketch(self, texts: Iterable[str]) -> Sketch:
        """What is kept of a text that is given in parts, such as the turns of a dialogue."""
        words = [word for text in texts for word in split_words(text)]
        marks = {crc32(one) for one in shingles(words, self._words)}
        kept: Any = _numpy().array(sorted(marks)[:MARKS], dtype="<u4")
        return Sketch(_signature(marks, self._permutations), kept.tobytes())

    def copies(self, sketch: Sketch) -> list[tuple[int, float]]:
        """Number and Jaccard similarity of those added before that are near copies of this one, by number.

        A text without a word has none.
        """
        if not sketch.marks:
            return []
        near = self.index.near(sketch.signature, self._threshold - SLACK)
        measured = ((number, jaccard(sketch.marks, self._marks[number])) for number, _ in near)
        return [pair for pair in measured if pair[1] >= self._threshold]

    def add(self, sketch: Sketch) -> int:
        """Keep a text for those that come after it: its number, from 0."""
        self._marks.append(sketch.marks)
        return self.index.add(sketch.signature)


def jaccard(one: bytes, other: bytes) -> float:
    """The Jaccard similarity, 0..1, of two sets by their marks: exact up to MARKS shingles, then by the MARKS lowest of
    the two together (standard error 0.007)."""
    if one == other:
        return 1.0
    library: Any = _numpy()
    mine, theirs = _numbers(one), _numbers(other)
    both: Any = library.intersect1d(mine, theirs, assume_unique=True)
    if max(len(mine), len(theirs)) < MARKS:
        return len(both) / (len(mine) + len(theirs) - len(both))
    lowest: Any = library.union1d(mine, theirs)[:MARKS]
    return int((both <= lowest[-1]).sum()) / len(lowest)


class Kin:
    """What belongs together because something joins it, however many steps lie between. 2 strings for each joined."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def join(self, one: str, other: str) -> None:
        """From now on these two, and whatever was joined to either, have one top."""
        low, high = sorted((self.top(one), self.top(other)))
        if low != high:
            self._parent[high] = low

    def top(self, name: str) -> str:
        """The name that stands for all that are joined to this one: the lowest of them, itself where none is."""
        while (above := self._parent.get(name)) is not None:
            higher = self._parent.get(above)
            if higher is not None:
                self._parent[name] = higher
            name = above
        return name


def _bands(signature: bytes, rows: int) -> list[int]:
    """A key of 64 bits for each band of rows; rows that are left over belong to none."""
    size = rows * 4
    return [
        int.from_bytes(blake2b(signature[at : at + size], digest_size=8, salt=at.to_bytes(2, "big")).digest(), "big")
        for at in range(0, len(signature) - size + 1, size)
    ]


def _numbers(packed: bytes) -> Any:
    return _numpy().frombuffer(packed, dtype="<u4")


@cache
def _numpy() -> Any:
    return _library("numpy")


@cache
def _empty(permutations: int) -> Any:
    """The MinHash of nothing, with the permutations that all have."""
    return _library("datasketch").MinHash(num_perm=permutations, seed=1, hashfunc=int)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise MissingDependency("finding near duplicates needs datasketch: pip install 'simworld[prepare]'") from None
