"""The rows of a corpus, one viewpoint after another, and the count of what stays behind.

viewpoints = Viewpoints(Corpus("out"), RowOrder(speaker="each"))
for transcript in viewpoints.leaving():
    viewpoints.rows(transcript)
viewpoints.report.rows
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any, get_args, get_type_hints

from simworld.corpus.exports.leaving import Leaving
from simworld.corpus.exports.messages import MindedRows
from simworld.corpus.exports.rows import Exporter
from simworld.corpus.exports.speakers import Wanted
from simworld.corpus.exports.table import exporter
from simworld.corpus.store import Corpus
from simworld.errors import UsageError
from simworld.schema import Transcript


@dataclass(frozen=True, slots=True)
class RowOrder:
    """Which rows: their form, whose viewpoint, what is left out of them."""

    form: str = "messages"
    speaker: str = "main"
    thoughts: bool = True
    notes: bool = True
    include: tuple[str, ...] = ()
    """What leaves beside complete transcripts: statuses, `rejected`."""
    inside: tuple[str, ...] = ()
    """What own messages carry of what lay behind them: `emotion`, `memory`, `relations`; form `messages` only."""


@dataclass(slots=True)
class ExportReport:
    """What an export wrote, and what it left out."""

    out: Path | None
    rows: int = 0
    transcripts: int = 0
    """Transcripts that gave a row."""
    skipped: Counter[str] = field(default_factory=Counter[str])
    """Status, or `rejected` -> transcripts that stayed for it."""
    absent: int = 0
    """Transcripts without the seat asked for."""
    silent: int = 0
    """Viewpoints of seats that never acted, or only in what was left out."""
    unlearnt: int = 0
    """Rows in which nothing carries loss: their acts are faulty, or the scene's own."""

    def count(self, rows: Sequence[Any]) -> None:
        """Count the rows of one viewpoint."""
        self.rows += len(rows)
        self.silent += not rows
        self.unlearnt += sum(_is_unlearnt(row) for row in rows)

    def facts(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "out": str(self.out or "-"), "rows": self.rows, "transcripts": self.transcripts,
            "skipped": dict(sorted(self.skipped.items())), "absent": self.absent, "silent": self.silent,
            "unlearnt": self.unlearnt,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """The report for a reader."""
        return [f"{self.out or 'stdout'}: {self.rows} rows of {self.transcripts} transcripts", *self.left_out()]

    def left_out(self) -> list[str]:
        """What stayed behind, for a reader."""
        told: list[str] = []
        if self.skipped:
            counts = ", ".join(f"{count} {status}" for status, count in sorted(self.skipped.items()))
            told.append(f"left out: {counts} transcripts (--include STATUS lets them out)")
        if self.absent:
            told.append(f"left out: {self.absent} transcripts without such a seat")
        if self.silent:
            told.append(f"left out: {self.silent} viewpoints of seats that never act")
        if self.unlearnt:
            told.append(
                f"{self.unlearnt} rows have no message to learn from: their acts are faulty, or the scene's own"
            )
        return told


def _is_unlearnt(row: Any) -> bool:
    if "messages" in row:
        return not any(message["loss"] for message in row["messages"])
    return "loss" in row and not row["loss"]


class Viewpoints:
    """The rows that an order asks for, of a corpus that may be read several times."""

    def __init__(self, corpus: Corpus, order: RowOrder, out: Path | None = None) -> None:
        """Raises UsageError for a form, status or column that is not known."""
        self._corpus, self._order = corpus, order
        self._rows_of, self._leaving = _exporter(order), Leaving(order.include)
        self._wanted = Wanted(order.speaker)
        self.report = ExportReport(out)

    @property
    def row_type(self) -> type:
        """The TypedDict of the rows."""
        return row_type_of(self._rows_of)

    def leaving(self, look: Callable[[Transcript, str], None] | None = None) -> Iterator[Transcript]:
        """Transcripts that leave, in the corpus's order; then UsageError if none had the seat asked for.

        `look` is shown each transcript, those that stay too, and why it stays ('': it leaves).
        """
        self.report.skipped.clear()
        for transcript in self._corpus:
            reason = self._leaving.reason(transcript)
            if look:
                look(transcript, reason)
            self._wanted.seats(transcript)  # a seat of one that stays is known all the same
            if reason:
                self.report.skipped[reason] += 1
            else:
                yield transcript
        self._wanted.refuse_unknown()

    def rows(self, transcript: Transcript) -> list[Any]:
        """The rows of one transcript, counted."""
        order, report = self._order, self.report
        seats = self._wanted.seats(transcript)
        report.absent += not seats
        found: list[Any] = []
        for seat in seats:
            rows = self._rows_of(transcript, seat, thoughts=order.thoughts, notes=order.notes)
            report.count(rows)
            found += rows
        report.transcripts += bool(found)
        return found


def _exporter(order: RowOrder) -> Exporter:
    if not order.inside:
        return exporter(order.form)
    if order.form != "messages":
        raise UsageError(f"--with goes with --as messages, not with --as {order.form}: its rows have no place for it")
    return MindedRows(order.inside)


def row_type_of(rows_of: Exporter) -> type:
    """The TypedDict that an exporter's return type names."""
    named = rows_of if isinstance(rows_of, FunctionType) else type(rows_of).__call__
    return get_args(get_type_hints(named)["return"])[0]
