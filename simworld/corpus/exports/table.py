"""Exporters by name: the table, and `exporter`.

    rows = exporter("messages")(transcript, "mara", thoughts=True, notes=True)

To add one: a function as `rows.Exporter` says, whose return type names its row, and a row in `EXPORTERS`; or an entry
point of the group `simworld.exporters` in another package.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from simworld.corpus.exports.rows import Exporter
from simworld.errors import unknown

EXPORTERS: dict[str, str] = {
    "messages": "simworld.corpus.exports.messages:messages_rows",
    "sharegpt": "simworld.corpus.exports.sharegpt:sharegpt_rows",
    "text": "simworld.corpus.exports.text:text_rows",
}
GROUP = "simworld.exporters"


def exporter(name: str) -> Exporter:
    """The exporter of this name. Raises UsageError with the allowed ones where there is none."""
    if name in EXPORTERS:
        module, _, attribute = EXPORTERS[name].partition(":")
        return cast("Exporter", getattr(import_module(module), attribute))
    plugins = {point.name: point for point in entry_points(group=GROUP)}
    if name in plugins:
        return cast("Exporter", plugins[name].load())
    raise unknown("export form", name, [*EXPORTERS, *plugins])
