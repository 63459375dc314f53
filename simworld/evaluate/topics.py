"""Topic structure: does a follow-up leave the topic, drift off it, or stay on it?

`shift`: cosine with all before below 0.05; `drift`: below 0.25; `maintenance`: the rest. With an encoder the cut-offs
are those that part the real turns as tf-idf parts them (`lens.Topics`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from simworld.evaluate.lens import Lens
from simworld.evaluate.score import RESAMPLES, Part, Score, mean_score
from simworld.evaluate.sides import Said, Side
from simworld.evaluate.turns import Measure, compared
from simworld.text.distances import jensen_shannon

Kind = Literal["shift", "drift", "maintenance"]
KINDS: tuple[Kind, ...] = ("shift", "drift", "maintenance")
SAMPLE = 4000
"""Follow-ups whose topic is looked at, at most: each is held against its whole history."""


def kinds(side: Side, lens: Lens) -> list[tuple[str, Kind]]:
    """The group and the kind of each follow-up, or of 4,000 of them drawn by the seed."""
    turns: Sequence[Said] = side.followups
    if len(turns) > SAMPLE:
        turns = lens.random("topics").sample(turns, SAMPLE)
    low, high = lens.topics.cuts
    values = lens.topics.closeness(list(turns))
    return [
        (said.group, "shift" if value < low else "drift" if value < high else "maintenance")
        for said, value in zip(turns, values, strict=True)
    ]


def topic_share(kind: Kind) -> Measure:
    """Share of the follow-ups that are of this kind."""

    def measure(side: Side, real: Side, lens: Lens) -> Score:
        del real
        parts = (Part(group, float(found == kind)) for group, found in kinds(side, lens))
        return mean_score(parts, lens.seed, lens.times(RESAMPLES))

    return measure


def topic_distance(side: Side, real: Side, lens: Lens) -> Score:
    """Jensen-Shannon divergence of the three shares, in bits."""
    ours, theirs = ([(group, float(KINDS.index(found))) for group, found in kinds(one, lens)] for one in (side, real))
    return compared(ours, theirs, _divergence, lens)


def _divergence(ours: Sequence[float], theirs: Sequence[float]) -> float:
    one, other = ([sum(value == kind for value in side) for kind in range(len(KINDS))] for side in (ours, theirs))
    return jensen_shannon(one, other)
