"""Probe: whether a model answers over slots as it does alone.

    reason = probe(forward, shapes)     # '' where it does

Some architectures look at more than the mask and the positions that they are given (ALiBi, windows, states that are no
keys and values). The config tells of most; the probe, two short rows of other lengths, of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simworld.backends.local.forward import Forward, cache_name
from simworld.backends.local.slots import Plane, Slots
from simworld.checkpoint.libraries import library

LENGTHS = (37, 11)
CLOSE = {4: 1e-3, 2: 0.1}
"""Bytes of a number -> the difference that rounding may make, as a share of the logits' own size."""


def unlike_kinds(model: Any) -> str:
    """Why the config says that slots cannot serve the model; '' where it says nothing of the kind."""
    caches: Any = library("transformers.cache_utils")
    if type(model).__module__.startswith("transformers_modules"):
        return "its code is not of transformers"
    try:
        layers = caches.DynamicCache(config=model.config).layers
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return f"its cache is unknown ({type(error).__name__})"
    other = next((type(layer).__name__ for layer in layers if type(layer) is not caches.DynamicLayer), "")
    return f"its cache holds a {other}" if other else ""


def shapes_of(model: Any) -> list[Plane]:
    """The planes of the model's cache: keys and values of each layer. Raises what the model raises."""
    torch, caches = library("torch"), library("transformers.cache_utils")
    cache = caches.DynamicCache(config=model.config)
    model(input_ids=torch.tensor([[1, 2]], device=model.device), use_cache=True, **{cache_name(model): cache})
    return [
        Plane(part.shape[1], part.shape[3], part.element_size(), part.dtype)
        for layer in cache.layers
        for part in (layer.keys, layer.values)
    ]


def probe(forward: Forward, shapes: Sequence[Plane]) -> str:
    """Read two rows into slots and ask for one token more; why that is not what the model says alone, or ''."""
    torch = library("torch")
    most = forward.model.get_input_embeddings().num_embeddings
    generator = torch.Generator(device="cpu").manual_seed(7)
    rows = [torch.randint(most, (length,), generator=generator).tolist() for length in LENGTHS]
    slots = Slots(shapes, forward.device)
    slots.resize(len(rows), 48, 0)
    start, long, short = LENGTHS[1], rows[0], rows[1]
    forward.read(slots, 0, [0], [long[:start]])
    slots.copy_in(1, slots.copy_out(0, start), start)
    width = len(long) - 1 - start
    forward.read(slots, 0, [start, 0], [long[start:-1], [*short[:-1], *[0] * (width - len(short) + 1)]])
    made = forward.logits(slots, [long[-1], short[-1]], [len(long) - 1, len(short) - 1]).float()
    for row, tokens in zip(made, rows, strict=True):
        alone = forward.model(input_ids=torch.tensor([tokens], device=forward.device), use_cache=False).logits[0, -1]
        alone = alone.float()
        apart = float((row - alone).norm() / (alone - alone.mean()).norm().clamp_min(1e-9))
        if not apart <= CLOSE[4 if forward.model.dtype is torch.float32 else 2]:
            return f"it answers otherwise over kept keys and values than alone (by {apart:.2g})"
    return ""
