"""Contradictions: what cannot all be true of one persona, found in the finished record, whoever wrote it.

    contradictions(persona)     # ["age: 12 is too young for doctor, which one has from 26"]

Rules over typed fields and over first-person sentences; they know the words of `templates/forge/people/contradictions`
and the careers', regions' and traits' tables. What they do not understand they leave alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from simworld.forge.numerals import NUMBERS
from simworld.forge.tables import bars, careers, countries, opposites, pronouns, regions, table
from simworld.mind.temperament import by_traits
from simworld.schema import Persona

FAR = 0.55
"""How far (0..1) a factor of the Big Five may be from what the traits say."""
YOUNGEST_PARENT = 14
RETIRES_FROM = 45
SIGNS_OF_AGE = 92
"""From this age on parents are taken to be dead."""
_NUMBER = rf"(?:\d{{1,3}}|{'|'.join(sorted(NUMBERS, key=len, reverse=True))})"
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")


class Contradiction(NamedTuple):
    """What two fields say that cannot both be so."""

    field: str
    """The field to mend."""
    what: str

    def __str__(self) -> str:
        return f"{self.field}: {self.what}"


def contradictions(persona: Persona) -> list[str]:
    """Every contradiction of a persona, as `field: what`."""
    return [str(one) for one in found_in(persona)]


def found_in(persona: Persona) -> list[Contradiction]:
    """Every contradiction of a persona, each once."""
    return list(dict.fromkeys(one for rule in _RULES for one in rule(persona)))


def _age_and_career(p: Persona) -> Iterator[Contradiction]:
    row = careers().get(p.career)
    if p.age is None or row is None:
        return
    if p.age < row.least:
        yield Contradiction("age", f"{p.age} is too young for {p.career}, which one has from {row.least}")
    elif not row.fits(p.age):
        yield Contradiction("career", f"{p.career} at {p.age}: one has it up to {row.last}")


def _retired(p: Persona) -> Iterator[Contradiction]:
    for field in ("career_detail", "living", "social"):
        if p.age is not None and p.age < RETIRES_FROM and _says("retired", getattr(p, field)):
            yield Contradiction(field, f"retired at {p.age}, under {RETIRES_FROM}")


def _experience(p: Persona) -> Iterator[Contradiction]:
    if p.age is None:
        return
    for years in _numbers(rf"\b({_NUMBER}) years?\b", p.career_detail):
        if years > p.age - 14:
            yield Contradiction("career_detail", f"{years} years of work at the age of {p.age}")
    for field in ("family", "social"):
        for years in _numbers(rf"\bmarried (?:\w+ )?(?:for )?({_NUMBER}) years", getattr(p, field)):
            if years > p.age - 16:
                yield Contradiction(field, f"married {years} years at the age of {p.age}")


def _schooling(p: Persona) -> Iterator[Contradiction]:
    row = careers().get(p.career)
    if row is None or not p.education:
        return
    if row.school in ("degree", "doctorate") and _says("unschooled", p.education) and not _says("degree", p.education):
        yield Contradiction("education", f"{p.career} needs a degree, and this says that there is none")
    if p.age is not None and p.age < 20 and _says("graduated", p.education):
        yield Contradiction("education", f"a finished degree at {p.age}")


def _family_and_age(p: Persona) -> Iterator[Contradiction]:
    if p.age is None or not p.family:
        return
    for sentence in _SENTENCE.split(p.family):
        if p.age < 34 and _says("grandchildren", sentence) and not _says("grandparents", sentence):
            yield Contradiction("family", f"grandchildren at {p.age}")
        if p.age >= 60 and _says("own_baby", sentence) and not _says("grand", sentence):
            yield Contradiction("family", f"a small child of one's own at {p.age}")
        if p.age >= SIGNS_OF_AGE - 4 and _says("parents_alive", sentence):
            yield Contradiction("family", f"parents alive at {p.age}")
        if p.age < 16 and _says("spouse", sentence):
            yield Contradiction("family", f"married at {p.age}")
        yield from _child_ages(p.age, sentence)


def _child_ages(age: int, sentence: str) -> Iterator[Contradiction]:
    if not _says("child", sentence) or _says("grand", sentence):
        return
    for years in _numbers(
        rf"\b(?:is|are|aged?|turned|at|old,?|,) ({_NUMBER})\b(?! (?:times|streets|years ago))", sentence
    ):
        if years > age - YOUNGEST_PARENT:
            yield Contradiction("family", f"a child of {years} at the age of {age}")


def _family_within(p: Persona) -> Iterator[Contradiction]:
    widowed, never = _says("widowed", p.family), _says("never_married", p.family)
    if (widowed or never) and _says("spouse_now", p.family):
        yield Contradiction("family", f"{'widowed' if widowed else 'never married'}, and a husband or wife now")
    if never and widowed:
        yield Contradiction("family", "never married, and widowed")
    if _says("childless", p.family) and _says("has_child", p.family):
        yield Contradiction("family", "no children, and children")


def _family_and_home(p: Persona) -> Iterator[Contradiction]:
    if _says("alone", p.living) and (_says("spouse_now", p.family) or _says("child_at_home", p.family)):
        yield Contradiction("living", "living alone, and with a family")
    if _says("with_spouse", p.living) and (_says("alone", p.family) or _says("never_married", p.family)):
        yield Contradiction("living", "living with a husband or wife whom the family field does not know")
    if _says("with_children", p.living) and _says("childless", p.family):
        yield Contradiction("living", "children at home, and none in the family")
    if _says("homeless", p.living) and _says("owner", p.living):
        yield Contradiction("living", "no home, and a home of one's own")


def _traits(p: Persona) -> Iterator[Contradiction]:
    for pair in sorted(sorted(pair) for pair in opposites() if pair <= {*p.traits}):
        yield Contradiction("traits", f"nobody is both {pair[0]} and {pair[1]}")
    if p.big_five is None or not p.traits:
        return
    expected = by_traits(p.traits).model_dump()
    for factor, value in p.big_five.model_dump().items():
        if abs(value - expected[factor]) > FAR:
            yield Contradiction("big_five", f"{factor} {value:g}, and the traits say about {expected[factor]:.2g}")


def _tongues(p: Persona) -> Iterator[Contradiction]:
    spoken = _spoken_at(p.origin)
    if p.languages and spoken and not any(word in " ".join(p.languages).lower() for word in spoken):
        yield Contradiction("languages", f"none of {', '.join(sorted(spoken))}, spoken in {p.origin}")


def _pronouns(p: Persona) -> Iterator[Contradiction]:
    allowed = pronouns().get(p.gender, ())
    if p.pronouns and p.gender in ("woman", "man") and p.pronouns not in allowed and "they" not in p.pronouns:
        yield Contradiction("pronouns", f"{p.pronouns} for a {p.gender}; usual are {', '.join(allowed)}")


def _tastes(p: Persona) -> Iterator[Contradiction]:
    for liked in p.likes:
        for disliked in p.dislikes:
            if liked.casefold() == disliked.casefold():
                yield Contradiction("dislikes", f"'{disliked}' is liked as well")
    row = careers().get(p.career)
    text = " ".join((*p.likes, *p.hobbies))
    if row and row.hours == "early" and not _says("retired", p.career_detail) and _says("lying_in", text):
        yield Contradiction("likes", f"lying in, and the hours of {p.career}")
    meatless = _says("meatless", " ".join((*p.values, *p.dislikes, p.personality, p.profile)))
    if meatless and _says("meat", " ".join(p.likes)):
        yield Contradiction("likes", "meat, to a vegetarian")
    sober = _says("sober", " ".join((*p.values, p.personality, p.living, p.profile)))
    if sober and _says("drink", " ".join(p.likes)):
        yield Contradiction("likes", "a drink, to somebody who does not drink")


def _learning(p: Persona) -> Iterator[Contradiction]:
    for entry in p.unaware:
        if entry.casefold() in {known.casefold() for known in p.knows}:
            yield Contradiction("unaware", f"'{entry}' is known as well")
        for skill in p.skills:
            stem = skill.split()[-1].casefold()[:4]
            if re.search(rf"\bhow to {re.escape(stem)}", entry.casefold()):
                yield Contradiction("unaware", f"'{entry}', and good at {skill}")


def _profile(p: Persona) -> Iterator[Contradiction]:
    found = re.search(r"\b(\d{1,3})[- ]years?[- ]old", p.profile)
    if found and p.age is not None and int(found[1]) != p.age:
        yield Contradiction("profile", f"the profile says {found[1]} years, the age {p.age}")


_RULES: tuple[Callable[[Persona], Iterator[Contradiction]], ...] = (
    _age_and_career, _retired, _experience, _schooling, _family_and_age, _family_within, _family_and_home, _traits,
    _tongues, _pronouns, _tastes, _learning, _profile,
)  # fmt: skip


def _numbers(pattern: str, text: str) -> list[int]:
    found = re.findall(pattern, text.lower())
    return [int(word) if word.isdigit() else NUMBERS[word] for word in found]


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(bars(table('contradictions')[name]))})\b", re.IGNORECASE)


def _says(name: str, text: str) -> bool:
    return bool(_pattern(name).search(text))


def _spoken_at(origin: str) -> frozenset[str]:
    """The languages (small letters) of the place that an origin names; none where it is not known."""
    words = {part.strip() for part in re.split(r"[,;()]| in ", origin)}
    town = next((part for part in words if part in countries()), "")
    strands = [one for region in regions().values() for one in region.strands]
    if town:
        strands = [one for one in strands if town in one.towns]
    else:
        here = {name for name, country in countries().items() if country in words}
        strands = [one for one in strands if here & {*one.towns}] if here else []
    return frozenset(tongue.lower() for one in strands for tongues in one.languages for tongue in tongues)
