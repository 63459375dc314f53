"""evaluate usersim: simulated people held against real ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simworld.cli.screen import out, say, table

if TYPE_CHECKING:
    from simworld.evaluate.report import Report


def register(app: typer.Typer) -> None:
    """Add these commands to the app."""
    group = typer.Typer(help="Measure what was simulated, against real people.", no_args_is_help=True)
    group.command("usersim")(usersim)
    group.callback()(_group)
    app.add_typer(group, name="evaluate", rich_help_panel=None)


def _group() -> None:
    """Measure what was simulated, against real people."""


def usersim(
    what: Annotated[str, typer.Argument(metavar="CORPUS|MODEL", help="A corpus, a checkpoint, or usersim:DIR.")],
    against: Annotated[
        Path, typer.Option(metavar="CORPUS", help="Real conversations; a prepared corpus' validation part.")
    ],
    to: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for report.json, report.md, plots.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="A checkpoint whose likelihood and ends are measured beside a corpus."),
    ] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="B", help="A model that reads and marks: openai:NAME ...")
    ] = None,
    judged: Annotated[int, typer.Option(metavar="N", help="Conversations of each side that it reads.", min=1)] = 50,
    base_url: Annotated[str | None, typer.Option(metavar="U", help="Address of the judge's server.")] = None,
    encoder: Annotated[
        str | None, typer.Option(metavar="minilm|E", help="Reads meaning for topics and coverage; default: tf-idf.")
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(metavar="N", help="Conversations of each side; default: 10000, 300 for a model.", min=2),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="Chooses samples, halves and resamples.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Compare a user simulator with people: each metric beside the noise floor and assistants playing users."""
    from simworld.evaluate.libraries import require

    require()
    from simworld.evaluate.usersim import evaluate_usersim
    from simworld.evaluate.wanted import Wanted
    from simworld.evaluate.write import write_report

    wanted = Wanted(
        model=model, judge=judge, encoder=encoder, sample=sample, judged=judged, seed=seed, base_url=base_url
    )
    report = evaluate_usersim(what, against, wanted, _Steps())
    if as_json:
        out(json.dumps(report.facts(), ensure_ascii=False, indent=1))
    else:
        print_report(report)
    if to is not None:
        say(f"{to}: {', '.join(write_report(report, to))}")


def print_report(report: Report) -> None:
    """The tables, a section after another."""
    from simworld.evaluate.report import HEADS

    for side, size in report.sizes.items():
        out(
            f"{side}: {size['groups']} conversations, {size['turns']} turns ({size['firsts']} first turns, "
            f"{size['followups']} follow-ups)"
        )
    for section, rows in report.tables().items():
        out(f"\n{section}")
        table(rows, HEADS) if sys.stdout.isatty() else table([HEADS, *rows], HEADS)
    for title, heads, rows in report.more():
        out(f"\n{title}")
        table(rows, heads) if sys.stdout.isatty() else table([heads, *rows], heads)
    for note in report.notes:
        say(f"note: {note}")


class _Steps:
    """Says on a terminal what is being measured."""

    def __call__(self, what: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{what}\r")
            sys.stderr.flush()
