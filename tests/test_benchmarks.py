"""The benchmark measures what it says: every contestant plays its load, and a goal that is missed is called so."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.contestants import Contestant, Load, Played, contestants, floor
from tests.benchmarks.engine import beside, found_on_network, network
from tests.benchmarks.goals import Finding, number, table
from tests.benchmarks.process import Ran, Server, run, serving
from tests.benchmarks.scene import pack

TINY = Load("tiny", 3, 2, 2, 0.02)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def test_every_contestant_plays_its_load(server: Server, tmp_path: Path) -> None:
    who = contestants(pack(tmp_path / "pack"), None)
    played = network(TINY, who, server, tmp_path, 1)
    assert list(played) == ["simworld", "bare socket", "bare aiohttp", "naive LangGraph on aiohttp"]
    for one in who:
        (came,) = played[one.name]
        assert came.wall_s >= TINY.ideal
        assert came.turns_per_s == pytest.approx(6 / came.wall_s)
        assert came.whole_cpu_ms > came.cpu_ms
        assert came.peak_mb > 5
    told = beside(TINY, played).splitlines()
    assert len(told) == 4 + len(who)
    assert told[5].startswith("| bare socket |")
    assert told[5].endswith("| 1.0 |")


def test_a_contestant_that_plays_less_than_its_load_is_found_out(server: Server, tmp_path: Path) -> None:
    lazy = floor("lazy", ["-c", "print('{}')"])
    with pytest.raises(RuntimeError, match="lazy asked 0 times, and not 6"):
        lazy.play(TINY, server, tmp_path)


def test_a_start_that_is_measured_apart_is_taken_off(server: Server, tmp_path: Path) -> None:
    seen: list[float] = []

    def read(ran: Ran, load: Load, start: float) -> Played:
        seen.append(start)
        return Played(1, 1, 1, 1, 1)

    command = [sys.executable, "-m", "tests.benchmarks.floors", "socket"]
    size = ["-D", TINY.dialogues, "-T", TINY.turns, "-C", TINY.jobs]
    one = Contestant("x", lambda load, at, out: [*command, "--base-url", at.url, *size], read, starts_apart=True)
    one.play(TINY, server, tmp_path)
    assert seen[0] > 0


def test_a_process_is_measured_with_its_children_and_its_failure_is_told() -> None:
    burn = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])"
    assert run([sys.executable, "-c", burn]).cpu_s > run([sys.executable, "-c", "pass"]).cpu_s + 0.05
    with pytest.raises(RuntimeError, match="exit 3"):
        run([sys.executable, "-c", "raise SystemExit(3)"])


@pytest.mark.parametrize(
    ("values", "goal", "row"),
    [
        ((1.0, 1.1, 3.0), {"at_most": 1.2}, "| x | at most 1.2 ms | 1.1 ms | 1 .. 3 | yes |"),
        ((1.0, 1.3, 3.0), {"at_most": 1.2}, "| x | at most 1.2 ms | 1.3 ms | 1 .. 3 | **no** |"),
        ((9.0,), {"at_least": 1340, "stretch": 2}, "| x | at least 1,340 ms; stretch 2 | 9 ms | one run | **no** |"),
        ((0.04321, 0.05), {}, "| x |  | 0.0466 ms | 0.0432 .. 0.05 |  |"),
    ],
    ids=["reached", "missed", "missed from below", "no goal"],
)  # fmt: skip
def test_a_finding_stands_beside_its_goal(values: tuple[float, ...], goal: dict[str, float], row: str) -> None:
    assert Finding("x", "ms", values, **goal).row() == row
    assert table([Finding("x", "ms", values, **goal)]).splitlines()[-1] == row


def test_the_goals_are_those_of_simworlds_rounds() -> None:
    rounds = [Played(3.0, 700.0, 0.8, 1.4, 140.0)]
    a = found_on_network("a", TINY, rounds)
    assert [(one.median, one.is_reached) for one in a] == [(0.8, True), (700.0, False)]
    (b,) = found_on_network("b", Load("b", 200, 10, 200, 0.2), rounds)
    assert (b.median, b.is_reached) == (1.5, True)
    assert [one.is_reached for one in found_on_network("c", TINY, rounds)] == [False, None]


def test_numbers_have_three_digits_that_matter() -> None:
    assert [number(one) for one in (0.09234, 1.2549, 71.04, 1340.4, 0.0)] == ["0.0923", "1.25", "71", "1,340", "0"]


def test_the_early_and_the_late_act_are_timed() -> None:
    told = json.loads(run([sys.executable, "-m", "tests.benchmarks.steps", "--dialogues", "1"]).said)
    assert told["late_ms"] > 0 < told["early_ms"]
    early, late = told["prompts"]
    assert early < late < 8192
