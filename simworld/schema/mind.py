"""Mind: a persona's inside at this moment."""

from __future__ import annotations

from simworld.schema.record import Record


class Mind(Record, frozen=True):
    """Emotion, and how much has been taken in. It grows; the protocols around it stay."""

    emotion: str = ""
    """One of the named emotions, or empty: not known."""
    told: str = ""
    """The emotion that the character was last told of in a note."""
    taken_in: int = 0
    """Number of turns of the dialogue that this mind has absorbed."""
