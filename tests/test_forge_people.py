"""Forged personas: complete, coherent, spread by quota, unlike each other; given aspects held; a model held to them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from typer import Typer
from typer.testing import CliRunner

from simworld.backends.asking import Asking, open_asking
from simworld.backends.sampling import Sampling
from simworld.backends.scripted import ScriptedChat
from simworld.cli import forge_people as cli
from simworld.errors import UsageError
from simworld.forge.by_model import faults_of, fixed_fields, schema_for
from simworld.forge.contradictions import contradictions
from simworld.forge.describe import read_description
from simworld.forge.given import given_of
from simworld.forge.likeness import Crowd
from simworld.forge.people import People, PeopleOrder, forge_people
from simworld.forge.population import Plan
from simworld.forge.profile import read_profile
from simworld.forge.tables import careers, countries, opposites, phases, regions, table
from simworld.forge.write import write_persona
from simworld.packs import check, load_pack
from simworld.prompts import words
from simworld.schema import Persona
from tests.llm_server import serve

MANY = 200
LISTS = (
    "traits",
    "skills",
    "strengths",
    "flaws",
    "hobbies",
    "values",
    "goals",
    "likes",
    "dislikes",
    "knows",
    "unaware",
)


def forged(**order: Any) -> People:
    return asyncio.run(forge_people(PeopleOrder(**order)))


@pytest.fixture(scope="module")
def many() -> People:
    return forged(n=MANY, seed=5)


# the population


def test_every_field_of_everybody_is_filled(many: People) -> None:
    for persona in many.personas:
        given = persona.model_dump()
        empty = [field for field, value in given.items() if value in ("", (), None) and field != "profile"]
        voice = [field for field, value in given["voice"].items() if not value]
        assert (empty, voice) == ([], []), persona.id
        assert len({*persona.samples}) == len(persona.samples) >= 16
        assert "{" not in persona.model_dump_json().replace('{"', "").replace(":{", "")


def test_nobody_contradicts_themselves_and_the_pack_checks(many: People, tmp_path: Path) -> None:
    assert [(one.id, found) for one in many.personas if (found := contradictions(one))] == []
    for persona in many.personas[:40]:
        write_persona(persona, tmp_path)
    assert check([tmp_path]) == []
    assert [*load_pack(tmp_path).personas.values()] == sorted(many.personas[:40], key=lambda one: one.id)


def test_quotas_are_kept(many: People) -> None:
    ages = sorted(one.age or 0 for one in many.personas)
    assert (ages[0], ages[-1]) == (18, 90)
    assert max(later - one for one, later in pairwise(ages)) <= 1
    assert max(Counter(one.career for one in many.personas).values()) == 2
    genders = Counter(one.gender for one in many.personas)
    assert abs(genders["woman"] - genders["man"]) <= 1
    assert genders["woman"] + genders["man"] < MANY
    assert set(many.report.regions) == set(regions())
    assert max(many.report.regions.values()) - min(many.report.regions.values()) <= 1


def test_sixty_eight_have_names_of_their_own() -> None:
    people = forged(n=68, seed=1).personas
    assert len({one.name for one in people}) == 68
    stems = Counter(part for one in people for part in {one.name.split()[0], one.name.split()[-1]})
    assert max(stems.values()) <= 2
    assert max(Counter(one.career for one in people).values()) <= 4
    deciles = Counter(min(9, ((one.age or 0) - 18) * 10 // 73) for one in people)
    assert set(deciles.values()) <= {6, 7}


def test_what_cannot_be_does_not_occur(many: People) -> None:
    for persona in many.personas:
        assert not [pair for pair in opposites() if pair <= {*persona.traits}]
        assert careers()[persona.career].fits(persona.age or 0)
        low, high = phases()[persona.aspiration]
        assert low <= (persona.age or 0) <= high
        assert all(trait in words("traits") for trait in persona.traits)
        assert all(skill in words("skills") for skill in persona.skills)
        assert {*persona.skills} & {*careers()[persona.career].skills}


def test_people_are_told_apart(many: People) -> None:
    assert many.report.nearest[-1] < 0.3
    lines = Counter(line for one in many.personas for line in one.samples)
    assert sum(count for count in lines.values() if count > 1) / sum(lines.values()) < 0.35
    whole = Counter(one.family for one in many.personas)
    assert max(whole.values()) == 1
    small = Counter(line for one in forged(n=34, seed=2).personas for line in one.samples)
    assert sum(count > 1 for count in small.values()) / len(small) < 0.04


def test_too_like_another_is_drawn_again() -> None:
    people = forged(n=6, alike=0.01)
    assert people.report.redrawn >= 20
    first = forged(n=1, seed=3).personas[0]
    crowd = Crowd()
    crowd.add(first)
    assert crowd.nearest(first.model_copy(update={"id": "twin"})) == (pytest.approx(1.0), first.id)
    again = asyncio.run(forge_people(PeopleOrder(n=1, seed=3), taken=[first]))
    assert again.personas[0].id != first.id
    assert again.personas[0].samples != first.samples


def test_the_same_bytes_whatever_the_hash_seed() -> None:
    code = (
        "import asyncio; from simworld.forge.people import *; from simworld.forge.write import persona_yaml\n"
        "print(*map(persona_yaml, asyncio.run(forge_people(PeopleOrder(n=24, seed=9))).personas))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "77")
    }
    assert len(runs) == 1


def test_tables_cover_the_vocabularies() -> None:
    assert set(words("careers")) - set(careers()) == {"assistant"}
    assert set(phases()) == set(words("aspirations"))
    assert set(table("traits")["says"]) == set(words("traits"))
    towns = [town for region in regions().values() for strand in region.strands for town in strand.towns]
    assert [town for town in towns if town not in countries()] == []
    assert len({region.continent for region in regions().values()}) == 6


def test_unbalanced_ages_follow_the_pyramid() -> None:
    order = PeopleOrder(n=400, seed=1, balance=())
    ages = [one.age for one in Plan(order, given_of(order)).take()]
    young = sum(age < 35 for age in ages) / len(ages)
    old = sum(age > 74 for age in ages) / len(ages)
    assert 0.30 <= young <= 0.45
    assert old <= 0.08


# what is given


def test_given_aspects_are_held_everywhere() -> None:
    people = forged(
        n=5, career=("baker", "nurse"), traits=("dry",), skills=("chess",), aspiration=("peace of mind",),
        sets={"age": "40-60", "voice": "low, dry", "likes": "sleet; two cups, always", "gender": "woman"},
    ).personas  # fmt: skip
    assert {one.career for one in people} == {"baker", "nurse"}
    for one in people:
        assert 40 <= (one.age or 0) <= 60
        assert "dry" in one.traits
        assert "chess" in one.skills
        assert (one.aspiration, one.gender, one.voice.tone) == ("peace of mind", "woman", "low, dry")
        assert one.likes == ("sleet", "two cups, always")
        assert one.voice.openers


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({"sets": {"agge": "4"}}, "nearest: age"),
        ({"sets": {"age": "old"}}, "a whole number from 0 to 120, or a range"),
        ({"sets": {"age": "200"}}, "a whole number from 0 to 120"),
        ({"sets": {"voice.pace": "evn"}}, "allowed: clipped, even, flowing; nearest: even"),
        ({"sets": {"traits": "calm, dryy"}}, "nearest: dry"),
        ({"career": ("bakker",)}, "nearest: baker"),
        ({"career": ("doctor",), "sets": {"age": "12"}}, "nobody of 12 is a doctor: one has it from 26"),
        ({"traits": ("shy", "gregarious")}, "nobody is both gregarious and shy"),
        ({"career": ("assistant",)}, "a program's career"),
        ({"n": 2, "sets": {"id": "x"}}, "cannot share it"),
        ({"sets": {"age": "30", "family": "I have three grandchildren."}}, "grandchildren at 30"),
        ({"sets": {"big_five.openness": "7"}}, "less than or equal to 1"),
    ],
)
def test_what_is_not_allowed_is_told(order: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        forged(**order)


def test_consent_makes_it_and_tells_it() -> None:
    people = forged(career=("doctor",), sets={"age": "12"}, force=True)
    assert (people.personas[0].age, people.personas[0].career) == (12, "doctor")
    assert "12 is too young for doctor" in " ".join(people.report.told)


def test_a_line_is_read() -> None:
    read = read_description("a retired tram driver of 67 from Bari, a stubborn widower")
    assert (read.career, read.ages, read.town, read.region) == ("tram driver", (67, 67), "Bari", "italy_greece")
    assert (read.gender, read.standing, read.retired, read.traits) == ("man", "widowed", True, ("stubborn",))
    people = forged(describe="Nigerian nurse in her late forties who plays the bagpipes")
    one = people.personas[0]
    assert (one.career, one.gender, 47 <= (one.age or 0) <= 49) == ("nurse", "woman", True)
    assert one.origin.endswith("Nigeria")
    assert any("bagpipes" in line for line in people.report.told)


SECOND = (
    "You are Dr. Ann-Marie 'Annie' Vale, a 41-year-old woman who works as an environmental lawyer. You have a low, "
    "husky voice that carries. You are stubborn and not shy. You love baking and old maps. "
    "You live in a flat above a bank. Your brother calls on Sundays."
)


def test_a_profile_is_read() -> None:
    fields = read_profile(SECOND).fields
    assert fields["name"] == "Dr. Ann-Marie 'Annie' Vale"
    assert (fields["age"], fields["gender"], fields["career"]) == (41, "woman", "lawyer")
    assert fields["career_detail"] == "I work as an environmental lawyer."
    assert fields["traits"] == ("stubborn",)
    assert fields["voice"] == {"tone": "low, husky voice that carries"}
    assert fields["family"] == "My brother calls on Sundays."
    assert fields["living"] == "I live in a flat above a bank."
    third = read_profile("Tom Reed is a carpenter of 52. He is patient.").fields
    assert (third["name"], third["age"], third["gender"], third["career"]) == ("Tom Reed", 52, "man", "carpenter")
    made = forged(profile=SECOND).personas[0]
    assert (made.age, made.name, made.profile, made.voice.tone) == (41, fields["name"], SECOND, fields["voice"]["tone"])


def test_simsconv_profiles_are_read(data: Path) -> None:
    rows = [json.loads(line) for line in (data / "simsconv" / "characters.jsonl").read_text().splitlines()]
    read = [read_profile(row["profile"]).fields for row in rows]
    assert sum(one.get("name") == row["name"] for one, row in zip(read, rows, strict=True)) >= 57
    assert sum(one.get("age") == row["age"] for one, row in zip(read, rows, strict=True)) == 58
    assert sum("gender" in one for one in read) >= 56
    assert sum("career" in one for one in read) >= 54


# contradictions

SOUND = Persona(
    id="ann", name="Ann", age=40, gender="woman", pronouns="she/her", career="doctor", origin="Bari, Italy",
    languages=("Italian",), education="a degree from the university of Bari, then a doctorate", traits=("calm", "dry"),
    skills=("swimming",), career_detail="I have been in general practice for twelve years.",
    family="I am married. My daughter is nine.", living="We live over the shop.", likes=("fog",), dislikes=("noise",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("age", 17),
        ("age", 12),
        ("career_detail", "I am retired now."),
        ("career_detail", "I have done this for thirty-one years."),
        ("career_detail", "I have done this for 30 years."),
        ("education", "left school at fifteen"),
        ("family", "My son is thirty-two."),
        ("family", "I never married. My husband is a baker."),
        ("family", "I am a widow. My husband and I cook."),
        ("family", "There were no children. My son is two."),
        ("traits", ("shy", "gregarious")),
        ("traits", ("kind", "tactless")),
        ("languages", ("Korean",)),
        ("pronouns", "he/him"),
        ("dislikes", ("Fog",)),
        ("unaware", ("how to swim on my back",)),
        ("profile", "You are Ann, a 55-year-old woman."),
        ("big_five", {"neuroticism": 0.95}),
    ],
)
def test_a_planted_contradiction_is_found(field: str, value: Any) -> None:
    assert contradictions(SOUND) == []
    planted = Persona.model_validate({**SOUND.model_dump(), field: value})
    assert contradictions(planted) != []


@pytest.mark.parametrize(
    "changes",
    [
        {"age": 80, "career": "baker", "education": "", "family": "My toddler is at home."},
        {"age": 93, "career": "baker", "education": "", "family": "My mother lives with me."},
        {"age": 30, "family": "I have four grandchildren."},
        {"living": "I live alone.", "family": "My husband is a cook."},
        {"living": "I live in the wood with my wife.", "family": "I never married."},
        {"living": "I have a cot in the corner.", "family": "We have no children."},
        {"career": "baker", "likes": ("lying in",)},
        {"values": ("a vegetarian table",), "likes": ("bacon",)},
        {"living": "I am teetotal.", "likes": ("red wine",)},
        {"career": "student", "career_detail": "", "education": "", "age": 60},
        {"knows": ("the sea",), "unaware": ("the sea",)},
    ],
)
def test_planted_pairs_are_found(changes: dict[str, Any]) -> None:
    assert contradictions(Persona.model_validate({**SOUND.model_dump(), **changes})) != []


# by a model


def answer_of(order: PeopleOrder) -> tuple[dict[str, Any], Persona]:
    """What a faithful model would say to an order of one: the composer's own."""
    made = asyncio.run(forge_people(order)).personas[0]
    given = given_of(order)
    aspects = Plan(order, given).take()[0]
    values = made.model_dump(mode="json")
    return {name: values[name] for name in schema_for(fixed_fields(given, aspects))["properties"]}, made


def by_model(replies: list[str], order: PeopleOrder) -> tuple[People, list[str]]:
    asked: list[str] = []

    def say(messages: list[dict[str, str]]) -> str:
        asked.append(messages[-1]["content"])
        return replies[min(len(asked), len(replies)) - 1]

    return asyncio.run(forge_people(order, Asking(ScriptedChat(replies=say)))), asked


ORDER = PeopleOrder(seed=4, describe="a stubborn baker of 52", sets={"voice.tone": "flour and gravel"})


def test_a_model_s_persona_is_taken() -> None:
    values, made = answer_of(ORDER)
    people, asked = by_model([json.dumps(values)], ORDER)
    assert people.personas == (made,)
    assert "a stubborn baker of 52" in asked[0]
    assert "- age: 52" in asked[0]


def test_wrong_fields_are_asked_for_again_and_told() -> None:
    values, made = answer_of(ORDER)
    wrong = {**values, "age": 25, "career_detail": "I have done it for fifty years.", "samples": ["one"] * 20}
    mended = {name: values[name] for name in ("age", "career_detail", "samples")}
    people, asked = by_model([json.dumps(wrong), json.dumps(mended)], ORDER)
    assert people.personas == (made,)
    assert people.report.repaired == {"age": 1, "career_detail": 1, "samples": 1}
    assert "must come back unchanged: 52" in asked[1]
    assert "50 years of work at the age of 52" in asked[1] or "needs at least 16" in asked[1]


def test_what_stays_wrong_is_told_and_never_filled_in() -> None:
    values, _ = answer_of(ORDER)
    people, _ = by_model([json.dumps({**values, "family": ""}), json.dumps({"family": " "})], ORDER)
    assert people.personas == ()
    assert people.report.missed[0].faults == {"family": "is empty"}
    assert "not made: number 1" in "\n".join(people.report.lines())
    people, _ = by_model(["I cannot do that."], ORDER)
    assert people.personas == ()
    assert people.report.missed[0].faults[""]


def test_faults_name_the_side_that_may_change() -> None:
    fixed = {"name": "Ann", "age": 20, "career": "baker", "traits": ["calm"], "family": "I have a son of twelve."}
    faults = faults_of({"career_detail": "I bake, for thirty years now.", "big_five": {"openness": 9}}, fixed, "ann")
    assert set(faults) == {"big_five"}
    faults = faults_of({"career_detail": "I bake, for thirty years now.", "living": ""}, fixed, "ann")
    assert faults == {"living": "is empty", "career_detail": "30 years of work at the age of 20"}
    assert faults_of({"career": "baker", "age": 21}, fixed, "ann")["age"].endswith("unchanged: 20")
    assert faults_of({"living": "fine"}, {**fixed, "age": 12, "career": "doctor"}, "ann") == {}


def test_a_server_that_keeps_to_schemas_is_read_strictly() -> None:
    with serve() as server:
        asking = open_asking("openai:mock", Sampling(base_url=server.url))

        async def make() -> People:
            try:
                return await forge_people(PeopleOrder(n=6, seed=2), asking)
            finally:
                await asking.close()

        people = asyncio.run(make())
    assert len(people.personas) + len(people.report.missed) == 6
    assert [one.id for one in people.personas if contradictions(one)] == []
    order = PeopleOrder(n=6, seed=2)
    drawn = {one.id: one for one in Plan(order, given_of(order)).take()}
    for one in people.personas:
        assert (one.age, one.career, one.traits) == (drawn[one.id].age, drawn[one.id].career.name, drawn[one.id].traits)
    assert all(miss.faults for miss in people.report.missed)


# the command

app = Typer()
app.command()(cli.persona)


@app.callback()
def _root() -> None:
    """A group, as `simworld forge` is one."""


def run(*arguments: str, text: str = "") -> Any:
    return CliRunner().invoke(app, ["persona", *arguments], input=text)


def test_the_command_writes_files_and_never_over_them(tmp_path: Path) -> None:
    first = run("--n", "4", "--out", str(tmp_path))
    again = run("--n", "4", "--out", str(tmp_path))
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "4 of 4 personas" in first.stderr
    assert len([*(tmp_path / "personas").glob("*.yaml")]) == 8
    assert check([tmp_path]) == []
    file = tmp_path / "someone.yaml"
    assert run("--out", str(file)).exit_code == 0
    assert yaml.safe_load(file.read_text())["id"] == "someone"
    assert isinstance(run("--out", str(file)).exception, UsageError)


def test_the_command_prints_yaml_and_json() -> None:
    plain = run("--n", "2", "--set", "age=67", "--set", "voice=dry, low")
    documents = [*yaml.safe_load_all(plain.stdout)]
    assert [(one["age"], one["voice"]["tone"]) for one in documents] == [(67, "dry, low")] * 2
    told = json.loads(run("--json", "--career", "baker").stdout)
    assert told["personas"][0]["career"] == "baker"
    assert told["report"]["made"] == 1
    assert yaml.safe_load(run("--profile", "-", text=SECOND).stdout)["age"] == 41


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "age"], "write --set KEY=VALUE"),
        (["--balance", "ages"], "nearest: age"),
        (["--profile", "/no/such/file"], "cannot be read"),
        (["--n", "2", "--out", "x.yaml"], "name a folder"),
        (["--alike", "3"], "--alike"),
        (["--backend", "opeani:x"], "opeani"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], told: str) -> None:
    error = run(*arguments).exception
    assert isinstance(error, UsageError)
    assert told in str(error)


def test_chance_is_by_the_seed_alone() -> None:
    state = Random(1).getstate()
    assert forged(n=3, seed=8).personas == forged(n=3, seed=8).personas
    assert forged(n=3, seed=8).personas != forged(n=3, seed=9).personas
    assert Random(1).getstate() == state


def test_what_is_denied_or_only_dreamt_of_is_not_read() -> None:
    assert read_description("a cheerful, not at all shy baker").traits == ("cheerful",)
    assert read_description("a girl who wants to be a surgeon").career == ""
    assert read_description("a barber who wants to be a surgeon").career == "barber"
