"""SimsConv becomes a pack that is sound and a corpus that is true to it; what is odd is counted, nothing invented."""

from __future__ import annotations

import errno
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from simworld.corpus.exports.write import export_corpus
from simworld.corpus.imports import write
from simworld.corpus.imports.report import ImportReport
from simworld.corpus.imports.simsconv import import_simsconv
from simworld.corpus.imports.table import IMPORTERS, importer
from simworld.corpus.store import Corpus
from simworld.errors import CorpusError, UsageError
from simworld.packs import check, load_pack
from simworld.prompts import Situation, brief, check_template, field_values, render_field
from simworld.schema import NARRATOR, Ending, Transcript

ANA, BO = "Ana Lind", "Bo 'Red' Ash"
CHARACTERS = [
    {"name": ANA, "slug": "ana-lind", "age": 31, "profile": "You are Ana Lind.  Two spaces: {{ stay }} "},
    {"name": BO, "slug": "bo-red-ash", "age": 28, "profile": "You are Bo."},
]


def turn(speaker: str, content: str, action: str = "speaking", **more: Any) -> dict[str, Any]:
    return {"speaker": speaker, "action": action, "content": content, **more}


def dialogue(*turns: dict[str, Any], number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": f"ana-lind#{number:02d}", "character": ANA, "scene": number, "scene_type": "Chat",
        "location": "A {% pier %}", "setting": "Wind. {{ topic }} {# no #}", "scene_background": "Ana waits.",
        "background": ".", "emotion": "Tense", "topic": "jokes", "topic_raw": "Jokes", "partners": [BO],
        "turns": list(turns), "flags": [], **more,
    }  # fmt: skip


def scene(number: int, character: str = ANA, **more: Any) -> dict[str, Any]:
    return {
        "character": character, "scene": number, "type": "Chat", "location": "A {% pier %}", "background": "Ana waits.",
        **more,
    }  # fmt: skip


PLAIN = dialogue(turn(ANA, "He is late.", "thinking"), turn(ANA, " Hello,\nyou. "), turn(BO, "Hi."), turn(ANA, "Late."))


def source_of(folder: Path, **files: list[dict[str, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in {"characters": CHARACTERS, **files}.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return folder


def imported(tmp_path: Path, *dialogues: dict[str, Any], **files: list[dict[str, Any]]) -> tuple[ImportReport, Path]:
    source = source_of(tmp_path / "source", dialogues=list(dialogues), **files)
    return import_simsconv(source, tmp_path / "out"), tmp_path / "out"


def only(out: Path) -> Transcript:
    [transcript] = Corpus(out / "corpus")
    return transcript


def test_a_dialogue_is_kept_as_it_is(tmp_path: Path) -> None:
    report, out = imported(tmp_path, PLAIN)
    transcript = only(out)
    assert (transcript.id, transcript.index, transcript.status) == ("ana-lind-00", 0, "complete")
    assert transcript.ending == Ending(reason="imported", known=False)
    assert [(one.act, one.seat, one.kind, one.text, one.heard_by, one.emotion) for one in transcript.turns] == [
        (0, "ana_lind", "think", "He is late.", (), "Tense"),
        (0, "ana_lind", "say", " Hello,\nyou. ", ("bo_red_ash",), "Tense"),
        (1, "bo_red_ash", "say", "Hi.", ("ana_lind",), ""),
        (2, "ana_lind", "say", "Late.", ("bo_red_ash",), "Tense"),
    ]
    ana = transcript.seats["ana_lind"]
    assert (ana.main, ana.name, ana.persona, ana.backend, ana.emotion) == (True, ANA, "ana_lind", "imported", "Tense")
    assert not transcript.seats["bo_red_ash"].main
    assert transcript.places == {"location": "A {% pier %}"}
    assert transcript.about["source_id"] == "ana-lind#00"
    assert transcript.about["topic_raw"] == "Jokes"
    assert report.anomalies.counts == {}
    assert (report.personas, report.names_only, report.scenes, report.transcripts, report.turns) == (2, 0, 1, 1, 4)


def test_the_pack_says_what_the_source_says(tmp_path: Path) -> None:
    _, out = imported(tmp_path, PLAIN, scenes=[scene(0), scene(1), scene(0, BO)])
    assert check([out], check_template=check_template, directors=("alternate",)) == []
    pack = load_pack(out)
    assert sorted(pack.personas) == ["ana_lind", "bo_red_ash"]
    ana = pack.personas["ana_lind"]
    assert (ana.name, ana.age, ana.profile) == (ANA, 31, CHARACTERS[0]["profile"])
    assert ana.model_dump(exclude_defaults=True).keys() == {"id", "name", "age", "profile"}
    played, waiting = pack.scenes["ana_lind_00"], pack.scenes["ana_lind_01"]
    assert (played.kind, played.topics, played.places[0].name) == ("chat", ("jokes",), "A {% pier %}")
    assert render_field(played.status, {"topic": "no"}) == "Wind. {{ topic }} {# no #}"
    assert [(seat.persona, seat.main, seat.emotion) for seat in played.seats] == [
        ("ana_lind", True, "Tense"), ("bo_red_ash", False, ""),
    ]  # fmt: skip
    assert [(seat.persona, seat.main, seat.who.not_) for seat in waiting.seats] == [
        ("ana_lind", True, ()), (None, False, ("ana_lind",)),
    ]  # fmt: skip
    assert (waiting.topics, waiting.emotions, waiting.status) == ((), (), "")
    assert pack.scenes["bo_red_ash_00"].seats[0].persona == "bo_red_ash"


def test_each_seat_is_told_what_it_would_be_told_in_play(tmp_path: Path) -> None:
    _, out = imported(tmp_path, PLAIN)
    pack, transcript = load_pack(out), only(out)
    scene_ = pack.scenes[transcript.scene]
    cast = {seat.id: pack.personas[seat.persona or ""] for seat in scene_.seats}
    situation = Situation(scene_, cast, "jokes", {"ana_lind": "Tense"}, field_values(scene_, cast, "jokes"))
    for id, seat in transcript.seats.items():
        briefing, hashes = brief(situation, id)
        assert seat.briefing == briefing
        assert transcript.prompts == hashes


def test_the_manifest_tells_what_it_is(tmp_path: Path) -> None:
    _, out = imported(tmp_path, PLAIN, dialogue(turn(ANA, "Alone?"), number=1, partners=[]))
    manifest = Corpus(out / "corpus").manifest
    expected = {
        "schema": 1, "kind": "import", "status": "complete", "source": "simsconv", "n": 2, "statuses": {"complete": 2},
        "endings": {"imported": 2}, "anomalies": {"no_partner": 1}, "turns": 5,
    }  # fmt: skip
    assert {key: manifest[key] for key in expected} == expected


ODD = {
    "cut_turn": PLAIN | {"turns": [turn(ANA, "This is", fix=["truncated"])]},
    "empty_turn": PLAIN | {"turns": [turn(ANA, " "), turn(BO, "What?")]},
    "flagged_dialogue": PLAIN | {"flags": ["literal_backslash_n"]},
    "free_topic": PLAIN | {"topic": "other", "topic_raw": "Conspiracies"},
    "main_absent": PLAIN | {"turns": [turn("Anna Lind", "Hm."), turn(BO, "Hi.")], "partners": ["Anna Lind", BO]},
    "mended_turn": PLAIN | {"turns": [turn(ANA, "a\nb", fix=["literal_backslash_n"]), turn(BO, "Hi.")]},
    "narration": PLAIN | {"turns": [turn(ANA, "Hm."), turn("NARRATION", "Rain.", "narration"), turn(BO, "Hi.")]},
    "no_partner": PLAIN | {"turns": [turn(ANA, "Hm.")], "partners": []},
    "no_profile": PLAIN | {"turns": [turn(ANA, "Hm."), turn("Store Owner", "Hi.")], "partners": ["Store Owner"]},
    "no_turns": PLAIN | {"turns": []},
    "partner_silent": PLAIN | {"turns": [turn(ANA, "Hm.")]},
    "several_partners": PLAIN | {"turns": [turn(ANA, "Hm."), turn(BO, "Hi."), turn("X", "Yo.")], "partners": [BO, "X"]},
    "speaker_not_in_roster": PLAIN | {"turns": [turn(ANA, "Hm."), turn(BO, "Hi."), turn("Enemy", "Ha.")]},
    "thought_by_other": PLAIN | {"turns": [turn(ANA, "Hm."), turn(BO, "Ugh.", "thinking")]},
    "too_many_speakers": PLAIN | {"turns": [turn(f"P{n}", "Hm.") for n in range(9)]},
    "unknown_action": PLAIN | {"turns": [turn(ANA, "Tra la.", "singing"), turn(BO, "Ugh.", "(inner thoughts)")]},
    "unknown_emotion": PLAIN | {"emotion": "Wobbly"},
    "unknown_topic": PLAIN | {"topic": "sprockets"},
}  # fmt: skip
ALSO = {
    "main_absent": {"no_profile", "several_partners"},
    "several_partners": {"no_profile"},
    "speaker_not_in_roster": {"no_profile"},
    "cut_turn": {"mended_turn", "partner_silent"},
    "unknown_action": {"thought_by_other"},
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_odd_is_counted_and_kept(kind: str, tmp_path: Path) -> None:
    report, out = imported(tmp_path, ODD[kind])
    assert report.anomalies.counts.keys() == {kind, *ALSO.get(kind, ())}
    assert check([out], check_template=check_template) == []
    told = "\n".join(report.lines())
    assert kind in told
    assert "ana-lind#00" in told
    assert report.facts()["anomalies"] == report.anomalies.counts
    kept = [one.text for transcript in Corpus(out / "corpus") for one in transcript.turns]
    lost = kind in ("no_turns", "too_many_speakers")
    assert kept == ([] if lost else [one["content"] for one in ODD[kind]["turns"]])


def test_a_cut_turn_takes_its_act_out_of_the_loss(tmp_path: Path) -> None:
    odd = dialogue(turn(ANA, "One."), turn(ANA, "Two is", fix=["truncated"]), turn(BO, "Hi."), turn(ANA, "Three."))
    _, out = imported(tmp_path, odd)
    assert [one.faults for one in only(out).turns] == [("cut",), ("cut",), (), ()]
    assert only(out).about["fixes"] == "1 truncated"
    export_corpus(out / "corpus", tmp_path / "rows.jsonl")
    row = json.loads((tmp_path / "rows.jsonl").read_text())
    assert [one["loss"] for one in row["messages"] if one["role"] == "assistant"] == [False, True]


def test_narration_is_heard_by_all_and_belongs_to_nobody(tmp_path: Path) -> None:
    _, out = imported(tmp_path, ODD["narration"])
    rain = only(out).turns[1]
    assert (rain.seat, rain.kind, rain.heard_by) == (NARRATOR, "do", ("ana_lind", "bo_red_ash"))
    assert NARRATOR not in only(out).seats


@pytest.mark.parametrize("kind", ["thought_by_other", "unknown_action"])
def test_thoughts_of_others_are_their_own(kind: str, tmp_path: Path) -> None:
    _, out = imported(tmp_path, ODD[kind])
    ugh = only(out).turns[1]
    assert (ugh.seat, ugh.kind, ugh.heard_by) == ("bo_red_ash", "think", ())


def test_a_speaker_may_be_called_like_a_part_of_the_engine(tmp_path: Path) -> None:
    odd = dialogue(
        turn(ANA, "Hm."), turn("Narrator", "I tell."), turn("Director", "Cut!"), partners=["Narrator", "Director"]
    )
    _, out = imported(tmp_path, odd)
    assert check([out], check_template=check_template) == []
    assert list(only(out).seats) == ["ana_lind", "narrator_2", "director_2"]
    assert [one.seat for one in only(out).turns] == ["ana_lind", "narrator_2", "director_2"]


def test_a_scene_of_one_speaker_has_an_open_seat(tmp_path: Path) -> None:
    _, out = imported(tmp_path, ODD["no_partner"])
    assert list(only(out).seats) == ["ana_lind"]
    [scene_] = load_pack(out).scenes.values()
    assert [seat.persona for seat in scene_.seats] == ["ana_lind", None]


def test_an_open_seat_is_for_those_with_a_profile(tmp_path: Path) -> None:
    _, out = imported(tmp_path, ODD["no_profile"], scenes=[scene(5)])
    open_seat = load_pack(out).scenes["ana_lind_05"].seats[1]
    assert open_seat.who.not_ == ("ana_lind", "store_owner")


def test_alone_with_strangers_an_open_seat_is_for_them(tmp_path: Path) -> None:
    source = source_of(tmp_path / "s", characters=CHARACTERS[:1], dialogues=[PLAIN], scenes=[scene(5)])
    report = import_simsconv(source, tmp_path / "out")
    assert (report.personas, report.names_only) == (1, 1)
    pack = load_pack(tmp_path / "out")
    assert pack.personas["bo_red_ash"].model_dump(exclude_defaults=True) == {"id": "bo_red_ash", "name": BO}
    assert pack.scenes["ana_lind_05"].seats[1].who.not_ == ("ana_lind",)


def test_twice_is_kept_twice(tmp_path: Path) -> None:
    report, out = imported(
        tmp_path, PLAIN, PLAIN, characters=[*CHARACTERS, CHARACTERS[0]], scenes=[scene(0, type="Duel")]
    )
    assert report.anomalies.counts == {"character_twice": 1, "dialogue_twice": 1, "id_twice": 1, "scene_differs": 1}
    assert [one.id for one in Corpus(out / "corpus")] == ["ana-lind-00", "ana-lind-00_2"]
    assert sorted(load_pack(out).scenes) == ["ana_lind_00", "ana_lind_00_2"]
    assert sorted(load_pack(out).personas) == ["ana_lind", "ana_lind_2", "bo_red_ash"]


def test_what_has_no_field_is_told(tmp_path: Path) -> None:
    odd = PLAIN | {"rating": 4, "turns": [turn(ANA, "Hm.", mood="odd"), turn(BO, "Hi.")]}
    report, out = imported(tmp_path, odd, characters=[CHARACTERS[0] | {"age": 400}, CHARACTERS[1] | {"iq": 3}])
    assert report.anomalies.counts == {"age_out_of_range": 1, "key_left_out": 2}
    assert only(out).about["rating"] == "4"
    assert load_pack(out).personas["ana_lind"].age is None


def test_interviews_and_absent_files_are_told(tmp_path: Path) -> None:
    source = source_of(tmp_path / "s", interviews=[{"character": ANA, "questions": ["Why?"]}])
    report = import_simsconv(source, tmp_path / "out")
    assert [note.split(" ")[0] for note in report.notes] == ["dialogues.jsonl", "scenes.jsonl", "interviews.jsonl:"]
    assert list(Corpus(tmp_path / "out" / "corpus")) == []


def test_shards_hold_a_hundred(tmp_path: Path) -> None:
    _, out = imported(tmp_path, *(PLAIN | {"id": f"d{n}", "scene": n} for n in range(101)))
    assert sorted(path.name for path in (out / "corpus/transcripts").iterdir()) == ["00000.jsonl", "00001.jsonl"]
    assert [one.index for one in Corpus(out / "corpus")] == list(range(101))


@pytest.mark.parametrize("name", ["characters", "dialogues", "scenes"])
def test_a_broken_source_leaves_nothing(name: str, tmp_path: Path) -> None:
    source = source_of(tmp_path / "s", dialogues=[PLAIN], scenes=[scene(0)])
    with (source / f"{name}.jsonl").open("a") as file:
        file.write("{\n")
    with pytest.raises(CorpusError, match=rf"{name}\.jsonl:\d: not JSON"):
        import_simsconv(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    with pytest.raises(CorpusError):
        import_simsconv(source, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_sources_and_targets_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="there is no such folder"):
        import_simsconv(tmp_path / "none", tmp_path / "out")
    with pytest.raises(CorpusError, match=r"has no characters\.jsonl"):
        import_simsconv(tmp_path, tmp_path / "out")
    source = source_of(tmp_path / "s", characters=[])
    with pytest.raises(CorpusError, match="is empty"):
        import_simsconv(source, tmp_path / "out")
    with pytest.raises(CorpusError, match="is not a folder"):
        import_simsconv(source / "characters.jsonl", tmp_path / "out")
    source_of(source)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("kept")
    with pytest.raises(CorpusError, match="is not empty"):
        import_simsconv(source, tmp_path / "full")
    assert (tmp_path / "full" / "mine").read_text() == "kept"
    with pytest.raises(CorpusError, match="is a file"):
        import_simsconv(source, tmp_path / "full" / "mine")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write, "to_line", full)
    with pytest.raises(CorpusError, match="the disk is full; nothing was imported"):
        imported(tmp_path, PLAIN)
    assert not (tmp_path / "out").exists()


def test_what_a_killed_import_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "out" / ".import.half" / "personas").mkdir(parents=True)
    (tmp_path / "out" / ".import.half" / "personas" / "ghost.yaml").write_text("id: ghost")
    _, out = imported(tmp_path, PLAIN)
    assert sorted(path.name for path in out.iterdir()) == ["corpus", "personas", "scenes"]
    assert "ghost" not in load_pack(out).personas


def test_importers_by_name() -> None:
    for name in IMPORTERS:
        assert callable(importer(name))
    with pytest.raises(UsageError, match="nearest: simsconv"):
        importer("simconv")


@pytest.fixture(scope="module")
def simsconv(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ImportReport, Path]:
    out = tmp_path_factory.mktemp("simsconv") / "out"
    return import_simsconv(data / "simsconv", out), out


def rows_in(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def rows_by_transcript(out: Path, file: Path, speaker: str) -> dict[str, list[dict[str, Any]]]:
    export_corpus(out / "corpus", file, speaker=speaker)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows_in(file):
        found[row["transcript"]].append(row)
    return found


def test_simsconv_imports_whole_and_sound(simsconv: tuple[ImportReport, Path]) -> None:
    report, out = simsconv
    assert (report.personas, report.names_only, report.scenes) == (58, 9, 1160)
    assert (report.transcripts, report.turns) == (992, 10319)
    assert check([out], check_template=check_template, directors=("alternate", "addressed")) == []
    pack = load_pack(out)
    assert (len(pack.personas), len(pack.scenes)) == (67, 1160)
    assert report.anomalies.counts == {
        "cut_turn": 4, "flagged_dialogue": 104, "free_topic": 15, "main_absent": 1, "mended_turn": 154, "narration": 6,
        "no_partner": 1, "no_profile": 9, "several_partners": 9, "thought_by_other": 4,
    }  # fmt: skip


def test_simsconv_profiles_are_byte_for_byte(simsconv: tuple[ImportReport, Path], data: Path) -> None:
    pack = load_pack(simsconv[1] / "personas")
    for row in rows_in(data / "simsconv" / "characters.jsonl"):
        persona = pack.personas[row["slug"].replace("-", "_")]
        assert (persona.name, persona.profile, persona.age) == (row["name"], row["profile"], row["age"])


def test_simsconv_exports_every_spoken_line_and_no_foreign_thought(
    simsconv: tuple[ImportReport, Path], data: Path, tmp_path: Path
) -> None:
    out = simsconv[1]
    by_source = {one.about["source_id"]: one for one in Corpus(out / "corpus")}
    rows = rows_by_transcript(out, tmp_path / "each.jsonl", "each")
    mains = rows_by_transcript(out, tmp_path / "main.jsonl", "main")
    for row in rows_in(data / "simsconv" / "dialogues.jsonl"):
        transcript = by_source[row["id"]]
        texts = {
            transcript.seats[one["speaker"]].name: "\n".join(message["content"] for message in one["messages"])
            for one in rows[transcript.id]
        }
        main = "\n".join(message["content"] for one in mains[transcript.id] for message in one["messages"])
        said = [(n, one) for n, one in enumerate(row["turns"]) if one["action"] != "thinking"]
        last = max((n for n, one in enumerate(row["turns"]) if one["speaker"] == row["character"]), default=-1)
        for n, one in said:
            if one["action"] == "speaking":
                assert one["content"] in texts[one["speaker"]]
                assert n > last or one["content"] in main
        spoken = "\n".join(one["content"] for _, one in said)
        for one in row["turns"]:
            if one["action"] == "thinking" and len(one["content"]) > 20 and one["content"] not in spoken:
                assert [name for name, text in texts.items() if one["content"] in text] == [one["speaker"]]


def test_a_subset_of_simsconv_imports_sound(data: Path, tmp_path: Path) -> None:
    kept = {"Alessandra Rossi", "Sergeant Scarlett"}
    source = tmp_path / "s"
    source.mkdir()
    for name, key in (("characters", "name"), ("scenes", "character"), ("dialogues", "character")):
        lines = (data / "simsconv" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (source / f"{name}.jsonl").write_text("".join(one for one in lines if json.loads(one)[key] in kept), "utf-8")
    report = import_simsconv(source, tmp_path / "out")
    assert (report.personas, report.scenes) == (2, 40)
    assert report.names_only > 20
    assert check([tmp_path / "out"], check_template=check_template) == []
