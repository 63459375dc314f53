"""Whether a spoken turn takes leave, by the words of `templates/improv/farewells.yaml`.

is_farewell("Well, goodbye then, Mara.")              # True
is_farewell("He never said goodbye to the dog.")      # False
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

_FILE = Path(__file__).parents[1] / "templates" / "improv" / "farewells.yaml"
_SENTENCE = re.compile(r"[^.!?…]+[.!?…]*")
_WORD = re.compile(r"[\w'’-]+")


@dataclass(frozen=True)
class _Patterns:
    longest: int
    hint: re.Pattern[str]
    leave: re.Pattern[str]
    unless: re.Pattern[str]


@lru_cache(maxsize=4096)
def is_farewell(text: str) -> bool:
    """Whether one of its sentences takes leave; a goodbye within a long sentence about something else does not."""
    patterns = _patterns()
    low = text.lower().replace("’", "'")
    if not patterns.hint.search(low):
        return False
    return any(_takes_leave(sentence, patterns) for sentence in _SENTENCE.findall(low))


def _takes_leave(sentence: str, patterns: _Patterns) -> bool:
    if sentence.rstrip("\"' ").endswith("?") or len(_WORD.findall(sentence)) > patterns.longest:
        return False
    bare = sentence.strip(" \t\n\"'.!?…,;:—–-*()")
    return bool(patterns.leave.search(bare)) and not patterns.unless.search(bare)


@cache
def _patterns() -> _Patterns:
    import yaml

    data = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    edge, begin, whole, lead = (_either(data[key]) for key in ("edge", "begin", "whole", "lead"))
    before = rf"^(?:(?:{lead})\W+)*(?:[\w'-]+,\W*)?"
    leave = (
        rf"{before}(?:{edge})(?![\w-])|(?:^|\W)(?:{edge})(?:[^\w-]+[\w'-]+){{0,2}}$"
        rf"|{before}(?:{begin})(?:$|\W+(?:[\w':-]+\W*){{0,{int(data['rest'])}}}$)"
        rf"|{before}(?:{whole})(?:,\W*[\w'-]+(?:\W+[\w'-]+)?)?$"
    )
    hint = rf"(?:^|\W)(?:{edge}|{begin}|{whole})(?:\W|$)"
    unless = rf"(?:^|\W)(?:{_either(data['unless'])})(?:\W|$)"
    return _Patterns(int(data["longest"]), re.compile(hint), re.compile(leave), re.compile(unless))


def _either(words: str) -> str:
    """Words parted by `|` as alternatives, the longest first."""
    return "|".join(
        sorted((re.escape(word.strip()) for word in words.split("|") if word.strip()), key=len, reverse=True)
    )
