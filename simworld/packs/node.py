"""Node: a piece of a YAML file that knows where it stands.

    node = read_yaml("time: 22:40", "scene.yaml")
    [(_, value)] = select(node, "time")
    value.text, value.mark.line, value.mark.column      # '22:40', 1, 7

Everything a file says is text, nothing ('empty'), a list or a mapping; numbers and truth values come into being where
a record's field asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Plain = str | None | list["Plain"] | dict[str, "Plain"]
Loc = tuple[str | int, ...]
"""Keys and list positions (from 0) that lead from the top of a file to a value."""
EACH = object()
"""A step of `select` that enters every item of a list."""
VALUES = object()
"""A step of `select` that enters the value of every key of a mapping."""
KEYS = object()
"""A last step of `select`: every key of a mapping, as text that stands where the key does."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file."""

    file: str
    line: int
    """From 1."""
    column: int
    """From 1, in characters."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping with its value."""

    mark: Mark
    """Where the key stands."""
    node: Node


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands. Aliases share what they point at."""

    mark: Mark
    value: str | list[Node] | dict[str, Entry] | None
    nodes: int = 1
    """Number of values in here with every alias written out, this one and keys counted."""
    characters: int = 0
    """Length of all text in here with every alias written out."""
    depth: int = 0
    """Levels of lists and mappings in here, this one counted; 0 for text."""

    @property
    def text(self) -> str:
        """The text, or '' where this is no text."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def items(self) -> list[Node]:
        """The items, or none where this is no list."""
        return self.value if isinstance(self.value, list) else []

    @property
    def entries(self) -> dict[str, Entry]:
        """Key -> entry, or none where this is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def form(self) -> str:
        """What this is, in words."""
        if self.value is None:
            return "empty"
        return {str: "text", list: "a list", dict: "a mapping"}[type(self.value)]

    def child(self, step: str | int) -> Node | None:
        """The value under a key or at a list position; None where there is none."""
        if isinstance(step, str):
            entry = self.entries.get(step)
            return entry.node if entry else None
        return self.items[step] if 0 <= step < len(self.items) else None


def group(mark: Mark, value: list[Node] | dict[str, Entry]) -> Node:
    """A list or mapping with its counts."""
    inside = value if isinstance(value, list) else [entry.node for entry in value.values()]
    keys = [] if isinstance(value, list) else list(value)
    return Node(
        mark,
        value,
        nodes=1 + len(keys) + sum(node.nodes for node in inside),
        characters=sum(map(len, keys)) + sum(node.characters for node in inside),
        depth=1 + max((node.depth for node in inside), default=0),
    )


def tree(value: object, mark: Mark) -> Node:
    """Plain Python data as nodes that all stand at `mark`; numbers and truth values become their text."""
    if isinstance(value, dict):
        pairs: dict[object, object] = value  # pyright: ignore[reportUnknownVariableType]
        return group(mark, {str(key): Entry(mark, tree(item, mark)) for key, item in pairs.items()})
    if isinstance(value, list | tuple):
        items: list[object] = list(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return group(mark, [tree(item, mark) for item in items])
    text = None if value is None else str(value)
    return Node(mark, text, characters=len(text or ""))


def plain(node: Node) -> Plain:
    """The same without places: dict, list, str or None, nothing shared."""
    if isinstance(node.value, dict):
        return {key: plain(entry.node) for key, entry in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def select(node: Node, *steps: object, at: Loc = ()) -> Iterator[tuple[Loc, Node]]:
    """Every value that the steps lead to, with its location; a step is a key, EACH, VALUES or KEYS."""
    if not steps:
        yield at, node
    elif steps[0] is EACH:
        for position, item in enumerate(node.items):
            yield from select(item, *steps[1:], at=(*at, position))
    elif steps[0] is VALUES:
        for key, entry in node.entries.items():
            yield from select(entry.node, *steps[1:], at=(*at, key))
    elif steps[0] is KEYS:
        for key, entry in node.entries.items():
            yield (*at, key), Node(entry.mark, key, characters=len(key))
    else:
        key = str(steps[0])
        entry = node.entries.get(key)
        if entry:
            yield from select(entry.node, *steps[1:], at=(*at, key))


def found(node: Node, loc: Loc) -> Node:
    """The value at `loc`, or the last one on the way there that exists."""
    for step in loc:
        inner = node.child(step)
        if inner is None:
            break
        node = inner
    return node


def path_of(node: Node, loc: Loc) -> str:
    """`loc` as a dotted path in which list items that have an id are named by it: `seats.nurse.goal`."""
    parts: list[str] = []
    here: Node | None = node
    for step in loc:
        here = here.child(step) if here else None
        name = here.child("id") if here and isinstance(step, int) else None
        parts.append(name.text if name and name.text else str(step))
    return ".".join(parts)
