"""State: what the graph carries from act to act, as frozen records in plain containers."""

from __future__ import annotations

import operator
from collections import Counter
from typing import Annotated, Any, TypedDict

from simworld.schema import Ending, Intervened, LetGo, Memory, Mind, Turn, Usage, World

DIRECTOR = "director"
"""The node in which a model directs; no seat may bear this id."""


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Reducer: some seats' entries replaced, the others kept."""
    return {**old, **new}


News = tuple[str, Memory | LetGo | Intervened]
"""Seat, and what became of its mind: a memory formed or let go, an intervention. One channel for all: each costs."""


class State(TypedDict):
    """The state of the graph."""

    turns: Annotated[list[Turn], operator.add]
    acts: Annotated[list[str], operator.add]
    """Who acted, act by act; happenings are nobody's."""
    minds: Annotated[dict[str, Mind], merge]
    news: Annotated[list[News], operator.add]
    usage: Annotated[dict[str, Usage], merge]
    faults: Annotated[list[str], operator.add]
    world: World
    next: str
    ending: Ending | None


def add_usage(one: Usage, other: Usage) -> Usage:
    """Both together."""
    if not other.calls:
        return one
    return Usage(
        calls=one.calls + other.calls,
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        repairs=one.repairs + other.repairs,
        reasoning_characters=one.reasoning_characters + other.reasoning_characters,
        estimated=one.estimated or other.estimated,
        guards=dict(Counter(one.guards) + Counter(other.guards)),
        fallback=one.fallback or other.fallback,
        fallback_calls=one.fallback_calls + other.fallback_calls,
        fallback_input_tokens=one.fallback_input_tokens + other.fallback_input_tokens,
        fallback_output_tokens=one.fallback_output_tokens + other.fallback_output_tokens,
    )
