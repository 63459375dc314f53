"""Prompts: those that were asked with last, so that the next one of a dialogue is not tokenised from its start.

prompts = Prompts(most=1_000_000)    # tokens, in all of them
prompts.keep(key, Prompt(text, ids))
prompts.take(key)                    # hands it out and forgets it: a longer one takes its place
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

MOST = 8_000_000
"""Tokens that are kept: of 4,000 dialogues the last prompt of 2,000 tokens, some 70 MB with its text."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as text and as tokens."""

    text: str
    ids: list[int]


class Prompts:
    """A bounded store; what was not asked for longest leaves first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[Sequence[Any], tuple[str, array[int]]] = OrderedDict()
        self._lock = Lock()
        self.tokens = 0
        """Tokens kept now."""

    def find(self, key: Sequence[Any]) -> Prompt | None:
        """The prompt of these messages, where it is kept."""
        with self._lock:
            if (kept := self._kept.get(key)) is None:
                return None
            self._kept.move_to_end(key)
        return Prompt(kept[0], kept[1].tolist())

    def take(self, key: Sequence[Any]) -> Prompt | None:
        """The same, and it is kept no longer."""
        with self._lock:
            if (kept := self._kept.pop(key, None)) is None:
                return None
            self.tokens -= len(kept[1])
        return Prompt(kept[0], kept[1].tolist())

    def keep(self, key: Sequence[Any], prompt: Prompt) -> None:
        """Keep it, and let go of others where that passes the bound."""
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = prompt.text, array("i", prompt.ids)
            self.tokens += len(prompt.ids)
            while self.tokens > self._most:
                _, (_, ids) = self._kept.popitem(last=False)
                self.tokens -= len(ids)
