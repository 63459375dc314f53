"""A report as files: report.json, report.md, and the plots.

write_report(report, Path("out"))
"""

from __future__ import annotations

import json
from pathlib import Path

from simworld.evaluate.plots import draw
from simworld.evaluate.report import HEADS, Report
from simworld.prompts import page


def write_report(report: Report, to: Path) -> list[str]:
    """Write report.json, report.md and the plots into a folder; their names."""
    to.mkdir(parents=True, exist_ok=True)
    plots = draw(report, to)
    (to / "report.json").write_text(
        json.dumps(report.facts(), ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )
    text = page(
        "usersim_report", report=report, heads=HEADS, tables=report.tables(), more=report.more(), plots=plots,
        abouts={name: row.about for name, row in report.rows.items()},
    )  # fmt: skip
    (to / "report.md").write_text(text, encoding="utf-8")
    return ["report.json", "report.md", *plots]
