"""What brings a memory back: how much it has to do with the matter, how lately it was, how much it mattered.

    relevance = open_relevance("lexical")
    relevance.scores("Who owes you money?", ["Ana Reis said: I owe you forty.", "I said: Good morning."])
    Weights().of(relevance=0.5, minutes_ago=30.0, importance=0.4)

Scorers stand in RELEVANCE; a score is 0..1 and says something by itself, whatever else is remembered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from math import fsum, log
from typing import Annotated, Protocol

from pydantic import Field

from simworld.embed import Encoder, open_encoder
from simworld.registry import find
from simworld.schema.record import Record
from simworld.text.words import content_stems

K1 = 1.2
"""BM25: how soon a word said again adds nothing; 1.2 .. 2 is usual (Robertson & Zaragoza 2009, section 3.3.1)."""
B = 0.5
"""BM25: how far a long text is held to be wordy rather than to hold more, 0..1; 0.5 .. 0.8 is usual. A long turn of
talk mostly holds more, hence the low end."""

NotNegative = Annotated[float, Field(ge=0)]


class Relevance(Protocol):
    """How much each of some texts has to do with a cue."""

    def scores(self, cue: str, texts: Sequence[str]) -> Sequence[float]:
        """One number for each text, 0 (nothing to do with it) .. 1."""
        ...


class Lexical:
    """BM25 over the texts at hand (Robertson & Zaragoza 2009), by content stems.

    A word of the cue weighs its inverse document frequency as a share of the most that one can have (that of a word
    which a single text holds): 1 for a word that one text alone has, near 0 for a word in all of them. Their sum s over
    the words found becomes s / (s + 1). So 0.5 is one word that no other memory has, in a text of usual length; which
    other memories there are counts only by how common the cue's words are.

    Libraries index a collection once and are asked often (rank_bm25, bm25s). Here every character has a collection of
    its own, which changes with every turn and is asked once; what can be kept is each text's stems, and those are.
    """

    def scores(self, cue: str, texts: Sequence[str]) -> list[float]:
        """One number for each text, 0 .. below 1; 0 where no content word is shared."""
        wanted = frozenset(content_stems(cue))
        found = [_terms(text) for text in texts]
        if not wanted or not found:
            return [0.0] * len(found)
        shared = [wanted.intersection(terms) for terms, _, _ in found]
        weights = _weights(Counter(chain.from_iterable(shared)), len(found))
        usual = sum(length for *_, length in found) / len(found) or 1.0
        return [
            _score(held, more, length / usual, weights) if held else 0.0
            for held, (_, more, length) in zip(shared, found, strict=True)
        ]


class Semantic:
    """Cosine of sentence embeddings; below 0 counts as 0. The encoder keeps the vectors of texts it has seen.

    Rounded to 4 decimals: how a library batches its sums shows in the sixth.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def scores(self, cue: str, texts: Sequence[str]) -> list[float]:
        """One number for each text, 0..1."""
        if not texts:
            return []
        vectors = self.encoder.encode([cue, *texts])
        cosines: list[float] = (vectors[1:] @ vectors[0]).clip(0.0, 1.0).astype(float).round(4).tolist()
        return cosines


def _lexical(encoder: str) -> Relevance:
    del encoder
    return Lexical()


def _embeddings(encoder: str) -> Relevance:
    return Semantic(open_encoder(encoder))


RELEVANCE: dict[str, Callable[[str], Relevance]] = {"lexical": _lexical, "embeddings": _embeddings}
"""Name -> what makes the scorer, of an encoder's spec (see `embed.open_encoder`)."""


def open_relevance(name: str = "lexical", encoder: str = "minilm") -> Relevance:
    """The scorer of this name. Raises UsageError with the names allowed, MissingDependency without the extra needed."""
    made: Relevance = find("relevance", name, RELEVANCE)(encoder)
    return made


class Weights(Record, frozen=True):
    """How what brings a memory back is added up.

    Relevance leads: the most recent of memories gains less over the oldest than one more rare word shared gives
    (0.5 against 0.67 by `Lexical`), and so does the weightiest over the most trifling; they decide among memories that
    have alike to do with the matter.
    """

    relevance: NotNegative = 1.0
    recency: NotNegative = 0.1
    importance: NotNegative = 0.1
    half_life: Annotated[float, Field(gt=0)] = 1440.0
    """Minutes of its owner's life in which a memory's recency halves: a day."""
    floor: NotNegative = 0.1
    """A memory of this relevance or less is not recalled, however recent or weighty it is."""

    def recent(self, minutes_ago: float) -> float:
        """1 for what has just happened, 0.5 a half-life ago, towards 0."""
        return 0.5 ** (max(0.0, minutes_ago) / self.half_life)

    def of(self, *, relevance: float, minutes_ago: float, importance: float) -> float:
        """How strongly a memory comes back; the higher the sooner."""
        return (
            self.relevance * relevance + self.recency * self.recent(minutes_ago) + self.importance * importance
        )  # fmt: skip


@lru_cache(maxsize=32768)
def _terms(text: str) -> tuple[frozenset[str], dict[str, int], int]:
    """The stems of a text, the counts of those that stand there more than once, and how many there are in all."""
    stems = content_stems(text)
    times = Counter(stems)
    return frozenset(times), {term: n for term, n in times.items() if n > 1}, len(stems)


def _weights(holding: Mapping[str, int], texts: int) -> dict[str, float]:
    """The weight of each word by the number of texts that hold it, 0..1."""
    most = log(1 + (texts - 0.5) / 1.5)
    return {term: log(1 + (texts - n + 0.5) / (n + 0.5)) / most for term, n in holding.items()}


def _score(shared: Iterable[str], more: Mapping[str, int], length: float, weights: Mapping[str, float]) -> float:
    """Of one text; `length` as a multiple of the usual one. Exact sums: a set has no order to add in."""
    slow = K1 * (1 - B + B * length)
    total = fsum([weights[term] for term in shared]) * (K1 + 1) / (1 + slow)
    if more:
        again = [(weights[term], more[term]) for term in shared if term in more]
        total += fsum([weight * (K1 + 1) * (n / (n + slow) - 1 / (1 + slow)) for weight, n in again])
    return round(total / (total + 1), 6)
