"""Notices: what backends warn of while a run is on (a server that is down, an option ignored), told to the user.

    with noticed(print):
        ...

They are log records of `simworld` at WARNING or above; without this, Python's logging shows them as it is set up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager


class _Notices(logging.Handler):
    """Hands records on in the thread of the loop in which it was made."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        """Tell one record."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, record.getMessage())


@contextmanager
def noticed(tell: Callable[[str], None]) -> Generator[None]:
    """Tell what is warned of within; in a running event loop."""
    logger = logging.getLogger("simworld")
    handler = _Notices(tell)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
