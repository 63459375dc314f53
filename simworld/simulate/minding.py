"""Minding: what the minds of a run are made of; part of its identity."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from pydantic import Field

from simworld.mind import Models, emotion_model, memory_model
from simworld.mind.memory import MOST
from simworld.mind.recall import Relevance, open_relevance
from simworld.schema import Record


class Minding(Record, frozen=True):
    """How characters feel and remember."""

    emotion: str = "pad"
    """`pad`: numbers with a temperament, decay and names for regions; `categorical`: the named emotion alone."""
    memory: str = "episodic"
    """`episodic`: records, recall, beliefs, forgetting; `window`: nothing but what is in view."""
    recall: str = "lexical"
    """What finds memories: `lexical`, or an encoder of sentences: `minilm`, `model2vec:PATH`, a path or a hub id."""
    memories: Annotated[int, Field(ge=6, le=10_000)] = MOST
    """Memories that one mind holds; beyond them it forgets."""
    memory_tokens: Annotated[int, Field(ge=0)] = 256
    """Tokens that the memories of one note may have together."""

    def models(self) -> Models:
        """The models, opened once in a process. Raises UsageError for a name that is not known."""
        return _models(self.emotion, self.memory, self.recall, self.memories)


@lru_cache(maxsize=8)
def _models(emotion: str, memory: str, recall: str, most: int) -> Models:
    return Models(emotion_model(emotion), memory_model(memory, relevance=_relevance(recall), most=most))


def _relevance(recall: str) -> Relevance:
    return open_relevance() if recall == "lexical" else open_relevance("embeddings", recall)
