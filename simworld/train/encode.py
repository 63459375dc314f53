"""Rows as tokens on disk, and packed: what a trainer reads, whatever the size of a corpus.

    counts = write_tokens(rows, template, folder, context=1024, conversation_end=None)
    packed = read_packed(folder / "train", context=1024)
    packed[0]     # {"input_ids": [...], "labels": [...], "text": [...], "bytes": [...], "seq_lengths": [812, 203]}

`text` marks the tokens of own messages without what closes them; `bytes` stands at each such message's first token.

A stream: one row is in memory at a time. Packing (TRL's best fit decreasing) never cuts a row: what is longer than the
context was made into windows before.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from simworld.checkpoint.libraries import library
from simworld.checkpoint.template import Template
from simworld.train.mask import NOTHING
from simworld.train.rows import TrainRow
from simworld.train.windows import Fit, Window, text_of, windows

PARTS = ("train", "validation")


@dataclass(slots=True)
class Part:
    """What one part of the split holds."""

    rows: int = 0
    unlearnt: int = 0
    """Rows in which nothing is learnt."""
    turns: int = 0
    """Own messages that are learnt."""
    ends: int = 0
    """Of these, those that end a conversation."""
    tokens: int = 0
    learnt: int = 0
    """Tokens with loss."""
    bytes: int = 0
    """Of the own messages' text."""
    fit: Fit = field(default_factory=Fit)
    """What became of rows that are longer than the context."""

    def count(self, template: Template, window: Window) -> None:
        """Count a window."""
        turns = window.example.turns
        self.turns += len(turns)
        self.ends += sum(turn.end is True for turn in turns)
        self.tokens += len(window.example.ids)
        self.learnt += sum(label != NOTHING for label in window.example.labels)
        self.bytes += sum(text_of(template, window, turn)[1] for turn in turns)

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Part:
        """The part whose `asdict` this is."""
        plain = {name: value for name, value in facts.items() if name != "fit"}
        return cls(**plain, fit=Fit(**facts["fit"]))


def write_tokens(
    rows: Iterable[TrainRow], template: Template, folder: Path, *, context: int, conversation_end: int | None
) -> dict[str, Part]:
    """Write the tokens of both parts below `folder`, and return what they hold."""
    parts = {name: Part() for name in PARTS}
    writers = {name: _writer(folder / name) for name in PARTS}
    for row in rows:
        part = parts[row["split"]]
        part.rows += 1
        learnt = False
        for window in windows(template, row, context=context, conversation_end=conversation_end, fit=part.fit):
            learnt = True
            part.count(template, window)
            writers[row["split"]].write(_columns(template, window))
        part.unlearnt += not learnt
    for name, writer in writers.items():
        if parts[name].tokens:
            writer.finalize()
        writer.close()
    return parts


def _columns(template: Template, window: Window) -> dict[str, list[int]]:
    size = len(window.example.ids)
    text, bytes = [0] * size, [0] * size
    for turn in window.example.turns:
        stop, bytes[turn.start] = text_of(template, window, turn)
        text[turn.start : stop] = [1] * (stop - turn.start)
    return {"input_ids": window.example.ids, "labels": window.example.labels, "text": text, "bytes": bytes}


def _writer(folder: Path) -> Any:
    datasets = library("datasets")
    folder.mkdir(parents=True, exist_ok=True)
    lists = {name: datasets.List(datasets.Value(kind)) for name, kind in
             (("input_ids", "int32"), ("labels", "int32"), ("text", "int8"), ("bytes", "int32"))}  # fmt: skip
    return library("datasets.arrow_writer").ArrowWriter(
        path=str(folder / "tokens.arrow"), features=datasets.Features(lists)
    )


def read_packed(folder: Path, *, context: int) -> Any:
    """The tokens below `folder`, rows put together up to the context: a `datasets.Dataset` that stays on disk."""
    datasets = library("datasets")
    datasets.disable_progress_bars()
    packed = folder / f"packed-{context}.arrow"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a dataset that is made by hand has no fingerprint of its own
        if not packed.is_file():
            rows = datasets.Dataset.from_file(str(folder / "tokens.arrow"))
            draft = packed.with_suffix(".new")
            library("trl.data_utils").pack_dataset(
                rows, context, "bfd", {"batch_size": 4000, "cache_file_name": str(draft), "load_from_cache_file": False}
            )
            draft.replace(packed)
        return datasets.Dataset.from_file(str(packed))


def facts_of(parts: dict[str, Part]) -> dict[str, Any]:
    """The counts as plain data."""
    return {name: asdict(part) for name, part in parts.items()}
