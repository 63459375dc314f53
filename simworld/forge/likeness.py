"""Likeness: how alike two personas are, and the nearest of all that were made before.

    crowd = Crowd()
    crowd.nearest(persona)      # (0.0, "")
    crowd.add(persona)

likeness = 0.7 * Jaccard of the runs of two content words over everything they say and are told of
         + 0.3 * share of equal typed fields: career, aspiration, gender, decade of age, home, education; traits by
           Jaccard
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import pairwise
from zlib import crc32

from simworld.schema import Persona
from simworld.text.ngrams import jaccard
from simworld.text.words import stop_words

TEXT, TYPED = 0.7, 0.3
CANDIDATES = 12
"""Personas that share the most runs of words, for which the likeness is counted out."""
COMMON = 400
"""A run that more personas have tells nobody apart."""
_WORD = re.compile(r"[^\W\d_]+")
_LISTS = ("strengths", "flaws", "hobbies", "values", "goals", "likes", "dislikes", "knows", "unaware", "samples")
_TEXTS = ("profile", "career_detail", "personality", "family", "social", "living", "secret", "education")


class Crowd:
    """The personas that there are, to be compared with; an id is one persona's."""

    def __init__(self) -> None:
        self._runs: dict[str, frozenset[int]] = {}
        self._people: list[tuple[str, frozenset[int], Persona]] = []
        self._having: defaultdict[int, list[int]] = defaultdict(list)

    def add(self, persona: Persona) -> None:
        """Have one more to compare with."""
        self._runs[persona.id] = runs = runs_of(persona)
        for run in runs:
            self._having[run].append(len(self._people))
        self._people.append((persona.id, runs, persona))

    def nearest(self, persona: Persona) -> tuple[float, str]:
        """The greatest likeness to anybody, and to whom; 0 and '' where there is nobody."""
        runs = self._runs.get(persona.id) or runs_of(persona)
        shared: Counter[int] = Counter()
        for run in runs:
            having = self._having.get(run, ())
            if len(having) <= COMMON:
                shared.update(having)
        found = [(0.0, "")]
        for at, _ in shared.most_common(CANDIDATES):
            id, others, other = self._people[at]
            if id != persona.id:
                found.append(
                    (TEXT * len(runs & others) / max(1, len(runs | others)) + TYPED * typed(persona, other), id)
                )
        return max(found)


def runs_of(persona: Persona) -> frozenset[int]:
    """Hashes of every run of two content words of a persona's texts."""
    texts = [str(getattr(persona, field)) for field in _TEXTS]
    texts += [text for field in _LISTS for text in getattr(persona, field)]
    stops, found = stop_words(), set[int]()
    for text in texts:
        words = [word for word in _WORD.findall(text.lower()) if word not in stops]
        for one, two in pairwise(words):
            found.add(crc32(f"{one} {two}".encode()))
    return frozenset(found)


def typed(one: Persona, other: Persona) -> float:
    """The share of typed fields that two personas have alike, 0..1."""
    same = [
        one.career == other.career, one.aspiration == other.aspiration, one.gender == other.gender,
        (one.age or 0) // 10 == (other.age or 0) // 10, one.origin == other.origin, one.education == other.education,
    ]  # fmt: skip
    return (sum(same) + jaccard({*one.traits}, {*other.traits})) / (len(same) + 1)
