"""Look again at a split that has been written, by another way than it was made: a leak is an error.

    refuse_leaks(corpus, {"ward-000003": "train", "ward-000007": "test"})

Everybody who sits in a dialogue of one side is compared with everybody of the other sides, by name, by id and by
profile: profiles word by word, each pair of them, without the signatures that the split was found with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from simworld.corpus.splits import (
    FEW_WORDS,
    PROFILE_ALIKE,
    SIDES,
    TEST,
    TRAIN,
    VALIDATION,
    SplitOrder,
    is_nobody,
    plain_name,
    profile_words,
)
from simworld.errors import CorpusError
from simworld.schema import SeatRecord, Transcript
from simworld.text.minhash import shingles

PAIRS = ((TEST, TRAIN), (VALIDATION, TRAIN), (TEST, VALIDATION))


@dataclass(slots=True)
class _Side:
    """Who and what has part in one side, with a dialogue where it does."""

    names: dict[str, str] = field(default_factory=dict[str, str])
    ids: dict[str, str] = field(default_factory=dict[str, str])
    scenes: dict[str, str] = field(default_factory=dict[str, str])
    profiles: dict[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])
    _seen: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])

    def add(self, transcript: Transcript, seats: Iterable[SeatRecord]) -> None:
        self.scenes.setdefault(transcript.scene, transcript.id)
        for seat in seats:
            who = (seat.persona, seat.name, seat.briefing.profile)
            if who in self._seen:
                continue
            self._seen.add(who)
            self.names.setdefault(plain_name(seat.name), transcript.id)
            self.ids.setdefault(seat.persona, transcript.id)
            words = tuple(profile_words(seat))
            if len(words) >= FEW_WORDS:
                self.profiles.setdefault(words, f"{transcript.id} ({seat.name})")


def refuse_leaks(transcripts: Iterable[Transcript], sides: Mapping[str, str], order: SplitOrder) -> None:
    """Raise CorpusError where a person (or, split by scene, a scene) of one side has part in another.

    Split `random` there is nothing to look for. A `given` split is looked at between test and train alone.
    """
    if order.by == "random":
        return
    people, scenes = order.by in ("persona", "both", "given"), order.by in ("scene", "both")
    held = {side: _Side() for side in SIDES}
    for transcript in transcripts:
        if transcript.id in sides:
            held[sides[transcript.id]].add(transcript, _counted(transcript, order) if people else ())
    for one, other in PAIRS if order.by != "given" else PAIRS[:1]:
        a, b = held[one], held[other]
        fault = _shared("scene", a.scenes, b.scenes) if scenes else ""
        fault = fault or _shared("person", a.names, b.names) or _shared("persona", a.ids, b.ids) or _like(a, b)
        if fault:
            raise CorpusError(f"--split {order.by}: {one} and {other} share {fault}. {_ADVICE[order.by]}")


_ADVICE = {
    "given": "Split anew with --split persona; or --partners allow looks at the main person of each dialogue alone.",
    **dict.fromkeys(("persona", "scene", "both"), "Nothing was written; it is a fault of the split: please report it."),
}


def _counted(transcript: Transcript, order: SplitOrder) -> list[SeatRecord]:
    strict = order.partners == "strict"
    return [
        seat for id, seat in transcript.seats.items() if (strict or id == transcript.main) and not is_nobody(seat)
    ]  # fmt: skip


def _shared(what: str, one: Mapping[str, str], other: Mapping[str, str]) -> str:
    both = sorted(one.keys() & other.keys())
    return f"the {what} '{both[0]}': {one[both[0]]} and {other[both[0]]}" if both else ""


def _like(one: _Side, other: _Side) -> str:
    """The first profile of one side that is a near copy of one of the other."""
    measure = _measure(list(other.profiles))
    for words, place in one.profiles.items():
        likeness, number = measure(words)
        if likeness >= PROFILE_ALIKE:
            match = list(other.profiles.values())[number]
            return f"a profile (similarity {likeness:.2f}): {place} and {match}"
    return ""


def _measure(profiles: Sequence[tuple[str, ...]]) -> Callable[[tuple[str, ...]], tuple[float, int]]:
    """How similar the most similar of some profiles is, and which it is."""
    sets = [frozenset(shingles(words)) for words in profiles]
    holders: dict[bytes, list[int]] = {}
    for number, own in enumerate(sets):
        for one in own:
            holders.setdefault(one, []).append(number)

    def measure(words: tuple[str, ...]) -> tuple[float, int]:
        own = frozenset(shingles(words))
        shared = Counter(number for one in own for number in holders.get(one, ()))
        best = ((count / (len(own) + len(sets[number]) - count), -number) for number, count in shared.items())
        likeness, number = max(best, default=(0.0, 0))
        return likeness, -number

    return measure
