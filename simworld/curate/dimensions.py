"""Dimensions: what a corpus's dialogues are spread over, counted.

    tally = Dimensions(Corpus("out"))
    for row, _ in Corpus("out").rows(): tally.add(row)
    tally["topics"].evenness        # 1: each as often as any other, 0: all the same

A value that may occur and never does is a hole: a word of a vocabulary, somebody of the cast, a scene.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simworld.corpus.store import Corpus
from simworld.forge.profile import read_profile
from simworld.prompts import words as vocabulary
from simworld.schema import NARRATOR, Persona
from simworld.simulate.coverage import PLAIN, decade_of
from simworld.text.distances import jensen_shannon
from simworld.text.ngrams import words

OPENING = 3
"""Words of a line that count as its opening."""
MOST = 4
"""Values whose share together tells how skewed a dimension is."""
Row = Mapping[str, Any]
People = list[Persona]


@dataclass(frozen=True, slots=True)
class Spread:
    """The counts of one dimension."""

    counts: Mapping[str, int]
    allowed: frozenset[str] = frozenset()
    """Values that may occur; empty: any may."""

    @property
    def total(self) -> int:
        """How many values were counted, repeated ones too."""
        return sum(self.counts.values())

    @property
    def evenness(self) -> float:
        """Shannon entropy over that of as many values used alike, 0..1; NaN for fewer than two values."""
        shares = [count / self.total for count in self.counts.values()]
        if len(shares) < 2:
            return math.nan
        return -sum(share * math.log(share) for share in shares) / math.log(len(shares))

    @property
    def effective(self) -> float:
        """How many values, used alike, would be as diverse: the exponential of the entropy (Hill number of order 1)."""
        shares = [count / self.total for count in self.counts.values()]
        return math.exp(-sum(share * math.log(share) for share in shares)) if shares else 0.0

    @property
    def top(self) -> list[tuple[str, int]]:
        """The commonest values, those of one count by name."""
        return sorted(self.counts.items(), key=lambda pair: (-pair[1], pair[0]))

    @property
    def top_share(self) -> float:
        """Share of the commonest four together, 0..1; NaN where nothing was counted."""
        return sum(count for _, count in self.top[:MOST]) / self.total if self.total else math.nan

    @property
    def holes(self) -> list[str]:
        """Allowed values that never occur, sorted."""
        return sorted(self.allowed - self.counts.keys())

    def distance(self, other: Spread) -> float:
        """Jensen-Shannon divergence of the two, in bits, 0..1; NaN where one is empty."""
        values = sorted({*self.counts, *other.counts})
        return jensen_shannon([self.counts.get(one, 0) for one in values], [other.counts.get(one, 0) for one in values])


class Dimensions(Mapping[str, Spread]):
    """Name -> spread, over the transcripts that were added. Those of people need a corpus that holds its cast."""

    def __init__(self, corpus: Corpus) -> None:
        self._personas = {id: _told(who) for id, who in corpus.personas.items()}
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in (*_OF_PEOPLE, *_OF_DIALOGUES)}
        cast = [who for id, who in self._personas.items() if id not in PLAIN]
        self._allowed = {
            "personas": frozenset(who.id for who in cast),
            "careers": frozenset(who.career for who in cast if who.career),
            "scenes": frozenset(corpus.scenes),
            "kinds": frozenset(scene.kind for scene in corpus.scenes.values() if scene.kind),
            "topics": frozenset(vocabulary("topics")),
            "emotions": frozenset(vocabulary("emotions")),
        }

    def add(self, row: Row) -> None:
        """Count a transcript, parsed from its line."""
        ids = [seat["persona"] for seat in row["seats"].values() if seat["persona"] not in PLAIN]
        people = [self._personas[id] for id in ids if id in self._personas]
        for name, of_people in _OF_PEOPLE.items():
            self._counts[name].update(value for value in of_people(people) if value)
        for name, of_row in _OF_DIALOGUES.items():
            self._counts[name].update(value for value in of_row(row) if value)

    def __getitem__(self, name: str) -> Spread:
        return Spread(self._counts[name], self._allowed.get(name, frozenset()))

    def __iter__(self) -> Any:
        return (name for name, counts in self._counts.items() if counts)

    def __len__(self) -> int:
        return sum(bool(counts) for counts in self._counts.values())


def _told(persona: Persona) -> Persona:
    """A persona known by a profile alone, with what can be read of that."""
    if persona.career or not persona.profile:
        return persona
    found = read_profile(persona.profile).fields
    return persona.model_copy(update={name: found[name] for name in _READ if name in found})


_READ = ("age", "career", "gender", "traits")


def _personas(row: Row) -> Iterable[str]:
    return [seat["persona"] for seat in row["seats"].values() if seat["persona"] not in PLAIN]


def _emotions(row: Row) -> Iterable[str]:
    return [seat.get("emotion", "") for seat in row["seats"].values()]


def _felt(row: Row) -> Iterable[str]:
    """The emotion of each act."""
    return {turn["act"]: turn.get("emotion", "") for turn in row["turns"]}.values()


def spoken(row: Row) -> list[str]:
    """The lines that its speakers said, those of the scene's author left out."""
    return [
        turn["text"]
        for turn in row["turns"]
        if turn["kind"] == "say" and not turn.get("source") and turn["seat"] != NARRATOR
    ]


def _openings(row: Row) -> Iterable[str]:
    return [" ".join(words(line)[:OPENING]) for line in spoken(row)]


def _first(row: Row) -> Iterable[str]:
    return list(_openings(row))[:1]


_OF_PEOPLE: dict[str, Callable[[People], Iterable[str]]] = {
    "careers": lambda people: [who.career for who in people],
    "ages": lambda people: [decade_of(who) for who in people],
    "genders": lambda people: [who.gender for who in people],
    "aspirations": lambda people: [who.aspiration for who in people],
    "traits": lambda people: [trait for who in people for trait in who.traits],
}
_OF_DIALOGUES: dict[str, Callable[[Row], Iterable[str]]] = {
    "personas": _personas,
    "scenes": lambda row: [row["scene"]],
    "kinds": lambda row: [row.get("kind", "")],
    "seats": lambda row: [str(len(row["seats"]))],
    "topics": lambda row: [row.get("topic", "")],
    "emotions": _emotions,
    "felt": _felt,
    "endings": lambda row: [row["ending"]["reason"]],
    "openings": _first,
    "line openings": _openings,
}
