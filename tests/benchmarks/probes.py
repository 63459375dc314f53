"""What is measured of simworld by itself: improv, memory, long dialogues, start-up, resuming.

Each probe takes a place to write in and gives what it found; it starts the command line as a user would.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from tests.benchmarks.contestants import SIMWORLD, Contestant, Load
from tests.benchmarks.goals import Finding
from tests.benchmarks.process import Ran, Server, run

IMPROV = 600
"""Dialogues of the built-in scenes."""
SHORT = 4
"""Turns of a dialogue where their number is what counts."""


def improv(out: Path, n: int, *more: object, core: int | None = 1) -> tuple[Ran, dict[str, float]]:
    """Play so many dialogues of the built-in scenes on improv, or go on with them; the process, and what it reports."""
    ran = run([*SIMWORLD, "run", "--out", out, "-n", n, "--json", *more], core)
    return ran, json.loads(ran.said)


def afresh(out: Path, n: int, *more: object, core: int | None = 1) -> tuple[Ran, dict[str, float]]:
    shutil.rmtree(out, ignore_errors=True)
    return improv(out, n, *more, core=core)


def improv_speed(place: Path, rounds: int) -> list[Finding]:
    """Turns a second on one core, all written to disk."""
    speeds: list[float] = []
    for _ in range(rounds):
        _, report = afresh(place / "out", IMPROV)
        speeds.append(report["turns"] / report["seconds"])
    return [Finding("improv, no network: turns/s on one core, all written", "", tuple(speeds), at_least=1500)]


def improv_workers(place: Path, rounds: int) -> list[Finding]:
    """Two workers against one, free to use two cores; with the start of the processes."""
    ratios: list[float] = []
    for _ in range(rounds):
        walls = [afresh(place / "out", 4 * IMPROV, "--workers", n, core=None)[1]["seconds"] for n in (1, 2)]
        ratios.append(walls[0] / walls[1])
    return [Finding("improv with 2 workers on 2 cores, against one", "x", tuple(ratios), at_least=1.7)]


FEW, MANY = 100, 1000
"""Dialogues in flight."""


def memory(place: Path, rounds: int, simworld: Contestant, server: Server) -> list[Finding]:
    """The memory of one dialogue, and what each one in flight adds between two sizes."""
    base: list[float] = []
    growth: list[float] = []
    for _ in range(rounds):
        base.append(simworld.play(Load("one", 1, 10, 1, 0.0), server, place / "out").peak_mb)
        few, many = (
            simworld.play(Load("flight", 2 * MANY, 6, jobs, 0.05), server, place / "out").peak_mb
            for jobs in (FEW, MANY)
        )
        growth.append(1024 * (many - few) / (MANY - FEW))
    return [
        Finding("peak memory of one dialogue", "MB", tuple(base), at_most=150),
        Finding(f"memory a dialogue in flight ({FEW} to {MANY:,})", "KB", tuple(growth), at_most=60),
    ]


def long_dialogues(rounds: int) -> list[Finding]:
    """What an act costs around the 200th, against around the 20th, in a prompt that is bounded."""
    told = [json.loads(run([sys.executable, "-m", "tests.benchmarks.steps"]).said) for _ in range(rounds)]
    ratios = tuple(one["late_ms"] / one["early_ms"] for one in told)
    return [
        Finding("cost of an act at turn 200 / at turn 20", "", ratios, at_most=1.3),
        Finding("... at turn 20, the engine alone", "ms", tuple(one["early_ms"] for one in told)),
    ]


def start_up(times: int = 5) -> list[Finding]:
    """Seconds over `python -c pass`, by turns."""
    bare = [sys.executable, "-c", "pass"]
    ways: dict[str, tuple[list[object], float]] = {
        "`import simworld`": ([sys.executable, "-c", "import simworld"], 0.15),
        "`simworld --help`": ([*SIMWORLD, "--help"], 0.35),
    }
    walls: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(times):
        for name, (command, _) in ways.items():
            walls[name].append(run(command).wall_s - run(bare).wall_s)
    return [Finding(f"{name}, over `python -c pass`", "s", tuple(walls[name]), at_most=ways[name][1]) for name in ways]


def resume(place: Path, rounds: int, dialogues: int) -> list[Finding]:
    """Seconds that the command takes where all its dialogues are there already, with its start."""
    out = place / "finished"
    _, made = afresh(out, dialogues, "--max-turns", SHORT)
    walls: list[float] = []
    for _ in range(rounds):
        ran, report = improv(out, dialogues, "--max-turns", SHORT)
        if report["played"]:
            raise RuntimeError(f"{report['played']} dialogues of a finished corpus were played again")
        walls.append(ran.wall_s)
    shutil.rmtree(out)
    goal = 10 if dialogues >= 50_000 else None
    return [
        Finding(f"resume of {dialogues:,} finished dialogues", "s", tuple(walls), at_most=goal),
        Finding("... playing them", "s", (made["seconds"],)),
    ]


def huge(place: Path, dialogues: int, small: int = 500) -> list[Finding]:
    """The memory of a run of many dialogues against that of few."""
    peaks = [afresh(place / "out", n, "--max-turns", SHORT)[0].peak_mb for n in (small, dialogues)]
    return [
        Finding(f"peak memory, improv, {small} dialogues", "MB", (peaks[0],)),
        Finding(f"peak memory, improv, {dialogues:,} dialogues", "MB", (peaks[1],)),
    ]
