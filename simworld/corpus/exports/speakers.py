"""Whose viewpoint: `main`, `each`, `user`, `assistant`, or one seat by id or name.

wanted = Wanted("Mara Quill")
wanted.seats(transcript)        # ['mara']
wanted.refuse_unknown()         # UsageError if no transcript had such a seat
"""

from __future__ import annotations

from simworld.errors import UsageError, nearest
from simworld.packs.report import listed
from simworld.schema import Transcript

MAIN, EACH = "main", "each"
ROLES = ("user", "assistant")
MOST_NAMES = 2_000
"""Names that are kept to find the nearest."""


class Wanted:
    """The viewpoints asked for, sought in one transcript after another."""

    def __init__(self, speaker: str) -> None:
        self._speaker = speaker
        self._wanted = speaker.strip().casefold()
        self._known: dict[str, None] = {}
        self._found = self._wanted in (MAIN, EACH, *ROLES)

    def seats(self, transcript: Transcript) -> list[str]:
        """Ids of the seats whose viewpoints are wanted of this transcript."""
        seats = transcript.seats
        if self._wanted == MAIN:
            return [transcript.main]
        if self._wanted == EACH:
            spoke = {turn.seat for turn in transcript.turns}
            return [id for id, seat in seats.items() if id in spoke and seat.role != "narrator"]
        if self._wanted in ROLES:
            return [id for id, seat in seats.items() if seat.role == self._wanted]
        named = [id for id, seat in seats.items() if self._wanted in _called(id, seat.persona, seat.name)]
        self._found = self._found or bool(named)
        if not self._found and len(self._known) < MOST_NAMES:
            self._known.update(dict.fromkeys(name for id, seat in seats.items() for name in (id, seat.name)))
        return named

    def refuse_unknown(self) -> None:
        """Raise UsageError, with the nearest name, if no transcript had the seat asked for."""
        if self._found:
            return
        near = nearest(self._speaker, [MAIN, EACH, *ROLES, *self._known])
        raise UsageError(
            f"speaker '{self._speaker}' is not known; allowed: {MAIN}, {EACH}, {', '.join(ROLES)}, or the id or name "
            f"of a seat: {listed(self._known)}" + (f"; nearest: {near}" if near else "")
        )


def _called(*names: str) -> set[str]:
    return {name.casefold() for name in names}
