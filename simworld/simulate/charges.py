"""Charges: what a corpus has cost so far, and the parts of its budget that workers are granted.

spent = charged(folder, till, specs=["openai:gpt-4.1"])
grants = Grants(read_budget("20usd").points - spent, workers=4)
grants.give(20_000_000)       # a worker lacks so much: it gets that and a little more, or nothing
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from simworld.backends.till import Till
from simworld.text.tokens import estimate

AHEAD = 20
"""How many times what it lacks a worker is granted, so that it need not ask for every call."""
PAID = "paid"
"""Event of the run's log: what was spent without a reply that tells of it."""


class Grants:
    """What is left of a budget, handed out to workers in parts that get smaller as it ends."""

    def __init__(self, left: int, workers: int) -> None:
        self.left = max(0, left)
        self._workers = workers

    def give(self, lacking: int) -> int:
        """As much as a worker lacks at least, or nothing where that is not there."""
        if lacking > self.left:
            return 0
        given = max(lacking, min(AHEAD * lacking, self.left // (2 * self._workers)))
        self.left -= given
        return given


def charged(folder: Path, till: Till, specs: Iterable[str]) -> int:
    """What all replies in a corpus's journal cost, and what was charged without one, in the points of the till's purse.

    A row that does not tell who answered is charged at the dearest price of `specs`.
    """
    specs = [*specs]
    total = 0
    for path in sorted((folder / "journal").glob("*.jsonl")):
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    total += _cost(orjson.loads(line)["r"], till, specs)
    return total + _without_reply(folder / "run.log.jsonl", till.purse.unit)


def _cost(reply: dict[str, Any], till: Till, specs: list[str]) -> int:
    given, made = reply.get("paid") or (reply.get("input_tokens"), reply.get("output_tokens"))
    made = estimate(reply["text"]) if made is None else made
    by = [reply["by"]] if reply.get("by") else specs
    return max((till.charge(spec, given or 0, made) for spec in by), default=0)


def _without_reply(log: Path, unit: str) -> int:
    if not log.is_file():
        return 0
    total = 0
    with log.open("rb") as lines:
        for line in lines:
            if PAID.encode() in line and line.endswith(b"\n"):
                row = orjson.loads(line)
                total += row["unanswered"] if row["event"] == PAID and row["unit"] == unit else 0
    return total
