"""The optimizer, and the clock that its learning rate follows.

    clock = Clock(minutes=10)
    optimizer, schedule = build_optimizer(model, muon=True, rate=0.01, decay=0.0, clock=clock, warm_up=0.03)
    clock.tick(step=0)

With a number of steps the schedule is a function of the step alone, so a resumed training takes the same ones. With
minutes it follows the wall clock: no two such trainings are the same.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

from simworld.checkpoint.libraries import library

FLOOR = 0.05
"""Part of the height to which the rate falls."""
MOMENTUM = 0.95
ADAM_OF_MUON = 0.3
"""Learning rate of what Muon does not update (embeddings, gains), as part of its own."""


@dataclass(slots=True)
class Clock:
    """How far a training is, from 0 to 1."""

    minutes: float | None = None
    steps: int = 0
    """Steps in all, where they are given."""
    spent: float = 0.0
    """Seconds that an interrupted training had taken before."""
    now: float = 0.0
    """How far it is, as of the last tick."""
    _began: float = field(default_factory=time.monotonic)

    def start(self, spent: float) -> None:
        """The training begins now, or goes on after `spent` seconds."""
        self.spent, self._began = spent, time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds that it has taken, those before an interruption included."""
        return self.spent + time.monotonic() - self._began

    def tick(self, step: int) -> float:
        """Look at the clock after `step` steps. All devices see what the first one sees."""
        if self.minutes is None:
            self.now = min(1.0, step / self.steps)
        else:
            self.now = min(1.0, of_first(self.seconds / (60 * self.minutes)))
        return self.now

    def rate(self, warm_up: float) -> float:
        """Part of the height that the learning rate has now."""
        if self.now < warm_up:
            return max(self.now / warm_up, 0.01)
        along = (self.now - warm_up) / (1 - warm_up)
        return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * along))


def of_first(value: float) -> float:
    """The value as the first process has it."""
    torch = library("torch")
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return value
    device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
    told = torch.tensor([value], dtype=torch.float64, device=device)
    torch.distributed.broadcast(told, 0)
    return float(told)


def build_optimizer(
    model: Any, *, muon: bool, rate: float, decay: float, clock: Clock, warm_up: float
) -> tuple[Any, Any]:
    """The optimizer of the model's trained weights, and its schedule."""
    torch = library("torch")
    weights = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    matrices = [weight for name, weight in weights if weight.ndim == 2 and not _embeds(name)]
    taken = {id(weight) for weight in matrices}
    rest = [weight for _, weight in weights if id(weight) not in taken]
    if not muon:
        groups = [{"params": matrices, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]
        groups = [group for group in groups if group["params"]]
        optimizer: Any = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95))
    else:
        optimizer = _both(
            _muon(matrices, rate, decay),
            torch.optim.AdamW(rest, lr=rate * ADAM_OF_MUON, betas=(0.9, 0.95), weight_decay=0.0),
        )

    def rate_now(step: int) -> float:
        del step
        return clock.rate(warm_up)

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rate_now)


def _embeds(name: str) -> bool:
    return any(part in name for part in ("embed", "lm_head", "wte", "wpe"))


def _muon(matrices: list[Any], rate: float, decay: float) -> Any:
    """Muon: momentum, made orthogonal. torch's own does that in bfloat16 always, thirty times slower on a CPU."""
    torch = library("torch")

    class Muon(torch.optim.Optimizer):  # pyright: ignore[reportUntypedBaseClass]
        def step(self, closure: Any = None) -> None:
            with torch.no_grad():
                for group in self.param_groups:
                    for weight in group["params"]:
                        if weight.grad is not None:
                            self._update(weight, group["lr"], group["weight_decay"])

        def _update(self, weight: Any, lr: float, decay: float) -> None:
            state = self.state[weight]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(weight)
            state["momentum"].lerp_(weight.grad, 1 - MOMENTUM)
            ahead = weight.grad.lerp(state["momentum"], MOMENTUM)
            wide = max(1.0, weight.size(0) / weight.size(1)) ** 0.5
            weight.mul_(1 - lr * decay)
            weight.add_(_orthogonal(ahead), alpha=-lr * wide)

    return Muon(matrices, {"lr": rate, "weight_decay": decay})


def _orthogonal(matrix: Any) -> Any:
    """The nearest orthogonal matrix, nearly: five Newton-Schulz steps with Keller Jordan's coefficients."""
    torch = library("torch")
    x = matrix.bfloat16() if matrix.is_cuda else matrix
    tall = x.size(0) > x.size(1)
    x = x.T if tall else x
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(5):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return (x.T if tall else x).to(matrix.dtype)


def _both(*optimizers: Any) -> Any:
    """Several optimizers as one: each keeps its own groups and state."""
    torch = library("torch")

    class Both(torch.optim.Optimizer):  # pyright: ignore[reportUntypedBaseClass]
        def __init__(self) -> None:
            parent: Any = super()
            parent.__init__([group for one in optimizers for group in one.param_groups], {})

        def step(self, closure: Any = None) -> None:
            for one in optimizers:
                one.step()

        def state_dict(self) -> dict[str, Any]:
            return {"optimizers": [one.state_dict() for one in optimizers]}

        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            for one, state in zip(optimizers, state_dict["optimizers"], strict=True):
                one.load_state_dict(state)
            # loading makes new groups: those that the schedule writes to must be theirs
            self.param_groups = [group for one in optimizers for group in one.param_groups]

    return Both()
