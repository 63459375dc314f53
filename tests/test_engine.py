"""The engine as a whole: prompts that only grow, budgets, and the same dialogue whatever else goes on."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

import simworld as sw
from simworld.backends.completion import Completion
from simworld.errors import BackendError, PackError, Refused, RunStopped, SimworldError, UsageError
from simworld.schema import Opening, Persona, Scene, Seat, Transcript
from simworld.simulate.minding import Minding
from simworld.simulate.run import HOPELESS, play_many
from simworld.simulate.run import play as play_scene
from simworld.text.tokens import MESSAGE_OVERHEAD, estimate
from tests.scenes_of_tests import (
    EMOTIONS,
    NAMES,
    PLACES,
    Model,
    Reply,
    Request,
    acts,
    busily,
    busy,
    by_seat,
    check_requests,
    counted,
    director,
    end,
    many,
    own_acts,
    person,
    play,
    scene_of,
    seated,
)

# each request is the start of the row


@pytest.mark.parametrize("name", ["alternate", "round_robin", "addressed"])
@pytest.mark.parametrize("seed", range(6))
def test_requests_are_the_start_of_the_rows(name: str, seed: int) -> None:
    transcript, model = play(busy(2 + seed % 3, director=director(name)), busily, seed=seed)
    assert transcript.status == "complete"
    assert check_requests(transcript, model) == 0
    assert len(model.requests) == sum(len(own_acts(transcript, seat)) for seat in transcript.seats)


def test_requests_of_roles_are_the_start_of_the_rows() -> None:
    roles = [Seat(id="s0", role="user"), Seat(id="s1", role="assistant"), Seat(id="s2", role="narrator"), Seat(id="s3")]
    for seats in (roles[:2], roles[:3], roles):
        transcript, model = play(scene_of(seats, end=end(12)), busily)
        assert check_requests(transcript, model) == 0
        assert len(transcript.turns) >= 12


def test_each_request_grows_out_of_the_one_before() -> None:
    _, model = play(busy(), busily)
    for seat in ("s0", "s1", "s2"):
        asked = [request.messages for request in model.of(seat)]
        assert len(asked) > 3
        assert all(later[: len(sooner)] == sooner for sooner, later in pairwise(asked))


def test_the_last_acts_are_told_that_it_ends() -> None:
    transcript, model = play(scene_of(2, end=end(6)))
    told = ["about to end" in request.messages[-1]["content"] for request in model.requests]
    assert told == [False] * 4 + [True] * 2
    assert [turn.note for turn in transcript.turns][3:5] == ["", "The scene is about to end."]


# the budget


def tight(spare: int, scene: Scene, reply: Reply = busily, seed: int = 0, **options: Any) -> tuple[Transcript, Model]:
    """Play with a context that leaves `spare` tokens beside the longest system message."""
    cast = seated(scene)
    system = max(estimate(request.messages[0]["content"]) for request in play(scene, reply, cast=cast)[1].requests)
    # a quarter of the context is kept for the reply
    context = (system + MESSAGE_OVERHEAD + spare) * 4 // 3 + 1
    return play(scene, reply, cast=cast, context=context, seed=seed, **options)


def budget(model: Model) -> int:
    return model.context_tokens - min(1024, model.context_tokens // 4)


@pytest.mark.parametrize("spare", [120, 160, 240, 400])
@pytest.mark.parametrize("seed", range(4))
def test_a_view_that_is_cut_keeps_within_the_budget(spare: int, seed: int) -> None:
    transcript, model = tight(spare, busy(length=60), seed=seed)
    assert transcript.status == "complete", transcript.ending
    assert check_requests(transcript, model) >= (6 if spare < 400 else 3)
    for request in model.requests:
        size = sum(estimate(message["content"]) + MESSAGE_OVERHEAD for message in request.messages)
        assert size <= budget(model)
        assert [message["role"] for message in request.messages[:2]] == ["system", "user"]


def test_a_cut_is_told_on_the_first_turn_of_the_act_and_starts_at_an_act() -> None:
    transcript, _ = tight(160, busy(length=60))
    cut = [turn for turn in transcript.turns if turn.since is not None]
    for turn in cut:
        before = transcript.turns[turn.n - 1]
        assert before.act != turn.act
        if turn.since == turn.n:
            perceived = [t for t in transcript.turns[: turn.n] if turn.seat in (t.seat, *t.heard_by)]
            assert perceived[-1].seat == turn.seat
            continue
        start = transcript.turns[turn.since or 0]
        assert 0 < start.n < turn.n
        assert start.seat != turn.seat
        assert turn.seat in start.heard_by
        earlier = [own for own in transcript.turns[: start.n] if own.act == start.act and turn.seat in own.heard_by]
        assert earlier == []
    by_one = [turn.since or 0 for turn in cut if turn.seat == cut[0].seat]
    assert len(by_one) >= 2
    assert by_one == sorted(set(by_one))


def test_a_cut_takes_away_about_half() -> None:
    # no notes here: a memory that a note brings back is as long as a few of these remarks
    transcript, model = tight(600, scene_of(2, end=end(120)), counted, minding=Minding(memory="window"))
    cuts = [turn for turn in transcript.turns if turn.since is not None]
    asked = model.of("s0")
    sizes = [len(request.messages) for request in asked]
    falls = [(before, after) for before, after in pairwise(sizes) if after < before]
    assert falls
    assert all(before / 4 <= after <= before * 3 / 4 for before, after in falls)
    assert len(cuts) <= 120 / 6


def test_the_newest_words_are_never_cut() -> None:
    transcript, model = tight(100, scene_of(2, end=end(30)), counted)
    assert transcript.status == "complete"
    assert check_requests(transcript, model) >= 2
    for request in model.requests[1:]:
        other = model.requests[model.requests.index(request) - 1]
        assert f"remark {other.call} of {other.seat}" in request.messages[-1]["content"]


def test_one_long_line_takes_the_room_of_all_the_others() -> None:
    long = "word " * 150  # more than half of the room, less than all of it
    reply = by_seat(s0=["<say>Short.</say>"], s1=["<say>Yes.</say>", f"<say>{long}</say>", "<say>No.</say>"])
    transcript, model = tight(330, scene_of(2, end=end(12)), reply)
    assert transcript.status == "complete", transcript.ending
    assert check_requests(transcript, model) >= 2
    assert any(long.strip() in request.messages[-1]["content"] for request in model.of("s0"))


def test_a_context_that_is_too_small_fails_the_dialogue_and_says_what_to_do() -> None:
    transcript, model = play(scene_of(2, end=end(9)), context=300)
    assert transcript.status == "failed"
    assert model.requests == []
    assert transcript.ending.by == "s0"
    assert "seat 's0'" in transcript.ending.detail
    assert "225 tokens" in transcript.ending.detail
    assert "--context" in transcript.ending.detail


def test_a_line_that_is_too_long_fails_the_dialogue() -> None:
    transcript, _ = tight(150, scene_of(2, end=end(9)), by_seat(s0=["<say>" + "word " * 400 + "</say>"], s1=["Hm."]))
    assert (transcript.status, transcript.ending.by) == ("failed", "s1")
    assert len(acts(transcript)) == 1


def test_who_hears_nothing_for_long_is_cut_and_goes_on() -> None:
    scene = scene_of(
        [Seat(id="s0"), Seat(id="s1", place="attic")], places=PLACES, end=end(40), director=director("alternate")
    )
    transcript, model = tight(150, scene, lambda request: f"<do>waits, number {request.call}</do>")
    assert transcript.status == "complete", transcript.ending
    assert check_requests(transcript, model) >= 2
    assert all("begins" not in request.messages[-1]["content"] for request in model.requests[2:])


def test_a_director_keeps_within_its_budget_too() -> None:
    scene = scene_of(3, director=director("model", after=99), end=end(40))

    def reply(request: Request) -> str:
        return f"NEXT s{request.call % 3}" if request.seat == "director" else counted(request)

    transcript, model = tight(300, scene, reply)
    assert transcript.status == "complete", transcript.ending
    for request in model.of("director"):
        assert sum(estimate(message["content"]) + MESSAGE_OVERHEAD for message in request.messages) <= budget(model)


# many at once


@pytest.mark.parametrize("jobs", [3, 64])
def test_the_number_of_jobs_changes_nothing(jobs: int) -> None:
    scenes = [busy(3, id="one"), busy(4, id="two", director=director("round_robin"))]
    alone = many(scenes, n=14, jobs=1, seed=5)
    assert many(scenes, n=14, jobs=jobs, seed=5) == alone
    assert [transcript.index for transcript in alone] == list(range(14))
    assert many(scenes, n=14, jobs=1, seed=6) != alone


def test_the_first_of_many_are_the_few() -> None:
    scenes = [busy(3, id="one"), busy(2, id="two")]
    assert many(scenes, n=9, jobs=4)[:5] == many(scenes, n=5, jobs=4)


def test_one_that_fails_leaves_the_others_alone() -> None:
    def reply(request: Request) -> Any:
        return BackendError("overloaded") if "You are Cleo Otto" in request.text and request.call else busily(request)

    transcripts = many(busy(2, id="one"), reply, n=16, jobs=8)
    assert [transcript.index for transcript in transcripts] == list(range(16))
    by_status = {transcript.status for transcript in transcripts}
    assert by_status == {"complete", "failed"}
    for transcript in transcripts:
        cleo = any(seat.name == "Cleo Otto" for seat in transcript.seats.values())
        assert (transcript.status == "failed") == cleo
        assert (transcript.ending.detail == "overloaded") == cleo


def test_a_fault_in_the_users_own_function_fails_one_dialogue() -> None:
    async def speak(messages: list[dict[str, str]]) -> str:
        raise ValueError("mine")

    transcript = asyncio.run(play_scene(scene_of(2), backend=speak, cast=seated(scene_of(2))))
    assert transcript.status == "failed"
    assert transcript.ending.detail == "python:speak: ValueError: mine"


def test_a_refusal_stops_the_run() -> None:
    def reply(request: Request) -> Any:
        return Refused("no such model") if request.call else busily(request)

    with pytest.raises(Refused, match="no such model"):
        many(busy(2), reply, n=20, jobs=4)


def test_a_run_in_which_everything_fails_is_stopped() -> None:
    with pytest.raises(RunStopped, match=f"{HOPELESS} dialogues failed in a row, the last with: down"):
        many(scene_of(2), lambda _: BackendError("down"), n=HOPELESS + 5, jobs=3)
    assert len(many(scene_of(2), lambda _: BackendError("down"), n=HOPELESS - 1, jobs=3)) == HOPELESS - 1


def test_failures_between_which_something_succeeds_stop_nothing() -> None:
    def reply(request: Request) -> Any:
        return BackendError("down") if "You are Ann Lee" in request.text or "with Ann Lee" in request.text else "Hm."

    cast = [person(f"p{at}", name) for at, name in enumerate(NAMES[:3])]
    transcripts = many(scene_of(2, end=end(2)), reply, n=3 * HOPELESS, jobs=1, cast=cast)
    assert sum(transcript.status == "failed" for transcript in transcripts) == 2 * HOPELESS


def test_a_reader_may_stop_early_though_much_is_waiting() -> None:
    async def read_one() -> int:
        cast = [person(f"p{at}", name) for at, name in enumerate(NAMES)]
        stream = play_many(scene_of(2, end=end(1)), n=300, backend=Model(counted), cast=cast, jobs=1)
        first = await anext(stream)
        for _ in range(300):
            await asyncio.sleep(0)  # the others are played until nobody takes them
        await stream.aclose()
        return first.index

    assert asyncio.run(asyncio.wait_for(read_one(), 60)) == 0


def test_n_is_one_or_more() -> None:
    with pytest.raises(UsageError, match="n must be 1 or more"):
        many(scene_of(2), n=0, jobs=1)


# the cast


def test_a_cast_by_seat_a_list_and_a_wrong_seat() -> None:
    scene = scene_of(2, end=end(1))
    ann, ben = person("ann", "Ann Lee"), person("ben", "Ben Marsh")
    transcript, _ = play(scene, cast={"s1": ann, "s0": ben})
    assert {id: seat.name for id, seat in transcript.seats.items()} == {"s0": "Ben Marsh", "s1": "Ann Lee"}
    transcript, _ = play(scene, cast=[ann, ben])  # type: ignore[arg-type]
    assert {seat.name for seat in transcript.seats.values()} == {"Ann Lee", "Ben Marsh"}
    with pytest.raises(UsageError, match="seat 's3' is not known"):
        play(scene, cast={"s0": ann, "s1": ben, "s3": ann})
    with pytest.raises(UsageError, match="cannot all be taken by different personas"):
        play(scene, cast={"s0": ann, "s1": ann})


def test_a_scene_made_in_python_is_checked_like_a_file() -> None:
    with pytest.raises(PackError, match="s9"):
        play(scene_of(2, openings=(Opening(seat="s9", text="x"),)))


def test_a_persona_may_have_any_name() -> None:
    for name in ("{x}", "A\\1", "Ann [red]", "*", "<say>", "¿", 'O\'Neil "Nan"', "x:y", "%s {0}"):
        scene = scene_of(3, end=end(6))
        cast = seated(scene, name)
        transcript, model = play(scene, busily, cast=cast)
        assert transcript.status == "complete"
        assert check_requests(transcript, model) == 0


# the header


def test_the_transcript_tells_about_itself() -> None:
    scene = busy(topics=("travel",), director=director("round_robin"))
    transcript, model = play(scene, busily, seed=3)
    assert (transcript.scene, transcript.title, transcript.topic) == ("test_scene", "A test", "travel")
    assert (transcript.director, transcript.index) == ("round_robin", 0)
    assert transcript.places == {"hall": "Great Hall", "yard": "the yard", "attic": "attic"}
    assert {seat.backend for seat in transcript.seats.values()} == {"test:model"}
    assert [seat.main for seat in transcript.seats.values()] == [True, False, False]
    assert {seat.place for seat in transcript.seats.values()} == {"hall"}
    assert all(seat.emotion in EMOTIONS for seat in transcript.seats.values())
    for id, record in transcript.seats.items():
        assert record.briefing.system == model.of(id)[0].messages[0]["content"]
        assert transcript.usage[id].calls == len(model.of(id))
        assert transcript.usage[id].estimated
    assert Transcript.model_validate_json(transcript.model_dump_json()) == transcript


def test_tokens_that_the_endpoint_tells_are_taken() -> None:
    transcript, _ = play(scene_of(2, end=end(4)), lambda r: Completion(counted(r), input_tokens=100, output_tokens=7))
    usage = transcript.usage["s0"]
    assert (usage.calls, usage.input_tokens, usage.output_tokens, usage.estimated) == (2, 200, 14, False)


def test_two_runs_of_one_seed_are_equal_and_of_two_are_not() -> None:
    scene = busy(3)
    assert play(scene, busily, seed=1)[0] == play(scene, busily, seed=1)[0]
    assert play(scene, busily, seed=1)[0] != play(scene, busily, seed=2)[0]


def test_people_are_only_as_old_as_the_scene_wants() -> None:
    old, young = Persona(id="old", name="Old Tom", age=80), Persona(id="young", name="Young Tim", age=20)
    scene = scene_of([Seat(id="s0", who={"age": ">=60"}), Seat(id="s1")], end=end(1))  # type: ignore[arg-type]
    transcript, _ = play(scene, cast=[young, old])  # type: ignore[arg-type]
    assert transcript.seats["s0"].name == "Old Tom"


async def _forty_two(messages: object) -> int:
    del messages
    return 42


@pytest.mark.parametrize(
    "backend", ["foo", "openai:gpt", 3, lambda messages: "hi", _forty_two],
    ids=["name", "kind", "number", "function", "coroutine"],
)  # fmt: skip
def test_a_backend_that_cannot_speak_is_told_at_once(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    async def wait() -> None:
        await asyncio.wait_for(sw.play("lost_luggage", backend=backend), 20)

    with pytest.raises(SimworldError):
        asyncio.run(wait())


def test_a_cast_may_name_ids() -> None:
    transcript = asyncio.run(sw.play("chess_in_the_park", cast=["gerald_pike", "beatrix_lang"], max_turns=2))
    assert {seat.persona for seat in transcript.seats.values()} == {"gerald_pike", "beatrix_lang"}


def test_turn_limits_are_checked_in_python_too() -> None:
    with pytest.raises(UsageError, match="max_turns"):
        asyncio.run(sw.play("lost_luggage", max_turns=0))


def test_a_finished_dialogue_leaves_nothing_to_the_garbage_collector() -> None:
    """While thousands are in flight it hardly ever runs: what only it can free stays."""
    import gc

    scene = busy(2, length=10)
    many(scene, n=5, jobs=4)
    gc.collect()
    gc.disable()
    try:
        many(scene, n=40, jobs=4)
        assert gc.collect() < 40 * 20
    finally:
        gc.enable()
