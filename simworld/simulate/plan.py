"""The plan: which situations are played, by coverage and not by blind chance.

    for planned in Plan(stages, seed=0).take(200): ...

Scenes are used evenly; within a scene, casts, topics and emotions are. No pair of personas meets again before the
others had their turn. The plan is a stream of units, each a dialogue or the telling of a story: the first 200 of 400
are the 200. A story takes as many indices as it may have chapters; those it does not reach stay empty.

With the `coverage` of a corpus the plan fills that up: kinds of scenes, scenes, topics, emotions, careers and ages that
it has least of come first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace
from itertools import count, islice
from pathlib import Path

from simworld.errors import UsageError
from simworld.prompts import Situation
from simworld.schema import Persona, Scene, Story
from simworld.simulate.chapters import chapter_scene, personas_of
from simworld.simulate.coverage import Coverage
from simworld.simulate.dialogue import mix
from simworld.simulate.stage import AnyStage, Stage, StoryStage
from simworld.simulate.tally import Row, Tally

VARIANTS = 5040
"""More than a text has alternatives, and a multiple of every small number: each is as likely to be the first."""
STORY = "story"
"""The kind that stories count as."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One dialogue of the plan."""

    unit: int
    """Number of the unit of the plan, from 0."""
    index: int
    id: str
    situation: Situation
    seed: int
    root: Path | None
    """Folder of the scene's pack."""
    variant: int
    """Which of the scene's alternative texts are told: from a first one that the seed draws, one further each time."""
    row: int | None = None
    """Number of the row that it is about, from 0, where the run gives rows."""


@dataclass(frozen=True, slots=True)
class PlannedStory:
    """One telling of a story: its chapters, of which not all need be played."""

    unit: int
    index: int
    """Index of its first chapter."""
    id: str
    story: Story
    cast: Mapping[str, Persona]
    """Part id -> persona."""
    chapters: Mapping[str, tuple[Situation, Path | None]]
    """Chapter id -> its situation, and the folder of its scene's pack."""
    seed: int
    variant: int


def people_of(item: Planned | PlannedStory) -> list[Persona]:
    """Everybody who is in it."""
    if isinstance(item, Planned):
        return list(item.situation.cast.values())
    found = {who.id: who for situation, _ in item.chapters.values() for who in situation.cast.values()}
    return list(found.values())


class Plan:
    """A stream of dialogues and stories over scenes, casts, topics and emotions."""

    def __init__(
        self, stages: Sequence[AnyStage], seed: int, rows: Sequence[Row] = (), coverage: Coverage | None = None
    ) -> None:
        """`rows`: what dialogues are about, in the place of the scenes' own; each scene goes through all, in turn.
        `coverage`: what there is already."""
        if not stages:
            raise UsageError("there is no scene to play")
        self._stages = list(stages)
        self._coverage = coverage
        # the same seed as the corpus's own is not to play the same dialogues again
        self._seed = mix(seed, "fill", coverage.digest) if coverage else seed
        self._rows = rows

    def __iter__(self) -> Iterator[Planned | PlannedStory]:
        """The endless stream, from index 0."""
        tally = Tally(self._seed, self._coverage)
        for unit, (index, stage, round_) in enumerate(self._order()):
            if isinstance(stage, StoryStage):
                yield self._plan_story(tally, stage, unit, index, round_)
            else:
                yield self._plan(tally, stage, unit, index, round_)

    def take(self, n: int) -> Iterator[Planned | PlannedStory]:
        """The first `n` units."""
        return islice(iter(self), n)

    def spans(self, n: int) -> Iterator[range]:
        """The indices of each of the first `n` units."""
        return (range(index, index + stage.width) for index, stage, _ in islice(self._order(), n))

    def _order(self) -> Iterator[tuple[int, AnyStage, int]]:
        """First index, stage and round of each unit."""
        index = 0
        for at, round_ in self._thinnest(self._coverage) if self._coverage else self._evenly():
            yield index, self._stages[at], round_
            index += self._stages[at].width

    def _evenly(self) -> Iterator[tuple[int, int]]:
        """Number of a stage and how often it was played before: all stages, then all again."""
        for round_ in count():
            for at in sorted(range(len(self._stages)), key=lambda at: mix(self._seed, "scene", round_, at)):
                yield at, round_

    def _thinnest(self, coverage: Coverage) -> Iterator[tuple[int, int]]:
        """The same, of the kind that there is least of the scene that there is least of."""
        kinds: dict[str, list[tuple[int, int, int]]] = {}
        for at, stage in enumerate(self._stages):
            there = coverage.scenes[stage.id] if isinstance(stage, Stage) else 0
            kind = stage.scene.kind if isinstance(stage, Stage) else STORY
            kinds.setdefault(kind, []).append((there, mix(self._seed, "scene", there, at), at))
        for waiting in kinds.values():
            heapify(waiting)
        there = Counter({kind: coverage.kinds[kind] for kind in kinds})
        while True:
            kind = min(kinds, key=lambda kind: (there[kind], mix(self._seed, "kind", there[kind], kind)))
            round_, _, at = kinds[kind][0]
            heapreplace(kinds[kind], (round_ + 1, mix(self._seed, "scene", round_ + 1, at), at))
            there[kind] += 1
            yield at, round_

    def _plan(self, tally: Tally, stage: Stage, unit: int, index: int, round_: int) -> Planned:
        scene = stage.scene
        cast = tally.cast(stage, index)
        situation = tally.situation(scene, cast, index, scene.id, self._row(scene, round_))
        seed = mix(self._seed, "dialogue", index)
        first = mix(self._seed, "variant", scene.id) % VARIANTS
        id, row = f"{scene.id}-{index:06d}", round_ % len(self._rows) if self._rows else None
        return Planned(unit, index, id, situation, seed, stage.root, first + round_, row)

    def _row(self, scene: Scene, round_: int) -> Row | None:
        """What the playing of a scene in this round is about: of the run's rows, else of its own, the next in turn."""
        rows = self._rows or scene.rows
        return rows[round_ % len(rows)] if rows else None

    def _plan_story(self, tally: Tally, stage: StoryStage, unit: int, index: int, round_: int) -> PlannedStory:
        story = stage.story
        cast = tally.cast(stage, index)
        chapters: dict[str, tuple[Situation, Path | None]] = {}
        for chapter in story.chapters:
            setting = stage.settings[chapter.id]
            scene = chapter_scene(chapter, setting.scene)
            seated = personas_of(chapter, setting, cast)
            name, row = f"{story.id}/{chapter.id}", self._row(scene, round_)
            chapters[chapter.id] = tally.situation(scene, seated, index, name, row), setting.root
        seed = mix(self._seed, "dialogue", index)
        first = mix(self._seed, "variant", story.id) % VARIANTS
        return PlannedStory(unit, index, f"{story.id}-{index:06d}", story, cast, chapters, seed, first + round_)
