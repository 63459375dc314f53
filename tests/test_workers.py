"""Several workers play one run: blocks are handed out as they finish, and a dead worker's are taken over."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from simworld.corpus.folder import open_folder
from simworld.errors import Refused, RunStopped
from simworld.simulate.crew import DEATHS, Crew, Died, Event
from simworld.simulate.run import play_many
from simworld.simulate.units import BLOCK, Pool, Units, ranges, told
from simworld.simulate.worker import Orders
from tests.benchmarks.kills import children, journal_keys
from tests.llm_server import serve
from tests.runs import COMMAND, bytes_of, simworld, transcripts, two_scenes, until

FACTS = {
    "status": "complete", "reason": "max_turns", "detail": "", "scene": "desk", "turns": 1, "closes": True,
    "backends": ["improv"], "usage": [],
}  # fmt: skip


# --- units and the pool --------------------------------------------------------------------------------------------


def test_units_know_their_indices() -> None:
    units = Units(iter([range(3), range(3, 4), range(4, 9)]))
    assert len(units) == 3
    assert [units.span(unit) for unit in range(3)] == [range(3), range(3, 4), range(4, 9)]
    assert [units.at(index) for index in range(9)] == [0, 0, 0, 1, 2, 2, 2, 2, 2]
    assert units.runs(lambda span: len(span) > 1) == [range(1), range(2, 3)]
    assert units.runs(lambda span: True) == [range(3)]


def test_numbers_are_told_in_ranges() -> None:
    assert ranges([1, 2, 3, 7, 9, 10]) == [range(1, 4), range(7, 8), range(9, 11)]
    assert told([3, 10, 11, 12]) == "3, 10 to 12"


@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("most", [1, 4, BLOCK])
def test_a_pool_hands_out_each_unit_once_in_order_and_ends_in_small_blocks(workers: int, most: int) -> None:
    pool = Pool([range(35), range(40, 41), range(50, 93)], workers)
    blocks: list[range] = []
    while pool.left:
        blocks.append(pool.take(most))
    assert [unit for block in blocks for unit in block] == [*range(35), 40, *range(50, 93)]
    assert max(map(len, blocks)) == min(most, 79 // (2 * workers))
    assert {len(block) for block in blocks[-2 * workers :]} == {1}


# --- the crew, with workers that are made of orders and events -----------------------------------------------------


class Fake:
    """A worker that does at each step what its script says: plays the next unit, tells an event, dies or ends."""

    def __init__(self, number: int, script: Callable[[Fake], AsyncIterator[Event]]) -> None:
        self.number = number
        self.orders: list[Mapping[str, Any]] = []
        self.units: list[int] = []
        self.news = asyncio.Event()
        self.ended = self.stopped = False
        self._script = script

    def send(self, order: Mapping[str, Any]) -> None:
        assert not (self.ended and "units" in order), "units after the end"
        self.orders.append(order)
        self.units += range(*order.get("units", (0, 0)))
        self.ended = self.ended or "end" in order
        self.news.set()

    def events(self) -> AsyncIterator[Event]:
        return self._script(self)

    async def stop(self) -> None:
        self.stopped = True

    async def next(self) -> int | None:
        """The next unit it was ordered to play; None when there will be no more."""
        while not self.units:
            if self.ended:
                return None
            self.news.clear()
            await self.news.wait()
        return self.units.pop(0)


async def diligent(worker: Fake) -> AsyncIterator[Event]:
    while (unit := await worker.next()) is not None:
        yield {"event": "done", "index": unit, "facts": FACTS}
        await asyncio.sleep(0)


def play(
    folder: Path, n: int, *scripts: Callable[[Fake], AsyncIterator[Event]], workers: int = 1, jobs: int = 4,
    **options: Any,
) -> tuple[list[Event], list[Fake]]:  # fmt: skip
    """Play n units; the workers that are hired follow these scripts in turn, and the last one ever after."""
    hired: list[Fake] = []
    events: list[Event] = []

    async def hire(number: int) -> Fake:
        hired.append(Fake(number, scripts[min(len(hired), len(scripts) - 1)]))
        return hired[-1]

    async def main() -> None:
        with open_folder(folder, {}) as held:
            units = Units(range(at, at + 1) for at in range(n))
            pool = Pool([range(n)], workers)
            crew = Crew(held, units, pool, hire=hire, workers=workers, jobs=jobs, note=events.append, **options)
            await asyncio.wait_for(crew.play(), 20)

    try:
        asyncio.run(main())
    except BaseException as error:
        error.events, error.hired = events, hired  # type: ignore[attr-defined]
        raise
    return events, hired


def done(events: list[Event]) -> list[int]:
    return sorted(event["index"] for event in events if event["event"] == "done")


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("n", [1, 4, 130])
def test_every_unit_is_played_once_and_every_worker_is_told_the_end(workers: int, n: int, tmp_path: Path) -> None:
    events, hired = play(tmp_path / "out", n, diligent, workers=workers)
    assert done(events) == [*range(n)]
    assert len(hired) == min(workers, n)
    assert all(worker.ended for worker in hired)


def test_few_dialogues_are_shared_out_evenly(tmp_path: Path) -> None:
    _, hired = play(tmp_path / "out", 12, diligent, workers=3, jobs=64)
    shares = [sum(len(range(*order["units"])) for order in worker.orders if "units" in order) for worker in hired]
    assert shares == [4, 4, 4]


def test_a_slow_worker_does_not_hold_the_end(tmp_path: Path) -> None:
    """While one worker is at its first dialogues, the others play all but what it has been given."""
    jobs, n, rest = 2, 100, asyncio.Event()

    async def slow(worker: Fake) -> AsyncIterator[Event]:
        await rest.wait()
        async for event in diligent(worker):
            yield event

    async def quick(worker: Fake) -> AsyncIterator[Event]:
        async for event in diligent(worker):
            yield event
        rest.set()

    events, hired = play(tmp_path / "out", n, slow, quick, workers=2, jobs=jobs)
    assert done(events) == [*range(n)]
    late = [range(*order["units"]) for order in hired[0].orders if "units" in order]
    assert sum(map(len, late)) <= 2 * jobs


def test_a_dead_workers_units_go_to_a_new_one_under_its_number(tmp_path: Path) -> None:
    async def dies(worker: Fake) -> AsyncIterator[Event]:
        for _ in range(3):
            yield {"event": "done", "index": await worker.next(), "facts": FACTS}
        raise Died("killed by SIGKILL")

    events, hired = play(tmp_path / "out", 50, dies, diligent)
    assert done(events) == [*range(50)]
    assert [worker.number for worker in hired] == [0, 0]
    assert hired[1].orders[0]["units"][0] == 3
    [log] = [event for event in events if event["event"] == "log"]
    assert log["what"] == "worker_died"
    assert log["facts"] == {"worker": 0, "how": "killed by SIGKILL", "dialogues_in_flight": 4}


def test_what_a_dead_worker_kept_and_did_not_tell_is_not_played_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    [one, two] = asyncio.run(_two())

    async def dies(worker: Fake) -> AsyncIterator[Event]:
        from simworld.corpus.folder import Folder

        own = Folder(out, worker=worker.number)
        own.keep([one])
        own.keep([two])
        own.close()
        path = out / "journal" / "00000-0.done"
        path.write_bytes(path.read_bytes()[:-5])  # torn while the second was written
        yield {"event": "note"}
        raise Died("exit status 1")

    events, hired = play(out, 3, dies, diligent)
    assert done(events) == [0, 1, 2]
    assert hired[1].orders[0] == {"units": [1, 3]}
    [facts] = [event["facts"] for event in events if event["event"] == "done" and event["index"] == 0]
    assert facts["turns"] == len(one.turns)


async def _two() -> list[Any]:
    found = {told.index: told async for told in play_many("lost_luggage", n=2)}
    return [found[0], found[1]]


def test_chapters_that_were_told_are_not_told_again(tmp_path: Path) -> None:
    half = {**FACTS, "closes": False}

    async def dies(worker: Fake) -> AsyncIterator[Event]:
        yield {"event": "done", "index": await worker.next(), "facts": half}
        raise Died("exit status 1")

    events, _ = play(tmp_path / "out", 1, dies, diligent)
    assert [event["facts"] for event in events if event["event"] == "done"] == [half]


def test_a_dialogue_that_kills_its_worker_again_and_again_stops_the_run(tmp_path: Path) -> None:
    async def dies_at_seven(worker: Fake) -> AsyncIterator[Event]:
        while (unit := await worker.next()) is not None:
            if unit == 7:
                raise Died("killed by SIGSEGV")
            yield {"event": "done", "index": unit, "facts": FACTS}

    with pytest.raises(RunStopped, match=rf"died {DEATHS} times \(killed by SIGSEGV\).*in flight: 7; ") as caught:
        play(tmp_path / "out", 40, dies_at_seven, jobs=1)
    assert done(caught.value.events) == [*range(7)]  # type: ignore[attr-defined]
    assert len(caught.value.hired) == DEATHS  # type: ignore[attr-defined]


def test_deaths_of_different_dialogues_do_not_add_up(tmp_path: Path) -> None:
    async def plays_one(worker: Fake) -> AsyncIterator[Event]:
        unit = await worker.next()
        if unit is not None:
            yield {"event": "done", "index": unit, "facts": FACTS}
            if unit < 9:
                raise Died("killed by SIGKILL")

    events, hired = play(tmp_path / "out", 10, plays_one, jobs=1)
    assert done(events) == [*range(10)]
    assert len(hired) == 10


def test_a_worker_that_dies_when_all_is_done_is_not_replaced(tmp_path: Path) -> None:
    async def dies_late(worker: Fake) -> AsyncIterator[Event]:
        async for event in diligent(worker):
            yield event
        raise Died("killed by SIGSEGV")

    events, hired = play(tmp_path / "out", 20, dies_late)
    assert done(events) == [*range(20)]
    assert len(hired) == 1


def test_an_error_that_a_worker_tells_ends_the_run(tmp_path: Path) -> None:
    async def refused(worker: Fake) -> AsyncIterator[Event]:
        await worker.next()
        yield {"event": "error", "kind": "Refused", "message": "no such key"}

    with pytest.raises(Refused, match="no such key") as caught:
        play(tmp_path / "out", 20, refused, diligent, workers=2)
    assert caught.value.hired[0].stopped  # type: ignore[attr-defined]


def test_a_worker_may_end_before_its_units_are_played(tmp_path: Path) -> None:
    """As where a budget is spent: nobody is hired for the rest."""

    async def enough(worker: Fake) -> AsyncIterator[Event]:
        yield {"event": "done", "index": await worker.next(), "facts": FACTS}

    events, hired = play(tmp_path / "out", 20, enough)
    assert done(events) == [0]
    assert len(hired) == 1


def test_events_are_answered_by_their_name(tmp_path: Path) -> None:
    async def asks(worker: Fake) -> AsyncIterator[Event]:
        yield {"event": "want", "amount": 3}
        yield {"event": "thanks"}
        async for event in diligent(worker):
            yield event

    answers = {"want": lambda event: {"grant": 2 * event["amount"]}, "thanks": lambda event: None}
    events, [worker] = play(tmp_path / "out", 2, asks, answers=answers)
    assert {"grant": 6} in worker.orders
    assert not [event for event in events if event["event"] in answers]


def test_the_workers_alive_are_told(tmp_path: Path) -> None:
    events, _ = play(tmp_path / "out", 30, diligent, workers=3)
    assert [event["alive"] for event in events if event["event"] == "workers"] == [1, 2, 3]


# --- a worker's orders ---------------------------------------------------------------------------------------------


def test_orders_are_units_of_the_plan_whoever_waits_for_them() -> None:
    class Item:
        def __init__(self, unit: int) -> None:
            self.unit = unit

    async def main() -> list[int]:
        orders, found = Orders(), list[int]()
        orders.draw_from(iter(map(Item, range(1000))))  # type: ignore[arg-type]

        async def taker() -> None:
            async for item in orders:
                found.append(item.unit)

        takers = [asyncio.create_task(taker()) for _ in range(5)]
        for first, stop in ((3, 5), (200, 203), (990, 991)):
            orders.take({"units": [first, stop]})
            await asyncio.sleep(0.001)
        orders.take({"end": True})
        await asyncio.wait_for(asyncio.gather(*takers), 5)
        orders.take({"units": [4, 5]})
        with pytest.raises(RunStopped, match="out of turn"):
            await anext(orders)
        return found

    assert asyncio.run(main()) == [3, 4, 200, 201, 202, 990]


# --- real processes ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_scenes(tmp_path_factory.mktemp("pack") / "two")


def test_a_worker_that_is_killed_is_told_and_replaced(pack: Path, tmp_path: Path) -> None:
    """Replies carry serial numbers: a call asked twice would not be the journal's."""
    out = tmp_path / "out"
    with serve(serial=True, latency=0.02) as server:
        run = ["run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", 60, "--out", out, "--jobs", 4]
        with subprocess.Popen(
            [*COMMAND, *map(str, run), "--workers", "2"], stderr=subprocess.PIPE, text=True
        ) as process:
            until(lambda: server.count > 80 and len(children(process.pid)) == 2, 60)
            os.kill(children(process.pid)[0], signal.SIGKILL)
            _, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        asked = server.count
        assert asked - len(journal_keys(out)) <= 4
        before = bytes_of(out)
        simworld(*run, "--replay")
        assert server.count == asked
    assert "died (killed by SIGKILL)" in stderr
    assert "Traceback" not in stderr
    log = [json.loads(line) for line in (out / "run.log.jsonl").read_text().splitlines()]
    assert [row["how"] for row in log if row["event"] == "worker_died"] == ["killed by SIGKILL"]
    assert bytes_of(out) == before
    rows = transcripts(out)
    assert [row["index"] for row in rows] == [*range(60)]
    assert {row["status"] for row in rows} == {"complete"}
    assert len(journal_keys(out)) == len({*journal_keys(out)})


def test_a_dialogue_that_kills_every_worker_is_named(pack: Path, tmp_path: Path) -> None:
    out, run = tmp_path / "out", list[subprocess.Popen[str]]()

    def reply(body: dict[str, Any]) -> str:
        """Whoever asks for Tom's first line does not live to hear it."""
        if len(body["messages"]) == 2 and "You are Tom Bell" in str(body["messages"][0]):
            for child in children(run[0].pid):
                os.kill(child, signal.SIGKILL)
        return "Well."

    with serve(reply=reply) as server:
        told = ["run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", 30, "--out", out]
        run.append(
            subprocess.Popen(
                [*COMMAND, *map(str, told), "--workers", "2", "--jobs", "1"], stderr=subprocess.PIPE, text=True
            )
        )
        _, stderr = run[0].communicate(timeout=120)
    assert run[0].returncode == 1
    assert f"died {DEATHS} times (killed by SIGKILL) while these dialogues were in flight: " in stderr
    assert "Traceback" not in stderr
    assert json.loads((out / "manifest.json").read_text())["status"] == "incomplete"


def test_workers_end_when_their_parent_is_killed(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with serve(latency=0.05) as server:
        run = ["run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", 200, "--out", out]
        with subprocess.Popen([*COMMAND, *map(str, run), "--workers", "2"], stderr=subprocess.DEVNULL) as process:
            until(lambda: server.count > 20, 60)
            workers = children(process.pid)
            assert len(workers) == 2
            process.kill()
            process.wait()
        until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), 20)


def test_a_worker_that_finds_another_pack_than_the_run_began_with_says_so(pack: Path, tmp_path: Path) -> None:
    from simworld.simulate.share import RunSettings

    out = tmp_path / "out"
    with open_folder(out, {}):
        settings = RunSettings(scenes=(str(pack),), out=str(out)).model_dump(mode="json")
        begin = json.dumps({"settings": settings, "worker": 0, "identity": {"seed": 7}})
        done = subprocess.run(
            [sys.executable, "-m", "simworld.simulate.worker"], input=begin + "\n", capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    event = json.loads(done.stdout)
    assert (event["event"], event["kind"]) == ("error", "RunStopped")
    assert "edited while the run was on" in event["message"]
