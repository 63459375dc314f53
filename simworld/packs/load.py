"""load: a path -> what lies there."""

from __future__ import annotations

from pathlib import Path

from simworld.errors import PackError
from simworld.packs.pack import Pack, load_pack
from simworld.schema import Persona, Scene, Story


def load(path: str | Path) -> Pack | Persona | Scene | Story:
    """A pack for a folder, a Persona, a Scene or a Story for a file. Raises PackError with every problem."""
    path = Path(path)
    pack = load_pack(path)
    if path.is_dir():
        return pack
    for kind, records in (("persona", pack.personas), ("scene", pack.scenes), ("story", pack.stories)):
        for id, record in records.items():
            file = pack.files.get(f"{kind}/{id}")
            if file is not None and file.resolve() == path.resolve():
                return record
    raise PackError(f"{path}: is no persona, scene or story; see `simworld schema persona|scene|story`")
