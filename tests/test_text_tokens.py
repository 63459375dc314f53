"""The token estimate: its rule, and that it errs high on real dialogue."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simworld.text.tokens import estimate


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("abc", 1),
        ("abcd", 2),
        ("a b", 1),
        ("Abc", 2),
        ("...", 3),
        ("a\nb", 2),
        ("12", 2),
        ("日本", 6),
        ("é", 2),
        ("\ud83d", 3),
    ],
)
def test_the_rule(text, tokens):
    assert estimate(text) == tokens


@given(st.text(), st.text())
def test_a_text_is_estimated_at_least_as_high_as_any_part_of_it(one, two):
    whole = estimate(one + two)
    assert max(estimate(one), estimate(two)) <= whole <= estimate(one) + estimate(two)
    assert whole >= len((one + two).encode("utf-8", "surrogatepass")) / 3


def test_it_errs_high_on_real_dialogue(data):
    """A byte-pair vocabulary of 4,096 entries that was trained on this text needs 1.15 tokens for a word or mark."""
    lines = (data / "simsconv" / "dialogues.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [text for line in lines for text in _texts(json.loads(line)) if len(text) > 40]
    words = [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]
    estimates = [estimate(text) for text in texts]
    assert len(texts) > 1000
    assert 1.5 * sum(words) < sum(estimates) < 3 * sum(words)
    assert sum(e < 1.15 * w for e, w in zip(estimates, words, strict=True)) < 0.01 * len(texts)


def _texts(value):
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in inner for text in _texts(item)]
