"""A small pack that plays, to begin one's own with: `new_pack("mypack")` writes it."""

from __future__ import annotations

from pathlib import Path

from simworld.errors import UsageError

STARTER = Path(__file__).parent.parent / "templates" / "new_pack"


def new_pack(folder: str | Path) -> list[Path]:
    """Write the starter pack into a folder that is empty or not there yet; the files written, by name.

    Raises UsageError where something is there already, or the folder cannot be written.
    """
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file; name a folder that is empty or not there yet")
    if target.is_dir() and any(target.iterdir()):
        raise UsageError(f"{target} is not empty; name a folder that is empty or not there yet")
    try:
        return [_copied(path, target / path.relative_to(STARTER)) for path in _starter()]
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from error


def _starter() -> list[Path]:
    return sorted(path for path in STARTER.rglob("*") if path.suffix in (".md", ".yaml"))


def _copied(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    return target
