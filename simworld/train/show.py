"""A row as a trainer reads it, with its learnt tokens marked: ⟦learnt<|im_end|>⟧, and coloured where colours are.

    Console().print(show_mask(template, row, end_id))

Every token of the row stands there, by the real tokenizer and chat template; control tokens stand by name, and
what only looks like one after a backslash.
"""

from __future__ import annotations

from itertools import groupby

from rich.text import Text

from simworld.checkpoint.template import Template
from simworld.text.visible import visible
from simworld.train.mask import NOTHING, mask
from simworld.train.rows import TrainRow

OPENS, CLOSES = "⟦", "⟧"
"""What stands round learnt tokens."""
_STYLES = {(False, False): "dim", (False, True): "cyan dim", (True, False): "bold green", (True, True): "bold magenta"}
"""Learnt, control token -> style."""


def show_mask(template: Template, row: TrainRow, end_id: int | None) -> Text:
    """The row's tokens as text. Raises UsageError where the template cannot be learnt from."""
    example = mask(template, row, conversation_end=end_id)
    learnt = [label != NOTHING for label in example.labels]
    closed = sum(learnt[turn.stop - 1] for turn in example.turns)
    shown = Text(
        f"{row['id']}: {sum(learnt)} of {len(learnt)} tokens are learnt, in {len(example.turns)} messages, "
        f"{closed} of them with what closes them\n"
    )
    for is_learnt, numbers in groupby(range(len(learnt)), key=learnt.__getitem__):
        shown.append(OPENS if is_learnt else "", "bold green")
        for text, is_control in template.spell([example.ids[number] for number in numbers]):
            shown.append(visible(text), _STYLES[is_learnt, is_control])
        shown.append(CLOSES if is_learnt else "", "bold green")
    return shown
