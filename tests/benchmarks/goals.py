"""What is to be reached, and how a measurement stands to it.

finding = Finding("a: CPU a turn", "ms", (0.81, 0.84, 0.9), at_most=1.2)
finding.row()       # '| a: CPU a turn | at most 1.2 ms | 0.84 ms | 0.81 .. 0.9 | yes |'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table."""

    what: str
    unit: str
    values: tuple[float, ...]
    """One a round."""
    at_most: float | None = None
    at_least: float | None = None
    stretch: float | None = None

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def is_reached(self) -> bool | None:
        """None: no goal was set."""
        if self.at_most is not None:
            return self.median <= self.at_most
        return None if self.at_least is None else self.median >= self.at_least

    def row(self) -> str:
        """The line as Markdown."""
        reached = {True: "yes", False: "**no**", None: ""}[self.is_reached]
        spread = f"{number(min(self.values))} .. {number(max(self.values))}" if len(self.values) > 1 else "one run"
        return f"| {self.what} | {self._goal()} | {number(self.median)}{self._unit()} | {spread} | {reached} |"

    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""

    def _goal(self) -> str:
        bound = self.at_most if self.at_most is not None else self.at_least
        if bound is None:
            return ""
        words = "at most" if self.at_most is not None else "at least"
        stretch = "" if self.stretch is None else f"; stretch {number(self.stretch)}"
        return f"{words} {number(bound)}{self._unit()}{stretch}"


def table(findings: Sequence[Finding]) -> str:
    """The findings as a Markdown table."""
    head = ["| what | goal | measured (median) | spread | reached |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *(finding.row() for finding in findings)])


def number(value: float) -> str:
    """Three digits that matter: 0.0923, 1.25, 71, 1,340."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
