"""Wanted: how a user simulator is to be evaluated.

Wanted(sample=500, judge="openai:gpt-4.1-mini", judged=50)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How to evaluate."""

    model: str | None = None
    """A checkpoint to be measured beside a corpus: likelihood, ends."""
    judge: str | None = None
    """Spec of a model that reads conversations and gives marks."""
    encoder: str | None = None
    """Spec of an encoder for topics and coverage; None: tf-idf."""
    sample: int | None = None
    """Conversations that are measured, at most."""
    judged: int = 50
    """Conversations of each side that the judge reads."""
    seed: int = 0
    base_url: str | None = None
    """Address of the judge's server."""
