"""Precision and recall of the role-flip and echo detectors, on real conversations flipped and spliced.

    python -m tests.benchmarks.usersim_detect            # the tables
    python -m tests.benchmarks.usersim_detect --fit      # weights and threshold anew, for templates/usersim/roles.yaml

Each later message of a person, in a conversation of `sharegpt_sample`, `simulatorarena` or `oasst_prompts`, gives

- `person`: the message itself (nothing is wrong with it),
- `answered`: in its place the assistant's reply to it: the role is flipped,
- `spliced`: the message with the assistant's reply behind it: it asks, and then answers,
- `echo`: the assistant's last message, whole, or the first half of its words; or an earlier message of its own.

Conversations are split in two by a hash of their root. Weights and threshold are fitted on one half; what is reported
is the other half. `convai2018`, people chatting with bots that imitate people, is reported beside and was never fitted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from simworld.usersim.detect import WORDINGS, features, flips_role, is_echo, is_flip, words_of

SETS = {
    "sharegpt_sample": ("train",), "simulatorarena": ("document_creation", "math_tutoring"),
    "oasst_prompts": ("seed_dialogues",), "convai2018": ("human_bot",),
}  # fmt: skip
FITTED = ("sharegpt_sample", "simulatorarena", "oasst_prompts")
ALARMS = 0.02
"""The threshold is the lowest at which so few of people's own messages are objected to."""


@dataclass(frozen=True)
class Case:
    """One message of a user, and what is so of it."""

    source: str
    fitted: bool
    """Whether its conversation is of the half that the detector was fitted on."""
    kind: str
    text: str
    own: tuple[str, ...]
    others: tuple[str, ...]


def cases(data: Path) -> Iterator[Case]:
    """Every case of every conversation."""
    for source, names in SETS.items():
        for name in names:
            with (data / source / f"{name}.jsonl").open(encoding="utf-8") as file:
                for line in file:
                    row = json.loads(line)
                    root = str(row.get("root", row["id"]))
                    fitted = source in FITTED and blake2b(root.encode(), digest_size=1).digest()[0] % 2 == 0
                    yield from _of_one(source, fitted, row["conversations"])


def _of_one(source: str, fitted: bool, said: list[dict[str, str]]) -> Iterator[Case]:
    own: list[str] = []
    others: list[str] = []
    for at, message in enumerate(said):
        text = message["value"]
        if message["from"] != "human":
            others.append(text)
            continue
        if own and others and at and said[at - 1]["from"] != "human" and text.strip():
            before = (tuple(own), tuple(others))
            yield Case(source, fitted, "person", text, *before)
            if at + 1 < len(said) and said[at + 1]["from"] != "human" and said[at + 1]["value"].strip():
                answer = said[at + 1]["value"]
                yield Case(source, fitted, "answered", answer, *before)
                yield Case(source, fitted, "spliced", f"{text}\n\n{answer}", *before)
            if len(words_of(others[-1])) >= 16:
                whole = others[-1]
                yield Case(source, fitted, "echo", whole, *before)
                yield Case(source, fitted, "echo", whole[: len(whole) // 2], *before)
            if len(words_of(own[-1])) >= 8:
                yield Case(source, fitted, "echo", own[-1].upper(), *before)
        own.append(text)


@dataclass(frozen=True)
class Measured:
    """How a detector did on one source."""

    positives: int
    negatives: int
    caught: int
    wrong: int

    @property
    def recall(self) -> float:
        """Share of what it should find."""
        return self.caught / self.positives if self.positives else 0.0

    @property
    def false_alarms(self) -> float:
        """Share of people's messages that it objects to."""
        return self.wrong / self.negatives if self.negatives else 0.0

    @property
    def precision(self) -> float:
        """Of what it finds, the share that is so, were there as many of either kind."""
        found = self.recall + self.false_alarms
        return self.recall / found if found else 0.0


def measure(some: list[Case], kind: str) -> Measured:
    """Detector of `kind` (`answered`, `spliced`: flips; `echo`) against people's own messages."""
    finds = _echoes if kind == "echo" else _flips
    positives = [case for case in some if case.kind == kind]
    negatives = [case for case in some if case.kind == "person"]
    return Measured(len(positives), len(negatives), sum(map(finds, positives)), sum(map(finds, negatives)))


def _flips(case: Case) -> bool:
    return is_flip(case.text, case.own)


def _echoes(case: Case) -> bool:
    return is_echo(case.text, case.own, case.others)


def table(some: list[Case]) -> list[tuple[str, str, Measured]]:
    """Source, kind, figures; of each source the half that nothing was fitted on."""
    held = [case for case in some if not case.fitted]
    sources = [(name, [case for case in held if case.source == name]) for name in SETS]
    rows = [("the three", [case for case in held if case.source in FITTED]), *sources]
    return [(name, kind, measure(part, kind)) for name, part in rows for kind in ("answered", "spliced", "echo")]


def fit(some: list[Case]) -> tuple[dict[str, float], float]:
    """Weights by a logistic regression, and the threshold, on the half that is for it."""
    from sklearn.linear_model import LogisticRegression

    part = [case for case in some if case.fitted and case.kind in ("person", "answered", "spliced")]
    rows = [features(case.text, case.own) for case in part]
    names = [name for name in rows[0] if name != "constant"]
    flipped = [case.kind != "person" for case in part]
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=5000)
    model.fit([[row[name] for name in names] for row in rows], flipped)
    weights = {name: round(float(weight), 3) for name, weight in zip(names, model.coef_[0], strict=True)}
    weights = {"constant": round(float(model.intercept_[0]), 3), **weights}
    scores = model.predict_proba([[row[name] for name in names] for row in rows])[:, 1]
    people = [score for score, is_so in zip(scores, flipped, strict=True) if not is_so]
    steps = (step / 100 for step in range(5, 100))
    return weights, next(at for at in steps if sum(score >= at for score in people) <= ALARMS * len(people))


def main() -> None:
    """Print the tables, or the fit."""
    some = list(cases(Path(os.environ["SIMWORLD_DATA"])))
    if "--fit" in sys.argv:
        weights, threshold = fit(some)
        print(f"# {WORDINGS}\nweights:")
        print("\n".join(f"  {name}: {weight}" for name, weight in weights.items()))
        print(f"threshold: {threshold}")
        return
    print(f"{'source':<18}{'kind':<10}{'cases':>7}{'recall':>8}{'people':>8}{'alarms':>8}{'precision':>11}")
    for name, kind, got in table(some):
        print(
            f"{name:<18}{kind:<10}{got.positives:>7}{got.recall:>8.3f}{got.negatives:>8}{got.false_alarms:>8.3f}"
            f"{got.precision:>11.3f}"
        )
    spread = sorted(flips_role(case.text, case.own) for case in some if case.kind == "person" and not case.fitted)
    print(f"people's messages, score at the median and the 95th in a hundred: "
          f"{spread[len(spread) // 2]:.3f}, {spread[len(spread) * 95 // 100]:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
