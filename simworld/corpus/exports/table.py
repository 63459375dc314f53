"""Exporters by name: the table, and `exporter`.

    rows = exporter("messages")(transcript, "mara", thoughts=True, notes=True)

To add one: a function as `rows.Exporter` says, whose return type names its row, and a row in `EXPORTERS`; or an entry
point of the group `simworld.exporters` in another package.
"""

from __future__ import annotations

from simworld.corpus.exports.rows import Exporter
from simworld.registry import find

EXPORTERS: dict[str, str] = {
    "messages": "simworld.corpus.exports.messages:messages_rows",
    "sharegpt": "simworld.corpus.exports.sharegpt:sharegpt_rows",
    "simschat": "simworld.corpus.exports.simschat:simschat_rows",
    "text": "simworld.corpus.exports.text:text_rows",
}


def exporter(name: str) -> Exporter:
    """The exporter of this name. Raises UsageError with the allowed ones where there is none."""
    found: Exporter = find("exporter", name, EXPORTERS)
    return found
