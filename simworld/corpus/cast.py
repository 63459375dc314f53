"""Who and what a corpus was played with: `personas.jsonl` and `scenes.jsonl` beside its transcripts, a record a line.

    write_cast(folder, personas, scenes)
    Corpus("out").personas["rosa"].career

A transcript holds what its seats were told; these files hold the records behind it, each once, so that curation,
coverage and splits know a career, an age, a secret. Corpora made by earlier versions have none.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import ValidationError

from simworld.corpus.whole import write_whole
from simworld.errors import CorpusError
from simworld.schema import Persona, Scene

PERSONAS, SCENES = "personas.jsonl", "scenes.jsonl"
CAST = (PERSONAS, SCENES)
R = TypeVar("R", Persona, Scene)


def write_cast(folder: Path, personas: Iterable[Persona], scenes: Iterable[Scene]) -> None:
    """Write both files, by id; of two records with one id the first."""
    write_whole(folder / PERSONAS, _lines(personas))
    write_whole(folder / SCENES, _lines(scenes))


def copy_cast(source: Path, target: Path) -> None:
    """Write the files of one corpus into another; empty ones where it has none."""
    for name in CAST:
        path = source / name
        write_whole(target / name, path.read_bytes() if path.is_file() else b"")


def read_cast(folder: Path, record: type[R]) -> dict[str, R]:
    """Id -> record; empty where there is no such file. Raises CorpusError naming the line that is none."""
    path = folder / (PERSONAS if record is Persona else SCENES)
    if not path.is_file():
        return {}
    found: dict[str, R] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            one = record.model_validate(orjson.loads(line))
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise CorpusError(f"{path}:{number}: is not a {record.__name__.lower()}") from error
        found.setdefault(one.id, one)
    return found


def _lines(records: Iterable[Persona] | Iterable[Scene]) -> bytes:
    by_id: dict[str, Persona | Scene] = {}
    for record in records:
        by_id.setdefault(record.id, record)
    lines = [by_id[id].model_dump_json(by_alias=True, exclude_defaults=True) for id in sorted(by_id)]
    return "".join(f"{line}\n" for line in lines).encode()
