"""Conversations that are alike: the steps `exact` and `near`, and which ones must stand on one side of a split.

    alike = Alike()
    alike.is_new(case)                  # False: a conversation with exactly this text was there before
    alike.nearest(case, signature)      # the Jaccard similarity to the most similar one before; kin's roots are joined
    alike.side(root)                    # a number, the same for all roots that are joined

Similar is what people said: MinHash (64 permutations) over three-word shingles of the human turns (of the whole
conversation where they are under 20 words), found by bands of 4. From `KIN` on, two roots count as one for splitting,
whether or not the conversation is dropped.
"""

from __future__ import annotations

from hashlib import blake2b

from simworld.corpus.imports.talk import USER
from simworld.text.minhash import Index, Kin, shingles, signature, split_words
from simworld.usersim.prepare.case import Case

PERMUTATIONS, ROWS = 64, 4
KIN = 0.6
"""Similarity, 0..1, from which on conversations stand on one side of a split."""
FEW_WORDS = 20
LONGEST = 2000
"""Words of a conversation that are looked at."""
CROWD = 8
"""Conversations of one band that are compared; a crowd is alike anyhow."""


class Alike:
    """What has been seen so far: 16 bytes for each text, some 2 kB for each conversation that may have kin."""

    def __init__(self) -> None:
        self._texts: set[bytes] = set()
        self._index = Index(rows=ROWS, crowd=CROWD)
        self._roots: list[str] = []
        self._kin = Kin()

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
        for number, likeness in self._index.near(signature):
            best = max(best, likeness)
            if likeness >= KIN:
                self._kin.join(case.root, self._roots[number])
        return best

    def keep(self, case: Case, signature: bytes) -> None:
        """Remember a conversation for those that come after it."""
        self._index.add(signature)
        self._roots.append(case.root)

    def side(self, root: str) -> float:
        """A number, 0..1, that is the same for all roots that are joined, and evenly spread over those that are not."""
        return share(f"split/{self._kin.top(root)}")


def signature_of(case: Case) -> bytes:
    """The MinHash of a conversation: 64 numbers of 32 bits."""
    words = _words(case.texts(USER))
    if len(words) < FEW_WORDS:
        words = _words([text for _, text in case.said])
    return signature(shingles(words) or [b""], PERMUTATIONS)


def _words(texts: list[str]) -> list[str]:
    words: list[str] = []
    for text in texts:
        words += split_words(text[: LONGEST * 12])
        if len(words) >= LONGEST:
            break
    return words[:LONGEST]


def share(text: str) -> float:
    """A number in [0, 1) that is always the same for a text, and evenly spread over texts."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64
