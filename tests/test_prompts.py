"""What a model is told: the briefing of each seat, and templates written by strangers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from simworld.errors import TemplateError
from simworld.prompts import (
    Situation,
    brief,
    check_template,
    digest,
    field_values,
    folder_digest,
    forms,
    profile,
    render,
    render_field,
    words,
)
from simworld.prompts.fields import LONGEST, LONGEST_RESULT, MOST_REPEATS
from simworld.prompts.render import TEMPLATES, second_person
from simworld.schema import Persona, Place, Relation, Scene, Seat
from tests.scenes_of_tests import person, scene_of

TAGS = ("<feel>", "<thought>", "<do>", "<say>")
ANN = person("ann", "Ann Lee", secret="I burnt the barn.", pronouns="she/her", age=71, career="nurse", origin="Bergen")
BEN = person("ben", "Ben Marsh")


def situation(scene: Scene, *people: Persona, topic: str = "", emotions: dict[str, str] | None = None) -> Situation:
    cast = {seat.id: who for seat, who in zip(scene.seats, people, strict=True)}
    return Situation(scene, cast, topic, emotions or {}, field_values(scene, cast, topic))


def system(scene: Scene, *people: Persona, seat: str = "s0", **options: Any) -> str:
    return brief(situation(scene, *people, **options), seat)[0].system


# the briefing


def test_an_acted_seat_is_told_everything_of_its_own() -> None:
    scene = scene_of(
        [Seat(id="s0", goal="Sell {{ s1.name }} the {{ topic }}.", knows="It leaks."), Seat(id="s1", goal="GOAL1")],
        title="At the pump", time="22:40", background="{{ s0.name }} waits.", status="It rains.",
        places=(Place(id="yard", name="the yard"), Place(id="well", name="the well", exits=("yard",))),
        relations=(Relation(of="s0", to="s1", kind="landlord of"),),
    )  # fmt: skip
    told = system(scene, ANN, BEN, topic="pump", emotions={"s0": "Tense", "s1": "Bored"})
    for expected in (
        "You are Ann Lee.", "Scene: At the pump", "Time: 22:40", "Location: the yard", "Ann Lee waits.", "It rains.",
        "- you: landlord of Ben Marsh", "topic: pump", "begins: Tense", "Sell Ben Marsh the pump.", "It leaks.",
        "You burnt the barn.", "the yard, the well", "<move>out</move>", *TAGS, *words("emotions"),
    ):  # fmt: skip
        assert expected in told
    assert "GOAL1" not in told
    assert "Bored" in words("emotions")
    assert "begins: Bored" not in told
    assert "<whisper" not in told


def test_whispers_are_offered_where_somebody_could_be_left_out() -> None:
    assert "<whisper" in system(scene_of(3), ANN, BEN, person("c", "Cleo"))


@pytest.mark.parametrize("role", ["character", "user", "assistant"])
def test_who_speaks_plainly_is_not_asked_for_tags(role: str) -> None:
    scene = scene_of([Seat(id="s0", role=role, format="plain", goal="Buy the pump.", knows="It leaks."), Seat(id="s1")])
    told = system(scene, ANN, BEN)
    assert not [tag for tag in (*TAGS, "<move>", "<note>") if tag in told]
    for expected in ("Buy the pump.", "It leaks.", "You burnt the barn.", "Ben Marsh"):
        assert expected in told


def test_a_narrator_is_asked_for_narration_alone() -> None:
    told = system(scene_of([Seat(id="s0", role="narrator", format="acted"), Seat(id="s1")]), ANN, BEN)
    assert "narrate" in told
    assert "<say>" not in told


def test_a_user_may_act() -> None:
    told = system(scene_of([Seat(id="s0", role="user", format="acted"), Seat(id="s1")]), ANN, BEN)
    assert all(tag in told for tag in TAGS)


def test_roles_speak_plainly_unless_they_say_otherwise() -> None:
    assert "<say>" not in system(scene_of([Seat(id="s0", role="user"), Seat(id="s1")]), ANN, BEN)
    assert "<say>" in system(scene_of([Seat(id="s0"), Seat(id="s1", role="user")]), ANN, BEN)


@pytest.mark.parametrize("private", [True, False])
def test_a_relation_is_told_to_its_ends_and_a_private_one_to_its_owner(private: bool) -> None:
    scene = scene_of(3, relations=(Relation(of="s1", to="s2", kind="creditor of", private=private),))
    people = (ANN, BEN, person("cleo", "Cleo Otto"))
    told = {seat: system(scene, *people, seat=seat) for seat in ("s0", "s1", "s2")}
    assert "creditor" not in told["s0"]
    assert "- you: creditor of Cleo Otto" in told["s1"]
    assert ("- Ben Marsh: creditor of you" in told["s2"]) is not private


def test_opener_and_nudge_name_the_speaker() -> None:
    briefing, _ = brief(situation(scene_of(2), ANN, BEN), "s1")
    assert "Ben Marsh" in briefing.opener
    assert "Ben Marsh" in briefing.nudge
    plain, _ = brief(situation(scene_of([Seat(id="s0", role="user"), Seat(id="s1")]), ANN, BEN), "s0")
    assert plain.opener != briefing.opener.replace("Ben Marsh", "Ann Lee")


def test_the_hashes_are_those_of_the_templates_used() -> None:
    _, used = brief(situation(scene_of(2), ANN, BEN), "s0")
    assert used["character"] == digest("character")
    assert "profile" not in used
    _, used = brief(situation(scene_of(2), Persona(id="a", name="A B"), BEN), "s0")
    assert used["profile"] == digest("profile") != digest("character")
    assert all(len(value) == 16 for value in used.values())


def test_digest_of_a_folder_covers_the_folders_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mind" / "lexicon").mkdir(parents=True)
    monkeypatch.setattr(sys.modules["simworld.prompts.render"], "TEMPLATES", tmp_path)
    found: set[str] = set()
    for text in ("calm: 0.1", "calm: 0.2"):
        (tmp_path / "mind" / "lexicon" / "words.yaml").write_text(text, encoding="utf-8")
        found.add(folder_digest.__wrapped__("mind"))
    assert len(found) == 2


def test_digest_of_a_folder_covers_its_files() -> None:
    assert folder_digest("prompts") != folder_digest("vocabularies")
    assert all(digest(path.stem) for path in (TEMPLATES / "prompts").glob("*.md"))


def test_profile_is_the_own_text_or_made_from_the_fields() -> None:
    assert profile(ANN) == "You are Ann Lee."
    made = profile(Persona(id="a", name="Ann Lee", age=71, traits=("stubborn", "kind"), family="I have two sons."))
    assert made.startswith("You are Ann Lee, 71 years old")
    assert "You are stubborn, kind." in made
    assert "You have two sons." in made


def test_a_profile_never_holds_the_secret() -> None:
    assert "barn" not in profile(Persona(id="a", name="Ann Lee", secret="I burnt the barn."))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("I have two sons. My wife left me.", "You have two sons. Your wife left you."),
        ("I'm late, and I was late.", "You're late, and you were late."),
        ("What am I? Mine, not theirs.", "What are you? Yours, not theirs."),
        ("It is myself I fear.", "It is yourself you fear."),
        ("The mine, Ieva, imitates.", "The yours, Ieva, imitates."),
        ("Meet Meg in Mexico.", "Meet Meg in Mexico."),
    ],
)
def test_second_person(said: str, told: str) -> None:
    assert second_person(said) == told


def test_a_missing_value_or_template_is_an_error() -> None:
    with pytest.raises(TemplateError, match="nudge"):
        render("nudge")
    with pytest.raises(TemplateError, match="no_such"):
        render("no_such")


def test_forms_have_all_kinds() -> None:
    kinds = {"say", "say_to", "say_to_you", "whisper", "do", "move", "leave", "narration", "note", "relation", "silent"}
    assert kinds <= set(forms())


# templates written by strangers

NAMES = ("s0", "s1", "topic", "time", "place")
VALUES = field_values(scene_of(2, time="22:40"), {"s0": ANN, "s1": BEN}, "pumps")

ALLOWED = {
    "{{ s0.name }}, {{ s0 }}": "Ann Lee, Ann Lee",
    "{{ s0.they }}/{{ s0.them }}/{{ s0.their }}": "she/her/her",
    "{{ s1.they }}/{{ s1.them }}/{{ s1.their }}": "they/them/their",
    "{{ s0.age }} {{ s1.age }}|{{ s0.career }} {{ s0.origin }}": "71 |nurse Bergen",
    "{{ topic | upper }} {{ s1.career | default('none') }}": "PUMPS ",
    "{% if topic == 'pumps' and s0.age > 60 %}yes{% else %}no{% endif %}": "yes",
    "{{ 'a' if topic == 'wells' else 'b' }}": "b",
    "{% for i in range(3) %}{{ i }}{% endfor %}": "012",
    "{% for i in range(2, 4) if i > 2 %}{{ i }}{% else %}none{% endfor %}": "3",
    "{% for i in range(0) %}{{ i }}{% else %}none{% endfor %}": "none",
    "{sighs} at 22:40": "{sighs} at 22:40",
    "{# hidden #}{% raw %}{{ x }}{% endraw %}": "{{ x }}",
    "no template, 100 % sure": "no template, 100 % sure",
}


@pytest.mark.parametrize("template", ALLOWED)
def test_what_a_template_may_do(template: str) -> None:
    assert check_template(template, NAMES) is None
    assert render_field(template, VALUES) == ALLOWED[template]


REFUSED = {
    "{{ s2.name }}": "'s2' is not known",
    "{{ nobody }}": "'nobody' is not known",
    "{{ s0.secret }}": ".secret",
    "{{ s0.__class__ }}": ".__class__",
    "{{ s0.name.upper() }}": "Call",
    "{{ s0.name.upper }}": ".upper",
    "{{ ''.format }}": ".format",
    "{{ topic.name }}": "'topic' has no '.name'",
    "{{ s0['name'] }}": "Getitem",
    "{{ topic[0] }}": "Getitem",
    "{{ topic * 9999 }}": "Mul",
    "{{ 9 ** 9 }}": "Pow",
    "{{ 1 + 1 }}": "Add",
    "{{ topic ~ topic }}": "Concat",
    "{{ range(9) }}": "Call",
    "{{ self }}": "'self' is not known",
    "{{ cycler }}": "'cycler' is not known",
    "{{ topic | replace('p', 'pp') }}": "filter 'replace'",
    "{{ topic | upper(3) }}": "too many values",
    "{{ topic | default(1, 2, 3) }}": "too many values",
    "{{ topic is divisibleby 3 }}": "test 'divisibleby'",
    "{% set x = 1 %}": "Assign",
    "{% include 'character.md' %}": "Include",
    "{% import 'x' as y %}": "Import",
    "{% extends 'x' %}": "Extends",
    "{% macro m() %}{% endmacro %}": "Macro",
    "{% with %}{% endwith %}": "With",
    "{% block b %}{% endblock %}": "Block",
    "{% filter upper %}x{% endfilter %}": "FilterBlock",
    "{% for i in topic %}{% endfor %}": "range",
    "{% for i in range(51) %}{% endfor %}": "50 times",
    "{% for i in range(5, 56) %}{% endfor %}": "50 times",
    "{% for i in range(0, 9, 1) %}{% endfor %}": "plain numbers",
    "{% for i in range(topic) %}{% endfor %}": "plain numbers",
    "{% for i in range(-99, 0) %}{% endfor %}": "plain numbers",
    "{% for i in range(True) %}{% endfor %}": "plain numbers",
    "{% for i in range(2) %}{% for j in range(2) %}{% endfor %}{% endfor %}": "inside a `for`",
    "{% for i, j in range(2) %}{% endfor %}": "one name",
    "{% for s0 in range(2) %}{{ s0.name }}{% endfor %}": "name of its own",
    "{% for i in range(2) %}{{ i.name }}{% endfor %}": "'i' has no '.name'",
    "{% for i in range(2) %}{{ loop.index }}{% endfor %}": ".index",
    "{% for i in range(2) %}{{ loop }}{% endfor %}": "'loop' is not known",
    "{% for i in range(2) %}{% endfor %}{{ i }}": "'i' is not known",
    "{{ s0.name": "not a template",
    "{% if topic %}": "not a template",
    "{{ " + "not " * 40 + "topic }}": "too deeply",
    "{{ s0 }}" + "x" * LONGEST: f"{LONGEST} characters",
}


@pytest.mark.parametrize("template", REFUSED, ids=lambda template: template[:40])
def test_what_a_template_may_not_do(template: str) -> None:
    reason = check_template(template, NAMES)
    assert reason
    assert REFUSED[template] in reason
    with pytest.raises(TemplateError):
        render_field(template, VALUES)


@pytest.mark.parametrize(
    ("opened", "closed"), [("(", ")"), ("[", "]"), ("not ", ""), ("{% if topic %}", "{% endif %}")]
)
def test_deep_nesting_is_refused_or_harmless(opened: str, closed: str) -> None:
    times = LONGEST // (len(opened) + len(closed)) - 10
    body = opened * times + "topic" + closed * times
    template = body if "%" in opened else "{{ " + body + " }}"
    reason = check_template(template, NAMES)
    assert reason or render_field(template, VALUES) == "pumps"


def test_a_template_that_becomes_too_long_is_stopped() -> None:
    body = "x" * (LONGEST_RESULT // MOST_REPEATS + 1)
    template = f"{{% for i in range({MOST_REPEATS}) %}}{body}{{% endfor %}}"
    assert check_template(template, NAMES) is None
    with pytest.raises(TemplateError, match=f"longer than {LONGEST_RESULT}"):
        render_field(template, VALUES)


@pytest.mark.parametrize("template", ["{{ 'a' if s1.age > 60 }}", "{{ 'a' if s0 < s1 }}", "{{ 'a' if 1 in topic }}"])
def test_comparing_what_cannot_be_compared_is_an_error_of_the_template(template: str) -> None:
    with pytest.raises(TemplateError, match="template"):
        render_field(template, VALUES)


def test_values_are_not_templates() -> None:
    cast = {"s0": person("a", "{{ s1.name }}"), "s1": BEN}
    assert render_field("{{ s0.name }} {{ topic }}", field_values(scene_of(2), cast, "{{ time }}")) == (
        "{{ s1.name }} {{ time }}"
    )


def test_a_template_reads_no_more_of_a_person_than_it_may() -> None:
    for name in ("secret", "profile", "goals", "knows", "traits", "id"):
        assert check_template(f"{{{{ s0.{name} }}}}", NAMES)
