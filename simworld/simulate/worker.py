"""A worker process: plays its share of a plan, tells its parent line by line.

The parent sends one line of JSON (settings, worker number, what to skip) and keeps the pipe open; when the pipe closes,
because the run is stopped or the parent has died, the worker ends. The corpus lock is inherited, so a folder stays
locked until the last worker is gone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import orjson

from simworld.corpus.folder import Folder
from simworld.errors import SimworldError
from simworld.simulate.share import Event, Prepared, RunSettings, play_share
from simworld.simulate.tuning import tuned


async def _main() -> int:
    loop = asyncio.get_running_loop()
    order = orjson.loads(await loop.run_in_executor(None, sys.stdin.buffer.readline))
    work = asyncio.ensure_future(_work(order))
    watch = asyncio.create_task(_until_closed(work))
    try:
        return await work
    except asyncio.CancelledError:
        return 0
    finally:
        watch.cancel()


async def _work(order: dict[str, Any]) -> int:
    settings = RunSettings.model_validate(order["settings"])
    folder = Folder(Path(settings.out), worker=order["worker"])
    try:
        await play_share(Prepared(settings), folder, order["worker"], set(order["skip"]), _tell)
    except SimworldError as error:
        _tell({"event": "error", "kind": type(error).__name__, "message": str(error)})
        return 1
    except OSError as error:
        _tell({"event": "error", "kind": "RunStopped", "message": f"{settings.out}: could not write: {error.strerror}"})
        return 1
    finally:
        folder.close()
    return 0


async def _until_closed(work: asyncio.Future[int]) -> None:
    """Cancel the work once the parent's pipe closes."""
    loop = asyncio.get_running_loop()
    closed = asyncio.Event()
    reader = sys.stdin.fileno()
    loop.add_reader(reader, lambda: closed.set() if not os.read(reader, 1) else None)
    await closed.wait()
    loop.remove_reader(reader)
    work.cancel()


def _tell(event: Event) -> None:
    sys.stdout.buffer.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE, default=str))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with tuned():
        sys.exit(asyncio.run(_main()))
