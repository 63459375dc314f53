"""Units of a plan by number: which indices each takes, and what of them is still to be handed out.

units = Units(plan.spans(50_000))
units.span(7), units.at(1234)
pool = Pool(units.runs(lambda span: not survey.is_finished(span, failed_too=False)), workers=4)
pool.take(most=10)              # range(0, 10)
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable

BLOCK = 10
"""Units in a row that are handed out at once."""


class Units:
    """Where the units of a plan lie, one behind the other. Eight bytes a unit."""

    def __init__(self, spans: Iterable[range]) -> None:
        self._starts = array("q", [0])
        for span in spans:
            self._starts.append(span.stop)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def span(self, unit: int) -> range:
        """The indices of a unit."""
        return range(self._starts[unit], self._starts[unit + 1])

    def at(self, index: int) -> int:
        """The unit that an index belongs to."""
        return bisect_right(self._starts, index) - 1

    def runs(self, wanted: Callable[[range], bool]) -> list[range]:
        """The numbers of the units whose indices are wanted, in ranges."""
        return ranges(unit for unit in range(len(self)) if wanted(self.span(unit)))


def ranges(numbers: Iterable[int]) -> list[range]:
    """Ascending numbers as ranges."""
    found: list[range] = []
    for number in numbers:
        if found and found[-1].stop == number:
            found[-1] = range(found[-1].start, number + 1)
        else:
            found.append(range(number, number + 1))
    return found


def told(numbers: Iterable[int]) -> str:
    """Ascending numbers for a reader: `3, 10 to 19`."""
    return ", ".join(f"{one[0]} to {one[-1]}" if len(one) > 1 else f"{one[0]}" for one in ranges(numbers))


class Pool:
    """Units that nobody has been given yet, handed out in their order, in smaller blocks towards the end."""

    def __init__(self, runs: Iterable[range], workers: int) -> None:
        self._runs = deque(runs)
        self._workers = workers
        self.left = sum(map(len, self._runs))

    def take(self, most: int) -> range:
        """The next block, `most` units at the most. There must be one left."""
        size = max(1, min(most, self.left // (2 * self._workers)))
        run = self._runs.popleft()
        if run[size:]:
            self._runs.appendleft(run[size:])
        self.left -= len(run[:size])
        return run[:size]
