"""The journal: durable before use, grouped, of constant memory, read in one go; and what a replay says of drift."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from simworld.backends import journal as module
from simworld.backends.completion import Completion
from simworld.backends.journal import MOST_OPEN, SHARD, Journal, Key
from simworld.errors import BackendError, CorpusError
from simworld.simulate.drift import Drifts, parting
from tests.llm_server import serve
from tests.runs import simworld, two_scenes, write_pack

MESSAGES = [{"role": "user", "content": "Well?"}]


class Model:
    """Answers with the number of the call."""

    spec = "model"

    def __init__(self) -> None:
        self.asked = 0

    async def complete(self, *_: object, **__: object) -> Completion:
        self.asked += 1
        number = self.asked
        await asyncio.sleep(0)
        return Completion(f"reply {number}", 1, 1)


def key(index: int, call: int = 0, seat: str = "a") -> Key:
    return Key(f"desk-{index:06d}", index, seat, call)


async def ask(journal: Journal, model: Model, *keys: Key) -> list[str]:
    told = await asyncio.gather(*(journal.ask(model, MESSAGES, key=one, seed=0) for one in keys))  # type: ignore[arg-type]
    return [completion.text for completion in told]


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()]


def test_a_reply_is_on_the_disk_before_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []

    def sync(descriptor: int) -> None:
        synced.append(len(os.pread(descriptor, 10_000, 0).splitlines()))

    monkeypatch.setattr(module.os, "fdatasync", sync)

    async def main() -> None:
        journal, model = Journal(tmp_path), Model()
        for call in range(3):
            await ask(journal, model, key(0, call))
            assert synced[-1] == call + 1
        await journal.close()

    asyncio.run(main())


def test_a_thousand_in_flight_share_few_syncs(tmp_path: Path) -> None:
    """All that came while the disk was busy is one batch: no more syncs than batches times shards."""
    n, calls = 1000, 3

    async def main() -> Journal:
        journal, model = Journal(tmp_path), Model()

        async def dialogue(index: int) -> None:
            for call in range(calls):
                await ask(journal, model, key(index, call))
            journal.forget(index, key(index).dialogue)

        await asyncio.gather(*map(dialogue, range(n)))
        await journal.close()
        assert not journal._known
        assert len(journal._places) <= MOST_OPEN
        return journal

    journal = asyncio.run(main())
    assert journal.kept == n * calls == len(rows(tmp_path))
    assert journal.syncs <= n * calls / 10


def test_replies_of_finished_dialogues_are_let_go_and_so_is_where_they_lie(tmp_path: Path) -> None:
    n = (MOST_OPEN + 5) * SHARD

    async def main() -> None:
        journal, model = Journal(tmp_path), Model()
        for index in range(0, n, SHARD // 2):
            await ask(journal, model, key(index))
            journal.forget(index, key(index).dialogue)
            assert not journal._known
            assert len(journal._places) <= MOST_OPEN
            assert len(journal._files) <= MOST_OPEN
        await journal.close()
        again = Journal(tmp_path)
        kept = [key(index) for index in range(0, n, SHARD)]  # all in flight at once: more shards than are kept idle
        assert len({*await ask(again, model, *kept)}) == len(kept) == again.answered
        again.forget(0, key(0).dialogue)
        assert len(again._places) == len(kept)
        await again.close()

    asyncio.run(main())


@pytest.mark.parametrize("calls", [40, 400])
def test_each_row_is_parsed_twice_at_most(calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once to see whose it is, once where its dialogue is played: never again for each call."""
    dialogues, parsed, loads = 20, [0], module.orjson.loads

    async def write() -> None:
        journal, model = Journal(tmp_path), Model()
        await ask(journal, model, *(key(index, call) for index in range(dialogues) for call in range(calls)))
        await journal.close()

    async def read() -> list[str]:
        journal, model = Journal(tmp_path), Model()
        told: list[str] = []
        for index in range(dialogues):
            for call in range(calls):
                told += await ask(journal, model, key(index, call))
            journal.forget(index, key(index).dialogue)
        assert model.asked == 0
        return told

    def counted(data: bytes) -> Any:
        parsed[0] += 1
        return loads(data)

    asyncio.run(write())
    monkeypatch.setattr(module.orjson, "loads", counted)
    assert len({*asyncio.run(read())}) == dialogues * calls
    assert parsed[0] == 2 * dialogues * calls


def test_rows_of_all_workers_answer_and_only_the_own_torn_line_is_counted(tmp_path: Path) -> None:
    async def write(worker: int, call: int) -> None:
        journal = Journal(tmp_path, worker=worker)
        await ask(journal, Model(), key(3, call))
        await journal.close()

    for worker in (0, 1):
        asyncio.run(write(worker, worker))
        with (tmp_path / f"00000-{worker}.jsonl").open("ab") as file:
            file.write(b'{"d":"desk-0')

    async def read() -> None:
        journal, model = Journal(tmp_path, worker=1), Model()
        await ask(journal, model, key(3, 0), key(3, 1))
        assert (journal.answered, model.asked, journal.torn) == (2, 0, len('{"d":"desk-0'))
        await ask(journal, model, key(3, 2))
        await journal.close()

    asyncio.run(read())
    assert [row["c"] for row in map(json.loads, (tmp_path / "00000-1.jsonl").read_bytes().splitlines())] == [1, 2]


def test_a_new_worker_reads_what_the_dead_one_wrote_last(tmp_path: Path) -> None:
    """Each process reads a shard once; the one that takes over is another process."""

    async def main() -> None:
        dead, model = Journal(tmp_path), Model()
        await ask(dead, model, key(1))
        replaced = Journal(tmp_path)
        await ask(dead, model, key(2))
        assert await ask(replaced, model, key(2)) == ["reply 2"]
        assert model.asked == 2
        await dead.close()
        await replaced.close()

    asyncio.run(main())


def test_a_damaged_row_is_named_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "00000-0.jsonl").write_bytes(b'{"d":"x","s":"a","c":0,"h":"","r":{"text":""}}\nnot json\n')
    with pytest.raises(CorpusError, match=r"00000-0\.jsonl:2: not a journal row"):
        asyncio.run(ask(Journal(tmp_path), Model(), key(0)))


@pytest.mark.parametrize("fails", ["write", "fdatasync"])
def test_a_reply_that_could_not_be_kept_is_used_by_nobody(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def main() -> list[BaseException | str]:
        journal, model = Journal(tmp_path), Model()
        await ask(journal, model, key(0))
        with monkeypatch.context() as patch:
            patch.setattr(module.os, fails, full)
            told = await asyncio.gather(
                *(journal.ask(model, MESSAGES, key=key(0, call), seed=0) for call in (1, 2)),  # type: ignore[arg-type]
                return_exceptions=True,
            )
        await ask(journal, model, key(0, 3))
        await journal.close()
        return told  # type: ignore[return-value]

    assert [type(one) for one in asyncio.run(main())] == [OSError, OSError]
    assert {0, 3} <= {row["c"] for row in rows(tmp_path)}


def test_a_replay_without_a_reply_names_dialogue_seat_and_call(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="desk-000003: call 2 of seat 'b' is not in the journal"):
        asyncio.run(ask(Journal(tmp_path, replay=True), Model(), key(3, 2, "b")))


# --- drift ---------------------------------------------------------------------------------------------------------


def test_drift_counts_seats_and_keeps_the_first_of_the_plan(tmp_path: Path) -> None:
    with (tmp_path / "00000-0.jsonl").open("w") as file:
        for one in (key(5), key(2, 0, "b"), key(2, 1), key(9)):
            row = {"d": one.dialogue, "s": one.seat, "c": one.call, "h": "other", "r": {"text": ""}}
            file.write(json.dumps(row) + "\n")
    journal = Journal(tmp_path, replay=True)
    asyncio.run(ask(journal, Model(), key(5), key(2, 0, "b"), key(2, 1), key(9)))
    assert journal.drifted.calls == 4
    assert journal.drifted.seats == {"a": 3, "b": 1}
    assert journal.drifted.first == key(2, 0, "b")


@pytest.mark.parametrize(
    ("there", "here", "found"),
    [
        ({"a": 1}, {"a": 1}, None),
        ({"a": {"b": [1, "x"]}}, {"a": {"b": [1, "y"]}}, ("a.b.1", "x", "y")),
        ({"a": [1]}, {"a": [1, {"t": 2}]}, ("a.1", "nothing", '{"t":2}')),
        ({"a": "same " * 20 + "old end"}, {"a": "same " * 20 + "new end"},
         ("a", "..." + "same " * 6 + "old end", "..." + "same " * 6 + "new end")),
        ({"a": "x" * 50}, {"a": "y" * 50}, ("a", "x" * 30 + "...", "y" * 30 + "...")),
        ({"a": "short"}, {"a": "shorter"}, ("a", "short", "shorter")),
    ],
    ids=["same", "nested", "longer", "text", "from the start", "goes on"],
)  # fmt: skip
def test_where_two_values_part(there: Any, here: Any, found: Any) -> None:
    assert parting(there, here) == found


def test_drift_of_several_processes_is_one() -> None:
    drifts = Drifts([("seed", "0", "1")])
    assert drifts.event() is None
    for index, seats in ((7, {"a": 2}), (3, {"a": 1, "b": 4}), (5, {"b": 1})):
        first = {"dialogue": f"d{index}", "index": index, "seat": "a", "call": 0}
        drifts.add({"seats": seats, "first": first, "parting": None, "templates": [(f"t{index}", "x", "y")]})
    event = drifts.event()
    assert event is not None
    assert (event["calls"], event["seats"], event["first"]["dialogue"]) == (8, {"a": 3, "b": 5}, "d3")
    assert event["changed"] == [("template t3", "x", "y"), ("seed", "0", "1")]


def test_a_replay_says_where_requests_part_and_what_has_changed(tmp_path: Path) -> None:
    pack, out = two_scenes(tmp_path / "pack"), tmp_path / "out"
    with serve() as server:
        run = ["run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", 4, "--out", out]
        simworld(*run)
        assert "differ" not in simworld(*run, "--replay").stderr
    ana = pack / "personas" / "ana.yaml"
    ana.write_text(ana.read_text().replace("rowing at dawn", "rowing at dusk"))
    told = simworld(*run, "--replay", "--workers", 2).stderr
    head, parts, *changed = [line for line in told.splitlines() if "differ" in line or line.startswith("  ")]
    assert "requests differ from the journaled ones (by seat: " in head
    assert "first: " in head
    assert "call 0" in head
    assert ".briefing.system: " in parts
    assert "dawn" in parts.split(" there, ")[0]
    assert "dusk" in parts.split(" there, ")[1]
    assert [line.split(":")[1].strip() for line in changed] == ["packs"]
    log = [json.loads(line) for line in (out / "run.log.jsonl").read_text().splitlines()]
    assert [row["first"]["call"] for row in log if row["event"] == "drift"] == [0]


def test_a_replay_names_the_templates_that_changed_or_says_that_the_code_has(tmp_path: Path) -> None:
    scene = {"id": "desk", "title": "Desk", "seats": [{"id": "a"}, {"id": "b"}], "end": {"max_turns": 4}}
    people = [{"id": id, "name": name} for id, name in (("ana", "Ana Reis"), ("tom", "Tom Bell"))]
    pack, out = write_pack(tmp_path / "pack", [scene], people), tmp_path / "out"
    with serve() as server:
        run = ["run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", 1, "--out", out]
        simworld(*run)
    [path] = (out / "journal").glob("*.jsonl")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(lines[0]), "h": "another"}), *lines[1:]]) + "\n")
    told = simworld(*run, "--replay").stderr
    assert "1 requests differ" in told
    assert "it parts at" not in told
    assert "the code must have changed" in told
    shard = out / "transcripts" / "00000.jsonl"
    row = json.loads(shard.read_text())
    name = next(iter(row["prompts"]))
    was, row["prompts"][name] = row["prompts"][name], "0123"
    shard.write_text(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n")
    told = simworld(*run, "--replay").stderr
    assert f"changed since: template {name}: 0123 there, {was} here" in told
    assert "code must" not in told


def test_a_replay_of_a_journal_with_a_gap_tells_the_call(tmp_path: Path) -> None:
    pack, out = two_scenes(tmp_path / "pack"), tmp_path / "out"
    with serve() as server:
        run = ["run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", 2, "--out", out]
        simworld(*run)
    [path] = (out / "journal").glob("*.jsonl")
    lines = path.read_text().splitlines()
    gap = json.loads(lines.pop())
    path.write_text("\n".join(lines) + "\n")
    told = simworld(*run, "--replay", code=1).stderr
    assert f"{gap['d']}: call {gap['c']} of seat '{gap['s']}' is not in the journal" in told
