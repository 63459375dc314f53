"""Till: a run's purse and its prices; every backend of the run is paid from it.

till = Till(Purse(read_budget("20usd")), {"openai:mock": (0.4, 1.6)}, reply_tokens=512)
backend = till.meter(open_backend("openai:mock"))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from simworld.backends.backend import ChatBackend
from simworld.backends.budget import Purse
from simworld.backends.meter import Metered
from simworld.backends.prices import Price, as_of, price_of
from simworld.errors import UsageError
from simworld.schema import Transcript

Spent = tuple[str, int, int, int]
"""A backend's spec, calls, tokens in, tokens out."""


@dataclass(frozen=True, slots=True)
class Till:
    """What calls are paid from, and what they cost."""

    purse: Purse
    prices: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    reply_tokens: int = 1024
    """Longest reply, in tokens: what is held back for it."""
    elsewhere: bool = False
    """Whether models are asked at an address that the user gave, so that the table of prices says nothing of them."""

    def meter(self, backend: ChatBackend) -> Metered:
        """The backend, paid from here. Raises UsageError where a budget of money meets a model of unknown price."""
        price = self._price(backend.spec) if self.purse.unit == "usd" else None
        return Metered(backend, self.purse, price, reply_tokens=min(self.reply_tokens, backend.context_tokens))

    def cost(self, told: Iterable[Transcript]) -> float:
        """What these transcripts cost by their own count, in the purse's unit."""
        parts = [part for transcript in told for part in spent(transcript)]
        if self.purse.unit == "usd":
            return sum(self._price(spec).cost(given, made) for spec, _, given, made in parts if given or made)
        return float(sum(given + made for _, _, given, made in parts))

    def _price(self, spec: str) -> Price:
        price = price_of(spec, self.prices, elsewhere=self.elsewhere)
        if price is None:
            raise UsageError(
                f"the price of '{spec}' is unknown (table of {as_of()}): give --price IN,OUT in usd per million tokens"
            )
        return price


def spent(transcript: Transcript) -> list[Spent]:
    """What each backend of a transcript was asked and gave, seat by seat; a stand-in's share apart."""
    parts: list[Spent] = []
    for id, usage in transcript.usage.items():
        spec = transcript.seats[id].backend if id in transcript.seats else id
        calls, given, made = usage.calls, usage.input_tokens, usage.output_tokens
        if usage.fallback:
            parts.append(
                (usage.fallback, usage.fallback_calls, usage.fallback_input_tokens, usage.fallback_output_tokens)
            )
            calls, given, made = (
                calls - usage.fallback_calls, given - usage.fallback_input_tokens, made - usage.fallback_output_tokens
            )  # fmt: skip
        parts.append((spec, calls, given, made))
    return parts
