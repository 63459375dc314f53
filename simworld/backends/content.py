"""The `content` of a chat message as servers and LangChain models give it, read into text.

>>> read_content([{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Good evening."}])
('Good evening.', 3)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

_REASONING = frozenset({"reasoning", "reasoning_content", "thinking", "redacted_thinking"})


def read_content(content: Any) -> tuple[str, int]:
    """Text of the content, and the number of characters of model reasoning that were left out.

    Text parts are joined as they stand; parts that are neither text nor reasoning (images, tool calls) have no text.
    """
    if isinstance(content, str):
        return content, 0
    texts: list[str] = []
    dropped = 0
    for part in _parts(content):
        if isinstance(part, str):
            texts.append(part)
        elif part.get("type") in _REASONING:
            dropped += _characters({key: value for key, value in part.items() if key in _REASONING or key in _NESTED})
        elif isinstance(part.get("text"), str):
            texts.append(part["text"])
    return "".join(texts), dropped


_NESTED = frozenset({"text", "summary"})


def well_formed(text: str) -> str:
    """`text` with each half of a surrogate pair replaced by U+FFFD, so that it can be written as UTF-8."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _parts(content: Any) -> list[str | Mapping[str, Any]]:
    if not isinstance(content, Sequence) or isinstance(content, bytes):
        return []
    return [part for part in cast("Sequence[Any]", content) if isinstance(part, str | Mapping)]


def _characters(value: Any) -> int:
    """Characters of all text in a reasoning part, however it is nested; the values of `type` are no text."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return sum(_characters(inner) for key, inner in items if key != "type")
    if isinstance(value, Sequence):
        return sum(_characters(inner) for inner in cast("Sequence[Any]", value))
    return 0
