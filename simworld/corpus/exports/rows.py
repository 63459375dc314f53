"""What exporters make: rows, one per viewpoint (and stretch between cuts of its prompt).

An exporter is a function `(transcript, speaker, *, thoughts, notes) -> list[SomeRow]`, where SomeRow is a TypedDict:
the columns of a Parquet file are read from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NotRequired, Protocol, TypedDict


class TrainMessage(TypedDict):
    """A chat message with its loss flag."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str
    loss: bool
    """Whether a trainer learns from it."""


class Felt(TypedDict):
    """An emotion: its name, and the numbers behind it (None where the emotion is a name alone)."""

    name: str
    valence: float | None
    """-1..1, as the two below."""
    arousal: float | None
    dominance: float | None


class Recalled(TypedDict):
    """A memory that the speaker's prompt brought back for this act."""

    id: int
    """Number in the speaker's life."""
    kind: str
    """`episode`, `belief` or `planted`."""
    text: str
    minutes: float
    """When it was, on the speaker's clock; the scene began at the `minutes` of its mind."""
    importance: float
    """0..1."""


class Stance(TypedDict):
    """How the speaker stands to another, where that has changed since its last act."""

    persona: str
    warmth: float
    """-1..1, as the two below."""
    trust: float
    familiarity: float


class MindedMessage(TrainMessage):
    """A chat message with what lay behind it: `--with` says which of the columns are there; own messages fill them."""

    emotion: NotRequired[Felt | None]
    memory: NotRequired[list[Recalled]]
    relations: NotRequired[list[Stance]]


class MindedRow(TypedDict):
    """A row of `--as messages --with ...`."""

    id: str
    transcript: str
    speaker: str
    messages: list[MindedMessage]


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


class Span(TypedDict):
    """A part of a text, in characters."""

    start: int
    stop: int
    """The first character that is no longer part of it."""


class SimsChatRow(TypedDict):
    """A row of `--as simschat`."""

    id: str
    transcript: str
    speaker: str
    """Seat id."""
    text: str
    loss: list[Span]
    """The lines that a trainer learns from, in their order."""


class Exporter(Protocol):
    """Transcript, speaker (a seat's id) -> rows; none where this seat never acted."""

    def __call__(self, transcript: Any, speaker: str, /, *, thoughts: bool, notes: bool) -> Sequence[Any]:
        """`thoughts`: the speaker's own stay; `notes`: the private notes in its prompts stay."""
        ...


def row_id(transcript: str, speaker: str, stretch: int) -> str:
    """The id of a row, unique in a corpus: ids of transcripts and seats hold no slash."""
    return f"{transcript}/{speaker}/{stretch}"
