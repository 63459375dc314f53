"""Setting: what of the scene one seat may speak and think of, found once for a dialogue.

    setting_of(part, "desk").things      # ("the grey case", "the boarding pass", ...)

What is private is kept apart, for thoughts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from simworld.agents.agent import Part
from simworld.agents.improv.facts import clauses
from simworld.agents.improv.library import library
from simworld.agents.improv.phrases import content, definite, grammar, is_known, phrases, stem
from simworld.agents.improv.profile import first_person, sentences
from simworld.agents.improv.reading import subjects_of

_LIMIT = 7
"""Words that are said in a row, so that no longer run recurs."""
_LONGEST_THOUGHT = 11


@dataclass(frozen=True)
class Setting:
    """The scene as one seat may use it."""

    place: str
    """Such as `the lost-luggage desk`; empty where no place is told."""
    day: str
    """`morning`, `afternoon`, `evening`, `night`, or `day` where it is not told."""
    things: tuple[str, ...]
    """Phrases of what everybody knows of."""
    goal: str
    """What this one wants, as an infinitive of at most seven words; for thoughts."""
    goal_things: tuple[str, ...]
    """Phrases of what this one wants that may be spoken of."""
    known: tuple[str, ...]
    """Clauses of what only this one knows; for thoughts."""
    secret: tuple[str, ...]
    """Clauses of the persona's secret; for thoughts."""
    topic: str
    """A key of `topics.yaml`; empty where the topic is of no known kind."""
    kind: str
    """A key of `meetings.open`."""
    subjects: tuple[str, ...]
    plain: str
    """What is talked about, as a phrase; for users and assistants."""


def setting_of(part: Part, place: str) -> Setting:
    """The setting of this part, from where it is."""
    names = " ".join([part.persona.name, *(other.name for other in part.others.values())])
    where = part.places.get(place) or next(iter(part.places.values()), "")
    told = (part.title, part.background, part.status)
    own = (part.goal, part.knows, part.persona.secret)
    return _setting(told, own, part.time, part.topic, part.kind, where, names)


@lru_cache(maxsize=1024)
def _setting(
    told: tuple[str, str, str], own: tuple[str, str, str], time: str, topic: str, kind: str, where: str, names: str
) -> Setting:
    goal, knows, secret = own
    background = " ".join(told[1:])
    shut = frozenset(stem(word) for word in re.findall(r"\w+", names.lower()))
    goal_things = _things(_open_part(goal), shut)[:5]
    things = tuple(thing for thing in _things(background, shut) if thing not in goal_things)[:14]
    found = topic_of(topic)
    words = content(" ".join((told[0], topic, background, _open_part(goal), where)))
    return Setting(
        place=place_name(where),
        day=_first_key("meetings.days", f"{time} {background}".lower(), "day"),
        things=things,
        goal=infinitive(goal),
        goal_things=goal_things,
        known=_thoughts(knows),
        secret=_thoughts(secret),
        topic=found,
        kind=_first_key("meetings.kinds", f"{kind} {told[0]}".lower(), "any"),
        subjects=tuple(dict.fromkeys([*_own_subjects(topic, found), *subjects_of(words)])),
        plain=next(iter((*goal_things, *things)), "this"),
    )


def _own_subjects(topic: str, known: str) -> tuple[str, ...]:
    return subjects_of(content(topic)) if topic and (not known or len(topic.split()) == 1) else ()


def _open_part(goal: str) -> str:
    """What of a goal may be spoken of: not what is to be kept from others."""
    return _ends("goal_shut").split(goal)[0]


@cache
def _ends(name: str) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(end) for end in str(library().value(f"lexicon.{name}")).split("|")))


@lru_cache(maxsize=1024)
def _things(text: str, shut: frozenset[str]) -> tuple[str, ...]:
    found = (definite(phrase) for sentence in sentences(text) for phrase in phrases(sentence))
    return tuple(dict.fromkeys(p for p in found if _is_thing(p) and not shut & {stem(w) for w in p.lower().split()}))


def _is_thing(phrase: str) -> bool:
    first, gap, _ = phrase.partition(" ")
    whose = first.lower() in library().words("lexicon.owners")
    head = phrase.rsplit(maxsplit=1)[-1].lower()
    return bool(gap) and not whose and (is_known(head) or head in grammar().soft) and head not in grammar().abstract


def _thoughts(text: str) -> tuple[str, ...]:
    short = (clause for clause in clauses(first_person(text) if " you" in f" {text.lower()}" else text))
    return tuple(clause for clause in short if len(clause.split()) <= _LONGEST_THOUGHT)


def infinitive(goal: str) -> str:
    """A goal as it follows 'I have to', at most seven words; empty where it has no such form."""
    text = re.sub(
        r"^(?:you want to|you want|wants? to|to|i want to|he wants to|she wants to|they want to)\s+",
        "",
        goal.strip(),
        flags=re.I,
    )
    text = first_person(_ends("goal_ends").split(text)[0]).strip(" .,;")
    words, breaks = text.split(), library().words("lexicon.breaks")
    while len(words) > _LIMIT or (words and words[-1].lower() in grammar().stop and len(words) > 2):
        cut = next((at for at in range(min(len(words) - 1, _LIMIT), 1, -1) if words[at].lower() in breaks), 0)
        if not cut or cut < 2:
            return ""
        words = words[:cut]
        if len(words) < 4:
            return ""
    if len(words) < 2 or words[0].endswith(("ing", "ed")) or words[0].lower() in ("the", "a", "i", "my", "that"):
        return ""
    return " ".join([words[0].lower(), *words[1:]])


def place_name(name: str) -> str:
    """A place as one speaks of it: 'A swanky rooftop bar in Rome' -> 'this rooftop bar'."""
    text = re.sub(r"^(?:in|at|on|inside|outside|near)\s+", "", name.strip(" ."), flags=re.I)
    text = re.split(r",(?= [A-Z])|\b(?:in|at|of|on|for|with|during|near|by|under|behind|over|from|where)\b", text)[0]
    text = text.replace(",", "").strip()
    words = text.split()
    if not words or words[0].lower().endswith("ing"):
        return "this place" if words else ""
    lead, last = words[0].lower(), words[-1].lower()
    if lead == "the":
        return " ".join(words[:4])
    if last in grammar().adjectives or last.isdigit():
        return text
    owned = lead.endswith("'s") or lead in ("a", "an") or lead in library().words("lexicon.owners")
    rest = words[1:] if owned else words
    if not rest or re.search(r"[^\w' -]", text) or (last.endswith("s") and not last.endswith("ss")):
        return "this place"
    return f"this {' '.join(word.lower() if word[1:].islower() else word for word in rest[-2:])}"


@cache
def _keys(path: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((key, tuple(str(words).split())) for key, words in library().value(path).items())


def _first_key(path: str, text: str, default: str) -> str:
    padded = f" {re.sub(r'[^a-z0-9: -]', ' ', text)} "
    for key, words in _keys(path):
        if any(f" {word}" in padded for word in words):
            return key
    return default


@lru_cache(maxsize=512)
def topic_of(topic: str) -> str:
    """The kind of talk that a topic names, a key of `topics.yaml`; empty where none fits."""
    words = set(re.findall(r"[a-z]+", topic.lower()))
    scores = {key: len(words & library().words(f"topics.{key}.match")) for key in library().names("topics")}
    best = max(scores, key=lambda key: scores[key])
    return best if scores[best] else ""


@lru_cache(maxsize=2048)
def call_name(name: str) -> str:
    """What one is called: the name in quotes, the title with the last name, or the first name."""
    if nick := re.search(r"['‘\"“]([^'’\"”]+)['’\"”]", name):
        return nick[1]
    words = name.split()
    if len(words) > 1 and words[0].lower() in library().words("lexicon.titles"):
        return f"{words[0]} {words[-1]}"
    return words[0] if words else name
