"""SIGKILL at random moments, then the same command again: nothing lost, nothing doubled, no journaled call asked again.

    python -m tests.benchmarks.kills --moments 50 [--seed 0]

Each scene kills one command (a run, a worker process of one, an export, an import) and compares what the same command
makes afterwards with what it makes undisturbed. `tests/test_kills.py` plays a few of these moments.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from simworld.agents.character import call_seed
from tests.llm_server import Server, serve
from tests.runs import COMMAND, bytes_of, simworld, transcripts, two_scenes, until

N, JOBS, LATENCY = 40, 6, 0.02
IMPORTED = 12_000
"""Conversations of the file that is imported, and whose corpus is exported."""

Process = subprocess.Popen[bytes]
Journaled = set[tuple[str, str, int]]
"""Dialogue, seat, call."""


@dataclass
class Ground:
    """Where kills are played: a pack, a server, and what each command makes undisturbed."""

    root: Path
    server: Server
    pack: Path
    made: dict[str, Any] = field(default_factory=dict)
    places: int = 0

    def place(self, name: str) -> Path:
        """A path where nothing is."""
        self.places += 1
        return self.root / f"{name}{self.places}"

    def run(self, out: Path, workers: int) -> list[object]:
        """The command that plays with the server."""
        return [
            "run", self.pack, "--backend", "openai:mock", "--base-url", self.server.url, "-n", N, "--out", out,
            "--jobs", JOBS, "--workers", workers,
        ]  # fmt: skip

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` makes; made once."""
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]


@contextmanager
def ground(root: Path) -> Generator[Ground]:
    """A ground whose server answers by what it is asked, so that a run has one outcome."""
    with serve(latency=LATENCY) as server:
        yield Ground(root, server, two_scenes(root / "pack"))


# --- a run ---------------------------------------------------------------------------------------------------------


def kill_run(at: Ground, chance: Random, *, workers: int, kills: int = 1) -> None:
    """Kill the process that was started; then the same command again."""
    whole, calls = at.once("run", lambda: _undisturbed(at))
    out, begun = at.place("run"), len(at.server.requests)
    moments: list[tuple[int, Journaled]] = []
    for _ in range(kills):
        reached = len(at.server.requests) + chance.randrange(calls)
        with started(*at.run(out, workers)) as run:
            wait(lambda reached=reached: len(at.server.requests) >= reached, run)
            time.sleep(chance.random() * 0.05)
            workers_of = children(run.pid)
            run.kill()
            run.wait()
        until(lambda workers_of=workers_of: not any(is_there(pid) for pid in workers_of))
        moments.append((len(at.server.requests), journaled(out)))
    simworld(*at.run(out, workers))
    _check(at, out, begun, moments, whole, calls, lost=kills * JOBS * workers)


def kill_worker(at: Ground, chance: Random, *, kills: int = 1) -> None:
    """Kill worker processes while their run goes on: it ends by itself, as if nothing had happened."""
    whole, calls = at.once("run", lambda: _undisturbed(at))
    out, begun = at.place("worker"), len(at.server.requests)
    moments: list[tuple[int, Journaled]] = []
    with started(*at.run(out, 2)) as run:
        for _ in range(kills):
            reached = len(at.server.requests) + chance.randrange(calls // kills)
            wait(lambda reached=reached: len(at.server.requests) >= reached and children(run.pid), run)
            time.sleep(chance.random() * 0.05)
            if there := children(run.pid):
                victim = chance.choice(there)
                os.kill(victim, signal.SIGKILL)
                until(lambda victim=victim: not is_there(victim))
                moments.append((len(at.server.requests), journaled(out)))
        assert run.wait(timeout=120) == 0
    died = (out / "run.log.jsonl").read_text().count("worker_died")
    assert died <= len(moments)
    _check(at, out, begun, moments, whole, calls, lost=len(moments) * JOBS)


def kill_improv(at: Ground, chance: Random, *, workers: int) -> None:
    """Kill a run that asks nobody: at any time of it."""
    out, whole_out = at.place("improv"), at.root / "improv"
    run = ["run", at.pack, "-n", 300, "--workers", workers, "--out"]

    def undisturbed() -> tuple[dict[str, bytes], float]:
        began = time.monotonic()
        simworld(*run, whole_out)
        return bytes_of(whole_out), time.monotonic() - began

    whole, seconds = at.once(f"improv{workers}", undisturbed)
    with started(*run, out) as process:
        time.sleep(seconds * (0.2 + 0.8 * chance.random()))
        workers_of = children(process.pid)
        process.kill()
        process.wait()
    until(lambda: not any(is_there(pid) for pid in workers_of))
    simworld(*run, out)
    assert bytes_of(out) == whole


def _undisturbed(at: Ground) -> tuple[dict[str, bytes], int]:
    """The run's bytes, and how many calls it takes."""
    out, begun = at.root / "whole", len(at.server.requests)
    simworld(*at.run(out, 1))
    return bytes_of(out), len(at.server.requests) - begun


def _check(
    at: Ground, out: Path, begun: int, moments: list[tuple[int, Journaled]], whole: dict[str, bytes], calls: int,
    *, lost: int,
) -> None:  # fmt: skip
    """Against the undisturbed run, and against what was journaled at each kill."""
    assert bytes_of(out) == whole
    seed_of: dict[Any, Any] = {row["id"]: row["seed"] for row in transcripts(out)}
    for since, kept in moments:
        answered = {call_seed(seed_of[dialogue], seat, call) for dialogue, seat, call in kept}
        assert not answered & {request["body"]["seed"] for request in at.server.requests[since:]}
    rows = Counter(journal_keys(out))
    assert rows.total() == len(rows) == calls
    # what was in flight at a kill has been answered to nobody and is asked again; nothing else is
    assert calls <= len(at.server.requests) - begun <= calls + lost


def journal_keys(out: Path) -> list[tuple[str, str, int]]:
    """The calls whose replies are journaled; torn lines are none."""
    found: list[tuple[str, str, int]] = []
    for path in sorted((out / "journal").glob("*.jsonl")) if out.is_dir() else []:
        *lines, _torn = path.read_bytes().split(b"\n")
        found += [(row["d"], row["s"], row["c"]) for row in map(json.loads, lines)]
    return found


def journaled(out: Path) -> Journaled:
    """The same, each once."""
    return {*journal_keys(out)}


# --- export and import ---------------------------------------------------------------------------------------------


def kill_export(at: Ground, chance: Random, *, suffix: str = ".jsonl") -> None:
    """Kill an export while it writes: the old file stands until the new one is whole."""
    corpus = at.once("corpus", lambda: _import(at, at.root / "imported") / "corpus")
    out = at.place("rows")
    out.mkdir()
    file = out / f"rows{suffix}"
    old = chance.choice([None, b"the old rows\n"])
    if old is not None:
        file.write_bytes(old)
    export = ["export", corpus, "--speaker", "each", "--out"]

    def undisturbed() -> tuple[bytes, float]:
        whole = at.root / f"whole{suffix}"
        with started(*export, whole) as process:
            wait(lambda: [*at.root.glob(f"whole{suffix}.*.half")], process)
            began = time.monotonic()
            assert process.wait() == 0
        return whole.read_bytes(), time.monotonic() - began

    whole, seconds = at.once(f"export{suffix}", undisturbed)
    with started(*export, file) as process:
        wait(lambda: [*out.glob("*.half")], process)
        time.sleep(seconds * chance.random())
        process.kill()
        process.wait()
    assert (file.read_bytes() if file.exists() else None) in (old, whole)
    simworld(*export, file)
    assert file.read_bytes() == whole
    assert [path.name for path in out.iterdir()] == [file.name]


def kill_import(at: Ground, chance: Random) -> None:
    """Kill an import: there is a corpus only where it is whole, and the same command makes it."""
    out = at.place("import")

    def undisturbed() -> tuple[dict[str, bytes], float]:
        with started(*_importing(at), at.root / "tree") as process:
            wait((at.root / "tree").is_dir, process)
            began = time.monotonic()
            assert process.wait() == 0
        return tree(at.root / "tree"), time.monotonic() - began

    whole, seconds = at.once("import", undisturbed)
    with started(*_importing(at), out) as process:
        wait(out.is_dir, process)
        time.sleep(seconds * 1.1 * chance.random())
        process.kill()
        process.wait()
    if (out / "corpus").exists():
        assert {name: data for name, data in tree(out).items() if not name.startswith(".import")} == whole
    if not (out / "corpus").exists() or [*out.glob(".import*")]:
        simworld(*_importing(at), out)
    assert tree(out) == whole


def _importing(at: Ground) -> list[object]:
    source = at.root / "source.jsonl"
    if not source.exists():
        rows = [
            {"conversations": [{"from": "human", "value": f"Question {n}?"}, {"from": "gpt", "value": "Yes."}]}
            for n in range(IMPORTED)
        ]  # fmt: skip
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ["import", "sharegpt", source, "--out"]


def _import(at: Ground, out: Path) -> Path:
    simworld(*_importing(at), out)
    return out


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# --- processes -----------------------------------------------------------------------------------------------------


@contextmanager
def started(*arguments: object) -> Generator[Process]:
    """A command of ours, running; ended if it is still there at the end."""
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait(condition: Callable[[], object], process: Process) -> None:
    """Until the condition holds, or the process has ended."""
    until(lambda: condition() or process.poll() is not None, 120)


def children(process: int) -> list[int]:
    """The worker processes of a run."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == process and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def is_there(process: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


SCENES: dict[str, Callable[[Ground, Random], None]] = {
    "run": lambda at, chance: kill_run(at, chance, workers=1),
    "run, 2 workers": lambda at, chance: kill_run(at, chance, workers=2),
    "a worker": kill_worker,
    "improv": lambda at, chance: kill_improv(at, chance, workers=1),
    "improv, 2 workers": lambda at, chance: kill_improv(at, chance, workers=2),
    "export": kill_export,
    "export to parquet": lambda at, chance: kill_export(at, chance, suffix=".parquet"),
    "import": kill_import,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scene", choices=SCENES)
    options = parser.parse_args()
    names = [options.scene] if options.scene else [*SCENES]
    with tempfile.TemporaryDirectory() as place, ground(Path(place)) as at:
        for moment in range(options.moments):
            name = names[moment % len(names)]
            began = time.monotonic()
            SCENES[name](at, Random(f"{options.seed}/{moment}"))
            print(f"{moment + 1:3} {name}: as undisturbed ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
