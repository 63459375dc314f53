"""Known: the personas and scenes that a file may name: its own pack's, then those of the installed packs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from simworld.packs.layout import File, files_in, installed_roots, is_inside
from simworld.packs.look import texts_of, whole
from simworld.packs.node import EACH, Node, select
from simworld.packs.reader import read_path
from simworld.packs.report import Report


class KnownPersonas:
    """The persona ids that a scene or a story may name."""

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


@dataclass(frozen=True, slots=True)
class Outline:
    """What a story must know of a scene, read from its tree as far as that has the right form."""

    seats: Mapping[str, str]
    """Seat -> its fixed persona; empty: it is open."""
    late: Mapping[str, int]
    """Seat that enters later -> the act before which it does."""
    places: frozenset[str]
    least: int
    """The scene's `min_turns`."""


def outline_of(scene: Node) -> Outline:
    """The outline of a scene's tree."""
    seats: dict[str, str] = {}
    late: dict[str, int] = {}
    for _, seat in select(scene, "seats", EACH):
        id, persona, enters = seat.child("id"), seat.child("persona"), whole(seat.child("enters"))
        if id and id.text:
            seats[id.text] = persona.text if persona else ""
            if enters:
                late[id.text] = enters
    least = next((whole(item) or 0 for _, item in select(scene, "end", "min_turns")), 0)
    return Outline(seats, late, frozenset(texts_of(scene, "places", EACH, "id")), least)


class KnownScenes:
    """The scenes that a story's chapters may name; `own`: the trees of the pack's, None where one cannot be read."""

    def __init__(self, own: Mapping[str, Node | None]) -> None:
        self.own = own
        self._outlines: dict[str, Outline | None] = {}

    def has(self, id: str) -> bool:
        """Whether there is a scene of this id."""
        return id in self.own or id in self._installed

    def all(self) -> list[str]:
        """Every id."""
        return sorted({*self.own, *self._installed})

    def outline(self, id: str) -> Outline | None:
        """What a story must know of this scene; None where it is not there, cannot be read or has no seats."""
        if id not in self._outlines:
            tree = self._tree(id)
            outline = outline_of(tree) if tree else None
            self._outlines[id] = outline if outline and outline.seats else None
        return self._outlines[id]

    def _tree(self, id: str) -> Node | None:
        if id in self.own:
            return self.own[id]
        file = self._installed.get(id)
        if file is None or not is_inside(file.path, file.path.parent.parent):
            return None
        # what is wrong with an installed scene is told where it is loaded
        return read_path(file.path, file.name, Report())

    @cached_property
    def _installed(self) -> Mapping[str, File]:
        files: dict[str, File] = {}
        for _, root in installed_roots():
            for file in files_in(root / "scenes"):
                files.setdefault(file.id, file)
        return files
