"""Read JSON from strangers: one object at a time, bounded, every fault told with file and line.

for where, row in rows_of(Path("dialogues.jsonl"), DialogueRow): ...      # where: 'dialogues.jsonl:12'
for where, value in json_values(Path("chats.json")): ...                  # JSON Lines, or one top-level array
for where, value in json_lines(path, skip=told.append): ...               # a bad line is told and left out
"""

from __future__ import annotations

import codecs
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import orjson
from pydantic import BaseModel, ValidationError

from simworld.errors import CorpusError

LONGEST = 16 << 20
"""Bytes of one line, or characters of one item of an array."""
CHUNK = 1 << 18
_BLANK = object()
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""An escape that may be half of a character."""
Row = TypeVar("Row", bound=BaseModel)


class BadLine(CorpusError):
    """A line, or a value on it, that cannot be used; the lines behind it can."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        """`too_long`, `not_utf8`, `not_json` or `wrong_form`."""


Skip = Callable[[BadLine], None]
"""Is told of a bad line, which is then left out; without one, the line is raised."""


def rows_of(path: Path, model: type[Row]) -> Iterator[tuple[str, Row]]:
    """Each line of a JSON Lines file as a record, with its place. Raises CorpusError at the first that is none."""
    for where, value in json_lines(path):
        yield where, record(value, model, where)


def record(value: object, model: type[Row], where: str) -> Row:
    """A parsed object as a record. Raises BadLine naming the key that is missing or wrong."""
    if not isinstance(value, dict):
        raise BadLine("wrong_form", f"{where}: should be an object with the keys {_keys(model)}, is {form_of(value)}")
    try:
        return model.model_validate(value)
    except ValidationError as errors:
        first = errors.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            raise BadLine("wrong_form", f"{where}: the key '{key}' is missing; needed: {_keys(model)}") from None
        told = f"{where}: '{key}': {first['msg'].lower()}, is {form_of(first['input'])}"
        raise BadLine("wrong_form", told) from None


def _keys(model: type[BaseModel]) -> str:
    return ", ".join(name for name, field in model.model_fields.items() if field.is_required())


def as_object(value: object) -> dict[str, Any] | None:
    """The object that a parsed value is; None where it is something else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def form_of(value: object) -> str:
    """What a parsed value is, in words."""
    forms: dict[type, str] = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return forms.get(type(value), "a number")


def json_lines(path: Path, *, skip: Skip | None = None) -> Iterator[tuple[str, Any]]:
    """Each line that is not blank, parsed, with its place; a file whose name ends in .gz is unpacked as it is read.

    Raises BadLine at the first line that is not JSON, or tells `skip` of each; CorpusError where nothing can be read.
    """
    with _open(path) as file:
        number = 0
        while line := _read(file, LONGEST + 1, path, line=True):
            number += 1
            where = f"{path}:{number}"
            try:
                value = _value(line.removeprefix(codecs.BOM_UTF8) if number == 1 else line, where)
            except BadLine as bad:
                if skip is None:
                    raise
                skip(bad)
                while len(line) > LONGEST and not line.endswith(b"\n"):
                    line = _read(file, LONGEST + 1, path, line=True)
                continue
            if value is not _BLANK:
                yield where, value


def _value(line: bytes, where: str) -> Any:
    """What stands on a line; `_BLANK` where that is nothing."""
    if len(line) > LONGEST:
        longest = f"the line is longer than {LONGEST >> 20} MiB"
        raise BadLine("too_long", f"{where}: {longest}; put one object on each line")
    if not line.strip():
        return _BLANK
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as bad:
            place = f"byte {bad.start + 1} of the line"
            raise BadLine("not_utf8", f"{where}: not UTF-8 ({place}); save the file as UTF-8") from None
        raise BadLine("not_json", f"{where}: not JSON: {error}; each line should hold one whole object") from None


def json_values(path: Path, *, skip: Skip | None = None) -> Iterator[tuple[str, Any]]:
    """Each item of a top-level JSON array, or each line of JSON Lines, with its place. `skip`: of lines alone."""
    if path.suffix not in (".json", ".jsonl"):
        raise CorpusError(f"{path}: should end in .jsonl (one object a line) or .json (an array of objects); unpack it")
    with _open(path) as file:
        head = _read(file, 1 << 16, path).removeprefix(codecs.BOM_UTF8).lstrip()
    return _array_items(path) if head.startswith(b"[") else json_lines(path, skip=skip)


def _array_items(path: Path) -> Iterator[tuple[str, Any]]:
    """The items of a top-level array, read piece by piece; the place is the item's number, from 1."""
    with _open(path) as file:
        text = _Text(file, path)
        text.take("[")
        number = 0
        while text.head() != "]":
            number += 1
            if number > 1:
                text.take(",")
            yield f"{path}: item {number}", text.item(f"{path}: item {number}")
        text.take("]")
        if text.head():
            raise CorpusError(f"{path}: something follows the array; a file holds one array, or one object a line")


class _Text:
    """The part of a file that is being parsed."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._text, self._at, self._ended = "", 0, False
        self._json = json.JSONDecoder(parse_constant=_refuse_constant)

    def head(self) -> str:
        """The next character that is no blank; '' at the end of the file."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def take(self, wanted: str) -> None:
        """Step over the character that must come next."""
        found = self.head()
        if found != wanted:
            what = (
                f"'{found}'" if found.isprintable() and found else "the end of the file" if not found else "a control"
            )
            raise CorpusError(f"{self._path}: not a JSON array: {what} where '{wanted}' should stand")
        self._at += 1

    def item(self, where: str) -> Any:
        """The next value, parsed."""
        if self.head() not in ("{", "["):
            raise CorpusError(f"{where}: should be an object, is something else")
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if len(self._text) - self._at > LONGEST:
                    raise CorpusError(f"{where}: not JSON, or longer than {LONGEST >> 20} MiB") from None
                if isinstance(error, RecursionError) or not self._more():
                    raise CorpusError(f"{where}: not JSON: {error}") from None
                continue
            if _HALF.search(self._text, self._at, end):
                _refuse_surrogates(value, where)
            self._at = end
            return value

    def _more(self) -> bool:
        """Read on: at least as much as is there, so that a long item is tried a few times only."""
        if self._ended:
            return False
        data = _read(self._file, max(CHUNK, len(self._text) - self._at), self._path)
        self._ended = not data
        try:
            self._text = self._text[self._at :] + self._decode(data, self._ended)
        except UnicodeDecodeError:
            raise CorpusError(f"{self._path}: not UTF-8; save the file as UTF-8") from None
        self._at = 0
        return not self._ended


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _refuse_surrogates(value: Any, where: str) -> None:
    """Refuse half of a character (a lone surrogate escape), which no file can keep; orjson does so by itself."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise CorpusError(f"{where}: not JSON: holds half of a surrogate pair (\\ud800 and the like)") from None


def _open(path: Path) -> BinaryIO:
    if not path.exists():
        raise CorpusError(f"{path}: there is no such file")
    if not path.is_file():
        raise CorpusError(f"{path}: is not a file")
    try:
        return cast("BinaryIO", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be opened: {error.strerror}") from None


def _read(file: BinaryIO, size: int, path: Path, *, line: bool = False) -> bytes:
    try:
        return file.readline(size) if line else file.read(size)
    except (EOFError, zlib.error, OSError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CorpusError(f"{path}: cannot be read: {why}") from None
