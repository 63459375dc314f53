"""Forecast: play a sample of a plan, and tell what the whole of it will cost, with a 90 % interval.

    told = await forecast(RunSettings(scenes=("lost_luggage",), out="corpus", n=2000, ...), on_event=print)
    told.tokens.expected, told.tokens.low, told.tokens.high

The sample is the start of the plan, which goes through all its scenes in turn. Of the rest each unit (a dialogue, a
story) is taken to cost what one of the sample did: the interval is that of a sum of so many draws, with Student's t for
the few that were seen (prediction interval; e.g. Hahn and Meeker, Statistical Intervals, 1991, chapter 4).
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simworld.backends.prices import price_of
from simworld.corpus.store import Corpus
from simworld.corpus.survey import Survey
from simworld.errors import UsageError
from simworld.simulate.coverage import read_coverage
from simworld.simulate.plan import Plan
from simworld.simulate.produce import produce
from simworld.simulate.share import Event, RunSettings
from simworld.simulate.stages import stages_of

SAMPLE = 24
"""Units that are played, or one for each scene and story where those are more."""
_Z = 1.6449  # 95 % of a normal distribution lie below: 5 % are left out on either side


@dataclass(frozen=True, slots=True)
class Interval:
    """What is expected, and the bounds within which nine of ten such forecasts lie."""

    expected: float
    low: float
    high: float

    def times(self, factor: float) -> Interval:
        """All three times a factor."""
        return Interval(self.expected * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run of `n` units will cost in all, those of the sample included."""

    n: int
    sample: int
    calls: Interval
    input_tokens: Interval
    output_tokens: Interval
    tokens: Interval
    usd: Interval | None
    """None where the price of a model is unknown."""
    unpriced: tuple[str, ...]
    """Those models."""
    seconds: Interval | None
    """Time of playing the whole; None where the sample was there already, and no time was measured."""


async def forecast(settings: RunSettings, on_event: Callable[[Event], None]) -> Forecast:
    """Play the sample into `settings.out` (nowhere, where that is empty), and forecast the whole.

    Raises what `produce` raises, and UsageError where the budget ends before the sample does.
    """
    stages = stages_of([*settings.scenes])
    size = min(settings.n, max(SAMPLE, len(stages)))
    with tempfile.TemporaryDirectory(prefix="simworld-forecast-") as place:
        out = settings.out or place
        played = 0

        def note(event: Event) -> None:
            nonlocal played
            played += event["event"] == "done" and event["facts"]["closes"]
            on_event(event)

        began = time.perf_counter()
        workers = min(settings.workers, size)
        await produce(settings.model_copy(update={"out": out, "n": size, "workers": workers}), note)
        took = time.perf_counter() - began if played == size else None
        coverage = read_coverage(settings.fill) if settings.fill else None
        spans = [*Plan(stages, settings.seed, coverage=coverage).spans(size)]
        units = _units(Path(out), spans)
    if len(units) < size:
        raise UsageError(f"of the sample's {size} dialogues only {len(units)} could be played: give a larger --budget")
    return _forecast(settings, units, took)


def _units(out: Path, spans: Sequence[range]) -> list[dict[str, tuple[int, int, int]]]:
    """What each unit of the sample used: backend -> calls, tokens in, tokens out."""
    unit_of = {index: unit for unit, span in enumerate(spans) for index in span}
    found: dict[int, dict[str, tuple[int, int, int]]] = {}
    for row, _ in Corpus(out).rows():
        unit = unit_of.get(row["index"])
        if unit is None:
            break
        used = found.setdefault(unit, {})
        for spec, *numbers in Survey.facts(row)["usage"]:
            before = used.get(spec, (0, 0, 0))
            used[spec] = (before[0] + numbers[0], before[1] + numbers[1], before[2] + numbers[2])
    return [found[unit] for unit in sorted(found)]


def _forecast(
    settings: RunSettings, units: Sequence[Mapping[str, tuple[int, int, int]]], took: float | None
) -> Forecast:
    n = settings.n

    def over(cost: Callable[[str, tuple[int, int, int]], float]) -> Interval:
        return total([sum(cost(spec, numbers) for spec, numbers in unit.items()) for unit in units], n)

    specs = sorted({spec for unit in units for spec in unit})
    prices = {spec: price_of(spec, settings.prices, elsewhere=settings.elsewhere) for spec in specs}
    unpriced = tuple(spec for spec, price in prices.items() if price is None)
    calls = over(lambda _, numbers: numbers[0])
    return Forecast(
        n=n, sample=len(units), calls=calls,
        input_tokens=over(lambda _, numbers: numbers[1]),
        output_tokens=over(lambda _, numbers: numbers[2]),
        tokens=over(lambda _, numbers: numbers[1] + numbers[2]),
        usd=None if unpriced else over(lambda spec, numbers: _usd(prices[spec], numbers)),
        unpriced=unpriced,
        seconds=None if took is None else _seconds(settings, units, took, calls),
    )  # fmt: skip


def _usd(price: Any, numbers: tuple[int, int, int]) -> float:
    return price.cost(numbers[1], numbers[2]) if price else 0.0


def _seconds(
    settings: RunSettings, units: Sequence[Mapping[str, Any]], took: float, calls: Interval
) -> Interval | None:
    """Time of the whole: calls follow each other within a unit, units lie side by side."""
    of_unit = [sum(numbers[0] for numbers in unit.values()) for unit in units]
    beside = settings.jobs * settings.workers
    in_a_row = max(max(of_unit, default=0), sum(of_unit) / min(beside, len(units)))
    if not in_a_row:
        return None
    return calls.times(took / in_a_row / min(beside, settings.n))


def total(sample: Sequence[float], n: int) -> Interval:
    """The sum of `n` draws of which `sample` (in any unit) are the first: expected, and its 90 % interval."""
    seen, rest = len(sample), n - len(sample)
    mean = statistics.fmean(sample)
    if seen < 2 or not rest:
        spread = 0.0 if not rest else math.inf
    else:
        spread = _student(seen - 1) * statistics.stdev(sample) * math.sqrt(rest * rest / seen + rest)
    expected = sum(sample) + rest * mean
    return Interval(expected, max(sum(sample), expected - spread), expected + spread)


def _student(freedom: int) -> float:
    """The 95 % quantile of Student's t (expansion in 1/freedom; Abramowitz and Stegun, 26.7.5)."""
    z = _Z
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
