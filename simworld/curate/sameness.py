"""How alike a corpus's texts are: distinct n-grams, self-BLEU, MTLD, and how near each dialogue's nearest other is.

    texts = Sample(seed=0)
    for row, _ in Corpus("out").rows(): texts.add(row)
    texts.measures()["distinct-2"]
    nearest(texts.dialogues)            # of each, the Jaccard similarity (3-word shingles) to its nearest other

Values move with the number of texts, so they are taken of samples of stated sizes, drawn by the seed.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from simworld.curate.dimensions import spoken
from simworld.simulate.dialogue import mix
from simworld.text.ngrams import distinct, ngrams, self_bleu, words
from simworld.text.richness import mtld

LINES = 2000
"""Spoken lines of which distinct n-grams and MTLD are taken: as many as SimsConv's reference values are of."""
BLEU_LINES = 300
DIALOGUES = 1000
SHINGLE = 3
"""Words."""
LONG = 10
"""Words from which on a line has an MTLD."""
Shingles = frozenset[int]


@dataclass(slots=True)
class Sample:
    """Lines and dialogues drawn from a corpus in one pass, each as likely as any other."""

    seed: int = 0
    lines: int = LINES
    most: int = DIALOGUES
    seen: int = 0
    _lines: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    _dialogues: list[tuple[int, str, Shingles]] = field(default_factory=list[tuple[int, str, Shingles]])

    def add(self, row: Mapping[str, Any]) -> None:
        """Draw from a transcript, parsed from its line."""
        said = spoken(row)
        self.seen += 1
        for number, line in enumerate(said):
            self._keep(self._lines, self.lines, (mix(self.seed, "line", row["index"], number), line))
        chance = mix(self.seed, "dialogue", row["index"])
        if said and (len(self._dialogues) < self.most or -chance > self._dialogues[0][0]):
            self._keep(self._dialogues, self.most, (chance, row["id"], shingles_of(said)))

    @staticmethod
    def _keep(heap: list[Any], most: int, one: tuple[Any, ...]) -> None:
        """Keep the `most` of the lowest chance."""
        one = (-one[0], *one[1:])
        if len(heap) < most:
            heapq.heappush(heap, one)
        elif one[0] > heap[0][0]:
            heapq.heapreplace(heap, one)

    @property
    def texts(self) -> list[str]:
        """The lines drawn, in the order of their chance."""
        return [line for _, line in sorted(self._lines, key=lambda pair: -pair[0])]

    @property
    def dialogues(self) -> dict[str, Shingles]:
        """Id -> shingles of what was said, of the dialogues drawn."""
        return {id: shingles for _, id, shingles in sorted(self._dialogues, key=lambda one: -one[0])}

    def measures(self) -> dict[str, float]:
        """Name -> value; NaN where there is too little to measure."""
        tokens = [words(line) for line in self.texts]
        rich = [value for line in tokens if len(line) >= LONG and (value := mtld(line)) is not None]
        scores = self_bleu(tokens[:BLEU_LINES])
        return {
            **{f"distinct-{n}": distinct(tokens, n) for n in (1, 2, 3)},
            "self-BLEU-4": fmean(scores) if scores else math.nan,
            "MTLD": fmean(rich) if rich else math.nan,
            "words a line": fmean(map(len, tokens)) if tokens else math.nan,
        }


def shingles_of(lines: Sequence[str]) -> Shingles:
    """Hashes of the three-word runs of what was said, line by line."""
    found = (gram for line in lines for gram in ngrams(words(line), SHINGLE))
    return frozenset(mix(*gram) for gram in found)


def nearest(of: Mapping[str, Shingles], among: Mapping[str, Shingles] | None = None) -> dict[str, tuple[float, str]]:
    """Id -> Jaccard similarity, 0..1, to the nearest one and that one's id; `among` others, or those beside it."""
    others = of if among is None else among
    holders: defaultdict[int, list[str]] = defaultdict(list)
    for id, shingles in others.items():
        for shingle in shingles:
            holders[shingle].append(id)
    found: dict[str, tuple[float, str]] = {}
    for id, shingles in of.items():
        shared: Counter[str] = Counter()
        for shingle in shingles:
            shared.update(holders.get(shingle, ()))
        if among is None:
            del shared[id]
        best = (0.0, "")
        for other, both in shared.items():
            likeness = both / (len(shingles) + len(others[other]) - both)
            best = max(best, (likeness, other))
        found[id] = best
    return found
