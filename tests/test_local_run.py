"""`simworld run --backend local:PATH`: a corpus of a model in the process, gone on with and played again."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from simworld import Sampling, play
from simworld.simulate.speakers import Speakers
from tests.runs import bytes_of, simworld, transcripts, two_scenes
from tests.tiny_model import build

pytest.importorskip("torch", reason="the extra `local` is not installed")
pytest.importorskip("transformers", reason="the extra `local` is not installed")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("models") / "tiny", seed=3)


def test_a_corpus_is_made_gone_on_with_and_played_again(model: Path, tmp_path: Path) -> None:
    pack, out = two_scenes(tmp_path / "pack"), tmp_path / "out"
    command = ["run", pack, "--backend", f"local:{model}", "-n", 4, "--seed", 5, "--max-tokens", 8, "--max-turns", 4]
    simworld(*command, "--out", out, OMP_NUM_THREADS="1")
    told = transcripts(out)
    assert len(told) == 4
    assert all(seat["backend"] == f"local:{model}" for one in told for seat in one["seats"].values())
    usages = [usage for one in told for usage in one["usage"].values()]
    assert all(usage["output_tokens"] and not usage.get("estimated") for usage in usages)
    before = bytes_of(out)
    shard = next((out / "transcripts").iterdir())
    lines = shard.read_text(encoding="utf-8").splitlines(keepends=True)
    for how in ([], ["--replay"]):
        again = tmp_path / f"again{len(how)}"
        shutil.copytree(out, again)
        (again / "transcripts" / shard.name).write_text("".join(lines[:2]), encoding="utf-8")
        done = simworld(*command, *how, "--out", again, OMP_NUM_THREADS="1")
        assert "answered by the journal" in done.stdout + done.stderr
        assert bytes_of(again) == before


def test_a_retrained_model_is_another_corpus(model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    spec = f"local:{folder}"
    speakers = Speakers(spec, {"a": "scripted:none.txt"}, sampling=Sampling(max_tokens=4))
    before = speakers.identity()
    assert list(before["files"]) == [spec]
    assert speakers.identity() == before
    shutil.rmtree(folder)
    build(Path(folder), seed=4)
    assert speakers.identity()["files"] != before["files"]
    assert Speakers("local:org/name").identity()["files"] == {}


def test_a_long_scene_is_cut_within_the_models_context(tmp_path: Path) -> None:
    folder = build(tmp_path / "model", vocab=2000, context=900)
    scene = two_scenes(tmp_path / "pack") / "scenes" / "desk.yaml"
    sampling = Sampling(max_tokens=48, device="cpu")
    told = asyncio.run(play(scene, backend=f"local:{folder}", sampling=sampling, max_turns=24))
    assert told.ending.reason != "failed", told.ending
    assert [turn.since for turn in told.turns if turn.since is not None]


def test_what_cannot_be_opened_ends_the_run_in_one_line() -> None:
    done = simworld("run", "lost_luggage", "--backend", "local:/no/such/model", code=2)
    assert "there is no folder '/no/such/model'" in done.stderr
