"""FILTERS: what can be wrong with a transcript, by name; ACROSS: what can be wrong with one beside all earlier ones.

    look = find("filter", "repetition", FILTERS)
    list(look(case, recipe["repetition"].bounds))       # [Found(detail, turns, value)]

To add one: a generator `(Case, Bounds) -> Found`, a row here (or an entry point `simworld.filters` of another package),
its use and bounds in `templates/curate/recipe.yaml`, and a good and a bad dialogue in `tests/curation_cases.yaml`: the
contract test then holds it. One of ACROSS is a class of `mark(case)`, pure, and `find(id, mark)`, called in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from simworld.curate.case import Bounds, Case, Found

Filter = Callable[[Case, Bounds], Iterable[Found]]


class Across(Protocol):
    """Finds transcripts that repeat an earlier one."""

    def mark(self, case: Case) -> Any:
        """What is kept of a transcript to be compared with others; the same in every process."""
        ...

    def find(self, id: str, mark: Any) -> Found | None:
        """The earlier one that this one repeats; else it is kept for those that come later."""
        ...


ACROSS = {
    "exact": "simworld.curate.duplicates:Exact",
    "near": "simworld.curate.duplicates:NearCopies",
    "similar": "simworld.curate.duplicates:Similar",
}
FILTERS = {
    "incomplete": "simworld.curate.form:incomplete",
    "cut": "simworld.curate.form:cut",
    "outsider": "simworld.curate.form:outsider",
    "absent": "simworld.curate.form:absent",
    "markup": "simworld.curate.form:markup",
    "narration": "simworld.curate.form:narration",
    "length": "simworld.curate.speech:length",
    "repetition": "simworld.curate.speech:repetition",
    "endless_goodbye": "simworld.curate.speech:endless_goodbye",
    "language": "simworld.curate.speech:language",
    "pii": "simworld.curate.speech:pii",
    "unwanted": "simworld.curate.speech:unwanted",
    "speaks_for_others": "simworld.curate.seats:speaks_for_others",
    "role_flip": "simworld.curate.seats:role_flip",
    "assistant_speak": "simworld.curate.seats:assistant_speak",
    "thought_leak": "simworld.curate.leaks:thought_leak",
    "secret_leak": "simworld.curate.leaks:secret_leak",
    "contradiction": "simworld.curate.persona:contradiction",
    "emotion_mismatch": "simworld.curate.persona:emotion_mismatch",
    "thought_share": "simworld.curate.speech:thought_share",
}
