"""Standby: a second backend that answers where the first one fails.

    backend = Standby(open_backend("openai:gpt-4.1"), open_backend("openai:gpt-4.1-mini"))

Each reply of the second tells so (`Completion.by`), and transcripts count it apart. A wrong key, model or address of
the first ends the run as it would without a second: that is to be mended, not to be covered up.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from simworld.backends.backend import ChatBackend, Messages
from simworld.backends.completion import Completion
from simworld.errors import BackendError, OutOfLines, Refused

logger = logging.getLogger("simworld.backends")


class Standby:
    """A ChatBackend over two."""

    def __init__(self, first: ChatBackend, second: ChatBackend) -> None:
        self.spec = first.spec
        self.context_tokens = min(first.context_tokens, second.context_tokens)
        self._first, self._second = first, second
        self._told = False

    def count(self, text: str) -> int:
        """Tokens of `text`, as the one that needs more of them counts."""
        return max(self._first.count(text), self._second.count(text))

    async def complete(
        self, messages: Messages, *, seed: int | None = None, seat: str = "", call: int | None = None
    ) -> Completion:
        """Answer once: the first, else the second. Raises what the second raises."""
        try:
            return await self._first.complete(messages, seed=seed, seat=seat, call=call)
        except (Refused, OutOfLines):
            raise
        except BackendError as error:
            if not self._told:
                self._told = True
                logger.warning("%s; %s answers for it", error, self._second.spec)
        reply = await self._second.complete(messages, seed=seed, seat=seat, call=call)
        return replace(reply, by=self._second.spec)

    async def aclose(self) -> None:
        """Let go of both."""
        await self._first.aclose()
        await self._second.aclose()
