"""What `simworld list` shows: each list is its heads and its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from simworld.packs import Pack, installed_roots, load_pack

Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]


def _packs(paths: Sequence[Path]) -> list[Pack]:
    return [load_pack(root) for root in (*(root for _, root in installed_roots()), *paths)]


def _list_packs(paths: Sequence[Path]) -> Rows:
    rows = [
        (pack.name, str(len(pack.personas)), str(len(pack.scenes)), str(len(pack.stories)), str(pack.root))
        for pack in _packs(paths)
    ]
    return ("pack", "personas", "scenes", "stories", "folder"), rows


def _list_personas(paths: Sequence[Path]) -> Rows:
    people = [(pack, persona) for pack in _packs(paths) for persona in pack.personas.values()]
    rows = [
        (who.id, who.name, str(who.age if who.age is not None else ""), who.career, pack.name) for pack, who in people
    ]
    return ("persona", "name", "age", "career", "pack"), rows


def _list_scenes(paths: Sequence[Path]) -> Rows:
    scenes = [(pack, scene) for pack in _packs(paths) for scene in pack.scenes.values()]
    rows = [
        (scene.id, scene.title, ", ".join(f"{seat.id}={seat.persona or '(open)'}" for seat in scene.seats), pack.name)
        for pack, scene in scenes
    ]
    return ("scene", "title", "seats", "pack"), rows


def _list_stories(paths: Sequence[Path]) -> Rows:
    stories = [(pack, story) for pack in _packs(paths) for story in pack.stories.values()]
    rows = [
        (
            story.id,
            story.title,
            ", ".join(f"{part.id}={part.persona or '(open)'}" for part in story.cast),
            ", ".join(chapter.id for chapter in story.chapters),
            pack.name,
        )
        for pack, story in stories
    ]
    return ("story", "title", "parts", "chapters", "pack"), rows


def _list_backends(paths: Sequence[Path]) -> Rows:
    del paths
    from simworld.simulate.speakers import described

    return ("backend", "what it is"), described()


def _list_directors(paths: Sequence[Path]) -> Rows:
    del paths
    from simworld.registry import find, names
    from simworld.simulate.directors import DIRECTORS

    named = names("director", DIRECTORS)
    return ("director", "who acts next"), [(name, _first_line(find("director", name, DIRECTORS))) for name in named]


def _list_exporters(paths: Sequence[Path]) -> Rows:
    del paths
    from simworld.corpus.exports.table import EXPORTERS, exporter
    from simworld.registry import names

    return ("exporter", "a row"), [(name, _first_line(exporter(name))) for name in names("exporter", EXPORTERS)]


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]


LISTS: dict[str, Callable[[Sequence[Path]], Rows]] = {
    "backends": _list_backends,
    "directors": _list_directors,
    "exporters": _list_exporters,
    "packs": _list_packs,
    "personas": _list_personas,
    "scenes": _list_scenes,
    "stories": _list_stories,
}
