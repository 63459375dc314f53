"""Worker: the one thread that owns the model. Calls come to it from any other; their futures are answered from it.

    worker = Worker(load, "local:/models/seven")     # `load` is run by the thread, at the first call
    worker.submit(call)
    worker.close()

Calls that wait join between two steps: at once where nothing is at work (after a moment, since calls come in swarms),
else when they are many beside those at work, or have waited long.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Thread, current_thread
from typing import Protocol

from simworld.backends.local.call import Call
from simworld.checkpoint.libraries import library
from simworld.errors import BackendError, SimworldError

logger = logging.getLogger("simworld.backends")

QUIET = 0.003
"""Seconds without a new call after which a swarm is taken to be whole."""
SWARM = 0.1
"""Seconds that a swarm is waited for, at most."""
SHARE = 0.25
"""Those that wait join when they are this share of those at work."""
LONG = 0.5
"""Seconds after which a call joins however few wait with it."""

PATIENCE = 10.0
"""Seconds that closing waits for a step, or for weights that are being loaded; the thread ends after it anyway."""


class Runner(Protocol):
    """Whatever answers calls, step by step. Used by one thread only."""

    most_rows: int
    back: list[Call]

    @property
    def active(self) -> int:
        """Calls at work."""
        ...

    def join(self, calls: Sequence[Call]) -> None:
        """Take these in; those for which there is no room stand in `back` afterwards."""
        ...

    def step(self) -> None:
        """Bring all at work one step on, and answer those that are done."""
        ...

    def fail(self, error: BackendError) -> None:
        """Answer all at work with this error."""
        ...

    def clear(self) -> None:
        """Let go of all memory but the model's."""
        ...


class Worker:
    """A queue, and a thread that is there while calls are."""

    def __init__(self, load: Callable[[], Runner], spec: str) -> None:
        self.runner: Runner | None = None
        """What the thread runs, once it is loaded."""
        self._load, self._spec = load, spec
        self._waiting: deque[Call] = deque()
        self._changed = Condition()
        self._thread: Thread | None = None
        self._closing = False

    def submit(self, call: Call) -> None:
        """Queue a call."""
        with self._changed:
            self._waiting.append(call)
            if self._thread is None:
                self._closing = False
                self._thread = Thread(target=self._work, name=self._spec, daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """End the thread, and let go of all memory but the model's; calls that are not answered fail."""
        with self._changed:
            thread, self._closing = self._thread, True
            self._changed.notify()
        if thread and thread is not current_thread():
            thread.join(PATIENCE)

    def _work(self) -> None:
        torch = library("torch")
        with torch.inference_mode():
            while (calls := self._next()) is not None:
                try:
                    self._serve(calls)
                except Exception as error:  # noqa: BLE001 - whatever a model raises ends these calls, not the thread
                    self._fail(calls, error)
        self._end()

    def _serve(self, calls: Sequence[Call]) -> None:
        if self.runner is None:
            self.runner = self._load()
        runner = self.runner
        if calls:
            runner.join(calls)
        if runner.active:
            runner.step()
        if runner.back:
            with self._changed:
                self._waiting.extendleft(reversed(runner.back))
            runner.back = []

    def _fail(self, calls: Sequence[Call], error: Exception) -> None:
        """The calls at work and those that were joining are told; those that wait are tried yet."""
        ours = isinstance(error, SimworldError)
        text = str(error) if ours else f"{self._spec}: {type(error).__name__}: {_first_line(error)}"
        if not ours:
            logger.debug("%s", text, exc_info=error)
        failure = error if isinstance(error, BackendError) else BackendError(text)
        back: list[Call] = []
        if self.runner:
            self.runner.fail(failure)
            back, self.runner.back = self.runner.back, []
        else:
            # it could not be loaded, and will not be for those that wait
            with self._changed:
                back, self._waiting = list(self._waiting), deque()
        for call in (*calls, *back):
            if not call.future.done():
                call.fail(failure)

    def _end(self) -> None:
        if self.runner:
            self.runner.fail(BackendError(f"{self._spec} was closed"))
        with self._changed:
            left, self._waiting = self._waiting, deque()
            self._thread = None
        for call in left:
            call.fail(BackendError(f"{self._spec} was closed"))

    def _next(self) -> list[Call] | None:
        """The calls that are to join now, maybe none; None when the thread is to end."""
        with self._changed:
            while not self._waiting and not self._active and not self._closing:
                self._changed.wait()
            if self._closing:
                return None
            if not self._active:
                self._wait_for_swarm()
            return self._joining()

    @property
    def _active(self) -> int:
        return self.runner.active if self.runner else 0

    def _wait_for_swarm(self) -> None:
        until = time.monotonic() + SWARM
        most = self.runner.most_rows if self.runner else 0
        while len(self._waiting) < (most or len(self._waiting) + 1) and time.monotonic() < until:
            before = len(self._waiting)
            self._changed.wait(QUIET)
            if len(self._waiting) == before:
                break

    def _joining(self) -> list[Call]:
        active = self._active
        free = max(1, (self.runner.most_rows if self.runner else len(self._waiting)) - active)
        if self.runner and active >= self.runner.most_rows:
            return []
        count = min(len(self._waiting), free)
        if not count or (count < active * SHARE and time.monotonic() - self._waiting[0].since < LONG):
            return []
        return [self._waiting.popleft() for _ in range(count)]


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")
