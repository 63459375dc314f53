"""The report's pictures: gaps against the noise floor, topic structure, lengths, the chance to stop."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simworld.evaluate.libraries import library

if TYPE_CHECKING:
    from simworld.evaluate.report import Report

SIDES = (("simulated", "tab:orange"), ("real", "tab:blue"), ("assistant", "tab:gray"))
LEAST = 0.05
"""Shortest bar that is drawn, in units of the noise."""


def draw(report: Report, to: Path) -> list[str]:
    """Write the plots that there is something to show in; their names."""
    made: list[str] = []
    for name, paint, size in (
        ("metrics.png", _metrics, (8.0, 0.24 * len(report.rows) + 1.5)),
        ("topics.png", _topics, (6.0, 3.5)),
        ("lengths.png", _lengths, (6.0, 3.5)),
        ("hazard.png", _hazard, (6.0, 3.5)),
    ):
        if _drawn(paint, report, to / name, size):
            made.append(name)
    return made


def _drawn(paint: Callable[[Any, Report], bool], report: Report, path: Path, size: tuple[float, float]) -> bool:
    """Draw on a figure of its own: no window, no global state."""
    figure: Any = library("matplotlib.figure").Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    there = paint(axes, report)
    if there:
        figure.savefig(path, dpi=120, metadata={"Software": None})
    return there


def _metrics(axes: Any, report: Report) -> bool:
    rows = [(name, row) for name, row in report.rows.items() if not math.isnan(row.times_noise)]
    places = range(len(rows))
    axes.barh(places, [max(row.times_noise, LEAST) for _, row in rows], color=SIDES[0][1], label="simulated")
    theirs = [max(row.assistant_gap / row.noise, LEAST) for _, row in rows]
    axes.plot(theirs, places, "D", color=SIDES[2][1], markersize=4, label="assistant playing user")
    axes.axvline(1, color=SIDES[1][1], label="real against real")
    axes.set_xscale("log")
    axes.set_yticks(list(places), [name for name, _ in rows])
    axes.invert_yaxis()
    axes.set_xlabel("distance from the real turns, in units of the noise")
    axes.legend(fontsize="small")
    return bool(rows)


def _topics(axes: Any, report: Report) -> bool:
    kinds = ("shift", "drift", "maintenance")
    rows = [report.rows.get(f"topic_{kind}") for kind in kinds]
    _bars(axes, rows, kinds, "share of follow-ups")
    return any(row is not None and row.simulated.is_known for row in rows)


def _lengths(axes: Any, report: Report) -> bool:
    names = [name for name in report.rows if "_words_p" in name]
    rows = [report.rows[name] for name in names]
    _bars(axes, rows, [name.replace("_words_", "\n") for name in names], "words")
    axes.set_yscale("symlog")
    return any(row.simulated.is_known for row in rows)


def _bars(axes: Any, rows: list[Any], labels: Any, unit: str) -> None:
    for at, (side, colour) in enumerate(SIDES):
        scores = [getattr(row, side) if row is not None else None for row in rows]
        known = [(place, score) for place, score in enumerate(scores) if score is not None and score.is_known]
        if not known:
            continue
        values = [score.value for _, score in known]
        errors = [[_error(s.value - s.low) for _, s in known], [_error(s.high - s.value) for _, s in known]]
        places = [place + (at - 1) * 0.27 for place, _ in known]
        axes.bar(places, values, 0.25, yerr=errors, color=colour, label=side, error_kw={"linewidth": 0.8})
    axes.set_xticks(range(len(labels)), labels, fontsize="small")
    axes.set_ylabel(unit)
    if axes.containers:
        axes.legend(fontsize="small")


def _error(length: float) -> float:
    return 0.0 if math.isnan(length) else max(0.0, length)


def _hazard(axes: Any, report: Report) -> bool:
    colours = dict(SIDES)
    for side, found in report.hazards.items():
        rounds = [at for at, (_, reached) in found.items() if reached >= 5]
        axes.plot(
            rounds,
            [found[at][0] / found[at][1] for at in rounds],
            "o-",
            label=side,
            color=colours.get(side, "tab:green"),
        )
    axes.set_xlabel("the user's turns so far")
    axes.set_ylabel("chance to stop here")
    if axes.lines:
        axes.legend(fontsize="small")
    return bool(axes.lines)
