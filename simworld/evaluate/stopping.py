"""Whether a checkpoint knows when people stop: F1 of ending at each assistant's turn, beside two simple rivals.

    rows = stopping(points_of(held, scored), points_of(train, scores_of_train), seed=0)
    rows["checkpoint"].f1.value, rows["turn number"].f1.value

The rivals see the turn's number (predict the end from some turn on), or that and the length of the reply (logistic
regression). All choose their threshold on the training part, by F1. `checkpoint, other half` chooses it on the other
half of the held-out conversations: what a threshold from turns that the checkpoint has not learnt would give.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from simworld.evaluate.contexts import Held, messages_before
from simworld.evaluate.libraries import library
from simworld.evaluate.score import NOTHING, Score, interval
from simworld.evaluate.twosample import auc

if TYPE_CHECKING:
    from simworld.train.score import Scored

REACHED = 10
"""Points that a round must have for its chance to be compared."""


@dataclass(frozen=True, slots=True)
class EndPoint:
    """An assistant's turn, after which the person went on or was gone."""

    group: str
    data: str
    number: int
    """The person's turns so far."""
    reply_words: int
    over: bool
    probability: float
    """The checkpoint's, of an end here."""


@dataclass(frozen=True, slots=True)
class Stops:
    """How well one way of telling the end does."""

    f1: Score
    precision: float
    recall: float
    area: float
    """Under the curve, whatever the threshold."""
    threshold: float


def points_of(held: Sequence[Held], scores: Iterable[Scored]) -> list[EndPoint]:
    """Every assistant's turn after which it is known whether the person went on, with its conversation's scores."""
    found: list[EndPoint] = []
    for one, scored in zip(held, scores, strict=True):
        for end in scored.ends:
            if one.opens(end.message):
                continue
            words = len(messages_before(one.row, end.message).split())
            number = one.number(end.message)
            found.append(EndPoint(one.group, one.data, number, words, end.over, end.probability))
    return found


def stopping(held: Sequence[EndPoint], train: Sequence[EndPoint], seed: int = 0) -> dict[str, Stops]:
    """The checkpoint and its rivals; empty where no held-out conversation is known to have ended at such a point."""
    if not any(point.over for point in held):
        return {}
    found: dict[str, Stops] = {}
    labels, seen = _labels(held), _labels(train)
    chances = np.array([point.probability for point in held])
    if seen.any():
        bound = best_threshold(np.array([point.probability for point in train]), seen)
        found["checkpoint"] = _stops(chances, labels, bound, held, seed)
    found["checkpoint, other half"] = _by_halves(chances, labels, held, seed)
    if seen.any():
        numbers = [np.array([float(point.number) for point in part]) for part in (train, held)]
        found["turn number"] = _stops(numbers[1], labels, best_threshold(numbers[0], seen), held, seed)
        if not seen.all():
            ours, theirs = _regression(train, held)
            found["turn number, reply length"] = _stops(theirs, labels, best_threshold(ours, seen), held, seed)
    return found


def hazards(points: Sequence[EndPoint]) -> dict[int, tuple[float, float, int]]:
    """Round -> people's share of ends, the checkpoint's mean chance, points."""
    by_number: dict[int, list[EndPoint]] = {}
    for point in points:
        by_number.setdefault(point.number, []).append(point)
    return {
        number: (
            sum(point.over for point in found) / len(found),
            sum(point.probability for point in found) / len(found),
            len(found),
        )
        for number, found in sorted(by_number.items())
    }


def hazard_gap(points: Sequence[EndPoint]) -> tuple[float, float]:
    """Sum of the absolute differences of the two chances over rounds of 10 points or more, and the largest difference
    of the two shares still there (the turn counts' KS distance)."""
    difference, apart = 0.0, 0.0
    left = [1.0, 1.0]
    for real, made, reached in hazards(points).values():
        if reached < REACHED:
            continue
        difference += abs(real - made)
        left = [left[0] * (1 - real), left[1] * (1 - made)]
        apart = max(apart, abs(left[0] - left[1]))
    return difference, apart


def best_threshold(scores: np.ndarray, labels: np.ndarray) -> float:
    """The score from which on `end` is said for the largest F1; the highest of equally good ones."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    f1 = 2 * hits / (np.arange(1, len(scores) + 1) + labels.sum())
    ranked = scores[order]
    # one threshold takes all points of a score
    last = np.append(ranked[1:] != ranked[:-1], True)
    f1[~last] = -1
    return float(ranked[int(np.argmax(f1))])


def _stops(scores: np.ndarray, labels: np.ndarray, bound: float, points: Sequence[EndPoint], seed: int) -> Stops:
    return _judged(scores >= bound, scores, labels, bound, points, seed)


def _judged(
    said: np.ndarray, scores: np.ndarray, labels: np.ndarray, bound: float, points: Sequence[EndPoint], seed: int
) -> Stops:
    at = {group: index for index, group in enumerate(dict.fromkeys(point.group for point in points))}
    sums = np.zeros((len(at), 3))
    for point, yes, label in zip(points, said, labels, strict=True):
        sums[at[point.group]] += (yes and label, yes, label)

    def f1(weights: np.ndarray) -> np.ndarray:
        hits, yes, there = (weights @ sums).T
        return np.divide(2 * hits, yes + there, out=np.full(len(hits), np.nan), where=yes + there > 0)

    hits, yes, there = sums.sum(axis=0)
    low, high = interval(f1, len(at), seed)
    value = 2 * hits / (yes + there) if yes + there else math.nan
    score = Score(float(value), low, high, len(points)) if there else NOTHING
    return Stops(
        score, float(hits / yes) if yes else math.nan, float(hits / there) if there else math.nan,
        auc(scores, labels.astype(int)), bound,
    )  # fmt: skip


def _by_halves(chances: np.ndarray, labels: np.ndarray, points: Sequence[EndPoint], seed: int) -> Stops:
    """Each half of the conversations judged by the threshold that is best for the other."""
    groups = list(dict.fromkeys(point.group for point in points))
    Random(f"ends:{seed}").shuffle(groups)
    first = set(groups[: len(groups) // 2])
    inside = np.array([point.group in first for point in points])
    said = np.zeros(len(points), dtype=bool)
    bounds: list[float] = []
    for part in (inside, ~inside):
        if labels[~part].any():
            bounds.append(best_threshold(chances[~part], labels[~part]))
            said[part] = chances[part] >= bounds[-1]
    return _judged(said, chances, labels, sum(bounds) / len(bounds) if bounds else math.nan, points, seed)


def _regression(train: Sequence[EndPoint], held: Sequence[EndPoint]) -> tuple[np.ndarray, np.ndarray]:
    """The scores of both parts by a logistic regression on the first."""
    linear: Any = library("sklearn.linear_model")
    ours, theirs = (
        np.array([(point.number, math.log1p(point.number), math.log1p(point.reply_words)) for point in part])
        for part in (train, held)
    )
    middle, spread = ours.mean(axis=0), np.maximum(ours.std(axis=0), 1e-9)
    model = linear.LogisticRegression(max_iter=1000).fit((ours - middle) / spread, _labels(train))
    first, second = (np.asarray(model.decision_function((part - middle) / spread)) for part in (ours, theirs))
    return first, second


def _labels(points: Sequence[EndPoint]) -> np.ndarray:
    return np.array([point.over for point in points], dtype=bool)
