"""Export a corpus as a dataset: train, validation and test, and a card that tells what they are.

    report = export_dataset("corpus", Path("dataset"), SplitOrder(by="persona"), RowOrder(speaker="each"))

The corpus is read three times: to split it, to write the rows, and to look for leaks in what was written. Of each
transcript an id, its ties and a sketch stay in memory between. The folder appears whole, or not at all.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simworld.corpus.card import CardOrder, Seen, card
from simworld.corpus.exports.parts import Parts
from simworld.corpus.exports.push import Hub
from simworld.corpus.exports.sinks import parquet_library
from simworld.corpus.exports.viewpoints import ExportReport, RowOrder, Viewpoints
from simworld.corpus.exports.write import refuse_inside
from simworld.corpus.folder import is_alive
from simworld.corpus.leaks import refuse_leaks
from simworld.corpus.splits import SIDES, Split, SplitOrder, Splitter
from simworld.corpus.store import Corpus
from simworld.corpus.whole import write_whole
from simworld.errors import CorpusError, UsageError, unknown

KINDS = {"parquet": ".parquet", "jsonl": ".jsonl"}


@dataclass(slots=True)
class DatasetReport:
    """What was written."""

    out: Path
    split: Split
    rows: dict[str, int]
    """Side -> rows."""
    files: dict[str, int]
    """Side -> files in `data/`."""
    export: ExportReport
    pushed: str = ""
    """Where it was pushed to."""

    def facts(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "out": str(self.out), "split": self.split.order.by, "rows": self.rows, "files": self.files,
            "transcripts": self.split.sizes,
            "people": self.split.people, "straddling": self.split.straddling, "unassigned": self.split.unassigned,
            "copies": self.split.copies, "notes": list(self.split.notes), "left_out": self.export.facts(),
            "pushed": self.pushed,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """The report for a reader."""
        split, sizes = self.split, self.split.sizes
        counts = ", ".join(f"{side}: {self.rows.get(side, 0)} of {sizes[side]}" for side in sizes)
        told = [f"{self.out}: {self.export.rows} rows of {sum(sizes.values())} transcripts ({counts})"]
        if split.straddling:
            told.append(
                f"left out: {split.straddling} transcripts that straddle: what they are tied to stands on two sides"
            )
        if split.unassigned:
            told.append(f"left out: {split.unassigned} transcripts that say nothing of a split")
        told += [*split.notes, *self.export.left_out()]
        return [*told, f"pushed: {self.pushed}"] if self.pushed else told


def export_dataset(
    corpus: str | Path,
    out: str | Path,
    split: SplitOrder,
    rows: RowOrder | None = None,
    *,
    to: str = "parquet",
    about: CardOrder | None = None,
    push_to: str = "",
) -> DatasetReport:
    """Write the folder `out`: `data/` with the files of each side, and the card `README.md`; push it where a name says.

    Raises UsageError for what is not known, a folder that is not empty, and a side that would be empty; CorpusError for
    a broken corpus, and where a person of one side is found on another: then nothing is left.
    """
    if to not in KINDS:
        raise unknown("--to", to, KINDS)
    if to == "parquet":
        parquet_library()
    hub = Hub(push_to) if push_to else None
    source, out = Corpus(corpus), Path(out)
    refuse_inside(out, source.path)
    with _whole_folder(out) as half:
        report = _written(source, out, half, split, rows or RowOrder(), KINDS[to], about or CardOrder())
    if hub:
        report.pushed = hub.push(out)
    return report


def _written(
    source: Corpus, out: Path, half: Path, order: SplitOrder, rows: RowOrder, suffix: str, about: CardOrder
) -> DatasetReport:
    viewpoints, splitter, seen = Viewpoints(source, rows, out), Splitter(order), Seen()
    for transcript in viewpoints.leaving(seen.look):
        splitter.add(transcript)
    split = splitter.split()
    with Parts(half, suffix, viewpoints.row_type) as parts:
        for transcript in viewpoints.leaving():
            if transcript.id in split.sides:
                made = viewpoints.rows(transcript)
                seen.wrote(transcript, split.sides[transcript.id], len(made))
                for row in made:
                    parts.write(split.sides[transcript.id], row)
    _refuse_empty(parts.rows, split)
    refuse_leaks(viewpoints.leaving(), _sides(parts), order)
    parts.finish()
    report = DatasetReport(out, split, dict(parts.rows), dict(parts.files), viewpoints.report)
    told = card(report.facts(), seen, source.manifest, rows, suffix, about, out.name, order)
    write_whole(half / "README.md", told.encode())
    return report


def _sides(parts: Parts) -> dict[str, str]:
    """Transcript -> side, as the rows that were written say."""
    sides: dict[str, str] = {}
    for side, id in parts.ids():
        transcript = id.rsplit("/", 2)[0]
        if sides.setdefault(transcript, side) != side:
            raise CorpusError(f"{transcript}: its rows stand in {sides[transcript]} and in {side}")
    return sides


def _refuse_empty(rows: Counter[str], split: Split) -> None:
    empty = [side for side in SIDES if split.sizes.get(side) and not rows[side]]
    if empty:
        raise UsageError(
            f"{' and '.join(empty)} would have no row: the speaker asked for has no act in those dialogues; give "
            "another --speaker, or larger --shares"
        )


@contextmanager
def _whole_folder(out: Path) -> Generator[Path]:
    """A folder that becomes `out` when all went well. What an export that was killed has left is taken away."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; --split makes a folder")
    if out.is_dir() and any(out.iterdir()):
        raise UsageError(f"{out}: is not empty; give --out a folder that is empty or not there yet")
    half = out.with_name(f"{out.name}.{os.getpid()}.half")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        half.mkdir()
        yield half
        half.rename(out)
    except OSError as error:
        raise UsageError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            shutil.rmtree(half, ignore_errors=True)


def _sweep(out: Path) -> None:
    for half in out.parent.iterdir():
        name, _, rest = half.name.rpartition(f"{out.name}.")
        process = rest.removesuffix(".half")
        if not name and rest.endswith(".half") and process.isdigit() and not is_alive(int(process)):
            shutil.rmtree(half, ignore_errors=True)
