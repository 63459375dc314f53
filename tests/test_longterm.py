"""Minds that outlive a dialogue: carried by hand, or kept in a LangGraph store."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

import simworld as sw
from simworld.errors import UsageError
from simworld.mind import mind_at
from simworld.schema import LetGo, Scene, Seat, Transcript
from simworld.simulate.longterm import read_minds, write_minds
from tests.runs import simworld
from tests.scenes_of_tests import Model, Request, counted, end, person, play, says, scene_of

ANN, BEN = person("ann", "Ann Lee"), person("ben", "Ben Marsh")
LENT = "<say>I lent you forty euros in March, do you remember?</say>"


def evening(reply: Any = counted, *, seed: int = 0, length: int = 6, **options: Any) -> tuple[Transcript, Model]:
    scene = scene_of(2, end=end(length))
    return play(scene, reply, cast={"s0": ANN, "s1": BEN}, seed=seed, **options)


def test_a_mind_carried_into_another_scene_goes_on() -> None:
    first, _ = evening(says(LENT, "<say>Well, the money.</say>"))
    ben = mind_at(first, "s1")
    assert ben == mind_at(first, "ben")
    second, model = evening(says("<say>About the euros from March.</say>"), minds={"ben": ben})
    record = second.minds["s1"]
    assert record.begin.memories == ben.memories
    assert record.begin.minutes == ben.minutes == 6
    assert [memory.id for memory in record.formed] == list(range(ben.next_id, record.end.next_id))
    assert "I lent you forty euros" in model.of("s1")[0].messages[-1]["content"]
    assert "I lent you" not in "".join(request.text for request in model.of("s0"))
    assert second.minds["s0"].begin.memories == ()


def test_a_carried_emotion_gives_way_to_a_fixed_one_alone() -> None:
    ann = mind_at(evening(says("<feel>Sad</feel><say>Oh.</say>"))[0], "s0")
    drawn = scene_of(2, end=end(2), emotions=("Happy",))
    fixed = scene_of([Seat(id="s0", emotion="Happy"), Seat(id="s1")], end=end(2))
    cast = {"s0": ANN, "s1": BEN}
    assert play(drawn, cast=cast, minds={"ann": ann})[0].seats["s0"].emotion == "Sad"
    assert play(fixed, cast=cast, minds={"ann": ann})[0].seats["s0"].emotion == "Happy"
    assert play(drawn, cast=cast)[0].seats["s0"].emotion == "Happy"


def test_at_any_turn_a_mind_is_what_it_was_then() -> None:
    transcript, _model = evening(says(LENT, "<feel>Angry</feel><say>You promised in June!</say>"), length=10)
    for turn in range(-1, len(transcript.turns)):
        mind = mind_at(transcript, "s1", turn)
        own = [one for one in transcript.turns[: turn + 1] if one.seat == "s1"]
        assert mind.emotion.name == (own[-1].emotion if own else transcript.seats["s1"].emotion)
        assert all(memory.at <= turn for memory in mind.memories)
        seen = [memory for memory in transcript.minds["s1"].formed if memory.at <= turn]
        assert list(mind.memories) == seen
    end_ties = transcript.minds["s1"].end.ties["ann"]
    last = mind_at(transcript, "s1", len(transcript.turns) - 1).ties["ann"]
    assert last.familiarity == pytest.approx(end_ties.familiarity, abs=0.03)
    with pytest.raises(UsageError, match="there is no turn 10; allowed: 0 to 9"):
        mind_at(transcript, "s1", 10)
    with pytest.raises(UsageError, match="seat 'nobody' is not known; allowed: s0, s1"):
        mind_at(transcript, "nobody")


def test_what_is_forgotten_is_told_and_gone_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from simworld.mind import Models
    from simworld.mind.emotion import PAD
    from simworld.mind.memory import Episodic

    small = Episodic(most=12)
    monkeypatch.setattr("simworld.simulate.minding._models", lambda *_: Models(PAD(), small))
    transcript, _ = evening(lambda request: f"<say>I owe you {request.call} euros since May.</say>", length=60)
    record = transcript.minds["s0"]
    assert record.let_go
    assert len(mind_at(transcript, "s0").memories) <= 12
    gone = record.let_go[0]
    assert gone.id in {memory.id for memory in mind_at(transcript, "s0", gone.at - 1).memories}
    assert gone.id not in {memory.id for memory in mind_at(transcript, "s0", gone.at).memories}
    assert gone.text in {memory.text for memory in record.formed}


# --- a store -------------------------------------------------------------------------------------------------------


def with_store(store: InMemoryStore, seed: int, reply: Any = counted) -> Transcript:
    return evening(reply, seed=seed, store=store)[0]


def test_a_store_is_read_as_a_scene_starts_and_written_as_it_ends() -> None:
    store = InMemoryStore()
    first = with_store(store, 1, says(LENT))
    second = with_store(store, 2, says("<say>The forty euros from March.</say>"))
    assert second.minds["s0"].begin.memories == mind_at(first, "s0").memories
    assert second.minds["s0"].begin.ties["ben"] == mind_at(first, "s0").ties["ben"]
    kept = asyncio.run(read_minds(store, ["ann", "ben", "nobody"]))
    assert kept == {"ann": mind_at(second, "s0"), "ben": mind_at(second, "s1")}


def test_what_was_forgotten_is_deleted_from_the_store() -> None:
    store = InMemoryStore()
    first = with_store(store, 1)
    record = first.minds["s0"]
    forgotten = record.model_copy(update={"let_go": (LetGo(id=0, at=2, text="x"),)})
    shorter = first.model_copy(update={"minds": {**first.minds, "s0": forgotten}})
    asyncio.run(write_minds(store, [shorter]))
    kept = asyncio.run(read_minds(store, ["ann"]))["ann"]
    assert [memory.id for memory in kept.memories] == [memory.id for memory in record.formed if memory.id != 0]


def test_given_minds_win_over_the_store_and_a_failed_scene_writes_nothing() -> None:
    from simworld.errors import BackendError

    store = InMemoryStore()
    first = with_store(store, 1)

    def fails(request: Request) -> Any:
        return BackendError("gone")

    assert with_store(store, 2, fails).status == "failed"
    kept = asyncio.run(read_minds(store, ["ann"]))["ann"]
    assert kept == mind_at(first, "s0")
    given = kept.model_copy(update={"memories": kept.memories[:1]})
    third = evening(seed=3, store=store, minds={"ann": given})[0]
    assert third.minds["s0"].begin.memories == given.memories


def test_a_store_that_holds_something_else_is_refused() -> None:
    store = InMemoryStore()
    store.put(("simworld", "ann"), "mind", {"mood": "fine"})
    with pytest.raises(UsageError, match=r"the store's mind of 'ann' cannot be read: mood.*delete what lies under"):
        with_store(store, 1)


# --- what is shown and exported ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("minds") / "corpus"
    hands = out.parent / "hands.yaml"
    hands.write_text(
        '- {seat: clerk, at: 2, emotion: angry, memory: "{{ passenger.name }} shouted at me last year."}\n'
    )
    simworld("run", "lost_luggage", "-n", 2, "--seed", 7, "--intervene", hands, "--out", out)
    return out


def test_a_mind_is_shown(corpus: Path) -> None:
    shown = simworld("show", corpus, "0", "--mind", "clerk", "--at", "9").stdout
    assert "Cornelius van Wyk after turn 9" in shown
    assert "planted" in shown
    assert "shouted at me last year." in shown
    facts = json.loads(simworld("show", corpus, "0", "--mind", "clerk", "--at", "9", "--json").stdout)
    transcript = sw.Corpus(corpus).find("0")
    assert facts["memories"] == [memory.model_dump(mode="json") for memory in mind_at(transcript, "clerk", 9).memories]
    assert facts["emotion"]["name"] == mind_at(transcript, "clerk", 9).emotion.name
    assert facts["interventions"][0]["what"]["emotion"] == "Angry"
    assert any("shouted at me" in told["note"] for told in facts["told"])
    start = json.loads(simworld("show", corpus, "0", "--mind", "clerk", "--at", "-1", "--json").stdout)
    assert start["memories"] == start["told"] == []


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["0", "--mind", "nobody"], "seat 'nobody' is not known"),
        (["0", "--mind", "clerk", "--at", "900"], "no turn 900"),
        (["--mind", "clerk"], "a mind is shown by"), (["0", "--at", "3"], "a mind is shown by"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_told(corpus: Path, options: list[str], what: str) -> None:
    assert what in simworld("show", corpus, *options, code=2).stderr


def test_exported_messages_carry_what_lay_behind_them(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    simworld("export", corpus, "--speaker", "clerk", "--with", "emotion,memory,relations", "--out", out)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    for row, transcript in zip(rows, sw.Corpus(corpus), strict=True):
        acts = list(_acts(transcript, "clerk"))
        own = [message for message in row["messages"] if message["role"] == "assistant"]
        assert len(own) == len(acts)
        for message, act in zip(own, acts, strict=True):
            assert message["emotion"]["name"] == act.emotion
            assert [message["emotion"][key] for key in ("valence", "arousal", "dominance")] == list(act.affect or ())
            assert [one["id"] for one in message["memory"]] == list(act.recalled)
            assert {one["persona"] for one in message["relations"]} == set(act.ties)
        assert all(
            (message["emotion"], message["memory"], message["relations"]) == (None, [], [])
            for message in row["messages"] if message["role"] != "assistant"
        )  # fmt: skip
    planted = [one["text"] for row in rows for message in row["messages"] for one in message["memory"]]
    assert any("shouted at me last year." in text for text in planted)
    plain = tmp_path / "plain.jsonl"
    simworld("export", corpus, "--speaker", "clerk", "--out", plain)
    bare = [json.loads(line) for line in plain.read_text(encoding="utf-8").splitlines()]
    keys = ("role", "content", "loss")
    assert [[{key: m[key] for key in keys} for m in row["messages"]] for row in rows] == [
        row["messages"] for row in bare
    ]


def test_some_of_it_goes_into_parquet(corpus: Path, tmp_path: Path) -> None:
    from pyarrow import parquet

    out = tmp_path / "rows.parquet"
    simworld("export", corpus, "--speaker", "each", "--with", "emotion", "--out", out)
    rows = parquet.read_table(out).to_pylist()
    felt = [message["emotion"] for row in rows for message in row["messages"] if message["role"] == "assistant"]
    assert all(one["name"] for one in felt)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--with", "emotions"], "--with 'emotions' is not known; allowed: emotion, memory, relations"),
        (["--with", "emotion", "--as", "sharegpt"], "--with goes with --as messages"),
    ],
)
def test_what_cannot_be_carried_is_told(corpus: Path, options: list[str], what: str) -> None:
    assert what in simworld("export", corpus, *options, code=2).stderr


def _acts(transcript: Transcript, seat: str) -> list[Any]:
    """The first turn of each act of a seat, the scene's own among them."""
    found: dict[int, Any] = {}
    for turn in transcript.turns:
        if turn.seat == seat:
            found.setdefault(turn.act, turn)
    return list(found.values())


def test_a_plain_speaker_who_comes_back_remembers_in_its_briefing() -> None:
    seats = [Seat(id="user", role="user"), Seat(id="assistant", role="assistant")]
    scene = Scene(id="help", title="Help with a tax letter", seats=tuple(seats), end=end(4))
    cast = {"user": ANN, "assistant": BEN}
    first, _ = play(scene, says("The tax letter says I owe 312 euros."), cast=cast)
    second, model = play(scene, says("Thank you."), cast=cast, minds={"ann": mind_at(first, "user")})
    assert "What you remember of before:" in second.seats["user"].briefing.system
    assert "312 euros" in second.seats["user"].briefing.system
    assert "312" not in second.seats["assistant"].briefing.system
    assert "312" not in "".join(request.text for request in model.of("assistant"))
