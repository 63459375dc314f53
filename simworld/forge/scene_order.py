"""SceneOrder: which scenes are wanted. SceneReport: what came of it.

SceneOrder(n=20, seed=3)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from simworld.forge.relations import Tie
from simworld.schema import Persona, Scene
from simworld.schema.record import Record

LIKE = 0.35
"""Likeness (Jaccard of 5-word runs) above which a scene is drawn again."""
SHARE = 0.045
"""Share of all scenes that one frame of words may stand in."""


class SceneOrder(Record, frozen=True):
    """Scenes that are wanted."""

    n: Annotated[int, Field(ge=1, le=1000)] = 20
    """Scenes a character."""
    seed: int = 0
    """One seed, one set of scenes."""


class SceneReport(Record, frozen=True):
    """What came of an order."""

    wanted: int
    made: int
    redrawn: int = 0
    """Drafts thrown away: too like another scene, or with a frame of words that was worn."""
    nearest: float = 0.0
    """The greatest likeness between two scenes, 0..1."""
    worn: int = 0
    """Scenes that were kept although a frame of theirs stands in more than its share."""
    repaired: dict[str, int] = {}
    """Field -> how often a model was asked again for it."""
    missed: dict[str, str] = {}
    """Id of a scene that was not made -> why."""
    kinds: dict[str, int] = {}
    topics: dict[str, int] = {}
    emotions: dict[str, int] = {}
    seats: dict[str, int] = {}

    def facts(self) -> dict[str, object]:
        """The report as JSON values."""
        return self.model_dump(mode="json")

    def lines(self) -> list[str]:
        """The report for a reader."""
        lines = [f"{self.made} of {self.wanted} scenes; {self.redrawn} drafts drawn again"]
        lines.append(f"likeness of the two nearest scenes: {self.nearest:.2f} (Jaccard of 5-word runs, names masked)")
        if self.worn:
            lines.append(f"{self.worn} scenes have a sentence frame that stands in more than {SHARE:.1%} of all")
        for name, counts in (("kinds", self.kinds), ("seats", self.seats)):
            lines.append(f"{name}: " + ", ".join(f"{word} {count}" for word, count in counts.items()))
        lines.append(f"topics: {len(self.topics)}; emotions: {len(self.emotions)}")
        if self.repaired:
            lines.append("asked again: " + ", ".join(f"{field} {count}" for field, count in self.repaired.items()))
        lines += [f"not made: {id}: {why}" for id, why in self.missed.items()]
        return lines


@dataclass(frozen=True, slots=True)
class Scenes:
    """Scenes and how they came about."""

    scenes: tuple[Scene, ...]
    report: SceneReport
    ties: tuple[Tie, ...]


def scene_id(persona: Persona, number: int) -> str:
    """The id of a character's scene with this number, from 0."""
    return f"{persona.id[:58]}_{number + 1:02d}"


def report_of(
    scenes: Sequence[Scene],
    wanted: int,
    redrawn: int,
    nearest: float,
    worn: int = 0,
    *,
    repaired: dict[str, int] | None = None,
    missed: dict[str, str] | None = None,
) -> SceneReport:
    """The report on these scenes."""

    def counted(words: list[str]) -> dict[str, int]:
        return dict(sorted(Counter(words).items(), key=lambda item: (-item[1], item[0])))

    return SceneReport(
        wanted=wanted, made=len(scenes), redrawn=redrawn, nearest=nearest, worn=worn,
        kinds=counted([scene.kind for scene in scenes]),
        topics=counted([topic for scene in scenes for topic in scene.topics]),
        emotions=counted([seat.emotion for scene in scenes for seat in scene.seats]),
        seats=counted([str(len(scene.seats)) for scene in scenes]), repaired=repaired or {}, missed=missed or {},
    )  # fmt: skip
