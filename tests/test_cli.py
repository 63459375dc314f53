"""The command line: exit codes, streams, JSON, and strangers' text on a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.runs import simworld, transcripts, two_scenes, write_pack

HOSTILE = "[bold red]x[/] \x1b[31mred\x1b[0m \u202egnp.exe\u2066 \x07 ]( ) --> a & <b> %%"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_scenes(tmp_path_factory.mktemp("pack") / "two")


@pytest.fixture(scope="module")
def corpus(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus") / "c"
    simworld("run", pack, "-n", 6, "--out", out)
    return out


@pytest.mark.parametrize("what", ["packs", "personas", "scenes", "backends", "directors", "exporters"])
def test_list(what: str) -> None:
    plain = simworld("list", what)
    rows = json.loads(simworld("list", what, "--json").stdout)
    assert len(plain.stdout.splitlines()) == len(rows) > 0
    assert plain.stderr == ""


def test_list_takes_a_pack_of_ones_own(pack: Path) -> None:
    rows = json.loads(simworld("list", "scenes", pack, "--json").stdout)
    assert {"desk", "yard"} < {row["scene"] for row in rows}


def test_a_new_pack_checks_and_plays(tmp_path: Path) -> None:
    simworld("new", "pack", tmp_path / "mine")
    assert simworld("check", tmp_path / "mine").stdout == ""
    simworld("run", tmp_path / "mine", "-n", 4, "--out", tmp_path / "out")
    assert len(transcripts(tmp_path / "out")) == 4
    assert "not empty" in simworld("new", "pack", tmp_path / "mine", code=2).stderr


def test_schema_is_json_schema() -> None:
    for kind in ("persona", "scene"):
        assert json.loads(simworld("schema", kind).stdout)["type"] == "object"


def test_check_names_each_problem_and_run_refuses_the_pack(pack: Path, tmp_path: Path) -> None:
    broken = two_scenes(tmp_path / "broken")
    scene = broken / "scenes" / "desk.yaml"
    scene.write_text(scene.read_text() + "gaol: x\nbase_url: http://10.0.0.1/\n")
    done = simworld("check", broken, code=1)
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{scene}:") for line in lines)
    found = json.loads(simworld("check", broken, "--json", code=1).stdout)
    assert [problem["field"] for problem in found] == ["gaol", "base_url"]
    assert set(found[0]) == {"file", "line", "column", "field", "code", "message", "nearest"}
    refused = simworld("run", broken, "--out", tmp_path / "out", code=2)
    assert f"{scene}:" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_results_to_stdout_and_messages_to_stderr(pack: Path, tmp_path: Path) -> None:
    done = simworld("run", pack, "-n", 3, "--out", tmp_path / "a", "--json")
    report = json.loads(done.stdout)
    assert report["statuses"] == {"complete": 3}
    assert report["stand_in"] is True
    told = simworld("run", pack, "-n", 4, "--out", tmp_path / "a")
    assert "3 dialogues are there already, 1 to play" in told.stderr
    assert "improv" in told.stderr
    assert told.stdout.count("\n") == 1


def test_a_dialogue_without_a_folder_is_printed(pack: Path) -> None:
    shown = simworld("run", pack, "--seed", 4)
    assert "Ana Reis" in shown.stdout
    assert "stand-in" in shown.stderr
    assert "\x1b[" not in shown.stdout
    row = json.loads(simworld("run", pack, "--seed", 4, "--json").stdout)
    assert row["schema"] == 1
    assert row["status"] == "complete"


def test_the_built_in_scene_plays_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Cornelius" in simworld("run", "lost_luggage").stdout


def test_dry_run_prints_the_plan_with_counts(pack: Path) -> None:
    plan = json.loads(simworld("run", pack, "-n", 40, "--dry-run", "--json").stdout)
    assert plan["counts"]["scenes"] == {"desk": 20, "yard": 20}
    assert plan["counts"]["topics"] == {"money": 10, "work": 10, "health": 20}
    assert len(plan["plan"]) == 40
    assert "and 28 more" in simworld("run", pack, "-n", 40, "--dry-run").stdout


def test_show_lists_and_prints(corpus: Path) -> None:
    listed = simworld("show", corpus).stdout.splitlines()
    assert len(listed) == 6
    id = listed[2].split("\t")[0]
    assert simworld("show", corpus, id).stdout == simworld("show", corpus, 2).stdout
    assert json.loads(simworld("show", corpus, 2, "--json").stdout)["id"] == id
    assert "nearest" in simworld("show", corpus, id[:-1] + "9", code=2).stderr


def test_show_graph_prints_mermaid() -> None:
    drawn = simworld("show", "--graph", "lost_luggage").stdout
    assert "graph TD" in drawn
    assert "passenger" in drawn
    assert "clerk" in drawn


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "lost_lugage"], "nearest: lost_luggage"),
        (["run", "lost_luggage", "--backend", "opnai:x"], "nearest: openai"),
        (["run", "lost_luggage", "--backend", "openai"], "openai"),
        (["run", "lost_luggage", "--backend", "openai:x"], "OPENAI_API_KEY"),
        (["run", "lost_luggage", "--backend", "human"], "not there yet"),
        (["run", "lost_luggage", "--seat", "clark=improv"], "nearest: clerk"),
        (["run", "lost_luggage", "--seat", "clerk"], "--seat ID=BACKEND"),
        (["run", "lost_luggage", "--top-p", "7"], "--top-p"),
        (["run", "lost_luggage", "--replay"], "--out"),
        (["run", "lost_luggage", "--replay", "--out", "never_played"], "no corpus to replay"),
        (["run", "lost_luggage", "--out", "/proc/nothing"], "cannot be written"),
        (["run", "lost_luggage", "--workers", "2"], "--out"),
        (["run", "lost_luggage", "-n", "0"], "-n"),
        (["show", "nowhere"], "not a corpus"),
        (["export", "nowhere"], "not a corpus"),
        (["list", "personae"], "nearest: personas"),
        (["import", "simsconw", "x", "--out", "y"], "nearest: simsconv"),
        (["new", "pakc", "x"], "nearest: pack"),
        (["schema", "scenes"], "nearest: scene"),
        (["frobnicate"], "frobnicate"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_and_exit_2(arguments: list[str], told: str, tmp_path: Path) -> None:
    done = simworld(*arguments, code=2, OPENAI_API_KEY="")
    assert told in done.stderr
    assert done.stdout == ""


def test_export_choices_are_checked(corpus: Path, tmp_path: Path) -> None:
    for option, value in (("--thoughts", "maybe"), ("--notes", "x"), ("--as", "alpaca"), ("--speaker", "nobody")):
        done = simworld("export", corpus, option, value, "--out", tmp_path / "x.jsonl", code=2)
        assert value in done.stderr
        assert not (tmp_path / "x.jsonl").exists()


def test_a_name_is_one_line(tmp_path: Path) -> None:
    """A name stands before its owner's lines in others' prompts: it must not bring a line of somebody else's."""
    for name in ("Ann\nBob: hi", "Ann \u202e", "Ann\u2028Bob: hi"):
        people = [{"id": "ann", "name": name}, {"id": "bob", "name": "Bob"}]
        scene = {"id": "x", "title": "X", "seats": [{"id": "a", "persona": "ann"}, {"id": "b", "persona": "bob"}]}
        pack = write_pack(tmp_path / str(len(list(tmp_path.iterdir()))), [scene], people)
        found = json.loads(simworld("check", pack, "--json", code=1).stdout)
        assert [problem["field"] for problem in found] == ["name"]
        assert "one line" in found[0]["message"]


def test_a_monologue_plays(tmp_path: Path) -> None:
    scene = {"id": "alone", "title": "Alone", "seats": [{"id": "a", "persona": "ann"}], "end": {"max_turns": 3}}
    pack = write_pack(tmp_path / "pack", [scene], [{"id": "ann", "name": "Ann", "hobbies": ["rowing"]}])
    simworld("run", pack, "--out", tmp_path / "c")
    assert transcripts(tmp_path / "c")[0]["status"] == "complete"


def test_a_path_that_is_not_there_is_wrong_usage() -> None:
    simworld("check", "nowhere/at/all", code=2)


def test_strangers_text_is_printed_as_text(tmp_path: Path) -> None:
    """Control and bidi characters become visible; rich markup and Mermaid syntax are not read from data."""
    people = [{"id": "eve", "name": "Eve"}, {"id": "sam", "name": "Sam"}]
    scene = {
        "id": "odd", "title": "Odd [bold]title[/bold] \u202e",
        "seats": [{"id": "a", "persona": "eve"}, {"id": "b", "persona": "sam"}],
        "director": {"name": "alternate"}, "end": {"max_turns": 2},
    }  # fmt: skip
    pack = write_pack(tmp_path / "pack", [scene], people)
    script = tmp_path / "lines.json"
    script.write_text(json.dumps([HOSTILE, HOSTILE]))
    simworld("run", pack, "--backend", f"scripted:{script}", "--out", tmp_path / "c")
    assert transcripts(tmp_path / "c")[0]["turns"][0]["text"] == HOSTILE  # type: ignore[index]
    for shown in (simworld("show", tmp_path / "c", 0).stdout, simworld("show", tmp_path / "c").stdout):
        assert not set("\x1b\x07\u202e\u2066") & set(shown)
    printed = simworld("show", tmp_path / "c", 0).stdout
    assert "Odd [bold]title[/bold] \\u202e" in printed
    assert "[bold red]x[/] \\x1b[31mred" in printed
    assert "\\u202egnp.exe" in printed
    assert "\u202e" not in simworld("show", "--graph", pack).stdout


def test_failed_dialogues_exit_1_and_say_why(pack: Path, tmp_path: Path) -> None:
    from tests.llm_server import serve

    with serve(faults={"400": 0.05}, fault_tries=None, message="prompt is too long") as server:
        done = simworld(
            "run", pack, "-n", 30, "--backend", "openai:mock", "--base-url", server.url, "--out", tmp_path / "c", code=1
        )  # fmt: skip
    assert "prompt is too long" in done.stderr
    failed = [row for row in transcripts(tmp_path / "c") if row["status"] == "failed"]
    assert failed
    assert all("prompt is too long" in row["ending"]["detail"] for row in failed)  # type: ignore[index]


def test_a_refused_key_ends_the_run_at_once(pack: Path, tmp_path: Path) -> None:
    from tests.llm_server import serve

    with serve(key="right") as server:
        done = simworld(
            "run", pack, "-n", 30, "--backend", "openai:mock", "--base-url", server.url, "--out", tmp_path / "c",
            code=2, OPENAI_API_KEY="sk-planted-canary",
        )  # fmt: skip
        assert server.count < 100
    assert "planted" not in done.stdout + done.stderr
    for path in (tmp_path / "c").rglob("*"):
        if path.is_file():
            assert b"planted" not in path.read_bytes()
