"""Client: one chat-completions call over aiohttp, made to cost little more than aiohttp itself.

    client = Client("openai:mock", resolve("http://localhost:8000", None, {}), {"model": "mock"})
    reply = await client.complete([{"role": "user", "content": "Hello."}])

The first try runs bare; tenacity comes in only where it failed. Each try passes the model's gate, which bounds how many
are in flight. Nothing of a prompt, key or address reaches a log or an error.
"""

from __future__ import annotations

import asyncio
import io
import logging
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
from simworld.backends.gate import Gate
from simworld.backends.pace import Pace
from simworld.backends.retry import Passing, Patience, persist, read_retry_after
from simworld.backends.sampling import REPLY_TOKENS
from simworld.errors import Refused
from simworld.text.tokens import MESSAGE_OVERHEAD, estimate

logger = logging.getLogger("simworld.backends")

LARGEST_REPLY = 16 * 2**20
"""Bytes of a reply that are read at most."""
_LARGE_REQUEST = 2**20  # from this size on aiohttp warns about bytes that are not a stream


class Client:
    """Calls one model at one endpoint. Use it in any event loop; connections are shared within a loop."""

    __slots__ = (
        "_endpoint", "_fixed", "_gate", "_headers", "_ignored", "_limits", "_line", "_loop", "_secrets", "_timeout",
        "_url", "name", "patience",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        fixed: Mapping[str, Any],
        timeout: float = 120.0,
        patience: Patience | None = None,
        limits: tuple[int | None, int | None] = (None, None),
    ) -> None:
        """`name` begins each error; `fixed` is sent with each call; `timeout` is in seconds for one try; `limits` are
        requests and tokens a minute."""
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
        self._limits = limits
        self._ignored: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._line: pool.Line
        self._gate: Gate

    async def complete(self, messages: Messages, more: Mapping[str, Any] | None = None) -> Completion:
        """Answer once; `more` is sent beside what is fixed. Raises BackendError, Refused."""
        fixed = {**self._fixed, **more} if more else self._fixed
        body = wire.write_request(fixed, messages)
        tokens = _size(messages, fixed) if self._limits[1] else 0
        try:
            return await self._once(body, fixed, tokens)
        except Passing as fault:
            first = fault
        return await persist(partial(self._once, body, fixed, tokens), first, self.patience, self.name)

    async def aclose(self) -> None:
        """Let go of the running loop's connections."""
        self._loop = None
        await pool.give_back(self._endpoint.origin, self)

    async def _once(self, body: bytes, fixed: Mapping[str, Any], tokens: int) -> Completion:
        if self._loop is not asyncio.get_running_loop() or self._line.session.closed:
            await self._connect()
        return await self._gate.through(partial(self._try, body, fixed), tokens)

    async def _try(self, body: bytes, fixed: Mapping[str, Any]) -> tuple[Exception | None, Completion | None]:
        """What went wrong, or the reply. The cause, which knows the address, is not carried along."""
        try:
            status, headers, reply = await self._post(body)
            if status == 200:
                return None, self._noticed(wire.read_reply(reply, self._secrets, fixed))
        except Passing as fault:
            return fault, None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _fault(error, self.name, self._timeout.total), None
        denial = wire.Denial(status, reply, read_retry_after(headers.get("Retry-After")))
        return wire.judge(self.name, denial, self._secrets, fixed), None

    def _noticed(self, reply: Completion) -> Completion:
        """The reply; what the server ignored of what it was sent is told, once."""
        for option in reply.ignored:
            if option not in self._ignored:
                self._ignored.add(option)
                logger.warning("%s: the server ignores '%s'", self.name, option)
        return reply

    async def _post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        data = body if len(body) < _LARGE_REQUEST else io.BytesIO(body)
        async with self._line.session.post(
            self._url, data=data, headers=self._headers, timeout=self._timeout, allow_redirects=False
        ) as response:
            return response.status, response.headers, await _read(response)

    async def _connect(self) -> None:
        self._line = await pool.borrow(self._endpoint.origin, self)
        gates, model = self._line.gates, str(self._fixed.get("model", ""))
        if model not in gates:
            pace = Pace(self.name, *self._limits) if any(self._limits) else None
            gates[model] = Gate(self.name, self.patience, pace)
        self._gate = gates[model]
        self._loop = asyncio.get_running_loop()


def _size(messages: Messages, fixed: Mapping[str, Any]) -> int:
    """Tokens that one try may cost, on the high side."""
    longest = fixed.get("max_tokens") or fixed.get("max_completion_tokens") or REPLY_TOKENS
    return longest + sum(estimate(message["content"]) + MESSAGE_OVERHEAD for message in messages)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body; Passing where it is larger than any completion."""
    chunks: list[bytes] = []
    size = 0
    while chunk := await response.content.readany():
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_REPLY:
            raise Passing(f"a reply of more than {LARGEST_REPLY // 2**20} MiB", billed=True)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _fault(error: Exception, name: str, timeout: float | None) -> Exception:
    """The fault in our own words: aiohttp's name the host."""
    match error:
        case aiohttp.ClientSSLError():
            advice = "check --base-url (http or https?) and the server's certificate"
            return Refused(f"{name}: no secure connection to the server; {advice}")
        case TimeoutError():
            return Passing(f"no reply within {timeout:g} s", down=True, billed=True)
        case aiohttp.ClientConnectorError():
            return Passing(_unreachable(error.os_error), down=True, unreached=True)
        case aiohttp.ClientResponseError():
            return Passing("a reply that is not HTTP", billed=True)
        case _:
            return Passing("connection dropped", down=True, billed=True)


def _unreachable(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the server's name is not known"
    return f"cannot connect ({os.strerror(error.errno).lower()})" if error.errno else "cannot connect"
