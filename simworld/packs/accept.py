"""Scenes and stories made in Python: the same rules as for files, and the vocabulary's spelling.

    scene = accept_scene(Scene(id="porch", title="On the porch", seats=(...)), personas={"rosa": rosa})
    story = accept_story(Story(id="feud", ...), scenes={"porch": scene}, personas={"rosa": rosa})

Python may seat any backend, so that rule alone is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from simworld.packs.gather import seek_candidates
from simworld.packs.known import KnownPersonas, KnownScenes
from simworld.packs.look import Around, CheckTemplate
from simworld.packs.node import Mark, Node, tree
from simworld.packs.pack import Pack
from simworld.packs.records import SCENE_WORDS, STORY_WORDS, record_of
from simworld.packs.report import Report
from simworld.packs.scene_rules import check_scene
from simworld.packs.story_rules import check_story
from simworld.packs.words import built_in
from simworld.schema import Persona, Problem, Scene, Story


def problems_of_scene(
    scene: Scene,
    pack: Pack | None = None,
    personas: Mapping[str, Persona] | None = None,
    *,
    check_template: CheckTemplate | None = None,
    directors: Collection[str] | None = None,
) -> list[Problem]:
    """Every problem of a scene made in Python, by field; the place is `scene ID`, line 1.

    Its personas are sought in `personas`, in `pack` and in the installed packs.
    """
    return _judged(scene, pack, personas, check_template, directors)[1].sorted()


def accept_scene(
    scene: Scene,
    pack: Pack | None = None,
    personas: Mapping[str, Persona] | None = None,
    *,
    check_template: CheckTemplate | None = None,
    directors: Collection[str] | None = None,
) -> Scene:
    """The scene, its words in the vocabulary's spelling. Raises PackError with every problem."""
    accepted, report = _judged(scene, pack, personas, check_template, directors)
    report.refuse(f"scene {scene.id}")
    return accepted or scene


def _judged(
    scene: Scene,
    pack: Pack | None,
    personas: Mapping[str, Persona] | None,
    check_template: CheckTemplate | None,
    directors: Collection[str] | None,
) -> tuple[Scene | None, Report]:
    report = Report()
    known = {**(pack.personas if pack else {}), **(personas or {})}
    node = _tree(scene)
    vocabulary = pack.vocabulary if pack else built_in()
    accepted = record_of(Scene, node, report, SCENE_WORDS, vocabulary, file_id=scene.id)
    people = KnownPersonas(known)
    check_scene(node, report, Around(people.has, people.all, check_template, directors))
    if accepted:
        seek_candidates(accepted, node, report, known.values())
    return accepted, report


def _tree(scene: Scene) -> Node:
    """The scene as the tree that a file of it would give."""
    return tree(scene.model_dump(by_alias=True, exclude_defaults=True), Mark(f"scene {scene.id}", 1, 1))


def accept_story(
    story: Story,
    scenes: Mapping[str, Scene],
    personas: Mapping[str, Persona],
    *,
    check_template: CheckTemplate | None = None,
) -> Story:
    """The story, its words in the vocabulary's spelling. Its chapters' scenes are sought in `scenes`, then in the
    installed packs. Raises PackError with every problem."""
    report = Report()
    node = tree(story.model_dump(by_alias=True, exclude_defaults=True), Mark(f"story {story.id}", 1, 1))
    accepted = record_of(Story, node, report, STORY_WORDS, built_in(), file_id=story.id)
    people, known = KnownPersonas(personas), KnownScenes({id: _tree(scene) for id, scene in scenes.items()})
    check_story(node, report, Around(people.has, people.all, check_template), known)
    report.refuse(f"story {story.id}")
    return accepted or story
