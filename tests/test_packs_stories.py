"""Stories are read as they are written, found by id and path with the scenes of their chapters, hashed and listed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from simworld.cli.listing import LISTS
from simworld.errors import PackError, UsageError
from simworld.packs import (
    builtin_root,
    check,
    find_scenes,
    find_stories,
    is_story,
    json_schema,
    load_pack,
    new_pack,
    read_yaml,
)  # fmt: skip
from simworld.packs.load import load
from simworld.packs.node import EACH, KEYS, VALUES, select
from simworld.prompts import check_template
from simworld.schema import Story
from simworld.schema.story import Way
from tests.broken_packs import BEN, DUSK, NIGHTS, ROSA, SOUND, WARD, edited, story, write_pack

CHECKOUT = Path(__file__).parent.parent
ALONE = "title: Alone\nseats: [{id: nurse, persona: ben}]\n"
AWAY = """\
title: Away
cast: [{id: visitor, persona: rosa}]
chapters:
  - {id: at_the_desk, scene: lost_luggage, seats: {SEATS}}
"""


def away() -> str:
    """A story of one chapter, which is a scene of the built-in pack."""
    seats = [
        seat.id for seat in load_pack(builtin_root() / "scenes" / "lost_luggage.yaml").scenes["lost_luggage"].seats
    ]
    return AWAY.replace("SEATS", f"{seats[0]}: visitor").replace(
        "visitor, persona: rosa}", "visitor, persona: rosa}, " + ", ".join(f"{{id: {seat}}}" for seat in seats[1:])
    )


# the reader's steps over mappings


def test_steps_enter_the_keys_and_the_values_of_a_mapping() -> None:
    node = read_yaml("a:\n  x: [1, 2]\n  yy: {b: 3}\nl: [{x: 1}]\n", "f.yaml")
    assert [(loc, item.text) for loc, item in select(node, "a", VALUES, EACH)] == [
        (("a", "x", 0), "1"),
        (("a", "x", 1), "2"),
    ]
    keys = list(select(node, "a", KEYS))
    assert [(loc, key.text, key.mark.line, key.mark.column) for loc, key in keys] == [
        (("a", "x"), "x", 2, 3), (("a", "yy"), "yy", 3, 3),
    ]  # fmt: skip
    assert list(select(node, "l", VALUES)) == list(select(node, "l", KEYS)) == list(select(node, "a", EACH)) == []


# loading


def test_a_story_is_read_as_it_is_written(tmp_path: Path) -> None:
    root = write_pack(tmp_path, story("persona: ben", "who: {career: [Nurse]}", "[health]", "[HEALTH]"))
    pack = load_pack(root, check_template=check_template)
    nights = pack.stories["nights"]
    assert (nights.id, nights.title, nights.width) == ("nights", "Two nights", 2)
    assert [(part.id, part.persona, part.who.career) for part in nights.cast] == [
        ("visitor", "rosa", ()), ("carer", None, ("nurse",)),
    ]  # fmt: skip
    assert nights.conditions["cold"].warmth == "<0"
    first, second = nights.chapters
    assert (first.seats, first.then, first.max_turns) == ({"nurse": "carer"}, (Way(when="cold", to="end"),), None)
    assert (second.after, second.topics, second.max_turns) == ("3 days", ("health",), 6)
    assert (second.goals, second.openings) == (
        {"nurse": "get home early"}, {"visitor": ("{{ nurse.name }}, again?",)},
    )  # fmt: skip
    assert pack.files["story/nights"] == root / "stories" / "nights.yaml"


def test_one_line_may_stand_without_a_list(tmp_path: Path) -> None:
    pack = load_pack(write_pack(tmp_path, story('["{{ nurse.name }}, again?"]', "You again?")))
    assert pack.stories["nights"].chapters[1].openings == {"visitor": ("You again?",)}


@pytest.mark.parametrize("folder", ["stories", "scenes/stories"])
@pytest.mark.parametrize(
    ("part", "scenes", "stories"),
    [
        (".", ["alone", "ward"], ["nights"]),
        ("FOLDER", ["ward"], ["nights"]),
        ("FOLDER/nights.yaml", ["ward"], ["nights"]),
        ("scenes/ward.yaml", ["ward"], []),
        ("personas", [], []),
    ],
)
def test_parts_of_a_pack_with_stories(
    folder: str, part: str, scenes: list[str], stories: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = part.replace("FOLDER", folder)
    root = write_pack(tmp_path / "x", {**SOUND, "scenes/alone.yaml": ALONE, f"{folder}/nights.yaml": NIGHTS})
    pack = load_pack(root / part)
    assert (list(pack.personas), list(pack.scenes), list(pack.stories)) == (["ben", "rosa"], scenes, stories)
    assert pack.root.resolve() == root
    monkeypatch.chdir(root)
    assert load_pack(part).digest == pack.digest


def test_the_folder_of_scenes_brings_the_stories_in_it(tmp_path: Path) -> None:
    root = write_pack(tmp_path, {**SOUND, "scenes/stories/nights.yaml": NIGHTS, "stories/days.yaml": NIGHTS})
    assert list(load_pack(root / "scenes").stories) == ["nights"]
    assert list(load_pack(root).stories) == ["days", "nights"]


@pytest.mark.parametrize("folder", ["stories", "scenes/stories"])
def test_from_within_a_folder_of_stories(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_pack(tmp_path, {**SOUND, f"{folder}/nights.yaml": NIGHTS})
    monkeypatch.chdir(root / folder)
    for name in (".", "nights.yaml", "../stories", ".."):
        pack = load_pack(name)
        assert (list(pack.stories), list(pack.scenes), pack.root) == (["nights"], ["ward"], root), name


def test_a_pack_of_stories_alone_plays_installed_scenes(tmp_path: Path) -> None:
    root = write_pack(tmp_path, {"stories/away.yaml": away(), "vocabularies/README.md": ""})
    assert [problem.code for problem in check([root])] == ["unknown-persona"]
    write_pack(root, {"personas/rosa.yaml": ROSA})
    [found] = find_stories([root], check_template=check_template)
    assert found.pack.root == root
    [(pack, scene)] = found.scenes.values()
    assert (list(found.scenes), pack.name, scene.id) == (["at_the_desk"], "builtin", "lost_luggage")
    assert list(found.pack.scenes) == []


def test_folder_of_other_name_holds_stories_by_their_content(tmp_path: Path) -> None:
    write_pack(tmp_path, {"ben.yaml": BEN, "rosa.yaml": ROSA, "ward.yaml": WARD, "nights.yaml": NIGHTS})
    pack = load_pack(tmp_path)
    assert (list(pack.personas), list(pack.scenes), list(pack.stories)) == (["ben", "rosa"], ["ward"], ["nights"])
    write_pack(tmp_path, {"personas/ben.yaml": BEN, "personas/rosa.yaml": ROSA})
    alone = load_pack(tmp_path / "nights.yaml")
    assert (list(alone.scenes), list(alone.stories)) == (["ward"], ["nights"])


def test_a_pack_may_be_called_scenes(tmp_path: Path) -> None:
    root = write_pack(tmp_path / "scenes", story())
    assert load_pack(root / "stories").root == root
    assert list(load_pack(root / "stories" / "nights.yaml").scenes) == ["ward"]


def test_what_has_seats_at_the_top_is_a_scene_whatever_else_it_says(tmp_path: Path) -> None:
    root = write_pack(tmp_path, {"personas/ben.yaml": BEN, "odd.yaml": ALONE + "chapters: []\n"})
    assert not is_story(root / "odd.yaml")
    assert [(p.field, p.code) for p in check([root / "odd.yaml"])] == [("chapters", "unknown-key")]
    write_pack(root / "loose", {"odd.yaml": ALONE + "chapters: []\n", "ben.yaml": BEN})
    assert [(p.field, p.code) for p in check([root / "loose"])] == [("chapters", "unknown-key")]


def test_load_gives_the_story_of_a_file(tmp_path: Path) -> None:
    root = write_pack(tmp_path, story())
    nights = load(root / "stories" / "nights.yaml")
    assert isinstance(nights, Story)
    assert nights == load_pack(root).stories["nights"]


def test_broken_scene_matters_to_the_stories_that_play_it_alone(tmp_path: Path) -> None:
    root = write_pack(tmp_path, {**story(), "scenes/bad.yaml": "title: [x]\n"})
    assert [found.story.id for found in find_stories([root / "stories"])] == ["nights"]
    assert [found.story.id for found in find_stories([root])] == ["nights"]
    write_pack(root, {"scenes/ward.yaml": "title: [x]\n"})
    with pytest.raises(PackError) as told:
        find_stories([root / "stories" / "nights.yaml"])
    assert [(Path(p.file).name, p.field) for p in told.value.problems] == [
        ("ward.yaml", "seats"),
        ("ward.yaml", "title"),
    ]


def test_own_scene_comes_before_an_installed_one_of_that_name(tmp_path: Path) -> None:
    own = DUSK.replace("id: guest, enters: 5", "id: visitor, persona: rosa")
    text = "title: T\ncast: [{id: nurse}]\nchapters: [{id: a, scene: lost_luggage}]\n"
    root = write_pack(tmp_path, {**SOUND, "scenes/lost_luggage.yaml": own, "stories/a.yaml": text})
    [found] = find_stories([root])
    assert found.scenes["a"][1].title == "Dusk"
    assert found.scenes["a"][0] is found.pack


def test_template_of_an_override_is_checked_over_the_seats_of_an_installed_scene(tmp_path: Path) -> None:
    text = away().replace("seats:", 'status: "{{ visitor.name }} waits.", seats:')
    root = write_pack(tmp_path, {"personas/rosa.yaml": ROSA, "stories/away.yaml": text})
    assert [problem.code for problem in check([root], check_template=check_template)] == ["bad-template"]
    seat = load_pack(builtin_root() / "scenes" / "lost_luggage.yaml").scenes["lost_luggage"].seats[0].id
    write_pack(root, {"stories/away.yaml": text.replace("{{ visitor", f"{{{{ {seat}")})
    assert check([root], check_template=check_template) == []


# digest


def test_digest_includes_stories_and_what_they_say(tmp_path: Path) -> None:
    without = load_pack(write_pack(tmp_path, SOUND)).digest
    with_story = load_pack(write_pack(tmp_path, story())).digest
    assert with_story != without
    write_pack(tmp_path, {"stories/nights.yaml": "# a comment\n" + edited(NIGHTS, "max_turns: 6", 'max_turns: "6"')})
    assert load_pack(tmp_path).digest == with_story
    assert load_pack(write_pack(tmp_path, story("3 days", "4 days"))).digest not in (without, with_story)


def test_who_plays_scenes_does_not_feel_the_stories_beside_them(tmp_path: Path) -> None:
    [(before, _)] = find_scenes([write_pack(tmp_path, SOUND)])
    [(after, _)] = find_scenes([write_pack(tmp_path, {"stories/nights.yaml": "title: [x]\n"})])
    assert after.digest == before.digest
    assert list(after.stories) == []


# finding


def test_stories_by_id_and_path_each_once_in_order(tmp_path: Path) -> None:
    root = write_pack(tmp_path, {**story(), "scenes/alone.yaml": ALONE, "stories/days.yaml": NIGHTS})
    found = find_stories([root / "stories" / "nights.yaml", "days", root], [root])
    assert [one.story.id for one in found] == ["nights", "days"]
    assert found[0].pack is found[1].pack
    assert list(found[0].pack.scenes) == ["ward"]
    assert {chapter: scene.id for chapter, (_, scene) in found[0].scenes.items()} == {"first": "ward", "second": "ward"}
    # as it stands in the pack: what the chapter says instead is not laid over it
    assert found[0].scenes["second"][1] == load_pack(root).scenes["ward"]


def test_unknown_story_names_the_nearest(tmp_path: Path) -> None:
    root = write_pack(tmp_path, story())
    with pytest.raises(UsageError, match=r"story 'nigths' is not known; allowed: .*nights.*; nearest: nights"):
        find_stories(["nigths"], [root])
    for name in (root / "scenes" / "ward.yaml", root / "personas"):
        with pytest.raises(UsageError, match="holds no stories"):
            find_stories([name])


def test_unknown_scene_that_is_nearly_a_story_is_told(tmp_path: Path) -> None:
    root = write_pack(tmp_path, story())
    for name in ("nigths", "nights"):
        with pytest.raises(UsageError, match="'nights' is a story"):
            find_scenes([name], [root])
    with pytest.raises(UsageError) as told:
        find_scenes(["ward_at_nite"], [root])
    assert "is a story" not in str(told.value)
    for path in (root / "stories", root / "stories" / "nights.yaml"):
        with pytest.raises(UsageError, match="holds no scenes"):
            find_scenes([path])


def test_what_means_a_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_pack(tmp_path, {**story(), "scenes/stories/days.yaml": NIGHTS, "stories/ward.yaml": NIGHTS})
    write_pack(root, {"loose/one.yaml": NIGHTS, "loose/two.yaml": WARD, "tales/one.yaml": NIGHTS})
    monkeypatch.chdir(root)
    for name in (
        "stories",
        "scenes/stories",
        root / "stories" / "nights.yaml",
        "loose/one.yaml",
        "tales",
        "stories/ward.yaml",
    ):
        assert is_story(name), name
    for name in (
        ".",
        "scenes",
        "scenes/ward.yaml",
        "loose/two.yaml",
        "personas",
        "lost_luggage",
        "nowhere",
        "nights",
        "x/y",
    ):
        assert not is_story(name), name
    assert is_story("nights", [root])
    assert is_story("days", [root])
    # a scene of that id comes first; `check` tells that two things bear it
    assert not is_story("ward", [root])


def test_stories_of_an_installed_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = write_pack(tmp_path / "sea_pack", {**story(), "__init__.py": "raise RuntimeError('run')\n"})
    about = "[simworld.packs]\nsea = sea_pack\n"
    metadata = "Metadata-Version: 2.1\nName: sea-pack\nVersion: 1\n"
    write_pack(tmp_path / "sea_pack-1.dist-info", {"entry_points.txt": about, "METADATA": metadata})
    monkeypatch.syspath_prepend(tmp_path)
    [found] = find_stories(["nights"])
    assert (found.pack.name, found.pack.root) == ("sea", package)
    assert is_story("nights")
    mine = write_pack(tmp_path / "mine", {"stories/again.yaml": NIGHTS})
    assert check([mine]) == []
    [again] = find_stories([mine])
    assert {pack.name for pack, _ in again.scenes.values()} == {"sea"}
    (package / "scenes" / "ward.yaml").write_text("title: [x]\n")
    with pytest.raises(PackError, match=r"ward\.yaml:1:8"):
        find_stories([mine])


# files that are no files


def test_links_of_stories_and_of_what_they_name_may_not_lead_out_of_the_pack(tmp_path: Path) -> None:
    root = write_pack(tmp_path / "pack", story())
    write_pack(tmp_path, {"out/secret.yaml": NIGHTS, "out/ward.yaml": WARD})
    (root / "stories" / "secret.yaml").symlink_to(tmp_path / "out" / "secret.yaml")
    assert [(Path(p.file).name, p.code) for p in check([root])] == [("secret.yaml", "bad-include")]
    (root / "stories" / "secret.yaml").unlink()
    (root / "scenes" / "ward.yaml").unlink()
    (root / "scenes" / "ward.yaml").symlink_to(tmp_path / "out" / "ward.yaml")
    assert [(Path(p.file).name, p.code) for p in check([root / "stories"])] == [("ward.yaml", "bad-include")]


def test_pipe_and_folder_for_a_story_are_refused_without_waiting(tmp_path: Path) -> None:
    root = write_pack(tmp_path, story())
    os.mkfifo(root / "stories" / "a_pipe.yaml")
    (root / "stories" / "b_folder.yaml").mkdir()
    assert [(Path(p.file).stem, p.code) for p in check([root])] == [
        ("a_pipe", "unreadable"),
        ("b_folder", "unreadable"),
    ]
    assert not is_story(root / "nowhere" / "x.yaml")


# the command line, the starter, the wheel


def test_stories_are_listed(tmp_path: Path) -> None:
    root = write_pack(tmp_path / "sea", story("persona: ben", "who: {career: [nurse]}"))
    heads, rows = LISTS["stories"]([root])
    assert heads == ("story", "title", "parts", "chapters", "pack")
    assert rows[-1] == ("nights", "Two nights", "visitor=rosa, carer=(open)", "first, second", "sea")
    heads, rows = LISTS["packs"]([root])
    assert dict(zip(heads, rows[-1], strict=True)) == {
        "pack": "sea", "personas": "2", "scenes": "1", "stories": "1", "folder": str(root),
    }  # fmt: skip


def test_schema_of_a_story_knows_its_parts() -> None:
    schema = json_schema("story")
    assert "id" not in schema["required"]
    assert set(schema["$defs"]) >= {"Part", "Chapter", "Way", "Condition", "Constraint"}
    assert json.loads(json.dumps(schema)) == schema
    assert list(schema["properties"]["conditions"]["patternProperties"].values()) == [{"$ref": "#/$defs/Condition"}]


def test_the_starter_brings_a_story_over_both_its_scenes(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    new_pack(root)
    [found] = find_stories([root / "stories"], check_template=check_template)
    assert [scene.id for _, scene in found.scenes.values()] == sorted(load_pack(root).scenes)
    assert len(found.story.chapters) == 2
    assert any(way.when in found.story.conditions for chapter in found.story.chapters for way in chapter.then)
    assert "stories/" in (root / "README.md").read_text(encoding="utf-8")


def test_wheel_carries_stories_that_lie_with_the_scenes(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="building a wheel needs hatchling, which is not installed")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), "."]
    subprocess.run(build, cwd=CHECKOUT, check=True)
    [wheel] = tmp_path.glob("*.whl")
    here = {f"simworld/builtin/scenes/stories/{path.name}" for path in (CHECKOUT / "scenes" / "stories").glob("*.yaml")}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith("simworld/builtin/scenes/stories/")}
        assert "simworld/templates/new_pack/stories/two_crossings.yaml" in archive.namelist()
    assert names == here
