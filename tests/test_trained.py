"""simworld.json: what a checkpoint was trained to be is written, read, and held to where it acts."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simworld.backends.open import open_backend
from simworld.backends.sampling import Sampling
from simworld.checkpoint.control import END_OF_CONVERSATION
from simworld.checkpoint.facts import check_fit, read_trained, template_hash, write_trained
from simworld.errors import UsageError
from simworld.schema import Intervention, Seat, Trained
from tests.scenes_of_tests import Model, Request, end, play, says, scene_of
from tests.tiny_model import CHATML, build

TRAINED = Trained(
    speaker="each", thoughts=True, notes=True, names="both", template="0" * 16, turn_ends=(2,), context=512
)


def told(spec_or_error: Any, text: str) -> str:
    message = str(spec_or_error.value)
    assert text in message
    assert "\n" not in message
    return message


# -- the file


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_trained(tmp_path) is None
    assert read_trained(tmp_path / "nowhere") is None
    trained = TRAINED.model_copy(update={"speaker": "user", "conversation_end": 7, "names": "bare"})
    write_trained(tmp_path, trained)
    assert read_trained(tmp_path) == trained
    assert [path.name for path in tmp_path.iterdir()] == ["simworld.json"]
    assert json.loads((tmp_path / "simworld.json").read_text())["conversation_end"] == 7


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "the file: Invalid JSON"),
        ('{"speaker": "user"}', "thoughts: Field required"),
        (TRAINED.model_dump_json().replace('"both"', '"some"'), "names: Input should be 'bare', 'named' or 'both'"),
        (TRAINED.model_dump_json().replace('"format":1', '"format":2'), "format: Input should be 1"),
        (TRAINED.model_dump_json().replace("[2]", "[]"), "turn_ends: "),
    ],
    ids=["torn", "lacking", "unknown-word", "of-later", "no-end"],
)
def test_a_broken_file_is_told_in_one_line(tmp_path: Path, text: str, wrong: str) -> None:
    (tmp_path / "simworld.json").write_text(text)
    with pytest.raises(UsageError) as caught:
        read_trained(tmp_path)
    assert told(caught, wrong).startswith(f"{tmp_path}/simworld.json: ")


# -- the checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch", reason="the extra `local` is not installed")
    folder = build(tmp_path_factory.mktemp("models") / "trained", layers=1)
    tokenizer = tokenizer_of(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", END_OF_CONVERSATION]})
    tokenizer.save_pretrained(folder)
    end_id = tokenizer.convert_tokens_to_ids(END_OF_CONVERSATION)
    write_trained(folder, TRAINED.model_copy(update={"template": template_hash(tokenizer), "conversation_end": end_id}))
    return folder


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A checkpoint to be spoilt."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def tokenizer_of(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def rewrite(folder: Path, **changes: Any) -> None:
    trained = read_trained(folder)
    assert trained
    write_trained(folder, trained.model_copy(update=changes))


def open_local(folder: Path) -> Any:
    return open_backend(f"local:{folder}", Sampling(temperature=0, max_tokens=4, device="cpu"))


def test_a_local_model_tells_what_it_was_trained_to_be(folder: Path, tmp_path: Path) -> None:
    model = open_local(folder)
    trained = read_trained(folder)
    assert trained
    assert model.trained == trained
    assert model._stops == model._template.ends | {trained.conversation_end}
    stranger = Path(shutil.copytree(folder, tmp_path / "stranger"))
    (stranger / "simworld.json").unlink()
    assert open_local(stranger).trained is None
    assert open_local(stranger)._stops == model._template.ends


def test_all_that_it_was_trained_to_end_a_turn_with_ends_one(copy: Path) -> None:
    rewrite(copy, turn_ends=(1, 2))
    assert {1, 2} < open_local(copy)._stops


def test_the_end_of_a_conversation_is_told_as_such(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from simworld.backends.local.call import Said

    model = open_local(folder)
    for last, reason in ((model.trained.conversation_end, "end_of_conversation"), (2, "stop")):

        async def say(tokens: list[int], last: int = last, **_: Any) -> Said:
            return Said([*model._template.encode([{"role": "user", "content": "Bye."}])[3:5], last], "stop")

        monkeypatch.setattr(type(model), "say", lambda self, tokens, say=say, **rest: say(tokens, **rest))
        reply = asyncio.run(model.complete([{"role": "user", "content": "Hello."}], seed=1))
        assert (reply.finish_reason, bool(reply.text)) == (reason, True)


def test_another_template_is_refused(copy: Path) -> None:
    (copy / "chat_template.jinja").write_text(CHATML.replace("assistant", "Assistant"))
    with pytest.raises(UsageError) as caught:
        open_local(copy)
    assert told(caught, "its chat template is not the one that it was trained with").startswith(f"local:{copy}: ")


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"turn_ends": (2, 77)}, "token 77, which simworld.json names as an end, is no special token"),
        ({"conversation_end": 99_999}, "token 99999, which simworld.json names as an end"),
        ({"conversation_end": 1}, "simworld.json names token 1 as the end of a conversation, and its tokenizer has <|"),
        ({"turn_ends": (2, 512)}, "names token 512 as the end of a turn and of it all"),
    ],
    ids=["text", "beyond", "other", "both"],
)
def test_other_tokens_are_refused(copy: Path, changes: dict[str, Any], wrong: str) -> None:
    rewrite(copy, **changes)
    with pytest.raises(UsageError) as caught:
        open_local(copy)
    told(caught, wrong)


def test_the_hash_is_of_the_template_alone(folder: Path) -> None:
    tokenizer = tokenizer_of(folder)
    before = template_hash(tokenizer)
    assert len(before) == 16
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|more|>"]})
    assert template_hash(tokenizer) == before
    tokenizer.chat_template += " "
    assert template_hash(tokenizer) != before
    with pytest.raises(UsageError, match="chat template"):
        check_fit(TRAINED.model_copy(update={"template": before}), tokenizer, "it")


# -- the seat


@dataclass
class TrainedModel(Model):
    """A model that says what it was trained to be."""

    trained: Trained = TRAINED


def model_of(*lines: str, **changes: Any) -> TrainedModel:
    return TrainedModel(says(*lines or ["Good evening."]), trained=TRAINED.model_copy(update=changes))


PLAIN = [Seat(id="s0", role="user"), Seat(id="s1", role="assistant")]
THREE = [Seat(id="s0", role="user"), Seat(id="s1", role="assistant"), Seat(id="s2")]
NARRATED = [*PLAIN, Seat(id="s2", role="narrator")]


@pytest.mark.parametrize(
    ("changes", "seats", "seat", "wrong"),
    [
        ({"speaker": "user"}, PLAIN, "s1", "was trained to speak as the user, and the role of this seat is assistant"),
        ({"speaker": "user"}, THREE, "s2", "was trained to speak as the user, and the role of this seat is character"),
        ({"speaker": "assistant"}, PLAIN, "s0", "trained to speak as the assistant, and the role of this seat is user"),
        ({"names": "bare"}, THREE, "s0", "others' lines stand without names (two seats that speak plainly), and here"),
        ({"names": "bare"}, [Seat(id="s0"), Seat(id="s1")], "s0", "and here they stand after their speakers' names"),
        ({"names": "named"}, PLAIN, "s0", "and here they stand without names (two seats that speak plainly)"),
    ],
    ids=["user-assistant", "user-character", "assistant-user", "bare-three", "bare-acted", "named-bare"],
)
def test_a_seat_unlike_what_it_learnt_from_is_refused_before_the_first_call(
    changes: dict[str, Any], seats: list[Seat], seat: str, wrong: str
) -> None:
    model = model_of(**changes)
    asked: list[Request] = []
    with pytest.raises(UsageError) as caught:
        play(scene_of(seats, end=end(2)), lambda request: (asked.append(request), "Hello.")[1], seats={seat: model})
    assert told(caught, wrong).startswith(f"scene 'test_scene', seat '{seat}': test:model ")
    assert model.requests == asked == []


@pytest.mark.parametrize(
    ("changes", "seats", "seat"),
    [
        ({"speaker": "user", "names": "bare"}, PLAIN, "s0"),
        ({"speaker": "user", "names": "bare"}, NARRATED, "s0"),
        ({"speaker": "assistant", "names": "bare"}, PLAIN, "s1"),
        ({"speaker": "user", "names": "named"}, THREE, "s0"),
        ({"speaker": "each", "names": "both"}, THREE, "s2"),
        ({"speaker": "main", "names": "named"}, [Seat(id="s0"), Seat(id="s1")], "s1"),
    ],
    ids=["user", "user-narrated", "assistant", "user-of-three", "each-of-three", "main"],
)
def test_a_seat_like_what_it_learnt_from_is_taken(changes: dict[str, Any], seats: list[Seat], seat: str) -> None:
    model = model_of(**changes)
    transcript, _ = play(scene_of(seats, end=end(4)), says("Good evening."), seats={seat: model})
    assert transcript.status == "complete"
    assert model.requests


@pytest.mark.parametrize("thoughts", [True, False])
@pytest.mark.parametrize("notes", [True, False])
def test_prompts_hold_thoughts_and_notes_as_the_rows_did(thoughts: bool, notes: bool) -> None:
    model = model_of("<thought>He is late.</thought>\n<say>Good evening.</say>", thoughts=thoughts, notes=notes)
    moved = (Intervention(seat="s0", at=2, emotion="Sad"), Intervention(seat="s0", at=2, goal="Go home."))
    transcript, _ = play(scene_of(2, end=end(6), interventions=moved), seats={"s0": model})
    asked = [request.text for request in model.requests]
    assert any(turn.text == "He is late." for turn in transcript.turns)
    assert ("<thought>He is late." in asked[-1]) == thoughts
    assert ("Go home." in asked[-1]) == notes
    assert "<say>Good evening." in asked[-1]
