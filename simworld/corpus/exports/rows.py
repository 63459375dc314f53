"""What exporters make: rows, one per viewpoint (and stretch between cuts of its prompt).

An exporter is a function `(transcript, speaker, *, thoughts, notes) -> list[SomeRow]`, where SomeRow is a TypedDict:
the columns of a Parquet file are read from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypedDict


class TrainMessage(TypedDict):
    """A chat message with its loss flag."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str
    loss: bool
    """Whether a trainer learns from it."""


class MessagesRow(TypedDict):
    """A row of `--as messages`."""

    id: str
    """Unique in the file: transcript, speaker and stretch."""
    transcript: str
    speaker: str
    """Seat id."""
    messages: list[TrainMessage]


# `from` is a word of Python's own, so this one cannot be written as a class
ShareGPTTurn = TypedDict("ShareGPTTurn", {"from": str, "value": str})
"""A turn of ShareGPT's form: `human` or `gpt`."""


class ShareGPTRow(TypedDict):
    """A row of `--as sharegpt`."""

    id: str
    system: str
    conversations: list[ShareGPTTurn]


class TextRow(TypedDict):
    """A row of `--as text`."""

    id: str
    text: str


class Exporter(Protocol):
    """Transcript, speaker (a seat's id) -> rows; none where this seat never acted."""

    def __call__(self, transcript: Any, speaker: str, /, *, thoughts: bool, notes: bool) -> Sequence[Any]:
        """`thoughts`: the speaker's own stay; `notes`: the private notes in its prompts stay."""
        ...


def row_id(transcript: str, speaker: str, stretch: int) -> str:
    """The id of a row, unique in a corpus: ids of transcripts and seats hold no slash."""
    return f"{transcript}/{speaker}/{stretch}"
