"""Pace: fixed limits, requests a minute and tokens a minute, never passed in any 60 seconds.

paid = await pace.take(900)      # waits until a request of 900 tokens may be sent
pace.correct(paid, 412)          # what it came to
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from simworld.errors import BackendError

MINUTE = 60.5
"""Seconds for which a request counts: a minute, and a little for its way to the server."""
_GONE = float("-inf")


class Pace:
    """Sliding window over the last minute. Whoever comes first is let through first."""

    def __init__(self, name: str, rpm: int | None, tpm: int | None) -> None:
        self._name = name
        self._rpm, self._tpm = rpm, tpm
        self._sent: deque[list[float]] = deque()
        self._tokens = 0.0
        self._turn = asyncio.Lock()

    async def take(self, tokens: int) -> list[float]:
        """Wait until one more request of so many tokens is within both limits.

        Raises BackendError for a request that is over the limit of tokens alone.
        """
        if self._tpm and tokens > self._tpm:
            raise BackendError(
                f"{self._name}: one call of up to {tokens} tokens passes the {self._tpm} a minute of --tpm; give a "
                "smaller --max-tokens or --context"
            )
        async with self._turn:
            while (wait := self._wait(tokens)) > 0:  # noqa: ASYNC110 - what is waited for is time itself
                await asyncio.sleep(wait)
            paid = [time.monotonic(), float(tokens)]
            self._sent.append(paid)
            self._tokens += tokens
            return paid

    def correct(self, paid: list[float], tokens: int) -> None:
        """Say what a request came to; what was counted too much is free for others."""
        if paid[0] > _GONE:
            self._tokens += tokens - paid[1]
            paid[1] = float(tokens)

    def _wait(self, tokens: int) -> float:
        """Seconds until the next look; 0: now."""
        now = time.monotonic()
        while self._sent and self._sent[0][0] <= now - MINUTE:
            oldest = self._sent.popleft()
            self._tokens -= oldest[1]
            oldest[0] = _GONE
        full = (self._rpm and len(self._sent) >= self._rpm) or (self._tpm and self._tokens + tokens > self._tpm)
        if not full:
            return 0.0
        # a correction may come before the oldest request is a minute old
        return max(0.001, min(self._sent[0][0] + MINUTE - now, 1.0 if self._tpm else MINUTE))
