"""A chat-completions server on the loopback, for tests: it counts, records, and fails on demand.

    with serve(serial=True, faults={"500": 0.2}) as server:
        model = OpenAIChat(model="mock", base_url=server.url)
        ...
        assert server.count == 7
        server.knobs.latency = 0.1

Replies and faults depend on a request's content (and on how often that content came before), never on arrival order;
serial numbers alone do. It runs in a thread of its own, so clients may be other processes.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Any, Self

from aiohttp import web

WORDS = (
    "the we you road letter harbour winter plan promise doctor garden price window answer morning story ticket quiet "
    "careful honest always maybe because before after think know ask tell bring keep leave find carry hope agree"
)
STATUSES = {"400": 400, "401": 401, "403": 403, "404": 404, "408": 408, "422": 422, "429": 429, "500": 500, "503": 503}
FAULTS = (*STATUSES, "drop", "drop_late", "half", "empty", "no_message", "redirect", "hang")


@dataclass
class Knobs:
    """Everything that can be changed, also while the server runs."""

    reply: Callable[[dict[str, Any]], str] | None = None
    """Request body -> text; default: a dozen words that follow from the messages."""
    serial: bool = False
    """End each reply with `[N]`, N counting the answered requests from 1."""
    latency: float = 0.0
    """Seconds before any answer."""
    together: int = 0
    """Nothing is answered before this many requests were in flight at once."""
    faults: dict[str, float] = field(default_factory=dict)
    """Fault (one of FAULTS) -> share of the distinct requests that meet it."""
    fault_tries: int | None = 1
    """How many tries of such a request fail; None: all."""
    retry_after: str | None = None
    """The header, on 429 and 503."""
    message: str = "injected failure"
    """What an error says."""
    error: dict[str, Any] = field(default_factory=dict)
    """Further fields of the error object: `param`, `code`."""
    redirect: str = ""
    """Location of the fault `redirect`."""
    finish: str | None = "stop"
    content: Any = ...
    """The message's content in place of a reply: None, a list of parts ..."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Further fields of the message: `reasoning_content` ..."""
    usage: Any = ...
    """The usage object in place of a true one; None: left out."""
    body: bytes | None = None
    """The whole body in place of a reply, with status 200."""
    cookie: str = ""
    """A Set-Cookie header on each reply."""
    key: str = ""
    """The only key that is let in; empty: any or none."""


class Server:
    """A running server. `requests` grows with each request: `n, path, headers, body, tries, fault, text`."""

    def __init__(self, knobs: Knobs) -> None:
        self.knobs = knobs
        self.requests: list[dict[str, Any]] = []
        self.answered = 0
        """Requests that got a whole reply."""
        self.connections = 0
        self.in_flight = self.peak = 0
        self._tries: Counter[bytes] = Counter()
        self._peers: set[Any] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    @property
    def count(self) -> int:
        """Requests that came, failed ones included."""
        return len(self.requests)

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`"""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL, ending in `/v1`."""
        return f"{self.origin}/v1"

    def prompts(self) -> list[list[dict[str, str]]]:
        """The messages of each request."""
        return [request["body"]["messages"] for request in self.requests]

    def close(self) -> None:
        """Stop; open connections are cut. May be called twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        server = web.Server(self._handle, access_log=None)
        listener = await self._loop.create_server(server, "127.0.0.1", 0, backlog=2048)
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        listener.close()
        await server.shutdown(timeout=0.01)
        await listener.wait_closed()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._peers.add(request.transport.get_extra_info("peername"))
        self.connections = len(self._peers)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            return await self._answer(request)
        finally:
            self.in_flight -= 1

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = json.loads(await request.content.read() or b"null")
        row = {"n": self.count + 1, "path": request.path, "headers": dict(request.headers), "body": body}
        row |= {"tries": 0, "fault": "", "text": None}
        self.requests.append(row)
        await asyncio.sleep(self.knobs.latency)
        while self.peak < self.knobs.together:
            await asyncio.sleep(0.005)
        if self.knobs.key and request.headers.get("Authorization") != f"Bearer {self.knobs.key}":
            return self._error("401")
        if not request.path.endswith("/chat/completions"):
            return self._error("404")
        seed = blake2b(json.dumps(body, sort_keys=True).encode()).digest()
        self._tries[seed] += 1
        row["tries"] = self._tries[seed]
        row["fault"] = self._fate(seed)
        if row["fault"]:
            return await self._fail(row["fault"], request)
        return self._reply(row, Random(seed))

    def _fate(self, seed: bytes) -> str:
        """The fault that this request meets at this try, or nothing."""
        if self.knobs.fault_tries is not None and self._tries[seed] > self.knobs.fault_tries:
            return ""
        roll = Random(seed + b"fate").random()
        for fault, share in self.knobs.faults.items():
            assert fault in FAULTS, fault
            roll -= share
            if roll < 0:
                return fault
        return ""

    def _reply(self, row: dict[str, Any], rng: Random) -> web.Response:
        knobs, body = self.knobs, row["body"]
        text = knobs.reply(body) if knobs.reply else " ".join(rng.choices(WORDS.split(), k=12)).capitalize() + "."
        self.answered += 1
        if knobs.serial:
            text += f" [{self.answered}]"
        row["text"] = text
        if knobs.body is not None:
            return web.Response(body=knobs.body, content_type="application/json")
        message = {"role": "assistant", "content": text if knobs.content is ... else knobs.content, **knobs.fields}
        usage = {"prompt_tokens": _tokens(body["messages"]), "completion_tokens": len(text.split())}
        choice = {"index": 0, "message": message, "finish_reason": knobs.finish}
        whole = {"id": f"r{row['n']}", "object": "chat.completion", "model": body["model"], "choices": [choice]}
        if knobs.usage is not None:
            whole["usage"] = usage if knobs.usage is ... else knobs.usage
        return web.json_response(whole, headers={"Set-Cookie": knobs.cookie} if knobs.cookie else None)

    async def _fail(self, fault: str, request: web.BaseRequest) -> web.StreamResponse:
        if fault == "hang":
            await asyncio.sleep(60)
        if fault == "drop":
            request.transport.abort()
            return web.Response()
        if fault == "drop_late":
            return await _half_sent(request)
        if fault == "redirect":
            return web.Response(status=307, headers={"Location": self.knobs.redirect})
        broken = {
            "half": '{"id": "r1", "choices": [{"mess',
            "empty": '{"choices": []}',
            "no_message": '{"choices": [{}]}',
        }
        if fault in broken:
            return web.Response(text=broken[fault], content_type="application/json")
        return self._error(fault)

    def _error(self, fault: str) -> web.Response:
        status, headers = STATUSES[fault], {}
        if self.knobs.retry_after is not None and status in {429, 503}:
            headers["Retry-After"] = self.knobs.retry_after
        error = {"message": self.knobs.message, "type": "injected", **self.knobs.error}
        return web.json_response({"error": error}, status=status, headers=headers)


async def _half_sent(request: web.BaseRequest) -> web.StreamResponse:
    """Promise a thousand bytes, send ten, and hang up."""
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"choices"')
    request.transport.abort()
    return response


def _tokens(messages: list[dict[str, str]]) -> int:
    return sum(len(str(message["content"]).split()) + 4 for message in messages)


def serve(**knobs: Any) -> Server:
    """A server on a free loopback port; use it in a `with`, or call `close()`."""
    return Server(Knobs(**knobs))
