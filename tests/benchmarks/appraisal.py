"""What the lexicon hears in a turn, against what people said that they felt as they wrote it.

    python -m tests.benchmarks.appraisal [--data DIR]

DIR holds Topical-Chat's `conversations.jsonl`; without it, `topical_chat` under SIMWORLD_DATA. How an appraisal is read
as a label stands in `topical_chat_labels.yaml`, fixed before the first measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from simworld.mind.appraisal import appraise
from simworld.schema.mind import Appraisal

RULES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("topical_chat_labels.yaml").read_text())
LABELS = [*RULES["points"], RULES["asking"], RULES["otherwise"]]
RESAMPLES, SEED = 1000, 20260101


def label_of(text: str, heard: Appraisal) -> str:
    """The label that the rules read from an appraisal."""
    if heard.strength < RULES["bound"]:
        return RULES["asking"] if "?" in text else RULES["otherwise"]
    here = (heard.affect.valence, heard.affect.arousal, heard.affect.dominance)
    return min(
        RULES["points"], key=lambda name: sum((a - b) ** 2 for a, b in zip(here, RULES["points"][name], strict=True))
    )


def f1_of(counts: np.ndarray) -> np.ndarray:
    """Confusion counts (..., true, predicted) -> F1 of each class (..., class); 0 where a class is nowhere."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    both = counts.sum(axis=-1) + counts.sum(axis=-2)
    return np.divide(2 * hits, both, out=np.zeros(both.shape), where=both > 0)


def confusions(group: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Counts (conversation, true, predicted)."""
    counts = np.zeros((group.max() + 1, len(LABELS), len(LABELS)))
    np.add.at(counts, (group, true, predicted), 1)
    return counts


def interval(counts: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """Macro-F1 and its 95 % interval; `weights` (resample, conversation): how often each was drawn."""
    drawn = np.tensordot(weights, counts, axes=(1, 0))
    low, high = np.quantile(f1_of(drawn).mean(axis=-1), [0.025, 0.975])
    return float(f1_of(counts.sum(axis=0)).mean()), float(low), float(high)


def sign_agreement(true: np.ndarray, heard: list[Appraisal]) -> tuple[int, int, int]:
    """Turns whose label has a sign, those of them that move at all, those of these whose valence has that sign."""
    wanted = np.array([(name in RULES["pleasant"]) * 1 - (name in RULES["unpleasant"]) * 1 for name in LABELS])[true]
    found = np.sign([one.affect.valence for one in heard])
    signed = wanted != 0
    moved = signed & (found != 0)
    return int(signed.sum()), int(moved.sum()), int((moved & (wanted == found)).sum())


def read(folder: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Conversation number, label number and text of each labelled turn; the number of others goes to stderr."""
    rows, others = [], 0
    with (folder / "conversations.jsonl").open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            for turn in json.loads(line)["turns"]:
                if turn["sentiment"] in LABELS:
                    rows.append((number, LABELS.index(turn["sentiment"]), turn["content"]))
                else:
                    others += 1
    print(f"turns without one of the labels, left out: {others}", file=sys.stderr)
    group, true, texts = zip(*rows, strict=True)
    return np.array(group), np.array(true), list(texts)


def measure(folder: Path) -> None:
    group, true, texts = read(folder)
    heard = [appraise(text) for text in texts]
    mine = np.array([LABELS.index(label_of(text, one)) for text, one in zip(texts, heard, strict=True)])
    chance = np.random.default_rng(SEED)
    size = len(LABELS)
    share = np.bincount(true, minlength=size) / len(true)
    guesses = {
        "lexicon": mine,
        "majority class": np.full_like(true, share.argmax()),
        "random, by class frequencies": chance.choice(size, len(true), p=share),
        "random, uniform": chance.integers(size, size=len(true)),
    }
    conversations = int(group.max()) + 1
    weights = chance.multinomial(conversations, np.full(conversations, 1 / conversations), size=RESAMPLES)
    print(f"{len(true)} turns of {conversations} conversations\n")
    print("| predictor | macro-F1 | 95 % interval | accuracy |\n| --- | --- | --- | --- |")
    for name, predicted in guesses.items():
        value, low, high = interval(confusions(group, true, predicted), weights)
        print(f"| {name} | {value:.3f} | {low:.3f} .. {high:.3f} | {np.mean(predicted == true):.3f} |")
    total = confusions(group, true, mine).sum(axis=0)
    print("\n| label | turns | predicted | hit | F1 |\n| --- | --- | --- | --- | --- |")
    for number in np.argsort(-total.sum(axis=1)):
        row = (int(total[number].sum()), int(total[:, number].sum()), int(total[number, number]))
        print(f"| {LABELS[number]} | {row[0]} | {row[1]} | {row[2]} | {f1_of(total)[number]:.3f} |")
    signed, moved, agreed = sign_agreement(true, heard)
    print(f"\nvalence's sign: {signed} turns have one, {moved} of them are heard as pleasant or unpleasant,")
    print(f"{agreed} of those agree ({agreed / moved:.3f}; 'always pleasant' {always_pleasant(true, heard):.3f})")


def always_pleasant(true: np.ndarray, heard: list[Appraisal]) -> float:
    """What calling each of the same turns pleasant would agree with."""
    found = np.array([one.affect.valence != 0 for one in heard])
    pleasant = np.isin(true, [LABELS.index(name) for name in RULES["pleasant"]]) & found
    unpleasant = np.isin(true, [LABELS.index(name) for name in RULES["unpleasant"]]) & found
    return float(pleasant.sum() / (pleasant.sum() + unpleasant.sum()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    known = os.environ.get("SIMWORLD_DATA")
    parser.add_argument("--data", type=Path, default=Path(known) / "topical_chat" if known else None)
    given = parser.parse_args()
    if given.data is None:
        parser.error("give --data DIR, or the environment variable SIMWORLD_DATA")
    measure(given.data)


if __name__ == "__main__":
    main()
