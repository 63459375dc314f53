"""What a seat is told of its own inside before a scene begins.

How it stands to others is told where the scene states it in numbers or the mind was lived with before; memories are
told here to those alone who get no notes: plain speakers, such as a user who comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simworld.agents.agent import Agent
from simworld.mind import Nature, standing
from simworld.prompts import ago
from simworld.schema import Mind, Relation

MOST = 8
"""Memories that a plain speaker is told of."""
OVERHEAD = 16
"""Tokens that the words around a memory take, on the high side."""


@dataclass(frozen=True, slots=True)
class AtFirst:
    """Lines for a briefing."""

    standings: tuple[str, ...] = ()
    remembered: tuple[str, ...] = ()


def told_at_first(nature: Nature, mind: Mind, kept: Mapping[str, Mind], agent: Agent, tokens: int) -> AtFirst:
    """What this seat is told; `kept`: the minds that were lived with before, by persona."""
    before = kept.get(nature.persona.id)
    remembered = _remembered(nature, mind, agent, tokens) if before and nature.scene.seat(nature.seat).is_plain else ()
    return AtFirst(_standings(nature, mind, before), remembered)


def _standings(nature: Nature, mind: Mind, before: Mind | None) -> tuple[str, ...]:
    stated = {relation.to for relation in nature.scene.relations if relation.of == nature.seat and _is_felt(relation)}
    lines = [
        standing(mind.ties[who.id], who.name)
        for seat, who in nature.cast.items()
        if who.id in mind.ties and (seat in stated or (before and who.id in before.ties))
    ]
    return tuple(line for line in lines if line)


def _is_felt(relation: Relation) -> bool:
    return not (relation.warmth is None and relation.trust is None and relation.familiarity is None)


def _remembered(nature: Nature, mind: Mind, agent: Agent, tokens: int) -> tuple[str, ...]:
    scene = nature.scene
    cue = " ".join([scene.title, scene.status, scene.background, scene.seat(nature.seat).goal, *scene.topics])
    found = nature.models.memory.recall(
        mind.memories, cue, now=mind.minutes, budget=tokens, count=lambda text: agent.count(text) + OVERHEAD, most=MOST
    )
    return tuple(f"{ago(round(mind.minutes - memory.minutes, 1))}: {memory.text}" for memory in found)
