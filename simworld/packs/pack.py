"""Pack: a folder of personas, scenes and stories, read and found sound.

    pack = load_pack("mypack")              # or mypack/scenes, or one file of it
    pack.scenes["lost_luggage"], pack.personas["rosa"], pack.digest

    for problem in check(["mypack"]):
        print(problem)                      # mypack/scenes/ward.yaml:7:5: seats.nurse.gole: unknown key ...

A path that `check` finds nothing wrong with is one that `load_pack` loads.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import cast

from simworld.packs.gather import Lent, gather
from simworld.packs.layout import Source, source_of, sources_of
from simworld.packs.look import CheckTemplate
from simworld.packs.node import Mark
from simworld.packs.report import Report
from simworld.packs.words import Vocabulary, built_in
from simworld.schema import Persona, Problem, Record, Scene, Story


@dataclass(frozen=True, slots=True)
class Pack:
    """What was loaded from one folder."""

    root: Path
    """Absolute; what a seat's `scripted:FILE` names is sought from here."""
    name: str
    """`builtin`, the name under which it is installed, or the folder's."""
    personas: Mapping[str, Persona]
    scenes: Mapping[str, Scene]
    stories: Mapping[str, Story]
    files: Mapping[str, Path]
    """`persona/ID`, `scene/ID` and `story/ID` -> file."""
    vocabulary: Vocabulary
    digest: str
    """Hash (blake2b, 32 hex digits) of what was loaded: the same wherever the folder stands."""


def load_pack(
    path: str | Path, *, check_template: CheckTemplate | None = None, directors: Collection[str] | None = None
) -> Pack:
    """The pack at `path`, or the part of one: a folder of scenes, personas or stories, a file.

    `check_template` judges the templates of scenes, `directors` are the names that scenes may use; where they are
    None the templates or names are not checked. Raises PackError with every problem.
    """
    source = source_of(Path(path))
    if source is None:
        report = Report()
        _missing(Path(path), report)
        report.refuse(str(path))
    return load_source(cast(Source, source), Lent(check_template, directors))


def load_source(source: Source, lent: Lent) -> Pack:
    """The pack made of these files. Raises PackError with every problem."""
    report = Report()
    gathered = gather(source, report, lent)
    report.refuse(source.label)
    personas = dict(sorted(gathered.personas.items()))
    scenes = dict(sorted(gathered.scenes.items()))
    stories = dict(sorted(gathered.stories.items()))
    vocabulary = gathered.vocabulary
    files = {name: path.absolute() for name, path in gathered.files.items()}
    records = {"persona": personas, "scene": scenes, "story": stories}
    digest = _digest(records, vocabulary, gathered.scripts)
    return Pack(source.root.resolve(), source.name, personas, scenes, stories, files, vocabulary, digest)


def check(
    paths: Iterable[str | Path],
    *,
    check_template: CheckTemplate | None = None,
    directors: Collection[str] | None = None,
) -> list[Problem]:
    """Every problem of the packs, or parts of packs, at these paths: by file, line and column."""
    sources, missing = sources_of([Path(path) for path in paths])
    report = Report()
    for path in missing:
        _missing(path, report)
    for source in sources:
        gather(source, report, Lent(check_template, directors))
    return report.sorted()


def vocabulary(pack: Pack | None = None) -> Vocabulary:
    """The words of a pack, which are the built-in ones and its own; without a pack the built-in ones."""
    return pack.vocabulary if pack else built_in()


def _missing(path: Path, report: Report) -> None:
    report.add(Mark(str(path), 1, 1), "", "unreadable", "there is no such file or folder")


def _digest(records: Mapping[str, Mapping[str, Record]], vocabulary: Vocabulary, scripts: Mapping[str, bytes]) -> str:
    """Hash of the content: records in the order of their ids, words, scripts; no path and no time."""
    parts: list[tuple[str, bytes]] = [("vocabulary", json.dumps(dict(vocabulary.words), sort_keys=True).encode())]
    for kind, by_id in records.items():
        parts += [(f"{kind}/{id}", _canonical(record)) for id, record in sorted(by_id.items())]
    parts += [(f"script/{name}", data) for name, data in sorted(scripts.items())]
    total = blake2b(digest_size=16)
    for name, data in parts:
        total.update(f"{name}\0{len(data)}\0".encode())
        total.update(data)
    return total.hexdigest()


def _canonical(record: Record) -> bytes:
    """A record as bytes; a field that says its default is as one left out."""
    return record.model_dump_json(by_alias=True, exclude_defaults=True).encode()
