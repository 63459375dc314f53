"""Who may take an open seat.

    matches(Constraint(career=["nurse", "doctor"], age=">=60"), persona)

Every field that a constraint gives must hold; a persona that does not have the field asked for does not match.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from simworld.packs.words import folded
from simworld.schema import Constraint, Persona

_BOUND = re.compile(r"(>=|<=|>|<|=)?\s*(\d{1,3})")
_RANGE = re.compile(r"(\d{1,3})\s*-\s*(\d{1,3})")
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "=": operator.eq, "": operator.eq,
}  # fmt: skip


def matches(constraint: Constraint, persona: Persona) -> bool:
    """Whether this persona may sit where the constraint stands."""
    return (
        persona.id not in constraint.not_
        and _any(constraint.career, (persona.career,))
        and _any(constraint.traits, persona.traits)
        and _any(constraint.skills, persona.skills)
        and _any(constraint.gender, (persona.gender,))
        and (not constraint.age or (persona.age is not None and is_of_age(constraint.age, persona.age)))
    )


def is_of_age(bound: str, age: int) -> bool:
    """Whether an age (years) is within a bound: `>=60`, `<30`, `=33`, `33`, or the range `40-55`, both ends in."""
    span = _RANGE.fullmatch(bound.strip())
    if span:
        return int(span[1]) <= age <= int(span[2])
    one = _BOUND.fullmatch(bound.strip())
    if not one:
        raise ValueError(f"age '{bound}' is not a bound; allowed: >=60, >60, <=30, <30, =33 or 40-55")
    return _COMPARE[one[1] or ""](age, int(one[2]))


def _any(wanted: tuple[str, ...], has: tuple[str, ...]) -> bool:
    """Whether one of the words wanted is there; true where none is wanted."""
    return not wanted or not {folded(word) for word in wanted}.isdisjoint(folded(word) for word in has)
