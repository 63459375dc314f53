"""The lexicon of feelings, as `appraise` looks it up: word -> what it is, and the phrases that begin with it.

    lexicon()["furious"].entry      # Entry(valence=-0.8, arousal=0.9, dominance=0.4, ...)

Read from `templates/mind/lexicon/`. Verbs, adjectives and nouns are inflected by rule; a form that stands in a file is
never overridden by one that a rule makes, and of two files the earlier of `FILES` holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from simworld.prompts import data

# What makes a hit one that is addressed to the hearer. (Plain numbers: an Enum's members cost more than the reading.)
NEVER = 0
TOLD = 1  # its own wording: 'thank you'
TOLD_IN_QUESTIONS = 2  # the same, and a question mark does not weaken it: 'how dare you?'
DONE = 3  # done by the speaker to a 'you': 'I trust you'
JUDGED = 4  # said of a 'you': 'you are kind'
CALLED = 5  # the same, or called out alone: 'Liar!'

# What a word does to those near it; the first three are people.
NOTHING = 0
HEARER = 1
SPEAKER = 2
OTHERS = 3
NEGATOR = 4
INTENSIFIER = 5
DAMPENER = 6
CUT = 7
TURN = 8
STOP = 9


class Entry(NamedTuple):
    """Where a word pulls and what it does between people; each -1..1."""

    valence: float
    arousal: float
    dominance: float
    warmth: float
    trust: float
    aim: int

    def grown(self, by: float) -> Entry:
        """Each number further from 0 by so much, or nearer (never past it)."""
        valence, arousal, dominance, warmth, trust = (_grown(value, by) for value in self[:5])
        return Entry(valence, arousal, dominance, warmth, trust, self.aim)


class Phrase(NamedTuple):
    rest: list[str]
    length: int
    entry: Entry | None
    role: int
    alone: bool
    """Only where it makes a clause of its own."""


class Mark(NamedTuple):
    """What is known of a word: what it does alone, and the phrases it begins (by their second word, longest first)."""

    entry: Entry | None
    role: int
    longer: dict[str, list[Phrase]]


DEGREE = 0.293 / 4
"""What an intensifier adds (Hutto & Gilbert 2014, on our scale)."""
FILES: dict[str, tuple[int, list[str]]] = {
    "phrases": (TOLD, []),
    "asked": (TOLD_IN_QUESTIONS, []),
    "words": (TOLD, []),
    "verbs": (DONE, ["s", "ed", "ing"]),
    "adjectives": (JUDGED, ["er", "est", "ly"]),
    "nouns": (CALLED, ["s"]),
}
"""File -> what makes its entries addressed to the hearer, and the endings they take."""
MODIFIERS = {
    "negators": NEGATOR, "intensifiers": INTENSIFIER, "dampeners": DAMPENER, "turns": TURN,
    "cuts": CUT, "hearer": HEARER, "speaker": SPEAKER, "others": OTHERS,
}  # fmt: skip
MODIFYING = {"negating": NEGATOR, "dampening": DAMPENER, "plain": NOTHING}
PUNCTUATION = dict.fromkeys(",;:", CUT) | dict.fromkeys(".!?", STOP)

_WORD = re.compile(r"\w+(?:'\w+)*")


@cache
def lexicon() -> dict[str, Mark]:
    """Every word that is an entry, a modifier, or begins a phrase."""
    entries, phrases = _entries()
    roles = dict(PUNCTUATION)
    modifiers = data("mind/lexicon/modifiers.yaml")
    for name, role in MODIFIERS.items():
        roles |= dict.fromkeys(modifiers[name].split(), role)
    for name, role in MODIFYING.items():
        for phrase in modifiers[name]:
            for tokens in _spellings(phrase.split()):
                phrases.setdefault(tokens, Phrase(list(tokens[1:]), len(tokens), None, role, alone=False))
    longer: dict[str, dict[str, list[Phrase]]] = {}
    for tokens, phrase in sorted(phrases.items(), key=lambda item: -len(item[0])):
        longer.setdefault(tokens[0], {}).setdefault(tokens[1], []).append(phrase)
    return {
        word: Mark(entries.get(word), roles.get(word, NOTHING), longer.get(word, {}))
        for word in sorted({*entries, *roles, *longer})
    }


@cache
def being() -> frozenset[str]:
    """Words after a 'you' that say what it is: 'are', 'look', ..."""
    return frozenset(data("mind/lexicon/modifiers.yaml")["being"].split())


def inflected(word: str, ending: str) -> str:
    """A regular form: happy, er -> happier; stop, ed -> stopped; terrible, ly -> terribly."""
    for pattern, form in _RULES[ending]:
        if pattern.search(word):
            return pattern.sub(form, word, count=1)
    return word + ending


def _rules(*rules: str) -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(pattern), form) for pattern, form in (rule.split() for rule in rules)]


_DOUBLED = r"^([^aeiou]*[aeiou])([^aeiouwxy])$ \1\2\2"
_RULES = {
    "s": _rules(r"(s|x|z|ch|sh)$ \1es", r"([^aeiou])y$ \1ies"),
    "ly": _rules(r"le$ ly", r"ll$ lly", r"ic$ ically", r"([^aeiou])y$ \1ily"),
    "ing": _rules(r"ee$ eeing", r"e$ ing", _DOUBLED + "ing"),
} | {ending: _rules(rf"e$ {ending}", rf"([^aeiou])y$ \1i{ending}", _DOUBLED + ending) for ending in ("ed", "er", "est")}


def _entries() -> tuple[dict[str, Entry], dict[tuple[str, ...], Phrase]]:
    words: dict[str, Entry] = {}
    phrases: dict[tuple[str, ...], Phrase] = {}
    derived: dict[str, Entry] = {}
    for file, (aim, endings) in FILES.items():
        for text, plain in _listed(file, aim):
            for filling in _fillings() if "~" in text else ("",):
                entry = plain.grown(DEGREE) if filling else plain
                for tokens in _spellings(_WORD.findall(text.replace("~", filling))):
                    first, *rest = tokens
                    if rest:
                        phrases.setdefault(tokens, Phrase(rest, len(tokens), entry, NOTHING, text.endswith("!")))
                    elif first not in words:
                        words[first] = entry
                        for ending in endings:
                            derived.setdefault(inflected(text, ending), entry)
    return derived | words, phrases


def _listed(file: str, aim: int) -> Iterator[tuple[str, Entry]]:
    """A file's entries one by one; a line holds several words, or phrases with commas between them."""
    for key, numbers in data(f"mind/lexicon/{file}.yaml").items():
        valence, arousal, dominance, *tie = map(float, numbers.split())
        warmth, trust = tie or (0.0, 0.0)
        entry = Entry(valence, arousal, dominance, warmth, trust, aim if tie else NEVER)
        for text in key.split(", ") if file in ("phrases", "asked") else key.split():
            yield text, entry


def _spellings(tokens: list[str]) -> list[tuple[str, ...]]:
    """A phrase long and short: 'i am so sorry', 'i'm so sorry'."""
    text = " ".join(tokens)
    spelled = [text]
    for long, short in _shorts():
        if long in text or short in text:
            for old, new in ((long, short), (short, long)):
                spelled += [f" {text} ".replace(f" {old} ", f" {new} ").strip() for text in spelled]
    return [tuple(text.split()) for text in dict.fromkeys(spelled)]


@cache
def _fillings() -> tuple[str, ...]:
    return ("", *data("mind/lexicon/modifiers.yaml")["filling"])


@cache
def _shorts() -> list[tuple[str, str]]:
    """('i am', 'i'm') and so on."""
    given: dict[str, str] = data("mind/lexicon/modifiers.yaml")["short"]
    return [(long, short) for long, shorts in given.items() for short in shorts.split()]


def _grown(value: float, by: float) -> float:
    if value > 0:
        return max(0.0, min(1.0, value + by))
    return min(0.0, max(-1.0, value - by)) if value else 0.0
