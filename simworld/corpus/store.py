"""Read a corpus folder, finished or not, one transcript at a time.

    for transcript in Corpus("out"):
        print(transcript.id, transcript.ending.reason)

`transcripts/NNNNN.jsonl` holds 100 dialogues in plan order. What a run has finished but not yet put in order stands in
`journal/NNNNN-W.done`; a reader sees both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from simworld.corpus.cast import read_cast
from simworld.errors import CorpusError, unknown
from simworld.schema import Persona, Scene, Transcript
from simworld.schema.transcript import SCHEMA

SHARD = 100
"""Dialogues in one file of `transcripts/`."""
_HEAD = b'{"schema":%d,' % SCHEMA
_TRANSCRIPT = TypeAdapter(Transcript)
_BEGIN = re.compile(rb'\{"schema":\d+,"id":"[^"\\]*","index":(\d+),')
"""How a line that was written here begins: its index can be told without parsing all of it."""
_NUMBER = re.compile(r"\d{5,}(?=[-.])")


def to_line(transcript: Transcript) -> bytes:
    """A transcript as one line of JSON, newline included."""
    return _HEAD + _TRANSCRIPT.dump_json(transcript)[1:] + b"\n"


def from_row(row: dict[str, Any], where: str) -> Transcript:
    """A parsed line as a Transcript. Raises CorpusError naming `where`."""
    found = row.pop("schema", None)
    if found != SCHEMA:
        raise CorpusError(f"{where}: schema {found!r} is not known; allowed: {SCHEMA}")
    try:
        return Transcript.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise CorpusError(f"{where}: not a transcript: {field}: {first['msg']}") from error


class Corpus:
    """A folder of transcripts. Iterating reads one file at a time."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not (self.path / "transcripts").is_dir():
            raise CorpusError(
                f"{self.path}: not a corpus: it has no folder transcripts/; `simworld run --out` makes one"
            )

    @property
    def manifest(self) -> dict[str, Any]:
        """`manifest.json`; empty where there is none."""
        path = self.path / "manifest.json"
        if not path.is_file():
            return {}
        try:
            loaded: dict[str, Any] = orjson.loads(path.read_bytes())
        except orjson.JSONDecodeError as error:
            raise CorpusError(f"{path}: not JSON: {error}") from error
        return loaded

    @cached_property
    def personas(self) -> Mapping[str, Persona]:
        """Id -> everybody who may have sat there; empty for a corpus that does not tell."""
        return read_cast(self.path, Persona)

    @cached_property
    def scenes(self) -> Mapping[str, Scene]:
        """Id -> the scenes that were played; empty for a corpus that does not tell."""
        return read_cast(self.path, Scene)

    def __iter__(self) -> Iterator[Transcript]:
        for row, where in self.rows():
            yield from_row(row, where)

    def rows(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Each transcript as parsed JSON with the place it was read from, in plan order."""
        for shard in self.shards():
            found = read_shard(self.path, shard)
            for index in sorted(found):
                where = f"{self.path}: dialogue {index}"
                yield parsed(found[index], where), where

    def shards(self) -> list[int]:
        """The numbers of the files that there are, sorted."""
        return shards_of(self.path)

    def find(self, id: str) -> Transcript:
        """The transcript with this id or index. Raises UsageError with the nearest ids where there is none."""
        if id.isdigit():
            found = read_shard(self.path, int(id) // SHARD).get(int(id))
            if found is not None:
                where = f"{self.path}: dialogue {id}"
                return from_row(parsed(found, where), where)
        ids: list[str] = []
        for row, where in self.rows():
            if row["id"] == id:
                return from_row(row, where)
            if len(ids) < 1000:
                ids.append(row["id"])
        raise unknown("dialogue", id, ids[:20], f"`simworld show {self.path}` lists them.")


def shards_of(folder: Path) -> list[int]:
    """The numbers of the shards that have finished dialogues, in order or not yet."""
    return sorted({*_numbers((folder / "transcripts").glob("*.jsonl")), *waiting_shards(folder)})


def waiting_shards(folder: Path) -> set[int]:
    """The numbers of the shards of which something waits to be put in order."""
    return _numbers((folder / "journal").glob("*.done"))


def _numbers(paths: Iterable[Path]) -> set[int]:
    return {int(number[0]) for path in paths if (number := _NUMBER.match(path.name))}


def shard_file(folder: Path, shard: int) -> Path:
    """Where a shard's transcripts stand in order."""
    return folder / "transcripts" / f"{shard:05d}.jsonl"


def done_files(folder: Path, shard: int) -> list[Path]:
    """The files of finished dialogues that still wait to be put in order."""
    return sorted((folder / "journal").glob(f"{shard:05d}-*.done"))


def read_shard(folder: Path, shard: int) -> dict[int, bytes]:
    """Index -> line, of one shard: the file in order, then what has been finished since; a torn last line is left."""
    found: dict[int, bytes] = {}
    for path in (shard_file(folder, shard), *done_files(folder, shard)):
        found |= read_lines(path, shard)
    return found


def read_lines(path: Path, shard: int) -> dict[int, bytes]:
    """Index -> line, of one file of a shard (none where it is not there); a torn last line is left.

    Raises CorpusError where a line is no transcript, or one of another shard.
    """
    try:
        *lines, _torn = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return {}
    found: dict[int, bytes] = {}
    for line in lines:
        index = _index(line, path)
        if index // SHARD != shard:
            raise CorpusError(f"{path}: dialogue {index} stands in the wrong file; its place is {index // SHARD:05d}")
        found[index] = line
    return found


def parsed(line: bytes, where: object) -> dict[str, Any]:
    """A transcript's line as plain data. Raises CorpusError naming `where`."""
    try:
        row: dict[str, Any] = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise CorpusError(f"{where}: a line is not a transcript: {line[:60]!r}") from error
    return row


def _index(line: bytes, path: Path) -> int:
    if begun := _BEGIN.match(line):
        return int(begun[1])
    try:
        return int(parsed(line, path)["index"])
    except (KeyError, TypeError, ValueError) as error:
        raise CorpusError(f"{path}: a line is not a transcript: {line[:60]!r}") from error
