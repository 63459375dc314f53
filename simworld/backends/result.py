"""What foreign models return, read into a Completion: text, a LangChain message, or a mapping that holds one.

>>> read_result({"messages": [AIMessage("Good evening.")]}, "python:agent").text
'Good evening.'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage

from simworld.backends.completion import Completion
from simworld.backends.content import read_content, well_formed
from simworld.errors import UsageError

_REASONS = {
    "stop": {"stop", "end_turn", "stop_sequence", "eos"},
    "length": {"length", "max_tokens", "max_output_tokens", "model_length"},
    "content_filter": {"content_filter", "safety", "refusal", "prohibited_content", "blocklist"},
}
_FINISH = {word: reason for reason, words in _REASONS.items() for word in words}
_TEXT_KEYS = ("output", "content", "text")
_FORM = "text, a message, or a mapping with 'messages', 'output', 'content' or 'text'"


def read_result(result: Any, spec: str) -> Completion:
    """The reply in what a model, Runnable or function returned. Raises UsageError for a form that is not known."""
    if isinstance(result, str):
        return Completion(well_formed(result))
    if isinstance(result, BaseMessage):
        return _from_messages([result], spec)
    if isinstance(result, Mapping):
        return _from_mapping(cast("Mapping[str, Any]", result), spec)
    raise UsageError(f"{spec} returned {type(result).__name__}; a backend returns {_FORM}")


def _from_mapping(result: Mapping[str, Any], spec: str) -> Completion:
    messages = result.get("messages")
    if isinstance(messages, Sequence) and not isinstance(messages, str):
        return _from_messages([item for item in cast("Sequence[Any]", messages) if isinstance(item, AIMessage)], spec)
    for key in _TEXT_KEYS:
        if isinstance(result.get(key), str | BaseMessage):
            return read_result(result[key], spec)
    raise UsageError(f"{spec} returned a mapping with the keys {sorted(map(str, result))}; a backend returns {_FORM}")


def _from_messages(messages: Sequence[BaseMessage], spec: str) -> Completion:
    """The last message's text; tokens are summed over all that tell of them (the calls of an agent)."""
    if not messages:
        raise UsageError(f"{spec} returned messages without an AIMessage among them")
    last = messages[-1]
    text, dropped = read_content(last.content)  # pyright: ignore[reportUnknownMemberType]
    beside = last.additional_kwargs.get("reasoning_content")  # pyright: ignore[reportUnknownMemberType]
    told = [m.usage_metadata for m in messages if isinstance(m, AIMessage) and m.usage_metadata]
    about = cast("dict[str, Any]", last.response_metadata)  # pyright: ignore[reportUnknownMemberType]
    return Completion(
        text=well_formed(text),
        input_tokens=sum(usage["input_tokens"] for usage in told) if told else None,
        output_tokens=sum(usage["output_tokens"] for usage in told) if told else None,
        finish_reason=_finish(about),
        reasoning=dropped + _count(beside) + _count(about.get("reasoning_characters")),
        guards=tuple(about.get("guards") or ()),
        end_probability=about.get("end_probability"),
    )


def _finish(about: Mapping[str, Any]) -> str:
    """The finish reason in the words of the chat-completions protocol, where they are known."""
    names = ("finish_reason", "stop_reason", "done_reason")
    reason = next((about[name] for name in names if isinstance(about.get(name), str)), "")
    return _FINISH.get(reason.lower(), reason.lower())


def _count(reasoning: Any) -> int:
    return reasoning if type(reasoning) is int else len(reasoning) if isinstance(reasoning, str) else 0
