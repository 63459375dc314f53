"""Splits without a leak, the datasets made of them, and what near copies are found by."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from simworld.cli.app import app
from simworld.corpus.card import CardOrder
from simworld.corpus.carving import divide
from simworld.corpus.exports import dataset, parts, push
from simworld.corpus.exports.dataset import export_dataset
from simworld.corpus.exports.viewpoints import RowOrder
from simworld.corpus.exports.write import export_corpus
from simworld.corpus.leaks import refuse_leaks
from simworld.corpus.splits import SIDES, Split, SplitOrder, Splitter
from simworld.corpus.store import SHARD, Corpus, to_line
from simworld.errors import CorpusError, MissingDependency, UsageError
from simworld.prompts import forms
from simworld.schema import Briefing, Curation, Ending, Finding, SeatRecord, StoryLink, Transcript, Turn
from simworld.text.minhash import Index, Kin, Near, jaccard, shingles, signature, similarity, split_words

pytest.importorskip("datasketch", reason="the extra [prepare] is not installed")

WORDS = [a + b + c for a in ("ba", "do", "ki", "lu") for b in ("ran", "mel", "sto", "vi") for c in ("", "ta", "ner")]


def talk(key: object, count: int) -> str:
    """As many words, drawn by the key."""
    rng = random.Random(f"{key}")
    return " ".join(rng.choice(WORDS) + str(rng.randrange(30)) for _ in range(count))


def seat(name: str, *, id: str = "", profile: str = "", **more: Any) -> SeatRecord:
    told = profile or f"You are {name}. " + talk(f"profile/{name}", 40)
    briefing = Briefing(system=f"{told}\n\nBe kind.", opener="(Begin.)", nudge="(Go on.)", profile_at=(0, len(told)))
    return SeatRecord(
        persona=id or name.lower().replace(" ", "_"), name=name, backend="improv", briefing=briefing, **more
    )


def dialogue(index: int, *who: str | SeatRecord, scene: str = "ward", text: str = "", **more: Any) -> Transcript:
    """A dialogue in which everybody says something of their own."""
    records = [seat(one) if isinstance(one, str) else one for one in who]
    seats = {f"s{at}": record.model_copy(update={"main": at == 0}) for at, record in enumerate(records)}
    words = (text or talk(f"talk/{index}", 60)).split()
    part = max(1, len(words) // len(seats))
    turns = [
        Turn(
            n=at, act=at, seat=id, kind="say", text=" ".join(words[at * part : (at + 1) * part]),
            heard_by=tuple(other for other in seats if other != id),
        )
        for at, id in enumerate(seats)
    ]  # fmt: skip
    facts: dict[str, Any] = {
        "id": f"{scene}-{index:06d}", "index": index, "scene": scene, "seed": 0, "status": "complete", "seats": seats,
        "ending": Ending(reason="said_goodbye"), "turns": tuple(turns), "forms": forms(), "versions": {"simworld": "9"},
    }  # fmt: skip
    return Transcript.model_validate({**facts, **more})


def corpus(folder: Path, transcripts: Sequence[Transcript]) -> Path:
    path = folder / "c"
    (path / "transcripts").mkdir(parents=True)
    for start in range(0, len(transcripts), SHARD):
        lines = b"".join(map(to_line, transcripts[start : start + SHARD]))
        (path / "transcripts" / f"{start // SHARD:05d}.jsonl").write_bytes(lines)
    return path


def split(transcripts: Sequence[Transcript], **order: Any) -> Split:
    splitter = Splitter(SplitOrder(**{"shares": (0.8, 0.1, 0.1)} | order))
    for one in transcripts:
        splitter.add(one)
    made = splitter.split()
    refuse_leaks(transcripts, made.sides, splitter._order)
    return made


PEOPLE = [
    f"{first} {last}" for first in ("Ana", "Tom", "Eva", "Ned", "Ivo", "Zoe") for last in ("Reis", "Bell", "Stone")
]


def pairs(count: int = 200) -> list[Transcript]:
    """Dialogues of two, mostly within circles of six people; 12 scenes."""
    rng = random.Random("pairs")
    made: list[Transcript] = []
    for index in range(count):
        circle = rng.randrange(3)
        two = rng.sample(PEOPLE[circle * 6 : circle * 6 + 6], 2) if rng.random() < 0.95 else rng.sample(PEOPLE, 2)
        made.append(dialogue(index, *two, scene=f"scene{rng.randrange(12)}"))
    return made


# -- near copies


def near_copies(count: int, *, seed: int) -> list[tuple[str, str, float]]:
    """Texts, each with a copy in which words were replaced, and how similar they truly are."""
    made: list[tuple[str, str, float]] = []
    rng = random.Random(seed)
    for number in range(count):
        words = talk(f"{seed}/{number}", 300).split()
        changed = list(words)
        for at in rng.sample(range(300), rng.randrange(2, 24)):
            changed[at] = "changed"
        one, other = (set(shingles(split_words(" ".join(text)))) for text in (words, changed))
        made.append((" ".join(words), " ".join(changed), len(one & other) / len(one | other)))
    return made


def test_near_copies_are_found_and_measured_exactly() -> None:
    near, planted = Near(0.8), near_copies(200, seed=1)
    for text, _, _ in planted:
        near.add(near.sketch([text]))
    found = [near.copies(near.sketch([copy])) for _, copy, _ in planted]
    above = [at for at, (_, _, true) in enumerate(planted) if true >= 0.8]
    assert 50 < len(above) < 190
    assert sum(found[at] != [] for at in above) / len(above) >= 0.99
    assert [at for at, one in enumerate(found) if one and planted[at][2] < 0.8] == []
    for at in above:
        for number, likeness in found[at]:
            assert (number, likeness) == (at, pytest.approx(planted[at][2], abs=1e-9))


def test_an_estimate_is_near_the_truth() -> None:
    planted = near_copies(40, seed=2)
    off = []
    for text, copy, true in planted:
        one, other = (signature(shingles(split_words(words))) for words in (text, copy))
        off.append(abs(similarity(one, other) - true))
    assert max(off) < 0.16
    assert sum(off) / len(off) < 0.05
    with pytest.raises(ValueError, match="signatures of 128 and 64 numbers"):
        similarity(one, signature([b"a"], 64))


def test_long_texts_are_measured_on_a_part_of_their_shingles() -> None:
    near, words = Near(0.5), talk("long", 9000).split()
    other = words[:4600]
    sketches = [near.sketch([" ".join(text)]) for text in (words, other)]
    assert len(sketches[0].marks) == 4 * 4096
    true = [set(shingles(split_words(" ".join(text)))) for text in (words, other)]
    expected = len(true[0] & true[1]) / len(true[0] | true[1])
    assert jaccard(sketches[0].marks, sketches[1].marks) == pytest.approx(expected, abs=0.03)


def test_the_nearest_by_bands_and_full_bands() -> None:
    index, one = Index(crowd=2), signature([b"a", b"b"])
    assert index.nearest(one) == (-1, 0.0)
    assert [index.add(one) for _ in range(4)] == [0, 1, 2, 3]
    assert index.nearest(one) == (0, 1.0)
    assert [number for number, _ in index.near(one)] == [0, 1]
    assert (index.crowded, len(index)) == (2, 4)


def test_texts_without_words_are_no_copies() -> None:
    near = Near(0.5)
    near.add(near.sketch(["?!"]))
    assert near.copies(near.sketch(["...", ""])) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't GO", ["don", "t", "go"]),
        ("東京へ3回行った", ["東", "京", "へ", "3", "回", "行", "っ", "た"]),
        ("abc漢字", ["abc", "漢", "字"]),
        ("Schöne Grüße", ["schöne", "grüsse"]),
    ],
)
def test_words_of_any_writing(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_kin_have_the_lowest_name_on_top_in_whatever_order() -> None:
    links = [("d", "c"), ("b", "a"), ("c", "b"), ("y", "x")]
    for seed in range(6):
        kin = Kin()
        for one, other in random.Random(seed).sample(links, len(links)):
            kin.join(one, other)
        assert [kin.top(name) for name in "abcdxyz"] == ["a", "a", "a", "a", "x", "x", "z"]


# -- dividing


def test_nothing_stands_on_two_sides_and_shares_are_met() -> None:
    rng = random.Random(5)
    ties = [tuple(str(rng.randrange(20) + 20 * circle) for _ in range(2)) for circle in range(20) for _ in range(50)]
    parts_ = divide(ties, (0.8, 0.1, 0.1))
    sides: dict[str, set[int | None]] = {}
    for own, part in zip(ties, parts_, strict=True):
        if part is not None:
            for tie in own:
                sides.setdefault(tie, set()).add(part)
    assert {len(found) for found in sides.values()} == {1}
    sizes = Counter(parts_)
    stand = len(ties) - sizes[None]
    assert [round(sizes[part] / stand, 1) for part in range(3)] == [0.8, 0.1, 0.1]
    assert sizes[None] < 0.06 * len(ties)  # circles of twenty people have no ties between them


def test_a_part_grows_on_where_its_beginning_is_cut_off() -> None:
    islands = [(f"a{at}", f"b{at}") for at in range(40)]
    assert Counter(divide(islands, (0.5, 0.25, 0.25))) == {0: 20, 1: 10, 2: 10}


def test_parts_of_single_ties_are_filled_by_size() -> None:
    ties = [(name,) for name in "a" * 50 + "b" * 30 + "c" * 10 + "d" * 10]
    sizes = Counter(divide(ties, (0.8, 0.1, 0.1)))
    assert sizes == {0: 80, 1: 10, 2: 10}
    assert set(divide(ties, (0.9, 0.1, 0))) == {0, 1}
    few = divide([(name,) for name in "aaabbbccc"], (0.98, 0.01, 0.01))
    assert sorted(Counter(few).values()) == [3, 3, 3]


def test_the_seed_decides_and_the_same_seed_decides_alike() -> None:
    ties = [(f"t{at % 40}",) for at in range(400)]
    assert divide(ties, (0.8, 0.1, 0.1), 1) == divide(ties, (0.8, 0.1, 0.1), 1)
    assert divide(ties, (0.8, 0.1, 0.1), 1) != divide(ties, (0.8, 0.1, 0.1), 2)


# -- splits


def seated(transcripts: Sequence[Transcript], made: Split, side: str, *, main: bool = False) -> set[str]:
    return {
        record.name
        for one in transcripts
        if made.sides.get(one.id) == side
        for id, record in one.seats.items()
        if not main or id == one.main
    }


def apart(found: Sequence[set[str]]) -> bool:
    return sum(map(len, found)) == len(set[str]().union(*found))


@pytest.mark.parametrize("by", ["persona", "both"])
def test_no_person_sits_on_two_sides(by: str) -> None:
    transcripts = pairs()
    made = split(transcripts, by=by)
    assert set(made.sizes) == set(SIDES)
    assert apart([seated(transcripts, made, side) for side in SIDES])
    assert made.straddling == len(transcripts) - sum(made.sizes.values()) > 0
    assert made.people == {side: len(seated(transcripts, made, side)) for side in SIDES}


@pytest.mark.parametrize("by", ["scene", "both"])
def test_no_scene_is_played_on_two_sides(by: str) -> None:
    transcripts = pairs()
    made = split(transcripts, by=by)
    scenes = [{one.scene for one in transcripts if made.sides.get(one.id) == side} for side in SIDES]
    assert all(scenes)
    assert apart(scenes)
    assert made.straddling == 0 if by == "scene" else made.straddling > 0


def test_partners_may_be_allowed() -> None:
    transcripts = pairs()
    made = split(transcripts, partners="allow")
    assert made.straddling == 0
    assert apart([seated(transcripts, made, side, main=True) for side in SIDES])
    assert not apart([seated(transcripts, made, side) for side in SIDES])


def test_one_person_under_two_ids_two_spellings_or_nearly_the_same_profile() -> None:
    """Planted in a corpus of people who meet nobody: each twin must stand where the other does."""
    alone = [dialogue(at, name) for at, name in enumerate(PEOPLE * 4)]
    profile = "You are Mara Quill. " + talk("mara", 60)
    words = profile.split()
    near = " ".join(["You are Vera Finch.", *words[4:30], "truly", *words[31:]])
    twins = [
        seat("Dr. Ána Reis", id="other"), seat("tom  BELL", id="tom_2"), seat("Eva Married", id="eva_stone"),
        seat("Mara Quill", profile=profile), seat("Vera Finch", profile=near),
    ]  # fmt: skip
    extra = [dialogue(100 + at, twins[at % 5]) for at in range(20)]
    for seed in range(8):
        made = split([*alone, *extra], seed=seed, shares=(0.4, 0.3, 0.3))
        side = {next(iter(one.seats.values())).name: made.sides[one.id] for one in [*alone, *extra]}
        assert [made.sides[one.id] for one in extra[:2]] == [side["Ana Reis"], side["Tom Bell"]]
        assert side["Eva Married"] == side["Eva Stone"]
        assert side["Mara Quill"] == side["Vera Finch"]


@pytest.mark.parametrize("changed", [0.05, 0.1, 0.15])
def test_a_profile_with_some_of_its_words_changed_is_the_same_persons(changed: float) -> None:
    told = "You are Mara Quill. " + talk("mara", 160)
    words = told.split()
    random = Random(f"changed:{changed}")
    words = [f"word{at}" if at > 3 and random.random() < changed else word for at, word in enumerate(words)]
    twins = [
        seat("Mara Quill", profile=told),
        seat("Vera Finch", profile=" ".join(["You", "are", "Vera", "Finch.", *words[4:]])),
    ]
    dialogues = [
        *(dialogue(at, name) for at, name in enumerate(PEOPLE * 4)),
        *(dialogue(100 + at, twins[at % 2]) for at in range(8)),
    ]
    for seed in range(6):
        made = split(dialogues, seed=seed, shares=(0.4, 0.3, 0.3))
        assert len({made.sides[one.id] for one in dialogues[-8:]}) == 1


def test_profiles_of_a_few_words_tell_nobody_from_another() -> None:
    named = [dialogue(at, seat(name, profile=f"You are {name}, a guest.")) for at, name in enumerate(PEOPLE)]
    assert set(split(named).sizes) == set(SIDES)


def test_a_user_and_an_assistant_who_are_nobody_are_no_people() -> None:
    two = [seat("User", id="user", role="user"), seat("Assistant", id="assistant", role="assistant")]
    made = split([dialogue(at, *two) for at in range(40)])
    assert (made.sizes, made.straddling, made.people) == (
        {"train": 32, "validation": 4, "test": 4}, 0, {"train": 0, "validation": 0, "test": 0},
    )  # fmt: skip


@pytest.mark.parametrize("by", ["persona", "scene", "both", "random"])
def test_near_copies_stand_on_one_side(by: str) -> None:
    alone = [dialogue(at, PEOPLE[at % 18], scene=f"s{at % 18}") for at in range(90)]
    for seed in range(6):
        copies = []
        for at in (0, 20, 40):
            words = talk(f"talk/{at}", 60).split()
            text = " ".join(["so", *words[:30], "well", *words[31:]])
            copies.append(dialogue(200 + at, f"New {at}", scene=f"new{at}", text=text))
        made = split([*alone, *copies], by=by, seed=seed, shares=(0.4, 0.3, 0.3))
        assert made.copies == 3
        assert [made.sides[one.id] for one in copies] == [made.sides[alone[at].id] for at in (0, 20, 40)]


def test_pieces_of_one_conversation_and_chapters_of_one_telling_stay_together() -> None:
    def chapter(at: int) -> Transcript:
        link = StoryLink(
            story="ship", number=at % 3, chapter=f"c{at % 3}", before=f"ward-{at - 1:06d}" if at % 3 else ""
        )
        return dialogue(at, PEOPLE[at % 18], scene="ward", story=link)

    pieces = [dialogue(at, PEOPLE[at % 18], about={"root": f"r{at // 3}"}) for at in range(60)]
    for transcripts in (pieces, [chapter(at) for at in range(60)]):
        made = split(transcripts, by="random", shares=(0.4, 0.3, 0.3))
        sides = [made.sides[one.id] for one in transcripts]
        assert [sides[at : at + 3] for at in range(0, 60, 3)] == [[sides[at]] * 3 for at in range(0, 60, 3)]
        assert set(sides) == set(SIDES)


def test_scenes_of_one_story_stay_together() -> None:
    link = {name: StoryLink(story=name, number=0, chapter="c") for name in "abcdefghij"}
    told = [dialogue(at, "Ana Reis", scene=f"{at % 20}", story=link["abcdefghij"[at % 20 // 2]]) for at in range(100)]
    made = split(told, by="scene", shares=(0.4, 0.3, 0.3))
    sides = {one.scene: made.sides[one.id] for one in told}
    assert [sides[f"{at}"] for at in range(0, 20, 2)] == [sides[f"{at}"] for at in range(1, 20, 2)]


def test_one_who_sits_everywhere_makes_the_split_refuse() -> None:
    hub = [dialogue(at, "Ana Reis", PEOPLE[1 + at % 17]) for at in range(60)]
    with pytest.raises(
        UsageError, match=r"test would be empty: 60 dialogues .*\('ana reis'\) has part in 60.*--partners"
    ):
        split(hub)
    assert set(split(hub, by="random").sizes) == set(SIDES)


def test_shares_that_are_missed_are_told() -> None:
    three = [dialogue(at, "Ana Reis", scene=f"s{at % 3}") for at in range(30)]
    made = split(three, by="scene", shares=(0.9, 0.05, 0.05))
    assert made.sizes == {"train": 10, "validation": 10, "test": 10}
    assert "test has 33.3% of them, not 5.0%" in made.notes
    assert "more dialogues" in made.notes[-1]


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"by": "persone"}, "nearest: persona"),
        ({"partners": "alow"}, "nearest: allow"),
        ({"shares": (0.5, 0.5)}, "three numbers"),
        ({"shares": (0.9, 0.2, 0.1)}, "together 1"),
        ({"shares": (0.0, 0.5, 0.5)}, "the first over 0"),
        ({"shares": (float("nan"), 0.5, 0.5)}, "three numbers"),
    ],
)
def test_orders_that_are_not_allowed(order: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        SplitOrder(**order)


# -- looking again


@pytest.mark.parametrize(
    ("twin", "says"),
    [
        (seat("ANA  Reis", id="x", profile="You are here."), "the person 'ana reis'"),
        (seat("Somebody Else", id="ana_reis", profile="You are here."), "the persona 'ana_reis'"),
        (
            seat("Somebody Else", profile=f"You are Somebody Else. truly {talk('profile/Ana Reis', 40)}"),
            r"a profile \(similarity 0\.\d\d\): t-000001 \(Somebody Else\) and t-000000 \(Ana Reis\)",
        ),
    ],
)
def test_a_leak_that_is_planted_is_refused(twin: SeatRecord, says: str) -> None:
    transcripts = [
        dialogue(0, "Ana Reis", scene="t"),
        dialogue(1, twin, scene="t"),
        dialogue(2, "Eva Stone", scene="t"),
    ]
    leaking = {"t-000000": "train", "t-000001": "test"}
    for by in ("persona", "both", "given"):
        with pytest.raises(CorpusError, match=f"--split {by}: test and train share (the scene 't'|{says})"):
            refuse_leaks(transcripts, leaking, SplitOrder(by=by))
    refuse_leaks(transcripts, {"t-000000": "train", "t-000002": "test"}, SplitOrder(by="persona"))
    refuse_leaks(transcripts, leaking, SplitOrder(by="random"))
    with pytest.raises(CorpusError, match="the scene 't': t-000001 and t-000000"):
        refuse_leaks(transcripts, leaking, SplitOrder(by="scene"))


def test_what_was_written_is_looked_at_not_what_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A splitter that fails its duty is found out, and nothing is left."""
    path = corpus(tmp_path, [dialogue(at, name) for at, name in enumerate([*PEOPLE, "Ana Reis"])])
    careless = {f"ward-{at:06d}": ("train" if at < 16 else "test") for at in range(19)}

    class Careless(Splitter):
        def split(self) -> Split:
            return Split(SplitOrder(), careless, 0, 0, 0, {})

    monkeypatch.setattr(dataset, "Splitter", Careless)
    with pytest.raises(CorpusError, match="test and train share the person 'ana reis': ward-000018 and ward-000000"):
        export_dataset(path, tmp_path / "out", SplitOrder(by="persona"))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["c"]


def test_a_given_split_that_leaks_is_refused(tmp_path: Path) -> None:
    given = [
        dialogue(0, "Ana Reis", about={"split": "train"}), dialogue(1, "Eva Stone", about={"split": "test"}),
        dialogue(2, "Ned Bell", about={"split": "validation"}), dialogue(3, "Ned Bell"),
    ]  # fmt: skip
    path = corpus(tmp_path, given)
    report = export_dataset(path, tmp_path / "out", SplitOrder(by="given"))
    assert report.split.sizes == {"train": 1, "validation": 1, "test": 1}
    assert report.split.unassigned == 1
    planted = [*given[:3], dialogue(3, "Tom Bell", "Ana Reis", about={"split": "test"})]
    path = corpus(tmp_path / "planted", planted)
    with pytest.raises(CorpusError, match=r"'ana reis': ward-000003 and ward-000000\. Split anew with --split persona"):
        export_dataset(path, tmp_path / "leak", SplitOrder(by="given"))
    assert not (tmp_path / "leak").exists()
    export_dataset(path, tmp_path / "leak", SplitOrder(by="given", partners="allow"))
    with pytest.raises(UsageError, match=r"no transcript says in `about\.split`"):
        export_dataset(corpus(tmp_path / "none", pairs(4)), tmp_path / "no", SplitOrder(by="given"))


# -- datasets

LOAD = """
import json, sys, warnings
warnings.simplefilter("ignore")
from datasets import load_dataset
found = {}
for at, folder in enumerate(sys.argv[2:]):
    made = load_dataset(folder, cache_dir=f"{sys.argv[1]}/{at}")
    found[folder] = {side: list(rows) for side, rows in made.items()}
print(json.dumps(found))
"""


def header_of(folder: Path) -> dict[str, Any]:
    _, header, _ = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(header)


def rows_in(folder: Path, side: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted((folder / "data").glob(f"{side}-*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def test_datasets_reads_the_folder_with_its_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("datasets")
    path = corpus(tmp_path, pairs(60))
    monkeypatch.setattr(parts, "PART_BYTES", 40_000)
    folders: dict[str, Any] = {}
    for to in ("parquet", "jsonl"):
        for form in ("messages", "simschat"):
            out = tmp_path / f"{to}_{form}"
            order = RowOrder(form=form, speaker="each")
            folders[str(out)] = export_dataset(path, out, SplitOrder(shares=(0.8, 0.1, 0.1)), order, to=to)
    assert len(list((tmp_path / "jsonl_messages" / "data").glob("train-*"))) > 1
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    command = [sys.executable, "-c", LOAD, str(tmp_path / "cache"), *folders]
    done = subprocess.run(command, capture_output=True, text=True, env=offline, check=False)
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    for folder, report in folders.items():
        assert {side: len(rows) for side, rows in loaded[folder].items()} == report.rows
        lines = tmp_path / Path(folder).name.replace("parquet", "jsonl")
        assert loaded[folder] == {side: rows_in(lines, side) for side in SIDES}


def test_the_cards_header_validates(tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    path = corpus(tmp_path, pairs(60))
    for license, told in (
        ("unknown", ("unknown", None)),
        ("cc-by-4.0", ("cc-by-4.0", None)),
        ("Our: own", ("other", "Our: own")),
    ):
        out = tmp_path / f"a: {license}"
        about = CardOrder(license=license, languages=("pt", "en"))
        export_dataset(path, out, SplitOrder(by="scene"), to="jsonl", about=about)
        card = hub.DatasetCard.load(out / "README.md")
        header = card.data.to_dict()
        assert header == header_of(out)
        assert (header["license"], header.get("license_name")) == told
        assert header["pretty_name"] == out.name
        assert header["language"] == ["pt", "en"]
        assert header["size_categories"] == ["n<1K"]
        assert header["configs"] == [
            {
                "config_name": "default",
                "data_files": [{"split": side, "path": f"data/{side}-*.jsonl"} for side in SIDES],
            }
        ]
    assert "**unknown**: nobody has said" in (tmp_path / "a: unknown" / "README.md").read_text(encoding="utf-8")


def curated(kept: bool, *filters: str) -> Curation:
    return Curation(kept=kept, findings=tuple(Finding(filter=name, drops=not kept) for name in filters))


def test_rejected_transcripts_stay_everywhere_unless_asked_for(tmp_path: Path) -> None:
    found = [
        one.model_copy(update={"curation": curated(at % 4 > 0, "loops" if at % 4 == 0 else "pii")})
        for at, one in enumerate(pairs(80))
    ]
    path = corpus(tmp_path, [*found, dialogue(80, "Ana Reis", status="failed")])
    one = export_corpus(path, tmp_path / "x.jsonl")
    assert (one.rows, dict(one.skipped)) == (60, {"rejected": 20, "failed": 1})
    assert export_corpus(path, tmp_path / "x.jsonl", include=("rejected",)).rows == 80
    report = export_dataset(path, tmp_path / "d", SplitOrder(by="random"), to="jsonl")
    assert sum(report.rows.values()) == 60
    assert any("20 rejected" in line for line in report.lines())
    card = (tmp_path / "d" / "README.md").read_text(encoding="utf-8")
    assert "| rejected | 20 |" in card
    assert "of 80 dialogues that it looked at" in card
    assert "| loops | 20 | 20 |  |" in card
    assert "| pii | 60 | 0 |  |" in card
    everything = export_dataset(
        path, tmp_path / "e", SplitOrder(by="random"), RowOrder(include=("rejected", "failed")), to="jsonl"
    )
    assert sum(everything.rows.values()) == 81
    with pytest.raises(UsageError, match="nearest: rejected"):
        export_corpus(path, tmp_path / "x.jsonl", include=("reject",))


def test_the_card_tells_what_the_data_is(tmp_path: Path) -> None:
    path = corpus(tmp_path, pairs(120))
    manifest = {"kind": "run", "identity": {"seed": 7}}
    (path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    report = export_dataset(
        path, tmp_path / "ward", SplitOrder(shares=(0.8, 0.1, 0.1), seed=3), RowOrder(speaker="each"), to="jsonl"
    )
    card = (tmp_path / "ward" / "README.md").read_text(encoding="utf-8")
    for side in SIDES:
        written = {row["transcript"] for row in rows_in(tmp_path / "ward", side)}
        scenes = {one.rpartition("-")[0] for one in written}
        assert (
            f"| {side} | {report.rows[side]} | {len(written)} | {report.split.people[side]} | {len(scenes)} |" in card
        )
    for told in (
        "**Not a model's words.**", "improv (", "| corpus | run, seed 7 |", "simworld 9",
        "Wanted: 80%, 10%, 10%; seed 3",
        f"| straddling: what they are tied to stands on two sides | {report.split.straddling} |", "was not curated",
        'datasets.load_dataset("ward")', "read_json_auto('ward/data/train-*.jsonl')",
        "pandas.read_json(\"ward/data/train-00000-of-00001.jsonl\", lines=True)",
    ):  # fmt: skip
        assert told in card
    assert "stand-in" in header_of(tmp_path / "ward")["tags"]


def test_the_same_command_makes_the_same_bytes(tmp_path: Path) -> None:
    path = corpus(tmp_path, pairs(80))
    made = []
    for hash_seed in ("1", "2"):
        out = tmp_path / hash_seed / "d"
        command = [
            "export",
            str(path),
            "--split",
            "both",
            "--shares",
            "0.8,0.1,0.1",
            "--out",
            str(out),
            "--to",
            "jsonl",
        ]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        subprocess.run(
            [sys.executable, "-m", "simworld.cli", *command], check=True, capture_output=True, env=environment
        )
        made.append({one.relative_to(out): one.read_bytes() for one in sorted(out.rglob("*")) if one.is_file()})
    assert made[0] == made[1]
    assert len(made[0]) == 4


def test_a_dataset_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = corpus(tmp_path, pairs(60))
    stale = tmp_path / "d.999999999.half"
    (stale / "data").mkdir(parents=True)

    def full(self: object, side: str, row: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(parts.Parts, "write", full)
        with pytest.raises(UsageError, match="d: cannot be written: No space left"):
            export_dataset(path, tmp_path / "d", SplitOrder())
    assert [one.name for one in tmp_path.iterdir()] == ["c"]
    (tmp_path / "d").mkdir()
    export_dataset(path, tmp_path / "d", SplitOrder(by="random"), to="jsonl")
    assert sorted(one.name for one in (tmp_path / "d").iterdir()) == ["README.md", "data"]
    with pytest.raises(UsageError, match="is not empty"):
        export_dataset(path, tmp_path / "d", SplitOrder(by="random"))


def test_a_speaker_who_is_silent_on_a_side_is_told(tmp_path: Path) -> None:
    path = corpus(tmp_path, pairs(100))
    with pytest.raises(UsageError, match="would have no row: the speaker asked for has no act"):
        export_dataset(path, tmp_path / "d", SplitOrder(), RowOrder(speaker="Ana Reis"), to="jsonl")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--seed", "1", "--out", "x.jsonl"], "--seed belongs to a dataset: give --split persona"),
        (["--push-to", "me/it"], "--push-to belongs to a dataset"),
        (["--split", "persona"], "--split makes a folder of files: give --out DIR"),
        (["--split", "persona", "--out", "-"], "give --out DIR"),
        (["--split", "persone", "--out", "d"], "nearest: persona"),
        (["--split", "scene", "--out", "d", "--to", "csv"], "--to 'csv' is not known; allowed: jsonl, parquet"),
        (["--split", "scene", "--out", "d", "--shares", "a,b"], "--shares 'a,b' is not allowed"),
        (["--split", "scene", "--out", "d", "--shares", "1"], "three numbers"),
        (["--split", "scene", "--out", "taken"], "taken: is a file; --split makes a folder"),
        (["--split", "scene", "--out", "c/transcripts/d"], "lies among the corpus's own files"),
        (["--split", "scene", "--out", "d", "--push-to", "a/b/c"], "is no name of a dataset"),
    ],
)
def test_options_that_do_not_go_together(
    options: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus(tmp_path, pairs(40))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").touch()
    done = CliRunner().invoke(app, ["export", "c", *options])
    assert isinstance(done.exception, UsageError)
    assert says in str(done.exception)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["c", "taken"]


# -- pushing


class FakeApi:
    """A hub that keeps what it is given."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refuses = False

    def __call__(self) -> FakeApi:
        return self

    def create_repo(self, name: str, **options: Any) -> None:
        if self.refuses:
            raise OSError("403: you may not\nsecond line")
        self.calls.append(("create", {"name": name, **options}))

    def upload_folder(self, **options: Any) -> str:
        files = sorted(path.name for path in Path(options["folder_path"]).rglob("*") if path.is_file())
        self.calls.append(("upload", {**options, "files": files}))
        return "hub/me/ward"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    library = pytest.importorskip("huggingface_hub")
    fake = SimpleNamespace(HfApi=FakeApi(), utils=library.utils, get_token=lambda: "hf_SECRET")
    monkeypatch.setattr(push, "import_module", lambda name: fake)
    return fake


def test_a_dataset_is_pushed_only_when_a_name_is_given(tmp_path: Path, hub: SimpleNamespace) -> None:
    path = corpus(tmp_path, pairs(40))
    export_dataset(path, tmp_path / "a", SplitOrder(by="random"), to="jsonl")
    assert hub.HfApi.calls == []
    report = export_dataset(path, tmp_path / "b", SplitOrder(by="random"), to="jsonl", push_to="me/ward")
    assert report.lines()[-1] == "pushed: hub/me/ward"
    create, upload = hub.HfApi.calls
    assert create == ("create", {"name": "me/ward", "repo_type": "dataset", "private": True, "exist_ok": True})
    assert upload[1]["repo_id"] == "me/ward"
    assert upload[1]["files"] == ["README.md", *(f"{side}-00000-of-00001.jsonl" for side in sorted(SIDES))]


def test_what_keeps_a_dataset_from_being_pushed_is_told_in_a_line(
    tmp_path: Path, hub: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = corpus(tmp_path, pairs(40))
    hub.HfApi.refuses = True
    with pytest.raises(UsageError) as refused:
        export_dataset(path, tmp_path / "a", SplitOrder(by="random"), to="jsonl", push_to="me/ward")
    assert "could not be pushed to me/ward: 403: you may not; to try again: hf upload me/ward" in str(refused.value)
    assert "SECRET" not in str(refused.value)
    assert (tmp_path / "a" / "README.md").is_file()
    hub.get_token = lambda: None
    with pytest.raises(MissingDependency, match="set HF_TOKEN"):
        export_dataset(path, tmp_path / "b", SplitOrder(by="random"), push_to="me/ward")

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(push, "import_module", missing)
    with pytest.raises(MissingDependency, match="pip install huggingface_hub"):
        export_dataset(path, tmp_path / "b", SplitOrder(by="random"), push_to="me/ward")
    assert not (tmp_path / "b").exists()


def test_the_benchmark_of_near_copies_measures_what_it_says() -> None:
    pytest.importorskip("scipy")
    from tests.benchmarks.near_duplicates import Searched, Stream, Truth, brute_force, datasketch_lsh, ours, row

    stream = Stream(400, lambda rng: [talk(rng.random(), 20) for _ in range(8)], WORDS)
    truth, searched = Truth(stream), ours(stream, 400)
    planted = truth.planted(400)
    assert len(planted) == 16
    assert all(0.8 <= likeness < 0.99 for likeness in planted.values())
    assert searched.pairs == brute_force(stream, 400).pairs >= set(planted)
    assert datasketch_lsh(stream, 400).pairs
    told = row(Searched("none", 400, 1.0, {(0, 1)}), truth)
    assert "| 16 | 0.0000 | 1 | 1 |" in told


def test_corpora_read_from_the_folder_are_those_written(tmp_path: Path) -> None:
    made = pairs(150)
    assert list(Corpus(corpus(tmp_path, made))) == made
