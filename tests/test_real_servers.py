"""Real servers of the protocol, each over a tiny random model made on the spot: what they say is played and kept.

Skipped where a server is not installed: `transformers serve` comes with `transformers[serving]`; llama.cpp is the
program `llama-server` or the package `llama_cpp` with its server, and needs the package `gguf` too.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simworld.backends.wire import read_reply
from tests.runs import bytes_of, kill_after, simworld, transcripts, until, write_pack

NAME = "tiny-chat"
LONGEST = 24
"""Tokens of a reply."""
START = 120.0
"""Seconds that a server may take to start."""


@dataclass(frozen=True)
class Real:
    """A server that is running."""

    kind: str
    url: str

    def post(self, **options: Any) -> tuple[int, bytes, dict[str, Any]]:
        """Status and body of one request, and what was sent."""
        messages = [{"role": "system", "content": "You are Ann."}, {"role": "user", "content": "Good evening."}]
        sent = {"model": NAME, "messages": messages, "max_tokens": 40, "temperature": 0, **options}
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/v1/chat/completions", json.dumps(sent).encode(), head)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read(), sent
        except urllib.error.HTTPError as error:
            return error.code, error.read(), sent


def has(*modules: str) -> bool:
    return all(importlib.util.find_spec(name) for name in modules)


def transformers_serve(folder: Path, port: int) -> list[str]:
    if not has("torch", "transformers", "fastapi", "uvicorn"):
        pytest.skip("transformers[serving] is not installed")
    from tests.tiny_model import build

    build(folder / NAME, context=8192)
    program = shutil.which("transformers", path=str(Path(sys.executable).parent)) or "transformers"
    return [program, "serve", NAME, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]


def llama_cpp(folder: Path, port: int) -> list[str]:
    program = shutil.which("llama-server")
    if not program and not has("llama_cpp", "uvicorn", "sse_starlette"):
        pytest.skip("neither llama-server nor llama_cpp with its server is installed")
    if not has("gguf", "torch", "transformers"):
        pytest.skip("gguf, torch or transformers is not installed, which the model is made with")
    from tests.tiny_gguf import write_gguf
    from tests.tiny_model import build

    path = write_gguf(build(folder / NAME, context=8192), folder / "tiny.gguf")
    if program:
        return [program, "-m", str(path), "--alias", NAME, "--host", "127.0.0.1", "--port", str(port), "-c", "8192"]
    module = [sys.executable, "-m", "llama_cpp.server", "--model", str(path), "--model_alias", NAME]
    return [*module, "--host", "127.0.0.1", "--port", str(port), "--n_ctx", "8192"]


KINDS: dict[str, Callable[[Path, int], list[str]]] = {"transformers": transformers_serve, "llama.cpp": llama_cpp}


@pytest.fixture(scope="module", params=sorted(KINDS))
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = KINDS[request.param](folder, port)
    with started(command, folder, Real(request.param, f"http://127.0.0.1:{port}")) as server:
        yield server


@contextmanager
def started(command: list[str], folder: Path, server: Real) -> Iterator[Real]:
    """The server, once it answers; ended afterwards."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    log = folder / "server.log"

    def answers() -> bool:
        assert process.poll() is None, f"{command[0]} ended:\n{log.read_text(errors='replace')[-3000:]}"
        try:
            return server.post(max_tokens=1)[0] == 200
        except OSError:
            return False

    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)
    try:
        until(answers, START)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    people = [{"id": id, "name": name, "profile": f"You are {name}."} for id, name in (("ann", "Ann"), ("bo", "Bo"))]
    scene = {
        "id": "door", "title": "At the door", "background": "Two neighbours meet.",
        "seats": [{"id": "a", "persona": "ann"}, {"id": "b", "persona": "bo"}],
        "end": {"max_turns": 4, "goodbye": False, "stale": 0},
    }  # fmt: skip
    return write_pack(tmp_path_factory.mktemp("pack") / "p", [scene], people)


def command(server: Real, pack: Path, out: Path, n: int) -> list[object]:
    return ["run", pack, "--backend", f"openai:{NAME}", "--base-url", server.url, "--max-tokens", LONGEST,
            "--temperature", 0, "-n", n, "--jobs", 2, "--out", out]  # fmt: skip


def journal(out: Path) -> list[dict[str, Any]]:
    """The replies on disk, in the order in which they came."""
    lines = [line for path in sorted((out / "journal").glob("*.jsonl")) for line in path.read_bytes().splitlines()]
    return [row for row in map(json.loads, lines) if "r" in row]


def test_a_scene_is_played_and_kept(real: Real, pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    simworld(*command(real, pack, out, 2), code=None)
    rows: list[dict[str, Any]] = transcripts(out)
    replies = journal(out)
    assert len(rows) == 2
    assert {row["status"] for row in rows} == {"complete"}
    for row in rows:
        told = [reply["r"] for reply in replies if reply["d"] == row["id"]]
        for count in ("input_tokens", "output_tokens"):
            assert sum(usage[count] for usage in row["usage"].values()) == sum(reply[count] for reply in told) > 0
        assert max(reply["output_tokens"] for reply in told) <= LONGEST + 3  # llama.cpp ends a character it has begun
        assert {reply["finish_reason"] for reply in told} <= {"length", "stop"}
        assert {seat["backend"] for seat in row["seats"].values()} == {f"openai:{NAME}"}
        assert {turn["act"] for turn in row["turns"] if turn["seat"] in {"a", "b"}} == {0, 1, 2, 3}
    before = bytes_of(out)
    simworld(*command(real, pack, out, 2), "--replay", code=None)
    assert bytes_of(out) == before


def test_a_killed_run_goes_on_with_the_replies_it_has(real: Real, pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    run = command(real, pack, out, 6)
    kill_after(3.0, *run)
    kept = journal(out) if (out / "journal").is_dir() else []
    simworld(*run, code=None)
    assert len(transcripts(out)) == 6
    replies = journal(out)
    assert [row for row in replies if row in kept] == kept
    keys = [(row["d"], row["s"], row["c"]) for row in replies]
    assert len(keys) == len(set(keys)) >= 24


SCHEMA = {"type": "object", "properties": {"mood": {"type": "string", "maxLength": 4}}, "required": ["mood"]}
AS_SCHEMA = {"response_format": {"type": "json_schema", "json_schema": {"name": "mood", "schema": SCHEMA}}}
AS_JSON = {"response_format": {"type": "json_object"}}
SHOWN = {
    "transformers": {"logprobs": True, "n": True, "stop": False, "json_schema": True, "json_object": True},
    "llama.cpp": {"logprobs": True, "n": True, "stop": False, "json_schema": None, "json_object": False},
}
"""What each ignores in silence; None: it refuses it aloud. llama_cpp gives logprobs with `top_logprobs` alone."""


@pytest.mark.parametrize(
    ("what", "options"),
    [
        ("logprobs", {"logprobs": True}),
        ("n", {"n": 2}),
        ("stop", {}),
        ("json_schema", AS_SCHEMA),
        ("json_object", AS_JSON),
    ],
    ids=["logprobs", "n", "stop", "json_schema", "json_object"],
)
def test_what_a_server_ignores_in_silence_is_seen(real: Real, what: str, options: dict[str, Any]) -> None:
    if shutil.which("llama-server") and real.kind == "llama.cpp":
        pytest.skip("llama-server knows more of the options, by its version")
    if what == "stop":
        plain = read_reply(real.post()[1]).text
        options = {"stop": [plain[3:5]]}
    status, body, sent = real.post(**options)
    ignored = SHOWN[real.kind][what]
    if ignored is None:
        assert status >= 400
        return
    assert status == 200
    name = "response_format" if what.startswith("json") else what
    assert read_reply(body, (), sent).ignored == ((name,) if ignored else ())


def test_no_reply_is_longer_than_asked_for(real: Real) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        status, body, sent = real.post(**{name: 7})
        assert status == 200
        reply = read_reply(body, (), sent)
        assert "max_tokens" not in reply.ignored
        if name == "max_tokens":
            assert 7 <= (reply.output_tokens or 0) <= 10
