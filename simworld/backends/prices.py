"""Prices: what a million tokens of a model cost, from a dated table or as the user gives them.

>>> price_of("openai:gpt-4.1-mini", {}).cost(1_000_000, 0)
0.4
>>> price_of("openai:unheard-of", {}) is None
True

A price that nobody told is unknown, never zero.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from simworld.errors import UsageError
from simworld.prompts import data

FREE = frozenset({"improv", "scripted", "recorded", "human", "local", "usersim"})
"""Kinds of backends that nobody sends a bill for."""
ANY = "*"
"""In prices as given: every backend that is not free and has no price of its own."""
_DATED = re.compile(r"-(\d{4}-\d\d-\d\d|\d{8})$")
_FORM = "write --price IN,OUT in usd per million tokens, such as --price 0.4,1.6 (or --price BACKEND=IN,OUT)"


@dataclass(frozen=True, slots=True)
class Price:
    """Usd per million tokens."""

    input: float
    output: float

    def cost(self, input_tokens: float, output_tokens: float) -> float:
        """Usd for so many tokens."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


def price_of(spec: str, given: Mapping[str, tuple[float, float]], *, elsewhere: bool = False) -> Price | None:
    """The price of a backend: as given, else free, else of the table (a name may end in a date); None: unknown.

    `elsewhere`: the model is asked at another address than its maker's, so the table says nothing of it.
    """
    if spec in given:
        return Price(*given[spec])
    if spec.split(":", maxsplit=1)[0] in FREE:
        return Price(0.0, 0.0)
    if ANY in given:
        return Price(*given[ANY])
    models: dict[str, Any] = _table()["models"]
    row = None if elsewhere else models.get(spec) or models.get(_DATED.sub("", spec))
    return Price(*row) if row else None


def as_of() -> str:
    """The day on which the table was written."""
    return str(_table()["as_of"])


def read_prices(given: list[str]) -> dict[str, tuple[float, float]]:
    """`0.4,1.6` or `openai:NAME=0.4,1.6` as the command line has them. Raises UsageError for another form."""
    prices: dict[str, tuple[float, float]] = {}
    for item in given:
        spec, equals, numbers = item.rpartition("=")
        try:
            low, high = (float(number) for number in numbers.split(","))
        except ValueError:
            raise UsageError(f"--price '{item}': {_FORM}") from None
        if not (0 <= low < 1e6 and 0 <= high < 1e6) or (equals and ":" not in spec):
            raise UsageError(f"--price '{item}': {_FORM}")
        prices[spec or ANY] = (low, high)
    return prices


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    return data("prices.yaml")
