"""The crew of a run: workers that are handed blocks of units, and replaced where they die.

    crew = Crew(folder, units, Pool(runs, workers=2), hire=hire, workers=2, jobs=64, note=print)
    await crew.play()

A worker is given enough to keep its `jobs` busy and a block more as it finishes, so a slow one does not hold the end of
the plan. Where one dies without a word, what it had finished is read from the folder, and a new one under its number
plays the rest of what it had; its replies stand in the journal. What units and orders are is all that this file knows:
a worker may be a process of this machine or of any other.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from simworld import errors
from simworld.corpus.folder import Folder
from simworld.corpus.store import parsed
from simworld.corpus.survey import Survey
from simworld.errors import RunStopped
from simworld.simulate.units import BLOCK, Pool, Units, ranges, told

DEATHS = 3
"""Workers that may die with the same dialogue in flight before the run stops."""

Event = dict[str, Any]
"""What a worker tells; `event` says what it is: `done` (index, facts), `error` (kind, message), `log` ..."""
Order = Mapping[str, Any]
"""What a worker is told: `{"units": [first, stop]}`, `{"end": True}` when no more will come, or an answer."""
Answer = Callable[[Event], Order | None]


class Worker(Protocol):
    """Something that plays units: it takes orders and tells events."""

    def send(self, order: Order) -> None:
        """Give it an order; orders are followed in turn."""
        ...

    def events(self) -> AsyncIterator[Event]:
        """What it tells, up to its proper end. Raises Died where it ended without one."""
        ...

    async def stop(self) -> None:
        """See that it ends, whatever it does, and wait for that."""
        ...


Hire = Callable[[int], Awaitable[Worker]]
"""Starts the worker of a number; the one before it under that number has ended."""


class Died(Exception):
    """A worker ended without saying why; the text says how (`killed by SIGKILL`)."""


@dataclass(slots=True)
class _Hand:
    """What one worker has been given and has not finished."""

    number: int
    worker: Worker | None = None
    units: dict[int, None] = field(default_factory=dict[int, None])
    """In the order in which they are begun."""
    told: set[int] = field(default_factory=set[int])
    """Indices that were told of units that are not finished."""
    deaths: Counter[int] = field(default_factory=Counter[int])
    """Unit -> workers that died while it was in flight."""


class Crew:
    """Plays what a pool holds, with several workers."""

    def __init__(
        self, folder: Folder, units: Units, pool: Pool, *, hire: Hire, workers: int, jobs: int,
        note: Callable[[Event], None], answers: Mapping[str, Answer] | None = None,
    ) -> None:  # fmt: skip
        """`answers`: name of an event -> what makes the order that answers it; all other events go to `note`."""
        self._folder = folder
        self._units = units
        self._pool = pool
        self._hire = hire
        self._jobs = jobs
        self._note = note
        self._hands = [_Hand(number) for number in range(workers)]
        self._on: dict[str, Callable[[_Hand, Event], None]] = {"done": self._done, "error": _raise}
        for name, answer in (answers or {}).items():
            self._on[name] = lambda hand, event, answer=answer: _reply(hand, answer(event))

    async def play(self) -> None:
        """Until all is played. Raises the error that a worker tells, RunStopped where they die again and again."""
        while self._pool.left and (free := [hand for hand in self._hands if self._has_room(hand)]):
            self._give(min(free, key=lambda hand: len(hand.units)))
        try:
            async with asyncio.TaskGroup() as group:
                for hand in self._hands:
                    group.create_task(self._employ(hand))
        except BaseExceptionGroup as group_of:
            raise group_of.exceptions[0] from None
        finally:
            await asyncio.gather(*(hand.worker.stop() for hand in self._hands if hand.worker))

    async def _employ(self, hand: _Hand) -> None:
        """Keep a worker under this number until there is nothing left for it."""
        while hand.units:
            worker = hand.worker = await self._hire(hand.number)
            self._note({"event": "workers", "alive": sum(one.worker is not None for one in self._hands)})
            for run in ranges(hand.units):
                worker.send({"units": [run.start, run.stop]})
            if not self._pool.left:
                worker.send({"end": True})
            try:
                async for event in worker.events():
                    self._on.get(event["event"], self._pass_on)(hand, event)
                break
            except Died as death:
                hand.worker = None
                self._take_over(hand, death)
        hand.worker = None

    def _pass_on(self, hand: _Hand, event: Event) -> None:
        self._note(event)

    def _done(self, hand: _Hand, event: Event) -> None:
        index = event["index"]
        if index not in hand.told:
            self._note(event)
        if not event["facts"]["closes"]:
            hand.told.add(index)
            return
        unit = self._units.at(index)
        hand.told.difference_update(self._units.span(unit))
        hand.units.pop(unit, None)
        while self._pool.left and self._has_room(hand):
            self._give(hand)

    def _has_room(self, hand: _Hand) -> bool:
        return len(hand.units) <= self._jobs

    def _give(self, hand: _Hand) -> None:
        """One more block; when that was the last, every worker is told so."""
        block = self._pool.take(min(BLOCK, self._jobs))
        hand.units |= dict.fromkeys(block)
        if hand.worker:
            hand.worker.send({"units": [block.start, block.stop]})
        if not self._pool.left:
            for one in self._hands:
                if one.worker:
                    one.worker.send({"end": True})

    def _take_over(self, hand: _Hand, death: Died) -> None:
        """Note what a dead worker had finished, and count its death for what it had in flight."""
        in_flight = [*islice(hand.units, self._jobs)]
        indices = [index for unit in hand.units for index in self._units.span(unit) if index not in hand.told]
        for index, line in sorted(self._folder.left_by(hand.number, indices).items()):
            facts = Survey.facts(parsed(line, self._folder.path))
            self._done(hand, {"event": "done", "index": index, "facts": facts})
        left = [unit for unit in in_flight if unit in hand.units]
        hand.deaths.update(left)
        facts = {"worker": hand.number, "how": str(death), "dialogues_in_flight": len(left)}
        self._note({"event": "log", "what": "worker_died", "facts": facts})
        deadly = [unit for unit in left if hand.deaths[unit] >= DEATHS]
        if deadly:
            raise RunStopped(
                f"worker {hand.number} died {DEATHS} times ({death}) while these dialogues were in flight: "
                f"{told(self._units.span(unit).start for unit in deadly)}; what was finished is kept and the same "
                "command goes on from here, with fewer --jobs where memory was short"
            )


def _raise(hand: _Hand, event: Event) -> None:
    raise getattr(errors, event["kind"], RunStopped)(event["message"])


def _reply(hand: _Hand, order: Order | None) -> None:
    if order is not None and hand.worker:
        hand.worker.send(order)
