"""read_description: what a line about somebody fixes; the rest is drawn.

read_description("a retired tram driver of 67 from Bari, stubborn and kind").career      # "tram driver"
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from simworld.forge.reading import ages_in, career_in, gender_in, place_in, skills_in, standing_in, traits_in
from simworld.text.words import stop_words

RETIRED_FROM = (60, 84)
"""Ages of somebody who is only said to be retired."""
_NAMED = re.compile(r"\b(?:named|called) ((?:[A-ZÀ-Ž][\w'’-]+ ?){1,4})|^((?:[A-ZÀ-Ž][\w'’-]+ ?){2,3})(?=,)")
_READ = re.compile(
    r"\b(?:years?|old|aged?|from|retired|lives?|alone|with|who|twenties|thirties|forties|fifties|sixties|seventies|eighties|early|late|mid)\b"
)


@dataclass(frozen=True, slots=True)
class Described:
    """What a line says, as far as it could be read."""

    career: str = ""
    traits: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    ages: tuple[int, int] | None = None
    gender: str = ""
    region: str = ""
    town: str = ""
    name: str = ""
    retired: bool = False
    standing: str = ""
    told: tuple[str, ...] = ()


def read_description(line: str) -> Described:
    """The aspects that a line tells, by the vocabularies and the tables of places."""
    career, written = career_in(line)
    region, town = place_in(line)
    retired = re.search(r"\bretired\b", line, re.IGNORECASE) is not None
    named = _NAMED.search(line)
    told: list[str] = []
    if career and written != career:
        told.append(f"description: '{written}' is taken as the career {career}")
    ages = ages_in(line) or (RETIRED_FROM if retired else None)
    found = Described(
        career=career, traits=traits_in(line), skills=skills_in(line), ages=ages, gender=gender_in(line), region=region,
        town=town, name=(named[1] or named[2]).strip() if named else "", retired=retired, standing=standing_in(line),
    )  # fmt: skip
    unread = _unread(line, found, written)
    if unread:
        told.append(f"description: not read by the composer: {', '.join(unread)}")
    return Described(**{name: getattr(found, name) for name in Described.__slots__ if name != "told"}, told=tuple(told))


def _unread(line: str, found: Described, written: str) -> list[str]:
    """The content words that no aspect was read from."""
    read = f"{written} {found.town} {found.name} {' '.join(found.traits)} {' '.join(found.skills)}".lower()
    stops = stop_words()
    left: list[str] = []
    for word in re.findall(r"[^\W\d_][\w'-]*", line):
        low = word.lower()
        if low in stops or low in read or _READ.fullmatch(low) or len(low) < 3:
            continue
        if gender_in(word) or standing_in(word) or place_in(word)[0] or traits_in(word):
            continue
        left.append(word)
    return left
