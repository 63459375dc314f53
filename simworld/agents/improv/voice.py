"""Voice: how a persona sounds, its own or one derived, and how plain sentences are put into it.

    voice_of(persona).openers       # ("Right then,", ...)

Where a persona brings no voice, two tempers are chosen by the words of its profile and a quirk by its id, always the
same; it takes some of each one's words, so that two of one temper still sound apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import blake2b
from random import Random

from simworld.agents.improv.library import Bank, library
from simworld.schema import Persona

FIELDS = ("openers", "tags", "fillers", "exclamations", "address", "yes", "no", "greetings", "farewells", "hedges")
_TOOK = {
    "openers": 6,
    "tags": 4,
    "fillers": 3,
    "exclamations": 4,
    "address": 2,
    "yes": 4,
    "no": 4,
    "greetings": 3,
    "farewells": 3,
    "hedges": 3,
}
STANCES = ("warm", "dry", "sharp", "playful")


@dataclass(frozen=True)
class Idiom:
    """A persona's way of speaking, complete."""

    openers: Bank
    tags: Bank
    fillers: Bank
    exclamations: Bank
    address: Bank
    yes: Bank
    no: Bank
    greetings: Bank
    farewells: Bank
    hedges: Bank
    lines: Bank
    """Own sentences of a derived voice."""
    habits: tuple[str, ...]
    """Keys of `voices.habits`, and `exclaim`, `ellipsis`, `semicolon`, `dash`."""
    stances: Mapping[str, float]
    pace: str
    """`clipped`, `even` or `flowing`."""


def seeded(*parts: object) -> Random:
    """A generator of its own for these parts, the same in every process."""
    digest = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return Random(int.from_bytes(digest, "big"))


def voice_of(persona: Persona) -> Idiom:
    """The voice a persona brings, filled up where it has gaps from the one that would be derived."""
    about = described(persona)
    tempers, quirks = _tempers(persona, about), _quirks(persona, about)
    brought = _brought(persona)
    kept = {
        field: brought[field] or _taken(persona, field, tempers, () if any(brought.values()) else quirks)
        for field in FIELDS
    }
    return Idiom(
        **kept,
        lines=() if persona.samples else _lines(persona, tempers),
        habits=_heard_habits(persona.samples) if persona.samples else _habits(tempers, quirks),
        stances=_stances(persona, tempers),
        pace=persona.voice.pace if any(brought.values()) else str(_value(tempers[0], "pace", "even")),
    )


def _brought(persona: Persona) -> dict[str, Bank]:
    """The persona's own words of voice, by field."""
    own: dict[str, Bank] = {field: getattr(persona.voice, field, ()) for field in FIELDS}
    return {field: tuple(text for text in map(shortened, texts) if text) for field, texts in own.items()}


def described(persona: Persona) -> list[str]:
    """The words that tell what a persona is like."""
    text = " ".join((persona.profile, persona.voice.tone, persona.personality, " ".join(persona.traits)))
    return re.findall(r"[a-zà-ž]+(?:-[a-zà-ž]+)*", text.lower())


def shortened(text: str) -> str:
    """A word of greeting and the like: of a long run of words the first sentences, empty where these are long."""
    said = ""
    for sentence in re.findall(r"[^.!?]+[.!?]*", text):
        if len(re.findall(r"[A-Za-z']+", said + sentence)) > _LONGEST:
            break
        said += sentence
    return said.strip()


_LONGEST = 7


def _value(temper: str, field: str, default: object) -> object:
    return library().value(f"voices.tempers.{temper}.{field}", default)


def _tempers(persona: Persona, about: Sequence[str]) -> tuple[str, str]:
    """The two tempers whose words tell most of this persona; ties fall by the persona's id."""
    chance = seeded("temper", persona.id, persona.name)
    scores = {
        name: sum(min(about.count(word), 2) for word in library().words(f"voices.tempers.{name}.fit"))
        + chance.random() * 1.6
        for name in library().names("voices.tempers")
    }
    first, second = sorted(scores, key=lambda name: -scores[name])[:2]
    return first, second


def _quirks(persona: Persona, about: Sequence[str]) -> tuple[str, ...]:
    """A quirk that the words call for, such as an accent, and one by the persona's id; two by the id where none is."""
    quirks, named = (
        library().value("voices.quirks"),
        {*about, *persona.name.lower().split(), *(x.lower() for x in persona.languages)},
    )
    guided = [name for name, node in quirks.items() if node.get("guided") and named & set(str(node["fit"]).split())]
    free = seeded("quirk", persona.id, persona.name).sample(
        [name for name, node in quirks.items() if not node.get("guided")], 2
    )
    return (guided[0], free[0]) if guided else tuple(free)


def _taken(persona: Persona, field: str, tempers: tuple[str, str], quirks: tuple[str, ...]) -> Bank:
    """This persona's share of a field: some from each temper, and as much from its quirks."""
    chance, count = seeded(field, persona.id, persona.name), _TOOK[field]
    first, second = (library().bank(f"voices.tempers.{name}.{field}") for name in tempers)
    odd = [library().bank(f"voices.quirks.{name}.{field}") for name in quirks]
    guided = bool(quirks) and bool(library().value(f"voices.quirks.{quirks[0]}.guided"))
    taken = [line for at, lines in enumerate(odd) for line in _some(lines, 3 if guided and not at else 2 - at, chance)]
    taken += _some(second, 1, chance)
    return tuple(dict.fromkeys([*taken, *_some(first, max(1, count - len(taken)), chance)]))


def _some(bank: Bank, count: int, chance: Random) -> list[str]:
    return chance.sample(bank, min(max(count, 0), len(bank)))


def _lines(persona: Persona, tempers: tuple[str, str]) -> Bank:
    chance = seeded("lines", persona.id, persona.name)
    first, second = (library().bank(f"voices.tempers.{name}.lines") for name in tempers)
    return (*_some(first, 7, chance), *_some(second, 4, chance))


def _habits(tempers: tuple[str, str], quirks: tuple[str, ...]) -> tuple[str, ...]:
    names = [
        str(_value(tempers[0], "habits", "")),
        *(str(library().value(f"voices.quirks.{quirk}.habits", "")) for quirk in quirks),
    ]
    habits = list(dict.fromkeys(" ".join(names).split()))
    return tuple(habit for habit in habits if not (habit == "expand" and {"gonna", "drop_g"} & set(habits)))


def _heard_habits(samples: Sequence[str]) -> tuple[str, ...]:
    """Habits that a persona's own lines show: no contractions, no articles, trailing off, dropped subjects."""
    text = " ".join(samples)
    count = max(1, len(text.split()))
    found: list[str] = []
    if len(re.findall(r"\w'(?:t|m|re|ve|ll|d)\b", text)) * 400 < count:
        found.append("expand")
    if len(re.findall(r"\b(?:the|a|an)\b", text.lower())) * 100 < count:
        found.append("articles")
    if text.count("...") * 60 > count:
        found.append("ellipsis")
    if text.count("!") * 40 > count:
        found.append("exclaim")
    return tuple(found)


def _stances(persona: Persona, tempers: tuple[str, str]) -> Mapping[str, float]:
    weights = dict.fromkeys(STANCES, 0.5)
    for temper, share in zip(tempers, (1.0, 0.5), strict=True):
        for stance, weight in library().value(f"voices.tempers.{temper}.stances", {}).items():
            weights[stance] += share * weight
    if persona.big_five:
        weights["warm"] += 4 * (persona.big_five.agreeableness - 0.5)
        weights["sharp"] -= 4 * (persona.big_five.agreeableness - 0.5)
        weights["playful"] += 3 * (persona.big_five.extraversion - 0.5)
    return {stance: max(0.1, weight) for stance, weight in weights.items()}


@cache
def _replacements(habit: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    pairs = library().value(f"voices.habits.{habit}", ())
    return tuple((re.compile(pattern), word) for pattern, word in pairs)


@lru_cache(maxsize=32768)
def habitual(text: str, habits: tuple[str, ...]) -> str:
    """An authored sentence as one with these habits would say it."""
    for habit in habits:
        for pattern, word in _replacements(habit):
            text = pattern.sub(word, text)
    return text[:1].upper() + text[1:] if habits and text[:1].islower() else text
