"""Stage: a scene, or a story, with everybody who may sit at each of its seats. The plan draws from stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simworld.packs import Pack
from simworld.schema import Persona, Scene, Story
from simworld.simulate.chapters import Setting, chapter_scene


@dataclass(frozen=True, slots=True)
class Stage:
    """A scene with everybody who may sit at each of its seats."""

    scene: Scene
    candidates: Mapping[str, tuple[Persona, ...]]
    """Seat id -> personas; one for a fixed seat."""
    pack: Pack | None = None
    """The pack that the scene comes from; None for a scene made in Python."""

    @property
    def root(self) -> Path | None:
        """Folder of the scene's pack."""
        return self.pack.root if self.pack else None

    @property
    def id(self) -> str:
        """Id of the scene."""
        return self.scene.id

    @property
    def width(self) -> int:
        """Indices that one playing takes."""
        return 1


@dataclass(frozen=True, slots=True)
class StoryStage:
    """A story with everybody who may take each of its parts."""

    story: Story
    candidates: Mapping[str, tuple[Persona, ...]]
    """Part id -> personas; one for a fixed part."""
    settings: Mapping[str, Setting]
    """Chapter id -> the scene it plays, and where that comes from."""
    pack: Pack | None = None

    @property
    def id(self) -> str:
        """Id of the story."""
        return self.story.id

    @property
    def width(self) -> int:
        """Indices that one telling takes."""
        return self.story.width


AnyStage = Stage | StoryStage


def scenes_of(stage: AnyStage) -> list[Scene]:
    """The scenes that a stage plays."""
    if isinstance(stage, Stage):
        return [stage.scene]
    return [chapter_scene(chapter, stage.settings[chapter.id].scene) for chapter in stage.story.chapters]


def played(stages: Sequence[AnyStage]) -> list[Scene]:
    """Every scene of these stages."""
    return [scene for stage in stages for scene in scenes_of(stage)]


def cast_of(stages: Sequence[AnyStage]) -> tuple[list[Persona], list[Scene]]:
    """Everybody who may be in what these stages play, and the scenes as their packs have them."""
    people = [who for stage in stages for seat in stage.candidates.values() for who in seat]
    scenes = [stage.scene for stage in stages if isinstance(stage, Stage)]
    for stage in stages:
        if isinstance(stage, StoryStage):
            people += [who for setting in stage.settings.values() for who in setting.fixed.values()]
            scenes += [setting.scene for setting in stage.settings.values()]
    return people, scenes


def seats_of(stages: Sequence[AnyStage]) -> set[str]:
    """Every seat, and every part of a story, that may be named."""
    seats = {seat.id for scene in played(stages) for seat in scene.seats}
    return seats | {seat for stage in stages for seat in stage.candidates}
