"""Which transcripts leave a corpus as training rows: complete ones that no curation rejected.

leaving = Leaving(["truncated"])
leaving.reason(transcript)      # '' where it leaves; else why it stays: its status, or `rejected`
"""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args

from simworld.errors import unknown
from simworld.schema import Transcript
from simworld.schema.transcript import Status

STATUSES: tuple[str, ...] = get_args(Status)
COMPLETE = "complete"
REJECTED = "rejected"
INCLUDABLE = (*(status for status in STATUSES if status != COMPLETE), REJECTED)


class Leaving:
    """The rule, with what `include` lets out beside: statuses, and `rejected` for what a curation rejected."""

    def __init__(self, include: Collection[str] = ()) -> None:
        """Raises UsageError for a word that is neither."""
        for word in include:
            if word not in (*STATUSES, REJECTED):
                hint = "--include names statuses that leave beside `complete`, or `rejected`."
                raise unknown("status", word, (*STATUSES, REJECTED), hint)
        self._statuses = {COMPLETE, *include}
        self._rejected = REJECTED in include

    def reason(self, transcript: Transcript) -> str:
        """Why a transcript stays: its status, or `rejected`; empty where it leaves."""
        if transcript.status not in self._statuses:
            return transcript.status
        rejected = transcript.curation is not None and not transcript.curation.kept
        return REJECTED if rejected and not self._rejected else ""
