"""Divide dialogues so that nothing they are tied to stands on two sides.

    sides = divide([("ana", "tom"), ("ana",), ("eva", "ned")], (0.8, 0.1, 0.1), seed=0)
    sides[0]        # 0, 1 or 2: which part; None: its ties stand on different sides

A dialogue is tied to some things (people, a scene); it falls to a part where all of them belong to that part. Where
each has one tie only nothing is lost, and parts are filled by size. Else the smaller parts are cut out of the whole one
after another, each grown from several beginnings by whatever brings most dialogues in for those that it cuts through.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Sequence
from hashlib import blake2b

Ties = Sequence[str]
MOST_BEGINNINGS = 64
EFFORT = 2_000_000
"""Ties that are looked at by all beginnings together, about."""
NEAR_ENOUGH = 0.98
"""A part has its share from this much of it on."""
REACHED = 0.75
"""A beginning is as good as another that loses less only where its part has this much of its share."""


def divide(dialogues: Sequence[Ties], shares: Sequence[float], seed: int = 0) -> list[int | None]:
    """The part of each dialogue, or None. `shares`: of each part, together 1; the first takes what is left over."""
    if all(len(ties) == 1 for ties in dialogues):
        return _filled([ties[0] for ties in dialogues], shares, seed)
    side: dict[str, int] = {}
    rest = list(dialogues)
    for part in range(len(shares) - 1, 0, -1):
        room = sum(shares[: part + 1])
        if shares[part] and rest:
            held = _carved(rest, shares[part] / room, f"{seed}/{part}")
            side |= dict.fromkeys(held, part)
            rest = [ties for ties in rest if held.isdisjoint(ties)]
    return [_only({side.get(tie, 0) for tie in ties}) for ties in dialogues]


def _only(sides: set[int]) -> int | None:
    return next(iter(sides)) if len(sides) == 1 else None


def _filled(ties: Sequence[str], shares: Sequence[float], seed: int) -> list[int | None]:
    """Largest first into the part that lacks most; then every part that may have one has one, the last part first."""
    sizes = Counter(ties)
    order = sorted(sizes, key=lambda tie: (-sizes[tie], _draw(seed, tie)))
    lacks = [share * len(ties) for share in shares]
    side: dict[str, int] = {}
    for tie in order:
        part = max((at for at, share in enumerate(shares) if share), key=lambda at: lacks[at])
        side[tie] = part
        lacks[part] -= sizes[tie]
    for part in range(len(shares) - 1, 0, -1):
        own = [tie for tie in order if side[tie] == 0]
        if shares[part] and part not in side.values() and len(own) > 1:
            side[own[-1]] = part
    return [side[tie] for tie in ties]


def _carved(dialogues: Sequence[Ties], share: float, seed: str) -> set[str]:
    """The ties of a part that holds about this share of the dialogues that are not cut through."""
    things = sorted({tie for ties in dialogues for tie in ties}, key=lambda tie: _draw(seed, tie))
    numbers = {tie: at for at, tie in enumerate(things)}
    own = [sorted({numbers[tie] for tie in ties}) for ties in dialogues]
    of: list[list[int]] = [[] for _ in things]
    for dialogue, ties in enumerate(own):
        for tie in ties:
            of[tie].append(dialogue)
    most = min(len(things), MOST_BEGINNINGS, max(4, EFFORT // sum(map(len, of))))
    grown = (_Growth(own, of).grow(share, beginning) for beginning in range(most))
    best = max(grown, key=lambda one: one.quality(share))  # the first of equals
    return {things[number] for number in best.held}


class _Growth:
    """A part that grows by one thing after another."""

    def __init__(self, ties: list[list[int]], of: list[list[int]]) -> None:
        """`ties`: dialogue -> what it is tied to; `of`: thing -> its dialogues; both by number."""
        self._ties, self._of = ties, of
        self._missing = [len(own) for own in ties]
        """For each dialogue how many of its ties the part has not."""
        self._pull = [0.0] * len(of)
        self._queue: list[tuple[float, int]] = []
        self.held: set[int] = set()
        self.inside = 0
        """Dialogues that are wholly in the part."""
        self.outside = len(ties)
        """Dialogues that it does not touch."""

    def grow(self, share: float, beginning: int) -> _Growth:
        """Take in things until the part has its share, or nothing brings it nearer."""
        for dialogue, ties in enumerate(self._ties):
            if len(ties) == 1:
                self._tug(dialogue, ties, 1)
        fresh = deque([beginning, *(thing for thing in range(len(self._of)) if thing != beginning)])
        while (self._queue or fresh) and self._share() < share * NEAR_ENOUGH:
            if not self._queue or not self.held:
                self._take_if_nearer(fresh.popleft(), share)
                continue
            pull, thing = heapq.heappop(self._queue)
            if thing not in self.held and -pull == self._worth(thing):
                self._take_if_nearer(thing, share)
        self._let_go()
        return self

    def quality(self, share: float) -> tuple[bool, int]:
        """Whether the part has its share, or nearly, and how many dialogues are not cut through."""
        return self.inside > 0 and self._share() >= share * REACHED, self.inside + self.outside

    def _share(self) -> float:
        return self.inside / max(1, self.inside + self.outside)

    def _worth(self, thing: int) -> float:
        return self._pull[thing] / len(self._of[thing])

    def _take_if_nearer(self, thing: int, share: float) -> None:
        if thing in self.held:
            return
        of = self._of[thing]
        inside = self.inside + sum(self._missing[at] == 1 for at in of)
        outside = self.outside - sum(self._missing[at] == len(self._ties[at]) for at in of)
        if not outside:
            return
        would = inside / (inside + outside)
        if would <= share or would - share < share - self._share():
            self._take(thing)

    def _take(self, thing: int) -> None:
        for dialogue in self._of[thing]:
            ties = self._ties[dialogue]
            self._tug(dialogue, ties, -1)
            self.outside -= self._missing[dialogue] == len(ties)
            self._missing[dialogue] -= 1
            self.inside += not self._missing[dialogue]
            self._tug(dialogue, ties, 1)
        self.held.add(thing)

    def _tug(self, dialogue: int, ties: Sequence[int], by: int) -> None:
        """What a dialogue that the part has begun to hold does for those things that are still missing."""
        missing = self._missing[dialogue]
        if missing == 0 or (missing == len(ties) and missing > 1):
            return
        for thing in ties:
            self._pull[thing] += by * 4.0 ** (1 - missing)
            if by > 0 and thing not in self.held:
                heapq.heappush(self._queue, (-self._worth(thing), thing))

    def _let_go(self) -> None:
        """Give back what has brought no dialogue in."""
        kept = {thing for thing in self.held if any(not self._missing[at] for at in self._of[thing])}
        self.outside = sum(kept.isdisjoint(ties) for ties in self._ties)
        self.held = kept


def _draw(seed: object, name: str) -> bytes:
    return blake2b(f"{seed}/{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
