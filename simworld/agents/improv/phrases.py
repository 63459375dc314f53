"""Noun phrases: what of a line can be taken up by its own words.

    phrases("I left my suitcase in the rain.")     # ("my suitcase", "the rain")
    seen_by("my suitcase", addressed=True)         # "your suitcase"

No tagger: a phrase is a determiner and up to three words before a function word or a stop, or a word that the
subjects know as a plural or as standing without an article. What is not surely a phrase is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from simworld.agents.improv.library import library

_TOKEN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*['’]?|\d[\d.,:]*|\.\.\.|[.,;:!?()\"–—-]")
_WORD = re.compile(r"[^\W\d_]")
_LONGEST = 3
"""Words after the determiner."""


@dataclass(frozen=True)
class Grammar:
    """The word lists by which phrases are found."""

    stop: frozenset[str]
    light: frozenset[str]
    verbs: frozenset[str]
    vague: frozenset[str]
    determiners: frozenset[str]
    nouns: frozenset[str]
    plurals: frozenset[str]
    mass: frozenset[str]
    lowers: frozenset[str]
    adjectives: frozenset[str]
    measures: frozenset[str]
    ambiguous: frozenset[str]
    abstract: frozenset[str]
    soft: frozenset[str]
    being: frozenset[str]
    singular: frozenset[str]
    seen: Mapping[str, str]


@cache
def grammar() -> Grammar:
    """The lists of `lexicon.yaml` and the nouns of all subjects."""
    data = library()
    subjects = data.value("subjects").values()
    nouns = frozenset(word for node in subjects for word in str(node.get("nouns", "")).split()) | data.words(
        "lexicon.nouns"
    )
    return Grammar(
        stop=data.words("lexicon.stop"),
        light=data.words("lexicon.light"),
        verbs=data.words("lexicon.verbs"),
        vague=data.words("lexicon.vague"),
        determiners=data.words("lexicon.determiners"),
        nouns=nouns,
        plurals=frozenset(plural(noun) for noun in nouns),
        mass=frozenset(word for node in subjects for word in str(node.get("mass", "")).split()),
        lowers=data.words("lexicon.lowers"),
        adjectives=data.words("lexicon.adjectives"),
        measures=data.words("lexicon.measures"),
        ambiguous=data.words("lexicon.ambiguous"),
        abstract=data.words("lexicon.abstract"),
        soft=data.words("lexicon.soft"),
        being=data.words("lexicon.being"),
        singular=data.words("lexicon.singular"),
        seen=data.value("lexicon.seen"),
    )


def plural(noun: str) -> str:
    """The regular plural."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    if noun.endswith("f"):
        return noun[:-1] + "ves"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def stem(word: str) -> str:
    """A word without the ending of the plural or the possessive."""
    word = word.lower().replace("’", "'")
    if "'" in word:
        word = word.partition("'")[0]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is")) else word


def content(text: str) -> list[str]:
    """The words of a text that carry its subject, as stems in their order."""
    return [carried for token in _TOKEN.findall(text) if (carried := _carried(token))]


@lru_cache(maxsize=32768)
def _carried(token: str) -> str:
    """The stem of a word that carries a subject; empty where it carries none."""
    words, low = grammar(), token.lower().replace("’", "'")
    plainly = len(low) > 2 and low.isalpha() and low not in words.stop and low not in words.light
    return stem(low) if plainly or ("-" in low and len(low) > 4) else ""


def tokens(text: str) -> list[str]:
    """Words, numbers and stops of a text."""
    return _TOKEN.findall(text)


@lru_cache(maxsize=4096)
def phrases(text: str) -> tuple[str, ...]:
    """What can be taken up of a text, the most telling first."""
    words, parts = grammar(), tokens(text)
    found: list[tuple[float, str]] = []
    at = 0
    while at < len(parts):
        opening = _opening(parts[at])
        end = _determined(parts, at, words) if opening == "phrase" else 0
        if end:
            phrase = " ".join(
                [parts[at] if parts[at][-2:] in ("'s", "’s") else parts[at].lower(), *parts[at + 1 : end]]
            )
            head = parts[end - 1].lower()
            score = 3.0 * (_known(head, words)) + 0.6 * (end - at > 2) + 0.05 * at
            found.append((score, phrase))
            at = end
            continue
        if opening == "bare" and _bare(parts, at, words):
            found.append((2.0 + 0.05 * at, parts[at].lower()))
        at += 1
    found.sort(key=lambda pair: -pair[0])
    return tuple(dict.fromkeys(phrase for _, phrase in found))


@lru_cache(maxsize=32768)
def _opening(token: str) -> str:
    """What a token may begin: `phrase`, `bare`, or nothing."""
    words, low = grammar(), token.lower().replace("’", "'")
    if low.endswith("'s"):
        return "phrase" if token[:1].isupper() and low not in words.stop and low[:-2] not in words.stop else ""
    if low in words.determiners:
        return "" if low in ("no", "every", "each") else "phrase"
    return (
        "bare"
        if (low in words.plurals or low in words.mass) and low not in words.vague and low not in words.stop
        else ""
    )


def is_known(word: str) -> bool:
    """Whether a word in lower case is surely a noun."""
    return _known(word, grammar())


def _known(word: str, words: Grammar) -> bool:
    return word in words.nouns or word in words.plurals or word in words.mass


def _determined(parts: list[str], at: int, words: Grammar) -> int:
    """Where the phrase ends that begins at this determiner; 0 where none does."""
    if not _opens(parts, at, words):
        return 0
    end = at + 1
    while end < len(parts) and end - at <= _LONGEST + 1 and _inside(parts, at, end, words):
        end += 1
    head = parts[end - 1].lower()
    if parts[at].lower() in words.singular and head in words.plurals and head not in words.nouns:
        return 0
    if not 2 <= end - at <= _LONGEST + 1 or not _is_head(parts[at + 1 : end], words):
        return 0
    return _with_of(parts, end, words)


def _opens(parts: list[str], at: int, words: Grammar) -> bool:
    """Whether 'that' or 'this' stands before a noun here; any other opening word does."""
    if parts[at].lower() not in ("that", "this"):
        return True
    after = parts[at + 1].lower() if at + 1 < len(parts) else ""
    return _known(after, words) and after not in words.verbs


def _inside(parts: list[str], start: int, at: int, words: Grammar) -> bool:
    """Whether the token at this place goes on with the phrase that began at `start`."""
    low = parts[at].lower().replace("’", "'")
    if not _WORD.match(low) or low in words.stop or "'" in low:
        return False
    return at == start + 1 or _follows(parts[at - 1].lower(), low, words)


def _follows(before: str, low: str, words: Grammar) -> bool:
    """Whether a word may follow another within a phrase: no verb, and no second noun that is not surely one."""
    if before in words.plurals or _looks_plural(before) or low in words.verbs:
        return False
    known = _known(low, words)
    if _known(before, words):
        return known and not _looks_plural(low)
    return known or low in words.light or (not low.endswith(("ed", "ing", "ly")) and not _looks_plural(low))


def _looks_plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("ss", "us", "is"))


def _with_of(parts: list[str], end: int, words: Grammar) -> int:
    """The end of a phrase with what it is a measure of: 'a cup' -> 'a cup of tea'."""
    if parts[end - 1].lower() not in words.measures or end + 1 >= len(parts) or parts[end].lower() != "of":
        return end
    head = end + 1 + (parts[end + 1].lower() in ("the", "a", "my", "your", "his", "her"))
    last = head
    while last < len(parts) and last - head < 2 and _inside(parts, head - 1, last, words):
        last += 1
    return last if last > head and (_known(parts[last - 1].lower(), words) or last - head == 2) else end


def _is_head(phrase: list[str], words: Grammar) -> bool:
    """Whether the last of these words can be what they all name."""
    low, length = phrase[-1].lower(), len(phrase)
    if low in words.soft and length > 1 and phrase[-2].lower() not in words.light:
        return True
    if low in words.vague or low in words.light or low in words.adjectives:
        return False
    if _known(low, words):
        return True
    if low.endswith(("ly", "est", "ed", "ous", "ful", "less")) or (low.endswith("ing") and length == 1):
        return False
    return len(low) > 2 and low not in words.verbs


def _bare(parts: list[str], at: int, words: Grammar) -> bool:
    """Whether this token stands for itself: a plural or a noun without an article."""
    low = parts[at].lower()
    before = parts[at - 1].lower() if at else ""
    if low.endswith("ing") and (before.endswith(("'m", "'re", "'s")) or before in words.being):
        return False
    if at and parts[at][:1].isupper() and before not in ".!?":
        return False
    if (
        low in words.verbs
        or stem(low) in words.verbs
        or low in ("love", "help", "trust", "dance", "fear", "change", "work")
    ):
        return before in ("about", "of", "for", "with", "and", "in", "some", "more", "much")
    if before in words.determiners or (_WORD.match(before) and before not in words.stop):
        return False
    after = parts[at + 1].lower() if at + 1 < len(parts) else ""
    return not (_WORD.match(after) and after not in words.stop)


def seen_by(phrase: str, *, addressed: bool) -> str:
    """A phrase from the side of who answers it: 'my' and 'your' change, 'a' becomes 'that'."""
    first, gap, rest = phrase.partition(" ")
    if not gap:
        return phrase
    if first == "your":
        return f"my {rest}" if addressed else f"the {rest}"
    if first == "some":
        return rest if rest.endswith("s") else f"that {rest}"
    return f"{grammar().seen.get(first, first)} {rest}"


def definite(phrase: str) -> str:
    """A phrase of the scene's own text as one speaks of it: 'a grey case' -> 'the grey case'."""
    first, gap, rest = phrase.partition(" ")
    return f"the {rest}" if gap and first in ("a", "an", "some", "this", "that", "another") else phrase


def capital(text: str) -> str:
    """With a capital at its start, whatever marks stand before it."""
    for at, letter in enumerate(text):
        if letter.isalpha():
            return text[:at] + letter.upper() + text[at + 1 :]
    return text


def goes_on(text: str) -> bool:
    """Whether a sentence may follow other words within one: it begins with 'I' or a word that may be uncapitalised."""
    return text.startswith(("I ", "I'")) or uncapital(text) != text


def uncapital(text: str) -> str:
    """Made to go on within a sentence, where its first word is one that may stand in lower case."""
    first = text.partition(" ")[0].rstrip(",.;:!?").replace("’", "'").lower()
    return text[:1].lower() + text[1:] if first in grammar().lowers else text
