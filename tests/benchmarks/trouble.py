"""Runs in trouble, against the load server's own counts: faults, a busy server, one that dies, budgets, forecasts.

    python -m tests.benchmarks.trouble [faults] [busy] [down] [budget] [forecast] [--dialogues 1000] [--runs 20]

Each part prints what it asked for and what came of it, one line a run, and exits with 1 where a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simworld.simulate.produce import produce
from simworld.simulate.share import RunSettings
from tests.llm_server import Server, serve
from tests.runs import COMMAND, transcripts, two_scenes

PRICE = ["--price", "1,4"]


class Bench:
    """Where runs are played, and how many promises were broken."""

    def __init__(self, root: Path, options: argparse.Namespace) -> None:
        self.root, self.options = root, options
        self.pack = two_scenes(root / "pack")
        self.broken = 0
        self._outs = 0

    def out(self) -> Path:
        """A new corpus folder."""
        self._outs += 1
        return self.root / f"corpus{self._outs}"

    def command(self, server: Server, out: Path, *more: object) -> list[str]:
        """The command line of a run."""
        start = [*COMMAND, "run", self.pack, "--backend", "openai:mock", "--base-url", server.url, "--out", out]
        return [*map(str, start), *map(str, more)]

    def run(self, server: Server, out: Path, *more: object) -> tuple[int, dict[str, Any], str]:
        """Exit status, the JSON report and what stood on stderr."""
        done = subprocess.run(
            [*self.command(server, out, *more), "--json"], capture_output=True, text=True, check=False
        )
        return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr

    def hold(self, what: str, held: bool) -> None:
        """Print whether a promise was held."""
        self.broken += not held
        print(f"  {'held' if held else 'BROKEN'}: {what}", flush=True)


def faults(bench: Bench) -> None:
    """20 % mixed faults: every dialogue ends, none twice, no task is left, requests within 1.6x of a faultless run."""
    n, counts = bench.options.dialogues, {}
    for share in (0.0, 0.2):
        with serve(latency=0.02, record=False, hang=5.0, faults={"mixed": share} if share else {}) as server:
            out = bench.out()
            settings = RunSettings(
                scenes=(str(bench.pack),), out=str(out), backend="openai:mock", n=n, jobs=200,
                sampling={"base_url": server.url, "timeout": 10},
            )  # fmt: skip
            began = time.monotonic()
            left = asyncio.run(_tasks_left(settings))
            rows = transcripts(out)
            counts[share] = server.count
            statuses = Counter(str(row["status"]) for row in rows)
            print(f"faults {share:.0%}: {server.count} requests, {dict(statuses)}, {time.monotonic() - began:.1f} s")
            bench.hold("each dialogue is there once", [row["index"] for row in rows] == list(range(n)))
            bench.hold("each is complete or failed with a reason", all(
                row["status"] == "complete" or (row["status"] == "failed" and row["ending"]["detail"]) for row in rows
            ))  # fmt: skip
            bench.hold("no task is left", not left)
    ratio = counts[0.2] / counts[0.0]
    bench.hold(f"requests within 1.6x of the faultless run: {ratio:.2f}x", ratio <= 1.6)


async def _tasks_left(settings: RunSettings) -> list[str]:
    await produce(settings, lambda _: None)
    return [str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]


def busy(bench: Bench) -> None:
    """Only 429 for a while: the run waits, tells, and goes on."""
    _through_trouble(bench, "429 to everything", lambda server: setattr(server.knobs, "always", "429"),
                     lambda server: setattr(server.knobs, "always", ""))  # fmt: skip


def down(bench: Bench) -> None:
    """A server that dies for a minute costs no dialogue."""
    _through_trouble(bench, "dead", lambda server: server.down(), lambda server: server.up())


def _through_trouble(bench: Bench, what: str, begin: Callable[[Server], None], end: Callable[[Server], None]) -> None:
    seconds, n = bench.options.seconds, 300
    with serve(latency=0.05, record=False) as server:
        out = bench.out()
        process = subprocess.Popen(bench.command(server, out, "-n", n, "--jobs", 32), stderr=subprocess.PIPE, text=True,
                                   stdout=subprocess.DEVNULL)  # fmt: skip
        while server.answered < 300:
            time.sleep(0.05)
        begin(server)
        at = server.count
        time.sleep(seconds)
        meanwhile = server.count - at
        threading.Thread(target=end, args=(server,)).start()
        stderr = process.communicate()[1]
        rows = transcripts(out)
        told = [line for line in stderr.splitlines() if line.startswith("openai:mock: ") and "calls in" not in line]
        print(
            f"{what} for {seconds} s: exit {process.returncode}, {meanwhile} requests meanwhile; it told:",
            *told,
            sep="\n    ",
        )
        bench.hold("all dialogues are complete", [row["status"] for row in rows] == ["complete"] * n)
        bench.hold("the user was told that it waits, and that it goes on", bool(
            any("waiting for it" in line for line in told) and any("answers again" in line for line in told)
        ))  # fmt: skip


def budget(bench: Bench) -> None:
    """By the server's own bill no budget is passed, whatever the faults and the workers; a larger one goes on."""
    odd = {"usage_zero": 0.03, "usage_small": 0.03, "usage_absent": 0.03, "usage_negative": 0.03, "length": 0.03}
    for amount, unit in ((60_000, "tok"), (0.1, "usd")):
        for knobs in ({}, {"faults": {"mixed": 0.2}, "hang": 1.0}, {"odd": odd}):
            for workers in (1, 2):
                with serve(latency=0.01, record=False, price_in=1, price_out=4, **knobs) as server:
                    out = bench.out()
                    more = ["-n", 400, "--workers", workers, "--max-tokens", 80, "--timeout", 5, *PRICE]
                    code, report, stderr = bench.run(server, out, *more, "--budget", f"{amount}{unit}")
                    billed = server.cost if unit == "usd" else server.tokens_in + server.tokens_out
                    came = f"billed {billed:.6g} ({billed / amount:.1%}), {report.get('statuses') or stderr}"
                    print(f"budget {amount} {unit}, {workers} workers, {list(knobs) or 'no faults'}: {came}")
                    bench.hold("exit 3, and no more billed than the budget", code == 3 and billed <= amount)
                    answered = server.answered
                    code, report, _ = bench.run(server, out, *more, "--budget", f"{amount * 1.5:g}{unit}")
                    billed = server.cost if unit == "usd" else server.tokens_in + server.tokens_out
                    bench.hold(f"goes on with a larger one: {server.answered - answered} more answers, "
                               f"{billed / amount / 1.5:.1%} billed", code == 3 and billed <= 1.5 * amount)  # fmt: skip


def forecast(bench: Bench) -> None:
    """The interval holds the true cost in at least 17 of 20 runs."""
    held = Counter[str]()
    runs = bench.options.runs
    for seed in range(runs):
        with serve(record=False, price_in=1, price_out=4, words=8 + 2 * (seed % 7)) as server:
            out = bench.out()
            more = ["-n", 150, "--seed", seed, "--jobs", 128, *PRICE]
            code, told, stderr = bench.run(server, out, *more, "--forecast")
            assert code == 0, stderr
            code, report, stderr = bench.run(server, out, *more)
            assert code == 0, stderr
            tokens = sum(one["input_tokens"] + one["output_tokens"] for one in report["usage"].values())
            for what, true in (("usd", server.cost), ("tokens", tokens)):
                inside = told[what]["low"] <= true <= told[what]["high"]
                held[what] += inside
                print(f"forecast {seed} {what}: {told[what]['low']:.6g} .. {told[what]['high']:.6g}, came to {true:.6g}"
                      f"{'' if inside else '  OUTSIDE'}", flush=True)  # fmt: skip
    for what, count in held.items():
        bench.hold(f"{what} within the interval in {count} of {runs}", count >= 0.85 * runs)


PARTS = {one.__name__: one for one in (faults, busy, down, budget, forecast)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[*PARTS])
    parser.add_argument("--dialogues", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        bench = Bench(Path(place), options)
        for part in options.parts:
            PARTS[part](bench)
    sys.exit(bool(bench.broken))


if __name__ == "__main__":
    main()
