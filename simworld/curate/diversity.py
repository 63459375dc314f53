"""Diversity: what a corpus covers, how evenly, and how alike its texts are; beside a reference where one is given.

    report = measure_diversity("corpus", against="reference")
    report.own.dimensions["topics"].holes       # topics of the vocabulary that no dialogue is about
    report.lines()

`simworld run --fill corpus` plans new dialogues where coverage is thin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simworld.corpus.store import Corpus
from simworld.curate.dimensions import Dimensions, Spread
from simworld.curate.sameness import Sample, nearest
from simworld.errors import CorpusError
from simworld.prompts import page

ALIKE = 0.5
"""Similarity from which on two dialogues are told as alike."""
SHOWN = 6
HEADS = ("dimension", "values", "evenness", "top 4", "commonest", "never")
Table = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One corpus."""

    path: Path
    dialogues: int
    rejected: int
    """Dialogues left out: rejected by a curation, or not complete."""
    dimensions: Mapping[str, Spread]
    texts: Mapping[str, float]
    """Name of a measure -> value."""
    near: Mapping[str, float]
    """Quantiles of the similarity to the nearest other dialogue, and the share from ALIKE on."""
    nearest: tuple[float, str, str]
    """The two dialogues that are most alike, and how much."""
    sample: Sample

    def numbers(self) -> dict[str, float]:
        """Everything that is measured of texts."""
        return {**self.texts, **{f"nearest: {name}": value for name, value in self.near.items()}}


@dataclass(frozen=True, slots=True)
class DiversityReport:
    """A corpus, and what it is held against."""

    own: Measured
    other: Measured | None = None
    near_other: Mapping[str, float] | None = None
    """As `near`, to the nearest dialogue of the reference."""

    def facts(self) -> dict[str, Any]:
        """As plain data."""
        facts = _facts(self.own)
        if self.other is not None:
            facts["against"] = _facts(self.other)
            facts["distances"] = {name: _number(value) for name, value in self.distances().items()}
            facts["nearest_of_reference"] = {name: _number(value) for name, value in (self.near_other or {}).items()}
        return facts

    def distances(self) -> dict[str, float]:
        """Dimension -> Jensen-Shannon divergence from the reference, in bits, 0..1."""
        if self.other is None:
            return {}
        there = self.other.dimensions
        return {name: spread.distance(there[name]) for name, spread in self.own.dimensions.items() if name in there}

    def table(self) -> tuple[tuple[str, ...], Table]:
        """The dimensions, a row each; with a reference its figures stand behind the bar."""
        there: Mapping[str, Spread] = self.other.dimensions if self.other else {}
        distances = self.distances()
        heads = (*HEADS, "JSD") if self.other else HEADS
        rows: Table = []
        for name, spread in self.own.dimensions.items():
            other = there.get(name)
            cells = [
                _beside(str(len(spread.counts)), str(len(other.counts)) if other else None),
                _beside(_shown(spread.evenness), _shown(other.evenness) if other else None),
                _beside(_shown(spread.top_share), _shown(other.top_share) if other else None),
                ", ".join(f"{value} {count}" for value, count in spread.top[:MOST_SHOWN]),
                _holes(spread),
            ]
            rows.append((name, *cells, *([_shown(distances.get(name, math.nan))] if self.other else [])))
        return heads, rows

    def measures(self) -> tuple[tuple[str, ...], Table]:
        """The measures of text, a row each."""
        heads = ("measure", "corpus", "reference") if self.other else ("measure", "corpus")
        own, other = self.own.numbers(), self.other.numbers() if self.other else {}
        rows: Table = [(name, _shown(value), *map(_shown, _one(other, name))) for name, value in own.items()]
        for name, value in (self.near_other or {}).items():
            rows.append((f"nearest of the reference: {name}", _shown(value), ""))
        return heads, rows

    def lines(self) -> list[str]:
        """What stands below the tables."""
        own = self.own
        left = f" ({own.rejected} rejected or not complete, left out)" if own.rejected else ""
        told = [f"{own.path}: {own.dialogues} dialogues{left}"]
        likeness, one, other = own.nearest
        if one:
            told.append(f"most alike: {one} and {other}, {likeness:.2f}")
        return told

    def markdown(self) -> str:
        """The report as a page."""
        return page("diversity", report=self, table=self.table(), measures=self.measures(), lines=self.lines())


MOST_SHOWN = 3


def measure_diversity(path: str | Path, against: str | Path | None = None, *, seed: int = 0) -> DiversityReport:
    """Read a corpus once (and the reference). Raises CorpusError where one cannot be read or holds nothing."""
    own = _measured(path, seed)
    if against is None:
        return DiversityReport(own)
    other = _measured(against, seed)
    found = nearest(own.sample.dialogues, other.sample.dialogues)
    return DiversityReport(own, other, _quantiles([likeness for likeness, _ in found.values()]))


def _measured(path: str | Path, seed: int) -> Measured:
    corpus = Corpus(path)
    dimensions, sample, rejected = Dimensions(corpus), Sample(seed), 0
    for row, _ in corpus.rows():
        if row["status"] != "complete" or (row.get("curation") and not row["curation"]["kept"]):
            rejected += 1
            continue
        dimensions.add(row)
        sample.add(row)
    if not sample.seen:
        raise CorpusError(f"{path}: holds no complete dialogue that was not rejected; there is nothing to measure")
    found = nearest(sample.dialogues)
    pairs = [(likeness, min(id, other), max(id, other)) for id, (likeness, other) in found.items() if other]
    near = _quantiles([likeness for likeness, _ in found.values()])
    return Measured(
        Path(path), sample.seen, rejected, {name: dimensions[name] for name in dimensions}, sample.measures(), near,
        max(pairs, default=(0.0, "", "")), sample,
    )  # fmt: skip


def _quantiles(values: list[float]) -> dict[str, float]:
    ranked = sorted(values)
    if not ranked:
        return {}
    at = {name: ranked[min(len(ranked) - 1, int(len(ranked) * share))] for name, share in _QUANTILES.items()}
    return {**at, f"share from {ALIKE}": sum(value >= ALIKE for value in ranked) / len(ranked)}


_QUANTILES = {"median": 0.5, "p90": 0.9, "p99": 0.99, "most": 1.0}


def _facts(one: Measured) -> dict[str, Any]:
    return {
        "corpus": str(one.path), "dialogues": one.dialogues, "left_out": one.rejected,
        "dimensions": {
            name: {
                "values": len(spread.counts), "evenness": _number(spread.evenness),
                "effective": _number(spread.effective), "top_4_share": _number(spread.top_share),
                "counts": dict(spread.top), "never": spread.holes,
            }
            for name, spread in one.dimensions.items()
        },
        "texts": {name: _number(value) for name, value in one.texts.items()},
        "nearest": {name: _number(value) for name, value in one.near.items()},
        "most_alike": {"similarity": _number(one.nearest[0]), "dialogues": list(one.nearest[1:])},
    }  # fmt: skip


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"


def _one(numbers: Mapping[str, float], name: str) -> list[float]:
    return [numbers[name]] if name in numbers else []


def _beside(own: str, other: str | None) -> str:
    return own if other is None else f"{own} | {other}"


def _holes(spread: Spread) -> str:
    holes = spread.holes
    if not holes:
        return ""
    more = f" and {len(holes) - SHOWN} more" if len(holes) > SHOWN else ""
    return f"{', '.join(holes[:SHOWN])}{more}"
