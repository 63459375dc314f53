"""The service: what happens to each request, what it costs, and what is counted.

    service = Service(Knobs(latency=0.05))
    await service.listen(0)             # service.url
    service.stats()

Everything runs in one event loop; nothing depends on the order in which requests arrive, but serial numbers and limits.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter, deque
from collections.abc import Mapping
from email.utils import formatdate
from functools import partial
from math import ceil
from typing import Any

import orjson

from tests.load_server.connection import Connection, Request, head_of
from tests.load_server.knobs import STATUSES, Knobs, pick
from tests.load_server.replies import Answer, compose, digest, jitter, share

_BROKEN = {"empty": b'{"choices": []}', "no_message": b'{"choices": [{}]}'}
_PAGE = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"


class _Denied(Exception):
    """A request that nobody could answer."""

    def __init__(self, fault: str, message: str | None = None) -> None:
        super().__init__(fault)
        self.fault, self.message = fault, message


class Service:
    """A chat-completions service. `requests` grows with each one: `n, path, headers, body, tries, fault, odd, text`."""

    def __init__(self, knobs: Knobs) -> None:
        self.knobs = knobs
        self.port = 0
        self.in_flight = 0
        self._listener: asyncio.Server | None = None
        self._open: set[Connection] = set()
        self._started = time.process_time()
        self._begin()

    def _begin(self) -> None:
        """Everything counted from nothing."""
        self.requests: list[dict[str, Any]] = []
        self.count = 0
        """Requests that came, failed ones included."""
        self.answered = 0
        """Requests that got a whole reply."""
        self.billed = 0
        """Replies that were made, and are paid for, whether they arrived or not."""
        self.tokens_in = self.tokens_out = 0
        """Tokens billed."""
        self.connections = 0
        self.peak = self.in_flight
        self.faults: Counter[str] = Counter()
        self.odd: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        """Requests that a limit refused."""
        self._tries: Counter[bytes] = Counter()
        self._waiting: list[partial[None]] = []
        self._minute: deque[float] = deque()
        self._window: tuple[float, float] | None = None

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`"""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL, ending in `/v1`."""
        return f"{self.origin}/v1"

    @property
    def cost(self) -> float:
        """Dollars billed, by the knobs' prices."""
        return (self.tokens_in * self.knobs.price_in + self.tokens_out * self.knobs.price_out) / 1e6

    def prompts(self) -> list[list[dict[str, str]]]:
        """The messages of each recorded request."""
        return [request["body"]["messages"] for request in self.requests]

    async def listen(self, port: int = 0) -> None:
        """Take connections on the loopback; port 0: any that is free."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Connection(self), "127.0.0.1", port, backlog=4096)
        self.port = self._listener.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Take no more connections and cut those that are open."""
        if self._listener:
            self._listener.close()
            self._listener = None
        for connection in list(self._open):
            connection.hang_up()

    def stats(self) -> dict[str, Any]:
        """What was counted since the last reset; some of it under the names that other benchmarks' clients read."""
        first, last = self._window or (0.0, 0.0)
        return {
            "requests": self.count, "answered": self.answered, "ok": self.answered, "billed": self.billed,
            "prompt_tokens": self.tokens_in, "completion_tokens": self.tokens_out, "cost": self.cost,
            "faults": dict(self.faults), "odd": dict(self.odd), "refused": dict(self.refused),
            "in_flight": self.in_flight, "in_flight_peak": self.peak, "connections": self.connections,
            "seconds": round(last - first, 4), "mock_cpu_s": round(time.process_time() - self._started, 3),
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "knobs": self.knobs.shown(),
        }  # fmt: skip

    def reset(self, values: Mapping[str, Any]) -> None:
        """Change knobs and count from nothing. ValueError for an unknown knob."""
        self.knobs.change(values)
        waiting = self._waiting
        self._begin()
        self._started = time.process_time()
        for one in waiting:
            one()

    # what connections call

    def opened(self, connection: Connection) -> None:
        self.connections += 1
        self._open.add(connection)

    def lost(self, connection: Connection) -> None:
        self._open.discard(connection)

    def arrive(self, connection: Connection, request: Request) -> None:
        if request.path.endswith("/chat/completions") or request.path not in _DESK:
            self._take(connection, request)
        else:
            self._at_desk(connection, request)

    # the model's path

    def _take(self, connection: Connection, request: Request) -> None:
        """Count a request in, and answer it now or after the latency; a limit refuses at once."""
        knobs = self.knobs
        self.count += 1
        row = self._record(request) if knobs.record else None
        if (wait := self._limit()) is not None:
            self._refuse(connection, "429", None if wait < 0 else str(ceil(wait)))
            return
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        seed = digest(request.body)
        answer = partial(self._answer, connection, request, seed, row)
        if self.peak < knobs.together:
            self._waiting.append(answer)
        elif knobs.latency:
            tries = self._tries[seed] if knobs.faults or row else 0
            factor = jitter(seed, tries, knobs.sigma) if knobs.sigma else 1.0
            asyncio.get_running_loop().call_later(knobs.latency * factor, answer)
        else:
            answer()
        if self._waiting and self.peak >= knobs.together:
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                one()

    def _record(self, request: Request) -> dict[str, Any]:
        try:
            body = orjson.loads(request.body or b"null")
        except ValueError:
            body = None
        row = {"n": self.count, "path": request.path, "headers": request.headers, "body": body}
        self.requests.append(row | {"tries": 0, "fault": "", "odd": "", "text": None})
        return self.requests[-1]

    def _limit(self) -> float | None:
        """Seconds after which there is room again, -1 where that is not known; None: there is room now."""
        knobs = self.knobs
        if knobs.max_in_flight and self.in_flight >= knobs.max_in_flight:
            self.refused["in_flight"] += 1
            return -1.0
        if not knobs.rpm:
            return None
        now = time.monotonic()
        while self._minute and self._minute[0] <= now - knobs.minute:
            self._minute.popleft()
        if len(self._minute) >= knobs.rpm:
            self.refused["rpm"] += 1
            return self._minute[0] + knobs.minute - now
        self._minute.append(now)
        return None

    def _answer(self, connection: Connection, request: Request, seed: bytes, row: dict[str, Any] | None) -> None:
        """Decide how the request ends, and end it."""
        try:
            self._decide(connection, request, seed, row)
        except Exception:
            self._leave()
            connection.hang_up()
            raise

    def _decide(self, connection: Connection, request: Request, seed: bytes, row: dict[str, Any] | None) -> None:
        knobs = self.knobs
        try:
            body = self._read(request)
        except _Denied as denied:
            self._leave()
            return self._refuse(connection, denied.fault, None, denied.message)
        fault = self._fate(seed, row)
        odd = pick(knobs.odd, share(seed, "odd"), share(seed, "which odd")) if knobs.odd else ""
        if fault and fault not in knobs.bills:
            return self._fail(connection, fault, seed, None)
        answer = compose(body, seed, knobs, self.answered + 1, odd)
        self.billed += 1
        self.tokens_in += answer.tokens_in
        self.tokens_out += answer.tokens_out
        if fault:
            return self._fail(connection, fault, seed, answer)
        if row:
            row |= {"odd": odd, "text": answer.text}
        if odd:
            self.odd[odd] += 1
        if odd == "trickle":
            return self._trickle(connection, answer)
        # counted before it is sent: who has a reply in hand finds it counted
        self._leave(answered=connection.is_open)
        return connection.reply(200, answer.body, **({"Set_Cookie": knobs.cookie} if knobs.cookie else {}))

    def _read(self, request: Request) -> dict[str, Any]:
        """The body of a request that can be answered. Raises _Denied."""
        if self.knobs.key and request.headers.get("Authorization") != f"Bearer {self.knobs.key}":
            raise _Denied("401")
        if not request.path.endswith("/chat/completions"):
            raise _Denied("404")
        try:
            body = orjson.loads(request.body)
        except ValueError:
            raise _Denied("400", "the body is no JSON") from None
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            raise _Denied("400", "'messages' is no list")
        if body.get("stream"):
            raise _Denied("400", "'stream' is not spoken here")
        return body

    def _fate(self, seed: bytes, row: dict[str, Any] | None) -> str:
        """The fault that this request meets at this try, or nothing."""
        knobs = self.knobs
        if row or knobs.faults or knobs.always:
            # counted for those alone that may fail: a long run without faults keeps nothing of a request
            hit = share(seed, "hit")
            likely = bool(pick(knobs.faults, hit, 0.0))
            if row or likely:
                self._tries[seed] += 1
            tries = self._tries[seed] if row or likely else 1
            fault = knobs.always
            if not fault and likely and (knobs.fault_tries is None or tries <= knobs.fault_tries):
                fault = pick(knobs.faults, hit, share(seed, "which", tries))
            if row:
                row |= {"tries": tries, "fault": fault}
            return fault
        return ""

    def _fail(self, connection: Connection, fault: str, seed: bytes, answer: Answer | None) -> None:
        """End a request by this fault; `answer` is the reply that it costs, where it does."""
        self.faults[fault] += 1
        if fault == "hang":
            timer = asyncio.get_running_loop().call_later(self.knobs.hang, connection.hang_up)
            connection.on_lost = partial(self._gone, timer)
            return
        self._leave()
        whole = answer.body if answer else b'{"id": "r1", "choices": [{"message": {}}]}'
        match fault:
            case "drop":
                connection.hang_up()
            case "drop_late":
                connection.send_part(head_of(200, len(whole), "application/json") + whole[: len(whole) // 2])
                connection.hang_up(at_once=False)
            case "half":
                connection.reply(200, whole[: len(whole) // 2])
            case "empty" | "no_message":
                connection.reply(200, _BROKEN[fault])
            case "html":
                connection.reply(502, _PAGE, "text/html; charset=utf-8")
            case "redirect":
                connection.reply(307, b"", Location=self.knobs.redirect)
            case _:
                self._refuse(connection, fault, self._retry_after(seed) if fault in {"429", "503"} else None)

    def _gone(self, timer: asyncio.TimerHandle) -> None:
        """The client of a request that hangs has hung up, or was hung up on."""
        timer.cancel()
        self._leave()

    def _trickle(self, connection: Connection, answer: Answer) -> None:
        """Send the reply in pieces."""
        data = head_of(200, len(answer.body), "application/json") + answer.body
        size = ceil(len(data) / max(1, self.knobs.pieces))
        pieces = deque(data[at : at + size] for at in range(0, len(data), size))
        self._send_next(connection, pieces)

    def _send_next(self, connection: Connection, pieces: deque[bytes]) -> None:
        piece = pieces.popleft()
        if not pieces or not connection.is_open:
            self._leave(answered=connection.is_open)
        connection.send_part(piece)
        if pieces and connection.is_open:
            asyncio.get_running_loop().call_later(self.knobs.trickle, self._send_next, connection, pieces)
        elif connection.is_open:
            connection.end()

    def _leave(self, *, answered: bool = False) -> None:
        """A request is over."""
        self.in_flight -= 1
        self.answered += answered
        now = time.monotonic()
        self._window = (self._window[0] if self._window else now, now)

    def _refuse(self, connection: Connection, fault: str, retry_after: str | None, message: str | None = None) -> None:
        error = {"message": message or self.knobs.message, "type": "injected", **self.knobs.error}
        headers = {} if retry_after is None else {"Retry_After": retry_after}
        connection.reply(STATUSES[fault], orjson.dumps({"error": error}), **headers)

    def _retry_after(self, seed: bytes) -> str | None:
        """The header that the knob asks for."""
        form, colon, seconds = (self.knobs.retry_after or "").rpartition(":")
        if not colon or form not in {"any", "date"}:
            return self.knobs.retry_after
        kind = 2 if form == "date" else int(3 * share(seed, "retry after", self._tries[seed]))
        return (None, seconds, formatdate(time.time() + float(seconds), usegmt=True))[kind]

    # the desk: what is not counted

    def _at_desk(self, connection: Connection, request: Request) -> None:
        try:
            status, told = _DESK[request.path](self, orjson.loads(request.body or b"{}"))
        except (ValueError, TypeError, AttributeError) as error:
            status, told = 400, {"error": {"message": str(error)}}
        connection.reply(status, orjson.dumps(told, default=str))

    def _models(self, _: dict[str, Any]) -> tuple[int, Any]:
        return 200, {"object": "list", "data": [{"id": "mock", "object": "model", "owned_by": "tests"}]}

    def _stats(self, _: dict[str, Any]) -> tuple[int, Any]:
        return 200, self.stats()

    def _reset(self, values: dict[str, Any]) -> tuple[int, Any]:
        self.reset(values)
        return 200, self.knobs.shown()

    def _change(self, values: dict[str, Any]) -> tuple[int, Any]:
        self.knobs.change(values)
        return 200, self.knobs.shown()

    def _down(self, values: dict[str, Any]) -> tuple[int, Any]:
        """Be gone for so many seconds."""
        seconds = float(values["seconds"]) if "seconds" in values else 5.0
        asyncio.get_running_loop().call_later(0.05, self.go_down, seconds)
        return 200, {"seconds": seconds}

    def go_down(self, seconds: float | None = None) -> None:
        """Refuse connections, for a while or until `listen` is called with the port."""
        self.shut()
        if seconds is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(seconds, lambda: loop.create_task(self.listen(self.port)))


_DESK = {
    "/v1/models": Service._models,
    "/models": Service._models,
    "/stats": Service._stats,
    "/reset": Service._reset,
    "/knobs": Service._change,
    "/down": Service._down,
}
