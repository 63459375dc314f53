"""Passing faults and how long one bears with them: tenacity's waits, entered only after a first try has failed.

try:
    return await once()
except Passing as fault:
    return await persist(once, fault, Patience(), name="openai:mock")

A fault that is the server's for all (see `gate`) takes none of a call's tries.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_exponential, wait_random

from simworld.backends.completion import Completion
from simworld.backends.payment import PAYMENT, Payment
from simworld.errors import BackendError

logger = logging.getLogger("simworld.backends")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a call is tried again."""

    retries: int = 5
    """Tries after the first."""
    first: float = 0.5
    """Seconds before the second try; doubled for each further one, with jitter."""
    longest: float = 30.0
    """Seconds between two tries, at most, unless the server asks for more."""
    total: float = 600.0
    """Seconds after the first fault beyond which no further try is begun; those of a server's being down left out."""
    wait: float = 0.0
    """Seconds that calls wait together for a server that is down or only says 429; 0: each has its own tries."""
    yields: bool = False
    """Do not wait for it at all: another backend stands by."""


class Passing(Exception):
    """A fault that may be gone at the next try."""

    def __init__(
        self,
        what: str,
        detail: str = "",
        wait: float = 0.0,
        *,
        busy: bool = False,
        down: bool = False,
        unreached: bool = False,
        billed: bool = False,
    ) -> None:
        super().__init__(what)
        self.what = what
        """The fault in a few words of our own: `HTTP 500`, `connection dropped`."""
        self.detail = detail
        """The server's message, cleaned; may be empty."""
        self.wait = wait
        """Seconds that the server asks to be left alone."""
        self.busy = busy
        """The server has too much to do: 429."""
        self.down = down
        """The server may be down: no connection, one that dropped, a gateway's 502 to 504."""
        self.unreached = unreached
        """There was no connection."""
        self.billed = billed
        """A reply may have been made, and cost something, although none came."""
        self.own = True
        """Whether it counts as one of the call's tries."""


async def persist(
    once: Callable[[], Awaitable[Completion]], first: Passing, patience: Patience, name: str
) -> Completion:
    """Try `once` again until it answers; `first` is the fault of the try that was already made.

    Raises BackendError, naming the last fault and the number of tries, when patience ends, and OutOfBudget where the
    budget holds no further try.
    """
    known: list[Passing] = [first]
    tries = 0
    payment = PAYMENT.get()

    async def attempt() -> Completion:
        nonlocal tries
        tries += 1
        if known:
            raise known.pop()
        if payment:
            await payment.again()
        return await once()

    try:
        reply: Completion = await _retrying(patience, name, payment)(attempt)
    except Passing as fault:
        failure = _failure(fault, tries, name)
    else:
        return replace(reply, retries=tries - 1)
    raise failure


def _retrying(patience: Patience, name: str, payment: Payment | None) -> AsyncRetrying:
    backoff = wait_exponential(patience.first, patience.longest) + wait_random(0, patience.first)
    own, excused, told = 0, 0.0, 0.0

    def stop(state: RetryCallState) -> bool:
        nonlocal own, excused, told
        fault = _fault(state)
        if payment:
            payment.failed(billed=fault.billed)
        passed = state.seconds_since_start or 0.0
        if not fault.own:
            excused += passed - told
        told = passed
        own += fault.own
        used = passed - excused if fault.own else passed - patience.wait
        return own > patience.retries or used + state.upcoming_sleep >= patience.total

    def wait(state: RetryCallState) -> float:
        asked = _fault(state).wait
        return max(backoff(state), asked + random.uniform(0, patience.first) if asked else 0.0)

    def log(state: RetryCallState) -> None:
        seconds = state.next_action.sleep if state.next_action else 0.0
        logger.debug("%s: %s; try %d in %.2f s", name, _fault(state).what, state.attempt_number + 1, seconds)

    return AsyncRetrying(
        stop=stop,
        wait=wait,
        retry=retry_if_exception_type(Passing),
        sleep=asyncio.sleep,
        before_sleep=log,
        reraise=True,
    )


def _fault(state: RetryCallState) -> Passing:
    fault = state.outcome.exception() if state.outcome else None
    assert isinstance(fault, Passing)
    return fault


def _failure(fault: Passing, tries: int, name: str) -> BackendError:
    reason = f"{name}: {fault.what} after {tries} {'try' if tries == 1 else 'tries'}"
    if fault.wait:
        reason += f", asked to wait {fault.wait:g} s"
    return BackendError(f"{reason}: {fault.detail}" if fault.detail else reason)


def read_retry_after(value: str | None, now: float | None = None) -> float:
    """Seconds to wait by a Retry-After header (a number or an HTTP date); 0 where it says nothing."""
    if not value:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        seconds = _until(value, time.time() if now is None else now)
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0


def _until(date: str, now: float) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (ValueError, OverflowError):
        return 0.0
