"""Case: a conversation on its way through the steps; Lost: why it went no further.

case = Case(id="a", root="s:a", data="s", where="s.jsonl:1", said=(("user", "Hi"), ("assistant", "Hello.")))
case.humans     # 1
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from simworld.corpus.imports.talk import ASSISTANT, USER

Said: TypeAlias = tuple[tuple[str, str], ...]
"""Seat (`user` or `assistant`) and text, turn by turn."""


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation, or a piece of one."""

    id: str
    root: str
    """The conversation that it comes from, with the name of its source before it."""
    data: str
    """Name of the source."""
    where: str
    """File and line."""
    said: Said
    system: str | None = None
    """What the assistant was told, where the source says so."""
    about: Mapping[str, str] = field(default_factory=dict[str, str])
    true_start: bool = True
    """Whether the first turn is the first of the conversation."""
    over: bool = False
    """Whether the conversation is known to be over after the last turn."""
    intent: str = ""
    """What the person wants, where the data says so."""
    persona: str = ""
    """Who the person is, likewise, in the second person."""

    @property
    def humans(self) -> int:
        """Turns of the person."""
        return sum(seat == USER for seat, _ in self.said)

    @property
    def rounds(self) -> int:
        """Turns of the person that were answered."""
        pairs = zip(self.said, self.said[1:], strict=False)
        return sum(one[0] == USER and other[0] == ASSISTANT for one, other in pairs)

    def texts(self, seat: str) -> list[str]:
        """What one of the two said."""
        return [text for who, text in self.said if who == seat]


@dataclass(frozen=True, slots=True)
class Lost:
    """A conversation that a step drops."""

    reason: str


Step: TypeAlias = Callable[[Case], "list[Case] | Lost"]
"""What a step makes of a case: usually one, several where it is split."""
