"""Which ids may stand where, and which keys a pack may not set.

is_id("old_man")            # True
reserved("director")        # True: the engine's graph has a node of that name
"""

from __future__ import annotations

import re

from simworld.schema import NARRATOR, OUT

ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
ID_RULE = "should begin with a small letter and hold only a-z, 0-9 and _, at most 64 characters"

# each of these would mean two things: to the engine's graph and its state, to a scene's templates, or to `--speaker`
_GRAPH = frozenset(
    {
        "director", "__start__", "__end__", "acts", "ending", "faults", "minds", "news",
        "next", "told", "turns", "usage", "way", "world",
    }
)  # fmt: skip
_TEMPLATE = frozenset(
    {
        "topic", "time", "place", "row", "true", "false", "none", "not", "and", "or", "in", "is", "if", "else", "self",
        "loop",
    }
)  # fmt: skip
_SPEAKER = frozenset({"main", "each", OUT})
RESERVED = _GRAPH | _TEMPLATE | _SPEAKER | {NARRATOR, "range"}

FORBIDDEN = frozenset(
    {
        "url", "uri", "base_url", "api_base", "endpoint", "host", "proxy", "api_key", "apikey", "key", "token",
        "password", "authorization", "header", "headers", "env", "environment", "checkpoint", "path", "model",
        "model_name",
    }
)  # fmt: skip
"""Keys that say where calls go or what they carry; never the name of a field of a persona, a scene or a story."""


def is_id(name: str) -> bool:
    """Whether `name` may be the id of a persona, scene, story, seat or place."""
    return ID.fullmatch(name) is not None


def reserved(name: str) -> bool:
    """Whether `name` is taken, so that no seat may be called so (but a narrator `narrator`)."""
    return name in RESERVED


def is_forbidden(key: str) -> bool:
    """Whether only the user's command or Python may set what `key` says."""
    return key.strip().casefold().replace("-", "_") in FORBIDDEN
