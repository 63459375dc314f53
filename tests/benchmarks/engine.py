"""The engine's cost, measured whole by one command: prints Markdown.

    python -m tests.benchmarks.engine                                   # about ten minutes
    python -m tests.benchmarks.engine --scenarios a --rounds 5
    python -m tests.benchmarks.engine --scenarios abc --floors DIR --mock MOCK.py
    python -m tests.benchmarks.engine --scenarios rh --resume-dialogues 50000

The server (tests.llm_server, or MOCK.py with `--port`, /reset and /stats) has a core of its own and each contestant
another; contestants play by turns, round after round. Absolute figures are the machine's: compare those of one run.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from tests.benchmarks import probes
from tests.benchmarks.contestants import LOADS, Contestant, Load, Played, contestants
from tests.benchmarks.goals import Finding, number, table
from tests.benchmarks.process import Server, serving
from tests.benchmarks.scene import pack

SCENARIOS = {
    "a": "no latency: CPU a turn", "b": "200 ms, all in flight: wall against the ideal", "c": "1,000 in flight",
    "i": "improv on one core", "w": "improv with two workers", "m": "memory a dialogue in flight",
    "l": "long dialogues", "s": "import and --help", "r": "resume of a finished corpus",
    "h": "memory of a huge run (not by default)",
}  # fmt: skip
DEFAULT = "abciwmlsr"
HEADS = (
    "contestant", "CPU ms a turn", "with its start", "turns/s", "wall s", "wall / ideal", "peak MB",
    "CPU / bare socket's",
)  # fmt: skip
QUIET = 0.5
"""Load average up to which a machine has nothing else to do."""
PACKAGES = ("langgraph", "langchain-core", "aiohttp", "orjson", "pydantic")
Rounds = dict[str, list[Played]]


def network(load: Load, who: Sequence[Contestant], server: Server, place: Path, rounds: int) -> Rounds:
    """Every contestant in turn, round after round."""
    played: Rounds = {one.name: [] for one in who}
    for _ in range(rounds):
        for one in who:
            played[one.name].append(one.play(load, server, place / "out"))
    return played


def beside(load: Load, played: Rounds) -> str:
    """The contestants side by side, as Markdown."""
    lines = [f"### {load.title}", "", f"| {' | '.join(HEADS)} |", f"|{' --- |' * len(HEADS)}"]
    least = _middle(played, "bare socket", lambda one: one.cpu_ms)
    for name, rounds in played.items():
        cpu = median(one.cpu_ms for one in rounds)
        wall = [one.wall_s for one in rounds]
        cells = [
            name, f"{cpu:.3f} ({min(one.cpu_ms for one in rounds):.3f} .. {max(one.cpu_ms for one in rounds):.3f})",
            f"{median(one.whole_cpu_ms for one in rounds):.3f}", number(median(one.turns_per_s for one in rounds)),
            f"{median(wall):.2f} ({min(wall):.2f} .. {max(wall):.2f})",
            f"{median(wall) / load.ideal:.2f}" if load.ideal else "", number(median(one.peak_mb for one in rounds)),
            f"{cpu / least:.1f}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def found_on_network(key: str, load: Load, rounds: Sequence[Played]) -> list[Finding]:
    """What simworld's rounds say of the goals."""
    if key == "a":
        return [
            Finding("a: CPU a turn, everything on", "ms", _each(rounds, "cpu_ms"), at_most=1.2, stretch=0.9),
            Finding("a: turns/s", "", _each(rounds, "turns_per_s"), at_least=800),
        ]
    if key == "b":
        ratios = tuple(one.wall_s / load.ideal for one in rounds)
        return [Finding("b: wall / ideal", "", ratios, at_most=1.5, stretch=1.25)]
    return [
        Finding("c: turns/s with 1,000 in flight", "", _each(rounds, "turns_per_s"), at_least=900, stretch=1300),
        Finding("c: peak memory", "MB", _each(rounds, "peak_mb")),
    ]


def machine() -> str:
    """Where and with what this was measured."""
    import simworld

    names = Path("/proc/cpuinfo")
    lines = names.read_text(encoding="utf-8").splitlines() if names.exists() else []
    cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    what = f"simworld {simworld.__version__}, Python {platform.python_version()}, {packages}"
    return f"{what}; {os.cpu_count()} cores, {cpu}, {platform.system()} {platform.release()}"


def _each(rounds: Sequence[Played], name: str) -> tuple[float, ...]:
    return tuple(getattr(one, name) for one in rounds)


def _middle(played: Rounds, name: str, of: Callable[[Played], float]) -> float:
    return median(of(one) for one in played[name])


def measure(given: argparse.Namespace, place: Path, server: Server) -> tuple[list[Finding], list[str]]:
    """Everything asked for: the findings, and the tables of the scenarios on the network."""
    findings: list[Finding] = []
    tables: list[str] = []
    who = contestants(pack(place / "pack"), given.floors)
    rounds = given.rounds
    alone: dict[str, Callable[[], list[Finding]]] = {
        "i": lambda: probes.improv_speed(place, rounds),
        "w": lambda: probes.improv_workers(place, rounds),
        "m": lambda: probes.memory(place, rounds, who[0], server),
        "l": lambda: probes.long_dialogues(rounds),
        "s": probes.start_up,
        "r": lambda: probes.resume(place, rounds, given.resume_dialogues),
        "h": lambda: probes.huge(place, given.huge_dialogues),
    }
    for key in given.scenarios:
        print(f"{key}: {SCENARIOS[key]} ...", file=sys.stderr, flush=True)
        if key in LOADS:
            played = network(LOADS[key], who, server, place, rounds)
            tables.append(beside(LOADS[key], played))
            findings += found_on_network(key, LOADS[key], played["simworld"])
        else:
            findings += alone[key]()
    return findings, tables


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    letters = "; ".join(f"{key} {what}" for key, what in SCENARIOS.items())
    parser.add_argument("--scenarios", default=DEFAULT, help=letters)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--floors", type=Path, metavar="DIR", help="more floors: raw_httpx.py, naive_langgraph.py")
    parser.add_argument("--mock", type=Path, metavar="MOCK.py", help="another server than tests.llm_server")
    parser.add_argument("--resume-dialogues", type=int, default=5000, metavar="N")
    parser.add_argument("--huge-dialogues", type=int, default=50_000, metavar="N")
    given = parser.parse_args()
    if unknown := set(given.scenarios) - set(SCENARIOS):
        parser.error(f"--scenarios: {min(unknown)!r} is none of {letters}")
    load = os.getloadavg()[0]
    if load > QUIET:
        print(f"the machine is busy (load {load:.1f}): compare what stands side by side, and no more", file=sys.stderr)
    with tempfile.TemporaryDirectory() as place, serving(given.mock) as server:
        findings, tables = measure(given, Path(place), server)
    how = f"{machine()}; load before it began: {load:.1f}. Medians of {given.rounds}; in brackets least and most."
    print(table(findings), *tables, how, sep="\n\n")


if __name__ == "__main__":
    main()
