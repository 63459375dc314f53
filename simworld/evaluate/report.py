"""Report: all that an evaluation found, as a record and as plain data.

report = evaluate_usersim("sim", Path("real"))
report.rows["terse"].gap, report.rows["terse"].noise
write_report(report, Path("out"))        # report.json, report.md, *.png
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from simworld.evaluate.score import Score

HEADS = ("metric", "simulated", "real", "gap", "real-real", "times noise", "assistant", "n")


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of the evaluated side, with what it is to be read against."""

    section: str
    about: str
    ideal: float | None
    """The value of two sides that do not differ; None: the real side's own value is what it should be."""
    simulated: Score
    real: Score | None
    """The real side's own value; None where the metric is a distance from it."""
    gap: float
    """|simulated - ideal|, or |simulated - real|."""
    noise: float
    """The mean gap of two parts of the real side that share no conversation, as large as the simulated side where the
    real one is twice as large, else halves."""
    assistant: Score
    """The real conversations' assistants, their turns taken as if users had said them."""
    assistant_gap: float

    @property
    def times_noise(self) -> float:
        """The gap in units of the noise; NaN where either is not known."""
        return self.gap / self.noise if self.noise > 0 else math.nan

    def cells(self, name: str) -> list[str]:
        """The row of the table."""
        times = self.times_noise
        return [
            name, ranged(self.simulated), ranged(self.real) if self.real else f"ideal {self.ideal:g}",
            shown(self.gap), shown(self.noise), "-" if math.isnan(times) else f"{times:.1f}",
            shown(self.assistant.value), str(self.simulated.n),
        ]  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "section": self.section, "about": self.about, "ideal": self.ideal, "simulated": facts_of(self.simulated),
            "real": facts_of(self.real) if self.real else None, "gap": number(self.gap), "noise": number(self.noise),
            "times_noise": number(self.times_noise), "assistant": facts_of(self.assistant),
            "assistant_gap": number(self.assistant_gap),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation found."""

    what: str
    against: str
    seed: int
    sizes: dict[str, dict[str, int]]
    """Side -> groups, turns, first turns, follow-ups."""
    rows: dict[str, Row]
    hazards: dict[str, dict[int, tuple[int, int]]] = field(default_factory=dict[str, dict[int, tuple[int, int]]])
    """Side -> round -> conversations that stopped there, that reached it."""
    parts: dict[str, Any] = field(default_factory=dict[str, Any])
    """What else was measured, as plain data: `model`, `ends`, `judge`."""
    notes: tuple[str, ...] = ()
    """What the reader has to know: samples, fallbacks, what was left out."""

    def facts(self) -> dict[str, Any]:
        """As plain data."""
        hazards = {side: {str(at): list(risk) for at, risk in found.items()} for side, found in self.hazards.items()}
        return {
            "what": self.what, "against": self.against, "seed": self.seed, "sizes": self.sizes,
            "notes": list(self.notes),
            "metrics": {name: row.facts() for name, row in self.rows.items()}, "hazards": hazards, **plain(self.parts),
        }  # fmt: skip

    def tables(self) -> dict[str, list[list[str]]]:
        """Section -> rows of cells, metrics without a value left out."""
        made: dict[str, list[list[str]]] = {}
        for name, row in self.rows.items():
            if row.simulated.is_known:
                made.setdefault(row.section, []).append(row.cells(name))
        return made

    def more(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """Title, heads and cells of the tables of `parts`."""
        return [(title, part["heads"], part["rows"]) for title, part in self.parts.items() if part.get("rows")]


def shown(value: float) -> str:
    """A number with as many digits as one reads: three behind the point below 10, else one."""
    if math.isnan(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def ranged(score: Score) -> str:
    """A value with its interval."""
    if not score.is_known:
        return "-"
    return shown(score.value) + ("" if math.isnan(score.low) else f" [{shown(score.low)}, {shown(score.high)}]")


def number(value: float) -> float | None:
    """A number for JSON, which knows no NaN."""
    return None if math.isnan(value) else value


def facts_of(score: Score) -> dict[str, Any]:
    """A score as plain data."""
    return {"value": number(score.value), "low": number(score.low), "high": number(score.high), "n": score.n}


def plain(value: Any) -> Any:
    """The same without scores and NaN: what JSON can hold."""
    if isinstance(value, Score):
        return facts_of(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    return value
