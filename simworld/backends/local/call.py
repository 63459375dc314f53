"""Call: one prompt on its way to a reply."""

from __future__ import annotations

import time
from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from simworld.backends.local.prefixes import chain
from simworld.checkpoint.libraries import library
from simworld.errors import SimworldError


@dataclass(frozen=True, slots=True)
class Rules:
    """What a call may not say, where it may stop, and what is looked at."""

    banned: frozenset[int] = frozenset()
    """Tokens that are never said."""
    banned_first: frozenset[int] = frozenset()
    """Tokens that are not said first."""
    held: frozenset[int] = frozenset()
    """Tokens that are not said, but for the first, before `least` others are: those that end the reply."""
    least: int = 0
    stops: frozenset[int] = frozenset()
    """Tokens that end the reply beside those that always do; the last token said tells which one did."""
    watched: int | None = None
    """A token whose chance of being said first is told, whatever is banned and however tokens are drawn."""

    def forbidden(self, said: int) -> frozenset[int]:
        """The tokens that may not be the next one where so many have been said."""
        if not said:
            return self.banned | self.banned_first
        return self.banned | self.held if said < self.least else self.banned


@dataclass(frozen=True, slots=True)
class Said:
    """What the model said: its tokens, the one that ended it included."""

    tokens: list[int]
    finish_reason: str
    """`stop`, or `length` where it was cut."""
    watched: float | None = None
    """0..1, the chance that the watched token had of being the first; None where none was watched."""
    barred: tuple[int, ...] = ()
    """Tokens that would have been said had the rules not forbidden them, in their order."""


@dataclass(eq=False, slots=True)
class Call:
    """A prompt, and what has been said to it so far. Its `future` is answered with a Said, or cancelled."""

    tokens: list[int]
    """The prompt's, then those of the reply."""
    given: int
    """How many of them are the prompt's."""
    most: int
    """Tokens that the reply may have."""
    draws: list[float]
    """One number in [0, 1) for each token that may be said; they come from the call's seed alone."""
    future: Future[Said] = field(default_factory=Future[Said])
    since: float = field(default_factory=time.monotonic)
    """When it began to wait."""
    slot: int = -1
    """Where it is at work."""
    marks: list[int] = field(default_factory=list[int])
    """The chained hashes of its blocks of tokens."""
    rules: Rules | None = None
    watched: float | None = None
    """0..1, the chance of the token that its rules watch, once the first was chosen."""
    barred: list[int] = field(default_factory=list[int])
    """Tokens that its rules kept it from saying."""

    def __post_init__(self) -> None:
        self.marks = chain(self.tokens)

    @property
    def known(self) -> int:
        """Tokens whose keys and values are made before the next one is said: all but the last."""
        return len(self.tokens) - 1

    @property
    def said(self) -> int:
        """Tokens of the reply so far."""
        return len(self.tokens) - self.given

    @property
    def left(self) -> int:
        """Tokens that may still be said."""
        return self.most - self.said

    @property
    def draw(self) -> float:
        """The number by which the next token is drawn."""
        return self.draws[min(self.said, len(self.draws) - 1)] if self.draws else 0.0

    @property
    def is_gone(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.future.cancelled()

    def ends_by(self, token: int, ends: Collection[int]) -> bool:
        """Whether this token ends the reply: one of `ends`, which end any, or of its own stops."""
        return token in ends or (self.rules is not None and token in self.rules.stops)

    def add(self, token: int) -> None:
        """One more token is said."""
        self.tokens.append(token)
        self.marks = chain(self.tokens, self.marks)

    def finish(self, reason: str) -> None:
        """Answer whoever waits."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_result(Said(self.tokens[self.given :], reason, self.watched, tuple(self.barred)))

    def fail(self, error: SimworldError) -> None:
        """Tell whoever waits that there will be no answer."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


def draws_of(seed: int, count: int) -> list[float]:
    """The first `count` numbers of this seed, in [0, 1); the same on every machine and device."""
    torch: Any = library("torch")
    generator = torch.Generator(device="cpu").manual_seed(seed)
    return torch.rand(count, generator=generator, dtype=torch.float64).tolist()
