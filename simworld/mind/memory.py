"""Memory: what is kept of what was taken in, what is forgotten, and what comes back.

    model = memory_model("episodic")
    memories, let_go = model.keep(mind.memories, new, now=95.0, at=31)
    model.recall(memories, "Who owes you money?", now=95.0, budget=300, count=estimate)

Models stand in MEMORIES: `episodic` remembers a bounded life, `window` nothing beyond the prompt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from heapq import nlargest
from math import log
from typing import Any, Protocol

from simworld.errors import UsageError
from simworld.mind.gist import gist, importance
from simworld.mind.recall import Lexical, Relevance, Weights
from simworld.registry import find
from simworld.schema import LetGo, Memory

__all__ = ["MEMORIES", "Episodic", "MemoryModel", "Window", "gist", "importance", "memory_model"]
from simworld.text.words import content_stems

MOST = 240
"""Memories of one mind."""
SHARE = 6
"""One in so many of the memories that a mind can hold is forgotten at a time, and as many of the newest are safe."""
DISTINCT = 1.5
"""Weight of distinctness beside recency and importance, each 0..1; chosen on facts that no benchmark measures."""
RAREST = 3
"""Words of a memory by which it stands out."""
_LASTING = {"episode": 0, "belief": 1, "planted": 2}
"""What is forgotten first."""


class MemoryModel(Protocol):
    """Keeps memories and brings them back; both are pure."""

    def keep(
        self, memories: tuple[Memory, ...], new: Sequence[Memory], now: float, at: int
    ) -> tuple[tuple[Memory, ...], tuple[LetGo, ...]]:
        """The memories with new ones added (in the order of their ids), and what was forgotten to make room.

        `now`: minutes of its owner's life; `at`: turn of the dialogue.
        """
        ...

    def recall(
        self,
        memories: tuple[Memory, ...],
        cue: str,
        *,
        now: float,
        budget: int,
        count: Callable[[str], int],
        but: Collection[int] = (),
        most: int = 5,
    ) -> tuple[Memory, ...]:
        """At most `most` of the memories that the cue brings back, the oldest first, none whose id is in `but`.

        Together their texts have at most `budget` tokens by `count`.
        """
        ...


class Episodic:
    """Recalls by relevance, recency and importance; forgets what is old and matters least.

    At most `most` memories are held. When there would be more, a sixth is forgotten at once (240 -> 200), so that the
    cost per memory stays constant: episodes first, then beliefs, planted ones last, and within a kind those whose
    recency, importance and distinctness come to least: what is like much else is lost, what stands out stays (von
    Restorff 1933). The newest sixth never goes.
    """

    def __init__(
        self, relevance: Relevance | None = None, weights: Weights | None = None, most: int = MOST
    ) -> None:  # fmt: skip
        if most < SHARE:
            raise UsageError(f"a memory holds {SHARE} or more, not {most}")
        self.relevance = relevance or Lexical()
        self.weights = weights or Weights()
        self.most = most

    def keep(
        self, memories: tuple[Memory, ...], new: Sequence[Memory], now: float, at: int
    ) -> tuple[tuple[Memory, ...], tuple[LetGo, ...]]:
        """See MemoryModel. A forgotten memory names the latest belief that rests on it."""
        held = (*memories, *new)
        if len(held) <= self.most:
            return held, ()
        share = self.most // SHARE
        distinct = distinctness([memory.text for memory in held])
        lasting = {
            memory.id: (_LASTING[memory.kind], self._strength(memory, now) + DISTINCT * stands_out, memory.id)
            for memory, stands_out in zip(held, distinct, strict=True)
        }
        old = sorted(held[:-share], key=lambda memory: lasting[memory.id])
        gone = {memory.id for memory in old[: len(held) - (self.most - share)]}
        kept = tuple(memory for memory in held if memory.id not in gone)
        into = {evidence: belief.id for belief in kept for evidence in belief.evidence}
        let_go = tuple(
            LetGo(id=memory.id, at=at, text=memory.text, into=into.get(memory.id))
            for memory in held
            if memory.id in gone
        )
        return kept, let_go

    def recall(
        self,
        memories: tuple[Memory, ...],
        cue: str,
        *,
        now: float,
        budget: int,
        count: Callable[[str], int],
        but: Collection[int] = (),
        most: int = 5,
    ) -> tuple[Memory, ...]:
        """See MemoryModel. What is told in the same words comes back once; what does not fit is passed over."""
        if budget < 1 or not cue.strip() or all(memory.id in but for memory in memories):
            return ()
        taken: dict[str, Memory] = {}
        for memory in self._ranked(memories, cue, now, frozenset(but)):
            if len(taken) >= most:
                break
            if memory.text not in taken and (tokens := count(memory.text)) <= budget:
                taken[memory.text] = memory
                budget -= tokens
        return tuple(sorted(taken.values(), key=lambda memory: memory.id))

    def _ranked(self, memories: Sequence[Memory], cue: str, now: float, but: frozenset[int]) -> list[Memory]:
        """Those that have anything to do with the cue, the strongest first; the newer of two alike.

        All memories are scored, so that how common a word is does not hang on what the prompt still shows.
        """
        weights = self.weights
        scores = self.relevance.scores(cue, [memory.text for memory in memories])
        strengths = [
            (weights.of(relevance=score, minutes_ago=now - one.minutes, importance=one.importance), one.id, one)
            for score, one in zip(scores, memories, strict=True)
            if score > weights.floor and one.id not in but
        ]
        return [one for *_, one in sorted(strengths, key=lambda row: row[:2], reverse=True)]

    def _strength(self, memory: Memory, now: float) -> float:
        return memory.importance + self.weights.recent(now - memory.minutes)


def distinctness(texts: Sequence[str]) -> list[float]:
    """How much each text stands out among all, 0..1: the mean rarity of its rarest words, log(n/df) / log(n)."""
    stems = [frozenset(content_stems(text)) for text in texts]
    holding = Counter(stem for found in stems for stem in found)
    whole = log(len(texts)) or 1.0
    rarities = [nlargest(RAREST, (log(len(texts) / holding[stem]) / whole for stem in found)) for found in stems]
    return [sum(found) / RAREST for found in rarities]


class Window:
    """Remembers nothing: a character knows what its prompt still shows. Made as Episodic is; needs none of it."""

    def __init__(
        self, relevance: Relevance | None = None, weights: Weights | None = None, most: int = MOST
    ) -> None:  # fmt: skip
        del relevance, weights, most

    def keep(
        self, memories: tuple[Memory, ...], new: Sequence[Memory], now: float, at: int
    ) -> tuple[tuple[Memory, ...], tuple[LetGo, ...]]:
        """Nothing new is kept; what was there already (of a mind that was loaded) stays."""
        del new, now, at
        return memories, ()

    def recall(
        self,
        memories: tuple[Memory, ...],
        cue: str,
        *,
        now: float,
        budget: int,
        count: Callable[[str], int],
        but: Collection[int] = (),
        most: int = 5,
    ) -> tuple[Memory, ...]:
        """Nothing."""
        del memories, cue, now, budget, count, but, most
        return ()


MEMORIES: dict[str, Any] = {"episodic": Episodic, "window": Window}
"""Name -> what makes the model, called with `relevance`, `weights` and `most` by name, each optional."""


def memory_model(name: str = "episodic", **options: Any) -> MemoryModel:
    """The memory model of this name. Raises UsageError with the names allowed."""
    made: MemoryModel = find("memory model", name, MEMORIES)(**options)
    return made
