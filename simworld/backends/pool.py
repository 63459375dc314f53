"""Kept-open connections: one aiohttp session for each event loop and server, shared by all models there.

A session is closed when the last model that used it is, or with its event loop: it lives in an asynchronous generator,
and a loop that ends (`asyncio.run` does) first finishes the generators that were begun in it. So a script that never
closes a model leaves nothing open.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from simworld.backends.gate import Gate

KEEP_ALIVE_S = 30.0
"""Seconds that an idle connection is kept."""


@dataclass(slots=True)
class Line:
    """What the models of one loop at one server share."""

    session: ClientSession
    keeper: AsyncGenerator[ClientSession, None]
    gates: dict[str, Gate] = field(default_factory=dict[str, Gate])
    """Model's name -> its gate."""
    holders: set[int] = field(default_factory=set[int])


_lines: dict[tuple[asyncio.AbstractEventLoop, str], Line] = {}


async def borrow(origin: str, holder: object) -> Line:
    """The running loop's line to this server; opened where there is none."""
    key = (asyncio.get_running_loop(), origin)
    line = _lines.get(key)
    if line is None or line.session.closed:
        _forget_ended()
        keeper = _keep()
        line = _lines[key] = Line(await anext(keeper), keeper)
    line.holders.add(id(holder))
    return line


async def give_back(origin: str, holder: object) -> None:
    """Say that `holder` needs it no longer in the running loop; the last one closes it."""
    key = (asyncio.get_running_loop(), origin)
    line = _lines.get(key)
    if line is None or id(holder) not in line.holders:
        return
    line.holders.discard(id(holder))
    if not line.holders:
        del _lines[key]
        await line.keeper.aclose()


async def _keep() -> AsyncGenerator[ClientSession, None]:
    # trust_env stays off: neither a proxy nor a .netrc of the environment sees prompts and keys
    connector = TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S)
    session = ClientSession(connector=connector, cookie_jar=DummyCookieJar(), trust_env=False)
    try:
        yield session
    finally:
        await session.close()


def _forget_ended() -> None:
    for key in [key for key in _lines if key[0].is_closed()]:
        del _lines[key]
