"""Files of conversations, of any form that a program writes: JSON Lines, arrays, Parquet, packed or not, in shards.

    for path in data_files(Path("wildchat")):                   # a file, or all that a folder holds
        for where, value in values_of(path): ...                # where: 'wildchat/train-00000.parquet: row 1'

One value is in memory at a time (of a Parquet file, some hundred rows).
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from simworld.corpus.imports.lines import Skip, json_lines, json_values
from simworld.errors import CorpusError, MissingDependency

SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".json", ".parquet")
ROWS = 256
"""Rows of a Parquet file that are turned into objects at once."""


def data_files(source: Path) -> list[Path]:
    """The file itself, or every data file of a folder and those below it, sorted. Raises CorpusError where none is."""
    if not source.exists():
        raise CorpusError(f"{source}: there is no such file or folder")
    if not source.is_dir():
        return [source]
    found = sorted(path for path in source.rglob("*") if path.is_file() and _is_data(path.relative_to(source)))
    if not found:
        raise CorpusError(f"{source}: holds no data file; read are {', '.join(SUFFIXES)}")
    return found


def _is_data(path: Path) -> bool:
    return path.name.endswith(SUFFIXES) and not any(part.startswith(".") for part in path.parts)


def values_of(path: Path, *, skip: Skip | None = None) -> Iterator[tuple[str, Any]]:
    """Each object of a file with its place. `skip` is told of lines that are none, which are then left out.

    Raises CorpusError where the file cannot be read, MissingDependency where its form needs an extra.
    """
    if path.suffix == ".parquet":
        return _parquet_rows(path)
    if path.name.endswith((".jsonl.gz", ".ndjson")):
        return json_lines(path, skip=skip)
    return json_values(path, skip=skip)


def _parquet_rows(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise MissingDependency(f"{path}: a .parquet file needs pyarrow: pip install 'simworld[parquet]'") from None
    if not path.is_file():
        raise CorpusError(f"{path}: {'is not a file' if path.exists() else 'there is no such file'}")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}: row {number}", row
    except (OSError, ValueError) as error:  # what pyarrow raises for a broken file is one of these
        raise CorpusError(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0][:200]}") from None
