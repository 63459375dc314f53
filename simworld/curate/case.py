"""Case: a transcript as filters see it: what was said and thought, by whom, and what is known of them.

case = Case(transcript, people)
[turn.text for turn in case.said], case.person("mara").names
yield Found("said again", turns=(3, 7))     # what a filter makes of it
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, TypeAlias

from simworld.curate.facts import Facts, facts_of
from simworld.prompts import data, profile
from simworld.schema import NARRATOR, Persona, SeatRecord, Transcript, Turn
from simworld.text.private import masked
from simworld.text.words import content_stems

REMEMBERED = 4096
"""Profiles that are not read again."""
Bound: TypeAlias = float | str | tuple[str, ...]
Bounds: TypeAlias = Mapping[str, Any]
"""Name -> a number, a text or a list of texts, as the recipe has it."""
_TITLES = frozenset(
    {"dr", "dr.", "mr", "mr.", "mrs", "mrs.", "ms", "ms.", "prof", "prof.", "professor", "captain", "the"}
)
_QUOTED = re.compile(r"['\"‘’“”(]([^'\"‘’“”()]+)['\"‘’“”)]")


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that a filter found; see `schema.curation.Finding`."""

    detail: str = ""
    turns: tuple[int, ...] = ()
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Who sits in a seat, as far as it is known."""

    seat: str
    name: str
    names: tuple[str, ...]
    """What others may call them: the whole name first, then first name, nickname, family name."""
    role: str
    profile: str
    """Who they are, in the second person; empty: not known."""
    facts: Facts
    secret: str


class People:
    """Who everybody is: by the corpus's personas, else by what the seats were told."""

    def __init__(self, personas: Mapping[str, Persona]) -> None:
        self._personas = personas
        self._known: dict[tuple[str, str, str], tuple[str, Facts]] = {}

    def person(self, seat: str, record: SeatRecord) -> Person:
        """Who sits there."""
        persona = self._personas.get(record.persona)
        text, facts = self._read(record, persona)
        secret = persona.secret if persona else ""
        return Person(seat, record.name, names_of(record.name), record.role, text, facts, secret)

    def _read(self, record: SeatRecord, persona: Persona | None) -> tuple[str, Facts]:
        """Profile and facts; read once for each profile."""
        key = (record.persona, record.name, record.briefing.profile)
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            text = record.briefing.profile or (profile(persona) if persona else "")
            text = "" if _says_nothing(text, record.name) else text
            self._known[key] = (text, facts_of(persona, text, record.name))
        return self._known[key]


class Case:
    """A transcript, read once for all filters."""

    def __init__(self, transcript: Transcript, people: People) -> None:
        self.transcript = transcript
        self._stems: dict[int, frozenset[str]] = {}
        self.people = {id: people.person(id, seat) for id, seat in transcript.seats.items()}

    def person(self, seat: str) -> Person | None:
        """Who sits there; None for the narrator and for strangers."""
        return self.people.get(seat)

    @property
    def characters(self) -> list[Person]:
        """Those who play somebody."""
        return [one for one in self.people.values() if one.role == "character"]

    @cached_property
    def said(self) -> tuple[Turn, ...]:
        """What seats said, in order; the narrator's turns and those without text left out."""
        return tuple(self._turns("say"))

    @cached_property
    def thoughts(self) -> tuple[Turn, ...]:
        """What seats thought, in order."""
        return tuple(self._turns("think"))

    def stems(self, turn: Turn) -> frozenset[str]:
        """The content stems of a turn."""
        if turn.n not in self._stems:
            self._stems[turn.n] = frozenset(content_stems(turn.text))
        return self._stems[turn.n]

    def aloud_before(self, n: int) -> frozenset[str]:
        """The content stems of all that was said, done or told before a turn, thoughts left out."""
        turns = [turn for turn in self.transcript.turns if turn.n < n and turn.kind != "think"]
        return frozenset(one for turn in turns for one in self.stems(turn))

    def told(self, seat: str) -> frozenset[str]:
        """The content stems of what a seat was told before the dialogue began."""
        return frozenset(content_stems(self.transcript.seats[seat].briefing.system))

    def said_by(self, seat: str) -> list[Turn]:
        """What one seat said."""
        return [turn for turn in self.said if turn.seat == seat]

    def _turns(self, kind: str) -> Iterator[Turn]:
        for turn in self.transcript.turns:
            record = self.transcript.seats.get(turn.seat)
            narrates = turn.seat == NARRATOR or (record is not None and record.role == "narrator")
            if turn.kind == kind and not narrates and turn.text.strip():
                yield turn


@lru_cache(maxsize=REMEMBERED)
def names_of(name: str) -> tuple[str, ...]:
    """What somebody of this name may be called: 'Dr. Ana "Nan" Reis' -> the whole, 'Ana', 'Nan', 'Reis'."""
    nicknames = [word for found in _QUOTED.findall(name) for word in [found.strip()] if word and " " not in word]
    plain = [word for word in _QUOTED.sub(" ", name).split() if word.lower() not in _TITLES]
    parts = [*plain[:1], *nicknames, *plain[-1:]]
    return tuple(dict.fromkeys(part.strip(",") for part in (name, " ".join(plain), *parts) if len(part) > 1))


def _says_nothing(text: str, name: str) -> bool:
    """Whether a profile says no more than the name."""
    return not content_stems(text.replace(name, ""))


def shortened(text: str, most: int = 90) -> str:
    """A text fit for a finding: on one line, cut where it is long."""
    line = " ".join(masked(text)[0].split())
    return line if len(line) <= most else f"{line[: most - 3].rstrip()}..."


@cache
def _commonness() -> tuple[dict[str, float], float]:
    """Stem -> weight by how many of people's conversations have it, and the weight of those that none has."""
    table = data("curate/common_stems.yaml")
    total = float(table["conversations"])
    counted = {str(stem): int(count) for count, stems in table["stems"].items() for stem in str(stems).split()}
    return {stem: math.log(total / count) for stem, count in counted.items()}, math.log(total / 2)


def weight(stem: str) -> float:
    """How much a stem tells of what a text is about: the log of how rare it is in people's talk, 0 .. about 6."""
    table, rare = _commonness()
    return table.get(stem, rare)


def weighed(stems: Iterable[str]) -> float:
    """The weight of several stems together, in the order of their letters so that sums are the same everywhere."""
    return sum(weight(stem) for stem in sorted(set(stems)))
