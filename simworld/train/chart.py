"""The losses of a training as a picture, and as a few lines of text.

draw(history, Path("loss.png"))
curve([4.1, 3.2, 2.9])     # "█▄▁"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from simworld.checkpoint.libraries import library

BARS = "▁▂▃▄▅▆▇█"


def curve(values: Sequence[float], width: int = 40) -> str:
    """A row of bars, the highest value the tallest; `width` of them at most, each the mean of its share."""
    if not values:
        return ""
    count = min(width, len(values))
    cuts = [len(values) * at // count for at in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(cuts)]
    low, high = min(means), max(means)
    span = (high - low) or 1.0
    return "".join(BARS[int((mean - low) / span * (len(BARS) - 1) + 0.5)] for mean in means)


def draw(history: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Training loss (nats a token) and bits per byte on the validation part, over steps, as a PNG."""
    figure_type: Any = library("matplotlib.figure").Figure
    figure = figure_type(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    losses = [(one["step"], one["loss"]) for one in history if "loss" in one]
    axes.plot(*zip(*losses, strict=True), color="0.6", label="training: nats a learnt token") if losses else None
    axes.set_xlabel("step")
    axes.set_ylabel("nats a token")
    judged = [(one["step"], one["eval_loss"], one["eval_bits_per_byte"]) for one in history if "eval_loss" in one]
    if judged:
        steps, nats, bits = zip(*judged, strict=True)
        axes.plot(steps, nats, color="tab:blue", marker="o", label="validation: nats a learnt token")
        other = axes.twinx()
        other.plot(steps, bits, color="tab:orange", marker="s", label="validation: bits per byte (right)")
        other.set_ylabel("bits per byte")
        other.legend(loc="upper right", bbox_to_anchor=(1, 0.86))
    axes.legend(loc="upper right")
    figure.savefig(file, dpi=110)
