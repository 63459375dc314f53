"""ChatBackend: the language model behind an agent, as the engine calls it.

backend = open_backend("openai:llama3.1:8b", Sampling(base_url="http://localhost:11434"))
reply = await backend.complete([{"role": "user", "content": "Good evening."}], seed=7)
await backend.aclose()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from simworld.backends.completion import Completion

Messages = Sequence[Mapping[str, str]]
"""A prompt: `{"role": "system" | "user" | "assistant", "content": str}`, oldest first."""


@runtime_checkable
class ChatBackend(Protocol):
    """A model that answers prompts. One object serves thousands of dialogues at once."""

    @property
    def spec(self) -> str:
        """Name under which it was opened, such as `openai:gpt-4.1-mini`; holds neither key nor address."""
        ...

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and reply may have together."""
        ...

    def count(self, text: str) -> int:
        """Tokens of `text`: by the model's own tokenizer where it is at hand, else an estimate that errs high."""
        ...

    async def complete(
        self, messages: Messages, *, seed: int | None = None, seat: str = "", call: int | None = None
    ) -> Completion:
        """Answer once. `seat` and `call` (from 0) say who asks and how often that one has asked before.

        Raises BackendError where the call failed for good, Refused where every call would, OutOfLines where a
        script has ended.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections; the next `complete` would open them again."""
        ...
