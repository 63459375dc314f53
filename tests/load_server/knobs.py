"""Knobs: everything that can be changed about the server, also while it runs; and the faults it knows by name.

    knobs = Knobs(latency=0.05, faults={"500": 0.1, "mixed": 0.2}, odd={"length": 0.05})

Shares are of the distinct requests: the same request meets the same fate every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

STATUSES = {
    "400": 400, "401": 401, "402": 402, "403": 403, "404": 404, "408": 408, "409": 409, "422": 422, "425": 425,
    "429": 429, "500": 500, "502": 502, "503": 503, "504": 504, "529": 529,
}  # fmt: skip
PASSING = (
    "408", "409", "425", "429", "500", "502", "503", "504", "529",
    "drop", "drop_late", "half", "empty", "no_message", "html", "hang",
)  # fmt: skip
"""Faults that may be gone at the next try."""
FAULTS = (*STATUSES, *(name for name in PASSING if name not in STATUSES), "redirect")
"""Whatever keeps a request from being answered.

`drop`: hung up before the reply; `drop_late`: in the middle of it; `half`: half a JSON; `empty`: no choices; `html`: a
page, with 502; `hang`: nothing for `Knobs.hang` seconds, then hung up.
"""
MIXED = "mixed"
"""A share of all passing faults together."""
BILLED = frozenset({"502", "504", "drop", "drop_late", "half", "empty", "no_message", "hang"})
"""Faults before which the model has made its reply, which is paid for."""
ODD = (
    "length", "filtered", "filtered_empty", "usage_zero", "usage_negative", "usage_small", "usage_absent", "trickle",
)  # fmt: skip
"""What is odd about a reply that comes all the same.

`length`: half the text; `filtered`: half of it or none, by the content filter; `usage_...`: wrong token counts;
`trickle`: a piece at a time.
"""
OPTIONS = ("logprobs", "max_tokens", "n", "response_format", "stop")
"""Fields of a request that `Knobs.ignore` may name."""


@dataclass
class Knobs:
    """How the server behaves. ValueError for a name that is not known."""

    reply: Callable[[dict[str, Any]], str] | None = None
    """Request body -> text; default: `words` words that follow from the request."""
    words: int = 12
    serial: bool = False
    """End each reply with `[N]`, N counting the answered requests from 1."""
    latency: float = 0.0
    """Seconds before any answer, except a refusal by a limit."""
    sigma: float = 0.0
    """Spread of a log-normal factor on the latency, by content and try."""
    together: int = 0
    """Nothing is answered before this many requests were in flight at once."""
    faults: Mapping[str, float] = field(default_factory=dict)
    """Fault (one of FAULTS, or `mixed`) -> share of the distinct requests that meet it."""
    fault_tries: int | None = 1
    """How many tries of such a request fail; None: all."""
    odd: Mapping[str, float] = field(default_factory=dict)
    """Oddity (one of ODD) -> share of the distinct requests whose reply has it, each time."""
    always: str = ""
    """A fault that every request meets."""
    bills: Iterable[str] = BILLED
    """Faults that cost as much as a reply."""
    price_in: float = 0.0
    """Dollars for a million tokens of prompts."""
    price_out: float = 0.0
    max_in_flight: int = 0
    """Requests served at once; the rest get 429. 0: no limit."""
    rpm: int = 0
    """Requests served in any `minute`; the rest get 429 with Retry-After. 0: no limit."""
    minute: float = 60.0
    """Seconds."""
    ignore: Iterable[str] = ()
    """Options of requests that are ignored in silence."""
    retry_after: str | None = None
    """The header, on 429 and 503: `3`, `date:3` (as a date, 3 s from now), `any:3` (either or none, by content)."""
    hang: float = 60.0
    """Seconds."""
    trickle: float = 0.05
    """Seconds between two pieces of a reply that trickles."""
    pieces: int = 20
    """Pieces of such a reply."""
    message: str = "injected failure"
    """What an error says."""
    error: dict[str, Any] = field(default_factory=dict)
    """Further fields of the error object: `param`, `code`."""
    redirect: str = ""
    """Location of the fault `redirect`."""
    finish: str | None = "stop"
    content: Any = ...
    """The message's content in place of a reply: None, a list of parts ..."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Further fields of the message: `reasoning_content` ..."""
    usage: Any = ...
    """The usage object in place of a true one; None: left out."""
    body: bytes | None = None
    """The whole body in place of a reply, with status 200."""
    cookie: str = ""
    """A Set-Cookie header on each reply."""
    key: str = ""
    """The only key that is let in; empty: any or none."""
    record: bool = True
    """Keep each request. Off, memory stays flat."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _KNOWN:
            named = [value] if isinstance(value, str) else list(value)
            if wrong := [word for word in named if word and word not in _KNOWN[name]]:
                raise ValueError(f"{name}: {wrong[0]!r} is not one of {', '.join(_KNOWN[name])}")
        super().__setattr__(name, value)

    def change(self, values: Mapping[str, Any]) -> None:
        """Set knobs by name; `latency_ms` is understood as well. ValueError for one that is not known."""
        names = {one.name for one in fields(self)}
        for name, value in values.items():
            if name == "latency_ms":
                self.latency = value / 1000
            elif name in names:
                setattr(self, name, value)
            else:
                raise ValueError(f"{name!r} is no knob: {', '.join(sorted(names))}")

    def shown(self) -> dict[str, Any]:
        """The knobs as JSON, as far as they are."""
        kept = {one.name: getattr(self, one.name) for one in fields(self)}
        shown = {name: list(value) if isinstance(value, frozenset | tuple) else value for name, value in kept.items()}
        told = {name: value for name, value in shown.items() if value is not ... and not callable(value)}
        return {**told, "body": None if self.body is None else len(self.body), "latency_ms": self.latency * 1000}


_KNOWN = {"faults": (*FAULTS, MIXED), "always": FAULTS, "bills": FAULTS, "odd": ODD, "ignore": OPTIONS}


def pick(shares: Mapping[str, float], hit: float, which: float) -> str:
    """One of the names by its share, or nothing; `hit` says whether, `which` which one (both from 0 up to 1)."""
    total, edges = _edges(tuple(shares.items()))
    if hit >= total:
        return ""
    return next((name for name, edge in edges if which * total < edge), edges[-1][0])


@cache
def _edges(shares: tuple[tuple[str, float], ...]) -> tuple[float, list[tuple[str, float]]]:
    edges: list[tuple[str, float]] = []
    total = 0.0
    for name, share in shares:
        spread = PASSING if name == MIXED else (name,)
        for one in spread:
            total += share / len(spread)
            edges.append((one, total))
    return total, edges
