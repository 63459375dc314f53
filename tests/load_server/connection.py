"""HTTP/1.1 as far as clients of chat completions speak it: kept-open connections, bodies with a Content-Length.

    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", 0)

The service is told of each whole request by `service.arrive(connection, request)` and answers with `reply`, `send_part`
or `hang_up`, at once or later; a connection reads its next request when the last one is answered.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*(?:\r\n|$)", re.IGNORECASE)
_LONGEST_HEAD = 65_536
_LONGEST_BODY = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came; `head` is its lines before the body."""

    method: str
    path: str
    head: bytes
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """The header fields, their names written `Like-This`."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return {name.strip().title(): value.strip() for name, _, value in pairs}


class Listener(Protocol):
    """Who answers requests."""

    def opened(self, connection: Connection) -> None: ...

    def arrive(self, connection: Connection, request: Request) -> None: ...

    def lost(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """One client's connection; one request at a time."""

    __slots__ = ("_buffer", "_busy", "_last", "_listener", "_needed", "_transport", "on_lost")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._needed = 0
        self._busy = False
        self._last = False
        self.on_lost: Callable[[], None] | None = None
        """Called when the client hangs up before the answer."""

    @property
    def is_open(self) -> bool:
        """Whether the client is still there, as far as is known."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._listener.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._listener.lost(self)
        if self.on_lost:
            self.on_lost()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._busy and len(self._buffer) >= self._needed:
            self._read()

    def reply(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        """Send a whole answer, where somebody is there. `Retry_After=` is the header Retry-After."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(head_of(status, len(body), kind, headers) + body)
            self._done()

    def send_part(self, data: bytes) -> None:
        """Send a piece of an answer."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def end(self) -> None:
        """The pieces sent were all."""
        self._done()

    def hang_up(self, *, at_once: bool = True) -> None:
        """Close the connection; what was sent before is lost or, unless `at_once`, still goes out."""
        if self._transport:
            (self._transport.abort if at_once else self._transport.close)()

    def _done(self) -> None:
        self._busy = False
        self.on_lost = None
        if self._last:
            self.hang_up(at_once=False)
        elif self._buffer:
            asyncio.get_running_loop().call_soon(self.data_received, b"")

    def _read(self) -> None:
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(buffer) > _LONGEST_HEAD or (buffer and not buffer[:1].isalpha()):
                self._refuse(400)
            return None
        head = buffer[:end]
        words = head.partition(b"\r\n")[0].split(b" ")
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        low = head.lower()
        if len(words) != 3 or not words[2].startswith(b"HTTP/1.") or length > _LONGEST_BODY:
            return self._refuse(413 if length > _LONGEST_BODY else 400)
        if b"\r\ntransfer-encoding:" in low:
            return self._refuse(411)
        self._needed = end + 4 + length
        if len(buffer) < self._needed:
            if b"\r\nexpect: 100-continue" in low:
                self.send_part(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        self._last = words[2] == b"HTTP/1.0" or b"\r\nconnection: close" in low
        body, self._buffer, self._needed = buffer[end + 4 : self._needed], buffer[self._needed :], 0
        self._busy = True
        target = words[1].partition(b"?")[0].decode("latin-1")
        return self._listener.arrive(self, Request(words[0].decode("latin-1"), target, head, body))

    def _refuse(self, status: int) -> None:
        self._last = self._busy = True
        self.reply(status, b"", "text/plain")


_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def head_of(status: int, length: int, kind: str, headers: dict[str, str] | None = None) -> bytes:
    """The lines before a body of so many bytes."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in (headers or {}).items())
    first = f"HTTP/1.1 {status} {_PHRASES.get(status, 'Other')}"
    return f"{first}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{more}\r\n".encode("latin-1")
