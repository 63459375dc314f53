"""Export a corpus: every transcript, the viewpoints asked for, one row after another.

    report = export_corpus("corpus", Path("rows.jsonl"), form="messages", speaker="each")

Memory stays constant: one transcript at a time is read, its rows written at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any, get_args, get_type_hints

from simworld.corpus.exports.messages import MindedRows
from simworld.corpus.exports.rows import Exporter
from simworld.corpus.exports.sinks import STDOUT, open_sink
from simworld.corpus.exports.speakers import Wanted
from simworld.corpus.exports.table import exporter
from simworld.corpus.store import Corpus
from simworld.errors import UsageError, unknown
from simworld.schema.transcript import Status

STATUSES: tuple[str, ...] = get_args(Status)
COMPLETE = "complete"
OWN = ("transcripts", "journal", "counts", "manifest.json")
"""A corpus's own files."""


@dataclass(slots=True)
class ExportReport:
    """What an export wrote, and what it left out."""

    out: Path | None
    rows: int = 0
    transcripts: int = 0
    """Transcripts that gave a row."""
    skipped: Counter[str] = field(default_factory=Counter[str])
    """Status -> transcripts that stayed for it."""
    absent: int = 0
    """Transcripts without the seat asked for."""
    silent: int = 0
    """Viewpoints of seats that never acted, or only in what was left out."""
    unlearnt: int = 0
    """Rows in which no message carries loss: their acts are faulty, or the scene's own."""

    def count(self, rows: Sequence[Any]) -> None:
        """Count the rows of one viewpoint."""
        self.rows += len(rows)
        self.silent += not rows
        self.unlearnt += sum("messages" in row and not any(one["loss"] for one in row["messages"]) for row in rows)

    def facts(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "out": str(self.out or "-"), "rows": self.rows, "transcripts": self.transcripts,
            "skipped": dict(sorted(self.skipped.items())), "absent": self.absent, "silent": self.silent,
            "unlearnt": self.unlearnt,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """The report for a reader."""
        told = [f"{self.out or 'stdout'}: {self.rows} rows of {self.transcripts} transcripts"]
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


def export_corpus(
    corpus: str | Path,
    out: str | Path | None = None,
    *,
    form: str = "messages",
    speaker: str = "main",
    thoughts: bool = True,
    notes: bool = True,
    include: Collection[str] = (),
    inside: Sequence[str] = (),
) -> ExportReport:
    """Write the rows of a corpus to `out` (None or `-`: stdout).

    `inside`: what own messages carry of what lay behind them (`emotion`, `memory`, `relations`; form `messages` only).
    `include`: statuses that leave beside `complete`. Raises UsageError for a form, speaker, status or suffix that is
    not known, CorpusError for a corpus that cannot be read; then no file is left.
    """
    path = None if out is None or str(out) == STDOUT else Path(out)
    rows_of, wanted, leaving = _exporter(form, inside), Wanted(speaker), {COMPLETE, *_known(include)}
    source, report = Corpus(corpus), ExportReport(path)
    _refuse_inside(path, source.path)
    with open_sink(path, row_type_of(rows_of)) as sink:
        for transcript in source:
            seats = wanted.seats(transcript)
            if transcript.status not in leaving:
                report.skipped[transcript.status] += 1
                continue
            report.absent += not seats
            before = report.rows
            for seat in seats:
                rows = rows_of(transcript, seat, thoughts=thoughts, notes=notes)
                report.count(rows)
                for row in rows:
                    sink.write(row)
            report.transcripts += report.rows > before
        wanted.refuse_unknown()
    return report


def _exporter(form: str, inside: Sequence[str]) -> Exporter:
    if not inside:
        return exporter(form)
    if form != "messages":
        raise UsageError(f"--with goes with --as messages, not with --as {form}: its rows have no place for it")
    return MindedRows(inside)


def row_type_of(rows_of: Exporter) -> type:
    """The TypedDict that an exporter's return type names."""
    named = rows_of if isinstance(rows_of, FunctionType) else type(rows_of).__call__
    return get_args(get_type_hints(named)["return"])[0]


def _known(statuses: Collection[str]) -> Collection[str]:
    for status in statuses:
        if status not in STATUSES:
            raise unknown("status", status, STATUSES, "--include names statuses that leave beside `complete`.")
    return statuses


def _refuse_inside(out: Path | None, corpus: Path) -> None:
    """A corpus's own files are no place for rows."""
    if out is not None and any(out.resolve().is_relative_to((corpus / own).resolve()) for own in OWN):
        raise UsageError(f"{out}: lies among the corpus's own files; give --out another place")
