"""Packs are read as they are written, found by id and path, and merged, spelled and hashed by rule."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from simworld import packs
from simworld.errors import PackError, UsageError
from simworld.packs import (
    builtin_root,
    candidates,
    check,
    find_persona,
    find_scenes,
    json_schema,
    load_pack,
    matches,
    new_pack,
    read_yaml,
    vocabulary,
)  # fmt: skip
from simworld.packs.layout import built_in_of
from simworld.packs.node import plain
from simworld.prompts import check_template
from simworld.schema import Constraint, Persona
from tests.broken_packs import BEN, ROSA, SOUND, WARD, edited, write_pack

CHECKOUT = Path(__file__).parent.parent
SURPRISES = """\
time: 22:40
"no": no
on: on
digits: 1_000
hex: 0x10
octal: 010
exponent: 1e3
date: 2001-12-14
quoted: "~"
nothing: ~
null: null
list: [yes, y, 1.0, .inf, !!str x]
"""

# the reader


def test_plain_scalars_stay_text() -> None:
    node = read_yaml(SURPRISES.replace("!!str x", "x"), "f.yaml")
    assert plain(node) == {
        "time": "22:40", "no": "no", "on": "on", "digits": "1_000", "hex": "0x10", "octal": "010", "exponent": "1e3",
        "date": "2001-12-14", "quoted": "~", "nothing": None, "null": None, "list": ["yes", "y", "1.0", ".inf", "x"],
    }  # fmt: skip


def test_nodes_know_where_keys_and_values_stand() -> None:
    node = read_yaml("a:\n  - b: één\n    c: |\n      x\n      y\n", "f.yaml")
    entry = node.entries["a"].node.items[0].entries["c"]
    assert (entry.mark.line, entry.mark.column, entry.node.mark.column, entry.node.text) == (3, 5, 8, "x\ny")
    assert node.entries["a"].node.mark.line == 2


def test_an_alias_stands_where_it_is_written() -> None:
    node = read_yaml("a: &x [1, 2]\nb: *x\n", "f.yaml")
    assert plain(node) == {"a": ["1", "2"], "b": ["1", "2"]}
    assert (node.entries["b"].node.mark.line, node.entries["b"].node.mark.column) == (2, 4)


def test_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"\xef\xbb\xbfname: B\n")
    assert plain(read_yaml(tmp_path / "f.yaml", "f.yaml")) == {"name": "B"}


def test_empty_text_is_an_empty_node() -> None:
    assert read_yaml("# nothing\n", "f.yaml").value is None


def test_text_is_kept_in_records(tmp_path: Path) -> None:
    write_pack(
        tmp_path, {**SOUND, "scenes/ward.yaml": edited(WARD, "title: The ward at night", "title: no\nkind: 1_000")}
    )
    scene = load_pack(tmp_path).scenes["ward"]
    assert (scene.time, scene.title, scene.kind, scene.end.max_turns) == ("22:40", "no", "1_000", 8)


# loading


def test_pack_holds_records_files_and_words(tmp_path: Path) -> None:
    write_pack(tmp_path, {**SOUND, "vocabularies/emotions.yaml": "- Seasick\n- tense\n"})
    pack = load_pack(tmp_path)
    assert (pack.root, pack.name) == (tmp_path, tmp_path.name)
    assert sorted(pack.personas) == ["ben", "rosa"]
    assert pack.personas["ben"].id == "ben"
    assert pack.files["scene/ward"] == tmp_path / "scenes" / "ward.yaml"
    assert pack.files["persona/rosa"] == tmp_path / "personas" / "rosa.yaml"
    assert vocabulary(pack).emotions == (*vocabulary().emotions, "Seasick")


@pytest.mark.parametrize(
    ("part", "personas", "scenes"),
    [
        (".", ["ben", "rosa"], ["ward"]),
        ("scenes", ["ben", "rosa"], ["ward"]),
        ("scenes/ward.yaml", ["ben", "rosa"], ["ward"]),
        ("personas", ["ben", "rosa"], []),
        ("personas/ben.yaml", ["ben"], []),
    ],
)
def test_parts_of_a_pack(
    part: str, personas: list[str], scenes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pack(tmp_path / "x", {**SOUND, "personas/parts/p.yaml": "skills: [chess]\n", "personas/.hidden.yaml": ":"})
    pack = load_pack(tmp_path / "x" / part)
    assert (list(pack.personas), list(pack.scenes)) == (personas, scenes)
    assert pack.root.resolve() == tmp_path / "x"
    monkeypatch.chdir(tmp_path / "x")
    assert load_pack(part).digest == pack.digest


def test_from_within_a_folder_of_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pack(tmp_path, SOUND)
    monkeypatch.chdir(tmp_path / "scenes")
    for name in (".", "ward.yaml", "../scenes", ".."):
        assert list(load_pack(name).personas) == ["ben", "rosa"], name


def test_folder_of_other_name_holds_personas_or_scenes_by_their_content(tmp_path: Path) -> None:
    write_pack(tmp_path, {"ben.yaml": BEN + "extends: [parts/p]\n", "rosa.yaml": ROSA, "ward.yaml": WARD})
    write_pack(tmp_path, {"parts/p.yaml": "skills: [chess]\n"})
    pack = load_pack(tmp_path)
    assert (list(pack.personas), list(pack.scenes)) == (["ben", "rosa"], ["ward"])
    assert load_pack(tmp_path / "ben.yaml").personas["ben"].skills == ("chess",)


def test_scene_beside_strange_files_is_played_with_the_personas_folder(tmp_path: Path) -> None:
    write_pack(tmp_path, {"personas/ben.yaml": BEN, "personas/rosa.yaml": ROSA})
    write_pack(tmp_path, {"ward.yaml": WARD, "compose.yaml": "services: {}\n"})
    assert list(load_pack(tmp_path / "ward.yaml").scenes) == ["ward"]


def test_fragment_may_be_checked_alone(tmp_path: Path) -> None:
    write_pack(tmp_path, {**SOUND, "personas/parts/p.yaml": "skils: [chess]\n", "personas/ben.yaml": "nane: x\n"})
    [problem] = check([tmp_path / "personas" / "parts" / "p.yaml"])
    assert problem.nearest == "skills"


def test_words_take_the_vocabularys_spelling(tmp_path: Path) -> None:
    scene = edited(edited(WARD, "Tense", "tENSE"), "topics: [health]", "topics: [Health]\nemotions: [sad]")
    scene = edited(scene, "persona: rosa", "who: {career: [Nurse], not: [ben]}")
    files = {
        **SOUND,
        "scenes/ward.yaml": scene,
        "personas/eve.yaml": edited(BEN, "nurse", "  NURSE") + "gender: Woman\n",
    }
    pack = load_pack(write_pack(tmp_path, files))
    ward = pack.scenes["ward"]
    assert (ward.seat("nurse").emotion, ward.topics, ward.emotions) == ("Tense", ("health",), ("Sad",))
    assert ward.seat("visitor").who.career == ("nurse",)
    assert (pack.personas["eve"].career, pack.personas["eve"].gender) == ("nurse", "woman")


def test_digest_is_of_the_content_alone(tmp_path: Path) -> None:
    one = load_pack(write_pack(tmp_path / "one", SOUND))
    files = {**SOUND, "scenes/ward.yaml": "# a comment\n" + edited(WARD, "Tense", "tense\n    role: character")}
    two = load_pack(write_pack(tmp_path / "elsewhere" / "two", files))
    os.utime(tmp_path / "one" / "scenes" / "ward.yaml", (1, 1))
    assert one.digest == two.digest == load_pack(tmp_path / "one").digest
    assert len(one.digest) == 32
    assert int(one.digest, 16) > 0


@pytest.mark.parametrize(
    "files",
    [
        {"scenes/ward.yaml": edited(WARD, "A bell", "The bell")},
        {"personas/rosa.yaml": edited(ROSA, "71", "72")},
        {"personas/eve.yaml": BEN},
        {"vocabularies/traits.yaml": "- seasick\n"},
        {
            "scenes/ward.yaml": edited(WARD, "persona: rosa", "persona: rosa\n    backend: scripted:a.txt"),
            "a.txt": "Hm.",
        },
    ],
)
def test_digest_changes_with_what_is_said(files: dict[str, str | bytes], tmp_path: Path) -> None:
    before = load_pack(write_pack(tmp_path, SOUND)).digest
    after = load_pack(write_pack(tmp_path, files)).digest
    assert after != before
    if "a.txt" in files:
        write_pack(tmp_path, {"a.txt": "Hm!"})
        assert load_pack(tmp_path).digest not in (before, after)


# fragments

TEACHER = """\
id: no_matter
career: teacher
personality: Patient.
traits: [patient, warm]
voice: {tone: low, tags: [you see.]}
samples: [Sit down.]
"""


def test_fragments_in_order_then_the_file_itself(tmp_path: Path) -> None:
    kind = "traits: [warm, kind]\npersonality: Kind.\nvoice: {pace: flowing, tags: [dear., you see.]}\n"
    own = "name: Rosa\nextends: [parts/teacher, parts/kind]\ncareer: nurse\ntraits: [dry, kind]\nvoice: {tone: dry}\n"
    files: dict[str, str | bytes] = {
        "personas/parts/teacher.yaml": TEACHER, "personas/parts/kind.yaml": kind, "personas/rosa.yaml": own,
    }  # fmt: skip
    rosa = load_pack(write_pack(tmp_path, files)).personas["rosa"]
    assert (rosa.id, rosa.name, rosa.career, rosa.personality) == ("rosa", "Rosa", "nurse", "Kind.")
    assert rosa.traits == ("patient", "warm", "kind", "dry")
    assert (rosa.voice.tone, rosa.voice.pace, rosa.voice.tags) == ("dry", "flowing", ("you see.", "dear."))
    assert rosa.samples == ("Sit down.",)


def test_own_fragment_comes_before_the_built_in_one_of_that_name(tmp_path: Path) -> None:
    name = sorted(path.stem for path in (builtin_root() / "personas" / "fragments").glob("*.yaml"))[0]
    persona = f"name: Rosa\nextends: fragments/{name}\n"
    root = write_pack(tmp_path, {"personas/rosa.yaml": persona})
    assert load_pack(root).personas["rosa"] != Persona(id="rosa", name="Rosa")
    write_pack(root, {f"personas/fragments/{name}.yaml": "age: 99\n"})
    assert load_pack(root).personas["rosa"] == Persona(id="rosa", name="Rosa", age=99)


# finding


def test_scenes_by_id_and_path_each_once_in_order(tmp_path: Path) -> None:
    write_pack(tmp_path, {**SOUND, "scenes/alone.yaml": "title: Alone\nseats: [{id: a, persona: ben}]\n"})
    found = find_scenes([tmp_path / "scenes" / "ward.yaml", "lost_luggage", tmp_path])
    assert [scene.id for _, scene in found] == ["ward", "lost_luggage", "alone"]
    assert found[0][0] is found[2][0]
    assert sorted(found[0][0].scenes) == ["alone", "ward"]
    assert [pack.name for pack, _ in found] == [tmp_path.name, "builtin", tmp_path.name]
    assert list(found[1][0].scenes) == ["lost_luggage"]


def test_extra_roots_come_before_the_built_in_pack(tmp_path: Path) -> None:
    root = write_pack(tmp_path, {**SOUND, "scenes/lost_luggage.yaml": WARD.replace("id: ward", "id: lost_luggage", 1)})
    [(pack, scene)] = find_scenes(["lost_luggage"], [root])
    assert (pack.root, scene.title) == (root, "The ward at night")


def test_what_is_an_id_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pack(tmp_path / "lost_luggage", SOUND)
    write_pack(tmp_path / "mine", SOUND)
    monkeypatch.chdir(tmp_path)
    found = find_scenes(["lost_luggage", "mine", "./lost_luggage"])
    assert [(pack.name, scene.id) for pack, scene in found] == [
        ("builtin", "lost_luggage"), ("mine", "ward"), ("lost_luggage", "ward"),
    ]  # fmt: skip


def test_unknown_scene_names_the_nearest() -> None:
    with pytest.raises(
        UsageError, match=r"scene 'lost_lugage' is not known; allowed: .*; nearest: lost_luggage"
    ) as told:
        find_scenes(["lost_lugage"])
    assert not isinstance(told.value, PackError)
    with pytest.raises(UsageError, match="is not known"):
        find_scenes(["no/such/folder"])


def test_a_path_without_scenes_is_told(tmp_path: Path) -> None:
    write_pack(tmp_path, {"personas/ben.yaml": BEN})
    for name in (tmp_path, tmp_path / "personas", tmp_path / "personas" / "ben.yaml"):
        with pytest.raises(UsageError, match="holds no scenes"):
            find_scenes([name])


def test_many_scenes_named_one_by_one_are_one_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pack(tmp_path, SOUND)
    for n in range(50):
        write_pack(tmp_path, {f"scenes/s{n}.yaml": "title: A\nseats: [{id: a, persona: ben}]\n"})
    monkeypatch.chdir(tmp_path)
    found = find_scenes([*(f"scenes/s{n}.yaml" for n in range(50)), str(tmp_path), "scenes/s7.yaml"])
    assert [scene.id for _, scene in found] == [*(f"s{n}" for n in range(50)), "ward"]
    assert len({id(pack) for pack, _ in found}) == 1
    assert list(found[0][0].scenes) == sorted(found[0][0].scenes)
    assert found[0][0].root.is_absolute()
    assert all(path.is_absolute() for path in found[0][0].files.values())


def test_two_links_to_one_file_are_two_personas(tmp_path: Path) -> None:
    root = write_pack(tmp_path, SOUND)
    (root / "personas" / "eve.yaml").symlink_to(root / "personas" / "ben.yaml")
    assert sorted(find_scenes([root / "scenes", root])[0][0].personas) == ["ben", "eve", "rosa"]


def test_broken_scene_is_refused_and_others_of_its_folder_do_not_matter(tmp_path: Path) -> None:
    write_pack(tmp_path, {**SOUND, "scenes/bad.yaml": "title: [x]\n"})
    assert [scene.id for _, scene in find_scenes([tmp_path / "scenes" / "ward.yaml"])] == ["ward"]
    with pytest.raises(PackError, match=r"bad\.yaml:1:8: title: should be text, is a list"):
        find_scenes([tmp_path])
    with pytest.raises(PackError, match="is not allowed"):
        find_scenes([tmp_path / "scenes" / "ward.yaml"], check_template=lambda text, names: "no")


def test_persona_of_the_own_pack_then_of_installed_ones(tmp_path: Path) -> None:
    installed = load_pack(builtin_root() / "personas").personas
    id = next(iter(installed))
    pack = load_pack(write_pack(tmp_path, {**SOUND, f"personas/{id}.yaml": "name: Another\n"}))
    assert find_persona(id, pack).name == "Another"
    assert find_persona(id) == installed[id]
    assert find_persona("ben", pack).name == "Ben Achterberg"
    with pytest.raises(UsageError, match="nearest: ben"):
        find_persona("bem", pack)


def test_installed_pack_joins_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = write_pack(tmp_path / "sea_pack", {"personas/ben.yaml": BEN, "personas/rosa.yaml": ROSA})
    write_pack(package, {"scenes/ward.yaml": WARD, "__init__.py": "raise RuntimeError('run')\n"})
    about = "[simworld.packs]\nsea = sea_pack\n"
    metadata = "Metadata-Version: 2.1\nName: sea-pack\nVersion: 1\n"
    write_pack(tmp_path / "sea_pack-1.dist-info", {"entry_points.txt": about, "METADATA": metadata})
    monkeypatch.syspath_prepend(tmp_path)
    [(pack, scene)] = find_scenes(["ward"])
    assert (pack.name, pack.root, scene.id) == ("sea", package, "ward")
    assert find_persona("rosa").name == "Rosa Oyelaran"
    assert (
        check([write_pack(tmp_path / "mine", {"scenes/a.yaml": "title: A\nseats: [{id: a, persona: rosa}]\n"})]) == []
    )


def test_entry_point_to_nowhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = "[simworld.packs]\nsea = no_such_sea_pack\n"
    write_pack(
        tmp_path / "sea_pack-1.dist-info", {"entry_points.txt": about, "METADATA": "Name: sea-pack\nVersion: 1\n"}
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="installed pack 'sea' names the module 'no_such_sea_pack'"):
        find_persona("nobody")


# casting


@pytest.mark.parametrize(
    ("who", "fits"),
    [
        ({}, True),
        ({"career": ["doctor", "Nurse"]}, True),
        ({"career": ["doctor"]}, False),
        ({"traits": ["calm", "dry"]}, True),
        ({"traits": ["calm"]}, False),
        ({"skills": ["first aid"], "gender": ["man"]}, True),
        ({"skills": ["first aid"], "gender": ["woman"]}, False),
        ({"skills": ["chess"]}, False),
        ({"not": ["ben"]}, False),
        ({"not": ["rosa"]}, True),
        ({"age": ">=34"}, True),
        ({"age": ">34"}, False),
        ({"age": "<= 34"}, True),
        ({"age": "<34"}, False),
        ({"age": "=34"}, True),
        ({"age": "34"}, True),
        ({"age": "=33"}, False),
        ({"age": "34-40"}, True),
        ({"age": "20 - 34"}, True),
        ({"age": "35-40"}, False),
        ({"age": "20-33"}, False),
    ],
)
def test_matches(who: dict[str, object], fits: bool) -> None:
    ben = Persona(id="ben", name="Ben", career="nurse", traits=("dry",), skills=("first aid",), gender="man", age=34)
    assert matches(Constraint.model_validate(who), ben) is fits


@pytest.mark.parametrize("who", [{"career": ["nurse"]}, {"traits": ["dry"]}, {"gender": ["man"]}, {"age": "<99"}])
def test_who_lacks_the_field_asked_for_does_not_match(who: dict[str, object]) -> None:
    assert not matches(Constraint.model_validate(who), Persona(id="a", name="A"))


def test_candidates_are_of_the_own_pack_else_of_the_built_in_one(tmp_path: Path) -> None:
    pack = load_pack(write_pack(tmp_path, SOUND))
    assert [persona.id for persona in candidates(Constraint(), pack)] == ["ben", "rosa"]
    assert [persona.id for persona in candidates(Constraint(), pack, but=["ben"])] == ["rosa"]
    others = candidates(Constraint(age=">=18"), pack, but=["ben", "rosa"])
    assert others == candidates(Constraint(age=">=18"))
    assert len(others) > 3
    assert [persona.id for persona in others] == sorted(persona.id for persona in others)


# words, schemas, the starter


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("careers", 30),
        ("aspirations", 30),
        ("traits", 30),
        ("skills", 30),
        ("emotions", 16),
        ("topics", 18),
        ("genders", 3),
    ],
)
def test_built_in_vocabularies(kind: str, least: int) -> None:
    words = getattr(vocabulary(), kind)
    assert len(words) >= least
    assert all(vocabulary().canonical(kind, f" {word.upper()}") == word for word in words)
    assert vocabulary().canonical(kind, "zzz") is None


def test_json_schemas_for_editors() -> None:
    persona, scene = json_schema("persona"), json_schema("scene")
    assert persona["required"] == ["name"]
    assert scene["required"] == ["title", "seats"]
    assert {branch["type"] for branch in persona["properties"]["extends"]["anyOf"]} == {"array", "string"}
    assert "extends" not in scene["properties"]
    assert {branch["type"] for branch in scene["$defs"]["Opening"]["properties"]["text"]["anyOf"]} == {
        "array",
        "string",
    }
    assert "not" in scene["$defs"]["Constraint"]["properties"]
    assert json_schema("story")["required"] == ["title", "cast", "chapters"]
    with pytest.raises(UsageError, match="allowed: persona, scene, story"):
        json_schema("tale")
    persona["properties"].clear()
    assert "name" in json_schema("persona")["properties"]


def test_new_pack_is_sound_and_has_what_it_says(tmp_path: Path) -> None:
    written = new_pack(tmp_path / "deep" / "mine")
    assert written == sorted(path for path in (tmp_path / "deep" / "mine").rglob("*") if path.is_file())
    assert check([tmp_path / "deep" / "mine"], check_template=check_template) == []
    pack = load_pack(tmp_path / "deep" / "mine")
    assert (len(pack.personas), len(pack.scenes), len(pack.stories)) == (2, 2, 1)
    assert all(len(persona.samples) >= 12 and persona.voice.tone for persona in pack.personas.values())
    assert any(scene.happenings and any(seat.persona is None for seat in scene.seats) for scene in pack.scenes.values())
    assert "README.md" in {path.name for path in written}


def test_new_pack_refuses_a_folder_in_use(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert new_pack(tmp_path / "empty")
    with pytest.raises(UsageError, match="is not empty"):
        new_pack(tmp_path / "empty")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        new_pack(tmp_path / "file")
    with pytest.raises(UsageError, match="cannot be written"):
        new_pack(tmp_path / "file" / "under")


# the built-in pack


def test_built_in_pack_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = builtin_root()
    monkeypatch.chdir(tmp_path)
    assert builtin_root() == here
    assert (here / "scenes" / "lost_luggage.yaml").is_file()
    assert [pack.name for pack, _ in find_scenes(["lost_luggage"])] == ["builtin"]


def test_built_in_pack_of_a_checkout_and_of_a_wheel(tmp_path: Path) -> None:
    package = tmp_path / "site" / "simworld"
    package.mkdir(parents=True)
    assert built_in_of(package) is None
    for folder in ("personas", "scenes"):
        (tmp_path / "site" / folder).mkdir()
    assert built_in_of(package) == tmp_path / "site"
    for folder in ("personas", "scenes"):
        (package / "builtin" / folder).mkdir(parents=True)
    assert built_in_of(package) == package / "builtin"


def test_wheel_carries_the_built_in_pack(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="building a wheel needs hatchling, which is not installed")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), "."]
    subprocess.run(build, cwd=CHECKOUT, check=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = textwrap.dedent("""
        import simworld
        from simworld.packs import builtin_root, check, find_scenes
        assert "site" in simworld.__file__, simworld.__file__
        assert check([builtin_root()]) == []
        print(builtin_root().parent.name, len(find_scenes([str(builtin_root())])))
    """)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    python = [sys.executable, "-c", program]
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(python, cwd=elsewhere, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["simworld", str(len(list((CHECKOUT / "scenes").glob("*.yaml"))))]


def test_built_in_personas_and_scenes_are_all_there() -> None:
    pack = load_pack(builtin_root(), check_template=check_template)
    assert len([one for one in pack.personas.values() if one.samples]) >= 40
    drawn = [scene for scene in pack.scenes.values() if scene.drawn]
    assert len(drawn) >= 40
    assert sum(len(scene.seats) >= 3 for scene in drawn) >= 12
    assert sum({"user", "assistant"} <= {seat.role for seat in scene.seats} for scene in drawn) >= 8
    assert len({persona.name for persona in pack.personas.values()}) == len(pack.personas)


# the imported set of characters and scenes that is as large as one gets


def test_a_pack_of_a_thousand_scenes(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"personas/p{n}.yaml": f"name: P {n}\nage: {20 + n}\n" for n in range(20)}
    for n in range(1000):
        scene = f"title: S {n}\nseats: [{{id: a, persona: p{n % 20}}}, {{id: b, who: {{not: [p{n % 20}]}}}}]\n"
        files[f"scenes/s{n}.yaml"] = scene
    pack = load_pack(write_pack(tmp_path, files))
    assert len(pack.scenes) == 1000
    assert list(pack.scenes) == sorted(pack.scenes)
    write_pack(tmp_path, {"scenes/s777.yaml": "title: S\nseats: [{id: a, persona: p99}]\n"})
    assert [(Path(p.file).name, p.code) for p in check([tmp_path])] == [("s777.yaml", "unknown-persona")]


# the face


def test_face_is_sorted_and_whole() -> None:
    assert packs.__all__ == sorted(packs.__all__)
    assert all(hasattr(packs, name) for name in packs.__all__)


def test_reading_packs_loads_nothing_heavy() -> None:
    program = "import sys, simworld.packs; print(sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"jinja2", "langgraph", "langchain_core", "networkx", "rich", "torch", "transformers"}
    assert heavy.isdisjoint(part.strip("[]'\n ") for part in done.stdout.split(","))


def test_digest_does_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    write_pack(tmp_path, SOUND)
    program = f"from simworld.packs import load_pack; print(load_pack({str(tmp_path)!r}).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert digests == {load_pack(tmp_path).digest.encode() + os.linesep.encode()}
