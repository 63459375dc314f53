"""What a pack may put into a seat's `backend`: a name, never an address, a key or a file outside the pack.

backend_refusal("scripted:scripts/clerk.txt", root)     # None where the pack has that file
backend_refusal("local:/models/7b", root)               # ('forbidden', 'only the user may seat local: ...')
"""

from __future__ import annotations

import re
from pathlib import Path

from simworld.packs.layout import is_inside
from simworld.packs.report import shown

ALLOWED = ("improv", "human", "scripted:FILE", "provider:name")
USERS_OWN = frozenset({"recorded", "local", "usersim", "huggingface"})
"""Backends that read a corpus or a checkpoint: the user's command or Python seats them."""
SCRIPTED = "scripted"
_NAME = re.compile(r"[A-Za-z0-9._:/@-]+")
_PROVIDER = re.compile(r"[a-z][a-z0-9_]*")


def backend_refusal(spec: str, root: Path) -> tuple[str, str] | None:
    """Code and reason why a pack at `root` may not seat `spec`; None where it may."""
    kind, colon, rest = spec.partition(":")
    if spec in ("improv", "human"):
        return None
    if kind in USERS_OWN:
        return "forbidden", f"a pack may not seat '{shown(kind)}:'; only the user's command or Python may"
    if not colon or not _PROVIDER.fullmatch(kind):
        return "unknown-backend", f"'{shown(spec)}' is no backend"
    if kind == SCRIPTED:
        return _script_refusal(rest, root)
    if not _NAME.fullmatch(rest) or "//" in rest or ".." in rest:
        what = "holds more than a model's name (A-Z a-z 0-9 . _ : / @ -); only the user's command or Python may set"
        return "forbidden", f"'{shown(spec)}' {what} an address"
    return None


def _script_refusal(name: str, root: Path) -> tuple[str, str] | None:
    path = Path(name)
    if not name.isprintable() or path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        return "forbidden", f"the script '{shown(name)}' should be a path within the pack: not absolute, without '..'"
    try:
        is_there = bool(name) and (root / path).is_file()
    except OSError:
        is_there = False
    if not is_there:
        return "unreadable", f"the pack has no file '{shown(name)}' (it is sought from the pack's folder)"
    if not is_inside(root / path, root):
        return "forbidden", f"the script '{shown(name)}' leads outside the pack"
    return None
