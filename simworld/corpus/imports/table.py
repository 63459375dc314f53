"""Importers by name: the table, and `importer`.

    report = importer("simsconv")(Path("simsconv"), Path("out"))

To add one: a function `(source, out) -> ImportReport` and a row in `IMPORTERS`, or an entry point of the group
`simworld.importers` in another package.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from simworld.corpus.imports.report import ImportReport
from simworld.registry import find

Importer = Callable[[Path, Path], ImportReport]

IMPORTERS: dict[str, str] = {
    "messages": "simworld.corpus.imports.conversations:import_messages",
    "sharegpt": "simworld.corpus.imports.conversations:import_sharegpt",
    "simsconv": "simworld.corpus.imports.simsconv:import_simsconv",
}


def importer(name: str) -> Importer:
    """The importer of this name. Raises UsageError with the allowed ones where there is none."""
    found: Importer = find("importer", name, IMPORTERS)
    return found
