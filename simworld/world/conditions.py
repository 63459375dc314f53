"""Conditions: whether something has come to hold in a scene.

    holds(Condition(seat="ana", feels=("Angry",)), course)

A condition holds when all that it gives holds; `seat` and `toward` say about whom, and where they are left out anybody
will do. The same function judges a scene after each act and a story between two chapters.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from simworld.schema import Condition, Tie, Turn

_BOUND = re.compile(r"(>=|<=|>|<)\s*(-?[\d.]+)")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Course:
    """How a scene stands: what conditions are judged by. Keys are the ids that conditions name."""

    acts: int
    """Acts done so far."""
    minutes: float
    """Scene time, in minutes."""
    fresh: Sequence[Turn]
    """The turns in which something may have been said."""
    where: Mapping[str, str]
    """Who -> place."""
    feels: Mapping[str, str]
    """Who -> emotion."""
    ties: Mapping[str, Mapping[str, Tie]]
    """Who -> towards whom -> how they stand to them."""
    ended: str = ""
    """Why the scene has ended; empty while it goes on."""


def holds(condition: Condition, course: Course) -> bool:
    """Whether the condition holds now."""
    if course.acts < condition.after or course.minutes < condition.minutes:
        return False
    if condition.ended and course.ended not in condition.ended:
        return False
    if not (condition.said or condition.feels or condition.place or _has_bounds(condition)):
        return True
    about = [condition.seat] if condition.seat else list(course.where)
    return any(_holds_for(who, condition, course) for who in about)


def _holds_for(who: str, condition: Condition, course: Course) -> bool:
    return (
        (not condition.said or _said(who, condition.said, course.fresh))
        and (not condition.feels or course.feels.get(who, "") in condition.feels)
        and (condition.place is None or course.where.get(who) == condition.place)
        and (not _has_bounds(condition) or any(_within(tie, condition) for tie in _ties(who, condition, course)))
    )


def _said(who: str, words: tuple[str, ...], turns: Sequence[Turn]) -> bool:
    """Whether one of the words was said by this one for others to hear."""
    pattern = _words(words)
    return any(
        turn.seat == who and turn.kind == "say" and not turn.manner and pattern.search(turn.text) for turn in turns
    )


@lru_cache(maxsize=512)
def _words(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)


def _has_bounds(condition: Condition) -> bool:
    return bool(condition.warmth or condition.trust or condition.familiarity)


def _ties(who: str, condition: Condition, course: Course) -> Iterator[Tie]:
    for other, tie in course.ties.get(who, {}).items():
        if condition.toward in (None, other):
            yield tie


def _within(tie: Tie, condition: Condition) -> bool:
    return (
        _bounded(tie.warmth, condition.warmth)
        and _bounded(tie.trust, condition.trust)
        and _bounded(tie.familiarity, condition.familiarity)
    )


def _bounded(value: float, bound: str) -> bool:
    compare, limit = _read(bound)
    return compare(value, limit)


@lru_cache(maxsize=512)
def _read(bound: str) -> tuple[Callable[[float, float], bool], float]:
    """'>= 0.3' as a comparison and what is compared with; what is no bound holds of every number."""
    found = _BOUND.fullmatch(bound)
    return (_COMPARE[found[1]], float(found[2])) if found else (operator.ge, -inf)
