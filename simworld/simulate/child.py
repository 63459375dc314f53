"""Child: a worker process of this machine, seen from its parent.

child = await Child.start({"settings": settings, "worker": 0, "identity": identity}, lock)
child.send({"units": [0, 10]})
async for event in child.events(): ...
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self

import orjson

from simworld.simulate.crew import Died, Event, Order

LONGEST_LINE = 2**24
"""Bytes of one event."""
PATIENCE = 10.0
"""Seconds that a worker whose pipe is closed may take to end."""


class Child:
    """A worker process. Orders and events are lines of JSON; where its pipe closes, it ends."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout

    @classmethod
    async def start(cls, begin: Order, lock: int | None) -> Self:
        """Start it and tell it what it plays; it inherits the lock of the folder."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simworld.simulate.worker", stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, limit=LONGEST_LINE, pass_fds=[lock] if lock is not None else [],
        )  # fmt: skip
        child = cls(process)
        child.send(begin)
        return child

    def send(self, order: Order) -> None:
        """Write an order; to a child that has died it goes nowhere."""
        if not self._stdin.is_closing():
            self._stdin.write(orjson.dumps(order, option=orjson.OPT_APPEND_NEWLINE))

    async def events(self) -> AsyncIterator[Event]:
        """What it tells, up to its proper end. Raises Died where it ended without one."""
        ended = False
        while (line := await self._stdout.readline()).endswith(b"\n"):
            event: Event = orjson.loads(line)
            ended = event["event"] == "ended"
            if not ended:
                yield event
        status = await self._process.wait()
        if not ended:
            raise Died(_how(status))

    async def stop(self) -> None:
        """Close its pipe and wait for it; kill it where that takes too long."""
        if self._process.returncode is not None:
            return
        self._stdin.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


def _how(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
