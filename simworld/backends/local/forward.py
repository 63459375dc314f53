"""Forward: one pass of the model over slots.

    forward.read(slots, first, starts, ids)      # fills columns
    forward.logits(slots, tokens, positions)     # one more token for each of the first rows

Rows are masked by position alone: a token sees the columns up to its own. So no row needs padding before it, and what
stands in columns after a row's end is never seen before it is written over.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from simworld.backends.local.slots import Slots, Window
from simworld.checkpoint.libraries import library

ROUND = 16
"""Columns that are read come in steps of so many: kernels of GPUs want masks that are aligned."""


def cache_name(model: Any) -> str:
    """What the model calls the cache that it is given: `past_key_values` before transformers 5.24."""
    return "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"


class Forward:
    """The model, asked for hidden states (reading) or logits (the next token)."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.device = model.device
        self._body = model.base_model
        self._eager = getattr(model.config, "_attn_implementation", "sdpa") == "eager"
        takes = inspect.signature(model.forward).parameters
        self._cache, self._body_cache = cache_name(model), cache_name(self._body)
        self._last = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}

    def read(self, slots: Slots, first: int, starts: Sequence[int], ids: Sequence[Sequence[int]]) -> None:
        """Make keys and values of `ids`, a row of equal length for each slot from `first` on, at its start."""
        torch = library("torch")
        window = Window(slots, first, starts, len(ids[0]))
        tokens = torch.tensor(ids, device=self.device)
        positions = torch.tensor(window.starts, device=self.device)[:, None] + torch.arange(
            tokens.shape[1], device=self.device
        )
        # from the very start, causal attention says the same as the mask and is cheaper
        mask = self._mask(positions, window.columns) if any(starts) else None
        self._body(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            **{self._body_cache: window.cache()},
            use_cache=True,
        )

    def logits(self, slots: Slots, tokens: Sequence[int], positions: Sequence[int]) -> Any:
        """`[rows, vocabulary]` after one more token for each of the first rows, at its position."""
        torch = library("torch")
        window = Window(slots, 0, positions, 1)
        window.columns = min(-(-window.columns // ROUND) * ROUND, slots.columns)
        at = torch.tensor(window.starts, device=self.device)[:, None]
        out = self.model(
            input_ids=torch.tensor(tokens, device=self.device)[:, None],
            attention_mask=self._mask(at, window.columns),
            position_ids=at,
            **{self._cache: window.cache()},
            use_cache=True,
            **self._last,
        )
        return out.logits[:, -1]

    def _mask(self, positions: Any, columns: int) -> Any:
        """`[rows, 1, width, columns]`: whether a column may be seen, or, for eager attention, what is added to it."""
        torch = library("torch")
        seen = torch.arange(columns, device=self.device) <= positions[:, None, :, None]
        if not self._eager:
            return seen
        dtype = self.model.dtype
        return torch.zeros(seen.shape, dtype=dtype, device=self.device).masked_fill(~seen, torch.finfo(dtype).min)
