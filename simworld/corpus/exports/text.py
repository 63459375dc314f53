"""`--as text`: a viewpoint as a script to read, in the manner of SimsChat's training record (arXiv 2406.17962).

You are Mara Quill, a nurse ...

Mara Quill (thinking): He has not packed a thing.
Mara Quill (speaking): Tea, then.
*Tom Reed puts the kettle on*
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from simworld.corpus.exports.rows import TextRow, row_id
from simworld.prompts import render
from simworld.schema import NARRATOR, OUT, Transcript, Turn

Line = dict[str, str]
"""What the template is told of a line: `kind`, `name`, `text`, and `to` for speech."""


def text_rows(transcript: Transcript, speaker: str, /, *, thoughts: bool, notes: bool) -> list[TextRow]:
    """The whole viewpoint as one row, whatever cuts its prompt had; none where this seat never acted."""
    perceived = [turn for turn in transcript.turns if turn.seat == speaker or speaker in turn.heard_by]
    acts = {turn.act for turn in perceived if turn.seat == speaker and (thoughts or turn.kind != "think")}
    if not acts:
        return []
    script = Script(transcript)
    lines: list[Line] = []
    for turn in perceived:
        if notes and turn.note and turn.seat == speaker and turn.act in acts:
            lines.append(script.note(turn))
        if thoughts or turn.kind != "think":
            lines.append(script.line(turn))
    text = render("script", system=transcript.seats[speaker].briefing.system, lines=lines)
    return [TextRow(id=row_id(transcript.id, speaker, 0), text=text)]


class Script:
    """Turns of one transcript as lines: what the template `script` is handed."""

    def __init__(self, transcript: Transcript) -> None:
        self._forms, self.places = transcript.forms, transcript.places
        self._names = {id: seat.name for id, seat in transcript.seats.items()}
        self._narrators = {NARRATOR} | {id for id, seat in transcript.seats.items() if seat.role == "narrator"}
        names = "|".join(sorted(map(re.escape, self._names.values()), key=len, reverse=True))
        self._label = re.compile(rf"(?<=\n)(?=[ \t]*(?:{names})[ \t]*(?:\([^()\n]*\)[ \t]*)?:)")

    def note(self, turn: Turn) -> Line:
        """The private note that came before a turn."""
        return {"kind": "note", "name": self.name_of(turn), "text": self.as_text(turn.note)}

    def line(self, turn: Turn) -> Line:
        """The turn."""
        kind = "narration" if self.is_narration(turn) else turn.manner or turn.kind
        return {"kind": kind, "name": self.name_of(turn), "to": self.names(turn.to), "text": self._told(turn)}

    def is_narration(self, turn: Turn) -> bool:
        """Whether nobody in the scene did it."""
        return turn.seat in self._narrators

    def name_of(self, turn: Turn) -> str:
        """The name of who did it; a narrator's id where it has none."""
        return self._names.get(turn.seat, turn.seat)

    def names(self, seats: Sequence[str]) -> str:
        """The names of some seats, as one says them."""
        return ", ".join(self._names.get(id, id) for id in seats)

    def _told(self, turn: Turn) -> str:
        """A turn's words; what is done, and where one goes, as everybody was told it."""
        text = self.as_text(turn.text)
        if self.is_narration(turn):
            return self._forms["narration"].format(text=text)
        if turn.kind in ("say", "think"):
            return text
        form = turn.kind if turn.kind == "do" else self.way(turn)
        return self._forms[form].format(name=self.name_of(turn), text=text, place=self.places.get(turn.text, turn.text))

    def way(self, turn: Turn) -> str:
        """How a move is told; transcripts of before there were entries have no form for them."""
        return "leave" if turn.text == OUT else "enter" if turn.source and "enter" in self._forms else "move"

    def as_text(self, text: str) -> str:
        """`text` with each further line that imitates a speaker's indented: it stays one turn."""
        return self._label.sub("  ", text) if "\n" in text else text
