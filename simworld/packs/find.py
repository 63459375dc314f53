"""Find scenes and personas by id or path, in packs of one's own and in installed ones.

[(pack, scene)] = find_scenes(["lost_luggage"])         # of the built-in pack
everything = find_scenes(["mypack", "other/scenes"])
rosa = find_persona("rosa", pack)                       # the pack's own, else an installed one's
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from simworld.errors import UsageError, nearest, unknown
from simworld.packs.casting import matches
from simworld.packs.gather import Lent, installed_personas
from simworld.packs.layout import (
    SUFFIXES,
    Source,
    builtin_root,
    files_in,
    installed_roots,
    joined,
    source_of,
    story_files,
)
from simworld.packs.look import CheckTemplate
from simworld.packs.names import is_id
from simworld.packs.pack import Pack, load_source
from simworld.packs.report import shown
from simworld.schema import Constraint, Persona, Scene


def find_scenes(
    names: Sequence[str | Path],
    extra_roots: Iterable[str | Path] = (),
    *,
    check_template: CheckTemplate | None = None,
    directors: Collection[str] | None = None,
) -> list[tuple[Pack, Scene]]:
    """The scenes of these names, each once, in the order of the names; those of a folder by id.

    A name is a scene's id, sought in `extra_roots`, the built-in pack and the other installed ones, or a path: a
    file, a folder of scenes, a pack. What looks like an id and is one is an id. Scenes of one folder share one Pack
    that holds these scenes and all its personas. Raises UsageError for a name that is neither, PackError where a
    pack is not sound.
    """
    extra = [Path(root) for root in extra_roots]
    # what stories say does not matter to who plays scenes
    sources = [replace(_named(str(name), extra), stories=()) for name in names]
    packs = loaded(sources, Lent(check_template, directors))
    wanted = dict.fromkeys((source.root.resolve(), file.id) for source in sources for file in source.scenes)
    return [(packs[root], packs[root].scenes[id]) for root, id in wanted]


def loaded(sources: Iterable[Source], lent: Lent) -> Mapping[Path, Pack]:
    """The pack of each root, read once whatever the number of its parts."""
    parts: dict[Path, list[Source]] = {}
    for source in sources:
        parts.setdefault(source.root.resolve(), []).append(source)
    return {root: load_source(joined(some), lent) for root, some in parts.items()}


def _named(name: str, extra: Sequence[Path]) -> Source:
    """The source of one scene by id, or of a path."""
    by_id = scene_by_id(name, roots(extra)) if is_id(name) else None
    source = by_id or source_of(Path(name))
    if source is None:
        ids = {file.id for _, root in roots(extra) for file in files_in(root / "scenes")}
        raise unknown("scene", name, ids, _hint(name, extra))
    if (source.personas or source.stories) and not source.scenes:
        raise UsageError(f"'{shown(name, 400)}' holds no scenes; name a scene, a folder of scenes or a pack")
    return source


def _hint(name: str, extra: Sequence[Path]) -> str:
    """How a scene is named; and that the name is, or is nearly, that of a story."""
    story = nearest(name, sorted({file.id for _, root in roots(extra) for file in story_files(root)}))
    hint = "A scene is named by its id or by a path: a file, a folder of scenes, a pack."
    return f"'{story}' is a story. {hint}" if story else hint


def scene_by_id(id: str, among: Iterable[tuple[str, Path]]) -> Source | None:
    """The source of a scene, of the first of these packs that has it; None where none has."""
    for name, root in among:
        for suffix in SUFFIXES:
            path = root / "scenes" / f"{id}{suffix}"
            source = source_of(path) if path.is_file() else None
            if source:
                return replace(source, name=name or source.name)
    return None


def roots(extra: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Where ids are sought; packs that are not installed bear their folder's name."""
    for root in extra:
        yield "", root
    yield from installed_roots()


def find_persona(id: str, pack: Pack | None = None) -> Persona:
    """The persona of this id: the pack's own, else the one of the first installed pack that has it.

    Raises UsageError where there is none, PackError where the installed pack is not sound.
    """
    if pack and id in pack.personas:
        return pack.personas[id]
    ids = set(pack.personas if pack else ())
    for _, root in installed_roots():
        here = {file.id for file in files_in(root / "personas")}
        if id in here:
            return installed_personas(root)[id]
        ids |= here
    raise unknown("persona", id, ids)


def candidates(who: Constraint, pack: Pack | None = None, but: Collection[str] = ()) -> list[Persona]:
    """Who may take an open seat, by id, without those in `but`: personas of the pack, else of the built-in one."""
    own = _fit(who, pack.personas.values() if pack else (), but)
    return own or _fit(who, installed_personas(builtin_root()).values(), but)


def _fit(who: Constraint, personas: Iterable[Persona], but: Collection[str]) -> list[Persona]:
    fit = (who_ for who_ in personas if who_.drawn and who_.id not in but and matches(who, who_))
    return sorted(fit, key=lambda persona: persona.id)
