"""diversity: what a corpus covers, how evenly, and how alike its texts are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from simworld.cli.screen import out, say, table
from simworld.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(diversity)


def diversity(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS")],
    against: Annotated[Path | None, typer.Option(metavar="CORPUS", help="A reference to hold it against.")] = None,
    to: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for diversity.json and diversity.md.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="Draws the samples of texts.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Show what a corpus covers and how alike its texts are; `run --fill CORPUS` then fills the holes."""
    from simworld.curate.diversity import measure_diversity

    report = measure_diversity(corpus, against, seed=seed)
    told = json.dumps(report.facts(), ensure_ascii=False, indent=1)
    if as_json:
        out(told)
    else:
        for heads, rows in (report.table(), report.measures()):
            table([heads, *rows] if not _on_terminal() else rows, heads)
            out("")
    for line in report.lines():
        say(line)
    if to is not None:
        try:
            to.mkdir(parents=True, exist_ok=True)
            (to / "diversity.json").write_text(told + "\n", encoding="utf-8")
            (to / "diversity.md").write_text(report.markdown(), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{to}: cannot be written: {error.strerror}; give --out another folder") from error
        say(f"{to}: diversity.json, diversity.md")


def _on_terminal() -> bool:
    import sys

    return sys.stdout.isatty()
