"""`simworld run --forecast`: play a sample, print what the whole will cost."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import TYPE_CHECKING, Any

from simworld.cli.progress import Progress
from simworld.cli.screen import out, say, table

if TYPE_CHECKING:
    from simworld.simulate.forecast import Forecast, Interval
    from simworld.simulate.share import RunSettings


def print_forecast(settings: RunSettings, *, as_json: bool) -> None:
    """Play the sample and print the forecast."""
    from simworld.simulate.forecast import forecast
    from simworld.simulate.tuning import tuned

    with tuned(), Progress(settings) as progress:
        told = asyncio.run(forecast(settings, progress.note))
    if as_json:
        out(json.dumps(_as_json(told), indent=1))
        return
    rows = [
        ("calls", *_numbers(told.calls, "{:,.0f}")),
        ("tokens in", *_numbers(told.input_tokens, "{:,.0f}")),
        ("tokens out", *_numbers(told.output_tokens, "{:,.0f}")),
        ("usd", *(_numbers(told.usd, "{:,.4g}") if told.usd else ("unknown", "", ""))),
        ("seconds", *(_numbers(told.seconds, "{:,.0f}") if told.seconds else ("unknown", "", ""))),
    ]
    table(rows, (f"{told.n} dialogues", "expected", "at least", "at most"))
    kept = f"; {settings.out} keeps them" if settings.out else ""
    say(f"nine of ten such forecasts lie within the bounds; {told.sample} dialogues were played for it{kept}")
    if told.unpriced:
        say(f"the price of {', '.join(told.unpriced)} is unknown: give --price IN,OUT in usd per million tokens")
    if told.seconds is None:
        say("the time is unknown: no sample was played anew, or nothing that takes time spoke")


def _numbers(interval: Interval, form: str) -> tuple[str, str, str]:
    return (form.format(interval.expected), form.format(interval.low), form.format(interval.high))


def _as_json(told: Forecast) -> dict[str, Any]:
    row = dataclasses.asdict(told)
    row["unpriced"] = list(told.unpriced)
    return {**row, "usd": row["usd"] or "unknown", "seconds": row["seconds"] or "unknown", "interval": 0.9}
