"""Template: messages -> tokens, by the checkpoint's own chat template; and what the template adds to them.

    template = Template(tokenizer, "local:/models/seven")
    template.encode(messages)        # token ids, ready for the reply
    template.count("Good evening.")  # with what the template adds to a message beyond MESSAGE_OVERHEAD
    template.fixed                   # tokens that it adds once to every prompt
    template.ends                    # tokens that end a turn

A template that takes no system message gets that text at the head of the first user message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from simworld.errors import BackendError, UsageError
from simworld.text.tokens import MESSAGE_OVERHEAD

Messages = Sequence[Mapping[str, str]]
"""`{"role": "system" | "user" | "assistant", "content": str}`, in order."""
FIXED = {"enable_thinking": False, "date_string": "26 Jul 2024"}
"""What templates may ask for: no reasoning before the reply; a date that does not change from day to day."""
_SYSTEM, _ASKED, _SAID, _AGAIN = "Sys7 text", "Ask7 text", "Say7 text", "End7 text"
_PROBES = ("Good evening.", "x", " x", "\nx\n", "7", "")
"""Contents by which the template's additions are measured: a neighbour may merge with what begins or ends otherwise."""


class Template:
    """A chat template that has been tried out."""

    def __init__(self, tokenizer: Any, spec: str) -> None:
        """Raises UsageError where there is no template, or where it cannot say what a dialogue needs."""
        if not tokenizer.chat_template:
            raise UsageError(
                f"{spec} has no chat template (is it a base model?); give an instruct checkpoint, or put its template "
                "into the folder as chat_template.jinja"
            )
        self._tokenizer = tokenizer
        self._spec = spec
        self.folds = False
        """Whether the system text goes into the first user message."""
        self._try_out()
        self.ends = frozenset(self._find_ends())
        self._extra, self.fixed = self._measure()

    def encode(self, messages: Messages) -> list[int]:
        """The prompt's tokens. Raises BackendError where the template refuses the messages."""
        try:
            text = self._render(messages)
        except Exception as error:  # noqa: BLE001 - templates raise what they like
            failure = BackendError(f"{self._spec}: its chat template refuses the messages: {_first_line(error)}")
        else:
            return self._tokens(text)
        raise failure

    def count(self, text: str) -> int:
        """Tokens of a message with this content, but for MESSAGE_OVERHEAD, which whoever counts messages adds."""
        return len(self._tokens(text)) + self._extra

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of a reply, without special tokens."""
        return self._tokenizer.decode(tokens, skip_special_tokens=True)

    def _tokens(self, text: str) -> list[int]:
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]

    def _render(self, messages: Messages, *, asks: bool = True) -> str:
        told = [{"role": message["role"], "content": message["content"]} for message in messages]
        if self.folds:
            told = _folded(told)
        return self._tokenizer.apply_chat_template(told, tokenize=False, add_generation_prompt=asks, **FIXED)

    def _try_out(self) -> None:
        wrong = self._fault()
        if wrong:
            self.folds = True
            if still := self._fault():
                raise UsageError(f"{self._spec}: its chat template cannot be used: {still}")

    def _fault(self) -> str:
        """What is wrong with the template as it is used now; '' where nothing is."""
        try:
            text = self._render(_dialogue(_SYSTEM, _ASKED, _SAID, _AGAIN))
        except Exception as error:  # noqa: BLE001 - templates raise what they like
            return f"{type(error).__name__}: {_first_line(error)}"
        told = {"system": _SYSTEM, "user": _ASKED, "assistant": _SAID, "last user": _AGAIN}
        lost = [role for role, content in told.items() if content not in text]
        return f"it drops the {lost[0]} message" if lost else ""

    def _find_ends(self) -> list[int]:
        """The end-of-sequence token, and the special token that the template puts behind what the assistant said."""
        ends = [self._tokenizer.eos_token_id] if self._tokenizer.eos_token_id is not None else []
        text = self._render(_dialogue(_SYSTEM, _ASKED, _SAID)[:3], asks=False)
        behind = self._tokens(text.rpartition(_SAID)[2])
        special = set(self._tokenizer.all_special_ids)
        special |= {id for id, token in self._tokenizer.added_tokens_decoder.items() if token.special}
        return [*ends, *(behind[:1] if behind[:1] and behind[0] in special else [])]

    def _measure(self) -> tuple[int, int]:
        """What is added to each message beyond MESSAGE_OVERHEAD, and once to a prompt; both on the high side."""
        each, once = 0, 0
        for content in _PROBES:
            own = len(self._tokens(content))
            lengths = [len(self.encode(_dialogue(*[content] * count))) - count * own for count in (2, 4, 6)]
            each = max(each, *(-(-(after - before) // 2) for before, after in pairwise(lengths)))
            once = max(once, lengths[0])
        each = max(each, MESSAGE_OVERHEAD)
        return each - MESSAGE_OVERHEAD, max(0, once - 2 * each)


def _dialogue(*contents: str) -> list[dict[str, str]]:
    """A system message, then user and assistant in turn."""
    roles = ["system", *(("user", "assistant")[at % 2] for at in range(len(contents) - 1))]
    return [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]


def _folded(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """Without a system message: its text stands at the head of the first user message, or makes one."""
    if not messages or messages[0]["role"] != "system":
        return messages
    system, *rest = messages
    if rest and rest[0]["role"] == "user":
        first = {"role": "user", "content": f"{system['content']}\n\n{rest[0]['content']}"}
        return [first, *rest[1:]]
    return [{"role": "user", "content": system["content"]}, *rest]


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")
