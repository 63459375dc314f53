"""What of a turn is worth remembering, and in which words.

gist("Ana Reis", "say", "You still owe me forty euros.")     # 'Ana Reis said: You still owe me forty euros.'
gist("", "think", "She knows.")                              # 'I thought: She knows.': no name, oneself
importance("You still owe me forty euros.")                  # 0..1, by the signs of templates/mind/importance.yaml
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from simworld.errors import unknown
from simworld.prompts import data
from simworld.text.words import stop_words

LONGEST = 280
"""Characters of a memory's text."""
_WORD = re.compile(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)*")
_NAME = re.compile(r"(?<=[^\W\d_] |[,;] )(?<!\bI )[^\W\d_a-z][^\W\d_]")
"""A capital inside a sentence."""


@lru_cache(maxsize=4096)
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


def importance(words: str, strength: float = 0.0, addressed: bool = False) -> float:
    """How much something said or done in these words is likely to matter, 0..1; near 0 for greetings and fillers.

    `strength` is that of the feeling in it, 0..1; `addressed`: it was meant for the one who remembers.
    """
    signs = _signs()
    found = _by_words(words)
    return round(_together([found, signs.feeling * strength, signs.addressed if addressed and found else 0.0]), 3)


class _Signs(NamedTuple):
    base: float
    length: float
    long: int
    name: float
    number: float
    feeling: float
    addressed: float
    weights: tuple[float, ...]
    """Of each group of words."""
    words: dict[str, int]
    """Word -> group."""
    beginnings: dict[str, int]
    """How words of a group begin."""
    sizes: tuple[int, ...]
    """Lengths of beginnings."""
    phrases: re.Pattern[str]
    phrase_groups: dict[str, int]
    openings: dict[str, tuple[str, ...]]
    """First word of phrases -> how the word after it may begin."""


@cache
def _signs() -> _Signs:
    told = {**data("mind/importance.yaml")}
    groups = [
        (float(group["weight"]), [word.strip() for word in group["any"].split(",")]) for group in told.pop("words")
    ]
    known = {word: at for at, (_, words) in enumerate(groups) for word in words}
    beginnings = {word[:-1]: at for word, at in known.items() if word.endswith("*") and " " not in word}
    phrases = {word.rstrip("*"): at for word, at in known.items() if " " in word}
    return _Signs(
        **told,
        weights=tuple(weight for weight, _ in groups),
        words={word: at for word, at in known.items() if " " not in word and not word.endswith("*")},
        beginnings=beginnings,
        sizes=tuple(sorted({len(start) for start in beginnings})),
        phrases=re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, phrases), key=len, reverse=True))})"),
        phrase_groups=phrases,
        openings=_openings(phrases),
    )


def _openings(phrases: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for first, second, *_ in (phrase.split() for phrase in phrases):
        found[first] = (*found.get(first, ()), second)
    return found


def _may_hold_phrase(said: list[str], openings: dict[str, tuple[str, ...]]) -> bool:
    """Whether two words in a row open a phrase; the pattern of all phrases takes ten times as long to say no."""
    for word, after in pairwise(said):
        begins = openings.get(word) or openings.get(word.rpartition("'")[2])
        if begins and after.startswith(begins):
            return True
    return False


@lru_cache(maxsize=4096)
def _by_words(words: str) -> float:
    signs, low = _signs(), words.casefold().replace("’", "'")
    said, common = _WORD.findall(low), stop_words()
    content = [word for word in said if word not in common]
    if not content:
        return 0.0
    groups = set[int]().union(*map(_groups_of, said))
    if _may_hold_phrase(said, signs.openings):
        groups.update(signs.phrase_groups[phrase] for phrase in signs.phrases.findall(low))
    found = [signs.weights[group] for group in sorted(groups)]
    found += [signs.length] if len(content) >= signs.long else []
    found += [signs.name] if _NAME.search(words) else []
    found += [signs.number] if any(word[0].isdigit() for word in content) else []
    return _together([signs.base, *found])


@lru_cache(maxsize=16384)
def _groups_of(word: str) -> tuple[int, ...]:
    """The groups that a word is of."""
    signs = _signs()
    whole = signs.words.get(word)
    begun = (signs.beginnings.get(word[:size]) for size in signs.sizes)
    return tuple(group for group in (whole, *begun) if group is not None)


def _together(shares: list[float]) -> float:
    """Each share takes its part of what the others leave of 1."""
    left = 1.0
    for share in shares:
        left *= 1 - share
    return 1 - left
