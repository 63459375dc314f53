"""Payment: what one call may cost, held back from the budget before each of its tries.

    payment = await purse.begin(cost)          # OutOfBudget where the budget cannot hold it
    with payment.given():
        reply = await backend.complete(...)    # a client asks for each further try: payment.again()
    payment.settle(actual)

It rides in a context variable, since it must pass through whatever stands between (LangChain's `ainvoke` among it).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Funds(Protocol):
    """What payments are held back from."""

    async def hold(self, cost: int) -> None:
        """Hold so much back. Raises OutOfBudget where it is not there."""
        ...

    def settle(self, held: int, cost: int) -> None:
        """What was held came to this."""
        ...


class Payment:
    """The money (or tokens) behind one call; one try at a time."""

    def __init__(self, funds: Funds, cost: int) -> None:
        self._funds, self._cost = funds, cost
        self._held = False
        self.lost = 0
        """Tries that may have been billed although no reply came; each is charged in full."""

    async def again(self) -> None:
        """Hold back what one more try may cost. Raises OutOfBudget."""
        if not self._held:
            await self._funds.hold(self._cost)
            self._held = True

    def failed(self, *, billed: bool) -> None:
        """A try failed: what was held is free again, or lost where a reply may have been made."""
        if self._held:
            self._held = False
            self.lost += billed
            self._funds.settle(self._cost, self._cost if billed else 0)

    def settle(self, cost: int) -> None:
        """The reply came, and cost this."""
        if self._held:
            self._held = False
            self._funds.settle(self._cost, cost)

    @contextmanager
    def given(self) -> Generator[None]:
        """Whoever tries again within asks this payment first."""
        token = PAYMENT.set(self)
        try:
            yield
        finally:
            PAYMENT.reset(token)


PAYMENT: ContextVar[Payment | None] = ContextVar("simworld_payment", default=None)
