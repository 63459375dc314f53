"""The safe reader: a YAML file as a tree of nodes, or problems; it never builds objects and never runs away.

    node = read_yaml(Path("scenes/ward.yaml"), "scenes/ward.yaml")
    node = read_yaml("time: 22:40", "(text)")

It reads PyYAML's events, not its values: `22:40`, `no` and `1_000` stay text. Bounded before anything is built: bytes,
values with every alias written out, characters, depth. Tags, merge keys, directives and second documents are refused.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from simworld.packs.node import Entry, Mark, Node, group
from simworld.packs.report import Report, shown

MAX_BYTES = 1 << 20
MAX_NODES = 20_000
"""Values of one file, keys counted and aliases written out."""
MAX_CHARACTERS = 1 << 21
"""Characters of one file, aliases written out."""
MAX_DEPTH = 32
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
EMPTY = frozenset({"", "~", "null", "Null", "NULL"})
UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# thousands of %TAG lines take libyaml minutes, so directives are refused before it sees them
DIRECTIVE = re.compile(r"^%(?:TAG|YAML)\b", re.MULTILINE)


class _Stop(Exception):
    """The rest of the file is not worth reading; the reason is in the report."""


def read_yaml(source: Path | str, file: str) -> Node:
    """The tree of a file (Path) or of a text (str); `file` names it in problems. Raises PackError with all of them."""
    report = Report()
    node = read_path(source, file, report) if isinstance(source, Path) else read_text(source, file, report)
    report.refuse(file)
    return node or Node(Mark(file, 1, 1), None)


def read_path(path: Path, file: str, report: Report) -> Node | None:
    """The tree of a file, or None where it cannot be read; what is wrong goes to `report`."""
    data = read_bytes(path, file, report)
    if data is None:
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start].decode("utf-8-sig", "replace"))
        report.add(Mark(file, line, column), "", "bad-encoding", "the file is not UTF-8; save it as UTF-8")
        return None
    return read_text(text, file, report)


def read_bytes(path: Path, file: str, report: Report) -> bytes | None:
    """The bytes of a regular file of at most MAX_BYTES; its size is looked at before it is read."""
    start = Mark(file, 1, 1)
    try:
        # not blocking: opening a pipe would otherwise wait for its writer
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            data = _bounded(handle)
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        report.add(start, "", "unreadable", f"cannot be read: {getattr(error, 'strerror', None) or error}")
        return None
    if data is None:
        report.add(start, "", "unreadable", "is not a regular file")
    elif len(data) > MAX_BYTES:
        report.add(start, "", "too-large", f"is larger than {MAX_BYTES} bytes; split it")
    else:
        return data
    return None


def _bounded(handle: int) -> bytes | None:
    """What an open file holds, one byte more than is allowed standing for too much; None where it is no file."""
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        return None
    if about.st_size > MAX_BYTES:
        return bytes(MAX_BYTES + 1)
    with os.fdopen(handle, "rb", closefd=False) as stream:
        return stream.read(MAX_BYTES + 1)


def read_text(text: str, file: str, report: Report) -> Node | None:
    """The tree of a text, or None where it cannot be read; what is wrong goes to `report`."""
    bad = UNREADABLE.search(text)
    if bad:
        what = f"holds the character {shown(bad.group())}, which YAML does not allow; remove it"
        report.add(Mark(file, *_place(text[: bad.start()])), "", "bad-encoding", what)
        return None
    if len(text) > MAX_BYTES:
        report.add(Mark(file, 1, 1), "", "too-large", f"is larger than {MAX_BYTES} characters; split it")
        return None
    directive = DIRECTIVE.search(text)
    if directive:
        what = f"the directive {directive.group()} is not allowed; remove the line"
        report.add(Mark(file, *_place(text[: directive.start()])), "", "bad-yaml", what)
        return None
    builder = _Builder(text, file, report)
    try:
        return builder.document()
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        _unreadable(error, text, file, report)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        report.add(Mark(file, 1, 1), "", "bad-yaml", f"cannot be read as YAML: {shown(str(error))}")
    return None


def _place(before: str) -> tuple[int, int]:
    """Line and column of what follows the text `before`."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _too_deep(text: str) -> tuple[int, int]:
    """Line and column of the first bracket that is nested too deep."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "[{") - (character in "]}")
        if depth > MAX_DEPTH:
            return _place(text[:at])
    return 1, 1


def _unreadable(error: yaml.MarkedYAMLError, text: str, file: str, report: Report) -> None:
    """Say what the parser did not understand, and what usually mends it."""
    mark: Any = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if "nesting depth" in str(error.problem):  # a newer parser gives up before we do
        report.add(Mark(file, *_too_deep(text)), "", "too-deep", f"is nested deeper than {MAX_DEPTH} levels")
        return
    lines = text.splitlines()
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    hint = ""
    if "{{" in written:
        hint = "; put quotes around a text that begins with {{"
    elif "\t" in written[: len(written) - len(written.lstrip())]:
        hint = "; indent with spaces, not tabs"
    elif "mapping values" in str(error.problem):
        hint = "; put quotes around a text that holds ': '"
    what = f"cannot be read as YAML: {shown(str(error.problem or error.context))}{hint}"
    report.add(Mark(file, line, column), "", "bad-yaml", what)


class _Builder:
    """Builds nodes from the events of one text and keeps count."""

    def __init__(self, text: str, file: str, report: Report) -> None:
        self.events: Iterator[Any] = yaml.parse(text, Loader=LOADER)  # pyright: ignore[reportUnknownMemberType]
        self.file = file
        self.report = report
        self.anchors: dict[str, Node | None] = {}
        self.nodes = 0
        self.characters = 0
        self.path: list[str] = []

    def document(self) -> Node | None:
        """The one document of the text; an empty node where there is none."""
        node: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if node is not None:
                    self.stop(event, "bad-yaml", "holds a second document; put it into a file of its own")
                node = self.value(next(self.events), 0)
        return node or Node(Mark(self.file, 1, 1), None)

    def value(self, event: Any, level: int) -> Node:
        """The node that begins with `event`, `level` lists and mappings deep."""
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, level)
        self.count(event, 1)
        if event.tag is not None:
            what = f"the tag {shown(event.tag)} is not allowed; write the value without it"
            self.report.add(self.mark(event), self.field(), "bad-tag", what)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self.scalar(event)
        else:
            if level >= MAX_DEPTH:
                self.stop(event, "too-deep", f"is nested deeper than {MAX_DEPTH} levels")
            is_list = isinstance(event, yaml.SequenceStartEvent)
            node = group(self.mark(event), self.items(level + 1) if is_list else self.entries(level + 1))
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def scalar(self, event: Any) -> Node:
        """Text, or nothing where a plain scalar says so."""
        text: str = event.value
        self.count(event, 0, len(text))
        if event.implicit[0] and text in EMPTY:
            return Node(self.mark(event), None)
        if event.style in ("|", ">"):
            # a block ends with the line break that ends its last line: no part of what was said
            text = text.removesuffix("\n")
        bad = UNREADABLE.search(text) if event.style == '"' else None
        if bad:
            what = f"holds an escape for the character {shown(bad.group())}, which is not allowed; remove it"
            self.report.add(self.mark(event), self.field(), "bad-encoding", what)
        return Node(self.mark(event), text, characters=len(text))

    def items(self, level: int) -> list[Node]:
        """The items up to the end of the list."""
        items: list[Node] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            self.path.append(str(len(items)))
            items.append(self.value(event, level))
            self.path.pop()
        return items

    def entries(self, level: int) -> dict[str, Entry]:
        """The entries up to the end of the mapping; of two with one key the first."""
        entries: dict[str, Entry] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                self.stop(event, "bad-yaml", "a key must be text; put quotes around a value that begins with { or [")
            key: str = event.value
            mark = self.mark(event)
            self.count(event, 1, len(key))
            self.path.append(key)
            is_key = self.accepts(event, key, mark, entries)
            node = self.value(next(self.events), level)
            self.path.pop()
            if is_key:
                entries[key] = Entry(mark, node)
        return entries

    def accepts(self, event: Any, key: str, mark: Mark, entries: dict[str, Entry]) -> bool:
        """Whether `key` may be added; otherwise the report says why not."""
        if event.tag is not None or event.anchor is not None:
            self.report.add(mark, self.field(), "bad-tag", "a key may bear neither tag nor anchor; write the key alone")
        elif key == "<<" and event.implicit[0]:
            what = "merge keys (<<) are not read; write the keys out (a persona may use extends)"
            self.report.add(mark, self.field(), "bad-yaml", what)
        elif not key.isprintable():
            what = f"key '{shown(key)}' holds a control or direction character; remove it"
            self.report.add(mark, self.field(), "bad-name", what)
        elif key in entries:
            first = entries[key].mark.line
            what = f"key '{shown(key)}' stands on line {first} and on line {mark.line}; keep one of them"
            self.report.add(mark, self.field(), "duplicate-key", what)
        else:
            return True
        return False

    def alias(self, event: Any, level: int) -> Node:
        """What the alias points at, standing where the alias does."""
        if event.anchor not in self.anchors:
            self.stop(event, "bad-yaml", f"alias *{shown(event.anchor)} has no anchor before it")
        target = self.anchors[event.anchor]
        if target is None:
            self.stop(event, "bad-yaml", f"alias *{shown(event.anchor)} stands inside its own anchor")
        self.count(event, target.nodes, target.characters)
        if level + target.depth > MAX_DEPTH:
            self.stop(event, "too-deep", f"is nested deeper than {MAX_DEPTH} levels")
        return Node(self.mark(event), target.value, target.nodes, target.characters, target.depth)

    def count(self, event: Any, nodes: int, characters: int = 0) -> None:
        """Add to what the file holds; stop where that is too much."""
        self.nodes += nodes
        self.characters += characters
        if self.nodes > MAX_NODES:
            self.stop(event, "too-many-nodes", f"holds more than {MAX_NODES} values (aliases written out); split it")
        if self.characters > MAX_CHARACTERS:
            self.stop(event, "too-large", f"holds more than {MAX_CHARACTERS} characters (aliases written out)")

    def stop(self, event: Any, code: str, what: str) -> NoReturn:
        """Report what makes the rest of the file unreadable, and read no further."""
        self.report.add(self.mark(event), self.field(), code, what)
        raise _Stop

    def mark(self, event: Any) -> Mark:
        return Mark(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def field(self) -> str:
        return ".".join(self.path)
