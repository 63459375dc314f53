"""Fingerprint: what tells a checkpoint from the one that stood at the same path before.

    >>> fingerprint("meta-llama/Llama-3.2-1B-Instruct")     # a hub id is known by its name
    ''

Of each file of weights its size, its header, and the first and last bytes of every tensor are read, not all of it: a
training step changes all of those that it trains. Small files (config, tokenizer, template) are read whole.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

EDGE = 512
"""Bytes read at either end of a tensor."""
LONGEST_HEADER = 100_000_000
"""Bytes of a header of safetensors, at most."""
_SMALL = ("*.json", "*.jinja", "*.model", "*.txt")


def fingerprint(path: str | Path, adapter: str | Path | None = None) -> str:
    """A hash of the checkpoint in a folder, and of the adapter on top of it; '' where neither is a folder."""
    folders = [folder for given in (path, adapter) if given and (folder := Path(given).expanduser()).is_dir()]
    if not folders:
        return ""
    digest = blake2b(digest_size=12)
    for folder in folders:
        for file in sorted({file for form in _SMALL for file in folder.glob(form)}):
            digest.update(f"{file.name}\0".encode() + file.read_bytes())
        for file in sorted(folder.glob("*.safetensors")):
            digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
            with file.open("rb") as weights:
                _take_weights(digest, weights, file.stat().st_size)
        base = _base_of(folder)
        if base and base.is_dir() and base != folder:
            digest.update(fingerprint(base).encode())
    return digest.hexdigest()


def _take_weights(digest: Any, weights: BinaryIO, size: int) -> None:
    length = int.from_bytes(weights.read(8), "little")
    header = weights.read(min(length, LONGEST_HEADER, size))
    digest.update(header)
    for start, end in _spans(header):
        for at in (start, max(start, end - EDGE)):
            weights.seek(8 + length + at)
            digest.update(weights.read(min(EDGE, end - at)))


def _spans(header: bytes) -> list[tuple[int, int]]:
    """Where each tensor begins and ends behind the header; none where this is no header."""
    try:
        told: dict[str, Any] = json.loads(header)
        return sorted(tuple(about["data_offsets"]) for name, about in told.items() if name != "__metadata__")
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _base_of(folder: Path) -> Path | None:
    """The folder of the model that an adapter stands on, where it names one."""
    try:
        name = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
        return Path(name).expanduser() if name else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
