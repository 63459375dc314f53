"""Look: a file's tree, where its problems go, and what it is checked against: what all rules over files share.

look = Look(node, report, around)
for at in look.texts(("seats", EACH, "persona")):
    look.say(at, "unknown-persona", "there is no such persona", ["rosa"])
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from simworld.packs.node import Loc, Node, path_of, select
from simworld.packs.report import Report, shown

CheckTemplate = Callable[[str, Collection[str]], str | None]
"""Why a text is not an allowed template over these names; None where it is one."""
LONGEST_TEMPLATE = 4_000
"""Characters; longer ones are refused for their length and never handed to a template engine."""
TEMPLATE_NAMES = ("topic", "time", "place")
"""What every template may name beside the seats."""
Path_ = tuple[object, ...]
Found = tuple[Loc, Node]


@dataclass(frozen=True, slots=True)
class Around:
    """What a file is checked against."""

    knows_persona: Callable[[str], bool]
    personas: Callable[[], Collection[str]]
    """Every persona id that may be named; asked for only where one is not known."""
    check_template: CheckTemplate | None = None
    directors: Collection[str] | None = None
    """Names of the directors; None: not known here and not checked."""
    root: Path | None = None
    """The pack's folder; None for a scene made in Python, whose seats may name any backend."""


@dataclass(frozen=True, slots=True)
class Look:
    """A file's tree, where its problems go, and what it is checked against."""

    node: Node
    report: Report
    around: Around

    def texts(self, *paths: Path_) -> Iterator[Found]:
        """Every text that is not empty at these paths."""
        for path in paths:
            yield from ((loc, item) for loc, item in select(self.node, *path) if item.text)

    def say(self, at: Found, code: str, what: str, allowed: Collection[str] | None = None) -> None:
        """Report what is wrong with a value."""
        loc, item = at
        word = item.text if code.startswith("unknown") else ""
        self.report.add(item.mark, path_of(self.node, loc), code, what, allowed=allowed, word=word)


def unique(look: Look, path: Path_, code: str, what: str) -> None:
    """No text stands twice at `path`."""
    first: dict[str, int] = {}
    for at in look.texts(path):
        text, line = at[1].text, at[1].mark.line
        if text in first:
            look.say(at, code, f"{what} '{shown(text)}' is there already, on line {first[text]}")
        first.setdefault(text, line)


def named(look: Look, found: Iterable[Found], ids: Collection[str], what: str) -> None:
    """Each of these texts is one of `ids`; `what` they are the ids of also names the problem: `unknown-seat`."""
    for at in found:
        if at[1].text not in ids:
            look.say(at, f"unknown-{what}", f"there is no {what} '{shown(at[1].text)}'", ids)


def personas(look: Look, fixed: Path_, refused: Path_) -> None:
    """Each fixed persona is there and stands once; whoever is refused is there too."""
    unique(look, fixed, "same-persona-twice", "persona")
    for at in look.texts(fixed, refused):
        if not look.around.knows_persona(at[1].text):
            what = f"there is no persona '{shown(at[1].text)}' in this pack or an installed one"
            look.say(at, "unknown-persona", what, look.around.personas())


def ages(look: Look, path: Path_) -> None:
    """A range of ages begins with the smaller."""
    for at in look.texts(path):
        low, _, high = at[1].text.partition("-")
        if low.strip().isdecimal() and high.strip().isdecimal() and int(low[:9]) > int(high[:9]):
            look.say(at, "out-of-range", f"nobody's age is in '{shown(at[1].text)}'; put the smaller number first")


def templates(look: Look, found: Iterable[Found], names: Collection[str]) -> None:
    """Each of these texts is an allowed template over these names and what every template may name."""
    check = look.around.check_template
    if check is None:
        return
    names = {*TEMPLATE_NAMES, *names}
    for at in found:
        text = at[1].text
        reason = check(text, names) if "{" in text and len(text) <= LONGEST_TEMPLATE else None
        if reason:
            look.say(at, "bad-template", f"is a template that is not allowed: {shown(reason, 300)}")


def texts_of(node: Node, *steps: object) -> set[str]:
    """The texts that are not empty at one path."""
    return {item.text for _, item in select(node, *steps) if item.text}


def whole(node: Node | None) -> int | None:
    """The whole number that a text says; None where it says none."""
    try:
        return int(node.text) if node and len(node.text) < 10 else None
    except ValueError:
        return None


def is_given(node: Node, key: str) -> bool:
    """Whether a mapping has something other than nothing under a key."""
    inner = node.child(key)
    return inner is not None and inner.value not in (None, "", [], {})
