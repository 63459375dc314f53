"""Metrics that are means over turns: each function tells what one turn adds, and the table says of which turns.

    measure = mean("followups", is_terse)
    measure(side, real, lens)       # Score: share, interval, turns

To add one: a function `(Said, Lens) -> number, (above, below), or None` where it does not apply, and a row in
`table.METRICS`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from simworld.evaluate.lens import Lens
from simworld.evaluate.score import NOTHING, RESAMPLES, Part, Score, centred, ends, interval, mean_score, weights_of
from simworld.evaluate.sides import Said, Side
from simworld.text.forms import gives_thanks, goes_on, is_lower_start, is_question, is_request, is_unmarked_end
from simworld.text.ngrams import ngrams
from simworld.text.richness import mtld
from simworld.text.words import stop_words
from simworld.usersim.detect import is_echo, is_flip

Which = Literal["turns", "firsts", "followups"]
Measure = Callable[[Side, Side, Lens], Score]
"""What is measured, the real side it is held against, what both are seen through."""
Added = float | tuple[float, float] | None

TERSE = 5
"""Words of a terse turn, at most."""
COPIED = 4
"""Words that make a copy when they follow each other."""
RECENT = 3
"""Turns of either side in which an echo is sought."""
LONG_ENOUGH = 10
"""Words that a turn needs for its lexical diversity to mean something."""


def mean(which: Which, adds: Callable[[Said, Lens], Added]) -> Measure:
    """The mean over these turns of what each adds; turns that add nothing are left out."""

    def measure(side: Side, real: Side, lens: Lens) -> Score:
        del real
        parts: list[Part] = []
        for said in getattr(side, which):
            added: Added = lens.kept(said, adds)
            if added is not None:
                parts.append(Part(said.group, *(added if isinstance(added, tuple) else (float(added), 1.0))))
        return mean_score(parts, lens.seed, lens.times(RESAMPLES))

    return measure


def quantile(which: Which, level: float) -> Measure:
    """A quantile of the turns' words by white space."""

    def measure(side: Side, real: Side, lens: Lens) -> Score:
        del real
        turns: Sequence[Said] = getattr(side, which)
        if not turns:
            return NOTHING
        ranked = sorted(turns, key=lambda said: said.length)
        lengths = [float(said.length) for said in ranked]
        groups = [said.group for said in ranked]
        random = np.random.default_rng(lens.seed)
        drawn: list[float] = []
        for _ in range(lens.times(200)):
            heights: list[float] = np.cumsum(weights_of(groups, random)).tolist()
            drawn.append(lengths[bisect_left(heights, level * heights[-1])])
        low, high = ends(drawn)
        return Score(float(np.quantile(np.array(lengths, dtype=np.float64), level)), low, high, len(turns))

    return measure


def is_terse(said: Said, lens: Lens) -> Added:
    """At most five words."""
    del lens
    return said.length <= TERSE


def asks_for_more(said: Said, lens: Lens) -> Added:
    """Starts with continue, go on, more, next."""
    del lens
    return goes_on(said.text)


def word_count(said: Said, lens: Lens) -> Added:
    """Words by white space."""
    del lens
    return said.length


def diversity(said: Said, lens: Lens) -> Added:
    """MTLD, of ten words or more; of none where nothing is ever repeated."""
    del lens
    return mtld(said.words) if len(said.words) >= LONG_ENOUGH else None


def has_question_mark(said: Said, lens: Lens) -> Added:
    """Holds a question mark."""
    del lens
    return "?" in said.text


def asks(said: Said, lens: Lens) -> Added:
    """Holds a question mark, or starts as a question does."""
    del lens
    return is_question(said.text)


def requests(said: Said, lens: Lens) -> Added:
    """Starts with an imperative."""
    del lens
    return is_request(said.text)


def starts_small(said: Said, lens: Lens) -> Added:
    """Starts with a small letter."""
    del lens
    return is_lower_start(said.text)


def ends_unmarked(said: Said, lens: Lens) -> Added:
    """Ends in a letter or digit."""
    del lens
    return is_unmarked_end(said.text)


def unknown_words(said: Said, lens: Lens) -> Added:
    """Words that the real conversations' assistants did not use twice, of all its words."""
    found = [word.strip("'") for word in said.words]
    found = [word for word in found if word]
    return float(sum(word not in lens.vocabulary for word in found)), float(len(found))


def thanks(said: Said, lens: Lens) -> Added:
    """A word of thanks."""
    del lens
    return gives_thanks(said.text)


def copied(said: Said, lens: Lens) -> Added:
    """Share of its runs of four words that stand in the assistant's last turn."""
    del lens
    shared = _copies(said)
    return sum(shared) / len(shared) if shared else None


def copies_any(said: Said, lens: Lens) -> Added:
    """Whether any of them does."""
    del lens
    shared = _copies(said)
    return any(shared) if shared else None


def _copies(said: Said) -> list[bool]:
    own = ngrams(said.words, COPIED)
    theirs = _reply(said)[1]
    return [gram in theirs for gram in own]


def _reply(said: Said) -> tuple[set[str], set[tuple[str, ...]]]:
    """Words of the assistant's last turn, and its runs of four."""
    if "reply" not in said.memo:
        found = Said(said.reply or "", "", 0).words
        said.memo["reply"] = (set(found), set(ngrams(found, COPIED)))
    return said.memo["reply"]


def reply_words(said: Said, lens: Lens) -> Added:
    """Share of its content words that stand in the assistant's last turn; 0 where it has none."""
    del lens
    content = _content(said)
    return len(content & _reply(said)[0]) / len(content) if content else 0.0


def shares_nothing(said: Said, lens: Lens) -> Added:
    """Has content words, and none of them stands in the assistant's last turn."""
    del lens
    content = _content(said)
    return not content & _reply(said)[0] if content else None


def _content(said: Said) -> set[str]:
    return {word for word in said.words if word not in stop_words()}


def flips(said: Said, lens: Lens) -> Added:
    """Reads like an assistant's answer."""
    del lens
    return is_flip(said.text, said.before[-2::-2])


def echoes(said: Said, lens: Lens) -> Added:
    """Says again what either side said in its last three turns."""
    del lens
    return is_echo(said.text, said.before[-2::-2][:RECENT], said.before[::-2][:RECENT])


def length_ratio(said: Said, lens: Lens) -> Added:
    """Log of its length over that of the assistant's last turn."""
    del lens
    return _log_length(said.text) - _log_length(said.reply or "")


def length_correlation(side: Side, real: Side, lens: Lens) -> Score:
    """Correlation of the log lengths of a turn and of the assistant's turn before it."""
    del real
    turns = side.followups
    if len(turns) < 3:
        return NOTHING
    pairs = np.array([(_log_length(said.text), _log_length(said.reply or "")) for said in turns])
    at = {group: index for index, group in enumerate(dict.fromkeys(said.group for said in turns))}
    x, y = pairs.T
    sums = np.zeros((len(at), 6))
    for said, row in zip(turns, np.stack((np.ones(len(x)), x, y, x * x, y * y, x * y), axis=1), strict=True):
        sums[at[said.group]] += row

    def correlation(weights: np.ndarray) -> np.ndarray:
        n, sx, sy, sxx, syy, sxy = (weights @ sums).T
        spread = np.sqrt(np.maximum(n * sxx - sx * sx, 0) * np.maximum(n * syy - sy * sy, 0))
        return np.divide(n * sxy - sx * sy, spread, out=np.full(len(n), np.nan), where=spread > 1e-12)

    value = float(correlation(np.ones((1, len(at))))[0])
    low, high = interval(correlation, len(at), lens.seed, lens.times(RESAMPLES))
    return Score(value, low, high, len(turns)) if not math.isnan(value) else NOTHING


def _log_length(text: str) -> float:
    return math.log1p(len(text.split()))


def length_distance(which: Which, distance: Callable[[Sequence[float], Sequence[float]], float]) -> Measure:
    """How far log(1 + words) of these turns lies from that of the real ones."""

    def measure(side: Side, real: Side, lens: Lens) -> Score:
        ours, theirs = ([(said.group, _log_length(said.text)) for said in getattr(one, which)] for one in (side, real))
        return compared(ours, theirs, distance, lens)

    return measure


def compared(
    ours: Sequence[tuple[str, float]],
    theirs: Sequence[tuple[str, float]],
    distance: Callable[[Sequence[float], Sequence[float]], float],
    lens: Lens,
    times: int = 100,
) -> Score:
    """A distance of two samples of (group, value), with both resampled by group."""
    value = distance([number for _, number in ours], [number for _, number in theirs])
    if math.isnan(value):
        return NOTHING
    random = np.random.default_rng(lens.seed)
    drawn: list[float] = []
    for _ in range(lens.times(times)):
        samples: list[list[float]] = []
        for side in (ours, theirs):
            weights = weights_of([group for group, _ in side], random).astype(int)
            samples.append(np.repeat([number for _, number in side], weights).tolist())
        drawn.append(distance(*samples))
    return centred(value, drawn, len(ours), floor=0.0)
