"""The one mask: a row as tokens, and which of them are learnt.

    example = mask(template, row, conversation_end=None)
    example.ids[span.start : span.stop]     # one own message as it is said, with the token that closes it
    example.labels                          # the same tokens there, and NOTHING everywhere else

What stands before an own message is, token by token, the prompt that acting sends at that moment.
"""

from __future__ import annotations

from dataclasses import dataclass

from simworld.checkpoint.template import Template
from simworld.errors import UsageError
from simworld.train.rows import TrainRow

NOTHING = -100
"""The label of a token that is not learnt."""


@dataclass(frozen=True, slots=True)
class Span:
    """The tokens of one own message that is learnt."""

    message: int
    """Its number in the row, from 0."""
    start: int
    stop: int
    """Behind the token that closes it."""
    text_bytes: int
    """Length of its content in UTF-8."""
    end: bool | None
    """As the row has it: whether the conversation ends with it; None: what closes it is not learnt."""


@dataclass(frozen=True, slots=True)
class Example:
    """A row as a trainer reads it."""

    id: str
    ids: list[int]
    labels: list[int]
    turns: list[Span]


def mask(template: Template, row: TrainRow, *, conversation_end: int | None) -> Example:
    """The row's tokens and labels. Raises UsageError where the template cannot be learnt from.

    `conversation_end`: the token that closes a message with which the conversation ends; None: no end is learnt, and
    a last message without content, which says nothing but that, is left out.
    """
    messages = row["messages"]
    ends: dict[int, int] = {}
    if conversation_end is not None:
        ends = {number: conversation_end for number, message in enumerate(messages) if message["end"]}
    elif messages and messages[-1]["end"] and not messages[-1]["content"]:
        messages = messages[:-1]
    try:
        laid = template.lay_out([{"role": one["role"], "content": one["content"]} for one in messages], ends)
    except UsageError as error:
        raise UsageError(f"row {row['id']}: {error}") from None
    labels = [NOTHING] * len(laid.ids)
    turns: list[Span] = []
    for reply in laid.replies:
        message = messages[reply.message]
        if not message["loss"]:
            continue
        learns_end = message["end"] is False or reply.message in ends
        stop = reply.stop if learns_end else reply.stop - 1
        labels[reply.start : stop] = laid.ids[reply.start : stop]
        size = len(message["content"].encode())
        turns.append(Span(reply.message, reply.start, reply.stop, size, message["end"]))
    return Example(row["id"], laid.ids, labels, turns)
