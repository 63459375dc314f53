"""Drift: where the requests of a replay part from the journaled ones, and what has changed since.

    drift = Drift(folder, journal.drifted)
    drift.compare(told)             # before the transcripts that stand there are replaced
    drift.facts()

A journal holds hashes of requests; what they said stands in the transcript that was made of them, so the first
difference between that and the one made now is where requests part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from simworld.backends.journal import SHARD, Drifted
from simworld.corpus.folder import Difference
from simworld.corpus.store import parsed, read_shard, to_line
from simworld.schema import Transcript

AROUND = 30
"""Characters shown on either side of the first difference."""
APART = ("prompts", "versions", "usage")
"""Told apart from where texts differ, or following from it."""


class Drift:
    """What one process found."""

    def __init__(self, folder: Path, drifted: Drifted) -> None:
        self._folder = folder
        self._drifted = drifted
        self._compared = ""
        self._parting: Difference | None = None
        self._templates: list[Difference] = []

    def compare(self, told: Sequence[Transcript]) -> None:
        """Compare what stands in the folder with the dialogue in which the first request differs."""
        first = self._drifted.first
        for transcript in told:
            if first is not None and transcript.id == first.dialogue != self._compared:
                self._compared = transcript.id
                line = read_shard(self._folder, first.index // SHARD).get(first.index)
                self._look_at(parsed(line, self._folder) if line else {}, orjson.loads(to_line(transcript)))

    def facts(self) -> dict[str, Any]:
        """Counts by seat, the first call, where it parts, the templates that changed."""
        first = self._drifted.first
        return {
            "calls": self._drifted.calls, "seats": dict(self._drifted.seats), "first": asdict(first) if first else None,
            "parting": self._parting, "templates": self._templates,
        }  # fmt: skip

    def _look_at(self, there: dict[str, Any], here: dict[str, Any]) -> None:
        was, now = there.get("prompts", {}), here["prompts"]
        self._templates = [
            (name, was[name], now.get(name, "not used")) for name in was if was[name] != now.get(name)
        ]  # fmt: skip
        parts = {name: value for name, value in there.items() if name not in APART}
        self._parting = parting(parts, {name: here.get(name) for name in parts}) if parts else None


class Drifts:
    """What all processes of a run found."""

    def __init__(self, changed: Sequence[Difference]) -> None:
        """`changed`: where settings and version differ from those of the corpus."""
        self._changed = changed
        self._seats: Counter[str] = Counter()
        self._first: dict[str, Any] | None = None

    def add(self, event: Mapping[str, Any]) -> None:
        """Take what one process found."""
        self._seats.update(event["seats"])
        if self._first is None or event["first"]["index"] < self._first["first"]["index"]:
            self._first = dict(event)

    def event(self) -> dict[str, Any] | None:
        """All of it in one event, with what has changed since; None where nothing drifted."""
        if self._first is None:
            return None
        templates = [(f"template {name}", was, now) for name, was, now in self._first["templates"]]
        return {
            "event": "drift", "calls": self._seats.total(), "seats": dict(self._seats.most_common()),
            "first": self._first["first"], "parting": self._first["parting"],
            "changed": [*templates, *self._changed],
        }  # fmt: skip


def parting(there: Any, here: Any, name: str = "") -> Difference | None:
    """The first place where two values part: its name, what was there, what is here; of long texts the part around."""
    if there == here:
        return None
    if isinstance(there, dict) and isinstance(here, dict):
        pairs = [(f"{name}.{key}" if name else key, there.get(key), here.get(key)) for key in {**there, **here}]  # pyright: ignore
    elif isinstance(there, list) and isinstance(here, list):
        size = max(len(there), len(here))  # pyright: ignore
        pairs = [(f"{name}.{at}", _at(there, at), _at(here, at)) for at in range(size)]  # pyright: ignore
    else:
        return (name, *_around(_text(there), _text(here)))
    found = (parting(was, now, inner) for inner, was, now in pairs)  # pyright: ignore
    return next(one for one in found if one is not None)


def _at(values: Sequence[Any], at: int) -> Any:
    return values[at] if at < len(values) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "nothing" if value is None else orjson.dumps(value).decode()


def _around(there: str, here: str) -> tuple[str, str]:
    same = next((at for at, (one, other) in enumerate(zip(there, here, strict=False)) if one != other), None)
    at = min(len(there), len(here)) if same is None else same
    return _cut(there, at), _cut(here, at)


def _cut(text: str, at: int) -> str:
    start, stop = max(0, at - AROUND), at + AROUND
    return ("..." if start else "") + text[start:stop] + ("..." if stop < len(text) else "")
