"""Budget: what a run may spend in all, in money, tokens or time; a hard stop.

    purse = Purse(read_budget("20usd"), spent=3_200_000_000)
    await purse.hold(4_000_000)                # before each try of a call, by its upper estimate
    purse.settle(4_000_000, 1_100_000)         # what it came to

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
USD = 1_000_000_000
"""Points of a dollar."""
_UNITS: dict[str, tuple[Unit, float]] = {
    "usd": ("usd", USD), "$": ("usd", USD), "tok": ("tokens", 1), "ktok": ("tokens", 1e3), "mtok": ("tokens", 1e6),
    "gtok": ("tokens", 1e9), "s": ("seconds", 1), "min": ("seconds", 60), "m": ("seconds", 60), "h": ("seconds", 3600),
    "d": ("seconds", 86_400),
}  # fmt: skip
_FORM = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z$]+)", re.IGNORECASE)
RECENT = 200
"""Dialogues whose cost tells what one more will cost."""
START = 2
"""Dialogues that are begun before one has ended and shown what a dialogue costs."""


@dataclass(frozen=True, slots=True)
class Budget:
    """An amount, in whole `points`: tokens, seconds, or billionths of a dollar, so that sums are exact."""

    points: int
    unit: Unit


def read_budget(text: str) -> Budget:
    """`20usd`, `5Mtok`, `2h` as a Budget. Raises UsageError for any other form."""
    found = _FORM.fullmatch(text.strip())
    known = found and _UNITS.get(found[2].lower())
    points = float(found[1]) * known[1] if found and known else 0.0
    if not known or not 1 <= points < 2**63:
        raise UsageError(
            f"--budget '{text}': write an amount over 0 and a unit, such as 20usd, 500ktok, 5Mtok, 90min, 2h"
        )
    return Budget(int(points), known[0])


class Purse:
    """Holds what calls in flight may cost, and counts what they came to."""

    def __init__(
        self,
        budget: Budget,
        spent: int = 0,
        more: Callable[[int], Awaitable[int]] | None = None,
        until: float | None = None,
    ) -> None:
        """`more` gives a part of what is asked for, from elsewhere, 0 where there is none left; `until` is the
        `time.time()` at which a budget of time ends."""
        self.unit = budget.unit
        self.limit = budget.points
        self.spent = spent
        self.held = 0
        self.unanswered = 0
        """Part of what was spent that stands in no reply: calls that failed, but may have been billed."""
        self.ended = False
        """Whether something was not begun for want of budget."""
        self._more = more
        self._until = until if until is not None else time.time() + budget.points
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._asking = asyncio.Lock()
        self._dialogues: deque[float] = deque(maxlen=RECENT)

    async def hold(self, cost: int) -> None:
        """Hold back what a try may cost; waits for calls in flight where they may leave enough.

        Raises OutOfBudget where even without them it is not there.
        """
        while not await self._has(cost):
            if self.unit == "seconds" or not self.held or (self.spent + cost > self.limit and not self._more):
                self.ended = True
                raise OutOfBudget("the budget is spent")
            await self._next_settled()
        self.held += cost

    def settle(self, held: int, cost: int) -> None:
        """What was held came to this."""
        self.held -= held
        self.spent += cost
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)

    async def admits(self, in_flight: int) -> bool:
        """Whether one more dialogue may be begun, beside those in flight, by what recent dialogues cost."""
        mean = self._mean()
        if self.unit == "seconds":
            return time.time() + (mean or 0.0) < self._until
        if mean is None:
            return in_flight < START
        return await self._has(round(mean * (1 + in_flight)) - self.held)

    def note(self, cost: float) -> None:
        """A dialogue ended, and cost this (of a budget of time: took so many seconds)."""
        self._dialogues.append(cost)

    def _mean(self) -> float | None:
        return sum(self._dialogues) / len(self._dialogues) if self._dialogues else None

    async def _has(self, cost: int) -> bool:
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
