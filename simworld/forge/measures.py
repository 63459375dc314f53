"""Measures: how varied the scenes, personas and questions of a pack are, beside SimsConv's figures.

found = measure(personas, scenes, questions)
print(*found.lines(), sep="\\n")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from simworld.forge.interviews import Question, distinct_share
from simworld.forge.scene_likeness import Known, frames
from simworld.prompts import data
from simworld.schema import Persona, Scene
from simworld.schema.record import Record

MANY = 1_000_000


class Measures(Record, frozen=True):
    """Figures of a pack."""

    personas: int
    scenes: int
    ages: str
    """Youngest and oldest."""
    commonest_age: float
    """Share of the personas that have the commonest age."""
    careers_most: int
    """Personas of the commonest career."""
    topics_top4: float
    """Share of the four commonest topics among all assigned."""
    topics: int
    emotions_spread: float
    """Scenes' seats with the rarest emotion, over those with the commonest."""
    nearest: float
    """The greatest Jaccard similarity of 5-word runs between two scenes, names of people and places removed."""
    commonest_frame: float
    """Share of the scenes that the commonest sentence frame stands in: names, places and figures masked."""
    frame: str
    """That frame."""
    questions: int
    questions_distinct: float

    def facts(self) -> dict[str, object]:
        """The figures as JSON values."""
        return self.model_dump(mode="json")

    def rows(self) -> list[tuple[str, str, str]]:
        """What is measured, this pack's value, SimsConv's."""
        theirs = data("forge/scenes/simsconv.yaml")
        shown = {
            "personas": str(self.personas), "scenes": str(self.scenes), "ages": self.ages,
            "commonest_age": f"{self.commonest_age:.0%}", "careers_most": str(self.careers_most),
            "topics": str(self.topics), "topics_top4": f"{self.topics_top4:.0%}",
            "emotions_spread": f"{self.emotions_spread:.2f}", "nearest": f"{self.nearest:.2f}",
            "commonest_frame": f"{self.commonest_frame:.1%}", "questions": str(self.questions),
            "questions_distinct": f"{self.questions_distinct:.1%}",
        }  # fmt: skip
        return [(theirs["told"][name], value, str(theirs["figures"][name])) for name, value in shown.items()]

    def lines(self) -> list[str]:
        """The figures for a reader."""
        rows = [("", "here", "SimsConv"), *self.rows()]
        wide = [max(len(row[column]) for row in rows) for column in range(3)]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip() for row in rows]


def measure(personas: Sequence[Persona], scenes: Sequence[Scene], questions: Sequence[Question]) -> Measures:
    """The figures of these."""
    ages = Counter(one.age for one in personas if one.age is not None)
    careers = Counter(one.career for one in personas if one.career)
    topics = Counter(topic for scene in scenes for topic in scene.topics)
    emotions = Counter(seat.emotion for scene in scenes for seat in scene.seats if seat.emotion)
    nearest, frame, most = likeness(scenes)
    return Measures(
        personas=len(personas), scenes=len(scenes), ages=f"{min(ages)} to {max(ages)}" if ages else "",
        commonest_age=max(ages.values(), default=0) / max(1, len(personas)),
        careers_most=max(careers.values(), default=0),
        topics=len(topics),
        topics_top4=sum(count for _, count in topics.most_common(4)) / max(1, topics.total()),
        emotions_spread=min(emotions.values(), default=0) / max(1, *emotions.values()) if emotions else 0,
        nearest=nearest, commonest_frame=most / max(1, len(scenes)), frame=" ".join(frame),
        questions=len(questions), questions_distinct=distinct_share(questions),
    )  # fmt: skip


def likeness(scenes: Sequence[Scene]) -> tuple[float, tuple[str, ...], int]:
    """Likeness of the two nearest scenes, the commonest sentence frame, and the scenes that it stands in."""
    known = Known(MANY)
    counts: Counter[tuple[str, ...]] = Counter()
    nearest = 0.0
    for scene in scenes:
        text = f"{scene.background} {scene.status}"
        nearest = max(nearest, known.nearest(text))
        known.add(text)
        counts.update(frames(text))
    frame, most = min(counts.items(), key=lambda item: (-item[1], item[0]), default=((), 0))
    return nearest, frame, most
