"""What a training tells while it runs: losses, speed, time left; and what is kept of it.

meter = Meter(recipe, clock, model, tell=print, history=[])
meter.note({"step": 20, "at": 0.1, "seconds": 31.0, "tokens": 160000, "loss": 5.1})
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from simworld.checkpoint.libraries import library
from simworld.prompts.render import data
from simworld.train.chart import curve
from simworld.train.encode import Part
from simworld.train.optimizer import Clock
from simworld.train.recipe import Recipe

EVERY = 5.0
"""Seconds between two lines of progress."""


class Meter:
    """Takes what is measured, tells it now and then, keeps all of it."""

    def __init__(
        self, recipe: Recipe, clock: Clock, model: Any, tell: Callable[[str], None], history: list[dict[str, Any]]
    ) -> None:
        self._recipe, self._clock, self._tell = recipe, clock, tell
        self.history = history
        self.weights = sum(one.numel() for one in model.parameters())
        self.learnt_weights = sum(one.numel() for one in model.parameters() if one.requires_grad)
        self._flops = _flops_per_token(model, self.weights, self.learnt_weights, recipe.length)
        self._told = 0.0
        self._bits = 0.0
        self._spent, self._seen = 0.0, 0

    def begin(self, parts: dict[str, Part], resumed: str, spent: dict[str, Any]) -> None:
        """Say what is trained on what."""
        self._spent, self._seen = spent["seconds"], spent["seen"]
        train, held = parts["train"], parts["validation"]
        length = (
            f"{self._recipe.minutes:g} minutes" if self._clock.minutes else f"{self._clock.steps} steps"
        )  # fmt: skip
        self._tell(
            f"{train.turns} turns to learn ({train.learnt:,} of {train.tokens:,} tokens, {train.ends} ends), "
            f"{held.turns} held out; {self.learnt_weights:,} weights to train; {length}"
            + (f"; goes on from {resumed}" if resumed else "")
        )
        if not held.tokens:
            self._tell("no validation part: the last weights are kept")
        for name, part in parts.items():
            for line in fit_lines(part):
                self._tell(f"{name}: {line}")

    def note(self, measured: dict[str, Any]) -> None:
        """Take one measurement."""
        kept = {name: round(value, 6) for name, value in measured.items() if isinstance(value, int | float)}
        self.history.append(kept)
        with (self._recipe.out / "checkpoints" / "history.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(kept) + "\n")
        self._bits = measured.get("eval_bits_per_byte", self._bits)
        now = time.monotonic()
        if "eval_loss" in measured or now - self._told >= EVERY:
            self._told = now
            self._tell(self._line())

    def _line(self) -> str:
        newest = self.history[-1]
        losses = [one["loss"] for one in self.history if "loss" in one]
        at = self._clock.now
        left = self._clock.seconds * (1 - at) / at if at else 0.0
        parts = [
            f"step {newest['step']}", f"{at:4.0%}", f"loss {losses[-1]:.3f}" if losses else "",
            f"validation {self._bits:.3f} bits/byte" if self._bits else "", f"{self.speed():,.0f} tokens/s",
            f"{left / 60:.0f}:{left % 60:02.0f} left", curve(losses, 24),
        ]  # fmt: skip
        return " · ".join(part for part in parts if part)

    def speed(self) -> float:
        """Tokens a second since this process began, evaluation included."""
        tokens = next((one["tokens"] for one in reversed(self.history) if "tokens" in one), 0)
        return max(0.0, tokens - self._seen) / max(1e-9, self._clock.seconds - self._spent)

    def facts(self) -> dict[str, Any]:
        """Speed and length of the training."""
        steps = self.history[-1]["step"] if self.history else 0
        tokens = next((one["tokens"] for one in reversed(self.history) if "tokens" in one), 0)
        rounded = {"steps": steps, "seconds": round(self._clock.seconds, 1), "tokens": tokens}
        speed = self.speed()
        peak = _peak()
        use = {"flops_used": round(speed * self._flops / peak, 4)} if peak else {}
        return {**rounded, "tokens_per_second": round(speed), **use}


def fit_lines(part: Part) -> list[str]:
    """What became of long rows and of rows without loss, in words; empty where there were none."""
    fit, told = part.fit, list[str]()
    if fit.rows:
        told.append(f"{fit.rows} rows longer than the context, made into {fit.windows} windows")
    if fit.cut:
        told.append(f"{fit.cut} own messages longer than that, cut at their end ({fit.cut_tokens:,} tokens)")
    if fit.left_out:
        told.append(f"{fit.left_out} own messages left out: what they answer fills the context")
    if part.unlearnt:
        told.append(f"{part.unlearnt} rows in which nothing is learnt")
    return told


def _flops_per_token(model: Any, weights: int, learnt: int, context: int) -> float:
    """Of a forward and a backward pass: 2 a weight forward, 4 backward (2 where it is frozen); attention at half."""
    text = model.config.get_text_config()
    width, depth = getattr(text, "hidden_size", 0), getattr(text, "num_hidden_layers", 0)
    inputs = 0 if getattr(text, "tie_word_embeddings", False) else model.get_input_embeddings().weight.numel()
    used = weights - inputs
    return (6 if learnt == weights else 4) * used + 6 * depth * width * context


def _peak() -> float:
    """Floating point operations a second that all devices could do in bf16; 0 where that is not known."""
    torch = library("torch")
    if not torch.cuda.is_available():
        return 0.0
    name = torch.cuda.get_device_name(0)
    known: dict[str, float] = data("train/peaks.yaml")
    one = next((peak for part, peak in known.items() if part in name), 0.0)
    import os

    return one * 1e12 * int(os.environ.get("WORLD_SIZE", "1"))
