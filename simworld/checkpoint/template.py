"""Template: messages -> tokens, by the checkpoint's own chat template; and what the template adds to them.

    template = Template(tokenizer, "local:/models/seven")
    template.encode(messages)        # token ids, ready for the reply
    template.lay_out(messages)       # a whole conversation, and where the replies stand in it
    template.count("Good evening.")  # with what the template adds to a message beyond MESSAGE_OVERHEAD
    template.fixed                   # tokens that it adds once to every prompt
    template.ends                    # tokens that end a turn

Acting and training read messages by one path. What stands before a reply is tokenised as the prompt that asks for it,
the reply apart, up to the token that closes it: at every moment the prompt holds the tokens that were learnt. No
content becomes a control token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from simworld.checkpoint.control import END_OF_CONVERSATION, Controls, Hidden, Messages
from simworld.checkpoint.prompts import Prompt, Prompts
from simworld.checkpoint.render import Render, dialogue, first_line
from simworld.checkpoint.tokens import Tokens
from simworld.errors import BackendError, UsageError
from simworld.text.tokens import MESSAGE_OVERHEAD

__all__ = ["END_OF_CONVERSATION", "Laid", "Placed", "Template"]
_PROBES = ("Good evening.", "x", " x", "\nx\n", "7", "")
"""Contents by which the template's additions are measured: a neighbour may merge with what begins or ends otherwise."""
_CLOSE = "let its template write the eos token behind what the assistant says, or give its tokenizer an eos token"


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a reply stands among the tokens of its conversation."""

    message: int
    """Its number, from 0."""
    start: int
    stop: int
    """Behind the token that closes it."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A conversation as tokens."""

    ids: list[int]
    replies: list[Placed]


class Template:
    """A chat template that has been tried out."""

    def __init__(self, tokenizer: Any, spec: str, *, closes: bool = True) -> None:
        """Raises UsageError where there is no template, or where it cannot say what a dialogue needs.

        `closes`: where the template writes no closing token behind a reply, the eos token stands there, as in training.
        """
        self._tokenizer, self._spec = tokenizer, spec
        self._render = Render(tokenizer, spec)
        self._controls = Controls(tokenizer, self._render.source)
        self._tokens = Tokens(tokenizer, self._controls, spec)
        self._prompts = Prompts()
        self._reply = self._render.reply(self._controls)
        eos = tokenizer.eos_token_id
        self.closing: int | None = eos if self._reply is None or self._reply.closing is None else self._reply.closing
        """The token that closes a turn: the one that the template writes behind a reply, else the eos token."""
        self.ends = frozenset(id for id in (eos, self.closing) if id is not None)
        self._parts = self._reply is None or self.closing is None or not (closes or self._reply.closes)
        self._extra, self.fixed = self._measure()

    def encode(self, messages: Messages) -> list[int]:
        """The prompt's tokens. Raises BackendError where the template refuses the messages."""
        hidden = self._controls.hide(messages)
        try:
            prompt = None if self._parts else self._prompt(messages, hidden)
            return self._whole(hidden) if prompt is None else prompt.ids
        except UsageError as error:
            failure = BackendError(str(error))
        except Exception as error:  # noqa: BLE001 - templates raise what they like
            failure = BackendError(f"{self._spec}: its chat template refuses the messages: {first_line(error)}")
        raise failure

    def lay_out(self, messages: Messages, ends: Mapping[int, int] | None = None) -> Laid:
        """A conversation as tokens, as acting reads it turn by turn.

        `ends`: number of a reply -> the token that closes it in place of the template's. Raises UsageError where the
        prompt that asked for a reply is not how the conversation begins, or where nothing can close a reply.
        """
        hidden = self._controls.hide(messages)
        text = self._rendered(hidden.messages, asks=False)
        ids: list[int] = []
        replies: list[Placed] = []
        at, last = 0, None
        for number, message in enumerate(hidden.messages):
            if message["role"] != "assistant":
                continue
            prompt = self._rendered(hidden.messages[:number], asks=True)
            stop = self._stop(text, prompt, message["content"]) if len(prompt) >= at else None
            if stop is None:
                raise self._parting(number)
            ids += self._between(last, text[at : len(prompt)], hidden)
            start, closing = len(ids), (ends or {}).get(number, self.closing)
            if closing is None:
                raise UsageError(f"{self._spec}: nothing closes a turn: {_CLOSE}")
            ids += [*self._said(message["content"], hidden, ids), closing]
            replies.append(Placed(number, start, len(ids)))
            at, last = stop, closing
        return Laid([*ids, *self._between(last, text[at:], hidden)], replies)

    def count(self, text: str) -> int:
        """Tokens of a message with this content, but for MESSAGE_OVERHEAD, which whoever counts messages adds."""
        hidden = self._controls.hide([{"role": "user", "content": text}])
        return len(self._tokens.whole(hidden.messages[0]["content"], hidden)) + self._extra

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of a reply, without special tokens."""
        return self._tokenizer.decode(tokens, skip_special_tokens=True)

    def spell(self, ids: Sequence[int]) -> list[tuple[str, bool]]:
        """Tokens as text, each control token alone and by name (true); what looks like one after a backslash."""
        pieces: list[tuple[str, bool]] = []
        for name, run in groupby(ids, key=self._controls.names.get):
            tokens = [*run]
            text = "" if name else self._controls.escape(self._tokenizer.decode(tokens))
            pieces += [(name, True)] * len(tokens) if name else [(text, False)]
        return pieces

    def _prompt(self, messages: Messages, hidden: Hidden) -> Prompt | None:
        """The prompt that these messages make; None where an earlier one is not how it begins."""
        key = (hidden.plane, *((message["role"], message["content"]) for message in messages))
        if found := self._prompts.find(key):
            return found
        own = [number for number, message in enumerate(hidden.messages) if message["role"] == "assistant"]
        stops = [*own, len(messages)]
        done = len(own)
        while done and (found := self._prompts.take(key[: stops[done - 1] + 1])) is None:
            done -= 1
        for number in range(done, len(stops)):
            told = hidden.messages[: stops[number]]
            text = self._render(told, asks=True)
            if found is None:
                found = Prompt(text, self._tokens.whole(text, hidden))
                continue
            content = hidden.messages[stops[number - 1]]["content"]
            stop = self._stop(text, found.text, content)
            if stop is None or self.closing is None:
                return None
            said = [*self._said(content, hidden, found.ids), self.closing]
            found = Prompt(text, [*found.ids, *said, *self._between(self.closing, text[stop:], hidden)])
        assert found is not None
        self._prompts.keep(key, found)
        return found

    def _whole(self, hidden: Hidden) -> list[int]:
        return self._tokens.whole(self._render(hidden.messages, asks=True), hidden)

    def _stop(self, text: str, prompt: str, content: str) -> int | None:
        """Where the reply to a prompt ends in a text; None where the text does not go on so."""
        if self._reply is None or not text.startswith(prompt):
            return None
        return self._reply.end_in(text, len(prompt), content)

    def _said(self, content: str, hidden: Hidden, before: Sequence[int]) -> list[int]:
        """The tokens of a reply; none where it says nothing."""
        if not content or self._reply is None:
            return []
        return self._tokens.reply(self._reply.said(content), hidden, before[-1] if before else None)

    def _between(self, closing: int | None, text: str, hidden: Hidden) -> list[int]:
        return self._tokens.whole(text, hidden) if closing is None else self._tokens.behind(closing, text, hidden)

    def _rendered(self, messages: Messages, *, asks: bool) -> str:
        try:
            return self._render(messages, asks=asks)
        except Exception as error:  # noqa: BLE001 - templates raise what they like
            failure = UsageError(f"{self._spec}: its chat template refuses the messages: {first_line(error)}")
        raise failure

    def _parting(self, number: int) -> UsageError:
        return UsageError(
            f"{self._spec}: its chat template writes the conversation up to message {number + 1} (the assistant's) "
            "otherwise than the prompt that asks for that message, so what is learnt would not be what is read; put "
            "one into its folder that does not, as chat_template.jinja (the trl package has some: *_training.jinja)"
        )

    def _measure(self) -> tuple[int, int]:
        """What is added to each message beyond MESSAGE_OVERHEAD, and once to a prompt; both on the high side."""
        each, once = 0, 0
        for content in _PROBES:
            own = len(self._tokens.whole(content, Hidden([], 0, {})))
            lengths = [len(self.encode(dialogue(*[content] * count))) - count * own for count in (2, 4, 6)]
            each = max(each, *(-(-(after - before) // 2) for before, after in pairwise(lengths)))
            once = max(once, lengths[0])
        each = max(each, MESSAGE_OVERHEAD)
        return each - MESSAGE_OVERHEAD, max(0, once - 2 * each)
