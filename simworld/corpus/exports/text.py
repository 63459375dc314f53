"""`--as text`: a viewpoint as a script to read, in the manner of SimsChat's training record (arXiv 2406.17962).

You are Mara Quill, a nurse ...

Mara Quill (thinking): He has not packed a thing.
Mara Quill (speaking): Tea, then.
*Tom Reed puts the kettle on*
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from simworld.corpus.exports.rows import TextRow, row_id
from simworld.prompts import render
from simworld.schema import NARRATOR, OUT, Transcript, Turn


def text_rows(transcript: Transcript, speaker: str, /, *, thoughts: bool, notes: bool) -> list[TextRow]:
    """The whole viewpoint as one row, whatever cuts its prompt had; none where this seat never acted."""
    perceived = [turn for turn in transcript.turns if turn.seat == speaker or speaker in turn.heard_by]
    if not thoughts:
        perceived = [turn for turn in perceived if turn.kind != "think"]
    if not any(turn.seat == speaker for turn in perceived):
        return []
    script = Script(transcript)
    lines = [line for turn in perceived for line in script.lines(turn, notes=notes and turn.seat == speaker)]
    text = render("script", system=transcript.seats[speaker].briefing.system, lines=lines)
    return [TextRow(id=row_id(transcript.id, speaker, 0), text=text)]


class Script:
    """Turns of one transcript as lines: what the template `script` is handed."""

    def __init__(self, transcript: Transcript) -> None:
        self._forms, self._places = transcript.forms, transcript.places
        self._names = {id: seat.name for id, seat in transcript.seats.items()}
        self._narrators = {NARRATOR} | {id for id, seat in transcript.seats.items() if seat.role == "narrator"}
        names = "|".join(sorted(map(re.escape, self._names.values()), key=len, reverse=True))
        self._label = re.compile(rf"(?<=\n)(?=[ \t]*(?:{names})[ \t]*(?:\([^()\n]*\)[ \t]*)?:)")

    def lines(self, turn: Turn, *, notes: bool) -> Iterator[dict[str, Any]]:
        """The line of a turn, after its note where it has one."""
        name = self._names.get(turn.seat, turn.seat)
        if notes and turn.note:
            yield {"kind": "note", "name": name, "text": self._as_text(turn.note)}
        to = ", ".join(self._names.get(id, id) for id in turn.to)
        yield {"kind": turn.manner or turn.kind, "name": name, "to": to, "text": self._told(turn, name)}

    def _told(self, turn: Turn, name: str) -> str:
        """A turn's words; what is done, and where one goes, as everybody was told it."""
        text = self._as_text(turn.text)
        if turn.kind in ("say", "think"):
            return text
        if turn.seat in self._narrators:
            return self._forms["narration"].format(text=text)
        form = turn.kind if turn.kind == "do" else "leave" if turn.text == OUT else "move"
        return self._forms[form].format(name=name, text=text, place=self._places.get(turn.text, turn.text))

    def _as_text(self, text: str) -> str:
        """`text` with each further line that imitates a speaker's indented: it stays one turn."""
        return self._label.sub("  ", text) if "\n" in text else text
