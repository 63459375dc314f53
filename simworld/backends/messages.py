"""LangChain's messages to plain role/content dicts, and a completion to LangChain's result.

>>> to_plain([SystemMessage("Be brief."), HumanMessage("Good evening.")])
[{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Good evening.'}]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult

from simworld.backends.completion import Completion
from simworld.backends.content import read_content
from simworld.errors import UsageError

_ROLES: dict[str, str] = {"system": "system", "human": "user", "ai": "assistant"}
_TEXTUAL = frozenset({"text", "reasoning", "thinking", "redacted_thinking"})


def to_plain(messages: Iterable[BaseMessage]) -> list[dict[str, str]]:
    """The messages as role/content dicts. Raises UsageError for tools' messages and for what is not text."""
    return [{"role": _role(message), "content": _text(message)} for message in messages]


def from_plain(messages: Iterable[Any]) -> list[BaseMessage]:
    """Role/content dicts as LangChain's messages."""
    kinds: dict[str, type[BaseMessage]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    return [kinds[message["role"]](content=message["content"]) for message in messages]


def to_result(reply: Completion, model: str) -> ChatResult:
    """LangChain's result, with usage and finish reason where the endpoint told them."""
    usage = None
    if reply.input_tokens is not None and reply.output_tokens is not None:
        total = reply.input_tokens + reply.output_tokens
        usage = UsageMetadata(input_tokens=reply.input_tokens, output_tokens=reply.output_tokens, total_tokens=total)
    about = {"finish_reason": reply.finish_reason, "model_name": model, "reasoning_characters": reply.reasoning}
    message = AIMessage(content=reply.text, usage_metadata=usage, response_metadata=about)
    return ChatResult(generations=[ChatGeneration(message=message)])


def _role(message: BaseMessage) -> str:
    if isinstance(message, ChatMessage):
        return message.role
    if message.type not in _ROLES:
        raise UsageError(f"a message of type '{message.type}' cannot be sent; allowed: {', '.join(sorted(_ROLES))}")
    return _ROLES[message.type]


def _text(message: BaseMessage) -> str:
    content = cast("str | list[str | dict[str, Any]]", message.content)  # pyright: ignore[reportUnknownMemberType]
    if isinstance(content, str):
        return content
    for part in content:
        if not isinstance(part, str) and part.get("type") not in _TEXTUAL:
            raise UsageError(f"a message holds a part of type '{part.get('type')}'; this backend sends text only")
    return read_content(content)[0]
