"""SIGKILL at any moment leaves what was there or what comes, and the same command makes the rest of it.

A few moments of `python -m tests.benchmarks.kills`; the moments are random, the seeds are not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from random import Random

import pytest

from simworld.corpus.exports.rows import TextRow
from simworld.corpus.exports.sinks import open_sink
from simworld.corpus.imports import write
from simworld.corpus.imports.conversations import import_sharegpt
from simworld.errors import CorpusError
from tests.benchmarks import kills
from tests.benchmarks.kills import Ground, ground, tree


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Generator[Ground]:
    with ground(tmp_path_factory.mktemp("ground")) as made:
        yield made


@pytest.mark.parametrize(("workers", "times"), [(1, 2), (2, 2)])
def test_a_killed_run_loses_and_doubles_nothing(at: Ground, workers: int, times: int) -> None:
    kills.kill_run(at, Random(workers), workers=workers, kills=times)


def test_a_killed_worker_is_replaced_and_nobody_can_tell(at: Ground) -> None:
    kills.kill_worker(at, Random(4), kills=2)


def test_a_killed_export_leaves_the_old_file_or_the_new(at: Ground) -> None:
    kills.kill_export(at, Random(5))


def test_a_killed_import_leaves_no_half_a_corpus(at: Ground) -> None:
    kills.kill_import(at, Random(6))


# --- moments too short to be met by chance --------------------------------------------------------------------------


class Killed(BaseException):
    """As if the process ended here: nothing is cleaned up."""


def source(folder: Path) -> Path:
    path = folder / "source.jsonl"
    rows = [{"conversations": [{"from": "human", "value": f"{n}?"}, {"from": "gpt", "value": "Y"}]} for n in range(3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def killed_import(folder: Path, monkeypatch: pytest.MonkeyPatch, *, after: int) -> Path:
    """An import killed before its renaming number `after`."""
    out, rename, done = folder / "out", Path.rename, [0]

    def renaming(self: Path, target: Path) -> Path:
        if done[0] == after:
            raise Killed
        done[0] += 1
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(write.Path, "rename", renaming)
        patch.setattr(write, "_take_away", lambda _: None)
        with pytest.raises(Killed):
            import_sharegpt(source(folder), out)
    return out


@pytest.mark.parametrize("after", range(4))
def test_an_import_killed_while_its_parts_are_put_in_place(
    after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_sharegpt(source(tmp_path), tmp_path / "whole")
    out = killed_import(tmp_path, monkeypatch, after=after)
    assert not (out / "corpus").exists()
    import_sharegpt(source(tmp_path), out)
    assert tree(out) == tree(tmp_path / "whole")
    assert sorted(path.name for path in out.iterdir()) == ["corpus", "personas", "scenes"]


def test_what_a_user_put_beside_a_killed_import_is_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = killed_import(tmp_path, monkeypatch, after=0)
    (out / "personas").mkdir()
    (out / "personas" / "mine.yaml").write_text("id: mine")
    with pytest.raises(CorpusError, match="not empty"):
        import_sharegpt(source(tmp_path), out)
    assert (out / "personas" / "mine.yaml").read_text() == "id: mine"


def test_halves_of_killed_exports_go_and_those_of_others_stay(tmp_path: Path) -> None:
    out = tmp_path / "rows[1].jsonl"
    dead = tmp_path / "rows[1].jsonl.999999999.half"
    others = [tmp_path / f"rows[1].jsonl.{os.getppid()}.half", tmp_path / "rows1.jsonl.999999999.half"]
    for half in (dead, *others):
        half.write_bytes(b"x")
    with open_sink(out, TextRow) as sink:
        assert not dead.exists()
        sink.write({"text": "a"})
    assert sorted(tmp_path.iterdir()) == sorted([out, *others])
