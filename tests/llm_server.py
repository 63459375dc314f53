"""A chat-completions server on the loopback, for tests and benchmarks: it counts, bills, records, and fails on demand.

    with serve(serial=True, faults={"500": 0.2}) as server:
        model = OpenAIChat(model="mock", base_url=server.url)
        ...
        assert server.count == 7
        server.knobs.latency = 0.1

Replies and faults depend on a request's content (and on how often that content came before), never on arrival order;
serial numbers and limits alone do. It runs in a thread of its own, so clients may be other processes. As a program it
prints its address as one line of JSON, keeps no requests, and is asked at /stats, /knobs and /reset (a JSON object of
knobs; the latter counts from nothing) and /down (`{"seconds": 5}`):

    python -m tests.llm_server --port 8399 --latency 0.05 --fault mixed=0.2 --odd length=0.02
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import sys
import threading
from dataclasses import fields
from typing import Any, Self

from tests.load_server.knobs import FAULTS, ODD, PASSING, Knobs
from tests.load_server.service import Service

__all__ = ["FAULTS", "ODD", "PASSING", "Knobs", "Server", "serve"]


class Server(Service):
    """A service that runs in a thread of its own."""

    def __init__(self, knobs: Knobs) -> None:
        super().__init__(knobs)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    def down(self, seconds: float | None = None) -> None:
        """Refuse connections and cut those that are open, for a while or until `up`."""
        self._do(self._go_down(seconds))

    def up(self) -> None:
        """Take connections again, at the same port."""
        self._do(self.listen(self.port))

    def close(self) -> None:
        """Stop; open connections are cut. May be called twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, what: Any) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _go_down(self, seconds: float | None) -> None:
        self.go_down(seconds)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        await self.listen()
        self._ready.set()
        await self._stop.wait()
        self.shut()


def serve(**knobs: Any) -> Server:
    """A server on a free loopback port; use it in a `with`, or call `close()`."""
    return Server(Knobs(**knobs))


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--fault", dest="faults", metavar="NAME=SHARE", action="append", default=[])
    parser.add_argument("--odd", metavar="NAME=SHARE", action="append", default=[])
    for knob in fields(Knobs):
        if type(knob.default) in {int, float, str, bool} or knob.name in {"retry_after", "fault_tries"}:
            kind = str if knob.default is None else type(knob.default)
            flag = {"action": "store_true"} if kind is bool else {"type": int if knob.name == "fault_tries" else kind}
            default = False if kind is bool else knob.default
            parser.add_argument(f"--{knob.name.replace('_', '-')}", default=default, **flag)
    given = vars(parser.parse_args())
    port = given.pop("port")
    for name in ("faults", "odd"):
        given[name] = {key: float(share) for key, _, share in (item.partition("=") for item in given[name])}
    try:
        knobs = Knobs(**given)
    except ValueError as error:
        parser.error(str(error))
    gc.freeze()
    asyncio.run(_forever(Service(knobs), port))


async def _forever(service: Service, port: int) -> None:
    await service.listen(port)
    sys.stdout.write(json.dumps({"url": service.url, "port": service.port}) + "\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    service.shut()


if __name__ == "__main__":
    main()
