"""Find stories by id or path, each with the scenes of its chapters.

    [found] = find_stories(["the_long_winter"])         # of an installed pack
    found.story.chapters[0].scene, found.scenes["arrival"]

A name means a story where `is_story` says so; all others mean scenes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from simworld.errors import UsageError, unknown
from simworld.packs.find import loaded, roots, scene_by_id
from simworld.packs.gather import Lent
from simworld.packs.layout import Source, files_in, installed_roots, source_of, story_files
from simworld.packs.look import CheckTemplate
from simworld.packs.names import is_id
from simworld.packs.pack import Pack
from simworld.packs.report import shown
from simworld.schema import Scene, Story


@dataclass(frozen=True, slots=True)
class FoundStory:
    """A story and all that it is played with."""

    pack: Pack
    """The story's own; it holds the story, its scenes and all personas."""
    story: Story
    scenes: Mapping[str, tuple[Pack, Scene]]
    """Chapter -> its scene as it stands in its pack (nothing of the chapter laid over it), and that pack."""


def find_stories(
    names: Sequence[str | Path],
    extra_roots: Iterable[str | Path] = (),
    *,
    check_template: CheckTemplate | None = None,
    directors: Collection[str] | None = None,
) -> list[FoundStory]:
    """The stories of these names, each once, in the order of the names; those of a folder by id.

    A name is a story's id, sought in `extra_roots`, the built-in pack and the other installed ones, or a path: a file,
    a folder of stories, a pack. A chapter's scene is of the story's own pack, else of the first installed one that has
    it. Raises UsageError for a name that is neither, PackError where a pack is not sound.
    """
    extra = [Path(root) for root in extra_roots]
    lent = Lent(check_template, directors)
    sources = [_named(str(name), extra) for name in names]
    packs = loaded(sources, lent)
    wanted = dict.fromkeys((source.root.resolve(), file.id) for source in sources for file in source.stories)
    stories = [(packs[root], packs[root].stories[id]) for root, id in wanted]
    borrowed = _borrowed(stories, lent)
    return [
        FoundStory(pack, story, {chapter.id: _scene(chapter.scene, pack, borrowed) for chapter in story.chapters})
        for pack, story in stories
    ]


def is_story(name: str | Path, extra_roots: Iterable[str | Path] = ()) -> bool:
    """Whether a name or a path means a story, or a folder of stories, and not scenes."""
    id = str(name)
    if is_id(id):
        for _, root in roots([Path(root) for root in extra_roots]):
            if any(file.id == id for file in files_in(root / "scenes")):
                return False
            if any(file.id == id for file in story_files(root)):
                return True
    source = source_of(Path(name))
    return source is not None and bool(source.stories) and not source.scenes


def _named(name: str, extra: Sequence[Path]) -> Source:
    """The source of one story by id, or of the stories at a path."""
    source = (_by_id(name, extra) if is_id(name) else None) or source_of(Path(name))
    if source is None:
        ids = {file.id for _, root in roots(extra) for file in story_files(root)}
        hint = "A story is named by its id or by a path: a file, a folder of stories, a pack."
        raise unknown("story", name, ids, hint)
    if not source.stories:
        raise UsageError(f"'{shown(name, 400)}' holds no stories; name a story, a folder of stories or a pack")
    # of its scenes those matter that chapters name
    return replace(source, scenes=(), lendable=(*source.scenes, *source.lendable))


def _by_id(id: str, extra: Sequence[Path]) -> Source | None:
    for name, root in roots(extra):
        for file in story_files(root):
            source = source_of(file.path) if file.id == id and file.path.is_file() else None
            if source:
                return replace(source, name=name or source.name)
    return None


def _borrowed(stories: Iterable[tuple[Pack, Story]], lent: Lent) -> Mapping[str, tuple[Pack, Scene]]:
    """The scenes of other packs that chapters name, by id."""
    ids = {chapter.scene for pack, story in stories for chapter in story.chapters if chapter.scene not in pack.scenes}
    found = {id: source for id in sorted(ids) if (source := scene_by_id(id, installed_roots()))}
    packs = loaded(found.values(), lent)
    return {id: (pack, pack.scenes[id]) for id, source in found.items() if (pack := packs[source.root.resolve()])}


def _scene(id: str, pack: Pack, borrowed: Mapping[str, tuple[Pack, Scene]]) -> tuple[Pack, Scene]:
    return (pack, pack.scenes[id]) if id in pack.scenes else borrowed[id]
