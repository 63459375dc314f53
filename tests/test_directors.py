"""Who acts next: the contract of every director, and the manner of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from simworld.errors import BackendError, UsageError
from simworld.schema import Happening, Mind, Opening, Place, Scene, Seat, Turn
from simworld.simulate.directors import DIRECTORS, OVER, Moment, director_of
from tests.scenes_of_tests import NAMES, Model, Request, acts, counted, director, end, person, play, scene_of, seated

SIZES = range(2, 9)


def moment(scene: Scene, done: str = "", *, left: str = "", turns: list[Turn] | None = None, seed: int = 0) -> Moment:
    """After these seats (by number) have acted, without those who have left."""
    ids = [seat.id for seat in scene.seats]
    names = {id: NAMES[at] for at, id in enumerate(ids)}
    present = tuple(id for at, id in enumerate(ids) if str(at) not in left)
    cast = {id: person(f"p_{id}", name) for id, name in names.items()}
    minds = {id: Mind() for id in ids}
    acted = tuple(f"s{n}" for n in done)
    return Moment(scene, names, present, turns or [], acted, Random(seed), minds, cast)


def chosen(name: str, seats: int, done: str, left: str = "", **options: Any) -> str:
    scene = scene_of(seats, director=director(name, **options))
    return DIRECTORS[name]().choose(moment(scene, done, left=left)).removeprefix("s")


def options_of(name: str, seats: int) -> dict[str, Any]:
    script = tuple(f"s{n}" for n in range(seats))
    return {"order": script, "then": "repeat"} if name == "scripted" else {}


def course(name: str, seats: int, length: int, **options: Any) -> str:
    """Who acts in a whole dialogue, by number."""
    reply = chooses_in_turn(seats) if name == "model" else counted
    scene = scene_of(seats, director=director(name, **options), end=end(length))
    return "".join(id.removeprefix("s") for id in acts(play(scene, reply)[0]))


def chooses_in_turn(seats: int) -> Any:
    def reply(request: Request) -> str:
        return f"NEXT s{(request.call + 1) % seats}" if request.seat == "director" else counted(request)

    return reply


# the contract of all


@pytest.mark.parametrize("name", DIRECTORS)
@pytest.mark.parametrize("seats", SIZES)
def test_nobody_starves_and_nobody_acts_who_is_not_there(name: str, seats: int) -> None:
    length = 6 * seats
    done = course(name, seats, length, **options_of(name, seats))
    assert len(done) == length
    assert set(done) == {str(n) for n in range(seats)}


@pytest.mark.parametrize("name", [name for name in DIRECTORS if name != "model"])
@pytest.mark.parametrize("seats", SIZES)
def test_whoever_is_chosen_is_there(name: str, seats: int) -> None:
    rng = Random(seats)
    scene = scene_of(seats, director=director(name, **options_of(name, seats)))
    for _ in range(60):
        done = "".join(str(rng.randrange(seats)) for _ in range(rng.randint(1, 40)))
        left = "".join(str(n) for n in rng.sample(range(seats), rng.randint(0, seats - 1)))
        now = moment(scene, done, left=left, seed=rng.random())
        assert DIRECTORS[name]().choose(now) in now.present


@pytest.mark.parametrize("name", DIRECTORS)
def test_the_same_moment_has_the_same_choice(name: str) -> None:
    scene = scene_of(5, director=director(name, **options_of(name, 5)))
    assert len({DIRECTORS[name]().choose(moment(scene, "012", seed=7)) for _ in range(20)}) == 1


@pytest.mark.parametrize("name", [name for name in DIRECTORS if name != "scripted"])
def test_who_is_first_may_be_named(name: str) -> None:
    assert course(name, 4, 4, first="s2")[0] == "2"
    assert course(name, 4, 4)[0] == "0"


@pytest.mark.parametrize("name", [name for name in DIRECTORS if name != "scripted"])
def test_who_is_first_acts_after_the_openings(name: str) -> None:
    openings = (Opening(seat="s1", text="Well."),)
    reply = chooses_in_turn(4)
    scene = scene_of(4, openings=openings, director=director(name, first="s3"), end=end(4))
    assert acts(play(scene, reply)[0])[:2] == ["s1", "s3"]


@pytest.mark.parametrize("name", ["addressed", "alternate", "round_robin"])
def test_who_is_first_and_has_opened_is_not_asked_again_at_once(name: str) -> None:
    openings = (Opening(seat="s1", text="Well."),)
    scene = scene_of(3, openings=openings, director=director(name, first="s1"), end=end(3))
    assert acts(play(scene)[0])[1] != "s1"


@pytest.mark.parametrize(("seats", "name"), [(2, "alternate"), (3, "addressed"), (7, "addressed")])
def test_the_default_is_by_the_number_of_speakers(seats: int, name: str) -> None:
    assert director_of(scene_of(seats))[0] == name
    told = [*(Seat(id=f"s{n}") for n in range(seats)), Seat(id="voice", role="narrator")]
    assert director_of(scene_of(told))[0] == name


def test_an_unknown_director_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'alternat' is not known.*nearest: alternate"):
        director_of(scene_of(2, director=director("alternat")))


# each


def test_round_robin() -> None:
    assert course("round_robin", 4, 9) == "012301230"
    assert course("round_robin", 4, 8, order=("s2", "s0", "s3", "s1")) == "20312031"
    assert course("round_robin", 4, 6, order=("s2", "s0", "s3", "s1"), first="s3") == "312031"


def test_round_robin_in_which_one_has_two_places() -> None:
    assert course("round_robin", 3, 12, order=("s0", "s1", "s0", "s2")) == "010201020102"
    assert course("round_robin", 3, 10, order=("s0", "s0", "s1", "s2")) == "0012001200"


def test_round_robin_passes_over_who_has_left() -> None:
    assert chosen("round_robin", 4, "01", left="2") == "3"
    assert chosen("round_robin", 4, "01", left="1") == "2"
    assert chosen("round_robin", 4, "0123", left="0") == "1"
    assert chosen("round_robin", 4, "01", left="02", order=("s0", "s1", "s2")) == "1"


def test_alternate() -> None:
    assert course("alternate", 2, 5) == "01010"
    assert course("alternate", 4, 9) == "010203010"


def test_alternate_around_the_main_seat() -> None:
    scene = scene_of(
        [Seat(id="s0"), Seat(id="s1", main=True), Seat(id="s2")], end=end(6), director=director("alternate")
    )
    assert acts(play(scene)[0]) == ["s1", "s0", "s1", "s2", "s1", "s0"]


def test_alternate_when_somebody_has_left() -> None:
    assert chosen("alternate", 4, "010", left="2") == "3"
    assert chosen("alternate", 4, "0102", left="0") == "3"
    assert chosen("alternate", 4, "0", left="123") == "0"


def said(who: int, text: str, **fields: Any) -> Turn:
    return Turn(**{"n": 0, "act": 0, "seat": f"s{who}", "kind": "say", "text": text, **fields})


def called(*turns: Turn, names: dict[str, str] | None = None, done: str = "321", left: str = "") -> str:
    """Whom the last turns call, where seat 3 has waited longest."""
    scene = scene_of(4, director=director("addressed"))
    now = moment(scene, done + turns[-1].seat[1:], left=left, turns=list(turns))
    if names:
        now = replace(now, names={**now.names, **names})
    return DIRECTORS["addressed"]().choose(now)


def test_addressed_by_tag_by_name_and_by_first_name() -> None:
    assert called(said(0, "Well?", to=("s2",))) == "s2"
    assert called(said(0, "Well, Cleo Otto?")) == "s2"
    assert called(said(0, "Well, Cleo?")) == "s2"
    assert called(said(0, "Well?")) == "s3"


def test_a_tag_comes_before_a_name_and_the_last_name_before_the_first() -> None:
    assert called(said(0, "Ben, ask Cleo.", to=("s1",))) == "s1"
    assert called(said(0, "Ben, ask Cleo.")) == "s2"
    assert called(said(0, "Cleo, ask Ben.")) == "s1"


def test_names_are_whole_words_with_their_capitals() -> None:
    assert called(said(0, "Benefits, bend, ben.")) == "s3"
    assert called(said(0, "It was Ben's.")) == "s1"


def test_the_full_name_counts_for_more_than_a_first_name_that_two_bear() -> None:
    names = {"s1": "Mrs. Gupta", "s2": "Mrs. Lee"}
    assert called(said(0, "Mrs. Lee, please."), names=names) == "s2"
    assert called(said(0, "Mrs. Gupta, please."), names=names) == "s1"


def test_who_has_left_or_speaks_is_not_called() -> None:
    assert called(said(0, "Cleo?"), left="2") == "s3"
    assert called(said(0, "I, Ann Lee, am here.")) == "s3"


def test_only_the_last_act_calls_and_no_aside_does() -> None:
    waves = said(0, "waves", kind="do", act=5)
    assert called(said(0, "Cleo?", act=1), waves) == "s3"
    assert called(said(0, "If only Cleo knew.", manner="aside")) == "s3"
    assert called(said(0, "Cleo?", act=5), said(0, "Well?", act=5)) == "s2"


def test_a_call_between_two_is_broken_for_who_waits() -> None:
    partner = {"s0": "Ben", "s1": "Ann", "s2": "Ann", "s3": "Ann"}
    scene = scene_of(4, director=director("addressed"), end=end(60))
    transcript, _ = play(scene, lambda request: f"<say>{partner[request.seat]}, number {request.call}?</say>")
    counts = Counter(acts(transcript))
    assert counts["s0"] > counts["s3"] > 0 < counts["s2"]


def test_chance_is_the_seeds() -> None:
    scene = scene_of(8, director=director("addressed"), end=end(12))
    courses = {seed: {tuple(acts(play(scene, seed=seed)[0])) for _ in range(3)} for seed in range(4)}
    assert all(len(same) == 1 for same in courses.values())
    assert len(set.union(*courses.values())) == 4


def test_scripted_to_the_end() -> None:
    scene = scene_of(3, director=director("scripted", order=("s1", "s1", "s0", "s2")), end=end(9))
    transcript, _ = play(scene)
    assert acts(transcript) == ["s1", "s1", "s0", "s2"]
    assert transcript.ending.reason == "director_ended"
    assert transcript.status == "complete"


def test_a_script_says_itself_who_is_first() -> None:
    assert course("scripted", 3, 3, order=("s1", "s0", "s2"), first="s2") == "102"


def test_scripted_again_and_again() -> None:
    assert course("scripted", 3, 9, order=("s1", "s1", "s0", "s2"), then="repeat") == "110211021"


def test_the_script_begins_after_the_openings() -> None:
    openings = (Opening(seat="s2", text="Well."), Opening(seat="s0", text="Well?"))
    scene = scene_of(3, openings=openings, director=director("scripted", order=("s0", "s1", "s2")), end=end(9))
    assert acts(play(scene)[0]) == ["s2", "s0", "s0", "s1", "s2"]


def test_the_script_passes_over_who_has_left_and_loses_nobody_else() -> None:
    order = ("s0", "s1", "s0", "s2", "s0", "s3")
    assert chosen("scripted", 4, "01", left="0", order=order) == "2"
    assert chosen("scripted", 4, "012", left="0", order=order) == "3"
    assert chosen("scripted", 4, "0123", left="0", order=order) == OVER
    assert chosen("scripted", 4, "0123", left="0", order=order, then="repeat") == "1"
    assert chosen("scripted", 4, "0", left="0123", order=order, then="repeat") == OVER


# a model directs


def directed(*answers: Any, seats: int = 3, max_turns: int = 6, **options: Any) -> tuple[Any, Model]:
    """Play with a director that gives these answers, the last again and again."""
    scene = scene_of(seats, director=director("model", **{"after": 0, **options}), end=end(max_turns))

    def reply(request: Request) -> Any:
        if request.seat == "director":
            return answers[min(request.call, len(answers) - 1)]
        return counted(request)

    return play(scene, reply)


@pytest.mark.parametrize(
    "answer",
    ["NEXT s2", "next s2", "**NEXT s2**", "NEXT: s2.", "NEXT Cleo Otto", "NEXT cleo", "Cleo", "s2", "`s2`",
     "Hm.\nNEXT s2", "<think>s1?</think>NEXT s2", "```\nNEXT s2\n```"],
)  # fmt: skip
def test_a_model_names_who_is_next(answer: str) -> None:
    transcript, _ = directed(answer, max_turns=3)
    assert acts(transcript) == ["s0", "s2", "s2"]
    assert transcript.faults == ()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("END goal", "goal_reached"),
        ("**END goal**", "goal_reached"),
        ("END over", "director_ended"),
        ("END", "director_ended"),
    ],
)
def test_a_model_ends_the_scene(answer: str, reason: str) -> None:
    transcript, _ = directed("NEXT s1", answer)
    assert (transcript.ending.reason, transcript.ending.by) == (reason, "director")
    assert transcript.status == "complete"
    assert acts(transcript) == ["s0", "s1"]


def test_a_model_may_not_end_too_early() -> None:
    transcript, model = directed("END goal", after=3, max_turns=9)
    assert len(acts(transcript)) == 3
    assert transcript.ending.reason == "goal_reached"
    questions = [request.messages[-1]["content"].splitlines()[-1] for request in model.of("director")]
    assert questions[0] != questions[-1]


def test_an_answer_that_names_nobody_is_asked_again_once() -> None:
    transcript, model = directed("I wonder.", "NEXT s2", max_turns=2)
    assert acts(transcript) == ["s0", "s2"]
    assert transcript.faults == ()
    first, second = model.of("director")
    assert first.messages == second.messages
    assert (first.call, second.call) == (0, 1)


def test_then_who_has_waited_longest_acts_and_it_is_told() -> None:
    transcript, model = directed("NEXT nobody", max_turns=4)
    assert acts(transcript) == ["s0", "s1", "s2", "s0"]
    assert transcript.faults == ("director_unreadable:1", "director_unreadable:2", "director_unreadable:3")
    assert transcript.usage["director"].calls == 6 == len(model.of("director"))


def test_a_model_cannot_name_who_has_left() -> None:
    scene = scene_of(3, director=director("model"), end=end(4))

    def reply(request: Request) -> str:
        return "NEXT s0" if request.seat == "director" else f"<say>{request.seat}</say><move>out</move>"

    transcript, _ = play(scene, reply)
    assert acts(transcript) == ["s0", "s1"]
    assert transcript.faults == ("director_unreadable:1",)
    assert transcript.ending.reason == "left"


def test_a_model_is_asked_after_an_opening() -> None:
    scene = scene_of(3, openings=(Opening(seat="s0", text="Well."),), director=director("model"), end=end(3))
    transcript, _ = play(scene, lambda request: "NEXT s2" if request.seat == "director" else counted(request))
    assert acts(transcript) == ["s0", "s2", "s2"]


def test_a_model_that_fails_ends_the_dialogue() -> None:
    transcript, _ = directed(BackendError("no reply"))
    assert transcript.status == "failed"
    assert (transcript.ending.by, transcript.ending.detail) == ("director", "no reply")


def test_the_director_sees_what_everybody_sees_and_nothing_else() -> None:
    places = (Place(id="hall", name="Hall", exits=("yard",)), Place(id="yard", name="Yard"))
    scene = scene_of(3, places=places, director=director("model", after=99), end=end(8))
    lines = [
        '<thought>SECRET1</thought><say>PUBLIC1</say><whisper to="Ben Marsh">SECRET2</whisper><aside>SECRET3</aside>',
        "<do>PUBLIC2</do><move>Yard</move>", "<say>SECRET4</say><do>SECRET5</do>",
        "<move>Hall</move><say>PUBLIC3</say>",
    ]  # fmt: skip

    def reply(request: Request) -> str:
        return "NEXT s0" if request.seat == "director" else lines[request.call % 4]

    _, model = play(scene, reply)
    seen = "\n".join(request.text for request in model.of("director"))
    assert "SECRET" not in seen
    assert all(f"PUBLIC{n}" in seen for n in (1, 2, 3))
    first = model.of("director")[0].messages
    assert [message["role"] for message in first] == ["system", "user"]


def test_what_was_hidden_from_one_stays_hidden_from_the_director_when_that_one_leaves() -> None:
    happenings = (Happening(at=1, to=("s0", "s1"), text="SECRET"), Happening(at=2, text="PUBLIC"))
    scene = scene_of(3, happenings=happenings, director=director("model", after=99), end=end(6))

    def reply(request: Request) -> str:
        if request.seat == "director":
            return f"NEXT s{request.call % 2 if request.call else 2}"
        return "<say>Bye.</say><move>out</move>" if request.seat == "s2" else counted(request)

    _, model = play(scene, reply)
    asked = model.of("director")
    assert len(asked) == 5
    assert all("SECRET" not in request.text for request in asked)
    texts = [request.messages[-1]["content"].rsplit("\n", 1)[0] for request in asked]
    assert all(later.startswith(sooner) for sooner, later in pairwise(texts))
    assert "PUBLIC" in texts[-1]


def test_the_wordings_of_the_director_are_told_in_the_header() -> None:
    transcript, _ = directed("NEXT s1")
    assert {"director", "direct_next"} <= set(transcript.prompts)
    assert "director" not in play(scene_of(2, end=end(1)))[0].prompts


def test_a_seat_is_named_by_id_before_any_name() -> None:
    scene = scene_of([Seat(id="ann"), Seat(id="ben"), Seat(id="cleo")], director=director("model"), end=end(2))
    cast = seated(scene, "Ben Marsh", "Cleo Otto", "Ann Lee")
    transcript, _ = play(scene, lambda r: "NEXT cleo" if r.seat == "director" else counted(r), cast=cast)
    assert acts(transcript) == ["ann", "cleo"]
