"""Curation: what filters found in a transcript, and whether it is kept for training."""

from __future__ import annotations

from simworld.schema.record import Record


class Finding(Record, frozen=True):
    """One thing that a filter found."""

    filter: str
    """Name of the filter."""
    detail: str = ""
    """What it found, in a few words, such as the text or the transcript that this one repeats."""
    turns: tuple[int, ...] = ()
    """Positions in the dialogue (`n` of the turns); empty: the dialogue as a whole."""
    value: float | None = None
    """What was measured, in the filter's unit; None: nothing is measured."""
    drops: bool = True
    """Whether the transcript is rejected for it; else it is only marked."""


class Curation(Record, frozen=True):
    """What a curation made of one transcript. A rejected one stays in its corpus; exports leave it out."""

    kept: bool
    findings: tuple[Finding, ...] = ()
    scores: dict[str, float] = {}
    """Mark of a judge -> 1..10; none where its reply could not be read."""
