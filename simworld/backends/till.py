"""Till: a run's purse and its prices; every backend of the run is paid from it.

till = Till(Purse(read_budget("20usd")), {"openai:mock": (0.4, 1.6)}, reply_tokens=512)
backend = till.meter(open_backend("openai:mock"))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil

from simworld.backends.backend import ChatBackend
from simworld.backends.budget import USD, Purse
from simworld.backends.meter import Metered
from simworld.backends.prices import Price, as_of, price_of
from simworld.errors import UsageError
from simworld.schema import Transcript


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

    def cost(self, told: Iterable[Transcript]) -> int:
        """What these transcripts cost by their own count, in the purse's unit."""
        shares = [
            share
            for transcript in told
            for id, usage in transcript.usage.items()
            for share in usage.shares(transcript.seats[id].backend if id in transcript.seats else id)
        ]
        return sum(self.charge(spec, given, made) for spec, _, given, made in shares if given or made)

    def charge(self, spec: str, given: int, made: int) -> int:
        """What so many tokens of a backend cost, in the points of the purse."""
        return ceil(self._price(spec).cost(given, made) * USD) if self.purse.unit == "usd" else given + made

    def _price(self, spec: str) -> Price:
        price = price_of(spec, self.prices, elsewhere=self.elsewhere)
        if price is None:
            raise UsageError(
                f"the price of '{spec}' is unknown (table of {as_of()}): give --price IN,OUT in usd per million tokens"
            )
        return price
