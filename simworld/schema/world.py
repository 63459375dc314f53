"""World: what all share at this moment: the clock, who is where, what has happened."""

from __future__ import annotations

from pydantic import Field

from simworld.schema.record import Record

OUT = "out"
"""Where one is who has left the scene, or has not come yet."""


class World(Record, frozen=True):
    """The clock and the places of the seats; made anew at each turn, never changed."""

    minutes: float = 0.0
    """Scene time since the beginning, in minutes."""
    where: dict[str, str] = Field(default_factory=dict)
    """Seat id -> place id; `out` for who has left or is yet to come."""
    awaited: tuple[str, ...] = ()
    """Seats that are yet to come."""
    happened: frozenset[int] = frozenset()
    """Numbers of the scene's happenings that are over (those bound to an act are not counted)."""
    intervened: frozenset[int] = frozenset()
    """Numbers of the interventions that have been made."""
