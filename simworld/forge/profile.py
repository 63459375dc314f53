"""read_profile: a finished text about somebody -> the fields of the schema it tells.

    read = read_profile("You are Ann Lee, a 30-year-old woman who works as a baker. You are shy.")
    read.fields      # {"name": "Ann Lee", "age": 30, "gender": "woman", "career": "baker", "traits": ("shy",), ...}
    read.told        # what could not be read

The text itself stays as `profile`. Family, home and friends are read from second-person texts only: they are turned to
the first person, as the schema has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from simworld.agents.improv import profile as improv
from simworld.forge.numerals import article
from simworld.forge.reading import ages_in, career_in, gender_in, sentences_on, skills_in, traits_in

MOST_TRAITS = 8
LONGEST = 600
"""Characters of a field of one line."""
_PART = (
    r"(?:(?:Dr|Mr|Mrs|Ms|Prof|Sir|Dame|Captain|Professor|Doctor)\.?|[A-ZÀ-Ž][\w’'-]*\.?"
    r"|['\"“‘][A-ZÀ-Ž][\w ]*['\"”’]|de|van|von|da|del|la|O'[A-Z]\w+)"
)
_NAMES = (
    re.compile(
        rf"\b[Yy]ou(?: are|'re|’re) ((?:{_PART} )*{_PART})(?=[,.]| (?:is|and|who|an?|the|known|working|with|\()\b|$)"
    ),
    re.compile(rf"\b[Yy]our name is ((?:{_PART} )*{_PART})"),
    re.compile(rf"^(?:Name:? )?((?:{_PART} )*{_PART})(?=,| \(| (?:is|was|works|lives|has)\b|\n)"),
)
_PRONOUNS = re.compile(r"\b(she/her|he/him|they/them|she/they|he/they)\b", re.IGNORECASE)
_TONE = re.compile(
    r"(?:have|has|with|for (?:your|her|his|their)|(?:is|in)|your|her|his|their|by) (?:an? |the )?"
    r"((?:[\w'’-]+,? (?:and )?){1,6}(?:voice|tone)(?: of voice)?(?: that [^.;]{3,80}| with [^.;]{3,60})?)"
)
_DREAM = re.compile(r"\b(?:dreams? (?:is|are) to|dream of|aspires? to|hopes? to|wants? to|goal is to) ([^.;,]{6,90})")
_TELLING = ("name", "age", "gender", "career", "traits")


@dataclass(frozen=True, slots=True)
class ProfileRead:
    """What a text says of somebody."""

    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    told: tuple[str, ...] = ()


def read_profile(text: str) -> ProfileRead:
    """The fields that a second- or third-person profile tells, and what could not be read of it."""
    text = text.strip()
    told: list[str] = []
    name, ages = _name(text), ages_in(text)
    career, written = career_in(text)
    if career and written != career:
        told.append(f"profile: '{written}' is taken as the career {career}; career_detail keeps what was written")
    fields: dict[str, Any] = {
        "name": name[:80], "age": ages[0] if ages and ages[0] == ages[1] else None,
        "gender": gender_in(_described(text)),
        "pronouns": _pronouns(text), "career": career,
        "career_detail": f"I work as {article(written)}." if written and written != career else "",
        "traits": traits_in(text)[:MOST_TRAITS], "skills": skills_in(text)[:MOST_TRAITS],
        "voice": {"tone": tone} if (tone := _tone(text)) else {}, "goals": _goals(text),
    }  # fmt: skip
    if re.search(r"\byou(?:'re|r| are)?\b", text, re.IGNORECASE):
        fields |= _of_second_person(text)
    else:
        told.append("profile: in the third person; family, home and friends are not read from it, and stay empty")
    fields = {key: value for key, value in fields.items() if value}
    missing = [key for key in _TELLING if key not in fields]
    if missing:
        told.append(f"profile: does not tell, and so is drawn: {', '.join(missing)}")
    return ProfileRead({**fields, "profile": text}, tuple(told))


def _name(text: str) -> str:
    for pattern in _NAMES:
        if found := pattern.search(text):
            return found[1].strip()
    return ""


def _described(text: str) -> str:
    """The first two sentences, where a profile says man or woman; else all of it."""
    start = text[:320]
    return start if gender_in(start) else text


def _pronouns(text: str) -> str:
    found = _PRONOUNS.search(text)
    return found[1].lower() if found else ""


def _tone(text: str) -> str:
    found = _TONE.search(text)
    return found[1].strip()[:LONGEST] if found else ""


def _goals(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(improv.first_person(one.strip()) for one in _DREAM.findall(text)))[:3]


def _of_second_person(text: str) -> dict[str, Any]:
    likes, dislikes = improv.liked(text), improv.disliked(text)
    found: dict[str, Any] = {
        "likes": tuple(one for one in likes if not one.split()[0].endswith("ing"))[:6],
        "hobbies": tuple(one for one in likes if one.split()[0].endswith("ing"))[:6], "dislikes": dislikes[:6],
    }  # fmt: skip
    for key in ("family", "living", "social"):
        told = " ".join(_capital(improv.first_person(one.strip(" `"))) for one in sentences_on(key, text))
        found[key] = told if len(told) <= LONGEST else ""
    return found


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
