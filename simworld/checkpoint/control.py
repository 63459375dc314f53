"""Control tokens: the strings that a tokenizer and its chat template use as marks, and contents kept from them.

    controls = Controls(tokenizer, source)      # source: what the template is made of
    hidden = controls.hide(messages)            # a content's "<|im_end|>" is one character in hidden.messages
    hidden.show(text)                           # a rendered text with those contents as they were

A template never sees the strings in a content, so it can take none for its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

Messages = Sequence[Mapping[str, str]]
"""`{"role": "system" | "user" | "assistant", "content": str}`, in order."""

END_OF_CONVERSATION = "<|endconversation|>"
"""The token that closes a turn and with it the conversation."""
_PLANES = (0xF0000, 0x100000)
"""Private-use characters that stand for what is hidden; the second plane where a content holds one of the first."""
_REMEMBERED = 8192
"""Contents of which it is remembered what must be hidden: the same ones come at every turn."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Messages whose contents hold no control string any more."""

    messages: list[dict[str, str]]
    plane: int
    """Where the characters begin that stand for what was hidden."""
    marks: Mapping[str, str]
    """Such a character -> what it stands for."""

    def show(self, text: str) -> str:
        """A text with what was hidden in it."""
        return text.translate({ord(mark): told for mark, told in self.marks.items()}) if self.marks else text

    def is_in(self, text: str) -> bool:
        """Whether something is hidden in this text."""
        return any(mark in text for mark in self.marks)


class Controls:
    """The control tokens of a tokenizer: all special ones, and the plain added ones that its template writes."""

    def __init__(self, tokenizer: Any, source: str) -> None:
        added: dict[int, Any] = tokenizer.added_tokens_decoder
        used = {id: token for id, token in added.items() if token.special or _is_written(token.content, source)}
        self.ids: dict[str, int] = {token.content: id for id, token in used.items() if token.content}
        """String -> token."""
        for text, id in zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True):
            if text:
                self.ids.setdefault(text, id)
        self.names: dict[int, str] = {id: text for text, id in self.ids.items()}
        """Token -> string."""
        self.strict = frozenset(self.names) - {tokenizer.unk_token_id}
        """Tokens that no content may become; any text may become the one for what is unknown."""
        self._left = frozenset(token.content for token in used.values() if token.lstrip)
        self._right = frozenset(token.content for token in used.values() if token.rstrip)
        self._any = _any_of(self.ids)
        self._held = lru_cache(_REMEMBERED)(self._find_held)

    def find(self, text: str) -> re.Match[str] | None:
        """The first control string."""
        return self._any.search(text)

    def escape(self, text: str) -> str:
        """The text with a backslash before each control string."""
        return self._any.sub(r"\\\g<0>", text)

    def tokens(self, text: str) -> list[int]:
        """The control tokens of a rendered text, in order."""
        return [id for match in self._any.findall(text) if (id := self.ids[match]) in self.strict]

    def split(self, text: str) -> list[str | int]:
        """A rendered text as its control tokens and what stands between them."""
        parts: list[str | int] = []
        start = 0
        for match in self._any.finditer(text):
            before = text[start : match.start()]
            parts += [before.rstrip() if match[0] in self._left else before, self.ids[match[0]]]
            start = match.end()
            if match[0] in self._right:
                start += len(text[start:]) - len(text[start:].lstrip())
        return [part for part in [*parts, text[start:]] if part != ""]

    def hide(self, messages: Messages) -> Hidden:
        """The messages with each control string in a content, and what at its edge could become one together with the
        template's text, replaced by one character that stands nowhere else."""
        told = [{"role": message["role"], "content": message["content"]} for message in messages]
        held = [self._held(message["content"]) for message in told]
        if not any(held):
            return Hidden(told, _PLANES[0], {})
        plane = _free_plane(message["content"] for message in told)
        marks: dict[str, str] = {}
        for message, spans in zip(told, held, strict=True):
            content, parts, at = message["content"], list[str](), 0
            for start, stop in spans:
                mark = chr(plane + self._numbers[content[start:stop]])
                marks[mark] = content[start:stop]
                parts += [content[at:start], mark]
                at = stop
            message["content"] = "".join([*parts, content[at:]])
        return Hidden(told, plane, marks)

    def _find_held(self, content: str) -> list[tuple[int, int]]:
        """Where a content holds what must be hidden."""
        spans = [match.span() for match in self._any.finditer(content)]
        start, stop = len(content) - len(content.lstrip()), len(content.rstrip())
        free_from, free_to = (spans[0][0], spans[-1][1]) if spans else (stop, start)
        for size in range(min(self._longest, stop - free_to, stop - start), 0, -1):
            if content[stop - size : stop] in self._begun:
                spans.append((stop - size, stop))
                free_from = min(free_from, stop - size)
                break
        for size in range(min(self._longest, free_from - start), 0, -1):
            if content[start : start + size] in self._ended:
                return [(start, start + size), *spans]
        return spans

    @cached_property
    def _longest(self) -> int:
        return max((len(text) for text in self.ids), default=1) - 1

    @cached_property
    def _begun(self) -> frozenset[str]:
        """What a control string may begin with."""
        return frozenset(text[:size] for text in self.ids for size in range(1, len(text)))

    @cached_property
    def _ended(self) -> frozenset[str]:
        """What a control string may end with."""
        return frozenset(text[size:] for text in self.ids for size in range(1, len(text)))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """What may be hidden -> its number."""
        return {text: number for number, text in enumerate(sorted({*self.ids, *self._begun, *self._ended}))}


def _any_of(texts: Collection[str]) -> re.Pattern[str]:
    if not texts:
        return re.compile(r"(?!)")
    longest_first = sorted(texts, key=len, reverse=True)
    firsts = "".join(sorted({re.escape(text[0]) for text in texts}))
    return re.compile(f"(?=[{firsts}])(?:{'|'.join(map(re.escape, longest_first))})")


def _is_written(text: str, source: str) -> bool:
    return bool(text.strip()) and text in source


def _free_plane(contents: Iterable[str]) -> int:
    """The first plane of which no content holds a character; where all are in use, the one used last is taken."""
    used = {ord(character) & 0xFF0000 for content in contents for character in content if ord(character) >= _PLANES[0]}
    return next((plane for plane in _PLANES if plane not in used), _PLANES[-1])
