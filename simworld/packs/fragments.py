"""Fragments: parts that personas share, named by `extends`.

    # personas/rosa.yaml                         # personas/fragments/retired_teacher.yaml
    extends: [fragments/retired_teacher]         career: teacher
    name: Rosa Oyelaran                          skills: [teaching]
    skills: [gardening]                          # together: skills: [teaching, gardening]

Fragments in their order, then the file itself: text is replaced, lists are appended without duplicates, mappings are
merged key by key. A fragment is sought in the pack's own `personas/`, then in the built-in ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from simworld.packs.layout import SUFFIXES, Source, files_below, is_inside
from simworld.packs.node import EACH, Entry, Node, group, plain, select
from simworld.packs.reader import MAX_CHARACTERS, MAX_NODES, read_path
from simworld.packs.report import Report, shown
from simworld.packs.wording import no_mapping

LEVELS = 8
"""Fragments that may extend one another in a row."""
MOST = 16
"""Fragments that one file may name."""
_NAME = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")


class Shelf:
    """Reads each fragment once; `roots` are searched in turn, each the `personas/` of a pack with its root."""

    def __init__(self, roots: Sequence[tuple[Path, Path, str]], report: Report) -> None:
        self.roots = roots
        """Folder that names start from, root of its pack, and the folder as problems name it."""
        self.report = report
        self.read: dict[Path, tuple[Node, int] | None] = {}
        """Fragment file -> what it says, and how many levels of fragments it stands on."""

    def whole(self, node: Node, path: Path) -> Node:
        """What the file at `path` says together with what it extends."""
        return self._extended(node, (path.resolve(),))[0]

    def _extended(self, node: Node, trail: tuple[Path, ...]) -> tuple[Node, int]:
        """`node` on top of its fragments, and the levels below it; `trail`: the files that led here."""
        own = without(node, "extends")
        base: Node | None = None
        levels = 0
        for item in self._names(node):
            part = self._fragment(item, trail)
            if part:
                base = merged(base, part[0]) if base else part[0]
                levels = max(levels, part[1] + 1)
        whole = merged(base, own) if base else own
        if whole.nodes > MAX_NODES or whole.characters > MAX_CHARACTERS:
            what = f"holds more than {MAX_NODES} values with its fragments; extend fewer"
            self.report.add(node.mark, "extends", "too-many-nodes", what)
            return own, levels
        return whole, levels

    def _names(self, node: Node) -> list[Node]:
        """The items of `extends`; one name alone may stand without a list."""
        given = node.child("extends")
        if given is None:
            return []
        if isinstance(given.value, str):
            return [given]
        if not isinstance(given.value, list):
            what = f"should be a list, such as [fragments/retired_teacher], is {given.form}"
            self.report.add(given.mark, "extends", "wrong-type", what)
        if len(given.items) > MOST:
            what = f"names {len(given.items)} fragments; at most {MOST}"
            self.report.add(given.mark, "extends", "too-long", what)
        return [item for _, item in select(given, EACH)][:MOST]

    def _fragment(self, item: Node, trail: tuple[Path, ...]) -> tuple[Node, int] | None:
        """The fragment that `item` names, whole; None (and a problem) where it cannot be had."""
        path = self._path(item)
        if path is None:
            return None
        if path in trail:
            self._refuse(item, f"'{shown(item.text)}' extends itself in a circle")
            return None
        part: tuple[Node, int] | None = None
        if len(trail) <= LEVELS:
            if path not in self.read:
                self.read[path] = self._content(path, (*trail, path))
            part = self.read[path]
        if len(trail) + (part[1] if part else 0) > LEVELS:
            self._refuse(item, f"'{shown(item.text)}' is the end of more than {LEVELS} levels of fragments")
            return None
        return part

    def _content(self, path: Path, trail: tuple[Path, ...]) -> tuple[Node, int] | None:
        node = read_path(path, self._shown(path), self.report)
        if node is None:
            return None
        if not isinstance(node.value, dict):
            self.report.add(node.mark, "", "not-a-mapping", no_mapping(node))
            return None
        return self._extended(without(node, "id"), trail)

    def _path(self, item: Node) -> Path | None:
        """The file of the fragment that `item` names; None (and a problem) where there is none."""
        name = item.text
        if not _NAME.fullmatch(name) or len(name) > 200:
            what = f"'{shown(name)}' is not the name of a fragment: no absolute path, no .., no ending"
            self._refuse(item, f"{what}; write it as fragments/retired_teacher")
            return None
        for shelf, root, _ in self.roots:
            for suffix in SUFFIXES:
                path = shelf / f"{name}{suffix}"
                if path.is_file():
                    if is_inside(path, root):
                        return path.resolve()
                    self._refuse(item, f"'{shown(name)}' leads outside the pack")
                    return None
        what = f"there is no fragment '{shown(name)}'"
        self.report.add(item.mark, "extends", "bad-include", what, allowed=self.names(), word=name)
        return None

    def names(self) -> list[str]:
        """Every fragment that can be named."""
        found = {(file.path, shelf) for shelf, _, _ in self.roots for file in files_below(shelf)}
        return sorted({path.relative_to(shelf).with_suffix("").as_posix() for path, shelf in found})

    def _shown(self, path: Path) -> str:
        """A fragment's file as problems name it."""
        for shelf, _, label in self.roots:
            if path.is_relative_to(shelf.resolve()):
                return str(Path(label) / path.relative_to(shelf.resolve()))
        return str(path)

    def _refuse(self, item: Node, what: str) -> None:
        self.report.add(item.mark, "extends", "bad-include", what)


def shelf_of(source: Source, built_in: Path, report: Report) -> Shelf:
    """The fragments that the personas of a pack may name."""
    label = source.label if source.shelf == source.root else str(Path(source.label) / "personas")
    roots = [(source.shelf, source.root, label), (built_in / "personas", built_in, str(built_in / "personas"))]
    return Shelf(roots, report)


def without(node: Node, key: str) -> Node:
    """A mapping without one of its keys."""
    if key not in node.entries:
        return node
    return group(node.mark, {name: entry for name, entry in node.entries.items() if name != key})


def merged(base: Node, top: Node) -> Node:
    """`top` laid over `base`: mappings key by key, lists appended without duplicates, else `top`."""
    if isinstance(base.value, dict) and isinstance(top.value, dict):
        entries = dict(base.value)
        for key, entry in top.value.items():
            under = entries.get(key)
            entries[key] = Entry(entry.mark, merged(under.node, entry.node)) if under else entry
        return group(top.mark, entries)
    if isinstance(base.value, list) and isinstance(top.value, list):
        known = {repr(plain(item)) for item in base.value}
        return group(top.mark, [*base.value, *(item for item in top.value if repr(plain(item)) not in known)])
    return top
