"""What is true of a persona, in pieces small enough to be said: facts.

    facts_of(persona)[0].text       # "soup at the end of a shift"

A fact is a phrase that goes into a frame of its kind ('I like {x}.') or a clause that stands by itself. Long sentences
are cut into clauses; a clause still long is parted by a filler when it is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from simworld.agents.improv import profile as told
from simworld.agents.improv.library import library
from simworld.agents.improv.phrases import capital, content
from simworld.agents.improv.reading import subjects_of
from simworld.schema import Persona

_LIMIT = 7
"""Words that may follow each other without anything between: longer runs would recur."""
_LONGEST = 14
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_JOINT = re.compile(r"; |, and |, but |, so |: | – | — ")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is true of a persona."""

    text: str
    """A phrase, or for the kind `clause` a whole sentence."""
    kind: str
    """The frame it goes into: a key of `facts.frames`."""
    field: str
    """The persona's field that it comes from."""
    words: frozenset[str]
    subjects: tuple[str, ...]


def facts_of(persona: Persona) -> tuple[Fact, ...]:
    """Everything that a persona may say of itself; never the secret."""
    made: dict[str, Fact] = {}
    for kind, field, text in (*_phrases(persona), *_clauses(persona), *_from_profile(persona)):
        words = content(text)
        if text not in made and _fits(text):
            made[text] = Fact(text, kind, field, frozenset(words), subjects_of(words))
    return tuple(made.values())


def clauses(text: str) -> Iterator[str]:
    """A field of first-person sentences as clauses that stand by themselves."""
    for sentence in _SENTENCE.split(text):
        for part in _JOINT.split(sentence.strip().rstrip(".")):
            clause = part.strip(" ,;")
            if 3 <= len(clause.split()) <= _LONGEST and _stands(clause):
                yield capital(clause)


def _stands(clause: str) -> bool:
    first = clause.split(maxsplit=1)[0].lower()
    return first not in library().words("facts.dependent")


def _fits(text: str) -> bool:
    """Short enough to be said, whole or in two parts."""
    return bool(weave(text, "x"))


@cache
def _break() -> re.Pattern[str]:
    return re.compile(rf" (?=(?:{'|'.join(sorted(library().words('lexicon.breaks')))})\b)")


def weave(text: str, filler: str) -> str:
    """A long clause with a filler between its short halves; itself where it is short, empty where it has none."""
    count = len(_WORD.findall(text))
    if count <= _LIMIT:
        return text
    for place in sorted((match.start() for match in _break().finditer(text)), key=lambda place: _strain(text, place)):
        if max(len(_WORD.findall(text[:place])), len(_WORD.findall(text[place:]))) <= _LIMIT:
            return f"{text[:place].rstrip(',')}, {filler},{text[place:]}"
    return ""


def _strain(text: str, place: int) -> float:
    """How ill a filler would sit at this place: far from the middle, or between a thing and what it is of."""
    return abs(place - len(text) / 2) + (len(text) / 3 if text.startswith(" of ", place) else 0)


_KINDS = ("likes", "dislikes", "values", "goals", "knows", "unaware", "skills", "strengths", "flaws", "languages")


def _phrases(persona: Persona) -> Iterator[tuple[str, str, str]]:
    outside = library().words("facts.outside")
    for field in (*_KINDS, "hobbies"):
        for text in getattr(persona, field):
            phrase = str(text).strip().rstrip(".")
            if outside & set(phrase.lower().split()):
                continue
            doing = phrase.split(" ", 1)[0].endswith("ing")
            yield ("doing" if doing else "likes") if field == "hobbies" else field, field, phrase
    if persona.career and persona.career != "assistant":
        yield "career", "career", _article(persona.career)
    if persona.aspiration:
        yield "aspiration", "aspiration", persona.aspiration
    if persona.origin:
        yield "origin", "origin", re.split(r"[,;(]", persona.origin)[0].strip()
    if persona.education:
        yield "education", "education", re.split(r"[;,]", persona.education)[0].strip()
    if persona.age and persona.age < 100:
        yield "age", "age", number(persona.age)


def _clauses(persona: Persona) -> Iterator[tuple[str, str, str]]:
    for field in ("career_detail", "family", "social", "living"):
        for clause in clauses(getattr(persona, field)):
            yield "clause", field, clause


def _from_profile(persona: Persona) -> Iterator[tuple[str, str, str]]:
    if not persona.profile or persona.likes or persona.samples:
        return
    for clause in told.said_of_self(persona.profile):
        yield "clause", "profile", clause.rstrip(".")
    for phrase in told.liked(persona.profile):
        yield "likes", "likes", phrase
    for phrase in told.disliked(persona.profile):
        yield "dislikes", "dislikes", phrase
    if not persona.career and (trade := told.trade(persona.profile)):
        yield "career", "career", trade
    found = re.search(r"\b(\d\d)[ -]years?[ -]old|\bof (\d\d) years", persona.profile)
    if persona.age is None and found:
        yield "age", "age", number(int(found[1] or found[2]))


def _article(career: str) -> str:
    return f"{'an' if career[:1].lower() in 'aeiou' else 'a'} {career}"


def number(value: int) -> str:
    """A number below 100 in words."""
    units = str(library().value("facts.numbers.units")).split()
    tens = str(library().value("facts.numbers.tens")).split()
    if value < 20:
        return units[value]
    return tens[value // 10] + (f"-{units[value % 10]}" if value % 10 else "")
