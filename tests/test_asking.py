"""Asking a model many things: kept answers, strict reading, wrong fields asked for again, schemas sent along."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simworld.backends.asking import Asking, open_asking
from simworld.backends.sampling import Sampling
from simworld.backends.scripted import ScriptedChat
from simworld.backends.structured import Structured, ask_fields
from simworld.errors import CorpusError, OutOfBudget, Refused, RunStopped
from simworld.text.replies import read_object
from tests.llm_server import Server, serve

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"age": {"type": "integer"}, "voice": {"type": "string"}},
    "required": ["age", "voice"],
}
ASKED = [{"role": "user", "content": "Who is she?"}]


def check(values: dict[str, Any]) -> dict[str, str]:
    wrong = {} if isinstance(values.get("age"), int) and values["age"] < 120 else {"age": "must be under 120"}
    return wrong if values.get("voice") else {**wrong, "voice": "must not be empty"}


def structured(replies: list[str], repairs: int = 2) -> tuple[Structured, list[list[dict[str, str]]]]:
    """What comes of these replies, and the prompts that were sent for them."""
    seen: list[list[dict[str, str]]] = []

    def say(messages: list[dict[str, str]]) -> str:
        seen.append(messages)
        return replies[len(seen) - 1]

    async def ask() -> Structured:
        return await ask_fields(Asking(ScriptedChat(replies=say)), ASKED, SCHEMA, check, seat="x", repairs=repairs)

    return asyncio.run(ask()), seen


def test_right_at_once() -> None:
    found, seen = structured(['{"age": 67, "voice": "dry"}'])
    assert found == Structured({"age": 67, "voice": "dry"}, {})
    assert seen == [ASKED]


def test_a_wrong_field_alone_is_asked_for_again() -> None:
    found, seen = structured(['{"age": 670, "voice": "dry"}', '{"age": 67, "voice": "changed"}'])
    assert found.values == {"age": 67, "voice": "dry"}
    assert found.repaired == ("age",)
    said, told = seen[1][-2:]
    assert said == {"role": "assistant", "content": '{"voice": "dry"}'}
    assert "must be under 120" in told["content"]
    assert "670" in told["content"]
    assert '"voice"' not in told["content"]


def test_a_missing_field_is_asked_for_again() -> None:
    found, seen = structured(['{"age": 67}', '{"voice": "dry"}'])
    assert found == Structured({"age": 67, "voice": "dry"}, {}, ("voice",))
    assert "voice: is missing" in seen[1][-1]["content"]


def test_what_stays_wrong_is_told_and_not_filled_in() -> None:
    found, seen = structured(['{"age": 670, "voice": "dry"}', '{"age": 671}', '{"age": 672}'])
    assert found == Structured({"voice": "dry"}, {"age": "must be under 120"})
    assert not found.is_whole
    assert len(seen) == 3


def test_an_unreadable_reply_is_asked_for_again_as_a_whole() -> None:
    found, seen = structured(["She is old.", '{"age": 67, "voice": "dry"}'])
    assert found.is_whole
    assert [message["role"] for message in seen[1]] == ["user"]
    assert seen[1][0]["content"].startswith("Who is she?\n\nYour last answer could not be used: the reply is not JSON")


def test_nothing_readable_is_a_failure() -> None:
    found, seen = structured(["no", "no", "no"])
    assert (found.values, found.is_whole, len(seen)) == ({}, False, 3)
    assert found.failed.startswith("the reply is not JSON")


def test_fields_that_nobody_asked_for_are_left_out() -> None:
    found, _ = structured(['{"age": 67, "voice": "dry", "note": "extra"}'])
    assert found.values == {"age": 67, "voice": "dry"}


@pytest.mark.parametrize(
    "reply",
    [
        '{"a": 1}',
        ' {"a": 1}\n',
        '```json\n{"a": 1}\n```',
        '```\n{"a": 1}\n```',
        '<think>{"a": 2}? no.</think>\n{"a": 1}',
    ],
)
def test_an_object_is_read(reply: str) -> None:
    assert read_object(reply) == {"a": 1}


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        ("", "is empty"),
        ('Here: {"a": 1}', "is not JSON"),
        ('{"a": 1} I hope this helps', "is not JSON"),
        ("[1]", "is a list, not an object"),
        ('{"a": 1, "a": 2}', "gives a key twice"),
        ('{"a": NaN}', "holds NaN"),
        ("[" * 100_000, "nested too deep"),
        ('<think>{"a": 1}', "is not JSON"),
    ],
)
def test_all_else_is_refused(reply: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        read_object(reply)


def ask(asking: Asking, texts: list[str], schema: dict[str, Any] | None = None) -> list[str | None]:
    async def all_of_them() -> list[str | None]:
        try:
            return await asking.each(
                texts,
                lambda text: asking.answer([{"role": "user", "content": text}], seat="x", schema=schema),
            )
        finally:
            await asking.close()

    return asyncio.run(all_of_them())


def opened(server: Server, kept: Path | None = None, **options: Any) -> Asking:
    return open_asking("openai:mock", Sampling(base_url=server.url, timeout=5, wait=0), kept, **options)


def test_answers_are_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    kept = tmp_path / "answers.jsonl"
    with serve(serial=True) as server:
        first = ask(opened(server, kept), ["a", "b", "c"])
        with kept.open("ab") as file:
            file.write(b'{"h": "torn')
        again = opened(server, kept)
        assert ask(again, ["c", "b", "d", "a"])[:2] == [first[2], first[1]]
        assert server.count == 4
    assert (again.asked, again.from_file) == (1, 3)
    assert "1 calls" in again.lines()[0]
    assert "3 answers were there before" in again.lines()[0]


def test_answers_differ_by_what_was_asked_for(tmp_path: Path) -> None:
    async def several(asking: Asking) -> list[str | None]:
        made = [await asking.answer(ASKED, seat="x", sample=0), await asking.answer(ASKED, seat="x", sample=1)]
        made.append(await asking.answer(ASKED, seat="x", schema=SCHEMA))
        await asking.close()
        return made

    with serve() as server:
        asking = opened(server, tmp_path / "answers.jsonl")
        asyncio.run(several(asking))
        assert (asking.asked, asking.from_file, server.count) == (3, 0, 3)


def test_answers_that_stayed_wrong_are_asked_for_anew_by_the_next_command(tmp_path: Path) -> None:
    async def told(replies: list[str]) -> Structured:
        asking = Asking(ScriptedChat(replies=lambda _: replies.pop(0)), tmp_path / "answers.jsonl")
        found = await ask_fields(asking, ASKED, SCHEMA, check, seat="x", repairs=1)
        await asking.close()
        return found

    wrong = asyncio.run(told(['{"age": 670, "voice": "dry"}', '{"age": 671}']))
    assert wrong.faults == {"age": "must be under 120"}
    right = asyncio.run(told(['{"age": 67, "voice": "dry"}']))
    assert right.values == {"age": 67, "voice": "dry"}
    assert asyncio.run(told([])) == right


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "answers.jsonl"
    kept.write_text('["not", "an answer"]\n')
    with serve() as server, pytest.raises(CorpusError, match=r"answers\.jsonl: is not a file of answers"):
        opened(server, kept)


def test_a_schema_is_sent_and_heeded() -> None:
    with serve() as server:
        [text] = ask(opened(server), ["Who?"], SCHEMA)
        assert server.requests[0]["body"]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert set(json.loads(text or "")) == {"age", "voice"}


def test_an_endpoint_that_refuses_schemas_is_asked_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: dict[str, Any]) -> str:
        return '{"age": 1}' if "response_format" not in request else "{"

    with serve(reply=refuse) as server:
        asking = opened(server)
        complete_as: Callable[..., Any] = asking._backend.complete_as  # type: ignore[attr-defined]

        async def fails(schema: Any, messages: Any, **more: Any) -> Any:
            await complete_as(schema, messages, **more)
            raise Refused("response_format is not known here")

        monkeypatch.setattr(type(asking._backend), "complete_as", lambda _, *args, **more: fails(*args, **more))
        assert ask(asking, ["a", "b"], SCHEMA) == ['{"age": 1}'] * 2
        assert any("not held to JSON" in line for line in asking.lines())
        assert 3 <= server.count <= 4


def test_a_failed_call_is_counted_and_the_others_go_on() -> None:
    with serve(faults={"400": 0.5}, fault_tries=None) as server:
        asking = opened(server)
        found = ask(asking, [str(number) for number in range(12)])
    assert 0 < asking.failed < 12
    assert found.count(None) == asking.failed
    assert asking.first_fault
    assert any(asking.first_fault in line for line in asking.lines())


def test_hopeless_calls_stop_all() -> None:
    with serve(always="400") as server:
        asking = opened(server, jobs=1)
        with pytest.raises(RunStopped, match=r"20 calls to openai:mock failed in a row"):
            ask(asking, [str(number) for number in range(50)])
        assert server.count == 20


def test_a_key_that_is_refused_stops_at_once() -> None:
    with serve(always="401") as server:
        asking = opened(server, jobs=1)
        with pytest.raises(Refused):
            ask(asking, ["a", "b"])
        assert server.count == 1


def test_a_budget_holds_calls_back() -> None:
    with serve() as server:
        asking = opened(server, jobs=1, budget="1200tok")
        with pytest.raises(OutOfBudget):
            ask(asking, [str(number) for number in range(50)])
        assert 0 < server.count < 50
