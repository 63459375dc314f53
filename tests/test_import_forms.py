"""OpenAssistant's trees, WildChat's rows and anybody's columns become a corpus; shards, packed files, Parquet too."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simworld.cli.app import app
from simworld.corpus.imports.columns import Columns, parse_map
from simworld.corpus.imports.conversations import import_oasst, import_rows, import_wildchat
from simworld.corpus.imports.files import data_files, values_of
from simworld.corpus.imports.forms import form_in
from simworld.corpus.imports.lines import BadLine, json_lines
from simworld.corpus.imports.table import run_import
from simworld.corpus.store import Corpus
from simworld.errors import CorpusError, UsageError
from simworld.schema import Transcript


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return path


def made(folder: Path) -> list[Transcript]:
    return list(Corpus(folder / "out" / "corpus"))


def said(transcript: Transcript) -> list[tuple[str, str]]:
    return [(turn.seat, turn.text) for turn in transcript.turns]


def reply(text: str, role: str, *replies: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"text": text, "role": role, "replies": list(replies), **more}


TREE = {
    "message_tree_id": "t1",
    "tree_state": "ready_for_export",
    "prompt": reply(
        "Q",
        "prompter",
        reply("worse", "assistant", reply("hm", "prompter"), rank=1),
        reply("gone", "assistant", rank=-1, deleted=True),
        reply("best", "assistant", reply("and?", "prompter", reply("so.", "assistant", rank=0)), rank=0),
        lang="en",
        message_id="t1",
    ),
}
BEST = [("user", "Q"), ("assistant", "best"), ("user", "and?"), ("assistant", "so.")]
OTHER = [("user", "Q"), ("assistant", "worse"), ("user", "hm")]


def flat(message: dict[str, Any], parent: str | None = None, **more: Any) -> list[dict[str, Any]]:
    """The messages of a tree, one row each; ids are the texts."""
    own = {key: one for key, one in message.items() if key != "replies"}
    rows = [own | {"message_id": message["text"], "parent_id": parent} | more]
    return rows + [row for one in message["replies"] for row in flat(one, message["text"], **more)]


@pytest.mark.parametrize("form", ["nested", "flat", "flat_without_tree_ids"])
def test_the_best_way_through_a_tree(form: str, tmp_path: Path) -> None:
    more = {"message_tree_id": "t1"} if form == "flat" else {}
    rows = [TREE] if form == "nested" else flat(TREE["prompt"], **more)  # type: ignore[arg-type]
    report = import_oasst(written(tmp_path / "x.jsonl", *rows), tmp_path / "out")
    [transcript] = made(tmp_path)
    assert said(transcript) == BEST
    assert transcript.id == transcript.about["root"] == ("Q" if form == "flat_without_tree_ids" else "t1")
    assert transcript.about["lang"] == "en"
    assert transcript.ending.known is False
    assert report.anomalies.counts == {}


@pytest.mark.parametrize("form", ["nested", "flat"])
def test_every_way_through_a_tree(form: str, tmp_path: Path) -> None:
    rows = [TREE] if form == "nested" else flat(TREE["prompt"], message_tree_id="t1")  # type: ignore[arg-type]
    import_oasst(written(tmp_path / "x.jsonl", *rows), tmp_path / "out", paths="all")
    transcripts = made(tmp_path)
    assert [said(one) for one in transcripts] == [OTHER, BEST]
    assert [(one.id, one.about["root"]) for one in transcripts] == [("t1-0", "t1"), ("t1-1", "t1")]


def test_messages_of_several_trees_may_be_mixed(tmp_path: Path) -> None:
    one, other = flat(TREE["prompt"], message_tree_id="a"), flat(reply("W", "prompter", reply("v", "assistant")))  # type: ignore[arg-type]
    rows = [one[0], other[0], *one[1:], other[1]]
    orphan = {"message_id": "z", "parent_id": "nobody", "message_tree_id": "c", "text": "lost", "role": "assistant"}
    report = import_oasst(written(tmp_path / "x.jsonl", *rows, orphan), tmp_path / "out")
    assert report.anomalies.counts == {"nothing_said": 1}
    assert report.anomalies.places["nothing_said"][0].endswith("x.jsonl:10 z")
    assert [said(one) for one in made(tmp_path)] == [BEST, [("user", "W"), ("assistant", "v")]]


def test_unranked_replies_come_in_their_order(tmp_path: Path) -> None:
    tree = {
        "message_tree_id": "t",
        "prompt": reply("Q", "prompter", reply("one", "assistant"), reply("two", "assistant")),
    }
    import_oasst(written(tmp_path / "x.jsonl", tree), tmp_path / "out")
    assert said(made(tmp_path)[0]) == [("user", "Q"), ("assistant", "one")]


WILDCHAT = {
    "conversation_hash": "abc",
    "model": "gpt-4",
    "turn": 1,
    "language": "English",
    "toxic": False,
    "conversation": [
        {"role": "user", "content": "Hi", "timestamp": None, "language": "English"},
        {"role": "assistant", "content": "Yes.", "timestamp": "2023-04-09T00:02:53", "language": "English"},
    ],
}
LMSYS = {"conversation_id": "33f", "model": "m", "conversation": [{"role": "user", "content": "Hi"}], "turn": 1}


def test_wildchat_and_lmsys(tmp_path: Path) -> None:
    report = import_wildchat(written(tmp_path / "x.jsonl", WILDCHAT, LMSYS), tmp_path / "out")
    first, second = made(tmp_path)
    assert said(first) == [("user", "Hi"), ("assistant", "Yes.")]
    assert (first.id, second.id) == ("abc", "33f")
    about = {key: first.about[key] for key in ("model", "turn", "language", "toxic", "timestamps", "source")}
    assert about == {
        "model": "gpt-4", "turn": "1", "language": "English", "toxic": "false",
        "timestamps": '[null,"2023-04-09T00:02:53"]', "source": "wildchat",
    }  # fmt: skip
    assert "timestamps" not in second.about
    assert report.anomalies.counts == {"key_left_out": 2}


TURNS = [{"speaker": "A", "body": {"text": "Hi"}}, {"speaker": "b", "body": {"text": "Yes."}}]
MAPPED = {
    "messages": ("messages=d.turns,role=speaker,content=body.text,user=a,assistant=B|C,id=key",
                 {"d": {"turns": TURNS}}),
    "usual_names": ("messages=turns,role=from,content=value",
                    {"turns": [{"from": "prompter", "value": "Hi"}, {"from": "Bot", "value": "Yes."}]}),
    "texts_in_turn": ("messages=turns", {"turns": ["Hi", "Yes."]}),
    "texts_in_turn_named": ("messages=turns,user=x,assistant=y", {"turns": ["Hi", "Yes."]}),
    "round": ("prompt=q,response=a,id=key", {"q": "Hi", "a": "Yes."}),
    "round_with_system": ("prompt=q,response=a,system=s", {"q": "Hi", "a": "Yes.", "s": "Be brief."}),
}  # fmt: skip


@pytest.mark.parametrize("name", MAPPED)
def test_columns_by_a_map(name: str, tmp_path: Path) -> None:
    map, row = MAPPED[name]
    import_rows(written(tmp_path / "x.jsonl", row | {"key": "k7", "lang": "en"}), tmp_path / "out", map=map)
    [transcript] = made(tmp_path)
    assert said(transcript) == [("user", "Hi"), ("assistant", "Yes.")]
    assert transcript.id == ("k7" if "id=key" in map else "x-000000")
    assert transcript.about["lang"] == "en"
    assert not {"q", "a", "turns", "d", "s"} & transcript.about.keys()
    assert (transcript.seats["assistant"].briefing.system == "Be brief.") == (name == "round_with_system")


def test_a_named_speaker_replaces_the_usual_ones(tmp_path: Path) -> None:
    row = {"turns": [{"role": "agent_1", "content": "Hi"}, {"role": "user", "content": "Yes."}]}
    report = import_rows(written(tmp_path / "x.jsonl", row), tmp_path / "out", map="messages=turns,user=agent_1")
    assert report.anomalies.counts == {"unknown_role": 1}


@pytest.mark.parametrize(
    ("map", "says"),
    [
        ("turns", "'turns' is not KEY=COLUMN"),
        ("messages=", "'messages' is not KEY=COLUMN"),
        ("message=turns", "'message' is not known; allowed: messages, role"),
        ("message=turns", "nearest: messages"),
        ("role=x", "either messages= or prompt="),
        ("messages=a,prompt=b", "either messages= or prompt="),
    ],
)
def test_a_wrong_map_is_told(map: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_map(map)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"turns": "Hi"}, "'turns' should be a list of messages, is text"),
        ({}, "'turns' should be a list of messages, is null"),
        ({"turns": [{"content": "Hi"}]}, "'turns.0.role' should be a text that says who, is null"),
    ],
)
def test_a_row_that_does_not_fit_the_map_is_told(row: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as refused:
        import_rows(written(tmp_path / "x.jsonl", row), tmp_path / "out", map="messages=turns")
    assert f"x.jsonl:1: {says}" in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_shards_packed_files_and_parquet_are_read_in_order(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "shards"
    (folder / "more").mkdir(parents=True)
    (folder / "README.md").write_text("no data")
    (folder / ".cache").mkdir()
    written(folder / ".cache" / "old.jsonl", {"n": -1})
    with gzip.open(folder / "a.jsonl.gz", "wb") as file:
        file.write(b'{"n": 0}\n{"n": 1}\n')
    written(folder / "b.jsonl", {"n": 2})
    (folder / "c.json").write_text('[{"n": 3}]')
    rows = [{"n": n, "when": datetime(2023, 4, 9, n % 24)} for n in range(4, 704)]  # noqa: DTZ001
    parquet.write_table(arrow.Table.from_pylist(rows), folder / "d.parquet")
    written(folder / "more" / "e.jsonl", {"n": 704})
    values = [(where, value) for path in data_files(folder) for where, value in values_of(path)]
    assert [value["n"] for _, value in values] == [*range(705)]
    assert values[4][0].endswith("d.parquet: row 1")


def test_wildchats_parquet_keeps_its_times(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    row = WILDCHAT | {"timestamp": datetime(2023, 4, 9, 0, 2, 53)}  # noqa: DTZ001
    parquet.write_table(arrow.Table.from_pylist([row]), tmp_path / "x.parquet")
    import_wildchat(tmp_path / "x.parquet", tmp_path / "out")
    [transcript] = made(tmp_path)
    assert said(transcript) == [("user", "Hi"), ("assistant", "Yes.")]
    assert transcript.about["timestamp"] == "2023-04-09T00:02:53"


def test_a_folder_without_data_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(CorpusError, match=r"holds no data file; read are \.jsonl"):
        data_files(tmp_path / "x")


def test_bad_lines_may_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    long = b'{"n": "' + b"x" * (17 << 20) + b'"}\n'
    path.write_bytes(b'{"n": 1}\n{"n"\n' + long + b'{"n": "\xff"}\n{"n": 2}\n' + long.rstrip(b"\n"))
    told: list[BadLine] = []
    assert list(json_lines(path, skip=told.append)) == [(f"{path}:1", {"n": 1}), (f"{path}:5", {"n": 2})]
    assert [(bad.kind, str(bad).partition(": ")[0].rpartition(":")[2]) for bad in told] == [
        ("not_json", "2"), ("too_long", "3"), ("not_utf8", "4"), ("too_long", "6"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ({"conversations": []}, "sharegpt"),
        ({"messages": []}, "messages"),
        (WILDCHAT, "wildchat"),
        (TREE, "oasst"),
        ({"message_id": "a", "parent_id": None, "text": "Q", "role": "prompter"}, "oasst_messages"),
        ({"instruction": "Q", "output": "A"}, "rows"),
        ({"text": "Q"}, ""),
        (17, ""),
    ],
)
def test_a_form_is_told_by_its_keys(value: Any, form: str) -> None:
    assert form_in(value) == form


def test_options_go_to_who_takes_them(tmp_path: Path) -> None:
    source = written(tmp_path / "x.jsonl", TREE)
    with pytest.raises(UsageError, match="import wildchat does not take --paths; its options: none"):
        run_import("wildchat", source, tmp_path / "out", paths="all")
    with pytest.raises(UsageError, match="import oasst does not take --map; its options: --paths"):
        run_import("oasst", source, tmp_path / "out", map="prompt=q", paths=None)
    with pytest.raises(UsageError, match="paths 'some' is not known; allowed: all, best"):
        run_import("oasst", source, tmp_path / "out", paths="some")
    with pytest.raises(UsageError, match="import rows needs --map"):
        run_import("rows", source, tmp_path / "out")
    assert Columns(prompt="q").role == "role"


def test_the_command(tmp_path: Path) -> None:
    source = written(tmp_path / "x.jsonl", {"q": "Hi", "a": "Yes."})
    arguments = [
        "import",
        "rows",
        str(source),
        "--map",
        "prompt=q,response=a",
        "--out",
        str(tmp_path / "out"),
        "--json",
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["transcripts"] == 1
