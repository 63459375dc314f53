"""How different a set of turns is in itself: pairwise overlap, distinct n-grams, self-BLEU.

All are of at most 300 turns, drawn by the seed: their values depend on how many texts there are, so sides of fewer
turns are compared with as many of the other. Tokens are words and marks (`text.ngrams.pieces`): with them the
reference values of the table come out; words alone give 1 to 2 points more.
"""

from __future__ import annotations

import math

import numpy as np

from simworld.evaluate.lens import Lens
from simworld.evaluate.score import NOTHING, Score, centred, ends, weights_of
from simworld.evaluate.sides import Said, Side
from simworld.evaluate.turns import Measure, Which
from simworld.text.ngrams import distinct, jaccard, pieces, self_bleu

SAMPLE = 300
"""Texts that are drawn."""
LEADING = 60
"""Tokens of a text that count for distinct-n."""
TIMES = 200
"""Resamples."""


def drawn(which: Which, side: Side, real: Side, lens: Lens) -> list[Said]:
    """At most 300 of these turns, and no more than the real side has."""
    turns: list[Said] = getattr(side, which)
    most = min(SAMPLE, len(getattr(real, which)) or SAMPLE)
    return lens.random("spread").sample(turns, most) if len(turns) > most else turns


def pairwise(which: Which) -> Measure:
    """100 (1 - mean over pairs of the Jaccard overlap of their token sets)."""

    def measure(side: Side, real: Side, lens: Lens) -> Score:
        turns = drawn(which, side, real, lens)
        if len(turns) < 2:
            return NOTHING
        sets = [set(pieces(said.text)) for said in turns]
        apart = np.zeros((len(sets), len(sets)))
        for at, one in enumerate(sets):
            for other in range(at):
                apart[at, other] = apart[other, at] = 1 - jaccard(one, sets[other])
        pairs = 1 - np.eye(len(sets))
        random = np.random.default_rng(lens.seed)
        values: list[float] = []
        for _ in range(lens.times(TIMES)):
            weights = weights_of([said.group for said in turns], random)
            there = weights @ pairs @ weights
            values.append(float(100 * (weights @ apart @ weights) / there) if there else np.nan)
        low, high = ends(values)
        return Score(float(100 * apart.sum() / pairs.sum()), low, high, len(turns))

    return measure


def distinct_share(which: Which, n: int) -> Measure:
    """Different n-grams among all, of the first 60 tokens of each text."""

    def measure(side: Side, real: Side, lens: Lens) -> Score:
        turns = drawn(which, side, real, lens)
        texts = [pieces(said.text)[:LEADING] for said in turns]
        value = distinct(texts, n)
        if math.isnan(value):
            return NOTHING
        random = np.random.default_rng(lens.seed)
        groups = [said.group for said in turns]
        values: list[float] = []
        for _ in range(lens.times(TIMES)):
            weights = weights_of(groups, random).astype(int)
            values.append(distinct([texts[at] for at, times in enumerate(weights) for _ in range(times)], n))
        return centred(value, values, len(turns), floor=0.0)

    return measure


def self_bleu_score(which: Which) -> Measure:
    """Mean BLEU-4 of each text against all the others; the interval resamples the texts that are scored."""

    def measure(side: Side, real: Side, lens: Lens) -> Score:
        turns = drawn(which, side, real, lens)
        tokens = [pieces(said.text) for said in turns]
        found = self_bleu(tokens)
        if not found:
            return NOTHING
        groups = [said.group for said, own in zip(turns, tokens, strict=True) if len(own) >= 4]
        scores, random = np.array(found), np.random.default_rng(lens.seed)
        values: list[float] = []
        for _ in range(lens.times(TIMES)):
            weights = weights_of(groups, random)
            values.append(float(weights @ scores / weights.sum()))
        low, high = ends(values) if len(set(groups)) > 1 else (np.nan, np.nan)
        return Score(float(scores.mean()), low, high, len(scores))

    return measure
