"""The trainer: rows with ends, windows, packing, resume, adapters, a tiny model from nothing, scores, the command."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from simworld.checkpoint.facts import read_trained
from simworld.checkpoint.open import load_model, open_checkpoint
from simworld.checkpoint.template import Template
from simworld.corpus.store import to_line
from simworld.errors import UsageError
from simworld.loop.train import Rows, rows_of
from simworld.prompts import forms
from simworld.schema import Briefing, Ending, SeatRecord, Transcript, Turn
from simworld.train import training
from simworld.train.mask import NOTHING, mask
from simworld.train.recipe import Recipe, warm_start_of
from simworld.train.rows import TrainMessage, TrainRow
from simworld.train.windows import Fit, windows
from simworld.usersim.rows import train_rows
from tests.tiny_model import build

pytest.importorskip("trl", reason="the extra `train` is not installed")
import torch
from safetensors import safe_open

SYSTEM = "You want to know something."


def seat(role: str, **fields: Any) -> SeatRecord:
    briefing = Briefing(
        system=SYSTEM, opener="(The conversation begins. Write your first message.)", nudge="(Nobody answers.)"
    )
    given = {"persona": role, "name": role.title(), "role": role, "format": "plain", "backend": "imported"}
    return SeatRecord(**{**given, "briefing": briefing, **fields})


def transcript(
    said: Sequence[str], *, id: str = "one", index: int = 0, ending: Ending | None = None, **fields: Any
) -> Transcript:
    """A conversation that the user opens; turns alternate."""
    seats = ("user", "assistant")
    turns = tuple(
        Turn(n=n, act=n, seat=seats[n % 2], kind="say", text=text, heard_by=(seats[(n + 1) % 2],))
        for n, text in enumerate(said)
    )
    given = {"seats": {name: seat(name) for name in seats}, "status": "complete", "forms": forms(), "seed": 0}
    ended = ending or Ending(reason="imported", known=False)
    return Transcript(**{**given, "id": id, "index": index, "scene": "s", "turns": turns, "ending": ended, **fields})


def corpus(folder: Path, transcripts: Sequence[Transcript]) -> Path:
    (folder / "transcripts").mkdir(parents=True)
    for shard in range(-(-len(transcripts) // 100)):
        lines = b"".join(to_line(one) for one in transcripts[100 * shard : 100 * shard + 100])
        (folder / "transcripts" / f"{shard:05d}.jsonl").write_bytes(lines)
    return folder


def row(*said: str, id: str = "r", end: bool | None = False, split: Any = "train") -> TrainRow:
    """A row in which the speaker (`assistant`) answers; the last of `said` is its own."""
    messages = [TrainMessage(role="system", content=SYSTEM, loss=False, end=None)]
    for at, text in enumerate(said):
        own = at % 2 == 1
        last = at == len(said) - 1
        messages.append(
            TrainMessage(
                role="assistant" if own else "user",
                content=text,
                loss=own,
                end=(end if last else False) if own else None,
            )
        )
    return TrainRow(id=id, root=id, split=split, messages=messages)


class Given:
    """Rows as a source of the trainer."""

    names = "bare"

    def __init__(self, rows: Sequence[TrainRow]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[TrainRow]:
        return iter(self._rows)

    def facts(self) -> dict[str, Any]:
        return {"corpora": ["given"], "left_out": {}, "sources": {}, "split_by": "conversation"}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """Two threads wait for each other on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("base") / "model", hidden=32, heads=2, context=512)


def quietly(text: str) -> None:
    del text


def opened(folder: Path) -> tuple[Template, Any]:
    checkpoint = open_checkpoint(str(folder), spec=str(folder))
    return Template(checkpoint.tokenizer, str(folder)), load_model(checkpoint, torch.device("cpu"), torch.float32)


KNOWN = Ending(reason="imported", known=True)


@pytest.mark.parametrize(
    ("said", "ending", "status", "last"),
    [
        ("hi|yes?", KNOWN, "complete", ("", True)),
        ("hi|yes?|bye", KNOWN, "complete", ("bye", True)),
        ("hi|yes?", Ending(reason="imported", known=False), "complete", ("hi", False)),
        ("hi|yes?|more", Ending(reason="imported", known=False), "complete", ("more", None)),
        ("hi|yes?", Ending(reason="max_turns"), "complete", ("hi", False)),
        ("hi|yes?|more", Ending(reason="max_turns"), "complete", ("more", None)),
        ("hi|yes?", Ending(reason="end_of_conversation", by="user"), "complete", ("", True)),
        ("hi|yes?|more", Ending(reason="end_of_conversation", by="assistant"), "complete", ("more", None)),
        ("hi|yes?|bye", Ending(reason="said_goodbye"), "complete", ("bye", True)),
        ("hi|yes?|bye", KNOWN, "truncated", ("bye", None)),
    ],
    ids=["known", "known-by-human", "unknown", "unknown-human", "limit", "limit-human", "ended", "not-by-it", "goodbye",
         "truncated"],
)  # fmt: skip
def test_ends_are_taught_where_they_are_known(said: str, ending: Ending, status: Any, last: Any) -> None:
    (found,) = train_rows(transcript(said.split("|"), ending=ending, status=status), "user", thoughts=True, notes=True)
    message = found["messages"][-1]
    assert message["role"] == "assistant"
    assert (message["content"], message["end"]) == last
    own = [one for one in found["messages"] if one["role"] == "assistant"]
    assert [one["end"] for one in own[:-1]] == [False] * (len(own) - 1)
    assert all(one["loss"] for one in own)


def test_the_message_before_a_last_silence_is_what_was_heard() -> None:
    (found,) = train_rows(transcript(["hi", "yes?"], ending=KNOWN), "user", thoughts=True, notes=True)
    assert [one["content"] for one in found["messages"][2:]] == ["hi", "yes?", ""]


def test_other_speakers_are_taught_no_ends() -> None:
    for said in ("hi|yes?", "hi|yes?|bye"):
        (found,) = train_rows(transcript(said.split("|"), ending=KNOWN), "assistant", thoughts=True, notes=True)
        own = [one for one in found["messages"] if one["role"] == "assistant"]
        assert [(one["content"], one["end"]) for one in own] == [("yes?", False)]


def test_whole_roots_are_held_out_and_a_split_of_the_corpus_stands(tmp_path: Path) -> None:
    some = [
        transcript(["a", "b"], id=f"t{n}", index=n, about={"root": f"root{n // 2}"}) for n in range(200)
    ]  # fmt: skip
    rows = list(rows_of(corpus(tmp_path / "roots", some), "user", validation=0.3))
    sides = {root: {one["split"] for one in rows if one["root"] == root} for root in {one["root"] for one in rows}}
    assert len(rows) == 200
    assert all(len(side) == 1 for side in sides.values())
    assert 15 <= sum(side == {"validation"} for side in sides.values()) <= 45
    given = [one.model_copy(update={"about": {"split": "train" if n else "validation"}}) for n, one in enumerate(some)]
    rows = list(rows_of(corpus(tmp_path / "given", given), "user", validation=0.3))
    assert [one["id"] for one in rows if one["split"] == "validation"] == ["t0/user/0"]


def test_a_held_out_person_teaches_nobody(tmp_path: Path) -> None:
    people = [f"p{n}" for n in range(12)]
    seats = [(a, b) for a in people for b in people if a < b]
    some = [
        transcript(["a", "b"], id=f"t{n}", index=n, seats={"user": seat("user", persona=a),
                                                           "assistant": seat("assistant", persona=b)})
        for n, (a, b) in enumerate(seats)
    ]  # fmt: skip
    rows = Rows([corpus(tmp_path / "c", some)], "each", validation=0.3, split_by="persona")
    sides: dict[str, set[str]] = {"train": set(), "validation": set()}
    for found in rows:
        number, who, _ = found["id"].split("/")
        pair = dict(zip(("user", "assistant"), seats[int(number[1:])], strict=True))
        sides[found["split"]] |= {pair[who]} if found["split"] == "validation" else set(pair.values())
    assert sides["train"] & sides["validation"] == set()
    assert sides["train"] | sides["validation"] == set(people)
    assert sides["validation"]
    assert rows.left_out["viewpoints of conversations with a held-out person"] > 0


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    silent = transcript([], id="t1", index=1)
    unused = transcript(["a"], id="t2", index=2, status="truncated")
    alone = transcript(["a"], id="t3", index=3, seats={"user": seat("character")})
    some = [transcript(["a", "b"], id="t0"), silent, unused, alone]
    rows = Rows([corpus(tmp_path / "c", some)], "user")
    assert [one["id"] for one in rows] == ["t0/user/0"]
    assert rows.facts()["left_out"] == {
        "transcripts that are truncated": 1, "transcripts without such a seat": 1,
        "viewpoints of seats that never act": 1,
    }  # fmt: skip
    assert [one["id"] for one in Rows([tmp_path / "c"], "user", include=["truncated"])] == ["t0/user/0", "t2/user/0"]


def test_two_corpora_keep_their_rows_apart(tmp_path: Path) -> None:
    folders = [corpus(tmp_path / name, [transcript(["a", "b"])]) for name in "ab"]
    assert [one["id"] for one in rows_of(folders, "user")] == ["0:one/user/0", "1:one/user/0"]


def long_row(turns: int = 16, words: int = 6) -> TrainRow:
    draw = Random(3)
    return row(*[" ".join(draw.choice(["tea", "cake", "house", "river"]) for _ in range(words)) for _ in range(turns)])


def test_a_long_row_becomes_windows_that_learn_each_message_once(model: Path) -> None:
    template, _ = opened(model)
    given = long_row()
    whole = mask(template, given, conversation_end=None)
    fit = Fit()
    found = list(windows(template, given, context=200, conversation_end=None, fit=fit))
    learnt = [one.messages[turn.message] for one in found for turn in one.example.turns]
    assert learnt == [turn.message for turn in whole.turns]
    assert all(len(one.example.ids) <= 200 for one in found)
    assert (fit.rows, fit.windows, fit.cut, fit.left_out) == (1, len(found), 0, 0)
    for one in found:
        shown = [given["messages"][at]["content"] for at in one.messages]
        assert shown[0] == SYSTEM
        assert template.decode(one.example.ids).count("system") == 1
        assert all(text in template.decode(one.example.ids) for text in shown)
    for one in found[1:]:
        first = one.messages[one.example.turns[0].message]
        assert one.messages[1] < first - 1, "a later window begins with some history"
        assert one.example.turns[0].start <= 100 + 70, "of half the context at most, and what was heard last"


def test_what_fits_no_window_is_cut_or_left_out_and_counted(model: Path) -> None:
    template, _ = opened(model)
    fit = Fit()
    given = row("short", "long " * 300, "heard " * 300, "lost", "short", "kept")
    found = list(windows(template, given, context=128, conversation_end=None, fit=fit))
    assert [[one.messages[turn.message] for turn in one.example.turns] for one in found] == [[2], [6]]
    first = found[0].example
    assert len(first.ids) == len(first.labels) == first.turns[0].stop == 128
    assert (fit.cut, fit.left_out, fit.rows) == (1, 1, 1)
    assert found[0].cut == fit.cut_tokens > 100
    assert first.labels[-1] == first.ids[-1] != mask(template, given, conversation_end=None).turns[0].stop


def some_rows(count: int = 24, seed: int = 1) -> list[TrainRow]:
    draw = Random(seed)
    words = ["tea", "cake", "the", "house", "river", "of", "Tom", "and", "she", "asked"]

    def say() -> str:
        return " ".join(draw.choice(words) for _ in range(draw.randint(2, 16)))

    return [
        row(*[say() for _ in range(2 * draw.randint(1, 3))], id=f"r{n}", split="validation" if n % 6 == 5 else "train")
        for n in range(count)
    ]


def test_packed_rows_cost_what_they_cost_alone(model: Path, tmp_path: Path) -> None:
    """The learner's own loss of packed sequences against one plain forward pass a row."""
    from simworld.train.encode import read_packed, write_tokens
    from simworld.train.learner import judge, make_learner
    from simworld.train.optimizer import Clock

    template, weights = opened(model)
    rows = [{**one, "split": "train"} for one in some_rows()]
    parts = write_tokens(rows, template, tmp_path, context=512, conversation_end=None)["train"]
    packed = read_packed(tmp_path / "train", context=512)
    assert max(len(one["seq_lengths"]) for one in packed) > 2
    alone, text, count = 0.0, 0.0, 0
    for one in rows:
        example = mask(template, one, conversation_end=None)
        with torch.inference_mode():
            known = weights(torch.tensor([example.ids]), use_cache=False).logits[0].log_softmax(-1)
        for turn in example.turns:
            costs = [-float(known[at - 1, example.ids[at]]) for at in range(turn.start, turn.stop)]
            alone, text, count = alone + sum(costs), text + sum(costs[:-1]), count + len(costs)
    recipe = Recipe(base=str(model), out=tmp_path / "out", steps=1, context=512, batch=4, micro_batch=2)
    tokenizer = open_checkpoint(str(model), spec="m").tokenizer
    learner = make_learner(weights, tokenizer, packed, None, recipe, Clock(steps=1), tmp_path / "w", lambda _: None)
    measured = judge(learner, packed, range(len(packed)))
    assert measured["loss"] == pytest.approx(alone / count, abs=1e-5)
    assert measured["bits_per_byte"] == pytest.approx(text / parts.bytes / math.log(2), abs=1e-5)
    assert count == parts.learnt
    batch = learner.data_collator([packed[0], packed[1]])
    wanted = sum(label != NOTHING for at in (0, 1) for label in packed[at]["labels"])
    loss = learner.compute_loss(weights, batch, num_items_in_batch=wanted)
    pair = [
        judge(learner, packed, [at])["loss"] * sum(label != NOTHING for label in packed[at]["labels"]) for at in (0, 1)
    ]
    assert float(loss.detach()) == pytest.approx(sum(pair) / wanted, abs=1e-5)


def digest(folder: Path) -> str:
    return hashlib.md5((folder / "model.safetensors").read_bytes(), usedforsecurity=False).hexdigest()


class Stopped(Exception):
    pass


def test_a_resumed_training_makes_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With dropout, both optimizers and a warm start that the interruption falls into."""
    choices = {"steps": 8, "evaluations": 4, "vocabulary": 320, "width": 64, "depth": 1, "context": 64, "batch": 2,
               "dropout": 0.1, "all_tokens": 0.6}  # fmt: skip
    source = Given(some_rows())
    whole = Recipe(base="tiny", out=tmp_path / "whole", **choices)
    training.train(source, whole, tell=quietly)
    broken = replace(whole, out=tmp_path / "broken")

    def stop(self: Any, measured: dict[str, Any]) -> None:
        if measured["step"] == 5:
            raise Stopped

    with monkeypatch.context() as patched:
        patched.setattr("simworld.train.meter.Meter.note", stop)
        with pytest.raises(Stopped):
            training.train(source, broken, tell=quietly)
    assert not (broken.out / "simworld.json").exists()
    told: list[str] = []
    training.train(source, broken, tell=told.append)
    assert any("goes on from checkpoint-4" in line for line in told)
    assert digest(broken.out) == digest(whole.out)
    assert not (broken.out / "checkpoints").exists()
    other = replace(whole, out=tmp_path / "other", seed=1)
    training.train(source, other, tell=quietly)
    assert digest(other.out) != digest(whole.out)


def test_an_unfinished_training_goes_on_with_the_same_choices_and_rows_only(tmp_path: Path) -> None:
    recipe = Recipe(base="tiny", out=tmp_path / "o", steps=2, vocabulary=320, width=64, depth=1, context=64)
    training.prepare(Given(some_rows()), recipe, recipe.out / "checkpoints", quietly)
    training.prepare(Given(some_rows()), recipe, recipe.out / "checkpoints", quietly)
    with pytest.raises(UsageError, match="unfinished training with other depth"):
        training.prepare(Given(some_rows()), replace(recipe, depth=2), recipe.out / "checkpoints", quietly)
    with pytest.raises(UsageError, match="unfinished training with other rows"):
        training.prepare(Given(some_rows(seed=2)), recipe, recipe.out / "checkpoints", quietly)


def test_lora_makes_an_adapter_that_opens_on_its_base(model: Path, tmp_path: Path) -> None:
    before = digest(model)
    recipe = Recipe(base=str(model), out=tmp_path / "a", steps=6, lora=4, context=128, batch=2, rate=0.01)
    result = training.train(Given(some_rows()), recipe, tell=quietly)
    assert result is not None
    assert result.kind == "adapter"
    assert (tmp_path / "a" / "adapter_model.safetensors").is_file()
    assert not (tmp_path / "a" / "model.safetensors").exists()
    assert digest(model) == before
    template, adapted = opened(tmp_path / "a")
    _, plain = opened(model)
    ids = torch.tensor([template.encode([{"role": "user", "content": "tea"}])])
    with torch.inference_mode():
        assert not torch.allclose(adapted(ids).logits, plain(ids).logits, atol=1e-3)
    trained = read_trained(tmp_path / "a")
    assert trained is not None
    assert (trained.speaker, trained.conversation_end, trained.context) == ("user", None, 128)


def ending_rows() -> list[TrainRow]:
    rows = some_rows()
    for one in rows:
        one["messages"][-1]["end"] = True
    return rows


def test_an_adapter_learns_the_end_token_too(tmp_path: Path) -> None:
    """On a base whose embeddings have a row left for it."""
    from simworld.train.score import open_scorer

    roomy = build(tmp_path / "base", hidden=32, heads=2, context=512, vocab_size=520)
    recipe = Recipe(base=str(roomy), out=tmp_path / "a", steps=40, lora=4, context=128, batch=2, rate=0.02)
    result = training.train(Given(ending_rows()), recipe, tell=quietly)
    assert result is not None
    assert result.kind == "adapter"
    held = [one for one in ending_rows() if one["split"] == "validation"]
    scored = list(open_scorer(tmp_path / "a").score(held))
    bits = sum(turn.nats for one in scored for turn in one.turns) / math.log(2)
    assert bits / sum(turn.bytes for one in scored for turn in one.turns) == pytest.approx(
        result.metrics["bits_per_byte"], abs=1e-4
    )
    adapter = safe_open(tmp_path / "a" / "adapter_model.safetensors", framework="pt")
    assert any("token_adapter" in name for name in adapter.keys())  # noqa: SIM118 - it is no mapping


def test_an_adapter_whose_base_has_no_room_for_the_end_token_is_merged(model: Path, tmp_path: Path) -> None:
    recipe = Recipe(base=str(model), out=tmp_path / "a", steps=2, lora=4, context=128, batch=2)
    result = training.train(Given(ending_rows()), recipe, tell=quietly)
    assert result is not None
    assert result.kind == "merged"
    trained = read_trained(tmp_path / "a")
    assert trained is not None
    checkpoint = open_checkpoint(str(tmp_path / "a"), spec="a")
    assert trained.conversation_end == checkpoint.tokenizer.convert_tokens_to_ids("<|endconversation|>") == 512
    assert opened(tmp_path / "a")[1].get_input_embeddings().num_embeddings == 513


def test_a_new_end_token_begins_as_the_mean_of_all(model: Path, tmp_path: Path) -> None:
    from simworld.train.begin import begin, model_of

    recipe = Recipe(base=str(model), out=tmp_path, steps=1, context=128)
    base = begin(recipe, (), ends=True)
    made, known = model_of(base, recipe), opened(model)[1]
    assert base.conversation_end == 512
    for find in ("get_input_embeddings", "get_output_embeddings"):
        rows = getattr(made, find)().weight
        assert rows.shape[0] == 513
        assert (rows[512] - getattr(known, find)().weight.mean(0)).abs().max() < 1e-6


SMALL: dict[str, Any] = {"vocabulary": 400, "width": 64, "depth": 2, "context": 128}
GREETINGS = ["hello", "good day", "hi there"]


def toy(count: int = 240) -> list[Transcript]:
    """People who ask about a thing until the answer says that this is all; then they are gone."""
    draw, made = Random(5), list[Transcript]()
    for n in range(count):
        thing = draw.choice(["tea", "cake", "rivers", "houses"])
        said = [f"{draw.choice(GREETINGS)}, tell me about {thing}"]
        for _ in range(draw.randint(0, 2)):
            said += [f"some {thing} are old.", f"what else about {thing}?"]
        said += ["that is all."]
        about = {"split": "validation" if n % 8 == 7 else "train"}
        made.append(transcript(said, id=f"t{n}", index=n, ending=KNOWN, about=about))
    return made


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("toys") / "corpus", toy())


@pytest.fixture(scope="module")
def trained(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "user"
    recipe = Recipe(base="tiny", out=out, steps=150, evaluations=3, batch=1, rate=0.02, all_tokens=0.3, **SMALL)
    training.train(Rows([toys], "user"), recipe, tell=quietly)
    return out


def test_a_tiny_model_learns_from_nothing(toys: Path, trained: Path, tmp_path: Path) -> None:
    from simworld.train.score import bits_per_byte, open_scorer

    recipe = Recipe(base="tiny", out=tmp_path / "raw", steps=1, rate=1e-9, **SMALL)
    training.train(Rows([toys], "user"), recipe, tell=quietly)
    rows = [one for one in rows_of(toys, "user") if one["split"] == "validation"]
    before, after = (bits_per_byte(open_scorer(folder).score(rows)) for folder in (tmp_path / "raw", trained))
    assert before > 2
    assert after < 0.5
    report = json.loads((trained / "training.json").read_text())
    assert report["metrics"]["bits_per_byte"] == pytest.approx(after, abs=1e-4)
    assert report["parts"]["validation"]["rows"] == len(rows) == 30
    assert (trained / "loss.png").read_bytes()[:4] == b"\x89PNG"
    card = (trained / "README.md").read_text()
    assert "licence of these texts is not known" in card
    assert "learnt all tokens" in card
    facts = read_trained(trained)
    assert facts is not None
    assert (facts.speaker, facts.names, facts.conversation_end) == ("user", "bare", 3)


def test_ends_are_learnt(toys: Path, trained: Path) -> None:
    from simworld.train.score import open_scorer

    rows = [one for one in rows_of(toys, "user") if one["split"] == "validation"]
    judged = [end for scored in open_scorer(trained).score(rows) for end in scored.ends]
    over = [end.probability for end in judged if end.over]
    going = [end.probability for end in judged if not end.over]
    assert len(over) == 30
    assert going
    assert min(over) > 0.8
    assert max(going) < 0.2


def test_the_best_weights_are_kept(toys: Path, trained: Path) -> None:
    history = json.loads((trained / "training.json").read_text())["history"]
    judged = {one["step"]: one["eval_loss"] for one in history if "eval_loss" in one}
    metrics = json.loads((trained / "training.json").read_text())["metrics"]
    assert list(judged) == [50, 100, 150]
    assert metrics["best_step"] == min(judged, key=lambda step: judged[step])
    assert metrics["loss"] == pytest.approx(min(judged.values()), abs=1e-5)


def test_scores_are_those_of_one_plain_pass(trained: Path, toys: Path) -> None:
    from simworld.train.score import Scorer, bits_per_byte, open_scorer

    template, weights = opened(trained)
    rows = list(rows_of(toys, "user"))[:9]
    found = list(open_scorer(trained, batch_tokens=400).score(rows))
    assert [one.id for one in found] == [one["id"] for one in rows]
    for one, scored in zip(rows, found, strict=True):
        example = mask(template, one, conversation_end=3)
        with torch.inference_mode():
            known = weights(torch.tensor([example.ids]), use_cache=False).logits[0].log_softmax(-1)
        turns = [turn for turn in example.turns if one["messages"][turn.message]["content"]]
        costs = [
            -sum(float(known[at - 1, example.ids[at]]) for at in range(turn.start, turn.stop - 1)) for turn in turns
        ]
        assert [turn.nats for turn in scored.turns] == pytest.approx(costs, abs=1e-4)
        assert [turn.bytes for turn in scored.turns] == [turn.text_bytes for turn in turns]
        ends = {turn.message: float(known[turn.start - 1, 3].exp()) for turn in example.turns[1:]}
        assert {end.message: end.probability for end in scored.ends} == pytest.approx(ends, abs=1e-5)
        assert [end.over for end in scored.ends] == [False] * (len(ends) - 1) + [True]
    blind = Scorer(weights, template, None, 128)
    assert all(not one.ends and one.turns for one in blind.score(rows))
    with pytest.raises(UsageError, match="nothing to score"):
        bits_per_byte([])


def test_a_row_over_the_context_is_scored_whole(trained: Path) -> None:
    from simworld.train.score import Scorer

    template, weights = opened(trained)
    given = long_row()
    (scored,) = Scorer(weights, template, 3, 128).score([given])
    own = [at for at, one in enumerate(given["messages"]) if one["loss"]]
    assert [turn.message for turn in scored.turns] == own
    assert [turn.bytes for turn in scored.turns] == [len(given["messages"][at]["content"].encode()) for at in own]


def test_the_command_trains_and_shows(toys: Path, tmp_path: Path) -> None:
    from simworld.cli.app import app

    small = ["--vocabulary", "400", "--width", "64", "--depth", "1", "--steps", "2"]
    done = CliRunner().invoke(app, ["train", str(toys), "--out", str(tmp_path / "o"), *small, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["parts"]["train"]["ends"] == 210
    shown = CliRunner().invoke(app, ["train", str(toys), "--base", str(tmp_path / "o"), "--show-mask", "t3"])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("t3/user/0: ")
    assert "⟦<|endconversation|>⟧" in shown.stdout
    first = CliRunner().invoke(app, ["train", str(toys), "--base", str(tmp_path / "o"), "--show-mask"])
    assert first.stdout.startswith("t0/user/0: ")


def refused(*args: str) -> str:
    from simworld.cli.app import app

    done = CliRunner().invoke(app, ["train", *args])
    assert isinstance(done.exception, UsageError), done.output
    return str(done.exception)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--speaker", "usr"], "speaker 'usr' is not known"),
        (["--speaker", "assistant", "--base", "nowhere/here/x"], "there is no folder 'nowhere/here/x'"),
        (["--minutes", "1", "--steps", "2"], "--minutes and --steps exclude each other"),
        (["--warm-start", "all"], "--warm-start 'all' is not known; allowed: none, all-tokens"),
        (["--optimizer", "sgd"], "--optimizer 'sgd' is not known; allowed: adamw, auto, muon"),
        (["--batch", "0"], "--batch 0 is not allowed"),
        (["--width", "100"], "--width 100 is not allowed; it must be a multiple of 64"),
        (["--lora", "4"], "--lora needs a base with weights"),
        (["--split-by", "day"], "--split-by 'day' is not known; allowed: persona, root"),
        (["--include", "done"], "status 'done' is not known"),
        (["--thoughts", "some"], "--thoughts 'some' is not known; allowed: keep, drop"),
        (["--context", "16"], "hold no message that is learnt or fits --context 16"),
    ],
    ids=["speaker", "base", "length", "warm-start", "optimizer", "batch", "width", "lora", "split", "status", "keep",
         "context"],
)  # fmt: skip
def test_bad_choices_are_one_line(toys: Path, tmp_path: Path, args: list[str], said: str) -> None:
    message = refused(str(toys), "--out", str(tmp_path / "o"), *args)
    assert said in message
    assert "\n" not in message
    assert not (tmp_path / "o").exists()


def test_bad_places_are_one_line(toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    assert "is used by something else" in refused(str(toys), "--out", str(tmp_path / "mine"))
    assert "not a corpus" in refused(str(tmp_path / "mine"), "--out", str(tmp_path / "o"))
    empty = corpus(tmp_path / "empty", [])
    assert "no rows of speaker 'user'" in refused(str(empty), "--out", str(tmp_path / "o"))
    mute = corpus(tmp_path / "mute", [transcript(["a", "b"], seats={"x": seat("character")}, turns=())])
    assert "no rows of speaker 'user'; left out: 1 transcripts without such a seat" in refused(
        str(mute), "--out", str(tmp_path / "o")
    )
    assert "--out is missing" in refused(str(toys))
    bare = build(tmp_path / "bare", template=None)
    assert "has no chat template" in refused(str(toys), "--base", str(bare), "--out", str(tmp_path / "o"))
    monkeypatch.setattr("simworld.train.begin.find_spec", lambda name: None if name == "trl" else name)
    assert refused(str(toys), "--out", str(tmp_path / "o")) == "training needs trl: pip install 'simworld[train]'"


def test_a_finished_training_is_not_done_again(toys: Path, trained: Path) -> None:
    assert "holds a finished training" in refused(str(toys), "--out", str(trained))


@pytest.mark.parametrize(
    ("told", "share"), [(None, None), ("none", 0.0), ("all-tokens", 0.6), ("all-tokens:0.25", 0.25)]
)
def test_the_warm_start_is_a_share(told: str | None, share: float | None) -> None:
    assert warm_start_of(told) == share


TWO = """
import sys
import time
from pathlib import Path
from tests.test_train import Given, some_rows
from simworld.train import training
from simworld.train.recipe import Recipe
recipe = Recipe(base="tiny", out=Path(sys.argv[1]), steps=4, evaluations=2, vocabulary=320, width=64, depth=1,
                context=64, batch=4)
training.train(Given(some_rows(48)), recipe, tell=lambda line: None)
"""


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """The ordinary launcher, gloo on the CPU: the losses are those of one process with the same batch."""
    script = tmp_path / "two.py"
    script.write_text(TWO)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29517"]
    done = subprocess.run(
        [*launch, str(script), str(tmp_path / "two")], env=environment, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    recipe = Recipe(base="tiny", out=tmp_path / "one", steps=4, evaluations=2, vocabulary=320, width=64, depth=1,
                    context=64, batch=4)  # fmt: skip
    training.train(Given(some_rows(48)), recipe, tell=quietly)
    reports = [json.loads((tmp_path / name / "training.json").read_text()) for name in ("one", "two")]
    losses = [[one["eval_loss"] for one in report["history"] if "eval_loss" in one] for report in reports]
    assert len(losses[0]) == 2
    assert losses[0] == pytest.approx(losses[1], abs=2e-2)


def test_by_the_clock_a_training_ends_in_time_and_does_not_only_look(tmp_path: Path) -> None:
    """A look that takes far too long is not taken again and again."""
    from simworld.train import learner

    recipe = Recipe(base="tiny", out=tmp_path / "o", minutes=0.1, evaluations=50, vocabulary=320, width=64, depth=1,
                    context=64)  # fmt: skip
    looked: list[int] = []
    judge = learner.judge

    def slow(*args: Any) -> dict[str, float]:
        looked.append(1)
        time.sleep(0.6)
        return judge(*args)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(learner, "judge", slow)
        result = training.train(Given(some_rows()), recipe, tell=quietly)
    assert result is not None
    assert result.metrics["seconds"] >= 6
    assert 1 <= len(looked) <= 8
    assert result.history[-1]["at"] == 1
