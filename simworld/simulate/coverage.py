"""Coverage: what a corpus has played already, so that new dialogues go where it is thin.

    coverage = read_coverage("corpus")
    coverage.kinds["debate"], coverage.topics["money"], coverage.careers["baker"]
    Plan(stages, seed=0, coverage=coverage)         # what `simworld run --fill corpus` draws from

Counted are dialogues that may be trained on: complete, and not rejected by a curation.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import permutations
from pathlib import Path
from typing import Any

import orjson

from simworld.corpus.store import Corpus
from simworld.schema import Persona

PLAIN = frozenset({"user", "assistant"})
"""Personas who are nobody in particular."""


@dataclass(slots=True)
class Coverage:
    """How often each value was played."""

    dialogues: int = 0
    kinds: Counter[str] = field(default_factory=Counter[str])
    """Kind of scene -> dialogues."""
    scenes: Counter[str] = field(default_factory=Counter[str])
    topics: Counter[str] = field(default_factory=Counter[str])
    emotions: Counter[str] = field(default_factory=Counter[str])
    """Starting emotion -> seats that began in it."""
    personas: Counter[str] = field(default_factory=Counter[str])
    """Persona id -> dialogues; of careers and decades likewise, by the corpus's own personas."""
    careers: Counter[str] = field(default_factory=Counter[str])
    decades: Counter[str] = field(default_factory=Counter[str])
    """Decade of age, such as `30s`."""
    within: Counter[tuple[str, ...]] = field(default_factory=Counter[tuple[str, ...]])
    """(scene, `topic`, topic), (scene, seat, persona) ... -> dialogues; the keys of `Tally`."""
    met: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter[str]))
    """Persona id -> who they sat with, how often."""

    @property
    def digest(self) -> str:
        """Hash of the counts (blake2b, 24 hex digits): other coverage makes another plan."""
        told = [sorted(counts.items()) for counts in (self.kinds, self.scenes, self.personas, self.within)]
        return blake2b(orjson.dumps([self.dialogues, *told], default=list), digest_size=12).hexdigest()

    def add(self, row: dict[str, Any], personas: dict[str, Persona]) -> None:
        """Count a transcript, parsed from its line."""
        scene, topic, seats = row["scene"], row.get("topic", ""), row["seats"]
        self.dialogues += 1
        self.kinds[row.get("kind", "")] += 1
        self.scenes[scene] += 1
        if topic:
            self.topics[topic] += 1
            self.within[(scene, "topic", topic)] += 1
        for seat, told in seats.items():
            self._seat(scene, seat, topic, told)
        people = sorted({told["persona"] for told in seats.values()} - PLAIN)
        for persona in people:
            self._person(personas.get(persona))
        for one, other in permutations(people, 2):
            self.met[one][other] += 1

    def _seat(self, scene: str, seat: str, topic: str, told: dict[str, Any]) -> None:
        self.personas[told["persona"]] += 1
        self.within[(scene, seat, told["persona"])] += 1
        if emotion := told.get("emotion", ""):
            self.emotions[emotion] += 1
            self.within[(scene, seat, emotion)] += 1
            self.within[(scene, seat, topic, emotion)] += 1

    def _person(self, persona: Persona | None) -> None:
        if persona is None:
            return
        if persona.career:
            self.careers[persona.career] += 1
        if decade := decade_of(persona):
            self.decades[decade] += 1


def decade_of(persona: Persona) -> str:
    """The decade of an age: `30s` for 30 to 39; empty where there is no age."""
    return "" if persona.age is None else f"{persona.age // 10 * 10}s"


def read_coverage(path: str | Path) -> Coverage:
    """What is in a corpus. Raises CorpusError where it cannot be read."""
    corpus, found = Corpus(path), Coverage()
    personas = dict(corpus.personas)
    for row, _ in corpus.rows():
        rejected = row.get("curation") and not row["curation"]["kept"]
        if row["status"] == "complete" and not rejected:
            found.add(row, personas)
    return found
