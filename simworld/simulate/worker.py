"""A worker process: plays the units that its parent orders, tells what it does line by line.

The first line says what is played; then orders follow (`{"units": [first, stop]}`, `{"end": true}`) until no more will
come. The last event is `ended`. When the pipe closes, because the run is stopped or the parent has died, the worker
ends. The corpus lock is inherited, so a folder stays locked until the last worker is gone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson

from simworld.corpus.folder import Folder
from simworld.errors import RunStopped, SimworldError
from simworld.simulate.crew import Event, Order
from simworld.simulate.plan import Planned, PlannedStory
from simworld.simulate.share import Prepared, RunSettings, play_share
from simworld.simulate.tuning import tuned

LONGEST_LINE = 2**24
"""Bytes of one order."""
BREATH = 20
"""Units that are drawn and left out before anything else may go on."""


class Orders(AsyncIterator[Planned | PlannedStory]):
    """The units of the plan that the parent orders, in its order; ends with the order `end`.

    Units come in the plan's order, so a plan is drawn once.
    """

    def __init__(self) -> None:
        self._wanted: asyncio.Queue[int] = asyncio.Queue()
        self._stream: Iterator[Planned | PlannedStory] = iter(())
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._granted: asyncio.Queue[int] = asyncio.Queue()
        self._ended = False

    def draw_from(self, plan: Iterator[Planned | PlannedStory]) -> None:
        """The plan whose units are meant."""
        self._stream = plan

    def take(self, order: Order) -> None:
        """Take one order of the parent."""
        if "units" in order:
            for unit in range(*order["units"]):
                self._wanted.put_nowait(unit)
        if "grant" in order:
            self._granted.put_nowait(order["grant"])
        self._ended = self._ended or "end" in order
        self._news.set()

    async def ask(self, lacking: int) -> int:
        """What the parent grants of the budget to whoever lacks so much of it."""
        _tell({"event": "lack", "lacking": lacking})
        return await self._granted.get()

    async def __anext__(self) -> Planned | PlannedStory:
        async with self._turn:
            while self._wanted.empty():
                if self._ended:
                    raise StopAsyncIteration
                self._news.clear()
                await self._news.wait()
            return await self._draw(self._wanted.get_nowait())

    async def _draw(self, unit: int) -> Planned | PlannedStory:
        for item in self._stream:
            if item.unit == unit:
                return item
            if not item.unit % BREATH:
                await asyncio.sleep(0)
        raise RunStopped(f"unit {unit} was ordered out of turn")


async def _main() -> int:
    """Follow the parent's orders until there are no more, or its pipe closes."""
    lines = asyncio.StreamReader(limit=LONGEST_LINE)
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(0, "rb", closefd=False))
    begin = await lines.readline()
    if not begin.endswith(b"\n"):
        return 0
    orders = Orders()
    work = asyncio.create_task(_work(orjson.loads(begin), orders))
    listening = asyncio.create_task(_listen(lines, orders, work))
    try:
        return await work
    except asyncio.CancelledError:
        return 0
    finally:
        listening.cancel()


async def _listen(lines: asyncio.StreamReader, orders: Orders, work: asyncio.Task[int]) -> None:
    """Take orders; cancel the work once the parent's pipe closes."""
    while (line := await lines.readline()).endswith(b"\n"):
        orders.take(orjson.loads(line))
    work.cancel()


async def _work(begin: dict[str, Any], orders: Orders) -> int:
    settings = RunSettings.model_validate(begin["settings"])
    folder = Folder(Path(settings.out), worker=begin["worker"])
    try:
        prepared = Prepared(settings)
        _refuse_change(prepared, begin["identity"])
        if settings.budget and not settings.replay:
            prepared.fund(more=orders.ask, limit=0, until=begin["until"])
        orders.draw_from(iter(prepared.plan()))
        await play_share(prepared, folder, begin["worker"], orders, _tell)
        _tell({"event": "ended"})
    except SimworldError as error:
        _tell({"event": "error", "kind": type(error).__name__, "message": str(error)})
        return 1
    except OSError as error:
        _tell({"event": "error", "kind": "RunStopped", "message": f"{settings.out}: could not write: {error.strerror}"})
        return 1
    except Exception as error:
        told = f"worker {begin['worker']} failed: {type(error).__name__}: {error}"
        _tell({"event": "error", "kind": "RunStopped", "message": told})
        raise
    finally:
        folder.close()
    return 0


def _refuse_change(prepared: Prepared, identity: dict[str, Any]) -> None:
    """A worker that takes over must play what the run began with."""
    if orjson.loads(orjson.dumps(prepared.identity)) != identity:
        raise RunStopped("packs, prompts or scripts were edited while the run was on; undo that, or give another --out")


def _tell(event: Event) -> None:
    sys.stdout.buffer.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE, default=str))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with tuned():
        sys.exit(asyncio.run(_main()))
