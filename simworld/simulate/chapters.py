"""A story's chapters as scenes: what a chapter puts in the place of its scene's own, and who sits where.

scene = chapter_scene(chapter, setting.scene)
cast = personas_of(chapter, setting, {"rosa": rosa, "ben": ben})
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simworld.errors import UsageError
from simworld.schema import Chapter, Opening, Persona, Scene, Seat

MINUTES = {"minute": 1, "hour": 60, "day": 1440, "week": 10_080, "month": 43_200}
MEANWHILE = 60.0
"""Minutes between two chapters where the story does not say."""
_AFTER = re.compile(r"(\d+(?:\.\d)?)\s*(minute|hour|day|week|month)s?")


@dataclass(frozen=True, slots=True)
class Setting:
    """The scene that a chapter plays."""

    scene: Scene
    fixed: Mapping[str, Persona]
    """Seat -> persona that the scene itself names."""
    root: Path | None
    """Folder of the scene's pack."""


def minutes_after(chapter: Chapter) -> float:
    """Time between the chapter before and this one, in minutes."""
    found = _AFTER.fullmatch(chapter.after.strip())
    return float(found[1]) * MINUTES[found[2]] if found else MEANWHILE


def part_of(chapter: Chapter, seat: str, parts: Container[str]) -> str:
    """The part that sits there: the one that the chapter names, else the one that is called as the seat; or ''."""
    return chapter.seats.get(seat, seat if seat in parts else "")


def personas_of(chapter: Chapter, setting: Setting, cast: Mapping[str, Persona]) -> dict[str, Persona]:
    """Seat -> persona, for a story's cast (part -> persona). Raises UsageError for a seat that nobody takes."""
    seated: dict[str, Persona] = {}
    for seat in setting.scene.seats:
        part = part_of(chapter, seat.id, cast)
        who = cast.get(part) or setting.fixed.get(seat.id)
        if who is None:
            raise UsageError(
                f"chapter '{chapter.id}': nobody takes the seat '{seat.id}' of scene '{setting.scene.id}'; name a part "
                "for it in `seats`"
            )
        seated[seat.id] = who
    return seated


def chapter_scene(chapter: Chapter, scene: Scene) -> Scene:
    """The scene with what the chapter puts in the place of its own."""
    changed: dict[str, Any] = {}
    for field in ("title", "time", "background", "status", "topics"):
        if value := getattr(chapter, field):
            changed[field] = value
    if chapter.goals or chapter.knows or chapter.emotions:
        changed["seats"] = tuple(_seat(chapter, seat) for seat in scene.seats)
    if chapter.openings:
        changed["openings"] = tuple(Opening(seat=seat, text=text) for seat, text in chapter.openings.items())
    if chapter.max_turns:
        changed["end"] = scene.end.model_copy(
            update={"max_turns": chapter.max_turns, "min_turns": min(scene.end.min_turns, chapter.max_turns)}
        )
    return scene.model_copy(update=changed) if changed else scene


def _seat(chapter: Chapter, seat: Seat) -> Seat:
    by_field = {"goal": chapter.goals, "knows": chapter.knows, "emotion": chapter.emotions}
    return seat.model_copy(update={field: given[seat.id] for field, given in by_field.items() if seat.id in given})
