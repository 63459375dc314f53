"""cost: what a corpus cost, by model, seat, scene or dialogue."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from simworld.cli.options import Prices
from simworld.cli.screen import out, say, table
from simworld.errors import unknown

if TYPE_CHECKING:
    from simworld.schema.transcript import Share
    from simworld.simulate.share import RunSettings

Money = float | Literal["unknown"]
COUNTED = ("calls", "input_tokens", "output_tokens")
BY = ("model", "seat", "scene", "dialogue")


def register(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(cost)


def cost(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS")],
    by: Annotated[str, typer.Option(metavar="|".join(BY), help="What to tell apart.")] = "model",
    price: Prices = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Tell tokens and money, by the transcripts' own count; a price that nobody told is unknown."""
    from simworld.backends.prices import as_of, read_prices
    from simworld.corpus.store import Corpus

    if by not in BY:
        raise unknown("--by", by, BY)
    prices = read_prices(price or [])
    counts: dict[tuple[str, str], Counter[str]] = {}
    for row, _ in Corpus(corpus).rows():
        for key, (spec, calls, given, made) in _shares(row, by):
            counter = counts.setdefault((key, spec), Counter())
            counter.update(dict(zip(COUNTED, (calls, given, made), strict=True)))
    rows = [
        {by: key, "backend": spec, **counter, "usd": _usd(spec, counter, prices)}
        for (key, spec), counter in counts.items()
    ]
    if as_json:
        out(json.dumps({"prices_as_of": as_of(), "rows": rows}, ensure_ascii=False, indent=1))
        return
    if not rows:
        say("no model was asked: nothing in this corpus has a price")
        return
    names = [by, *(["backend"] if by != "model" else []), *COUNTED, "usd"]
    cells = [tuple(str(row[name]) for name in names) for row in rows]
    table(cells, [name.replace("_", " ") for name in names])
    say(f"list prices of {as_of()}; --price [BACKEND=]IN,OUT gives others")


def _shares(row: Mapping[str, Any], by: str) -> Iterator[tuple[str, Share]]:
    """What each backend had of a transcript, under what is told apart."""
    from simworld.schema import Usage

    for seat, usage in row["usage"].items():
        backend = row["seats"][seat]["backend"] if seat in row["seats"] else seat
        for share in Usage.model_construct(**usage).shares(backend):
            key = {"model": share[0], "seat": seat, "scene": row["scene"], "dialogue": row["id"]}[by]
            if share[1]:
                yield key, share


def costs_of(usage: Mapping[str, Mapping[str, int]], settings: RunSettings) -> dict[str, Money]:
    """Backend -> usd, of what a survey counted."""
    prices, elsewhere = settings.prices, settings.elsewhere
    return {spec: _usd(spec, counts, prices, elsewhere=elsewhere) for spec, counts in sorted(usage.items())}


def _usd(
    spec: str, counts: Mapping[str, int], prices: Mapping[str, tuple[float, float]], *, elsewhere: bool = False
) -> Money:
    from simworld.backends.prices import price_of

    price = price_of(spec, prices, elsewhere=elsewhere)
    return round(price.cost(counts["input_tokens"], counts["output_tokens"]), 6) if price else "unknown"


def shown(usd: Money) -> str:
    """An amount for a reader."""
    return "price unknown" if usd == "unknown" else f"{usd:.4f} usd" if usd < 1 else f"{usd:,.2f} usd"
