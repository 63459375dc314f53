"""Lens: what both sides are seen through, made of the real turns alone, so that each side is measured alike.

lens = Lens(real, seed=0, encoder=None)
lens.vocabulary, lens.topics.closeness(said)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import Any

from simworld.embed import Encoder
from simworld.evaluate.libraries import library
from simworld.evaluate.sides import Said, Side
from simworld.text.ngrams import words
from simworld.text.words import stop_words

SHIFT, DRIFT = 0.05, 0.25
"""Cosines of tf-idf below which a turn leaves the topic, or drifts off it."""


@dataclass(frozen=True, eq=False)
class Lens:
    """The real turns, and what is learnt of them once."""

    real: Side
    seed: int = 0
    encoder: Encoder | None = None
    """Gives the vectors of topics and of the divergence curve; None: tf-idf does."""
    with_intervals: bool = True
    """Whether what is measured gets an interval; the noise floor needs none."""
    whole: Lens | None = None
    """The lens that this one is a copy of, without intervals."""

    @cached_property
    def plain(self) -> Lens:
        """The same, without intervals."""
        return replace(self, with_intervals=False, whole=self)

    def times(self, most: int) -> int:
        """How many resamples to draw, of so many."""
        return most if self.with_intervals else 0

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Words that the assistants of the real conversations used twice or more."""
        if self.whole is not None:
            return self.whole.vocabulary
        said = (text for talk in self.real.talks for mine, text in talk.acts if not mine)
        counts = Counter(word.strip("'") for text in said for word in words(text))
        return frozenset(word for word, count in counts.items() if count >= 2)

    @cached_property
    def topics(self) -> Topics:
        """How close a turn is to what stood before it."""
        return self.whole.topics if self.whole is not None else Topics(self)

    def random(self, what: str) -> Random:
        """Chance of its own for this use."""
        return Random(f"{what}:{self.seed}")

    def kept(self, said: Said, make: Callable[[Said, Lens], Any]) -> Any:
        """What `make` gives for this turn, made once."""
        key = (self.whole or self, make)
        if key not in said.memo:
            said.memo[key] = make(said, self)
        return said.memo[key]


class Topics:
    """Vectors of turns and histories, and the cut-offs between shift, drift and maintenance."""

    def __init__(self, lens: Lens) -> None:
        self._encoder = lens.encoder
        talks = lens.real.talks
        # turns made for given contexts have no conversations of their own; then the contexts are what there is
        texts = [text for talk in talks for _, text in talk.acts] or [said.text for said in lens.real.turns]
        self.weigher: Any = library("sklearn.feature_extraction.text").TfidfVectorizer(
            token_pattern=r"[A-Za-z']+", sublinear_tf=True, stop_words=sorted(stop_words())
        )
        self.weigher.fit(texts)
        self.cuts = (SHIFT, DRIFT)
        if self._encoder is not None:
            self.cuts = self._calibrated(lens.real)

    def closeness(self, turns: list[Said]) -> list[float]:
        """Cosine of each turn with all that was said before it."""
        wanted = [said for said in turns if self not in said.memo]
        if wanted:
            for said, value in zip(wanted, self._cosines(wanted), strict=True):
                said.memo[self] = value
        return [said.memo[self] for said in turns]

    def _cosines(self, turns: list[Said]) -> list[float]:
        if self._encoder is not None:
            return self._encoded(turns)
        return self.tfidf(turns)

    def tfidf(self, turns: list[Said]) -> list[float]:
        """Cosines by words alone."""
        own = self.weigher.transform([said.text for said in turns])
        past = self.weigher.transform(["\n".join(said.before) for said in turns])
        return [float(value) for value in own.multiply(past).sum(axis=1).ravel().tolist()[0]]

    def _encoded(self, turns: list[Said]) -> list[float]:
        """The largest cosine with any earlier turn: an encoder reads but the beginning of a long text."""
        assert self._encoder is not None
        texts = list(dict.fromkeys(text for said in turns for text in (said.text, *said.before)))
        vectors = self._encoder.encode(texts)
        at = {text: index for index, text in enumerate(texts)}
        return [
            float(max(vectors[[at[text] for text in said.before]] @ vectors[at[said.text]])) if said.before else 0.0
            for said in turns
        ]

    def _calibrated(self, real: Side) -> tuple[float, float]:
        """The cosines of the encoder that part the real turns into the shares that tf-idf parts them into."""
        turns = real.followups
        if not turns:
            return self.cuts
        plain = self.tfidf(turns)
        made = sorted(self._encoded(turns))
        ranks = [sum(value < cut for value in plain) for cut in (SHIFT, DRIFT)]
        low, high = (made[min(rank, len(made) - 1)] for rank in ranks)
        return low, high
