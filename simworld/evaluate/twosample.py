"""C2ST: can a classifier tell the two sides apart? An area under the curve of 0.5: it cannot.

Character 1- to 3-grams and logistic regression. One turn of each conversation, folds parted by conversation, both
sides of the same lengths. Without that (`grouped=False`) real turns are told from real turns at 0.6: turns of one
conversation stand on both sides of a fold, and the classifier knows the conversation again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np

from simworld.evaluate.lens import Lens
from simworld.evaluate.libraries import library
from simworld.evaluate.score import NOTHING, Score, ends
from simworld.evaluate.sides import Said, Side

MOST = 1000
"""Turns of a side, at most."""
LONGEST = 1000
"""Characters of a turn that are read."""
FOLDS = 5
TIMES = 300
"""Resamples."""
LEAST = 10
"""Turns of each side that there must be, of the same lengths."""


def two_sample(side: Side, real: Side, lens: Lens) -> Score:
    """The area under the curve of the classifier, each turn judged by one that never saw its conversation."""
    return area(side.turns, real.turns, lens.seed, times=lens.times(TIMES))


def any_length(side: Side, real: Side, lens: Lens) -> Score:
    """The same, with turns of whatever length: what length gives away counts too."""
    return area(side.turns, real.turns, lens.seed, times=lens.times(TIMES), matched=False)


def area(
    ours: Sequence[Said],
    theirs: Sequence[Said],
    seed: int = 0,
    *,
    grouped: bool = True,
    matched: bool = True,
    times: int = TIMES,
) -> Score:
    """See the module; `grouped=False` keeps every turn and folds them anyhow: the trap, to be shown."""
    random = Random(f"c2st:{seed}")
    one, other = (_chosen(turns, random, one_each=grouped) for turns in (ours, theirs))
    if matched:
        one, other = _same_lengths(one, other, random)
    one, other = (random.sample(turns, min(len(turns), MOST)) for turns in (one, other))
    if min(len(one), len(other)) < LEAST:
        return NOTHING
    turns = [*one, *other]
    labels = np.array([1] * len(one) + [0] * len(other))
    groups = [said.group for said in turns]
    folds = _folds(groups if grouped else [str(at) for at in range(len(turns))], random)
    scores = _scores([said.text[:LONGEST] for said in turns], labels, folds)
    value = auc(scores, labels)
    return Score(value, *_interval(scores, labels, groups, seed, times), len(turns))


def _chosen(turns: Sequence[Said], random: Random, *, one_each: bool) -> list[Said]:
    if not one_each:
        return list(turns)
    by_group: dict[str, list[Said]] = {}
    for said in turns:
        by_group.setdefault(said.group, []).append(said)
    return [random.choice(found) for found in by_group.values()]


def _same_lengths(ours: Sequence[Said], theirs: Sequence[Said], random: Random) -> tuple[list[Said], list[Said]]:
    """As many of either side for each doubling of the number of characters."""
    bins: dict[int, tuple[list[Said], list[Said]]] = {}
    for which, turns in enumerate((ours, theirs)):
        for said in turns:
            bins.setdefault(len(said.text).bit_length(), ([], []))[which].append(said)
    one: list[Said] = []
    other: list[Said] = []
    for _, found in sorted(bins.items()):
        most = min(len(found[0]), len(found[1]))
        one += random.sample(found[0], most)
        other += random.sample(found[1], most)
    return one, other


def _folds(groups: Sequence[str], random: Random) -> np.ndarray:
    """The fold of each turn; turns of one group share theirs."""
    names = list(dict.fromkeys(groups))
    random.shuffle(names)
    at = {name: index % FOLDS for index, name in enumerate(names)}
    return np.array([at[group] for group in groups])


def _scores(texts: list[str], labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """For each turn what the classifier trained on the other folds makes of it."""
    vectors: Any = library("sklearn.feature_extraction.text")
    linear: Any = library("sklearn.linear_model")
    scores = np.zeros(len(texts))
    for fold in range(FOLDS):
        inside = folds != fold
        if inside.all() or len(set(labels[inside])) < 2:
            continue
        weigher = vectors.TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=2)
        seen = weigher.fit_transform([text for text, use in zip(texts, inside, strict=True) if use])
        model = linear.LogisticRegression(C=1.0, max_iter=200, solver="liblinear")
        model.fit(seen, labels[inside])
        held = weigher.transform([text for text, use in zip(texts, inside, strict=True) if not use])
        scores[~inside] = model.decision_function(held)
    return scores


def auc(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Share of pairs of the two sides that the scores put in order; ties count half."""
    weight = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(scores, kind="stable")
    ranked, marks, heavy = scores[order], labels[order], weight[order]
    above, below = heavy * (marks == 1), heavy * (marks == 0)
    _, starts = np.unique(ranked, return_index=True)
    up, down = np.add.reduceat(above, starts), np.add.reduceat(below, starts)
    total = up.sum() * down.sum()
    return float((up * (np.cumsum(down) - down / 2)).sum() / total) if total else math.nan


def _interval(
    scores: np.ndarray, labels: np.ndarray, groups: Sequence[str], seed: int, times: int
) -> tuple[float, float]:
    """By resampling conversations among the judged turns."""
    names = {group: at for at, group in enumerate(dict.fromkeys(groups))}
    at = np.array([names[group] for group in groups])
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=times)
    return ends([auc(scores, labels, weights[at].astype(np.float64)) for weights in drawn])
