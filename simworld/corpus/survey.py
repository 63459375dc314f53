"""What a corpus folder holds, counted without keeping it in memory.

survey = Survey.of(folder)
survey.statuses, survey.turns, survey.is_finished(range(7, 8), failed_too=False)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from simworld.corpus.counts import keep_counts, kept_counts, stamp
from simworld.corpus.store import parsed, read_shard, shard_file, shards_of, waiting_shards
from simworld.errors import CorpusError
from simworld.schema import Transcript, Usage

STAND_IN = "improv"
"""The backend whose words are no model's."""

_THERE, _CLOSES, _FAILED, _STOPPED = 1, 2, 4, 8
_MARKS = {"failed": _FAILED, "stopped_by_budget": _STOPPED}
"""Statuses of transcripts that may be played again."""


class Survey:
    """Counts over transcripts: statuses, endings, scenes, turns, usage by backend, guards that acted. A byte for each
    transcript."""

    def __init__(self, first: int = 0) -> None:
        self._first = first
        self._marks = bytearray()
        self._replaceable: dict[int, dict[str, Any]] = {}
        self.closed = 0
        """Transcripts that are the last, or only, one of their unit of the plan."""
        self.statuses: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()
        self.scenes: Counter[str] = Counter()
        self.usage: dict[str, Counter[str]] = {}
        self.guards: Counter[str] = Counter()
        """Guard of user simulators -> how often it acted."""
        self.turns = 0
        self.stand_in = False

    @classmethod
    def of(cls, folder: Path, *, keep: bool = False) -> Survey:
        """Count the transcripts of a folder; a file that was counted before and has not changed is not read.

        `keep`: keep what had to be counted for the next time; only for who holds the folder.
        """
        survey = cls()
        waiting = waiting_shards(folder)
        for shard in shards_of(folder):
            counts = _unsettled(folder, shard) if shard in waiting else _settled(folder, shard, keep=keep)
            survey._merge(counts)
        return survey

    @classmethod
    def over(cls, lines: Mapping[int, bytes], where: Path) -> Survey:
        """Count these lines of a file. Raises CorpusError where one is no transcript."""
        survey = cls(min(lines, default=0))
        for index, line in lines.items():
            try:
                survey.add(index, cls.facts(parsed(line, where)))
            except (KeyError, TypeError, AttributeError) as error:
                raise CorpusError(f"{where}: dialogue {index} is not a transcript: {line[:60]!r}") from error
        return survey

    @staticmethod
    def facts(row: dict[str, Any]) -> dict[str, Any]:
        """What is counted of one transcript, parsed from its line."""
        backends = {id: seat["backend"] for id, seat in row["seats"].items()}
        usage = {id: Usage.model_construct(**one) for id, one in row["usage"].items()}
        closes = not row.get("story") or row["story"]["last"]
        return _facts(row["status"], row["ending"], row["scene"], len(row["turns"]), backends, usage, closes)

    @staticmethod
    def facts_of(transcript: Transcript) -> dict[str, Any]:
        """What is counted of one transcript."""
        backends = {id: seat.backend for id, seat in transcript.seats.items()}
        ending, usage = transcript.ending.model_dump(), transcript.usage
        closes = transcript.story is None or transcript.story.last
        return _facts(transcript.status, ending, transcript.scene, len(transcript.turns), backends, usage, closes)

    def add(self, index: int, facts: dict[str, Any]) -> None:
        """Count a transcript; a failed or stopped one that is already counted is replaced, any other one stays."""
        mark = self._mark(index)
        if mark & _THERE:
            if not mark & (_FAILED | _STOPPED):
                return
            self._count(self._replaceable.pop(index), -1)
        self._grow(index + 1)
        self._marks[index - self._first] = _THERE | (_CLOSES if facts["closes"] else 0) | _MARKS.get(facts["status"], 0)
        self.closed += bool(facts["closes"]) - bool(mark & _CLOSES)
        if facts["status"] in _MARKS:
            self._replaceable[index] = facts
        self._count(facts, 1)

    def is_finished(self, span: Iterable[int], *, failed_too: bool) -> bool:
        """Whether the unit of these indices need not be played. `failed_too`: nor where it failed."""
        marks = 0
        for index in span:
            marks |= self._mark(index)
        return bool(marks & _CLOSES) and not marks & _STOPPED and (failed_too or not marks & _FAILED)

    def counts(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "first": self._first, "marks": self._marks.hex(),
            "replaceable": {str(at): one for at, one in self._replaceable.items()},
            "closed": self.closed, "statuses": dict(self.statuses), "endings": dict(self.endings),
            "scenes": dict(self.scenes), "usage": {spec: dict(usage) for spec, usage in self.usage.items()},
            "guards": dict(self.guards), "turns": self.turns, "stand_in": self.stand_in,
        }  # fmt: skip

    def _merge(self, counts: dict[str, Any]) -> None:
        """Add what was counted of transcripts that are not counted here."""
        first, marks = counts["first"] - self._first, bytes.fromhex(counts["marks"])
        self._grow(counts["first"] + len(marks))
        self._marks[first : first + len(marks)] = marks
        self._replaceable |= {int(index): facts for index, facts in counts["replaceable"].items()}
        self.closed += counts["closed"]
        self.statuses.update(counts["statuses"])
        self.endings.update(counts["endings"])
        self.scenes.update(counts["scenes"])
        for spec, usage in counts["usage"].items():
            self.usage.setdefault(spec, Counter()).update(usage)
        self.guards.update(counts["guards"])
        self.turns += counts["turns"]
        self.stand_in = self.stand_in or counts["stand_in"]

    def _mark(self, index: int) -> int:
        at = index - self._first
        return self._marks[at] if at < len(self._marks) else 0

    def _grow(self, stop: int) -> None:
        self._marks.extend(bytes(max(0, stop - self._first - len(self._marks))))

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
        for guard, count in facts.get("guards", ()):
            self.guards[guard] += by * count
        for counter in (self.statuses, self.endings, self.scenes, self.guards):
            for name in [name for name, count in counter.items() if not count]:
                del counter[name]


def _unsettled(folder: Path, shard: int) -> dict[str, Any]:
    """The counts of a shard of which something waits to be put in order."""
    return Survey.over(read_shard(folder, shard), folder).counts()


def _settled(folder: Path, shard: int, *, keep: bool) -> dict[str, Any]:
    """The counts of one file: kept ones where they hold, else made anew."""
    counts = kept_counts(folder, shard)
    if counts is None:
        seen = stamp(folder, shard)
        counts = Survey.over(read_shard(folder, shard), shard_file(folder, shard)).counts()
        if keep:
            keep_counts(folder, shard, counts, seen=seen)
    return counts


def _facts(
    status: str,
    ending: dict[str, Any],
    scene: str,
    turns: int,
    backends: dict[str, str],
    usage: Mapping[str, Usage],
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
        "usage": [
            share for id, one in usage.items() if one.calls for share in one.shares(backends.get(id, id)) if share[1]
        ],
        "guards": [guard for one in usage.values() for guard in one.guards.items()],
    }
