"""What a corpus of the embedded default must be: varied, answering, and told apart by voice and feeling."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

import simworld as sw
from simworld.corpus.imports.simsconv import import_simsconv
from simworld.packs import load_pack
from simworld.prompts import words as vocabulary
from simworld.schema import Persona, Scene, Seat, Transcript
from tests.improv_metrics import (
    Spoken,
    distinct_2,
    hidden_words,
    longest_run_share,
    named,
    overlap,
    repeated,
    spoken,
    words,
)
from tests.profiles_of_tests import people, rooms

DIALOGUES = 400
SCENES = sorted(id for id, scene in load_pack(Path(__file__).parents[1]).scenes.items() if scene.drawn)


def play(scenes: Sequence[Scene | str], cast: list[Persona] | None = None, n: int = DIALOGUES) -> list[Transcript]:
    async def gather() -> list[Transcript]:
        return [transcript async for transcript in sw.play_many(scenes, n=n, cast=cast, seed=11)]

    return sorted(asyncio.run(gather()), key=lambda transcript: transcript.index)


class Corpus:
    """Dialogues with everything that is measured on them."""

    def __init__(self, transcripts: list[Transcript], personas: dict[str, Persona]) -> None:
        self.transcripts = transcripts
        self.personas = personas
        self.lines: list[Spoken] = spoken(transcripts)
        self.names = hidden_words(personas.values())


@pytest.fixture(scope="module")
def built_in() -> Corpus:
    """The pack that the package ships."""
    return Corpus(play(SCENES), dict(load_pack(Path(__file__).parents[1]).personas))


@pytest.fixture(scope="module")
def profiles() -> Corpus:
    """People known by a profile alone."""
    return Corpus(play(rooms(), people()), {persona.id: persona for persona in people()})


@pytest.fixture(params=["built_in", "profiles"])
def corpus(request: pytest.FixtureRequest) -> Corpus:
    return request.getfixturevalue(request.param)


def test_every_dialogue_is_complete_and_no_two_are_equal(corpus: Corpus) -> None:
    texts = {"\n".join(turn.text for turn in transcript.turns) for transcript in corpus.transcripts}
    assert {transcript.status for transcript in corpus.transcripts} == {"complete"}
    assert len(texts) == len(corpus.transcripts) == DIALOGUES


def test_no_line_is_spoken_twice_in_a_dialogue(corpus: Corpus) -> None:
    assert repeated(corpus.transcripts) == []


def test_word_pairs_are_varied(corpus: Corpus) -> None:
    lines = [line.text for line in corpus.lines]
    assert distinct_2(lines[:2000]) >= 0.30
    assert distinct_2(Random(3).sample(lines, 2000)) >= 0.30


def test_lines_take_up_the_line_they_answer(corpus: Corpus) -> None:
    near, far = overlap(corpus.lines, corpus.names)
    assert near >= 0.40
    assert near >= 2 * far


def test_no_long_run_of_words_recurs(corpus: Corpus) -> None:
    share, run = longest_run_share(corpus.lines, corpus.personas)
    assert share <= 0.03, run


def test_a_reader_knows_who_speaks_with_the_names_hidden(corpus: Corpus) -> None:
    often = sorted(corpus.personas, key=lambda id: -sum(line.speaker == id for line in corpus.lines))[:20]
    turns = [(line.dialogue, line.speaker, line.text) for line in corpus.lines if line.speaker in often]
    assert len({speaker for _, speaker, _ in turns}) == 20
    assert named(turns, corpus.names) >= 0.40


def test_feelings_are_heard(built_in: Corpus) -> None:
    emotions = vocabulary("emotions")
    turns = [(line.dialogue, line.emotion, line.text) for line in built_in.lines if line.emotion]
    assert {emotion for _, emotion, _ in turns} == set(emotions)
    assert named(turns, built_in.names) >= 3 / len(emotions)


def test_about_one_act_in_three_is_thought_as_well_as_spoken(profiles: Corpus) -> None:
    turns = [turn for transcript in profiles.transcripts for turn in transcript.turns]
    acts = {(at, turn.act) for at, transcript in enumerate(profiles.transcripts) for turn in transcript.turns}
    assert 0.2 <= sum(turn.kind == "think" for turn in turns) / len(acts) <= 0.5
    assert sum(turn.kind == "do" for turn in turns) / len(acts) >= 0.2


def test_a_secret_is_never_spoken(built_in: Corpus) -> None:
    for transcript in built_in.transcripts:
        for turn in transcript.turns:
            if turn.kind == "think" or turn.seat not in transcript.seats:
                continue
            persona = built_in.personas[transcript.seats[turn.seat].persona]
            heard = turn.text
            for sample in persona.samples:
                heard = heard.replace(sample, "\n")
            secret, said = words(persona.secret), f" {' '.join(words(heard))} "
            told = [run for at in range(len(secret) - 3) if f" {(run := ' '.join(secret[at : at + 4]))} " in said]
            assert not told, (persona.id, turn.text)


def test_two_take_leave_of_each_other_at_the_end_and_not_before(profiles: Corpus) -> None:
    for transcript in profiles.transcripts:
        assert transcript.ending.reason == "said_goodbye", transcript.id
        acts = max(turn.act for turn in transcript.turns) + 1
        assert acts >= 12, transcript.id


def test_simsconv_characters_are_told_apart_and_answer(data: Path, tmp_path: Path) -> None:
    import_simsconv(data / "simsconv", tmp_path / "pack")
    pack = load_pack(tmp_path / "pack")
    main = sorted({scene.seats[0].persona or "" for scene in pack.scenes.values()})[::2][:20]
    own = [scene for scene in pack.scenes.values() if scene.seats[0].persona in main]
    scenes = [scene.model_copy(update={"seats": (scene.seats[0], Seat(id="partner"))}) for scene in own]
    corpus = Corpus(play(scenes, [pack.personas[id] for id in main]), dict(pack.personas))
    turns = [(line.dialogue, line.speaker, line.text) for line in corpus.lines if line.speaker in main]
    near, far = overlap(corpus.lines, corpus.names)
    assert near >= max(0.40, 2 * far)
    assert distinct_2([line.text for line in corpus.lines][:2000]) >= 0.30
    assert longest_run_share(corpus.lines, corpus.personas)[0] <= 0.03
    assert named(turns, corpus.names) >= 0.40
    assert repeated(corpus.transcripts) == []
