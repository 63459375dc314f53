"""Stories: chapters in a row or a graph, minds that live on, one resumable unit."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

import simworld as sw
from simworld.errors import UsageError
from simworld.mind import mind_at
from simworld.schema import Transcript
from tests.llm_server import serve
from tests.runs import bytes_of, kill_after, simworld, transcripts, write_pack
from tests.scenes_of_tests import Model, Request, counted, says

PEOPLE = [
    {"id": "ana", "name": "Ana Reis", "career": "nurse", "traits": ["proud"]},
    {"id": "tom", "name": "Tom Bell", "career": "mechanic", "traits": ["calm"]},
    {"id": "eva", "name": "Eva Stone", "career": "lawyer"},
]
PORCH = {
    "id": "porch", "title": "On the porch", "topics": ["money", "work"], "emotions": ["Tense", "Happy"],
    "seats": [{"id": "a", "goal": "sell the house"}, {"id": "b"}],
    "end": {"max_turns": 4, "goodbye": False, "stale": 0},
}  # fmt: skip
KITCHEN = {
    "id": "kitchen", "title": "In the kitchen",
    "seats": [{"id": "host"}, {"id": "guest"}, {"id": "third", "persona": "eva"}],
    "end": {"max_turns": 6, "goodbye": False, "stale": 0},
}  # fmt: skip
FEUD: dict[str, Any] = {
    "id": "feud", "title": "A feud",
    "cast": [{"id": "a", "persona": "ana"}, {"id": "b", "persona": "tom"}],
    "conditions": {"fell_out": {"seat": "a", "toward": "b", "warmth": "<0"}},
    "chapters": [
        {"id": "one", "scene": "porch", "then": [{"when": "fell_out", "to": "three"}]},
        {"id": "two", "scene": "kitchen", "seats": {"host": "b", "guest": "a"}, "after": "3 days"},
        {"id": "three", "scene": "porch", "after": "2 weeks", "status": "Snow lies on {{ a.name }}'s car.",
         "goals": {"a": "say sorry"}, "openings": {"b": "You came, then."}, "max_turns": 6},
    ],
}  # fmt: skip


def pack_of(root: Path, *stories: dict[str, Any]) -> Path:
    pack = write_pack(root, [PORCH, KITCHEN], PEOPLE)
    (pack / "stories").mkdir()
    for story in stories:
        (pack / "stories" / f"{story['id']}.yaml").write_text(yaml.safe_dump(story), encoding="utf-8")
    return pack


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return pack_of(tmp_path / "pack", FEUD)


def tell(pack: Path, reply: Any = counted, **options: Any) -> tuple[list[Transcript], Model]:
    model = Model(reply)
    told = asyncio.run(sw.play_story(pack / "stories" / "feud.yaml", backend=model, **options))
    return told, model


def insults(request: Request) -> str:
    return f"<say>You are a liar and a thief, I hate you! {request.call}</say>"


def test_chapters_follow_each_other_and_a_condition_leads_elsewhere(pack: Path) -> None:
    calm, _ = tell(pack)
    assert [one.story.chapter for one in calm if one.story] == ["one", "two", "three"]
    cross, _ = tell(pack, insults)
    assert [(one.story.chapter, one.story.way) for one in cross if one.story] == [("one", ""), ("three", "fell_out")]


def test_each_transcript_links_to_the_one_before(pack: Path) -> None:
    told, _ = tell(pack, seed=5)
    links = [one.story for one in told]
    assert [link.before for link in links if link] == ["", told[0].id, told[1].id]
    assert [link.minutes for link in links if link] == [0, 3 * 1440, 14 * 1440]
    assert [link.last for link in links if link] == [False, False, True]
    assert [one.index for one in told] == [0, 1, 2]
    assert len({one.id for one in told}) == 3
    assert len({one.seed for one in told}) == 3


def test_a_chapter_overrides_its_scene_and_seats_the_parts(pack: Path) -> None:
    told, _model = tell(pack)
    assert {seat: who.persona for seat, who in told[1].seats.items()} == {"host": "tom", "guest": "ana", "third": "eva"}
    third = told[2]
    system = third.seats["a"].briefing.system
    assert "Snow lies on Ana Reis's car." in system
    assert "say sorry" in system
    assert "sell the house" in told[0].seats["a"].briefing.system
    assert "sell the house" not in system
    assert (third.turns[0].text, third.turns[0].seat, third.turns[0].source) == ("You came, then.", "b", "scene")
    assert len({turn.act for turn in third.turns}) == 6


def test_minds_live_on_and_time_passes_between(pack: Path) -> None:
    told, _model = tell(pack, says("<feel>Angry</feel><say>I lent you forty euros in March, Tom Bell.</say>"))
    first, second, third = told
    ended, began = mind_at(first, "ana"), second.minds["guest"].begin
    assert [memory.text for memory in began.memories[: len(ended.memories)]] == [one.text for one in ended.memories]
    assert began.minutes == pytest.approx(ended.minutes + 3 * 1440)
    assert began.emotion.name != "Angry"  # three days later
    assert ended.emotion.name == "Angry"
    assert began.ties["tom"].familiarity == pytest.approx(ended.ties["tom"].familiarity, abs=0.01)
    assert began.ties["tom"].familiarity > first.minds["a"].begin.ties["tom"].familiarity
    # what was lived through weeks ago comes back in a note, and nowhere else is it in view
    notes = [turn.note for turn in third.turns if turn.seat == "a" and turn.note]
    assert any("forty euros" in note and "weeks ago" in note for note in notes)
    assert all(memory.scene in {first.id, second.id} for memory in third.minds["a"].begin.memories)


def test_who_stays_away_lives_through_the_same_time(pack: Path) -> None:
    story = {**FEUD, "chapters": [
        {"id": "one", "scene": "kitchen", "seats": {"host": "a", "guest": "b"}},
        {"id": "two", "scene": "porch", "after": "2 days"},
        {"id": "three", "scene": "kitchen", "seats": {"host": "a", "guest": "b"}, "after": "1 day"},
    ], "conditions": {}}  # fmt: skip
    (pack / "stories" / "feud.yaml").write_text(yaml.safe_dump(story), encoding="utf-8")
    told, _ = tell(pack)
    clocks = {who.persona: told[2].minds[seat].begin.minutes for seat, who in told[2].seats.items()}
    assert clocks["eva"] == clocks["ana"] == clocks["tom"] == pytest.approx(6 + 2880 + 4 + 1440)


def test_between_chapters_people_think_it_over(pack: Path) -> None:
    def reply(request: Request) -> str:
        if "What do you conclude" in request.text:
            ids = [line.split("]")[0][1:] for line in request.text.splitlines() if line.startswith("[")]
            return f"He will not pay me back. [{ids[0]}, {ids[-1]}]"
        return f"<say>You promised me forty euros in March, and I trusted you. {request.seat}{request.call}</say>"

    told, model = tell(pack, reply)
    beliefs = [memory for memory in told[1].minds["guest"].begin.memories if memory.kind == "belief"]
    assert [belief.text for belief in beliefs] == ["He will not pay me back."]
    ids = {memory.id for memory in mind_at(told[0], "a").memories}
    assert set(beliefs[0].evidence) <= ids
    asked = [request for request in model.requests if "What do you conclude" in request.text and request.seat == "a"]
    own_acts = len({turn.act for turn in told[0].turns if turn.seat == "a"})
    assert asked[0].call == own_acts
    assert told[0].usage["a"].calls == own_acts + 1


def test_an_unreadable_reflection_is_a_fault_and_beliefs_are_extracted(pack: Path) -> None:
    def reply(request: Request) -> str:
        if "What do you conclude" in request.text:
            return "I would rather not say."
        return f"<say>You promised me forty euros in March, and I trusted you. {request.seat}{request.call}</say>"

    told, _ = tell(pack, reply)
    assert "unreadable_reflection:a" in told[0].faults
    beliefs = [memory for memory in told[1].minds["guest"].begin.memories if memory.kind == "belief"]
    assert beliefs
    assert beliefs[0].evidence


def test_what_a_chapter_says_of_its_seats(tmp_path: Path) -> None:
    story = {**FEUD, "conditions": {},
        "cast": [{"id": "a", "persona": "ana"}, {"id": "b", "persona": "tom", "forgets": True}],
        "chapters": [
            {"id": "one", "scene": "porch"},
            {"id": "two", "scene": "porch", "title": "Again", "knows": {"b": "The key is under {{ a.name }}'s mat."},
             "emotions": {"a": "sad"}},
        ],
    }  # fmt: skip
    told, _ = tell(pack_of(tmp_path / "pack", story), says("<feel>Angry</feel><say>I lent you forty euros.</say>"))
    second = told[1]
    assert second.title == "Again"
    assert "The key is under Ana Reis's mat." in second.seats["b"].briefing.system
    assert "under Ana" not in second.seats["a"].briefing.system
    assert second.seats["a"].emotion == "Sad"
    assert second.minds["a"].begin.memories
    assert second.minds["b"].begin.memories == ()
    assert second.minds["b"].begin.ties["ana"].familiarity < second.minds["a"].begin.ties["tom"].familiarity


def test_who_is_at_rest_again_feels_what_the_plan_draws(pack: Path) -> None:
    calm, _ = tell(pack, says("<feel>Angry</feel><say>Well then.</say>"))
    assert {who.emotion for who in calm[2].seats.values()} <= {"Tense", "Happy"}  # two weeks later
    story = {**FEUD, "conditions": {}, "chapters": [
        {"id": "one", "scene": "porch"}, {"id": "two", "scene": "porch", "after": "1 minute"}]}  # fmt: skip
    (pack / "stories" / "feud.yaml").write_text(yaml.safe_dump(story), encoding="utf-8")
    cross, _ = tell(pack, says("<feel>Angry</feel><say>Well then.</say>"))
    assert {who.emotion for who in cross[1].seats.values()} == {"Angry"}


def test_a_chapter_that_fails_is_the_last(pack: Path) -> None:
    from simworld.errors import BackendError

    def reply(request: Request) -> Any:
        return BackendError("gone") if "In the kitchen" in request.text else counted(request)

    told, _ = tell(pack, reply)
    assert [one.status for one in told] == ["complete", "failed"]
    assert told[-1].story
    assert told[-1].story.last


def test_a_story_is_no_scene_and_a_scene_no_story(pack: Path) -> None:
    with pytest.raises(UsageError, match="'feud' is a story: use play_story"):
        asyncio.run(sw.play(pack / "stories" / "feud.yaml"))
    with pytest.raises(UsageError, match="'porch' is a scene: use play"):
        asyncio.run(sw.play_story(pack / "scenes" / "porch.yaml"))


def test_a_seat_is_named_by_its_part(pack: Path) -> None:
    model, other = Model(counted), Model(says("<say>Other.</say>"), spec="test:other")
    told = asyncio.run(sw.play_story(pack / "stories" / "feud.yaml", backend=model, seats={"a": other}))
    assert {told[1].seats[seat].backend for seat in ("guest",)} == {"test:other"}
    assert told[1].seats["host"].backend == "test:model"


def test_a_story_goes_round_as_often_as_it_may(tmp_path: Path) -> None:
    again = {
        "id": "again", "title": "Again", "longest": 5, "cast": FEUD["cast"],
        "chapters": [{"id": "one", "scene": "porch", "then": [{"to": "one"}]}],
    }  # fmt: skip
    pack = pack_of(tmp_path / "pack", again)
    told = asyncio.run(sw.play_story(pack / "stories" / "again.yaml"))
    assert [one.story.number for one in told if one.story] == [0, 1, 2, 3, 4]


# --- as a run ------------------------------------------------------------------------------------------------------


def test_a_run_of_stories_is_the_same_bytes_however_it_is_made(pack: Path, tmp_path: Path) -> None:
    story = pack / "stories" / "feud.yaml"
    ways = {"one": ["--jobs", 1], "many": ["--jobs", 16], "processes": ["--workers", 2]}
    for name, options in ways.items():
        simworld("run", story, pack / "scenes" / "porch.yaml", "-n", 70, "--out", tmp_path / name, *options)
    simworld("run", story, pack / "scenes" / "porch.yaml", "-n", 31, "--out", tmp_path / "grown")
    simworld("run", story, pack / "scenes" / "porch.yaml", "-n", 70, "--out", tmp_path / "grown")
    first = bytes_of(tmp_path / "one")
    for name in ("many", "processes", "grown"):
        assert bytes_of(tmp_path / name) == first
    rows = transcripts(tmp_path / "one")
    assert len({row["index"] for row in rows}) == len(rows) > 70
    assert len([path for path in first if path.startswith("transcripts")]) == 2  # a story may lie across two files
    assert json.loads(first["manifest.json"])["n"] == 70


def test_a_story_killed_at_random_and_resumed_is_the_uninterrupted_one(tmp_path: Path) -> None:
    """Five chapters, minds and reflections included; replies carry serial numbers, so nothing may be asked twice."""
    week = {
        "id": "week", "title": "A week", "cast": FEUD["cast"],
        "chapters": [{"id": f"day{n}", "scene": "porch", "after": "1 day"} if n else {"id": "day0", "scene": "porch"}
                     for n in range(5)],
    }  # fmt: skip
    pack = pack_of(tmp_path / "pack", week)
    run = ["run", pack / "stories" / "week.yaml", "-n", 6, "--jobs", 3, "--backend", "openai:mock"]
    chance = Random(3)
    with serve(latency=0.02) as server:
        whole = [*run, "--base-url", server.url, "--out", tmp_path / "whole"]
        simworld(*whole)
        torn = [*run, "--base-url", server.url, "--out", tmp_path / "torn"]
        killed = [kill_after(0.9 + 1.1 * chance.random(), *torn) for _ in range(6)]
        assert any(status < 0 for status in killed)
        simworld(*torn)
        asked = server.count
        simworld(*torn)
        assert server.count == asked
    assert bytes_of(tmp_path / "torn") == bytes_of(tmp_path / "whole")
    rows = transcripts(tmp_path / "torn")
    assert len(rows) == 30
    last: Any = rows[-1]
    assert last["minds"]["a"]["begin"]["memories"]
    simworld(*torn, "--replay")
    assert bytes_of(tmp_path / "torn") == bytes_of(tmp_path / "whole")


def test_a_story_made_in_python_plays_its_own_scenes_under_the_same_rules() -> None:
    porch = sw.Scene.model_validate(PORCH)
    ana, tom = (sw.Persona.model_validate(PEOPLE[at]) for at in (0, 1))
    chapters = [{"id": "one", "scene": "porch"}, {"id": "two", "scene": "porch", "emotions": {"a": "sad"}}]
    story = sw.Story.model_validate({**FEUD, "conditions": {}, "chapters": chapters})
    cast = {"a": ana, "b": tom}
    told = asyncio.run(sw.play_story(story, scenes=[porch], cast=cast))
    assert [one.story.chapter for one in told if one.story] == ["one", "two"]
    assert told[1].seats["a"].emotion == "Sad"
    assert told[1].minds["a"].begin.memories
    wrong = sw.Story.model_validate({**FEUD, "conditions": {}, "chapters": [{"id": "one", "scene": "prch"}]})
    with pytest.raises(UsageError, match=r"story feud: .*\n.*there is no scene 'prch'.*nearest: porch"):
        asyncio.run(sw.play_story(wrong, scenes=[porch], cast=cast))
