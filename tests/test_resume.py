"""One seed, one corpus: whatever the jobs, the workers, and however often the run is killed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from simworld.backends.completion import Completion
from simworld.backends.journal import Journal, Key
from simworld.cli.app import app
from simworld.corpus.store import read_shard
from simworld.corpus.survey import Survey
from simworld.errors import CorpusError, Drift
from simworld.simulate.produce import produce
from simworld.simulate.share import RunSettings
from tests.llm_server import serve
from tests.runs import bytes_of, kill_after, simworld, transcripts, two_scenes

KILLS = 6


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_scenes(tmp_path_factory.mktemp("pack") / "two")


def test_improv_is_the_same_bytes_however_it_is_run(pack: Path, tmp_path: Path) -> None:
    ways = {
        "one": ["--jobs", 1],
        "many": ["--jobs", 64],
        "processes": ["--workers", 2, "--jobs", 8],
    }
    for seed, (name, options) in enumerate(ways.items()):
        simworld("run", pack, "-n", 130, "--out", tmp_path / name, *options, PYTHONHASHSEED=str(seed))
    simworld("run", pack, "-n", 70, "--out", tmp_path / "grown")
    simworld("run", pack, "-n", 130, "--out", tmp_path / "grown")
    first = bytes_of(tmp_path / "one")
    assert set(first) == {
        "transcripts/00000.jsonl",
        "transcripts/00001.jsonl",
        "manifest.json",
    }
    for name in ("many", "processes", "grown"):
        assert bytes_of(tmp_path / name) == first
    assert {row["status"] for row in transcripts(tmp_path / "one")} == {"complete"}
    assert list((tmp_path / "one" / "journal").iterdir()) == []


def test_the_seed_makes_another_corpus(pack: Path, tmp_path: Path) -> None:
    simworld("run", pack, "-n", 4, "--seed", 1, "--out", tmp_path / "a")
    simworld("run", pack, "-n", 4, "--seed", 2, "--out", tmp_path / "b")
    assert bytes_of(tmp_path / "a") != bytes_of(tmp_path / "b")


def test_a_killed_run_goes_on_and_asks_nothing_twice(pack: Path, tmp_path: Path) -> None:
    """Every reply carries a serial number, so a call asked twice would show in the bytes and in the count."""
    out = tmp_path / "corpus"
    chance = Random(1)
    with serve(serial=True, latency=0.01) as server:
        run = ["run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", 60, "--out", out]
        run += ["--jobs", 6]
        for _ in range(KILLS):
            kill_after(0.7 + 0.9 * chance.random(), *run)
        simworld(*run)
        asked = server.count
        simworld(*run)
        assert server.count == asked
    rows = transcripts(out)
    assert [row["index"] for row in rows] == list(range(60))
    assert {row["status"] for row in rows} == {"complete"}
    calls = sum(usage["calls"] for row in rows for usage in row["usage"].values())
    journaled = [line for path in (out / "journal").iterdir() for line in path.read_bytes().splitlines()]
    keys = [(row["d"], row["s"], row["c"]) for row in map(json.loads, journaled)]
    assert len(keys) == len(set(keys)) == calls
    # what was in flight when the run was killed has been answered to nobody and is asked again; nothing else is
    assert asked - calls <= KILLS * 6
    before = bytes_of(out)
    simworld(*run, "--replay")
    assert bytes_of(out) == before


def test_replay_makes_the_transcripts_again_with_the_server_gone(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    with serve(serial=True) as server:
        run = ["run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", 20, "--out", out]
        simworld(*run)
    before = bytes_of(out)
    for path in (out / "transcripts").iterdir():
        path.unlink()
    simworld(*run, "--replay", "--workers", 2)
    assert bytes_of(out) == before


def test_replay_reports_drift_and_resume_refuses_it(pack: Path, tmp_path: Path) -> None:
    journal_row = {"d": "x-000000", "s": "a", "c": 0, "h": "another", "r": {"text": "kept"}}
    (tmp_path / "00000-0.jsonl").write_text(json.dumps(journal_row) + "\n")
    key = Key("x-000000", 0, "a", 0)

    class Never:
        spec = "never"

        async def complete(self, *_: object, **__: object) -> Completion:
            raise AssertionError("asked")

    async def ask(replay: bool) -> Journal:
        journal = Journal(tmp_path, replay=replay)
        completion = await journal.ask(Never(), [], key=key, seed=0)  # type: ignore[arg-type]
        assert completion.text == "kept"
        return journal

    drifted = asyncio.run(ask(True)).drifted
    assert (drifted.calls, drifted.first) == (1, key)
    with pytest.raises(Drift, match="x-000000: call 0 of seat 'a'"):
        asyncio.run(ask(False))


def test_another_run_is_refused_with_the_difference(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    simworld("run", pack, "-n", 3, "--out", out)
    for options, shown in (
        (["--seed", 5], "seed: 0 there, 5 here"),
        (["--max-turns", 4], "max_turns: nothing there, 4 here"),
        (["--temperature", 0.5], "backends.sampling.temperature: nothing there, 0.5 here"),
        (["--backend", "scripted:x.txt"], "backends.default"),
    ):
        (tmp_path / "x.txt").write_text("hello\n")
        given = [str(option).replace("x.txt", str(tmp_path / "x.txt")) for option in options]
        refused = CliRunner().invoke(app, ["run", str(pack), "-n", "3", "--out", str(out), *given]).exception
        assert isinstance(refused, CorpusError)
        assert shown in str(refused)
    before = bytes_of(out)
    simworld("run", pack, "-n", 3, "--jobs", 3, "--workers", 2, "--out", out)
    assert bytes_of(out) == before


def test_a_second_process_is_refused_and_a_dead_ones_lock_is_not(pack: Path, tmp_path: Path) -> None:
    import fcntl

    out = tmp_path / "corpus"
    simworld("run", pack, "-n", 1, "--out", out)
    with (out / "lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.write(str(os.getpid()))
        file.truncate()
        file.flush()
        done = simworld("run", pack, "-n", 2, "--out", out, code=2)
        assert f"process {os.getpid()}" in done.stderr
    (out / "lock").write_text("999999999")
    simworld("run", pack, "-n", 2, "--out", out)


def test_a_torn_last_line_is_dropped_and_told(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    with serve(serial=True) as server:
        run = ["run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", 6, "--out", out]
        simworld(*run)
        whole = bytes_of(out)
        asked = server.count
        # as a crash would leave it: two dialogues unfinished, the journal's last line torn
        shard = out / "transcripts" / "00000.jsonl"
        shard.write_bytes(b"".join(shard.read_bytes().splitlines(keepends=True)[:4]))
        journal = next((out / "journal").glob("*.jsonl"))
        journal.write_bytes(journal.read_bytes() + b'{"d":"torn')
        simworld(*run)
        assert server.count == asked
    assert bytes_of(out) == whole
    assert "torn" in (out / "run.log.jsonl").read_text()


def test_failed_dialogues_are_played_again_unless_kept(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    with serve(faults={"400": 0.02}, fault_tries=None, message="too long") as server:
        run = ["run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", 40, "--out", out]
        done = simworld(*run, code=None)
        failed = [row["index"] for row in transcripts(out) if row["status"] == "failed"]
        assert failed
        assert done.returncode == 1
        asked = server.count
        simworld(*run, "--keep-failed", code=1)
        assert server.count == asked
        server.knobs.faults = {}
        simworld(*run)
    assert {row["status"] for row in transcripts(out)} == {"complete"}
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["statuses"] == {"complete": 40}
    assert manifest["status"] == "complete"


def test_ctrl_c_leaves_a_valid_corpus_and_says_how_to_go_on(pack: Path, tmp_path: Path) -> None:
    import signal
    import subprocess

    from tests.runs import COMMAND, until

    out = tmp_path / "corpus"
    with serve(serial=True, latency=0.02) as server:
        run = ["run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", 300, "--out", out, "--jobs", 4]
        with subprocess.Popen([*COMMAND, *map(str, run)], stderr=subprocess.PIPE, text=True) as process:
            until(lambda: server.count > 60)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "the same command goes on" in stderr
        assert "Traceback" not in stderr
        manifest = json.loads((out / "manifest.json").read_text())
        assert manifest["status"] == "incomplete"
        rows = transcripts(out)
        assert rows
        assert {row["status"] for row in rows} == {"complete"}
        server.knobs.latency = 0
        simworld(*run)
    assert len(transcripts(out)) == 300


def test_a_folder_of_other_things_is_not_written_into(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    done = simworld("run", pack, "--out", tmp_path, code=2)
    assert "not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_damaged_corpus_is_named_by_file(pack: Path, tmp_path: Path) -> None:
    from simworld import Corpus

    out = tmp_path / "corpus"
    simworld("run", pack, "-n", 2, "--out", out)
    shard = out / "transcripts" / "00000.jsonl"
    shard.write_bytes(b"not json\n" + shard.read_bytes())
    with pytest.raises(CorpusError, match=r"00000\.jsonl"):
        list(Corpus(out))


def test_a_full_disk_ends_the_run_cleanly(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from simworld.errors import RunStopped

    out = tmp_path / "corpus"
    settings = RunSettings(scenes=(str(pack),), out=str(out), n=30, jobs=4)
    write, left = os.write, [200_000]

    def full(descriptor: int, data: bytes) -> int:
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = bytes(data)[: left[0]]
        left[0] -= len(part)
        return write(descriptor, part)

    monkeypatch.setattr("simworld.corpus.folder.os.write", full)
    with pytest.raises(RunStopped, match="the disk is full"):
        asyncio.run(produce(settings, lambda _: None))
    monkeypatch.undo()
    rows = transcripts(out)
    assert 0 < len(rows) < 30
    asyncio.run(produce(settings, lambda _: None))
    assert len(transcripts(out)) == 30
    assert json.loads((out / "manifest.json").read_text())["status"] == "complete"


# --- what is counted is kept ----------------------------------------------------------------------------------------


def settings_of(pack: Path, out: Path, **options: object) -> RunSettings:
    return RunSettings.model_validate({"scenes": (str(pack),), "out": str(out), "n": 130, **options})


def counted(survey: Survey) -> dict[str, object]:
    return {name: value for name, value in survey.counts().items() if value}


def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The shards that are read to be counted, from now on."""
    found: list[int] = []

    def reading(folder: Path, shard: int) -> dict[int, bytes]:
        found.append(shard)
        return read_shard(folder, shard)

    monkeypatch.setattr("simworld.corpus.survey.read_shard", reading)
    return found


@pytest.fixture(scope="module")
def finished(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of two shards, one of them not full."""
    out = tmp_path_factory.mktemp("finished") / "corpus"
    asyncio.run(produce(settings_of(pack, out), lambda _: None))
    return out


def copy(corpus: Path, out: Path) -> Path:
    """A corpus as a new one would stand there: what is kept of its counts holds."""
    shutil.copytree(corpus, out)
    Survey.of(out, keep=True)
    return out


def test_a_finished_corpus_is_not_read_again(
    pack: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = copy(finished, tmp_path / "corpus")
    before, whole = bytes_of(out), counted(Survey.of(out))
    shards = reads(monkeypatch)
    survey = asyncio.run(produce(settings_of(pack, out), lambda _: None))
    assert shards == []
    assert counted(survey) == whole
    assert bytes_of(out) == before
    shutil.rmtree(out / "counts")
    assert counted(Survey.of(out)) == whole
    assert shards == [0, 1]


def same_size(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"complete"', b'"failed",,', 1))


def dropped(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))


def backdated(path: Path) -> None:
    """An edit that keeps size and time of change."""
    was = path.stat()
    same_size(path)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def put_back(path: Path) -> None:
    """Another file of the same size and time in its place."""
    was, other = path.stat(), path.with_name("other")
    shutil.copy(path, other)
    same_size(other)
    os.utime(other, ns=(was.st_atime_ns, was.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("edit", [same_size, dropped, backdated, put_back])
def test_an_edited_shard_is_read_again(
    edit: Callable[[Path], None], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = copy(finished, tmp_path / "corpus")
    edit(out / "transcripts" / "00000.jsonl")
    shards = reads(monkeypatch)
    if edit is dropped:
        assert sum(Survey.of(out).statuses.values()) == 129
    else:
        with pytest.raises(CorpusError, match=r"00000\.jsonl: a line is not a transcript"):
            Survey.of(out)
    assert shards[0] == 0


def tampered(path: Path) -> None:
    row = json.loads(path.read_text())
    row["counts"]["turns"] += 1
    path.write_text(json.dumps(row))


def of_another(path: Path) -> None:
    shutil.copy(path.with_name("00001.json"), path)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def a_list(path: Path) -> None:
    path.write_text("[1, 2]")


@pytest.mark.parametrize("damage", [tampered, of_another, emptied, a_list, Path.unlink])
def test_damaged_counts_are_not_believed(
    damage: Callable[[Path], None], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = copy(finished, tmp_path / "corpus")
    whole = counted(Survey.of(out))
    damage(out / "counts" / "00000.json")
    shards = reads(monkeypatch)
    assert counted(Survey.of(out, keep=True)) == whole
    assert shards == [0]
    assert counted(Survey.of(out)) == whole
    assert shards == [0]


def test_counts_of_shards_add_up_to_those_of_their_lines(finished: Path) -> None:
    whole = Survey()
    for shard in (0, 1):
        for line in read_shard(finished, shard).values():
            row = json.loads(line)
            whole.add(row["index"], Survey.facts(row))
    assert counted(whole) == counted(Survey.of(finished))
    assert whole.closed == 130


def test_a_failed_dialogue_is_replaced_in_kept_counts_too(tmp_path: Path, finished: Path) -> None:
    out = copy(finished, tmp_path / "corpus")
    path = out / "transcripts" / "00001.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[3] |= {"status": "failed", "ending": {**lines[3]["ending"], "reason": "failed", "detail": "x"}}
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    Survey.of(out, keep=True)
    survey = Survey.of(out)
    assert survey.statuses == {"complete": 129, "failed": 1}
    assert [index for index in range(131) if not survey.is_finished([index], failed_too=False)] == [103, 130]
    assert survey.is_finished([103], failed_too=True)
    good = Survey.of(finished)
    survey.add(103, Survey.facts(json.loads(read_shard(finished, 1)[103])))
    assert counted(survey) == counted(good)


def test_a_survey_takes_little_memory() -> None:
    facts = {
        "status": "complete", "reason": "left", "scene": "desk", "turns": 9, "closes": True, "backends": [],
        "usage": [],
    }  # fmt: skip
    survey = Survey()
    tracemalloc.start()
    try:
        for index in range(50_000):
            survey.add(index, facts)
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()


def test_a_dialogue_in_the_wrong_file_is_refused(finished: Path, tmp_path: Path) -> None:
    out = copy(finished, tmp_path / "corpus")
    (out / "transcripts" / "00001.jsonl").rename(out / "transcripts" / "00002.jsonl")
    with pytest.raises(CorpusError, match=r"00002\.jsonl: dialogue 100 stands in the wrong file; its place is 00001"):
        Survey.of(out)


def test_a_row_that_is_no_transcript_is_named(finished: Path, tmp_path: Path) -> None:
    out = copy(finished, tmp_path / "corpus")
    with (out / "transcripts" / "00001.jsonl").open("a") as file:
        file.write('{"index":131}\n')
    with pytest.raises(CorpusError, match="dialogue 131 is not a transcript"):
        Survey.of(out)


def test_what_a_killed_run_finished_is_put_in_order_first(pack: Path, finished: Path, tmp_path: Path) -> None:
    """A torn last line of it goes, and is told; the same bytes come out."""
    out = copy(finished, tmp_path / "corpus")
    shard = out / "transcripts" / "00001.jsonl"
    lines = shard.read_bytes().splitlines(keepends=True)
    shard.write_bytes(b"".join(lines[:20]))
    (out / "journal" / "00001-3.done").write_bytes(b"".join(reversed(lines[20:])) + lines[5][:70])
    played: list[str] = []
    asyncio.run(produce(settings_of(pack, out), lambda event: played.append(event["event"])))
    assert "done" not in played
    assert bytes_of(out) == bytes_of(finished)
    assert not [*(out / "journal").iterdir()]
    assert '"torn_line_dropped","file":"00001-3.done","bytes":70' in (out / "run.log.jsonl").read_text()
