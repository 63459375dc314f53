"""ScriptedChat: a model that says what it was given to say. For tests, and for seats with fixed lines.

    model = ScriptedChat(replies=["Good evening.", "Good night."])
    await model.complete([{"role": "user", "content": "Hello?"}])   # 'Good evening.'
    model.requests                                                  # [[{'role': 'user', 'content': 'Hello?'}]]

Which line comes next follows from the call alone (its number, else the assistant messages in the prompt), so one object
serves any number of dialogues at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from pydantic import Field, model_validator

from simworld.backends.backend import Messages
from simworld.backends.completion import Completion
from simworld.backends.messages import to_plain, to_result
from simworld.backends.sampling import CONTEXT_TOKENS, Sampling
from simworld.backends.script import read_script
from simworld.errors import OutOfLines, UsageError, unknown
from simworld.text.tokens import estimate

Replies = Annotated[
    list[str] | dict[str, list[str]] | Callable[[list[dict[str, str]]], str], Field(union_mode="left_to_right")
]


ANYONE = ""
"""In a mapping of seats, the lines for whoever asks."""


class ScriptedChat(BaseChatModel):
    """Replies from a list (each asker gets them in order), from a list for each seat, or from a function."""

    replies: Annotated[Replies, Field(repr=False)]
    """A list; seat id -> list; or a function of the messages."""
    repeat: bool = False
    """Begin again at the first line when the lines have run out."""
    label: str = "scripted"
    """What transcripts call it."""
    context_tokens: Annotated[int, Field(ge=256)] = CONTEXT_TOKENS
    """Tokens that prompt and reply may have together."""
    record: bool = True
    """Keep what was asked in `requests`."""
    requests: Annotated[list[list[dict[str, str]]], Field(exclude=True, repr=False)] = []
    """The messages of each call, oldest first."""

    @model_validator(mode="after")
    def _check_lines(self) -> Self:
        lists = self._lists()
        if lists is not None and not (lists and all(lists.values())):
            raise UsageError(f"{self.label} has no lines: give one or more replies (for each seat)")
        return self

    @property
    def spec(self) -> str:
        """What transcripts call it."""
        return self.label

    def count(self, text: str) -> int:
        """Tokens of `text`, estimated high."""
        return estimate(text)

    async def complete(
        self, messages: Messages, *, seed: int | None = None, seat: str = "", call: int | None = None
    ) -> Completion:
        """The next line for this seat and call. Raises OutOfLines when there is none left."""
        return self._answer([dict(message) for message in messages], seat, call)

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def _answer(self, messages: list[dict[str, str]], seat: str, call: int | None) -> Completion:
        if self.record:
            self.requests.append(messages)
        if callable(self.replies):
            return Completion(self._said(self.replies(messages)))
        own = sum(message["role"] == "assistant" for message in messages) if call is None else call
        return Completion(self._line(self._lines(seat), own, seat))

    def _said(self, text: Any) -> str:
        if isinstance(text, str):
            return text
        raise UsageError(f"the function behind {self.label} gave {type(text).__name__}; it must return text")

    def _lists(self) -> Mapping[str, list[str]] | None:
        """Seat -> lines, `''` for whoever asks; None where a function speaks."""
        if callable(self.replies):
            return None
        return self.replies if isinstance(self.replies, dict) else {ANYONE: self.replies}

    def _lines(self, seat: str) -> list[str]:
        lists = self._lists() or {}
        if ANYONE in lists:
            return lists[ANYONE]
        if seat not in lists:
            raise unknown("seat", seat, lists, f"{self.label} has lines for these seats only")
        return lists[seat]

    def _line(self, lines: list[str], number: int, seat: str) -> str:
        if self.repeat:
            return lines[number % len(lines)]
        if number >= len(lines):
            who = f" for seat '{seat}'" if seat else ""
            raise OutOfLines(f"{self.label} has {len(lines)} line{'s' * (len(lines) > 1)}{who}, and all are said")
        return lines[number]

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return to_result(self._answer(to_plain(messages), kwargs.get("seat", ""), kwargs.get("call")), self.label)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, **kwargs)

    @property
    def _llm_type(self) -> str:
        return "simworld-scripted"


def open_scripted(name: str, options: Sampling) -> ScriptedChat:
    """The backend `scripted:FILE`; it keeps no record of what it is asked. Raises UsageError for an unusable file."""
    return ScriptedChat(
        replies=read_script(Path(name)), label=f"scripted:{name}", context_tokens=options.context_tokens, record=False
    )
