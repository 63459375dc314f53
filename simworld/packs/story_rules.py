"""What must hold within a story beyond the form of its fields: its cast, who sits where in each chapter, its ways.

    check_story(node, report, around, KnownScenes(trees))

Like the rules of scenes they read the tree of the file and pass over what has the wrong form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from simworld.packs.condition_rules import check_conditions
from simworld.packs.known import KnownScenes, Outline
from simworld.packs.look import (
    Around,
    Found,
    Look,
    Path_,
    ages,
    is_given,
    named,
    personas,
    templates,
    texts_of,
    unique,
    whole,
)
from simworld.packs.names import RESERVED
from simworld.packs.node import EACH, KEYS, VALUES, Loc, Node, select
from simworld.packs.report import Report, listed, shown
from simworld.schema import NARRATOR, OUT
from simworld.schema.story import END

MOST = 50
"""Chapters whose seats are looked at; the form of a story refuses more."""
PART_NAMES: tuple[Path_, ...] = (
    ("chapters", EACH, "seats", VALUES), ("conditions", VALUES, "seat"), ("conditions", VALUES, "toward"),
)  # fmt: skip
SEAT_KEYS = ("seats", "goals", "knows", "emotions", "openings")
"""Fields of a chapter whose keys are seats of its scene."""
TEMPLATES: tuple[Path_, ...] = (
    ("background",), ("status",), ("goals", VALUES), ("knows", VALUES), ("openings", VALUES),
    ("openings", VALUES, EACH),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Chapter:
    """One chapter, and who sits where in its scene."""

    loc: Loc
    node: Node
    scene: Outline
    sits: Mapping[str, str]
    """Seat -> part; empty: the scene's own persona, or nobody."""

    def texts(self, *paths: Path_) -> Iterator[Found]:
        """Every text that is not empty at these paths within the chapter."""
        for path in paths:
            yield from ((loc, item) for loc, item in select(self.node, *path, at=self.loc) if item.text)

    def place(self, *seats: str) -> Found:
        """Where it is said who takes one of these seats: in `seats`, else by the chapter's scene."""
        paths = [*(("seats", seat) for seat in seats), ("scene",)]
        return next((found for path in paths for found in select(self.node, *path, at=self.loc)), (self.loc, self.node))


def check_story(node: Node, report: Report, around: Around, scenes: KnownScenes) -> None:
    """Report everything in a story that does not go together."""
    look = Look(node, report, around)
    _cast(look)
    _chapter_ids(look)
    _ways(look)
    _after(look)
    _reachable(look)
    check_conditions(look)
    for at in look.texts(("chapters", EACH, "scene")):
        if not scenes.has(at[1].text):
            what = f"there is no scene '{shown(at[1].text)}' in this pack or an installed one"
            look.say(at, "unknown-scene", what, scenes.all())
    chapters = _chapters(node, scenes)
    for chapter in chapters:
        for rule in (_seats, _one_seat_each, _one_persona_each, _lengths, _openings):
            rule(look, chapter)
        templates(look, chapter.texts(*TEMPLATES), chapter.scene.seats)
    if len(chapters) == sum(1 for _ in select(node, "chapters", EACH)):
        _places(look, chapters)
        _seated(look, chapters)


def guests(node: Node, scenes: KnownScenes) -> set[str]:
    """The personas that sit in chapters of a story without being of its cast."""
    return {
        persona
        for chapter in _chapters(node, scenes)
        for seat, persona in chapter.scene.seats.items()
        if persona and not chapter.sits[seat]
    }


def _chapters(node: Node, scenes: KnownScenes) -> list[_Chapter]:
    """The chapters whose scenes can be read."""
    parts = texts_of(node, "cast", EACH, "id")
    found: list[_Chapter] = []
    for loc, chapter in list(select(node, "chapters", EACH))[:MOST]:
        scene = chapter.child("scene")
        outline = scenes.outline(scene.text) if scene and scene.text else None
        if outline:
            found.append(_Chapter(loc, chapter, outline, _sits(chapter, outline, parts)))
    return found


def _sits(chapter: Node, scene: Outline, parts: Collection[str]) -> dict[str, str]:
    """Seat -> part: the one that is named, else the one of the seat's id, else nobody of the cast."""
    given = {str(loc[-1]): item.text for loc, item in select(chapter, "seats", VALUES)}
    return {seat: given.get(seat) or (seat if seat in parts else "") for seat in scene.seats}


def _cast(look: Look) -> None:
    """Each part has an id of its own and somebody who may take it; parts named elsewhere are there."""
    unique(look, ("cast", EACH, "id"), "duplicate-part", "a part")
    _fit_for_a_node(look, ("cast", EACH, "id"), RESERVED - {NARRATOR})
    personas(look, ("cast", EACH, "persona"), ("cast", EACH, "who", "not", EACH))
    ages(look, ("cast", EACH, "who", "age"))
    named(look, look.texts(*PART_NAMES), texts_of(look.node, "cast", EACH, "id"), "part")


def _chapter_ids(look: Look) -> None:
    """Each chapter has an id of its own that a graph can bear."""
    unique(look, ("chapters", EACH, "id"), "duplicate-chapter", "a chapter")
    _fit_for_a_node(look, ("chapters", EACH, "id"), {*RESERVED, END})


def _fit_for_a_node(look: Look, path: Path_, taken: Collection[str]) -> None:
    for at in look.texts(path):
        if at[1].text in taken:
            what = f"'{at[1].text}' has a meaning of its own and cannot be an id here; choose another"
            look.say(at, "bad-name", what)


def _ways(look: Look) -> None:
    """Ways lead to chapters that are there, wait for conditions that are there, and may be taken."""
    ids = texts_of(look.node, "chapters", EACH, "id")
    named(look, look.texts(("chapters", EACH, "then", EACH, "to")), {*ids, END}, "chapter")
    conditions = {key.text for _, key in select(look.node, "conditions", KEYS)}
    named(look, look.texts(("chapters", EACH, "then", EACH, "when")), conditions, "condition")
    for loc, then in select(look.node, "chapters", EACH, "then"):
        always = next((position for position, way in enumerate(then.items) if _is_open(way)), len(then.items))
        for position, way in list(enumerate(then.items))[always + 1 :]:
            line = then.items[always].mark.line
            what = f"the way on line {line} has no `when` and is always taken; put it last"
            look.say(((*loc, position), way), "unreachable-way", what)


def _after(look: Look) -> None:
    """Time passes between chapters: before the first only where one may come back to it."""
    for loc, first in list(select(look.node, "chapters", EACH))[:1]:
        after, id = first.child("after"), first.child("id")
        comes_back = texts_of(look.node, "chapters", EACH, "then", EACH, "to")
        if after and after.text and not (id and id.text in comes_back):
            what = "no chapter comes before the first, so no time has passed since; take it out"
            look.say(((*loc, "after"), after), "pointless", what)


def _is_open(way: Node) -> bool:
    """Whether a way has no condition."""
    return isinstance(way.value, dict) and not is_given(way, "when")


def _reachable(look: Look) -> None:
    """One can come to each chapter from the first."""
    chapters = [chapter for _, chapter in select(look.node, "chapters", EACH)]
    ids = [id.text if (id := chapter.child("id")) else "" for chapter in chapters]
    number = {id: position for position, id in reversed(list(enumerate(ids)))}
    reached = {0}
    ahead = [0] if chapters else []
    while ahead:
        here = ahead.pop()
        to = {number[id] for id in _leads_to(chapters[here]) if id in number}
        if _falls_through(chapters[here]) and here + 1 < len(chapters):
            to.add(here + 1)
        ahead += to - reached
        reached |= to
    for loc, item in look.texts(("chapters", EACH, "id")):
        if loc[1] not in reached and number[item.text] == loc[1]:
            look.say((loc, item), "unreachable-chapter", f"no way leads to '{shown(item.text)}' from the first chapter")


def _leads_to(chapter: Node) -> list[str]:
    """Where the ways of a chapter lead that may be taken."""
    to: list[str] = []
    for _, way in select(chapter, "then", EACH):
        there = way.child("to")
        to.append(there.text if there else "")
        if _is_open(way):
            break
    return to


def _falls_through(chapter: Node) -> bool:
    """Whether the chapter below may follow: none of the ways is taken always."""
    return not any(_is_open(way) for _, way in select(chapter, "then", EACH))


def _seats(look: Look, chapter: _Chapter) -> None:
    """Seats that are named are the scene's, and somebody sits in each of the scene's."""
    for field in SEAT_KEYS:
        named(look, select(chapter.node, field, KEYS, at=chapter.loc), chapter.scene.seats, "seat")
    free = [seat for seat, part in chapter.sits.items() if not part and not chapter.scene.seats[seat]]
    if free:
        what = f"nobody of the cast takes what is open in this scene: {listed(free)}; name parts for it in seats"
        look.say(chapter.place(), "untaken-seat", what)


def _one_seat_each(look: Look, chapter: _Chapter) -> None:
    """Nobody of the cast sits in two seats of a chapter."""
    seen: dict[str, str] = {}
    for seat, part in chapter.sits.items():
        if part and part in seen:
            what = f"'{shown(part)}' sits in the seats '{shown(seen[part])}' and '{shown(seat)}'"
            what += "; seat somebody else in one of them"
            look.say(chapter.place(seat, seen[part]), "same-part-twice", what)
        seen.setdefault(part, seat)


def _one_persona_each(look: Look, chapter: _Chapter) -> None:
    """No persona sits in two seats of a chapter: as somebody of the cast and as the scene's own."""
    fixed = _fixed(look.node)
    cast = {persona: part for part in chapter.sits.values() if (persona := fixed.get(part, ""))}
    for seat, part in chapter.sits.items():
        persona = chapter.scene.seats[seat]
        if not part and persona in cast:
            what = f"the scene seats '{shown(persona)}' at '{shown(seat)}', who is '{shown(cast[persona])}' of the cast"
            look.say(chapter.place(), "same-persona-twice", f"{what}; name in seats who sits there instead")


def _fixed(node: Node) -> dict[str, str]:
    """Part -> its fixed persona; empty: it is open."""
    found: dict[str, str] = {}
    for _, part in select(node, "cast", EACH):
        id, persona = part.child("id"), part.child("persona")
        if id and id.text:
            found.setdefault(id.text, persona.text if persona else "")
    return found


def _lengths(look: Look, chapter: _Chapter) -> None:
    """A scene that is made shorter still has room for its least number of acts and for who comes in later."""
    for at in chapter.texts(("max_turns",)):
        most = whole(at[1])
        if most is None:
            continue
        if chapter.scene.least > most:
            what = f"the scene's min_turns is {chapter.scene.least}; max_turns should not be less"
            look.say(at, "out-of-range", what)
        for seat, act in chapter.scene.late.items():
            if act >= most:
                what = f"seat '{shown(seat)}' of the scene enters before act {act}; max_turns should be more"
                look.say(at, "out-of-range", what)


def _openings(look: Look, chapter: _Chapter) -> None:
    """Who enters later cannot open a scene."""
    for at in select(chapter.node, "openings", KEYS, at=chapter.loc):
        if at[1].text in chapter.scene.late:
            look.say(at, "not-there-yet", f"seat '{shown(at[1].text)}' enters later and cannot be the first to act")


def _places(look: Look, chapters: list[_Chapter]) -> None:
    """A condition's place is one of a chapter's scene."""
    places = {OUT}.union(*(chapter.scene.places for chapter in chapters))
    named(look, look.texts(("conditions", VALUES, "place")), places, "place")


def _seated(look: Look, chapters: list[_Chapter]) -> None:
    """Everybody of the cast sits somewhere."""
    seated = Counter(part for chapter in chapters for part in chapter.sits.values())
    for at in look.texts(("cast", EACH, "id")):
        if at[1].text not in seated:
            what = f"part '{shown(at[1].text)}' has no seat in any chapter; seat it or take it out"
            look.say(at, "unseated-part", what)
