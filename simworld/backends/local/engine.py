"""Engine: a loaded model -> the Runner that can answer with it."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from simworld.backends.local.batch import Batch
from simworld.backends.local.forward import Forward
from simworld.backends.local.memory import free_bytes
from simworld.backends.local.plain import Plain
from simworld.backends.local.probe import probe, shapes_of, unlike_kinds
from simworld.backends.local.sampler import Sampler, read_style
from simworld.backends.local.slots import Plane, Slots
from simworld.backends.local.store import Store
from simworld.backends.local.worker import Runner
from simworld.checkpoint.open import Checkpoint

logger = logging.getLogger("simworld.backends")

FREE_SHARE = 4
"""One part in so many of what is free is for keys and values, where the user says nothing."""


def open_runner(
    model: Any,
    checkpoint: Checkpoint,
    *,
    ends: Collection[int],
    limit: int,
    temperature: float | None,
    top_p: float | None,
    rows: int,
    bound: int | None,
) -> Runner:
    """A Batch, or Plain (with a warning that says why) for a model that slots cannot serve.

    `limit`: tokens that a row may have; `bound`: bytes for keys and values, None: a share of what is free.
    """
    spec = checkpoint.spec
    sampler = Sampler(read_style(temperature, top_p, model.generation_config, spec))
    ends = {*ends, *_ends_of(model.generation_config)}
    reason, shapes = _fitness(model, checkpoint, limit)
    if reason:
        logger.warning("%s: prompts are read anew at every turn, which is slower: %s", spec, reason)
        return Plain(model, sampler, ends, most_rows=rows, spec=spec)
    store = Store(free_bytes(model.device) // FREE_SHARE if bound is None else bound)
    slots = Slots(shapes, model.device)
    return Batch(Forward(model), slots, store, sampler, ends, most_rows=rows, spec=spec)


def _fitness(model: Any, checkpoint: Checkpoint, limit: int) -> tuple[str, list[Plane]]:
    """Why slots cannot serve the model ('' where they can), and the shapes of its planes."""
    if reason := unlike_kinds(model):
        return reason, []
    if checkpoint.turns_at and limit > checkpoint.turns_at:
        return (
            f"its positions change beyond {checkpoint.turns_at} tokens; a lower --context avoids it",
            [],
        )
    try:
        shapes = shapes_of(model)
        return probe(Forward(model), shapes), shapes
    except (TypeError, ValueError, AttributeError, IndexError, KeyError, RuntimeError, NotImplementedError) as error:
        return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}", []


def _ends_of(generation: Any) -> list[int]:
    told = getattr(generation, "eos_token_id", None)
    if told is None:
        return []
    return [told] if isinstance(told, int) else list(told)
