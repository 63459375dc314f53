"""Likeness of scenes: how near one's text comes to others', and how often a frame of words returns.

    known = Known(most=68)
    known.nearest(text)         # 0.21: the greatest share of 5-word runs that it has in common with one that was added
    known.worn(text)            # frames of it that stand in as many texts as may be
    known.add(text)

Names, places and figures are masked, so that a form filled in differently is seen to be one form.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

SHINGLE = 5
"""Words of a run."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|\d+")
_TEMPLATE = re.compile(r"\{\{[^}]*\}\}")
_FIGURES = frozenset(
    {
        "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
        "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty",
        "sixty", "seventy", "eighty", "ninety", "hundred",
    }
)  # fmt: skip
_MASK = "N"
_FIGURE = "0"
Run = tuple[str, ...]


@lru_cache(maxsize=65536)
def words(text: str) -> Run:
    """The words of a text: names of people blanked, capitalised words within a sentence masked, figures too."""
    found: list[str] = []
    for sentence in sentences(_TEMPLATE.sub(_MASK, text)):
        for at, word in enumerate(_WORD.findall(sentence)):
            if word[0].isdigit() or word.lower().split("-")[0] in _FIGURES:
                found.append(_FIGURE)
            elif word == _MASK or (at and word[0].isupper()):
                found.append(_MASK)
            else:
                found.append(word.lower())
    return tuple(found)


def sentences(text: str) -> list[str]:
    """A text cut at its full stops, question and exclamation marks."""
    return [sentence for sentence in _SENTENCE.split(text.strip()) if sentence]


def shingles(text: str) -> frozenset[Run]:
    """Runs of five words, without masked names: those are where a place or a person stood."""
    plain = [word for word in words(text) if word != _MASK]
    return frozenset(tuple(plain[at : at + SHINGLE]) for at in range(len(plain) - SHINGLE + 1))


def frames(text: str) -> frozenset[Run]:
    """The frames of a text's sentences: each sentence masked, and its first four words."""
    found: set[Run] = set()
    for sentence in sentences(_TEMPLATE.sub("Name", text)):
        masked = words(sentence)
        masked = (_MASK, *masked[1:]) if sentence.startswith("Name") else masked
        if len(masked) > 3:
            found |= {masked, masked[:4]}
    return frozenset(found)


class Known:
    """The scenes that there are, by their runs of words and frames. `most`: texts that one frame may stand in."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.counts: Counter[Run] = Counter()
        self._owners: dict[Run, list[int]] = {}
        self._sizes: list[int] = []

    def nearest(self, text: str) -> float:
        """The greatest Jaccard similarity of runs with a text that was added, 0..1."""
        return self.nearest_of(text)[0]

    def nearest_of(self, text: str) -> tuple[float, int]:
        """The same with the number of that text, in the order in which they were added; -1 where there is none."""
        own = shingles(text)
        shared: Counter[int] = Counter()
        for run in own:
            shared.update(self._owners.get(run, ()))
        best = max(
            ((count / (len(own) + self._sizes[number] - count), -number) for number, count in shared.items()),
            default=(0.0, 1),
        )
        return best[0], -best[1]

    def worn(self, text: str) -> list[Run]:
        """Frames of the text that stand in as many texts as they may already."""
        return sorted(frame for frame in frames(text) if self.counts[frame] >= self.most)

    def add(self, text: str) -> None:
        """Let a text be known."""
        own = shingles(text)
        for run in own:
            self._owners.setdefault(run, []).append(len(self._sizes))
        self._sizes.append(len(own))
        self.counts.update(frames(text))
