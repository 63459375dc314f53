"""Forged scenes, ties, interviews and packs, measured with code of this file's own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from simworld.backends.asking import open_asking
from simworld.backends.sampling import Sampling
from simworld.cli import forge
from simworld.errors import UsageError
from simworld.forge.interviews import Question, interviews
from simworld.forge.pack import MARK, Forged, PackOrder, ask_all, forge_pack
from simworld.forge.people import PeopleOrder
from simworld.forge.relations import Tie, bonds, graph, read_ties, weave
from simworld.forge.scene_library import library
from simworld.forge.scene_plan import may_flirt
from simworld.forge.scenes import SceneOrder, Scenes, forge_scenes
from simworld.forge.scenes_by_model import faults_of
from simworld.packs import Pack, builtin_root, check, load_pack
from simworld.prompts import check_template, words
from simworld.schema import Persona, Scene
from simworld.text.ngrams import ngrams
from tests.llm_server import serve

N, EACH = 12, 12
ORDER = PackOrder(people=PeopleOrder(n=N, seed=4), scenes=EACH, interviews=50)


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> Forged:
    return asyncio.run(forge_pack(ORDER, tmp_path_factory.mktemp("forged") / "pack"))


@pytest.fixture(scope="module")
def pack(forged: Forged) -> Pack:
    return load_pack(forged.folder, check_template=check_template)


@pytest.fixture(scope="module")
def people() -> list[Persona]:
    return [one for one in load_pack(builtin_root()).personas.values() if one.drawn][:6]


@pytest.fixture(scope="module")
def scenes(pack: Pack) -> list[Scene]:
    return list(pack.scenes.values())


def invoke(*args: object) -> Any:
    app = typer.Typer()
    forge.register(app)
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["forge", *map(str, args)])


def blanked(scene: Scene) -> str:
    """Background and status without the names of seats, and without what is written large."""
    text = re.sub(r"\{\{.*?\}\}", "", f"{scene.background} {scene.status}", flags=re.DOTALL)
    return re.sub(r"\b[A-Z][\w']+", "", text)


# --- the pack ------------------------------------------------------------------------------------------------------


def test_the_pack_is_whole_and_sound(forged: Forged, pack: Pack) -> None:
    assert forged.problems == ()
    assert check([forged.folder], check_template=check_template) == []
    assert len(pack.personas) == N
    assert len(pack.scenes) == N * EACH
    assert {path.name for path in forged.folder.iterdir()} == {
        "personas", "scenes", "relations.yaml", "interviews.jsonl", "README.md",
    }  # fmt: skip
    assert not (forged.folder / MARK).exists()
    assert "built-in composer" in (forged.folder / "README.md").read_text(encoding="utf-8")


def test_no_two_scenes_are_alike(scenes: list[Scene]) -> None:
    runs = [set(ngrams(re.findall(r"[a-z']+", blanked(scene).lower()), 5)) for scene in scenes]
    assert min(map(len, runs)) > 25
    assert max(len(one & two) / len(one | two) for one, two in combinations(runs, 2)) < 0.5


def test_no_frame_of_a_sentence_is_worn(scenes: list[Scene]) -> None:
    counts: Counter[str] = Counter()
    for scene in scenes:
        text = re.sub(r"\{\{.*?\}\}", "X", f"{scene.background} {scene.status}", flags=re.DOTALL)
        found: set[str] = set()
        for sentence in re.split(r"(?<=[.!?])\s+", text):
            masked = [re.sub(r"^[A-Z]\w+$", "X", word.strip(",.;:!?")) for word in sentence.split()]
            if len(masked) > 4:
                found |= {" ".join(masked), " ".join(masked[:4])}
        counts.update(found)
    frame, most = counts.most_common(1)[0]
    assert most <= 0.05 * len(scenes), frame


def test_each_scene_is_told_in_full(scenes: list[Scene]) -> None:
    for scene in scenes:
        count = len(re.sub(r"\{\{.*?\}\}", "Name", f"{scene.background} {scene.status}", flags=re.DOTALL).split())
        assert 45 <= count <= 130, scene.id
        assert not re.search(r"[<>@|]", scene.model_dump_json(exclude={"conditions"})), scene.id
        assert "  " not in scene.background + scene.status
        assert 2 <= len(scene.seats) <= 4
        assert len(scene.openings) >= 2
        assert all((scene.happenings, scene.relations, scene.time, scene.places))
        assert all(seat.goal and seat.persona for seat in scene.seats)
        assert all(scene.seats[at].knows for at in (0, 1))
    assert len({scene.title for scene in scenes}) == len(scenes)
    assert Counter(len(scene.seats) for scene in scenes)[2] > len(scenes) / 2


def test_topics_and_emotions_fit_and_are_spread(scenes: list[Scene]) -> None:
    topics = Counter(topic for scene in scenes for topic in scene.topics)
    emotions = Counter(seat.emotion for scene in scenes for seat in scene.seats)
    assert set(topics) <= set(words("topics"))
    assert len(topics) >= 18
    assert set(emotions) == set(words("emotions"))
    assert sum(count for _, count in topics.most_common(4)) < 0.25 * topics.total()
    assert emotions["Flirty"] > 0
    assert max(emotions.values()) < 2 * min(count for word, count in emotions.items() if word != "Flirty")


def test_only_those_flirt_who_may(pack: Pack) -> None:
    ties = bonds(read_ties(pack.root / "relations.yaml"))
    for scene in pack.scenes.values():
        first, second = (pack.personas[str(seat.persona)] for seat in scene.seats[:2])
        tie = ties.get(first.id, {}).get(second.id)
        if {"flirtation", "physical intimacy"} & set(scene.topics) or "Flirty" in {
            seat.emotion for seat in scene.seats[:2]
        }:
            assert min(first.age or 0, second.age or 0) >= 18
            assert tie is None or tie.type not in ("family", "mentor")
    child = Persona(id="c", name="C", age=15)
    assert not may_flirt(child, child.model_copy(update={"id": "d"}), None)


def test_every_kind_comes_and_every_character_has_its_own(pack: Pack) -> None:
    assert set(library().kinds) == {scene.kind for scene in pack.scenes.values()}
    mains = Counter(str(scene.seat(scene.main).persona) for scene in pack.scenes.values())
    assert set(mains.values()) == {EACH}
    partners = {str(seat.persona) for scene in pack.scenes.values() for seat in scene.seats if not seat.main}
    assert partners == set(pack.personas)


def test_work_is_where_one_works(pack: Pack) -> None:
    places = {setting.name: setting.careers for setting in library().settings.values()}
    asked = {situation.roles: situation.work for situation in library().situations.values() if situation.work}
    seen = 0
    for scene in pack.scenes.values():
        roles = (scene.seats[0].id, scene.seats[1].id)
        if roles in asked:
            worker = pack.personas[str(scene.seats["ab".index(asked[roles])].persona)]
            careers = places[scene.places[0].name]
            assert worker.career in careers or worker.career not in library().workplaces
            seen += 1
    assert seen > 5


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, people: list[Persona]) -> None:
    code = (
        "import sys, asyncio; from simworld.packs import load_pack, builtin_root;"
        "from simworld.forge.scenes import *; from simworld.forge.write_scene import scene_yaml;"
        "from simworld.forge.interviews import interviews;"
        "own = [one for one in load_pack(builtin_root()).personas.values() if one.drawn][:5];"
        "made = asyncio.run(forge_scenes(SceneOrder(n=3, seed=9), own));"
        "print(''.join(map(scene_yaml, made.scenes)), made.ties, interviews(own[0], 20, 9))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    one, other = (asyncio.run(forge_scenes(SceneOrder(n=2, seed=seed), people)).scenes for seed in (1, 2))
    assert one != other


def test_a_folder_that_holds_anything_else_is_refused(tmp_path: Path, forged: Forged) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="is not empty"):
        asyncio.run(forge_pack(ORDER, tmp_path))
    with pytest.raises(UsageError, match="is not empty"):
        asyncio.run(forge_pack(ORDER, forged.folder))
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_an_unfinished_folder_goes_on_and_another_order_is_refused(tmp_path: Path) -> None:
    order = PackOrder(people=PeopleOrder(n=3, seed=1), scenes=2, interviews=0)
    folder = tmp_path / "half"
    (folder / "personas").mkdir(parents=True)
    (folder / "personas" / "left_over.yaml").write_text("id: [", encoding="utf-8")
    (folder / MARK).write_text(json.dumps(order.model_dump(mode="json"), sort_keys=True, indent=1) + "\n")
    with pytest.raises(UsageError, match="another order"):
        asyncio.run(forge_pack(order.model_copy(update={"scenes": 3}), folder))
    assert asyncio.run(forge_pack(order, folder)).is_whole
    assert len(list((folder / "scenes").iterdir())) == 6


# --- ties ----------------------------------------------------------------------------------------------------------


def test_everybody_has_ties_and_they_are_the_same_from_both_sides(pack: Pack) -> None:
    ties = read_ties(pack.root / "relations.yaml")
    both = bonds(ties)
    assert set(both) == set(pack.personas)
    assert min(len(tied) for tied in both.values()) >= 2
    drawn = graph(ties)
    for tie in ties:
        assert drawn.edges[tie.of, tie.to]["tie"] == tie == both[tie.to][tie.of]
        older, younger = pack.personas[tie.of], pack.personas[tie.to]
        assert (older.age or 40) >= (younger.age or 40)
        gendered = {"mother of": "woman", "father of": "man", "sister-in-law of": "woman", "godson of": "man"}
        for said, who in ((tie.kind, older), (tie.back, younger)):
            assert said not in gendered or who.gender == gendered[said]
        if tie.type == "mentor":
            assert (older.age or 0) - (younger.age or 0) >= 12


def test_a_parent_has_the_age_for_it() -> None:
    family = [
        Persona(id="ada", name="Ada Roe", age=61, gender="woman"),
        Persona(id="ben", name="Ben Roe", age=35, gender="man"),
        Persona(id="cy", name="Cy Roe", age=58, gender="man"),
    ]
    found: set[tuple[str, str, str, str]] = set()
    for seed in range(30):
        found |= {(tie.of, tie.to, tie.kind, tie.back) for tie in weave(family, seed)}
    assert ("ada", "ben", "mother of", "son of") in found
    assert not any(kind in ("mother of", "father of") and {of, to} == {"ada", "cy"} for of, to, kind, _ in found)
    alone = [one.model_copy(update={"family": "I have no family to speak of."}) for one in family]
    assert not any(tie.type == "family" for seed in range(10) for tie in weave(alone, seed))


def test_a_file_of_ties_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "relations.yaml"
    assert read_ties(path) == ()
    path.write_text("- {of: a, too: b}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is no list of ties"):
        read_ties(path)


# --- interviews ----------------------------------------------------------------------------------------------------


def test_interviews_are_distinct_and_of_every_kind(forged: Forged, pack: Pack) -> None:
    lines = (forged.folder / "interviews.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [Question.model_validate_json(line) for line in lines]
    assert len(rows) == N * 50
    assert len({row.question.casefold() for row in rows}) == len(rows)
    assert len({row.id for row in rows}) == len(rows)
    for id, persona in pack.personas.items():
        own = [row for row in rows if row.persona == id]
        assert len(own) == 50
        assert {row.expects for row in own} == {"knows", "does_not_know", "keeps"}
        assert {row.kind for row in own} >= {
            "memory",
            "work",
            "values",
            "relations",
            "unaware",
            "trap",
            "probe",
            "secret",
        }
        assert not any(persona.secret.rstrip(".") in row.question for row in own)
        assert all(hasattr(persona, row.about) for row in own)
        assert not any("<" in row.question for row in own)
    expects = {row.kind: row.expects for row in rows}
    assert (expects["unaware"], expects["secret"], expects["trap"]) == ("does_not_know", "keeps", "knows")


def test_what_the_persona_does_not_say_is_not_asked() -> None:
    bare = interviews(Persona(id="x", name="Xan"), 50)
    assert 0 < len(bare) < 50
    assert not any(re.search(r"\b(a|an) [,.?]|  |<", row.question) for row in bare)
    tied = Tie(of="x", to="y", type="friend", kind="friend of", back="friend of")
    rows = interviews(Persona(id="x", name="Xan"), 50, ties={"y": tied}, names={"y": "Yve Moss"})
    assert any("Yve Moss" in row.question for row in rows)


# --- by a model ----------------------------------------------------------------------------------------------------


def by_model(people: list[Persona], n: int, kept: Path | None = None, **knobs: Any) -> tuple[Scenes, Any]:
    with serve(**knobs) as server:

        async def go() -> tuple[Scenes, Any]:
            asking = open_asking("openai:mock", Sampling(base_url=server.url, timeout=5), kept)
            try:
                return await forge_scenes(SceneOrder(n=n, seed=3), people, asking), asking
            finally:
                await asking.close()

        return asyncio.run(go())


def test_a_model_held_to_the_schema_writes_them_all(people: list[Persona], tmp_path: Path) -> None:
    made, asking = by_model(people[:3], 2, tmp_path / "answers.jsonl")
    assert made.report.missed == {}
    assert len(made.scenes) == 6
    assert asking.asked >= 6
    again, asking = by_model(people[:3], 2, tmp_path / "answers.jsonl")
    assert again.scenes == made.scenes
    assert (asking.asked, asking.from_file > 5) == (0, True)


def test_what_a_model_leaves_wrong_is_told_and_nothing_stands_for_it(people: list[Persona]) -> None:
    made, _ = by_model(people[:2], 1, ignore=("response_format",))
    assert made.scenes == ()
    assert len(made.report.missed) == 2
    assert any(line.startswith("not made: ") for line in made.report.lines())


class _Scripted:
    """Answers in turn, as `Asking` would."""

    first_fault = ""

    def __init__(self, answers: list[dict[str, Any]]) -> None:
        self.answers = answers
        self.prompts: list[str] = []

    async def answer(self, messages: Any, **_: Any) -> str:
        self.prompts.append(messages[-1]["content"])
        return json.dumps(self.answers.pop(0))

    async def each(self, items: Any, work: Any) -> list[Any]:
        return [await work(item) for item in items]


TABLE = "The long table has been laid for nine people who are late and a lamp swings above the bread and the salt."
GATE = "waits outside the gate with a bucket of grey eels and a borrowed umbrella that will not shut in this wind."
DOOR = (
    "stands by the door with the key in one hand and does not turn it, yet, for anyone at all who might be hungry or "
    "cold, or only curious about the bread."
)
PEARS = (
    "Nine crates of pears are stacked in the yard and wasps have found the lowest of them. On the wall a clock "
    "without hands has been painted green by a child, and below it two bicycles lean on each other like friends "
    "after a long funeral."
)
DOG = (
    "A dog sleeps across the step, so that whoever comes must climb over; three people have, and the fourth is "
    "thinking about how it is done with a tray, one shoe and a great many plates."
)


def written(title: str, roles: tuple[str, ...], lead: str, **more: Any) -> dict[str, Any]:
    """What a model would write of a scene with these seats."""
    return {
        "title": title, "place": "the long room", "rooms": [], "hour": 18, "minute": 30, "day": "a Monday in May",
        "background": f"{TABLE} {lead} {GATE}", "status": f"{lead} {DOOR}",
        **{f"goal_{role}": "have the last word before supper" for role in roles},
        **{f"knows_{role}": "The key does not fit the door." for role in roles},
        "opens": roles[0], "openings": ["Well?", "Not yet."], "happenings": ["A lamp goes out."], **more,
    }  # fmt: skip


def planned_roles(people: list[Persona], n: int) -> list[tuple[str, ...]]:
    """The seats of the scenes that the plan has for the first of these."""
    from simworld.forge.scene_plan import ScenePlan

    plan = ScenePlan(people, weave(people, 0), 0)
    roles: list[tuple[str, ...]] = []
    for at, kind in enumerate(plan.kinds(people[0], n)):
        sketch = next(plan.sketches(people[0], kind, f"{people[0].id}_{at + 1:02d}"))
        plan.take(sketch)
        roles.append(tuple(sketch.roles[letter] for letter in sketch.people))
    return roles


def ask(people: list[Persona], n: int, answers: list[dict[str, Any]]) -> tuple[Scenes, _Scripted]:
    asking = _Scripted(answers)
    made = forge_scenes(SceneOrder(n=n), people[:1], asking, among=people[1:])  # type: ignore[arg-type]
    return asyncio.run(made), asking


def test_wrong_fields_are_asked_for_again_alone(people: list[Persona]) -> None:
    [roles] = planned_roles(people, 1)
    wrong = written("The key", roles, "Somebody", hour="half past six", status="{{ x }} waits there. " * 9)
    right = written("The key", roles, "Somebody")
    made, asking = ask(people, 1, [wrong, {"hour": 18, "status": right["status"]}])
    assert [scene.title for scene in made.scenes] == ["The key"]
    assert made.report.repaired == {"hour": 1, "status": 1}
    assert made.scenes[0].time == "18:30, a Monday in May"
    assert "half past six" in asking.prompts[1]
    assert "without braces" in asking.prompts[1]
    assert '"goal_' not in asking.prompts[1].split("Its schema:")[1]


def test_a_near_duplicate_is_asked_anew_and_told_in_the_end(people: list[Persona]) -> None:
    first, second = planned_roles(people, 2)
    same = written("Again", second, "Somebody")
    other = written("Another", second, "Nobody", background=PEARS, status=DOG)
    made, asking = ask(people, 2, [written("The key", first, "Somebody"), same, other])
    assert [scene.title for scene in made.scenes] == ["The key", "Another"]
    assert made.report.redrawn == 1
    assert "- The key" in asking.prompts[1]
    assert "too like this one" in asking.prompts[2]
    made, _ = ask(people, 2, [written("The key", first, "Somebody"), same, same, same])
    assert [scene.title for scene in made.scenes] == ["The key"]
    assert ["too like" in why for why in made.report.missed.values()] == [True]


def test_faults_of_a_scene_are_named(people: list[Persona]) -> None:
    from simworld.forge.scene_plan import ScenePlan

    plan = ScenePlan(people, weave(people, 0), 0)
    sketch = next(plan.sketches(people[0], "chat", "x_01"))
    roles = tuple(sketch.roles.values())
    right = written("T" * 5, roles, "Somebody")
    assert faults_of(right, sketch) == {}
    wrong = {"opens": "nobody", "openings": ["One alone."], "rooms": "none", "title": "T", "happenings": [3]}
    assert set(faults_of({**right, **wrong}, sketch)) == set(wrong)
    assert "words" in faults_of({**right, "background": "x " * 120, "status": "y " * 100}, sketch)["background"]


def test_questions_by_a_model(people: list[Persona]) -> None:
    with serve() as server:

        async def go() -> tuple[Question, ...]:
            asking = open_asking("openai:mock", Sampling(base_url=server.url))
            try:
                return await ask_all(people[:2], (), 11, 0, asking)
            finally:
                await asking.close()

        rows = asyncio.run(go())
    assert len(rows) == len({row.question for row in rows}) > 15
    assert len({row.kind for row in rows}) == 11


# --- the command line ----------------------------------------------------------------------------------------------


def test_scenes_for_a_persona_of_a_file(tmp_path: Path, pack: Pack) -> None:
    file = next(iter(sorted((pack.root / "personas").glob("*.yaml"))))
    done = invoke("scenes", file, "--n", 3, "--out", tmp_path / "own", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["made"] == 3
    assert check([tmp_path / "own"], check_template=check_template) == []
    assert len(load_pack(tmp_path / "own").scenes) == 3
    twice = invoke("scenes", file, "--n", 3, "--out", tmp_path / "own")
    assert isinstance(twice.exception, UsageError)
    assert "is there already" in str(twice.exception)


def test_interviews_of_a_pack(tmp_path: Path, pack: Pack) -> None:
    ids = sorted(pack.personas)[:2]
    done = invoke("interviews", *ids, "--pack", pack.root, "--n", 20, "--out", tmp_path / "q.jsonl")
    assert done.exit_code == 0, done.output
    assert "40 of 40 questions; distinct: 100.0%" in done.stdout
    assert len((tmp_path / "q.jsonl").read_text(encoding="utf-8").splitlines()) == 40


def test_a_pack_is_printed_beside_simsconv(tmp_path: Path) -> None:
    done = invoke("pack", "--n", 3, "--scenes", 2, "--interviews", 0, "--out", tmp_path / "p")
    assert done.exit_code == 0, done.output
    assert re.search(r"^ages +\d+ to \d+ +27 to 35$", done.stdout, re.MULTILINE)
    assert "no problems" in done.stdout


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("scenes", "no_such_persona", "--out", "x"), "no_such_persona"),
        (("pack", "--balance", "age,height", "--out", "x"), "--balance: 'height' cannot be spread; allowed: age"),
        (("interviews", "gerald_pike", "--out", "{tmp}/there"), "is there already"),
        (("scenes", "gerald_pike", "--out", "{tmp}/x", "--backend", "nonsense:x"), "nonsense"),
    ],
)
def test_errors_are_one_line(args: tuple[str, ...], told: str, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("", encoding="utf-8")
    done = invoke(*(arg.format(tmp=tmp_path) for arg in args))
    assert isinstance(done.exception, UsageError)
    assert told in str(done.exception)
    assert "\n" not in str(done.exception)
