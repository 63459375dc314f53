"""Admission: which unit of the plan is begun next, and whether the budget lets it be begun at all.

while (item := await admission.next()) is not None:
    with admission.playing() as told:
        told.extend(await play_planned(item, ...))
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from simworld.backends.budget import Purse
from simworld.backends.till import Till
from simworld.schema import Transcript

if TYPE_CHECKING:
    from simworld.simulate.plan import Planned, PlannedStory

    Unit = Planned | PlannedStory


class Admission:
    """Hands out the units of a plan, one by one, to all who play."""

    def __init__(self, units: Iterable[Unit] | AsyncIterator[Unit], till: Till | None) -> None:
        self._units = units if isinstance(units, AsyncIterator) else _each(units)
        self._till = till
        self._playing = 0
        self._closed = False
        self._moved = asyncio.Event()
        self._turn = asyncio.Lock()

    async def next(self) -> Unit | None:
        """The next unit; None where there is none, or the budget lets none begin.

        Where it may let one begin once others have ended, waits for them.
        """
        if self._till is None:
            item = await anext(self._units, None)
            self._playing += item is not None
            return item
        async with self._turn:  # one after the other: each is to see those that were let in before
            item = None if self._closed else await anext(self._units, None)
            if item is None or not await self._is_let_in(self._till.purse):
                return None
            self._playing += 1
            return item

    async def _is_let_in(self, purse: Purse) -> bool:
        while not self._closed and not await purse.admits(self._playing):
            if not self._playing:
                self._closed = purse.ended = True
            else:
                self._moved.clear()
                await self._moved.wait()
        return not self._closed

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
            self._playing -= 1
            self._moved.set()


async def _each(units: Iterable[Unit]) -> AsyncGenerator[Unit]:
    for unit in units:
        yield unit
