"""Diversity: coverage counted, evenness and distances by their formulas, the nearest found, samples fair."""

from __future__ import annotations

import json
import math
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simworld.cli.app import app
from simworld.corpus.store import Corpus
from simworld.curate.dimensions import Dimensions, Spread, spoken
from simworld.curate.diversity import measure_diversity
from simworld.curate.sameness import Sample, nearest, shingles_of
from simworld.errors import CorpusError
from simworld.schema import Persona
from simworld.text.ngrams import ngrams, words
from tests.runs import simworld, two_scenes


def row(index: int = 0, *said: str, **fields: Any) -> dict[str, Any]:
    """A transcript's line, as far as diversity reads it."""
    turns = [{"n": n, "act": n, "seat": "a", "kind": "say", "text": text} for n, text in enumerate(said)]
    told = {"id": f"d{index}", "index": index, "scene": "s", "seats": {}, "turns": turns, "status": "complete"}
    return {**told, "ending": {"reason": "left"}, **fields}


@pytest.mark.parametrize(
    ("counts", "evenness", "effective", "top"),
    [
        ({"a": 5, "b": 5}, 1.0, 2.0, 1.0),
        ({"a": 5}, math.nan, 1.0, 1.0),
        ({}, math.nan, 0.0, math.nan),
        ({"a": 3, "b": 1}, 0.8113, 1.7548, 1.0),
        (dict.fromkeys("abcdefgh", 2), 1.0, 8.0, 0.5),
    ],
)
def test_a_spread(counts: dict[str, int], evenness: float, effective: float, top: float) -> None:
    spread = Spread(counts)
    found = spread.evenness, spread.effective, spread.top_share
    assert found == pytest.approx((evenness, effective, top), abs=1e-4, nan_ok=True)


def test_the_distance_of_two_spreads() -> None:
    assert Spread({"a": 1}).distance(Spread({"b": 9})) == pytest.approx(1.0)
    assert Spread({"a": 1, "b": 1}).distance(Spread({"a": 7, "b": 7})) == pytest.approx(0.0)
    assert Spread({"a": 1, "b": 1}).distance(Spread({"a": 1})) == pytest.approx(0.3113, abs=1e-4)


def test_what_is_said_is_what_its_speakers_say() -> None:
    turns = [
        {"kind": "say", "text": "mine", "seat": "a"},
        {"kind": "say", "text": "the author's", "seat": "a", "source": "scene"},
        {"kind": "think", "text": "hidden", "seat": "a"},
        {"kind": "say", "text": "rain", "seat": "narrator"},
    ]
    assert spoken({"turns": turns}) == ["mine"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("diversity")
    two_scenes(root / "pack")
    simworld("run", root / "pack", "-n", 12, "--out", root / "corpus")
    return root / "corpus"


def test_dimensions_count_people_scenes_and_lines(corpus: Path) -> None:
    read = Corpus(corpus)
    tally = Dimensions(read)
    rows = [one for one, _ in read.rows()]
    for one in rows:
        tally.add(one)
    seats = [seat["persona"] for one in rows for seat in one["seats"].values()]
    assert tally["personas"].total == tally["careers"].total == len(seats)
    assert tally["careers"].counts == {"nurse": len(seats)}
    assert tally["scenes"].counts == {"desk": 6, "yard": 6}
    assert sum(tally["ages"].counts.values()) == len(seats)
    assert tally["line openings"].total == sum(len(spoken(one)) for one in rows)
    assert tally["openings"].total == 12


PROFILE = "You are Ann Lee, a 34-year-old woman who works as a baker."


def test_a_profile_alone_tells_of_a_career_and_an_age() -> None:
    class Imported:
        personas = {
            "x": Persona(id="x", name="Ann", profile="You are Ann Lee, a 34-year-old woman who works as a baker.")
        }
        scenes: dict[str, Any] = {}

    tally = Dimensions(Imported())  # type: ignore[arg-type]
    tally.add(row(seats={"a": {"persona": "x"}}))
    found = [dict(tally[name].counts) for name in ("careers", "ages", "genders")]
    assert found == [{"baker": 1}, {"30s": 1}, {"woman": 1}]


def test_holes_are_what_could_be_and_is_not() -> None:
    class Empty:
        personas: dict[str, Any] = {}
        scenes: dict[str, Any] = {}

    tally = Dimensions(Empty())  # type: ignore[arg-type]
    tally.add(row(topic="jokes", seats={"a": {"persona": "x", "emotion": "Sad"}}))
    assert tally["topics"].counts == {"jokes": 1}
    assert "jokes" not in tally["topics"].holes
    assert "gossip" in tally["topics"].holes
    assert len(tally["emotions"].holes) == 15
    assert "careers" not in set(tally)


TEXTS = {
    "one": ["the cat sat on the mat and slept", "nobody woke it"],
    "two": ["the cat sat on the mat and purred", "nobody woke it"],
    "three": ["a train left at noon for the coast"],
}


def test_the_nearest_by_jaccard_of_three_word_runs() -> None:
    sets = {id: {gram for line in lines for gram in ngrams(words(line), 3)} for id, lines in TEXTS.items()}
    expected = {
        frozenset(pair): len(sets[pair[0]] & sets[pair[1]]) / len(sets[pair[0]] | sets[pair[1]])
        for pair in combinations(TEXTS, 2)
    }
    found = nearest({id: shingles_of(lines) for id, lines in TEXTS.items()})
    assert found["one"] == (pytest.approx(expected[frozenset(("one", "two"))]), "two")
    assert found["two"][1] == "one"
    assert found["three"] == (0.0, "")


def test_the_nearest_of_others_may_be_the_same() -> None:
    shingles = {id: shingles_of(lines) for id, lines in TEXTS.items()}
    assert nearest({"one": shingles["one"]}, shingles) == {"one": (1.0, "one")}


def test_samples_are_drawn_by_the_seed_and_not_by_order() -> None:
    rows = [row(index, f"this is line number {index} of all", "and this is one more") for index in range(60)]

    def drawn(rows: list[dict[str, Any]], seed: int) -> tuple[list[str], list[str]]:
        sample = Sample(seed, lines=10, most=7)
        for one in rows:
            sample.add(one)
        return sample.texts, list(sample.dialogues)

    lines, dialogues = drawn(rows, 1)
    assert (len(lines), len(dialogues), len(set(dialogues))) == (10, 7, 7)
    assert drawn(rows[::-1], 1) == (lines, dialogues)
    assert drawn(rows, 2)[1] != dialogues
    means = [sum(int(id[1:]) for id in drawn(rows, seed)[1]) / 7 for seed in range(40)]
    assert 25 < sum(means) / 40 < 34


def test_a_corpus_of_one_line_is_told_apart_from_a_varied_one() -> None:
    same, varied = Sample(), Sample()
    for index in range(40):
        same.add(row(index, "I could not agree with you more about the weather today"))
        varied.add(row(index, f"item {' '.join(f'word{chr(97 + (index * k) % 26)}{k}' for k in range(12))}"))
    assert same.measures()["distinct-2"] < 0.1 < varied.measures()["distinct-2"]
    assert same.measures()["self-BLEU-4"] == pytest.approx(100)
    assert varied.measures()["self-BLEU-4"] < 80


def test_the_report_of_a_corpus(corpus: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["diversity", str(corpus), "--out", str(tmp_path / "report"), "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads((tmp_path / "report" / "diversity.json").read_text())
    assert json.loads(done.stdout) == facts
    assert facts["dialogues"] == 12
    assert facts["dimensions"]["scenes"]["counts"] == {"desk": 6, "yard": 6}
    assert set(facts["texts"]) >= {"distinct-1", "distinct-2", "distinct-3", "self-BLEU-4", "MTLD"}
    page = (tmp_path / "report" / "diversity.md").read_text()
    assert "| scenes | 2 | 1 | 1 |" in page


def test_a_corpus_held_against_itself(corpus: Path) -> None:
    report = measure_diversity(corpus, corpus)
    assert set(report.distances().values()) == {0.0}
    assert report.near_other is not None
    assert report.near_other["median"] == 1.0
    assert report.own.near["median"] < 0.9


def test_rejected_dialogues_are_left_out(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "c" / "transcripts").mkdir(parents=True)
    lines = (corpus / "transcripts" / "00000.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for one in rows[:5]:
        one["curation"] = {"kept": False, "findings": [], "scores": {}}
    (tmp_path / "c" / "transcripts" / "00000.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    report = measure_diversity(tmp_path / "c")
    assert (report.own.dialogues, report.own.rejected) == (7, 5)
    assert "5 rejected" in report.lines()[0]


def test_nothing_to_measure_is_told(tmp_path: Path) -> None:
    (tmp_path / "c" / "transcripts").mkdir(parents=True)
    with pytest.raises(CorpusError, match="there is nothing to measure"):
        measure_diversity(tmp_path / "c")
