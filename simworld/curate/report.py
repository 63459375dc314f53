"""What a curation did: counts of each filter, what was kept, and why the others were not.

report.kept, report.rows(), report.lines()
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simworld.curate.recipe import Recipe
from simworld.curate.table import ACROSS, FILTERS
from simworld.registry import find
from simworld.schema import Finding

SHOWN = 3
"""Examples of each filter that are kept."""
JUDGED = {
    "judge": "the judge's marks are too low", "judge_contradiction": "the judge sees a contradiction",
    "judge_unwanted": "the judge sees unwanted content", "unjudged": "no judgement could be had",
}  # fmt: skip


@dataclass(slots=True)
class FilterCount:
    """What one filter found."""

    found: int = 0
    """Transcripts in which it found anything."""
    rejected: int = 0
    """Transcripts that are rejected for it, alone or among other reasons."""
    alone: int = 0
    """Transcripts that are rejected for it alone."""
    findings: int = 0
    examples: list[str] = field(default_factory=list[str])
    """`ID turn N: detail` of the first ones."""

    def facts(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "found": self.found, "rejected": self.rejected, "alone": self.alone, "findings": self.findings,
            "examples": self.examples,
        }  # fmt: skip


class Tally:
    """Counts what is found, transcript by transcript."""

    def __init__(self) -> None:
        self.read = 0
        self.kept = 0
        self.marked = 0
        """Kept ones with a finding."""
        self.masked = 0
        """Transcripts with something masked."""
        self.filters: dict[str, FilterCount] = {}
        self.scores: dict[str, Counter[int]] = {}
        """Mark -> how often each value."""

    def add(self, id: str, findings: Sequence[Finding], scores: dict[str, float]) -> bool:
        """Count a transcript; whether it is kept."""
        dropping = {one.filter for one in findings if one.drops}
        for name in dict.fromkeys(one.filter for one in findings):
            count = self.filters.setdefault(name, FilterCount())
            own = [one for one in findings if one.filter == name]
            count.found += 1
            count.findings += len(own)
            count.rejected += name in dropping
            count.alone += dropping == {name}
            if len(count.examples) < SHOWN:
                count.examples.append(_example(id, own[0]))
        for name, mark in scores.items():
            self.scores.setdefault(name, Counter())[int(mark)] += 1
        self.read += 1
        self.kept += not dropping
        self.marked += bool(findings) and not dropping
        return not dropping


def _example(id: str, one: Finding) -> str:
    turns = f" turn {', '.join(map(str, one.turns[:4]))}" if one.turns else ""
    return f"{id}{turns}: {one.detail}"


@dataclass(frozen=True, slots=True)
class CurateReport:
    """What a curation made."""

    out: Path
    facts: dict[str, Any]
    """What stands in `curation.json`."""
    already: bool = False
    """Whether it was there before, made by the same command."""
    milliseconds: float = 0.0
    """For each transcript, as it was looked through; not told in the corpus."""
    notes: tuple[str, ...] = ()

    def rows(self) -> list[tuple[str, ...]]:
        """The table: filter, use, transcripts it found anything in, rejected for it, for it alone, an example."""
        read = self.facts["read"] or 1
        return [
            (name, row["use"], f"{row['found']} ({row['found'] / read:.1%})", str(row["rejected"]), str(row["alone"]),
             row["examples"][0] if row["examples"] else "")
            for name, row in self.facts["filters"].items()
            if row["use"] != "off"
        ]  # fmt: skip

    def lines(self) -> list[str]:
        """What stands below the table."""
        facts = self.facts
        rejected = facts["read"] - facts["kept"]
        lines = [*self.notes]
        if facts["masked"]:
            lines.append(f"private numbers and addresses were masked in {facts['masked']} transcripts")
        lines.append(
            f"{self.out}: {facts['read']} transcripts, {facts['kept']} kept ({facts['marked']} of them marked), "
            f"{rejected} rejected; all are there, exports leave the rejected ones out"
        )
        if self.already:
            lines.append(f"{self.out}: was finished before by the same command; nothing was done")
            if failed := facts.get("judge", {}).get("failed"):
                kept = f"{self.out.name}.judge.jsonl"
                lines.append(
                    f"{failed} calls to the judge had failed: take {self.out} away to ask again ({kept} stays)"
                )
        elif self.milliseconds:
            lines.append(f"looked through at {self.milliseconds:.1f} ms a transcript")
        return lines


def facts_of(
    tally: Tally, recipe: Recipe, identity: dict[str, Any], source: str, more: dict[str, Any]
) -> dict[str, Any]:
    """What is told of a curation in its corpus: nothing that the same command would not make again."""
    order = {**dict.fromkeys(recipe), **dict.fromkeys(JUDGED), **dict.fromkeys(tally.filters)}
    filters = {
        name: {
            "about": about(name), "use": recipe[name].use if name in recipe else "on",
            **tally.filters.get(name, FilterCount()).facts(),
        }
        for name in order
        if name in recipe or name in tally.filters
    }  # fmt: skip
    return {
        "source": source, "read": tally.read, "kept": tally.kept, "marked": tally.marked, "masked": tally.masked,
        "filters": filters,
        "scores": {
            name: {str(mark): counts[mark] for mark in sorted(counts)} for name, counts in sorted(tally.scores.items())
        },
        **more, "identity": identity,
    }  # fmt: skip


def about(name: str) -> str:
    """What a filter finds, in a line: the first one of its docstring."""
    if name in JUDGED:
        return JUDGED[name]
    found = find("filter", name, {**FILTERS, **ACROSS})
    return str(found.__doc__ or name).strip().splitlines()[0].rstrip(".")
