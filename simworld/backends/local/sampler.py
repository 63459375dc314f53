"""Sampler: logits -> one token a row, greedy or drawn.

    sampler = Sampler(read_style(options, model.generation_config))
    sampler.choose(logits, calls)          # [17, 4, ...]; -1 where a row's logits are no numbers

A token is drawn by inverting the cumulative distribution at the row's own next number, which comes from its call's
seed; what else is in the batch draws nothing from it. What a call's rules forbid has no chance.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simworld.backends.local.call import Call
from simworld.checkpoint.libraries import library

logger = logging.getLogger("simworld.backends")

LIKELIEST = 128
"""Tokens that are looked at first where `top_p` cuts; all of them only if these are not enough."""
_UNHEEDED = (
    "no_repeat_ngram_size", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "typical_p", "epsilon_cutoff",
    "eta_cutoff", "exponential_decay_length_penalty", "encoder_repetition_penalty", "forced_bos_token_id",
    "sequence_bias", "guidance_scale", "min_length", "min_new_tokens",
)  # fmt: skip
_NEUTRAL: tuple[Any, ...] = (None, 0, 0.0, 1.0, [], {})


@dataclass(frozen=True, slots=True)
class Style:
    """How tokens are chosen."""

    temperature: float = 0.0
    """0: the likeliest token, always."""
    top_p: float = 1.0
    top_k: int = 0
    """0: no bound."""
    min_p: float = 0.0
    repetition_penalty: float = 1.0


def read_style(temperature: float | None, top_p: float | None, generation: Any, spec: str) -> Style:
    """The user's word, and for what is None the model's `generation_config`. Warns of what in it is not heeded."""
    unheeded = [name for name in _UNHEEDED if getattr(generation, name, None) not in _NEUTRAL]
    if unheeded:
        logger.warning("%s: its generation_config asks for %s, which is not heeded", spec, ", ".join(unheeded))
    drawn = bool(getattr(generation, "do_sample", None))
    if temperature is None:
        temperature = _number(generation, "temperature", 1.0) if drawn else 0.0
    return Style(
        temperature=temperature,
        top_p=_number(generation, "top_p", 1.0) if top_p is None else top_p,
        top_k=int(_number(generation, "top_k", 0)),
        min_p=_number(generation, "min_p", 0.0),
        repetition_penalty=_number(generation, "repetition_penalty", 1.0),
    )


def _number(generation: Any, name: str, default: float) -> float:
    value = getattr(generation, name, None)
    return default if value is None else value


class Sampler:
    """Chooses the next token of each row."""

    def __init__(self, style: Style) -> None:
        self.style = style

    @property
    def draws(self) -> bool:
        """Whether it needs numbers to draw by."""
        return self.style.temperature > 0

    def choose(self, logits: Any, calls: Sequence[Call]) -> list[int]:
        """A token for each row of `logits`; -1 where they are no numbers."""
        scores = logits.float()
        ruled = [(row, call) for row, call in enumerate(calls) if call.rules is not None]
        if ruled:
            _watch(scores, ruled)
        if self.style.repetition_penalty != 1:
            scores = self._penalised(scores, calls)
        tokens = self._chosen(scores, calls)
        kept = [(row, call) for row, call in ruled if call.rules and call.rules.forbidden(call.said)]
        return self._allowed(tokens, scores, kept) if kept else tokens

    def _allowed(self, tokens: list[int], scores: Any, kept: Sequence[tuple[int, Call]]) -> list[int]:
        """The tokens, those of rows that may not say everything chosen anew among what they may say."""
        rows, calls = [row for row, _ in kept], [call for _, call in kept]
        chosen = self._chosen(_without_forbidden(scores[rows], calls), calls)
        for row, call, token in zip(rows, calls, chosen, strict=True):
            if call.rules and tokens[row] in call.rules.forbidden(call.said):
                call.barred.append(tokens[row])
            tokens[row] = token if tokens[row] >= 0 else -1
        return tokens

    def _chosen(self, scores: Any, calls: Sequence[Call]) -> list[int]:
        torch = library("torch")
        highest, chosen = scores.max(-1)
        if self.draws:
            draws = torch.tensor([call.draw for call in calls], dtype=torch.float32, device=scores.device)
            chosen = self._drawn(scores / self.style.temperature, draws[:, None])
        return torch.where(torch.isfinite(highest), chosen, -1).tolist()

    def _penalised(self, scores: Any, calls: Sequence[Call]) -> Any:
        torch = library("torch")
        scores = scores.clone()
        for row, call in enumerate(calls):
            used = torch.tensor(call.tokens, device=scores.device)
            found = scores[row, used]
            penalty = self.style.repetition_penalty
            scores[row, used] = torch.where(found < 0, found * penalty, found / penalty)
        return scores

    def _drawn(self, scores: Any, draws: Any) -> Any:
        """A token a row, at the place of `draws` in the cumulative distribution."""
        style, most = self.style, scores.shape[-1]
        if style.top_k and style.top_k < most:
            kept, ids = scores.topk(style.top_k)
            return self._pick(kept.softmax(-1), ids, draws)
        if style.top_p < 1 or style.min_p:
            chances = scores.softmax(-1)
            kept, ids = chances.topk(min(LIKELIEST, most))
            if kept.shape[-1] < most and not bool((kept.sum(-1) >= style.top_p).all()):
                kept, ids = chances.sort(descending=True)
            return self._pick(kept, ids, draws)
        return _at(scores.softmax(-1), draws)[:, 0]

    def _pick(self, chances: Any, ids: Any, draws: Any) -> Any:
        """Of chances in falling order, those that top_p and min_p leave; then the one at `draws`."""
        style = self.style
        before = chances.cumsum(-1) - chances
        left = before < style.top_p
        if style.min_p:
            left &= chances >= style.min_p * chances[:, :1]
        left[:, 0] = True
        return ids.gather(-1, _at(chances * left, draws))[:, 0]


def _watch(scores: Any, ruled: Sequence[tuple[int, Call]]) -> None:
    """Note in each call that says its first token what chance its watched token has."""
    asked = [(row, call) for row, call in ruled if call.rules and call.rules.watched is not None and not call.said]
    if not asked:
        return
    torch = library("torch")
    rows = torch.tensor([row for row, _ in asked], device=scores.device)
    tokens = torch.tensor([call.rules.watched for _, call in asked if call.rules], device=scores.device)
    chances = scores[rows].softmax(-1).gather(-1, tokens[:, None])[:, 0].tolist()
    for (_, call), chance in zip(asked, chances, strict=True):
        call.watched = chance


def _without_forbidden(scores: Any, calls: Sequence[Call]) -> Any:
    """The scores with no chance for what each row's rules forbid."""
    torch = library("torch")
    places = [(row, token) for row, call in enumerate(calls) if call.rules for token in call.rules.forbidden(call.said)]
    rows, tokens = torch.tensor(places, device=scores.device).T
    return scores.index_put((rows, tokens), scores.new_tensor(float("-inf")))


def _at(chances: Any, draws: Any) -> Any:
    """`[rows, 1]`: the first place whose cumulative chance passes the draw's share of the whole."""
    torch = library("torch")
    heaped = chances.cumsum(-1)
    place = torch.searchsorted(heaped, draws * heaped[:, -1:], right=True)
    # a draw near 1 may round up to the whole: the last place that has any chance
    last = (chances > 0).long().mul(torch.arange(1, chances.shape[-1] + 1, device=chances.device)).amax(-1) - 1
    return torch.minimum(place, last[:, None])
