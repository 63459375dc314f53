"""Exports: one row per viewpoint, strictly alternating, nothing in it that its owner did not perceive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simworld.corpus.exports import sinks
from simworld.corpus.exports.table import EXPORTERS, exporter
from simworld.corpus.exports.write import export_corpus, row_type_of
from simworld.corpus.store import to_line
from simworld.errors import CorpusError, MissingDependency, UsageError
from simworld.prompts import forms
from simworld.schema import NARRATOR, Briefing, Ending, SeatRecord, Transcript, Turn

NAMES = {"mara": "Mara Quill", "tom": "Tom Reed", "ivo": "Ivo Lund"}


def seat(id: str, **more: Any) -> SeatRecord:
    briefing = Briefing(system=f"You are {NAMES[id]}.", opener=f"({NAMES[id]} begins.)", nudge="(Go on.)")
    return SeatRecord(persona=f"{id}_p", name=NAMES[id], backend="improv", briefing=briefing, **more)


def turn(n: int, act: int, who: str, kind: str, text: str, *heard: str, **more: Any) -> Turn:
    return Turn.model_validate(
        {"n": n, "act": act, "seat": who, "kind": kind, "text": text, "heard_by": heard, "emotion": "", **more}
    )


ALL = (
    turn(0, 0, "mara", "say", "Good evening.", "tom", "ivo", source="scene"),
    turn(1, 1, NARRATOR, "do", "A door slams.", "mara", "tom", "ivo", source="scene"),
    turn(2, 2, "tom", "think", "TOM-SECRET", note="TOM-NOTE", emotion="Tense"),
    turn(3, 2, "tom", "say", "Evening.\nMara Quill (speaking): fake", "mara", "ivo", emotion="Tense"),
    turn(4, 3, "mara", "say", "MARA-WHISPER", "ivo", to=("ivo",), manner="whisper"),
    turn(5, 4, "ivo", "do", "nods", "mara", "tom"),
    turn(6, 4, "ivo", "say", "IVO-ASIDE", manner="aside"),
    turn(7, 5, "mara", "move", "yard", "tom", "ivo"),
    turn(8, 6, "tom", "say", "Gone.", "ivo", faults=("cut",)),
)


def transcript(index: int = 0, *turns: Turn, **more: Any) -> Transcript:
    facts: dict[str, Any] = {
        "id": f"ward-{index:06d}", "index": index, "scene": "ward", "seed": 0, "status": "complete",
        "seats": {"tom": seat("tom"), "mara": seat("mara", main=True), "ivo": seat("ivo")},
        "ending": Ending(reason="max_turns"), "turns": turns or ALL, "forms": forms(), "places": {"yard": "the yard"},
    }  # fmt: skip
    return Transcript.model_validate({**facts, **more})


def corpus(folder: Path, *transcripts: Transcript) -> Path:
    (folder / "c" / "transcripts").mkdir(parents=True)
    (folder / "c" / "transcripts" / "00000.jsonl").write_bytes(b"".join(map(to_line, transcripts)))
    return folder / "c"


def exported(
    tmp_path: Path, *transcripts: Transcript, name: str = "rows.jsonl", **options: Any
) -> list[dict[str, Any]]:
    export_corpus(corpus(tmp_path, *transcripts), tmp_path / name, **options)
    return [json.loads(line) for line in (tmp_path / name).read_text(encoding="utf-8").splitlines()]


def test_messages_are_the_transcript_as_one_lived_it(tmp_path: Path) -> None:
    [row] = exported(tmp_path, transcript(), speaker="tom")
    assert {key: row[key] for key in ("id", "transcript", "speaker")} == {
        "id": "ward-000000/tom/0", "transcript": "ward-000000", "speaker": "tom",
    }  # fmt: skip
    assert [(one["role"], one["content"], one["loss"]) for one in row["messages"]] == [
        ("system", "You are Tom Reed.", False),
        ("user", "Mara Quill: Good evening.\n[A door slams.]\n<note>TOM-NOTE</note>", False),
        (
            "assistant",
            "<feel>Tense</feel>\n<thought>TOM-SECRET</thought>\n<say>Evening.\nMara Quill (speaking): fake</say>",
            True,
        ),
        ("user", "*Ivo Lund nods*\n*Mara Quill goes to the yard*", False),
        ("assistant", "<say>Gone.</say>", False),
    ]


def test_sharegpt_starts_with_human_and_alternates(tmp_path: Path) -> None:
    rows = exported(tmp_path, transcript(), speaker="each", form="sharegpt")
    assert [row["system"] for row in rows] == ["You are Tom Reed.", "You are Mara Quill.", "You are Ivo Lund."]
    for row in rows:
        assert row.keys() == {"id", "system", "conversations"}
        who = [one["from"] for one in row["conversations"]]
        assert who == ["human", "gpt"] * (len(who) // 2)
    assert rows[1]["conversations"][0]["value"] == "(Mara Quill begins.)"


def test_text_is_a_script(tmp_path: Path) -> None:
    [row] = exported(tmp_path, transcript(), speaker="tom", form="text")
    assert row == {
        "id": "ward-000000/tom/0",
        "text": "You are Tom Reed.\n\n"
        "Mara Quill (speaking): Good evening.\n"
        "[A door slams.]\n"
        "(To Tom Reed alone: TOM-NOTE)\n"
        "Tom Reed (thinking): TOM-SECRET\n"
        "Tom Reed (speaking): Evening.\n  Mara Quill (speaking): fake\n"
        "*Ivo Lund nods*\n"
        "*Mara Quill goes to the yard*\n"
        "Tom Reed (speaking): Gone.",
    }


def test_whispers_and_asides_of_a_script(tmp_path: Path) -> None:
    mara, ivo = (exported(tmp_path / who, transcript(), speaker=who, form="text")[0]["text"] for who in ("mara", "ivo"))
    assert "Mara Quill (whispering to Ivo Lund): MARA-WHISPER" in mara
    assert "Mara Quill (whispering to Ivo Lund): MARA-WHISPER" in ivo
    assert "Ivo Lund (aside): IVO-ASIDE" in ivo


OWNERS = {"TOM-SECRET": {"tom"}, "TOM-NOTE": {"tom"}, "MARA-WHISPER": {"mara", "ivo"}, "IVO-ASIDE": {"ivo"}}


@pytest.mark.parametrize("form", EXPORTERS)
def test_what_is_private_stays_with_its_owner(form: str, tmp_path: Path) -> None:
    rows = exported(tmp_path, transcript(), speaker="each", form=form)
    for canary, owners in OWNERS.items():
        assert {row["id"].split("/")[1] for row in rows if canary in json.dumps(row)} == owners


@pytest.mark.parametrize("form", EXPORTERS)
def test_thoughts_and_notes_may_be_dropped(form: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    no_thoughts = json.dumps(exported(tmp_path / "a", transcript(), speaker="tom", form=form, thoughts=False))
    assert "TOM-SECRET" not in no_thoughts
    assert "TOM-NOTE" in no_thoughts
    no_notes = json.dumps(exported(tmp_path, transcript(), speaker="tom", form=form, notes=False))
    assert "TOM-SECRET" in no_notes
    assert "TOM-NOTE" not in no_notes


def test_an_act_of_nothing_but_a_dropped_thought_is_gone_with_its_note(tmp_path: Path) -> None:
    musing = [*ALL[:3], *(one.model_copy(update={"act": one.act + 1}) for one in ALL[3:])]
    for form in EXPORTERS:
        row = exported(tmp_path / form, transcript(0, *musing), speaker="tom", form=form, thoughts=False)
        assert "TOM-NOTE" not in json.dumps(row)


@pytest.mark.parametrize("form", EXPORTERS)
def test_every_exporter_keeps_its_word(form: str) -> None:
    """The contract of the table: rows as their type says, a unique id first, none for a seat that never acted."""
    rows_of = exporter(form)
    keys = list(row_type_of(rows_of).__annotations__)
    ids = set[str]()
    for id in NAMES:
        rows = rows_of(transcript(), id, thoughts=True, notes=True)
        assert rows
        assert all(list(row) == keys for row in rows)
        ids |= {row["id"] for row in rows}
    assert len(ids) == 3
    assert rows_of(transcript(0, *ALL[:2]), "tom", thoughts=True, notes=True) == []
    assert rows_of(transcript(0, *ALL[:3]), "tom", thoughts=False, notes=True) == []


def test_each_stretch_between_cuts_is_a_row(tmp_path: Path) -> None:
    cut = [*ALL[:8], turn(8, 6, "tom", "say", "Gone.", "ivo", since=5)]
    rows = exported(tmp_path, transcript(0, *cut), speaker="tom")
    assert [row["id"] for row in rows] == ["ward-000000/tom/0", "ward-000000/tom/1"]
    assert [one["content"] for one in rows[1]["messages"][1:]] == [
        "*Ivo Lund nods*\n*Mara Quill goes to the yard*", "<say>Gone.</say>",
    ]  # fmt: skip
    [whole] = exported(tmp_path / "t", transcript(0, *cut), speaker="tom", form="text")
    assert "Good evening." in whole["text"]


@pytest.mark.parametrize(
    ("speaker", "seats"),
    [
        ("main", ["mara"]),
        ("each", ["tom", "mara", "ivo"]),
        ("tom", ["tom"]),
        ("TOM reed", ["tom"]),
        ("Tom_P", ["tom"]),
        ("user", []),
    ],
)
def test_whose_viewpoint(speaker: str, seats: list[str], tmp_path: Path) -> None:
    assert [row["speaker"] for row in exported(tmp_path, transcript(), speaker=speaker)] == seats


def test_roles_and_narrators(tmp_path: Path) -> None:
    seats = {
        "tom": seat("tom", role="user", format="plain"),
        "mara": seat("mara", role="assistant", format="plain"),
        "ivo": seat("ivo", role="narrator", format="plain"),
    }
    cast = transcript(seats=seats)
    told = exported(tmp_path, cast, speaker="ivo", form="text")[0]["text"]
    assert "[nods]\n[IVO-ASIDE]" in told
    for speaker, found in {"user": ["tom"], "assistant": ["mara"], "each": ["tom", "mara"], "ivo": ["ivo"]}.items():
        assert [row["speaker"] for row in exported(tmp_path / speaker, cast, speaker=speaker)] == found


def test_main_is_the_first_seat_where_none_is_marked(tmp_path: Path) -> None:
    seats = {id: seat(id) for id in ("ivo", "mara", "tom")}
    assert [row["speaker"] for row in exported(tmp_path, transcript(seats=seats))] == ["ivo"]


def test_an_unknown_speaker_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"speaker 'mara quil' is not known; allowed: .*; nearest: Mara Quill"):
        exported(tmp_path, transcript(), speaker="mara quil")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c"]


def test_one_who_sits_in_some_of_the_dialogues(tmp_path: Path) -> None:
    others = transcript(1, *ALL[:1], seats={"mara": seat("mara"), "ivo": seat("ivo")})
    report = export_corpus(corpus(tmp_path, transcript(), others), tmp_path / "x.jsonl", speaker="tom")
    assert (report.rows, report.transcripts, report.absent, report.silent) == (1, 1, 1, 0)
    assert "left out: 1 transcripts without such a seat" in report.lines()


def test_only_complete_dialogues_leave_unless_others_are_named(tmp_path: Path) -> None:
    folder = corpus(tmp_path, transcript(), transcript(1, status="failed"), transcript(2, status="truncated"))
    report = export_corpus(folder, tmp_path / "x.jsonl")
    assert (report.rows, dict(report.skipped)) == (1, {"failed": 1, "truncated": 1})
    assert "left out: 1 failed, 1 truncated transcripts" in report.lines()[1]
    report = export_corpus(folder, tmp_path / "x.jsonl", include=("failed",))
    assert (report.rows, dict(report.skipped)) == (2, {"truncated": 1})
    with pytest.raises(UsageError, match="nearest: failed"):
        export_corpus(folder, tmp_path / "x.jsonl", include=("faild",))


def test_silent_seats_and_rows_without_loss_are_counted(tmp_path: Path) -> None:
    report = export_corpus(corpus(tmp_path, transcript(0, *ALL[:2])), tmp_path / "x.jsonl", speaker="tom")
    assert (report.rows, report.transcripts, report.silent) == (0, 0, 1)
    report = export_corpus(tmp_path / "c", tmp_path / "x.jsonl", speaker="mara")
    assert (report.rows, report.unlearnt) == (1, 1)
    assert report.facts()["unlearnt"] == 1


@pytest.mark.parametrize(
    ("options", "name", "says"),
    [
        ({"form": "mesages"}, "x.jsonl", "nearest: messages"),
        ({}, "x.csv", "the suffix '.csv' is not known; allowed: .jsonl"),
        ({}, "x.txt", "a .txt file holds the rows of --as text only"),
        ({}, "folder.jsonl", "is a folder"),
        ({}, "c/transcripts.jsonl/x.jsonl", "cannot be written"),
        ({}, "c/transcripts/00000.jsonl", "lies among the corpus's own files"),
        ({}, "c/manifest.json", "lies among the corpus's own files"),
    ],
)
def test_what_cannot_be_written(options: dict[str, Any], name: str, says: str, tmp_path: Path) -> None:
    folder = corpus(tmp_path, transcript())
    (tmp_path / "folder.jsonl").mkdir()
    (folder / "transcripts.jsonl").touch()
    before = (folder / "transcripts" / "00000.jsonl").read_bytes()
    with pytest.raises(UsageError) as refused:
        export_corpus(folder, tmp_path / name, **options)
    assert says in str(refused.value)
    assert (folder / "transcripts" / "00000.jsonl").read_bytes() == before
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".half")]


def test_a_corpus_that_breaks_off_leaves_the_old_file(tmp_path: Path) -> None:
    folder = corpus(tmp_path, transcript())
    with (folder / "transcripts" / "00000.jsonl").open("ab") as file:
        file.write(b'{"index": 1}\n')
    for name in ("x.jsonl", "x.parquet"):
        (tmp_path / name).write_text("old")
        with pytest.raises(CorpusError):
            export_corpus(folder, tmp_path / name)
        assert (tmp_path / name).read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("form", EXPORTERS)
def test_parquet_holds_the_same_rows(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(sinks, "GROUP_BYTES", 3000)
    rows = exported(tmp_path, *(transcript(n) for n in range(9)), speaker="each", form=form)
    export_corpus(tmp_path / "c", tmp_path / "x.parquet", speaker="each", form=form)
    file = pq.ParquetFile(tmp_path / "x.parquet")
    assert file.read().to_pylist() == rows
    assert file.num_row_groups > 1
    file.close()


def test_parquet_without_rows_has_its_columns(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    export_corpus(corpus(tmp_path, transcript(status="failed")), tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").column_names == ["id", "transcript", "speaker", "messages"]


def test_parquet_needs_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependency, match=r"pip install 'simworld\[parquet\]'"):
        export_corpus(corpus(tmp_path, transcript()), tmp_path / "x.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c"]


def test_a_text_file_holds_the_scripts(tmp_path: Path) -> None:
    texts = [row["text"] for row in exported(tmp_path, transcript(), transcript(1), speaker="each", form="text")]
    export_corpus(tmp_path / "c", tmp_path / "x.txt", speaker="each", form="text")
    assert (tmp_path / "x.txt").read_text(encoding="utf-8") == "\n\n".join(texts) + "\n"


@pytest.mark.parametrize("out", [None, "-"])
def test_rows_go_to_stdout_by_default(
    out: str | None, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    report = export_corpus(corpus(tmp_path, transcript()), out, speaker="each")
    lines = capsysbinary.readouterr().out.splitlines()
    assert [json.loads(line)["speaker"] for line in lines] == ["tom", "mara", "ivo"]
    assert report.lines()[0] == "stdout: 3 rows of 1 transcripts"


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    export_corpus(corpus(tmp_path, transcript()), tmp_path / "a" / "b" / "x.jsonl")
    assert (tmp_path / "a" / "b" / "x.jsonl").is_file()


STRICT = {
    "llama": "{% if messages[0].role == 'system' %}{{ messages[0].content }}{% set rest = messages[1:] %}"
    "{% else %}{% set rest = messages %}{% endif %}{% for m in rest %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "[{{ m.role }}]{{ m.content }}{% endfor %}",
    "mistral": "{{ messages[0].content }}{% for m in messages[1:] %}{% set want = ['user', 'assistant'] %}"
    "{% if m.role != want[loop.index0 % 2] %}{{ raise_exception('after the system message: user, assistant') }}"
    "{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}",
    "gemma": "{% if messages[0].role == 'system' %}{{ raise_exception('system role is not supported') }}{% endif %}"
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}",
}


@pytest.mark.parametrize("thoughts", [True, False])
@pytest.mark.parametrize("family", STRICT)
def test_messages_render_through_strict_chat_templates(family: str, thoughts: bool, tmp_path: Path) -> None:
    from jinja2 import Environment

    def refuse(message: str) -> None:
        raise AssertionError(message)

    template = Environment(autoescape=False).from_string(STRICT[family])
    rows = exported(tmp_path, transcript(), speaker="each", thoughts=thoughts)
    assert len(rows) == 3
    for row in rows:
        messages = row["messages"]
        assert [one["role"] for one in messages].count("system") == 1
        assert messages[-1]["role"] == "assistant"
        assert all(one["role"] != after["role"] for one, after in pairwise(messages))
        # a family without a system role is given it as part of the first user message by its trainer
        given = messages if family != "gemma" else messages[1:]
        text = template.render(messages=given, raise_exception=refuse)
        assert all(one["content"] in text for one in given)


LOAD = """
import json, sys, warnings
warnings.simplefilter("ignore")
from datasets import load_dataset
rows = load_dataset(sys.argv[1], data_files=sys.argv[2], split="train", cache_dir=sys.argv[3])
print(json.dumps(list(rows)))
"""


@pytest.mark.parametrize(("kind", "name"), [("json", "x.jsonl"), ("parquet", "x.parquet")])
def test_messages_load_with_datasets(kind: str, name: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("datasets")
    rows = exported(tmp_path, transcript(), transcript(1), speaker="each")
    export_corpus(tmp_path / "c", tmp_path / name, speaker="each")
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    command = [sys.executable, "-c", LOAD, kind, str(tmp_path / name), str(tmp_path / "cache")]
    done = subprocess.run(command, capture_output=True, text=True, env=offline, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == rows


SIMSCHAT = """\
You are Tom Reed, a porter.
Respond and answer like Tom Reed, using the tone, manner and vocabulary Tom Reed would use.

The status of you is as follows:
Location: the yard

Status: It is late; the ward is dark.

Emotion: Tense

Conversation Topic: arguments

The interactions are as follows:

Mara Quill (speaking): Good evening.<|eot|>

NARRATION (narration): A door slams.<|eot|>

Tom Reed (noticing): TOM-NOTE<|eot|>

Tom Reed (thinking): TOM-SECRET<|eot|>

Tom Reed (speaking): Evening.
  Mara Quill (speaking): fake<|eot|>

Ivo Lund (acting): nods<|eot|>

Mara Quill (acting): goes to the yard<|eot|>

Tom Reed (speaking): Gone.<|eot|>"""


def test_simschat_is_the_papers_record_with_spans(tmp_path: Path) -> None:
    system = "You are Tom Reed, a porter.\n\nScene: The ward\n\nIt is late; the ward is dark.\n\nAnswer."
    briefing = Briefing(system=system, opener="(o)", nudge="(n)", profile_at=(0, 27), status_at=(46, 75))
    seats = {**transcript().seats, "tom": seat("tom", place="yard", emotion="Tense")}
    seats["tom"] = seats["tom"].model_copy(update={"briefing": briefing})
    [row] = exported(tmp_path, transcript(seats=seats, topic="arguments"), speaker="tom", form="simschat")
    assert row["text"] == SIMSCHAT
    learnt = [row["text"][span["start"] : span["stop"]] for span in row["loss"]]
    assert learnt == [  # `Gone.` was cut
        "Tom Reed (thinking): TOM-SECRET<|eot|>", "Tom Reed (speaking): Evening.\n  Mara Quill (speaking): fake<|eot|>",
    ]  # fmt: skip


def test_simschat_keeps_what_would_end_a_line_and_thoughts_that_others_are_said_to_hear(tmp_path: Path) -> None:
    turns = [
        turn(0, 0, "mara", "say", "One<|eot|>\n\nTom Reed (speaking): two", "tom"),
        turn(1, 1, "mara", "think", "MARA-SECRET", "tom"),
        turn(2, 2, "tom", "move", "out", "mara"),
        turn(3, 3, "mara", "say", "SOFTLY", "tom", to=("tom",), manner="whisper"),
    ]
    [row] = exported(tmp_path, transcript(0, *turns), speaker="tom", form="simschat")
    interactions = row["text"].partition("The interactions are as follows:\n\n")[2]
    assert row["text"].count("<|eot|>") == 3
    assert "Mara Quill (speaking): One<| eot |>\n\n  Tom Reed (speaking): two<|eot|>" in interactions
    assert "Tom Reed (acting): leaves<|eot|>" in interactions
    assert "Mara Quill (whispering to Tom Reed): SOFTLY<|eot|>" in interactions
    assert "MARA-SECRET" not in row["text"]


def test_simschat_of_simsconv(tmp_path: Path) -> None:
    """The paper's own example, given as the data set has it, comes out as the paper's training file shows it."""
    from simworld.corpus.imports.table import run_import

    (tmp_path / "in").mkdir()
    profile = "You are Zephyr Orion, a charming 28-year-old male astronaut."
    setting = "The auditorium bustles; Zephyr Orion stands tall on the stage."
    talk = [
        ("Zephyr Orion", "speaking", "Good evening, everyone."),
        ("Zephyr Orion", "thinking", "I need to engage them."),
        ("Felix Greenfield", "speaking", "That sounds exhilarating, Commander Orion."),
    ]
    row = {
        "id": "zephyr-orion#00", "character": "Zephyr Orion", "scene": 0, "scene_type": "Speech",
        "emotion": "Confident",
        "location": "A prestigious university’s auditorium", "setting": setting, "topic": "other",
        "topic_raw": "Stories of space", "partners": ["Felix Greenfield"],
        "turns": [{"speaker": who, "action": how, "content": what} for who, how, what in talk],
    }  # fmt: skip
    (tmp_path / "in" / "characters.jsonl").write_text(json.dumps({"name": "Zephyr Orion", "profile": profile}) + "\n")
    (tmp_path / "in" / "dialogues.jsonl").write_text(json.dumps(row) + "\n")
    run_import("simsconv", tmp_path / "in", tmp_path / "sims")
    export_corpus(tmp_path / "sims" / "corpus", tmp_path / "x.txt", form="simschat")
    assert (tmp_path / "x.txt").read_text(encoding="utf-8") == (
        f"{profile}\nRespond and answer like Zephyr Orion, using the tone, manner and vocabulary Zephyr Orion would "
        "use.\n\nThe status of you is as follows:\nLocation: A prestigious university’s auditorium\n\n"
        f"Status: {setting}\n\nEmotion: Confident\n\nConversation Topic: Stories of space\n\n"
        "The interactions are as follows:\n\n"
        + "\n\n".join(f"{who} ({how}): {what}<|eot|>" for who, how, what in talk)
        + "\n"
    )


def test_simschat_rows_without_a_line_to_learn_from_are_counted(tmp_path: Path) -> None:
    report = export_corpus(
        corpus(tmp_path, transcript(0, *ALL[:2])), tmp_path / "x.jsonl", speaker="mara", form="simschat"
    )
    assert (report.rows, report.unlearnt) == (1, 1)
