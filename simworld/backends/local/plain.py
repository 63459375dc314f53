"""Plain: calls answered by the library's own `generate`, in batches, with nothing kept from turn to turn.

For models whose cache is of a kind that slots cannot hold (sliding windows, state spaces). Tokens are chosen by our
sampler all the same, so a row still draws by its own seed; a batch ends when its longest reply does.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Any

from simworld.backends.local.call import Call
from simworld.backends.local.memory import give_back, is_out_of_memory
from simworld.backends.local.sampler import Sampler
from simworld.checkpoint.libraries import library
from simworld.errors import BackendError

logger = logging.getLogger("simworld.backends")

BROKEN = -1
"""What the sampler says of a row whose logits are no numbers."""


class Plain:
    """A Runner over `model.generate`."""

    def __init__(self, model: Any, sampler: Sampler, ends: Collection[int], *, most_rows: int, spec: str) -> None:
        self.most_rows = most_rows
        self.back: list[Call] = []
        self._model, self._sampler, self._ends, self._spec = model, sampler, sorted(ends), spec
        self._rows: list[Call] = []
        self._warned = False
        # what it says is read once, by the sampler; here it would be applied a second time
        model.generation_config = library("transformers").GenerationConfig()

    @property
    def active(self) -> int:
        """Calls at work."""
        return len(self._rows)

    def join(self, calls: Sequence[Call]) -> None:
        """See Runner."""
        live = [call for call in calls if not call.is_gone]
        room = self.most_rows - self.active
        self._rows += live[:room]
        self.back += live[room:]

    def step(self) -> None:
        """One whole batch."""
        rows, self._rows = self._rows, []
        try:
            self._answer(rows)
        except Exception as error:
            if not is_out_of_memory(error):
                self._rows = rows
                raise
            reason = str(error)
        else:
            return
        # outside the handler: the error holds on to tensors
        self._retreat([call for call in rows if not call.future.done()], reason)

    def fail(self, error: BackendError) -> None:
        """See Runner."""
        for call in self._rows:
            call.fail(error)
        self._rows = []

    def clear(self) -> None:
        """Nothing is kept."""

    def _answer(self, rows: Sequence[Call]) -> None:
        torch, transformers = library("torch"), library("transformers")
        longest = max(call.given for call in rows)
        device = self._model.device
        ids = torch.tensor([[0] * (longest - call.given) + call.tokens[: call.given] for call in rows], device=device)
        mask = torch.tensor([[0] * (longest - call.given) + [1] * call.given for call in rows], device=device)
        for call in rows:
            del call.tokens[call.given :]
        settings = transformers.GenerationConfig(
            do_sample=False, max_new_tokens=max(call.most for call in rows), eos_token_id=self._stops(rows),
            pad_token_id=0, use_cache=True,
        )  # fmt: skip
        self._model.generate(
            input_ids=ids, attention_mask=mask, generation_config=settings,
            logits_processor=[_choosing(self._sampler, rows, self._ends)],
        )  # fmt: skip
        for call in rows:
            if BROKEN in call.tokens[call.given :]:
                call.fail(BackendError(f"{self._spec}: the model gave no numbers (overflow?); try --dtype float32"))
                continue
            ends = (at for at in range(call.given, len(call.tokens)) if call.ends_by(call.tokens[at], self._ends))
            end = next(ends, None)
            if end is not None:
                del call.tokens[end + 1 :]
            call.finish("length" if end is None else "stop")

    def _stops(self, rows: Sequence[Call]) -> list[int]:
        """The tokens at which the library may stop a row: those that end every one of these."""
        own = [call.rules.stops if call.rules else frozenset[int]() for call in rows]
        return sorted({*self._ends, *(token for token in own[0] if all(token in stops for stops in own))})

    def _retreat(self, rows: list[Call], reason: str) -> None:
        give_back(self._model.device)
        if len(rows) == 1:
            rows[0].fail(BackendError(f"{self._spec}: out of memory with one row alone: {reason.splitlines()[0]}"))
            return
        self.most_rows = max(1, len(rows) // 2)
        self.back[:0] = rows
        if not self._warned:
            self._warned = True
            logger.warning("%s: out of memory; from now on at most %d rows at once", self._spec, self.most_rows)


def _choosing(sampler: Sampler, rows: Sequence[Call], ends: Collection[int]) -> Any:
    """A logits processor that leaves the sampler's choice alone, and notes it in the call; of a reply that has ended
    nothing more is noted."""
    torch = library("torch")
    done: dict[int, int] = {}

    def choose(_: Any, scores: Any) -> Any:
        chosen = sampler.choose(scores, rows)
        for row, (call, token) in enumerate(zip(rows, chosen, strict=True)):
            if row in done:
                del call.barred[done[row] :]
            elif call.ends_by(token, ends):
                done[row] = len(call.barred)
            if call.left > 0:
                call.add(token)
        only = torch.full_like(scores, float("-inf"))
        only.scatter_(1, torch.tensor(chosen, device=scores.device).clamp_min(0)[:, None], 0.0)
        return only

    return choose
