"""Speaking: a voice and its samples, from a person's tempers, work, language and life.

voice, samples = Speaking(Frames()).voice(aspects, life, rng)
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from simworld.forge.frames import Frames
from simworld.forge.life import Life
from simworld.forge.population import Aspects
from simworld.forge.tables import bars, table
from simworld.schema.persona import Voice

TOOK = {
    "openers": (5, 2, 1), "tags": (4, 1, 1), "fillers": (3, 1, 0), "exclamations": (3, 1, 1), "address": (2, 1, 0),
    "yes": (3, 1, 0), "no": (3, 1, 0), "greetings": (2, 1, 0), "farewells": (2, 1, 0),
}  # fmt: skip
"""Field -> how many of the first temper's, the second temper's and the work's words a voice has."""
NATIVE = {"exclamations": "oh", "yes": "yes", "no": "no", "greetings": "hello", "farewells": "bye"}
"""Field -> the words of one's own language that go with it."""
SAMPLES = (("temper.{first}", 8), ("temper.{second}", 4), ("domain.{domain}", 5), ("place", 2), ("own", 4))


class Speaking:
    """Gives voices; tempers and words used least so far come first."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._words: Counter[str] = Counter()

    def voice(self, aspects: Aspects, life: Life, rng: Random) -> tuple[Voice, tuple[str, ...]]:
        """How a person sounds, and lines they say."""
        first, second = self._tempers(aspects, rng)
        tempers: dict[str, dict[str, str]] = table("voices")["tempers"]
        work: dict[str, str] = table("voices")["domains"].get(aspects.career.domain, {})
        found: dict[str, Any] = {}
        for field, (one, two, three) in TOOK.items():
            words = self._some(bars(tempers[first][field]), one, rng)
            words += self._some(bars(tempers[second][field]), two, rng)
            words += self._some(bars(work.get(field, "")), three, rng)
            native = getattr(aspects.strand, NATIVE[field]) if field in NATIVE else ()
            found[field] = tuple(dict.fromkeys([*words, *self._some(native, 1, rng)]))
        tone = self._tone(tempers[first]["tones"], tempers[second]["tones"], rng)
        voice = Voice(tone=tone, pace=tempers[first]["pace"], **found)
        return voice, self._samples(aspects, life, first, second, rng)

    def _tempers(self, aspects: Aspects, rng: Random) -> tuple[str, str]:
        """The two tempers of most of the traits; of equals the pair used least."""
        rows: dict[str, dict[str, str]] = table("traits")["says"]
        own = [rows[trait]["temper"] for trait in aspects.traits if trait in rows]
        every = list(table("voices")["tempers"])
        count = Counter(own)
        pairs = [(one, two) for one in every for two in every if one != two]
        best = min(pairs, key=lambda pair: (-(2 * count[pair[0]] + count[pair[1]]), self._pairs[pair], rng.random()))
        self._pairs[best] += 1
        return best

    def _some(self, words: tuple[str, ...], count: int, rng: Random) -> list[str]:
        ordered = sorted(words, key=lambda word: (self._words[word], rng.random()))[:count]
        self._words.update(ordered)
        return ordered

    def _tone(self, first: str, second: str, rng: Random) -> str:
        """The first temper's tone with a turn of the second's."""
        (one,) = self._some(bars(first), 1, rng)
        (two,) = self._some(bars(second), 1, rng)
        joints = ("; now and then", "; when tired", "; with strangers", "; late in the evening", "; among friends")
        (joint,) = self._some(joints, 1, rng)
        return f"{one}{joint} {two.split(', ')[0]}"

    def _samples(self, aspects: Aspects, life: Life, first: str, second: str, rng: Random) -> tuple[str, ...]:
        values = {"first": first, "second": second, "domain": aspects.career.domain}
        lines = [
            line
            for key, count in SAMPLES
            for line in self._frames.take("samples", key.format(**values), life.slots, count, rng)
        ]
        kinds = [life.standing if life.standing in ("widowed", "divorced", "single") else "partner"]
        kinds += ["parent"] * bool(life.children) + ["grand"] * ("grand" in life.slots)
        kinds += ["retired"] * aspects.retired + ["young"] * (aspects.age < 26)
        for kind in kinds:
            lines += self._frames.take("samples", kind, life.slots, 2 if kind in ("partner", "parent") else 1, rng)
        rng.shuffle(lines)
        return tuple(lines)
