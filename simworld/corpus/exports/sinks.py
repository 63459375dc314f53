"""Where rows go: JSON Lines, Parquet, plain text, or stdout; a file is there whole or not at all.

with open_sink(Path("rows.parquet"), MessagesRow) as sink:
    sink.write(row)
"""

from __future__ import annotations

import fcntl
import glob
import os
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, BinaryIO, Protocol, Union, get_args, get_origin, get_type_hints, is_typeddict

import orjson

from simworld.corpus.folder import is_alive
from simworld.errors import MissingDependency, UsageError

SUFFIXES = {".jsonl": "one object a line", ".parquet": "the same columns", ".txt": "plain text"}
GROUP_BYTES = 16 << 20
"""Bytes of rows (as JSON) that wait in memory for a Parquet row group."""
STDOUT = "-"


class Sink(Protocol):
    """Takes rows."""

    def write(self, row: Any) -> None:
        """Keep one row."""
        ...

    def close(self) -> None:
        """Write what still waits, and end the file."""
        ...


@contextmanager
def open_sink(out: Path | None, row_type: type) -> Generator[Sink]:
    """A sink for rows of this type; it appears as `out` when all went well. None or `-`: JSON Lines on stdout.

    Raises UsageError for another suffix, for a form that a text file cannot hold, and where `out` cannot be written.
    """
    if out is None or str(out) == STDOUT:
        yield _Lines(sys.stdout.buffer)
        sys.stdout.flush()
        return
    _check(out, row_type)
    half = out.with_name(f"{out.name}.{os.getpid()}.half")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        with half.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with closing(_sink(out.suffix, file, row_type)) as sink:
                yield sink
            file.flush()
            os.fsync(file.fileno())
        half.replace(out)
    except OSError as error:
        raise UsageError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            half.unlink(missing_ok=True)


def _sweep(out: Path) -> None:
    """Take away the halves of exports to the same file that were killed: nobody holds them any more."""
    for half in out.parent.glob(f"{glob.escape(out.name)}.*.half"):
        with suppress(OSError), half.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            process = half.name.split(".")[-2]
            if process.isdigit() and not is_alive(int(process)):  # a living one may be about to lock it
                half.unlink()


def _check(out: Path, row_type: type) -> None:
    if out.suffix not in SUFFIXES:
        allowed = ", ".join(f"{suffix} ({what})" for suffix, what in SUFFIXES.items())
        raise UsageError(f"{out}: the suffix '{out.suffix}' is not known; allowed: {allowed}")
    if out.suffix == ".txt" and "text" not in get_type_hints(row_type):
        raise UsageError(f"{out}: a .txt file holds the rows of --as text only; allowed here: .jsonl, .parquet")
    if out.is_dir():
        raise UsageError(f"{out}: is a folder; --out takes a file")


def _sink(suffix: str, file: BinaryIO, row_type: type) -> Sink:
    if suffix == ".parquet":
        return _Parquet(file, row_type)
    return _Plain(file) if suffix == ".txt" else _Lines(file)


def parquet_library() -> Any:
    """`pyarrow.parquet`. Raises MissingDependency where it is not installed."""
    try:
        import_module("pyarrow")
        return import_module("pyarrow.parquet")
    except ImportError:
        raise MissingDependency("a .parquet file needs pyarrow: pip install 'simworld[parquet]'") from None


class _Lines:
    """One JSON object a line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, row: Any) -> None:
        self._file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        self._file.flush()


class _Plain:
    """The text of each row, a blank line between two."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._gap = b""

    def write(self, row: Any) -> None:
        self._file.write(self._gap + row["text"].encode() + b"\n")
        self._gap = b"\n"

    def close(self) -> None:
        self._file.flush()


class _Parquet:
    """Row groups of bounded size, the columns as the row's type names them."""

    def __init__(self, file: BinaryIO, row_type: type) -> None:
        parquet = parquet_library()
        self._arrow: Any = import_module("pyarrow")
        self._schema = self._arrow.schema(list(self._type(row_type)))
        self._writer = parquet.ParquetWriter(file, self._schema)
        self._rows: list[Any] = []
        self._bytes = 0

    def write(self, row: Any) -> None:
        self._rows.append(row)
        self._bytes += len(orjson.dumps(row))
        if self._bytes >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._bytes = [], 0

    def _type(self, kind: Any) -> Any:
        """The Arrow type of a column; for a TypedDict a struct of its fields."""
        arrow = self._arrow
        if is_typeddict(kind):
            return arrow.struct([(name, self._type(inner)) for name, inner in get_type_hints(kind).items()])
        if get_origin(kind) is list:
            return arrow.list_(self._type(get_args(kind)[0]))
        if get_origin(kind) in (Union, UnionType):  # something or None: every column of Parquet may be null
            return self._type(next(one for one in get_args(kind) if one is not NoneType))
        return {str: arrow.string(), bool: arrow.bool_(), int: arrow.int64(), float: arrow.float64()}[kind]
