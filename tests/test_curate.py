"""Curation: each filter on its good and bad dialogues, the recipe, the corpus that comes out, the judge."""

from __future__ import annotations

import importlib.metadata
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from simworld import registry
from simworld.cli.app import app
from simworld.corpus.cast import write_cast
from simworld.corpus.store import Corpus, shard_file, to_line
from simworld.curate.case import Case, Found, People
from simworld.curate.facts import claims_in
from simworld.curate.judge import Judging, read_found, read_marks
from simworld.curate.recipe import recipe_of, standard
from simworld.curate.report import about
from simworld.curate.run import curate
from simworld.curate.table import ACROSS, FILTERS
from simworld.errors import CorpusError, MissingDependency, UsageError
from simworld.registry import find
from simworld.schema import Ending, Persona, SeatRecord, Transcript, Turn
from simworld.schema.transcript import Briefing
from tests.runs import bytes_of, transcripts
from tests.runs import simworld as command

HERE = Path(__file__).parent
CASES: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "curation_cases.yaml").read_text(encoding="utf-8"))
CAST = {
    "a": {"id": "ana", "name": "Ana Reis", "age": 44, "career": "nurse", "gender": "woman"},
    "b": {"id": "tom", "name": "Tom Bell", "age": 61},
    "u": {"id": "user", "name": "User"}, "m": {"id": "assistant", "name": "Assistant"},
}  # fmt: skip
KINDS = {"": "say", "thinks": "think", "does": "do"}
ROLES = {"u": "user", "m": "assistant"}


def dialogue(
    said: list[str],
    *,
    id: str = "one",
    index: int = 0,
    personas: Mapping[str, dict[str, Any]] | None = None,
    emotions: Mapping[str, str] | None = None,
    faults: Mapping[int, list[str]] | None = None,
    status: str = "complete",
    **_: Any,
) -> tuple[Transcript, dict[str, Persona]]:
    """A dialogue as the cases write it, and who is in it."""
    rows: list[tuple[str, str, str]] = []
    for line in said:
        found = re.fullmatch(r"(\w+)(?: (thinks|does))?: (.*)", line, re.DOTALL)
        assert found is not None, line
        rows.append((found[1], KINDS[found[2] or ""], found[3]))
    pair = ("u", "m") if any(seat in ROLES for seat, *_ in rows) else ("a", "b")
    people: dict[str, Persona] = {}
    seats: dict[str, SeatRecord] = {}
    for seat in pair:
        more = dict((personas or {}).get(seat, {}))
        bare, told = more.pop("bare", False), more.pop("told", "You live by the river.")
        person = Persona.model_validate(
            {"id": CAST[seat]["id"], "name": CAST[seat]["name"]} if bare else CAST[seat] | more
        )
        people[person.id] = person
        system = f"You are {person.name}." + ("" if bare else f" {told}")
        briefing = Briefing(system=system, opener="", nudge="", profile_at=(0, len(system)))
        seats[seat] = SeatRecord(
            persona=person.id, name=person.name, role=ROLES.get(seat, "character"), backend="scripted:x",  # type: ignore[arg-type]
            format="plain" if seat in ROLES else "acted", briefing=briefing, emotion=(emotions or {}).get(seat, ""),
        )  # fmt: skip
    turns = tuple(
        Turn(
            n=n, act=n, seat=seat, kind=kind, text=text, faults=tuple((faults or {}).get(n, ())),  # type: ignore[arg-type]
            heard_by=() if kind == "think" else tuple(other for other in pair if other != seat),
        )
        for n, (seat, kind, text) in enumerate(rows)
    )  # fmt: skip
    made = Transcript(
        id=id, index=index, scene="quay", seats=seats, seed=0, status=status, ending=Ending(reason="left"), turns=turns  # type: ignore[arg-type]
    )  # fmt: skip
    return made, people


class Told(dict[str, Any]):
    """Bounds that know which of them were asked for."""

    def __init__(self, bounds: Mapping[str, Any], asked: set[str]) -> None:
        super().__init__(bounds)
        self._asked = asked

    def __getitem__(self, name: str) -> Any:
        self._asked.add(name)
        return super().__getitem__(name)


ASKED: dict[str, set[str]] = {}


def found_in(name: str, case: dict[str, Any]) -> list[Any]:
    """What a filter finds in a case."""
    rule = recipe_of(changes=CASES[name].get("set", ()))[name]
    bounds = Told(rule.bounds, ASKED.setdefault(name, set()))
    transcript, people = dialogue(**case)
    if name in ACROSS:
        across = find("filter", name, ACROSS)(bounds)
        if "before" in case:
            before, others = dialogue(case["before"], id="before")
            assert across.find("before", across.mark(Case(before, People(others)))) is None
        one = across.find("one", across.mark(Case(transcript, People(people))))
        return [one] if one else []
    return list(find("filter", name, FILTERS)(Case(transcript, People(people)), bounds))


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(name, case, id=f"{name}-{number}")
        for name, both in CASES.items()
        for number, case in enumerate(both[kind])
    ]


@pytest.mark.parametrize(("name", "case"), cases("good"))
def test_nothing_is_found_in_a_good_dialogue(name: str, case: dict[str, Any]) -> None:
    assert found_in(name, case) == []


@pytest.mark.parametrize(("name", "case"), cases("bad"))
def test_what_is_wrong_is_found_where_it_stands(name: str, case: dict[str, Any]) -> None:
    found = found_in(name, case)
    assert found
    assert sorted({n for one in found for n in one.turns}) == case["turns"]
    assert all(one.detail for one in found)


def test_every_filter_has_its_cases_its_rule_and_its_line() -> None:
    tables = {**FILTERS, **ACROSS}
    assert set(standard()) == set(tables)
    assert set(tables) - {"similar"} == set(CASES)  # an encoder is tested with its extra
    assert all(both["good"] and both["bad"] for both in CASES.values())
    assert all(about(name) for name in tables)


def test_every_bound_is_read_by_its_filter() -> None:
    for name, both in CASES.items():
        for case in (*both["good"], *both["bad"]):
            found_in(name, case)
    unread = {name: set(standard()[name].bounds) - ASKED[name] for name in CASES}
    assert {name: bounds for name, bounds in unread.items() if bounds} == {"pii": {"do"}}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("I'm 34.", ["age"]), ("I am twenty-one years old and a nurse", ["age"]), ("I'm 34 minutes late.", []),
        ("When I was 12, I sang.", []), ("I'm a bit of a chef.", []), ("I'm not a doctor.", ["no_career"]),
        ("As a retired bus driver, I know.", ["career"]), ("He says I'm a nurse.", []), ("My late wife sang.", []),
    ],
)  # fmt: skip
def test_statements_about_oneself(text: str, kinds: list[str]) -> None:
    assert [claim.kind for claim in claims_in(text)] == kinds


# ---- the recipe


def test_a_recipe_of_ones_own_overrides_any_part(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("near:\n  likeness: 0.7\nlanguage: off\nlength:\n  use: mark\n  least_turns: 5\n", encoding="utf-8")
    recipe = recipe_of(mine, changes=["length.least_turns=6", "language.wanted=de,fr"], without=["pii"])
    assert recipe["near"].bounds["likeness"] == 0.7
    assert (recipe["language"].use, recipe["language"].bounds["wanted"]) == ("off", ("de", "fr"))
    assert (recipe["length"].use, recipe["length"].bounds["least_turns"]) == ("mark", 6)
    assert recipe["pii"].use == "off"
    assert recipe["cut"] == standard()["cut"]
    only = recipe_of(only=["similar", "emotion_mismatch"])
    assert {name: rule.use for name, rule in only.items() if rule.use != "off"} == {
        "similar": "on", "emotion_mismatch": "mark",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("near:\n  likeness: 1.4\n", r"mine.yaml:2: near.likeness: '1.4' should be a number, 0 to 1"),
        ("cut: on\nnaer: off\n", r"mine.yaml:2: filter 'naer' is not known.*nearest: near"),
        ("near:\n  use: on\n  liekness: 0.5\n", r"mine.yaml:3: bound of near 'liekness' .*nearest: likeness"),
        ("near:\n  least_turns: 2\n", r"mine.yaml:2: .*least_turns is a bound of length"),
        ("near: maybe\n", r"mine.yaml:1: near.use 'maybe' is not known; allowed: mark, off, on"),
        ("length:\n  least_turns: many\n", r"mine.yaml:2: length.least_turns: 'many' should be a number, 0 or more"),
        ("length:\n  least_turns: [1]\n", r"mine.yaml:2: length.least_turns: is a list; should be a number"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_recipe_is_told_by_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        recipe_of(tmp_path / "mine.yaml")


@pytest.mark.parametrize("change", ["near", "near=0.5", "near.likeness", "near.x=1", "nix.x=1", "near.use=maybe"])
def test_a_wrong_change_is_refused(change: str) -> None:
    with pytest.raises(UsageError, match="--set"):
        recipe_of(changes=[change])
    with pytest.raises(UsageError, match="--without: filter 'nix'"):
        recipe_of(without=["nix"])


# ---- the corpus that comes out

SAID = [
    ["a: The boat leaves at nine and I have the tickets in my coat.", "b: Then wait for me by the gate, Ana.",
     "a: I never wait for anybody, Tom."],
    ["a: Write to me at ana.reis77@harbourmail.net tonight, will you?", "b: I would rather row over and tell you.",
     "a: Then bring the other oar along."],
    ["a: As an AI language model, I do not have a boat.", "b: What do you mean by that, in heaven's name?",
     "a: Forget it, I am tired and the pumps ran all night."],
    ["a: The boat leaves at nine and I have the tickets in my coat.", "b: Then wait for me by the gate, Ana.",
     "a: I never wait for anybody, Tom."],
]  # fmt: skip


def corpus(folder: Path, said: list[list[str]] = SAID, *, gap: int = 0) -> Path:
    """A corpus of these dialogues; their indices begin behind a gap."""
    (folder / "transcripts").mkdir(parents=True)
    people: dict[str, Persona] = {}
    lines: dict[int, list[bytes]] = {}
    for at, rows in enumerate(said, gap):
        made, cast = dialogue(rows, id=f"d{at}", index=at)
        people |= cast
        lines.setdefault(at // 100, []).append(to_line(made))
    for shard, each in lines.items():
        shard_file(folder, shard).write_bytes(b"".join(each))
    write_cast(folder, people.values(), [])
    (folder / "manifest.json").write_bytes(orjson.dumps({"schema": 1, "kind": "run", "seed": 5}))
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_nothing_is_deleted_and_each_reason_stands_with_its_transcript(tmp_path: Path) -> None:
    source = corpus(tmp_path / "in", gap=98)
    before = files(source)
    report = curate(source, tmp_path / "out")
    assert files(source) == before
    assert files(tmp_path).keys() == {f"in/{name}" for name in before} | {
        "out/README.md", "out/curation.json", "out/manifest.json", "out/personas.jsonl", "out/scenes.jsonl",
        "out/transcripts/00000.jsonl", "out/transcripts/00001.jsonl",
    }  # fmt: skip
    made = list(Corpus(tmp_path / "out"))
    assert [one.index for one in made] == [98, 99, 100, 101]
    found = {one.id: (one.curation.kept, [f.filter for f in one.curation.findings]) for one in made if one.curation}
    assert found == {
        "d98": (True, []), "d99": (True, ["pii"]), "d100": (False, ["assistant_speak"]), "d101": (False, ["exact"]),
    }  # fmt: skip
    assert made[3].curation is not None
    assert made[3].curation.findings[0].detail == "the same as d98"
    for one, old in zip(made, Corpus(source), strict=True):
        if one.id != "d99":
            assert one.model_copy(update={"curation": None}) == old
    assert (report.facts["read"], report.facts["kept"], report.facts["marked"]) == (4, 2, 1)
    told = report.facts["filters"]["exact"]
    assert (told["found"], told["rejected"], told["alone"], told["examples"]) == (1, 1, 1, ["d101: the same as d98"])
    manifest = Corpus(tmp_path / "out").manifest
    assert (manifest["kind"], manifest["seed"], manifest["n"]) == ("run", 5, 4)
    assert manifest["curation"] == json.loads((tmp_path / "out" / "curation.json").read_text())
    assert Corpus(tmp_path / "out").personas.keys() == {"ana", "tom"}


def test_private_numbers_are_masked_or_reject(tmp_path: Path) -> None:
    source = corpus(tmp_path / "in")
    curate(source, tmp_path / "masked")
    one = Corpus(tmp_path / "masked").find("d1")
    assert one.turns[0].text == "Write to me at <EMAIL> tonight, will you?"
    assert one.curation is not None
    assert one.curation.kept
    assert b"harbourmail" not in b"".join(files(tmp_path / "masked").values())
    curate(source, tmp_path / "dropped", recipe_of(changes=["pii.do=drop"]))
    one = Corpus(tmp_path / "dropped").find("d1")
    assert one.curation is not None
    assert not one.curation.kept
    assert "harbourmail" in one.turns[0].text


def test_what_is_only_marked_is_kept(tmp_path: Path) -> None:
    report = curate(corpus(tmp_path / "in"), tmp_path / "out", recipe_of(changes=["assistant_speak.use=mark"]))
    one = Corpus(tmp_path / "out").find("d2")
    assert one.curation is not None
    assert one.curation.kept
    assert [finding.drops for finding in one.curation.findings] == [False]
    assert (report.facts["kept"], report.facts["marked"]) == (3, 2)


def test_the_same_command_again_and_another_one(tmp_path: Path) -> None:
    source, out = corpus(tmp_path / "in"), tmp_path / "out"
    first = curate(source, out)
    there = files(out)
    again = curate(source, out)
    assert again.already
    assert again.facts == first.facts
    with pytest.raises(CorpusError, match=r"recipe.near.likeness: 0.4 there, 0.7 here"):
        curate(source, out, recipe_of(changes=["near.likeness=0.7"]))
    shard = shard_file(source, 0)
    shard.write_bytes(shard.read_bytes().replace(b"pumps", b"pipes"))
    with pytest.raises(CorpusError, match="transcripts: "):
        curate(source, out)
    assert files(out) == there
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(CorpusError, match="is not empty and no curated corpus"):
        curate(source, tmp_path / "full")
    assert curate(source, tmp_path / "full" / "in" / "here").facts["read"] == 4


def test_a_curated_corpus_can_be_curated_again(tmp_path: Path) -> None:
    curate(corpus(tmp_path / "in"), tmp_path / "one")
    curate(tmp_path / "one", tmp_path / "two", recipe_of(only=["length"]))
    assert all(one.curation and one.curation.kept for one in Corpus(tmp_path / "two"))


def test_a_source_that_is_broken_leaves_nothing_behind(tmp_path: Path) -> None:
    source = corpus(tmp_path / "in")
    shard = shard_file(source, 0)
    shard.write_bytes(shard.read_bytes().replace(b'"status":"complete"', b'"status":"maybe"', 1))
    with pytest.raises(CorpusError, match="dialogue 0: not a transcript: status"):
        curate(source, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
    with pytest.raises(CorpusError, match="not a corpus"):
        curate(tmp_path / "nowhere", tmp_path / "out")


def test_a_missing_extra_is_told_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from simworld.text import minhash
    from simworld.usersim.prepare import language

    source = corpus(tmp_path / "in")
    for name, cached, without in (
        ("py3langid", (language._rank, language.languages), "near"), ("datasketch", (minhash._empty,), "language"),
    ):  # fmt: skip
        monkeypatch.setitem(sys.modules, name, None)
        for one in cached:
            one.cache_clear()
        with pytest.raises(MissingDependency, match=rf"{name}: pip install 'simworld\[prepare\]'"):
            curate(source, tmp_path / "out", recipe_of(without=[without]))
        for one in cached:
            one.cache_clear()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
    assert curate(source, tmp_path / "out", recipe_of(without=["near", "language"])).facts["kept"] == 2


def test_a_language_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"language.wanted 'xx' is not known"):
        curate(corpus(tmp_path / "in"), tmp_path / "out", recipe_of(changes=["language.wanted=xx"]))


def many(count: int) -> list[list[str]]:
    """Dialogues that differ, with a copy and a fault among them now and then."""
    made = [
        [f"a: The {at}th boat leaves at nine, and its master {at * 7} has hidden {at} barrels under deck {at * 3}.",
         f"b: Then deck {at * 5} is the place where I shall look for {at * 11} of them, Ana.",
         f"a: Take lamp {at * 13} along, for the hold of that boat is dark and {at} rats live there."]
        for at in range(count)
    ]  # fmt: skip
    for at in range(20, count, 20):
        made[at] = made[at - 13]
        made[at - 1] = [*made[at - 1], "b: As an AI language model, I am afraid of rats."]
    return made


def test_the_same_bytes_whatever_the_workers_and_the_hash_seed(tmp_path: Path) -> None:
    source = corpus(tmp_path / "in", many(410))
    report = curate(source, tmp_path / "one")
    assert (report.facts["read"], report.facts["kept"]) == (410, 370)
    done = run(source, "--out", tmp_path / "two", "--workers", 2, PYTHONHASHSEED="77")
    assert "410 transcripts, 370 kept" in done.stderr
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_killed_one_leaves_no_half_corpus(tmp_path: Path) -> None:
    source, out = corpus(tmp_path / "in", many(200)), tmp_path / "out"
    half = tmp_path / ".out.curate.half"
    running = subprocess.Popen([*COMMAND, source, "--out", out, "--workers", "1"], stderr=subprocess.DEVNULL)
    while running.poll() is None and not (half / "found").exists():
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert half.exists()
    assert not out.exists()
    curate(source, out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]
    assert len(transcripts(out)) == 200


# ---- the command

COMMAND = [sys.executable, "-m", "simworld.cli", "curate"]


def run(*arguments: object, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    return command("curate", *arguments, code=code, **environment)


def test_the_command(tmp_path: Path) -> None:
    source, words = corpus(tmp_path / "in"), tmp_path / "words.txt"
    words.write_text("# not these\noar\n", encoding="utf-8")
    options = ("--unwanted", words, "--without", "exact,near", "--set", "length.use=mark", "--pii", "drop")
    done = run(source, "--out", tmp_path / "out", *options)
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()}
    assert rows["unwanted"][:4] == ["on", "1 (25.0%)", "1", "0"]
    assert rows["unwanted"][4] == "d1 turn 2: unwanted: oar"
    assert "exact" not in rows
    assert "4 transcripts, 2 kept (0 of them marked), 2 rejected" in done.stderr
    done = run(source, "--out", tmp_path / "out", *options, "--json")
    facts = json.loads(done.stdout)
    assert (facts["already"], facts["filters"]["pii"]["rejected"]) == (True, 1)
    assert "was finished before by the same command" in done.stderr
    done = run(source, "--out", tmp_path / "out", code=2)
    assert "was curated otherwise" in done.stderr
    for wrong, told in (
        (("--pii", "hide"), "--pii 'hide' is not known; allowed: drop, mask"),
        (("--unwanted", tmp_path / "none"), "cannot be read"), (("--only", "nix"), "--only: filter 'nix' is not known"),
        (("--judge", "openai:x", "--min-score", 11), "--min-score 11.0: is a mark, 1 to 10"),
        (("--judge", "openai:x", "--judge-marks", "beauty"), "--judge-marks 'beauty' is not known"),
    ):  # fmt: skip
        arguments = ["curate", source, "--out", tmp_path / "new", *wrong]
        with pytest.raises(UsageError, match=re.escape(told)):
            CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert not (tmp_path / "new").exists()


# ---- the judge


def test_replies_of_a_judge_are_read_strictly() -> None:
    assert read_marks('```json\n{"a": 7, "b": 10}\n```', ["a", "b"]) == {"a": 7, "b": 10}
    for reply in ('{"a": 7}', '{"a": 7, "b": 11}', '{"a": 7, "b": 6.5}', '{"a": 7, "b": "8"}', '{"a": 7, "b": true}',
                  'Sure: {"a": 7, "b": 8}', "", '{"a": 7, "b": 8, "c": 9}'):  # fmt: skip
        with pytest.raises(ValueError):  # noqa: PT011 - each says something else
            read_marks(reply, ["a", "b"])
    assert read_found('{"unwanted": [{"turn": 2, "why": "x"}]}', "unwanted", frozenset({2})) == [(2, "x")]
    for reply in ('{"unwanted": [{"turn": 3, "why": "x"}]}', '{"unwanted": {}}', '{"unwanted": [{"turn": 2}]}'):
        with pytest.raises(ValueError):  # noqa: PT011
            read_found(reply, "unwanted", frozenset({2}))


def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **wanted: Any) -> tuple[Any, list[Transcript], list[str]]:
    """A curation with a judge that likes d0, does not like d1, and cannot be read about d2."""
    from simworld.backends import asking
    from simworld.backends.scripted import ScriptedChat

    asked: list[str] = []

    def answers(messages: list[dict[str, str]]) -> str:
        asked.append(messages[-1]["content"])
        if "contradicts" in asked[-1]:
            return (
                '{"contradictions": [{"turn": 1, "why": "she has no gate"}]}'
                if "gate" in asked[-1]
                else '{"contradictions": []}'
            )
        if "forget" in asked[-1].lower():
            return "I would say eight."
        return json.dumps(dict.fromkeys(("fidelity", "coherence"), 4 if "oar" in asked[-1] else 9))

    monkeypatch.setattr(asking, "open_backend", lambda spec, sampling: ScriptedChat(replies=answers))
    source = tmp_path / "in"
    if not source.exists():
        corpus(source)
    judging = Judging("scripted:x", marks=("fidelity", "coherence"), **wanted)
    out = tmp_path / wanted.get("unjudged", "keep")
    report = curate(source, out, recipe_of(only=["exact"]), judging)
    return report, list(Corpus(out)), asked


def test_a_judge_marks_what_the_rules_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report, made, asked = judged(tmp_path, monkeypatch)
    assert len(asked) == 3  # d3 is a copy: nobody is asked
    kept = [(one.curation.kept, one.curation.scores) for one in made if one.curation]
    assert kept == [
        (True, {"fidelity": 9, "coherence": 9}), (False, {"fidelity": 4, "coherence": 4}), (True, {}), (False, {}),
    ]  # fmt: skip
    assert made[1].curation is not None
    assert (made[1].curation.findings[0].filter, made[1].curation.findings[0].value) == ("judge", 4)
    assert made[2].curation is not None
    assert [(f.filter, f.drops) for f in made[2].curation.findings] == [("unjudged", False)]
    assert report.facts["judge"] == {"judged": 2, "unread": 1, "failed": 0}
    assert any("1 replies were not what was asked for" in line for line in report.lines())
    assert "[1] Tom Bell: Then wait for me by the gate, Ana." in asked[0]
    assert "Ana Reis" in asked[0]
    _, dropped, again = judged(tmp_path, monkeypatch, unjudged="drop")
    assert dropped[2].curation is not None
    assert not dropped[2].curation.kept
    assert len(again) == 3


def test_a_judge_finds_contradictions_and_its_answers_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, made, asked = judged(tmp_path, monkeypatch, tasks=("marks", "contradiction"))
    assert len(asked) == 6
    assert made[0].curation is not None
    assert [(f.filter, f.turns, f.detail) for f in made[0].curation.findings] == [
        ("judge_contradiction", (1,), "she has no gate")
    ]
    assert not made[0].curation.kept
    (tmp_path / "keep").rename(tmp_path / "moved")
    report, _, again = judged(tmp_path, monkeypatch, tasks=("marks", "contradiction"))
    assert again == []  # all was there, on disk beside the corpus
    assert (tmp_path / "keep.judge.jsonl").is_file()
    assert bytes_of(tmp_path / "keep") == bytes_of(tmp_path / "moved")
    assert report.facts["judge"]["judged"] == 2


def test_a_filter_of_another_package_joins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint("no_oars", "tests.test_curate:no_oars", registry.group("filter"))
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == "simworld.filters" else [])
    standard.cache_clear()
    try:
        report = curate(corpus(tmp_path / "in"), tmp_path / "out", recipe_of(only=["no_oars"]))
    finally:
        standard.cache_clear()
    found = {row["id"]: row["curation"]["findings"] for row in transcripts(tmp_path / "out")}
    assert [id for id, findings in found.items() if findings] == ["d1"]
    assert report.facts["filters"]["no_oars"]["rejected"] == 1


def no_oars(case: Case, bounds: Mapping[str, Any]) -> Iterator[Found]:
    """Somebody speaks of an oar."""
    del bounds
    said = [turn for turn in case.transcript.turns if re.search(r"\boar\b", turn.text)]
    if said:
        yield Found("an oar", tuple(turn.n for turn in said))
