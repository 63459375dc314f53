"""curate: which transcripts of a corpus deserve training, with reasons."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simworld.cli.screen import out, say, table
from simworld.errors import OutOfBudget, UsageError

if TYPE_CHECKING:
    from simworld.curate.recipe import Recipe

HEADS = ("filter", "use", "found in", "rejected", "alone", "first")


MIN_SCORE, MARKED, KEEP = 7.0, "marks", "keep"


def register(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command()(curate)


def curate(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="The corpus to look through; it is not touched.")],
    to: Annotated[Path, typer.Option("--out", metavar="DIR", help="The curated corpus to make.")],
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Uses and bounds over the built-in recipe's, YAML.")
    ] = None,
    only: Annotated[str | None, typer.Option(metavar="FILTER,...", help="These filters alone.")] = None,
    without: Annotated[str | None, typer.Option(metavar="FILTER,...", help="All but these.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="FILTER.BOUND=V", help="One bound, or FILTER.use=on|mark|off.")
    ] = None,
    language: Annotated[str | None, typer.Option(metavar="CODE,...", help="Wanted languages; default: en.")] = None,
    unwanted: Annotated[Path | None, typer.Option(metavar="FILE", help="Words that reject, one a line.")] = None,
    pii: Annotated[
        str | None, typer.Option(metavar="mask|drop", help="What private numbers are; default: mask.")
    ] = None,
    embeddings: Annotated[
        str | None, typer.Option(metavar="minilm|E", help="Find what says the same in other words by this encoder.")
    ] = None,
    judge: Annotated[str | None, typer.Option(metavar="B", help="A model that reads what the rules leave.")] = None,
    min_score: Annotated[
        float, typer.Option(metavar="S", help="Mean of its marks, 1 to 10, below which it rejects.")
    ] = MIN_SCORE,
    judge_marks: Annotated[
        str | None, typer.Option(metavar="MARK,...", help="What it marks; default: fidelity,coherence,naturalness.")
    ] = None,
    judge_for: Annotated[
        str, typer.Option(metavar="TASK,...", help="What it is asked: marks, contradiction, unwanted.")
    ] = MARKED,
    unwanted_about: Annotated[str, typer.Option(metavar="TEXT", help="What it is told is unwanted.")] = "",
    unjudged: Annotated[
        str, typer.Option(metavar="keep|drop", help="What becomes of those whose judgement could not be had.")
    ] = KEEP,
    base_url: Annotated[str | None, typer.Option(metavar="U", help="Address of the judge's server.")] = None,
    jobs: Annotated[int, typer.Option(metavar="J", help="Calls to it at once.", min=1)] = 16,
    budget: Annotated[
        str, typer.Option(metavar="20usd|5Mtok|2h", help="What this command may cost; a hard stop.")
    ] = "",
    price: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="Usd per million tokens in and out, where the table has none.")
    ] = None,
    workers: Annotated[int, typer.Option(metavar="W", help="Processes; default: one a core.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Mark which transcripts deserve training: named filters, each reason recorded, nothing deleted."""
    from simworld.curate.judge import MARKS, Judging
    from simworld.curate.recipe import recipe_of
    from simworld.curate.run import curate as run

    given = [*(changes or ())]
    given += [f"language.wanted={language}"] if language is not None else []
    given += [f"similar.encoder={embeddings}", "similar.use=on"] if embeddings is not None else []
    given += [f"pii.do={_one_of('--pii', pii, ('mask', 'drop'))}"] if pii is not None else []
    if only is not None and not _listed(only):
        raise UsageError("--only names no filter")
    chosen = recipe_of(recipe, changes=given, only=_listed(only), without=_listed(without) or ())
    if unwanted is not None:
        chosen = _with_words(chosen, unwanted)
    judging = None
    asked = {
        "--min-score": min_score != MIN_SCORE, "--judge-marks": judge_marks is not None,
        "--judge-for": judge_for != MARKED, "--unwanted-about": unwanted_about, "--unjudged": unjudged != KEEP,
        "--base-url": base_url, "--budget": budget, "--price": price,
    }  # fmt: skip
    if judge is None and any(asked.values()):
        option = next(name for name, given in asked.items() if given)
        raise UsageError(f"{option} is for a judge: name one with --judge B")
    if judge is not None:
        judging = Judging(
            judge, min_score=min_score, tasks=tuple(_listed(judge_for) or ()),
            marks=tuple(_listed(judge_marks) or ()) if judge_marks is not None else MARKS, unwanted=unwanted_about,
            unjudged=unjudged, base_url=base_url, jobs=jobs, budget=budget, prices=_prices(judge, price),
        )  # fmt: skip
    try:
        report = run(
            corpus, to, chosen, judging, workers=workers or os.cpu_count() or 1,
            watch=_watched if sys.stderr.isatty() else None,
        )  # fmt: skip
    except OutOfBudget as error:
        say(f"simworld: {error}; what the judge has answered is kept, the same command with a larger budget goes on")
        raise typer.Exit(3) from None
    if as_json:
        out(json.dumps({"out": str(to), "already": report.already, **report.facts}, ensure_ascii=False, indent=1))
    else:
        table(report.rows(), HEADS)
    for line in report.lines():
        say(line)


def _watched(what: str, count: int) -> None:
    sys.stderr.write(f"\r{count:,} {what} ")
    sys.stderr.flush()


def _listed(given: str | None) -> list[str] | None:
    return [name.strip() for name in given.split(",") if name.strip()] if given is not None else None


def _one_of(option: str, given: str, allowed: tuple[str, ...]) -> str:
    from simworld.errors import unknown

    if given not in allowed:
        raise unknown(option, given, allowed)
    return given


def _prices(spec: str, price: str | None) -> dict[str, tuple[float, float]]:
    if price is None:
        return {}
    try:
        into, out_of = map(float, price.split(","))
    except ValueError:
        raise UsageError(f"--price {price}: should be IN,OUT in usd per million tokens, such as 0.4,1.6") from None
    return {spec: (into, out_of)}


def _with_words(recipe: Recipe, place: Path) -> Recipe:
    """The recipe with the words of a file; blank lines and those that begin with # are left out."""
    from simworld.curate.recipe import Rule

    try:
        lines = place.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--unwanted {place}: cannot be read: {error}") from None
    words = tuple(dict.fromkeys(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")))
    if not words:
        raise UsageError(f"--unwanted {place}: holds no word; one a line")
    rule = recipe["unwanted"]
    return {**recipe, "unwanted": Rule(rule.use, {**rule.bounds, "words": words})}
