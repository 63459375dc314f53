"""What any text about a person tells: age, gender, career, traits, skills, standing, place.

career_in("an environmental lawyer")      # ("lawyer", "environmental lawyer")
ages_in("a woman in her sixties")         # (60, 69)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from simworld.forge.numerals import NUMBERS
from simworld.forge.tables import bars, countries, regions, table
from simworld.prompts import words

_NUMBER = rf"\d{{1,3}}|{'|'.join(sorted((word for word in NUMBERS if NUMBERS[word] > 12), key=len, reverse=True))}"
_AGES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b({_NUMBER})[- ]years?[- ]old", rf"\baged? (?:of )?({_NUMBER})\b", rf"\b(?:at|age) ({_NUMBER})\b",
        rf"\b({_NUMBER}) years of age", rf"\bof ({_NUMBER})\b(?! years of)", rf"[A-Za-z], ({_NUMBER})[,.]",
        rf"^({_NUMBER}),",        rf", ({_NUMBER})$", r"\byou(?:'re| are) (\d{2})\b",
    )
)  # fmt: skip
_DECADE = re.compile(
    r"\bin (?:her|his|their|your) (early |mid-?|late )?(twenties|thirties|forties|fifties|sixties|seventies|eighties)"
)
_DECADES = ("twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties")
_PARTS = {"early ": (0, 3), "mid": (4, 6), "mid-": (4, 6), "late ": (7, 9)}


def ages_in(text: str) -> tuple[int, int] | None:
    """The age that a text tells, or the ages it may be."""
    for pattern in _AGES:
        for found in pattern.findall(text):
            age = int(found) if found.isdigit() else NUMBERS[found.lower()]
            if 0 < age <= 120:
                return (age, age)
    if found := _DECADE.search(text):
        first = 20 + 10 * _DECADES.index(found[2])
        low, high = _PARTS.get(found[1] or "", (0, 9))
        return (first + low, first + high)
    return None


def gender_in(text: str) -> str:
    """woman, man or non-binary, by the word that comes first; empty where none does."""
    found = {
        gender: _whole(key).search(text)
        for gender, key in (("woman", "women"), ("man", "men"), ("non-binary", "others"))
    }
    places = [(match.start(), gender) for gender, match in found.items() if match]
    if found["non-binary"]:
        return "non-binary"
    return min(places)[1] if places else ""


def standing_in(text: str) -> str:
    """widowed, divorced, married or single; empty where the text does not say."""
    rows: Mapping[str, str] = table("reading")["standing"]
    for standing, words_ in rows.items():
        if re.search(rf"\b(?:{'|'.join(bars(words_))})\b", text, re.IGNORECASE):
            return standing
    return ""


def career_in(text: str) -> tuple[str, str]:
    """The career of the vocabulary that a text names, and how it is written there; a pair of '' where none is."""
    places: list[tuple[int, int, str, str]] = []
    for written, career in _careers().items():
        for match in re.finditer(rf"\b{re.escape(written)}s?\b", text, re.IGNORECASE):
            places.append((_rank(text, match), -len(written), career, match[0]))
            break
    if not places:
        return "", ""
    rank, _, career, written = min(places)
    if rank >= DREAMT:
        return "", ""
    return career, _with_qualifier(text, written)


DREAMT = 100_000
"""Where a career stands that somebody only wants to have."""


def _rank(text: str, match: re.Match[str]) -> int:
    """Where a career stands: after 'works as a' it counts first."""
    before = text[max(0, match.start() - 48) : match.start()].lower()
    said = re.search(
        r"\b(?:works?|working|career|job|employed|serves?|profession|role|life)\b[^.]* as (?:an?|the|your)[^.,]*$",
        before,
    )
    used = re.search(
        r"\b(?:used to|in the past|formerly|previously|once)\b",
        text[max(0, match.start() - 60) : match.start()].lower(),
    )
    dreamt = re.search(
        r"\b(?:wants?|hopes?|dreams?|longs?|wishes|would like|plans?) (?:to (?:be|become)|of (?:being|becoming))"
        r"(?: an?| the)?\s*$", before,
    )  # fmt: skip
    return match.start() + (-10_000 if said else 0) + (10_000 if used else 0) + (DREAMT if dreamt else 0)


def _with_qualifier(text: str, written: str) -> str:
    """A career as written, with the words that narrow it: 'environmental lawyer'."""
    words_ = r"(?:(?!(?:an?|the|who|woman|man|male|female|\d[\w-]*)\b)[\w'-]+ ){0,3}"
    narrow = rf"\b(?:an?|the|your) ({words_}{re.escape(written)})\b"
    found = re.search(narrow, text, re.IGNORECASE)
    return (found[1] if found else written).lower()


@cache
def _careers() -> dict[str, str]:
    aliases: dict[str, str] = table("reading")["careers"]
    return {**{word: word for word in words("careers") if word != "assistant"}, **aliases}


def traits_in(text: str) -> tuple[str, ...]:
    """Traits of the vocabulary that a text names, in the order of the text; their synonyms too."""
    aliases: dict[str, str] = table("reading")["traits"]
    return _named(text, {**{word: word for word in words("traits")}, **aliases})


def skills_in(text: str) -> tuple[str, ...]:
    """Skills of the vocabulary that a text names, in the order of the text."""
    return _named(text, {word: word for word in words("skills")})


def _named(text: str, names: Mapping[str, str]) -> tuple[str, ...]:
    places = [
        (match.start(), name)
        for written, name in names.items()
        if (match := re.search(rf"(?<![\w-]){re.escape(written)}(?![\w-])", text, re.IGNORECASE))
        and not re.search(r"\b(?:not|never|hardly|nor) (?:\w+ ){0,3}$", text[: match.start()], re.IGNORECASE)
    ]
    return tuple(dict.fromkeys(name for _, name in sorted(places)))


def place_in(text: str) -> tuple[str, str]:
    """The region and the town that a text names; the town is empty where only a country is named."""
    for town in sorted(countries(), key=len, reverse=True):
        if re.search(rf"\b{re.escape(town)}\b", text) and len(town) > 3:
            return _region_of([town]), town
    names: dict[str, str] = {country.removeprefix("the ").lower(): country for country in countries().values()}
    for written, country in {**names, **table("reading")["from"]}.items():
        if re.search(rf"\b{re.escape(written)}\b", text, re.IGNORECASE):
            towns = [town for town, where in countries().items() if where == country]
            return _region_of(towns), towns[sum(map(ord, text)) % len(towns)]
    return "", ""


def _region_of(towns: Iterable[str]) -> str:
    wanted = {*towns}
    return next((name for name, region in regions().items() for one in region.strands if wanted & {*one.towns}), "")


@cache
def _whole(key: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(bars(table('reading')[key]))})\b", re.IGNORECASE)


def sentences_on(key: str, text: str) -> list[str]:
    """The sentences of a text that tell of `family`, `living` or `social`."""
    return [one for one in re.split(r"(?<=[.!?])\s*(?=[A-Z`])", text) if _whole(key).search(one)]
