"""Facts: what is known of somebody, and what somebody says of themselves, read by rules from text.

    facts = facts_of(persona, profile, "Ana Reis")
    claims_in("I'm thirty-four, and my wife is a nurse.")       # age 34; married
    against(claim, facts)                                       # 'is 61', or '' where nothing contradicts

The patterns stand in `templates/curate/claims.yaml`. What a profile does not say is not known, and
nothing contradicts it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from simworld.prompts import data, words
from simworld.schema import Persona
from simworld.text.words import content_stems, stem

FILE = "curate/claims.yaml"
KINDS = (
    "age", "career", "no_career", "name", "gender", "married", "unmarried", "children", "childless", "siblings",
    "no_siblings", "origin", "speaks", "speaks_not",
)  # fmt: skip
YEARS = 1
"""By how much two ages may differ."""
SHORT = 3
"""Letters of a stem from which on it may be a part of an occupation: 'art' of 'artist'."""
BEFORE = 90
"""Characters before a statement in which it may be taken back."""
_SPEAKER = {"I": r"\bI", "am": r"(?:am|'m)", "my": "my"}
_PROFILE = {
    "I": r"\b(?:I|You|He|She|They)", "am": r"(?:am|'m|are|'re|is|'s|was)", "my": r"(?:my|your|his|her|their)",
}  # fmt: skip
_OPPOSITES = {
    "married": "unmarried", "unmarried": "married", "children": "childless", "childless": "children",
    "siblings": "no_siblings", "no_siblings": "siblings",
}  # fmt: skip
_MALE = frozenset({"man", "boy", "gentleman", "male"})
_FEMALE = frozenset({"woman", "girl", "lady", "female"})


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing said of oneself."""

    kind: str
    value: str
    """The age, the occupation, the name, the place, the language, the gender; empty for the others."""
    text: str
    """The words that say so."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of somebody; empty or None: it is not."""

    age: int | None = None
    gender: str = ""
    """`man` or `woman`."""
    careers: frozenset[str] = frozenset()
    """Stems of the last words of occupations."""
    states: frozenset[str] = frozenset()
    """Of married, unmarried, children, childless, siblings, no_siblings: those that hold."""
    origin: bool = False
    """Whether it is known where they are from."""
    languages: frozenset[str] = frozenset()
    """Small letters."""
    stems: frozenset[str] = frozenset()
    """Everything that the profile speaks of."""
    names: frozenset[str] = frozenset()
    """Words of the name, small letters."""


def facts_of(persona: Persona | None, profile: str, name: str) -> Facts:
    """What the record's fields say, and where it has none what the profile's text says."""
    claims = list(claims_in(profile, profile=True))
    fields = [persona.family, persona.social, persona.living, persona.origin, persona.career_detail] if persona else []
    claims += [claim for text in fields for claim in claims_in(text, profile=True)]
    by_kind: dict[str, list[str]] = {}
    for claim in claims:
        by_kind.setdefault(claim.kind, []).append(claim.value)
    ages = [int(value) for value in by_kind.get("age", [])]
    gender = _gender(persona.gender if persona else "") or next(map(_gender, by_kind.get("gender", [])), "")
    careers = {_head(value) for value in by_kind.get("career", [])}
    if persona and persona.career:
        careers.add(_head(persona.career))
    stems = {*content_stems(profile), *(one for text in fields for one in content_stems(text))}
    return Facts(
        age=persona.age if persona and persona.age is not None else ages[0] if ages else None,
        gender=gender, careers=frozenset(careers),
        states=frozenset(kind for kind in by_kind if kind in _OPPOSITES and _OPPOSITES[kind] not in by_kind),
        origin=bool(persona and persona.origin) or "origin" in by_kind,
        languages=frozenset(one.casefold() for one in (persona.languages if persona else ())), stems=frozenset(stems),
        names=frozenset(re.findall(r"[^\W\d_]+", name.casefold())),
    )  # fmt: skip


def claims_in(text: str, *, profile: bool = False) -> Iterator[Claim]:
    """What the text says of its speaker (`profile`: of whom it describes), in the order of the kinds."""
    plain = text.replace("’", "'").replace("\n", " ")
    low = plain.casefold()
    for kind, patterns in _patterns(profile).items():
        if not _may_hold(kind, low):
            continue
        for pattern in patterns:
            for match in pattern.finditer(plain):
                value = _value(kind, match)
                if value is not None and (profile or not _taken_back(plain, match.start())):
                    yield Claim(kind, value, " ".join(match[0].split()).strip(" .,;!?"))


def against(claim: Claim, facts: Facts) -> str:
    """What a statement contradicts, in a few words; empty where it contradicts nothing that is known."""
    if claim.kind in _OPPOSITES:
        opposite = _OPPOSITES[claim.kind]
        return f"is {opposite.replace('no_siblings', 'without siblings')}" if opposite in facts.states else ""
    told = {
        "age": f"is {facts.age}", "gender": f"is a {facts.gender}", "career": "has another career",
        "no_career": "is one", "name": "has another name", "origin": "is from elsewhere",
        "speaks": "does not speak it", "speaks_not": "speaks it",
    }  # fmt: skip
    return told[claim.kind] if _denies(claim, facts) else ""


def _denies(claim: Claim, facts: Facts) -> bool:
    """Whether a statement about age, gender, career, name, origin or language goes against what is known of it."""
    value = claim.value.casefold()
    looks = {
        "age": lambda: facts.age is not None and abs(int(value) - facts.age) > YEARS,
        "gender": lambda: bool(facts.gender) and _gender(value) != facts.gender,
        "career": lambda: bool(facts.careers) and not _is_theirs(value, facts),
        "no_career": lambda: _head(value) in facts.careers,
        "name": lambda: not facts.names & set(re.findall(r"[^\W\d_]+", value)),
        "origin": lambda: facts.origin and not facts.stems & set(content_stems(claim.value)),
        "speaks": lambda: bool(facts.languages) and not {value, stem(value)} & (facts.languages | facts.stems),
        "speaks_not": lambda: value in facts.languages,
    }
    return looks[claim.kind]()


def _is_theirs(job: str, facts: Facts) -> bool:
    """Whether an occupation is one of theirs, akin to one, or spoken of in the profile at all."""
    head = _head(job)
    akin = {head, *(one for line in _kin() if head in line for one in line)}
    known = {*facts.careers, *(one for one in facts.stems if len(one) >= SHORT)}
    return any(one.startswith(other) or other.startswith(one) for one in akin for other in known)


def _may_hold(kind: str, low: str) -> bool:
    """Whether a text holds a word that every statement of this kind has: a look that saves the patterns."""
    hints = _hints().get(kind)
    if hints is None:
        return not _job_words().isdisjoint(re.findall(r"[a-z]+", low))
    return any(hint in low for hint in hints)


@cache
def _hints() -> Mapping[str, tuple[str, ...]]:
    told: dict[str, Any] = data(FILE)["hints"]
    return {kind: tuple(one.strip() for one in str(line).split("|")) for kind, line in told.items()}


@cache
def _job_words() -> frozenset[str]:
    """The last words of all occupations."""
    jobs = (*str(data(FILE)["jobs"]).split("|"), *words("careers"))
    return frozenset(found[-1] for job in jobs if (found := re.findall(r"[a-z]+", job.casefold())))


def _value(kind: str, match: re.Match[str]) -> str | None:
    groups = match.groupdict()
    if kind == "age":
        number = _as_number(groups["n"])
        return str(number) if number is not None and 4 <= number <= 110 else None
    for name in ("job", "name", "gender"):
        if groups.get(name):
            return groups[name].strip(" .,;!?")
    return ""


def _as_number(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    table: Mapping[str, int] = data(FILE)["numbers"]
    parts = text.lower().replace("-", " ").split()
    if not parts or any(part not in table and part != "one" for part in parts):
        return None
    return sum(table.get(part, 1) for part in parts)


def _gender(text: str) -> str:
    word = text.casefold()
    return "woman" if word in _FEMALE else "man" if word in _MALE else ""


@cache
def _head(job: str) -> str:
    """The stem of an occupation's last word: of 'freelance writer' that of 'writer'."""
    found = re.findall(r"[^\W\d_]+", job.casefold())
    return stem(found[-1]) if found else ""


def _taken_back(text: str, start: int) -> bool:
    """Whether words before make a statement none about the speaker's present self."""
    before = re.split(r"[.!?;:\n]", text[max(0, start - BEFORE) : start])[-1]
    return text[max(0, start - 1) : start] in ('"', "“") or _hedges().search(before) is not None


@cache
def _hedges() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{_either(data(FILE)['not_real'])})\b", re.IGNORECASE)


@cache
def _kin() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(map(stem, str(line).split())) for line in data(FILE)["kin"])


@cache
def _patterns(profile: bool) -> Mapping[str, tuple[re.Pattern[str], ...]]:
    told: dict[str, Any] = data(FILE)
    numbers = _either(" | ".join(told["numbers"]))
    jobs = _either(" | ".join((told["jobs"], *words("careers"))))
    no_job = "bit|sort|kind|lot|fan|friend|son|daughter"
    marks = {
        **(_PROFILE if profile else _SPEAKER),
        "n": rf"(?P<n>\d{{1,3}}|(?:{numbers})(?:[- ](?:one|{numbers}))?)",
        "job": rf"(?!{no_job})(?:[a-z0-9'-]+,? ){{0,4}}?(?P<job>{jobs})\b(?! of (?:sorts|my|the heart)| at heart)",
        "name": r"(?P<name>(?-i:[A-Z])[\w'’-]+(?: (?-i:[A-Z])[\w'’-]+){0,2})",
        "have": "(?:have|'ve|has)",
    }  # fmt: skip
    more: Mapping[str, list[str]] = told["of_profiles"] if profile else {}
    patterns = {
        kind: tuple(
            re.compile(_contracted(one.format(**marks)), re.IGNORECASE) for one in (*told[kind], *more.get(kind, ()))
        )
        for kind in KINDS
    }
    languages = re.compile(rf"(?:{_either(told['languages'])})\Z")
    return {kind: tuple(map(_only(languages, kind), found)) for kind, found in patterns.items()}


def _only(languages: re.Pattern[str], kind: str) -> Any:
    """Of what is spoken, only names of languages count."""
    alone = languages.pattern.removesuffix(r"\Z")

    def narrowed(pattern: re.Pattern[str]) -> re.Pattern[str]:
        if not kind.startswith("speaks"):
            return pattern
        return re.compile(re.sub(r"\(\?P<name>.*?\{0,2\}\)", rf"(?P<name>{alone})\\b", pattern.pattern), re.IGNORECASE)

    return narrowed


def _contracted(pattern: str) -> str:
    """'I am' also as 'I'm': no blank before a short form."""
    return re.sub(r" \(\?:am\|'m", r" ?(?:am|'m", pattern)


def _either(listed: str) -> str:
    """Words parted by `|` as alternatives, the longest first."""
    found = {word.strip() for word in listed.split("|") if word.strip()}
    return "|".join(re.escape(word) for word in sorted(found, key=lambda word: (-len(word), word)))
