"""World: what all share at this moment: the clock, and who is where."""

from __future__ import annotations

from simworld.schema.record import Record

OUT = "out"
"""Where one is who has left the scene."""


class World(Record, frozen=True):
    """The clock and the places of the seats; made anew at each turn, never changed."""

    minutes: float = 0.0
    """Scene time since the beginning, in minutes."""
    where: dict[str, str] = {}
    """Seat id -> place id; `out` for who has left."""
