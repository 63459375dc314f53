"""Typed endings that the engine finds by itself: goal rules, goodbyes, scenes gone stale, the limit of turns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from simworld.schema import OUT, Ending, Scene, Turn, World
from simworld.schema.scene import GoalRule
from simworld.text.farewell import is_farewell
from simworld.text.words import whole

LOOK_BACK = 240
"""Turns in which a line counts as said before; bounded, so that a long scene costs the same per turn."""
SILENT = frozenset({"empty", "unreadable"})
"""Faults of an act in which nothing was said or done."""


def ending_of(
    scene: Scene, world: World, turns: Sequence[Turn], fresh: Sequence[Turn], acts: int, limit: int
) -> Ending | None:
    """How the scene ends after the act that made `fresh` (the last of `turns`), or None where it goes on.

    `acts` counts the acts so far, `limit` is the most there may be.
    """
    left = [id for id, place in world.where.items() if place == OUT and id not in world.awaited]
    if len(world.where) - len(left) < min(2, len(world.where)):
        return Ending(reason="left", by=fresh[-1].seat if fresh else "")
    if acts >= scene.end.min_turns:
        early = _goal(scene, fresh, acts) or _goodbye(scene, turns) or _stale(scene, turns)
        if early:
            return early
    return Ending(reason="max_turns") if acts >= limit else None


def _goal(scene: Scene, fresh: Sequence[Turn], acts: int) -> Ending | None:
    for number, rule in enumerate(scene.end.goal):
        if acts > rule.after:
            for turn in fresh:
                if _holds(rule, turn, scene):
                    return Ending(reason="goal_reached", by=turn.seat, detail=f"rule {number}")
    return None


def _holds(rule: GoalRule, turn: Turn, scene: Scene) -> bool:
    if turn.kind != rule.kind or rule.seat not in (None, turn.seat):
        return False
    text = turn.text
    if turn.kind == "move":
        text = " ".join([text, *(place.name for place in scene.places if place.id == text)])
    return whole(rule.words, any_case=True).search(text) is not None


def _goodbye(scene: Scene, turns: Sequence[Turn]) -> Ending | None:
    """Two different speakers in a row have taken leave."""
    if not scene.end.goodbye:
        return None
    narrators = {seat.id for seat in scene.seats if seat.role == "narrator"}
    said: list[Turn] = []
    for turn in reversed(turns):
        if turn.kind == "say" and turn.seat not in narrators and not (said and said[-1].act == turn.act):
            said.append(turn)
        if len(said) == 2:
            break
    if len(said) == 2 and said[0].seat != said[1].seat and all(is_farewell(turn.text) for turn in said):
        return Ending(reason="said_goodbye", by=said[0].seat)
    return None


def _stale(scene: Scene, turns: Sequence[Turn]) -> Ending | None:
    """The last acts were silent, or word for word what had been said before."""
    if not scene.end.stale:
        return None
    turns = turns[-LOOK_BACK:]
    acts = sorted({turn.act for turn in turns if not turn.source})[-scene.end.stale :]
    if len(acts) < scene.end.stale:
        return None
    before = {_key(turn.text) for turn in turns if turn.act < acts[0]}
    adds = any(
        turn.kind != "think" and SILENT.isdisjoint(turn.faults) and _key(turn.text) not in before
        for turn in turns
        if turn.act in acts
    )
    return None if adds else Ending(reason="stale")


@lru_cache(maxsize=4096)
def _key(text: str) -> str:
    return " ".join(text.casefold().split())
