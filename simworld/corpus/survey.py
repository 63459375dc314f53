"""What a corpus folder holds, counted without keeping it in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from simworld.corpus.store import read_shard, shards_of
from simworld.schema import Transcript

STAND_IN = "improv"
"""The backend whose words are no model's."""


class Survey:
    """Counts over transcripts: statuses, endings, scenes, turns, usage by backend."""

    def __init__(self) -> None:
        self.status_of: dict[int, str] = {}
        self.closing: set[int] = set()
        """Transcripts that are the last, or only, one of their unit of the plan."""
        self._facts_of_failed: dict[int, dict[str, Any]] = {}
        self.statuses: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()
        self.scenes: Counter[str] = Counter()
        self.usage: dict[str, Counter[str]] = {}
        self.turns = 0
        self.stand_in = False

    @classmethod
    def of(cls, folder: Path) -> Survey:
        """Count the transcripts of a folder."""
        survey = cls()
        for shard in shards_of(folder):
            for index, line in read_shard(folder, shard).items():
                survey.add(index, cls.facts(orjson.loads(line)))
        return survey

    @staticmethod
    def facts(row: dict[str, Any]) -> dict[str, Any]:
        """What is counted of one transcript, parsed from its line."""
        backends = {id: seat["backend"] for id, seat in row["seats"].items()}
        usage = {id: (one["calls"], one["input_tokens"], one["output_tokens"]) for id, one in row["usage"].items()}
        closes = not row.get("story") or row["story"]["last"]
        return _facts(row["status"], row["ending"], row["scene"], len(row["turns"]), backends, usage, closes)

    @staticmethod
    def facts_of(transcript: Transcript) -> dict[str, Any]:
        """What is counted of one transcript."""
        backends = {id: seat.backend for id, seat in transcript.seats.items()}
        usage = {id: (one.calls, one.input_tokens, one.output_tokens) for id, one in transcript.usage.items()}
        ending = transcript.ending.model_dump()
        closes = transcript.story is None or transcript.story.last
        return _facts(transcript.status, ending, transcript.scene, len(transcript.turns), backends, usage, closes)

    def add(self, index: int, facts: dict[str, Any]) -> None:
        """Count a transcript; one that is already counted (a failed one, played again) is replaced."""
        if index in self.status_of:
            old = self._facts_of_failed.pop(index, None)
            if old is None:
                return
            self._count(old, -1)
        self.status_of[index] = facts["status"]
        if facts["closes"]:
            self.closing.add(index)
        else:
            self.closing.discard(index)
        if facts["status"] == "failed":
            self._facts_of_failed[index] = facts
        self._count(facts, 1)

    def finished(self, spans: Iterable[range], *, failed_too: bool) -> set[int]:
        """The numbers of the units (their indices given) that need not be played."""
        return {unit for unit, span in enumerate(spans) if self._is_finished(span, failed_too)}

    def _is_finished(self, span: range, failed_too: bool) -> bool:
        there = [self.status_of[index] for index in span if index in self.status_of]
        return any(index in self.closing for index in span) and (failed_too or "failed" not in there)

    def _count(self, facts: dict[str, Any], by: int) -> None:
        self.statuses[facts["status"]] += by
        self.endings[facts["reason"]] += by
        self.scenes[facts["scene"]] += by
        self.turns += by * facts["turns"]
        self.stand_in = self.stand_in or STAND_IN in facts["backends"]
        for spec, calls, given, made in facts["usage"]:
            usage = self.usage.setdefault(spec, Counter())
            usage["calls"] += by * calls
            usage["input_tokens"] += by * given
            usage["output_tokens"] += by * made
        for counter in (self.statuses, self.endings, self.scenes):
            for name in [name for name, count in counter.items() if not count]:
                del counter[name]


def _facts(
    status: str,
    ending: dict[str, Any],
    scene: str,
    turns: int,
    backends: dict[str, str],
    usage: dict[str, tuple[int, int, int]],
    closes: bool,
) -> dict[str, Any]:
    return {
        "status": status,
        "reason": ending["reason"],
        "detail": ending["detail"],
        "scene": scene,
        "turns": turns,
        "closes": closes,
        "backends": sorted(set(backends.values())),
        "usage": [(backends.get(id, id), *counts) for id, counts in usage.items() if counts[0]],
    }
