"""What an import made, and what was odd in its source: counted and told, nothing is dropped in silence.

anomalies = Anomalies({"cut_turn": "turns that break off (fault `cut`)"})
anomalies.note("cut_turn", "alessandra-rossi#03 turn 7")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHOWN = 3
"""Places that are told of one kind of anomaly; the others are counted."""


class Anomalies:
    """Counts of what was odd, by kind, with the first places of each."""

    def __init__(self, wordings: Mapping[str, str]) -> None:
        self.wordings = wordings
        """Kind -> what it is and what was done about it, as one line."""
        self.counts: dict[str, int] = {}
        self.places: dict[str, list[str]] = {}

    def note(self, kind: str, place: str, times: int = 1) -> None:
        """Count something odd at `place`; `kind` is one of the wordings."""
        assert kind in self.wordings, kind
        self.counts[kind] = self.counts.get(kind, 0) + times
        places = self.places.setdefault(kind, [])
        if len(places) < SHOWN and place not in places:
            places.append(place)

    def lines(self) -> list[str]:
        """One line for each kind: how many, what, where first."""
        return [
            f"  {count:6d}  {self.wordings[kind]}  [{kind}: {', '.join(self.places[kind])}"
            f"{' ...' if count > len(self.places[kind]) else ''}]"
            for kind, count in sorted(self.counts.items())
        ]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import made."""

    kind: str
    """The importer's name."""
    out: Path
    personas: int
    """Personas with a profile, or with fields."""
    names_only: int
    """Personas of whom only the name is known."""
    scenes: int
    transcripts: int
    turns: int
    anomalies: Anomalies
    notes: tuple[str, ...] = field(default=())
    """What else there is to tell, a line each."""

    def facts(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "kind": self.kind,
            "out": str(self.out),
            "personas": self.personas,
            "names_only": self.names_only,
            "scenes": self.scenes,
            "transcripts": self.transcripts,
            "turns": self.turns,
            "anomalies": dict(sorted(self.anomalies.counts.items())),
            "places": dict(sorted(self.anomalies.places.items())),
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """The report for a reader."""
        names = f" and {self.names_only} with a name only" if self.names_only else ""
        head = (
            f"{self.out}: {self.personas} personas{names}, {self.scenes} scenes, {self.transcripts} dialogues with "
            f"{self.turns} turns"
        )
        odd = ["What was odd in the source:", *self.anomalies.lines()] if self.anomalies.counts else []
        return [head, *self.notes, *odd]
