"""Trained: what a checkpoint was trained to be. Stands in its folder as `simworld.json`; acting reads it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simworld.schema.record import Record


class Trained(Record, frozen=True):
    """Whose turns a checkpoint learnt, from which prompts, and the tokens that close them."""

    format: Literal[1] = 1
    """Version of this record."""
    speaker: str
    """As it was asked for: `user`, `main`, `each`, `assistant`, or a seat's id or name."""
    thoughts: bool
    """Whether the speaker's own thoughts stood in the rows."""
    notes: bool
    """Whether the private notes stood in them."""
    names: Literal["bare", "named", "both"]
    """Whether others' lines stood there bare (two plain seats) or after their names."""
    template: str
    """Hash (blake2b, 16 hex digits) of the chat template that rendered the rows."""
    turn_ends: Annotated[tuple[int, ...], Field(min_length=1)]
    """Ids of the tokens that close a turn."""
    conversation_end: int | None = None
    """Id of the token that closes a turn and with it the conversation; None where no end was taught."""
    context: int
    """Tokens of the longest row."""
