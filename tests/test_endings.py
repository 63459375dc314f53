"""How scenes end: each reason, and nothing before its time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from simworld.agents.agent import Deed, View
from simworld.errors import BackendError, OutOfLines
from simworld.schema import Happening, Opening, Place, Reply, Scene, Seat, Transcript
from simworld.schema.scene import GoalRule
from simworld.simulate.run import play as play_scene
from tests.scenes_of_tests import Request, acts, by_seat, counted, director, end, play, says, scene_of, seated


def played(
    *lines: str, seats: int | list[Seat] = 2, max_turns: int = 8, scene: dict[str, Any] | None = None, **ends: Any
) -> Transcript:
    """Each call of each seat says the next of these lines, then remarks that nobody has made before."""
    given = scene_of(seats, end=end(max_turns, **ends), director=director("round_robin"), **(scene or {}))
    size = len(given.seats)

    def reply(request: Request) -> str:
        at = request.call * size + int(request.seat[1:])
        return lines[at] if at < len(lines) else counted(request)

    return play(given, reply)[0]


def how(transcript: Transcript) -> tuple[str, str, int]:
    """Reason, by whom, and the number of acts."""
    return transcript.ending.reason, transcript.ending.by, len(acts(transcript))


# the limit


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_max_turns_counts_acts(limit: int) -> None:
    transcript = played("<thought>a</thought><do>b</do><say>c</say>", max_turns=limit)
    assert how(transcript) == ("max_turns", "", limit)
    assert transcript.status == "complete"
    assert transcript.ending.known


def test_openings_count_as_acts() -> None:
    openings = tuple(Opening(seat=f"s{n % 2}", text=f"Line {n}.") for n in range(3))
    assert how(played(max_turns=3, scene={"openings": openings})) == ("max_turns", "", 3)
    assert how(played(max_turns=5, scene={"openings": openings})) == ("max_turns", "", 5)


def test_happenings_do_not_count_as_acts() -> None:
    happenings = tuple(Happening(at=n, text=f"Bang {n}.") for n in range(4))
    assert how(played(max_turns=4, scene={"happenings": happenings})) == ("max_turns", "", 4)


def test_the_users_limit_comes_before_the_scenes() -> None:
    assert len(acts(play(scene_of(2, end=end(9)), max_turns=3)[0])) == 3


# goodbyes


def test_two_who_take_leave_in_a_row_end_it() -> None:
    assert how(played("Hello.", "Well.", "Goodbye.", "Goodbye.", goodbye=True)) == ("said_goodbye", "s1", 4)


def test_one_goodbye_ends_nothing() -> None:
    assert how(played("Goodbye.", "Wait.", "What?", goodbye=True)) == ("max_turns", "", 8)
    assert how(played("Goodbye.", "Wait.", "What?", "Goodbye.", "Wait!", goodbye=True)) == ("max_turns", "", 8)


def test_nobody_takes_leave_of_themselves() -> None:
    scene = scene_of(2, end=end(4, goodbye=True), director=director("scripted", order=("s0",) * 4, then="repeat"))
    assert how(play(scene, says("Goodbye.", "Goodbye now."))[0]) == ("max_turns", "", 4)


def test_silence_between_goodbyes_changes_nothing() -> None:
    lines = ("Goodbye.", "<do>nods</do>", "<thought>So.</thought>", "Goodbye.")
    assert how(played(*lines, goodbye=True)) == ("said_goodbye", "s1", 4)


def test_words_after_a_goodbye_take_it_back() -> None:
    lines = ("<say>Goodbye.</say><do>turns</do><say>One more thing, your key.</say>", "Goodbye.")
    assert how(played(*lines, goodbye=True))[0] == "max_turns"


def test_words_before_a_goodbye_do_not_take_it_back() -> None:
    lines = ("<say>Goodbye.</say>", "<say>Mind the step.</say><do>nods</do><say>Goodbye.</say>")
    assert how(played(*lines, goodbye=True)) == ("said_goodbye", "s1", 2)


def test_goodbyes_can_be_made_not_to_count() -> None:
    assert how(played("Goodbye.", "Goodbye.", goodbye=False))[0] == "max_turns"


def test_a_narrator_neither_takes_leave_nor_comes_between() -> None:
    people = [Seat(id="s0"), Seat(id="s1", role="narrator"), Seat(id="s2")]
    assert how(played("Goodbye.", "It rains.", "Goodbye.", seats=people, goodbye=True)) == ("said_goodbye", "s2", 3)
    assert how(played("Goodbye.", "Goodbye.", "Wait.", seats=people, goodbye=True))[0] == "max_turns"


# goals


def goal(*words: str, **fields: Any) -> tuple[GoalRule, ...]:
    return (GoalRule(words=words, **fields),)


@pytest.mark.parametrize("line", ["It is a deal.", "DEAL!", "A deal-breaker?", "Deal"])
def test_a_goal_is_reached_by_its_words(line: str) -> None:
    transcript = played("No.", line, goal=goal("handshake", "deal"))
    assert how(transcript) == ("goal_reached", "s1", 2)
    assert transcript.ending.detail == "rule 0"


@pytest.mark.parametrize("line", ["I dealt.", "Ideal.", "deals", "deal_", "<thought>deal</thought>", "<do>deal</do>"])
def test_the_words_of_a_goal_are_whole_words_of_its_kind(line: str) -> None:
    assert how(played("No.", line, goal=goal("deal")))[0] == "max_turns"


def test_words_are_no_pattern() -> None:
    assert how(played("axb", goal=goal("a.b")))[0] == "max_turns"
    assert how(played("So: a.b", goal=goal("a.b")))[0] == "goal_reached"
    assert how(played("Is it 5 (net)?", goal=goal("5 (net)")))[0] == "goal_reached"


def test_a_goal_of_one_seat_is_not_another_ones() -> None:
    rule = goal("deal", seat="s1")
    assert how(played("Deal.", "No.", goal=rule))[0] == "max_turns"
    assert how(played("No.", "Deal.", goal=rule)) == ("goal_reached", "s1", 2)


def test_a_goal_of_deeds_and_of_moves() -> None:
    assert how(played("<do>signs the deed</do>", goal=goal("signs", kind="do"))) == ("goal_reached", "s0", 1)
    places = (Place(id="back_yard", name="Yard", exits=("hall",)), Place(id="hall", name="Great Hall"))
    for word in ("hall", "Great Hall"):
        rule = goal(word, kind="move")
        assert how(played("<move>Great Hall</move>", goal=rule, scene={"places": places}))[0] == "goal_reached"


def test_a_goal_may_have_to_wait() -> None:
    rule = goal("deal", after=2)
    assert how(played("Deal.", "Deal!", "Deal?", goal=rule)) == ("goal_reached", "s0", 3)


def test_the_second_rule_is_told() -> None:
    rules = (*goal("never"), *goal("deal"))
    assert played("Deal.", goal=rules).ending.detail == "rule 1"


def test_what_the_scene_says_reaches_no_goal() -> None:
    openings = (Opening(seat="s0", text="Deal?"),)
    happenings = (Happening(at=2, text="Deal!"),)
    assert (
        how(played("x", "y", goal=goal("deal"), scene={"openings": openings, "happenings": happenings}))[0]
        == "max_turns"
    )


# stale


def test_acts_that_add_nothing_end_it() -> None:
    assert how(played("One.", "Two.", "One.", "two.", "ONE.", stale=3)) == ("stale", "", 5)
    assert how(played("One.", "Two.", "<thought>a</thought>", "<thought>b</thought>", stale=2)) == ("stale", "", 4)


@pytest.mark.parametrize("silence", ["", "<say></say>"])
def test_silence_adds_nothing_from_the_first(silence: str) -> None:
    scene = scene_of(2, end=end(9, stale=3))
    assert how(play(scene, lambda _: silence)[0]) == ("stale", "", 3)


def test_something_new_in_between_keeps_it_alive() -> None:
    assert how(played("One.", "Two.", "One.", "Two.", "Three.", "One.", "Two.", stale=3)) == ("max_turns", "", 8)
    line = "<do>nods</do><say>One.</say>"
    assert how(played("One.", "One.", line, "One.", "One.", stale=3))[0] == "max_turns"


def test_long_acts_can_be_stale_too() -> None:
    long = "".join(f"<do>step {n}</do>" for n in range(12))
    assert how(played(long, long, long, long, long, stale=3)) == ("stale", "", 4)


def test_stale_can_be_switched_off() -> None:
    assert how(played(*["One."] * 8, stale=0))[0] == "max_turns"


def test_a_happening_is_no_act_that_adds() -> None:
    happenings = (Happening(at=3, text="A bell rings."),)
    assert how(played("One.", "Two.", "One.", "Two.", stale=2, scene={"happenings": happenings})) == ("stale", "", 4)


def test_openings_are_not_stale() -> None:
    openings = tuple(Opening(seat=f"s{n % 2}", text="Well.") for n in range(4))
    assert how(played(stale=2, scene={"openings": openings}))[0] == "max_turns"


# not before its time


@pytest.mark.parametrize(
    "ends", [{"goodbye": True}, {"stale": 2}, {"goal": goal("goodbye")}], ids=["goodbye", "stale", "goal"]
)
def test_nothing_ends_before_min_turns(ends: dict[str, Any]) -> None:
    lines = ["Goodbye."] * 8
    assert len(acts(played(*lines, **ends))) < 5
    assert len(acts(played(*lines, min_turns=5, **ends))) == 5


# leaving


def test_when_one_of_two_leaves_it_is_over() -> None:
    assert how(played("Hello.", "<say>No.</say><move>out</move>")) == ("left", "s1", 2)


def test_of_three_one_may_leave_and_acts_no_more() -> None:
    transcript = played("a", "<move>out</move>", "b", "c", "d", seats=3, max_turns=9)
    assert how(transcript) == ("max_turns", "", 9)
    assert acts(transcript)[2:].count("s1") == 0
    assert all("s1" not in turn.heard_by for turn in transcript.turns[2:])
    assert how(played("<move>out</move>", "a", "<move>out</move>", seats=3)) == ("left", "s2", 3)


def test_one_may_leave_before_min_turns() -> None:
    assert how(played("<move>out</move>", min_turns=8)) == ("left", "s0", 1)


def test_one_alone_may_stay() -> None:
    assert how(played(seats=1, max_turns=3)) == ("max_turns", "", 3)
    assert how(played("<move>out</move>", seats=1)) == ("left", "s0", 1)


def test_a_speaker_without_lines_leaves() -> None:
    transcript, _ = play(scene_of(2, end=end(9)), lambda r: OutOfLines("all said") if r.call else counted(r))
    assert how(transcript) == ("left", "s0", 2)
    assert transcript.status == "complete"


# failing


def test_a_model_that_fails_fails_its_dialogue_alone() -> None:
    transcript, _ = play(scene_of(2, end=end(9)), lambda r: BackendError("quota") if r.call else counted(r))
    assert transcript.status == "failed"
    assert how(transcript) == ("failed", "s0", 2)
    assert transcript.ending.detail == "quota"


# an agent that closes the conversation by itself


class Closes:
    """Says one line and closes the conversation."""

    spec = "test:closes"
    wants_messages = False
    budget = 0

    def count(self, text: str) -> int:
        return len(text)

    async def act(self, view: View) -> Deed:
        return Deed(Reply.of(say="Thanks.", end=True))


def test_an_agent_may_close_the_conversation() -> None:
    scene: Scene = scene_of(2, end=end(9))
    transcript = asyncio.run(play_scene(scene, backend=Closes(), cast=seated(scene)))
    assert how(transcript) == ("end_of_conversation", "s0", 1)


def test_each_seat_ends_by_its_own_lines() -> None:
    transcript, _ = play(
        scene_of(2, end=end(9, goodbye=True)), by_seat(s0=["Hello.", "Goodbye."], s1=["Yes.", "Goodbye."])
    )
    assert how(transcript) == ("said_goodbye", "s1", 4)
