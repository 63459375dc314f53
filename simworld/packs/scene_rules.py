"""What must hold within a scene beyond the form of its fields: seats, places, order, templates, backends.

    check_scene(node, report, Around(knows_persona=personas.__contains__, personas=personas.keys))

The rules read the tree of the file, not the record, so that all is told at once and at its line; they pass over what
has the wrong form, which the record's validation tells.
"""

from __future__ import annotations

from simworld.packs.backend_rule import ALLOWED, backend_refusal
from simworld.packs.condition_rules import check_conditions
from simworld.packs.look import Around, Look, Path_, ages, is_given, named, personas, templates, texts_of, unique, whole
from simworld.packs.names import RESERVED
from simworld.packs.node import EACH, KEYS, VALUES, Node, select
from simworld.packs.report import Report, shown
from simworld.packs.row_rules import ROW, check_rows
from simworld.schema import NARRATOR, OUT, End

TEMPLATES: tuple[Path_, ...] = (
    ("background",), ("status",), ("seats", EACH, "goal"), ("seats", EACH, "knows"), ("seats", EACH, "profile"),
    ("openings", EACH, "text"), ("openings", EACH, "text", EACH),
    ("happenings", EACH, "text"), ("happenings", EACH, "text", EACH),
    ("interventions", EACH, "memory"), ("interventions", EACH, "whisper"), ("interventions", EACH, "goal"),
)  # fmt: skip
SEAT_NAMES: tuple[Path_, ...] = (
    ("relations", EACH, "of"), ("relations", EACH, "to"), ("openings", EACH, "seat"), ("happenings", EACH, "to", EACH),
    ("happenings", EACH, "by", EACH), ("interventions", EACH, "seat"), ("conditions", VALUES, "seat"),
    ("conditions", VALUES, "toward"), ("director", "first"), ("director", "order", EACH),
    ("end", "goal", EACH, "seat"),
)  # fmt: skip
PLACE_NAMES: tuple[Path_, ...] = (
    ("seats", EACH, "place"), ("happenings", EACH, "place"), ("happenings", EACH, "enters"),
    ("places", EACH, "exits", EACH), ("places", EACH, "hears", EACH),
)  # fmt: skip
CONDITION_NAMES: tuple[Path_, ...] = (("happenings", EACH, "when"), ("interventions", EACH, "when"))
AT: tuple[Path_, ...] = (("happenings", EACH, "at"), ("interventions", EACH, "at"))
CUES = {"happenings": ("at", "when", "enters"), "interventions": ("at", "when")}
"""What says when something comes; one of them must."""
EFFECTS = ("emotion", "memory", "whisper", "goal")
TRUE = frozenset({"true", "yes", "on", "y", "t", "1"})


def check_scene(node: Node, report: Report, around: Around) -> None:
    """Report everything in a scene that does not go together."""
    look = Look(node, report, around)
    seats = texts_of(node, "seats", EACH, "id")
    _seat_ids(look)
    named(look, look.texts(*SEAT_NAMES), seats, "seat")
    _mains(look)
    _places(look)
    _reachable(look)
    personas(look, ("seats", EACH, "persona"), ("seats", EACH, "who", "not", EACH))
    ages(look, ("seats", EACH, "who", "age"))
    _director(look)
    _turns(look)
    _entrances(look)
    _conditions(look)
    _cues(look)
    templates(look, look.texts(*TEMPLATES), {*seats, ROW} if check_rows(look, TEMPLATES) else seats)
    _backends(look)


def _seat_ids(look: Look) -> None:
    """Each seat has an id of its own that the engine's graph can bear."""
    unique(look, ("seats", EACH, "id"), "duplicate-seat", "a seat")
    for loc, seat in select(look.node, "seats", EACH):
        id, role = seat.child("id"), seat.child("role")
        if id and id.text in RESERVED and not (id.text == NARRATOR and role and role.text == "narrator"):
            what = f"'{id.text}' has a meaning of its own and cannot be a seat's id"
            hint = " unless its role is narrator" if id.text == NARRATOR else "; choose another"
            look.say(((*loc, "id"), id), "bad-name", what + hint)


def _mains(look: Look) -> None:
    """At most one seat is the main one."""
    marked = [at for at in look.texts(("seats", EACH, "main")) if at[1].text.casefold() in TRUE]
    for at in marked[1:]:
        look.say(at, "duplicate-main", f"a seat on line {marked[0][1].mark.line} is main already; mark one")


def _places(look: Look) -> None:
    """Each place has an id of its own; every place named elsewhere is there."""
    unique(look, ("places", EACH, "id"), "duplicate-place", "a place")
    ids = {item.text for _, item in look.texts(("places", EACH, "id"))}
    for at in look.texts(("places", EACH, "id")):
        if at[1].text == OUT:
            look.say(at, "bad-name", f"'{OUT}' is where one goes who leaves the scene; choose another id")
    named(look, look.texts(*PLACE_NAMES), ids, "place")
    named(look, look.texts(("conditions", VALUES, "place")), {*ids, OUT}, "place")


def _reachable(look: Look) -> None:
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


def _director(look: Look) -> None:
    """The director is known; a script that is followed has lines."""
    for at in look.texts(("director", "name")):
        known = look.around.directors
        if known is not None and at[1].text not in known:
            look.say(at, "unknown-director", f"there is no director '{shown(at[1].text)}'", known)
        if at[1].text == "scripted" and not any(look.texts(("director", "order", EACH))):
            look.say(at, "no-end", "a scripted director needs an order: the seats in the order in which they act")


def _turns(look: Look) -> None:
    """The scene can end, and what happens in it happens before."""
    most, least = _number(look, "max_turns", End().max_turns), _number(look, "min_turns", End().min_turns)
    if most is None:
        return
    if least is not None and least > most:
        for at in look.texts(("end", "min_turns")):
            look.say(at, "out-of-range", f"min_turns is {least}, but max_turns is {most}; it should not be more")
    for at in look.texts(*AT):
        act = whole(at[1])
        if act is not None and act >= most:
            look.say(at, "out-of-range", f"the scene ends after {most} acts, so nothing can happen at act {act}")


def _number(look: Look, key: str, default: int) -> int | None:
    """A number of `end`, or its default; None where it is no number."""
    given = [item for _, item in select(look.node, "end", key)]
    return whole(given[0]) if given else default


def _entrances(look: Look) -> None:
    """Who comes in later does so before the end, and nothing is asked of them before; somebody is there to begin."""
    most = _number(look, "max_turns", End().max_turns)
    seats = [seat for _, seat in select(look.node, "seats", EACH)]
    late = [(loc, item) for loc, item in select(look.node, "seats", EACH, "enters") if whole(item)]
    for at in late:
        act = whole(at[1]) or 0
        if most is not None and act >= most:
            look.say(at, "out-of-range", f"the scene ends after {most} acts, so nobody can come in before act {act}")
    if late and len(late) == len(seats):
        look.say(late[0], "nobody-there", "every seat enters later; one must be there from the start")
    ids = {id.text for seat in seats if whole(seat.child("enters")) and (id := seat.child("id"))}
    for at in look.texts(("openings", EACH, "seat"), ("director", "first")):
        if at[1].text in ids:
            look.say(at, "not-there-yet", f"seat '{shown(at[1].text)}' enters later and cannot be the first to act")


def _conditions(look: Look) -> None:
    """Conditions say something that can hold in a scene; who waits for one waits for one that is there."""
    check_conditions(look)
    conditions = {key.text for _, key in select(look.node, "conditions", KEYS)}
    named(look, look.texts(*CONDITION_NAMES), conditions, "condition")
    for loc, reasons in select(look.node, "conditions", VALUES, "ended"):
        if reasons.items:
            what = "how a scene has ended is looked at in a story only; take it out"
            look.say((loc, reasons), "only-in-stories", what)


def _cues(look: Look) -> None:
    """What happens and what is changed from outside has a moment, and something that it does."""
    for kind, cues in CUES.items():
        for at in select(look.node, kind, EACH):
            if at[1].entries and not any(is_given(at[1], cue) for cue in cues):
                look.say(at, "no-cue", f"nothing says when this comes; give one of {', '.join(cues)}")
    for loc, happening in select(look.node, "happenings", EACH):
        by = happening.child("by")
        if by and by.items and not is_given(happening, "enters"):
            look.say(((*loc, "by"), by), "pointless", "by says who must enter the place of enters, which is not given")
    for at in select(look.node, "interventions", EACH):
        if at[1].entries and not any(is_given(at[1], effect) for effect in EFFECTS):
            look.say(at, "no-effect", f"this changes nothing; give one of {', '.join(EFFECTS)}")


def _backends(look: Look) -> None:
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
