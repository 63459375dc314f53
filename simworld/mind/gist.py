"""What of a turn is worth remembering, and in which words.

gist("Ana Reis", "say", "You still owe me forty euros.")     # 'Ana Reis said: You still owe me forty euros.'
gist("", "think", "She knows.")                              # 'I thought: She knows.': no name, oneself
importance("Ana Reis said: You still owe me forty euros.")   # 0..1, by the signs of templates/mind/importance.yaml
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

from simworld.errors import unknown
from simworld.prompts import data
from simworld.text.words import content_stems, inside_sentence

LONGEST = 280
"""Characters of a memory's text."""
_CAPITAL = re.compile(r"\b[^\W\d_a-z][^\W\d_]+")


def gist(name: str, kind: str, text: str, longest: int = LONGEST) -> str:
    """A turn as it is remembered, in at most `longest` characters, on one line; '' where there is nothing to tell.

    `name` is the speaker's; '' where the one who remembers did it. `kind`: a kind of turn, or `whisper`, `aside`,
    `leave`, `narration`. Raises UsageError for another.
    """
    forms = _forms(own=not name)
    if kind not in forms:
        raise unknown("kind of turn", kind, forms)
    words = " ".join(text.split())
    form = forms[kind]
    if not words and "{text}" in form:
        return ""
    room = longest - len(form.format(name=name, text=""))
    return form.format(name=name, text=_cut(words, room))[:longest]


def words_of(name: str, kind: str, told: str) -> str | None:
    """The words that `gist` put into a memory's text, up to the next thing that the same one did; None: not so told.

    Where several such turns are told in one text, the last.
    """
    forms = _forms(own=not name)
    said, did = (forms[one].partition("{text}")[0].format(name=name) for one in (kind, "do"))
    _, found, words = f" {told}".rpartition(f" {said}")
    return re.split(rf"(?<=[.!?…]) {re.escape(did)}", words)[0] if found else None


def _forms(*, own: bool) -> dict[str, str]:
    forms: dict[str, str] = data("mind/gist.yaml")["own" if own else "other"]
    return forms


def _cut(text: str, room: int) -> str:
    """At most `room` characters, ending at a word's end with an ellipsis where something is left out."""
    if len(text) <= room:
        return text
    kept = text[: max(0, room - 1)]
    if not text[len(kept)].isspace() and " " in kept:
        kept = kept.rsplit(" ", 1)[0]
    return f"{kept.rstrip(' ,;:–—-')}…"


def importance(text: str, strength: float = 0.0, addressed: bool = False) -> float:
    """How much a memory with this text is likely to matter, 0..1; near 0 for greetings and fillers.

    `strength` is that of the feeling in it, 0..1; `addressed`: it was meant for the one who remembers. How `gist` tells
    who said it counts for nothing.
    """
    signs = _signs()
    words = _by_words(text)
    found = [words, signs.feeling * strength, signs.addressed if addressed and words else 0.0]
    return round(_together(found), 3)


class _Signs(NamedTuple):
    base: float
    length: float
    long: int
    name: float
    number: float
    feeling: float
    addressed: float
    words: tuple[tuple[float, re.Pattern[str]], ...]


@cache
def _signs() -> _Signs:
    told = {**data("mind/importance.yaml")}
    words = tuple((float(group["weight"]), _any_of(group["any"])) for group in told.pop("words"))
    return _Signs(**told, words=words)


def _any_of(words: str) -> re.Pattern[str]:
    found = (re.escape(word.strip()).replace(r"\*", r"\w*") for word in words.split(","))
    return re.compile(rf"\b(?:{'|'.join(found)})\b")


@lru_cache(maxsize=32768)
def _by_words(text: str) -> float:
    signs = _signs()
    words = _untold(text)
    stems = content_stems(words)
    if not stems:
        return 0.0
    low = words.casefold().replace("’", "'")
    found = [weight for weight, pattern in signs.words if pattern.search(low)]
    found += [signs.length] if len(stems) >= signs.long else []
    found += [signs.name] if any(inside_sentence(words, capital.start()) for capital in _capitals(words)) else []
    found += [signs.number] if any(stem[0].isdigit() for stem in stems) else []
    return _together([signs.base, *found])


def _capitals(text: str) -> list[re.Match[str]]:
    """Words that begin with a capital, but for those that only follow another such at a sentence's start."""
    found: list[re.Match[str]] = []
    opened = -1
    for match in _CAPITAL.finditer(text):
        if not inside_sentence(text, match.start()) or match.start() == opened:
            opened = match.end() + 1
        else:
            found.append(match)
    return found


def _together(shares: list[float]) -> float:
    """Each share takes its part of what the others leave of 1."""
    left = 1.0
    for share in shares:
        left *= 1 - share
    return 1 - left


def _untold(text: str) -> str:
    """A memory's text without the words that say who said it; what was said begins a sentence."""
    return _frames().sub(". ", text)


@cache
def _frames() -> re.Pattern[str]:
    """How `gist` introduces words: names of up to four words, and what follows them up to the colon."""
    name = r"[^\W\d_a-z][\w'’.-]*\s(?:[\w'’.-]+\s){0,3}?"
    starts = [
        form.partition("{text}")[0].replace("{name} ", "\0")
        for own in (True, False)
        for form in _forms(own=own).values()
        if form.partition("{text}")[0].rstrip().endswith(":")
    ]
    either = "|".join(re.escape(start.rstrip()).replace("\0", name) for start in starts)
    return re.compile(rf"(?:^|(?<=[.!?…]\s)|(?<=\s))(?:{either})(?=\s|$)")
