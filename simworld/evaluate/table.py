"""METRICS: what is measured of a side, by name.

    METRICS["terse"].measure(side, real, lens)       # Score

To add one: a function `(side, real, lens) -> Score` (or, for a mean over turns, what one turn adds) and a row here. The
contract test then holds it: a value with its interval about it, the same for the same seed, nothing where there are no
turns, and, where it tells sides apart, a larger gap for assistants than between halves of the real side.
"""

from __future__ import annotations

from dataclasses import dataclass

from simworld.evaluate import turns
from simworld.evaluate.ends import hazard_difference, turn_count_distance
from simworld.evaluate.frontier import coverage
from simworld.evaluate.lens import Lens
from simworld.evaluate.score import Score
from simworld.evaluate.sides import Side
from simworld.evaluate.spread import distinct_share, pairwise, self_bleu_score
from simworld.evaluate.topics import Kind, topic_distance, topic_share
from simworld.evaluate.turns import Measure, Which, mean, quantile
from simworld.evaluate.twosample import any_length, two_sample
from simworld.text.distances import kolmogorov_smirnov, wasserstein


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table."""

    section: str
    about: str
    """What the number is, as one line."""
    measure: Measure
    ideal: float | None = None
    """The value of two sides that do not differ; None: it is a value of a side alone, held against the real side's."""
    halvings: int = 10
    """How often the real side is halved for the noise floor."""

    def gap(self, found: Score, real: Score) -> float:
        """How far from what it should be: from the ideal, or from the real side's value."""
        return abs(found.value - (real.value if self.ideal is None else self.ideal))

    def floor(self, real: Side, lens: Lens, most: int | None = None) -> float:
        """The mean gap between two halves of the real side, of at most so many groups each."""
        gaps: list[float] = []
        for number in range(self.halvings):
            one, other = real.halves(lens.random(f"half:{number}"), most)
            found = self.measure(one, other, lens.plain)
            gaps.append(self.gap(found, found if self.ideal is not None else self.measure(other, one, lens.plain)))
        known = [gap for gap in gaps if gap == gap]  # noqa: PLR0124
        return sum(known) / len(known) if known else float("nan")


def _lengths() -> dict[str, Metric]:
    def row(about: str, measure: Measure, ideal: float | None = None) -> Metric:
        return Metric("length", about, measure, ideal)

    which: tuple[tuple[str, str, Which, tuple[float, ...]], ...] = (
        ("followup", "follow-ups", "followups", (0.5, 0.9)),
        ("first", "first turns", "firsts", (0.1, 0.25, 0.5, 0.75, 0.9)),
    )
    quantiles = {
        f"{short}_words_p{round(level * 100)}": row(
            f"{name}: percentile {round(level * 100)} of words", quantile(of, level)
        )
        for short, name, of, levels in which
        for level in levels
    }
    return {
        "followup_length_ks": row(
            "KS distance of log(1 + words), follow-ups", turns.length_distance("followups", kolmogorov_smirnov), 0.0
        ),
        "followup_length_w1": row(
            "Wasserstein-1 distance of log(1 + words), follow-ups",
            turns.length_distance("followups", wasserstein),
            0.0,
        ),
        "first_length_ks": row(
            "KS distance of log(1 + words), first turns", turns.length_distance("firsts", kolmogorov_smirnov), 0.0
        ),
        "first_length_w1": row(
            "Wasserstein-1 distance of log(1 + words), first turns", turns.length_distance("firsts", wasserstein), 0.0
        ),
        **quantiles,
        "first_words_mean": row("mean words of first turns", mean("firsts", turns.word_count)),
        "terse": row("share of follow-ups of at most 5 words", mean("followups", turns.is_terse)),
        "length_ratio": row(
            "mean log((1 + words) / (1 + words of the reply before))", mean("followups", turns.length_ratio)
        ),
        "length_correlation": row("correlation of the two log lengths", turns.length_correlation),
    }


def _spread() -> dict[str, Metric]:
    made: dict[str, Metric] = {
        "first_turn_diversity": Metric(
            "diversity", "100 (1 - mean pairwise Jaccard of token sets), 300 first turns", pairwise("firsts")
        )
    }
    sides: tuple[tuple[str, str, Which], ...] = (
        ("first", "first turns", "firsts"), ("followup", "follow-ups", "followups"),
    )  # fmt: skip
    for short, name, which in sides:
        for n in (1, 2, 3):
            made[f"distinct_{n}_{short}"] = Metric(
                "diversity", f"different {n}-grams of all, first 60 tokens of 300 {name}", distinct_share(which, n),
                halvings=5,
            )  # fmt: skip
        made[f"self_bleu_{short}"] = Metric(
            "diversity", f"BLEU-4 of each of 300 {name} against the others", self_bleu_score(which), halvings=3
        )
    made["mtld"] = Metric(
        "diversity", "lexical diversity (MTLD 0.72), turns of 10 words or more", mean("turns", turns.diversity)
    )
    return made


def _wording() -> dict[str, Metric]:
    rows = {
        "question_mark": ("share of turns with a question mark", mean("turns", turns.has_question_mark)),
        "question": ("share with one, or that start as questions do", mean("turns", turns.asks)),
        "imperative": ("share that start with an imperative", mean("turns", turns.requests)),
        "asks_for_more": (
            "share of follow-ups that start with continue, go on, more, next", mean("followups", turns.asks_for_more),
        ),
        "thanks": ("share of follow-ups with a word of thanks", mean("followups", turns.thanks)),
        "lower_case_start": ("share that start with a small letter", mean("turns", turns.starts_small)),
        "no_final_mark": ("share that end in a letter or digit", mean("turns", turns.ends_unmarked)),
        "unknown_words": (
            "share of words that the real assistants did not use twice", mean("turns", turns.unknown_words),
        ),
    }  # fmt: skip
    return {name: Metric("wording", about, measure) for name, (about, measure) in rows.items()}


def _answering() -> dict[str, Metric]:
    kinds: tuple[tuple[Kind, str], ...] = (
        ("shift", "another topic"), ("drift", "an associated one"), ("maintenance", "the same one"),
    )  # fmt: skip
    rows = {
        "copied": ("share of a turn's 4-grams that stand in the reply before it", mean("followups", turns.copied)),
        "copies_any": ("share of follow-ups with any such 4-gram", mean("followups", turns.copies_any)),
        "reply_words": ("share of content words that stand in the reply before", mean("followups", turns.reply_words)),
        "shares_nothing": ("share of follow-ups with none such", mean("followups", turns.shares_nothing)),
    }  # fmt: skip
    rows |= {
        "role_flips": ("share of turns that read like an assistant's (usersim.detect)", mean("turns", turns.flips)),
        "echoes": ("share of follow-ups that say again what either side just said", mean("followups", turns.echoes)),
    }
    made = {name: Metric("answering", about, measure, halvings=5) for name, (about, measure) in rows.items()}
    for kind, what in kinds:
        made[f"topic_{kind}"] = Metric("answering", f"share of follow-ups: {what}", topic_share(kind), halvings=5)
    made["topic_divergence"] = Metric(
        "answering", "Jensen-Shannon divergence of the three shares, bits", topic_distance, 0.0, halvings=5
    )
    return made


METRICS: dict[str, Metric] = {
    **_lengths(),
    **_spread(),
    **_wording(),
    **_answering(),
    "hazard_difference": Metric(
        "ends", "sum over rounds of the absolute differences of the chance to stop", hazard_difference, 0.0
    ),
    "turn_count_ks": Metric(
        "ends", "KS distance of user turns, conversations known to be over", turn_count_distance, 0.0
    ),
    "c2st": Metric(
        "two samples", "area under the curve of a classifier, real or not; 0.5: cannot tell", two_sample, 0.5, 3
    ),
    "c2st_any_length": Metric("two samples", "the same, lengths not matched", any_length, 0.5, 3),
    "coverage": Metric("two samples", "MAUVE-like area under the divergence curve; 1: the same", coverage, 1.0, 3),
}
