"""Importers by name: the table, and `run_import`.

    report = run_import("simsconv", Path("simsconv"), Path("out"))
    report = run_import("oasst", Path("trees.jsonl.gz"), Path("out"), paths="all")

To add one: a function `(source, out) -> ImportReport` and a row in `IMPORTERS`, or an entry point of the group
`simworld.importers` in another package. What it takes beside those two, as texts, are its options by name.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path

from simworld.corpus.imports.report import ImportReport
from simworld.errors import UsageError
from simworld.registry import find

Importer = Callable[..., ImportReport]
"""`(source, out, **options) -> report`."""

IMPORTERS: dict[str, str] = {
    "messages": "simworld.corpus.imports.conversations:import_messages",
    "oasst": "simworld.corpus.imports.conversations:import_oasst",
    "rows": "simworld.corpus.imports.conversations:import_rows",
    "sharegpt": "simworld.corpus.imports.conversations:import_sharegpt",
    "simsconv": "simworld.corpus.imports.simsconv:import_simsconv",
    "wildchat": "simworld.corpus.imports.conversations:import_wildchat",
}


def importer(name: str) -> Importer:
    """The importer of this name. Raises UsageError with the allowed ones where there is none."""
    found: Importer = find("importer", name, IMPORTERS)
    return found


def run_import(name: str, source: Path, out: Path, **options: str | None) -> ImportReport:
    """Import by the importer of this name, with those options that are given.

    Raises UsageError where it does not take one of them.
    """
    read = importer(name)
    given = {key: value for key, value in options.items() if value is not None}
    takes = [one.name for one in signature(read).parameters.values() if one.kind is Parameter.KEYWORD_ONLY]
    for key in given:
        if key not in takes:
            allowed = ", ".join(f"--{one}" for one in takes) or "none"
            raise UsageError(f"import {name} does not take --{key}; its options: {allowed}")
    return read(source, out, **given)
