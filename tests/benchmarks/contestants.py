"""Who plays the dialogues over the network: simworld by its command line, and the floors under it.

found = contestants(pack, floors=None)
found[0].play(LOADS["a"], server, out)          # Played(turns_per_s=..., cpu_ms=..., ...)
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.process import ROOT, Ran, Server, run

SIMWORLD = (sys.executable, "-m", "simworld.cli")


@dataclass(frozen=True, slots=True)
class Load:
    """A number of dialogues, so many in flight, against a server that takes its time."""

    title: str
    dialogues: int
    turns: int
    jobs: int
    latency: float
    """Seconds."""

    @property
    def calls(self) -> int:
        return self.dialogues * self.turns

    @property
    def ideal(self) -> float:
        """Seconds that the server's latency alone takes."""
        return self.latency * self.turns * self.dialogues / self.jobs


LOADS = {
    "a": Load("a: no latency, 200 dialogues x 10 turns, 64 in flight", 200, 10, 64, 0.0),
    "b": Load("b: 200 ms, 200 dialogues x 10 turns, all in flight", 200, 10, 200, 0.2),
    "c": Load("c: 50 ms, 2,000 dialogues x 6 turns, 1,000 in flight", 2000, 6, 1000, 0.05),
}


@dataclass(frozen=True, slots=True)
class Played:
    """What one run of one contestant came to; without its start-up, but for the memory."""

    wall_s: float
    turns_per_s: float
    cpu_ms: float
    """A turn."""
    whole_cpu_ms: float
    """A turn, with the start of the process."""
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program that plays a load. `arguments` are those beside the load's own; `read` takes what it printed."""

    name: str
    command: Callable[[Load, Server, Path], list[object]]
    read: Callable[[Ran, Load, float], Played]
    folder: Path = ROOT
    starts_apart: bool = False
    """Its start-up is measured by a dialogue of one turn, and taken off; else it tells of its playing alone."""

    def play(self, load: Load, server: Server, out: Path) -> Played:
        """Play it once, and see by the server's count that it did. RuntimeError where it did not."""
        start = 0.0
        if self.starts_apart:
            start = self._run(Load("start", 1, 1, 1, 0.0), server, out).cpu_s
        ran = self._run(load, server, out)
        asked = server.stats()["requests"]
        if not load.calls <= asked <= load.calls + load.turns:  # some play one dialogue to warm up
            raise RuntimeError(f"{self.name} asked {asked} times, and not {load.calls}")
        return self.read(ran, load, start)

    def _run(self, load: Load, server: Server, out: Path) -> Ran:
        shutil.rmtree(out, ignore_errors=True)
        server.reset(load.latency)
        return run(self.command(load, server, out), folder=self.folder)


def simworld(pack: Path) -> Contestant:
    """The command line with everything on: minds, journal on the disk before a reply is used, corpus written."""

    def command(load: Load, server: Server, out: Path) -> list[object]:
        return [
            *SIMWORLD, "run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", load.dialogues,
            "--max-turns", load.turns, "--jobs", load.jobs, "--out", out, "--json",
        ]  # fmt: skip

    def read(ran: Ran, load: Load, start: float) -> Played:
        report = json.loads(ran.said)
        if report["statuses"] != {"complete": load.dialogues}:
            raise RuntimeError(f"simworld left {report['statuses']}")
        cpu = 1000 * (ran.cpu_s - start) / max(1, load.calls - 1)
        wall = max(report["seconds"], 0.01)
        return Played(wall, load.calls / wall, cpu, 1000 * ran.cpu_s / load.calls, ran.peak_mb)

    return Contestant("simworld", command, read, starts_apart=True)


def floor(name: str, program: list[object], folder: Path = ROOT) -> Contestant:
    """A program that prints one line of JSON about its playing."""

    def command(load: Load, server: Server, out: Path) -> list[object]:
        size = ["-D", load.dialogues, "-T", load.turns, "-C", load.jobs]
        return [sys.executable, *program, "--base-url", server.url, *size]

    def read(ran: Ran, load: Load, start: float) -> Played:
        told = json.loads(ran.said.splitlines()[-1])
        wall = told["wall_s"]
        cpu = 1000 * told["cpu_s"] / load.calls
        return Played(wall, load.calls / wall, cpu, 1000 * ran.cpu_s / load.calls, told["peak_rss_mb"])

    return Contestant(name, command, read, folder)


def contestants(pack: Path, floors: Path | None) -> list[Contestant]:
    """simworld, the floors beside this file, and those of a folder of more (see `floor`)."""
    own = [floor(f"bare {way}", ["-m", "tests.benchmarks.floors", way]) for way in ("socket", "aiohttp")]
    own.append(floor("naive LangGraph on aiohttp", ["-m", "tests.benchmarks.floors", "langgraph"]))
    more: list[Contestant] = []
    if floors:
        for way in ("socket", "aiohttp", "httpx2", "openai"):
            if way == "socket" or find_spec(way):
                more.append(floor(f"{floors.name}: {way}", ["raw_httpx.py", "--client", way], floors))
        if find_spec("langchain_openai"):
            more.append(floor(f"{floors.name}: LangGraph + ChatOpenAI", ["naive_langgraph.py"], floors))
    return [simworld(pack), *own, *more]
