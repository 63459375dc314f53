"""A planted key is nowhere in what a run wrote or said, whatever the server does with it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from simworld.errors import UsageError
from simworld.simulate.share import Prepared, RunSettings
from simworld.text.redact import hidden
from tests.llm_server import serve
from tests.runs import COMMAND, simworld, two_scenes

KEY = "sk-planted-4f9c1e77aa20b3d85c66"
OTHER = "hunter2-of-another-service-9d1c"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_scenes(tmp_path_factory.mktemp("pack") / "two")


def assert_nowhere(out: Path, said: str) -> None:
    """Neither key, whole or in part, in anything written or said."""
    written = {str(path): path.read_bytes() for path in out.rglob("*") if path.is_file()} if out.exists() else {}
    for name, data in {**written, "output": said.encode()}.items():
        for key in (KEY, OTHER):
            assert key[4:20].encode() not in data, name


def run(pack: Path, url: str, out: Path, *more: object) -> str:
    done = simworld(
        "run", pack, "--backend", "openai:mock", "--base-url", url, "-n", 12, "--out", out, *more,
        code=None, OPENAI_API_KEY=KEY, ANTHROPIC_API_KEY=OTHER,
    )  # fmt: skip
    return done.stdout + done.stderr


def echo(body: dict[str, Any]) -> str:
    return f"Your key is {KEY}, and the message was: {body['messages'][-1]['content'][:40]}"


@pytest.mark.parametrize(
    ("knobs", "workers"),
    [
        ({"reply": echo}, 1),
        ({"faults": {"mixed": 0.3}, "hang": 0.2, "message": f"Bearer {KEY} has passed its limit"}, 2),
        ({"faults": {"400": 0.2}, "fault_tries": None, "message": f"the request with {KEY} is too long"}, 1),
        ({"always": "401", "message": f"Incorrect API key provided: {KEY}"}, 2),
        ({"always": "redirect", "redirect": f"http://{KEY}@example.invalid/{KEY}"}, 1),
    ],
    ids=["echoed", "mixed", "denied", "wrong", "redirect"],
)
def test_no_key_is_written_or_said(pack: Path, tmp_path: Path, knobs: dict[str, Any], workers: int) -> None:
    with serve(**knobs) as server:
        more = ["--workers", workers, "--budget", "1usd", "--price", "1,2", "--timeout", 1]
        said = run(pack, server.url, tmp_path / "c", *more)
        assert server.count
        shown = {request["headers"].get("Authorization") for request in server.requests}
    assert shown == {f"Bearer {KEY}"}
    assert_nowhere(tmp_path / "c", said)
    if "reply" in knobs:
        for command in ("cost", "show", "export"):
            done = simworld(command, tmp_path / "c", code=None, OPENAI_API_KEY=KEY)
            assert done.stdout
            assert_nowhere(tmp_path / "c", done.stdout + done.stderr)


def test_a_forecast_and_a_second_backend_say_no_key(pack: Path, tmp_path: Path) -> None:
    with serve(faults={"400": 0.3}, fault_tries=None, message=f"no: {KEY}") as server, serve(reply=echo) as other:
        more = ["--fallback", "openai:spare", "--fallback-base-url", other.url, "--price", "1,2"]
        said = run(pack, server.url, tmp_path / "c", "--forecast", *more)
        assert other.count
    assert_nowhere(tmp_path / "c", said)


def test_a_worker_that_is_killed_leaves_no_key(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "c"
    with serve(latency=0.05) as server:
        line = [*COMMAND, "run", str(pack), "--backend", "openai:mock", "--base-url", server.url, "-n", "400"]
        process = subprocess.Popen(
            [*line, "--out", str(out), "--workers", "2"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OPENAI_API_KEY": KEY},
        )  # fmt: skip
        while server.answered < 50:
            assert process.poll() is None
        process.kill()
        said = "".join(process.communicate(timeout=30))
    assert_nowhere(out, said)


def test_a_pack_of_a_stranger_does_not_get_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may neither name an address nor a template that reads the environment, nor seat a model nobody named."""
    pack = two_scenes(tmp_path / "bad")
    path = pack / "scenes" / "desk.yaml"
    scene = yaml.safe_load(path.read_text())
    with serve() as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        for backend in (f"openai:x@{server.origin}", f"openai:{server.url}", "openai:mock", "local:/etc"):
            path.write_text(yaml.safe_dump({**scene, "seats": [{"id": "a", "backend": backend}, {"id": "b"}]}))
            assert KEY[4:20] not in refused(pack)
        for text in ("{{ environ }}", "{{ a.__class__.__init__.__globals__ }}", "{{ cycler.__init__.__globals__.os }}"):
            path.write_text(yaml.safe_dump({**scene, "background": text}))
            assert KEY[4:20] not in refused(pack)
        assert server.count == 0


def refused(pack: Path) -> str:
    """What a run of this pack is refused with."""
    with pytest.raises(UsageError) as caught:
        Prepared(RunSettings(scenes=(str(pack),), out="", n=2))
    return str(caught.value)


def test_a_reply_keeps_words_that_only_stand_in_for_a_key() -> None:
    assert hidden("none of that, EMPTY or not", ["none", "EMPTY"]) == "none of that, EMPTY or not"
    assert hidden(f"it is {KEY}.", [KEY]) == "it is [key]."


def test_a_journal_row_holds_the_hidden_form(pack: Path, tmp_path: Path) -> None:
    with serve(reply=echo) as server:
        run(pack, server.url, tmp_path / "c")
    journals = [path.read_text() for path in (tmp_path / "c" / "journal").glob("*.jsonl")]
    rows = [json.loads(line) for journal in journals for line in journal.splitlines()]
    assert rows
    assert all("Your key is [key]" in row["r"]["text"] for row in rows)
