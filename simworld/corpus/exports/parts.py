"""A folder of data files for the sides of a split: `data/train-00000-of-00002.parquet` ...

with Parts(folder, ".parquet", MessagesRow) as parts:
    parts.write("train", row)
parts.finish()          # the files get their names
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import orjson

from simworld.corpus.exports.sinks import Sink, open_sink, parquet_library

PART_BYTES = 512 << 20
"""Bytes of rows, as JSON, after which a side's next file begins."""


class Parts:
    """The files while they are written; one of each side is open."""

    def __init__(self, folder: Path, suffix: str, row_type: type) -> None:
        self._folder, self._suffix, self._row_type = folder / "data", suffix, row_type
        self._open: dict[str, tuple[AbstractContextManager[Sink], Sink]] = {}
        self.files: Counter[str] = Counter()
        """Side -> files."""
        self._bytes: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        """Side -> rows."""

    def write(self, side: str, row: Any) -> None:
        """Append a row to a side."""
        if side not in self._open:
            manager = open_sink(self._path(side, self.files[side]), self._row_type)
            self._open[side] = (manager, manager.__enter__())
            self.files[side] += 1
        self._open[side][1].write(row)
        self.rows[side] += 1
        self._bytes[side] += len(orjson.dumps(row))
        if self._bytes[side] >= PART_BYTES:
            self._end(side)

    def finish(self) -> None:
        """Name each file by its number and how many its side has."""
        for side, count in self.files.items():
            for number in range(count):
                name = f"{side}-{number:05d}-of-{count:05d}{self._suffix}"
                self._path(side, number).rename(self._folder / name)

    def ids(self) -> Iterator[tuple[str, str]]:
        """Side and id of each row, as read back from the files. Before they are named."""
        for side, count in self.files.items():
            for number in range(count):
                for id in _ids(self._path(side, number)):
                    yield side, id

    def _path(self, side: str, number: int) -> Path:
        return self._folder / f"{side}-{number:05d}{self._suffix}"

    def _end(self, side: str) -> None:
        manager, _ = self._open.pop(side)
        self._bytes[side] = 0
        manager.__exit__(None, None, None)

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *failure: Any) -> None:
        with ExitStack() as stack:
            for manager, _ in self._open.values():
                stack.push(manager)
            stack.pop_all().__exit__(*failure)
        self._open.clear()


def _ids(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        file: Any = parquet_library().ParquetFile(path)
        for batch in file.iter_batches(columns=["id"]):
            yield from batch.column(0).to_pylist()
        file.close()
    else:
        with path.open("rb") as lines:
            for line in lines:
                yield orjson.loads(line)["id"]
