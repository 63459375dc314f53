"""Ids for what came under names of its own.

ids = Ids()
ids.new(identifier("Scarlett's father"))       # 'scarlett_s_father'
ids.new(identifier("Scarlett's father"))       # 'scarlett_s_father_2'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from hashlib import blake2b

LONGEST = 56
"""Characters of an id before a number is put behind it; ids may have 64."""
LONGEST_FREE = 120
"""Characters of a transcript's id before a number is put behind it."""


def identifier(name: str) -> str:
    """`name` as an id of a persona or scene: small letters, digits and _, a letter first."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    word = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not word:
        return f"p_{blake2b(name.encode(), digest_size=4).hexdigest()}"
    return (word if word[0].isalpha() else f"p_{word}")[:LONGEST].rstrip("_")


def safe(id: str) -> str:
    """`id` as the id of a transcript: letters, digits, `_`, `-` and `.`."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", id).strip("-.")[:LONGEST_FREE] or "dialogue"


class Ids:
    """Hands out ids, each once."""

    def __init__(self, reserved: Collection[str] = ()) -> None:
        self._reserved = reserved
        self._taken: dict[int, int] = {}

    def new(self, wanted: str) -> str:
        """`wanted`, or the first of `wanted_2`, `wanted_3` ... that is free."""
        number = self._taken.get(_key(wanted), 1 if wanted in self._reserved else 0)
        id = wanted
        while number and _key(id := f"{wanted}_{number + 1}") in self._taken:
            number += 1
        self._taken[_key(wanted)] = number + 1
        self._taken.setdefault(_key(id), 1)
        return id


def _key(id: str) -> int:
    """Eight bytes instead of the id: a corpus may have millions."""
    return int.from_bytes(blake2b(id.encode(), digest_size=8).digest(), "big")
