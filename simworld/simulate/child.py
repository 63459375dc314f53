"""Child: a worker process, seen from its parent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from simworld import errors
from simworld.errors import RunStopped

LONGEST_LINE = 2**24
"""Bytes of one event."""


class Child:
    """A worker, seen from its parent."""

    def __init__(self, settings: Mapping[str, Any], worker: int, skip: Iterable[int], lock: int | None) -> None:
        self._order = orjson.dumps({"settings": settings, "worker": worker, "skip": sorted(skip)})
        self._worker = worker
        self._lock = lock
        self._process: asyncio.subprocess.Process | None = None

    async def follow(self, note: Callable[[dict[str, Any]], None]) -> None:
        """Start it and pass its events on until it ends. Raises what ended it."""
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simworld.simulate.worker", stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, limit=LONGEST_LINE, pass_fds=[self._lock] if self._lock is not None else [],
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(self._order + b"\n")
        await process.stdin.drain()
        while line := await process.stdout.readline():
            event: dict[str, Any] = orjson.loads(line)
            if event["event"] == "error":
                raise getattr(errors, event["kind"], RunStopped)(event["message"])
            note(event)
        if await process.wait():
            raise RunStopped(
                f"worker {self._worker} died (exit status {process.returncode}); what it finished is kept, the same "
                "command goes on from here"
            )

    async def stop(self) -> None:
        """Close its pipe and wait for it."""
        process = self._process
        if process is not None and process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
