"""Client: one chat-completions call over aiohttp, made to cost little more than aiohttp itself.

    client = Client("openai:mock", resolve("http://localhost:8000", None, {}), {"model": "mock"})
    reply = await client.complete([{"role": "user", "content": "Hello."}])

The first try runs bare; tenacity comes in only where it failed. Nothing of a prompt, key or address reaches a log or an
error.
"""

from __future__ import annotations

import asyncio
import io
import os
import socket
from collections.abc import Mapping
from functools import partial
from typing import Any

import aiohttp
from yarl import URL

from simworld.backends import pool, wire
from simworld.backends.backend import Messages
from simworld.backends.completion import Completion
from simworld.backends.endpoint import Endpoint
from simworld.backends.retry import Passing, Patience, persist, read_retry_after
from simworld.errors import Refused

LARGEST_REPLY = 16 * 2**20
"""Bytes of a reply that are read at most."""
_LARGE_REQUEST = 2**20  # from this size on aiohttp warns about bytes that are not a stream


class Client:
    """Calls one model at one endpoint. Use it in any event loop; connections are shared within a loop."""

    __slots__ = ("_endpoint", "_fixed", "_headers", "_line", "_secrets", "_timeout", "_url", "name", "patience")

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        fixed: Mapping[str, Any],
        timeout: float = 120.0,
        patience: Patience | None = None,
    ) -> None:
        """`name` begins each error; `fixed` is sent with each call; `timeout` is in seconds for one try."""
        self.name = name
        self.patience = patience or Patience()
        self._endpoint = endpoint
        self._url = URL(endpoint.url, encoded=True)
        self._fixed = fixed
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        # small replies: to compress them would cost more than it saves
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        self._secrets = (endpoint.key,) if endpoint.key else ()
        if endpoint.key:
            self._headers["Authorization"] = f"Bearer {endpoint.key}"
        self._line: tuple[asyncio.AbstractEventLoop, aiohttp.ClientSession] | None = None

    async def complete(self, messages: Messages, more: Mapping[str, Any] | None = None) -> Completion:
        """Answer once; `more` is sent beside what is fixed. Raises BackendError, Refused."""
        fixed = {**self._fixed, **more} if more else self._fixed
        body = wire.write_request(fixed, messages)
        try:
            return await self._once(body, fixed)
        except Passing as fault:
            first = fault
        return await persist(partial(self._once, body, fixed), first, self.patience, self.name)

    async def aclose(self) -> None:
        """Let go of the running loop's connections."""
        self._line = None
        await pool.give_back(self._endpoint.origin, self)

    async def _once(self, body: bytes, fixed: Mapping[str, Any]) -> Completion:
        try:
            status, headers, reply = await self._post(body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = _fault(error, self.name, self._timeout.total)
        else:
            if status == 200:
                return wire.read_reply(reply, self._secrets)
            denial = wire.Denial(status, reply, read_retry_after(headers.get("Retry-After")))
            failure = wire.judge(self.name, denial, self._secrets, fixed)
        # outside the handler: the cause, which knows the address, is not carried along
        raise failure

    async def _post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        session = await self._connect()
        data = body if len(body) < _LARGE_REQUEST else io.BytesIO(body)
        async with session.post(
            self._url, data=data, headers=self._headers, timeout=self._timeout, allow_redirects=False
        ) as response:
            return response.status, response.headers, await _read(response)

    async def _connect(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        line = self._line
        if line is None or line[0] is not loop or line[1].closed:
            line = self._line = (loop, await pool.borrow(self._endpoint.origin, self))
        return line[1]


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body; Passing where it is larger than any completion."""
    chunks: list[bytes] = []
    size = 0
    while chunk := await response.content.readany():
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_REPLY:
            raise Passing(f"a reply of more than {LARGEST_REPLY // 2**20} MiB")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _fault(error: Exception, name: str, timeout: float | None) -> Exception:
    """The fault in our own words: aiohttp's name the host."""
    match error:
        case aiohttp.ClientSSLError():
            advice = "check --base-url (http or https?) and the server's certificate"
            return Refused(f"{name}: no secure connection to the server; {advice}")
        case TimeoutError():
            return Passing(f"no reply within {timeout:g} s")
        case aiohttp.ClientConnectorError():
            return Passing(_unreachable(error.os_error))
        case aiohttp.ClientResponseError():
            return Passing("a reply that is not HTTP")
        case _:
            return Passing("connection dropped")


def _unreachable(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the server's name is not known"
    return f"cannot connect ({os.strerror(error.errno).lower()})" if error.errno else "cannot connect"
