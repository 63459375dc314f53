"""A plan that fills up a corpus: what there is least of comes first, and nothing is played twice."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from simworld.corpus.store import Corpus
from simworld.schema import Persona
from simworld.simulate.coverage import Coverage, read_coverage
from simworld.simulate.plan import Plan, Planned
from simworld.simulate.stage import Stage
from tests.runs import bytes_of, simworld, two_scenes
from tests.scenes_of_tests import person, scene_of

TOPICS = ("trains", "tax", "bread")
EMOTIONS = ("Sad", "Tense", "Bored", "Happy")
PEOPLE = tuple(
    person(f"p{at}", f"Person{at} Surname").model_copy(
        update={"career": ("baker", "nurse", "barber")[at % 3], "age": 20 + 10 * (at % 4)}
    )
    for at in range(12)
)


def stage(id: str, kind: str = "", **fields: Any) -> Stage:
    scene = scene_of(2, **fields).model_copy(update={"id": id, "kind": kind})
    return Stage(scene, {seat.id: PEOPLE for seat in scene.seats})


def played(scene: str, *, kind: str = "", topic: str = "", **seats: tuple[str, str]) -> dict[str, Any]:
    """A transcript's line, as far as coverage reads it; seats: persona and emotion."""
    told = {seat: {"persona": persona, "emotion": emotion} for seat, (persona, emotion) in seats.items()}
    return {"scene": scene, "kind": kind, "topic": topic, "seats": told, "status": "complete"}


def coverage(*rows: dict[str, Any], personas: tuple[Persona, ...] = PEOPLE) -> Coverage:
    found = Coverage()
    for row in rows:
        found.add(row, {persona.id: persona for persona in personas})
    return found


def filled(n: int, there: Coverage, *stages: Stage, seed: int = 0) -> list[Planned]:
    return [item for item in Plan(stages, seed, coverage=there).take(n) if isinstance(item, Planned)]


def test_the_kind_that_is_thin_comes_first() -> None:
    there = coverage(*[played("a", kind="chat")] * 6, *[played("b", kind="work")] * 2)
    made = filled(10, there, stage("a", "chat"), stage("b", "work"), stage("c", "debate"))
    kinds = [item.situation.scene.kind for item in made]
    assert Counter(kinds[:4]) == {"debate": 3, "work": 1}
    assert Counter(kinds) == {"debate": 6, "work": 4}


def test_the_scene_that_is_thin_comes_first() -> None:
    there = coverage(*[played("a", kind="chat")] * 3, *[played("b", kind="chat")])
    made = filled(5, there, stage("a", "chat"), stage("b", "chat"), stage("c", "chat"))
    assert Counter(item.situation.scene.id for item in made) == {"b": 2, "c": 3}


def test_another_time_is_another_variant() -> None:
    """A scene's alternative openings go on where the corpus stopped."""
    fresh = filled(1, coverage(), stage("a"))[0].variant
    there = coverage(*[played("a")] * 2)
    item = filled(1, there, stage("a"))[0]
    first = next(iter(Plan([stage("a")], 0, coverage=there))).variant
    assert item.variant == first
    assert [one.variant for one in filled(3, there, stage("a"))] == [first, first + 1, first + 2]
    assert fresh != first


def test_topics_that_are_thin_in_all_scenes_come_first() -> None:
    there = coverage(*[played("z", topic="trains")] * 9, *[played("z", topic="tax")] * 9)
    made = filled(9, there, stage("a", topics=TOPICS), stage("b", topics=TOPICS))
    assert {item.situation.topic for item in made} == {"bread"}


def test_emotions_that_are_thin_come_first() -> None:
    rows = [played("z", x=("p0", emotion)) for emotion in ("Sad", "Tense", "Bored") for _ in range(20)]
    made = filled(10, coverage(*rows), stage("a", emotions=EMOTIONS))
    assert {emotion for item in made for emotion in item.situation.emotions.values()} == {"Happy"}


def test_careers_and_ages_that_are_thin_come_first() -> None:
    rows = [played("z", x=(who.id, "")) for who in PEOPLE if who.career != "barber" for _ in range(8)]
    made = filled(4, coverage(*rows), stage("a"))
    assert {who.career for item in made for who in item.situation.cast.values()} == {"barber"}
    rows = [played("z", x=(who.id, "")) for who in PEOPLE if who.age != 40 for _ in range(8)]
    made = filled(2, coverage(*rows), stage("a"))
    assert {who.age for item in made for who in item.situation.cast.values()} == {40}


def test_pairs_that_have_met_wait() -> None:
    three = PEOPLE[:3]
    stage_ = Stage(scene_of(2), {seat.id: three for seat in scene_of(2).seats})
    rows = [played(stage_.id, a=("p0", ""), b=("p1", "")), played(stage_.id, a=("p0", ""), b=("p2", ""))]
    there = coverage(*rows, personas=())
    [item] = islice(Plan([stage_], 0, coverage=there), 1)
    assert {who.id for who in item.situation.cast.values()} == {"p1", "p2"}  # type: ignore[union-attr]


def test_the_same_seed_does_not_play_the_same_again() -> None:
    fresh = [item.seed for item in Plan([stage("a")], 0).take(5)]
    there = coverage(played("b"))
    again = [item.seed for item in Plan([stage("a")], 0, coverage=there).take(5)]
    assert not set(fresh) & set(again)
    assert again == [item.seed for item in Plan([stage("a")], 0, coverage=coverage(played("b"))).take(5)]


def test_a_longer_plan_begins_as_the_shorter_one() -> None:
    there = coverage(played("a", kind="chat"), played("a", kind="chat"))
    stages = stage("a", "chat", topics=TOPICS), stage("b", "work", emotions=EMOTIONS)
    shorter, longer = filled(7, there, *stages), filled(20, there, *stages)
    assert [(one.id, one.seed, one.situation.topic) for one in shorter] == [
        (one.id, one.seed, one.situation.topic) for one in longer[:7]
    ]
    assert [*Plan(stages, 0, coverage=there).spans(7)] == [range(at, at + 1) for at in range(7)]


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fill")
    two_scenes(root / "pack")
    simworld("run", root / "pack/scenes/desk.yaml", "-n", 4, "--out", root / "corpus")
    return root


def test_a_corpus_is_filled_up(pack: Path, tmp_path: Path) -> None:
    simworld("run", pack / "pack", "-n", 6, "--fill", pack / "corpus", "--out", tmp_path / "more")
    both = Counter(row["scene"] for name in (pack / "corpus", tmp_path / "more") for row, _ in Corpus(name).rows())
    assert both == {"desk": 5, "yard": 5}
    simworld("run", pack / "pack", "-n", 8, "--fill", pack / "corpus", "--workers", 2, "--out", tmp_path / "more")
    simworld("run", pack / "pack", "-n", 8, "--fill", pack / "corpus", "--out", tmp_path / "whole")
    assert bytes_of(tmp_path / "more") == bytes_of(tmp_path / "whole")


def test_what_is_filled_is_part_of_the_run(pack: Path, tmp_path: Path) -> None:
    simworld("run", pack / "pack", "-n", 2, "--fill", pack / "corpus", "--out", tmp_path / "more")
    done = simworld("run", pack / "pack", "-n", 2, "--out", tmp_path / "more", code=2)
    assert "fill:" in done.stderr


def test_what_cannot_be_filled_is_told(pack: Path, tmp_path: Path) -> None:
    done = simworld("run", pack / "pack", "--fill", tmp_path / "none", "--out", tmp_path / "more", code=2)
    assert "not a corpus" in done.stderr
    done = simworld("run", pack / "pack", "--fill", pack / "corpus", "--out", pack / "corpus", code=2)
    assert "is the folder of --out" in done.stderr


def test_rejected_and_failed_dialogues_do_not_count(pack: Path, tmp_path: Path) -> None:
    whole = read_coverage(pack / "corpus")
    copy = tmp_path / "copy" / "transcripts"
    copy.mkdir(parents=True)
    lines = (pack / "corpus" / "transcripts" / "00000.jsonl").read_bytes().splitlines()
    rows = [json.loads(line) for line in lines]
    rows[0]["curation"] = {"kept": False, "findings": [], "scores": {}}
    rows[1]["status"] = "failed"
    rows[2]["curation"] = {"kept": True, "findings": [], "scores": {}}
    (copy / "00000.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_coverage(tmp_path / "copy").dialogues == whole.dialogues - 2
