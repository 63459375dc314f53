"""What one act costs early and late in a dialogue whose prompt is bounded. Prints one line of JSON.

    python -m tests.benchmarks.steps --context 8192 --dialogues 10

Two seats of a built-in scene speak by a model that is a function, so that only the engine's own work is timed: reading
a reply, minds, memories, the next prompt. `early_ms` and `late_ms` are of the processor, around the 20th and 200th act.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

from simworld.backends.completion import Completion
from simworld.packs import load_pack
from simworld.simulate.run import play
from simworld.simulate.tuning import tuned
from simworld.text.tokens import estimate
from tests.benchmarks.long_dialogue import ROOT, scene

EARLY, LATE = 20, 200
AROUND = 8
"""Acts before and after, that are timed too."""


@dataclass
class Clocked:
    """A model that says some forty words at once, and the processor time that the engine took between two calls."""

    context_tokens: int
    spec: str = "test:clocked"
    took: list[float] = field(default_factory=list[float])
    tokens: list[int] = field(default_factory=list[int])
    left: float = 0.0

    def count(self, text: str) -> int:
        return estimate(text)

    async def complete(
        self, messages: Sequence[Mapping[str, str]], *, seed: int | None = None, seat: str = "", call: int | None = None
    ) -> Completion:
        self.took.append(time.process_time() - self.left)
        self.tokens.append(sum(estimate(message["content"]) for message in messages))
        said = " ".join(f"{word} {call}" for word in ("luggage", "ticket", "promise", "answer", "evening", "train") * 3)
        reply = Completion(f"<say>For the {call}th time, {said}.</say>", input_tokens=400, output_tokens=50)
        self.left = time.process_time()
        return reply

    async def aclose(self) -> None:
        """Nothing to let go of."""


def measure(context: int, dialogues: int) -> dict[str, Any]:
    """The medians over the dialogues, and the tokens of a prompt at either time."""
    early: list[float] = []
    late: list[float] = []
    prompts: list[float] = []
    played = scene(2, LATE + AROUND + 2)
    cast = list(load_pack(ROOT).personas.values())
    with tuned():
        for seed in range(dialogues):
            model = Clocked(context)
            asyncio.run(play(played, backend=model, cast=cast, seed=seed, max_turns=LATE + AROUND + 2))
            early.append(mean(model.took[EARLY - AROUND : EARLY + AROUND]))
            late.append(mean(model.took[LATE - AROUND : LATE + AROUND]))
            prompts = [mean(model.tokens[at - AROUND : at + AROUND]) for at in (EARLY, LATE)]
    return {"early_ms": 1000 * median(early), "late_ms": 1000 * median(late), "prompts": prompts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--context", type=int, default=8192)
    parser.add_argument("--dialogues", type=int, default=10)
    given = parser.parse_args()
    print(json.dumps(measure(given.context, given.dialogues)))


if __name__ == "__main__":
    main()
