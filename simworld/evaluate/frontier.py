"""A MAUVE-like number: how much of either side's ground the other covers, 0..1; 1: the same distribution.

Vectors of both sides are clustered together, the clusters' histograms mixed in all proportions, and the area under the
curve of exp(-c KL) of each side against the mixtures is taken. It grows with fewer texts and depends on the vectors:
only compare it with the real-vs-real value beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from simworld.evaluate.lens import Lens
from simworld.evaluate.libraries import library
from simworld.evaluate.score import NOTHING, Score, centred, weights_of
from simworld.evaluate.sides import Said, Side

MOST = 1000
"""Turns of a side, at most; as many of either."""
LEAST = 20
A_CLUSTER = 10
"""Turns, of both sides together, for one cluster."""
SCALE = 5.0
"""c of exp(-c KL)."""
STEPS = 25
DIMENSIONS = 50
"""Of tf-idf vectors, after a singular value decomposition."""


def coverage(side: Side, real: Side, lens: Lens) -> Score:
    """The area for as many turns of either side."""
    most = min(len(side.turns), len(real.turns), MOST)
    if most < LEAST:
        return NOTHING
    ours, theirs = (lens.random("frontier").sample(one.turns, most) for one in (side, real))
    # threads gain nothing on so few vectors, and wait for each other where the machine has other work
    with library("threadpoolctl").threadpool_limits(limits=1):
        labels = _clusters(_vectors([*ours, *theirs], lens), 2 * most // A_CLUSTER, lens.seed)
    number = int(labels.max()) + 1
    random = np.random.default_rng(lens.seed)
    groups = [[said.group for said in turns] for turns in (ours, theirs)]
    halves = (labels[:most], labels[most:])

    def area(weights: Sequence[np.ndarray]) -> float:
        p, q = (np.bincount(half, weights=w, minlength=number) for half, w in zip(halves, weights, strict=True))
        return frontier_area(p, q)

    drawn = [area([weights_of(one, random) for one in groups]) for _ in range(lens.times(100))]
    return centred(area([np.ones(most), np.ones(most)]), drawn, most)


def frontier_area(p: np.ndarray, q: np.ndarray) -> float:
    """The area under the divergence curve of two histograms over the same clusters."""
    p, q = p / p.sum(), q / q.sum()
    points = [(0.0, 1.0), (1.0, 0.0)]
    for step in range(1, STEPS):
        mixed = step / STEPS * p + (1 - step / STEPS) * q
        points.append((float(np.exp(-SCALE * _kl(q, mixed))), float(np.exp(-SCALE * _kl(p, mixed)))))
    xs, ys = np.array(sorted(points, key=lambda point: (point[0], -point[1]))).T
    return float(((ys[1:] + ys[:-1]) / 2 * np.diff(xs)).sum())


def _kl(p: np.ndarray, q: np.ndarray) -> float:
    there = p > 0
    return float((p[there] * np.log(p[there] / q[there])).sum())


def _vectors(turns: Sequence[Said], lens: Lens) -> np.ndarray:
    texts = [said.text for said in turns]
    if lens.encoder is not None:
        return np.asarray(lens.encoder.encode(texts), dtype=np.float64)
    made: Any = lens.topics.weigher.transform(texts)
    size = min(DIMENSIONS, made.shape[1] - 1, made.shape[0] - 1)
    if size < 2:
        return np.asarray(made.todense(), dtype=np.float64)
    reduced = library("sklearn.decomposition").TruncatedSVD(n_components=size, random_state=lens.seed)
    return np.asarray(reduced.fit_transform(made), dtype=np.float64)


def _clusters(vectors: np.ndarray, number: int, seed: int) -> np.ndarray:
    means = library("sklearn.cluster").KMeans(n_clusters=max(2, number), n_init=1, max_iter=100, random_state=seed)
    return np.asarray(means.fit_predict(vectors))
