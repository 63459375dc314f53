"""Transcripts that repeat an earlier one: exactly, nearly, or in other words. The first one stays.

near = NearCopies({"likeness": 0.4})
near.find("a", near.mark(case))         # None: nothing like it was there before
near.find("b", near.mark(copy))         # Found('like a', value=0.97)
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from simworld.curate.case import Bounds, Case, Found
from simworld.text.minhash import Near, Sketch

ROWS = 3
"""Rows of a band: with 128 numbers, a pair at 0.4 meets with probability 0.94, one at 0.5 with 0.997."""
BLOCK = 4096


class Exact:
    """What is said, thought and done is the same, word for word. 16 bytes and the id for each transcript."""

    def __init__(self, bounds: Bounds) -> None:
        del bounds
        self._seen: dict[bytes, str] = {}

    def mark(self, case: Case) -> bytes:
        """The hash of all turns, speakers left out."""
        text = "\n".join(f"{turn.kind} {' '.join(turn.text.split())}" for turn in case.transcript.turns)
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def find(self, id: str, mark: bytes) -> Found | None:
        """The first transcript of this hash."""
        first = self._seen.setdefault(mark, id)
        return Found(f"the same as {first}", value=1.0) if first != id else None


class NearCopies:
    """Most runs of three words of what is said are those of an earlier one. About 4 kB for each transcript."""

    def __init__(self, bounds: Bounds) -> None:
        self._near = Near(bounds["likeness"], rows=ROWS)
        self._ids: list[str] = []

    def mark(self, case: Case) -> Sketch:
        """The sketch of what is said."""
        return self._near.sketch([turn.text for turn in case.said])

    def find(self, id: str, mark: Sketch) -> Found | None:
        """The most similar earlier transcript. A copy is not kept itself: the next copy is held against the first."""
        copies = self._near.copies(mark)
        if copies:
            number, likeness = max(copies, key=lambda pair: (pair[1], -pair[0]))
            return Found(f"like {self._ids[number]}", value=round(likeness, 3))
        if mark.marks:
            self._near.add(mark)
            self._ids.append(id)
        return None


class Similar:
    """The mean vector of what is said points where an earlier one's does. 4 bytes a number for each transcript."""

    def __init__(self, bounds: Bounds) -> None:
        self._spec, self._likeness = str(bounds["encoder"]), float(bounds["likeness"])
        self._encoder: Any = None
        self._vectors: Any = None
        self._ids: list[str] = []

    def mark(self, case: Case) -> Any:
        """The vector; None where nothing is said."""
        if self._encoder is None:
            from simworld.embed import open_encoder

            self._encoder = open_encoder(self._spec)
        texts = [turn.text for turn in case.said]
        if not texts:
            return None
        mean: Any = self._encoder.encode(texts).mean(axis=0)
        size = float((mean @ mean) ** 0.5)
        return mean / size if size else None

    def find(self, id: str, mark: Any) -> Found | None:
        """The most similar earlier transcript, by brute force: 100,000 of 384 numbers take 20 ms."""
        if mark is None:
            return None
        count = len(self._ids)
        if count:
            likeness: Any = self._vectors[:count] @ mark
            best = int(likeness.argmax())
            if float(likeness[best]) >= self._likeness:
                return Found(f"says what {self._ids[best]} says", value=round(float(likeness[best]), 3))
        self._keep(id, mark)
        return None

    def _keep(self, id: str, mark: Any) -> None:
        import numpy as np

        if self._vectors is None:
            self._vectors = np.zeros((BLOCK, len(mark)), np.float32)
        if len(self._ids) == len(self._vectors):
            self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        self._vectors[len(self._ids)] = mark
        self._ids.append(id)
