"""How a checkpoint is trained: every choice, with the default that was found to work.

recipe = Recipe(base="tiny", out=Path("user"), minutes=10)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from simworld.errors import UsageError, unknown

TINY = "tiny"
OPTIMIZERS = ("auto", "adamw", "muon")
DTYPES = ("auto", "float32", "bfloat16")
ALL_TOKENS = "all-tokens"


@dataclass(frozen=True, slots=True)
class Recipe:
    """The choices of one training."""

    base: str
    """Folder or hub id of the model to begin with; `tiny`: a small one, built from the data."""
    out: Path
    speaker: str = "user"
    """As it was asked for; told in the card and in `simworld.json`."""
    thoughts: bool = True
    notes: bool = True

    minutes: float | None = None
    """Time that training may take, evaluation included; the schedule follows the clock. One of the three."""
    epochs: float | None = None
    steps: int | None = None

    context: int | None = None
    """Tokens of the longest row, and of a packed sequence; None: 1024, or what the base takes."""
    batch: int | None = None
    """Packed sequences to an optimizer step, over all devices; None: 8, tiny: 1."""
    micro_batch: int = 1
    """Packed sequences that a device takes at once."""
    rate: float | None = None
    """Learning rate at its height; None: by optimizer and kind of training."""
    optimizer: str = "auto"
    """`auto`: Muon for the matrices of a tiny model, else AdamW."""
    decay: float = 0.0
    """Weight decay."""
    warm_up: float = 0.03
    """Share of the training in which the rate rises; afterwards it falls along a cosine to a twentieth."""
    all_tokens: float | None = None
    """Share of the training, from its start, in which all tokens are learnt and not the speaker's alone; None: by kind
    of model."""
    seed: int = 0
    evaluations: int = 10
    """Times that the validation part is looked at, spread evenly."""

    lora: int = 0
    """Rank of the adapter that is trained in place of the weights; 0: the weights."""
    lora_alpha: float | None = None
    """Default: twice the rank."""
    activation_checkpointing: bool = False
    """Compute activations again in the backward pass: less memory, a third more time."""
    dtype: str = "auto"
    """Numbers of the forward and backward passes; `auto`: bfloat16 where a CUDA device has it."""

    vocabulary: int = 4096
    """Of a tiny model: tokens, as this and the three below."""
    width: int = 256
    depth: int = 4
    dropout: float = 0.0

    @property
    def is_tiny(self) -> bool:
        """Whether the model and its tokenizer are built from the data."""
        return self.base == TINY

    @property
    def muon(self) -> bool:
        """Whether Muon updates the matrices."""
        return self.optimizer == "muon" or (self.optimizer == "auto" and self.is_tiny)

    @property
    def height(self) -> float:
        """The learning rate at its height."""
        if self.rate is not None:
            return self.rate
        return 2e-4 if self.lora else 0.01 if self.muon else 1e-3 if self.is_tiny else 2e-5

    @property
    def length(self) -> int:
        """Tokens of the longest row."""
        return self.context or 1024

    @property
    def sequences(self) -> int:
        """Packed sequences to an optimizer step."""
        return self.batch or (1 if self.is_tiny else 8)

    @property
    def warm_share(self) -> float:
        """Share of the training in which all tokens are learnt."""
        return self.all_tokens if self.all_tokens is not None else 0.6 if self.is_tiny else 0.0

    def checked(self) -> Recipe:
        """The recipe, with a length where none is given. Raises UsageError for choices that do not go together."""
        given = [name for name in ("minutes", "epochs", "steps") if getattr(self, name) is not None]
        if len(given) > 1:
            raise UsageError(f"--{' and --'.join(given)} exclude each other; give one of them")
        for name in _OVER_ZERO:
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"--{name.replace('_', '-')} {value} is not allowed; it must be over 0")
        if self.optimizer not in OPTIMIZERS:
            raise unknown("--optimizer", self.optimizer, OPTIMIZERS)
        if self.dtype not in DTYPES:
            raise unknown("--dtype", self.dtype, DTYPES)
        if self.is_tiny and self.lora:
            raise UsageError("--lora needs a base with weights of its own; --base tiny begins with none")
        if self.is_tiny and self.width % 64:
            raise UsageError(f"--width {self.width} is not allowed; it must be a multiple of 64")
        if self.is_tiny and self.vocabulary < 300:
            raise UsageError(f"--vocabulary {self.vocabulary} is not allowed; bytes and marks alone need 300")
        return self if given else replace(self, minutes=10.0) if self.is_tiny else replace(self, epochs=3.0)

    def facts(self) -> dict[str, Any]:
        """The recipe as plain data."""
        chosen = {"rate": self.height, "optimizer": "muon" if self.muon else "adamw", "context": self.length,
                  "all_tokens": self.warm_share, "batch": self.sequences}  # fmt: skip
        return {**asdict(self), "out": str(self.out), **chosen}


_OVER_ZERO = ("minutes", "epochs", "steps", "context", "batch", "micro_batch", "rate", "vocabulary", "width", "depth",
              "evaluations")  # fmt: skip


def warm_start_of(told: str | None) -> float | None:
    """The share that `none`, `all-tokens` or `all-tokens:0.5` means; None: nothing told. Raises UsageError."""
    if told is None or told == "none":
        return None if told is None else 0.0
    name, _, share = told.partition(":")
    try:
        value = float(share or 0.6)
    except ValueError:
        value = -1.0
    if name != ALL_TOKENS or not 0 < value < 1:
        allowed = f"none, {ALL_TOKENS}, {ALL_TOKENS}:SHARE (over 0, under 1)"
        raise UsageError(f"--warm-start '{told}' is not known; allowed: {allowed}")
    return value
