"""The engine's cost beside bare clients, in one run: scenarios a, b and c.

    python -m tests.benchmarks.engine --mock MOCK.py --floors DIR [--rounds 3]

MOCK.py is an OpenAI-compatible server with `--port` and `POST /reset` of its knobs; DIR holds floors that print one
line of JSON (`raw_httpx.py --client`, `naive_langgraph.py`). The server is pinned to one core, each client to another.
simworld plays a pack with everything on: packs, journal on the disk before a reply is used, corpus written.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.runs import write_pack

PORT = 8397
SCENARIOS = {
    "a": {"latency_ms": 0, "dialogues": 200, "turns": 10, "jobs": 64},
    "b": {"latency_ms": 200, "dialogues": 200, "turns": 10, "jobs": 200},
    "c": {"latency_ms": 50, "dialogues": 2000, "turns": 6, "jobs": 1000},
}
FLOORS = {
    "raw socket": ["raw_httpx.py", "--client", "socket"],
    "raw aiohttp": ["raw_httpx.py", "--client", "aiohttp"],
}


def pack(root: Path) -> Path:
    """Two people and about 400 prompt tokens a call, as the floors have it."""
    people = [
        {"id": "ana", "name": "Ana Reis", "career": "nurse", "profile": PROFILE.format(name="Ana Reis", work="nurse")},
        {
            "id": "bo",
            "name": "Boris Quill",
            "career": "lawyer",
            "profile": PROFILE.format(name="Boris Quill", work="lawyer"),
        },
    ]
    scene = {
        "id": "festival", "title": "The festival money", "background": "A small port town has money left.",
        "seats": [{"id": "a", "persona": "ana"}, {"id": "b", "persona": "bo"}],
        "end": {"max_turns": 1000, "goodbye": False, "stale": 0},
    }  # fmt: skip
    return write_pack(root, [scene], people)


PROFILE = (
    "You are {name}, a patient {work}, living in a small port town. You grew up abroad, lost your savings, and "
    "distrust officials. You talk in short plain sentences. Today you want to agree on how to spend the town's "
    "festival money, and you will not say that you already promised part of it. Stay in character; one utterance "
    "at a time."
)


def reset(**knobs: float) -> None:
    body = json.dumps(knobs).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/reset", data=body, method="POST")
    urllib.request.urlopen(request, timeout=10).read()


def pinned(core: int) -> list[str]:
    """The words that start a command on one core."""
    return ["taskset", "-c", str(core % (os.cpu_count() or 1))]


def simworld(pack: Path, scenario: dict[str, int], out: Path) -> dict[str, float]:
    """One run of the command line; its own seconds of playing, and the CPU and memory of the whole process."""
    shutil.rmtree(out, ignore_errors=True)
    command = [
        *pinned(1), sys.executable, "-m", "simworld.cli", "run",
        str(pack), "--backend", "openai:mock", "--base-url",
        f"http://127.0.0.1:{PORT}/v1", "-n", str(scenario["dialogues"]), "--max-turns", str(scenario["turns"]),
        "--jobs", str(scenario["jobs"]), "--out", str(out), "--json",
    ]  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads(done.stdout)
    turns = scenario["dialogues"] * scenario["turns"]
    assert report["statuses"] == {"complete": scenario["dialogues"]}, report
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "wall_s": report["seconds"],
        "turns_per_s": turns / report["seconds"],
        "process_cpu_ms_a_turn": 1000 * cpu / turns,
    }


def floor(folder: Path, name: str, scenario: dict[str, int]) -> dict[str, float]:
    """One run of a floor."""
    command = [
        *pinned(1), sys.executable, *FLOORS[name],
        "--base-url", f"http://127.0.0.1:{PORT}/v1", "-D", str(scenario["dialogues"]),
        "-T", str(scenario["turns"]), "-C", str(scenario["jobs"]),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    told = json.loads(done.stdout.splitlines()[-1])
    return {
        "wall_s": told["wall_s"],
        "turns_per_s": told["turns_per_s"],
        "process_cpu_ms_a_turn": told["cpu_ms_per_turn"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mock", type=Path, required=True)
    parser.add_argument("--floors", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scenarios", default="abc")
    options = parser.parse_args()
    server = subprocess.Popen([*pinned(0), sys.executable, str(options.mock), "--port", str(PORT)])
    try:
        time.sleep(1.5)
        with tempfile.TemporaryDirectory() as place:
            made = pack(Path(place) / "pack")
            for key in options.scenarios:
                measure(options, key, made, Path(place) / "out")
    finally:
        server.terminate()
        server.wait()


def measure(options: argparse.Namespace, key: str, made: Path, out: Path) -> None:
    """Every contestant in turn, round after round; medians."""
    scenario = SCENARIOS[key]
    names = ["simworld", *(FLOORS if options.floors else {})]
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            reset(latency_ms=scenario["latency_ms"])
            rows[name].append(
                simworld(made, scenario, out) if name == "simworld" else floor(options.floors, name, scenario)
            )  # fmt: skip
    print(f"\nscenario {key}: {scenario}")
    for name in names:
        medians = {what: statistics.median(row[what] for row in rows[name]) for what in rows[name][0]}
        ideal = scenario["latency_ms"] * scenario["turns"] / 1000 * scenario["dialogues"] / scenario["jobs"]
        ratio = f", wall / ideal {medians['wall_s'] / ideal:.2f}" if ideal else ""
        print(f"  {name:12} {', '.join(f'{what} {value:.2f}' for what, value in medians.items())}{ratio}")


if __name__ == "__main__":
    main()
