"""What comes to a scene from outside its seats: late entries, happenings, conditions, interventions."""

from __future__ import annotations

from typing import Any

import pytest

from simworld.errors import UsageError
from simworld.schema import Condition, Happening, Intervention, Place, Relation, Scene, Seat, Tie, Transcript, Turn
from simworld.world import Course, holds
from tests.scenes_of_tests import Model, Request, by_seat, counted, director, end, play, says, scene_of, seated

ROOMS = (Place(id="hall", name="the hall", exits=("yard",)), Place(id="yard", name="the yard"))


def narrated(transcript: Transcript) -> list[tuple[str, int, tuple[str, ...]]]:
    """Text, the acts done before it, and who perceived it, of everything that happened."""
    found: list[tuple[str, int, tuple[str, ...]]] = []
    for turn in transcript.turns:
        if turn.seat == "narrator":
            done = len({(one.act, one.seat) for one in transcript.turns[: turn.n] if one.seat != "narrator"})
            found.append((turn.text, done, turn.heard_by))
    return found


def requests_of(model: Model, seat: str) -> str:
    return "\n".join(request.text for request in model.of(seat))


# --- entries -------------------------------------------------------------------------------------------------------


def late(enters: int, **fields: Any) -> Scene:
    seats = [Seat(id="a"), Seat(id="b"), Seat(id="c", enters=enters)]
    return scene_of(seats, director=director("round_robin"), **{"end": end(9), **fields})


def test_who_enters_later_acts_and_perceives_from_then_on() -> None:
    transcript, model = play(late(4), counted)
    entry = next(turn for turn in transcript.turns if turn.kind == "move")
    assert (entry.seat, entry.source, entry.heard_by) == ("c", "scene", ("a", "b"))
    before = [turn for turn in transcript.turns if turn.n < entry.n]
    assert {turn.seat for turn in before} == {"a", "b"}
    assert len(before) == 4
    assert all("c" not in turn.heard_by for turn in before)
    assert "remark 0 of a" not in requests_of(model, "c")
    assert "remark 2 of a" in requests_of(model, "c")
    assert "*Cleo Otto comes in*" in requests_of(model, "a")


def test_a_scene_does_not_end_while_somebody_is_awaited_and_then_does() -> None:
    replies = by_seat(a=["<move>out</move>"], b=["<say>Alone.</say>"], c=["<say>Here.</say>", "<move>out</move>"])
    transcript, _ = play(late(6, end=end(20)), replies)
    assert transcript.ending.reason == "left"
    assert "c" in {turn.seat for turn in transcript.turns if turn.kind == "say"}


def test_where_nobody_is_left_the_awaited_one_comes_at_once() -> None:
    scene = scene_of([Seat(id="a"), Seat(id="b", enters=50), Seat(id="c", enters=60)], end=end(70))
    replies = by_seat(a=["<move>out</move>"], b=["<say>Hello?</say>"], c=["<say>Late.</say>"])
    transcript, _ = play(scene, replies)
    assert [turn.seat for turn in transcript.turns[:3]] == ["a", "b", "b"]
    assert transcript.ending.reason == "max_turns"


# --- happenings ----------------------------------------------------------------------------------------------------


def happening_in(happening: Happening, reply: Any = counted, seed: int = 0, **fields: Any) -> Transcript:
    fields = {"places": ROOMS, "end": end(8), "happenings": (happening,), **fields}
    return play(scene_of(2, **fields), reply, seed=seed)[0]


def test_a_condition_lets_something_happen_once_and_not_before_its_act() -> None:
    said = {"named": Condition(seat="s0", said=("thunder",))}
    replies = by_seat(s0=["<say>Thunder, I say.</say>"], s1=["<say>thunder?</say>"])
    for at, act in ((None, 1), (4, 5)):
        transcript = happening_in(Happening(when="named", at=at, text="It thunders."), replies, conditions=said)
        assert [(text, done) for text, done, _ in narrated(transcript)] == [("It thunders.", act)]
    never = happening_in(Happening(when="named", text="It thunders."), says("<say>Rain.</say>"), conditions=said)
    assert narrated(never) == []


def test_entering_a_place_lets_something_happen_there() -> None:
    replies = by_seat(s0=["<say>Stay.</say>"], s1=["<say>No.</say>", "<move>the yard</move>", "<say>Cold.</say>"])
    by_anybody = Happening(enters="yard", text="A dog gets up.", place="yard")
    assert [(text, heard) for text, _, heard in narrated(happening_in(by_anybody, replies))] == [
        ("A dog gets up.", ("s1",))
    ]
    by_other = Happening(enters="yard", by=("s0",), text="A dog gets up.", place="yard")
    assert narrated(happening_in(by_other, replies)) == []


def test_a_probability_is_a_share_of_dialogues_and_a_dialogue_s_own() -> None:
    happening = Happening(at=2, probability=0.4, text="A plate breaks.")
    happened = [bool(narrated(happening_in(happening, seed=seed))) for seed in range(60)]
    assert 12 <= sum(happened) <= 36
    again = [bool(narrated(happening_in(happening, seed=seed))) for seed in range(12)]
    assert again == happened[:12]
    never = Happening(at=2, probability=0, text="A plate breaks.")
    assert narrated(happening_in(never)) == []


# --- conditions ----------------------------------------------------------------------------------------------------


def course(**fields: Any) -> Course:
    said = Turn(n=0, act=0, seat="a", kind="say", text="I want my money back.")
    standing = {
        "acts": 4, "minutes": 10.0, "fresh": [said], "where": {"a": "hall", "b": "yard"},
        "feels": {"a": "Angry", "b": "Fine"}, "ties": {"a": {"b": Tie(warmth=-0.4, trust=0.1)}, "b": {"a": Tie()}},
    }  # fmt: skip
    return Course(**{**standing, **fields})


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        ({"after": 4}, True), ({"after": 5}, False), ({"minutes": 10}, True), ({"minutes": 10.1}, False),
        ({"said": ("money",)}, True), ({"said": ("mone",)}, False), ({"seat": "b", "said": ("money",)}, False),
        ({"said": ("nothing", "MY MONEY")}, True), ({"feels": ("Angry", "Sad")}, True),
        ({"seat": "b", "feels": ("Angry",)}, False), ({"seat": "a", "place": "hall"}, True),
        ({"seat": "a", "place": "yard"}, False), ({"place": "yard"}, True), ({"warmth": "<-0.3"}, True),
        ({"seat": "b", "warmth": "<-0.3"}, False), ({"warmth": "<-0.4"}, False), ({"warmth": "<=-0.4"}, True),
        ({"seat": "a", "toward": "b", "trust": ">0"}, True), ({"trust": ">0.1"}, False), ({"trust": ">=0.1"}, True),
        ({"seat": "a", "toward": "c", "warmth": "<0.9"}, False), ({"familiarity": "<0"}, True),
        ({"feels": ("Angry",), "warmth": "<-0.3"}, True), ({"feels": ("Fine",), "warmth": "<-0.3"}, False),
        ({"after": 9, "said": ("money",)}, False), ({"ended": ("left",)}, False),
    ],
)  # fmt: skip
def test_a_condition_holds_when_all_it_gives_holds(condition: dict[str, Any], held: bool) -> None:
    assert holds(Condition(**condition), course()) is held


def test_what_nobody_else_hears_is_not_said() -> None:
    aside = Turn(n=0, act=0, seat="a", kind="say", manner="aside", text="money")
    thought = Turn(n=1, act=0, seat="a", kind="think", text="money")
    assert not holds(Condition(said=("money",)), course(fresh=[aside, thought]))


def test_an_ending_counts_in_a_story() -> None:
    assert holds(Condition(ended=("left", "stale")), course(ended="left"))


# --- interventions -------------------------------------------------------------------------------------------------


def test_each_intervention_reaches_one_mind_and_is_recorded() -> None:
    given = (
        Intervention(seat="s1", at=2, emotion="Angry"),
        Intervention(seat="s1", at=2, memory="{{ s0.name }} owes me forty euros."),
        Intervention(seat="s1", at=4, whisper="The door is locked."),
        Intervention(seat="s1", at=4, goal="get out of here"),
    )
    scene = scene_of(2, end=end(8), interventions=given)
    transcript, model = play(scene, says("<say>Well.</say>", "<say>Quite so.</say>"))
    told = [request.messages[-1]["content"] for request in model.of("s1")]
    assert "You feel Angry." in told[1]
    assert "Ann Lee owes me forty euros." in told[1]
    assert "[The door is locked.]" in told[2]
    assert "What you want from now on: get out of here" in told[2]
    assert "from now on" not in told[3].removeprefix(told[2])
    other = requests_of(model, "s0")
    for private in ("Angry.", "forty euros", "locked", "get out of here"):
        assert private not in other.split("<feel>one of")[0] + other.split("</say>", 1)[1]
    assert [(one.act, one.what.seat) for one in transcript.interventions] == [
        (2, "s1"),
        (2, "s1"),
        (4, "s1"),
        (4, "s1"),
    ]
    assert transcript.interventions[1].what.memory == "Ann Lee owes me forty euros."
    planted = [memory for memory in transcript.minds["s1"].formed if memory.kind == "planted"]
    assert [memory.text for memory in planted] == ["Ann Lee owes me forty euros."]
    assert transcript.minds["s1"].end.goal == "get out of here"
    assert [turn.emotion for turn in transcript.turns if turn.seat == "s1"][1] == "Angry"


def test_an_intervention_waits_for_its_condition_and_is_made_once() -> None:
    scene = scene_of(
        2, end=end(8), conditions={"asked": Condition(seat="s0", said=("money",))},
        interventions=(Intervention(seat="s1", when="asked", emotion="Sad"),),
    )  # fmt: skip
    transcript, _ = play(scene, by_seat(s0=["<say>Hm.</say>", "<say>The money.</say>"], s1=["<say>So.</say>"]))
    assert [one.act for one in transcript.interventions] == [3]


def test_interventions_of_a_run_are_made_beside_the_scene_s_own() -> None:
    scene = scene_of(2, end=end(6), interventions=(Intervention(seat="s0", at=1, goal="stay"),))
    extra = [Intervention(seat="s1", at=1, goal="go")]
    transcript, _ = play(scene, counted, interventions=extra)
    assert [one.what.goal for one in transcript.interventions] == ["stay", "go"]


def test_a_plain_speaker_is_told_of_a_hand_and_of_nothing_else() -> None:
    seats = [Seat(id="user", role="user"), Seat(id="assistant", role="assistant")]
    hands = (
        Intervention(seat="user", at=2, goal="get a refund", memory="The shop promised me one."),
        Intervention(seat="user", at=4, emotion="Angry"),
    )
    transcript, model = play(scene_of(seats, end=end(8), interventions=hands), says("I hate this!", "I love it."))
    last = [request.messages[-1]["content"] for request in model.of("user")]
    assert "What you want from now on: get a refund" in last[1]
    assert "The shop promised me one." in last[1]
    assert all("<note>" not in text for at, text in enumerate(last) if at != 1)
    assert all("<note>" not in request.text for request in model.of("assistant"))
    assert [turn.recalled for turn in transcript.turns if turn.seat == "user" and turn.recalled]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"seat": "nobody", "at": 1, "goal": "x"}, "seat 'nobody' is not known; allowed: s0, s1"),
        ({"seat": "s0", "when": "never", "goal": "x"}, "condition 'never' is not known"),
        ({"seat": "s0", "goal": "x"}, "says neither `at` nor `when`"),
        ({"seat": "s0", "at": 1}, "changes nothing"),
        ({"seat": "s0", "at": 1, "emotion": "Furious"}, "emotion 'Furious' is not known"),
    ],
)
def test_an_intervention_that_means_nothing_is_refused(given: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=what.replace("(", r"\(")):
        play(scene_of(2, end=end(3)), counted, interventions=[Intervention(**given)])


# --- what is felt and told -----------------------------------------------------------------------------------------


def test_how_one_stands_to_another_is_told_to_that_one_alone_and_again_when_it_changes() -> None:
    scene = scene_of(2, end=end(24), relations=(Relation(of="s0", to="s1", kind="friend of", warmth=0.5, trust=0.5),))
    replies = by_seat(s0=["<say>Good morning.</say>"], s1=["<say>You are a liar and a fool, I despise you!</say>"])
    transcript, model = play(scene, replies)
    first, last = model.of("s0")[0], model.of("s0")[-1]
    assert "You like Ben Marsh" in first.messages[0]["content"]
    assert "You like" not in model.of("s1")[0].messages[0]["content"]
    notes = [turn.note for turn in transcript.turns if turn.seat == "s0" and turn.note]
    assert any("Ben Marsh" in note for note in notes)
    fallen = [turn.ties["p_s1"][0] for turn in transcript.turns if turn.seat == "s0" and "p_s1" in turn.ties]
    assert fallen == sorted(fallen, reverse=True)
    assert fallen[-1] < 0 < fallen[0] + 0.5
    assert transcript.minds["s0"].end.ties["p_s1"].warmth <= fallen[-1]
    assert "despise" not in first.text
    assert "despise" in last.text


def test_a_feeling_that_is_not_named_follows_what_was_heard() -> None:
    def reply(request: Request) -> str:
        if request.seat == "s1":
            return "<say>You are a disgusting liar! I hate you, you wicked fool!</say>"
        return "<say>I only came for the keys.</say>"

    transcript, _ = play(scene_of(2, end=end(12)), reply)
    felt = [turn.affect for turn in transcript.turns if turn.seat == "s0"]
    assert felt[-1] is not None
    assert felt[0] is not None
    assert felt[-1][0] < felt[0][0] - 0.1
    named, _ = play(scene_of(2, end=end(12)), lambda request: "<feel>Happy</feel>" + reply(request))
    assert {turn.emotion for turn in named.turns} == {"Happy"}


def test_a_categorical_emotion_is_a_name_alone() -> None:
    from simworld.simulate.minding import Minding

    transcript, _ = play(
        scene_of(2, end=end(4)), says("<feel>Sad</feel><say>Oh no, I hate this!</say>"),
        minding=Minding(emotion="categorical"),
    )  # fmt: skip
    assert {(turn.emotion, turn.affect) for turn in transcript.turns} == {("Sad", None)}
    plain, _ = play(scene_of(2, end=end(4)), counted, minding=Minding(emotion="categorical"))
    assert {turn.emotion for turn in plain.turns} == {""}


def test_seats_of_a_scene_are_people_with_persona_ids_in_ties() -> None:
    scene = scene_of(3, end=end(6))
    cast = seated(scene)
    transcript, _ = play(scene, counted, cast=cast)
    ids = {who.id for who in cast.values()}
    for seat, record in transcript.minds.items():
        assert set(record.begin.ties) == ids - {cast[seat].id}
