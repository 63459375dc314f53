"""Strangers' text, made fit for a pack's files: what does not fit is shortened or taken out, and told.

    fit = Fit(anomalies)
    fit.text(row.location, 600, "alessandra-rossi#00 location")     # a plain field
    fit.field(row.setting, "alessandra-rossi#00 setting")           # a field that is a template: means itself

The transcripts keep such text byte for byte; only personas and scenes are YAML with limits.
"""

from __future__ import annotations

import re

from simworld.corpus.imports.report import Anomalies
from simworld.packs.reader import UNREADABLE
from simworld.prompts.fields import LONGEST

WORDINGS = {
    "shortened": "texts longer than a pack's field may be, shortened",
    "unreadable_character": "control characters that YAML does not allow, taken out of a pack's text",
}
_MEANT = re.compile(r"[{\r]|\n\Z")


class Fit:
    """Makes text fit and counts where it had to be changed."""

    def __init__(self, anomalies: Anomalies) -> None:
        self._anomalies = anomalies

    def text(self, text: str, limit: int, place: str) -> str:
        """A plain field of at most `limit` characters."""
        legible, bad = UNREADABLE.subn("", text)
        if bad:
            self._anomalies.note("unreadable_character", place, bad)
        if len(legible) <= limit:
            return legible
        self._anomalies.note("shortened", place)
        return legible[: limit - 1] + "…"

    def field(self, text: str, place: str) -> str:
        """A field that is read as a template: one that renders to `text` itself."""
        text = self.text(text, LONGEST, place)
        written = literal(text)
        if len(written) > LONGEST:
            self._anomalies.note("shortened", place)
        while len(written) > LONGEST:
            text = text[: -max(2, len(text) // 50)] + "…"
            written = literal(text)
        return written


def literal(text: str) -> str:
    """A template that renders to `text`: whatever a template engine would read or change is written as a constant."""
    if "{" not in text:
        return text
    return _MEANT.sub(lambda found: _CONSTANTS[found[0]], text)


_CONSTANTS = {"{": '{{ "{" }}', "\r": '{{ "\\r" }}', "\n": '{{ "\\n" }}'}
