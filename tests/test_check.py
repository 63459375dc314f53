"""Every problem of a pack is told at once: where it is, what is wrong, what is allowed, what is nearest."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simworld.errors import PackError
from simworld.packs import accept_scene, builtin_root, check, load_pack, problems_of_scene, read_yaml, reader
from simworld.packs.names import FORBIDDEN
from simworld.packs.report import PER_FILE, SHOWN, shown
from simworld.packs.wording import schema_of
from simworld.prompts import check_template
from simworld.schema import (
    Condition,
    Constraint,
    Happening,
    Intervention,
    Persona,
    Problem,
    Relation,
    Scene,
    Seat,
    Story,
)
from tests.broken_packs import (
    ALL,
    BEN,
    DUSK,
    NIGHTS,
    ROSA,
    SOUND,
    STORY,
    WARD,
    Broken,
    bomb,
    chain,
    condition,
    deep,
    edited,
    intervention,
    story,
    wards,
    write_pack,
)

DIRECTORS = ("addressed", "alternate", "model", "round_robin", "scripted")


def checked(*roots: Path) -> list[Problem]:
    return check(roots, check_template=check_template, directors=DIRECTORS)


def codes(root: Path) -> list[str]:
    return [problem.code for problem in checked(root)]


@pytest.mark.parametrize("broken", ALL, ids=lambda broken: broken.name)
def test_broken_pack(broken: Broken, tmp_path: Path) -> None:
    root = broken.write(tmp_path)
    problems = checked(root)
    file, line, column = broken.place
    found = [p for p in problems if (p.file, p.line, p.column) == (str(root / file), line, column)]
    found = [p for p in found if p.code == broken.code and broken.says in p.message]
    assert len(found) == 1, [f"{problem} {problem.code}" for problem in problems]
    if broken.alone:
        assert problems == found
    assert found[0].nearest == broken.nearest
    if broken.field:
        assert found[0].field == broken.field
    assert not any("Input should" in problem.message for problem in problems)
    with pytest.raises(PackError) as refused:
        load_pack(root, check_template=check_template, directors=DIRECTORS)
    assert refused.value.problems == tuple(problems)


def test_broken_packs_differ() -> None:
    assert len({broken.name for broken in ALL}) == len(ALL) >= 190


ALONE = [broken for broken in STORY if broken.name != "two stories of one id"]


@pytest.mark.parametrize("broken", ALONE, ids=lambda broken: broken.name)
def test_a_broken_story_is_told_the_same_alone(broken: Broken, tmp_path: Path) -> None:
    root = broken.write(tmp_path)
    assert checked(root / broken.place[0]) == checked(root)


AWAITED = ("topics:", "conditions:\n  path: {said: [bell]}\n  nobody_waits: {after: 1}\ntopics:")
FINE: list[dict[str, str | bytes]] = [
    condition("{after: 8}"),
    condition("{minutes: 0.5}"),
    condition("{seat: nurse, place: out}"),
    condition('{toward: visitor, familiarity: ">= .5"}'),
    wards(AWAITED, ("at: 3", "when: path")),
    wards(("at: 3", "enters: office\n    by: [visitor]")),
    wards(("place: office", "place: office\n    enters: 7")),
    intervention("{seat: nurse, at: 7, emotion: sad}"),
    intervention("{seat: nurse, at: 0, whisper: '{{ visitor.name }} is here.'}"),
    intervention("{seat: visitor, at: 0, memory: He smiled.}"),
    story(),
    story("title:", "id: nights\ntitle:"),
    story("persona: ben", "who: {career: [nurse]}"),
    story("    then:", "    after: 2 hours\n    then:", "3 days", "3 days\n    then: [{to: first}]"),
    story("- {when: cold, to: end}", "- {when: cold, to: end}\n      - {to: second}"),
    story("- {when: cold, to: end}", "- {when: cold, to: second}\n      - {to: end}"),
    story('warmth: "<0"', 'warmth: "<0", place: out, ended: [left]'),
    story("max_turns: 6", "max_turns: 2"),
]


@pytest.mark.parametrize("files", FINE)
def test_what_may_be_said(files: dict[str, str | bytes], tmp_path: Path) -> None:
    assert [str(problem) for problem in checked(write_pack(tmp_path, files))] == []


def test_a_story_may_seat_somebody_else_than_the_scene_does(tmp_path: Path) -> None:
    text = "title: T\ncast: [{id: guest}, {id: old, persona: rosa}, {id: young, persona: ben}]\nchapters:\n"
    swap = "- {id: a, scene: ward, seats: {nurse: old, visitor: young}}\n- {id: b, scene: dusk, seats: {nurse: old}}\n"
    root = write_pack(tmp_path, {**SOUND, "scenes/dusk.yaml": DUSK, "stories/a.yaml": text + swap})
    assert [str(problem) for problem in checked(root)] == []
    write_pack(root, {"stories/a.yaml": text + swap.replace("seats: {nurse: old}", "seats: {guest: young}")})
    assert [(p.field, p.code) for p in checked(root)] == [
        ("cast.guest.id", "unseated-part"),
        ("chapters.b.scene", "same-persona-twice"),
    ]


def test_a_way_that_is_never_taken_leads_nowhere(tmp_path: Path) -> None:
    third = "  - {id: third, scene: ward, seats: {nurse: carer}}\n"
    ways = "- {to: third}\n      - {when: cold, to: second}"
    root = write_pack(tmp_path, story("- {when: cold, to: end}", ways, more=third))
    assert codes(root) == ["unreachable-way", "unreachable-chapter"]


def test_a_part_may_take_the_persona_whose_seat_it_takes_and_not_another_parts(tmp_path: Path) -> None:
    who = "{id: a, who: {career: [nurse], age: '34', not: [rosa]}}"
    chapter = "- {id: c, scene: ward, seats: {nurse: a, visitor: b}}\n"
    text = f"title: T\ncast: [WHO, {{id: b, persona: rosa}}]\nchapters:\n{chapter}"
    nurses = edited(BEN, "34", "117")
    root = write_pack(tmp_path, {**SOUND, "personas/ben.yaml": nurses, "stories/a.yaml": text.replace("WHO", who)})
    assert codes(root) == ["no-candidate"]
    write_pack(root, {"stories/a.yaml": text.replace("WHO", who.replace("34", "117"))})
    assert codes(root) == []
    other = "{id: a, who: {age: '117'}}"
    write_pack(root, {"stories/a.yaml": text.replace("WHO", other).replace("persona: rosa", "persona: ben")})
    assert codes(root) == ["no-candidate"]


def test_seats_of_a_story_may_bear_names_of_what_only_the_user_sets(tmp_path: Path) -> None:
    scene = "title: T\nseats: [{id: host, persona: ben}, {id: token, persona: rosa}]\n"
    seats = "seats: {host: visitor, token: carer}, goals: {host: rest}, openings: {token: Hm.}"
    text = edited(NIGHTS, "scene: ward\n    seats: {nurse: carer}", "scene: a\n    " + seats.replace("}, ", "}\n    "))
    root = write_pack(tmp_path, {**SOUND, "scenes/a.yaml": scene, "stories/nights.yaml": text})
    assert [str(problem) for problem in checked(root)] == []
    write_pack(root, {"stories/nights.yaml": text.replace("openings:\n      visitor", "env:\n      visitor")})
    assert codes(root) == ["forbidden"]


def test_a_scene_that_cannot_be_read_is_told_once_and_not_by_the_story(tmp_path: Path) -> None:
    root = write_pack(tmp_path, {**story(), "scenes/ward.yaml": "title: [\n"})
    assert [(Path(p.file).name, p.code) for p in checked(root)] == [("ward.yaml", "bad-yaml")]
    assert checked(root / "stories" / "nights.yaml") == checked(root)


def test_many_chapters_over_a_huge_scene_are_refused_in_good_time(tmp_path: Path) -> None:
    seats = "".join(f"- {{id: s{n}}}\n" for n in range(3000))
    chapters = "".join(f"- {{id: c{n}, scene: huge}}\n" for n in range(3000))
    files = {
        "scenes/huge.yaml": f"title: T\nseats:\n{seats}",
        "stories/a.yaml": f"title: T\ncast: [{{id: a}}]\nchapters:\n{chapters}",
    }
    begun = time.process_time()
    found = codes(write_pack(tmp_path, {**SOUND, **files}))
    assert time.process_time() - begun < 10
    assert {"too-long", "untaken-seat"} <= set(found)


def test_sound_pack_has_no_problem(tmp_path: Path) -> None:
    root = write_pack(tmp_path, SOUND)
    assert checked(root) == []
    assert list(load_pack(root).scenes) == ["ward"]


def test_all_problems_at_once_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    scene = edited(edited(WARD, "goal:", "gaol:"), "to: nurse", "to: nobody")
    persona = edited(edited(ROSA, "71", "200"), "stubborn", "stubbron")
    problems = checked(write_pack(tmp_path, {**SOUND, "scenes/ward.yaml": scene, "personas/rosa.yaml": persona}))
    told = [(Path(problem.file).name, problem.line, problem.code) for problem in problems]
    assert told == [
        ("rosa.yaml", 4, "unknown-word"),
        ("rosa.yaml", 6, "out-of-range"),
        ("ward.yaml", 14, "unknown-key"),
        ("ward.yaml", 20, "unknown-seat"),
    ]


def test_problem_is_one_line_with_place_field_allowed_and_nearest(tmp_path: Path) -> None:
    scene = edited(WARD, "persona: rosa", "role: asistant")
    root = write_pack(tmp_path, {**SOUND, "scenes/ward.yaml": scene})
    [problem] = checked(root)
    assert str(problem) == (
        f"{root}/scenes/ward.yaml:18:11: seats.visitor.role: 'asistant' is not one of the choices; "
        "allowed: assistant, character, narrator, user; nearest: assistant"
    )


def test_files_are_named_as_the_user_named_the_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pack(tmp_path / "mine", {**SOUND, "scenes/ward.yaml": "title: [1]\n", "personas/ben.yaml": "nane: B\n"})
    monkeypatch.chdir(tmp_path)
    assert {p.file for p in check(["mine"])} == {"mine/scenes/ward.yaml", "mine/personas/ben.yaml"}
    assert {p.file for p in check(["mine/scenes"])} == {"mine/scenes/ward.yaml", "mine/personas/ben.yaml"}
    assert {p.file for p in check(["mine/personas/ben.yaml"])} == {"mine/personas/ben.yaml"}
    monkeypatch.chdir(tmp_path / "mine" / "scenes")
    assert {p.file for p in check(["ward.yaml"])} == {"ward.yaml", "../personas/ben.yaml"}


def test_long_list_of_allowed_words_is_shortened(tmp_path: Path) -> None:
    root = write_pack(tmp_path, {**SOUND, "scenes/ward.yaml": edited(WARD, "Tense", "Tens")})
    [problem] = checked(root)
    assert problem.message.endswith("Angry, Asleep, Bored, Confident, Dazed, Embarrassed, Energized, Fine, Flirty, "
                                    "Focused, Happy, Inspired and 4 more")  # fmt: skip


def test_what_a_file_holds_is_shown_short_and_harmless(tmp_path: Path) -> None:
    long = "\\u202e\\u2066" + "z" * 500_000
    root = write_pack(tmp_path, {**SOUND, "personas/ben.yaml": f'{BEN}? "{"k" * 9000}"\n: x\nage: "{long}"\n'})
    problems = checked(root)
    assert {problem.code for problem in problems} == {"duplicate-key", "unknown-key"}
    write_pack(root, {"personas/ben.yaml": f'name: Ben\nage: "{long}"\n'})
    [problem] = checked(root)
    assert "\\u202e\\u2066zzz" in problem.message
    assert "\u202e" not in str(problem)
    assert "z" * SHOWN not in problem.message


def test_shown_is_never_longer_than_it_may_be() -> None:
    assert shown("\x1b" * 100) == "\\x1b" * 19 + "\\x1…"
    assert len(shown("z" * 100)) == SHOWN == len(shown("z" * SHOWN))
    assert shown("a\u202eb\nc\u200f") == "a\\u202eb\\nc\\u200f"


def test_file_name_is_harmless_in_a_problem(tmp_path: Path) -> None:
    root = write_pack(tmp_path, {**SOUND, "scenes/a\u202eb\n.yaml": "x"})
    assert {problem.file for problem in checked(root)} == {f"{root}/scenes/a\\u202eb\\n.yaml"}


def test_many_problems_of_a_file_end_with_their_number(tmp_path: Path) -> None:
    root = write_pack(tmp_path, {**SOUND, "personas/ben.yaml": BEN + "".join(f"k{n}: 1\n" for n in range(4000))})
    problems = checked(root)
    assert len(problems) == PER_FILE + 1
    [rest] = [problem for problem in problems if problem.code == "too-many-problems"]
    assert f"{4000 - PER_FILE} more problems" in rest.message
    with pytest.raises(PackError, match="and 481 more: `simworld check` lists them all"):
        load_pack(root)


def test_a_broken_persona_is_told_once_and_not_again_by_scenes(tmp_path: Path) -> None:
    scene = edited(WARD, "persona: rosa", "who: {age: '117'}")
    root = write_pack(tmp_path, {**SOUND, "personas/ben.yaml": "name: [Ben]\n", "scenes/ward.yaml": scene})
    assert codes(root) == ["wrong-type"]


def test_open_seat_is_not_for_a_built_in_persona_that_sits_elsewhere(tmp_path: Path) -> None:
    one, *others = sorted(load_pack(builtin_root() / "personas").personas)
    seats = f"seats: [{{id: a, persona: {one}}}, {{id: b, who: {{not: [{', '.join(others)}]}}}}]\n"
    root = write_pack(tmp_path, {"scenes/a.yaml": f"title: T\n{seats}"})
    assert codes(root) == ["no-candidate"]
    write_pack(root, {"scenes/a.yaml": f"title: T\n{seats.replace(one, others[0], 1)}"})
    assert codes(root) == []


def test_a_scene_may_have_one_length_only(tmp_path: Path) -> None:
    scene = edited(WARD, "min_turns: 2", "min_turns: 8")
    assert codes(write_pack(tmp_path, {**SOUND, "scenes/ward.yaml": scene})) == []


def test_open_seat_is_not_for_one_who_sits_elsewhere(tmp_path: Path) -> None:
    scene = edited(WARD, "persona: rosa", "who: {age: '34', career: [nurse], not: [rosa]}")
    root = write_pack(tmp_path, {**SOUND, "scenes/ward.yaml": edited(scene, "34", "117")})
    assert codes(root) == ["no-candidate"]
    write_pack(root, {"personas/eve.yaml": edited(edited(BEN, "34", "117"), "Ben", "Eve"), "scenes/ward.yaml": scene})
    write_pack(root, {"scenes/ward.yaml": edited(scene, "34", "117")})
    assert codes(root) == []
    write_pack(root, {"personas/ben.yaml": edited(BEN, "34", "117")})
    (root / "personas" / "eve.yaml").unlink()
    assert codes(root) == ["no-candidate"]


def test_place_where_a_seat_starts_is_reached_and_ways_lead_both_ways(tmp_path: Path) -> None:
    far = "  - id: yard\n    name: the yard\n    exits: [gate]\n  - id: gate\n    name: the gate\nbackground:"
    scene = edited(edited(WARD, "background:", far), "place: office", "place: gate")
    root = write_pack(tmp_path, {**SOUND, "scenes/ward.yaml": scene})
    assert codes(root) == []
    write_pack(root, {"scenes/ward.yaml": edited(WARD, "background:", far)})
    assert codes(root) == ["unreachable-place", "unreachable-place"]


def test_two_assistants_and_a_narrator_are_fine(tmp_path: Path) -> None:
    seats = "seats:\n- {id: a, role: assistant, persona: ben}\n- {id: b, role: assistant, persona: rosa}\n"
    scene = f"title: T\n{seats}- {{id: narrator, role: narrator, who: {{not: [ben, rosa]}}}}\n"
    assert codes(write_pack(tmp_path, {**SOUND, "scenes/a.yaml": scene})) == []


def test_backends_that_a_pack_may_seat(tmp_path: Path) -> None:
    files = {**SOUND, "scripts/clerk.txt": "Next.\n"}
    for spec in ("improv", "human", "scripted:scripts/clerk.txt", "openai:org/model-1.5:free@x", "anthropic:claude"):
        files["scenes/ward.yaml"] = edited(WARD, "persona: rosa", f"persona: rosa\n    backend: {spec}")
        assert codes(write_pack(tmp_path, files)) == [], spec


def test_no_field_of_a_record_bears_a_forbidden_name() -> None:
    fields: set[str] = set()
    for model in (Persona, Scene, Story):
        schema = schema_of(model)
        for part in (schema, *schema["$defs"].values()):
            fields |= set(part["properties"])
    assert fields.isdisjoint(FORBIDDEN)


def test_templates_and_directors_are_judged_only_where_a_judge_is_lent(tmp_path: Path) -> None:
    scene = edited(edited(WARD, "finish the round", "'{{ nobody }}'"), "alternate", "dice")
    root = write_pack(tmp_path, {**SOUND, "scenes/ward.yaml": scene})
    assert check([root]) == []
    asked: list[tuple[str, list[str]]] = []

    def judge(text: str, names: Any) -> str | None:
        asked.append((text, sorted(names)))
        return "it is Tuesday" if "nobody" in text else None

    [problem] = check([root], check_template=judge)
    assert "it is Tuesday" in problem.message
    names = ["nurse", "place", "time", "topic", "visitor"]
    assert asked == [("The lift is out. {{ nurse.name }} is alone.", names), ("{{ nobody }}", names)]


def test_a_template_too_long_never_reaches_the_judge(tmp_path: Path) -> None:
    root = write_pack(tmp_path, {**SOUND, "scenes/ward.yaml": edited(WARD, "finish", f"'{'{{ x }}' * 1000}' #")})

    def judge(text: str, names: Any) -> str | None:
        assert len(text) <= 4000

    assert [problem.code for problem in check([root], check_template=judge)] == ["too-long"]


def test_no_path_no_pack(tmp_path: Path) -> None:
    [problem] = checked(tmp_path / "nowhere")
    assert (problem.code, problem.message) == ("unreadable", "there is no such file or folder")
    with pytest.raises(PackError, match="no such file or folder"):
        load_pack(tmp_path / "nowhere")
    assert check(["x\0y", "z" * 5000]) != []


def test_one_pack_named_twice_is_looked_at_once(tmp_path: Path) -> None:
    root = write_pack(tmp_path, {**SOUND, "personas/ben.yaml": "nane: B\n"})
    assert len(checked(root, root / "scenes", root / "personas" / "ben.yaml")) == len(checked(root)) == 2


# files that are no files


def test_links_out_of_the_pack_are_refused(tmp_path: Path) -> None:
    root = write_pack(tmp_path / "pack", SOUND)
    (tmp_path / "secret.yaml").write_text("name: S\nskills: [teaching]\n")
    (root / "personas" / "secret.yaml").symlink_to(tmp_path / "secret.yaml")
    (root / "scenes" / "secret.yml").symlink_to(tmp_path / "secret.yaml")
    (root / "vocabularies").mkdir()
    (root / "vocabularies" / "careers.yaml").symlink_to(tmp_path / "secret.yaml")
    (root / "fragments").mkdir()
    assert codes(root) == ["bad-include"] * 3


def test_links_of_fragments_and_scripts_out_of_the_pack_are_refused(tmp_path: Path) -> None:
    root = write_pack(tmp_path / "pack", {**SOUND, "personas/ben.yaml": BEN + "extends: [parts/secret]\n"})
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "secret.yaml").write_text("skills: [teaching]\n")
    (root / "personas" / "parts").symlink_to(tmp_path / "parts")
    (root / "script.txt").symlink_to(tmp_path / "parts" / "secret.yaml")
    write_pack(
        root, {"scenes/ward.yaml": edited(WARD, "persona: rosa", "persona: rosa\n    backend: scripted:script.txt")}
    )
    assert [(p.code, p.message) for p in checked(root)] == [
        ("bad-include", "'parts/secret' leads outside the pack"),
        (
            "forbidden",
            "the script 'script.txt' leads outside the pack; allowed: human, improv, provider:name, scripted:FILE",
        ),
    ]


def test_link_within_the_pack_is_followed(tmp_path: Path) -> None:
    root = write_pack(tmp_path / "pack", {**SOUND, "parts/eve.yaml": "name: Eve\n"})
    (root / "personas" / "eve.yaml").symlink_to(root / "parts" / "eve.yaml")
    assert load_pack(root).personas["eve"].name == "Eve"


def test_pipe_folder_and_link_to_nothing_are_refused_without_waiting(tmp_path: Path) -> None:
    root = write_pack(tmp_path, SOUND)
    os.mkfifo(root / "scenes" / "a_pipe.yaml")
    (root / "scenes" / "b_folder.yaml").mkdir()
    (root / "scenes" / "c_link.yaml").symlink_to(root / "nothing.yaml")
    before = len(os.listdir("/dev/fd"))
    assert [(Path(p.file).stem, p.code) for p in checked(root)] == [
        ("a_pipe", "unreadable"),
        ("b_folder", "unreadable"),
        ("c_link", "unreadable"),
    ]
    assert len(os.listdir("/dev/fd")) == before


def test_size_is_looked_at_before_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_pack(tmp_path, {**SOUND, "scenes/huge.yaml": ""})
    os.truncate(root / "scenes" / "huge.yaml", 1 << 40)
    assert codes(root) == ["too-large"]
    (root / "scenes" / "ward.yaml").unlink()
    for persona in (root / "personas").iterdir():
        persona.unlink()
    monkeypatch.setattr(os, "fdopen", None)
    assert codes(root) == ["too-large"]
    with pytest.raises(PackError, match="larger than 1048576 bytes"):
        read_yaml(root / "scenes" / "huge.yaml", "huge.yaml")
    with pytest.raises(PackError, match="larger than 1048576"):
        read_yaml("x" * (1 << 20) + "y", "(text)")


# limits of the reader


@pytest.fixture(params=["C", "Python"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of PyYAML's parsers: the C one may be missing."""
    if request.param == "Python":
        monkeypatch.setattr(reader, "LOADER", yaml.SafeLoader)
    elif not yaml.__with_libyaml__:
        pytest.skip("this PyYAML has no C parser")


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(("text", "most"), [(deep("["), 40), (deep("{a: "), 80), (deep("- "), 40), (bomb(), 80)])
def test_reading_stops_at_the_limit(text: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    events = 0
    parse = yaml.parse

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal events
        for event in parse(*args, **kwargs):
            events += 1
            yield event

    monkeypatch.setattr(yaml, "parse", counted)
    with pytest.raises(PackError):
        read_yaml(text.replace("§", ""), "f.yaml")
    assert 0 < events <= most


@pytest.mark.parametrize("line", ["%TAG !a! tag:x,2000:", "%YAML 1.1"])
def test_directives_are_refused_before_the_parser_sees_them(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "parse", None)
    with pytest.raises(PackError, match="the directive %"):
        read_yaml(f"# first\n{line}\n" * 10_000 + "---\na: 1\n", "f.yaml")


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("text", ["a: [", "a: '", "a: *b", ": :", '"\\ud800": x', '"\\UFFFFFFFF"', "\ud800", "a: \0"])
def test_unreadable_text_is_a_problem_with_either_parser(text: str) -> None:
    with pytest.raises(PackError) as refused:
        read_yaml(text, "f.yaml")
    assert {problem.code for problem in refused.value.problems} <= {"bad-yaml", "bad-encoding", "bad-name"}


def test_levels_of_fragments(tmp_path: Path) -> None:
    root = write_pack(tmp_path, chain(7))
    write_pack(root, {"personas/ben.yaml": BEN + "extends: [fragments/f0]\n"})
    assert checked(root) == []
    assert load_pack(root).personas["ben"].skills == ("teaching",)
    write_pack(root, chain(8))
    write_pack(root, {"personas/ben.yaml": BEN + "extends: [fragments/f0]\n"})
    [problem] = checked(root)
    assert (Path(problem.file).name, problem.code) == ("f7.yaml", "bad-include")
    assert "more than 8 levels" in problem.message


def test_too_many_levels_are_told_whichever_persona_comes_first(tmp_path: Path) -> None:
    root = write_pack(tmp_path, chain(8))
    shallow = BEN + "extends: [fragments/f3]\n"
    write_pack(root, {"personas/abe.yaml": shallow, "personas/ben.yaml": BEN + "extends: [fragments/f0]\n"})
    problems = checked(root)
    assert {problem.code for problem in problems} == {"bad-include"}


def test_each_fragment_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight levels of sixteen names each would be four thousand million readings."""
    from simworld.packs import fragments

    names = {level: [f"fragments/l{level}_{n}" for n in range(16)] for level in range(7)}
    files: dict[str, str | bytes] = {f"personas/{name}.yaml": "{}" for name in names[6]}
    for level in range(6):
        files |= {f"personas/{name}.yaml": f"extends: [{', '.join(names[level + 1])}]" for name in names[level]}
    files["personas/ben.yaml"] = f"{BEN}extends: [{', '.join(names[0])}]"
    root = write_pack(tmp_path, {**SOUND, **files})
    read: list[str] = []
    whole = fragments.read_path

    def counted(path: Path, *args: Any) -> Any:
        read.append(path.name)
        return whole(path, *args)

    monkeypatch.setattr(fragments, "read_path", counted)
    load_pack(root)
    assert len(read) == len(set(read)) == 7 * 16


def test_fragments_together_may_not_outgrow_a_file(tmp_path: Path) -> None:
    likes = {n: ", ".join(f"l{n}_{i}" for i in range(15_000)) for n in (1, 2)}
    files = {f"personas/fragments/f{n}.yaml": f"likes: [{words}]" for n, words in likes.items()}
    root = write_pack(tmp_path, {**SOUND, **files})
    write_pack(root, {"personas/ben.yaml": f"{BEN}extends: [fragments/f1, fragments/f2]\n"})
    assert "too-many-nodes" in codes(root)


# arbitrary files

_QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(["nurse", "ben", "say", "scripted", "{{ nurse.name }}", "office", ">=60", "improv", "x" * 700]),
    st.sampled_from(["ward", "nights", "end", "lost_luggage", "clerk", "2 days", "<0", "3"]),
)  # fmt: skip
_KEYS = st.one_of(
    st.text(max_size=8),
    st.sampled_from([
        "id", "seats", "who", "persona", "places", "exits", "openings", "text", "director", "order", "end", "goal",
        "words", "max_turns", "name", "extends", "voice", "traits", "not", "age", "backend", "model", "title",
        "happenings", "at", "to", "conditions", "interventions", "enters", "by", "when", "seat", "toward", "warmth",
        "cast", "chapters", "scene", "after", "then", "goals", "nurse", "longest", "place", "feels", "memory",
    ]),
)  # fmt: skip
_DATA = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=5)),
    max_leaves=25,
)
_LIST = st.lists(st.dictionaries(_KEYS, _DATA, max_size=4), max_size=3)
_SCENE = _DATA | st.fixed_dictionaries(
    {"seats": _LIST, "conditions": _DATA, "happenings": _LIST, "interventions": _LIST}
)
_WAYS = st.fixed_dictionaries({"scene": st.sampled_from(["ward", "lost_luggage"]), "seats": _DATA, "then": _LIST})
_STORY = _DATA | st.fixed_dictionaries(
    {"cast": _LIST, "chapters": _LIST | st.lists(_WAYS, max_size=3), "conditions": _DATA}
)


def refusal(act: Callable[[], object]) -> PackError | None:
    try:
        act()
    except PackError as error:
        return error
    return None


@_QUICK
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(data)
    refused = refusal(lambda: read_yaml(path, "f.yaml"))
    assert refused is None or refused.problems


@_QUICK
@given(text=st.text(alphabet="ab:-[]{},&*!|>'\"%#? \n\t\\~<0\u202e\u2028\ufeff", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    refused = refusal(lambda: read_yaml(text, "f.yaml"))
    assert refused is None or refused.problems


def test_a_key_called_as_pydantic_calls_keys_is_an_unknown_one(tmp_path: Path) -> None:
    text = 'id: ward\ntitle: T\nseats: [{id: a}]\ninterventions: [{"[key]": null}]\n'
    root = write_pack(tmp_path, {"scenes/ward.yaml": text})
    assert any("unknown key" in str(problem) for problem in checked(root))


@_QUICK
@given(persona=_DATA, scene=_SCENE, story=_STORY)
def test_any_yaml_is_loaded_or_refused(tmp_path: Path, persona: Any, scene: Any, story: Any) -> None:
    files: dict[str, str | bytes] = {
        "personas/ben.yaml": yaml.safe_dump(persona),
        "personas/fragments/x.yaml": yaml.safe_dump(persona),
        "vocabularies/topics.yaml": yaml.safe_dump(persona),
        "scenes/ward.yaml": yaml.safe_dump(scene),
        "stories/nights.yaml": yaml.safe_dump(story),
    }
    root = write_pack(tmp_path, files)
    problems = checked(root)
    assert all(problem.line > 0 and problem.column > 0 and "\n" not in str(problem) for problem in problems)
    assert not any("Input should" in problem.message for problem in problems)
    refused = refusal(lambda: load_pack(root, check_template=check_template, directors=DIRECTORS))
    assert (refused.problems if refused else ()) == tuple(problems)


# scenes made in Python


def two(**more: Any) -> Scene:
    seats = (Seat(id="a", persona="ann"), Seat(id="b", who=Constraint(age=">=60")))
    return Scene(**{"id": "porch", "title": "On the porch", "seats": seats, **more})


ANN = Persona(id="ann", name="Ann")
OLD = Persona(id="old", name="Old", age=80)


def test_scene_made_in_python_is_accepted_with_the_vocabularys_spelling() -> None:
    scene = accept_scene(two(emotions=("tense",)), personas={"ann": ANN, "old": OLD})
    assert scene == two(emotions=("Tense",))


def test_scene_made_in_python_is_told_by_field() -> None:
    scene = two(
        relations=(Relation(of="a", to="c", kind="kin of"),),
        topics=("wether",),
        happenings=(Happening(at=2, text=("{{ d }}",), place="attic"),),
    )
    problems = problems_of_scene(scene, personas={"old": OLD}, check_template=check_template)
    assert {(problem.field, problem.code) for problem in problems} == {
        ("relations.0.to", "unknown-seat"),
        ("topics.0", "unknown-word"),
        ("happenings.0.text.0", "bad-template"),
        ("happenings.0.place", "unknown-place"),
        ("seats.a.persona", "unknown-persona"),
    }
    with pytest.raises(PackError, match="scene porch: 5 problems\nscene porch:1:1: ") as refused:
        accept_scene(scene, personas={"old": OLD}, check_template=check_template)
    assert len(refused.value.problems) == 5


def test_scene_made_in_python_follows_the_rules_of_conditions_and_interventions() -> None:
    scene = two(
        conditions={"late": Condition(after=0, seat="b"), "warm": Condition(toward="c", warmth=">0")},
        happenings=(Happening(text=("A bell.",)), Happening(when="lat", text=("A bell.",))),
        interventions=(Intervention(seat="a", when="late"),),
    )
    problems = problems_of_scene(scene, personas={"ann": ANN, "old": OLD})
    assert {(problem.field, problem.code, problem.nearest) for problem in problems} == {
        ("conditions.late", "empty-condition", ""),
        ("conditions.warm.toward", "unknown-seat", ""),
        ("happenings.0", "no-cue", ""),
        ("happenings.1.when", "unknown-condition", "late"),
        ("interventions.0", "no-effect", ""),
    }
    waits = two(
        conditions={"late": Condition(feels=("tense",))}, happenings=(Happening(when="late", text=("A bell.",)),)
    )
    accepted = accept_scene(waits, personas={"ann": ANN, "old": OLD})
    assert accepted.conditions["late"].feels == ("Tense",)


def test_scene_made_in_python_may_seat_any_backend_but_needs_people() -> None:
    seats = (Seat(id="a", persona="ann", backend="local:/models/7b"), Seat(id="b", who=Constraint(age=">119")))
    [problem] = problems_of_scene(two(seats=seats), personas={"ann": ANN})
    assert (problem.code, problem.field) == ("no-candidate", "seats.b.who")


def test_scene_made_in_python_knows_the_personas_of_a_pack(tmp_path: Path) -> None:
    pack = load_pack(write_pack(tmp_path, SOUND))
    seats = (Seat(id="a", persona="ben"), Seat(id="b", persona="rosa"))
    assert problems_of_scene(two(seats=seats), pack) == []


def test_built_in_pack_has_no_problem() -> None:
    assert checked(builtin_root()) == []
