"""What a checkpoint thinks of given rows: the likelihood of each own turn, and of an end where there might be one.

    scorer = open_scorer("user")
    scored = list(scorer.score(rows))
    bits_per_byte(scored)               # of the own turns' text, without what closes them
    scored[0].ends[-1].probability      # P(the conversation is over) before its last own message

Nothing is sampled: one forward pass a row, several rows at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from simworld.checkpoint.facts import read_trained
from simworld.checkpoint.libraries import library
from simworld.checkpoint.open import choose_device, choose_dtype, load_model, open_checkpoint
from simworld.checkpoint.template import Template
from simworld.errors import UsageError
from simworld.prompts import render
from simworld.train.mask import Span
from simworld.train.rows import TrainRow
from simworld.train.windows import Window, text_of, windows

AT_ONCE = 256
"""Rows that are sorted by length before they are put into batches."""
MOST_LOGITS = 1 << 28
"""Numbers of a batch's logits."""


@dataclass(frozen=True, slots=True)
class TurnScore:
    """How likely an own message is, given all before it."""

    message: int
    """Its place in the row."""
    nats: float
    """-log P of its text; what closes it is left out."""
    tokens: int
    bytes: int
    """Of its text in UTF-8; of a message that did not fit the context, the part that did."""


@dataclass(frozen=True, slots=True)
class EndScore:
    """How likely the speaker was to end the conversation in place of an own message."""

    message: int
    """The own message's place in the row."""
    probability: float
    over: bool
    """Whether the conversation was over: the message is empty and ends it."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of one row."""

    id: str
    turns: tuple[TurnScore, ...]
    ends: tuple[EndScore, ...]


def bits_per_byte(scored: Iterable[Scored]) -> float:
    """Bits that a byte of the own turns costs, over all of them; UsageError where there is none."""
    turns = [turn for one in scored for turn in one.turns]
    total = sum(turn.bytes for turn in turns)
    if not total:
        raise UsageError("no own turn with text among the rows: there is nothing to score")
    return sum(turn.nats for turn in turns) / total / math.log(2)


def open_scorer(
    folder: str | Path, *, device: str | None = None, dtype: str | None = None, batch_tokens: int = 8192
) -> Scorer:
    """Open a checkpoint for scoring. Raises UsageError where it cannot be used."""
    spec = str(folder)
    checkpoint = open_checkpoint(spec, spec=spec)
    trained = read_trained(Path(spec)) if Path(spec).is_dir() else None
    place = choose_device(device, spec)
    model = load_model(checkpoint, place, choose_dtype(dtype, place))
    limits = [limit for limit in (checkpoint.longest, trained.context if trained else None) if limit]
    end = trained.conversation_end if trained else None
    return Scorer(model, Template(checkpoint.tokenizer, spec), end, min(limits, default=2048), batch_tokens)


class Scorer:
    """A model with its template, ready to score rows."""

    def __init__(
        self, model: Any, template: Template, conversation_end: int | None, context: int, batch_tokens: int = 8192
    ) -> None:
        self._model, self._template = model, template
        self.conversation_end = conversation_end
        """Id of the token that ends a conversation; None: the checkpoint was taught no ends, and gives no EndScore."""
        self.context = context
        """Tokens of a row; a longer one is scored in windows (see `windows`)."""
        self._batch_tokens = batch_tokens

    def score(self, rows: Iterable[TrainRow]) -> Iterator[Scored]:
        """The scores of each row, in their order."""
        stream = iter(rows)
        while some := list(islice(stream, AT_ONCE)):
            yield from self._score(some)

    def _score(self, rows: Sequence[TrainRow]) -> Iterator[Scored]:
        turns: list[list[TurnScore]] = [[] for _ in rows]
        ends: list[list[EndScore]] = [[] for _ in rows]
        found = [(number, window) for number, row in enumerate(rows) for window in self._windows(row)]
        found.sort(key=lambda pair: len(pair[1].example.ids))
        for batch in self._batches(found):
            scores = self._forward([window for _, window in batch])
            for (number, window), (nats, chances) in zip(batch, scores, strict=True):
                for span, cost, chance in zip(window.example.turns, nats, chances, strict=True):
                    self._note(rows[number], window, span, cost, chance, turns[number], ends[number])
        for row, own, over in zip(rows, turns, ends, strict=True):
            own.sort(key=lambda score: score.message)
            over.sort(key=lambda score: score.message)
            yield Scored(row["id"], tuple(own), tuple(over))

    def _windows(self, row: TrainRow) -> Iterator[Window]:
        return windows(self._template, row, context=self.context, conversation_end=self.conversation_end)

    def _note(
        self, row: TrainRow, window: Window, span: Span, cost: float, chance: float | None,
        turns: list[TurnScore], ends: list[EndScore],
    ) -> None:  # fmt: skip
        """Add what the scores of one turn say about its message."""
        at = window.messages[span.message]
        content = row["messages"][at]["content"]
        if content:
            stop, size = text_of(self._template, window, span)
            turns.append(TurnScore(at, cost, stop - span.start, size))
        if chance is not None and row["messages"][at - 1]["content"] != opener():
            ends.append(EndScore(at, chance, not content))

    def _batches(self, found: Sequence[tuple[int, Window]]) -> Iterator[list[tuple[int, Window]]]:
        batch: list[tuple[int, Window]] = []
        vocabulary = int(self._model.config.get_text_config().vocab_size)
        most = min(self._batch_tokens, max(1, MOST_LOGITS // vocabulary))
        for one in found:
            # sorted: the newest is the longest
            if batch and (len(batch) + 1) * len(one[1].example.ids) > most:
                yield batch
                batch = []
            batch.append(one)
        if batch:
            yield batch

    def _forward(self, batch: Sequence[Window]) -> Iterator[tuple[list[float], list[float | None]]]:
        """For each window, of each of its turns: the cost of its text in nats, and P(end) before it."""
        torch = library("torch")
        # padded behind: a causal model's tokens never see what comes after them, so no mask is needed
        ids = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(window.example.ids) for window in batch], batch_first=True
        ).to(self._model.device)  # fmt: skip
        kept = sorted({at for window in batch for turn in window.example.turns for at in _asked(turn)})
        place = {at: number for number, at in enumerate(kept)}
        with torch.inference_mode():
            logits = self._model(
                input_ids=ids, use_cache=False, logits_to_keep=torch.tensor(kept, device=ids.device)
            ).logits  # fmt: skip
            for number, window in enumerate(batch):
                yield self._of_window(window, ids[number], logits[number], place)

    def _of_window(
        self, window: Window, ids: Any, logits: Any, place: dict[int, int]
    ) -> tuple[list[float], list[float | None]]:
        nats: list[float] = []
        chances: list[float | None] = []
        for turn in window.example.turns:
            asked = list(_asked(turn))
            known = logits[place[asked[0]] : place[asked[-1]] + 1].float().log_softmax(-1)
            size = text_of(self._template, window, turn)[0] - turn.start
            wanted = ids[turn.start : turn.start + size]
            nats.append(float(-known[:size].gather(-1, wanted[:, None]).sum()))
            end = self.conversation_end
            chances.append(None if end is None else float(known[0, end].exp()))
        return nats, chances


@cache
def opener() -> str:
    """The user message before a plain seat's own first turn, where nothing was heard yet."""
    return render("opener", name="", plain=True)


def _asked(turn: Span) -> range:
    """The positions whose logits say how likely the turn's tokens are."""
    return range(turn.start - 1, turn.stop - 1)
