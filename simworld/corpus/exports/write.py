"""Export a corpus: every transcript, the viewpoints asked for, one row after another.

    report = export_corpus("corpus", Path("rows.jsonl"), form="messages", speaker="each")

Memory stays constant: one transcript at a time is read, its rows written at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from simworld.corpus.exports.leaving import COMPLETE, STATUSES
from simworld.corpus.exports.sinks import STDOUT, open_sink
from simworld.corpus.exports.viewpoints import ExportReport, RowOrder, Viewpoints, row_type_of
from simworld.corpus.store import Corpus
from simworld.errors import UsageError

__all__ = ["COMPLETE", "STATUSES", "ExportReport", "export_corpus", "row_type_of", "write_rows"]
OWN = ("transcripts", "journal", "counts", "manifest.json")
"""A corpus's own files."""


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
    """Write the rows of a corpus to `out` (None or `-`: stdout). Options as of `RowOrder`.

    Raises UsageError for a form, speaker, status or suffix that is not known, CorpusError for a corpus that cannot be
    read; then no file is left.
    """
    return write_rows(corpus, out, RowOrder(form, speaker, thoughts, notes, tuple(include), tuple(inside)))


def write_rows(corpus: str | Path, out: str | Path | None, order: RowOrder) -> ExportReport:
    """`export_corpus`, its options in one."""
    path = None if out is None or str(out) == STDOUT else Path(out)
    source = Corpus(corpus)
    viewpoints = Viewpoints(source, order, path)
    refuse_inside(path, source.path)
    with open_sink(path, viewpoints.row_type) as sink:
        for transcript in viewpoints.leaving():
            for row in viewpoints.rows(transcript):
                sink.write(row)
    return viewpoints.report


def refuse_inside(out: Path | None, corpus: Path) -> None:
    """Raise UsageError where `out` lies among a corpus's own files: they are no place for rows."""
    if out is not None and any(out.resolve().is_relative_to((corpus / own).resolve()) for own in OWN):
        raise UsageError(f"{out}: lies among the corpus's own files; give --out another place")
