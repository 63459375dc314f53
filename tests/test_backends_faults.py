"""OpenAIChat when things go wrong: what is tried again, what is given up, and in which words."""

from __future__ import annotations

import asyncio
import logging
import socket
from datetime import UTC, datetime

import orjson
import pytest

from simworld.backends.completion import Completion
from simworld.backends.openai import OpenAIChat
from simworld.backends.retry import Passing, Patience, persist, read_retry_after
from simworld.backends.wire import Denial, judge
from simworld.errors import BackendError, Refused
from tests.llm_server import serve

HELLO = [{"role": "user", "content": "Good evening."}]
QUICK = Patience(first=0.001)
PASSING = ("408", "429", "500", "503", "drop", "drop_late", "half", "empty", "no_message")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def make(url, **options):
    return OpenAIChat(**{"model": "mock", "base_url": url, "patience": QUICK, **options})


def ask(model, messages=HELLO):
    return asyncio.run(model.complete(messages))


def fail(server, **options):
    with pytest.raises(BackendError) as caught:
        ask(make(server.url, **options))
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_tried_again(fault):
    with serve(faults={fault: 1.0}, fault_tries=2) as server:
        reply = ask(make(server.url))
        assert reply.text
        assert reply.retries == 2
        assert server.count == 3
        assert server.answered == 1


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_stays_ends_after_the_last_try(fault):
    with serve(faults={fault: 1.0}, fault_tries=None) as server:
        error = fail(server, max_retries=3)
        assert server.count == 4
    assert not isinstance(error, Refused)
    assert str(error).startswith("openai:mock: ")
    assert "after 4 tries" in str(error)


def test_six_tries_are_the_default_and_the_reason_is_one_line():
    with serve(faults={"500": 1.0}, fault_tries=None) as server:
        assert str(fail(server)) == "openai:mock: HTTP 500 after 6 tries: injected failure"
        assert server.count == 6


def test_a_share_of_faulty_requests_hits_the_same_ones_every_time():
    prompts = [[{"role": "user", "content": str(n)}] for n in range(60)]

    async def run(url):
        model = make(url)
        return [reply.retries for reply in await asyncio.gather(*(model.complete(p) for p in prompts))]

    with serve(faults={"500": 0.3}) as one, serve(faults={"500": 0.3}) as two:
        retries = asyncio.run(run(one.url))
        assert retries == asyncio.run(run(two.url))
        assert one.count == 60 + sum(retries)
    assert 5 <= sum(retries) <= 35


def test_a_server_that_hangs_is_given_up_after_the_timeout():
    with serve(faults={"hang": 1.0}, fault_tries=None) as server:
        error = fail(server, timeout=0.05, max_retries=1)
        assert server.count == 2
    assert str(error) == "openai:mock: no reply within 0.05 s after 2 tries"


def test_a_server_that_is_not_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(BackendError) as caught:
        ask(make(f"http://127.0.0.1:{port}", max_retries=1))
    assert str(caught.value) == "openai:mock: cannot connect (connection refused) after 2 tries"


def test_a_server_whose_name_is_not_known(monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known: secret-host")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(BackendError) as caught:
        ask(make("http://secret-host.example", max_retries=0))
    assert str(caught.value) == "openai:mock: the server's name is not known after 1 try"


def test_a_server_that_does_not_speak_tls_is_refused_at_once():
    with serve() as server, pytest.raises(Refused, match="no secure connection") as caught:
        ask(make(server.url.replace("http:", "https:")))
    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize("fault", ["401", "403", "404", "redirect"])
def test_what_every_call_would_meet_is_refused_at_once(fault):
    with serve(faults={fault: 1.0}, fault_tries=None, redirect="http://127.0.0.1:9/v1/chat/completions") as server:
        error = fail(server)
        assert server.count == 1
    assert isinstance(error, Refused)


@pytest.mark.parametrize(
    ("status", "said", "refused"),
    [
        (400, {"message": "The model `mock` does not exist"}, True),
        (400, {"message": "No models loaded. Please load a model."}, True),
        (422, {"message": "temperature must be at most 2"}, True),
        (400, {"message": "Unsupported value", "param": "temperature"}, True),
        (400, {"message": "API key not valid. Please pass a valid API key."}, True),
        (400, {"message": "This model's maximum context length is 4096 tokens.", "param": "messages"}, False),
        (400, {"message": "This model's maximum context length is 4096 tokens."}, False),
        (400, {"message": "the model's answer was stopped by the content filter"}, False),
        (400, {"message": "roles must alternate"}, False),
        (413, {"message": "payload too large"}, False),
        (402, {"message": "Insufficient Balance"}, True),
        (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, True),
        (405, {}, True),
    ],
)
def test_a_denial_ends_the_run_only_where_every_call_would_be_denied(status, said, refused):
    error = judge(
        "openai:mock", Denial(status, orjson.dumps({"error": said}), 0), (), ("model", "temperature", "messages")
    )
    assert isinstance(error, BackendError)
    assert isinstance(error, Refused) is refused
    assert str(error).startswith(f"openai:mock: HTTP {status}")
    assert said.get("message", "") in str(error)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": "no such model"}', "no such model"),
        (b'{"message": "no such model"}', "no such model"),
        (b'{"detail": "no such model"}', "no such model"),
        (b'{"detail": [{"loc": ["body", "top_p"], "msg": "too big"}]}', "body.top_p: too big"),
        (b"no such model\n", "no such model"),
        (b"<html><body>Not Found</body></html>", ""),
        (b"\xff\xfe[", "\ufffd\ufffd["),
        (b'{"error": {"message": "a\\u0007b\\u202ec"}}', "a\\x07b\\u202ec"),
        (b'["x"]', ""),
    ],
)
def test_the_servers_words_are_found_in_every_shape(body, message):
    error = judge("openai:mock", Denial(418, body, 0), (), ())
    assert str(error) == "openai:mock: HTTP 418" + (f": {message}" if message else "")


def test_long_words_of_a_server_are_cut():
    with serve(faults={"400": 1.0}, message="so " * 200) as server:
        assert len(str(fail(server))) <= len("openai:mock: HTTP 400: ") + 200


def test_an_error_in_a_reply_of_status_200_is_told():
    with serve(body=b'{"error": {"message": "upstream is busy"}}') as server:
        error = fail(server, max_retries=0)
    assert str(error) == "openai:mock: no choices in the reply after 1 try: upstream is busy"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b'"x"',
        b'{"choices": {}}',
        b'{"choices": ["x"]}',
        b'{"choices": [{"message": 3}]}',
        b"[" * 100_000,
    ],
)
def test_any_json_at_all_is_at_worst_a_passing_fault(body):
    with serve(body=body) as server:
        assert "after 1 try" in str(fail(server, max_retries=0))


def test_retry_after_is_waited_for(monkeypatch):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr("simworld.backends.retry.asyncio.sleep", sleep)
    asyncio.run(_persist([Passing("HTTP 429", wait=7.0), Passing("HTTP 500")], Patience(first=0.25)))
    assert 7.0 <= waits[0] <= 7.25
    assert 0.5 <= waits[1] <= 0.75


def test_waits_grow_up_to_the_longest(monkeypatch):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr("simworld.backends.retry.asyncio.sleep", sleep)
    asyncio.run(_persist([Passing("HTTP 500") for _ in range(8)], Patience(retries=8, first=1.0, longest=4.0)))
    assert len({round(wait, 6) for wait in waits}) == 8  # jitter
    for wait, least in zip(waits, [1, 2, 4, 4, 4, 4, 4, 4], strict=True):
        assert least <= wait <= least + 1


async def _persist(faults, patience):
    first, *rest = faults

    async def once():
        if rest:
            raise rest.pop(0)
        return Completion("done")

    reply = await persist(once, first, patience, "openai:mock")
    assert reply.retries == len(faults)


def test_a_wait_beyond_all_patience_is_not_begun():
    with serve(faults={"429": 1.0}, retry_after="3600") as server:
        error = fail(server)
        assert server.count == 1
    assert str(error) == "openai:mock: HTTP 429 after 1 try, asked to wait 3600 s: injected failure"


def test_retry_after_zero_is_no_reason_to_hurry_or_to_fail():
    with serve(faults={"429": 1.0}, retry_after="0") as server:
        assert ask(make(server.url)).retries == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("2", 2),
        ("1.5", 1.5),
        ("-3", 0),
        ("nan", 0),
        ("inf", 0),
        ("soon", 0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
        ("Thu, 99 Jan 2026 00:00:30 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert read_retry_after(value, datetime(2026, 1, 1, tzinfo=UTC).timestamp()) == seconds


def test_a_cancelled_call_is_not_tried_again():
    async def run(url):
        call = asyncio.create_task(make(url).complete(HELLO))
        while not server.count:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    with serve(latency=5) as server:
        asyncio.run(run(server.url))
        assert server.count == 1


def test_retries_are_logged_without_prompt_or_host(caplog):
    with caplog.at_level(logging.DEBUG, "simworld.backends"), serve(faults={"500": 1.0}) as server:
        ask(make(server.url), [{"role": "user", "content": "canary"}])
    (line,) = [record.getMessage() for record in caplog.records if record.name == "simworld.backends"]
    assert line.startswith("openai:mock: HTTP 500; try 2 in ")
    assert "canary" not in line
    assert "127.0.0.1" not in line
