"""Gate: how many calls one model at one server has in flight, how fast they come, and the wait while it is down.

    reply = await gate.through(attempt, tokens=900)     # one try of one call

Calls in flight are not bounded until the server says 429; then their number is halved, and grows by one for each
round of answers (additive increase, multiplicative decrease, as TCP has it). Where nothing but refusals comes, the gate
shuts: one call at a time tries whether the server is back, all others wait, and the user is told.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from simworld.backends.completion import Completion
from simworld.backends.pace import Pace
from simworld.backends.retry import Passing, Patience
from simworld.errors import BackendError, RunStopped

logger = logging.getLogger("simworld.backends")

IN_A_ROW = 8
"""Refusals without an answer among them, after which a server counts as down."""
FEW = 3
"""... or as many as this where they have gone on for `LONG` seconds."""
LONG = 5.0
FIRST_PROBE = 1.0
LAST_PROBE = 30.0
"""Seconds between two looks whether a server is back: doubled from the first to the last."""


Attempt = Callable[[], Awaitable[tuple[Exception | None, Completion | None]]]


@dataclass(slots=True)
class Ticket:
    """One try on its way."""

    epoch: int
    answers: int
    """Answers that the gate had seen when this try began."""
    probe: bool = False
    paid: list[float] | None = None


@dataclass(slots=True)
class Outage:
    """A server that is down."""

    since: float
    pause: float
    next: float
    """When the next look is due."""
    probing: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a look has been taken, or the server is back."""


class Gate:
    """One for each model, server and event loop. `name` begins what is told."""

    def __init__(self, name: str, patience: Patience, pace: Pace | None = None) -> None:
        self.name = name
        self.window = math.inf
        """Calls that may be in flight."""
        self.in_flight = 0
        self.answers = 0
        """Tries that were answered."""
        self._patience = patience
        self._pace = pace
        self._met = False
        self._epoch = 0
        self._row: list[float] = []
        self._queue: deque[asyncio.Future[None]] = deque()
        self._outage: Outage | None = None

    async def through(self, attempt: Attempt, tokens: int) -> Completion:
        """Make one try when it is its turn; `attempt` gives what went wrong, or the reply. Raises what went wrong, and
        what `enter` raises."""
        ticket = await self.enter(tokens)
        try:
            failure, reply = await attempt()
        except BaseException:
            self.abandon(ticket)
            raise
        if isinstance(failure, Passing):
            failure.own = self.blames(failure, ticket)
        self.leave(ticket, failure, _spent(reply))
        if failure:
            raise failure
        assert reply is not None
        return reply

    async def enter(self, tokens: int) -> Ticket:
        """Wait for one's turn; `tokens`: what the try may cost, for `--tpm`.

        Raises RunStopped where the server has been down for longer than one waits, BackendError where another
        backend stands by for it or one call alone is over `--tpm`.
        """
        probe = self._outage is not None and await self._sit_out()
        while not probe and self.in_flight >= self.window:
            await self._line_up()
            probe = self._outage is not None and await self._sit_out()  # it may have shut meanwhile
        ticket = Ticket(self._epoch, self.answers, probe)
        self.in_flight += 1
        try:
            # last of all: what is counted for this minute is sent in it
            ticket.paid = await self._pace.take(tokens) if self._pace else None
        except BaseException:
            self.abandon(ticket)
            raise
        return ticket

    def abandon(self, ticket: Ticket) -> None:
        """The try was given up by whoever made it; nothing is known of the server."""
        self.in_flight -= 1
        self._put_down(ticket.probe)
        self._let_in()

    def leave(self, ticket: Ticket, fault: Exception | None, tokens: int | None = None) -> None:
        """The try is over: answered (None), or with this fault; `tokens`: what it came to, where that is told."""
        self.in_flight -= 1
        self._put_down(ticket.probe)
        if self._pace and ticket.paid and tokens is not None:
            self._pace.correct(ticket.paid, tokens)
        if fault is None or isinstance(fault, BackendError):  # a denial of this one prompt is an answer too
            self._answered()
        elif isinstance(fault, Passing):
            self._failed(fault, ticket)
        self._let_in()

    def blames(self, fault: Passing, ticket: Ticket) -> bool:
        """Whether a fault is the call's own, and not the server's for all: then it counts as one of its tries."""
        if not self._patience.wait or self._patience.yields or (fault.unreached and not self._met):
            return True
        return not fault.busy and not (fault.down and self.answers == ticket.answers)

    def _answered(self) -> None:
        self.answers += 1
        self._met = True
        self._row.clear()
        if self.window < math.inf:
            self.window += 1 / self.window
        if self._outage:
            seconds = time.monotonic() - self._outage.since
            logger.warning("%s: answers again after %.0f s; going on", self.name, seconds)
            self._outage.news.set()
            self._outage = None

    def _failed(self, fault: Passing, ticket: Ticket) -> None:
        self._met = self._met or not fault.unreached
        now = time.monotonic()
        if fault.busy and ticket.epoch == self._epoch:
            self._epoch += 1
            if self.window == math.inf:
                logger.warning("%s: HTTP 429; fewer calls at once from here, more again as it answers", self.name)
            self.window = max(1.0, min(self.window, self.in_flight + 1) / 2)
        if not (fault.down or fault.busy) or not self._met or not (self._patience.wait or self._patience.yields):
            return
        self._row.append(now)
        if outage := self._outage:
            if ticket.probe:
                outage.pause = min(LAST_PROBE, outage.pause * 2)
                outage.next = now + max(fault.wait, outage.pause)
                logger.warning(
                    "%s: still %s after %.0f s; next look in %.0f s",
                    self.name, fault.what, now - outage.since, outage.next - now,
                )  # fmt: skip
        elif len(self._row) >= IN_A_ROW or (len(self._row) >= FEW and now - self._row[0] > LONG):
            self._outage = Outage(self._row[0], FIRST_PROBE, now + max(fault.wait, FIRST_PROBE))
            logger.warning(
                "%s: %s, and no answer to %d tries; waiting for it (up to %g s)",
                self.name, fault.what, len(self._row), self._patience.wait,
            )  # fmt: skip

    async def _sit_out(self) -> bool:
        """Wait until the server answers somebody (False), or be the one who tries (True)."""
        while outage := self._outage:
            now = time.monotonic()
            if self._patience.yields and (outage.probing or now < outage.next):
                raise BackendError(f"{self.name}: is down since {now - outage.since:.0f} s")
            if not self._patience.yields and now - outage.since > self._patience.wait:
                raise RunStopped(
                    f"{self.name}: has not answered for {now - outage.since:.0f} s; what was finished is kept, the "
                    "same command goes on from here (--wait S waits longer)"
                )
            if not outage.probing:
                outage.probing = True
                try:
                    await asyncio.sleep(max(0.0, outage.next - now))
                except BaseException:
                    self._put_down(True)
                    raise
                if self._outage is outage:
                    return True
                continue
            await outage.news.wait()
        return False

    def _put_down(self, probe: bool) -> None:
        """The one who tried is done: the next one may."""
        if probe and self._outage:
            self._outage.probing = False
            self._outage.news.set()
            self._outage.news = asyncio.Event()

    async def _line_up(self) -> None:
        place = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            await place
        except BaseException:
            if place.done() and not place.cancelled():
                self._let_in()  # its turn goes to the next
            raise

    def _let_in(self) -> None:
        free = self.window - self.in_flight
        while self._queue and free >= 1:
            place = self._queue.popleft()
            if not place.done():
                place.set_result(None)
                free -= 1


def _spent(reply: Completion | None) -> int | None:
    if reply is None or reply.input_tokens is None or reply.output_tokens is None:
        return None
    return reply.input_tokens + reply.output_tokens


_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Gate]] = WeakKeyDictionary()


def gate_of(name: str, patience: Patience, limits: tuple[int | None, int | None]) -> Gate:
    """The running loop's gate of a model that is known by its name alone; `limits` as of `Pace`."""
    gates = _gates.setdefault(asyncio.get_running_loop(), {})
    if name not in gates:
        gates[name] = Gate(name, patience, Pace(name, *limits) if any(limits) else None)
    return gates[name]
