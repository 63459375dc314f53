"""Human-assistant conversations as they are passed around: ShareGPT's form, the messages of chat APIs, WildChat's rows.

    list(sharegpt_rows([(where, value)], None))     # [(where, Spoken(...))]

WildChat and LMSYS-Chat give a `conversation` of messages; a message may hold its time, language and more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from simworld.corpus.imports.lines import BadLine, Skip, record
from simworld.corpus.imports.talk import ROLES, Spoken

Values: TypeAlias = Iterable[tuple[str, Any]]
"""Parsed values with their places."""
Reader: TypeAlias = Callable[[Values, Skip | None], Iterator[tuple[str, Spoken]]]
"""Values -> conversations with their places. Without a skip, the first value of another form is raised (BadLine)."""


class _Row(BaseModel, frozen=True):
    """Keys that are not named here are kept aside in `model_extra`."""

    model_config = ConfigDict(extra="allow")

    @property
    def rest(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


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


class WildChatRow(_Row, frozen=True):
    """`{"conversation": [{"role", "content"}]}`, with `conversation_hash` or `conversation_id`."""

    conversation: tuple[Said, ...]


def one_by_one(read: Callable[[Any, str], Spoken]) -> Reader:
    """A reader of a form in which each value is one conversation."""

    def reader(values: Values, skip: Skip | None) -> Iterator[tuple[str, Spoken]]:
        for where, value in values:
            try:
                spoken = read(value, where)
            except BadLine as bad:
                if skip is None:
                    raise
                skip(bad)
                continue
            yield where, spoken

    return reader


def _sharegpt(value: object, where: str) -> Spoken:
    row = record(value, ShareGPTRow, where)
    return _spoken(row.conversations, "sharegpt", row.rest, system=row.system)


def _messages(value: object, where: str) -> Spoken:
    row = record(value, MessagesRow, where)
    return _spoken(row.messages, "messages", row.rest)


def _wildchat(value: object, where: str) -> Spoken:
    row = record(value, WildChatRow, where)
    rest = row.rest
    for key in ("conversation_hash", "conversation_id"):
        if key in rest:
            rest = {**rest, "id": rest[key]}
    times = [message.rest.get(TIME) for message in row.conversation]
    rest |= {"timestamps": times} if any(times) else {}
    return _spoken(row.conversation, "messages", rest, kept=(TIME,))


TIME = "timestamp"


def _spoken(
    said: Iterable[Said | Shared],
    form: str,
    rest: Mapping[str, Any],
    *,
    system: str | None = None,
    kept: tuple[str, ...] = (),
) -> Spoken:
    said = tuple(said)
    extra = [key for one in said for key in one.model_extra or () if key not in kept]
    return Spoken([(one.role, one.content) for one in said], ROLES[form], system, rest, extra)


sharegpt_rows = one_by_one(_sharegpt)
messages_rows = one_by_one(_messages)
wildchat_rows = one_by_one(_wildchat)
