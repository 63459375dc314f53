"""A row that is longer than the context, as several that fit.

    for window in windows(template, row, context=1024, conversation_end=7):
        window.example.ids        # at most 1024

The rule: every window begins with the row's system message. The first takes as many messages as fit. Each further one
begins with what came before it, up to half of the context, without loss: as in acting, where the older half of a long
prompt leaves at once. So each own message is learnt once, with its history. An own message that fits into no window is
learnt up to the context's last token, its closing token not; one whose prompt alone fills the context is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from simworld.checkpoint.template import Template
from simworld.text.tokens import MESSAGE_OVERHEAD
from simworld.train.mask import Example, Span, mask
from simworld.train.rows import TrainMessage, TrainRow


@dataclass(frozen=True, slots=True)
class Window:
    """What fits of a row."""

    example: Example
    messages: tuple[int, ...]
    """For each message of the example its place in the row."""
    cut: int = 0
    """Tokens of its last own message that were cut off."""


@dataclass(slots=True)
class Fit:
    """What became of rows that did not fit."""

    rows: int = 0
    """Rows that were longer than the context."""
    windows: int = 0
    """Windows that were made of them."""
    cut: int = 0
    """Own messages that were cut at their end."""
    cut_tokens: int = 0
    """Tokens with loss that were cut off."""
    left_out: int = 0
    """Own messages with loss that were left out: their prompt alone fills the context."""


def windows(
    template: Template, row: TrainRow, *, context: int, conversation_end: int | None, fit: Fit | None = None
) -> Iterator[Window]:
    """The row as it is where it fits, else its windows; those without loss are not given."""
    fit = fit if fit is not None else Fit()
    whole = mask(template, row, conversation_end=conversation_end)
    if len(whole.ids) <= context:
        if whole.turns:
            yield Window(whole, tuple(range(len(row["messages"]))))
        return
    fit.rows += 1
    for chosen, history in _plan(template, row["messages"], context):
        window = _window(template, row, chosen, history, context, conversation_end, fit)
        if window is not None:
            fit.windows += 1
            yield window


def _plan(template: Template, messages: Sequence[TrainMessage], context: int) -> Iterator[tuple[list[int], int]]:
    """For each window the messages in it, and the one from which on they carry loss."""
    head = 1 if messages[0]["role"] == "system" else 0
    sizes = [template.count(message["content"]) + MESSAGE_OVERHEAD for message in messages]
    room = context - template.fixed - sum(sizes[:head])
    at = head
    while at < len(messages):
        first, used = at, sum(sizes[at : at + 2])
        while first - 2 >= head and used + sum(sizes[first - 2 : first]) <= room and (
            sum(sizes[first - 2 : at]) <= room // 2
        ):  # fmt: skip
            first -= 2
            used += sum(sizes[first : first + 2])
        stop = at + 2
        while stop < len(messages) and used + sum(sizes[stop : stop + 2]) <= room:
            used += sum(sizes[stop : stop + 2])
            stop += 2
        yield [*range(head), *range(first, min(stop, len(messages)))], at
        at = stop


def _window(
    template: Template, row: TrainRow, chosen: list[int], learnt_from: int, context: int, end: int | None, fit: Fit
) -> Window | None:
    """The window, cut at its end where it is too long; None where nothing of it is learnt."""
    messages = [row["messages"][at] for at in chosen]
    told = [
        TrainMessage(role=m["role"], content=m["content"], loss=m["loss"] and at >= learnt_from, end=m["end"])
        for at, m in zip(chosen, messages, strict=True)
    ]
    if not any(message["loss"] for message in told):
        return None
    example = mask(template, TrainRow(id=row["id"], root=row["root"], split=row["split"], messages=told),
                   conversation_end=end)  # fmt: skip
    if not example.turns:
        return None
    if len(example.ids) <= context:
        return Window(example, tuple(chosen))
    turns = [turn for turn in example.turns if turn.start < context]
    fit.left_out += len(example.turns) - len(turns)
    if not turns:
        return None
    lost = max(0, turns[-1].stop - context)
    fit.cut += lost > 0
    fit.cut_tokens += lost
    if lost:
        turns[-1] = replace(turns[-1], stop=context, end=None)
    return Window(replace(example, ids=example.ids[:context], labels=example.labels[:context], turns=turns),
                  tuple(chosen), lost)  # fmt: skip


def text_of(template: Template, window: Window, turn: Span) -> tuple[int, int]:
    """Where the text of a turn stops (before what closes it, if that is there), and its bytes in UTF-8."""
    if window.cut and turn is window.example.turns[-1]:
        return turn.stop, len(template.decode(window.example.ids[turn.start : turn.stop]).encode())
    return turn.stop - 1, turn.text_bytes
