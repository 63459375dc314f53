"""Gather: read the files of one pack into records, and report everything that is wrong with them.

report = Report()
gathered = gather(source, report, Lent())
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from simworld.packs.backend_rule import SCRIPTED, backend_refusal
from simworld.packs.casting import matches
from simworld.packs.fragments import Shelf, shelf_of
from simworld.packs.layout import File, Source, builtin_root, files_in, installed_roots, is_inside, source_of
from simworld.packs.node import Mark, Node, found, path_of
from simworld.packs.reader import read_bytes, read_path
from simworld.packs.records import PERSONA_WORDS, SCENE_WORDS, record_of
from simworld.packs.report import Report, shown
from simworld.packs.scene_rules import Around, CheckTemplate, check_scene
from simworld.packs.words import KINDS, Vocabulary, extended
from simworld.schema import Persona, Scene


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
    files: dict[str, Path] = field(default_factory=dict[str, Path])
    """`persona/ID` and `scene/ID` -> file."""
    scripts: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """The scripts that seats name, by the path within the pack."""


def gather(source: Source, report: Report, lent: Lent) -> Gathered:
    """Read every file of `source`; what is wrong goes to `report`."""
    gathered = Gathered(source, extended(_vocabularies(source, report), report))
    if not (source.personas or source.scenes or source.fragments or source.vocabularies):
        what = "holds no personas and no scenes; put YAML files into its folders personas/ and scenes/"
        report.add(Mark(source.label, 1, 1), "", "empty-pack", what)
    shelf = shelf_of(source, builtin_root(), report)
    for file in _distinct(source.personas, report):
        _persona(file, gathered, shelf, report)
    for file in source.fragments:
        _fragment(file, gathered, shelf, report)
    named = Named({file.id for file in source.personas})
    around = Around(named.has, named.all, lent.check_template, lent.directors, source.root)
    for file in _distinct(source.scenes, report):
        _scene(file, gathered, report, around)
    return gathered


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
            what = f"'{shown(file.id)}' is the id of {shown(first[file.id].name)} already; rename one of them"
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
    node = _read(file, gathered, report)
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
    seated = {seat.persona for seat in scene.seats}
    own = [persona for persona in personas if persona.id not in seated]
    for position, seat in enumerate(scene.seats):
        if seat.persona is None and not any(matches(seat.who, persona) for persona in own):
            others = installed_personas(builtin_root()).values()
            if not any(matches(seat.who, persona) for persona in others if persona.id not in seated):
                loc = ("seats", position, "who")
                what = "no persona of this pack or of the built-in one may take this open seat; ask for less"
                report.add(found(node, loc).mark, path_of(node, loc), "no-candidate", what)


class Named:
    """The persona ids that a scene may name: its own pack's, then those of the installed packs."""

    def __init__(self, own: Collection[str]) -> None:
        self.own = own

    def has(self, id: str) -> bool:
        """Whether there is a persona of this id."""
        return id in self.own or id in self._installed

    def all(self) -> list[str]:
        """Every id."""
        return sorted({*self.own, *self._installed})

    @cached_property
    def _installed(self) -> frozenset[str]:
        return frozenset(file.id for _, root in installed_roots() for file in files_in(root / "personas"))


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
