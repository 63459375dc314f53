"""Rows: what each dialogue of a run is about, from a file of JSON Lines.

    rows = read_rows(Path("intents.jsonl"), scenes)      # {"intent": "..."} a line
    rows[0]["intent"]

A scene's templates read them as `row.COLUMN`. Only the columns that are read are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

import orjson

from simworld.corpus.imports.lines import form_of, json_lines
from simworld.errors import CorpusError, UsageError
from simworld.packs.row_rules import scene_columns
from simworld.schema import Scene
from simworld.simulate.tally import Row


def read_rows(path: str | Path, scenes: Sequence[Scene]) -> tuple[Row, ...]:
    """The rows of a file, for these scenes. Raises CorpusError naming the line of one that lacks a column, or where
    nothing can be read; UsageError where no scene reads rows."""
    columns = columns_read(scenes)
    rows: list[Row] = []
    for where, value in json_lines(Path(path).expanduser()):
        if not isinstance(value, dict):
            raise CorpusError(f"{where}: should be an object with {_listed(columns)}, is {form_of(value)}")
        told = cast("dict[str, Any]", value)
        rows.append({column: _cell(told, column, where) for column in columns})
    if not rows:
        raise CorpusError(f"{path}: holds no rows; it should have an object with {_listed(columns)} a line")
    return tuple(rows)


def check_given(rows: Sequence[Row], scenes: Sequence[Scene]) -> tuple[Row, ...]:
    """Rows given in Python, for these scenes. Raises UsageError naming the row that lacks a column."""
    columns = columns_read(scenes)
    return tuple({column: _cell(row, column, f"row {at}") for column in columns} for at, row in enumerate(rows))


def columns_read(scenes: Sequence[Scene]) -> list[str]:
    """The columns that these scenes read. Raises UsageError where they read none."""
    columns = sorted(set[str]().union(*map(scene_columns, scenes)))
    if not columns:
        raise UsageError(
            f"none of the scenes ({', '.join(scene.id for scene in scenes)}) reads rows: give one whose templates name "
            "`row.COLUMN`, or leave out --rows"
        )
    return columns


def digest_of(path: str | Path) -> str:
    """Hash of the file, so that other rows make another corpus."""
    digest = blake2b(digest_size=12)
    with Path(path).expanduser().open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _cell(row: Any, column: str, where: str) -> str:
    value: object = row.get(column)
    if column not in row:
        raise CorpusError(f"{where}: has no column '{column}', which the scene reads; it has {_listed(row)}")
    if isinstance(value, dict | list):
        raise CorpusError(f"{where}: column '{column}' is {form_of(cast('object', value))}; it should be text")
    return value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in [*names][:12]) or "nothing"
