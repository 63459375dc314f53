"""The gate before a server: how many calls at once, how fast, and the wait while it is down."""

from __future__ import annotations

import asyncio
import logging
import math
import time

import pytest

from simworld.backends import gate as gates
from simworld.backends import pace as paces
from simworld.backends.gate import IN_A_ROW, Gate, Ticket
from simworld.backends.pace import Pace
from simworld.backends.retry import Passing, Patience
from simworld.errors import BackendError, RunStopped

BUSY = Passing("HTTP 429", busy=True)
DOWN = Passing("connection dropped", down=True, billed=True)
UNREACHED = Passing("cannot connect (connection refused)", down=True, unreached=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "FIRST_PROBE", 0.02)
    monkeypatch.setattr(gates, "LAST_PROBE", 0.08)


def make(wait: float = 60.0, **more: bool) -> Gate:
    return Gate("openai:mock", Patience(wait=wait, **more))


async def enter(gate: Gate, count: int) -> list[Ticket]:
    return [await gate.enter(1) for _ in range(count)]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_nothing_is_bounded_before_the_first_429_then_half_as_many_are_let_in() -> None:
    async def run() -> None:
        gate = make()
        tickets = await enter(gate, 40)
        assert gate.window == math.inf
        gate.leave(tickets.pop(), BUSY)
        assert gate.window == 20
        waiting = asyncio.create_task(gate.enter(1))
        while gate.in_flight > 20:
            await settle()
            assert not waiting.done()
            gate.leave(tickets.pop(), Passing("HTTP 500"))
        gate.leave(tickets.pop(), Passing("HTTP 500"))
        await asyncio.wait_for(waiting, 1)
        assert gate.in_flight == 20

    asyncio.run(run())


def test_refusals_of_one_burst_halve_once() -> None:
    async def run() -> None:
        gate = make()
        tickets = await enter(gate, 32)
        for ticket in tickets[:6]:
            gate.leave(ticket, BUSY)
        assert gate.window == 16
        later = Ticket(gate._epoch, gate.answers)
        gate.in_flight += 1
        gate.leave(later, BUSY)
        assert gate.window == 8

    asyncio.run(run())


def test_one_more_is_let_in_for_each_round_of_answers() -> None:
    async def run() -> None:
        gate = make()
        tickets = await enter(gate, 16)
        gate.leave(tickets.pop(), BUSY)
        assert gate.window == 8
        for _ in range(8):
            gate.in_flight += 1
            gate.leave(Ticket(gate._epoch, gate.answers), None)
        assert 8.9 < gate.window < 9.1

    asyncio.run(run())


def test_a_server_that_is_down_is_tried_by_one_while_all_wait(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        gate = make()
        gate.leave(await gate.enter(1), None)
        for ticket in await enter(gate, IN_A_ROW):
            gate.leave(ticket, DOWN)
        waiting = [asyncio.create_task(gate.enter(1)) for _ in range(10)]
        for again in range(2):
            await asyncio.sleep(0.1)
            let_in = [task for task in waiting if task.done()]
            assert len(let_in) == 1
            waiting.remove(let_in[0])
            ticket = let_in[0].result()
            assert ticket.probe
            gate.leave(ticket, DOWN if not again else None)
        tickets = await asyncio.wait_for(asyncio.gather(*waiting), 1)
        assert not any(ticket.probe for ticket in tickets)

    with caplog.at_level(logging.WARNING, "simworld.backends"):
        asyncio.run(run())
    told = [record.getMessage() for record in caplog.records]
    assert told[0] == f"openai:mock: connection dropped, and no answer to {IN_A_ROW} tries; waiting for it (up to 60 s)"
    assert told[1].startswith("openai:mock: still connection dropped after 0 s; next look in 0 s")
    assert told[2].startswith("openai:mock: answers again")


def test_whoever_tries_and_is_cancelled_leaves_it_to_the_next() -> None:
    async def run() -> None:
        gate = make()
        gate.leave(await gate.enter(1), None)
        for ticket in await enter(gate, IN_A_ROW):
            gate.leave(ticket, DOWN)
        first, second = (asyncio.create_task(gate.enter(1)) for _ in range(2))
        await settle()
        first.cancel()
        await settle()
        ticket = await asyncio.wait_for(second, 1)
        assert ticket.probe
        third = asyncio.create_task(gate.enter(1))
        await settle()
        gate.abandon(ticket)
        assert (await asyncio.wait_for(third, 1)).probe

    asyncio.run(run())


def test_the_run_stops_where_a_server_stays_down() -> None:
    async def run() -> None:
        gate = make(wait=0.1)
        gate.leave(await gate.enter(1), None)
        for ticket in await enter(gate, IN_A_ROW):
            gate.leave(ticket, DOWN)
        while True:
            gate.leave(await gate.enter(1), DOWN)

    with pytest.raises(RunStopped, match=r"openai:mock: has not answered for .*--wait"):
        asyncio.run(asyncio.wait_for(run(), 5))


def test_where_another_backend_stands_by_nobody_waits() -> None:
    async def run() -> None:
        gate = make(yields=True)
        gate.leave(await gate.enter(1), None)
        for ticket in await enter(gate, IN_A_ROW):
            gate.leave(ticket, DOWN)
        began = time.monotonic()
        with pytest.raises(BackendError, match="is down"):
            await gate.enter(1)
        assert time.monotonic() - began < 0.02
        await asyncio.sleep(0.03)
        assert (await gate.enter(1)).probe

    asyncio.run(run())


def test_answers_between_say_that_a_server_is_not_down() -> None:
    async def run() -> None:
        gate = make()
        for _ in range(3 * IN_A_ROW):
            for fault in (DOWN, None, DOWN, BackendError("HTTP 400"), DOWN, DOWN, DOWN):
                gate.leave(await asyncio.wait_for(gate.enter(1), 1), fault)

    asyncio.run(run())


def test_whose_a_fault_is() -> None:
    async def run() -> None:
        gate = make()
        ticket = await gate.enter(1)
        assert gate.blames(UNREACHED, ticket)  # an address at which nobody ever answered is wrong
        gate.leave(ticket, None)
        ticket = await gate.enter(1)
        assert not gate.blames(UNREACHED, ticket)
        assert not gate.blames(DOWN, ticket)
        assert not gate.blames(BUSY, ticket)
        assert gate.blames(Passing("HTTP 500"), ticket)
        gate.leave(await gate.enter(1), None)  # another call was answered meanwhile
        assert gate.blames(DOWN, ticket)
        assert not gate.blames(BUSY, ticket)
        impatient = make(wait=0)
        assert impatient.blames(BUSY, await impatient.enter(1))

    asyncio.run(run())


def test_a_place_in_the_queue_that_is_given_up_goes_to_the_next() -> None:
    async def run() -> None:
        gate = make()
        one, two = await enter(gate, 2)
        gate.leave(one, BUSY)
        assert gate.window == 1
        first, second = (asyncio.create_task(gate.enter(1)) for _ in range(2))
        await settle()
        gate.leave(two, None)
        first.cancel()
        await asyncio.wait_for(second, 1)
        assert gate.in_flight == 1

    asyncio.run(run())


def test_whoever_waited_for_a_place_waits_again_where_the_gate_has_shut_meanwhile() -> None:
    async def run() -> None:
        gate = make()
        gate.leave(await gate.enter(1), None)
        tickets = await enter(gate, IN_A_ROW + 1)
        gate.leave(tickets.pop(), BUSY)
        waiting = [asyncio.create_task(gate.enter(1)) for _ in range(5)]
        await settle()
        for ticket in tickets:
            gate.leave(ticket, DOWN)
        await settle()
        assert not any(task.done() for task in waiting)  # also for those whose turn it was
        await asyncio.sleep(0.1)
        assert sum(task.done() for task in waiting) == 1
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(run())


def test_requests_and_tokens_a_minute_are_never_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paces, "MINUTE", 0.2)

    async def run(rpm: int | None, tpm: int | None) -> list[float]:
        pace = Pace("openai:mock", rpm, tpm)
        times: list[float] = []

        async def one() -> None:
            await pace.take(10)
            times.append(time.monotonic())

        await asyncio.gather(*(one() for _ in range(12)))
        return times

    for limits in ((5, None), (None, 50), (5, 1000), (100, 59)):
        times = asyncio.run(run(*limits))
        for at, moment in enumerate(times):
            assert sum(moment <= other < moment + 0.19 for other in times[at:]) <= 5, limits


def test_what_was_counted_too_much_is_given_back() -> None:
    async def run() -> None:
        pace = Pace("openai:mock", None, 100)
        pace.correct(await pace.take(90), 10)
        await asyncio.wait_for(pace.take(90), 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pace.take(1), 0.05)
        with pytest.raises(BackendError, match=r"101 tokens passes the 100 a minute of --tpm"):
            await pace.take(101)

    asyncio.run(run())
