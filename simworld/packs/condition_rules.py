"""What must hold within the conditions of a scene or a story beyond the form of their fields."""

from __future__ import annotations

from simworld.packs.look import Look, is_given
from simworld.packs.node import VALUES, Node, select

RELATION = ("warmth", "trust", "familiarity")
WHO = ("seat", "toward")
NUMBERS = ("after", "minutes")


def check_conditions(look: Look) -> None:
    """Report each condition that asks for nothing, or for something of a relation that it does not name."""
    for loc, condition in select(look.node, "conditions", VALUES):
        toward = condition.child("toward")
        if isinstance(condition.value, dict) and not any(_asks(condition, key) for key in condition.entries):
            what = "this asks for nothing; give one of after, minutes, said, feels, place, warmth, trust, familiarity"
            look.say((loc, condition), "empty-condition", what)
        elif toward and toward.text and not any(is_given(condition, key) for key in RELATION):
            what = f"this is the other one of a relation; say what of it: {', '.join(RELATION)}"
            look.say(((*loc, "toward"), toward), "pointless", what)
        seat = condition.child("seat")
        if seat and toward and seat.text and seat.text == toward.text:
            look.say(((*loc, "toward"), toward), "pointless", "nobody has a relation to themselves; name another")


def _asks(condition: Node, key: str) -> bool:
    """Whether a key asks for something; a number that is 0 holds always, as one left out does."""
    if key in WHO or not is_given(condition, key):
        return False
    inner = condition.child(key)
    return key not in NUMBERS or inner is None or not _is_zero(inner.text)


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return False
