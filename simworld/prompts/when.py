"""How long ago something was, in words: ago(45) -> '45 minutes ago'."""

from __future__ import annotations

from functools import lru_cache

from simworld.prompts.render import data


@lru_cache(maxsize=4096)
def ago(minutes: float) -> str:
    """Minutes as one speaks of them (`templates/prompts/when.yaml`); less than none is now."""
    for row in data("prompts/when.yaml"):
        if minutes < row["under"]:
            return str(row["words"]).format(n=max(2, round(minutes / row.get("each", 1))))
    return str(data("prompts/when.yaml")[-1]["words"])
