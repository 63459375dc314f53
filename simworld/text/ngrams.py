"""Words, n-grams, and how much of a set of texts is said only once.

>>> words("Don't go - not yet!")
["don't", 'go', 'not', 'yet']
>>> ngrams(words("go on, go on"), 2)
[('go', 'on'), ('on', 'go'), ('go', 'on')]
>>> round(distinct([words("go on"), words("go home")], 1), 2)
0.75
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set

Gram = tuple[str, ...]

BLEU_ORDER = 4
_WORD = re.compile(r"[A-Za-z']+")
_PIECE = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> list[str]:
    """Runs of Latin letters and apostrophes, small letters."""
    return _WORD.findall(text.lower())


def pieces(text: str) -> list[str]:
    """Words of any script and numbers, and each mark of punctuation as one of its own, small letters."""
    return _PIECE.findall(text.lower())


def ngrams(tokens: Sequence[str], n: int) -> list[Gram]:
    """Every run of n tokens, in order, repeated ones too."""
    return [tuple(tokens[at : at + n]) for at in range(len(tokens) - n + 1)]


def jaccard(one: Set[str], other: Set[str]) -> float:
    """Share of what either has that both have; 0 for two empty sets."""
    either = len(one | other)
    return len(one & other) / either if either else 0.0


def distinct(texts: Iterable[Sequence[str]], n: int) -> float:
    """Different n-grams among all n-grams of the tokenised texts together, 0..1; NaN where there is none."""
    found = [gram for tokens in texts for gram in ngrams(tokens, n)]
    return len(set(found)) / len(found) if found else math.nan


def self_bleu(texts: Sequence[Sequence[str]]) -> list[float]:
    """BLEU-4 of each tokenised text against all the others, 0..100; a text of fewer than four tokens has none.

    As sacrebleu counts it: exponential smoothing of orders without a match, the nearest length as the reference's.
    """
    counts = [[Counter(ngrams(tokens, n)) for n in range(1, BLEU_ORDER + 1)] for tokens in texts]
    tops = [_tops([one[order] for one in counts]) for order in range(BLEU_ORDER)]
    lengths = [len(tokens) for tokens in texts]
    scores: list[float] = []
    for index, own in enumerate(counts):
        if lengths[index] < BLEU_ORDER or len(texts) < 2:
            continue
        matched = [_matched(index, own[order], tops[order]) for order in range(BLEU_ORDER)]
        scores.append(_bleu(matched, lengths[index], _nearest(index, lengths)))
    return scores


_Top = tuple[int, int, int]
"""The largest count of an n-gram in one text, that text's index, the largest in any other text."""


def _tops(counts: Sequence[Counter[Gram]]) -> dict[Gram, _Top]:
    tops: dict[Gram, _Top] = {}
    for index, counted in enumerate(counts):
        for gram, count in counted.items():
            most, whose, next_most = tops.get(gram, (0, -1, 0))
            if count > most:
                tops[gram] = (count, index, most)
            elif count > next_most:
                tops[gram] = (most, whose, count)
    return tops


def _matched(index: int, own: Counter[Gram], tops: dict[Gram, _Top]) -> int:
    """N-grams of a text that some other text has as well, clipped to how often it has them."""
    total = 0
    for gram, count in own.items():
        most, whose, next_most = tops[gram]
        total += min(count, next_most if whose == index else most)
    return total


def _nearest(index: int, lengths: Sequence[int]) -> int:
    own = lengths[index]
    others = (length for at, length in enumerate(lengths) if at != index)
    return min(others, key=lambda length: (abs(length - own), length))


def _bleu(matched: Sequence[int], length: int, reference: int) -> float:
    logs, doubling = 0.0, 1.0
    for order, hits in enumerate(matched):
        total = length - order
        if hits == 0:
            doubling *= 2
        logs += math.log(hits / total if hits else 1 / (doubling * total))
    brevity = 1.0 if length >= reference else math.exp(1 - reference / length)
    return 100 * brevity * math.exp(logs / len(matched))
