"""JSON from strangers is read one object at a time; every fault is one line that says where and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simworld.corpus.imports import lines
from simworld.corpus.imports.fit import Fit, literal
from simworld.corpus.imports.lines import json_lines, json_values, rows_of
from simworld.corpus.imports.names import Ids, identifier, safe
from simworld.corpus.imports.report import Anomalies
from simworld.corpus.imports.simsconv_rows import CharacterRow
from simworld.errors import CorpusError
from simworld.packs import read_yaml
from simworld.prompts import check_template, render_field

HYPOTHESIS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


BAD_LINES = {
    b'{"name": "a"}\n': "x.jsonl:1: the key 'profile' is missing; needed: name, profile",
    b'\n{"name": [], "profile": ""}\n': "x.jsonl:2: 'name': input should be a valid string, is a list",
    b'{"name": "a", "profile": ""}\n{"name"\n': "x.jsonl:2: not JSON: ",
    b'{"name": "\xff"}\n': "x.jsonl:1: not UTF-8 (byte 11 of the line)",
    b"[1]\n": "x.jsonl:1: should be an object with the keys name, profile, is a list",
    b'{"name": "\\ud800", "profile": ""}\n': "x.jsonl:1: not JSON: ",
    b"[" * 3000 + b"\n": "x.jsonl:1: not JSON: ",
}


@pytest.mark.parametrize(("data", "says"), BAD_LINES.items(), ids=range(len(BAD_LINES)))
def test_a_bad_line_is_told_with_its_place(data: bytes, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, "x.jsonl", data)
    with pytest.raises(CorpusError) as refused:
        list(rows_of(path, CharacterRow))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_line_that_is_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 1 << 20)
    path = written(tmp_path, "x.jsonl", b'{"name": "' + b"x" * (1 << 20) + b'", "profile": ""}\n')
    with pytest.raises(CorpusError, match=r"x\.jsonl:1: the line is longer than 1 MiB"):
        list(json_lines(path))
    array = written(tmp_path, "x.json", b'[{"name": "' + b"x" * (3 << 20) + b'"}]')
    with pytest.raises(CorpusError, match="item 1: not JSON, or longer than 1 MiB"):
        list(json_values(array))


def test_a_byte_order_mark_and_blank_lines_are_no_rows(tmp_path: Path) -> None:
    path = written(tmp_path, "x.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n\n  \n{"a": 2}')
    assert list(json_lines(path)) == [(f"{path}:1", {"a": 1}), (f"{path}:4", {"a": 2})]
    array = written(tmp_path, "x.json", b'\xef\xbb\xbf [{"a": 1}, {"a": 2}]\n')
    assert [value for _, value in json_values(array)] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("x.json", b'[{"a": 1} {"a": 2}]', "'{' where ',' should stand"),
        ("x.json", b'[{"a": 1}', "the end of the file where ',' should stand"),
        ("x.json", b'[{"a": 1}] x', "something follows the array"),
        ("x.json", b"[3]", "item 1: should be an object"),
        ("x.json", b'[{"a": 1}, {"a": NaN}]', "item 2: not JSON"),
        ("x.json", b'[{"a": "\\udc00"}]', "item 1: not JSON: holds half"),
        ("x.json", b'[{"a": "\xff"}]', "not UTF-8"),
        ("x.json", b'{\n"a": 1\n}\n', "x.json:1: not JSON"),
        ("x.json.gz", b"\x1f\x8b", "should end in .jsonl"),
    ],
)
def test_a_bad_array_is_told(name: str, data: bytes, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, name, data)
    with pytest.raises(CorpusError) as refused:
        list(json_values(path))
    assert says in str(refused.value)
    assert str(path) in str(refused.value)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="there is no such file"):
        list(json_lines(tmp_path / "none.jsonl"))
    with pytest.raises(CorpusError, match="is not a file"):
        list(json_lines(tmp_path))


JSON = st.recursive(st.text(max_size=8) | st.integers(-9, 9) | st.none(), lambda one: st.lists(one, max_size=3))


@HYPOTHESIS
@given(
    rows=st.lists(st.dictionaries(st.text(max_size=4), JSON, max_size=3), max_size=5), indent=st.sampled_from([None, 1])
)
def test_an_array_reads_as_its_lines_do(
    rows: list[dict[str, object]], indent: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "CHUNK", 7)
    one_a_line = "".join(json.dumps(row) + "\n" for row in rows).encode()
    array = written(tmp_path, "x.json", json.dumps(rows, indent=indent, ensure_ascii=False).encode())
    read = [value for _, value in json_values(array)]
    assert read == rows
    if rows:
        assert read == [value for _, value in json_values(written(tmp_path, "x.jsonl", one_a_line))]


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("Sergeant Scarlett's father", "sergeant_scarlett_s_father"),
        ("finnegan-finn-o-reilly", "finnegan_finn_o_reilly"),
        ("7 of 9", "p_7_of_9"),
        ("Zoë", "zoe"),
        ("x" * 90, "x" * 56),
    ],
)
def test_identifier(name: str, id: str) -> None:
    assert identifier(name) == id


def test_names_without_a_latin_letter_differ() -> None:
    assert identifier("王明") != identifier("李雷")
    assert identifier("王明").startswith("p_")


def test_ids_are_handed_out_once() -> None:
    ids = Ids({"narrator"})
    assert [ids.new(name) for name in ("a", "a_2", "a", "a", "narrator", "a_2")] == [
        "a", "a_2", "a_3", "a_4", "narrator_2", "a_2_2",
    ]  # fmt: skip


def test_safe() -> None:
    assert safe("alessandra-rossi#00") == "alessandra-rossi-00"
    assert safe("../../etc") == "etc"
    assert safe("§") == "dialogue"


@HYPOTHESIS
@given(st.text(st.sampled_from("{}%#\r\n \\\"'ab"), max_size=30))
def test_a_literal_renders_to_itself(text: str) -> None:
    assert check_template(literal(text), ()) is None
    assert render_field(literal(text), {}) == text


@HYPOTHESIS
@given(st.text(max_size=40))
def test_fitted_text_survives_yaml(text: str) -> None:
    from simworld.corpus.imports.write import as_yaml

    fitted = Fit(Anomalies({"unreadable_character": "", "shortened": ""})).text(text, 30, "here")
    assert len(fitted) <= 30
    assert read_yaml(as_yaml({"k": fitted}), "x").entries["k"].node.text == fitted


def test_what_does_not_fit_is_counted() -> None:
    anomalies = Anomalies({"unreadable_character": "", "shortened": ""})
    fit = Fit(anomalies)
    assert fit.text("a\x00b\x1bc", 9, "one") == "abc"
    assert fit.text("x" * 10, 9, "two") == "x" * 8 + "…"
    field = fit.field("{{" * 1000, "three")
    assert len(field) <= 4000
    assert render_field(field, {}).startswith("{{{{")
    assert anomalies.counts == {"unreadable_character": 2, "shortened": 2}
    assert anomalies.places["shortened"] == ["two", "three"]
