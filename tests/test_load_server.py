"""The load server does what its knobs say: the tests and benchmarks that stand on it believe its counts."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import Counter
from email.utils import parsedate_to_datetime
from statistics import median, quantiles
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from simworld.backends.wire import read_reply
from tests.llm_server import FAULTS, ODD, PASSING, Knobs, Server, serve
from tests.load_server.connection import Connection
from tests.load_server.knobs import BILLED, STATUSES
from tests.load_server.replies import jitter
from tests.load_server.service import Service
from tests.runs import until

PATH = "/v1/chat/completions"


def body_of(text: str = "Hello.", **options: Any) -> bytes:
    return json.dumps({"model": "mock", "messages": [{"role": "user", "content": text}], **options}).encode()


Came = tuple[int, dict[str, str], bytes]


def post(server: Server, body: bytes | str, path: str = PATH, timeout: float = 10.0) -> Came:
    """Status, headers and body of one request on a connection of its own."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        line.request("POST", path, body, {"Content-Type": "application/json"})
        response = line.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        line.close()


def ask(server: Server, text: str = "Hello.", **options: Any) -> dict[str, Any]:
    status, _, body = post(server, body_of(text, **options))
    assert status == 200, body
    return json.loads(body)


def text_of(reply: dict[str, Any]) -> str:
    return reply["choices"][0]["message"]["content"]


def outcome(server: Server, text: str = "Hello.") -> str:
    """How one request ends, in a word."""
    try:
        status, _, body = post(server, body_of(text), timeout=0.3)
    except TimeoutError:
        return "hang"
    except http.client.IncompleteRead:
        return "drop_late"
    except (ConnectionError, http.client.RemoteDisconnected):
        return "drop"
    if status != 200:
        return "html" if body.startswith(b"<") else "redirect" if status == 307 else str(status)
    return outcome_of(body)


def outcome_of(body: bytes) -> str:
    try:
        reply = json.loads(body)
    except ValueError:
        return "half"
    if not reply["choices"]:
        return "empty"
    return "" if "message" in reply["choices"][0] else "no_message"


def talk(server: Server, *parts: bytes) -> bytes:
    """What comes back for raw bytes, sent a part at a time, until the server hangs up or says no more."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.3) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        came = b""
        for part in parts:
            line.sendall(part)
            time.sleep(0.02)
        try:
            while data := line.recv(65536):
                came += data
        except TimeoutError:
            came += b"(open)"
    return came


def raw(body: bytes, *headers: str, version: str = "HTTP/1.1") -> bytes:
    lines = [f"POST {PATH} {version}", "host: x", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


# HTTP


def test_a_connection_is_kept_open_and_answers_one_request_after_another():
    with serve() as server:
        line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        texts = []
        for n in range(3):
            line.request("POST", PATH, body_of(str(n)))
            texts.append(line.getresponse().read())
        line.close()
        assert len(set(texts)) == 3
        assert (server.count, server.answered, server.connections) == (3, 3, 1)


def test_a_request_may_come_in_any_pieces_and_the_next_one_right_behind():
    one, two = raw(body_of("one")), raw(body_of("two"))
    both = one + two
    with serve(latency=0.01) as server:
        whole = talk(server, one) + talk(server, two)
        for cut in (1, 20, len(one) - 10, len(one), len(one) + 7):
            came = talk(server, both[:cut], both[cut:])
            assert came.replace(b"(open)", b"") == whole.replace(b"(open)", b"")
        assert server.prompts()[:2] == [[{"role": "user", "content": text}] for text in ("one", "two")]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GARBAGE\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", 411),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", 413),
        (b"GET /" + b"a" * 70_000, 400),
    ],
    ids=["TLS", "no HTTP", "chunked", "huge", "endless head"],
)
def test_what_is_no_request_is_refused_and_hung_up_on(sent, status):
    with serve() as server:
        came = talk(server, sent)
    assert came.startswith(f"HTTP/1.1 {status} ".encode())
    assert not came.endswith(b"(open)")


def test_connections_are_closed_where_the_client_asks():
    with serve() as server:
        assert not talk(server, raw(body_of(), "Connection: close")).endswith(b"(open)")
        assert not talk(server, raw(body_of(), version="HTTP/1.0")).endswith(b"(open)")
        assert talk(server, raw(body_of())).endswith(b"(open)")
        assert server.answered == 3


def test_a_client_that_waits_to_be_told_to_go_on_is_told():
    request = raw(body_of(), "Expect: 100-continue")
    head = request.index(b"\r\n\r\n") + 4
    with serve() as server:
        came = talk(server, request[:head], request[head:])
    assert came.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"{", "no JSON"), (b"[]", "no list"), (b'{"messages": 1}', "no list"), (body_of(stream=True), "stream")],
    ids=["half", "list", "no messages", "stream"],
)
def test_a_body_that_cannot_be_answered_gets_400(body, says):
    with serve() as server:
        status, _, told = post(server, body)
        assert (status, server.billed, server.in_flight) == (400, 0, 0)
    assert says in json.loads(told)["error"]["message"]


def test_a_reply_that_fails_hangs_up_and_the_server_lives_on(caplog):
    def reply(body):
        return "So." if body["messages"][0]["content"] == "Hello." else {}[body]

    with serve(reply=reply) as server:
        assert outcome(server, "no") == "drop"
        assert text_of(ask(server)) == "So."
        assert server.in_flight == 0
    assert "TypeError" in caplog.text


# content decides


def test_a_reply_follows_from_the_request_alone():
    with serve() as one, serve() as two:
        texts = [text_of(ask(one, str(n))) for n in range(20)]
        again = [text_of(ask(two, str(n))) for n in reversed(range(20))]
        assert texts == again[::-1]
        assert len(set(texts)) == 20
        assert text_of(ask(one, "0", temperature=0.5)) != texts[0]


@pytest.mark.parametrize("words", [1, 12, 64, 65, 300])
def test_a_reply_has_as_many_words_as_asked_for(words):
    with serve(words=words) as server:
        assert len(text_of(ask(server)).split()) == words


def test_fates_do_not_depend_on_the_order_of_requests():
    faults = {"500": 0.2, "429": 0.2, "half": 0.1}
    asked = [f"{n}" for n in range(60) for _ in range(2)]
    shuffled = random.Random(1).sample(asked, len(asked))
    ends: list[dict[str, list[str]]] = []
    for order in (asked, shuffled):
        with serve(faults=faults, fault_tries=None) as server:
            met: dict[str, list[str]] = {}
            for text in order:
                met.setdefault(text, []).append(outcome(server, text))
            ends.append(met)
    assert ends[0] == ends[1]
    failed = Counter(end for met in ends[0].values() for end in met)
    assert set(failed) == {"", "500", "429", "half"}
    assert 0.3 < 1 - failed[""] / 120 < 0.7


@pytest.mark.parametrize("tries", [1, 3])
def test_a_fault_is_over_after_its_tries(tries):
    with serve(faults={"500": 1.0}, fault_tries=tries) as server:
        assert [outcome(server) for _ in range(tries + 2)] == ["500"] * tries + [""] * 2
        assert [row["tries"] for row in server.requests] == list(range(1, tries + 3))
        assert [row["fault"] for row in server.requests] == ["500"] * tries + [""] * 2


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_what_it_is_called(fault):
    with serve(faults={fault: 1.0}, redirect="http://127.0.0.1:9/", hang=30) as server:
        assert outcome(server) == fault
        assert server.faults == {fault: 1}
        assert server.answered == 0
        assert outcome(server) == ""
        until(lambda: server.in_flight == 0)
        bill = 2 if fault in BILLED else 1
        assert (server.billed, server.answered) == (bill, 1)
        assert server.tokens_in == bill * (4 + 2)


def test_a_hanging_request_is_hung_up_on_in_the_end():
    with serve(faults={"hang": 1.0}, hang=0.05) as server:
        assert outcome(server) == "drop"
        until(lambda: server.in_flight == 0)


def test_a_share_of_mixed_spreads_over_all_passing_faults():
    with serve(faults={"mixed": 1.0}, hang=0.01) as server:
        for n in range(160):
            outcome(server, str(n))
        assert set(server.faults) == set(PASSING)
    with serve(faults={"mixed": 0.3}, hang=0.01) as server:
        for n in range(200):
            outcome(server, str(n))
        assert 0.2 < sum(server.faults.values()) / 200 < 0.4


def test_always_meets_everybody_until_told_otherwise():
    with serve(always="429") as server:
        assert [outcome(server, str(n)) for n in range(3)] == ["429"] * 3
        server.knobs.always = ""
        assert outcome(server) == ""


@pytest.mark.parametrize(("knob", "value"), [("faults", {"501": 1}), ("odd", {"half": 1}), ("always", "no"),
                                              ("bills", ["no"]), ("ignore", ["seed"])])  # fmt: skip
def test_a_name_that_is_not_known_is_an_error(knob, value):
    with pytest.raises(ValueError, match="is not one of"):
        Knobs(**{knob: value})


@pytest.mark.parametrize(("form", "kinds"), [("3", {"seconds"}), ("date:3", {"date"}), (None, {"none"}),
                                             ("any:3", {"none", "seconds", "date"})])  # fmt: skip
def test_retry_after_comes_in_every_form(form, kinds):
    seen = set()
    with serve(faults={"429": 1.0}, retry_after=form) as server:
        for n in range(20):
            status, headers, _ = post(server, body_of(str(n)))
            told = headers.get("Retry-After")
            assert status == 429
            if told and told != "3":
                assert 1 < parsedate_to_datetime(told).timestamp() - time.time() < 4
            seen.add("none" if told is None else "seconds" if told == "3" else "date")
    assert seen == kinds


# odd replies


def odd_reply(odd: str) -> tuple[dict[str, Any], dict[str, Any], Server]:
    """The same request answered plainly and oddly."""
    with serve() as plain, serve(odd={odd: 1.0}, trickle=0.001) as server:
        return ask(plain), ask(server), server


@pytest.mark.parametrize(("odd", "finish"), [("length", "length"), ("filtered", "content_filter"),
                                             ("filtered_empty", "content_filter")])  # fmt: skip
def test_odd_texts(odd, finish):
    plain, reply, server = odd_reply(odd)
    assert reply["choices"][0]["finish_reason"] == finish
    assert text_of(plain).startswith(text_of(reply))
    assert len(text_of(reply)) == (0 if odd == "filtered_empty" else len(text_of(plain)) // 2)
    assert server.odd == {odd: 1}
    assert server.requests[0]["odd"] == odd


@pytest.mark.parametrize("odd", [name for name in ODD if name.startswith("usage")])
def test_odd_usage_changes_nothing_of_the_bill(odd):
    plain, reply, server = odd_reply(odd)
    true = plain["usage"]
    assert (server.tokens_in, server.tokens_out) == (true["prompt_tokens"], true["completion_tokens"])
    told = reply.get("usage")
    match odd:
        case "usage_absent":
            assert told is None
        case "usage_zero":
            assert told == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        case "usage_negative":
            assert max(told.values()) < 0
        case _:
            assert 0 <= told["completion_tokens"] < true["completion_tokens"]


def test_a_reply_may_trickle():
    with serve(odd={"trickle": 1.0}, trickle=0.02, pieces=10) as server, serve() as plain:
        began = time.monotonic()
        assert ask(server) == ask(plain)
        assert time.monotonic() - began > 0.15
        until(lambda: server.answered == 1)
        assert server.in_flight == 0


def test_odd_replies_are_odd_each_time():
    with serve(odd={"length": 0.5}) as server:
        first = [ask(server, str(n))["choices"][0]["finish_reason"] for n in range(30)]
        assert [ask(server, str(n))["choices"][0]["finish_reason"] for n in range(30)] == first
        assert set(first) == {"stop", "length"}


# options of a request


class Judgement(BaseModel, extra="forbid"):
    verdict: Literal["kept", "broken"]
    score: int = Field(ge=1, le=5)
    share: float = Field(ge=0, le=1)
    reasons: list[str] = Field(min_length=1, max_length=3)
    inner: Judgement | None = None


def test_replies_conform_to_the_schema_asked_for():
    wanted = {"type": "json_schema", "json_schema": {"name": "judgement", "schema": Judgement.model_json_schema()}}
    with serve() as server:
        made = [Judgement.model_validate_json(text_of(ask(server, str(n), response_format=wanted))) for n in range(40)]
    assert {one.verdict for one in made} == {"kept", "broken"}
    assert {one.score for one in made} == {1, 2, 3, 4, 5}


def test_json_of_any_kind():
    with serve() as server:
        assert isinstance(json.loads(text_of(ask(server, response_format={"type": "json_object"}))), dict)


ALL = {"n": 3, "max_tokens": 4, "stop": ["zz"], "logprobs": True, "response_format": {"type": "json_object"}}


@pytest.mark.parametrize("option", list(ALL))
def test_what_the_server_ignores_is_seen_in_its_reply(option):
    sent = {option: ALL[option]}
    text = "So zz it is, and on it goes." if option == "stop" else None
    reply = (lambda body: text) if text else None
    for ignore in ([], [option]):
        with serve(reply=reply, ignore=ignore) as server:
            _, _, body = post(server, body_of(**sent))
        assert read_reply(body, (), sent).ignored == tuple(ignore)


def test_options_bound_the_reply():
    with serve(reply=lambda body: "One two. Three four.") as server:
        cut = ask(server, max_tokens=2)
        assert (text_of(cut), cut["choices"][0]["finish_reason"]) == ("One two.", "length")
        assert cut["usage"]["completion_tokens"] == 2
        assert text_of(ask(server, stop=["four", " Three"])) == "One two."
        assert text_of(ask(server, stop=".")) == "One two"
        three = ask(server, n=3)
        assert [choice["index"] for choice in three["choices"]] == [0, 1, 2]
        assert three["usage"]["completion_tokens"] == 15


# money


def test_the_bill_is_the_servers_own():
    with serve(reply=lambda body: "a" * 40, price_in=2.0, price_out=10.0, usage={"prompt_tokens": 1}) as server:
        for n in range(3):
            ask(server, "b" * 401 + str(n))
        assert (server.tokens_in, server.tokens_out) == (3 * (4 + 101), 3 * 10)
        assert server.cost == pytest.approx((315 * 2 + 30 * 10) / 1e6)


def test_a_reply_that_nobody_waits_for_is_billed_and_not_answered():
    with serve(latency=0.1) as server:
        with pytest.raises(TimeoutError):
            post(server, body_of(), timeout=0.02)
        assert server.in_flight == 1
        until(lambda: server.in_flight == 0)
        assert (server.billed, server.answered) == (1, 0)
        assert server.tokens_out > 0


# limits, outages, latency


def at_once(server: Server, n: int) -> list[Came]:
    came: list[Came] = []
    threads = [threading.Thread(target=lambda k=k: came.append(post(server, body_of(str(k))))) for k in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


def test_more_than_may_be_in_flight_are_refused():
    with serve(max_in_flight=3, latency=0.3) as server:
        statuses = Counter(status for status, *_ in at_once(server, 8))
        assert statuses == {200: 3, 429: 5}
        assert server.peak == 3
        assert server.refused == {"in_flight": 5}
        assert server.billed == 3
        assert ask(server)


def test_requests_a_minute():
    with serve(rpm=3, minute=0.4) as server:
        came = [post(server, body_of(str(n))) for n in range(5)]
        assert [status for status, *_ in came] == [200, 200, 200, 429, 429]
        assert came[-1][1]["Retry-After"] == "1"
        assert server.refused == {"rpm": 2}
        time.sleep(0.45)
        assert ask(server)


def test_an_outage_refuses_connections_and_cuts_those_in_flight():
    with serve(latency=0.2) as server:
        ends: list[str] = []
        thread = threading.Thread(target=lambda: ends.append(outcome(server)))
        thread.start()
        until(lambda: server.in_flight == 1)
        server.down()
        thread.join()
        assert ends == ["drop"]
        with pytest.raises(ConnectionRefusedError):
            post(server, body_of())
        server.up()
        assert ask(server)
        server.down(0.1)
        with pytest.raises(ConnectionRefusedError):
            post(server, body_of())
        time.sleep(0.15)
        until(lambda: outcome(server, "again") == "")


def test_jitter_follows_from_content_and_is_log_normal():
    seeds = [bytes([n % 256, n // 256]) * 32 for n in range(2000)]
    factors = [jitter(seed, 0, 0.5) for seed in seeds]
    assert factors == [jitter(seed, 0, 0.5) for seed in seeds]
    assert factors != [jitter(seed, 1, 0.5) for seed in seeds]
    low, *_, high = quantiles(factors, n=20)
    assert median(factors) == pytest.approx(1.0, abs=0.06)
    assert high == pytest.approx(2.276, rel=0.1)  # exp(0.5 * 1.645)
    assert low == pytest.approx(1 / 2.276, rel=0.1)


def test_latency_is_waited_for():
    with serve(latency=0.1) as server:
        began = time.monotonic()
        ask(server)
        assert time.monotonic() - began >= 0.1


# memory and the program


class Nowhere(asyncio.Transport):
    """A transport that forgets what is written."""

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert bytes(data[:15]) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("record", [False, True])
def test_memory_stays_flat_where_nothing_is_recorded(record):
    async def grown() -> int:
        service = Service(Knobs(record=record, faults={"500": 0.0}))
        connection = Connection(service)
        connection.connection_made(Nowhere())

        def send(start: int) -> int:
            for n in range(start, start + 1000):
                connection.data_received(raw(body_of(str(n))))
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            return -send(0) + send(1000)
        finally:
            tracemalloc.stop()

    size = asyncio.run(grown())
    assert (size > 300_000) if record else (size < 20_000)


def test_as_a_program():
    command = [sys.executable, "-m", "tests.llm_server", "--latency", "0.01", "--fault", "500=1", "--price-out", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            told = json.loads(process.stdout.readline())
            server = _At(told["port"])
            assert told["url"] == f"http://127.0.0.1:{server.port}/v1"
            assert outcome(server) == "500"
            assert outcome(server) == ""
            stats = json.loads(_get(server, "/stats"))
            assert {"requests": 2, "answered": 1, "billed": 1, "faults": {"500": 1}}.items() <= stats.items()
            assert stats["cost"] == pytest.approx(stats["completion_tokens"] * 5 / 1e6)
            assert stats["knobs"]["latency"] == 0.01
            assert json.loads(_get(server, "/v1/models"))["data"][0]["id"] == "mock"
            status, _, body = post(server, '{"wrods": 1}', "/reset")
            assert (status, "is no knob" in body.decode()) == (400, True)
            assert post(server, '{"words": 30, "latency_ms": 0}', "/knobs")[0] == 200
            assert json.loads(_get(server, "/stats"))["requests"] == 2
            assert post(server, '{"faults": {}}', "/reset")[0] == 200
            assert json.loads(_get(server, "/stats"))["requests"] == 0
            assert len(text_of(ask(server)).split()) == 30
            assert post(server, '{"seconds": 0.3}', "/down")[0] == 200
            until(lambda: _refuses(server))
            until(lambda: not _refuses(server))
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_wrong_option_of_the_program_is_told():
    command = [sys.executable, "-m", "tests.llm_server", "--fault", "501=1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert re.search(r"faults: '501' is not one of", done.stderr)


class _At:
    """Where a program listens."""

    def __init__(self, port: int) -> None:
        self.port = port


def _get(server: Any, path: str) -> bytes:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        line.request("GET", path)
        return line.getresponse().read()
    finally:
        line.close()


def _refuses(server: Any) -> bool:
    try:
        _get(server, "/stats")
    except OSError:
        return True
    return False


def test_statuses_and_faults_are_told_apart():
    assert set(STATUSES) <= set(FAULTS)
    assert set(PASSING) <= set(FAULTS)
    assert not set(ODD) & set(FAULTS)
