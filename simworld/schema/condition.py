"""Condition: something that may come to hold in a scene: what happenings, interventions and stories wait for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simworld.schema.persona import Identifier, Line, Word
from simworld.schema.record import Record

Bound = Annotated[str, Field(pattern=r"^$|^(>=|<=|>|<)\s*-?(0(\.\d{1,4})?|1(\.0{1,4})?|\.\d{1,4})$")]
"""A bound on a number from -1 to 1, such as `<-0.2` or `>=0.5`."""
Reason = Literal[
    "max_turns",
    "said_goodbye",
    "end_of_conversation",
    "goal_reached",
    "stale",
    "director_ended",
    "left",
    "failed",
    "budget",
    "imported",
]


class Condition(Record, frozen=True):
    """Holds when all that it gives holds; looked at after each act, and at a scene's end for a story's way on."""

    after: Annotated[int, Field(ge=0)] = 0
    """Not before this many acts."""
    minutes: Annotated[float, Field(ge=0)] = 0
    """Not before this many minutes of scene time."""
    seat: Identifier | None = None
    """Whom the rest is about; default: anybody."""
    said: Annotated[tuple[Line, ...], Field(max_length=24)] = ()
    """One of these is said aloud (case ignored, whole words)."""
    feels: tuple[Word, ...] = ()
    """They feel one of these emotions."""
    place: Identifier | None = None
    """They are in this place; `out`: they have left."""
    toward: Identifier | None = None
    """The other one of a relation; default: anybody."""
    warmth: Bound = ""
    """How warmly they feel for the other: `<-0.2`, `>=0.5`."""
    trust: Bound = ""
    """How far they trust the other."""
    familiarity: Bound = ""
    """How well they know the other."""
    ended: tuple[Reason, ...] = ()
    """The scene has ended for one of these reasons (only in a story)."""
