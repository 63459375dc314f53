"""Admission: which unit of the plan is begun next, and whether the budget lets it be begun at all.

while (item := await admission.next()) is not None:
    with admission.playing(): told = await play_planned(item, ...)
    admission.ended(told)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from simworld.backends.till import Till
from simworld.schema import Transcript

if TYPE_CHECKING:
    from simworld.simulate.plan import Planned, PlannedStory


class Admission:
    """Hands out the units of a plan, one by one, to all who play."""

    def __init__(self, units: Iterable[Planned | PlannedStory], till: Till | None) -> None:
        self._units = iter(units)
        self._till = till
        self._playing = 0
        self._closed = False
        self._moved = asyncio.Event()

    async def next(self) -> Planned | PlannedStory | None:
        """The next unit; None where there is none, or the budget lets none begin.

        Where it may let one begin once others have ended, waits for them.
        """
        while self._till and not self._closed:
            if await self._till.purse.admits(self._playing):
                break
            if not self._playing:
                self._closed = self._till.purse.ended = True
                break
            self._moved.clear()
            await self._moved.wait()
        if self._closed:
            return None
        self._playing += 1
        item = next(self._units, None)
        if item is None:
            self._leave()
        return item

    @contextmanager
    def playing(self) -> Generator[list[Transcript]]:
        """While one unit is played; its transcripts are put into the list that this gives."""
        told: list[Transcript] = []
        began = time.monotonic()
        try:
            yield told
        finally:
            if told and self._till:
                stopped = told[-1].status == "stopped_by_budget"
                self._closed = self._closed or stopped
                if not stopped:
                    spent = time.monotonic() - began if self._till.purse.unit == "seconds" else self._till.cost(told)
                    self._till.purse.note(spent)
            self._leave()

    def _leave(self) -> None:
        self._playing -= 1
        self._moved.set()
