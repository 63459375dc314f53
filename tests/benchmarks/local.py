"""The local backend beside plain `generate`: many dialogues with growing histories, in one run on one machine.

    python -m tests.benchmarks.local [--system common|distinct|both] [--alone 4]
    python -m tests.benchmarks.local --device cuda --dtype bfloat16 --layers 24 --hidden 2048 --heads 16 --kv-heads 8

Measured, in new tokens a second:
  ours      `LocalChat`, all dialogues at once, a turn of each following its last
  evicting  the same with room for the rows at work and for little else
  batched   `generate` over the same prompts, one batch a turn, all read anew
  alone     `generate` over the same prompts one at a time (a sample of the dialogues)
The model is made on the spot with random weights and a vocabulary of words, so that a reply is read back as the tokens
that it was said in. Replies are greedy, so that outputs can be compared: `equal` is the share of replies that are the
same token for token, `tokens` that of tokens before the first that differs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tiny_model import build

Told = dict[tuple[int, int], tuple[list[int], list[int]]]
"""(dialogue, turn) -> tokens of the prompt and of the reply."""


def words(rng: random.Random, count: int, vocab: int) -> str:
    return " ".join(f"w{rng.randrange(vocab - 7)}" for _ in range(count))


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds on the wall, and of CPU over all threads: on a shared machine the second is the steadier one."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Clock:
        return cls(time.perf_counter(), time.process_time())

    def since(self) -> Clock:
        return Clock(time.perf_counter() - self.wall, time.process_time() - self.cpu)


async def play(model: Any, args: argparse.Namespace, system: str) -> tuple[Clock, Told]:
    """All dialogues at once; the time it took, and what was asked and said."""
    asked: dict[tuple[int, int], tuple[list[dict[str, str]], str]] = {}

    async def dialogue(number: int) -> None:
        rng = random.Random(number)
        shared = random.Random("common" if system == "common" else number)
        messages = [{"role": "system", "content": words(shared, args.system_tokens, args.vocab)}]
        for turn in range(args.turns):
            messages.append({"role": "user", "content": words(rng, args.user_tokens, args.vocab)})
            reply = await model.complete(messages, seed=turn)
            asked[number, turn] = (list(messages), reply.text)
            messages.append({"role": "assistant", "content": reply.text})

    start = Clock.now()
    await asyncio.gather(*(dialogue(number) for number in range(args.dialogues)))
    took, template = start.since(), model._template
    return took, {key: (template.encode(prompt), template._tokens(text)) for key, (prompt, text) in asked.items()}


async def ours(folder: Path, args: argparse.Namespace, system: str, cache_gb: float) -> dict[str, Any]:
    from simworld.backends.local.chat import LocalChat

    model = LocalChat(
        model=str(folder), temperature=0, max_tokens=args.new, device=args.device, dtype=args.dtype, rows=args.batch,
        cache_gb=cache_gb,
    )  # fmt: skip
    await model.complete([{"role": "user", "content": "w1"}])
    store = model._worker.runner.store
    took, told = await play(model, args, system)
    figures = {
        "took": took, "told": told, "peak": store.peak, "bound": store.bound, "evicted": store.evicted,
        "read": model._worker.runner.read_tokens,
    }  # fmt: skip
    await model.aclose()
    return figures


def plain(model: Any, told: Told, batches: list[list[tuple[int, int]]], args: argparse.Namespace) -> tuple[Clock, Told]:
    """`generate` over the same prompts; the time it took, and what was said."""
    import torch

    said: Told = {}
    start = Clock.now()
    for keys in batches:
        prompts = [told[key][0] for key in keys]
        longest = max(map(len, prompts))
        ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts], device=model.device)
        mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=model.device)
        with torch.inference_mode():
            out = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=args.new, do_sample=False)
        for key, prompt, row in zip(keys, prompts, out[:, longest:].tolist(), strict=True):
            end = row.index(2) if 2 in row else len(row)
            said[key] = (prompt, [token for token in row[:end] if token > 3])  # a reply's text has no special tokens
    return start.since(), said


def compare(told: Told, other: Told) -> dict[str, float]:
    """Share of equal replies, and of tokens before the first that differs, over what both hold."""
    keys = [key for key in other if key in told and told[key][0] == other[key][0]]
    equal = [told[key][1] == other[key][1] for key in keys]
    share = [alike(told[key][1], other[key][1]) for key in keys]
    count = max(1, len(keys))
    return {"compared": len(keys), "equal": sum(equal) / count, "tokens": sum(share) / count}


def alike(a: list[int], b: list[int]) -> float:
    """Share of the first's tokens before the first that differs."""
    same = 0
    while same < min(len(a), len(b)) and a[same] == b[same]:
        same += 1
    return 1.0 if a == b else same / max(1, len(a))


def count_new(told: Told) -> int:
    return sum(len(reply) for _, reply in told.values())


def rates(runs: dict[str, tuple[Clock, Told]], clock: str) -> dict[str, float]:
    """New tokens a second by this clock, and how many times faster than the plain ways."""
    rate = {name: count_new(told) / getattr(took, clock) for name, (took, told) in runs.items()}
    ratios = {
        f"{name}_to_{other}": rate[name] / rate[other]
        for name in ("ours", "evicting")
        for other in ("batched", "alone")
    }
    return {name: round(value, 2) for name, value in {**rate, **ratios}.items()}


def measure(folder: Path, args: argparse.Namespace, system: str) -> dict[str, Any]:
    import torch
    from transformers import AutoModelForCausalLM

    first = asyncio.run(ours(folder, args, system, args.cache_gb))
    told: Told = first.pop("told")
    tight = asyncio.run(ours(folder, args, system, args.tight_gb))
    tight_told: Told = tight.pop("told")
    dtype = getattr(torch, args.dtype)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).to(args.device).eval()
    everyone, turns = range(args.dialogues), range(args.turns)
    waves = [
        [(d, t) for d in everyone[at : at + args.batch]] for t in turns for at in range(0, args.dialogues, args.batch)
    ]
    plain(model, told, [waves[0][:2]], args)
    batched_took, batched = plain(model, told, waves, args)
    alone_took, alone = plain(model, told, [[(d, t)] for d in everyone[: args.alone] for t in turns], args)
    runs = {
        "ours": (first["took"], told), "evicting": (tight["took"], tight_told), "batched": (batched_took, batched),
        "alone": (alone_took, alone),
    }  # fmt: skip
    return {
        "system": system,
        **{clock: rates(runs, clock) for clock in ("wall", "cpu")},
        "equal_to_batched": compare(told, batched),
        "equal_to_alone": compare(told, alone),
        "equal_to_evicting": compare(told, tight_told),
        "cache": {name: first[name] for name in ("peak", "bound", "evicted", "read")},
        "cache_evicting": {name: tight[name] for name in ("peak", "bound", "evicted", "read")},
        "new_tokens": count_new(told),
        "longest_prompt": max(len(prompt) for prompt, _ in told.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", choices=["common", "distinct", "both"], default="both")
    parser.add_argument("--dialogues", type=int, default=64)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--system-tokens", type=int, default=200)
    parser.add_argument("--user-tokens", type=int, default=30)
    parser.add_argument("--new", type=int, default=32)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--alone", type=int, default=4, help="dialogues that are measured one at a time")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--kv-heads", type=int, default=4)
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--cache-gb", type=float, default=2.0)
    parser.add_argument("--tight-gb", type=float, default=0.2)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    import torch

    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        model = build(
            Path(folder) / "model", layers=args.layers, hidden=args.hidden, heads=args.heads, kv_heads=args.kv_heads,
            vocab=args.vocab, context=4096, words=True, initializer_range=0.1,
        )  # fmt: skip
        for system in ("common", "distinct") if args.system == "both" else (args.system,):
            print(json.dumps(measure(model, args, system), indent=1), flush=True)


if __name__ == "__main__":
    main()
