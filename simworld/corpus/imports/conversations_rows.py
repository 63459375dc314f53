"""Human-assistant conversations as they are passed around: ShareGPT's form and the messages of chat APIs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Speaker = Literal["system", "user", "assistant"]


class _Row(BaseModel, frozen=True):
    """Keys that are not named here are kept aside in `model_extra`."""

    model_config = ConfigDict(extra="allow")


class Said(_Row, frozen=True):
    """One message."""

    role: str
    content: Any
    """Text, or a list of parts."""


class Shared(_Row, frozen=True):
    """One turn of ShareGPT's form."""

    role: str = Field(alias="from")
    content: Any = Field(alias="value")


class MessagesRow(_Row, frozen=True):
    """`{"messages": [{"role", "content"}]}`."""

    messages: tuple[Said, ...]


class ShareGPTRow(_Row, frozen=True):
    """`{"id", "conversations": [{"from", "value"}]}`."""

    conversations: tuple[Shared, ...]
    system: str | None = None


ROLES: dict[str, dict[str, Speaker]] = {
    "messages": {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"},
    "sharegpt": {
        "system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant",
        "chatgpt": "assistant", "bard": "assistant", "bing": "assistant", "claude": "assistant", "model": "assistant",
        "bot": "assistant", "ai": "assistant",
    },
}  # fmt: skip
"""Format -> what the source calls a speaker -> who that is."""


def text_of(content: object) -> str | None:
    """The text of a message's content; None where it holds something else (pictures, calls of tools, nothing)."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        return None
    parts: list[str] = []
    for part in content:  # pyright: ignore[reportUnknownVariableType]
        text: object = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None  # pyright: ignore
        if not isinstance(text, str):
            return None
        parts.append(text)
    return "\n".join(parts)
