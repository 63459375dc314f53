"""Gather: read the files of one pack into records, and report everything that is wrong with them.

report = Report()
gathered = gather(source, report, Lent())
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from simworld.packs.backend_rule import SCRIPTED, backend_refusal
from simworld.packs.casting import matches
from simworld.packs.fragments import Shelf, shelf_of
from simworld.packs.known import KnownPersonas, KnownScenes
from simworld.packs.layout import File, Source, builtin_root, is_inside, source_of
from simworld.packs.look import Around, CheckTemplate, texts_of
from simworld.packs.node import EACH, Loc, Mark, Node, found, path_of
from simworld.packs.reader import read_bytes, read_path
from simworld.packs.records import PERSONA_WORDS, SCENE_WORDS, STORY_WORDS, record_of
from simworld.packs.report import Report, shown
from simworld.packs.scene_rules import check_scene
from simworld.packs.story_rules import check_story, guests
from simworld.packs.words import KINDS, Vocabulary, extended
from simworld.schema import Constraint, Persona, Scene, Story


@dataclass(frozen=True, slots=True)
class Lent:
    """What other rooms know and packs are judged by."""

    check_template: CheckTemplate | None = None
    directors: Collection[str] | None = None


@dataclass(slots=True)
class Gathered:
    """What was found sound in a pack, as far as it was."""

    source: Source
    vocabulary: Vocabulary
    personas: dict[str, Persona] = field(default_factory=dict[str, Persona])
    scenes: dict[str, Scene] = field(default_factory=dict[str, Scene])
    stories: dict[str, Story] = field(default_factory=dict[str, Story])
    trees: dict[str, Node | None] = field(default_factory=dict[str, Node | None])
    """Scene -> what its file says; None where it cannot be read."""
    files: dict[str, Path] = field(default_factory=dict[str, Path])
    """`persona/ID`, `scene/ID` and `story/ID` -> file."""
    scripts: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """The scripts that seats name, by the path within the pack."""


def gather(source: Source, report: Report, lent: Lent) -> Gathered:
    """Read every file of `source`; what is wrong goes to `report`."""
    gathered = Gathered(source, extended(_vocabularies(source, report), report))
    if not (source.personas or source.scenes or source.stories or source.fragments or source.vocabularies):
        what = "holds no personas, scenes or stories; put YAML files into its folders personas/, scenes/ and stories/"
        report.add(Mark(source.label, 1, 1), "", "empty-pack", what)
    shelf = shelf_of(source, builtin_root(), report)
    for file in _distinct(source.personas, report):
        _persona(file, gathered, shelf, report)
    for file in source.fragments:
        _fragment(file, gathered, shelf, report)
    people = KnownPersonas({file.id for file in source.personas})
    around = Around(people.has, people.all, lent.check_template, lent.directors, source.root)
    stories = [(file, _read(file, gathered, report)) for file in _distinct(source.stories, report)]
    scenes = _distinct(_with_lent(source, [node for _, node in stories if node]), report)
    for file in scenes:
        _scene(file, gathered, report, around)
    known = KnownScenes({**{file.id: None for file in source.lendable}, **gathered.trees})
    for file, node in stories:
        _differs(file, (*source.scenes, *source.lendable), report)
        if node:
            _story(file, node, gathered, report, around, known)
    return gathered


def _with_lent(source: Source, stories: Iterable[Node]) -> list[File]:
    """The scenes of a source, and those that chapters of its stories name."""
    there = {file.id for file in source.scenes}
    wanted = {id for story in stories for id in texts_of(story, "chapters", EACH, "scene")} - there
    return [*source.scenes, *(file for file in source.lendable if file.id in wanted)]


def _differs(story: File, scenes: Iterable[File], report: Report) -> None:
    """No scene bears the story's id."""
    for scene in scenes:
        if scene.id == story.id:
            what = f"'{shown(story.id)}' is the id of the scene {shown(scene.name, 400)}; rename one of them"
            report.add(Mark(story.name, 1, 1), "id", "duplicate-id", what)


def _vocabularies(source: Source, report: Report) -> dict[str, tuple[Path, str]]:
    """Kind -> file of the vocabularies that a pack adds to."""
    files: dict[str, tuple[Path, str]] = {}
    for file in source.vocabularies:
        if file.id not in KINDS:
            what = f"there is no vocabulary '{shown(file.id)}'"
            report.add(Mark(file.name, 1, 1), "", "bad-name", what, allowed=KINDS, word=file.id)
        elif _is_own(file, source, report):
            files[file.id] = (file.path, file.name)
    return files


def _is_own(file: File, source: Source, report: Report) -> bool:
    """Whether a file really lies in the pack, links followed."""
    if is_inside(file.path, source.root):
        return True
    report.add(Mark(file.name, 1, 1), "", "bad-include", "is a link that leads outside the pack")
    return False


def _distinct(files: Iterable[File], report: Report) -> list[File]:
    """The files without those whose name another one has, but for its ending."""
    first: dict[str, File] = {}
    for file in files:
        if file.id in first:
            what = f"'{shown(file.id)}' is the id of {shown(first[file.id].name, 400)} already; rename one of them"
            report.add(Mark(file.name, 1, 1), "id", "duplicate-id", what)
        first.setdefault(file.id, file)
    return list(first.values())


def _read(file: File, gathered: Gathered, report: Report) -> Node | None:
    return read_path(file.path, file.name, report) if _is_own(file, gathered.source, report) else None


def _persona(file: File, gathered: Gathered, shelf: Shelf, report: Report) -> None:
    node = _read(file, gathered, report)
    if node is None:
        return
    whole = shelf.whole(node, file.path)
    persona = record_of(Persona, whole, report, PERSONA_WORDS, gathered.vocabulary, file_id=file.id)
    if persona:
        gathered.personas[persona.id] = persona
        gathered.files[f"persona/{persona.id}"] = file.path


def _fragment(file: File, gathered: Gathered, shelf: Shelf, report: Report) -> None:
    node = _read(file, gathered, report)
    if node is not None:
        whole = shelf.whole(node, file.path)
        record_of(Persona, whole, report, PERSONA_WORDS, gathered.vocabulary, file_id="", part=True)


def _scene(file: File, gathered: Gathered, report: Report, around: Around) -> None:
    node = gathered.trees[file.id] = _read(file, gathered, report)
    if node is None:
        return
    scene = record_of(Scene, node, report, SCENE_WORDS, gathered.vocabulary, file_id=file.id)
    check_scene(node, report, around)
    if scene:
        gathered.scenes[scene.id] = scene
        gathered.files[f"scene/{scene.id}"] = file.path
        _scripts(scene, gathered, report)
        if len(gathered.personas) == len(gathered.source.personas):
            seek_candidates(scene, node, report, gathered.personas.values())


def _story(file: File, node: Node, gathered: Gathered, report: Report, around: Around, scenes: KnownScenes) -> None:
    story = record_of(Story, node, report, STORY_WORDS, gathered.vocabulary, file_id=file.id)
    check_story(node, report, around, scenes)
    if story:
        gathered.stories[story.id] = story
        gathered.files[f"story/{story.id}"] = file.path
        if len(gathered.personas) == len(gathered.source.personas):
            _seek_players(story, node, report, gathered.personas.values(), guests(node, scenes))


def _seek_players(
    story: Story, node: Node, report: Report, personas: Iterable[Persona], guests: Collection[str]
) -> None:
    """Report each open part that nobody may take who is not another part or a guest: a scene's own persona."""
    taken = {part.persona for part in story.cast if part.persona} | set(guests)
    own = list(personas)
    for position, part in enumerate(story.cast):
        if part.persona is None and not _is_there(part.who, own, taken):
            _say_nobody(("cast", position, "who"), "part", node, report)


def _scripts(scene: Scene, gathered: Gathered, report: Report) -> None:
    """Keep the scripts that seats name: they are part of what the pack says."""
    for seat in scene.seats:
        kind, _, name = (seat.backend or "").partition(":")
        is_sound = kind == SCRIPTED and backend_refusal(f"{SCRIPTED}:{name}", gathered.source.root) is None
        if is_sound and name not in gathered.scripts:
            data = read_bytes(gathered.source.root / name, str(Path(gathered.source.label) / name), report)
            gathered.scripts[name] = data or b""


def seek_candidates(scene: Scene, node: Node, report: Report, personas: Iterable[Persona]) -> None:
    """Report each open seat that nobody may take who does not sit elsewhere in the scene."""
    seated = {seat.persona for seat in scene.seats if seat.persona}
    own = list(personas)
    for position, seat in enumerate(scene.seats):
        if seat.persona is None and not _is_there(seat.who, own, seated):
            _say_nobody(("seats", position, "who"), "seat", node, report)


def _is_there(who: Constraint, own: Iterable[Persona], taken: Collection[str]) -> bool:
    """Whether somebody of the own personas, else of the built-in ones, fits who is not taken."""
    if any(persona.id not in taken and matches(who, persona) for persona in own):
        return True
    others = installed_personas(builtin_root()).values()
    return any(persona.id not in taken and matches(who, persona) for persona in others)


def _say_nobody(loc: Loc, what: str, node: Node, report: Report) -> None:
    said = f"no persona of this pack or of the built-in one may take this open {what}; ask for less"
    report.add(found(node, loc).mark, path_of(node, loc), "no-candidate", said)


@cache
def installed_personas(root: Path) -> Mapping[str, Persona]:
    """The personas of an installed pack, read once in a process. Raises PackError with its problems."""
    source = source_of(root / "personas")
    if source is None:
        return {}
    report = Report()
    gathered = gather(source, report, Lent())
    report.refuse(str(root))
    return gathered.personas
