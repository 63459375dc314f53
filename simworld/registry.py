"""Tables of plug-ins: a name -> the thing, or `module:attribute` that is loaded on use.

    maker = find("director", "round_robin", DIRECTORS)      # KeyError-free: UsageError with the allowed names

Each table is a plain dict in the file that owns the protocol. Another package joins by an entry point of the group
`simworld.<kind>s`; it cannot replace a name of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from simworld.errors import unknown


def names(kind: str, table: Mapping[str, object]) -> list[str]:
    """Every name of a kind, ours and those of other packages, sorted."""
    return sorted({*table, *(point.name for point in entry_points(group=group(kind)))})


def lookup(kind: str, name: str, table: Mapping[str, object]) -> Any | None:
    """What this name stands for, loaded; None where nobody offers it."""
    if name in table:
        row = table[name]
        if not isinstance(row, str):
            return row
        module, _, attribute = row.partition(":")
        return getattr(import_module(module), attribute)
    found = [point for point in entry_points(group=group(kind)) if point.name == name]
    return found[0].load() if found else None


def find(kind: str, name: str, table: Mapping[str, object], hint: str = "") -> Any:
    """What this name stands for, loaded. Raises UsageError with the allowed names where nobody offers it."""
    found = lookup(kind, name, table)
    if found is None:
        raise unknown(kind, name, names(kind, table), hint)
    return found


def group(kind: str) -> str:
    """The entry-point group of a kind: `simworld.directors`."""
    return f"simworld.{kind.replace(' ', '_')}s"
