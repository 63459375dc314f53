"""Human-assistant conversations become a corpus: text byte for byte, what cannot be kept is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simworld.corpus.exports.write import export_corpus
from simworld.corpus.imports.conversations import import_messages, import_sharegpt
from simworld.corpus.imports.report import ImportReport
from simworld.corpus.store import Corpus
from simworld.errors import CorpusError
from simworld.packs import check, load_pack
from simworld.prompts import check_template
from simworld.schema import Transcript

TEXT = "  Hi,\r\n\tthere. {{ x }} <say>no</say>\n"


def shared(*turns: tuple[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "one", "conversations": [{"from": who, "value": text} for who, text in turns], **more}


def chat(*turns: tuple[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": who, "content": text} for who, text in turns], **more}


def imported(tmp_path: Path, *rows: dict[str, Any], name: str = "x.jsonl") -> tuple[ImportReport, list[Transcript]]:
    source = tmp_path / name
    text = json.dumps(rows) if name.endswith(".json") else "".join(json.dumps(row) + "\n" for row in rows)
    source.write_text(text, encoding="utf-8")
    read = import_messages if "messages" in rows[0] else import_sharegpt
    report = read(source, tmp_path / "out")
    return report, list(Corpus(tmp_path / "out" / "corpus"))


@pytest.mark.parametrize("row", [shared(("Human", TEXT), ("gpt", "Yes.")), chat(("user", TEXT), ("assistant", "Yes."))])
@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_both_forms_read_alike(row: dict[str, Any], name: str, tmp_path: Path) -> None:
    report, [transcript] = imported(tmp_path, row, name=name)
    assert [(one.act, one.seat, one.kind, one.text, one.heard_by) for one in transcript.turns] == [
        (0, "user", "say", TEXT, ("assistant",)),
        (1, "assistant", "say", "Yes.", ("user",)),
    ]
    assert [(seat.role, seat.format, seat.main) for seat in transcript.seats.values()] == [
        ("user", "plain", False), ("assistant", "plain", True),
    ]  # fmt: skip
    assert (transcript.status, transcript.ending.reason, transcript.ending.known) == ("complete", "imported", False)
    assert report.anomalies.counts == {}
    assert (report.transcripts, report.turns) == (1, 2)


def test_the_pack_is_sound_and_bare(tmp_path: Path) -> None:
    imported(tmp_path, shared(("human", "Hi"), ("gpt", "Yes.")))
    assert check([tmp_path / "out"], check_template=check_template) == []
    pack = load_pack(tmp_path / "out")
    assert {one.id: one.model_dump(exclude_defaults=True) for one in pack.personas.values()} == {
        "user": {"id": "user", "name": "User"}, "assistant": {"id": "assistant", "name": "Assistant"},
    }  # fmt: skip
    assert [(seat.id, seat.role) for seat in pack.scenes["conversation"].seats] == [
        ("user", "user"), ("assistant", "assistant"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        chat(("system", TEXT), ("user", "Hi"), ("assistant", "Yes.")),
        chat(("developer", TEXT), ("user", "Hi"), ("assistant", "Yes.")),
        shared(("system", TEXT), ("human", "Hi"), ("gpt", "Yes.")),
        shared(("human", "Hi"), ("gpt", "Yes."), system=TEXT),
    ],
)
def test_a_system_message_is_what_the_assistant_was_told(row: dict[str, Any], tmp_path: Path) -> None:
    _, [transcript] = imported(tmp_path, row)
    assert transcript.seats["assistant"].briefing.system == TEXT
    assert TEXT not in transcript.seats["user"].briefing.system
    export_corpus(tmp_path / "out" / "corpus", tmp_path / "rows.jsonl")
    messages = json.loads((tmp_path / "rows.jsonl").read_text())["messages"]
    assert [one["content"] for one in messages] == [TEXT, "Hi", "Yes."]


def test_without_a_system_message_the_seat_is_told_the_default(tmp_path: Path) -> None:
    _, transcripts = imported(
        tmp_path, chat(("system", "S"), ("user", "Hi")), chat(("user", "Hi")), chat(("system", ""), ("user", "Hi"))
    )
    systems = [one.seats["assistant"].briefing.system for one in transcripts]
    assert systems[0] == "S"
    assert systems[1].startswith("You are Assistant.")
    assert systems[2] == ""


FINE = chat(("user", "Hi"), ("assistant", "Yes."))
LEFT_OUT = {
    "content_not_text": chat(("user", [{"type": "image_url", "image_url": {}}]), ("assistant", "Yes.")),
    "nothing_said": chat(("system", "S"), ("user", " \n")),
    "system_inside": chat(("user", "Hi"), ("system", "S"), ("assistant", "Yes.")),
    "unknown_role": chat(("user", "Hi"), ("tool", "42"), ("assistant", "Yes.")),
}
KEPT = {
    "empty_message": chat(("user", "Hi"), ("assistant", ""), ("user", "Hm?")),
    "id_twice": chat(("user", "Hi"), id="x-000000"),
    "key_left_out": {"messages": [{"role": "user", "content": "Hi", "name": "Al"}]},
    "same_speaker": chat(("user", "Hi"), ("user", "You?"), ("assistant", "Yes.")),
    "several_systems": chat(("system", "A"), ("system", "B"), ("user", "Hi")),
    "starts_with_assistant": chat(("assistant", "Welcome."), ("user", "Hi")),
}


@pytest.mark.parametrize("kind", [*LEFT_OUT, *KEPT])
def test_what_is_odd_is_counted(kind: str, tmp_path: Path) -> None:
    report, transcripts = imported(tmp_path, FINE, (LEFT_OUT | KEPT)[kind])
    assert kind in report.anomalies.counts
    assert "x.jsonl:2" in report.anomalies.places[kind][0]
    assert len(transcripts) == (1 if kind in LEFT_OUT else 2)
    assert len({one.id for one in transcripts}) == len(transcripts)
    assert Corpus(tmp_path / "out" / "corpus").manifest["anomalies"] == report.anomalies.counts
    also = {"empty_message": {"same_speaker"}, "nothing_said": {"empty_message"}}
    assert report.anomalies.counts.keys() == {kind, *also.get(kind, ())}


def test_what_one_says_in_a_row_is_one_act(tmp_path: Path) -> None:
    _, [_, transcript] = imported(tmp_path, FINE, KEPT["same_speaker"])
    assert [(one.n, one.act, one.text) for one in transcript.turns] == [(0, 0, "Hi"), (1, 0, "You?"), (2, 1, "Yes.")]


def test_parts_of_text_are_text(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    _, [transcript] = imported(tmp_path, chat(("user", parts)))
    assert transcript.turns[0].text == "one\ntwo"


def test_other_keys_are_kept_aside(tmp_path: Path) -> None:
    _, [transcript] = imported(tmp_path, shared(("human", "Hi"), lang="en", ok=True, n=3, none=None, tags=["a"], id=17))
    assert transcript.id == "17"
    assert transcript.about == {
        "lang": "en", "ok": "true", "n": "3", "tags": '["a"]', "source": "sharegpt", "source_place": "1",
        "source_id": "17",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("", "is empty"),
        ("[]", "is empty"),
        ('{"messages": []}\n', "x.json:1: the key 'conversations' is missing"),
        ('[{"conversations": [{"from": "human"}]}]', "item 1: the key 'conversations.0.value' is missing"),
        ('{"conversations": {"from": "human"}}\n', "'conversations'"),
    ],
)
def test_a_broken_file_leaves_nothing(data: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(data)
    with pytest.raises(CorpusError) as refused:
        import_sharegpt(tmp_path / "x.json", tmp_path / "out")
    assert says in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_sharegpt_sample(data: Path, tmp_path: Path) -> None:
    source = data / "sharegpt_sample" / "train.jsonl"
    report = import_sharegpt(source, tmp_path / "out")
    assert report.anomalies.counts == {"empty_message": 3, "same_speaker": 3, "starts_with_assistant": 268}
    transcripts = {one.about["source_id"]: one for one in Corpus(tmp_path / "out" / "corpus")}
    assert len(transcripts) == 802
    for line in source.read_text(encoding="utf-8").split("\n"):
        if line:
            row = json.loads(line)
            said = [one["value"] for one in row["conversations"] if one["value"].strip()]
            assert [one.text for one in transcripts[row["id"]].turns] == said
