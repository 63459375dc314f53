"""Shaped: a backend asked for replies that are JSON of one schema, where its endpoint can be held to that.

    backend = Shaped(open_backend("openai:gpt-4.1-mini"), {"type": "object", "properties": {...}})
    backend.held            # False once the endpoint has refused to be held: then the prompt alone asks for the form

What comes back is not checked here: an endpoint may ignore the schema, so the reply is read strictly by whoever asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from simworld.backends.backend import ChatBackend, Messages
from simworld.backends.completion import Completion
from simworld.errors import BackendError, OutOfLines


@runtime_checkable
class SchemaBackend(Protocol):
    """A ChatBackend whose endpoint can be asked for JSON of a schema."""

    async def complete_as(
        self, schema: Mapping[str, Any], messages: Messages, *, seed: int | None = None
    ) -> Completion:
        """Answer once, with JSON of this schema where the endpoint heeds it. Raises as `complete` does."""
        ...


class Shaped:
    """A ChatBackend around one that may be a SchemaBackend."""

    def __init__(self, backend: ChatBackend, schema: Mapping[str, Any]) -> None:
        self.spec = backend.spec
        self.context_tokens = backend.context_tokens
        self.held = isinstance(backend, SchemaBackend)
        """Whether the schema is sent along."""
        self._backend, self._schema = backend, schema

    def count(self, text: str) -> int:
        """Tokens of `text`, as the backend counts."""
        return self._backend.count(text)

    async def complete(
        self, messages: Messages, *, seed: int | None = None, seat: str = "", call: int | None = None
    ) -> Completion:
        """Answer once. Where only the call with the schema fails, the schema is left out from then on."""
        if self.held and isinstance(self._backend, SchemaBackend):
            try:
                return await self._backend.complete_as(self._schema, messages, seed=seed)
            except OutOfLines:
                raise
            except BackendError:
                reply = await self._backend.complete(messages, seed=seed, seat=seat, call=call)
                self.held = False
                return reply
        return await self._backend.complete(messages, seed=seed, seat=seat, call=call)

    async def aclose(self) -> None:
        """Let go of the backend's connections."""
        await self._backend.aclose()
