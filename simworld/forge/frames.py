"""Frames: sentences with gaps, filled with the facts of one person, those used least so far taken first.

frames = Frames()
frames.take("words", "secret.any", slots, 1, rng)      # ["I have a tin trumpet that belongs to Mr Kerr, ..."]
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import Any, cast

from simworld.forge.tables import bars, table

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FEW = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
_FRESH = frozenset({"day", "few", "few2"})
"""Facts that are another one in each sentence."""
_GAP = re.compile(r"\{(\w+)\}")


@cache
def lines_of(file: str, key: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """The frames of a key (`secret.any`), each with the facts it needs; lines, or entries between bars."""
    node: Any = table(file)
    for part in key.split("."):
        node = node[part]
    texts = str(node).split("\n") if "\n" in str(node).strip() and "|" not in str(node) else bars(node)
    found = [" ".join(text.split()) for text in cast("Sequence[str]", texts) if text.strip()]
    return tuple((text, frozenset(gap.lower() for gap in _GAP.findall(text))) for text in found)


def filled(frame: str, slots: Mapping[str, str]) -> str:
    """The frame with its gaps filled; a gap with a capital gets one."""

    def word(match: re.Match[str]) -> str:
        name = match[1]
        text = slots[name.lower()]
        return text[:1].upper() + text[1:] if name[0].isupper() else text

    made = _GAP.sub(word, frame)
    return made[:1].upper() + made[1:] if frame[:1].isupper() or (frame[:1] == "{" and frame[1:2].isupper()) else made


class Frames:
    """Remembers which frames and which whole sentences were used, so that people sound apart."""

    def __init__(self) -> None:
        self._used: Counter[tuple[str, str]] = Counter()
        self._said: set[str] = set()

    def take(
        self, file: str, key: str, slots: Mapping[str, str], count: int, rng: Random, barred: Sequence[str] = ()
    ) -> list[str]:
        """`count` filled frames, or as many as fit this person; none whose words are in `barred`."""
        slots = {**slots, "day": "", "few": "", "few2": ""}
        fit = [(frame, needs) for frame, needs in lines_of(file, key) if needs <= slots.keys()]
        ordered = sorted(fit, key=lambda one: (self._used[key, one[0]], rng.random()))
        taken: list[str] = []
        spare: list[tuple[str, str]] = []
        for frame, needs in ordered:
            if len(taken) == count:
                break
            if needs & _FRESH:
                slots["day"] = rng.choice(_DAYS)
                slots["few"], slots["few2"] = rng.sample(_FEW, 2)
            text = filled(frame, slots)
            if text in taken or any(word in text for word in barred):
                continue
            if text in self._said:
                spare.append((frame, text))
                continue
            self._note(key, frame, text)
            taken.append(text)
        for frame, text in spare[: count - len(taken)]:
            self._note(key, frame, text)
            taken.append(text)
        return taken

    def _note(self, key: str, frame: str, text: str) -> None:
        self._used[key, frame] += 1
        self._said.add(text)
