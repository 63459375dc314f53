"""Budget: what a run may spend in all, in money, tokens or time; a hard stop.

    purse = Purse(read_budget("20usd"), spent=3.2)
    await purse.hold(0.004)          # before each try of a call, by its upper estimate
    purse.settle(0.004, 0.0011)      # what it came to

No call is begun that the budget cannot hold beside all that are in flight. A process that plays a share of a run asks
its parent for `more`, a little at a time.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from simworld.errors import OutOfBudget, UsageError

Unit = Literal["usd", "tokens", "seconds"]
_UNITS: dict[str, tuple[Unit, float]] = {
    "usd": ("usd", 1), "$": ("usd", 1), "tok": ("tokens", 1), "ktok": ("tokens", 1e3), "mtok": ("tokens", 1e6),
    "gtok": ("tokens", 1e9), "s": ("seconds", 1), "min": ("seconds", 60), "m": ("seconds", 60), "h": ("seconds", 3600),
    "d": ("seconds", 86_400),
}  # fmt: skip
_FORM = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z$]+)", re.IGNORECASE)
START = 4
"""Dialogues that are begun before one has ended and shown what a dialogue costs."""


@dataclass(frozen=True, slots=True)
class Budget:
    """An amount of `usd`, `tokens` or `seconds`."""

    amount: float
    unit: Unit

    def __str__(self) -> str:
        return shown(self.amount, self.unit)


def read_budget(text: str) -> Budget:
    """`20usd`, `5Mtok`, `2h` as a Budget. Raises UsageError for any other form."""
    found = _FORM.fullmatch(text.strip())
    known = found and _UNITS.get(found[2].lower())
    if not found or not known or not float(found[1]):
        raise UsageError(
            f"--budget '{text}': write an amount over 0 and a unit, such as 20usd, 500ktok, 5Mtok, 90min, 2h"
        )
    unit, factor = known
    return Budget(float(found[1]) * factor, unit)


def shown(amount: float, unit: Unit) -> str:
    """An amount as one reads it."""
    if unit == "usd":
        return f"{amount:.4f} usd" if amount < 1 else f"{amount:.2f} usd"
    return f"{amount:,.0f} {unit}"


class Purse:
    """Holds what calls in flight may cost, and counts what they came to."""

    def __init__(
        self,
        budget: Budget,
        spent: float = 0.0,
        more: Callable[[float], Awaitable[float]] | None = None,
        until: float | None = None,
    ) -> None:
        """`more` gives a part of what is asked for, from elsewhere, 0 where there is none left; `until` is the
        `time.time()` at which a budget of time ends."""
        self.unit = budget.unit
        self.limit = budget.amount
        self.spent = spent
        self.held = 0.0
        self.unanswered = 0.0
        """Part of what was spent that stands in no reply: calls that failed, but may have been billed."""
        self.ended = False
        """Whether something was not begun for want of budget."""
        self._more = more
        self._until = until if until is not None else time.time() + budget.amount
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._asking = asyncio.Lock()
        self._dialogues: list[float] = []

    async def hold(self, cost: float) -> None:
        """Hold back what a try may cost; waits for calls in flight where they may leave enough.

        Raises OutOfBudget where even without them it is not there.
        """
        while not await self._has(cost):
            if not self.held or (self.spent + cost > self.limit and not self._more):
                self.ended = True
                raise OutOfBudget("the budget is spent")
            await self._next_settled()
        self.held += cost

    def settle(self, held: float, cost: float) -> None:
        """What was held came to this."""
        self.held = self.held - held if self.held > held else 0.0
        if self.unit != "seconds":
            self.spent += cost
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)

    async def admits(self, in_flight: int) -> bool:
        """Whether one more dialogue may be begun, beside what those in flight may still need by what dialogues cost."""
        mean = self._mean()
        if self.unit == "seconds":
            return time.time() + (mean or 0.0) < self._until
        if mean is None:
            return in_flight < START
        return await self._has(mean * (1 + in_flight / 2))

    def note(self, cost: float) -> None:
        """A dialogue ended, and cost this (of a budget of time: took so many seconds)."""
        self._dialogues.append(cost)
        del self._dialogues[:-200]

    def _mean(self) -> float | None:
        return sum(self._dialogues) / len(self._dialogues) if self._dialogues else None

    async def _has(self, cost: float) -> bool:
        if self.unit == "seconds":
            return time.time() < self._until
        if self.spent + self.held + cost <= self.limit:
            return True
        if self._more is None:
            return False
        async with self._asking:
            lacking = self.spent + self.held + cost - self.limit
            if lacking > 0:
                self.limit += await self._more(lacking)
        return self.spent + self.held + cost <= self.limit

    async def _next_settled(self) -> None:
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        await place
