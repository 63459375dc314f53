"""Render: messages -> text, by a chat template that has been tried out.

    render = Render(tokenizer, "local:/models/seven")
    render(messages, asks=True)      # ready for the reply
    render.reply                     # how the template writes what the assistant says

A template that takes no system message gets that text at the head of the first user message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simworld.checkpoint.control import Controls, Messages
from simworld.errors import UsageError

FIXED = {"enable_thinking": False, "date_string": "26 Jul 2024"}
"""What templates may ask for: no reasoning before the reply; a date that does not change from day to day."""
_SYSTEM, _ASKED, _SAID, _AGAIN, _LAST = "Sys7 text", "Ask7 text", "Say7 text", "End7 text", "Too7 text"
_TRIMS: tuple[Callable[[str], str], ...] = (str, str.strip, str.lstrip, str.rstrip)


@dataclass(frozen=True, slots=True)
class Reply:
    """How a template writes what the assistant says, behind the prompt that asked for it."""

    before: str
    """Between the prompt and the content."""
    trim: Callable[[str], str]
    """What the template makes of a content."""
    after: str
    """Between the content and the token that closes it."""
    closing: int | None
    """That token; None where the template writes none."""
    closes: str
    """That token's string; empty where the template writes none."""

    def said(self, content: str) -> str:
        """A content with what the template writes around it."""
        return f"{self.before}{self.trim(content)}{self.after}"

    def end_in(self, text: str, start: int, content: str) -> int | None:
        """Where a reply ends that begins at `start` of a rendered text, its closing token included; None where the
        template has written something else there."""
        said = self.said(content)
        if text.startswith(said + self.closes, start):
            return start + len(said) + len(self.closes)
        # some write no closing token behind the last message
        return len(text) if text[start:] in (said, said.removesuffix(self.after)) else None


class Render:
    """A tokenizer's chat template."""

    def __init__(self, tokenizer: Any, spec: str) -> None:
        """Raises UsageError where there is no template, or where it cannot say what a dialogue needs."""
        if not tokenizer.chat_template:
            raise UsageError(
                f"{spec} has no chat template (is it a base model?); give an instruct checkpoint, or put its template "
                "into the folder as chat_template.jinja"
            )
        self._tokenizer = tokenizer
        self.folds = False
        """Whether the system text goes into the first user message."""
        if self._fault():
            self.folds = True
            if still := self._fault():
                raise UsageError(f"{spec}: its chat template cannot be used: {still}")
        self.source = f"{tokenizer.chat_template}\n{self(dialogue(_SYSTEM, _ASKED, _SAID, _AGAIN), asks=True)}"
        """What the template is made of and writes."""

    def __call__(self, messages: Messages, *, asks: bool) -> str:
        """The text; `asks`: with what stands before the next reply. Raises what the template raises."""
        told = [{"role": message["role"], "content": message["content"]} for message in messages]
        if self.folds:
            told = _folded(told)
        return self._tokenizer.apply_chat_template(told, tokenize=False, add_generation_prompt=asks, **FIXED)

    def reply(self, controls: Controls) -> Reply | None:
        """How it writes what the assistant says; None where that does not follow on the prompt that asked for it."""
        talk = dialogue(_SYSTEM, _ASKED, _SAID, _AGAIN, _LAST, _AGAIN)
        text = self(talk, asks=True)
        for own, content in ((2, _SAID), (4, _LAST)):
            prompt = self(talk[:own], asks=True)
            before, _, behind = text[len(prompt) :].partition(content)
            if not text.startswith(prompt) or not behind or before.strip():
                return None
        return self._behind(controls, before, behind, self._trim())

    def _trim(self) -> Callable[[str], str]:
        padded = f" \n {_SAID} \n "
        text = self(dialogue(_SYSTEM, _ASKED, padded, _AGAIN), asks=True)
        return next((trim for trim in _TRIMS if trim(padded) in text), str)

    def _behind(self, controls: Controls, before: str, behind: str, trim: Callable[[str], str]) -> Reply:
        """`behind`: what stands between a reply and the end of a prompt that came later."""
        last = self(dialogue(_SYSTEM, _ASKED, _SAID), asks=False).rpartition(_SAID)[2]
        found = controls.find(behind)
        if not found or behind[: found.start()].strip():
            return Reply(before, trim, "", None, "")
        # what opens the next message closes nothing; but some write no eos token behind the last one
        if not last.startswith(behind[: found.end()]) and found[0] != self._tokenizer.eos_token:
            return Reply(before, trim, "", None, "")
        return Reply(before, trim, behind[: found.start()], controls.ids[found[0]], found[0])

    def _fault(self) -> str:
        """What is wrong with the template as it is used now; '' where nothing is."""
        try:
            text = self(dialogue(_SYSTEM, _ASKED, _SAID, _AGAIN), asks=True)
        except Exception as error:  # noqa: BLE001 - templates raise what they like
            return f"{type(error).__name__}: {first_line(error)}"
        told = {"system": _SYSTEM, "user": _ASKED, "assistant": _SAID, "last user": _AGAIN}
        lost = [role for role, content in told.items() if content not in text]
        return f"it drops the {lost[0]} message" if lost else ""


def dialogue(*contents: str) -> list[dict[str, str]]:
    """A system message, then user and assistant in turn."""
    roles = ["system", *(("user", "assistant")[at % 2] for at in range(len(contents) - 1))]
    return [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]


def first_line(error: Exception) -> str:
    """What an error says, without its further lines."""
    return next(iter(str(error).splitlines()), "")


def _folded(messages: Sequence[dict[str, str]]) -> Sequence[dict[str, str]]:
    """Without a system message: its text stands at the head of the first user message, or makes one."""
    if not messages or messages[0]["role"] != "system":
        return messages
    system, *rest = messages
    if rest and rest[0]["role"] == "user":
        first = {"role": "user", "content": f"{system['content']}\n\n{rest[0]['content']}"}
        return [first, *rest[1:]]
    return [{"role": "user", "content": system["content"]}, *rest]
