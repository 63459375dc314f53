"""Importers by name: the table, and `importer`.

    report = importer("simsconv")(Path("simsconv"), Path("out"))

To add one: a function `(source, out) -> ImportReport` and a row in `IMPORTERS`, or an entry point of the group
`simworld.importers` in another package.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from simworld.corpus.imports.report import ImportReport
from simworld.errors import unknown

Importer = Callable[[Path, Path], ImportReport]

IMPORTERS: dict[str, str] = {
    "messages": "simworld.corpus.imports.conversations:import_messages",
    "sharegpt": "simworld.corpus.imports.conversations:import_sharegpt",
    "simsconv": "simworld.corpus.imports.simsconv:import_simsconv",
}
GROUP = "simworld.importers"


def importer(name: str) -> Importer:
    """The importer of this name. Raises UsageError with the allowed ones where there is none."""
    if name in IMPORTERS:
        module, _, attribute = IMPORTERS[name].partition(":")
        return cast("Importer", getattr(import_module(module), attribute))
    plugins = {point.name: point for point in entry_points(group=GROUP)}
    if name in plugins:
        return cast("Importer", plugins[name].load())
    raise unknown("import format", name, [*IMPORTERS, *plugins])
