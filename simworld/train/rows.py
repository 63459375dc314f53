"""What a trainer is fed: a viewpoint as chat messages that say what is learnt of them.

    {"id", "root", "split", "messages": [{"role", "content", "loss", "end"}]}

Roles are the viewpoint's own: what the trained speaker said is the `assistant`'s, whoever that was in the scene.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class TrainMessage(TypedDict):
    """A chat message, and what of it is learnt."""

    role: Literal["system", "user", "assistant"]
    content: str
    """May be empty in the last message: the speaker says nothing more and ends the conversation."""
    loss: bool
    """Whether its tokens are learnt, the one that closes it included."""
    end: bool | None
    """What closes it: the end of the conversation (true) or of the turn (false); None: unknown, and then what closes
    it is not learnt."""


class TrainRow(TypedDict):
    """One stretch of one viewpoint."""

    id: str
    """Unique in the corpus."""
    root: str
    """The conversation it comes from: all rows of one root stand on one side of a split."""
    split: Literal["train", "validation"]
    messages: list[TrainMessage]
