"""Tokens: a rendered text -> token ids, with control tokens only where the template wrote them.

    tokens = Tokens(tokenizer, controls, "local:/models/seven")
    tokens.whole(text, hidden)               # a text from its start
    tokens.behind(closing, text, hidden)     # a text that goes on after a control token
    tokens.reply(text, hidden, last)         # what is said after the prompt's last token, tokenised apart

Where nothing is hidden, and the tokenizer itself finds no other control token than the template's, these are exactly
the tokens that it gives.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

from simworld.checkpoint.control import Controls, Hidden
from simworld.checkpoint.libraries import library
from simworld.errors import UsageError

_UNUSED = " \U0010ffff\uffff{} "
"""What a control token is called where a text must not become it."""


class Tokens:
    """A tokenizer that keeps contents and control tokens apart."""

    def __init__(self, tokenizer: Any, controls: Controls, spec: str) -> None:
        self._tokenizer, self._controls, self._spec = tokenizer, controls, spec
        self._backend: Any = getattr(tokenizer, "backend_tokenizer", None)

    def whole(self, text: str, hidden: Hidden) -> list[int]:
        """The tokens of a text from its start."""
        if not hidden.is_in(text):
            ids = self._ids(text)
            if [id for id in ids if id in self._controls.strict] == self._controls.tokens(text):
                return ids
        found: list[int] = []
        for number, part in enumerate(self._controls.split(text)):
            if isinstance(part, int):
                found.append(part)
            else:
                found += (self._behind if number else self._own)(hidden.show(part))
        return found

    def behind(self, token: int, text: str, hidden: Hidden) -> list[int]:
        """The tokens of a text that goes on after a control token."""
        return self.whole(self._controls.names[token] + text, hidden)[1:] if text else []

    def reply(self, text: str, hidden: Hidden, last: int | None) -> list[int]:
        """The tokens of what is said after a prompt that ends with `last`."""
        text = hidden.show(text)
        if not self._has_prefix and not self._controls.find(text):
            ids = self._ids(text)
            if self._controls.strict.isdisjoint(ids):
                return ids
        return (self._behind if last in self._controls.strict else self._joined)(text)

    def _ids(self, text: str) -> list[int]:
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]

    @cached_property
    def _has_prefix(self) -> bool:
        """Whether the tokenizer may put a space before a text."""
        if self._backend is None:
            return True
        shown = self._backend.normalizer.normalize_str("x") if self._backend.normalizer else "x"
        words = self._backend.pre_tokenizer.pre_tokenize_str(shown) if self._backend.pre_tokenizer else [(shown, ())]
        return words[0][0] != "x"

    @cached_property
    def _own(self) -> Callable[[str], list[int]]:
        """Text without control tokens, at the start of a prompt."""
        return self._split if self._backend is None else _without(self._backend, self._controls, joined=False)

    @cached_property
    def _joined(self) -> Callable[[str], list[int]]:
        """Text without control tokens that goes on where other text ended."""
        if self._backend is None or not self._has_prefix:
            return self._own
        made = _without(self._backend, self._controls, joined=True)
        return made if _splits_alike(made, self._own) else self._own

    @cached_property
    def _behind(self) -> Callable[[str], list[int]]:
        """Text without control tokens, behind one of them."""
        if self._joined is self._own:
            return self._own
        name = next(iter(self._controls.ids))
        return self._joined if self._ids(f"{name}x")[1:] == self._joined("x") else self._own

    def _split(self, text: str) -> list[int]:
        """As a tokenizer written in Python splits it."""
        ids = self._tokenizer.convert_tokens_to_ids(self._tokenizer.tokenize(text, split_special_tokens=True))
        if self._controls.strict.isdisjoint(ids):
            return ids
        raise UsageError(f"{self._spec}: its tokenizer makes a control token of {text[:60]!r}; use one of kind `fast`")


class _Bare:
    """A tokenizer of the library below, without control tokens."""

    def __init__(self, tokenizer: Any, moved: dict[int, int]) -> None:
        self.tokenizer, self._moved = tokenizer, moved

    def __call__(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return [self._moved.get(id, id) for id in ids] if self._moved else ids


def _without(backend: Any, controls: Controls, *, joined: bool) -> _Bare:
    """The tokenizer without its control tokens; `joined`: without the space that it puts before a text, too."""
    told: dict[str, Any] = json.loads(backend.to_str())
    plain = [token for token in told["added_tokens"] if token["content"] not in controls.ids]
    told |= {"added_tokens": plain, "truncation": None, "padding": None, "post_processor": None}
    told["model"] = _unlearn(told["model"], controls)
    if joined:
        told |= {part: _unspaced(told[part]) for part in ("normalizer", "pre_tokenizer")}
    made = library("tokenizers").Tokenizer.from_str(json.dumps(told))
    ids = {made.token_to_id(token["content"]): token["id"] for token in plain}
    return _Bare(made, {now: then for now, then in ids.items() if now != then})


def _unlearn(model: dict[str, Any], controls: Controls) -> dict[str, Any]:
    """The model with no control string in its vocabulary, but for what it calls the unknown."""
    names = set(controls.ids) - {model.get("unk_token")}
    vocab = model["vocab"]
    if isinstance(vocab, list):
        pieces = enumerate(cast("list[tuple[str, float]]", vocab))
        named = [(_UNUSED.format(id) if id in controls.names else name, score) for id, (name, score) in pieces]
        return {**model, "vocab": named}
    if merges := model.get("merges"):
        pairs = [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in merges]
        pairs = [pair for pair in pairs if "".join(pair) not in names]
        names -= {part for pair in pairs for part in pair}
        model = {**model, "merges": pairs}
    return {**model, "vocab": {name: id for name, id in vocab.items() if name not in names}}


def _unspaced(part: Any) -> Any:
    """A normalizer or pre-tokenizer that puts no space before a text."""
    if part is None or part["type"] == "Prepend":
        return None
    for several in ("normalizers", "pretokenizers"):
        if several in part:
            return {**part, several: [kept for one in part[several] if (kept := _unspaced(one))]}
    never = {"prepend_scheme": "never", "add_prefix_space": False}
    return {**part, **{name: value for name, value in never.items() if name in part}}


def _splits_alike(one: Any, other: Any) -> bool:
    """Whether both see the same in a word within a text."""
    before = [made.tokenizer.pre_tokenizer for made in (one, other)]
    return None in before or len({made.pre_tokenize_str("x y")[-1][0] for made in before}) == 1
