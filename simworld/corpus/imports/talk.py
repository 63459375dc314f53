"""Talk: a conversation of a person with an assistant as its source has it, whatever the form; and what is odd in it.

talks = Talks(Anomalies(WORDINGS))
talk = talks.talk(spoken, "chats.jsonl:3")      # None where it cannot be kept, and an anomaly says why
talk.said                                       # (("user", "Hi"), ("assistant", "Hello.")), byte for byte
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simworld.corpus.imports.report import Anomalies

USER, ASSISTANT, SYSTEM = "user", "assistant", "system"
WORDINGS = {
    "content_not_text": "conversations with a message that is not text (pictures, calls of tools), left out",
    "empty_message": "messages without text, left out",
    "key_left_out": "keys of messages that a turn has no field for, left out",
    "nothing_said": "conversations without a message, left out",
    "same_speaker": "messages that follow one of the same speaker; both are turns of one act",
    "several_systems": "conversations with more than one system message before the first turn; joined by a blank line",
    "starts_with_assistant": "conversations that the assistant opens",
    "system_inside": "conversations with a system message after the first turn, left out",
    "unknown_role": "conversations with a speaker who is neither user nor assistant, left out",
}
ROLES = {
    "messages": {"system": SYSTEM, "developer": SYSTEM, "user": USER, "assistant": ASSISTANT},
    "sharegpt": {
        "system": SYSTEM, "human": USER, "user": USER, "gpt": ASSISTANT, "assistant": ASSISTANT, "chatgpt": ASSISTANT,
        "bard": ASSISTANT, "bing": ASSISTANT, "claude": ASSISTANT, "model": ASSISTANT, "bot": ASSISTANT,
        "ai": ASSISTANT,
    },
    "oasst": {"prompter": USER, "user": USER, "assistant": ASSISTANT},
}  # fmt: skip
"""Form -> what the source calls a speaker -> who that is."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A conversation as read: who and what, still in the source's own words for who."""

    said: Sequence[tuple[str, object]]
    """Role and content; content is text, or a list of parts."""
    roles: Mapping[str, str]
    """The source's roles, small letters -> `user`, `assistant` or `system`."""
    system: str | None = None
    rest: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The other keys of its row."""
    extra: Sequence[str] = ()
    """Keys of its messages that no turn has a field for."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation that can be kept. The text of each turn is byte for byte that of the source, and never blank."""

    said: tuple[tuple[str, str], ...]
    """Seat (`user` or `assistant`) and text."""
    system: str | None
    """What the assistant was told; None where the source has no such message."""
    rest: Mapping[str, Any]
    where: str


class Talks:
    """Makes talks of what is read and counts what is odd in it."""

    def __init__(self, anomalies: Anomalies) -> None:
        self._anomalies = anomalies

    def talk(self, spoken: Spoken, where: str) -> Talk | None:
        """The conversation as it was; None where it cannot be kept."""
        readable = self._readable(spoken, where)
        if readable is None:
            return None
        systems = [text for role, text in readable if role == SYSTEM]
        said = tuple(self._not_blank([one for one in readable if one[0] != SYSTEM], where))
        if not said:
            self._anomalies.note("nothing_said", where)
            return None
        if len(systems) > 1:
            self._anomalies.note("several_systems", where)
        if said[0][0] == ASSISTANT:
            self._anomalies.note("starts_with_assistant", where)
        return Talk(said, "\n\n".join(systems) if systems else None, spoken.rest, where)

    def _readable(self, spoken: Spoken, where: str) -> list[tuple[str, str]] | None:
        """Role and text of each message; None where one of them can be no turn."""
        said = [(SYSTEM, spoken.system)] if spoken.system else []
        for name, content in spoken.said:
            role, text = spoken.roles.get(name.lower()), text_of(content)
            odd = "unknown_role" if role is None else "content_not_text" if text is None else ""
            if role == SYSTEM and any(before != SYSTEM for before, _ in said):
                odd = "system_inside"
            if odd or role is None or text is None:
                self._anomalies.note(odd, f"{where} {name[:40]!r}")
                return None
            said.append((role, text))
        for key in spoken.extra:
            self._anomalies.note("key_left_out", f"{where} {key[:40]!r}")
        return said

    def _not_blank(self, said: Sequence[tuple[str, str]], where: str) -> Iterator[tuple[str, str]]:
        last = ""
        for seat, text in said:
            if not text.strip():
                self._anomalies.note("empty_message", where)
                continue
            if seat == last:
                self._anomalies.note("same_speaker", where)
            yield seat, text
            last = seat


def text_of(content: object) -> str | None:
    """The text of a message's content; None where it holds something else (pictures, calls of tools, nothing)."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        return None
    parts: list[str] = []
    for part in content:  # pyright: ignore[reportUnknownVariableType]
        text: object = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None  # pyright: ignore
        if not isinstance(text, str):
            return None
        parts.append(text)
    return "\n".join(parts)
