"""The authored data of improv: `templates/improv/*.yaml`, read once.

    library().bank("acts.echo.warm")        # ("{Np}, I know what you mean.", ...)
    library().replies["Money goes where it's already been."]

A bank is a block of lines parted by newlines or `|`; `LINE > answer | answer` gives a line and what may answer it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, cast

FOLDER = Path(__file__).parents[2] / "templates" / "improv"
Bank = tuple[str, ...]
_WORD_LISTS = frozenset({"fit", "match", "words", "nouns", "mass", "same", "draws", "habits"})
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Library:
    """Every bank under its dotted path, what answers each line, and the rest of the files as they are."""

    banks: Mapping[str, Bank]
    replies: Mapping[str, Bank]
    raw: Mapping[str, Any]
    _words: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    _values: dict[str, Any] = field(default_factory=dict[str, Any])

    def bank(self, path: str) -> Bank:
        """The lines under this path; none where there is no such bank."""
        return self.banks.get(path, ())

    def words(self, path: str) -> frozenset[str]:
        """The words of a list written with spaces; none where there is no such list."""
        if path not in self._words:
            self._words[path] = frozenset(str(self.value(path, "")).split())
        return self._words[path]

    def value(self, path: str, default: Any = None) -> Any:
        """What stands under this path in the files."""
        if path not in self._values:
            self._values[path] = self._found(path)
        found = self._values[path]
        return default if found is None else found

    def _found(self, path: str) -> Any:
        node: Any = self.raw
        for key in path.split("."):
            if not isinstance(node, dict) or key not in node:
                return None
            node = cast("dict[str, Any]", node)[key]
        return node

    def names(self, path: str) -> tuple[str, ...]:
        """The keys under this path."""
        return tuple(self.value(path, {}))


@cache
def library() -> Library:
    """The files, read on first use."""
    raw = {path.stem: _load(path) for path in sorted(FOLDER.glob("*.yaml"))}
    raw["subjects"] = {
        id: node for path in sorted((FOLDER / "subjects").glob("*.yaml")) for id, node in _load(path).items()
    }
    banks: dict[str, Bank] = {}
    replies: dict[str, Bank] = {}
    for path, text in _leaves(raw, ()):
        banks[path] = tuple(_lines(text, replies))
    return Library(banks, replies, raw)


def _load(path: Path) -> dict[str, Any]:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)


def _leaves(node: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key, value in node.items():
        if key in _WORD_LISTS:
            continue
        if isinstance(value, dict):
            yield from _leaves(cast("dict[str, Any]", value), (*path, key))
        elif isinstance(value, str):
            yield ".".join((*path, key)), value


def _lines(text: str, replies: dict[str, Bank]) -> Iterator[str]:
    for row in text.splitlines():
        head, arrow, tail = row.partition(">")
        if arrow:
            line = head.strip()
            replies[line] = replies.get(line, ()) + tuple(part.strip() for part in tail.split("|") if part.strip())
            yield line
        else:
            yield from (part.strip() for part in row.split("|") if part.strip())


@lru_cache(maxsize=16384)
def slots(line: str) -> frozenset[str]:
    """The names of the slots that a line wants filled, in lower case."""
    return frozenset(name.lower() for name in _SLOT.findall(line)) if "{" in line else frozenset()
