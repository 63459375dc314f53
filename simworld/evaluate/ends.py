"""When conversations stop: after how many of the user's turns, and with what chance at each.

    hazard(side.talks)          # {1: Risk(stopped=3, reached=60), 2: ...}; h(1) = 0.05

A conversation whose end nobody knows counts as one that went on for as long as it is known to have gone on, and is then
out of sight (censored).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simworld.evaluate.lens import Lens
from simworld.evaluate.score import NOTHING, Score, centred, weights_of
from simworld.evaluate.sides import Side, Talk
from simworld.evaluate.turns import compared
from simworld.text.distances import kolmogorov_smirnov

REACHED = 10
"""Conversations of each side that must have come so far for a round's hazard to be compared."""
TIMES = 200


class Risk(NamedTuple):
    """How many conversations reached a round, in sight, and how many of them stopped there."""

    stopped: int
    reached: int

    @property
    def chance(self) -> float:
        """h(k): of stopping here, having come here."""
        return self.stopped / self.reached if self.reached else 0.0


def hazard(talks: Sequence[Talk]) -> dict[int, Risk]:
    """For each number of the user's turns: who stopped after it, of those who reached it."""
    stopped, reached = _counts(talks, np.ones(len(talks)), max((talk.rounds for talk in talks), default=0))
    return {at: Risk(int(stopped[at]), int(reached[at])) for at in range(1, len(reached)) if reached[at]}


def hazard_difference(side: Side, real: Side, lens: Lens) -> Score:
    """Sum of the absolute differences of the two hazards, over rounds that at least 10 of each side reached."""
    if not any(talk.over for talk in side.talks) or not any(talk.over for talk in real.talks):
        return NOTHING
    longest = max(talk.rounds for talk in (*side.talks, *real.talks))
    rows = [_Counted(one.talks, longest) for one in (side, real)]
    compared_rounds = (rows[0].reached >= REACHED) & (rows[1].reached >= REACHED)
    if not compared_rounds.any():
        return NOTHING

    def difference(chances: Sequence[np.ndarray]) -> float:
        return float(np.abs(chances[0] - chances[1])[compared_rounds].sum())

    random = np.random.default_rng(lens.seed)
    drawn = [difference([row.resampled(random) for row in rows]) for _ in range(lens.times(TIMES))]
    return centred(difference([row.chances for row in rows]), drawn, len(side.talks), floor=0.0)


def turn_count_distance(side: Side, real: Side, lens: Lens) -> Score:
    """Kolmogorov-Smirnov distance of the numbers of the user's turns in conversations known to be over."""
    ours, theirs = ([(talk.group, float(talk.rounds)) for talk in one.talks if talk.over] for one in (side, real))
    return compared(ours, theirs, kolmogorov_smirnov, lens)


class _Counted:
    def __init__(self, talks: Sequence[Talk], longest: int) -> None:
        self._talks, self._longest = talks, longest
        self._groups = [talk.group for talk in talks]
        stopped, self.reached = _counts(talks, np.ones(len(talks)), longest)
        self.chances = _chances(stopped, self.reached)

    def resampled(self, random: np.random.Generator) -> np.ndarray:
        return _chances(*_counts(self._talks, weights_of(self._groups, random), self._longest))


def _counts(talks: Sequence[Talk], weights: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """For each round from 0: the weight of those that stopped there, and of those that reached it in sight."""
    stopped, last_seen = np.zeros(longest + 2), np.zeros(longest + 2)
    for talk, weight in zip(talks, weights, strict=True):
        seen = talk.rounds if talk.over else talk.rounds - 1
        last_seen[seen] += weight
        if talk.over:
            stopped[talk.rounds] += weight
    return stopped[:-1], np.cumsum(last_seen[::-1])[::-1][:-1]


def _chances(stopped: np.ndarray, reached: np.ndarray) -> np.ndarray:
    return np.divide(stopped, reached, out=np.zeros(len(reached)), where=reached > 0)
