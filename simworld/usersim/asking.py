"""Asking: a user's prompt -> tokens, for checkpoints trained here and elsewhere; and the tokens that end things.

ends = ends_of(tokenizer, template, trained, None, "usersim:user")
ends.turn, ends.conversation                    # frozenset({7}), 9
Asking(tokenizer, template, Foreign(own="user"), spec).tokens(messages)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from simworld.backends.local.call import Rules
from simworld.checkpoint.control import Controls
from simworld.checkpoint.render import Render, first_line
from simworld.checkpoint.template import Template
from simworld.checkpoint.tokens import Tokens
from simworld.errors import BackendError, UsageError
from simworld.prompts import forms, render
from simworld.schema import Trained
from simworld.usersim.options import Foreign, Guards

Messages = Sequence[Mapping[str, str]]
_TURNED = {"user": "assistant", "assistant": "user"}


@dataclass(frozen=True, slots=True)
class Ends:
    """Tokens that end things."""

    turn: frozenset[int]
    conversation: int | None
    """The one that closes a message and with it the conversation, or the conversation in place of a message."""

    def rules(self, guards: Guards, own: int, banned_first: frozenset[int]) -> Rules:
        """What a message may not say where `own` have been said before it."""
        closing = frozenset[int]() if self.conversation is None else frozenset({self.conversation})
        may_end = guards.ends and own >= guards.min_turns
        return Rules(
            banned=frozenset() if may_end else closing,
            banned_first=self.turn | banned_first,
            held=self.turn | closing,
            least=guards.min_tokens,
            stops=self.turn | closing,
            watched=self.conversation,
        )

    def acted(self, barred: Sequence[int], banned_first: frozenset[int]) -> list[str]:
        """The guards that kept a message from these tokens, each once."""
        return list(dict.fromkeys(self._guard(token, banned_first) for token in barred))

    def _guard(self, token: int, banned_first: frozenset[int]) -> str:
        if token == self.conversation:
            return "early_end"
        return "banned_first" if token in banned_first else "too_short"


def ends_of(tokenizer: Any, template: Template, trained: Trained | None, foreign: Foreign | None, spec: str) -> Ends:
    """What ends a turn and a conversation: as a file says, else as the checkpoint does. Raises UsageError where a
    token is none."""
    turn, conversation = frozenset(template.ends), None
    if trained is not None:
        turn, conversation = turn | frozenset(trained.turn_ends), trained.conversation_end
    if foreign is not None:
        turn = frozenset(_id(tokenizer, token, spec) for token in foreign.turn_end) or turn
        conversation = _id(tokenizer, foreign.conversation_end, spec) if foreign.conversation_end else conversation
    return Ends(turn - {conversation}, conversation)


def _id(tokenizer: Any, token: str, spec: str) -> int:
    ids = tokenizer(token, add_special_tokens=False)["input_ids"]
    if len(ids) != 1:
        raise UsageError(
            f"{spec}: {token[:40]!r} is no single token of its tokenizer; write one of its special tokens "
            f"({', '.join(tokenizer.all_special_tokens[:8])})"
        )
    return ids[0]


class Asking:
    """How one checkpoint is asked for a user's next message."""

    def __init__(self, tokenizer: Any, template: Template, foreign: Foreign, spec: str) -> None:
        self._tokenizer, self._template, self._foreign, self._spec = tokenizer, template, foreign, spec
        self._render = Render(tokenizer, spec)
        self._controls = Controls(tokenizer, self._render.source)
        self._tokens = Tokens(tokenizer, self._controls, spec)
        self.first_tokens = cache(self._first_tokens)

    def tokens(self, messages: Messages) -> list[int]:
        """The prompt's tokens. Raises BackendError where the chat template refuses the messages."""
        foreign = self._foreign
        if foreign.system == "goal":
            messages = _with_goal_alone(messages)
        if foreign.own == "assistant" and not foreign.prefix:
            return self._template.encode(messages)
        told = _turned(messages) if foreign.own == "user" else [dict(message) for message in messages]
        hidden = self._controls.hide(told)
        try:
            text = self._render(hidden.messages, asks=False) if told else ""
        except Exception as error:  # noqa: BLE001 - templates raise what they like
            failure = BackendError(f"{self._spec}: its chat template refuses the messages: {first_line(error)}")
        else:
            if text + foreign.prefix:
                return self._tokens.whole(text + foreign.prefix, hidden)
            failure = BackendError(f"{self._spec}: there is nothing to ask with; give its seat a goal, or a `prefix`")
        raise failure

    def _first_tokens(self, texts: tuple[str, ...]) -> frozenset[int]:
        """The first token of each of these."""
        ids = (self._tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts)
        return frozenset(found[0] for found in ids if found)


def _turned(messages: Messages) -> list[dict[str, str]]:
    """The same with the two sides' roles changed; what asks for a first message is left out."""
    opener = render("opener", name="", plain=True)
    return [
        {"role": _TURNED.get(message["role"], message["role"]), "content": message["content"]}
        for message in messages
        if not (message["role"] == "user" and message["content"] == opener)
    ]


def _with_goal_alone(messages: Messages) -> list[dict[str, str]]:
    """The same with a system message that says what is wanted and nothing else; none where nothing is."""
    before, _, after = forms()["wants"].partition("{text}")
    pattern = re.compile(rf"^{re.escape(before)}(.*){re.escape(after)}$", re.MULTILINE)
    told: list[dict[str, str]] = []
    for message in messages:
        if message["role"] != "system":
            told.append(dict(message))
        elif found := pattern.search(message["content"]):
            told.append({"role": "system", "content": found[1]})
    return told
