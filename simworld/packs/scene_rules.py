"""What must hold within a scene beyond the form of its fields: seats, places, order, templates, backends.

    check_scene(node, report, Around(knows_persona=personas.__contains__, personas=personas.keys))

The rules read the tree of the file, not the record, so that all is told at once and at its line; they pass over what
has the wrong form, which the record's validation tells.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from simworld.packs.backend_rule import ALLOWED, backend_refusal
from simworld.packs.names import RESERVED
from simworld.packs.node import EACH, Loc, Node, path_of, select
from simworld.packs.report import Report, shown
from simworld.schema import NARRATOR, OUT, End

CheckTemplate = Callable[[str, Collection[str]], str | None]
"""Why a text is not an allowed template over these names; None where it is one."""
LONGEST_TEMPLATE = 4_000
"""Characters; longer ones are refused for their length and never handed to a template engine."""
TEMPLATE_NAMES = ("topic", "time", "place")
Path_ = tuple[object, ...]
TEMPLATES: tuple[Path_, ...] = (
    ("background",), ("status",), ("seats", EACH, "goal"), ("seats", EACH, "knows"),
    ("openings", EACH, "text"), ("openings", EACH, "text", EACH),
    ("happenings", EACH, "text"), ("happenings", EACH, "text", EACH),
)  # fmt: skip
SEAT_NAMES: tuple[Path_, ...] = (
    ("relations", EACH, "of"), ("relations", EACH, "to"), ("openings", EACH, "seat"), ("happenings", EACH, "to", EACH),
    ("director", "first"), ("director", "order", EACH), ("end", "goal", EACH, "seat"),
)  # fmt: skip
PLACE_NAMES: tuple[Path_, ...] = (
    ("seats", EACH, "place"), ("happenings", EACH, "place"), ("places", EACH, "exits", EACH),
    ("places", EACH, "hears", EACH),
)  # fmt: skip
PERSONA_NAMES: tuple[Path_, ...] = (("seats", EACH, "persona"), ("seats", EACH, "who", "not", EACH))
TRUE = frozenset({"true", "yes", "on", "y", "t", "1"})


@dataclass(frozen=True, slots=True)
class Around:
    """What a scene is checked against."""

    knows_persona: Callable[[str], bool]
    personas: Callable[[], Collection[str]]
    """Every persona id that a seat may name; asked for only where one is not known."""
    check_template: CheckTemplate | None = None
    directors: Collection[str] | None = None
    """Names of the directors; None: not known here and not checked."""
    root: Path | None = None
    """The pack's folder; None for a scene made in Python, whose seats may name any backend."""


Found = tuple[Loc, Node]


@dataclass(frozen=True, slots=True)
class _Look:
    """A scene's tree, where its problems go, and what it is checked against."""

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


def check_scene(node: Node, report: Report, around: Around) -> None:
    """Report everything in a scene that does not go together."""
    look = _Look(node, report, around)
    for rule in (_seat_ids, _seat_names, _mains, _places, _reachable, _personas, _director, _turns, _ages):
        rule(look)
    _templates(look)
    _backends(look)


def _seat_ids(look: _Look) -> None:
    """Each seat has an id of its own that the engine's graph can bear."""
    _unique(look, ("seats", EACH, "id"), "duplicate-seat", "a seat")
    for loc, seat in select(look.node, "seats", EACH):
        id, role = seat.child("id"), seat.child("role")
        if id and id.text in RESERVED and not (id.text == NARRATOR and role and role.text == "narrator"):
            what = f"'{id.text}' has a meaning of its own and cannot be a seat's id"
            hint = " unless its role is narrator" if id.text == NARRATOR else "; choose another"
            look.say(((*loc, "id"), id), "bad-name", what + hint)


def _seat_names(look: _Look) -> None:
    """Whoever is named elsewhere has a seat."""
    ids = {item.text for _, item in look.texts(("seats", EACH, "id"))}
    for at in look.texts(*SEAT_NAMES):
        if at[1].text not in ids:
            look.say(at, "unknown-seat", f"there is no seat '{shown(at[1].text)}'", ids)


def _mains(look: _Look) -> None:
    """At most one seat is the main one."""
    marked = [at for at in look.texts(("seats", EACH, "main")) if at[1].text.casefold() in TRUE]
    for at in marked[1:]:
        look.say(at, "duplicate-main", f"a seat on line {marked[0][1].mark.line} is main already; mark one")


def _unique(look: _Look, path: Path_, code: str, what: str) -> None:
    """No text stands twice at `path`."""
    first: dict[str, int] = {}
    for at in look.texts(path):
        text, line = at[1].text, at[1].mark.line
        if text in first:
            look.say(at, code, f"{what} '{shown(text)}' is there already, on line {first[text]}")
        first.setdefault(text, line)


def _places(look: _Look) -> None:
    """Each place has an id of its own; every place named elsewhere is there."""
    _unique(look, ("places", EACH, "id"), "duplicate-place", "a place")
    ids = {item.text for _, item in look.texts(("places", EACH, "id"))}
    for at in look.texts(("places", EACH, "id")):
        if at[1].text == OUT:
            look.say(at, "bad-name", f"'{OUT}' is where one goes who leaves the scene; choose another id")
    for at in look.texts(*PLACE_NAMES):
        if at[1].text not in ids:
            look.say(at, "unknown-place", f"there is no place '{shown(at[1].text)}'", ids)


def _reachable(look: _Look) -> None:
    """One can come to each place from the first one or from where a seat starts."""
    ids = list(look.texts(("places", EACH, "id")))
    ways: dict[str, set[str]] = {item.text: set() for _, item in ids}
    for _, place in select(look.node, "places", EACH):
        here = place.child("id")
        for _, there in select(place, "exits", EACH):
            if here and here.text in ways and there.text in ways:
                ways[here.text].add(there.text)
                ways[there.text].add(here.text)
    starts = {item.text for _, item in look.texts(("seats", EACH, "place"))} | {item.text for _, item in ids[:1]}
    ahead = [place for place in ways if place in starts]
    reached = set(ahead)
    while ahead:
        new = ways[ahead.pop()] - reached
        reached |= new
        ahead.extend(new)
    for at in ids:
        if at[1].text not in reached:
            what = (
                f"no way leads to '{shown(at[1].text)}': no exits join it to the first place or to where a seat starts"
            )
            look.say(at, "unreachable-place", what)


def _personas(look: _Look) -> None:
    """Each fixed persona is there and sits in one seat."""
    _unique(look, ("seats", EACH, "persona"), "same-persona-twice", "persona")
    for at in look.texts(*PERSONA_NAMES):
        if not look.around.knows_persona(at[1].text):
            what = f"there is no persona '{shown(at[1].text)}' in this pack or an installed one"
            look.say(at, "unknown-persona", what, look.around.personas())


def _director(look: _Look) -> None:
    """The director is known; a script that is followed has lines."""
    for at in look.texts(("director", "name")):
        known = look.around.directors
        if known is not None and at[1].text not in known:
            look.say(at, "unknown-director", f"there is no director '{shown(at[1].text)}'", known)
        if at[1].text == "scripted" and not any(look.texts(("director", "order", EACH))):
            look.say(at, "no-end", "a scripted director needs an order: the seats in the order in which they act")


def _turns(look: _Look) -> None:
    """The scene can end, and what happens in it happens before."""
    most, least = _number(look, "max_turns", End().max_turns), _number(look, "min_turns", End().min_turns)
    if most is None:
        return
    if least is not None and least > most:
        for at in look.texts(("end", "min_turns")):
            look.say(at, "out-of-range", f"min_turns is {least}, but max_turns is {most}; it should not be more")
    for at in look.texts(("happenings", EACH, "at")):
        act = _whole(at[1])
        if act is not None and act >= most:
            look.say(at, "out-of-range", f"the scene ends after {most} acts, so nothing can happen at act {act}")


def _number(look: _Look, key: str, default: int) -> int | None:
    """A number of `end`, or its default; None where it is no number."""
    given = [item for _, item in select(look.node, "end", key)]
    return _whole(given[0]) if given else default


def _whole(node: Node) -> int | None:
    try:
        return int(node.text) if len(node.text) < 10 else None
    except ValueError:
        return None


def _ages(look: _Look) -> None:
    """A range of ages begins with the smaller."""
    for at in look.texts(("seats", EACH, "who", "age")):
        low, _, high = at[1].text.partition("-")
        if low.strip().isdecimal() and high.strip().isdecimal() and int(low[:9]) > int(high[:9]):
            look.say(at, "out-of-range", f"nobody's age is in '{shown(at[1].text)}'; put the smaller number first")


def _templates(look: _Look) -> None:
    """Each template is allowed over the names it may use."""
    check = look.around.check_template
    if check is None:
        return
    names = {*TEMPLATE_NAMES, *(item.text for _, item in look.texts(("seats", EACH, "id")))}
    for at in look.texts(*TEMPLATES):
        text = at[1].text
        reason = check(text, names) if "{" in text and len(text) <= LONGEST_TEMPLATE else None
        if reason:
            look.say(at, "bad-template", f"is a template that is not allowed: {shown(reason, 300)}")


def _backends(look: _Look) -> None:
    """What speaks for a seat is something a pack may name."""
    root = look.around.root
    if root is None:
        return
    for at in look.texts(("seats", EACH, "backend")):
        refusal = backend_refusal(at[1].text, root)
        if refusal and refusal[0] == "unreadable":
            look.say(at, *refusal)
        elif refusal:
            look.say(at, *refusal, allowed=ALLOWED)
