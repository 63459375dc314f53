"""Detectors of a user simulator that falls out of its part: pure functions over texts.

    flips_role("Sure! Here are three ideas:", own)      # 0..1: how much it reads like an assistant's answer
    is_flip("Sure! Here are three ideas:", own)         # True
    is_echo(text, own, others)                          # it says again what somebody has said
    says_again("And in Python?", own)                   # the same word for word

Precision and recall on flipped and spliced conversations of real people: `tests/benchmarks/usersim_detect.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from simworld.prompts import data

WORDINGS = "usersim/roles.yaml"
SHORT = 4
"""Words up to which a message may be said again: 'yes, please' is nobody's echo."""
SPAN = 8
"""Words in a row that make a copied stretch."""
COPIED = 0.9
"""Share of a message's words in stretches copied from another speaker from which on it is an echo."""
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_LISTED = re.compile(r"^\s*(?:\d+[.)]|[-*•])\s+\S", re.MULTILINE)
_MARKED = re.compile(r"```|\*\*\S|^#{1,4} |^\|", re.MULTILINE)


def flips_role(text: str, own: Sequence[str] = ()) -> float:
    """How much a user's message reads like an assistant's: 0 a person's .. 1 an assistant's.

    `own`: that user's earlier messages; one that is longer by far is the less likely to be theirs.
    """
    weights: Mapping[str, float] = _told()["weights"]
    score = sum(weights.get(name, 0.0) * value for name, value in features(text, own).items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def is_flip(text: str, own: Sequence[str] = ()) -> bool:
    """Whether a user's message is taken for an assistant's."""
    return flips_role(text, own) >= _told()["threshold"]


def is_echo(text: str, own: Sequence[str], others: Sequence[str]) -> bool:
    """Whether a message of more than a few words says again what its speaker (`own`) has said, or says what another
    (`others`) has, the whole of it or a part."""
    if says_again(text, own) or says_again(text, others):
        return True
    words = words_of(text)
    return any(copied_share(words, words_of(one)) >= COPIED for one in others)


def says_again(text: str, earlier: Sequence[str]) -> bool:
    """Whether one of these is the same, capitals and punctuation aside, and of more than a few words."""
    words = words_of(text)
    return len(words) > SHORT and any(words == words_of(one) for one in earlier)


def copied_share(words: Sequence[str], source: Sequence[str]) -> float:
    """0..1, the share of the words that lie in stretches of eight that the source has too."""
    if len(words) < SPAN or len(source) < SPAN:
        return 0.0
    known = {tuple(source[at : at + SPAN]) for at in range(len(source) - SPAN + 1)}
    copied = [False] * len(words)
    for at in range(len(words) - SPAN + 1):
        if tuple(words[at : at + SPAN]) in known:
            copied[at : at + SPAN] = [True] * SPAN
    return sum(copied) / len(words)


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, apostrophes straight."""
    return _WORD.findall(text.replace("’", "'").lower())


def features(text: str, own: Sequence[str]) -> dict[str, float]:
    """What the score is made of, by name."""
    plain = text.replace("’", "'").strip().lower()
    words = words_of(plain)
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    length, last = math.log1p(len(words)), lines[-1] if lines else ""
    usual = [math.log1p(len(words_of(one))) for one in own]
    hundreds = max(1.0, len(words) / 100)
    return {
        "constant": 1.0,
        "answer_opening": float(_opens(plain, "answer_openings")),
        "answer_opening_inside": float(any(_opens(line, "answer_openings") for line in lines[1:])),
        "answer_closing": float(_has(last, "answer_closings")),
        "answer_phrases": min(4.0, _count(plain, "answer_phrases") / hundreds),
        "person_opening": float(_opens(plain, "person_openings")),
        "person_phrases": min(4.0, _count(plain, "person_phrases") / hundreds),
        "asks": float("?" in plain),
        "asks_last": float(plain.endswith("?")),
        "finished": float(plain[-1:] in ".!:`"),
        "capital": float(text.strip()[:1].isupper()),
        "listed": math.log1p(len(_LISTED.findall(text))),
        "marked": float(_MARKED.search(text) is not None),
        "length": length,
        "longer": length - sum(usual) / len(usual) if usual else 0.0,
        "own": float(bool(usual)),
    }


def _opens(line: str, kind: str) -> bool:
    return _pattern(kind).match(line) is not None


def _has(text: str, kind: str) -> bool:
    return _pattern(kind).search(text) is not None


def _count(text: str, kind: str) -> int:
    return len(_pattern(kind).findall(text))


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    phrases = sorted(map(str, _told()[kind]), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, phrases))})\b")


@cache
def _told() -> Mapping[str, Any]:
    return data(WORDINGS)
