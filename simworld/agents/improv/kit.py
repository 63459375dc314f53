"""Kit: everything of a persona that improv uses, made once and kept.

    kit_of(persona).voice.openers
    kit_of(persona).mine("acts.echo.warm")     # the lines of a bank that this one is fond of

The secret is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil

from simworld.agents.improv.facts import Fact, facts_of
from simworld.agents.improv.library import Bank, library
from simworld.agents.improv.phrases import content
from simworld.agents.improv.reading import Reading, read, subjects_of
from simworld.agents.improv.setting import call_name
from simworld.agents.improv.voice import Idiom, described, seeded, voice_of
from simworld.schema import Persona

FOND = 0.34
"""Share of a bank of frames that one persona uses: its own favourites."""


@dataclass(frozen=True, slots=True)
class Own:
    """A sentence that this persona says as it stands."""

    text: str
    reading: Reading
    sample: bool
    """Whether the persona's author wrote it for this persona."""

    @property
    def words(self) -> frozenset[str]:
        """Stems of its content words."""
        return self.reading.words

    @property
    def subjects(self) -> tuple[str, ...]:
        """Ids of its subjects, the strongest first."""
        return tuple(id for id, _ in self.reading.subjects)


@dataclass(frozen=True)
class Kit:
    """A persona, ready to speak."""

    key: str
    name: str
    """What the others call this one."""
    their: Mapping[str, str]
    """`their`, `them`, `theirs` -> the persona's own pronouns."""
    voice: Idiom
    lines: tuple[Own, ...]
    facts: tuple[Fact, ...]
    interests: tuple[str, ...]
    """Subjects that this one likes to talk of."""
    trades: Bank
    """Keys of `trades.yaml`."""
    traits: Bank
    """Keys of `traits.yaml`."""
    stances: Mapping[str, float]
    by_word: Mapping[str, tuple[Own | Fact, ...]]
    by_subject: Mapping[str, tuple[Own | Fact, ...]]
    _fond: dict[str, Bank] = field(default_factory=dict[str, Bank], compare=False)

    def mine(self, path: str) -> Bank:
        """This persona's favourites of a bank, always the same ones."""
        if path not in self._fond:
            bank = library().bank(path)
            count = min(len(bank), max(5, ceil(len(bank) * FOND)))
            self._fond[path] = tuple(seeded("fond", path, self.key).sample(bank, count))
        return self._fond[path]


_recent: dict[int, tuple[Persona, Kit]] = {}
_MOST_RECENT = 256


def kit_of(persona: Persona) -> Kit:
    """The kit of a persona; the last few are found by identity, since comparing whole personas takes longer."""
    found = _recent.get(id(persona))
    if found and found[0] is persona:
        return found[1]
    kit = _made(persona)
    if len(_recent) >= _MOST_RECENT:
        _recent.clear()
    _recent[id(persona)] = (persona, kit)
    return kit


@lru_cache(maxsize=512)
def _made(persona: Persona) -> Kit:
    voice, about = voice_of(persona), described(persona)
    trades, traits = _trades(persona), _traits(persona, about)
    lines, facts = _own_lines(persona, voice, trades, traits), facts_of(persona)
    return Kit(
        key=f"{persona.id}/{persona.name}",
        name=call_name(persona.name),
        their=_pronouns(persona),
        voice=voice,
        lines=lines,
        facts=facts,
        interests=_interests(persona),
        trades=trades,
        traits=traits,
        stances=_stances(voice, traits),
        by_word=_index((word, one) for one in (*lines, *facts) for word in one.words),
        by_subject=_index((id, one) for one in (*lines, *facts) for id in one.subjects[:2]),
    )


def _index(pairs: Iterable[tuple[str, Own | Fact]]) -> dict[str, tuple[Own | Fact, ...]]:
    table: dict[str, list[Own | Fact]] = {}
    for key, one in pairs:
        table.setdefault(key, []).append(one)
    return {key: tuple(ones) for key, ones in table.items()}


def _own_lines(persona: Persona, voice: Idiom, trades: Bank, traits: Bank) -> tuple[Own, ...]:
    """The persona's samples; where it has none, lines of its derived voice, its trade and its traits."""
    if persona.samples:
        return tuple(Own(text, read(text), sample=True) for text in persona.samples)
    chance, data = seeded("own", persona.id, persona.name), library()
    texts = list(voice.lines)
    for path in (*(f"trades.{trade}.sayings" for trade in trades), *(f"traits.{trait}.lines" for trait in traits)):
        bank = data.bank(path)
        texts += chance.sample(bank, ceil(len(bank) * 0.6))
    return tuple(Own(text, read(text), sample=False) for text in dict.fromkeys(texts))


def _trades(persona: Persona) -> Bank:
    """The kinds of work whose words tell of this persona, at most two."""
    career = {persona.career.lower().replace(" ", "-"), *persona.career.lower().split()}
    text = f" {persona.career} {persona.profile} ".lower().replace("-", " ")
    scores: dict[str, float] = {}
    for name in library().names("trades"):
        words = library().words(f"trades.{name}.match")
        exact = 6.0 * len(career & words)
        scores[name] = exact + sum(min(2, text.count(f" {word.replace('-', ' ')}")) for word in words)
    ranked = sorted((name for name in scores if scores[name] > 1), key=lambda name: -scores[name])
    return tuple(ranked[:1] if persona.samples else ranked[:2])


def _traits(persona: Persona, about: list[str]) -> Bank:
    """The traits whose words tell of this persona, the strongest five."""
    named = {trait.lower().replace(" ", "-") for trait in persona.traits}
    scores: dict[str, float] = {}
    for name in library().names("traits"):
        words = library().words(f"traits.{name}.match")
        scores[name] = 5.0 * bool(words & named) + (0 if named else sum(min(2, about.count(word)) for word in words))
    ranked = sorted((name for name in scores if scores[name] > 0), key=lambda name: -scores[name])
    return tuple(ranked[:5])


def _interests(persona: Persona) -> tuple[str, ...]:
    parts = (
        *persona.hobbies,
        *persona.likes,
        *persona.knows,
        *persona.skills,
        persona.career,
        persona.aspiration,
        persona.profile,
    )
    return subjects_of(content(" ".join(parts)))


def _stances(voice: Idiom, traits: Bank) -> dict[str, float]:
    weights = dict(voice.stances)
    for trait in traits:
        for stance, weight in library().value(f"traits.{trait}.stances", {}).items():
            weights[stance] = weights.get(stance, 0.0) + 0.6 * weight
    return {stance: max(0.1, weight) for stance, weight in weights.items()}


def _pronouns(persona: Persona) -> Mapping[str, str]:
    """The forms of this persona's pronouns: as told, or by the words of its profile."""
    forms: dict[str, dict[str, str]] = library().value("lexicon.pronouns")
    told = persona.pronouns.split("/")[0]
    if not told:
        about = set(re.findall(r"[a-z]+", f"{persona.profile} {persona.gender}".lower()))
        told = next((key for key, form in forms.items() if about & set(form["words"].split())), "they")
    return forms.get(told, forms["they"])
