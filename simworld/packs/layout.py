"""Layout: which files make up a pack, and where packs are.

    source_of(Path("X"))                # the pack X: X/personas, X/scenes, X/stories, X/vocabularies
    source_of(Path("X/scenes"))         # its scenes, with the personas of X
    source_of(Path("X/scenes/a.yaml"))  # one of them
    source_of(Path("X/stories"))        # its stories, with the personas of X and the scenes that they name

Stories may also lie in X/scenes/stories. The built-in pack is the repository's own `personas/` and `scenes/`; a wheel
carries them in `simworld/builtin`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from simworld.errors import UsageError
from simworld.packs.reader import read_bytes
from simworld.packs.report import Report, shown

GROUP = "simworld.packs"
"""Entry points of this group name a module or package whose folder is a pack."""
BUILT_IN = "builtin"
SUFFIXES = (".yaml", ".yml")
_PACKAGE = Path(__file__).resolve().parent.parent
_SEATS = re.compile(rb"^[\"']?seats[\"']?[ \t]*:", re.MULTILINE)
_CHAPTERS = re.compile(rb"^[\"']?chapters[\"']?[ \t]*:", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class File:
    """A file of a pack."""

    path: Path
    name: str
    """As problems name it: as the user named the pack."""

    @property
    def id(self) -> str:
        """The file's name without its ending."""
        return self.path.stem


@dataclass(frozen=True, slots=True)
class Source:
    """The files that one pack is read from."""

    root: Path
    """The folder of the pack; nothing outside it is read."""
    label: str
    """The folder as the user named it."""
    name: str
    shelf: Path
    """Where `extends` looks."""
    personas: tuple[File, ...] = ()
    scenes: tuple[File, ...] = ()
    fragments: tuple[File, ...] = ()
    """Fragments to look at even where no persona uses them."""
    vocabularies: tuple[File, ...] = ()
    stories: tuple[File, ...] = ()
    lendable: tuple[File, ...] = ()
    """Scenes that are read only if a chapter of one of the stories names them."""


def joined(sources: Sequence[Source]) -> Source:
    """Parts of one pack as one, each file once."""
    return replace(
        sources[0],
        personas=_union(source.personas for source in sources),
        scenes=_union(source.scenes for source in sources),
        fragments=_union(source.fragments for source in sources),
        vocabularies=_union(source.vocabularies for source in sources),
        stories=_union(source.stories for source in sources),
        lendable=_union(source.lendable for source in sources),
    )


def _union(parts: Iterable[tuple[File, ...]]) -> tuple[File, ...]:
    distinct = dict.fromkeys(file for part in parts for file in part)
    folders = {folder: folder.resolve() for folder in {file.path.parent for file in distinct}}
    by_place: dict[Path, File] = {}
    for file in distinct:
        by_place.setdefault(folders[file.path.parent] / file.path.name, file)
    return tuple(by_place.values())


def source_of(path: Path) -> Source | None:
    """The pack, or the part of one, that `path` names; None where there is no such file or folder."""
    try:
        is_folder, is_there = path.is_dir(), os.path.lexists(path)
    except OSError:
        return None
    if is_folder:
        return _of_folder(path)
    return _of_file(path) if is_there else None


def sources_of(paths: Iterable[Path]) -> tuple[list[Source], list[Path]]:
    """The packs that these paths name, each pack once, and the paths where nothing is."""
    found: dict[Path, list[Source]] = {}
    missing: list[Path] = []
    for path in paths:
        source = source_of(path)
        if source is None:
            missing.append(path)
        else:
            found.setdefault(source.root.resolve(), []).append(source)
    return [joined(parts) for parts in found.values()], missing


def _of_folder(path: Path) -> Source:
    if _is_pack(path):
        return _whole(path)
    name = _called(path)
    if name == "scenes":
        source = _pack(_parent(path), files_in(_parent(path) / "personas"), files_in(path))
        return replace(source, stories=files_in(path / "stories"))
    if name == "personas":
        return _pack(_parent(path), files_in(path), (), fragments=files_below(path))
    if name == "stories":
        return _of_stories(_above_stories(path), files_in(path))
    if (path / "stories").is_dir():
        return _whole(path)
    files = files_in(path)
    stories = tuple(file for file in files if _is_story(file.path))
    scenes = tuple(file for file in files if _is_scene(file.path))
    personas = tuple(file for file in files if file not in scenes and file not in stories)
    return replace(_pack(path, personas, scenes, fragments=files_below(path)), shelf=path, stories=stories)


def _is_pack(folder: Path) -> bool:
    return (folder / "personas").is_dir() or (folder / "scenes").is_dir()


def _whole(root: Path) -> Source:
    source = _pack(root, files_in(root / "personas"), files_in(root / "scenes"), files_below(root / "personas"))
    return replace(source, stories=story_files(root))


def _of_stories(root: Path, files: tuple[File, ...], scenes: tuple[File, ...] = ()) -> Source:
    """Stories of a pack, with what they may name of it."""
    source = _pack(root, files_in(root / "personas"), ())
    return replace(source, stories=files, lendable=(*files_in(root / "scenes"), *scenes))


def _above_stories(folder: Path) -> Path:
    """The pack whose stories lie in `folder`: X of X/stories and of X/scenes/stories."""
    above = _parent(folder)
    return _parent(above) if _called(above) == "scenes" and not _is_pack(above) else above


def _of_file(path: Path) -> Source:
    folder = path.parent
    name = _called(folder)
    files = (File(path, str(path)),)
    if name == "scenes":
        return _pack(_parent(folder), files_in(_parent(folder) / "personas"), files)
    if name == "personas":
        return _pack(_parent(folder), files, ())
    if name == "stories":
        return _of_stories(_above_stories(folder), files)
    return _by_content(path, folder, files)


def _by_content(path: Path, folder: Path, files: tuple[File, ...]) -> Source:
    if _is_scene(path):
        return _pack(folder, files_in(folder / "personas"), files)
    if _is_story(path):
        return _of_stories(folder, files, tuple(file for file in files_in(folder) if _is_scene(file.path)))
    for above in folder.absolute().parents:
        if above.name == "personas":
            return _pack(above.parent, (), (), fragments=files)
    return replace(_pack(folder, files, ()), shelf=folder)


def _pack(root: Path, personas: tuple[File, ...], scenes: tuple[File, ...], fragments: tuple[File, ...] = ()) -> Source:
    return Source(
        root, str(root), _name(root), root / "personas", personas, scenes, fragments, files_in(root / "vocabularies")
    )


def _name(root: Path) -> str:
    full = root.resolve()
    return BUILT_IN if full == built_in_of(_PACKAGE) else full.name or "pack"


def _parent(folder: Path) -> Path:
    return folder.parent if folder.name not in ("", "..") else folder / ".."


def _called(folder: Path) -> str:
    return folder.name if folder.name not in ("", "..") else folder.resolve().name


def story_files(root: Path) -> tuple[File, ...]:
    """The stories of the pack at `root`."""
    return (*files_in(root / "stories"), *files_in(root / "scenes" / "stories"))


def files_in(folder: Path) -> tuple[File, ...]:
    """The YAML files directly in a folder, by name."""
    if not folder.is_dir():
        return ()
    names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIXES) and not name.startswith("."))
    return tuple(File(folder / name, str(folder / name)) for name in names)


def files_below(folder: Path) -> tuple[File, ...]:
    """The YAML files in the folders below one: its fragments."""
    return tuple(_walk(folder)) if folder.is_dir() else ()


def _walk(folder: Path) -> Iterator[File]:
    for at, folders, _ in os.walk(folder):
        folders.sort()
        if Path(at) != folder:
            yield from files_in(Path(at))


def _is_scene(path: Path) -> bool:
    return _SEATS.search(read_bytes(path, str(path), Report()) or b"") is not None


def _is_story(path: Path) -> bool:
    data = read_bytes(path, str(path), Report()) or b""
    return _CHAPTERS.search(data) is not None and _SEATS.search(data) is None


def is_inside(path: Path, root: Path) -> bool:
    """Whether a file lies in a folder, links followed."""
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def builtin_root() -> Path:
    """The folder of the built-in pack. Raises UsageError where the installation lacks it."""
    root = built_in_of(_PACKAGE)
    if root is None:
        raise UsageError(f"the built-in personas/ and scenes/ are not beside {_PACKAGE}; install simworld again")
    return root


def built_in_of(package: Path) -> Path | None:
    """Where the personas and scenes of an installed package (or a checkout's) are; None where they are not."""
    for root in (package / "builtin", package.parent):
        if (root / "personas").is_dir() and (root / "scenes").is_dir():
            return root.resolve()
    return None


def installed_roots() -> Iterator[tuple[str, Path]]:
    """Name and folder of every installed pack: the built-in one, then those that entry points name, by name."""
    yield BUILT_IN, builtin_root()
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        yield point.name, _folder_of(point)


def _folder_of(point: EntryPoint) -> Path:
    """The folder of a module; it is found, not run (a package that it is in is)."""
    try:
        spec = find_spec(point.module)
    except (ImportError, ValueError):
        spec = None
    places = list(spec.submodule_search_locations or []) if spec else []
    if spec and not places and spec.origin:
        places = [str(Path(spec.origin).parent)]
    if not places:
        what = f"the installed pack '{shown(point.name)}' names the module '{shown(point.value)}', which is not there"
        raise UsageError(f"{what}; install or remove the package that brings it")
    return Path(places[0])
