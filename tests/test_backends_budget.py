"""Budgets, prices, and the backends that are paid from them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from simworld.backends.budget import START, USD, Budget, Purse, read_budget
from simworld.backends.completion import Completion
from simworld.backends.meter import Metered
from simworld.backends.openai import OpenAIChat
from simworld.backends.prices import Price, as_of, price_of, read_prices
from simworld.backends.retry import Patience
from simworld.backends.scripted import ScriptedChat
from simworld.backends.standby import Standby
from simworld.backends.till import Till
from simworld.errors import BackendError, OutOfBudget, Refused, UsageError
from tests.llm_server import serve

HELLO = [{"role": "user", "content": "Good evening."}]


@pytest.mark.parametrize(
    ("text", "points", "unit"),
    [
        ("20usd", 20 * USD, "usd"), ("0.5 USD", USD // 2, "usd"), ("3$", 3 * USD, "usd"),
        ("5Mtok", 5e6, "tokens"), ("500ktok", 5e5, "tokens"),
        ("900tok", 900, "tokens"), ("2h", 7200, "seconds"), ("90min", 5400, "seconds"), ("30s", 30, "seconds"),
        ("1.5d", 129_600, "seconds"),
    ],
)  # fmt: skip
def test_an_amount_and_a_unit(text: str, points: int, unit: str) -> None:
    assert read_budget(text) == Budget(points, unit)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "20", "usd", "0usd", "-3usd", "3 eur", "1e9tok", "2h30", "0.1tok"])
def test_any_other_form_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"--budget '.*': write an amount over 0 and a unit, such as 20usd"):
        read_budget(text)


def test_prices_as_given_come_before_the_table_and_what_nobody_told_is_unknown() -> None:
    assert price_of("openai:gpt-4.1-mini", {}) == Price(0.4, 1.6)
    assert price_of("openai:gpt-4.1-mini-2025-04-14", {}) == Price(0.4, 1.6)
    assert price_of("anthropic:claude-sonnet-4-20250514", {}) == Price(3, 15)
    assert price_of("openai:gpt-4.1-mini", {}, elsewhere=True) is None
    assert price_of("openai:gpt-4.1-mini", {"*": (1, 2)}) == Price(1, 2)
    assert price_of("openai:mock", {"openai:mock": (3, 4), "*": (1, 2)}) == Price(3, 4)
    assert price_of("openai:mock", {}) is None
    for free in ("improv", "local:/models/a", "scripted:x.txt", "recorded:corpus"):
        assert price_of(free, {"*": (1, 2)}) == Price(0, 0)
    assert price_of("local:/models/a", {"local:/models/a": (0.1, 0.1)}) == Price(0.1, 0.1)
    assert as_of() >= "2025-01-01"
    assert Price(2, 8).cost(500_000, 250_000) == 3


def test_prices_on_the_command_line() -> None:
    assert read_prices(["0.4,1.6", "openai:big=2,8"]) == {"*": (0.4, 1.6), "openai:big": (2, 8)}
    for wrong in ("1", "1,2,3", "a,b", "-1,2", "big=1,2", "nan,1", "inf,1"):
        with pytest.raises(UsageError, match="write --price IN,OUT"):
            read_prices([wrong])


def test_a_purse_holds_back_and_waits_for_what_is_in_flight() -> None:
    async def run() -> None:
        purse = Purse(Budget(100, "tokens"))
        await purse.hold(60)
        second = asyncio.create_task(purse.hold(60))
        await asyncio.sleep(0)
        assert not second.done()  # the first may come to less
        purse.settle(60, 30)
        await asyncio.wait_for(second, 1)
        third = asyncio.create_task(purse.hold(60))
        await asyncio.sleep(0)
        purse.settle(60, 45)
        with pytest.raises(OutOfBudget):
            await asyncio.wait_for(third, 1)
        assert purse.spent == 75
        assert purse.ended
        await purse.hold(25)

    asyncio.run(run())


def test_a_share_asks_for_more_only_what_it_lacks() -> None:
    asked: list[int] = []

    async def more(lacking: int) -> int:
        asked.append(lacking)
        return 50 if len(asked) < 3 else 0

    async def run() -> None:
        purse = Purse(Budget(0, "tokens"), more=more)
        for _ in range(3):
            await purse.hold(30)
            purse.settle(30, 30)
        with pytest.raises(OutOfBudget):
            await purse.hold(30)
        assert asked == [30, 10, 20]

    asyncio.run(run())


def test_time_runs_out() -> None:
    async def run() -> None:
        purse = Purse(Budget(10, "seconds"), until=time.time() + 0.05)
        purse.note(0.01)
        assert await purse.admits(1000)
        purse.note(0.3)
        assert not await purse.admits(0)  # it would not be over in time
        await purse.hold(1)
        await asyncio.sleep(0.06)
        with pytest.raises(OutOfBudget):
            await purse.hold(1)

    asyncio.run(run())


def test_dialogues_are_begun_by_what_they_cost() -> None:
    async def run() -> None:
        purse = Purse(Budget(100, "tokens"))
        assert await purse.admits(START - 1)
        assert not await purse.admits(START)
        purse.note(20)
        assert await purse.admits(4)
        assert not await purse.admits(5)
        assert await purse.admits(0)
        await purse.hold(90)
        purse.settle(90, 90)
        assert not await purse.admits(0)

    asyncio.run(run())


class Model:
    """A backend that tells what it is told to tell."""

    spec, context_tokens = "openai:mock", 8192

    def __init__(self, replies: Sequence[Completion | Exception]) -> None:
        self._replies = list(replies)

    def count(self, text: str) -> int:
        return len(text)

    async def complete(self, *_: Any, **__: Any) -> Completion:
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def aclose(self) -> None:
        """Nothing to let go of."""


def metered(replies: Sequence[Completion | Exception], amount: int = 10**6) -> tuple[Metered, Purse]:
    purse = Purse(Budget(amount, "tokens"))
    return Metered(Model(replies), purse, None, reply_tokens=100), purse


def test_a_reply_is_paid_by_what_the_server_told() -> None:
    backend, purse = metered([Completion("Yes.", 7, 3)])
    reply = asyncio.run(backend.complete(HELLO))
    assert (purse.spent, purse.held) == (10, 0)
    assert (reply.by, reply.paid) == ("openai:mock", (7, 3))


@pytest.mark.parametrize("told", [(None, None), (0, 0), (None, 0)], ids=["untold", "zero", "half"])
def test_a_server_that_tells_nothing_believable_is_paid_by_estimate(told: tuple[int | None, int | None]) -> None:
    backend, purse = metered([Completion("Yes, and thank you.", *told)])
    asyncio.run(backend.complete(HELLO))
    assert purse.spent == len("Good evening.") + 4 + len("Yes, and thank you.")


def test_a_server_that_counts_more_than_estimated_raises_the_next_estimate() -> None:
    backend, purse = metered([Completion("Yes.", 170, 3), Completion("Yes.", 170, 3)], amount=500)
    asyncio.run(backend.complete(HELLO))
    assert purse.spent == 173
    purse.limit = purse.spent + 17 * 10 + 100 - 1
    with pytest.raises(OutOfBudget):
        asyncio.run(backend.complete(HELLO))


def test_what_failed_is_free_and_what_was_cancelled_is_not() -> None:
    backend, purse = metered([BackendError("no"), asyncio.CancelledError()])  # type: ignore[list-item]
    with pytest.raises(BackendError):
        asyncio.run(backend.complete(HELLO))
    assert (purse.spent, purse.held) == (0, 0)
    purse = Purse(Budget(10**6, "tokens"))

    class Hangs(Model):
        async def complete(self, *_: Any, **__: Any) -> Completion:
            await asyncio.sleep(60)
            raise AssertionError

    async def run() -> None:
        call = asyncio.create_task(Metered(Hangs([]), purse, None, reply_tokens=100).complete(HELLO))
        await asyncio.sleep(0.01)
        assert purse.held == 117
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    asyncio.run(run())
    assert (purse.spent, purse.held, purse.unanswered) == (117, 0, 117)


@pytest.mark.parametrize(("fault", "billed"), [("half", True), ("drop_late", True), ("500", False), ("429", False)])
def test_a_try_that_may_have_been_billed_is_charged_in_full(fault: str, billed: bool) -> None:
    with serve(faults={fault: 1.0}, fault_tries=2) as server:
        model = OpenAIChat(model="mock", base_url=server.url, patience=Patience(first=0.001), max_tokens=100)
        purse = Purse(Budget(10**6, "tokens"))
        backend = Metered(model, purse, None, reply_tokens=100)
        reply = asyncio.run(backend.complete(HELLO))
        assert server.count == 3
    assert reply.paid is not None
    most = model.count("Good evening.") + 4, 100
    told = (reply.input_tokens or 0, reply.output_tokens or 0)
    assert reply.paid == (told[0] + 2 * billed * most[0], told[1] + 2 * billed * most[1])
    assert purse.spent == sum(reply.paid)
    assert (purse.held, purse.unanswered) == (0, 0)


def test_no_try_is_begun_that_the_budget_cannot_hold() -> None:
    with serve(faults={"half": 1.0}, fault_tries=None) as server:
        model = OpenAIChat(model="mock", base_url=server.url, patience=Patience(first=0.001), max_tokens=100)
        purse = Purse(Budget(5 * (model.count("Good evening.") + 104) // 2, "tokens"))
        with pytest.raises(OutOfBudget):
            asyncio.run(Metered(model, purse, None, reply_tokens=100).complete(HELLO))
        assert server.count == 2
    assert purse.spent <= purse.limit
    assert purse.unanswered == purse.spent


def test_money_needs_a_price() -> None:
    till = Till(Purse(Budget(USD, "usd")), {})
    with pytest.raises(UsageError, match=r"the price of 'openai:mock' is unknown \(table of .*\): give --price"):
        till.meter(Model([]))
    assert Till(Purse(Budget(USD, "usd")), {"*": (1, 1)}).meter(Model([])).spec == "openai:mock"
    assert Till(Purse(Budget(1, "tokens")), {}).meter(Model([])).spec == "openai:mock"


def test_another_backend_stands_in_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    other = ScriptedChat(replies=["I am another."], label="scripted:other", repeat=True)
    backend = Standby(Model([BackendError("openai:mock: down"), Completion("I am the first.")]), other)
    one, two = (asyncio.run(backend.complete(HELLO)) for _ in range(2))
    assert (one.text, one.by) == ("I am another.", "scripted:other")
    assert (two.text, two.by) == ("I am the first.", "")
    assert [record.getMessage() for record in caplog.records] == ["openai:mock: down; scripted:other answers for it"]
    with pytest.raises(Refused):
        asyncio.run(Standby(Model([Refused("wrong key")]), other).complete(HELLO))
